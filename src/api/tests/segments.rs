//! Segments: saving, pulling, and who is in them.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Answer, Hub, SENTINEL, consent, customer};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_pull_delivers_those_who_may_be_addressed_in_the_form_asked_for,
    pages_link_to_each_other_and_end,
    a_withdrawal_takes_a_person_out_and_the_count_follows,
    a_wrong_definition_is_pointed_at_and_not_repeated,
    a_segment_outside_the_keys_purposes_is_not_pulled_and_a_removed_one_is_gone,
);

fn segment(code: &str) -> Value {
    json!({"code": code, "title": {"de": "Alle", "en": "All"}, "purpose": "newsletter_email", "rule": {"all": []}})
}

async fn put(hub: &Hub, code: &str, body: &Value) -> Answer {
    let path = format!("/v1/segments/{code}");
    hub.ask(Role::Marketing, TestRequest::put().uri(&path).set_json(body)).await
}

async fn pull(hub: &Hub, query: &str, accept: &'static str) -> Answer {
    let path = format!("/v1/segments/all_readers/members{query}");
    hub.ask(Role::Marketing, TestRequest::get().uri(&path).insert_header(("accept", accept))).await
}

/// Three people, of whom the first two may be written to.
async fn with_three(database: Database) -> Hub {
    let hub = Hub::open(database).await;
    let records: Vec<_> = (1..=3).map(|id| customer(&id.to_string(), &format!("p{id}@muster.org"))).collect();
    hub.post(Role::Partner, "/v1/records", json!({"records": records})).await;
    for id in 1..=2 {
        assert_eq!(hub.subscribe(&format!("p{id}@muster.org")).await.status, StatusCode::CREATED);
    }
    let saved = put(&hub, "all_readers", &segment("all_readers")).await;
    assert_eq!((saved.status, &saved.json()["version"]), (StatusCode::CREATED, &json!(1)), "{}", saved.text);
    hub
}

async fn a_pull_delivers_those_who_may_be_addressed_in_the_form_asked_for(database: Database) {
    let hub = with_three(database).await;
    let page = pull(&hub, "", "application/json").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let members = page.json()["members"].as_array().unwrap().clone();
    assert_eq!(members.len(), 2);
    assert!(page.text.contains("p1@muster.org") && !page.text.contains("p3@muster.org"), "{}", page.text);

    let lines = pull(&hub, "", "application/x-ndjson").await;
    assert_eq!(lines.headers.get("content-type").unwrap(), "application/x-ndjson");
    let read: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Opt-out tokens are made anew for each delivery.
    let plain = |member: &Value| (member["subject_id"].clone(), member["data"].clone());
    assert_eq!(read.iter().map(plain).collect::<Vec<_>>(), members.iter().map(plain).collect::<Vec<_>>());

    let table = pull(&hub, "", "text/csv").await;
    assert_eq!(table.headers.get("content-type").unwrap(), "text/csv; charset=utf-8");
    assert!(table.text.starts_with("subject_id,"), "{}", table.text);
    assert_eq!(table.text.lines().count(), 3, "{}", table.text);
}

async fn pages_link_to_each_other_and_end(database: Database) {
    let hub = with_three(database).await;
    let (mut query, mut text, mut pages) = ("?limit=1".to_owned(), String::new(), 0);
    loop {
        let page = pull(&hub, &query, "text/csv").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        text.push_str(&page.text);
        pages += 1;
        let Some(link) = page.headers.get("link").map(|link| link.to_str().unwrap().to_owned()) else { break };
        query = link[link.find('?').unwrap()..link.find('>').unwrap()].to_owned();
        assert!(link.ends_with("rel=\"next\"") && pages < 9, "{link}");
    }
    assert_eq!(text.matches("subject_id").count(), 1, "one header: {text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    for (query, code) in [("?cursor=made-up", "invalid_parameter"), ("?limit=0", "invalid_parameter")] {
        assert_eq!(pull(&hub, query, "*/*").await.code(), code);
    }
}

async fn a_withdrawal_takes_a_person_out_and_the_count_follows(database: Database) {
    let hub = with_three(database).await;
    let mut withdrawn = consent("p1@muster.org", "withdrawn");
    withdrawn["at"] = json!("2026-02-01T00:00:00Z");
    withdrawn["method"] = json!("link");
    hub.post(Role::Partner, "/v1/consents", withdrawn).await;
    assert!(!pull(&hub, "", "text/csv").await.text.contains("p1@muster.org"));
    let count = hub.get(Role::Marketing, "/v1/segments/all_readers/count").await.json();
    assert_eq!(count["members"], 1);
    let preview = hub.post(Role::Marketing, "/v1/segment-previews", segment("not_saved")).await.json();
    assert_eq!(preview["members"], 1);
}

async fn a_wrong_definition_is_pointed_at_and_not_repeated(database: Database) {
    let hub = Hub::open(database).await;
    let with = |field: &str, value: Value| {
        let mut body = segment("all_readers");
        body[field] = value;
        body
    };
    let cases = [
        (with("purpose", json!("not_configured")), "/purpose"),
        (with("rule", json!({"colour": SENTINEL})), "/rule"),
        (with("code", json!("other_code")), "/code"),
        (with("fields", json!(["identity.shoe_size"])), "/fields/0"),
    ];
    for (body, pointer) in cases {
        let answer = put(&hub, "all_readers", &body).await;
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
        assert!(answer.json()["pointer"].as_str().unwrap().starts_with(pointer), "{}", answer.text);
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
    assert_eq!(hub.get(Role::Marketing, "/v1/segments/not_there").await.code(), "not_found");
    assert_eq!(hub.get(Role::Marketing, "/v1/segments/not_there/members").await.code(), "not_found");
}

async fn a_segment_outside_the_keys_purposes_is_not_pulled_and_a_removed_one_is_gone(database: Database) {
    let hub = with_three(database).await;
    let mut other = segment("by_post");
    other["purpose"] = json!("postal_marketing");
    assert_eq!(put(&hub, "by_post", &other).await.status, StatusCode::CREATED);
    let refused = hub.get(Role::Marketing, "/v1/segments/by_post/members").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "forbidden"));
    let remove = || TestRequest::delete().uri("/v1/segments/by_post");
    assert_eq!(hub.ask(Role::Marketing, remove()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(hub.ask(Role::Marketing, remove()).await.code(), "not_found");
    let listed = hub.get(Role::Dpo, "/v1/segments").await.text;
    assert!(listed.contains("all_readers") && !listed.contains("by_post"));
}
