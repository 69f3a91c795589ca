//! Grouping everything anew takes nobody apart who is one, gives whoever leaves all that is theirs, and leaves alone what
//! somebody decided.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use obhut::graph::matching::Model;
use obhut::store::Shelf;
use obhut::store::rows::IdentifierRow;
use obhut::types::Role;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::graph::{readable, state};
use crate::house::{House, in_a_house_on_both_databases, text};

fn people(house: &House) -> i64 {
    house.database().count(Shelf::Records, "subject WHERE state = 1")
}

fn graph(house: &House, arguments: &[&str]) -> String {
    let run = house.run(&[&["graph"], arguments].concat());
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn whose(house: &House, id: &str) -> String {
    let table = graph(house, &["assignments"]);
    let line = table.lines().find(|line| line.contains(&format!(",{id},"))).map(ToOwned::to_owned);
    line.unwrap_or_else(|| panic!("{id} is gone: {table}")).rsplit(',').next().unwrap().to_owned()
}

fn open_questions(house: &House) -> Vec<Value> {
    house.get(Role::Dpo, "/v1/reviews").expect(200).json()["reviews"].as_array().unwrap().clone()
}

/// A record with these identifiers: kind, value, whether it is verified.
fn record(kind: &str, source: &str, id: &str, identifiers: &[(&str, &str, bool)], data: Value) -> Value {
    let identifiers: Vec<Value> = identifiers
        .iter()
        .map(|(kind, value, verified)| json!({"kind": kind, "value": value, "verified": verified}))
        .collect();
    json!({"type": kind, "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": identifiers, "data": data})
}

fn named(source: &str, id: &str, identifiers: &[(&str, &str, bool)], (given, family): (&str, &str)) -> Value {
    record("customer", source, id, identifiers, json!({"person": {"given_name": given, "family_name": family}}))
}

fn event(source: &str, id: &str, identifiers: &[(&str, &str, bool)]) -> Value {
    record("event", source, id, identifiers, json!({"name": "page_view", "occurred_at": "2026-03-07T13:40:01Z"}))
}

/// Brings records in by the command line, which reads the model in force at once.
fn import(house: &House, records: &[Value]) {
    let arguments = ["import", "--quiet", "--no-resolve", "--format", "ndjson", "-"];
    let mut run = house.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    run.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(run.wait().unwrap().success());
}

/// Hundreds of orders and events under one account, and as many as a guest: every value of theirs leads to more records than
/// are compared with each other, and it stays one person, however often everything is grouped anew.
fn a_customer_of_hundreds_of_records_stays_one(database: Database) {
    let house = House::open(database);
    let (account, mail) = (("account", "kunde-1", true), ("email", "ottilie@example.org", false));
    let order = |id: &str, identifiers: &[(&str, &str, bool)]| {
        let data = json!({"number": id, "ordered_at": "2026-03-01T10:00:00Z", "status": "paid", "currency": "EUR",
            "total": "10.00", "person": {"given_name": "Ottilie", "family_name": "Zwirnlechner"}});
        record("order", "webshop", id, identifiers, data)
    };
    let mut records: Vec<Value> = Vec::new();
    for at in 0..200 {
        records.push(order(&format!("O-{at}"), &[account, mail]));
        records.push(event("webshop", &format!("E-{at}"), &[account]));
        records.push(order(&format!("G-{at}"), &[mail]));
    }
    for some in records.chunks(100) {
        house.ingest(some).expect_all("created");
    }
    assert_eq!(people(&house), 1);
    for _ in 0..2 {
        let told = graph(&house, &["resolve"]);
        assert!(told.contains("0 groups taken out, 0 people joined"), "{told}");
        assert_eq!(people(&house), 1);
    }
    house.ingest(&[order("O-last", &[account])]).expect_all("created");
    assert_eq!(people(&house), 1);
    assert_eq!(house.database().count(Shelf::Records, "loose"), 0, "the account joins nobody any more");
}

/// What comparing joined by one model and another takes apart again is as it was before, whatever else belongs to it:
/// visits nobody compares, a visitor who became a customer, consents, and what the other keeps.
fn taken_apart_anew_everything_goes_back_to_whom_it_came_for(database: Database) {
    readable(&database);
    let house = House::open(database);
    let strict = Model::shipped().named(1_001).to_toml().unwrap().replace("join = 4.0", "join = 60.0");
    house.database().execute(
        Shelf::Records,
        &format!("INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{strict}', 1, 2, 3, 0)"),
    );
    graph(&house, &["model", "--use", "1001"]);
    let ottilie = |source: &str, account: &str| {
        let mut record = named(source, account, &[("account", account, true)], ("Ottilie", "Zwirnlechner"));
        record["data"]["person"]["birth_date"] = "1971-03-09".into();
        record["data"]["addresses"] = json!([{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437",
            "city": "Berlin", "country": "DE"}]);
        record["consents"] = json!([{"purpose": "newsletter_email", "act": "denied", "at": "2026-03-01T10:00:00Z",
            "method": "portal"}]);
        record
    };
    let visit = |id: &str, visitor: &str| event("books", id, &[("anonymous_id", visitor, false)]);
    import(
        &house,
        &[
            ottilie("webshop", "a-1"),
            event("webshop", "seen-1", &[("anonymous_id", "visitor-15", false), ("account", "a-1", true)]),
            event("webshop", "seen-2", &[("anonymous_id", "visitor-15", false)]),
            ottilie("books", "b-2"),
            event("books", "in-1", &[("anonymous_id", "visitor-16", false), ("account", "b-2", true)]),
            visit("in-2", "visitor-16"),
            visit("new-1", "visitor-17"),
            event("books", "new-2", &[("anonymous_id", "visitor-17", false), ("account", "b-2", true)]),
            visit("new-3", "visitor-17"),
        ],
    );
    assert_eq!(people(&house), 2);
    let (before, whole_before) = (state(&house), whole(&house));
    graph(&house, &["model", "--use", "0"]);
    let told = graph(&house, &["resolve"]);
    assert!(told.contains("1 people joined"), "{told}");
    assert_eq!(people(&house), 1);
    graph(&house, &["model", "--use", "1001"]);
    let told = graph(&house, &["resolve"]);
    assert!(told.contains("1 groups taken out"), "{told}");
    assert_eq!(people(&house), 2);
    let after = state(&house);
    let missing: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    assert!(missing.is_empty(), "not as before: {missing:#?}");
    let more: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
    assert!(more.is_empty(), "more than before: {more:#?}");
    let whole_after = whole(&house);
    for (table, rows) in &whole_before {
        let is = &whole_after[table];
        let missing: Vec<_> = rows.iter().filter(|row| !is.contains(row)).collect();
        let more: Vec<_> = is.iter().filter(|row| !rows.contains(row)).collect();
        assert!(missing.is_empty() && more.is_empty(), "{table}: missing {missing:#?}, more {more:#?}");
    }
}

/// All that is stored beside the book, without what says of the hub what it did and which model weighs; of how frequent values are,
/// the sums.
fn whole(house: &House) -> BTreeMap<String, Vec<String>> {
    let mut all = house.database().tables(&[Shelf::Records, Shelf::Keys]);
    all.retain(|table, _| {
        let name = table.rsplit('.').next().unwrap();
        !["job", "model", "term", "review", "audit_head"].contains(&name)
    });
    let sums = "SELECT value_no || ': ' || SUM(held) AS answer FROM term GROUP BY value_no HAVING SUM(held) <> 0";
    let mut sums = house.database().texts(Shelf::Records, sums);
    sums.sort();
    all.insert("term".to_owned(), sums);
    // A question that is asked anew has another id and time.
    let asked = "SELECT one_no || ' ' || other_no || ' ' || weight || ' ' || state AS answer FROM review";
    all.insert("review".to_owned(), house.database().texts(Shelf::Records, asked));
    all
}

/// A question that would not be asked any more is taken back; one that somebody could not answer is not asked again.
fn questions_end_with_what_they_were_about(database: Database) {
    let house = House::open(database);
    let anna = ("Anna", "Schmidt");
    let mail = |name: &'static str| ("email", name, false);
    house.ingest(&[named("webshop", "one", &[], anna)]).expect_all("created");
    house.ingest(&[named("books", "two", &[mail("anna@example.org")], anna)]).expect_all("created");
    let id = text(&open_questions(&house)[0]["id"]);
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "unsure"})).expect(200);
    assert_eq!(open_questions(&house).len(), 0);
    house.ingest(&[named("books", "three", &[mail("anna@example.org")], anna)]).expect_all("created");
    assert_eq!((people(&house), open_questions(&house)), (2, Vec::new()), "asked again");
    graph(&house, &["resolve"]);
    assert_eq!((people(&house), open_questions(&house)), (2, Vec::new()), "asked again");

    let bernd = ("Bernd", "Schmidt");
    house.ingest(&[named("webshop", "four", &[], bernd)]).expect_all("created");
    house.ingest(&[named("books", "five", &[mail("bernd@example.org")], bernd)]).expect_all("created");
    assert_eq!(open_questions(&house).len(), 1);
    let mut newer = named("books", "five", &[mail("bernd@example.org")], ("Wendelin", "Spitzweg"));
    newer["updated_at"] = "2026-03-08T13:40:01Z".into();
    house.ingest(&[newer]).expect_all("updated");
    graph(&house, &["resolve"]);
    assert_eq!(open_questions(&house), Vec::<Value>::new(), "nothing speaks for it any more");
}

/// Who is marked as not the same as somebody is so for every part of them, whoever is taken out later.
fn a_mark_holds_for_whoever_is_taken_out_later(database: Database) {
    let house = House::open(database);
    let anna = ("Anna", "Schmidt");
    let mail = ("email", "anna@example.org", false);
    house.ingest(&[named("webshop", "one", &[], anna)]).expect_all("created");
    for id in ["two", "three"] {
        house.ingest(&[named("books", id, &[mail], anna)]).expect_all("created");
    }
    assert_eq!(people(&house), 2);
    let id = text(&open_questions(&house)[0]["id"]);
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "not_same"})).expect(200);
    assert_eq!(house.database().count(Shelf::Records, "apart"), 2);
    let person = whose(&house, "two");
    let told = house.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).expect(200).json();
    let number = told["records"].as_array().unwrap().iter().map(|record| record["record"].clone()).next_back();
    let split = json!({"records": [number.unwrap()]});
    house.post(Role::Dpo, &format!("/v1/subjects/{person}/split"), &split).expect(200);
    assert_eq!(people(&house), 3);
    // Each of the two that were one, with the third and with each other; each mark stands in both directions.
    assert_eq!(house.database().count(Shelf::Records, "apart"), 6);
}

/// Two living people whom a rule joins become one when everything is grouped anew.
fn what_a_rule_joins_is_joined_anew(database: Database) {
    let house = House::open(database);
    let phone = ("phone", "+49 171 2312514", false);
    house.ingest(&[named("webshop", "one", &[phone], ("Anna", "Weber"))]).expect_all("created");
    house.ingest(&[record("customer", "books", "two", &[phone], json!({"note": "called"}))]).expect_all("created");
    assert_eq!(people(&house), 2);
    let joins =
        format!("UPDATE identifier SET use_flags = use_flags + {}, behind = 0 WHERE kind = 2", IdentifierRow::JOINS);
    house.database().execute(Shelf::Records, &joins);
    let told = graph(&house, &["resolve"]);
    assert!(told.contains("1 people joined"), "{told}");
    assert_eq!(people(&house), 1);
    assert_eq!(house.database().count(Shelf::Records, "link WHERE rule = 4 AND merged_from IS NOT NULL"), 1);
}

/// Who objects to being matched is joined across sources by no mailbox and no name; what comes under their account at one
/// source is still theirs. It makes no difference who comes first.
fn who_objects_to_matching_stands_alone(database: Database) {
    let house = House::open(database);
    let anna = ("Anna", "Schmidt");
    let mail = ("email", "anna@example.org", true);
    let account = ("account", "a-1", true);
    house.ingest(&[named("webshop", "one", &[mail, account], anna)]).expect_all("created");
    let no = json!({"subject_id": whose(&house, "one"), "act": "objected", "method": "written", "purpose": "identity_matching"});
    house.post(Role::Dpo, "/v1/consents", &no).expect(201);
    house.ingest(&[named("books", "two", &[mail], anna)]).expect_all("created");
    assert_eq!(people(&house), 2, "joined by the mailbox all the same");
    house.ingest(&[named("webshop", "three", &[mail, account], anna)]).expect_all("created");
    assert_eq!(people(&house), 2);
    // The other way round, with a no that comes with the record.
    let bernd = ("Bernd", "Haberstroh");
    let mail = ("email", "bernd@example.org", true);
    house.ingest(&[named("books", "four", &[mail], bernd)]).expect_all("created");
    assert_eq!(people(&house), 3);
    let mut objecting = named("webshop", "five", &[mail], bernd);
    objecting["consents"] = json!([{"purpose": "identity_matching", "act": "objected", "at": "2026-03-01T10:00:00Z",
        "method": "portal"}]);
    house.ingest(&[objecting]).expect_all("created");
    assert_eq!(people(&house), 4, "joined by the mailbox all the same");
    // The other of the two is free: what comes for them is theirs.
    house.ingest(&[named("books", "six", &[mail], bernd)]).expect_all("created");
    assert_eq!(people(&house), 4);
    assert_eq!(whose(&house, "six"), whose(&house, "four"));
    graph(&house, &["resolve"]);
    assert_eq!(people(&house), 4);
}

/// A number that was verified twice under two family names was given to somebody else in between; and a family's mailbox with
/// one name is a father's and his son's.
fn a_number_given_anew_and_a_family_mailbox_join_nobody(database: Database) {
    let house = House::open(database);
    let phone = ("phone", "+49 171 2312514", true);
    let called = |id: &str, family: &str| {
        record("customer", "webshop", id, &[phone], json!({"person": {"family_name": family}}))
    };
    house.ingest(&[called("one", "Weber")]).expect_all("created");
    house.ingest(&[called("two", "Zwirnlechner")]).expect_all("created");
    assert_eq!(people(&house), 2);
    house.ingest(&[called("three", "Weber")]).expect_all("created");
    assert_eq!(people(&house), 2);
    let family = ("email", "familie.haberstroh@example.org", false);
    for (id, born) in [("four", "1950-03-02"), ("five", "1978-11-20")] {
        let mut record = named("webshop", id, &[family], ("Karl", "Haberstroh"));
        record["data"]["person"]["birth_date"] = born.into();
        house.ingest(&[record]).expect_all("created");
    }
    assert_eq!(people(&house), 4);
    house.ingest(&[named("books", "six", &[family], ("Karl", "Haberstroh"))]).expect_all("created");
    let joined = house.database().count(Shelf::Records, "link WHERE rule = 5");
    assert_eq!(joined, 0, "a family's mailbox with a name named one person");
}

/// Peter and Petra Müller at one address, one mailbox and one phone are two.
fn a_couple_with_names_that_sound_alike_stays_two(database: Database) {
    let house = House::open(database);
    let shared = [("email", "mueller@example.org", true), ("phone", "+49 30 23125140", true)];
    for (id, given) in [("one", "Peter"), ("two", "Petra"), ("three", "Peter"), ("four", "Petra")] {
        let mut record = named("webshop", id, &shared, (given, "Müller"));
        record["data"]["addresses"] = json!([{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437",
            "city": "Berlin", "country": "DE"}]);
        house.ingest(&[record]).expect_all("created");
    }
    assert_eq!(people(&house), 2);
    graph(&house, &["resolve"]);
    assert_eq!(people(&house), 2);
    assert_eq!((whose(&house, "one"), whose(&house, "two")), (whose(&house, "three"), whose(&house, "four")));
}

in_a_house_on_both_databases!(
    a_customer_of_hundreds_of_records_stays_one,
    taken_apart_anew_everything_goes_back_to_whom_it_came_for,
    questions_end_with_what_they_were_about,
    a_mark_holds_for_whoever_is_taken_out_later,
    what_a_rule_joins_is_joined_anew,
    who_objects_to_matching_stands_alone,
    a_number_given_anew_and_a_family_mailbox_join_nobody,
    a_couple_with_names_that_sound_alike_stays_two,
);
