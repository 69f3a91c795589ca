//! Whose word counts where records differ: the rules and their versions, and what replies say about where a value is from.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Answer, Hub, SENTINEL};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(the_rules_have_versions_and_decide_at_once,);

async fn put(hub: &Hub, body: &Value, headers: &[(&'static str, &str)]) -> Answer {
    let mut request = TestRequest::put().uri("/v1/survivorship").set_json(body);
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    hub.ask(Role::Admin, request).await
}

pub(super) fn account(id: &str, family: &str, updated_at: &str, verified: bool) -> Value {
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": updated_at,
        "identifiers": [
            {"kind": "email", "value": "erika@muster.org", "verified": verified},
            {"kind": "account", "value": "A-1", "verified": false},
        ],
        "data": {
            "person": {"given_name": "Erika", "family_name": family},
            "addresses": [{"street": format!("{family}weg"), "house_number": "1", "postal_code": "10437", "city": "Berlin"}],
        },
    })
}

pub(super) async fn bring(hub: &Hub, record: Value) {
    let answer = hub.post(Role::Partner, "/v1/records", json!({"records": [record]})).await;
    assert_eq!(answer.json()["summary"]["rejected"], json!(0), "{}", answer.text);
}

/// The person as the officer sees them, with where each value is from.
pub(super) async fn seen(hub: &Hub) -> Value {
    let body = json!({
        "identifier": {"kind": "email", "value": "erika@muster.org"}, "purpose": "subject_access", "origins": true,
    });
    let answer = hub.post(Role::Dpo, "/v1/profiles/lookup", body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

pub(super) fn origin<'a>(seen: &'a Value, attribute: &str) -> &'a Value {
    let origins = seen["origins"].as_array().unwrap();
    origins.iter().find(|origin| origin["attribute"] == attribute).unwrap_or_else(|| panic!("{seen}"))
}

async fn the_rules_have_versions_and_decide_at_once(database: Database) {
    let hub = Hub::open(database).await;
    bring(&hub, account("1", "Sicher", "2026-03-01T10:00:00Z", true)).await;
    bring(&hub, account("2", "Neu", "2026-03-02T10:00:00Z", false)).await;
    let shipped = hub.get(Role::Dpo, "/v1/survivorship").await;
    assert_eq!((shipped.status, &shipped.json()["version"]), (StatusCode::OK, &json!(0)), "{}", shipped.text);
    let before = seen(&hub).await;
    assert_eq!(before["data"]["identity"]["family_name"], "Neu");
    assert_eq!(before["survivorship_version"], 0);
    assert_eq!(origin(&before, "identity.family_name")["because"], "recency");
    assert_eq!(origin(&before, "identity.given_name")["because"], "undisputed");

    let rules = json!({
        "default": {"rules": ["record_type", "recency"]},
        "attributes": {"identity.family_name": {"rules": ["verification", "recency"]}},
    });
    let made = put(&hub, &rules, &[(IF_NONE_MATCH.as_str(), "*")]).await;
    assert_eq!((made.status, &made.json()["version"]), (StatusCode::CREATED, &json!(1)), "{}", made.text);
    let tag = made.headers.get(ETAG).unwrap().to_str().unwrap().to_owned();
    let after = seen(&hub).await;
    assert_eq!(
        (&after["data"]["identity"]["family_name"], &after["survivorship_version"]),
        (&json!("Sicher"), &json!(1))
    );
    let told = origin(&after, "identity.family_name");
    assert_eq!(
        (&told["because"], &told["source"], &told["type"]),
        (&json!("verification"), &json!("webshop"), &json!("customer"))
    );
    assert_eq!(told["updated_at"], "2026-03-01T10:00:00.000000Z");
    // Who does not ask for it is not told.
    let body = json!({"identifier": {"kind": "email", "value": "erika@muster.org"}, "purpose": "subject_access"});
    let plain = hub.post(Role::Dpo, "/v1/profiles/lookup", body).await.json();
    assert!(plain["data"].is_object() && plain.get("origins").is_none() && plain.get("survivorship_version").is_none());

    for headers in [[(IF_NONE_MATCH.as_str(), "*")], [(IF_MATCH.as_str(), "\"7\"")]] {
        assert_eq!(put(&hub, &rules, &headers).await.status, StatusCode::PRECONDITION_FAILED);
    }
    let next = put(&hub, &json!({"default": {"rules": []}}), &[(IF_MATCH.as_str(), tag.as_str())]).await;
    assert_eq!((next.status, &next.json()["version"]), (StatusCode::OK, &json!(2)), "{}", next.text);
    assert_eq!(seen(&hub).await["data"]["identity"]["family_name"], "Neu");
    let known = TestRequest::get().uri("/v1/survivorship").insert_header((IF_NONE_MATCH, "\"2\""));
    assert_eq!(hub.ask(Role::Admin, known).await.status, StatusCode::NOT_MODIFIED);
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=100").await;
    assert!(book.text.contains("survivorship 1") && book.text.contains("survivorship 2"), "{}", book.text);

    for (wrong, pointer) in [
        (json!({"default": {"rules": ["recency", "recency"]}}), "/default/rules"),
        (json!({"default": {"rules": ["source_priority"], "sources": [SENTINEL]}}), "/default/sources"),
        (json!({"default": {"rules": []}, "attributes": {SENTINEL: {"rules": []}}}), ""),
        (json!({"default": {"rules": ["loudness"]}}), "/default/rules/0"),
    ] {
        let refused = put(&hub, &wrong, &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(!refused.text.contains(SENTINEL), "{}", refused.text);
        assert!(refused.json()["pointer"].as_str().unwrap_or_default().starts_with(pointer), "{}", refused.text);
    }
}
