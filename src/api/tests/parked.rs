//! What a webhook brings and cannot be taken in is put aside like what a sync brings, and shown to those who may see it.

use actix_web::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::hub::{Hub, SENTINEL};
use super::webhooks::{mac, woocommerce};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    what_a_webhook_brings_in_vain_is_put_aside_until_it_is_taken,
    what_is_put_aside_is_shown_to_admin_and_officer_alone,
);

impl Hub {
    /// As `WooCommerce` tells of a customer: a delivery of this number, of an object changed at this time.
    async fn woo_tells(&self, delivery: &str, id: &Value, changed: &str) {
        let body = json!({
            "id": id, "email": SENTINEL, "first_name": "Erika", "last_name": "Mustermann", "role": "customer", "billing": {},
            "shipping": {}, "meta_data": [], "date_created_gmt": "2026-01-10T09:00:00", "date_modified_gmt": changed,
            "is_paying_customer": true,
        })
        .to_string();
        let sign = BASE64_STANDARD.encode(mac(&body));
        let headers = [
            ("x-wc-webhook-topic", "customer.created"),
            ("x-wc-webhook-delivery-id", delivery),
            ("x-wc-webhook-signature", sign.as_str()),
        ];
        let answer = self.told(&headers, &body).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
    }

    /// Stream, id and reason of what is put aside.
    async fn put_aside(&self) -> Vec<Value> {
        let answer = self.get(Role::Admin, "/v1/sources/shop/parked").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert!(!answer.text.contains("Erika") && !answer.text.contains("ustermann"), "{}", answer.text);
        let mut objects = answer.json()["objects"].as_array().unwrap().clone();
        for object in &mut objects {
            assert!(object.as_object_mut().unwrap().remove("refused_at").unwrap().is_string());
        }
        objects
    }
}

async fn what_a_webhook_brings_in_vain_is_put_aside_until_it_is_taken(database: Database) {
    let hub = woocommerce(database).await;
    // Refused by intake, and by the filter, which cannot tell whose it is.
    hub.woo_tells("d1", &json!(7), "Erika.Mustermann").await;
    hub.woo_tells("d2", &Value::Null, "2026-03-07T13:40:01").await;
    let mut aside = hub.put_aside().await;
    aside.sort_by_key(|object| object["id"].is_null());
    let expected = [
        json!({"stream": "customers", "id": "7", "reason": "invalid_timestamp at \"/updated_at\""}),
        json!({"stream": "customers", "id": null, "reason": "the customer has no id"}),
    ];
    assert_eq!(aside, expected);
    let dump = hub.database.dump().join("\n");
    assert!(!dump.contains("no id") && !dump.contains("invalid_timestamp at"), "a reason lies open");
    // It is counted as well, and comes in when it is put right.
    let counted = hub.get(Role::Admin, "/v1/sources/shop/turned-away").await.json();
    assert_eq!(counted["days"].as_array().unwrap().len(), 2, "{counted}");
    hub.woo_tells("d3", &json!(7), "2026-03-07T13:40:01").await;
    assert_eq!(hub.put_aside().await, expected[1..]);
}

async fn what_is_put_aside_is_shown_to_admin_and_officer_alone(database: Database) {
    let hub = woocommerce(database).await;
    hub.woo_tells("d1", &json!(7), "yesterday").await;
    let shown = |role: Role| hub.get(role, "/v1/sources/shop/parked");
    for role in [Role::Admin, Role::Dpo] {
        let answer = shown(role).await;
        assert_eq!((answer.status, answer.json()["objects"].as_array().unwrap().len()), (StatusCode::OK, 1));
    }
    for role in [Role::Partner, Role::Marketing, Role::Collector, Role::Browser] {
        let answer = shown(role).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "forbidden"), "{role:?}");
    }
    let nowhere = hub.get(Role::Admin, "/v1/sources/nowhere/parked").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    let without = actix_web::test::TestRequest::get().uri("/v1/sources/shop/parked");
    assert_eq!(hub.send(without).await.status, StatusCode::UNAUTHORIZED);
}
