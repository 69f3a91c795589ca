//! Meta's handshake, deliveries and demands for deletion; deliveries signed with a public key.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::hub::{Answer, Hub};
use super::webhooks::{SECRET, connected, mac, woocommerce};
use crate::databases::{Database, on_both_databases};
use crate::store::connections;
use crate::types::{Role, Timestamp};

on_both_databases!(
    meta_is_answered_when_it_tries_the_address,
    a_lead_at_meta_asks_for_a_sync,
    a_deletion_passed_on_by_meta_waits_for_the_officer,
    a_forged_or_old_demand_for_deletion_is_not_heard,
    lexware_is_known_by_its_public_key,
);

async fn meta(database: Database) -> Hub {
    let parameters = [
        ("page_id", "100000000000001"),
        ("access_token", "EAAG"),
        ("app_secret", SECRET),
        ("verify_token", "a-token-of-ours"),
        ("hub_url", "https://hub.example/obhut/"),
    ];
    connected(database, "meta", &parameters).await
}

impl Hub {
    async fn visit(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    /// A demand as Meta passes it on.
    async fn passes_on(&self, payload: &Value) -> Answer {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(payload.to_string());
        let signed = format!("{}.{payload}", BASE64_URL_SAFE_NO_PAD.encode(mac(&payload)));
        self.demands(&signed).await
    }

    async fn demands(&self, signed: &str) -> Answer {
        let request = TestRequest::post()
            .uri("/v1/sources/shop/deletions")
            .insert_header(("content-type", "application/x-www-form-urlencoded"));
        self.send(request.set_payload(format!("signed_request={signed}"))).await
    }
}

async fn meta_is_answered_when_it_tries_the_address(database: Database) {
    let hub = meta(database).await;
    let path = |token: &str, challenge: &str| {
        format!("/v1/sources/shop/webhooks?hub.mode=subscribe&hub.verify_token={token}&hub.challenge={challenge}")
    };
    let answer = hub.visit(&path("a-token-of-ours", "1158201444")).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "1158201444"));
    assert!(answer.headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/plain"));
    for wrong in ["", "another", "a-token-of-our"] {
        assert_eq!(hub.visit(&path(wrong, "1158201444")).await.status.as_u16(), 401, "{wrong}");
    }
    for page in ["", "%3Cscript%3E", "a%20b"] {
        let answer = hub.visit(&path("a-token-of-ours", page)).await;
        assert_eq!(answer.status.as_u16(), 400, "{page}");
        assert!(!answer.text.contains("script"));
    }
    assert_eq!(hub.visit("/v1/sources/shop/webhooks").await.status.as_u16(), 401);
    assert_eq!(hub.visit("/v1/sources/nothing/webhooks").await.status.as_u16(), 404);
}

async fn a_lead_at_meta_asks_for_a_sync(database: Database) {
    let hub = meta(database).await;
    let number = hub.house.rulebook.edition().source_named("shop").unwrap().number;
    let wanted = async || {
        let row = hub.house.store.read(move |read| connections::find(read.records(), number)).await.unwrap().unwrap();
        row.wanted_at.is_set()
    };
    let seconds = hub.house.clock.now().micros() / Timestamp::SECOND;
    let change = json!({"field": "leadgen", "value": {"leadgen_id": "7", "form_id": "9", "created_time": seconds}});
    // Meta escapes what is not ASCII; it is signed as it was sent.
    let body = json!({"object": "page", "entry": [{"id": "1", "time": seconds, "changes": [change]}]}).to_string();
    let body = body.replace("leadgen\"", "leadg\\u0065n\"");
    let sign = format!("sha256={}", hex::encode(mac(&body)));
    assert_eq!(hub.told(&[("x-hub-signature-256", "sha256=00")], &body).await.status.as_u16(), 401);
    assert!(!wanted().await);
    let answer = hub.told(&[("x-hub-signature-256", sign.as_str())], &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(wanted().await);
    let old = body.replace(&seconds.to_string(), &(seconds - 80 * 3_600).to_string());
    let sign = format!("sha256={}", hex::encode(mac(&old)));
    assert_eq!(hub.told(&[("x-hub-signature-256", sign.as_str())], &old).await.status.as_u16(), 400);
}

async fn a_deletion_passed_on_by_meta_waits_for_the_officer(database: Database) {
    let hub = meta(database).await;
    let message = json!({
        "type": "message", "source": "shop", "external_id": "m_1", "updated_at": "2026-03-08T09:00:00Z",
        "identifiers": [{"kind": "account", "value": "71000000000001"}],
        "data": {"thread": "t_1", "sent_at": "2026-03-08T09:00:00Z", "direction": "inbound", "platform": "messenger", "text": "Hallo"},
    });
    hub.house.intake.ingest(&[message.to_string()]).await.unwrap();
    let seconds = hub.house.clock.now().micros() / Timestamp::SECOND;
    let demand = json!({"user_id": "71000000000001", "algorithm": "HMAC-SHA256", "issued_at": seconds});
    let answer = hub.passes_on(&demand).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let told = answer.json();
    let code = told["confirmation_code"].as_str().unwrap().to_owned();
    assert_eq!(told["url"], format!("https://hub.example/obhut/v1/sources/shop/deletions/{code}"));
    let page = |code: &str| format!("/v1/sources/shop/deletions/{code}");
    let waiting = hub.visit(&page(&code)).await;
    assert!(waiting.status == StatusCode::OK && waiting.text.contains("will be answered by"), "{}", waiting.text);
    // Sent again it is the same demand.
    assert_eq!(hub.passes_on(&demand).await.json(), told);
    let requests = hub.requests().await;
    assert_eq!((requests.len(), &requests[0]["id"], &requests[0]["right"]), (1, &json!(code), &json!("erasure")));
    // Nobody can tell whether somebody is known here.
    let stranger = json!({"user_id": "9", "algorithm": "HMAC-SHA256", "issued_at": seconds});
    let other = hub.passes_on(&stranger).await;
    assert_eq!(other.status, StatusCode::OK);
    let nothing = hub.visit(&page(other.json()["confirmation_code"].as_str().unwrap())).await;
    assert!(nothing.text.contains("nothing was found"), "{}", nothing.text);
    assert_eq!(hub.requests().await.len(), 1);
    let path = format!("/v1/requests/{code}/execution");
    assert_eq!(hub.post(Role::Dpo, &path, Value::Null).await.status, StatusCode::OK);
    assert_eq!(hub.visit(&page(&code)).await.text, nothing.text, "done looks like never known");
    assert_eq!(hub.visit(&page("x")).await.text, nothing.text);
    assert_eq!(hub.visit("/v1/sources/nothing/deletions/x").await.status.as_u16(), 404);
}

async fn a_forged_or_old_demand_for_deletion_is_not_heard(database: Database) {
    let hub = meta(database).await;
    let seconds = hub.house.clock.now().micros() / Timestamp::SECOND;
    let demand = |algorithm: &str, at: i64| json!({"user_id": "7", "algorithm": algorithm, "issued_at": at});
    let payload = BASE64_URL_SAFE_NO_PAD.encode(demand("HMAC-SHA256", seconds).to_string());
    let forged = BASE64_URL_SAFE_NO_PAD.encode(mac("another"));
    for signed in ["", ".", "x", "x.y", &payload, &format!(".{payload}"), &format!("{forged}.{payload}")] {
        let answer = hub.demands(signed).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{signed}");
    }
    assert_eq!(hub.passes_on(&demand("none", seconds)).await.status.as_u16(), 400);
    assert_eq!(hub.passes_on(&demand("HMAC-SHA256", seconds - 80 * 3_600)).await.status.as_u16(), 400);
    assert_eq!(hub.passes_on(&json!({"algorithm": "HMAC-SHA256"})).await.status.as_u16(), 400);
    assert!(hub.requests().await.is_empty());
    // A vendor that passes nothing on like this.
    let hub = woocommerce(Database::sqlite()).await;
    assert_eq!(hub.demands("x.y").await.status.as_u16(), 404);
}

async fn lexware_is_known_by_its_public_key(database: Database) {
    const KEY: &str = include_str!("../../../tests/it/vendors/lexware.public.pem");
    const BODY: &str = include_str!("../../../tests/it/vendors/lexware.delivery.json");
    const SIGN: &str = include_str!("../../../tests/it/vendors/lexware.delivery.sign");
    let hub = connected(database, "lexware_office", &[("api_key", "k"), ("webhook_key", KEY)]).await;
    let forged = SIGN.replace(['A', 'b'], "x");
    assert_eq!(hub.told(&[("x-lxo-signature", forged.as_str())], BODY).await.status.as_u16(), 401);
    let other = BODY.replace("changed", "created");
    assert_eq!(hub.told(&[("x-lxo-signature", SIGN)], &other).await.status.as_u16(), 401);
    let answer = hub.told(&[("x-lxo-signature", SIGN)], BODY).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}
