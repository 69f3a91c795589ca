//! What no purpose of its source keeps never enters the hub, and storage limitation finds nothing of what just came.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::hub::{Hub, customer};
use super::whole_state::Played;
use crate::clock_and_chance::SeededChance;
use crate::consent::Terms;
use crate::databases::{Database, on_both_databases};
use crate::intake::{Outcome, Taken};
use crate::rights::Rule;
use crate::store::Shelf;
use crate::types::{Category, CategorySet, Clock as _, Ground, PurposeCode, Role, Timestamp};

on_both_databases!(
    right_after_an_import_nothing_is_due,
    what_no_purpose_keeps_is_not_stored_and_said_so,
    what_a_new_purpose_keeps_comes_in_with_the_same_version,
    an_event_no_purpose_keeps_is_counted_and_not_stored,
);

/// How many rulebooks are tried.
const RULEBOOKS: u64 = 12;
/// The rules by which something that is there is taken away.
const TAKES: [Rule; 5] =
    [Rule::PurposesOver, Rule::SourceClockOver, Rule::StatuteOver, Rule::Records, Rule::CategoryKeys];

impl Hub {
    /// Says on what terms a source gives its data.
    async fn terms(&self, code: &str, terms: &Terms) {
        let named = (code.to_owned(), code.to_owned(), "api".to_owned());
        self.house.rulebook.put_source(named, terms, |_| true, self.house.clock.now()).await.unwrap().unwrap();
    }

    fn stored(&self) -> i64 {
        self.database.count(Shelf::Records, "record")
    }
}

fn codes(codes: &[&str]) -> Option<std::collections::BTreeSet<PurposeCode>> {
    Some(codes.iter().map(|code| code.parse().unwrap()).collect())
}

/// Each purpose names other categories and keeps them for another time.
async fn shuffle(hub: &Hub, chance: &SeededChance) {
    for purpose in hub.house.rulebook.edition().purposes() {
        let mut purpose = (*purpose).clone();
        let named = |_: &Category| chance.below(4) == 0;
        let categories: CategorySet = CategorySet::all().iter().filter(named).collect();
        if !purpose.own_access {
            purpose.categories = categories;
            purpose.retention_days = *chance.one_of(&[1, 40, 400, 4_000]);
            // Nobody is asked, so that only what is configured decides.
            if purpose.ground != Ground::LegalObligation {
                purpose.ground = Ground::LegitimateInterest;
                (purpose.existing_customer_advertising, purpose.direct_marketing) = (false, false);
            }
            purpose.reads_retained = purpose.ground == Ground::LegalObligation && chance.below(3) > 0;
        }
        hub.house.rulebook.put_purpose(purpose, hub.house.clock.now()).await.unwrap();
    }
}

/// Somebody's account, and what they did up to ten years ago.
fn somebody(number: usize, source: &str, now: Timestamp, chance: &SeededChance) -> Vec<Value> {
    let told = now.plus(-Timestamp::SECOND).rfc3339();
    let mail = format!("somebody{number}@example.org");
    let record = |kind: &str, id: String, data: Value| {
        json!({
            "type": kind, "source": source, "external_id": id, "updated_at": told, "data": data,
            "identifiers": [{"kind": "email", "value": mail}],
        })
    };
    let ago = || now.plus_days(-i64::try_from(chance.below(3_650)).unwrap()).plus(-Timestamp::SECOND).rfc3339();
    let name: String = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'k')).collect();
    let person = json!({"given_name": name.repeat(2), "family_name": name.repeat(3)});
    let street = format!("{name}straße {number}");
    let addresses = json!([{"street": street, "postal_code": "23552", "city": "Lübeck", "country": "DE"}]);
    let account = json!({"person": person, "addresses": addresses, "registered_at": ago(), "note": "Bitte klingeln."});
    let order = json!({
        "number": format!("o{number}"), "ordered_at": ago(), "status": "completed", "currency": "EUR", "total": "19.90",
        "person": person, "addresses": addresses,
    });
    let invoice = json!({
        "number": format!("i{number}"), "issued_at": ago(), "currency": "EUR", "total": "19.90", "person": person,
    });
    let event = json!({"name": "Seen", "occurred_at": ago()});
    let review = json!({"reviewed_at": ago(), "rating": "4", "text": "Gut.", "person": person});
    vec![
        record("customer", format!("c{number}"), account),
        record("order", format!("o{number}"), order),
        record("invoice", format!("i{number}"), invoice),
        record("event", format!("e{number}"), event),
        record("review", format!("r{number}"), review),
    ]
}

async fn right_after_an_import_nothing_is_due(database: Database) {
    let chance = SeededChance::of(7);
    let played = Played::open(database, 7).await;
    let hub = &played.hub;
    let (mut left_out, mut unread, mut stored, mut known) = (0, 0, 0, Vec::new());
    for rulebook in 0..RULEBOOKS {
        shuffle(hub, &chance).await;
        let all = hub.house.rulebook.edition().purposes();
        let named = all.iter().filter(|_| chance.below(3) > 0).map(|purpose| purpose.code.clone()).collect();
        let terms = Terms {
            purposes: (chance.below(2) == 0).then_some(named),
            keep_days_after_delivery: (chance.below(3) == 0).then_some(30),
            ..Terms::default()
        };
        let source = format!("source{rulebook}");
        hub.terms(&source, &terms).await;
        let now = played.clock.now();
        let number = |at: u64| usize::try_from(rulebook * 10 + at).unwrap();
        let records: Vec<Value> = (0..4).flat_map(|at| somebody(number(at), &source, now, &chance)).collect();
        let lines: Vec<Vec<u8>> = records.iter().map(|record| record.to_string().into_bytes()).collect();
        for Taken { outcome, left_out: out } in hub.house.intake.ingest(&lines).await.unwrap() {
            assert!(matches!(outcome, Outcome::Created | Outcome::Unread), "{outcome:?}");
            assert!(out.iter().all(|one| one.code == "no_purpose"), "{out:?}");
            left_out += out.len();
            unread += usize::from(outcome == Outcome::Unread);
            stored += usize::from(outcome == Outcome::Created);
        }
        let mut people = played.people();
        people.retain(|person| !known.contains(person));
        known.extend(&people);
        let due = hub.house.rights.due_of(people.clone()).await.unwrap();
        assert!(TAKES.iter().all(|rule| due.of(*rule) == 0), "rulebook {rulebook}: {}", due.text());
        // Nor after a run, which notes what only a law keeps.
        hub.house.rights.forget(people.clone()).await.unwrap();
        let again = hub.house.rights.due_of(people).await.unwrap();
        assert!(TAKES.iter().all(|rule| again.of(*rule) == 0), "rulebook {rulebook}: {}", again.text());
    }
    assert!(left_out > 100 && unread > 10 && stored > 50, "{left_out} {unread} {stored}: nothing was tried");
}

async fn what_no_purpose_keeps_is_not_stored_and_said_so(database: Database) {
    let hub = Hub::open(database).await;
    hub.terms("till", &Terms { purposes: codes(&["newsletter_email"]), ..Terms::default() }).await;
    let mut account = customer("1", "max@muster.org");
    account["source"] = json!("till");
    account["data"]["addresses"] = json!([{"street": "Am Speicher 5", "city": "Lübeck", "country": "DE"}]);
    let event = json!({
        "type": "event", "source": "till", "external_id": "e1", "updated_at": "2026-03-07T13:40:01Z",
        "data": {"name": "Seen", "occurred_at": "2026-03-07T13:40:01Z"},
    });
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": [account, event]})).await.json();
    let out = |category: &str| {
        json!([{
            "code": "no_purpose", "pointer": "",
            "detail": format!("no purpose of the source keeps what is of the category {category}"),
        }])
    };
    let results = json!([
        {"index": 0, "outcome": "created", "left_out": out("address")},
        {"index": 1, "outcome": "unread", "left_out": out("engagement")},
    ]);
    assert_eq!(reply["results"], results, "{reply}");
    let summary = &reply["summary"];
    assert_eq!([&summary["created"], &summary["unread"], &summary["incomplete"]], [1, 1, 1], "{summary}");
    assert_eq!(hub.stored(), 1, "what nobody may read was stored");
    let copy = json!({"identifier": {"kind": "email", "value": "max@muster.org"}, "purpose": "subject_access"});
    let copy = hub.post(Role::Dpo, "/v1/profiles/lookup", copy).await;
    assert!(copy.text.contains("Muster") && !copy.text.contains("Speicher"), "{}", copy.text);
}

async fn what_a_new_purpose_keeps_comes_in_with_the_same_version(database: Database) {
    let hub = Hub::open(database).await;
    let outcome = async |record: &Value| {
        let reply = hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await.json();
        assert_eq!(reply["summary"]["rejected"], 0, "{reply}");
        let words = ["created", "updated", "unchanged", "stale"];
        *words.iter().find(|word| reply["summary"][**word] == 1).unwrap()
    };
    for number in 0..6 {
        hub.terms("till", &Terms { purposes: codes(&["newsletter_email"]), ..Terms::default() }).await;
        let mut account = customer(&number.to_string(), &format!("max{number}@muster.org"));
        account["source"] = json!("till");
        account["data"]["addresses"] = json!([{"street": "Am Speicher 5", "city": "Lübeck", "country": "DE"}]);
        assert_eq!(outcome(&account).await, "created");
        hub.terms("till", &Terms { purposes: codes(&["newsletter_email", "postal_marketing"]), ..Terms::default() })
            .await;
        assert_eq!(outcome(&account).await, "updated", "what a purpose keeps now did not come in");
        assert_eq!(outcome(&account).await, "unchanged");
    }
}

async fn an_event_no_purpose_keeps_is_counted_and_not_stored(database: Database) {
    let hub = Hub::open(database).await;
    hub.terms("webshop", &Terms { purposes: codes(&["newsletter_email"]), ..Terms::default() }).await;
    let event = json!({"type": "track", "anonymousId": "visitor-1", "messageId": "m1", "event": "Seen"});
    let request = actix_web::test::TestRequest::post().uri("/v1/track").set_json(event);
    let answer = hub.ask(Role::Collector, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(hub.stored(), 0);
    let counted = hub.get(Role::Admin, "/v1/sources/webshop/turned-away").await;
    assert!(counted.text.contains("no_purpose"), "{}", counted.text);
}
