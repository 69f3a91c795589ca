//! Reading people, and what they said about it.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::json;

use super::hub::{Hub, SENTINEL, consent, customer};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    consent_opens_and_a_withdrawal_closes_at_once,
    unknown_refused_and_not_configured_are_one_answer,
    a_lookup_that_makes_no_sense_points_at_the_field_and_repeats_nothing,
    a_statement_of_somebody_nobody_knew_looks_the_same,
    statements_that_cannot_count_are_turned_away_with_their_place,
    the_officer_learns_why_and_nothing_else,
    every_read_leaves_its_line_and_the_book_is_whole,
);

pub(super) const MAX: &str = "max@muster.org";

pub(super) async fn with_max(database: Database) -> Hub {
    let hub = Hub::open(database).await;
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": [customer("1", MAX)]})).await;
    assert_eq!(reply.json()["summary"]["created"], 1, "{}", reply.text);
    hub
}

async fn consent_opens_and_a_withdrawal_closes_at_once(database: Database) {
    let hub = with_max(database).await;
    assert_eq!(hub.lookup(Role::Marketing, MAX, "newsletter_email").await.status, StatusCode::NOT_FOUND);
    let said = hub.subscribe(MAX).await;
    assert_eq!((said.status, said.json()), (StatusCode::CREATED, json!({"recorded": true})));
    // The very same statement again changes nothing.
    assert_eq!(hub.subscribe(MAX).await.status, StatusCode::OK);

    let found = hub.lookup(Role::Marketing, "MAX@muster.org", "newsletter_email").await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text);
    let reply = found.json();
    assert_eq!(reply["data"]["contact"]["emails"][0]["value"], MAX);
    assert_eq!(reply["data"]["identity"]["family_name"], "Muster");
    assert_eq!(reply["decision"]["outcome"], "allow");
    let id = reply["subject_id"].as_str().unwrap();
    let path = format!("/v1/profiles/{id}?purpose=newsletter_email&channel=email&categories=contact&reason=test");
    let read = hub.get(Role::Marketing, &path).await.json();
    assert_eq!(read["data"]["contact"]["emails"][0]["value"], MAX);
    assert!(read["data"].get("identity").is_none());

    let mut withdrawn = consent(MAX, "withdrawn");
    withdrawn["at"] = json!("2026-02-01T00:00:00Z");
    withdrawn["method"] = json!("link");
    let said = hub.post(Role::Partner, "/v1/consents", withdrawn).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    assert_eq!(hub.lookup(Role::Marketing, MAX, "newsletter_email").await.status, StatusCode::NOT_FOUND);
    assert_eq!(hub.get(Role::Marketing, &path).await.status, StatusCode::NOT_FOUND);
}

async fn unknown_refused_and_not_configured_are_one_answer(database: Database) {
    let hub = with_max(database).await;
    let unknown = hub.lookup(Role::Partner, "erika@muster.org", "newsletter_email").await;
    let refused = hub.lookup(Role::Partner, MAX, "newsletter_email").await;
    let out_of_scope = hub.lookup(Role::Partner, MAX, "bookkeeping").await;
    let gap = hub.lookup(Role::Partner, MAX, "not_configured").await;
    assert_eq!(unknown.code(), "not_found");
    for other in [refused, out_of_scope, gap] {
        assert_eq!(unknown.seen(), other.seen());
    }
    let path = |purpose: &str| format!("/v1/profiles/018f3f3c-0000-7000-8000-0000000000aa?purpose={purpose}");
    let by_id = hub.get(Role::Partner, &path("newsletter_email")).await;
    assert_eq!(unknown.seen(), by_id.seen());
}

async fn a_lookup_that_makes_no_sense_points_at_the_field_and_repeats_nothing(database: Database) {
    let hub = Hub::open(database).await;
    let ask = |identifier| json!({"identifier": identifier, "purpose": "newsletter_email"});
    let cases = [
        (ask(json!({"kind": "email", "value": format!("{SENTINEL}@{SENTINEL}")})), "/identifier/value"),
        (ask(json!({"kind": "customer_number", "value": SENTINEL})), "/identifier/source"),
        (ask(json!({"kind": "account", "value": "1", "source": SENTINEL})), "/identifier/source"),
        (ask(json!({"kind": SENTINEL, "value": "1"})), "/identifier/kind"),
        (json!({"identifier": {"kind": "email", "value": "a@b.de"}, "purpose": SENTINEL}), "/purpose"),
        (json!({"identifier": {"kind": "email", "value": "a@b.de"}}), "/purpose"),
    ];
    for (body, pointer) in cases {
        let answer = hub.post(Role::Partner, "/v1/profiles/lookup", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!(pointer)), "{}", answer.text);
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
}

async fn a_statement_of_somebody_nobody_knew_looks_the_same(database: Database) {
    let hub = with_max(database).await;
    assert_eq!(hub.subscribe(MAX).await.text, hub.subscribe("erika@muster.org").await.text);
}

async fn statements_that_cannot_count_are_turned_away_with_their_place(database: Database) {
    let hub = with_max(database).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut statement = consent(MAX, "granted");
        statement[field] = value;
        statement
    };
    let cases = [
        (with("purpose", json!("not_configured")), "/purpose"),
        (with("evidence", json!({})), "/evidence"),
        (with("evidence", json!({"a": [SENTINEL]})), "/evidence"),
        (with("text_version", json!(SENTINEL)), "/text_version"),
        (with("at", json!("2999-01-01T00:00:00Z")), "/at"),
        (with("channel", json!("phone")), "/channel"),
        (with("subject_id", json!("018f3f3c-0000-7000-8000-0000000000aa")), "/identifier"),
        (with("identifier", json!(null)), "/subject_id"),
    ];
    for (body, pointer) in cases {
        let answer = hub.post(Role::Partner, "/v1/consents", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!(pointer)), "{}", answer.text);
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
    let mut lifted = consent(MAX, "restriction_lifted");
    lifted["channel"] = json!(null);
    assert_eq!(hub.post(Role::Partner, "/v1/consents", lifted).await.status, StatusCode::FORBIDDEN);
}

async fn the_officer_learns_why_and_nothing_else(database: Database) {
    let hub = with_max(database).await;
    let question =
        json!({"identifier": {"kind": "email", "value": MAX}, "purpose": "newsletter_email", "channel": "email"});
    let answer = hub.post(Role::Dpo, "/v1/decisions", question).await;
    let reply = answer.json();
    assert_eq!(reply["decision"]["outcome"], "refuse", "{reply}");
    assert_eq!(reply["decision"]["refused"][0]["reason"], "no_consent");
    assert_eq!(reply["reasons"]["no_consent"]["en"], "There is no consent.");
    assert!(!answer.text.contains("Muster"));

    let keys = hub.get(Role::Admin, "/v1/api-keys").await.json();
    let partner =
        keys["api_keys"].as_array().unwrap().iter().find(|key| key["role"] == "partner").unwrap()["id"].clone();
    let question =
        json!({"identifier": {"kind": "email", "value": MAX}, "purpose": "bookkeeping", "api_key_id": partner});
    let reply = hub.post(Role::Dpo, "/v1/decisions", question).await.json();
    assert!(reply["reasons"].get("out_of_scope").is_some(), "{reply}");
}

async fn every_read_leaves_its_line_and_the_book_is_whole(database: Database) {
    let hub = with_max(database).await;
    hub.subscribe(MAX).await;
    hub.lookup(Role::Marketing, MAX, "newsletter_email").await;
    hub.lookup(Role::Marketing, "erika@muster.org", "newsletter_email").await;
    let mut acts = Vec::new();
    let mut next = Some("/v1/audit/entries?limit=3".to_owned());
    while let Some(path) = next {
        let answer = hub.get(Role::Dpo, &path).await;
        let page = answer.json();
        assert!(!answer.text.contains("muster"), "{page}");
        acts.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(|cursor| format!("/v1/audit/entries?limit=3&cursor={cursor}"));
        assert_eq!(next.is_some(), answer.headers.contains_key("link"));
    }
    for act in ["opened", "ingested", "consent_recorded", "disclosed", "refused", "configured"] {
        assert!(acts.iter().any(|told| told == act), "{act} is missing in {acts:?}");
    }
    let report = hub.ask(Role::Dpo, TestRequest::post().uri("/v1/audit/verifications")).await.json();
    assert_eq!((&report["intact"], report["entries"].as_u64()), (&json!(true), Some(acts.len() as u64)));
}
