//! A vendor's word that something is gone there: its record ends here by the source's clock, and nothing else.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hub::{Answer, Hub};
use super::webhooks::{ERIKA, SECRET, connected, customer, mac, redact, shopify, woocommerce};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::{Role, Timestamp};

on_both_databases!(
    who_is_deleted_in_the_shop_ends_here,
    who_is_there_again_comes_back,
    a_body_of_something_else_ends_nobody,
    shopify_is_believed_of_what_shows_no_times_alone,
    what_the_hub_erased_comes_back_as_nothing,
    shopware_is_believed_where_it_signs_alone,
    lexware_tells_that_a_contact_is_gone,
);

/// How many records ended by the source's clock.
fn ended(hub: &Hub) -> String {
    let counted = "SELECT CAST(COUNT(*) AS TEXT) AS answer FROM record WHERE source_until > 0";
    hub.database.texts(Shelf::Records, counted).remove(0)
}

async fn noted(hub: &Hub) -> usize {
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.text;
    book.matches("deleted_at_its_source").count()
}

/// As WooCommerce tells it.
async fn tells(hub: &Hub, topic: &str, id: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let sign = BASE64_STANDARD.encode(mac(&body));
    let headers =
        [("x-wc-webhook-topic", topic), ("x-wc-webhook-delivery-id", id), ("x-wc-webhook-signature", sign.as_str())];
    hub.told(&headers, &body).await
}

fn account(id: u64, changed: &str) -> Value {
    json!({
        "id": id, "email": format!("kunde{id}@example.org"), "first_name": "Erika", "last_name": format!("Muster{id}"), "role": "customer",
        "date_created_gmt": "2026-01-10T09:00:00", "date_modified_gmt": changed, "is_paying_customer": true, "billing": {}, "shipping": {},
    })
}

/// A shop with two customers.
async fn store(database: Database) -> Hub {
    let hub = woocommerce(database).await;
    for id in [107, 108] {
        let told = tells(&hub, "customer.created", &format!("c{id}"), &account(id, "2026-03-07T13:40:01")).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    }
    assert_eq!(hub.database.count(Shelf::Records, "record"), 2);
    hub
}

async fn who_is_deleted_in_the_shop_ends_here(database: Database) {
    let hub = store(database).await;
    let gone = json!({"id": 107});
    for wrong in ["", "bm90IGl0", &BASE64_STANDARD.encode(mac(r#"{"id":108}"#))] {
        let headers = [
            ("x-wc-webhook-topic", "customer.deleted"),
            ("x-wc-webhook-delivery-id", "f1"),
            ("x-wc-webhook-signature", wrong),
        ];
        assert_eq!(hub.told(&headers, &gone.to_string()).await.status.as_u16(), 401, "{wrong}");
    }
    // Somebody the hub does not know.
    assert_eq!(tells(&hub, "customer.deleted", "d0", &json!({"id": 999})).await.status, StatusCode::OK);
    assert_eq!((ended(&hub).as_str(), noted(&hub).await), ("0", 0));
    for id in ["d1", "d1", "d2"] {
        assert_eq!(tells(&hub, "customer.deleted", id, &gone).await.status, StatusCode::OK);
        assert_eq!((ended(&hub).as_str(), noted(&hub).await), ("1", 1), "{id}");
    }
    assert!(hub.requests().await.is_empty(), "nobody is erased by it");
}

async fn who_is_there_again_comes_back(database: Database) {
    let hub = store(database).await;
    assert_eq!(tells(&hub, "customer.deleted", "d1", &json!({"id": 107})).await.status, StatusCode::OK);
    assert_eq!(ended(&hub), "1");
    let again = account(107, "2026-03-09T08:00:00");
    assert_eq!(tells(&hub, "customer.created", "c9", &again).await.status, StatusCode::OK);
    assert_eq!((ended(&hub).as_str(), hub.database.count(Shelf::Records, "record")), ("0", 2));
    assert!(hub.knows("kunde107@example.org").await);
}

/// Nobody signs the topic.
async fn a_body_of_something_else_ends_nobody(database: Database) {
    let hub = store(database).await;
    let shown = account(107, "2026-03-08T10:00:00");
    for body in [&shown, &json!({}), &json!({"id": null}), &json!({"id": {"a": 1}}), &json!([107])] {
        assert_eq!(tells(&hub, "customer.deleted", "d1", body).await.status.as_u16(), 400, "{body}");
    }
    assert_eq!(ended(&hub), "0");
}

async fn shopify_is_believed_of_what_shows_no_times_alone(database: Database) {
    let hub = shopify(database).await;
    hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
    let mut shown = customer(7, ERIKA, "Erika");
    shown["admin_graphql_api_id"] = json!("gid://shopify/Customer/7");
    let order = json!({"id": 7, "admin_graphql_api_id": "gid://shopify/Order/7"});
    for body in [&shown, &order, &redact(7, ERIKA), &json!({"id": 7})] {
        assert_eq!(hub.shopify_tells("customers/delete", "w2", body).await.status.as_u16(), 400, "{body}");
    }
    assert_eq!(ended(&hub), "0");
    // As Shopify's reference of webhooks shows it (2026-04); of older versions it has a phone and addresses without anything in them.
    let newer = json!({"id": 7, "tax_exemptions": [], "admin_graphql_api_id": "gid://shopify/Customer/7"});
    let older = json!({"id": 8, "phone": null, "addresses": [], "admin_graphql_api_id": "gid://shopify/Customer/8"});
    hub.shopify_tells("customers/create", "w4", &customer(8, "other@example.org", "Jonas")).await;
    for (gone, count) in [(newer, "1"), (older, "2")] {
        let id = format!("gone-{count}");
        assert_eq!(hub.shopify_tells("customers/delete", &id, &gone).await.status, StatusCode::OK, "{gone}");
        assert_eq!(ended(&hub), count, "{gone}");
    }
}

async fn what_the_hub_erased_comes_back_as_nothing(database: Database) {
    let hub = shopify(database).await;
    hub.shopify_tells("customers/create", "w1", &customer(7, ERIKA, "Erika")).await;
    let erased = json!({"right": "erasure", "identifier": {"kind": "email", "value": ERIKA}, "execute": true});
    let done = hub.post(Role::Dpo, "/v1/requests", erased).await;
    assert!(done.status.is_success() && !hub.knows(ERIKA).await, "{}", done.text);
    let left = hub.database.count(Shelf::Records, "record");
    let gone = json!({"id": 7, "addresses": [], "admin_graphql_api_id": "gid://shopify/Customer/7"});
    assert_eq!(hub.shopify_tells("customers/delete", "w2", &gone).await.status, StatusCode::OK);
    assert_eq!((hub.requests().await.len(), noted(&hub).await, ended(&hub).as_str()), (1, 0, "0"));
    assert_eq!(hub.database.count(Shelf::Records, "record"), left);
}

async fn shopware_is_believed_where_it_signs_alone(database: Database) {
    let parameters = [
        ("shop_url", "https://shop.example"),
        ("client_id", "SWIA"),
        ("client_secret", "x"),
        ("webhook_secret", SECRET),
        ("path_secret", "the-end-of-the-address"),
    ];
    let hub = connected(database, "shopware6", &parameters).await;
    let known = json!({
        "type": "customer", "source": "shop", "external_id": "7", "updated_at": "2026-02-02T10:00:00Z",
        "identifiers": [{"kind": "email", "value": ERIKA, "verified": true}], "data": {},
    });
    hub.house.intake.ingest(&[known.to_string()]).await.unwrap();
    let now = hub.house.clock.now().micros() / Timestamp::SECOND;
    // What the shop makes of an entity that is deleted: it names no fields that changed.
    let told = |event: &str, id: &str| {
        json!({
            "data": {"payload": [{"entity": "customer", "operation": "delete", "primaryKey": "7"}], "event": event},
            "source": {"url": "https://shop.example", "eventId": id, "shopId": "s"}, "timestamp": now,
        })
        .to_string()
    };
    let by_address = TestRequest::post().uri("/v1/sources/shop/webhooks/the-end-of-the-address");
    let unsigned = hub.send(by_address.set_payload(told("customer.deleted", "e1"))).await;
    assert_eq!((unsigned.status, ended(&hub).as_str()), (StatusCode::OK, "0"), "whoever sees one could make it");
    let signed = told("customer.deleted", "e2");
    let sign = hex::encode(mac(&signed));
    for _ in 0..2 {
        let answer = hub.told(&[("shopware-shop-signature", sign.as_str())], &signed).await;
        assert_eq!((answer.status, ended(&hub).as_str(), noted(&hub).await), (StatusCode::OK, "1", 1));
    }
}

async fn lexware_tells_that_a_contact_is_gone(database: Database) {
    const KEY: &str = include_str!("../../../tests/it/vendors/lexware.public.pem");
    const BODY: &str = include_str!("../../../tests/it/vendors/lexware.deleted.json");
    const SIGN: &str = include_str!("../../../tests/it/vendors/lexware.deleted.sign");
    let hub = connected(database, "lexware_office", &[("api_key", "k"), ("webhook_key", KEY)]).await;
    let contact = |number: u8| {
        json!({
            "type": "customer", "source": "shop", "external_id": format!("c0000000-0000-4000-8000-{number:012}"),
            "updated_at": "2026-02-02T10:00:00Z",
            "identifiers": [{"kind": "email", "value": format!("kunde{number}@example.org"), "verified": false}], "data": {},
        })
        .to_string()
    };
    hub.house.intake.ingest(&[contact(1), contact(2)]).await.unwrap();
    assert_eq!(hub.told(&[("x-lxo-signature", "AAAA")], BODY).await.status.as_u16(), 401);
    assert_eq!(ended(&hub), "0");
    for _ in 0..2 {
        let answer = hub.told(&[("x-lxo-signature", SIGN)], BODY).await;
        assert_eq!((answer.status, ended(&hub).as_str(), noted(&hub).await), (StatusCode::OK, "1", 1));
    }
}
