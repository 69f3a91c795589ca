//! Several people behind one verified mailbox: a record that tells nothing of which of them it is makes them one no more, and a newer
//! version of one of their records takes the mailbox from nobody.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::{Role, SubjectId};

on_both_databases!(
    a_record_that_says_less_keeps_its_own_mailbox,
    what_a_record_said_before_tells_nobody_apart,
    an_initial_that_both_of_a_couple_have_makes_them_one_no_more,
    three_accounts_stay_three,
);

/// Somebody of the family with the mailbox they share.
fn of(source: &str, id: &str, given: &str, born: Option<&str>) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [{"kind": "email", "value": "weiss77@example.org", "verified": true}],
        "data": {"person": {"given_name": given, "family_name": "Weiss", "birth_date": born}},
    })
}

/// The same record, as its source tells it later.
fn later(mut record: Value) -> Value {
    record["updated_at"] = json!("2026-06-01T08:00:00Z");
    record
}

const FATHERS: Option<&str> = Some("1950-03-02");
const SONS: Option<&str> = Some("1978-11-20");

async fn regrouped(played: &Played) -> Vec<SubjectId> {
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    played.people()
}

/// How many records each of them has.
async fn records(played: &Played, people: &[SubjectId]) -> Vec<usize> {
    let mut records = Vec::new();
    for person in people {
        let links = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
        records.push(links["records"].as_array().unwrap().len());
    }
    records
}

/// The father's other record tells when he was born. So the newer version of this one may be his son's by what it says; whose it is is
/// known all the same, and so is that the mailbox is his.
async fn a_record_that_says_less_keeps_its_own_mailbox(database: Database) {
    let played = Played::open(database, 51).await;
    played.bring(&[of("webshop", "father", "Karl", FATHERS), of("books", "father", "Karl", FATHERS)]).await;
    played.bring(&[of("webshop", "son", "Karl", SONS)]).await;
    let people = played.people();
    assert_eq!(records(&played, &people).await, [2, 1]);
    let values = played.whole()["records.identifier"].clone();
    played.bring(&[later(of("webshop", "father", "Karl", None))]).await;
    assert_eq!((played.people(), records(&played, &people).await), (people.clone(), vec![2, 1]));
    assert_eq!(played.whole()["records.identifier"], values, "the mailbox joins it no more");
}

/// Two whom nothing tells apart any more are one as if it had never been told.
async fn what_a_record_said_before_tells_nobody_apart(database: Database) {
    let played = Played::open(database, 52).await;
    played.bring(&[of("webshop", "father", "Karl", FATHERS)]).await;
    played.bring(&[of("webshop", "son", "Karl", SONS)]).await;
    assert_eq!(played.people().len(), 2);
    played.bring(&[later(of("webshop", "father", "Karl", None))]).await;
    played.bring(&[of("books", "guest", "Karl", None)]).await;
    let people = played.people();
    assert_eq!(records(&played, &people).await, [3], "the guest is the son's alone");
    assert_eq!(regrouped(&played).await, people);
}

async fn an_initial_that_both_of_a_couple_have_makes_them_one_no_more(database: Database) {
    let played = Played::open(database, 53).await;
    for (id, given) in [("his", "Karl"), ("hers", "Katharina")] {
        played.bring(&[of("webshop", id, given, None), of("books", id, given, None)]).await;
    }
    let couple = played.people();
    assert_eq!(records(&played, &couple).await, [2, 2]);
    played.bring(&[of("social", "initial", "K.", None)]).await;
    let people = played.people();
    assert!(couple.iter().all(|one| people.contains(one)), "an initial made the couple one");
    let people = regrouped(&played).await;
    assert!(couple.iter().all(|one| people.contains(one)), "an initial made the couple one");
    assert!(records(&played, &people).await.iter().all(|records| *records <= 3));
}

/// Father, son and grandson of one name, each known to two sources, and an order that does not say whose it is.
async fn three_accounts_stay_three(database: Database) {
    let played = Played::open(database, 54).await;
    for (id, born) in [("father", FATHERS), ("son", SONS), ("grandson", Some("2003-07-14"))] {
        played.bring(&[of("webshop", id, "Karl", born), of("books", id, "Karl", born)]).await;
    }
    let three = played.people();
    assert_eq!(records(&played, &three).await, [2, 2, 2]);
    played.bring(&[of("social", "order", "Karl", None)]).await;
    let people = played.people();
    assert!(three.iter().all(|one| people.contains(one)), "an order made two of the three one");
    let people = regrouped(&played).await;
    assert!(three.iter().all(|one| people.contains(one)), "two of the three became one");
    assert!(records(&played, &people).await.iter().all(|records| *records <= 3));
}
