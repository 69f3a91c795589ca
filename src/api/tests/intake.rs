//! Bringing records in.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::hub::{Hub, SENTINEL, customer};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::Role;

on_both_databases!(
    a_document_says_what_became_of_each_record,
    a_name_given_twice_in_a_record_rejects_that_record_alone,
    a_stream_goes_on_behind_bad_lines_and_repeats_none_of_them,
    a_packed_stream_is_unpacked,
    a_body_that_cannot_be_read_as_a_whole_is_a_problem,
    a_key_brings_the_same_reply_again_and_no_other_request_through,
    two_calls_with_one_key_at_once_are_one,
    a_failed_call_leaves_its_key_free,
    whoever_has_a_number_of_nines_is_found_by_it,
);

fn stream(body: impl Into<bytes::Bytes>) -> TestRequest {
    TestRequest::post().uri("/v1/records").insert_header(("content-type", "application/x-ndjson")).set_payload(body)
}

async fn a_document_says_what_became_of_each_record(database: Database) {
    let hub = Hub::open(database).await;
    let body = json!({"records": [customer("1", "max@muster.org"), {"type": SENTINEL}, 7]});
    let answer = hub.post(Role::Partner, "/v1/records", body.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let reply = answer.json();
    assert_eq!(reply["results"][0], json!({"index": 0, "outcome": "created"}));
    assert_eq!(reply["results"][1]["outcome"], "rejected");
    assert_eq!(reply["results"][2]["code"], "invalid_json");
    assert_eq!((&reply["summary"]["created"], &reply["summary"]["rejected"]), (&json!(1), &json!(2)));
    assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    let again = hub.post(Role::Partner, "/v1/records", body).await.json();
    assert_eq!(again["results"][0]["outcome"], "unchanged");
}

async fn a_name_given_twice_in_a_record_rejects_that_record_alone(database: Database) {
    let hub = Hub::open(database).await;
    let twice = r#"{"type": "customer", "type": "order"}"#;
    let body = format!("{{\"records\": [{twice}, {}]}}", customer("1", "max@muster.org"));
    let request = TestRequest::post().uri("/v1/records").insert_header(("content-type", "application/json"));
    let reply = hub.ask(Role::Partner, request.set_payload(body)).await.json();
    assert_eq!(
        (&reply["results"][0]["code"], &reply["results"][0]["pointer"]),
        (&json!("duplicate_key"), &json!("/type"))
    );
    assert_eq!(reply["results"][1]["outcome"], "created");
}

async fn a_stream_goes_on_behind_bad_lines_and_repeats_none_of_them(database: Database) {
    let hub = Hub::open(database).await;
    let mut body = Vec::new();
    let mut line = |bytes: &[u8]| body.extend_from_slice(&[bytes, b"\n"].concat());
    line(customer("1", "one@muster.org").to_string().as_bytes());
    line(b"");
    line(format!("{{\"{SENTINEL}\": ").as_bytes());
    line(&[b"\"", SENTINEL.as_bytes(), b"\xff\""].concat());
    line(format!("\"{}\"", SENTINEL.repeat(40_000)).as_bytes());
    let mut wrong = customer("2", SENTINEL);
    wrong["identifiers"][0]["value"] = json!(format!("{SENTINEL}@{SENTINEL}"));
    line(wrong.to_string().as_bytes());
    for id in 10..260 {
        line(customer(&id.to_string(), &format!("p{id}@muster.org")).to_string().as_bytes());
    }
    let answer = hub.ask(Role::Partner, stream(body.clone())).await;
    let reply = answer.json();
    assert_eq!((&reply["summary"]["created"], &reply["summary"]["rejected"]), (&json!(252), &json!(3)), "{reply}");
    assert_eq!(reply["summary"]["incomplete"], 1);
    let results = reply["results"].as_array().unwrap();
    let why = |item: &Value| item["code"].as_str().or(item["left_out"][0]["code"].as_str()).unwrap().to_owned();
    let told: Vec<_> = results.iter().map(|item| (item["line"].as_u64().unwrap(), why(item))).collect();
    let told: Vec<_> = told.iter().map(|(line, code)| (*line, code.as_str())).collect();
    assert_eq!(told, [(3, "invalid_json"), (4, "invalid_utf8"), (5, "too_large"), (6, "invalid_email")]);
    assert!(!answer.text.contains("Mustermann"), "{}", answer.text);

    let all = hub.ask(Role::Partner, stream(body).uri("/v1/records?results=all")).await.json();
    assert_eq!(all["results"].as_array().unwrap().len(), 255);
    assert_eq!(all["summary"]["unchanged"], 252);
}

async fn a_packed_stream_is_unpacked(database: Database) {
    use std::io::Write;
    let hub = Hub::open(database).await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(customer("1", "max@muster.org").to_string().as_bytes()).unwrap();
    let request = stream(gzip.finish().unwrap()).insert_header(("content-encoding", "gzip"));
    assert_eq!(hub.ask(Role::Partner, request).await.json()["summary"]["created"], 1);
}

async fn a_body_that_cannot_be_read_as_a_whole_is_a_problem(database: Database) {
    let hub = Hub::open(database).await;
    let cases: [(&str, &[u8], u16, &str); 6] = [
        ("application/json", b"{", 400, "malformed_json"),
        ("application/json", b"{\"records\": 1}", 422, "wrong_type"),
        ("application/json", b"{}", 422, "missing_field"),
        ("application/json", b"\xff", 400, "invalid_utf8"),
        ("text/csv", b"a,b", 415, "unsupported_media_type"),
        ("application/x-ndjson; charset=latin1", b"", 415, "unsupported_media_type"),
    ];
    for (media, body, status, code) in cases {
        let request = TestRequest::post().uri("/v1/records").insert_header(("content-type", media));
        let answer = hub.ask(Role::Partner, request.set_payload(body.to_vec())).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
    }
    let answer = hub.ask(Role::Partner, stream("").uri("/v1/records?results=some")).await;
    assert_eq!(answer.code(), "invalid_parameter");
}

async fn a_key_brings_the_same_reply_again_and_no_other_request_through(database: Database) {
    let hub = Hub::open(database).await;
    let keyed = |body: &Value| {
        let request = stream(body.to_string()).insert_header(("idempotency-key", "import 7"));
        request.uri("/v1/records?results=all")
    };
    let (one, two) = (customer("1", "one@muster.org"), customer("2", "two@muster.org"));
    let first = hub.ask(Role::Partner, keyed(&one)).await;
    assert_eq!(first.json()["summary"]["created"], 1);
    let again = hub.ask(Role::Partner, keyed(&one)).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    let other = hub.ask(Role::Partner, keyed(&two)).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "idempotency_key_reused"));
    // Nothing of the other request was taken in.
    assert_eq!(hub.ask(Role::Partner, stream(two.to_string())).await.json()["summary"]["created"], 1);

    for bad in ["", "ä"] {
        let request = stream("").insert_header(("idempotency-key", bad.as_bytes()));
        assert_eq!(hub.ask(Role::Partner, request).await.code(), "invalid_idempotency_key");
    }
}

async fn two_calls_with_one_key_at_once_are_one(database: Database) {
    let hub = Hub::open(database).await;
    let call = || {
        let body = json!({"records": [customer("1", "one@muster.org")]});
        let request = TestRequest::post().uri("/v1/records").insert_header(("idempotency-key", "k"));
        hub.ask(Role::Partner, request.set_json(body))
    };
    let (a, b) = futures_util::join!(call(), call());
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert!(statuses == [200, 409] || (statuses == [200, 200] && a.text == b.text), "{} {}", a.text, b.text);
}

async fn a_failed_call_leaves_its_key_free(database: Database) {
    let hub = Hub::open(database).await;
    let keyed =
        |body: Value| TestRequest::post().uri("/v1/consents").insert_header(("idempotency-key", "c")).set_json(body);
    let mut statement = super::hub::consent("max@muster.org", "granted");
    statement["purpose"] = json!("not_configured");
    let refused = hub.ask(Role::Partner, keyed(statement)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["pointer"]), (422, &json!("/purpose")), "{}", refused.text);
    let good = keyed(super::hub::consent("max@muster.org", "granted"));
    assert_eq!(hub.ask(Role::Partner, good).await.status, StatusCode::CREATED);
}

/// Four nines are a number like any other. More are one that books keep for everybody who has none: who comes under it is nobody else, and
/// is found by it all the same.
async fn whoever_has_a_number_of_nines_is_found_by_it(database: Database) {
    let hub = Hub::open(database).await;
    let numbered = |id: &str, number: &str| {
        let mut record = customer(id, "");
        record["identifiers"] = json!([{"kind": "customer_number", "value": number}]);
        record["data"] = json!({});
        record
    };
    let find = async |number: &str| {
        let identifier = json!({"kind": "customer_number", "source": "webshop", "value": number});
        hub.post(Role::Dpo, "/v1/profiles/lookup", json!({"identifier": identifier, "purpose": "subject_access"})).await
    };
    for number in ["9999", "99999"] {
        let brought = json!({"records": [numbered(number, number)]});
        assert_eq!(hub.post(Role::Partner, "/v1/records", brought).await.json()["summary"]["created"], 1);
        let found = find(number).await;
        assert_eq!(found.status, StatusCode::OK, "{number}: {}", found.text);
        assert_eq!(found.json()["data"]["identity"]["customer_numbers"], json!([number]));
    }
    // Neither what an erasure leaves nor what is compared makes them one person.
    let erased = find("99999").await.json()["subject_id"].clone();
    let asked =
        hub.post(Role::Dpo, "/v1/requests", json!({"right": "erasure", "subject_id": erased, "execute": true})).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text);
    let brought = json!({"records": [numbered("one", "99999"), numbered("two", "99999"), numbered("three", "9999")]});
    let brought = hub.post(Role::Partner, "/v1/records", brought).await.json();
    assert_eq!(brought["summary"]["created"], 3, "{brought}");
    let people = hub.database.bytes(Shelf::Records, "subject_id", "FROM subject WHERE state = 1 ORDER BY subject_id");
    assert_eq!(people.len(), 3);
}
