//! Requests: access and erasure, from receipt to answer.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Hub, customer};
use super::reading::{MAX, with_max};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    an_access_yields_a_package_and_is_answered,
    an_erasure_is_certified_and_nothing_is_left_to_read,
    nobody_can_demand_for_nobody,
    a_request_is_extended_once_and_can_be_refused,
    requests_are_listed_page_by_page,
    a_request_with_a_key_is_taken_in_once,
    recipients_of_erased_data_wait_until_somebody_told_them,
);

fn demand(right: &str) -> Value {
    json!({"right": right, "identifier": {"kind": "email", "value": MAX}})
}

async fn received(hub: &Hub, right: &str) -> String {
    let answer = hub.post(Role::Dpo, "/v1/requests", demand(right)).await;
    assert_eq!((answer.status, &answer.json()["state"]), (StatusCode::CREATED, &json!("received")), "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn an_access_yields_a_package_and_is_answered(database: Database) {
    let hub = with_max(database).await;
    let id = received(&hub, "access").await;
    let path = format!("/v1/requests/{id}");
    assert_eq!(hub.get(Role::Dpo, &format!("{path}/package")).await.code(), "not_found");
    assert_eq!(hub.get(Role::Dpo, &path).await.json()["state"], "received", "a GET changed something");
    for request in
        [TestRequest::post().uri(&format!("{path}/execution")), TestRequest::get().uri(&format!("{path}/package"))]
    {
        let (status, headers, bytes) = hub.bytes(Role::Dpo, request).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers.get("content-type").unwrap(), "application/zip");
        assert!(headers.get("content-disposition").unwrap().to_str().unwrap().starts_with("attachment; filename="));
        assert!(bytes.starts_with(b"PK"));
    }
    assert_eq!(hub.get(Role::Dpo, &path).await.json()["state"], "answered");
    assert_eq!(hub.get(Role::Dpo, &format!("{path}/certificate")).await.code(), "not_found");
    let lines = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.text;
    assert!(lines.contains("subject_access") && lines.contains(&id), "{lines}");
}

async fn an_erasure_is_certified_and_nothing_is_left_to_read(database: Database) {
    let hub = with_max(database).await;
    hub.subscribe(MAX).await;
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::OK);
    let mut demand = demand("erasure");
    demand["execute"] = json!(true);
    let done = hub.post(Role::Dpo, "/v1/requests", demand).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text);
    assert!(done.json()["signature"].is_string());
    let path = done.headers.get("location").unwrap().to_str().unwrap().to_owned();
    let certificate = hub.get(Role::Dpo, &format!("{path}/certificate")).await;
    assert_eq!(certificate.json(), done.json());
    assert_eq!(hub.get(Role::Dpo, &format!("{path}/package")).await.code(), "not_found");
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::NOT_FOUND);
    // Old data does not bring the person back.
    let again = hub.post(Role::Partner, "/v1/records", json!({"records": [customer("1", MAX)]})).await.json();
    assert_eq!(again["summary"]["suppressed"], 1, "{again}");
}

async fn nobody_can_demand_for_nobody(database: Database) {
    let hub = with_max(database).await;
    let unknown = json!({"right": "access", "identifier": {"kind": "email", "value": "erika@muster.org"}});
    assert_eq!(hub.post(Role::Dpo, "/v1/requests", unknown).await.code(), "not_found");
    let mut future = demand("access");
    future["received_at"] = json!("2999-01-01T00:00:00Z");
    let answer = hub.post(Role::Dpo, "/v1/requests", future).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!("/received_at")));
    let path = "/v1/requests/018f3f3c-0000-7000-8000-0000000000aa";
    for request in [
        TestRequest::get().uri(path),
        TestRequest::get().uri(&format!("{path}/package")),
        TestRequest::post().uri(&format!("{path}/execution")),
    ] {
        assert_eq!(hub.ask(Role::Dpo, request).await.code(), "not_found");
    }
}

async fn a_request_is_extended_once_and_can_be_refused(database: Database) {
    let hub = with_max(database).await;
    let id = received(&hub, "access").await;
    let step = async |verb: &str, reason: &str| {
        hub.post(Role::Dpo, &format!("/v1/requests/{id}/{verb}"), json!({"reason": reason})).await
    };
    let extended = step("extension", "many_requests").await.json();
    assert_eq!(extended["extended"], "many_requests");
    assert_eq!(step("extension", "many_requests").await.code(), "conflict");
    let refused = step("refusal", "not_identified").await.json();
    assert_eq!((&refused["state"], &refused["refused_for"]), (&json!("refused"), &json!("not_identified")));
    let path = format!("/v1/requests/{id}/execution");
    assert_eq!(hub.ask(Role::Dpo, TestRequest::post().uri(&path)).await.code(), "conflict");
}

async fn requests_are_listed_page_by_page(database: Database) {
    let hub = with_max(database).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(received(&hub, "access").await);
    }
    let (mut found, mut next) = (Vec::new(), Some("/v1/requests?limit=2".to_owned()));
    while let Some(path) = next {
        let page = hub.get(Role::Dpo, &path).await.json();
        found.extend(
            page["requests"].as_array().unwrap().iter().map(|request| request["id"].as_str().unwrap().to_owned()),
        );
        next = page["next"].as_str().map(|cursor| format!("/v1/requests?limit=2&cursor={cursor}"));
    }
    ids.sort();
    found.sort();
    assert_eq!(found, ids);
}

async fn a_request_with_a_key_is_taken_in_once(database: Database) {
    let hub = with_max(database).await;
    let send = async |key: &str, body: &Value| {
        let request = TestRequest::post().uri("/v1/requests").insert_header(("idempotency-key", key.to_owned()));
        hub.ask(Role::Dpo, request.set_json(body)).await
    };
    let waits = demand("erasure");
    let (first, again) = (send("1", &waits).await, send("1", &waits).await);
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", first.text);
    assert_eq!(first.json(), again.json());
    assert_eq!(first.headers.get("location"), again.headers.get("location"));
    assert_ne!(send("2", &waits).await.json()["id"], first.json()["id"]);

    let mut at_once = waits.clone();
    at_once["execute"] = json!(true);
    assert_eq!(send("1", &at_once).await.code(), "idempotency_key_reused");
    // The person is gone after the first; the second still gets its answer.
    let (first, again) = (send("3", &at_once).await, send("3", &at_once).await);
    assert!(first.json()["signature"].is_string(), "{}", first.text);
    assert_eq!(first.json(), again.json());
}

async fn recipients_of_erased_data_wait_until_somebody_told_them(database: Database) {
    let hub = with_max(database).await;
    hub.subscribe(MAX).await;
    assert_eq!(hub.lookup(Role::Partner, MAX, "newsletter_email").await.status, StatusCode::OK);
    let id = received(&hub, "erasure").await;
    let path = format!("/v1/requests/{id}");
    assert_eq!(hub.get(Role::Dpo, &path).await.json()["recipients"], json!([]));
    let execution = TestRequest::post().uri(&format!("{path}/execution"));
    assert_eq!(hub.ask(Role::Dpo, execution).await.status, StatusCode::OK);
    let waits = json!([{"recipient": "partner", "state": "to_be_told", "changed_at": null}]);
    assert_eq!(hub.get(Role::Dpo, &path).await.json()["recipients"], waits);

    let notices = format!("{path}/notices");
    let told = json!({"recipient": "partner", "state": "told"});
    assert_eq!(hub.post(Role::Partner, &notices, told.clone()).await.code(), "forbidden");
    let unknown = hub.post(Role::Dpo, &notices, json!({"recipient": "nobody", "state": "told"})).await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["pointer"]), (422, &json!("/recipient")));
    for _ in 0..2 {
        let answer = hub.post(Role::Dpo, &notices, told.clone()).await;
        assert_eq!((answer.status, &answer.json()["recipients"][0]["state"]), (StatusCode::OK, &json!("told")));
    }
    assert!(hub.get(Role::Dpo, &path).await.json()["recipients"][0]["changed_at"].is_string());
    let lines = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    let told = lines["entries"].as_array().unwrap().iter().filter(|entry| entry["act"] == "recipient_told").count();
    assert_eq!(told, 2, "intended and done, once");
}
