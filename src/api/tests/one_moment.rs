//! What is decided of two at the moment at which something is decided of two others: neither is taken for the other.

use serde_json::{Value, json};

use super::undone::of;
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::intake::{Out, Papers};
use crate::store::Shelf;
use crate::types::{Role, SubjectId};

on_both_databases!(
    who_was_taken_out_while_somebody_answered_was_not_looked_at,
    what_was_answered_while_somebody_was_taken_out_goes_along,
);

fn anna(id: &str) -> Value {
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [], "data": {"person": {"given_name": "Anna", "family_name": "Schmidt"}},
    })
}

/// Answers the only question with a no.
async fn say_no(played: &Played) {
    let asked = played.hub.get(Role::Dpo, "/v1/reviews").await.json();
    let [question] = &asked["reviews"].as_array().unwrap()[..] else { panic!("{asked}") };
    let path = format!("/v1/reviews/{}", question["id"].as_str().unwrap());
    let answer = played.hub.post(Role::Dpo, &path, json!({"answer": "not_same"})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

async fn take_out(played: &Played, person: SubjectId, other: SubjectId) {
    let papers = Papers { decided: true, ..Papers::default() };
    let parted = played.hub.house.intake.separate(person, &Out::Parts(vec![other]), &papers, None).await;
    assert_eq!(parted.unwrap().out, [other]);
}

fn looked(played: &Played) -> Vec<String> {
    let marks = "SELECT CAST(looked AS TEXT) AS answer FROM apart ORDER BY looked";
    played.hub.database.texts(Shelf::Records, marks)
}

/// Two were wrongly one, a guest was found to be like the second, and they are taken apart: that says nothing of the guest, who turns out
/// to be like the first. At the same moment somebody says of two others that they are not the same.
async fn who_was_taken_out_while_somebody_answered_was_not_looked_at(database: Database) {
    let played = Played::open(database, 31).await;
    for person in 0..2 {
        played.bring(&[of(person, "webshop", "first", &json!({}))]).await;
    }
    let [one, other] = played.people()[..] else { panic!("{:?}", played.people()) };
    assert_eq!(played.merge(one, other).await, other);
    played.bring(&[of(1, "books", "guest", &json!({"identifiers": []}))]).await;
    for id in ["one", "two"] {
        played.bring(&[anna(id)]).await;
    }
    assert_eq!(played.people().len(), 3);
    say_no(&played).await;
    take_out(&played, one, other).await;
    assert_eq!(looked(&played), ["0", "0", "1", "1"]);
    let times = "SELECT DISTINCT CAST(decided_at AS TEXT) AS answer FROM apart";
    assert_eq!(played.hub.database.texts(Shelf::Records, times).len(), 1, "not at one moment");
    played.clock.pass(1_500);
    let newer = json!({"identifiers": [], "external_id": "1-guest", "updated_at": "2026-06-01T08:00:00Z"});
    played.bring(&[of(0, "books", "guest", &newer)]).await;
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined), (1, 1), "kept from whose it is by an answer about others: {done:?}");
}

/// Somebody said that a person of two is not the same as a third, and at the same moment the second is taken out: the third is not the
/// same as either.
async fn what_was_answered_while_somebody_was_taken_out_goes_along(database: Database) {
    let played = Played::open(database, 32).await;
    for id in ["one", "two", "three"] {
        played.bring(&[anna(id)]).await;
    }
    let [one, other, _] = played.people()[..] else { panic!("{:?}", played.people()) };
    assert_eq!(played.merge(one, other).await, other);
    played.clock.pass(1_500);
    say_no(&played).await;
    take_out(&played, one, other).await;
    // The third with each of the two, and the two with each other.
    assert_eq!(looked(&played), ["0", "0", "1", "1", "1", "1"]);
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.joined, done.asked), (0, 0), "{done:?}");
}
