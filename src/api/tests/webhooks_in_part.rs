//! What a vendor tells of somebody who is told of in part: it asks for the whole.

use actix_web::http::StatusCode;
use serde_json::json;

use super::webhooks::{ERIKA, customer, shopify};
use crate::databases::{Database, on_both_databases};
use crate::store::connections;

on_both_databases!(a_customer_told_in_part_is_read);

/// Since its version 2025-01 what Shopify tells of a customer lacks their consents and tags: as all it says of them it would take those
/// away, and the list that is read afterwards says the rest under the same time.
async fn a_customer_told_in_part_is_read(database: Database) {
    let hub = shopify(database).await;
    let number = hub.house.rulebook.edition().source_named("shop").unwrap().number;
    let connection =
        async || hub.house.store.read(move |read| connections::find(read.records(), number)).await.unwrap().unwrap();
    let mut wants = connection().await.wanted_at;
    assert!(!wants.is_set());
    for (id, lacks) in [("w1", "tags"), ("w2", "email_marketing_consent"), ("w3", "sms_marketing_consent")] {
        let mut told = customer(7, ERIKA, "Erika");
        told.as_object_mut().unwrap().remove(lacks);
        assert_eq!(hub.shopify_tells("customers/update", id, &told).await.status, StatusCode::OK);
        let now = connection().await.wanted_at;
        assert!(now > wants, "{lacks}");
        wants = now;
    }
    for topic in ["customers_email_marketing_consent/update", "customers_marketing_consent/update"] {
        let told = json!({"customer_id": 7, topic: {"state": "unsubscribed"}});
        assert_eq!(hub.shopify_tells(topic, topic, &told).await.status, StatusCode::OK);
        let now = connection().await.wanted_at;
        assert!(now > wants, "{topic}");
        wants = now;
    }
    assert_eq!((hub.taken_in().await, hub.knows(ERIKA).await), (0, false));
}
