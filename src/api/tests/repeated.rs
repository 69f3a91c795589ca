//! What a source sends with everything it sends: what was said before is no news, and what was said since is.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::hub::{Hub, consent, customer};
use super::reading::{MAX, with_max};
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::Role;

on_both_databases!(
    a_no_that_is_sent_again_after_a_yes_counts,
    a_no_without_a_moment_is_told_once_by_each_record,
    a_yes_without_a_moment_is_refused,
    a_no_is_no_news_only_if_no_yes_of_anybody_they_are_came_since,
    a_no_on_every_channel_ends_a_yes_on_one,
);

const NEWS: &str = "newsletter_email";

/// What a customer's record says of the newsletter, as it was changed on that day.
fn claim(id: &str, act: &str, day: &str, how: &str) -> Value {
    let mut record = customer(id, MAX);
    record["updated_at"] = json!(format!("{day}T12:00:00Z"));
    let mut claim =
        json!({"purpose": NEWS, "channel": "email", "act": act, "at": format!("{day}T09:00:00Z"), how: true});
    if act == "granted" {
        claim["method"] = json!("double_opt_in");
        claim["text_version"] = json!("2026-01");
        claim["evidence"] = json!({"confirmed_at": format!("{day}T09:01:00Z")});
    }
    record["consents"] = json!([claim]);
    record
}

/// One of which the source says when it was said.
fn said_at(id: &str, act: &str, day: &str) -> Value {
    let mut record = claim(id, act, day, "repeated");
    record["consents"][0]["repeated"] = json!(false);
    record
}

async fn bring(hub: &Hub, record: Value) -> i64 {
    let before = entries(hub);
    let brought = hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await;
    let summary = &brought.json()["summary"];
    assert_eq!((brought.status, &summary["rejected"]), (StatusCode::OK, &json!(0)), "{}", brought.text);
    entries(hub) - before
}

fn entries(hub: &Hub) -> i64 {
    hub.database.count(Shelf::Records, "ledger")
}

/// Somewhere else than at the shop.
async fn agree(hub: &Hub, day: &str) {
    let mut said = consent(MAX, "granted");
    for field in ["at", "requested_at", "confirmed_at"] {
        said[field] = json!(format!("{day}T10:00:00Z"));
    }
    let said = hub.post(Role::Partner, "/v1/consents", said).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
}

async fn may_be_written_to(hub: &Hub) -> bool {
    hub.lookup(Role::Marketing, MAX, NEWS).await.status == StatusCode::OK
}

/// A banner told a no, then, as somebody agreed elsewhere, that they agree, and then a no again.
async fn a_no_that_is_sent_again_after_a_yes_counts(database: Database) {
    let hub = with_max(database).await;
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-01", "repeated")).await, 1);
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-02", "repeated")).await, 0, "it says the same");
    agree(&hub, "2026-04-03").await;
    assert_eq!(bring(&hub, claim("1", "granted", "2026-04-04", "repeated")).await, 0, "it says the same");
    assert!(may_be_written_to(&hub).await);
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-05", "repeated")).await, 1);
    assert!(!may_be_written_to(&hub).await);
}

/// It is as old as when the record told it first; that of another account is another one.
async fn a_no_without_a_moment_is_told_once_by_each_record(database: Database) {
    let hub = with_max(database).await;
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-01", "undated")).await, 1);
    agree(&hub, "2026-04-02").await;
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-03", "undated")).await, 0);
    assert!(may_be_written_to(&hub).await, "an old no ends no later yes");
    assert_eq!(bring(&hub, claim("2", "withdrawn", "2026-04-04", "undated")).await, 1);
    assert!(!may_be_written_to(&hub).await, "the other account's is its first");
    agree(&hub, "2026-04-05").await;
    for (id, day) in [("1", "2026-04-06"), ("2", "2026-04-06"), ("2", "2026-04-07")] {
        assert_eq!(bring(&hub, claim(id, "withdrawn", day, "undated")).await, 0, "{id}");
    }
    // Who agreed there since, and then did not any more, is heard.
    assert_eq!(bring(&hub, said_at("1", "granted", "2026-04-08")).await, 1);
    assert_eq!(bring(&hub, claim("1", "withdrawn", "2026-04-09", "undated")).await, 1);
    assert!(!may_be_written_to(&hub).await);
}

async fn a_yes_without_a_moment_is_refused(database: Database) {
    let hub = with_max(database).await;
    let record = claim("1", "granted", "2026-04-01", "undated");
    let told = hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await.json();
    assert_eq!((&told["summary"]["rejected"], entries(&hub)), (&json!(1), 0), "{told}");
    assert_eq!(told["results"][0]["pointer"], "/consents/0/undated", "{told}");
}

/// A yes that was said as somebody else counts for who is found to be both: a no that is sent again after it is heard.
async fn a_no_is_no_news_only_if_no_yes_of_anybody_they_are_came_since(database: Database) {
    let played = Played::open(database, 41).await;
    let other = |mut record: Value| {
        record["source"] = json!("books");
        record["identifiers"][0]["value"] = json!("moritz@muster.org");
        record["data"]["person"] = json!({"given_name": "Moritz", "family_name": "Bolte"});
        record
    };
    played.bring(&[claim("1", "withdrawn", "2026-04-01", "repeated")]).await;
    played.bring(&[other(said_at("2", "granted", "2026-04-03"))]).await;
    let [one, two] = played.people()[..] else { panic!("{:?}", played.people()) };
    played.merge(one, two).await;
    let before = entries(&played.hub);
    played.bring(&[claim("1", "withdrawn", "2026-04-02", "repeated")]).await;
    assert_eq!(entries(&played.hub) - before, 0, "of before the yes, and said then");
    played.bring(&[claim("1", "withdrawn", "2026-04-05", "repeated")]).await;
    assert_eq!(entries(&played.hub) - before, 1);
}

async fn a_no_on_every_channel_ends_a_yes_on_one(database: Database) {
    let hub = with_max(database).await;
    let everywhere = |day: &str| {
        let mut record = claim("1", "withdrawn", day, "repeated");
        record["consents"][0].as_object_mut().unwrap().remove("channel");
        record
    };
    assert_eq!(bring(&hub, everywhere("2026-04-01")).await, 1);
    agree(&hub, "2026-04-03").await;
    assert_eq!(bring(&hub, everywhere("2026-04-05")).await, 1);
    assert!(!may_be_written_to(&hub).await);
}
