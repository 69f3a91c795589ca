//! Customer numbers of Shopware: unique in a shop with one range of numbers for all, and not where each sales channel has its own.

use serde_json::{Value, json};

use super::house::House;
use super::shopware::shop;
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::types::{IdentifierKind, SubjectId};
use crate::vendors::Fake;
use crate::vendors::shopware::{Shop, customer, email, id, order, recipient};

on_both_databases!(
    two_customers_of_two_channels_with_one_number_stay_two,
    who_ordered_under_a_number_is_taken_out_when_another_channel_gives_it_away,
    under_one_range_a_number_joins,
);

const GUEST: &str = "gustav@example.net";

/// An order of somebody else under a customer number, whose account is gone.
fn guest(number: &str) -> Value {
    let mut guest = order(90);
    call(&mut guest, "Gustav", "Gastmann");
    guest["orderCustomer"]["email"] = json!(GUEST);
    guest["orderCustomer"]["customerNumber"] = json!(number);
    guest["orderCustomer"]["customerId"] = json!(null);
    guest
}

/// Gives an object of the shop another name, wherever it tells one, and another home.
fn call(object: &mut Value, given: &str, family: &str) {
    let Value::Object(fields) = object else {
        object.as_array_mut().into_iter().flatten().for_each(|one| call(one, given, family));
        return;
    };
    for (field, value) in fields.iter_mut() {
        match field.as_str() {
            "firstName" => *value = json!(given),
            "lastName" => *value = json!(family),
            "street" if value.is_string() => *value = json!(format!("{family}stieg 7")),
            "zipcode" => *value = json!("20457"),
            _ => call(value, given, family),
        }
    }
}

/// A customer of another sales channel, whose range begins where that of the first did: they have the number of customer 1.
fn add_other_channel(shop: &mut Shop) {
    let (mut other, mut ordered, mut subscribed) = (customer(11), order(11), recipient(11));
    (other["customerNumber"], other["boundSalesChannelId"]) = (json!("10001"), json!("channel-b"));
    ordered["orderCustomer"]["customerNumber"] = json!("10001");
    subscribed["status"] = json!("optOut");
    for (entity, mut object) in [("customer", other), ("order", ordered), ("newsletter-recipient", subscribed)] {
        call(&mut object, "Hedwig", "Sonnleitner");
        object["createdAt"] = json!("2026-11-21T12:30:00.000+00:00");
        shop.add(entity, object);
    }
}

async fn has(house: &House, mail: &str, act: Act) -> bool {
    let person = house.subject(mail).await;
    house.ledger(person).await.iter().any(|entry| entry.act == act)
}

/// Who has these mailboxes.
async fn people<const N: usize>(house: &House, mails: [&str; N]) -> [SubjectId; N] {
    let mut people = Vec::new();
    for mail in mails {
        people.push(house.subject(mail).await);
    }
    people.try_into().unwrap()
}

async fn are_three(house: &House) {
    for grouped in [false, true] {
        if grouped {
            house.syncs.intake.regroup(None, |_| {}).await.unwrap();
        }
        let [one, other, guest] = people(house, [&email(1), &email(11), GUEST]).await;
        assert!(one != other && one != guest && other != guest, "grouped anew: {grouped}");
        // Each with their order and their subscription.
        let found = [one, other, guest].map(|person| async move { house.records_of(person).await.len() });
        assert_eq!(futures_util::future::join_all(found).await, [3, 3, 1], "grouped anew: {grouped}");
        assert!(has(house, &email(1), Act::Granted).await && !has(house, &email(1), Act::Withdrawn).await);
        assert!(has(house, &email(11), Act::Withdrawn).await && !has(house, &email(11), Act::Granted).await);
    }
    // The number finds nobody: it does not say whom.
    assert!(!house.knows_as(&(IdentifierKind::CustomerNumber, "10001".to_owned())).await);
}

async fn two_customers_of_two_channels_with_one_number_stay_two(database: Database) {
    let (house, fake) = shop(database, 5).await;
    house.clock.set("2026-11-21T13:00:00Z");
    fake.with(|shop| {
        add_other_channel(shop);
        shop.add("order", guest("10001"));
    });
    house.sync().await.unwrap();
    are_three(&house).await;
}

async fn who_ordered_under_a_number_is_taken_out_when_another_channel_gives_it_away(database: Database) {
    let (house, fake): (House, Fake<Shop>) = shop(database, 5).await;
    fake.with(|shop| shop.add("order", guest("10001")));
    house.sync().await.unwrap();
    let [one, guest] = people(&house, [&email(1), GUEST]).await;
    assert_eq!(one, guest, "one range, as far as is known");
    house.clock.set("2026-11-21T13:00:00Z");
    fake.with(add_other_channel);
    house.sync().await.unwrap();
    are_three(&house).await;
}

async fn under_one_range_a_number_joins(database: Database) {
    let (house, fake) = shop(database, 5).await;
    fake.with(|shop| shop.add("order", guest("10003")));
    house.sync().await.unwrap();
    house.syncs.intake.regroup(None, |_| {}).await.unwrap();
    let [one, guest, other] = people(&house, [&email(3), GUEST, &email(1)]).await;
    assert!(one == guest && one != other);
    assert!(house.knows_as(&(IdentifierKind::CustomerNumber, "10003".to_owned())).await);
    assert!(fake.with(|shop| shop.entities["customer"].iter().any(|one| one["id"] == id("customer", 3))));
}
