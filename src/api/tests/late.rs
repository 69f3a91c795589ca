//! A record that comes late is like two groups: by comparing alone it makes them one, or a veto keeps them apart.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_late_record_joins_two_groups_by_what_it_says,
    a_veto_keeps_two_groups_apart_that_a_late_record_is_like,
);

/// An Anna Schmidt at a source, with what is known of her.
fn anna(source: &str, id: &str, account: Option<&str>, (born, street): (Option<&str>, Option<&str>)) -> Value {
    let mut record = json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [], "data": {"person": {"given_name": "Anna", "family_name": "Schmidt"}},
    });
    if let Some(account) = account {
        record["identifiers"] = json!([{"kind": "account", "value": account, "verified": true}]);
    }
    if let Some(born) = born {
        record["data"]["person"]["birth_date"] = json!(born);
    }
    if let Some(street) = street {
        record["data"]["addresses"] =
            json!([{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}]);
    }
    record
}

const BORN: Option<&str> = Some("1971-03-09");
const HOME: Option<&str> = Some("Kastanienallee");

async fn regrouped(played: &Played) -> usize {
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    played.people().len()
}

/// Two customers of two sources, of whom the one tells a birth date and the other an address.
async fn a_late_record_joins_two_groups_by_what_it_says(database: Database) {
    let played = Played::open(database, 41).await;
    for id in ["one", "two"] {
        played.bring(&[anna("webshop", id, Some("K-1"), (BORN, None))]).await;
        played.bring(&[anna("books", id, Some("B-1"), (None, HOME))]).await;
    }
    assert_eq!((played.people().len(), regrouped(&played).await), (2, 2));
    played.bring(&[anna("social", "late", None, (BORN, HOME))]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let links = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
    let joined = links["links"].as_array().unwrap().iter().filter(|link| !link["joined"].is_null());
    assert_eq!(joined.map(|link| link["rule"].clone()).collect::<Vec<_>>(), ["compared", "compared"], "{links}");
    assert_eq!(regrouped(&played).await, 1);
}

/// Mother and daughter of one name at one address: a record without a birth date is like both, and makes them one no more.
async fn a_veto_keeps_two_groups_apart_that_a_late_record_is_like(database: Database) {
    let played = Played::open(database, 42).await;
    for id in ["one", "two"] {
        played.bring(&[anna("webshop", id, Some("K-1"), (BORN, HOME))]).await;
        played.bring(&[anna("books", id, Some("B-1"), (Some("1998-05-30"), HOME))]).await;
    }
    assert_eq!((played.people().len(), regrouped(&played).await), (2, 2));
    played.bring(&[anna("social", "late", None, (None, HOME))]).await;
    assert_eq!(played.people().len(), 2, "it is nobody's, or made two one");
    let asked = played.hub.get(Role::Dpo, "/v1/reviews").await.json();
    assert_eq!(asked["reviews"].as_array().unwrap().len(), 1, "{asked}");
    assert_eq!(regrouped(&played).await, 2);
}
