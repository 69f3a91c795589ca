//! Customers with hundreds of records that each are like somebody else's.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::types::Role;

on_both_databases!(hundreds_of_orders_that_are_like_anothers_ask_little,);

/// How many orders come.
const ORDERS: usize = 200;
/// How many questions about two people wait at most.
const WAITING: i64 = 8;

/// Somebody at the home that father and son share, or an order of theirs.
fn of(id: &str, account: Option<&str>, person: &Value) -> Value {
    let mut identifiers = vec![json!({"kind": "phone", "value": "+49 30 23125140"})];
    identifiers.extend(account.map(|value| json!({"kind": "account", "value": value, "verified": true})));
    let home = json!([{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}]);
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers, "data": {"person": person, "addresses": home},
    })
}

/// A father's orders without an account, each with his birth date, are like his son's account. Each is his, and could be the son's by
/// itself: somebody is asked about the two once, and few more questions wait behind that one, however many orders there are.
async fn hundreds_of_orders_that_are_like_anothers_ask_little(database: Database) {
    let played = Played::open(database, 11).await;
    let father = json!({"given_name": "Ottokar", "family_name": "Zwirnlechner", "birth_date": "1951-03-09"});
    let son = json!({"given_name": "Ottokar", "family_name": "Zwirnlechner jun."});
    played.bring(&[of("father", Some("K-1"), &father), of("son", Some("K-2"), &son)]).await;
    let orders: Vec<Value> = (0..ORDERS).map(|at| of(&format!("order-{at}"), None, &father)).collect();
    for some in orders.chunks(50) {
        played.bring(some).await;
    }
    assert_eq!(played.people().len(), 2);
    let open = played.hub.get(Role::Dpo, "/v1/reviews").await.json();
    assert_eq!(open["reviews"].as_array().unwrap().len(), 1, "{open}");
    let asked = played.hub.database.count(Shelf::Records, "review");
    assert!((2..=WAITING).contains(&asked), "{asked} questions about two people");
}
