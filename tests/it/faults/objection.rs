//! Who objected to being matched is taken apart, whatever happens between their word and the end.

use std::thread::{self, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::audit_line::Shelving;
use super::load::eventually;
use crate::databases::Database;
use crate::hammer::{figure, is_full, name, times};
use crate::house::{House, in_a_house_on_both_databases, text};

/// Whose mailbox it is.
const MAIL: &str = "anna@example.org";

/// One of the records of one person, each at a source of its own.
fn of_anna(mail: &str, source: &str, id: usize) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id.to_string(), "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [{"kind": "email", "value": mail, "verified": true},
            {"kind": "account", "value": format!("a-{id}"), "verified": false}],
        "data": {"person": {"given_name": "Anna", "family_name": "Zwirnlechner"}},
    })
}

fn objection(mail: &str) -> Value {
    json!({"identifier": {"kind": "email", "value": mail}, "act": "objected", "method": "written",
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
        house.ingest(&[of_anna(MAIL, source, at)]).expect_all("created");
    }
    assert_eq!(people(&house), before + 1);
    let said = objection(MAIL);
    shelf.fail(&house);
    house.post(Role::Dpo, "/v1/consents", &said);
    house.kill();
    assert_eq!((people(&house), left(&house)), (before + 1, 1), "it was said, and they are still one");
    shelf.repair(&house);
    house.start();
    eventually("they are apart", || people(&house) == before + 2);
    eventually("nothing is left to do", || left(&house) == 0);
}

/// What the access package of somebody calls their records.
fn told(house: &House, who: &Value) -> Vec<String> {
    let demand = json!({"right": "access", "subject_id": who, "execute": true});
    let package = house.post(Role::Dpo, "/v1/requests", &demand).expect(201);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(package.body)).unwrap();
    let data = std::io::read_to_string(zip.by_name("data.json").unwrap()).unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    let records = data["records"].as_array().unwrap().iter();
    records.map(|record| text(&record["external_id"])).collect()
}

/// Records of each person.
const EACH: usize = 20;

/// Killed at any moment while somebody is taken apart, they are one person or all that they come to, and in the end the latter.
/// Each round is of a person of its own, so that there is somebody to take apart.
fn killed_at_any_moment_somebody_is_whole_or_apart(database: Database) {
    let (of, rounds) = (name(&database), times("objections", 3, 20));
    let mut house = House::open(database);
    let records_of = |house: &House| house.database().count(Shelf::Records, "record WHERE kind = 1");
    let mut cut = 0;
    for round in 0..rounds {
        let mail = format!("anna-{round}@example.org");
        // No account twice: each record is somebody of its own afterwards.
        let records: Vec<Value> =
            (0..EACH).map(|at| of_anna(&mail, ["webshop", "books"][at % 2], EACH * round + at)).collect();
        let before = people(&house);
        house.ingest(&records).expect_all("created");
        let (all, whole) = (records_of(&house), people(&house));
        assert_eq!(whole, before + 1);
        let said = objection(&mail);
        let (url, key) = (format!("{}/v1/consents", house.address()), house.key(Role::Dpo).key.clone());
        let client = house.client();
        let call = thread::spawn(move || {
            drop(client.post(url).bearer_auth(key).json(&said).send());
        });
        // Whenever it is noted, and a little later each time.
        for _ in 0..500 {
            if left(&house) > 0 || people(&house) > whole {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(u64::try_from(3 * round % 20).unwrap()));
        house.kill();
        call.join().unwrap();
        assert_eq!(records_of(&house), all, "a record is gone");
        let now = people(&house);
        // What one source says of one mailbox stays one.
        assert!(now == whole || now == whole + 1, "somebody is in pieces: {whole} before, {now} now");
        let is_cut = left(&house) == 1;
        cut += usize::from(is_cut);
        house.start();
        if !is_cut && now == whole {
            // It died before it heard them.
            house.post(Role::Dpo, "/v1/consents", &objection(&mail));
        }
        eventually("they are apart", || people(&house) == whole + 1 && left(&house) == 0);
        assert_eq!(records_of(&house), all);
        // Each can be told all that is theirs, and together it is all there was of them, once.
        let named = house.post(Role::Dpo, "/v1/consents", &objection(&mail)).expect(200).json();
        let each: Vec<Vec<String>> =
            named["subject_ids"].as_array().unwrap().iter().map(|who| told(&house, who)).collect();
        assert_eq!(each.len(), 2, "{named}");
        let mut told: Vec<String> = each.concat();
        told.sort();
        let mut brought: Vec<String> = (EACH * round..EACH * (round + 1)).map(|id| id.to_string()).collect();
        brought.sort();
        assert_eq!((told, each[0].len()), (brought, EACH / 2));
    }
    // A few kills may all come too early or too late.
    assert!(cut > 0 || !is_full(), "no kill came between the word and the end");
    figure("faults, objection", of, "kills between an objection and its end", cut);
}

in_a_house_on_both_databases!(
    an_objection_is_carried_out_after_a_crash,
    killed_at_any_moment_somebody_is_whole_or_apart,
);
