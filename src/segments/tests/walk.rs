//! Pulls from a real store, through the real door.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::{Cursor, Error, Segment, SegmentCode};
use super::house::{House, key};
use super::*;
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::types::SubjectId;

on_both_databases!(
    only_people_who_consented_and_only_the_fields_they_are_needed_for,
    a_rule_may_need_a_second_purpose_and_then_both_must_allow,
    pages_meet_everybody_once_and_tell_exclusions_at_the_end,
    a_cursor_ends_with_the_version_it_was_made_for,
    what_does_not_fit_the_purpose_is_not_saved,
    orders_know_their_source_and_every_rule_needs_both_purposes,
);

fn code(text: &str) -> SegmentCode {
    text.parse().unwrap()
}

fn customer(name: &str) -> Value {
    json!({
        "identity": {"given_name": name, "family_name": "Muster", "language": "de", "tags": ["secret-tag"]},
        "contact": {
            "emails": [
                {"value": format!("{name}@relay.example"), "verified": true, "mailbox": "relay"},
                {"value": format!("{name}@example.org"), "verified": true, "mailbox": "personal"},
            ],
            "phones": [{"value": "+491701234567", "verified": true}],
        },
    })
}

fn order(days: i64) -> Value {
    json!({"commerce": {"order": {
        "ordered_at": now().plus_days(-days).rfc3339(), "status": "delivered", "currency": "EUR", "total": "10.00",
    }}})
}

async fn subscriber(house: &House, name: &str, orders: &[i64]) -> SubjectId {
    let mut documents = vec![customer(name)];
    documents.extend(orders.iter().map(|days| order(*days)));
    let person = house.person(documents).await;
    house.says(person, Act::Granted, "newsletter_email").await;
    person
}

async fn only_people_who_consented_and_only_the_fields_they_are_needed_for(database: Database) {
    let house = House::open(database).await;
    let anna = subscriber(&house, "anna", &[]).await;
    house.person(vec![customer("bert")]).await;
    let carla = subscriber(&house, "carla", &[]).await;
    house.says(carla, Act::Withdrawn, "newsletter_email").await;
    let caller = key(&["newsletter_email"]);
    let page = house.segments.page(&caller, &code("newsletter_subscribers"), None, 100).await.unwrap();
    let told = serde_json::to_value(&page).unwrap();
    assert_eq!(page.members.len(), 1);
    assert_eq!(page.members[0].subject_id, anna);
    assert_eq!(
        told["members"][0]["data"],
        json!({
            "identity": {"given_name": "anna", "family_name": "Muster"},
            "contact": {"emails": [{"value": "anna@example.org"}]},
        })
    );
    // The others are one each: too few to be told.
    assert_eq!(told["excluded"], json!({"reasons": {}, "some_suppressed": true}));
    assert_eq!(told["next"], Value::Null);
    let opt_out = house.segments.opt_out(page.members[0].opt_out.as_deref().unwrap()).unwrap();
    assert_eq!((opt_out.subject, opt_out.purpose.as_str()), (anna, "newsletter_email"));
    assert_eq!(house.segments.opt_out("AAAA"), None);
    let book = house.lines().await.concat();
    assert!(book.contains("api_key:00000000-0000-0000-0000-000000000007"), "the recipient stands in the book");
    assert!(book.contains("segment:newsletter_subscribers"));
    assert!(!book.contains("anna@"));
}

async fn a_rule_may_need_a_second_purpose_and_then_both_must_allow(database: Database) {
    let house = House::open(database).await;
    let lost = subscriber(&house, "lost", &[500]).await;
    subscriber(&house, "loyal", &[500, 5]).await;
    let objecting = subscriber(&house, "objecting", &[500]).await;
    house.says(objecting, Act::Objected, "customer_value").await;
    house.person(vec![customer("silent"), order(500)]).await;
    let caller = key(&["newsletter_email", "customer_value"]);
    let page = house.segments.page(&caller, &code("win_back"), None, 100).await.unwrap();
    assert_eq!(page.members.iter().map(|member| member.subject_id).collect::<Vec<_>>(), [lost]);
    assert!(!serde_json::to_string(&page.members).unwrap().contains("order"));
    assert_eq!(house.segments.count(&caller, &code("win_back")).await.unwrap().members, 1);
    // A key for the newsletter alone may not learn who is lost.
    let refused = house.segments.page(&key(&["newsletter_email"]), &code("win_back"), None, 100).await;
    assert!(matches!(refused, Err(Error::NotAllowed(_))));
    let why = serde_json::to_value(house.segments.of_person(lost).await.unwrap()).unwrap();
    let codes: Vec<&str> = why.as_array().unwrap().iter().map(|one| one["segment"].as_str().unwrap()).collect();
    assert_eq!(codes, ["newsletter_subscribers", "win_back"]);
    assert!(why[1]["because"]["en"].as_str().unwrap().contains("computed: lost (last order 500 days ago"));
    assert_eq!(house.segments.of_person(objecting).await.unwrap().len(), 1);
}

async fn pages_meet_everybody_once_and_tell_exclusions_at_the_end(database: Database) {
    let house = House::open(database).await;
    let mut everybody = BTreeSet::new();
    for number in 0..23 {
        everybody.insert(subscriber(&house, &format!("p{number}"), &[]).await);
        if number < 7 {
            house.person(vec![customer("x")]).await;
        }
    }
    let caller = key(&["newsletter_email"]);
    let newsletter = code("newsletter_subscribers");
    let (mut met, mut cursor, mut pages) = (Vec::new(), None::<Cursor>, 0);
    loop {
        let page = house.segments.page(&caller, &newsletter, cursor.as_ref(), 5).await.unwrap();
        assert!(page.members.len() <= 5);
        assert_eq!(page.next.is_some(), page.excluded.is_none());
        met.extend(page.members.iter().map(|member| member.subject_id));
        pages += 1;
        assert!(pages < 60, "a walk ends");
        match page.next {
            Some(next) => cursor = Some(Cursor::from_text(next.as_str())),
            None => {
                assert_eq!(page.excluded.unwrap().reasons, BTreeMap::from([("no_consent", 7)]));
                break;
            }
        }
    }
    assert_eq!(met.len(), 23);
    assert_eq!(met.into_iter().collect::<BTreeSet<_>>(), everybody);
    let count = house.segments.count(&caller, &newsletter).await.unwrap();
    assert_eq!((count.members, count.excluded.reasons), (23, BTreeMap::from([("no_consent", 7)])));
}

async fn a_cursor_ends_with_the_version_it_was_made_for(database: Database) {
    let house = House::open(database).await;
    for number in 0..3 {
        subscriber(&house, &format!("p{number}"), &[]).await;
    }
    let caller = key(&["newsletter_email"]);
    let newsletter = code("newsletter_subscribers");
    let page = house.segments.page(&caller, &newsletter, None, 1).await.unwrap();
    let next = page.next.unwrap();
    let person = page.members[0].subject_id;
    assert!(!next.as_str().contains(&person.to_string()));
    let forged = Cursor::from_text(&next.as_str().replace(|c: char| c.is_ascii_digit(), "A"));
    assert!(matches!(house.segments.page(&caller, &newsletter, Some(&forged), 1).await, Err(Error::Cursor)));
    let elsewhere = house.segments.page(&caller, &code("birthday_this_month"), Some(&next), 1).await;
    assert!(matches!(elsewhere, Err(Error::Cursor)));
    let stored = house.segments.find(&newsletter).await.unwrap().unwrap();
    let saved = house.segments.save(&caller, stored.segment).await.unwrap();
    assert_eq!(saved.version, stored.version + 1);
    let changed = house.segments.page(&caller, &newsletter, Some(&next), 1).await.err().unwrap();
    assert!(matches!(changed, Error::Changed));
}

async fn what_does_not_fit_the_purpose_is_not_saved(database: Database) {
    let house = House::open(database).await;
    let save = async |change: Value| {
        let mut segment = json!({
            "code": "mine", "title": {"de": "Meins", "en": "Mine"}, "purpose": "newsletter_email", "rule": {"all": []},
        });
        segment.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let segment = Segment::read(segment).unwrap();
        match house.segments.save(&key(&[]), segment).await {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| (fault.code, fault.pointer)).collect(),
            Err(error) => panic!("{error}"),
        }
    };
    for (change, code, pointer) in [
        (json!({"rule": {"orders": {}}}), "category_not_in_purpose", "/rule"),
        (json!({"fields": ["commerce.orders"]}), "category_not_in_purpose", "/fields/0"),
        (json!({"fields": ["contact.phones"]}), "field_not_for_channel", "/fields/0"),
        (json!({"fields": ["identity.shoe_size"]}), "unknown_field", "/fields/0"),
        (json!({"channel": "post"}), "channel_not_in_purpose", "/channel"),
        (json!({"purpose": "nothing_such"}), "purpose_unknown", "/purpose"),
        (json!({"purpose": "subject_access"}), "own_access_only", "/purpose"),
        (json!({"select_under": "postal_marketing"}), "purpose_addresses_people", "/select_under"),
        (json!({"purpose": "customer_value"}), "nothing_asked", "/fields"),
    ] {
        let faults = save(change.clone()).await;
        assert!(faults.contains(&(code, pointer.to_owned())), "{change}: {faults:?}");
    }
    assert_eq!(save(json!({})).await, []);
    let unsaved = house.segments.find(&code("mine")).await.unwrap().unwrap().segment;
    assert_eq!(house.segments.preview(&key(&["newsletter_email"]), &unsaved).await.unwrap().members, 0);
    assert!(matches!(house.segments.preview(&key(&[]), &unsaved).await, Err(Error::NotAllowed(_))));
    let stale = house.segments.delete(&key(&[]), &code("mine"), |found| found.is_none()).await;
    assert!(matches!(stale, Err(Error::OtherVersion)));
    house
        .segments
        .delete(&key(&[]), &code("mine"), |found| found.is_some_and(|(_, version)| version == 1))
        .await
        .unwrap();
    let gone = house.segments.delete(&key(&[]), &code("mine"), |_| true).await;
    assert!(matches!(gone, Err(Error::Unknown)));
    assert!(matches!(house.segments.page(&key(&[]), &code("mine"), None, 1).await, Err(Error::Unknown)));
}

async fn orders_know_their_source_and_every_rule_needs_both_purposes(database: Database) {
    let house = House::open(database).await;
    let buyer = subscriber(&house, "buyer", &[10]).await;
    subscriber(&house, "visitor", &[]).await;
    let caller = key(&["newsletter_email", "customer_value"]);
    let segment = |rule: Value| {
        let title = json!({"de": "Käufer", "en": "Buyers"});
        Segment::read(json!({
            "code": "buyers", "title": title, "purpose": "newsletter_email", "select_under": "customer_value",
            "rule": rule, "fields": ["contact.emails", "identity.given_name"], "contact_points": "all",
        }))
        .unwrap()
    };
    let stored = house.segments.save(&caller, segment(json!({"channel": ["webshop"]}))).await.unwrap();
    let page = house.segments.page(&caller, &code("buyers"), None, 10).await.unwrap();
    assert_eq!(page.members.iter().map(|member| member.subject_id).collect::<Vec<_>>(), [buyer]);
    let table = house.segments.table(&stored.segment).unwrap();
    let header = String::from_utf8(table.header().unwrap()).unwrap();
    let names =
        "subject_id,opt_out,contact.emails.value,contact.emails.verified,contact.emails.mailbox,identity.given_name";
    assert_eq!(header.trim_end(), names);
    let row = String::from_utf8(table.row(&page.members[0]).unwrap()).unwrap();
    assert!(row.ends_with(",buyer@example.org,true,personal,buyer\r\n"));
    let elsewhere = segment(json!({"channel": ["marketplace"]}));
    assert_eq!(house.segments.preview(&caller, &elsewhere).await.unwrap().members, 0);
    // A rule that asks nothing is no way around the purpose that selects.
    let everybody = segment(json!({"all": []}));
    assert_eq!(house.segments.preview(&caller, &everybody).await.unwrap().members, 2);
    house.says(buyer, Act::Objected, "customer_value").await;
    assert_eq!(house.segments.preview(&caller, &everybody).await.unwrap().members, 1);
}
