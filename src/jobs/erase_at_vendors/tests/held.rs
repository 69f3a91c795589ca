//! What a law keeps at a vendor until a day is asked for again on that day, on both databases.

use serde_json::{Value, json};

use super::{certified, erasures, told};
use crate::databases::{Database, on_both_databases};
use crate::jobs::retention::Retention;
use crate::jobs::sync::tests::house::{House, SHOP};
use crate::jobs::sync::tests::scenarios::{self, Case as _};
use crate::jobs::sync::tests::shopware::shop;
use crate::store::Shelf;
use crate::types::{IdentifierKind, RequestId};
use crate::vendors::Fake;
use crate::vendors::shopware::{Shop, email, id};
use crate::vendors::woocommerce::Store;

on_both_databases!(
    what_a_law_keeps_is_asked_for_again_when_its_day_comes,
    a_day_on_which_the_vendor_fails_is_not_lost,
    what_no_call_does_away_with_is_left_to_somebody_on_its_day,
    what_is_out_of_sight_on_its_day_is_left_to_somebody,
    orders_of_two_accounts_are_found_in_whatever_order_their_numbers_are_asked,
    an_order_of_an_account_that_is_old_enough_goes_at_once,
);

/// The orders of the shop: mail address and family name.
fn orders(fake: &Fake<Shop>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fake.with(|shop| {
        let all = shop.entities["order"].iter();
        all.map(|one| (text(&one["orderCustomer"]["email"]), text(&one["addresses"][0]["lastName"]))).collect()
    })
}

async fn erased(database: Database) -> (House, Fake<Shop>, RequestId) {
    let (house, fake) = shop(database, 3).await;
    house.sync().await.unwrap();
    let request = house.erase(&email(1)).await;
    (house, fake, request)
}

async fn what_a_law_keeps_is_asked_for_again_when_its_day_comes(database: Database) {
    let (house, fake, request) = erased(database).await;
    let keys = house.database.count(Shelf::Keys, "data_key");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_held && !one.is_final, "{one:?} {report}");
    let held = json!([{"source": SHOP, "state": "held", "outcome": "restricted", "restricted_until": "2033-12-31"}]);
    assert_eq!(certified(&house, request).await, held);
    assert_eq!(orders(&fake)[1], (email(1), "Beispiel1".to_owned()));
    // Until then nobody is asked, what is to be told lies sealed, and the retention run ends neither it nor the request.
    let calls = fake.calls();
    erasures(&house).ask_all_of(request).await.unwrap();
    assert!(erasures(&house).due().await.is_empty() && fake.calls() == calls);
    assert!(!house.database.dump().join("\n").contains(&email(1)));
    house.clock.set("2033-12-30T12:00:00Z");
    let (rights, clock) = (house.rights.clone(), house.clock.clone());
    let retention = Retention::new(house.store.clone(), rights, &house.syncs.ids, clock).unwrap();
    retention.run(|_| {}).await.unwrap();
    assert!(erasures(&house).due().await.is_empty() && fake.calls() == calls);
    house.clock.set("2034-01-01T00:30:00Z");
    let due = erasures(&house).due().await;
    assert_eq!(due.len(), 1, "nobody asks when the day comes");
    erasures(&house).ask(&due[0]).await.unwrap();
    let all = orders(&fake);
    assert_eq!(all[1], ("geloescht@example.invalid".to_owned(), "gelöscht".to_owned()));
    assert_eq!(all[2], (email(2), "Beispiel2".to_owned()), "somebody else's order was overwritten");
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "overwritten", "{one:?} {report}");
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "final", "outcome": "overwritten"}]));
    assert!(house.database.count(Shelf::Keys, "data_key") < keys, "what the vendor was told is kept for ever");
}

async fn a_day_on_which_the_vendor_fails_is_not_lost(database: Database) {
    let (house, fake, request) = erased(database).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    fake.with(|shop| shop.rights.remove("order_address:update"));
    house.clock.set("2034-01-01T00:30:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(!one.is_final, "the officer is told before the thirty days are over: {report}");
    fake.with(|shop| shop.rights.insert("order_address:update".to_owned()));
    house.clock.set("2034-01-02T00:30:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    assert_eq!(told(&house, request).await.1["leaves"], "overwritten");
    assert_eq!(orders(&fake)[1].1, "gelöscht");
}

async fn what_no_call_does_away_with_is_left_to_somebody_on_its_day(database: Database) {
    let (house, fake) = scenarios::open::<Store>(database).await;
    house.sync().await.unwrap();
    let request = house.erase_as(&Store::who(1)).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let held = json!([{"source": SHOP, "state": "held", "outcome": "restricted", "restricted_until": "2033-12-31"}]);
    assert_eq!(certified(&house, request).await, held, "{}", told(&house, request).await.1);
    house.clock.set("2033-12-30T12:00:00Z");
    let calls = fake.calls();
    assert!(erasures(&house).due().await.is_empty());
    house.clock.set("2034-01-01T00:30:00Z");
    let due = erasures(&house).due().await;
    assert_eq!(due.len(), 1, "nobody asks when the day comes");
    erasures(&house).ask(&due[0]).await.unwrap();
    assert!(fake.calls_since(calls).iter().any(|call| call.ends_with("/orders")));
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "manual_task", "{one:?} {report}");
    let orders = report["steps"].as_array().unwrap().iter().find(|step| step["name"] == "orders").unwrap();
    assert_eq!((&orders["found"], orders.get("kept_until")), (&json!(1), None), "{report}");
    let done = json!([{"source": SHOP, "state": "final", "outcome": "manual_task"}]);
    assert_eq!(certified(&house, request).await, done);
}

/// The order bears another address, and the account by which it was found is deleted.
async fn what_is_out_of_sight_on_its_day_is_left_to_somebody(database: Database) {
    let (house, fake) = scenarios::open::<Store>(database).await;
    fake.with(|store| store.orders[1]["billing"]["email"] = json!("another@example.org"));
    house.sync().await.unwrap();
    let request = house.erase_as(&Store::who(1)).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let held = json!([{"source": SHOP, "state": "held", "outcome": "restricted", "restricted_until": "2033-12-31"}]);
    assert_eq!(certified(&house, request).await, held, "{}", told(&house, request).await.1);
    assert!(fake.with(|store| store.customers.iter().all(|one| one["id"] != 101)));
    house.clock.set("2034-01-01T00:30:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "manual_task", "{one:?} {report}");
    let orders = report["steps"].as_array().unwrap().iter().find(|step| step["name"] == "orders").unwrap();
    assert_eq!((&orders["found"], &orders["leaves"]), (&json!(1), &json!("manual_task")), "{report}");
    assert!(orders.get("kept_until").is_none() && orders.get("kept").is_none(), "a day that is over: {report}");
    let done = json!([{"source": SHOP, "state": "final", "outcome": "manual_task"}]);
    assert_eq!(certified(&house, request).await, done);
}

/// The shop of somebody with two accounts, whose orders bear addresses that nobody knows by now.
async fn with_two_accounts(database: Database) -> (House, Fake<Shop>, RequestId) {
    let (house, fake) = shop(database, 4).await;
    assert!(id("customer", 1) > id("customer", 2), "account and number of each would be asked for together");
    fake.with(|shop| {
        for customer in &mut shop.entities.get_mut("customer").unwrap()[1..3] {
            (customer["email"], customer["doubleOptInConfirmDate"]) =
                (json!(email(1)), json!("2025-01-02T08:00:00.000+00:00"));
        }
        shop.entities.get_mut("order").unwrap()[2]["orderCustomer"]["email"] = json!(email(1));
    });
    house.sync().await.unwrap();
    let request = house.erase(&email(1)).await;
    let known = async |number| house.knows_as(&(IdentifierKind::Account, id("customer", number))).await;
    assert!(!known(1).await && !known(2).await && known(3).await, "they are not one person");
    fake.with(|shop| {
        for (number, order) in shop.entities.get_mut("order").unwrap().iter_mut().enumerate().take(3).skip(1) {
            order["orderCustomer"]["email"] = json!(format!("other{number}@example.org"));
        }
    });
    (house, fake, request)
}

fn orders_in(report: &Value) -> &Value {
    report["steps"].as_array().unwrap().iter().find(|step| step["name"] == "orders").unwrap()
}

async fn orders_of_two_accounts_are_found_in_whatever_order_their_numbers_are_asked(database: Database) {
    let (house, fake, request) = with_two_accounts(database).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    let orders_told = orders_in(&report);
    assert_eq!((&orders_told["found"], &orders_told["kept"]), (&json!(2), &json!(2)), "each once: {report}");
    assert!(one.is_held, "{one:?} {report}");
    fake.with(|shop| assert_eq!(shop.entities["customer"].len(), 2));
    // On their day the accounts are gone; the numbers lead to them.
    house.clock.set("2034-01-01T00:30:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "overwritten", "{one:?} {report}");
    let names: Vec<_> = orders(&fake).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Beispiel0", "gelöscht", "gelöscht", "Beispiel3"]);
}

/// Nothing but the account leads to it, and it still does after it was overwritten.
async fn an_order_of_an_account_that_is_old_enough_goes_at_once(database: Database) {
    let (house, fake, request) = with_two_accounts(database).await;
    fake.with(|shop| {
        for order in shop.entities.get_mut("order").unwrap() {
            order["orderDateTime"] = json!("2010-01-02T08:00:00.000+00:00");
            order["orderCustomer"]["customerNumber"] = json!(null);
        }
    });
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    let orders_told = orders_in(&report);
    assert_eq!((&orders_told["found"], &orders_told["verified"]), (&json!(2), &json!(true)), "{report}");
    assert!(one.is_final && report["leaves"] == "overwritten", "{one:?} {report}");
    let names: Vec<_> = orders(&fake).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Beispiel0", "gelöscht", "gelöscht", "Beispiel3"]);
}
