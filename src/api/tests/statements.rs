//! What a statement about somebody nobody knew yet does to data that comes later.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::hub::{Hub, consent, customer};
use super::reading::{MAX, with_max};
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::store::rows::Who;
use crate::types::{Clock as _, Role, Timestamp};

on_both_databases!(
    nobody_writes_under_the_hubs_own_source,
    a_yes_under_an_unproven_address_does_not_reach_data_that_comes_later,
    a_no_under_an_unproven_address_holds_for_data_that_comes_later,
    a_no_that_names_a_source_holds_for_data_of_every_source,
    a_withdrawal_counts_after_a_consent_from_a_clock_that_runs_ahead,
    a_no_reaches_everybody_who_shares_the_address,
    a_yes_under_a_shared_address_counts_for_nobody_and_tells_nothing,
    a_second_proof_of_the_same_statement_is_kept_and_the_same_one_is_not_kept_twice,
    the_same_no_said_again_adds_nothing_until_there_was_a_yes,
);

const NEWS: &str = "newsletter_email";

/// A customer whose address nobody verified.
fn unverified(id: &str, email: &str) -> Value {
    let mut record = customer(id, email);
    record["identifiers"][0]["verified"] = json!(false);
    record
}

async fn bring(hub: &Hub, record: Value) -> Value {
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    reply.json()
}

async fn say(hub: &Hub, statement: Value) {
    let reply = hub.post(Role::Partner, "/v1/consents", statement).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
}

async fn nobody_writes_under_the_hubs_own_source(database: Database) {
    let hub = Hub::open(database).await;
    let mut record = unverified("1", MAX);
    record["source"] = json!("hub");
    let reply = bring(&hub, record).await;
    assert_eq!(reply["summary"]["rejected"], 1, "{reply}");
    assert!(reply.to_string().contains("unknown_source"), "{reply}");
}

async fn a_yes_under_an_unproven_address_does_not_reach_data_that_comes_later(database: Database) {
    let hub = Hub::open(database).await;
    say(&hub, consent(MAX, "granted")).await;
    assert_eq!(bring(&hub, unverified("1", MAX)).await["summary"]["created"], 1);
    let read = hub.lookup(Role::Marketing, MAX, NEWS).await;
    assert!(!read.text.contains("Muster"), "{}", read.text);
    // Said after the data came, it counts for all of it.
    let mut again = consent(MAX, "granted");
    again.as_object_mut().unwrap().remove("at");
    say(&hub, again).await;
    let read = hub.lookup(Role::Marketing, MAX, NEWS).await;
    assert_eq!(read.json()["data"]["identity"]["family_name"], "Muster", "{}", read.text);
}

async fn a_no_under_an_unproven_address_holds_for_data_that_comes_later(database: Database) {
    let hub = Hub::open(database).await;
    let no = json!({"identifier": {"kind": "email", "value": MAX}, "act": "objected", "method": "written"});
    say(&hub, no).await;
    let mut record = unverified("1", MAX);
    record["consents"] = json!([{
        "purpose": NEWS, "channel": "email", "act": "granted", "at": "2026-01-10T09:05:00Z", "method": "double_opt_in",
        "text_version": "2026-01", "evidence": {"confirmed_at": "2026-01-10T09:06:00Z"},
    }]);
    bring(&hub, record).await;
    assert_eq!(hub.lookup(Role::Marketing, MAX, NEWS).await.status, StatusCode::NOT_FOUND);
}

async fn a_no_that_names_a_source_holds_for_data_of_every_source(database: Database) {
    let hub = Hub::open(database).await;
    let named = json!({"kind": "email", "value": MAX, "source": "webshop"});
    say(&hub, json!({"identifier": named, "act": "objected", "method": "written"})).await;
    let mut record = unverified("1", MAX);
    record["consents"] = json!([{
        "purpose": NEWS, "channel": "email", "act": "granted", "at": "2026-01-10T09:05:00Z", "method": "double_opt_in",
        "text_version": "2026-01", "evidence": {"confirmed_at": "2026-01-10T09:06:00Z"},
    }]);
    bring(&hub, record).await;
    assert_eq!(hub.lookup(Role::Marketing, MAX, NEWS).await.status, StatusCode::NOT_FOUND);
}

async fn a_withdrawal_counts_after_a_consent_from_a_clock_that_runs_ahead(database: Database) {
    let hub = with_max(database).await;
    let ahead = hub.house.clock.now().plus(200 * Timestamp::SECOND).rfc3339();
    let mut yes = consent(MAX, "granted");
    yes["at"] = json!(ahead);
    say(&hub, yes).await;
    let mut no = consent(MAX, "withdrawn");
    no.as_object_mut().unwrap().remove("at");
    let reply = hub.post(Role::Dpo, "/v1/consents", no).await;
    let person = reply.json()["subject_ids"][0].as_str().unwrap().parse().unwrap();
    let rows = hub.house.gateway.snapshot(Who::Subject(person)).await.unwrap().unwrap();
    let said = |act: Act| rows.ledger.iter().find(|row| row.act == act.number()).unwrap().happened_at;
    assert_eq!(said(Act::Withdrawn), said(Act::Granted));
}

async fn a_no_reaches_everybody_who_shares_the_address(database: Database) {
    let hub = Hub::open(database).await;
    let shared = "info@muster.org";
    let records: Vec<Value> = (0..70)
        .map(|id| {
            let mut record = unverified(&id.to_string(), shared);
            let account = json!({"kind": "account", "value": id.to_string()});
            record["identifiers"].as_array_mut().unwrap().push(account);
            record["data"]["person"]["given_name"] = json!(format!("Max{id}"));
            record
        })
        .collect();
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": records})).await;
    assert_eq!(reply.json()["summary"]["created"], 70, "{}", reply.text);
    let no = json!({"identifier": {"kind": "email", "value": shared}, "act": "objected", "method": "written"});
    let reply = hub.post(Role::Dpo, "/v1/consents", no).await;
    assert_eq!(reply.json()["subject_ids"].as_array().unwrap().len(), 70, "{}", reply.text);
}

async fn a_yes_under_a_shared_address_counts_for_nobody_and_tells_nothing(database: Database) {
    let hub = Hub::open(database).await;
    let shared = "info@muster.org";
    let records: Vec<Value> = (0..2)
        .map(|id| {
            let mut record = unverified(&id.to_string(), shared);
            record["data"]["person"]["given_name"] = json!(format!("Max{id}"));
            record
        })
        .collect();
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": records})).await;
    assert_eq!(reply.json()["summary"]["created"], 2, "{}", reply.text);
    for _ in 0..2 {
        // Once, and the very same again: the same answers as for an address nobody has.
        let known = hub.post(Role::Partner, "/v1/consents", consent(shared, "granted")).await;
        let unknown = hub.post(Role::Partner, "/v1/consents", consent("erika@muster.org", "granted")).await;
        assert_eq!(known.seen(), unknown.seen());
    }
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    let told = |reasons: &Value| {
        book["entries"].as_array().unwrap().iter().filter(|entry| &entry["body"]["reasons"] == reasons).count()
    };
    assert_eq!(told(&json!(["shared_identifier"])), 1, "{book}");
    assert_eq!(told(&json!(["shared_identifier", "repeated"])), 1, "{book}");
    assert_eq!(told(&json!(["repeated"])), 1, "of an address nobody had");
    // Neither of the two said yes.
    let saved = hub
        .ask(Role::Marketing, actix_web::test::TestRequest::get().uri("/v1/segments/newsletter_subscribers/members"));
    assert!(!saved.await.text.contains("Max"), "nobody is written to");
    let officer = hub.post(Role::Dpo, "/v1/consents", consent(shared, "granted")).await;
    assert_eq!(officer.code(), "conflict", "{}", officer.text);
}

/// The ledger of whoever has this address.
async fn ledger_of(hub: &Hub, email: &str) -> Vec<crate::store::rows::LedgerRow> {
    let body = json!({"identifier": {"kind": "email", "value": email}, "purpose": "subject_access"});
    let found = hub.post(Role::Dpo, "/v1/profiles/lookup", body).await.json();
    let subject: crate::types::SubjectId = found["subject_id"].as_str().unwrap().parse().unwrap();
    hub.house.store.read(move |read| crate::store::ledger::of(read.records(), subject)).await.unwrap()
}

async fn a_second_proof_of_the_same_statement_is_kept_and_the_same_one_is_not_kept_twice(database: Database) {
    let hub = with_max(database).await;
    let mut statement = consent(MAX, "granted");
    say(&hub, statement.clone()).await;
    assert_eq!(hub.post(Role::Partner, "/v1/consents", statement.clone()).await.status, StatusCode::OK);
    statement["evidence"] = json!({"form_url": "https://shop.example/other"});
    say(&hub, statement.clone()).await;
    assert_eq!(hub.post(Role::Partner, "/v1/consents", statement).await.status, StatusCode::OK);
    let entries = ledger_of(&hub, MAX).await;
    assert_eq!(entries.len(), 2);
    assert!(entries[0].evidence_mac != entries[1].evidence_mac && !entries[1].evidence.is_empty());
    assert_eq!(hub.lookup(Role::Partner, MAX, NEWS).await.status, StatusCode::OK);

    // The same from a source.
    let claim = |form: &str| {
        let mut record = customer("7", MAX);
        record["external_id"] = json!(form);
        record["consents"] = json!([{"purpose": NEWS, "channel": "email", "act": "granted", "method": "double_opt_in",
            "at": "2026-02-10T09:05:00Z", "text_version": "2026-01", "evidence": {"form_url": form}}]);
        record
    };
    for form in ["one", "one-again", "two"] {
        let mut record = claim(form.trim_end_matches("-again"));
        record["external_id"] = json!(form);
        bring(&hub, record).await;
    }
    assert_eq!(ledger_of(&hub, MAX).await.len(), 4);
}

async fn the_same_no_said_again_adds_nothing_until_there_was_a_yes(database: Database) {
    let hub = with_max(database).await;
    let no = json!({"identifier": {"kind": "email", "value": MAX}, "purpose": NEWS, "channel": "email", "act": "objected",
        "method": "link"});
    let post = async || hub.post(Role::Partner, "/v1/consents", no.clone()).await;
    assert_eq!(post().await.status, StatusCode::CREATED);
    for _ in 0..3 {
        let again = post().await;
        assert_eq!((again.status, &again.json()["recorded"]), (StatusCode::OK, &json!(false)));
    }
    assert_eq!(ledger_of(&hub, MAX).await.len(), 1);
    let mut elsewhere = no.clone();
    elsewhere["channel"] = json!(null);
    say(&hub, elsewhere).await;
    let mut yes = consent(MAX, "granted");
    for dated in ["at", "requested_at", "confirmed_at"] {
        yes.as_object_mut().unwrap().remove(dated);
    }
    say(&hub, yes).await;
    assert_eq!(post().await.status, StatusCode::CREATED);
    assert_eq!(ledger_of(&hub, MAX).await.len(), 4);
}
