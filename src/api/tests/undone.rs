//! Merging and taking apart again is nothing at all, also where comparing joined people as they arrived or when everything was grouped
//! anew, and whatever they stated and rectified.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::whole_state::{Played, assert_same, fresh};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, on_both_databases};
use crate::graph::matching::Model;
use crate::intake::{Out, Papers};
use crate::store::{Shelf, subjects};
use crate::types::{Role, SubjectId};

on_both_databases!(
    taking_apart_undoes_what_comparing_and_grouping_anew_joined,
    what_came_by_comparing_goes_with_whom_it_came_for,
    who_was_merged_before_they_came_stays_merged_as_before,
    what_is_asked_about_others_is_there_again,
);

const PEOPLE: usize = 3;
/// How many histories are played: every second one joins as records arrive, the others by grouping anew.
const HISTORIES: u64 = 4;

/// A record of one of people who have nothing in common, under their account at this source.
pub(super) fn of(person: usize, source: &str, id: &str, more: &Value) -> Value {
    let given = ["Ottilie", "Bernhard", "Cäcilie"][person];
    let family = ["Zwirnlechner", "Ackerknecht", "Okonkwo"][person];
    let born = ["1971-03-09", "1988-05-30", "2001-11-23"][person];
    let mut record = json!({
        "type": "customer", "source": source, "external_id": format!("{person}-{id}"), "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [{"kind": "account", "value": format!("A-{person}"), "verified": true}],
        "data": {
            "person": {"given_name": given, "family_name": family, "birth_date": born},
            "addresses": [{"street": format!("{family}weg"), "house_number": "3", "postal_code": "10437", "city": "Berlin"}],
        },
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        record[field] = value.clone();
    }
    record
}

/// What comes under somebody's account and is not compared, or again.
fn more_of(person: usize, round: usize, chance: &SeededChance) -> Value {
    let source = *chance.one_of(&["webshop", "books"]);
    let at = format!("2026-06-{:02}T08:00:00Z", 1 + round);
    match chance.below(3) {
        0 => {
            let event = json!({"type": "event", "data": {"name": "product_viewed", "occurred_at": at}});
            of(person, source, &format!("e{round}"), &event)
        }
        1 => {
            let consents = json!([{"purpose": "newsletter_email", "channel": "email", "act": "granted", "at": at,
                "method": "double_opt_in", "text_version": "2026-01",
                "evidence": {"requested_at": at, "confirmed_at": at, "form_url": "https://shop.example/n"}}]);
            of(person, source, &format!("c{round}"), &json!({"consents": consents}))
        }
        _ => of(person, source, "first", &json!({"updated_at": at})),
    }
}

/// Lets the model weigh by which nobody is ever joined or asked about, or the shipped one.
pub(super) async fn weigh(played: &Played, strict: bool) {
    played.hub.database.execute(Shelf::Records, &format!("UPDATE model SET in_force = {}", i16::from(strict)));
    played.hub.house.intake.load_model().await.unwrap();
}

pub(super) async fn strict(played: &Played) {
    let strict = Model::shipped().named(1_001).to_toml().unwrap();
    let strict = strict.replace("join = 4.0", "join = 60.0").replace("review = 0.0", "review = 60.0");
    assert_eq!(strict.matches("= 60.0").count(), 2, "{strict}");
    let insert = format!(
        "INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{strict}', 1, 2, 3, 0)"
    );
    played.hub.database.execute(Shelf::Records, &insert);
    weigh(played, true).await;
}

async fn state_and_rectify(played: &Played, chance: &SeededChance) {
    for person in played.people() {
        let act = *chance.one_of(&["granted", "withdrawn", "denied"]);
        let mut said = json!({"subject_id": person, "act": act, "purpose": "newsletter_email", "channel": "email",
            "method": "written", "text_version": "2026-01", "evidence": {"letter": "of May"}});
        if chance.below(4) == 0 {
            said = json!({"subject_id": person, "act": "objected", "method": "written"});
        }
        let answer = played.hub.post(Role::Dpo, "/v1/consents", said).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        if chance.below(2) == 0 {
            let path = format!("/v1/subjects/{person}/rectification");
            let answer = played.hub.post(Role::Dpo, &path, json!({"person": {"family_name": "Richtig"}})).await;
            assert!(answer.status.is_success(), "{}", answer.text);
        }
        played.clock.pass(1_500);
    }
}

/// Without what only the one had: another model, and that somebody decided.
fn whole(played: &Played) -> BTreeMap<String, Vec<String>> {
    let mut all = played.whole();
    assert!(all.remove("records.model").is_some() && all.remove("records.apart").is_some());
    all
}

/// Two hubs get the same. In one comparing joins what two sources say of each person; there they are taken apart in the end, and
/// nothing tells the two hubs apart.
async fn taking_apart_undoes_what_comparing_and_grouping_anew_joined(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    for seed in 0..HISTORIES {
        let merged = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), seed).await;
        let alone = Played::open(fresh(dialect), seed).await;
        let as_they_arrive = seed % 2 == 0;
        let (mut away, mut said): (Vec<SubjectId>, usize) = (Vec::new(), 0);
        for played in [&merged, &alone] {
            strict(played).await;
            let chance = SeededChance::of(2_000 + seed);
            // Somebody says something before anything is known of them; their first record is found by it.
            let early = json!({"identifier": {"kind": "email", "value": "p0@example.org"}, "act": "objected", "method": "written"});
            let answer = played.hub.post(Role::Dpo, "/v1/consents", early).await;
            assert!(answer.status.is_success(), "{}", answer.text);
            played.clock.pass(1_500);
            let mail = json!([{"kind": "account", "value": "A-0", "verified": true}, {"kind": "email", "value": "p0@example.org"}]);
            played.bring(&[of(0, "webshop", "first", &json!({"identifiers": mail}))]).await;
            for person in 1..PEOPLE {
                played.bring(&[of(person, "webshop", "first", &json!({}))]).await;
            }
            state_and_rectify(played, &chance).await;
            if as_they_arrive && std::ptr::eq(played, &merged) {
                weigh(played, false).await;
            }
            for person in 0..PEOPLE {
                played.bring(&[of(person, "books", "first", &json!({}))]).await;
            }
            if std::ptr::eq(played, &merged) {
                if !as_they_arrive {
                    weigh(played, false).await;
                    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
                    assert_eq!((done.joined, done.parted, done.asked), (PEOPLE, 0, 0), "{done:?}");
                }
                assert_eq!(played.people().len(), PEOPLE, "history {seed}");
            } else {
                assert_eq!(played.people().len(), 2 * PEOPLE, "history {seed}");
            }
            for round in 0..4 {
                for person in 0..PEOPLE {
                    played.bring(&[more_of(person, round, &chance)]).await;
                }
            }
            said = said.max(usize::try_from(played.hub.database.count(Shelf::Records, "ledger")).unwrap());
            if std::ptr::eq(played, &merged) {
                for person in played.people() {
                    let work = played.hub.house.store.read(move |read| subjects::merged_into(read.records(), person));
                    // Who stated something before anything was known of them is older than their first record.
                    let parts = work.await.unwrap();
                    away.extend(parts.into_iter().filter(|part| *part > person));
                }
            }
        }
        assert!(said > PEOPLE, "hardly anybody said anything");
        for part in away {
            let person = merged.hub.house.store.write(move |write| subjects::living(write.records(), part)).await;
            let person = person.unwrap().unwrap().subject_id;
            let papers = Papers { decided: true, ..Papers::default() };
            let done = merged.hub.house.intake.separate(person, &Out::Parts(vec![part]), &papers, None).await;
            assert_eq!(done.unwrap().out, [part], "history {seed}");
        }
        assert_same(&whole(&merged), &whole(&alone), &format!("history {seed}"));
    }
}

/// Two are wrongly one when a record comes that has no identifier and is like those of the one. It goes with that one, and the state
/// is as if the two had never been one. That somebody took them apart says nothing of the record itself: when it says something else
/// one day, it is grouped by that.
async fn what_came_by_comparing_goes_with_whom_it_came_for(database: Database) {
    let dialect = database.dialect();
    let merged = Played::open(database, 91).await;
    let alone = Played::open(fresh(dialect), 91).await;
    for played in [&merged, &alone] {
        for person in 0..2 {
            played.bring(&[of(person, "webshop", "first", &json!({}))]).await;
        }
    }
    let [one, other] = merged.people()[..] else { panic!("{:?}", merged.people()) };
    assert_eq!(merged.merge(one, other).await, other);
    for played in [&merged, &alone] {
        played.bring(&[of(1, "books", "guest", &json!({"identifiers": []}))]).await;
    }
    assert_eq!((merged.people().len(), alone.people().len()), (1, 2));
    let papers = Papers { decided: true, ..Papers::default() };
    let parted = merged.hub.house.intake.separate(one, &Out::Parts(vec![other]), &papers, None).await;
    assert_eq!(parted.unwrap().out, [other]);
    assert_same(&whole(&merged), &whole(&alone), "a guest");
    let sources = async |person: SubjectId| {
        let links = merged.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
        let records = links["records"].as_array().unwrap();
        records.iter().map(|record| record["source"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let done = merged.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined, done.asked), (0, 0, 0), "{done:?}");
    assert_eq!((sources(one).await.len(), sources(other).await.len()), (1, 2));

    let newer = json!({"identifiers": [], "external_id": "1-guest", "updated_at": "2026-06-01T08:00:00Z"});
    merged.bring(&[of(0, "books", "guest", &newer)]).await;
    let done = merged.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined), (1, 1), "{done:?}");
    assert_eq!(sources(one).await, ["webshop", "books"], "kept from whose it is by what was decided of another");
    assert_eq!(sources(other).await, ["webshop"]);
}

/// A visitor is a guest's. Later another says yes, becomes wrongly one with somebody else, and the guest turns out to be like that
/// other. When the two are taken apart, the guest goes with the other, and the visitor is the guest's as before: what the other said
/// before they came is not said for them.
async fn who_was_merged_before_they_came_stays_merged_as_before(database: Database) {
    let dialect = database.dialect();
    let merged = Played::open(database, 93).await;
    let alone = Played::open(fresh(dialect), 93).await;
    for played in [&merged, &alone] {
        for person in 0..2 {
            played.bring(&[of(person, "webshop", "first", &json!({}))]).await;
        }
        played.bring(&[of(2, "books", "guest", &json!({"identifiers": []}))]).await;
        // Nothing of it is compared, so nothing of it speaks against anybody.
        let visitor = json!([{"kind": "anonymous_id", "value": "visitor-7"}]);
        let seen = json!({"name": "product_viewed", "occurred_at": "2026-06-01T08:00:00Z"});
        let visit = json!({"type": "event", "identifiers": visitor, "data": seen});
        played.bring(&[of(2, "webshop", "visit", &visit)]).await;
        let [_, other, guest, visitor] = played.people()[..] else { panic!("{:?}", played.people()) };
        assert_eq!(played.merge(guest, visitor).await, visitor);
        played.clock.pass(1_500);
        let yes = json!({"subject_id": other, "act": "granted", "purpose": "newsletter_email", "channel": "email",
            "method": "written", "text_version": "2026-01", "evidence": {"letter": "of May"}});
        let answer = played.hub.post(Role::Dpo, "/v1/consents", yes).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        played.clock.pass(1_500);
    }
    let [one, other, guest] = merged.people()[..] else { panic!("{:?}", merged.people()) };
    assert_eq!(merged.merge(one, other).await, other);
    for played in [&merged, &alone] {
        let newer = json!({"identifiers": [], "external_id": "2-guest", "updated_at": "2026-06-02T08:00:00Z"});
        played.bring(&[of(1, "books", "guest", &newer)]).await;
    }
    assert_eq!((merged.people().len(), alone.people().len()), (1, 2));
    let papers = Papers { decided: true, ..Papers::default() };
    let parted = merged.hub.house.intake.separate(one, &Out::Parts(vec![other]), &papers, None).await;
    assert_eq!(parted.unwrap().out, [other]);
    assert_same(&whole(&merged), &whole(&alone), "a guest with a visitor");
    let parts = merged.hub.house.store.read(move |read| subjects::merged_into(read.records(), guest)).await;
    assert_eq!(parts.unwrap().len(), 1, "the visitor is the guest's no more");
}

/// Three of one name may be one; of two pairs somebody could not tell. Two of them become one and are taken apart again: each has its
/// own questions, and what nobody could tell is not asked again. As one they are asked about once.
async fn what_is_asked_about_others_is_there_again(database: Database) {
    let dialect = database.dialect();
    let merged = Played::open(database, 92).await;
    let alone = Played::open(fresh(dialect), 92).await;
    let anna = |source: &str, id: &str| {
        json!({
            "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
            "identifiers": [], "data": {"person": {"given_name": "Anna", "family_name": "Schmidt"}},
        })
    };
    let open = async |played: &Played| {
        let asked = played.hub.get(Role::Dpo, "/v1/reviews").await.json();
        asked["reviews"].as_array().unwrap().iter().map(|review| review["id"].clone()).collect::<Vec<_>>()
    };
    for played in [&merged, &alone] {
        for id in ["one", "two", "three", "four"] {
            played.bring(&[anna("webshop", id)]).await;
        }
        let asked = open(played).await;
        assert_eq!((played.people().len(), asked.len()), (4, 6), "{asked:?}");
        // The second and the fourth.
        let path = format!("/v1/reviews/{}", asked[4].as_str().unwrap());
        let answer = played.hub.post(Role::Dpo, &path, json!({"answer": "unsure"})).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }
    let before = merged.whole();
    assert_same(&before, &alone.whole(), "before");
    for (one, other) in [(0, 1), (1, 3), (2, 3)] {
        let people = merged.people();
        let part = merged.merge(people[one], people[other]).await;
        // Where somebody could not tell of a part and as much is known of the whole, nobody is asked.
        assert!(open(&merged).await.len() <= 3, "asked twice about two people");
        let papers = Papers::default();
        let done = merged.hub.house.intake.separate(people[one], &Out::Parts(vec![part]), &papers, None).await;
        assert_eq!(done.unwrap().out, [part]);
        assert_same(&merged.whole(), &before, &format!("{one} and {other}"));
    }
    let people = merged.people();
    merged.merge(people[0], people[1]).await;
    let papers = Papers { decided: true, ..Papers::default() };
    let done = merged.hub.house.intake.separate(people[0], &Out::Parts(vec![people[1]]), &papers, None).await;
    assert_eq!(done.unwrap().out, [people[1]]);
    // Only what is decided now is not asked any more.
    assert_eq!((open(&merged).await.len(), open(&alone).await.len()), (4, 5));
}
