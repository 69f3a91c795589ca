//! Who objects to being matched stands alone from then on, and opens nothing by it that was closed.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::rectification::copy;
use super::whole_state::{Played, fresh};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, on_both_databases};
use crate::intake::{Error, Out, Papers};
use crate::store::rows::Who;
use crate::store::{Shelf, records, unmatched};
use crate::types::{Clock as _, Role, SubjectId, Timestamp};

on_both_databases!(
    standing_alone_never_widens_and_leaves_each_account_whole,
    an_objection_takes_apart_what_was_matched_and_taken_back_it_is_compared_again,
    an_objection_to_marketing_takes_nobody_apart,
    who_cannot_be_taken_apart_is_tried_later_and_later,
    only_a_no_to_matching_that_stands_takes_anybody_apart,
    what_a_source_said_once_counts_behind_any_number_of_records,
    what_was_corrected_and_refused_is_each_ones_as_it_was_said,
);

/// How many histories are played.
const HISTORIES: u64 = 8;

/// A record of one person: at a source, under an account of it or none, with the mailbox or without.
fn ottilie(source: &str, id: usize, account: Option<&str>, mail: bool, more: &Value) -> Value {
    let mut identifiers = Vec::new();
    if let Some(account) = account {
        identifiers.push(json!({"kind": "account", "value": account, "verified": false}));
    }
    if mail {
        identifiers.push(json!({"kind": "email", "value": "ottilie@example.org", "verified": true}));
    }
    let mut record = json!({
        "type": "customer", "source": source, "external_id": id.to_string(), "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers,
        "data": {
            "person": {"given_name": "Ottilie", "family_name": "Zwirnlechner", "birth_date": "1971-03-09"},
            "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
        },
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        record[field] = value.clone();
    }
    record
}

fn newsletter(act: &str, at: &str) -> Value {
    json!([{
        "purpose": "newsletter_email", "channel": "email", "act": act, "at": at, "method": "double_opt_in",
        "text_version": "2026-01", "evidence": {"requested_at": at, "confirmed_at": at, "form_url": "https://shop.example/n"},
    }])
}

async fn say(played: &Played, person: SubjectId, act: &str, purpose: Option<&str>) {
    let mut said = json!({"subject_id": person, "act": act, "method": "written"});
    if let Some(purpose) = purpose {
        said["purpose"] = purpose.into();
    }
    if purpose == Some("newsletter_email") {
        said["channel"] = "email".into();
        said["evidence"] = json!({"letter": "of today"});
        said["text_version"] = "2026-01".into();
    }
    if act == "objection_lifted" {
        // What takes a no back has to be proven.
        said["evidence"] = json!({"letter": "of today"});
    }
    let answer = played.hub.post(Role::Dpo, "/v1/consents", said).await;
    assert!(answer.status.is_success(), "{act} {purpose:?}: {}", answer.text);
    // The reply came when all of it was done.
    assert_eq!(played.hub.house.intake.heed_objections(async |_| None).await.unwrap().people, 0, "{act} {purpose:?}");
    played.clock.pass(1_500);
}

/// What may be read of every record, by whom it is for: category, purpose, channel.
async fn uses(played: &Played) -> BTreeSet<String> {
    let gateway = &played.hub.house.gateway;
    let mut all = BTreeSet::new();
    for person in played.people() {
        let rows = gateway.snapshot(Who::Subject(person)).await.unwrap().unwrap();
        for of in gateway.uses(&rows).unwrap() {
            let (record, category, purpose) = (of.record.0, of.category.word(), of.purpose.code.to_string());
            all.insert(format!("{record} {category} {purpose}"));
            all.extend(of.channels.iter().map(|by| format!("{record} {category} {purpose} {}", by.word())));
        }
    }
    all
}

/// The sources that the records of each person are of.
async fn sources(played: &Played) -> Vec<BTreeSet<i32>> {
    let mut all = Vec::new();
    for person in played.people() {
        let rows = played.hub.house.store.read(move |read| records::of(read.records(), person)).await.unwrap();
        all.push(rows.iter().map(|row| row.source_no.0).collect());
    }
    all
}

fn noted(played: &Played) -> i64 {
    played.hub.database.count(Shelf::Records, "unmatched")
}

/// One person of three sources, by accounts, a mailbox and what they say; they gave and took back consents, before and after they
/// were found to be one. They object: what may be read of each record is never more than before.
async fn standing_alone_never_widens_and_leaves_each_account_whole(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    let (mut apart, mut narrower) = (0, 0);
    for seed in 0..HISTORIES {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), seed).await;
        let chance = SeededChance::of(5_000 + seed);
        for id in 0..8 {
            let source = *chance.one_of(&["webshop", "books", "social"]);
            let account = *chance.one_of(&[None, Some("A-1"), Some("A-1")]);
            let (act, day) = (*chance.one_of(&["granted", "granted", "withdrawn", "denied"]), 1 + chance.below(20));
            let consents = match chance.below(2) {
                0 => newsletter(act, &format!("2026-05-{day:02}T08:00:00Z")),
                _ => json!([]),
            };
            let mail = chance.below(2) == 0;
            played.bring(&[ottilie(source, id, account, mail, &json!({"consents": consents}))]).await;
            if chance.below(2) == 0 {
                let person = *chance.one_of(&played.people());
                let (act, purpose) = *chance.one_of(&[
                    ("withdrawn", Some("newsletter_email")),
                    ("granted", Some("newsletter_email")),
                    ("objected", Some("customer_value")),
                    ("objection_lifted", Some("customer_value")),
                    ("objected", None),
                    ("withdrawn", None),
                    ("restricted", None),
                    ("restriction_lifted", None),
                ]);
                say(&played, person, act, purpose).await;
            }
        }
        for person in played.people() {
            let before = uses(&played).await;
            let rows = played.hub.database.count(Shelf::Records, "record");
            say(&played, person, "objected", Some("identity_matching")).await;
            let after = uses(&played).await;
            let more: Vec<_> = after.difference(&before).collect();
            assert!(more.is_empty(), "history {seed}: opened by standing alone: {more:#?}");
            narrower += before.len() - after.len();
            assert_eq!((played.hub.database.count(Shelf::Records, "record"), noted(&played)), (rows, 0));
        }
        // Each of them is of one source.
        let sources = sources(&played).await;
        assert!(sources.iter().all(|sources| sources.len() == 1), "history {seed}: {sources:?}");
        apart += sources.len();
        // Everything of theirs can still be read for their own access.
        let own = uses(&played).await.into_iter().filter(|of| of.contains("identity subject_access")).count();
        assert_eq!(i64::try_from(own).unwrap(), played.hub.database.count(Shelf::Records, "record"));
    }
    assert!(apart > 2 * usize::try_from(HISTORIES).unwrap() && narrower > 0, "{apart} people, {narrower} uses fewer");
}

/// Two accounts and a guest, of which one is found by comparing and one by the mailbox.
async fn an_objection_takes_apart_what_was_matched_and_taken_back_it_is_compared_again(database: Database) {
    let played = Played::open(database, 7).await;
    let nothing = json!({});
    played.bring(&[ottilie("webshop", 1, Some("A-1"), true, &nothing)]).await;
    played.bring(&[ottilie("webshop", 2, Some("A-1"), false, &nothing)]).await;
    played.bring(&[ottilie("books", 3, None, true, &nothing)]).await;
    played.bring(&[ottilie("social", 4, None, false, &nothing)]).await;
    let [person] = played.people()[..] else { panic!("they were not found to be one: {:?}", played.people()) };
    // A marketing tool received data of all as of one.
    assert!(played.hub.subscribe("ottilie@example.org").await.status.is_success());
    let read = played.hub.lookup(Role::Marketing, "ottilie@example.org", "newsletter_email").await;
    assert_eq!(read.status, 200, "{}", read.text);
    let entries = async || {
        let found = played.hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
        let entries = found["entries"].as_array().unwrap().clone();
        entries.iter().filter(|entry| entry["act"] == "separated").count()
    };
    let before = entries().await;
    let no = json!({"subject_id": person, "act": "objected", "method": "written", "purpose": "identity_matching"});
    let answer = played.hub.post(Role::Dpo, "/v1/consents", no).await;
    played.clock.pass(1_500);
    let people = played.people();
    // The officer is told who they are from now on: their mailbox finds none of them alone.
    let mut told: Vec<SubjectId> = serde_json::from_value(answer.json()["subject_ids"].clone()).unwrap();
    told.sort_unstable();
    assert_eq!((answer.status.as_u16(), &told), (201, &people), "{}", answer.text);
    assert_eq!(people.len(), 3, "the account, the guest and the one who says the same");
    assert_eq!((people.contains(&person), noted(&played)), (true, 0));
    assert!(entries().await >= before + 2, "nothing of it stands in the book");
    // Whoever is asked for by the mailbox is one of those who hold it, and the officer learns which.
    for right in ["access", "erasure"] {
        let demand = json!({"right": right, "identifier": {"kind": "email", "value": "ottilie@example.org"}});
        let answer = played.hub.post(Role::Dpo, "/v1/requests", demand).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
        let named = people.iter().filter(|person| answer.text.contains(&person.to_string())).count();
        assert_eq!(named, 2, "{}", answer.text);
    }
    // The book's case names who is to be told.
    let requests = played.hub.get(Role::Dpo, "/v1/requests").await.json()["requests"].as_array().unwrap().clone();
    let [case] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((&case["right"], &case["state"]), (&json!("rectification"), &json!("answered")));
    let told = played.hub.get(Role::Dpo, &format!("/v1/requests/{}", case["id"].as_str().unwrap())).await;
    assert!(told.text.contains("marketing") && told.text.contains("to_be_told"), "{}", told.text);
    // Nothing joins them: not what comes, not grouping everything anew. What the account brings is still theirs.
    played.bring(&[ottilie("webshop", 5, Some("A-1"), true, &nothing)]).await;
    played.bring(&[ottilie("books", 6, None, true, &nothing)]).await;
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(played.people(), people);
    // Said again, nothing happens, and the reply names them all the same.
    let again = json!({"subject_id": person, "act": "objected", "method": "written", "purpose": "identity_matching"});
    let answer = played.hub.post(Role::Dpo, "/v1/consents", again).await.json();
    let mut told: Vec<SubjectId> = serde_json::from_value(answer["subject_ids"].clone()).unwrap();
    told.sort_unstable();
    assert_eq!(told, people);
    say(&played, person, "objected", Some("identity_matching")).await;
    assert_eq!((played.people(), noted(&played)), (people.clone(), 0));
    // One who takes it back is compared with those who did as well, and with nobody else.
    say(&played, people[1], "objection_lifted", Some("identity_matching")).await;
    assert_eq!(played.people(), people);
    say(&played, people[0], "objection_lifted", Some("identity_matching")).await;
    assert_eq!(played.people().len(), 2, "nobody was compared again");
    say(&played, people[2], "objection_lifted", Some("identity_matching")).await;
    assert_eq!(played.people(), [person]);
    assert_eq!(noted(&played), 0);
}

/// Direct marketing is what an objection means that names nothing (Art. 21(2) GDPR).
async fn an_objection_to_marketing_takes_nobody_apart(database: Database) {
    let played = Played::open(database, 9).await;
    played.bring(&[ottilie("webshop", 1, None, true, &json!({}))]).await;
    played.bring(&[ottilie("books", 2, None, true, &json!({}))]).await;
    let [person] = played.people()[..] else { panic!() };
    say(&played, person, "objected", None).await;
    assert_eq!((played.people(), noted(&played)), (vec![person], 0));
    // What is compared of them is there still.
    played.bring(&[ottilie("social", 3, None, false, &json!({}))]).await;
    assert_eq!(played.people(), [person]);
}

/// Nobody can say who is to be told: what was said stays noted, and is looked at less and less often.
async fn who_cannot_be_taken_apart_is_tried_later_and_later(database: Database) {
    let played = Played::open(database, 11).await;
    let objection = json!([{
        "purpose": "identity_matching", "act": "objected", "at": "2026-05-03T08:00:00Z", "method": "written",
    }]);
    played.bring(&[ottilie("webshop", 1, Some("A-1"), true, &json!({}))]).await;
    played.bring(&[ottilie("books", 2, None, true, &json!({}))]).await;
    let [person] = played.people()[..] else { panic!() };
    played.bring(&[ottilie("webshop", 3, Some("A-1"), false, &json!({"consents": objection}))]).await;
    let heed = async || {
        let asked = std::cell::Cell::new(0);
        let heeded = played.hub.house.intake.heed_objections(async |_| {
            asked.set(asked.get() + 1);
            None
        });
        let heeded = heeded.await.unwrap();
        assert_eq!((heeded.people, heeded.apart.len()), (0, 0), "it counts as done");
        asked.get()
    };
    for wait in [2, 4, 8, 16] {
        assert_eq!((heed().await, heed().await), (1, 0), "they were not passed over");
        played.clock.pass(wait * Timestamp::SECOND - 1);
        assert_eq!(heed().await, 0, "too early after {wait} seconds");
        played.clock.pass(1);
    }
    assert_eq!((played.people(), noted(&played)), (vec![person], 1));
    let rights = &played.hub.house.rights;
    let heeded = played.hub.house.intake.heed_objections(async |person| rights.told_apart(person).await).await.unwrap();
    assert_eq!((heeded.people, heeded.apart.len(), noted(&played)), (1, 1, 0));
    assert_eq!(played.people().len(), 2);
}

/// A no that was taken back takes nobody apart, whatever else closes their data (Art. 18 GDPR) and whoever asks for it.
async fn only_a_no_to_matching_that_stands_takes_anybody_apart(database: Database) {
    let played = Played::open(database, 12).await;
    played.bring(&[ottilie("webshop", 1, None, true, &json!({}))]).await;
    let [person] = played.people()[..] else { panic!() };
    say(&played, person, "objected", Some("identity_matching")).await;
    say(&played, person, "objection_lifted", Some("identity_matching")).await;
    played.bring(&[ottilie("books", 2, None, true, &json!({}))]).await;
    assert_eq!(played.people(), [person]);
    // It is decided inside the transaction: a lift that comes in between wins.
    let intake = &played.hub.house.intake;
    let done = intake.separate(person, &Out::Alone, &Papers::default(), None).await;
    assert!(matches!(done, Err(Error::NoPart)));
    say(&played, person, "restricted", None).await;
    let now = played.clock.now();
    played.hub.house.store.write(move |write| unmatched::note(write, person, now)).await.unwrap();
    let rights = &played.hub.house.rights;
    intake.heed_objections(async |person| rights.told_apart(person).await).await.unwrap();
    assert_eq!((played.people(), noted(&played)), (vec![person], 0), "a restriction took somebody apart");
}

/// One of two sources brought more records under a mailbox than are looked at; what the other says of it is its own all the same,
/// and stays with the person it said it of.
async fn what_a_source_said_once_counts_behind_any_number_of_records(database: Database) {
    let played = Played::open(database, 13).await;
    let many: Vec<Value> = (0..70).map(|id| ottilie("books", id, None, true, &json!({}))).collect();
    for some in many.chunks(35) {
        played.bring(some).await;
    }
    let [books] = played.people()[..] else { panic!("{:?}", played.people()) };
    say(&played, books, "objected", Some("identity_matching")).await;
    played.bring(&[ottilie("webshop", 1, None, true, &json!({}))]).await;
    let [_, shop] = played.people()[..] else { panic!("{:?}", played.people()) };
    say(&played, shop, "objected", Some("identity_matching")).await;
    // Somebody knows better.
    played.merge(books, shop).await;
    played.bring(&[ottilie("webshop", 2, None, true, &json!({}))]).await;
    assert_eq!(played.people(), [books]);
    // And what a third one says of it is another's.
    played.bring(&[ottilie("social", 3, None, true, &json!({}))]).await;
    assert_eq!(played.people().len(), 2);
}

/// One account, a guest at the same mailbox and one who says the same, who corrected their name and refused the newsletter before the
/// last of them wanted it. Each of those they become says the corrected name, and the no with the time at which it was said.
async fn what_was_corrected_and_refused_is_each_ones_as_it_was_said(database: Database) {
    let played = Played::open(database, 14).await;
    let (no, yes) = ("2026-05-10T08:00:00Z", "2026-05-20T08:00:00Z");
    played.bring(&[ottilie("webshop", 1, Some("A-1"), true, &json!({"consents": newsletter("withdrawn", no)}))]).await;
    played.bring(&[ottilie("books", 2, None, true, &json!({}))]).await;
    played.bring(&[ottilie("books", 3, None, false, &json!({"consents": newsletter("granted", yes)}))]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    for name in ["Falschverbessert", "Richtig"] {
        let path = format!("/v1/subjects/{person}/rectification");
        let right = json!({"person": {"family_name": name}});
        let answer = played.hub.post(Role::Dpo, &path, right).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        played.clock.pass(1_500);
    }
    let records = || played.hub.database.count(Shelf::Records, "record");
    // Two parts, one found by the mailbox and one by comparing, and two corrections of each.
    assert_eq!(records(), 3 + 2 * 2);
    say(&played, person, "objected", Some("identity_matching")).await;
    let people = played.people();
    assert_eq!((people.len(), records()), (3, 3 + 3 * 2));
    let mut said = BTreeSet::new();
    for person in &people {
        let seen =
            played.hub.get(Role::Dpo, &format!("/v1/profiles/{person}?purpose=subject_access&origins=true")).await;
        let seen = seen.json();
        assert_eq!(seen["data"]["identity"]["family_name"], "Richtig", "{seen}");
        let demand = json!({"right": "access", "subject_id": person, "execute": true});
        let call = TestRequest::post().uri("/v1/requests").set_json(demand);
        let package = copy(&played.hub.bytes(Role::Dpo, call).await.2);
        let entries = package["consents"].as_array().unwrap();
        let entries =
            entries.iter().filter(|entry| entry["purpose"] == "newsletter_email" && entry["act"] == "withdrawn");
        let [entry] = &entries.collect::<Vec<_>>()[..] else { panic!("{}", package["consents"]) };
        assert!(entry["evidence"]["form_url"] == "https://shop.example/n", "{entry}");
        said.insert((entry["at"].as_str().unwrap().to_owned(), entry["counts_from"].as_str().map(ToOwned::to_owned)));
    }
    let (no, yes) = ("2026-05-10T08:00:00.000000Z".to_owned(), "2026-05-20T08:00:00.000000Z".to_owned());
    assert_eq!(said, BTreeSet::from([(no.clone(), None), (no, Some(yes))]));
    // Taken back and said again, there is nothing more to write.
    for person in &people {
        say(&played, *person, "objection_lifted", Some("identity_matching")).await;
    }
    assert_eq!(played.people(), [person]);
    say(&played, person, "objected", Some("identity_matching")).await;
    assert_eq!((played.people().len(), records()), (3, 3 + 3 * 2));
}
