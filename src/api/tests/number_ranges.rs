//! A shop with a range of customer numbers for each of its sales channels gives one number to several customers: who has it by another
//! account is somebody else, and who comes with the number alone is neither. However they come, and grouped anew.

use serde_json::{Value, json};

use super::whole_state::{Played, fresh};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::Role;

on_both_databases!(
    one_number_of_two_accounts_is_nobodys_in_whatever_order_they_come,
    a_number_of_one_account_joins_whoever_comes_with_it,
    the_second_account_is_seen_behind_any_number_of_orders,
    an_account_that_is_called_otherwise_now_is_no_second_one,
    what_joined_before_accounts_were_looked_at_is_taken_apart_when_grouped_anew,
    a_number_of_two_accounts_is_no_evidence,
);

const OTTILIE: (&str, &str) = ("Ottilie", "Zwirnlechner");
const BERNHARD: (&str, &str) = ("Bernhard", "Haberstroh");

/// A record of a shop, under a number and perhaps an account.
fn of(id: &str, (given, family): (&str, &str), number: &str, account: Option<&str>) -> Value {
    let mut identifiers = vec![json!({"kind": "customer_number", "value": number})];
    identifiers.extend(account.map(|account| json!({"kind": "account", "value": account})));
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers, "data": {"person": {"given_name": given, "family_name": family}},
    })
}

async fn asked(played: &Played) -> usize {
    played.hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().len()
}

/// How many people there are, which grouping anew does not change.
async fn stands(played: &Played, people: usize, what: &str) {
    assert_eq!(played.people().len(), people, "as they came: {what}");
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined), (0, 0), "{what}: {done:?}");
    assert_eq!(played.people().len(), people, "grouped anew: {what}");
}

async fn one_number_of_two_accounts_is_nobodys_in_whatever_order_they_come(database: Database) {
    let all = [
        of("one", OTTILIE, "10001", Some("a-1")),
        of("one-order", OTTILIE, "10001", Some("a-1")),
        of("other", BERNHARD, "10001", Some("a-2")),
        of("other-order", BERNHARD, "10001", Some("a-2")),
        of("guest", ("Kunigunde", "Spitzweg"), "10001", None),
        of("another", ("Leopold", "Hufnagel"), "10001", None),
    ];
    let dialect = database.dialect();
    let mut database = Some(database);
    let orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [4, 0, 2, 5, 1, 3], [4, 5, 0, 1, 2, 3], [0, 4, 2, 1, 5, 3]];
    for (seed, order) in (31..).zip(orders) {
        for at_once in [1, 3, all.len()] {
            let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), seed).await;
            let records: Vec<Value> = order.iter().map(|at| all[*at].clone()).collect();
            for some in records.chunks(at_once) {
                played.bring(some).await;
            }
            stands(&played, 4, &format!("{order:?}, {at_once} at once")).await;
            assert_eq!(asked(&played).await, 0);
        }
    }
}

/// As in a shop with one range for all.
async fn a_number_of_one_account_joins_whoever_comes_with_it(database: Database) {
    let played = Played::open(database, 41).await;
    for record in [
        of("guest", ("Kunigunde", "Spitzweg"), "10001", None),
        of("one", OTTILIE, "10001", Some("a-1")),
        of("one-order", ("", ""), "10001", Some("a-1")),
        of("late", ("Leopold", "Hufnagel"), "10001", None),
        of("other", BERNHARD, "10002", Some("a-2")),
    ] {
        played.bring(&[record]).await;
    }
    stands(&played, 2, "one range").await;
}

/// More than are looked at one by one.
const MANY: usize = 70;

async fn the_second_account_is_seen_behind_any_number_of_orders(database: Database) {
    let played = Played::open(database, 42).await;
    let order = |at: usize| of(&format!("order-{at}"), ("", ""), "10001", None);
    played.bring(&(0..MANY).map(order).collect::<Vec<_>>()).await;
    played.bring(&[of("one", OTTILIE, "10001", Some("a-1"))]).await;
    assert_eq!(played.people().len(), 1);
    played.bring(&[of("other", BERNHARD, "10001", Some("a-2"))]).await;
    stands(&played, MANY + 2, "orders and two accounts").await;
}

async fn an_account_that_is_called_otherwise_now_is_no_second_one(database: Database) {
    let played = Played::open(database, 43).await;
    played.bring(&[of("one", OTTILIE, "10001", Some("ottilie"))]).await;
    let mut renamed = of("one", OTTILIE, "10001", Some("ottilie.zwirnlechner"));
    renamed["updated_at"] = json!("2026-06-01T08:00:00Z");
    played.bring(&[renamed]).await;
    played.bring(&[of("order", ("", ""), "10001", None)]).await;
    stands(&played, 1, "one account").await;
}

async fn what_joined_before_accounts_were_looked_at_is_taken_apart_when_grouped_anew(database: Database) {
    let played = Played::open(database, 44).await;
    played.bring(&[of("one", OTTILIE, "10001", Some("a-1")), of("order", ("", ""), "10001", None)]).await;
    played.hub.database.execute(Shelf::Records, "UPDATE identifier SET whose = 0");
    played.bring(&[of("other", BERNHARD, "10001", Some("a-2"))]).await;
    assert_eq!(played.people().len(), 1, "the test makes no such state");
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    stands(&played, 3, "what was joined before").await;
    played.bring(&[of("late", ("Leopold", "Hufnagel"), "10001", None)]).await;
    stands(&played, 4, "who came later").await;
}

/// What else is alike is compared; the number they share adds nothing to it.
async fn a_number_of_two_accounts_is_no_evidence(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    for number in ["10001", "10003"] {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 45).await;
        for record in [
            of("one", OTTILIE, "10001", Some("a-1")),
            of("other", BERNHARD, "10001", Some("a-2")),
            of("alike", ("O", "Zwirnlechner"), number, None),
            of("again", ("Ottilie", "Zwirnlechner-Haberstroh"), number, Some("a-3")),
        ] {
            played.bring(&[record]).await;
        }
        stands(&played, if number == "10001" { 4 } else { 3 }, number).await;
    }
}
