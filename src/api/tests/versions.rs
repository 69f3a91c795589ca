//! `ETag`, `If-Match` and `If-None-Match` on everything that has versions, and what a source may become.

use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Answer, Hub, SENTINEL, customer};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    who_names_an_old_version_changes_nothing,
    a_removed_segment_does_not_get_its_tags_back,
    new_terms_of_a_source_hold_at_once_and_stand_in_the_book,
);

/// Something with versions: who writes it, where, what it is, and a field to change.
struct Kept {
    role: Role,
    path: &'static str,
    body: Value,
    field: &'static str,
}

fn kept() -> [Kept; 3] {
    let title = json!({"de": "Alle", "en": "All"});
    let rule = json!({"all": []});
    let segment = json!({"code": "mine", "title": title, "purpose": "newsletter_email", "rule": rule});
    let source = json!({"code": "fair", "title": "Messe", "connector": "api", "terms": {"social": false}});
    let title = json!({"de": "Umfrage", "en": "Survey"});
    let purpose = json!({
        "code": "survey", "title": title, "description": title, "ground": "consent", "statute": "Art. 6(1)(a) GDPR", "text_version": "2026-01", "categories": ["contact"],
        "channels": ["email"], "retention_days": 30, "evidence": false, "direct_marketing": false,
    });
    [
        Kept { role: Role::Marketing, path: "/v1/segments/mine", body: segment, field: "title" },
        Kept { role: Role::Admin, path: "/v1/sources/fair", body: source, field: "title" },
        Kept { role: Role::Admin, path: "/v1/purposes/survey", body: purpose, field: "description" },
    ]
}

impl Kept {
    /// With another title.
    fn changed(&self, text: &str) -> Value {
        let mut body = self.body.clone();
        let plain = body[self.field].is_string();
        body[self.field] = if plain { json!(text) } else { json!({"de": text, "en": text}) };
        body
    }

    async fn put(&self, hub: &Hub, body: &Value, headers: &[(&'static str, &str)]) -> Answer {
        let mut request = TestRequest::put().uri(self.path).set_json(body);
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        hub.ask(self.role, request).await
    }
}

fn tag(answer: &Answer) -> String {
    answer.headers.get(ETAG).unwrap_or_else(|| panic!("no ETag: {}", answer.text)).to_str().unwrap().to_owned()
}

async fn who_names_an_old_version_changes_nothing(database: Database) {
    let hub = Hub::open(database).await;
    for kept in kept() {
        let path = kept.path;
        let none_yet = kept.put(&hub, &kept.body, &[(IF_MATCH.as_str(), "*")]).await;
        assert_eq!((none_yet.status.as_u16(), none_yet.code().as_str()), (412, "precondition_failed"), "{path}");
        let first = kept.put(&hub, &kept.body, &[(IF_NONE_MATCH.as_str(), "*")]).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
        let again = kept.put(&hub, &kept.body, &[(IF_NONE_MATCH.as_str(), "*")]).await;
        assert_eq!(again.status, StatusCode::PRECONDITION_FAILED, "{}", again.text);
        let old = tag(&first);
        let shown = hub.get(kept.role, path).await;
        assert_eq!((shown.status, tag(&shown)), (StatusCode::OK, old.clone()), "{}", shown.text);
        let second = kept.put(&hub, &kept.changed("Neu"), &[(IF_MATCH.as_str(), &old)]).await;
        assert_eq!(second.status, StatusCode::OK, "{}", second.text);
        let new = tag(&second);
        assert_ne!(old, new, "{path}");
        let weak = format!("W/{new}");
        for stale in [old.as_str(), "\"made-up\"", weak.as_str()] {
            let refused = kept.put(&hub, &kept.changed(SENTINEL), &[(IF_MATCH.as_str(), stale)]).await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (412, "precondition_failed"), "{path}");
            assert!(!refused.text.contains("Mustermann"), "{}", refused.text);
        }
        let malformed = kept.put(&hub, &kept.body, &[(IF_MATCH.as_str(), "seven")]).await;
        assert_eq!((malformed.status.as_u16(), &malformed.json()["parameter"]), (400, &json!("If-Match")), "{path}");
        let now = hub.get(kept.role, path).await;
        assert_eq!((tag(&now), now.text.contains("Mustermann")), (new.clone(), false), "{}", now.text);
        let known = hub.ask(kept.role, TestRequest::get().uri(path).insert_header((IF_NONE_MATCH, new.as_str()))).await;
        assert_eq!((known.status, known.text.as_str(), tag(&known)), (StatusCode::NOT_MODIFIED, "", new), "{path}");
        let free = kept.put(&hub, &kept.body, &[]).await;
        assert_eq!(free.status, StatusCode::OK, "without a condition the last one wins: {}", free.text);
    }
}

async fn a_removed_segment_does_not_get_its_tags_back(database: Database) {
    let hub = Hub::open(database).await;
    let [segment, ..] = kept();
    let first = tag(&segment.put(&hub, &segment.body, &[]).await);
    let second = tag(&segment.put(&hub, &segment.changed("Neu"), &[]).await);
    let remove = |tag: &str| TestRequest::delete().uri(segment.path).insert_header((IF_MATCH, tag));
    let refused = hub.ask(segment.role, remove(&first)).await;
    assert_eq!(refused.code(), "precondition_failed", "{}", refused.text);
    assert_eq!(hub.ask(segment.role, remove(&second)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(hub.ask(segment.role, remove(&second)).await.code(), "not_found");
    let anew = segment.put(&hub, &segment.body, &[]).await;
    assert_eq!(anew.json()["version"], 1);
    assert_ne!(tag(&anew), first);
    assert_eq!(segment.put(&hub, &segment.body, &[(IF_MATCH.as_str(), &first)]).await.code(), "precondition_failed");
}

async fn new_terms_of_a_source_hold_at_once_and_stand_in_the_book(database: Database) {
    let hub = Hub::open(database).await;
    hub.post(Role::Partner, "/v1/records", json!({"records": [customer("1", "max@muster.org")]})).await;
    assert_eq!(hub.subscribe("max@muster.org").await.status, StatusCode::CREATED);
    let read = async || hub.lookup(Role::Marketing, "max@muster.org", "newsletter_email").await;
    assert!(read().await.text.contains("Muster"));
    let closed = json!({
        "code": "webshop", "title": "Laden", "connector": "api", "terms": {"purposes": ["order_fulfilment"]},
    });
    let put = |path: &'static str, body: &Value| TestRequest::put().uri(path).set_json(body);
    let changed = hub.ask(Role::Admin, put("/v1/sources/webshop", &closed)).await;
    assert_eq!((changed.status, &changed.json()["title"]), (StatusCode::OK, &json!("Laden")), "{}", changed.text);
    assert!(!read().await.text.contains("Muster"), "a source that is closed to the purpose gives nothing");
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    let told = |entry: &Value| entry["act"] == "configured" && entry["body"]["object"] == "source webshop";
    assert!(book["entries"].as_array().unwrap().iter().any(told), "{book}");
    let with = |field: &str, value: &str| {
        let mut body = closed.clone();
        body[field] = json!(value);
        body
    };
    let cases = [
        ("/v1/sources/webshop", with("connector", "shopware6"), 409, "/connector"),
        ("/v1/sources/webshop", with("code", "other"), 422, "/code"),
        ("/v1/sources/webshop", with("title", ""), 422, "/title"),
        ("/v1/sources/webshop", with("colour", "red"), 422, "/colour"),
        ("/v1/sources/hub", with("code", "hub"), 409, "/code"),
        ("/v1/sources/Big", with("code", "Big"), 422, "/code"),
    ];
    for (path, body, status, pointer) in cases {
        let answer = hub.ask(Role::Admin, put(path, &body)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (status, &json!(pointer)), "{}", answer.text);
    }
    assert_eq!(hub.get(Role::Dpo, "/v1/sources/not_there").await.code(), "not_found");
    assert_eq!(hub.get(Role::Dpo, "/v1/sources/webshop").await.json()["connector"], "api");
}
