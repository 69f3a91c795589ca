//! Grouping everything anew joins nobody by way of a person who should have been taken apart first and could not be.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::{Role, SubjectId};

on_both_databases!(who_could_not_be_taken_apart_is_joined_with_nobody,);

/// A record of Ottilie at her address: her name, her birth date and her street.
fn of(source: &str, id: &str, at: &str, (family, born, street): (&str, &str, &str)) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": at,
        "data": {
            "person": {"given_name": "Ottilie", "family_name": family, "birth_date": born},
            "addresses": [{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
        },
    })
}

const ONE: (&str, &str, &str) = ("Zwirnlechner", "1971-03-09", "Kastanienallee");
const OTHER: (&str, &str, &str) = ("Haberstroh", "1988-05-30", "Seestraße");

async fn open_questions(played: &Played) -> Vec<Value> {
    played.hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().clone()
}

/// Two records were one person, who corrected what is said of her. One of them says something else by now and is another's: she
/// cannot be taken apart by a program, so she is not joined with the other either, whose birth date differs from what stays hers.
async fn who_could_not_be_taken_apart_is_joined_with_nobody(database: Database) {
    let played = Played::open(database, 3).await;
    let (first, later) = ("2026-05-01T08:00:00Z", "2026-05-02T08:00:00Z");
    played.bring(&[of("webshop", "a", first, ONE)]).await;
    played.bring(&[of("books", "b", first, ONE)]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let right = json!({"person": {"family_name": "Zwirnlechner-Haberstroh"}});
    let path = format!("/v1/subjects/{person}/rectification");
    let corrected = played.hub.post(Role::Dpo, &path, right).await;
    assert!(corrected.status.is_success(), "{}", corrected.text);
    played.bring(&[of("books", "q", first, OTHER)]).await;
    played.bring(&[of("webshop", "a", later, OTHER)]).await;
    let people = played.people();
    let [_, other] = people[..] else { panic!("joined as it arrived: {people:?}") };

    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined, done.asked), (0, 0, 1), "{done:?}");
    assert_eq!(played.people(), people, "joined with whom a part of hers was kept apart from");
    let asked = open_questions(&played).await;
    let [question] = &asked[..] else { panic!("{asked:?}") };
    let id = question["id"].as_str().unwrap();
    let sides = played.hub.get(Role::Dpo, &format!("/v1/reviews/{id}")).await;
    assert!(sides.text.contains(&person.to_string()) && sides.text.contains(&other.to_string()), "{}", sides.text);

    // Somebody says which record is whose; then the rest follows.
    let links = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
    let leaves = links["records"].as_array().unwrap().iter().find(|record| record["source"] == "webshop").unwrap();
    let split = json!({"records": [leaves["record"]]});
    let path = format!("/v1/subjects/{person}/split");
    let apart = played.hub.post(Role::Dpo, &path, split).await;
    assert!(apart.status.is_success(), "{}", apart.text);
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined), (0, 1), "{done:?}");
    let together: Vec<SubjectId> = played.people();
    assert_eq!(together.len(), 2);
    assert!(together.contains(&person), "{together:?}");
}
