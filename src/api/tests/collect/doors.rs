//! Keys wherever SDKs put them, pages of any origin, and what is asked before they begin.

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::super::hub::Hub;
use super::taking::header;
use super::{basic, visit};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_key_is_taken_wherever_an_sdk_puts_it,
    a_token_of_oauth_stands_for_no_key,
    a_write_key_opens_nothing_else_and_no_other_key_opens_this,
    pages_of_any_origin_may_call_and_see_the_reply,
    sdks_are_told_to_speak_to_this_hub_alone,
    a_picture_is_an_event,
    a_key_is_made_for_a_source_that_is_there,
);

async fn a_key_is_taken_wherever_an_sdk_puts_it(database: Database) {
    let hub = Hub::open(database).await;
    let key = hub.key(Role::Browser).to_owned();
    let halves = key.rsplit_once('_').map(|(id, secret)| format!("{id}:{secret}")).unwrap();
    let masked = format!("{}:***", halves.split(':').next().unwrap());
    let with = |mut body: Value, key: &str| {
        body["writeKey"] = json!(key);
        body
    };
    let post = |path: &str| TestRequest::post().uri(path);
    let calls = [
        post("/v1/t").insert_header(basic(&key)).set_json(visit("v", "1")),
        post("/v1/t").insert_header(("authorization", format!("Bearer {key}"))).set_json(visit("v", "2")),
        post("/v1/t").set_json(with(visit("v", "3"), &key)),
        post("/v1/b").set_json(json!({"batch": [visit("v", "4")], "writeKey": key})),
        post("/v1/t").insert_header(basic(&key)).set_json(with(visit("v", "5"), &key)),
        post("/api/s/track").insert_header(("x-write-key", halves.clone())).set_json(with(visit("v", "6"), &masked)),
        post("/api/s/s2s/track").insert_header(("x-write-key", key.clone())).set_json(visit("v", "7")),
        post(&format!("/beacon/v1/batch?writeKey={key}")).set_payload(json!({"batch": [visit("v", "8")]}).to_string()),
    ];
    for (at, call) in calls.into_iter().enumerate() {
        let answer = hub.send(call).await;
        assert_eq!(answer.status, StatusCode::OK, "{at}: {}", answer.text);
    }
    assert_eq!(hub.copy_of("anonymous_id", "v").await["data"]["engagement"]["events"].as_array().unwrap().len(), 8);

    let two = post("/v1/t").insert_header(basic(&key)).set_json(with(visit("v", "9"), hub.key(Role::Collector)));
    let answer = hub.send(two).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"));
    for call in
        [post("/v1/t").set_json(visit("v", "9")), post("/v1/t").insert_header(basic("x")).set_json(visit("v", "9"))]
    {
        let answer = hub.send(call).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"));
        assert!(answer.json()["message"].is_string());
    }
}

/// SDKs that were set up for OAuth send a token the hub cannot prove, and their key in the body.
async fn a_token_of_oauth_stands_for_no_key(database: Database) {
    let hub = Hub::open(database).await;
    let key = hub.key(Role::Collector).to_owned();
    let call = |bearer: &str, id: &str, key: Option<&str>| {
        let mut batch = json!({"batch": [visit("v", id)]});
        if let Some(key) = key {
            batch["writeKey"] = json!(key);
        }
        let bearer = ("authorization", format!("Bearer {bearer}"));
        hub.send(TestRequest::post().uri("/v1/batch").insert_header(bearer).set_json(batch))
    };
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmVk";
    let taken = call(token, "1", Some(&key)).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text);
    // Without a key in force it opens nothing, and a key of the hub in its place is one.
    let revoked = key.replace(|digit: char| digit.is_ascii_digit(), "0");
    for (bearer, key) in [
        (token, None),
        (token, Some("x")),
        (token, Some(revoked.as_str())),
        ("", None),
        (revoked.as_str(), Some(key.as_str())),
        (hub.key(Role::Browser), Some(key.as_str())),
        (hub.key(Role::Admin), Some(key.as_str())),
    ] {
        let answer = call(bearer, "2", key).await;
        assert!([401, 403].contains(&answer.status.as_u16()), "{bearer} {key:?}: {}", answer.text);
    }
    let events = hub.copy_of("anonymous_id", "v").await["data"]["engagement"]["events"].clone();
    assert_eq!(events.as_array().unwrap().len(), 1);
}

async fn a_write_key_opens_nothing_else_and_no_other_key_opens_this(database: Database) {
    let hub = Hub::open(database).await;
    for role in [Role::Collector, Role::Browser] {
        let answer = hub.post(role, "/v1/records", json!({"records": []})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"));
    }
    for role in [Role::Admin, Role::Partner, Role::Marketing, Role::Dpo] {
        let answer = hub.track(role, "/v1/track", visit("v", "1")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "forbidden"));
    }
    // Only a body that is understood names its visitor.
    let answer = hub.track(Role::Browser, "/v1/track", json!({"userId": "u1", "event": "Seen"})).await;
    assert_eq!(answer.json()["errors"][0]["code"], "missing_visitor");
}

async fn pages_of_any_origin_may_call_and_see_the_reply(database: Database) {
    let hub = Hub::open(database).await;
    let origin = ("origin", "https://shop.example");
    for path in ["/v1/t", "/v1/batch", "/v1/identify", "/api/s/page", "/v1/projects/x/settings", "/sourceConfig/"] {
        let preflight = TestRequest::default().method(Method::OPTIONS).uri(path).insert_header(origin);
        let preflight = preflight
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", "authorization,content-type,x-retry-count,sentat"));
        let answer = hub.send(preflight).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(header(&answer.headers, "access-control-allow-origin"), "https://shop.example");
        assert_eq!(header(&answer.headers, "access-control-allow-credentials"), "true");
        for name in ["authorization", "content-type", "x-retry-count", "sentat"] {
            assert!(header(&answer.headers, "access-control-allow-headers").contains(name), "{name}");
        }
    }
    let call = TestRequest::post().uri("/v1/t").insert_header(origin).insert_header(basic(hub.key(Role::Browser)));
    let answer = hub.send(call.set_json(visit("v", "1"))).await;
    assert_eq!(header(&answer.headers, "access-control-allow-origin"), "https://shop.example");
    assert_eq!(header(&answer.headers, "cross-origin-resource-policy"), "cross-origin");
    // A failure is seen as well, and no other address is opened.
    let refused = hub.send(TestRequest::post().uri("/v1/t").insert_header(origin).set_payload("{}")).await;
    assert_eq!(header(&refused.headers, "access-control-allow-origin"), "https://shop.example");
    let other = hub.send(TestRequest::get().uri("/v1/purposes").insert_header(origin)).await;
    assert_eq!(header(&other.headers, "access-control-allow-origin"), "");
}

async fn sdks_are_told_to_speak_to_this_hub_alone(database: Database) {
    let hub = Hub::open(database).await;
    let get = |path: String| hub.send(TestRequest::get().uri(&path).insert_header(("host", "hub.example:8443")));
    let browser = hub.key(Role::Browser).to_owned();
    let settings = get(format!("/v1/projects/{browser}/settings")).await;
    assert_eq!(settings.status, StatusCode::OK, "{}", settings.text);
    assert_eq!(settings.json()["integrations"]["Segment.io"]["apiHost"], "hub.example:8443/v1");
    assert_eq!(settings.json()["integrations"].as_object().unwrap().len(), 1);
    for key in [hub.key(Role::Collector), hub.key(Role::Admin), "x"] {
        assert_eq!(get(format!("/v1/projects/{key}/settings")).await.status, StatusCode::NOT_FOUND);
    }
    let config = get(format!("/sourceConfig/?p=npm&writeKey={browser}")).await.json();
    assert_eq!((&config["source"]["enabled"], &config["source"]["destinations"]), (&json!(true), &json!([])));
    assert_eq!(get("/sourceConfig/".into()).await.json()["source"]["enabled"], false);
}

async fn a_picture_is_an_event(database: Database) {
    let hub = Hub::open(database).await;
    let key = hub.key(Role::Browser).to_owned();
    let path = format!("/pixel/v1/track?writeKey={key}&anonymousId=v&event=Opened&properties.mailing=spring");
    let (status, headers, bytes) = hub.call(TestRequest::get().uri(&path)).await;
    assert_eq!((status, header(&headers, "content-type")), (StatusCode::OK, "image/gif"));
    assert!(bytes.starts_with(b"GIF89a"));
    let copy = hub.copy_of("anonymous_id", "v").await;
    assert_eq!(copy["data"]["engagement"]["events"][0]["properties"]["mailing"], "spring");
    let unknown = hub.send(TestRequest::get().uri(&format!("/pixel/v1/alias?writeKey={key}"))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

async fn a_key_is_made_for_a_source_that_is_there(database: Database) {
    let hub = Hub::open(database).await;
    let issue = |body: Value| hub.post(Role::Admin, "/v1/api-keys", body);
    for (body, pointer) in [
        (json!({"title": "t", "role": "browser"}), "/source"),
        (json!({"title": "t", "role": "partner", "source": "webshop"}), "/source"),
        (json!({"title": "t", "role": "collector", "source": "nowhere"}), "/source"),
        (json!({"title": "t", "role": "collector", "source": "hub"}), "/source"),
        (json!({"title": "t", "role": "collector", "source": "webshop", "purposes": ["analytics"]}), "/purposes"),
    ] {
        let answer = issue(body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!(pointer)), "{}", answer.text);
    }
    let made = issue(json!({"title": "pages", "role": "browser", "source": "webshop"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let listed = hub.get(Role::Admin, "/v1/api-keys").await.json();
    let own = listed["api_keys"].as_array().unwrap().iter().find(|key| key["id"] == made.json()["id"]).unwrap();
    assert_eq!(own["source"], "webshop");
    let call = TestRequest::post().uri("/v1/t").insert_header(basic(made.json()["key"].as_str().unwrap()));
    assert_eq!(hub.send(call.set_json(visit("v", "1"))).await.status, StatusCode::OK);
}
