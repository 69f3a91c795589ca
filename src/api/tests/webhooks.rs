//! What vendors tell by themselves: proven, heard once, and never more than the manifest says.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::hub::{Answer, Hub, SENTINEL};
use crate::connect::{Connection, Outgoing};
use crate::databases::{Database, on_both_databases};
use crate::store::connections;
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::types::{Role, Timestamp};

on_both_databases!(
    what_a_shop_tells_is_taken_in_once,
    a_forged_or_old_delivery_is_not_heard,
    a_demand_a_shop_passes_on_waits_for_the_officer,
    a_demand_for_a_mailbox_of_two_is_told_once_and_is_nobodys_request,
    what_a_shop_signed_is_heard_under_no_other_topic,
    a_body_is_heard_once_whatever_stands_above_it,
    what_the_hub_asked_a_vendor_for_is_no_new_demand,
    who_came_back_after_an_erasure_is_heard,
    a_hint_asks_for_a_sync,
    an_address_that_is_tried_is_there,
    a_bad_object_is_counted_and_repeats_nothing,
    an_order_is_no_customer_whatever_its_topic_says,
);

pub(super) const SECRET: &str = "hush";
pub(super) const ERIKA: &str = "erika.muster@example.org";

/// A hub with a source of this connector, reached with these parameters.
pub(super) async fn connected(database: Database, connector: &str, parameters: &[(&str, &str)]) -> Hub {
    let hub = Hub::open(database).await;
    connect(&hub, connector, parameters).await;
    hub
}

/// Connects the source of a hub.
pub(super) async fn connect(hub: &Hub, connector: &str, parameters: &[(&str, &str)]) {
    let (house, now) = (&hub.house, hub.house.clock.now());
    let vendor = house.vendors.catalog.connector(connector).unwrap();
    let consents = vendor.streams().iter().flat_map(crate::connect::Stream::consents);
    let texts = consents.map(|purpose| (purpose.clone(), "2026-01".to_owned())).collect();
    let terms = crate::consent::Terms { text_versions: texts, ..vendor.terms() };
    let source =
        house.rulebook.ensure_source("shop".into(), "Shop".into(), connector.into(), &terms, now).await.unwrap();
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let connection = Connection::new(parameters, Outgoing::default());
    house.vendors.connections.put(source.number, &connection, 0, now).await.unwrap();
}

pub(super) async fn shopify(database: Database) -> Hub {
    let parameters = [("shop", "teeladen"), ("access_token", "shpat_1"), ("webhook_secret", SECRET)];
    connected(database, "shopify", &parameters).await
}

pub(super) fn mac(body: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl Hub {
    pub(super) async fn told(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = TestRequest::post().uri("/v1/sources/shop/webhooks");
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        self.send(request.set_payload(body.to_owned())).await
    }

    /// As Shopify tells it.
    pub(super) async fn shopify_tells(&self, topic: &str, id: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let (sign, now) = (BASE64_STANDARD.encode(mac(&body)), self.house.clock.now().rfc3339());
        let headers = [
            ("x-shopify-topic", topic),
            ("x-shopify-webhook-id", id),
            ("x-shopify-triggered-at", now.as_str()),
            ("x-shopify-hmac-sha256", sign.as_str()),
        ];
        self.told(&headers, &body).await
    }

    pub(super) async fn requests(&self) -> Vec<Value> {
        self.get(Role::Dpo, "/v1/requests").await.json()["requests"].as_array().unwrap().clone()
    }

    /// How often something was taken in.
    pub(super) async fn taken_in(&self) -> usize {
        let audited = self.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
        audited["entries"].as_array().unwrap().iter().filter(|entry| entry["act"] == "ingested").count()
    }

    pub(super) async fn knows(&self, email: &str) -> bool {
        let question = json!({"identifier": {"kind": "email", "value": email}, "purpose": "subject_access"});
        self.post(Role::Dpo, "/v1/profiles/lookup", question).await.status == StatusCode::OK
    }
}

pub(super) fn customer(id: u64, email: &str, given: &str) -> Value {
    json!({
        "id": id, "email": email, "verified_email": true, "first_name": given, "last_name": "Muster", "phone": null,
        "created_at": "2026-01-10T09:00:00+01:00", "updated_at": format!("2026-03-0{id}T13:40:01+01:00"), "tags": "",
        "note": null, "addresses": [], "default_address": null,
        "email_marketing_consent": {"state": "not_subscribed", "opt_in_level": null, "consent_updated_at": null},
        "sms_marketing_consent": null,
    })
}

pub(super) fn redact(id: u64, email: &str) -> Value {
    json!({"shop_id": 1, "shop_domain": "teeladen.myshopify.com", "orders_to_redact": [],
        "customer": {"id": id, "email": email, "phone": null}})
}

async fn what_a_shop_tells_is_taken_in_once(database: Database) {
    let hub = shopify(database).await;
    for _ in 0..3 {
        let answer = hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    assert!(hub.knows(ERIKA).await);
    let answer = hub.shopify_tells("customers/update", "w2", &customer(8, "max@example.org", "Max")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(hub.taken_in().await, 2, "what comes again is not taken in again");
    // What the manifest does not know means nothing.
    assert_eq!(hub.shopify_tells("products/update", "w3", &json!({"id": 1})).await.status, StatusCode::OK);
}

async fn a_forged_or_old_delivery_is_not_heard(database: Database) {
    let hub = shopify(database).await;
    let body = customer(7, ERIKA, "Erika").to_string();
    let (sign, now) = (BASE64_STANDARD.encode(mac(&body)), hub.house.clock.now());
    let long_ago = now.plus(-73 * 3_600 * Timestamp::SECOND).rfc3339();
    let now = now.rfc3339();
    let headers = |sign: &'static str| {
        [("x-shopify-topic", "customers/create"), ("x-shopify-webhook-id", "w1"), ("x-shopify-hmac-sha256", sign)]
    };
    for wrong in ["", "x", "bm90IGl0"] {
        let mut all = headers(wrong).to_vec();
        all.push(("x-shopify-triggered-at", &now));
        let answer = hub.told(&all, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{wrong}");
        assert!(!answer.text.contains("Muster"), "{}", answer.text);
    }
    let mut all = headers("").to_vec();
    (all[2].1, all[1].1) = (&sign, "w2");
    // Another body under a good signature.
    let other = body.replace("Erika", "Max");
    all.push(("x-shopify-triggered-at", &now));
    assert_eq!(hub.told(&all, &other).await.status.as_u16(), 401);
    all[3].1 = &long_ago;
    assert_eq!(hub.told(&all, &body).await.status.as_u16(), 400, "a delivery of long ago");
    all[3].1 = "soon";
    assert_eq!(hub.told(&all, &body).await.status.as_u16(), 400);
    assert!(!hub.knows(ERIKA).await);
    all[3].1 = &now;
    assert_eq!(hub.told(&all, &body).await.status.as_u16(), 200);
    // Where nothing is heard, nothing is there.
    let nowhere = TestRequest::post().uri("/v1/sources/webshop/webhooks").set_payload(body);
    assert_eq!(hub.send(nowhere).await.status.as_u16(), 404);
}

async fn a_demand_a_shop_passes_on_waits_for_the_officer(database: Database) {
    let hub = shopify(database).await;
    hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
    let demand = redact(7, ERIKA);
    for id in ["r1", "r2", "r1"] {
        let answer = hub.shopify_tells("customers/redact", id, &demand).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    let requests = hub.requests().await;
    assert_eq!(requests.len(), 1, "one demand, however often it is passed on: {requests:?}");
    assert_eq!((&requests[0]["right"], &requests[0]["state"]), (&json!("erasure"), &json!("received")));
    assert!(hub.knows(ERIKA).await, "the officer decides");
    let access = json!({"shop_domain": "teeladen.myshopify.com", "customer": {"id": 7}, "data_request": {"id": 9}});
    assert_eq!(hub.shopify_tells("customers/data_request", "a1", &access).await.status, StatusCode::OK);
    assert_eq!(hub.requests().await.len(), 2);
    // Who is not known demands nothing; what concerns no single person is written down.
    let stranger = redact(99, "nobody@example.org");
    assert_eq!(hub.shopify_tells("customers/redact", "r3", &stranger).await.status, StatusCode::OK);
    assert_eq!(hub.shopify_tells("shop/redact", "r4", &json!({"shop_id": 1})).await.status, StatusCode::OK);
    assert_eq!(hub.requests().await.len(), 2);
    let audited = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.text;
    assert!(audited.contains("The shop was uninstalled"), "{audited}");
    // Carried out, it is passed on once more: nobody is there any more.
    let path = format!("/v1/requests/{}/execution", requests[0]["id"].as_str().unwrap());
    let done = hub.post(Role::Dpo, &path, Value::Null).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(hub.shopify_tells("customers/redact", "r5", &demand).await.status, StatusCode::OK);
    assert!(!hub.knows(ERIKA).await);
    assert_eq!(hub.requests().await.len(), 2);
}

/// Two people hold the mailbox, and the shop names an account nobody is known by: whose demand it is the officer has to find out, and
/// is told once, whatever number the shop delivers it under.
async fn a_demand_for_a_mailbox_of_two_is_told_once_and_is_nobodys_request(database: Database) {
    let hub = shopify(database).await;
    for (id, given) in [(7, "Ottilie"), (8, "Bernhard")] {
        let answer = hub.shopify_tells("customers/create", &format!("w{id}"), &customer(id, ERIKA, given)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    assert_eq!(hub.database.count(crate::store::Shelf::Records, "subject WHERE state = 1"), 2);
    let told = async || {
        let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
        let lines = book["entries"].as_array().unwrap().clone();
        lines.into_iter().filter(|line| line.to_string().contains("shared_identifier")).collect::<Vec<_>>()
    };
    for (id, account) in [("r1", 98), ("r2", 99), ("r3", 98)] {
        let answer = hub.shopify_tells("customers/redact", id, &redact(account, ERIKA)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(hub.requests().await, Vec::<Value>::new(), "{id}");
        let told = told().await;
        let [line] = &told[..] else { panic!("{id}: {told:?}") };
        assert_eq!((&line["act"], &line["body"]["count"]), (&json!("request_received"), &json!(2)), "{line}");
    }
    // By the account of one of them it is theirs, and the mailbox beside it says nothing of the other.
    let answer = hub.shopify_tells("customers/redact", "r4", &redact(7, ERIKA)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!((hub.requests().await.len(), told().await.len()), (1, 1));
}

async fn what_a_shop_signed_is_heard_under_no_other_topic(database: Database) {
    let hub = shopify(database).await;
    hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
    // The shop signs the body, not the topic: who gets hold of an order must not make a demand of it, nor of one demand another.
    let order =
        json!({"id": 9, "order_number": 1044, "financial_status": "paid", "email": ERIKA, "customer": {"id": 7}});
    let access = json!({"shop_domain": "teeladen.myshopify.com", "customer": {"id": 7}, "data_request": {"id": 9}});
    for (id, topic, body) in [
        ("r1", "customers/redact", &order),
        ("r2", "customers/data_request", &order),
        ("r3", "customers/redact", &access),
    ] {
        assert_eq!(hub.shopify_tells(topic, id, body).await.status.as_u16(), 400, "{topic}");
    }
    assert!(hub.requests().await.is_empty());
    // Nor is an order a customer.
    let answer = hub.shopify_tells("customers/create", "w2", &order).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(hub.taken_in().await, 1);
}

async fn a_body_is_heard_once_whatever_stands_above_it(database: Database) {
    let hub = shopify(database).await;
    // A topic the manifest does not know, with the body of one it knows: nothing is done, and nothing is said of the next one.
    let body = customer(7, ERIKA, "Erika");
    hub.shopify_tells("customers/enable", "w1", &body).await;
    assert!(!hub.knows(ERIKA).await);
    hub.shopify_tells("customers/update", "w2", &body).await;
    assert!(hub.knows(ERIKA).await);
    // The same body under another number, time and topic.
    for (id, topic) in [("w3", "customers/update"), ("w4", "customers/create")] {
        assert_eq!(hub.shopify_tells(topic, id, &body).await.status, StatusCode::OK);
    }
    assert_eq!(hub.taken_in().await, 1, "what is signed once is heard once");
}

async fn what_the_hub_asked_a_vendor_for_is_no_new_demand(database: Database) {
    let hub = shopify(database).await;
    for (id, email) in [(7, ERIKA), (8, "max@example.org")] {
        hub.shopify_tells("customers/create", &format!("w{id}"), &customer(id, email, "Erika")).await;
    }
    // The vendor is not reached here; that it was asked is known all the same.
    let asked = hub.post(Role::Dpo, "/v1/sources/shop/erasures", json!({"email": ERIKA})).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let echo = redact(7, ERIKA);
    assert_eq!(hub.shopify_tells("customers/redact", "r1", &echo).await.status, StatusCode::OK);
    assert!(hub.requests().await.is_empty());
    let other = redact(8, "max@example.org");
    assert_eq!(hub.shopify_tells("customers/redact", "r2", &other).await.status, StatusCode::OK);
    assert_eq!(hub.requests().await.len(), 1, "the demand of somebody else");
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.text;
    assert_eq!(book.matches("echo_of_own_erasure").count(), 1, "{book}");
}

async fn who_came_back_after_an_erasure_is_heard(database: Database) {
    let hub = shopify(database).await;
    hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
    let erased = json!({"right": "erasure", "identifier": {"kind": "email", "value": ERIKA}, "execute": true});
    let done = hub.post(Role::Dpo, "/v1/requests", erased).await;
    assert!(done.status.is_success() && !hub.knows(ERIKA).await, "{}", done.text);
    // What Shopify tells of it is no demand, for whoever is left under another value either.
    let echo = redact(7, ERIKA);
    assert_eq!(hub.shopify_tells("customers/redact", "r1", &echo).await.status, StatusCode::OK);
    assert_eq!(hub.requests().await.len(), 1);
    // The vendor's part of the erasure is over; they come back as a new customer, and then want to be forgotten.
    let id = hub.requests().await[0]["id"].as_str().unwrap().parse().unwrap();
    let now = hub.house.clock.now();
    let ended = move |write: &mut crate::store::Write<'_>| {
        for row in source_erasures::of(write.records(), id)? {
            let this = (row.request_id, row.source_no);
            source_erasures::take(write, this, b"test", now.plus(Timestamp::DAY), now)?;
            source_erasures::step(write, b"test", &SourceErasureRow { state: SourceErasureRow::FINAL, ..row })?;
        }
        Ok::<_, crate::store::Error>(())
    };
    hub.house.store.write(ended).await.unwrap();
    let mut anew = customer(8, ERIKA, "Erika");
    for field in ["created_at", "updated_at"] {
        anew[field] = json!(hub.house.clock.now().rfc3339());
    }
    let taken = hub.shopify_tells("customers/create", "w2", &anew).await;
    assert!(taken.status.is_success() && hub.knows(ERIKA).await, "{}", taken.text);
    let demand = redact(8, ERIKA);
    assert_eq!(hub.shopify_tells("customers/redact", "r2", &demand).await.status, StatusCode::OK);
    assert_eq!(hub.requests().await.len(), 2, "a real demand is taken for an echo");
}

async fn a_hint_asks_for_a_sync(database: Database) {
    let parameters = [
        ("shop_url", "https://shop.example"),
        ("client_id", "SWIA"),
        ("client_secret", "x"),
        ("webhook_secret", SECRET),
    ];
    let hub = connected(database, "shopware6", &parameters).await;
    let now = hub.house.clock.now().micros() / Timestamp::SECOND;
    let body = json!({
        "data": {"payload": [{"entity": "customer", "operation": "update", "primaryKey": "7"}], "event": "customer.written"},
        "source": {"url": "https://shop.example", "eventId": "e1", "shopId": "s"}, "timestamp": now,
    });
    let body = body.to_string();
    let sign = hex::encode(mac(&body));
    assert_eq!(hub.told(&[("shopware-shop-signature", "00")], &body).await.status.as_u16(), 401);
    let answer = hub.told(&[("shopware-shop-signature", sign.as_str())], &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let number = hub.house.rulebook.edition().source_named("shop").unwrap().number;
    let row = hub.house.store.read(move |read| connections::find(read.records(), number)).await.unwrap().unwrap();
    assert!(row.wanted_at.is_set(), "a sync is asked for");
}

pub(super) async fn woocommerce(database: Database) -> Hub {
    let parameters = [
        ("store_url", "https://shop.example"),
        ("consumer_key", "ck"),
        ("consumer_secret", "cs"),
        ("webhook_secret", SECRET),
    ];
    connected(database, "woocommerce", &parameters).await
}

async fn an_address_that_is_tried_is_there(database: Database) {
    let hub = woocommerce(database).await;
    let answer = hub.told(&[("content-type", "application/x-www-form-urlencoded")], "webhook_id=7").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    // A delivery is no trial because it lacks its signature.
    let order = [("x-wc-webhook-topic", "order.created"), ("x-wc-webhook-delivery-id", "d1")];
    assert_eq!(hub.told(&order, "{}").await.status.as_u16(), 401);
}

async fn a_bad_object_is_counted_and_repeats_nothing(database: Database) {
    let hub = woocommerce(database).await;
    let body = json!({
        "id": 7, "email": format!("{SENTINEL}@{SENTINEL}"), "first_name": "Erika", "last_name": "Muster",
        "date_created_gmt": "2026-01-10T09:00:00", "date_modified_gmt": "2026-03-07T13:40:01", "is_paying_customer": true,
        "role": "customer", "billing": {}, "shipping": {}, "meta_data": [],
    })
    .to_string();
    let sign = BASE64_STANDARD.encode(mac(&body));
    let headers = [
        ("x-wc-webhook-topic", "customer.created"),
        ("x-wc-webhook-delivery-id", "d1"),
        ("x-wc-webhook-signature", sign.as_str()),
    ];
    let answer = hub.told(&headers, &body).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
    let counted = hub.get(Role::Admin, "/v1/sources/shop/turned-away").await.json();
    assert_eq!(counted["days"][0]["events"], 1, "{counted}");
}

async fn an_order_is_no_customer_whatever_its_topic_says(database: Database) {
    let hub = woocommerce(database).await;
    let order = json!({
        "id": 7, "order_key": "wc_order_1", "email": ERIKA, "first_name": "Erika", "last_name": "Muster", "billing": {"email": ERIKA},
        "date_created_gmt": "2026-01-10T09:00:00", "date_modified_gmt": "2026-03-07T13:40:01", "shipping": {},
    })
    .to_string();
    let sign = BASE64_STANDARD.encode(mac(&order));
    let headers = [
        ("x-wc-webhook-topic", "customer.created"),
        ("x-wc-webhook-delivery-id", "d1"),
        ("x-wc-webhook-signature", sign.as_str()),
    ];
    assert_eq!(hub.told(&headers, &order).await.status, StatusCode::OK);
    assert!(!hub.knows(ERIKA).await, "an order was taken for a customer");
    let counted = hub.get(Role::Admin, "/v1/sources/shop/turned-away").await.json();
    assert_eq!(counted["days"][0]["events"], 1, "{counted}");
}
