//! `obhut sources parked`.

use serde_json::json;

use super::{ALLOWED, add, fake, text};
use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::vendors::shopware::{email, id};

in_a_house_on_both_databases!(what_could_not_be_taken_in_is_listed_by_id,);

fn what_could_not_be_taken_in_is_listed_by_id(database: Database) {
    let mut house = House::open(database);
    let shop = fake(4);
    house.keep_secret(&email(2));
    assert!(add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED).status.success());
    let nothing = house.run(&["sources", "parked", "shop"]);
    assert!(text(&nothing).contains("nothing of it is put aside"), "{}", text(&nothing));
    let customer = id("customer", 2);
    let old = "2026-01-01T00:00:00.000+00:00";
    shop.with(|shop| shop.change("customer", &customer, old, "email", json!(null)));
    assert!(house.run(&["sources", "sync", "shop"]).status.success());
    let told = text(&house.run(&["sources", "parked", "shop"]));
    let lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1, "{told}");
    for part in [" customers ", customer.as_str(), "the customer has no e-mail"] {
        assert!(lines[0].contains(part), "{part}: {told}");
    }
    let unknown = house.run(&["sources", "parked", "nowhere"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown).contains("there is no source `nowhere`"), "{}", text(&unknown));
}
