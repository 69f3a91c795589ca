//! Every operation with every role, and keys that are no more.

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use serde_json::json;

use super::hub::{Hub, issue};
use crate::api::permissions::MATRIX;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(a_revoked_key_opens_nothing_from_then_on, keys_that_are_none_are_all_the_same,);

/// Operations by which personal data leaves. Each is refused and recorded in `reading`, `segments`, `requests` or `reviews`.
const COVERED: [&str; 8] = [
    "LookupProfile",
    "ReadProfile",
    "ReadProfiles",
    "PullSegment",
    "ReceiveRequest",
    "ExecuteRequest",
    "ReadPackage",
    "ShowReview",
];

#[test]
fn every_operation_with_personal_data_is_tested_for_refusal_and_record() {
    for row in MATRIX.iter().filter(|row| row.personal) {
        assert!(COVERED.contains(&row.operation), "test that {} refuses and records, then list it", row.operation);
    }
}

#[actix_web::test]
async fn every_call_follows_the_matrix_before_anything_else_is_read() {
    let hub = Hub::open(Database::sqlite()).await;
    for row in MATRIX {
        let path = row
            .path
            .replace("{code}", "x")
            .replace("{key_id}", "x")
            .replace("{subject_id}", "x")
            .replace("{request_id}", "x")
            .replace("{review_id}", "x")
            .replace("{confirmation_code}", "x")
            .replace("{type}", "track")
            .replace("{write_key}", "x");
        // The body is nonsense: who may not call must not even learn that.
        let request = || {
            let method = Method::from_bytes(row.method.as_bytes()).unwrap();
            TestRequest::default().method(method).uri(&path).set_payload("{")
        };
        let answer = hub.send(request()).await;
        if row.roles.is_empty() {
            let turned_away = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
            assert!(!turned_away && !answer.status.is_server_error(), "{}", row.operation);
            continue;
        }
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{}", row.operation);
        assert!(answer.headers.contains_key("www-authenticate"));
        for role in Role::ALL {
            let answer = hub.ask(*role, request()).await;
            let may = row.roles.contains(role);
            let told = (row.operation, role, answer.status.as_u16());
            assert_eq!(answer.status == StatusCode::FORBIDDEN, !may, "{told:?}");
            assert!(answer.status != StatusCode::UNAUTHORIZED && !answer.status.is_server_error(), "{told:?}");
        }
    }
}

async fn a_revoked_key_opens_nothing_from_then_on(database: Database) {
    let hub = Hub::open(database).await;
    let made = hub.post(Role::Admin, "/v1/api-keys", json!({"title": "tool", "role": "dpo"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let (id, key) = (made.json()["id"].clone(), made.json()["key"].as_str().unwrap().to_owned());
    let call = || TestRequest::get().uri("/v1/purposes").insert_header(("authorization", format!("Bearer {key}")));
    assert_eq!(hub.send(call()).await.status, StatusCode::OK);
    let path = format!("/v1/api-keys/{}", id.as_str().unwrap());
    assert_eq!(hub.ask(Role::Admin, TestRequest::delete().uri(&path)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(hub.send(call()).await.code(), "unauthenticated");
    assert_eq!(hub.ask(Role::Admin, TestRequest::delete().uri(&path)).await.code(), "not_found");
    let listed = hub.get(Role::Admin, "/v1/api-keys").await;
    assert!(!listed.text.contains(key.rsplit('_').next().unwrap()));
}

async fn keys_that_are_none_are_all_the_same(database: Database) {
    let hub = Hub::open(database).await;
    let (_, good) = issue(&hub.house, Role::Dpo, &[]).await;
    let forged = format!("{}{}", &good[..good.len() - 64], "0".repeat(64));
    let mut seen = Vec::new();
    for header in [format!("Bearer {forged}"), "Bearer x".into(), format!("Basic {good}"), good.clone()] {
        let request = TestRequest::get().uri("/v1/purposes").insert_header(("authorization", header));
        seen.push(hub.send(request).await.seen());
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
}
