//! What people said is only ever added to, and a no that was asked for is a no.

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Hub, consent, customer};
use super::reading::{MAX, with_max};
use crate::api::permissions::MATRIX;
use crate::databases::{Database, on_both_databases};
use crate::store::ledger;
use crate::store::rows::LedgerRow;
use crate::types::{Role, SubjectId};

on_both_databases!(
    no_call_changes_or_removes_an_entry_but_an_erasure,
    who_was_asked_and_said_no_is_not_written_to,
    a_no_that_was_asked_for_holds_for_data_that_comes_later,
);

const NEWS: &str = "newsletter_email";

async fn max(hub: &Hub) -> SubjectId {
    let question = json!({"identifier": {"kind": "email", "value": MAX}, "purpose": "subject_access"});
    let found = hub.post(Role::Dpo, "/v1/profiles/lookup", question).await;
    found.json()["subject_id"].as_str().unwrap_or_else(|| panic!("{}", found.text)).parse().unwrap()
}

async fn entries(hub: &Hub, of: SubjectId) -> Vec<LedgerRow> {
    hub.house.store.read(move |read| ledger::of(read.records(), of)).await.unwrap()
}

/// An act about the newsletter, as the person did it on that day.
fn act(act: &str, day: &str) -> Value {
    let mut statement = consent(MAX, act);
    for (field, time) in [("at", "09:00:00Z"), ("requested_at", "09:00:00Z"), ("confirmed_at", "09:01:00Z")] {
        statement[field] = json!(format!("{day}T{time}"));
    }
    statement
}

/// A customer whose source says they agreed on that day.
fn agreed(id: &str, day: &str) -> Value {
    let mut record = customer(id, MAX);
    record["updated_at"] = json!(format!("{day}T12:00:00Z"));
    record["consents"] = json!([{
        "purpose": NEWS, "channel": "email", "act": "granted", "at": format!("{day}T09:00:00Z"),
        "method": "double_opt_in", "text_version": "2026-01",
        "evidence": {"confirmed_at": format!("{day}T09:01:00Z")},
    }]);
    record
}

async fn no_call_changes_or_removes_an_entry_but_an_erasure(database: Database) {
    let hub = with_max(database).await;
    assert_eq!(hub.subscribe(MAX).await.status, StatusCode::CREATED);
    let max = max(&hub).await;
    let mut before = entries(&hub, max).await;
    assert_eq!(before.len(), 1);

    let everything =
        |word: &str| json!({"identifier": {"kind": "email", "value": MAX}, "act": word, "method": "written"});
    let purpose = hub.get(Role::Admin, &format!("/v1/purposes/{NEWS}")).await.json();
    let other_text = {
        let mut purpose = purpose;
        purpose["text_version"] = json!("2026-09");
        purpose
    };
    let closed =
        json!({"code": "webshop", "title": "Laden", "connector": "api", "terms": {"purposes": ["bookkeeping"]}});
    let later = json!({"records": [agreed("1", "2026-04-01"), agreed("2", "2026-01-10")]});
    let access = json!({"right": "access", "subject_id": max, "execute": true});
    // Each, and how many entries it adds.
    let calls = [
        (Role::Partner, Method::POST, "/v1/consents", act("denied", "2026-02-01"), 1),
        (Role::Partner, Method::POST, "/v1/consents", act("denied", "2026-02-01"), 0),
        (Role::Partner, Method::POST, "/v1/consents", act("granted", "2026-03-01"), 1),
        (Role::Partner, Method::POST, "/v1/consents", act("withdrawn", "2026-03-02"), 1),
        (Role::Partner, Method::POST, "/v1/records", later.clone(), 2),
        (Role::Partner, Method::POST, "/v1/records", later, 0),
        (Role::Partner, Method::POST, "/v1/consents", everything("objected"), 1),
        (Role::Dpo, Method::POST, "/v1/consents", everything("restricted"), 1),
        (Role::Dpo, Method::POST, "/v1/consents", everything("restriction_lifted"), 1),
        (Role::Admin, Method::PUT, "/v1/purposes/newsletter_email", other_text, 0),
        (Role::Admin, Method::PUT, "/v1/sources/webshop", closed, 0),
        (Role::Dpo, Method::POST, "/v1/requests", access, 0),
    ];
    for (role, method, path, body, added) in calls {
        let told = format!("{method} {path} {body}");
        let (status, ..) = hub.bytes(role, TestRequest::default().method(method).uri(path).set_json(body)).await;
        assert!(status.is_success(), "{told}: {status}");
        let after = entries(&hub, max).await;
        assert!(after.starts_with(&before) && after.len() == before.len() + added, "{told}: {}", after.len());
        before = after;
    }

    // No operation takes one entry or what belongs to it, whoever asks.
    let first = before[0].entry_no;
    let places = ["/v1/consents".to_owned(), format!("/v1/consents/{first}"), format!("/v1/profiles/{max}")];
    let below = [format!("/v1/profiles/{max}/consents"), format!("/v1/profiles/{max}/consents/{first}")];
    for path in places.iter().chain(&below) {
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            for role in Role::ALL {
                let request =
                    TestRequest::default().method(method.clone()).uri(path).set_json(act("granted", "2026-05-01"));
                let status = hub.ask(*role, request).await.status.as_u16();
                assert!([404, 405].contains(&status), "{method} {path}: {status}");
            }
        }
    }
    // And every operation there is, with nothing to say.
    for row in MATRIX {
        let path = row.path.replace("{subject_id}", &max.to_string()).replace("{code}", NEWS);
        let path = path.replace("{key_id}", &max.to_string()).replace("{request_id}", &max.to_string());
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        for role in row.roles {
            let request = TestRequest::default().method(method.clone()).uri(&path).set_json(json!({"subject_id": max}));
            hub.bytes(*role, request).await;
        }
    }
    assert!(entries(&hub, max).await == before);

    let erasure = json!({"right": "erasure", "subject_id": max, "execute": true});
    let done = hub.post(Role::Dpo, "/v1/requests", erasure).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text);
    assert!(entries(&hub, max).await.is_empty());
}

async fn who_was_asked_and_said_no_is_not_written_to(database: Database) {
    let hub = with_max(database).await;
    let question = json!({"identifier": {"kind": "email", "value": MAX}, "purpose": NEWS, "channel": "email"});
    let reason = async || {
        let reply = hub.post(Role::Dpo, "/v1/decisions", question.clone()).await.json();
        reply["decision"]["refused"][0]["reason"].clone()
    };
    let say = async |statement: Value| {
        let answer = hub.post(Role::Partner, "/v1/consents", statement).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        answer.json()["recorded"].clone()
    };
    let reads = async || hub.lookup(Role::Marketing, MAX, NEWS).await;
    assert_eq!(reason().await, "no_consent");
    let no = json!({
        "identifier": {"kind": "email", "value": MAX}, "purpose": NEWS, "channel": "email", "act": "denied",
        "method": "checkbox", "at": "2026-02-01T09:00:00Z",
    });
    assert_eq!(say(no.clone()).await, true);
    assert_eq!(say(no.clone()).await, false, "the very same statement again adds nothing");
    assert_eq!(reason().await, "denied");
    // A yes from before does not outweigh it; one from after does, until the next no.
    say(act("granted", "2026-01-15")).await;
    assert_eq!(reason().await, "denied");
    let unknown = hub.lookup(Role::Marketing, "erika@muster.org", NEWS).await;
    assert_eq!(reads().await.seen(), unknown.seen());
    say(act("granted", "2026-03-01")).await;
    assert_eq!(reads().await.status, StatusCode::OK);
    let mut again = no.clone();
    again["at"] = json!("2026-04-01T09:00:00Z");
    assert_eq!(say(again).await, true);
    assert_eq!((reason().await, reads().await.status), (json!("denied"), StatusCode::NOT_FOUND));
    let pulled = hub.get(Role::Marketing, "/v1/segments/newsletter_subscribers/members").await;
    assert_eq!(pulled.json()["members"], json!([]), "{}", pulled.text);

    let mut pointless = no;
    pointless["purpose"] = json!("order_fulfilment");
    pointless["channel"] = json!(null);
    let refused = hub.post(Role::Partner, "/v1/consents", pointless).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["pointer"]), (422, &json!("/act")), "{}", refused.text);
}

async fn a_no_that_was_asked_for_holds_for_data_that_comes_later(database: Database) {
    let hub = Hub::open(database).await;
    let said = hub.post(Role::Partner, "/v1/consents", act("denied", "2026-02-01")).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    let brought = hub.post(Role::Partner, "/v1/records", json!({"records": [agreed("1", "2026-01-10")]})).await;
    assert_eq!(brought.json()["summary"]["created"], 1, "{}", brought.text);
    assert_eq!(hub.lookup(Role::Marketing, MAX, NEWS).await.status, StatusCode::NOT_FOUND);
}
