//! Replay and forgery, for every vendor that tells something by itself.

use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hub::Hub;
use super::webhooks::{SECRET, connect, connected, mac};
use crate::clock_and_chance::{SeededChance, StoppedClock};
use crate::connect::Catalog;
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::Timestamp;

on_both_databases!(
    what_shopware_tells,
    what_woocommerce_tells,
    what_shopify_tells,
    what_billbee_tells,
    what_lexware_tells,
    what_lexware_told_long_ago,
    what_meta_tells,
    what_brevo_tells,
    what_cleverreach_tells,
    what_klaviyo_tells,
    what_mailchimp_tells,
);

/// A delivery of a vendor, as it signs it.
struct Case {
    connector: &'static str,
    parameters: Vec<(&'static str, &'static str)>,
    /// The header of the signature.
    header: &'static str,
    /// The signature of a body.
    sign: fn(&str) -> String,
    /// The other headers at a time; `id` is the vendor's number of the delivery.
    headers: fn(at: Timestamp, id: &str) -> Vec<(&'static str, String)>,
    /// The body at a time.
    body: fn(at: Timestamp) -> String,
    /// Does the vendor say when it sent it, so that an old one is refused?
    dated: bool,
    /// Is that time, and the number, in the body that is signed? Else the body itself is heard once.
    signed_whole: bool,
}

fn hex_of(body: &str) -> String {
    hex::encode(mac(body))
}

fn base64_of(body: &str) -> String {
    BASE64_STANDARD.encode(mac(body))
}

fn none(_: Timestamp, _: &str) -> Vec<(&'static str, String)> {
    Vec::new()
}

/// How many deliveries were carried out.
fn carried_out(hub: &Hub) -> i64 {
    hub.database.count(Shelf::Records, "delivery")
}

async fn stands(database: Database, case: Case) {
    let hub = connected(database, case.connector, &case.parameters).await;
    let now = hub.house.clock.now();
    let send = async |at: Timestamp, id: &str, sign: Option<String>, body: &str| {
        let mut headers = (case.headers)(at, id);
        headers.extend(sign.map(|sign| (case.header, sign)));
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        hub.told(&headers, body).await
    };
    let body = (case.body)(now);
    let good = (case.sign)(&body);
    // Forged: unsigned, signed by nobody, another body under a good signature, the signature of another delivery.
    let altered = body.replacen('{', "{ ", 1);
    for (sign, told) in [
        (None, &body),
        (Some(String::new()), &body),
        (Some("sha256=".to_owned()), &body),
        (Some(good.chars().rev().collect()), &body),
        (Some(format!("{good}00")), &body),
        (Some(good.clone()), &altered),
    ] {
        let answer = send(now, "d1", sign.clone(), told).await;
        assert_eq!(answer.status.as_u16(), 401, "{}: {sign:?}", case.connector);
        assert_eq!(answer.code(), "unauthenticated");
    }
    assert_eq!(carried_out(&hub), 0, "nothing forged did anything");

    assert_eq!(send(now, "d1", Some(good.clone()), &body).await.status.as_u16(), 200, "{}", case.connector);
    let once = carried_out(&hub);
    assert!(once > 0);
    // Replayed: as it was, and with every header that nobody signed changed.
    for id in ["d1", "d1", "d2", "d3"] {
        assert_eq!(
            send(now, id, Some(good.clone()), &body).await.status.as_u16(),
            200,
            "a vendor is to stop sending it"
        );
        assert_eq!(carried_out(&hub), once, "{}: it did something again under {id}", case.connector);
    }
    if case.dated {
        let old = now.plus(-73 * 3_600 * Timestamp::SECOND);
        let body = (case.body)(old);
        let answer = send(old, "d9", Some((case.sign)(&body)), &body).await;
        assert_eq!(answer.status.as_u16(), 400, "{}: it is too old", case.connector);
        if case.signed_whole {
            // What nobody signed makes it no younger.
            let answer = send(now, "d10", Some((case.sign)(&body)), &body).await;
            assert_eq!(answer.status.as_u16(), 400, "{}", case.connector);
        }
    }
    assert_eq!(carried_out(&hub), once);
}

fn seconds(at: Timestamp) -> i64 {
    at.micros() / Timestamp::SECOND
}

async fn what_shopware_tells(database: Database) {
    let case = Case {
        connector: "shopware6",
        parameters: vec![
            ("shop_url", "https://shop.example"),
            ("client_id", "SWIA"),
            ("client_secret", "x"),
            ("webhook_secret", SECRET),
        ],
        header: "shopware-shop-signature",
        sign: hex_of,
        headers: none,
        body: |at| {
            json!({
                "data": {"payload": [{"entity": "customer", "primaryKey": "7"}], "event": "customer.written"},
                "source": {"url": "https://shop.example", "eventId": "e1", "shopId": "s"}, "timestamp": seconds(at),
            })
            .to_string()
        },
        dated: true,
        signed_whole: true,
    };
    stands(database, case).await;
}

async fn what_woocommerce_tells(database: Database) {
    let case = Case {
        connector: "woocommerce",
        parameters: vec![
            ("store_url", "https://shop.example"),
            ("consumer_key", "ck"),
            ("consumer_secret", "cs"),
            ("webhook_secret", SECRET),
        ],
        header: "x-wc-webhook-signature",
        sign: base64_of,
        headers: |_, id| {
            vec![("x-wc-webhook-topic", "customer.updated".to_owned()), ("x-wc-webhook-delivery-id", id.to_owned())]
        },
        body: |_| {
            json!({
                "id": 107, "email": "erika.muster@example.org", "first_name": "Erika", "last_name": "Muster", "role": "customer",
                "date_created_gmt": "2026-01-10T09:00:00", "date_modified_gmt": "2026-03-07T13:40:01", "billing": {}, "shipping": {},
            })
            .to_string()
        },
        dated: false,
        signed_whole: false,
    };
    stands(database, case).await;
}

async fn what_shopify_tells(database: Database) {
    let case = Case {
        connector: "shopify",
        parameters: vec![("shop", "teeladen"), ("access_token", "shpat_1"), ("webhook_secret", SECRET)],
        header: "x-shopify-hmac-sha256",
        sign: base64_of,
        headers: |at, id| {
            vec![
                ("x-shopify-topic", "customers/update".to_owned()),
                ("x-shopify-webhook-id", id.to_owned()),
                ("x-shopify-triggered-at", at.rfc3339()),
            ]
        },
        body: |at| {
            json!({
                "id": 7, "email": "erika.muster@example.org", "verified_email": true, "first_name": "Erika", "last_name": "Muster",
                "phone": null, "created_at": "2026-01-10T09:00:00+01:00", "updated_at": at.rfc3339(), "tags": "", "note": null,
                "addresses": [], "default_address": null, "email_marketing_consent": null, "sms_marketing_consent": null,
            })
            .to_string()
        },
        dated: true,
        signed_whole: false,
    };
    stands(database, case).await;
}

async fn what_billbee_tells(database: Database) {
    let case = Case {
        connector: "billbee",
        parameters: vec![
            ("api_key", "k"),
            ("user", "shop@example.org"),
            ("api_password", "p"),
            ("webhook_secret", SECRET),
        ],
        header: "ms-signature",
        sign: |body| format!("sha256={}", hex::encode_upper(mac(body))),
        headers: none,
        body: |_| {
            json!({
                "Id": "8f1d2c", "Attempt": 1, "Properties": {},
                "Notifications": [{"Action": "order.created", "BillBeeOrderId": 100_000_251_118_845_u64}],
            })
            .to_string()
        },
        dated: false,
        signed_whole: true,
    };
    stands(database, case).await;
}

async fn what_lexware_tells(database: Database) {
    let case = Case {
        connector: "lexware_office",
        parameters: vec![
            ("api_key", "a-key-of-lexware"),
            ("webhook_key", include_str!("../../../tests/it/vendors/lexware.public.pem")),
        ],
        header: "x-lxo-signature",
        // One delivery that was signed once: nobody here has the vendor's key.
        sign: |_| include_str!("../../../tests/it/vendors/lexware.delivery.sign").trim().to_owned(),
        headers: none,
        body: |_| include_str!("../../../tests/it/vendors/lexware.delivery.json").to_owned(),
        dated: false,
        signed_whole: true,
    };
    stands(database, case).await;
}

/// Its deliveries were signed once, so it is the hub whose time goes on.
async fn what_lexware_told_long_ago(database: Database) {
    const KEY: &str = include_str!("../../../tests/it/vendors/lexware.public.pem");
    const BODY: &str = include_str!("../../../tests/it/vendors/lexware.delivery.json");
    const SIGN: &str = include_str!("../../../tests/it/vendors/lexware.delivery.sign");
    const YOUNGER: &str = include_str!("../../../tests/it/vendors/lexware.deleted.json");
    const YOUNGERS_SIGN: &str = include_str!("../../../tests/it/vendors/lexware.deleted.sign");
    // One is a minute younger than three days, the other an hour older.
    let hub = Hub::open_at(database, StoppedClock::at("2099-11-24T11:58:00Z"), SeededChance::of(7)).await;
    connect(&hub, "lexware_office", &[("api_key", "a-key-of-lexware"), ("webhook_key", KEY)]).await;
    assert_eq!(hub.told(&[("x-lxo-signature", SIGN)], BODY).await.status.as_u16(), 400);
    assert_eq!(carried_out(&hub), 0);
    assert_eq!(hub.told(&[("x-lxo-signature", YOUNGERS_SIGN)], YOUNGER).await.status.as_u16(), 200);
    assert!(carried_out(&hub) > 0);
}

async fn what_meta_tells(database: Database) {
    let case = Case {
        connector: "meta",
        parameters: vec![("app_secret", SECRET), ("access_token", "t"), ("verify_token", "v"), ("page_id", "7")],
        header: "x-hub-signature-256",
        sign: |body| format!("sha256={}", hex_of(body)),
        headers: none,
        body: |at| {
            let leadgen: Value = json!({"field": "leadgen", "value": {"leadgen_id": "1", "page_id": "7"}});
            json!({"object": "page", "entry": [{"id": "7", "time": seconds(at), "changes": [leadgen]}]}).to_string()
        },
        dated: true,
        signed_whole: true,
    };
    stands(database, case).await;
}

/// What a vendor tells that sends a token along: any body is believed to be its, and is heard once.
async fn stands_by_token(
    database: Database,
    (connector, parameters): (&str, &[(&str, &str)]),
    (header, token): (&str, &str),
    body: &str,
) {
    let hub = connected(database, connector, parameters).await;
    let cut = token.get(1..).unwrap_or_default();
    for wrong in ["", "x", cut, SECRET.get(1..).unwrap_or_default()] {
        assert_eq!(hub.told(&[(header, wrong)], body).await.status.as_u16(), 401, "{connector}: {wrong}");
    }
    assert_eq!(hub.told(&[], body).await.status.as_u16(), 401, "{connector}");
    assert_eq!(carried_out(&hub), 0);
    for _ in 0..3 {
        let answer = hub.told(&[(header, token)], body).await;
        assert_eq!(answer.status.as_u16(), 200, "{connector}: {}", answer.text);
        assert_eq!(carried_out(&hub), 1, "{connector}");
    }
    assert_eq!(hub.told(&[(header, token)], "no JSON").await.status.as_u16(), 400, "{connector}");
}

async fn what_brevo_tells(database: Database) {
    let parameters = [("api_key", "k"), ("list_id", "12"), ("webhook_token", SECRET)];
    let body = json!({"event": "unsubscribe", "email": "erika.muster@example.org", "id": 1, "ts_event": 1_772_890_801});
    let token = format!("Bearer {SECRET}");
    stands_by_token(database, ("brevo", &parameters), ("authorization", &token), &body.to_string()).await;
}

async fn what_cleverreach_tells(database: Database) {
    let parameters = [
        ("client_id", "c"),
        ("client_secret", "s"),
        ("group_id", "7"),
        ("call_token", SECRET),
        ("verify_token", "a-token"),
    ];
    let body = json!({"event": "receiver.unsubscribed", "payload": {"group_id": "7", "pool_id": "1"}, "stamp": 1});
    stands_by_token(database, ("cleverreach", &parameters), ("x-cr-calltoken", SECRET), &body.to_string()).await;
}

async fn what_klaviyo_tells(database: Database) {
    // The time that is signed with the body is the same in all of them; the body names it too.
    const SENT: &str = "2026-03-07T13:40:01Z";
    let case = Case {
        connector: "klaviyo",
        parameters: vec![("private_key", "k"), ("list_id", "l"), ("webhook_secret", SECRET)],
        header: "klaviyo-signature",
        sign: |body| hex_of(&format!("{body}{SENT}")),
        headers: |_, id| vec![("klaviyo-timestamp", SENT.to_owned()), ("klaviyo-webhook-id", id.to_owned())],
        body: |at| {
            let event = json!({"topic": "event:klaviyo.unsubscribed_from_email_marketing", "external_id": "73WCC", "payload": {}});
            json!({"data": [event], "meta": {"timestamp": at.rfc3339()}}).to_string()
        },
        dated: true,
        signed_whole: true,
    };
    stands(database, case).await;
}

async fn what_mailchimp_tells(database: Database) {
    let parameters = [("api_key", "0a1b2c-us10"), ("list_id", "a1b2c3"), ("path_secret", SECRET)];
    let hub = connected(database, "mailchimp", &parameters).await;
    let body = "type=unsubscribe&fired_at=2026-03-07+13%3A40%3A01&data%5Bid%5D=8a25&data%5Bemail%5D=erika.muster%40example.org";
    let tell = async |end: &str| {
        let request = TestRequest::post().uri(&format!("/v1/sources/shop/webhooks{end}")).set_payload(body);
        hub.send(request).await.status.as_u16()
    };
    for wrong in ["", "/x", "/hus", "/hushh", "/HUSH"] {
        assert_eq!(tell(wrong).await, 401, "{wrong}");
        let trial = hub.send(TestRequest::get().uri(&format!("/v1/sources/shop/webhooks{wrong}"))).await;
        assert_eq!(trial.status.as_u16(), 401, "{wrong}");
    }
    assert_eq!(carried_out(&hub), 0);
    let trial = hub.send(TestRequest::get().uri(&format!("/v1/sources/shop/webhooks/{SECRET}"))).await;
    assert_eq!((trial.status.as_u16(), trial.text.as_str()), (200, ""));
    for _ in 0..3 {
        assert_eq!((tell(&format!("/{SECRET}")).await, carried_out(&hub)), (200, 1));
    }
}

#[test]
fn no_vendor_with_webhooks_is_left_out() {
    let catalog = Catalog::embedded().unwrap();
    let told: Vec<&str> = catalog
        .connectors()
        .filter(|connector| connector.webhooks().is_some())
        .map(|connector| connector.name())
        .collect();
    let all = [
        "billbee",
        "brevo",
        "cleverreach",
        "klaviyo",
        "lexware_office",
        "mailchimp",
        "meta",
        "shopify",
        "shopware6",
        "woocommerce",
    ];
    assert_eq!(told, all);
}
