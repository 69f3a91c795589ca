//! What is taken, once, and what is said of the rest.

use std::io::Write as _;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::super::hub::{Answer, Hub, SENTINEL};
use super::{basic, visit};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    every_call_is_kept_once_however_often_it_comes,
    bad_events_are_named_and_counted_and_the_others_are_kept,
    a_call_that_cannot_be_read_says_so_as_sdks_read_it,
    half_a_character_loses_no_event,
    any_content_type_and_gzip_are_read,
    a_bomb_stops_at_the_limit,
    many_calls_at_once_are_all_taken,
    what_is_written_for_many_stands_under_the_name_of_none,
);

async fn every_call_is_kept_once_however_often_it_comes(database: Database) {
    let hub = Hub::open(database).await;
    let batch = json!({
        "batch": [
            {"type": "identify", "userId": "u7", "anonymousId": null, "messageId": "m1", "traits": {"firstName": "Erika", "lastName": "Muster", "email": "erika@muster.org", "phone": "+4930123456", "company": {"name": "Muster GmbH"}, "address": {"street": "Kantstraße 12", "postalCode": "10623", "city": "Berlin", "country": "DE"}, "shoeSize": 41}, "timestamp": "2026-03-07T13:40:01.000Z"},
            {"type": "track", "userId": "u7", "messageId": "m2", "event": "Order Completed", "properties": {"total": 129.9, "products": [{"sku": "TS"}]}, "timestamp": "2026-03-07T13:40:02+00:00"},
            {"type": "page", "userId": "u7", "messageId": "m3", "name": "Home", "context": {"page": {"url": "https://shop.example/", "referrer": "https://a.example"}, "campaign": {"name": "spring"}}},
            {"type": "screen", "userId": "u7", "messageId": "m4", "name": "Basket"},
            {"type": "group", "userId": "u7", "messageId": "m5", "groupId": "club", "traits": {"plan": "gold"}},
            {"type": "alias", "userId": "u7", "previousId": "v7", "messageId": "m6"},
        ],
        "sentAt": "2026-03-07T13:40:10Z", "writeKey": hub.key(Role::Collector), "context": {"locale": "de-DE"},
    });
    for path in ["/v1/batch", "/v1/b", "/v1/import", "/v1/batch"] {
        hub.taken(Role::Collector, path, batch.clone()).await;
    }
    let copy = hub.copy_of("account", "u7").await;
    let (data, records) = (&copy["data"], &copy["records"]);
    assert_eq!(data["identity"]["family_name"], "Muster", "{copy}");
    assert_eq!((&data["identity"]["company"], &data["identity"]["language"]), (&json!("Muster GmbH"), &json!("de-DE")));
    assert_eq!(data["contact"]["emails"][0]["value"], "erika@muster.org");
    assert_eq!(data["address"]["addresses"][0]["city"], "Berlin");
    let events = data["engagement"]["events"].as_array().unwrap_or_else(|| panic!("{copy}"));
    let mut names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Order Completed", "group", "page", "screen"], "{records}");
    let order = events.iter().find(|event| event["name"] == "Order Completed").unwrap();
    assert_eq!(order["properties"], json!({"total": 129.9, "products.0.sku": "TS"}));
    let page = events.iter().find(|event| event["name"] == "page").unwrap();
    assert_eq!((&page["page_url"], &page["campaign"]), (&json!("https://shop.example/"), &json!("spring")));
    assert!(!copy.to_string().contains("shoeSize"), "no category is named for it");
    // The visitor it was before is the same person.
    assert_eq!(hub.copy_of("anonymous_id", "v7").await["subject_id"], copy["subject_id"]);
}

async fn bad_events_are_named_and_counted_and_the_others_are_kept(database: Database) {
    let hub = Hub::open(database).await;
    let large =
        json!({"type": "track", "userId": "u1", "event": "Large", "properties": {"text": SENTINEL.repeat(2_000)}});
    let batch = json!({"batch": [
        visit("v1", "a"), 7, {"type": "track", "event": "x"}, {"type": SENTINEL, "userId": "u1"}, large,
        {"type": "track", "userId": "u1"}, {"type": "identify", "userId": "u1", "traits": {"email": SENTINEL.repeat(3)}},
        {"type": "track", "userId": "u1", "event": "Dated", "timestamp": SENTINEL}, visit("v1", "b"),
    ]});
    let answer = hub.track(Role::Collector, "/v1/batch", batch).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "events_refused"));
    let reply = answer.json();
    assert!(reply["message"].as_str().unwrap().starts_with("6 of 9 events were refused"), "{reply}");
    let told: Vec<_> = reply["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        ("/batch/1", "not_an_object"),
        ("/batch/2/anonymousId", "missing_id"),
        ("/batch/3/type", "unknown_type"),
        ("/batch/4", "event_too_large"),
        ("/batch/5/event", "missing_event"),
        ("/batch/7/timestamp", "invalid_timestamp"),
    ];
    assert_eq!(told, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    assert_eq!(hub.copy_of("anonymous_id", "v1").await["data"]["engagement"]["events"].as_array().unwrap().len(), 2);
    let counted = hub.get(Role::Admin, "/v1/sources/webshop/turned-away").await.json();
    let codes: Vec<_> =
        counted["days"].as_array().unwrap().iter().map(|row| (row["code"].clone(), row["events"].clone())).collect();
    // Those, and a mail address that cannot be: the rest of its event is kept.
    assert_eq!(codes.len(), 7, "{counted}");
    assert!(codes.contains(&(json!("invalid_email"), json!(1))), "{counted}");
    assert!(codes.contains(&(json!("missing_id"), json!(1))), "{counted}");
    let single = hub.track(Role::Collector, "/v1/track", json!({"userId": "u1"})).await;
    assert_eq!((single.status.as_u16(), &single.json()["errors"][0]["pointer"]), (400, &json!("/event")));
}

async fn a_call_that_cannot_be_read_says_so_as_sdks_read_it(database: Database) {
    let hub = Hub::open(database).await;
    let call = |body: &str| {
        let request = TestRequest::post().uri("/v1/batch").insert_header(basic(hub.key(Role::Collector)));
        hub.send(request.set_payload(body.to_owned()))
    };
    let many = json!({"batch": vec![json!({}); 2_501]}).to_string();
    for (body, status, code) in [
        ("{", 400, "malformed_json"),
        ("[]", 400, "events_refused"),
        ("{}", 400, "events_refused"),
        (r#"{"batch": []}"#, 400, "events_refused"),
        (&many, 400, "events_refused"),
        ("", 400, "events_refused"),
    ] {
        let answer = call(body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body:.20}");
        assert!(answer.json()["message"].is_string(), "{}", answer.text);
    }
    let answer = call(&" ".repeat((4 << 20) + 1)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "body_too_large"));
    assert!(answer.json()["message"].is_string(), "{}", answer.text);
}

/// What is refused as a whole an SDK never sends again.
async fn half_a_character_loses_no_event(database: Database) {
    let hub = Hub::open(database).await;
    let events = |text: &str| json!({"batch": [visit("v1", text), visit("v1", "whole")]}).to_string();
    let escaped = events("cut TORN").replace("TORN", "\\ud83d").into_bytes();
    let raw = events("cut TORN").into_bytes();
    let at = raw.windows(4).position(|four| four == b"TORN").unwrap();
    let raw = [&raw[..at], b"\xf0\x9f", &raw[at + 4..]].concat();
    let large = events("large").replace("\"large\"", "1e400").into_bytes();
    for body in [escaped, raw, large] {
        let request = TestRequest::post().uri("/v1/batch").insert_header(basic(hub.key(Role::Collector)));
        let answer = hub.send(request.set_payload(body.clone())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", String::from_utf8_lossy(&body), answer.text);
    }
    let copy = hub.copy_of("anonymous_id", "v1").await;
    assert!(copy.to_string().contains("cut \u{fffd}"), "{copy}");
}

async fn any_content_type_and_gzip_are_read(database: Database) {
    let hub = Hub::open(database).await;
    let medias =
        ["text/plain", "application/x-www-form-urlencoded", "application/json", "text/plain;charset=UTF-8", ""];
    for (at, media) in medias.into_iter().enumerate() {
        let mut request = TestRequest::post().uri("/v1/t").insert_header(basic(hub.key(Role::Browser)));
        if !media.is_empty() {
            request = request.insert_header(("content-type", media));
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(visit("v1", &at.to_string()).to_string().as_bytes()).unwrap();
        let request = request.insert_header(("content-encoding", "gzip")).set_payload(gzip.finish().unwrap());
        let answer = hub.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{media}: {}", answer.text);
    }
    assert_eq!(hub.copy_of("anonymous_id", "v1").await["data"]["engagement"]["events"].as_array().unwrap().len(), 5);
}

async fn a_bomb_stops_at_the_limit(database: Database) {
    let hub = Hub::open(database).await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![b' '; 64 << 20]).unwrap();
    let request = TestRequest::post().uri("/v1/batch").insert_header(basic(hub.key(Role::Collector)));
    let answer =
        hub.send(request.insert_header(("content-encoding", "gzip")).set_payload(gzip.finish().unwrap())).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "body_too_large"));
}

async fn many_calls_at_once_are_all_taken(database: Database) {
    let hub = Hub::open(database).await;
    let calls = (0..120).map(|at| {
        let body = visit(&format!("v{}", at % 7), &format!("m{}", at % 60));
        hub.track(Role::Browser, "/v1/t", body)
    });
    let answers: Vec<Answer> = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let mut events = 0;
    for visitor in 0..7 {
        let copy = hub.copy_of("anonymous_id", &format!("v{visitor}")).await;
        events += copy["data"]["engagement"]["events"].as_array().unwrap().len();
    }
    // The message ids repeat after 60 calls, the visitors after 7: no pair of both comes twice.
    assert_eq!(events, 120);
    let audited = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    let ingested: i64 = audited["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["act"] == "ingested")
        .filter_map(|entry: &Value| entry["body"]["count"].as_i64())
        .sum();
    assert_eq!(ingested, 120);
}

/// Kept for what reads headers in the module beside this one.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn what_is_written_for_many_stands_under_the_name_of_none(database: Database) {
    use std::io::{Read, Seek};
    let hub = Hub::open(database).await;
    let mut file = tempfile::tempfile().unwrap();
    let log = crate::config::Log { format: crate::config::LogFormat::Json, filter: "obhut=debug".into() };
    // Once without the log: tracing remembers per line whether anybody listens, and tests on other threads do not.
    hub.taken(Role::Collector, "/v1/track", visit("v1", "m1")).await;
    let guard = tracing::subscriber::set_default(
        crate::logging::subscriber(&log, std::sync::Mutex::new(file.try_clone().unwrap())).unwrap(),
    );
    tracing::callsite::rebuild_interest_cache();
    let span = tracing::info_span!("call", request_id = "of the first caller");
    hub.taken(Role::Collector, "/v1/track", visit("v1", "m2")).instrument(span).await;
    drop(guard);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    let line =
        text.lines().find(|line| line.contains("events are written together")).unwrap_or_else(|| panic!("{text}"));
    assert!(!line.contains("request_id"), "{line}");
}
