//! Purposes, sources and keys: configuration and its record.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Hub, customer};
use crate::consent::{Rulebook, Terms};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_purpose_changes_by_versions_and_nobody_overwrites_anothers,
    a_source_is_added_once,
    a_source_that_another_process_added_is_known_at_once,
    a_key_needs_a_title_known_purposes_and_time,
    a_change_that_failed_is_told_apart_from_one_that_was_made,
);

async fn a_purpose_changes_by_versions_and_nobody_overwrites_anothers(database: Database) {
    let hub = Hub::open(database).await;
    let path = "/v1/purposes/analytics";
    let shown = hub.get(Role::Dpo, path).await;
    assert_eq!(shown.headers.get("etag").unwrap(), "\"1\"");
    let mut purpose = shown.json();
    purpose["retention_days"] = json!(30);
    let put = |body: &Value, tag: &str| {
        let request = TestRequest::put().uri(path).insert_header(("if-match", tag.to_owned())).set_json(body);
        hub.ask(Role::Admin, request)
    };
    let changed = put(&purpose, "\"1\"").await;
    assert_eq!((changed.status, &changed.json()["version"]), (StatusCode::OK, &json!(2)), "{}", changed.text);
    assert_eq!(put(&purpose, "\"1\"").await.code(), "precondition_failed");
    let same = TestRequest::get().uri(path).insert_header(("if-none-match", "\"2\""));
    assert_eq!(hub.ask(Role::Dpo, same).await.status, StatusCode::NOT_MODIFIED);

    purpose["categories"] = json!([]);
    let refused = put(&purpose, "\"2\"").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["pointer"]), (422, &json!("/categories")));
    purpose["code"] = json!("other_code");
    assert_eq!(put(&purpose, "\"2\"").await.json()["pointer"], "/code");
    assert_eq!(hub.get(Role::Dpo, "/v1/purposes/nothing_here").await.code(), "not_found");
    assert_eq!(hub.get(Role::Dpo, "/v1/purposes/X").await.code(), "invalid_parameter");
    let all = hub.get(Role::Admin, "/v1/purposes").await.json();
    assert!(all["purposes"].as_array().unwrap().len() > 10);
}

async fn a_source_is_added_once(database: Database) {
    let hub = Hub::open(database).await;
    let source = json!({"code": "amazon", "title": "Amazon", "connector": "amazon",
        "terms": {"purposes": ["order_fulfilment"], "keep_days_after_delivery": 30}});
    assert_eq!(hub.post(Role::Admin, "/v1/sources", source.clone()).await.status, StatusCode::CREATED);
    assert_eq!(hub.post(Role::Admin, "/v1/sources", source.clone()).await.status, StatusCode::OK);
    let mut other = source.clone();
    other["terms"] = json!({});
    assert_eq!(hub.post(Role::Admin, "/v1/sources", other).await.code(), "conflict");
    for (field, value) in [("code", json!("Ä")), ("title", json!(" ")), ("connector", json!("../x"))] {
        let mut wrong = source.clone();
        wrong[field] = value;
        assert_eq!(hub.post(Role::Admin, "/v1/sources", wrong).await.json()["pointer"], format!("/{field}"));
    }
    let listed = hub.get(Role::Dpo, "/v1/sources").await.json();
    let codes: Vec<_> = listed["sources"].as_array().unwrap().iter().map(|source| source["code"].clone()).collect();
    assert_eq!(codes, ["webshop", "hub", "amazon"]);
}

async fn a_source_that_another_process_added_is_known_at_once(database: Database) {
    let hub = Hub::open(database).await;
    let other = Rulebook::open(hub.house.store.clone()).await.unwrap();
    let now = hub.house.clock.now();
    let add = async |code: &str| {
        let (code, terms) = (code.to_owned(), Terms::default());
        other.ensure_source(code.clone(), code, "api".to_owned(), &terms, now).await.unwrap();
    };
    add("stall").await;
    assert_eq!(hub.get(Role::Admin, "/v1/sources/stall").await.status, StatusCode::OK);
    add("kiosk").await;
    let bring = async |source: &str| {
        let mut record = customer("1", "kiosk@example.org");
        record["source"] = source.into();
        hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await.json()["results"][0].clone()
    };
    assert_eq!(bring("kiosk").await["outcome"], "created");
    assert_eq!(bring("nowhere").await["code"], "unknown_source");
}

async fn a_key_needs_a_title_known_purposes_and_time(database: Database) {
    let hub = Hub::open(database).await;
    let cases = [
        (json!({"title": "", "role": "partner"}), "/title"),
        (json!({"title": "a", "role": "partner", "purposes": ["not_there"]}), "/purposes"),
        (json!({"title": "a", "role": "partner", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"title": "a", "role": "king"}), "/role"),
    ];
    for (body, pointer) in cases {
        let answer = hub.post(Role::Admin, "/v1/api-keys", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!(pointer)), "{}", answer.text);
    }
}

async fn a_change_that_failed_is_told_apart_from_one_that_was_made(database: Database) {
    use crate::audit::{Act, Line};
    let hub = Hub::open(database).await;
    let line = |object: &str| Line::new(Act::Configured).object(object);
    let failed = hub.house.book.change(line("refused"), async { Err::<(), _>(crate::segments::Error::Unknown) }).await;
    assert!(matches!(failed, Err(crate::segments::Error::Unknown)));
    hub.house.book.change(line("made"), async { Ok::<_, crate::segments::Error>(()) }).await.unwrap();
    let entries = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    let told = |object: &str| -> Vec<String> {
        let entries = entries["entries"].as_array().unwrap().iter().filter(|entry| entry["body"]["object"] == object);
        entries.map(|entry| entry["body"]["reasons"][0].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (told("refused"), told("made")),
        (vec!["intended".into(), "failed".into()], vec!["intended".into(), "done".into()])
    );
}
