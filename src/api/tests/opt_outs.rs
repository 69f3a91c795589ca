//! The link in a message: a no without a key.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Hub, SENTINEL};
use super::reading::{MAX, with_max};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_token_without_a_key_ends_the_messages_and_is_recorded,
    a_person_who_is_gone_gets_the_same_answer,
    what_is_no_token_is_refused_and_not_repeated,
);

async fn follow(hub: &Hub, body: Value) -> super::hub::Answer {
    hub.send(TestRequest::post().uri("/v1/opt-outs").set_json(body)).await
}

/// Max, who reads the newsletter, and the token that went out with him.
async fn with_token(database: Database) -> (Hub, String) {
    let hub = with_max(database).await;
    assert_eq!(hub.subscribe(MAX).await.status, StatusCode::CREATED);
    let all = json!({"code": "all_readers", "title": {"de": "Alle", "en": "All"}, "purpose": "newsletter_email",
        "rule": {"all": []}});
    let put = TestRequest::put().uri("/v1/segments/all_readers").set_json(all);
    assert_eq!(hub.ask(Role::Marketing, put).await.status, StatusCode::CREATED);
    let page = hub.get(Role::Marketing, "/v1/segments/all_readers/members").await;
    let token = page.json()["members"][0]["opt_out"].as_str().unwrap().to_owned();
    (hub, token)
}

async fn a_token_without_a_key_ends_the_messages_and_is_recorded(database: Database) {
    let (hub, token) = with_token(database).await;
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::OK);
    for _ in 0..3 {
        let answer = follow(&hub, json!({ "token": token })).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
    }
    let found = json!({"identifier": {"kind": "email", "value": MAX}, "purpose": "subject_access"});
    let found = hub.post(Role::Dpo, "/v1/profiles/lookup", found).await.json();
    let subject: crate::types::SubjectId = found["subject_id"].as_str().unwrap().parse().unwrap();
    let entries = hub.house.store.read(move |read| crate::store::ledger::of(read.records(), subject)).await.unwrap();
    // The consent, and one objection.
    assert_eq!(entries.len(), 2);
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::NOT_FOUND);
    let left = hub.get(Role::Marketing, "/v1/segments/all_readers/members").await.json();
    assert_eq!(left["members"], json!([]));
    let lines = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.text;
    assert!(lines.contains("objected by link"), "{lines}");
}

async fn a_person_who_is_gone_gets_the_same_answer(database: Database) {
    let (hub, token) = with_token(database).await;
    let erase = json!({"right": "erasure", "identifier": {"kind": "email", "value": MAX}, "execute": true});
    assert_eq!(hub.post(Role::Dpo, "/v1/requests", erase).await.status, StatusCode::CREATED);
    let answer = follow(&hub, json!({ "token": token })).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
}

async fn what_is_no_token_is_refused_and_not_repeated(database: Database) {
    let (hub, token) = with_token(database).await;
    let cut = &token[..token.len() - 2];
    for wrong in [SENTINEL, "", "AAAA", cut] {
        let answer = follow(&hub, json!({ "token": wrong })).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!("/token")), "{}", answer.text);
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
    assert_eq!(follow(&hub, json!({"token": token, "email": SENTINEL})).await.code(), "unknown_field");
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::OK);
}
