//! The identity graph as a function of what comes in: merging and taking apart again leaves the whole store as it was, what came
//! meanwhile included; and the same input again, at the same time and by the same chance, makes the same store to the byte.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::hub::Hub;
use crate::clock_and_chance::{SeededChance, StoppedClock};
use crate::consent::Terms;
use crate::databases::{Database, Dialect, on_both_databases};
use crate::graph::decide_that_they_are_one;
use crate::intake::{Out, Outcome, Papers};
use crate::store::{Shelf, subjects};
use crate::types::{Clock as _, Role, SubjectId};

on_both_databases!(taking_apart_undoes_merging_to_the_byte, the_same_again_is_the_same_to_the_byte,);

const PEOPLE: usize = 4;
/// How many histories are played.
const HISTORIES: u64 = 5;

/// A hub whose time and chance are the test's.
pub(super) struct Played {
    pub(super) hub: Hub,
    pub(super) clock: Arc<StoppedClock>,
}

impl Played {
    pub(super) async fn open(database: Database, seed: u64) -> Self {
        let clock = StoppedClock::at("2026-11-21T12:00:00Z");
        let hub = Hub::open_at(database, clock.clone(), SeededChance::of(seed)).await;
        for code in ["books", "social"] {
            let terms = Terms { social: code == "social", ..Terms::default() };
            let now = clock.now();
            hub.house.rulebook.ensure_source(code.into(), code.into(), "api".into(), &terms, now).await.unwrap();
        }
        Self { hub, clock }
    }

    pub(super) async fn bring(&self, records: &[Value]) {
        let lines: Vec<Vec<u8>> = records.iter().map(|record| record.to_string().into_bytes()).collect();
        let taken = self.hub.house.intake.ingest(&lines).await.unwrap();
        for taken in taken {
            assert!(!matches!(taken.outcome, Outcome::Rejected(_)) && taken.left_out.is_empty(), "{taken:?}");
        }
        self.clock.pass(1_500);
    }

    /// Everybody who lives, the longest known first.
    pub(super) fn people(&self) -> Vec<SubjectId> {
        let found =
            self.hub.database.bytes(Shelf::Records, "subject_id", "FROM subject WHERE state = 1 ORDER BY subject_id");
        found.iter().map(|bytes| SubjectId::from_slice(bytes).unwrap()).collect()
    }

    async fn living(&self, person: SubjectId) -> SubjectId {
        let living = self.hub.house.store.write(move |write| subjects::living(write.records(), person));
        living.await.unwrap().unwrap().subject_id
    }

    /// Merges two people as a decision does; says who was merged away.
    pub(super) async fn merge(&self, one: SubjectId, other: SubjectId) -> SubjectId {
        decide_that_they_are_one(&self.hub.house.store, (one, other), self.clock.now()).await
    }

    /// All that is stored beside the book.
    pub(super) fn whole(&self) -> BTreeMap<String, Vec<String>> {
        dump(&self.hub.database, &[Shelf::Records, Shelf::Keys])
    }

    /// In which segments everybody is.
    async fn segments(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for person in self.people() {
            let found = self.hub.house.segments.of_person(person).await.unwrap();
            all.push(found.iter().map(|found| found.segment.to_string()).collect());
        }
        all
    }
}

/// All rows of these shelves.
fn dump(database: &Database, shelves: &[Shelf]) -> BTreeMap<String, Vec<String>> {
    let mut tables = database.tables(shelves);
    if let Some(rows) = tables.get_mut("records.term") {
        *rows = counts(rows);
    }
    tables
}

/// How often each value is held. Over which of its counters that is spread is chance.
pub(super) fn counts(rows: &[String]) -> Vec<String> {
    let mut held: BTreeMap<i64, i64> = BTreeMap::new();
    for row in rows {
        let numbers = row.split(|c: char| !c.is_ascii_digit() && c != '-').filter_map(|number| number.parse().ok());
        let numbers: Vec<i64> = numbers.collect();
        let [value, _, count] = numbers[..] else { panic!("no counter: {row}") };
        *held.entry(value).or_default() += count;
    }
    held.into_iter().filter(|(_, count)| *count != 0).map(|(value, count)| format!("{value}: {count}")).collect()
}

pub(super) fn fresh(dialect: Dialect) -> Database {
    match dialect {
        Dialect::Sqlite => Database::sqlite(),
        Dialect::Postgres => Database::postgres(),
    }
}

pub(super) fn assert_same(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>, what: &str) {
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    // When a database was migrated is its own affair.
    for (table, rows) in one.iter().filter(|(table, _)| !table.ends_with("__diesel_schema_migrations")) {
        let missing: Vec<_> = rows.iter().filter(|row| !other[table].contains(row)).collect();
        let more: Vec<_> = other[table].iter().filter(|row| !rows.contains(row)).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{what}: {table}\nonly here:  {missing:#?}\nonly there: {more:#?}"
        );
    }
}

/// Names of which there are many: nobody is one with somebody else by their name alone, but they may be.
const NAMES: [(&str, &str); PEOPLE] =
    [("Anna", "Schmidt"), ("Peter", "Müller"), ("Maria", "Weber"), ("Thomas", "Fischer")];

/// Somebody of whom nothing is known but the name of one of them.
fn neighbour(person: usize) -> Value {
    let (given, family) = NAMES[person];
    json!({
        "type": "customer", "source": "social", "external_id": format!("neighbour-{person}"), "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [], "data": {"person": {"given_name": given, "family_name": family}},
    })
}

/// A record of one of people who have nothing in common.
fn of(person: usize, number: usize, chance: &SeededChance) -> Value {
    let (given, family) = NAMES[person];
    let source = *chance.one_of(&["webshop", "books"]);
    let day = 1 + chance.below(20);
    let at = format!("2026-05-{day:02}T08:00:00Z");
    let mut identifiers = vec![json!({"kind": "email", "value": format!("p{person}@example.org"), "verified": true})];
    if chance.below(2) == 0 {
        identifiers.push(json!({"kind": "account", "value": format!("A-{person}"), "verified": true}));
    }
    let name = json!({"given_name": given, "family_name": family});
    let addresses = json!([{"street": format!("{family}weg"), "house_number": "3", "postal_code": format!("1043{person}"), "city": "Berlin"}]);
    let (kind, data) = match chance.below(6) {
        0 | 1 => ("customer", json!({"person": name, "addresses": addresses, "tags": [format!("t{number}")]})),
        2 => (
            "order",
            json!({"number": number.to_string(), "ordered_at": at, "status": "paid", "currency": "EUR", "total": "9.90", "person": name}),
        ),
        3 => (
            "newsletter_subscription",
            json!({"list": "news", "status": "confirmed", "confirmed_at": at, "person": name}),
        ),
        4 => (
            "event",
            json!({"name": "product_viewed", "occurred_at": at, "properties": {"sku": format!("S-{number}")}}),
        ),
        _ => ("contact_note", json!({"noted_at": at, "text": "rief an", "person": name})),
    };
    let consents = match chance.below(3) {
        0 => json!([{
            "purpose": "newsletter_email", "channel": "email", "act": *chance.one_of(&["granted", "withdrawn"]), "at": at,
            "method": "double_opt_in", "text_version": "2026-01",
            "evidence": {"requested_at": at, "confirmed_at": at, "form_url": "https://shop.example/newsletter"},
        }]),
        _ => json!([]),
    };
    json!({
        "type": kind, "source": source, "external_id": format!("{kind}-{number}"), "updated_at": at,
        "identifiers": identifiers, "data": data, "consents": consents,
    })
}

/// Records of some of the people, a few at once; some come again as newer versions.
fn arrivals(from: usize, count: usize, chance: &SeededChance) -> Vec<Vec<Value>> {
    let mut chunks: Vec<Vec<Value>> = Vec::new();
    for number in from..from + count {
        let record = of(chance.below(PEOPLE), number, chance);
        match chunks.last_mut().filter(|chunk| chunk.len() < 3 && chance.below(2) == 0) {
            Some(chunk) => chunk.push(record),
            None => chunks.push(vec![record]),
        }
    }
    if let Some(again) = chunks.first().and_then(|chunk| chunk.first()).cloned() {
        let newer = json!({"updated_at": "2026-06-01T08:00:00Z"});
        let mut again = again;
        again["updated_at"] = newer["updated_at"].clone();
        again["consents"] = json!([]);
        chunks.push(vec![again]);
    }
    chunks
}

/// Two hubs get the same records. In one, people are merged in between, in chains too, and taken apart at the end in any order.
/// Nothing tells the two apart: people, identifiers, records, events, consents with their proofs, keys, cards, counts, links; and
/// who is in which segment.
async fn taking_apart_undoes_merging_to_the_byte(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    let (mut members, mut moved, mut doubts) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let merged = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), seed).await;
        let alone = Played::open(fresh(dialect), seed).await;
        let chance = SeededChance::of(1_000 + seed);
        let everybody: Vec<Value> = (0..PEOPLE).map(|person| of(person, person, &chance)).collect();
        let mut away = Vec::new();
        for played in [&merged, &alone] {
            played.bring(&everybody).await;
            played.bring(&(0..PEOPLE).map(neighbour).collect::<Vec<_>>()).await;
        }
        assert_same(&merged.whole(), &alone.whole(), "before");
        let before = merged.whole();
        let neighbours = merged.people().split_off(PEOPLE);
        assert_eq!(neighbours.len(), PEOPLE);
        doubts += merged.hub.database.count(Shelf::Records, "review");
        let others = |people: Vec<SubjectId>| -> Vec<SubjectId> {
            people.into_iter().filter(|person| !neighbours.contains(person)).collect()
        };
        for round in 0..3 {
            let people = others(merged.people());
            if people.len() > 1 && (round == 0 || chance.below(3) > 0) {
                let one = chance.below(people.len());
                let other = (one + 1 + chance.below(people.len() - 1)) % people.len();
                away.push(merged.merge(people[one], people[other]).await);
            }
            if seed == 0 {
                continue;
            }
            for chunk in arrivals(100 * (round + 1), 5, &chance) {
                merged.bring(&chunk).await;
                alone.bring(&chunk).await;
            }
        }
        assert_eq!(others(merged.people()).len(), PEOPLE - away.len());
        let joined: usize = merged.segments().await.iter().map(Vec::len).sum();
        while !away.is_empty() {
            let part = away.swap_remove(chance.below(away.len()));
            let person = merged.living(part).await;
            let done =
                merged.hub.house.intake.separate(person, &Out::Parts(vec![part]), &Papers::default(), None).await;
            assert_eq!(done.unwrap().out, [part]);
        }
        assert_same(&merged.whole(), &alone.whole(), &format!("history {seed}"));
        if seed == 0 {
            assert_same(&merged.whole(), &before, "nothing came");
        }
        let segments = alone.segments().await;
        assert_eq!(merged.segments().await, segments, "history {seed}");
        let apart: usize = segments.iter().map(Vec::len).sum();
        (members, moved) = (members + apart, moved + usize::from(joined != apart));
    }
    assert!(doubts > 0, "nobody is asked about");
    assert!(members > 0 && moved > 0, "{members} memberships, and {moved} histories in which merging changed any");
}

/// Everything that changes the graph, twice.
async fn the_same_again_is_the_same_to_the_byte(database: Database) {
    let dialect = database.dialect();
    let (mut database, mut found) = (Some(database), Vec::new());
    for _ in 0..2 {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 7).await;
        found.push(play(&played).await);
    }
    assert_same(&found[0], &found[1], "the second time");
}

async fn play(played: &Played) -> BTreeMap<String, Vec<String>> {
    let (hub, chance) = (&played.hub, SeededChance::of(77));
    let named = |source: &str, id: String, given: &str, family: &str, more: &Value| {
        let mut record = json!({
            "type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
            "identifiers": [], "data": {"person": {"given_name": given, "family_name": family}},
        });
        if let Some(mail) = more["mail"].as_str() {
            record["identifiers"] = json!([{"kind": "email", "value": mail, "verified": more["verified"] == true}]);
        }
        if let Some(street) = more["street"].as_str() {
            record["data"]["addresses"] =
                json!([{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}]);
        }
        record
    };
    // Families at one address, misspelt, with and without a mailbox; a mailbox that becomes crowded.
    let mut records = Vec::new();
    for family in ["Zwirnlechner", "Birnbaum", "Okonkwo", "Schmidt"] {
        for given in ["Ottilie", "Otilie", "Konrad", "Anna"] {
            let street = format!("{family}weg");
            let mail = format!("{given}.{family}@example.org").to_lowercase();
            let id = |what: &str| format!("{family}-{given}-{what}");
            records.push(named("webshop", id("a"), given, family, &json!({"mail": mail, "street": street})));
            records.push(named("books", id("b"), given, family, &json!({"street": street})));
            records.push(named("books", id("c"), given, family, &json!({})));
            records.push(named(
                "webshop",
                id("d"),
                given,
                family,
                &json!({"mail": format!("shared@{family}.example").to_lowercase(), "verified": true}),
            ));
            records.push(named(
                "social",
                id("e"),
                given,
                family,
                &json!({"mail": "crowd@example.org", "verified": true}),
            ));
        }
    }
    for person in 0..PEOPLE {
        records.extend((0..4).map(|number| of(person, 10 * person + number, &chance)));
    }
    while !records.is_empty() {
        let mut chunk = Vec::new();
        while chunk.len() < 9 && !records.is_empty() {
            chunk.push(records.swap_remove(chance.below(records.len())));
        }
        played.bring(&chunk).await;
    }
    for (mail, act) in
        [("p0@example.org", "objected"), ("p1@example.org", "restricted"), ("walburga@example.org", "objected")]
    {
        let said = json!({"identifier": {"kind": "email", "value": mail}, "act": act, "method": "written"});
        let answer = hub.post(Role::Dpo, "/v1/consents", said).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        played.clock.pass(1_500);
    }
    let regrouped = hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert!(regrouped.records > 50, "{regrouped:?}");
    played.clock.pass(1_500);
    let reviews = hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().clone();
    for (review, answer) in reviews.iter().zip(["same", "not_same", "unsure"]) {
        let path = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
        let answer = hub.post(Role::Dpo, &path, json!({"answer": answer})).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        played.clock.pass(1_500);
    }
    let mut taken_apart = 0;
    for person in played.people() {
        let links = hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
        let records = links["records"].as_array().unwrap().clone();
        if records.len() < 3 || taken_apart == 3 {
            continue;
        }
        let out = json!({"records": [records[records.len() - 1]["record"]]});
        let answer = hub.post(Role::Dpo, &format!("/v1/subjects/{person}/split"), out).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        taken_apart += 1;
        played.clock.pass(1_500);
    }
    assert_eq!(taken_apart, 3);
    let person = played.people()[0];
    let right = json!({"person": {"family_name": "Richtig"}});
    let answer = hub.post(Role::Dpo, &format!("/v1/subjects/{person}/rectification"), right).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    dump(&played.hub.database, &Shelf::ALL)
}
