//! Who objects to being matched is, once that is heeded, whom they would be if they had objected from the start: the same people of
//! the same records, found by the same values, in the same segments, told the same, and no more open.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::rectification::copy;
use super::whole_state::{Played, counts, fresh};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, on_both_databases};
use crate::store::rows::Who;
use crate::store::{Shelf, cards, identifiers, ledger, records};
use crate::types::{RecordNo, Role};

on_both_databases!(an_objection_that_is_heeded_leaves_what_one_from_the_start_would_have,);

/// How many histories are played; in every second one something else is refused too.
const HISTORIES: u64 = 4;
const RECORDS: usize = 10;

/// One record of somebody: at a source, under an account of it or none, with the mailbox or without.
fn record(id: usize, from_the_start: bool, with_a_no: bool, chance: &SeededChance) -> Value {
    let source = *chance.one_of(&["webshop", "books", "social"]);
    let (account, mail) = (chance.below(3) > 0, chance.below(2) == 0);
    let at = format!("2026-05-{:02}T08:00:00Z", 1 + chance.below(20));
    let mut identifiers = Vec::new();
    if account {
        identifiers.push(json!({"kind": "account", "value": format!("A-{}", chance.below(2)), "verified": false}));
    }
    if mail {
        identifiers.push(json!({"kind": "email", "value": "ottilie@example.org", "verified": true}));
    }
    let act = if with_a_no { *chance.one_of(&["granted", "withdrawn"]) } else { "granted" };
    let mut consents = vec![];
    if chance.below(2) == 0 {
        consents.push(json!({"purpose": "newsletter_email", "channel": "email", "act": act, "at": at, "method": "double_opt_in",
            "text_version": "2026-01", "evidence": {"requested_at": at, "confirmed_at": at, "form_url": "https://shop.example/n"}}));
    }
    if from_the_start {
        consents.push(json!({"purpose": "identity_matching", "act": "objected", "at": "2026-04-01T08:00:00Z", "method": "written"}));
    }
    json!({
        "type": "customer", "source": source, "external_id": id.to_string(), "updated_at": "2026-05-25T08:00:00Z",
        "identifiers": identifiers, "consents": consents,
        "data": {
            "person": {"given_name": "Ottilie", "family_name": "Zwirnlechner", "birth_date": "1971-03-09"},
            "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
        },
    })
}

/// Everybody and what is known of them, without ids and times; records are called by the order in which they came.
struct Seen {
    /// By what there is to compare: people, values, cards, statements.
    state: BTreeMap<&'static str, BTreeSet<String>>,
    /// Who is in which segment.
    members: BTreeSet<String>,
    /// Every record, category, purpose and channel that may be read.
    uses: BTreeSet<String>,
}

async fn seen(played: &Played) -> Seen {
    let (house, people) = (&played.hub.house, played.people());
    let mut rows = Vec::new();
    for person in &people {
        let person = *person;
        rows.push(house.store.read(move |read| records::of(read.records(), person)).await.unwrap());
    }
    let mut numbers: Vec<RecordNo> = rows.iter().flatten().map(|row| row.record_no).collect();
    numbers.sort_unstable();
    let place: HashMap<RecordNo, usize> = numbers.iter().enumerate().map(|(at, number)| (*number, at)).collect();
    let (mut state, mut uses): (BTreeMap<&'static str, BTreeSet<String>>, _) = (BTreeMap::new(), BTreeSet::new());
    let mut members = BTreeSet::new();
    let mut note = |what: &'static str, told: String| {
        assert!(state.entry(what).or_default().insert(told.clone()), "{what} is there twice: {told}");
    };
    for (person, rows) in people.iter().zip(&rows) {
        let person = *person;
        let theirs: Vec<usize> = rows.iter().map(|row| place[&row.record_no]).collect();
        let groups = house.segments.of_person(person).await.unwrap();
        let groups: Vec<String> = groups.iter().map(|found| found.segment.to_string()).collect();
        note("people", format!("{theirs:?}"));
        members.extend(groups.iter().map(|segment| format!("{theirs:?}: {segment}")));
        for row in rows {
            let of = (row.source_no.0, row.kind, row.version, row.categories, row.facts);
            note("records", format!("{}: {of:?}", place[&row.record_no]));
        }
        let of: Vec<RecordNo> = rows.iter().map(|row| row.record_no).collect();
        let (values, cards, said) = house
            .store
            .read(move |read| {
                let values = identifiers::of_records(read.records(), &of)?;
                let cards = cards::of_records(read.records(), &of)?;
                Ok::<_, crate::store::Error>((values, cards, ledger::of(read.records(), person)?))
            })
            .await
            .unwrap();
        for row in values {
            assert_eq!(row.subject_id, person);
            note(
                "values",
                format!(
                    "{} {:?} {:?}",
                    place[&row.record_no],
                    row.ix,
                    (row.kind, row.use_flags, row.behind, row.whose)
                ),
            );
        }
        for card in cards {
            assert_eq!(card.subject_id, person);
            let left = (card.sealed.is_empty(), card.matching_keys.is_empty(), card.terms.is_none());
            note("cards", format!("{} {left:?}", place[&card.record_no]));
        }
        // What records said; what was said for each of them, or to the hub, is not.
        for entry in said.iter().filter(|entry| entry.record_no != 0 && entry.purpose != "identity_matching") {
            let of = (
                entry.act,
                &entry.purpose,
                entry.channel,
                entry.happened_at,
                entry.proof_flags,
                entry.evidence.is_empty(),
            );
            note("statements", format!("{} {of:?}", place[&RecordNo(entry.record_no)]));
        }
        let rows = house.gateway.snapshot(Who::Subject(person)).await.unwrap().unwrap();
        for of in house.gateway.uses(&rows).unwrap() {
            let told = format!("{} {} {}", place[&of.record], of.category.word(), of.purpose.code);
            uses.extend(of.channels.iter().map(|by| format!("{told} {}", by.word())));
            uses.insert(told);
        }
    }
    let tables = played.hub.database.tables(&[Shelf::Records]);
    for (what, table) in [
        ("marks", "records.apart"),
        ("questions", "records.review"),
        ("tombstones", "records.tombstone"),
        ("noted", "records.unmatched"),
        ("found by", "records.block"),
    ] {
        state.insert(what, tables[table].iter().cloned().collect());
    }
    state.insert("counted", counts(&tables["records.term"]).into_iter().collect());
    Seen { state, members, uses }
}

/// Carries out what is noted; how many people were taken apart.
async fn heed(played: &Played) -> usize {
    let rights = &played.hub.house.rights;
    let heeded = played.hub.house.intake.heed_objections(async |person| rights.told_apart(person).await).await;
    heeded.unwrap().apart.len()
}

/// What each person is told of their records: how the source calls it, and what it said.
async fn told(played: &Played) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for person in played.people() {
        let demand = json!({"right": "access", "subject_id": person, "execute": true});
        let call = TestRequest::post().uri("/v1/requests").set_json(demand);
        let package = copy(&played.hub.bytes(Role::Dpo, call).await.2);
        let records = package["records"].as_array().unwrap().iter();
        let records: Vec<String> = records
            .map(|record| {
                let parts = record["parts"].as_array().unwrap().iter();
                let parts: Vec<String> = parts.map(|part| format!("{} {}", part["category"], part["data"])).collect();
                format!("{} {}: {parts:?}", record["source"], record["external_id"])
            })
            .collect();
        all.insert(format!("{records:#?}"));
    }
    all
}

async fn an_objection_that_is_heeded_leaves_what_one_from_the_start_would_have(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    let (mut people, mut members, mut more) = (0, 0, 0);
    for seed in 0..HISTORIES {
        let with_a_no = seed % 2 == 1;
        let later = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), seed).await;
        let start = Played::open(fresh(dialect), seed).await;
        let mut matched = 0;
        for (played, from_the_start) in [(&later, false), (&start, true)] {
            let chance = SeededChance::of(9_000 + seed);
            for id in 0..RECORDS {
                played.bring(&[record(id, from_the_start, with_a_no, &chance)]).await;
            }
            if from_the_start {
                assert_eq!(heed(played).await, 0);
            } else {
                matched = played.people().len();
                for person in played.people() {
                    let no = json!({"subject_id": person, "act": "objected", "method": "written", "purpose": "identity_matching"});
                    let answer = played.hub.post(Role::Dpo, "/v1/consents", no).await;
                    assert!(answer.status.is_success(), "{}", answer.text);
                    played.clock.pass(1_500);
                }
            }
        }
        for came in [0, 4] {
            for played in [&later, &start] {
                // What comes afterwards is taken the same way, and what is to be counted no more is off the counts.
                let chance = SeededChance::of(9_500 + seed);
                for id in 0..came {
                    played.bring(&[record(RECORDS + id, true, with_a_no, &chance)]).await;
                }
                assert_eq!(heed(played).await, 0);
                let neutral = format!("neutral-{came}");
                played
                    .bring(&[json!({"type": "customer", "source": "webshop", "external_id": neutral, "updated_at": "2026-05-25T08:00:00Z",
                        "data": {"note": "of nobody"}})])
                    .await;
            }
            let (one, other) = (seen(&later).await, seen(&start).await);
            for (what, told) in &one.state {
                let missing: Vec<_> = other.state[what].difference(told).collect();
                let beside: Vec<_> = told.difference(&other.state[what]).collect();
                assert!(
                    missing.is_empty() && beside.is_empty(),
                    "history {seed}, {what}: missing {missing:#?}, beside {beside:#?}"
                );
            }
            assert_eq!(one.state.len(), other.state.len());
            let opened: Vec<_> = one.uses.difference(&other.uses).collect();
            assert!(opened.is_empty(), "history {seed}: {opened:#?}");
            more += other.uses.len() - one.uses.len();
            let joined: Vec<_> = one.members.difference(&other.members).collect();
            assert!(joined.is_empty(), "history {seed}: {joined:#?}");
            let same = one.uses == other.uses && one.members == other.members;
            assert!(with_a_no || same, "history {seed}: closed without a no");
            // Beside whom nobody is behind.
            people += one.state["people"].len().saturating_sub(matched + 1 + usize::from(came > 0));
            members += one.members.len();
        }
        assert_eq!(told(&later).await, told(&start).await, "history {seed}");
    }
    assert!(people > 0 && members > 0 && more > 0, "{people} apart, {members} in segments, {more} closed by a no");
}
