//! Whose account at a vendor credentials are for.

use std::process::Output;
use std::sync::Arc;

use obhut::types::SystemClock;

use super::{ALLOWED, text};
use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::vendors::Fake;
use crate::vendors::lexware::Books;

in_a_house_on_both_databases!(credentials_of_another_account_are_noticed,);

fn credentials_of_another_account_are_noticed(database: Database) {
    let mut house = House::open(database);
    let books = Fake::serve(Books::with_people(2, 100), Arc::new(SystemClock));
    house.keep_secret("a-key-of-lexware");
    let file = house.home().join("key.txt");
    std::fs::write(&file, "a-key-of-lexware\n").unwrap();
    let (secret, via) = (format!("api_key={}", file.display()), format!("https://api.lexware.io={}", books.address()));
    let fixed =
        ["sources", "add", "lexware", "--code", "ledger", "--every", "0", "--secret-file", &secret, "--via", &via];
    let add = |more: &[&str]| house.run(&[&fixed[..], ALLOWED, more].concat());
    let set = |more: &[&str]| house.run(&[&["sources", "set", "ledger", "--secret-file", &secret], more].concat());
    let fails = |output: Output| {
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        for part in ["of another account at the vendor", "--another-account"] {
            assert!(text(&output).contains(part), "{part}: {}", text(&output));
        }
    };
    let works = |output: Output| assert!(output.status.success(), "{}", text(&output));
    works(add(&["--untested"]));
    // What was not tried is known from the first test on.
    works(house.run(&["sources", "test", "ledger"]));
    works(house.run(&["sources", "sync", "ledger"]));
    works(set(&[]));
    let first = books.with(|books| std::mem::replace(&mut books.organization, "b0000000-another".to_owned()));
    fails(house.run(&["sources", "test", "ledger"]));
    fails(set(&[]));
    fails(add(&[]));
    // What was refused changed nothing.
    books.with(|books| books.organization.clone_from(&first));
    works(house.run(&["sources", "test", "ledger"]));
    books.with(|books| books.organization = "b0000000-another".to_owned());
    works(set(&["--another-account"]));
    works(house.run(&["sources", "test", "ledger"]));
    books.with(|books| books.organization = first);
    fails(house.run(&["sources", "test", "ledger"]));
    works(add(&["--another-account"]));
}
