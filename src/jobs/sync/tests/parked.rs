//! What could not be taken in is put aside until it is.

use serde_json::json;

use super::house::{House, SHOP};
use super::shopware::shop;
use crate::connect::Refused;
use crate::databases::{Database, on_both_databases};
use crate::types::Clock as _;
use crate::vendors::shopware::id;

on_both_databases!(
    what_could_not_be_taken_in_is_put_aside_until_it_is,
    what_is_gone_or_old_is_put_aside_no_more,
    so_many_are_put_aside_and_no_more,
);

const OLD: &str = "2026-01-01T00:00:00.000+00:00";

/// Stream and id of what is put aside.
async fn parked(house: &House) -> Vec<(String, Option<String>)> {
    let all = house.syncs.vendors.connections.parking().of(house.source()).await.unwrap();
    let mut all: Vec<_> = all.into_iter().map(|one| (one.stream, one.id)).collect();
    all.sort();
    all
}

fn named(stream: &str, id: &str) -> (String, Option<String>) {
    (stream.to_owned(), Some(id.to_owned()))
}

async fn what_could_not_be_taken_in_is_put_aside_until_it_is(database: Database) {
    let (house, fake) = shop(database, 20).await;
    let (customer, order) = (id("customer", 2), id("order", 4));
    fake.with(|shop| {
        shop.change("customer", &customer, OLD, "email", json!(null));
        shop.change("order", &order, OLD, "amountTotal", json!({"Secret": "Person"}));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.sum().rejected, 2, "{counts:?}");
    assert_eq!(parked(&house).await, [named("customers", &customer), named("orders", &order)]);
    let all = house.syncs.vendors.connections.parking().of(house.source()).await.unwrap();
    assert!(all.iter().any(|one| one.reason == "the customer has no e-mail"), "{all:?}");
    assert!(all.iter().all(|one| one.at <= house.clock.now() && !one.reason.contains("Secret")), "{all:?}");
    let dump = house.database.dump().join("\n");
    for secret in [&customer, &order] {
        assert!(!dump.contains(secret) && !dump.contains(&hex::encode(secret)), "{secret} lies open");
    }
    // A sync that reads what is new says nothing of them.
    house.wait(3_600);
    house.sync().await.unwrap();
    assert_eq!(parked(&house).await.len(), 2);
    // What is put right comes in and is put aside no more; with an old date, it is found by reading everything.
    let now = "2026-11-21T13:30:00.000+00:00";
    fake.with(|shop| {
        shop.change("customer", &customer, now, "email", json!("neu@example.org"));
        shop.change("order", &order, OLD, "amountTotal", json!(49.9));
    });
    house.wait(3_600);
    assert_eq!(house.sync().await.unwrap().sum().created, 1);
    assert_eq!(parked(&house).await, [named("orders", &order)]);
    assert_eq!(house.syncs.run(SHOP, true, |_| {}).await.unwrap().sum().created, 1);
    assert!(parked(&house).await.is_empty());
}

async fn what_is_gone_or_old_is_put_aside_no_more(database: Database) {
    let (house, fake) = shop(database, 20).await;
    fake.with(|shop| {
        for number in [2, 3] {
            shop.change("customer", &id("customer", number), OLD, "email", json!(null));
        }
    });
    house.sync().await.unwrap();
    assert_eq!(parked(&house).await.len(), 2);
    // Refused again, it stays; deleted there, it does not.
    house.wait(60);
    fake.with(|shop| shop.delete_at = Some(("customer".to_owned(), id("customer", 2), 1)));
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    house.wait(60);
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(parked(&house).await, [named("customers", &id("customer", 3))]);
    let parking = house.syncs.vendors.connections.parking();
    parking.forget_old(house.clock.now().plus_days(29)).await.unwrap();
    assert_eq!(parked(&house).await.len(), 1);
    parking.forget_old(house.clock.now().plus_days(31)).await.unwrap();
    assert!(parked(&house).await.is_empty());
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(parked(&house).await.len(), 1);
    house.disconnect().await;
    assert!(parked(&house).await.is_empty(), "with the source it is forgotten");
}

async fn so_many_are_put_aside_and_no_more(database: Database) {
    let (house, _fake) = shop(database, 1).await;
    let (parking, source, now) = (house.syncs.vendors.connections.parking(), house.source(), house.clock.now());
    let refused = |name: Option<String>| Refused { name, reason: "of no type".to_owned() };
    let many: Vec<Refused> = (0..1_100).map(|number| refused(Some(number.to_string()))).collect();
    parking.put(source, "orders", &many, now).await.unwrap();
    parking.put(source, "orders", &many, now).await.unwrap();
    assert_eq!(parked(&house).await.len(), 1_000);
    // Those that nobody can name are one for each reason.
    let marks: Vec<_> = (0..1_000).map(|number: u32| parking.mark(source, "orders", &number.to_string())).collect();
    parking.taken(source, "orders", &marks).await.unwrap();
    parking.put(source, "orders", &[refused(None), refused(None)], now).await.unwrap();
    assert_eq!(parked(&house).await, [("orders".to_owned(), None)]);
}
