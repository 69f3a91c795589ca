//! Who objected to being matched is taken apart, whatever happens between their word and the end.

use std::thread::{self, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::audit_line::Shelving;
use super::load::eventually;
use crate::databases::Database;
use crate::hammer::{figure, name, times};
use crate::house::{House, in_a_house_on_both_databases};

/// One of the records of one person, each at a source of its own.
fn of_anna(source: &str, id: usize) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id.to_string(), "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [{"kind": "email", "value": "anna@example.org", "verified": true},
            {"kind": "account", "value": format!("a-{id}"), "verified": false}],
        "data": {"person": {"given_name": "Anna", "family_name": "Zwirnlechner"}},
    })
}

fn objection() -> Value {
    json!({"identifier": {"kind": "email", "value": "anna@example.org"}, "act": "objected", "method": "written",
        "purpose": "identity_matching"})
}

fn people(house: &House) -> i64 {
    house.database().count(Shelf::Records, "subject WHERE state = 1")
}

fn left(house: &House) -> i64 {
    house.database().count(Shelf::Records, "unmatched")
}

/// The objection is durable, and the process dies before anybody is taken apart: nothing is without its line in the book, and no
/// line can be written. The next process finds what is left to do.
fn an_objection_is_carried_out_after_a_crash(database: Database) {
    let (shelf, mut house) = Shelving::open(database);
    let before = people(&house);
    for (at, source) in ["webshop", "books"].into_iter().enumerate() {
        house.ingest(&[of_anna(source, at)]).expect_all("created");
    }
    assert_eq!(people(&house), before + 1);
    let said = objection();
    shelf.fail(&house);
    house.post(Role::Dpo, "/v1/consents", &said);
    house.kill();
    assert_eq!((people(&house), left(&house)), (before + 1, 1), "it was said, and they are still one");
    shelf.repair(&house);
    house.start();
    eventually("they are apart", || people(&house) == before + 2);
    eventually("nothing is left to do", || left(&house) == 0);
}

/// Killed at any moment while somebody is taken apart, they are one person or all that they come to, and in the end the latter.
fn killed_at_any_moment_somebody_is_whole_or_apart(database: Database) {
    let (of, rounds) = (name(&database), times("objections", 2, 20));
    let mut house = House::open(database);
    for round in 0..rounds {
        let records: Vec<Value> = (0..60).map(|at| of_anna(["webshop", "books"][at % 2], 100 * round + at)).collect();
        house.ingest(&records).expect_all("created");
    }
    let rounds_of = |house: &House| house.database().count(Shelf::Records, "record WHERE kind = 1");
    let (all, before) = (rounds_of(&house), people(&house));
    for round in 0..rounds {
        let said = json!({"identifier": {"kind": "email", "value": "anna@example.org"}, "act": "objected",
            "purpose": "identity_matching", "method": "written", "evidence": {"letter": round}});
        let (url, key) = (format!("{}/v1/consents", house.address()), house.key(Role::Dpo).key.clone());
        let client = house.client();
        let call = thread::spawn(move || {
            drop(client.post(url).bearer_auth(key).json(&said).send());
        });
        sleep(Duration::from_millis(u64::try_from(7 * round % 40).unwrap()));
        house.kill();
        call.join().unwrap();
        assert_eq!(rounds_of(&house), all, "a record is gone");
        let now = people(&house);
        assert!(now == before || now == before + 1, "somebody is in pieces: {before} before, {now} now");
        house.start();
    }
    let said = objection();
    house.post(Role::Dpo, "/v1/consents", &said);
    eventually("they are apart", || people(&house) == before + 1 && left(&house) == 0);
    assert_eq!(rounds_of(&house), all);
    figure("faults, objection", of, "kills while somebody is taken apart", rounds);
}

in_a_house_on_both_databases!(
    an_objection_is_carried_out_after_a_crash,
    killed_at_any_moment_somebody_is_whole_or_apart,
);
