//! What a shared value had joined is taken apart, whatever happens between the moment that shows it and the end.

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::audit_line::Shelving;
use super::load::eventually;
use crate::databases::Database;
use crate::hammer::{figure, name, times};
use crate::house::{House, in_a_house_on_both_databases};

/// Somebody of this family at the one mailbox all have; the given names could be misspelt, and say no more.
fn of_family((given, family): (&str, &str)) -> Value {
    json!({
        "type": "customer", "source": "webshop", "external_id": family, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [{"kind": "email", "value": "zuhause7@example.org", "verified": true}],
        "data": {"person": {"given_name": given, "family_name": family}},
    })
}

fn people(house: &House) -> i64 {
    house.database().count(Shelf::Records, "subject WHERE state = 1")
}

/// The fourth family is stored, and the process dies before the first three are told apart: nothing is taken apart without
/// its line in the book, and no line can be written. The next process finds what is left to do.
fn a_crash_in_between_leaves_nobody_joined(database: Database) {
    let (of, rounds) = (name(&database), times("take_backs", 1, 20));
    let others: Vec<Database> = (1..rounds).map(|_| database.another()).collect();
    std::iter::once(database).chain(others).for_each(crashed);
    figure("faults, take back", of, "crashes between joining and taking apart", rounds);
}

fn crashed(database: Database) {
    let (shelf, mut house) = Shelving::open(database);
    let before = people(&house);
    for family in [("Jan", "Adler"), ("Jon", "Bussard"), ("Jen", "Condor")] {
        house.ingest(&[of_family(family)]).expect_all("created");
    }
    assert_eq!(people(&house), before + 1);
    shelf.fail(&house);
    house.post(Role::Partner, "/v1/records", &json!({"records": [of_family(("Jin", "Dohle"))]}));
    house.kill();
    assert_eq!(people(&house), before + 2, "the fourth is there, and the other three are still one");
    assert_eq!(house.database().count(Shelf::Records, "loose"), 1);
    shelf.repair(&house);
    house.start();
    eventually("all four are apart", || people(&house) == before + 4);
    eventually("nothing is left to do", || house.database().count(Shelf::Records, "loose") == 0);
}

in_a_house_on_both_databases!(a_crash_in_between_leaves_nobody_joined);
