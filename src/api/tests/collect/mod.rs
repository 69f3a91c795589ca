//! The tracking API: who may bring what in, under which name, and what becomes of it.

mod consent;
mod doors;
mod identity;
mod taking;
mod unheard;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hub::{Answer, Hub};
use crate::consent::Terms;
use crate::types::Role;

/// What the banner of the tests calls its categories.
const BANNER: [(&str, &[&str]); 3] = [
    ("Analytics", &["analytics"]),
    ("Advertising", &["social_advertising", "personalisation"]),
    ("Personal", &["personalisation"]),
];

/// A hub whose source has a banner.
async fn with_banner(database: crate::databases::Database) -> Hub {
    let hub = Hub::open(database).await;
    let categories =
        BANNER.map(|(id, codes)| (id.to_owned(), codes.iter().map(|code| code.parse().unwrap()).collect()));
    let texts = ["analytics", "social_advertising", "personalisation"]
        .map(|code| (code.parse().unwrap(), "2026-01".to_owned()));
    let terms = Terms { consent_categories: categories.into(), text_versions: texts.into(), ..Terms::default() };
    let (house, now) = (&hub.house, hub.house.clock.now());
    let named = ("webshop".to_owned(), "webshop".to_owned(), "api".to_owned());
    house.rulebook.put_source(named, &terms, |_| true, now).await.unwrap().unwrap();
    hub
}

fn basic(key: &str) -> (&'static str, String) {
    ("authorization", format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:"))))
}

impl Hub {
    /// Sends one call with the key of `role`, as an SDK does.
    async fn track(&self, role: Role, path: &str, body: Value) -> Answer {
        let request = TestRequest::post().uri(path).insert_header(basic(self.key(role))).set_json(body);
        self.send(request).await
    }

    /// The same; it must be taken.
    async fn taken(&self, role: Role, path: &str, body: Value) {
        let answer = self.track(role, path, body).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, r#"{"success":true}"#), "{}", answer.text);
    }

    /// What the officer reads of somebody under a purpose; none if nothing.
    async fn seen_as(&self, kind: &str, value: &str, purpose: &str, channel: Option<&str>) -> Option<Value> {
        let source = (kind != "email").then_some("webshop");
        let question = json!({
            "identifier": {"kind": kind, "value": value, "source": source}, "purpose": purpose, "channel": channel,
        });
        let answer = self.post(Role::Dpo, "/v1/profiles/lookup", question).await;
        match answer.status {
            StatusCode::OK => Some(answer.json()),
            StatusCode::NOT_FOUND => None,
            _ => panic!("{}", answer.text),
        }
    }

    /// The own copy of somebody.
    async fn copy_of(&self, kind: &str, value: &str) -> Value {
        let seen = self.seen_as(kind, value, "subject_access", None).await;
        seen.unwrap_or_else(|| panic!("nobody is {kind}"))
    }
}

/// A visit, told a minute ago.
fn visit(visitor: &str, id: &str) -> Value {
    json!({"type": "track", "anonymousId": visitor, "messageId": id, "event": "Seen", "properties": {"sku": id}})
}
