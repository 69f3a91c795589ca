//! Who was taken apart and shares a mailbox: what comes under an account is of whom the account is, and what names only the mailbox
//! is nobody's until somebody says whose.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::store::{self, Shelf};
use crate::types::{Role, SubjectId};

on_both_databases!(
    what_comes_for_the_younger_of_two_is_theirs,
    what_leads_to_two_alike_is_nobodys,
    what_a_crowded_value_joined_is_taken_back_once_the_record_is_gone,
);

const MAIL: &str = "karl.weiss@example.org";

/// A record of a Karl Weiss with the mailbox, and a customer number if there is one.
fn of(source: &str, id: &str, number: Option<&str>, verified: bool) -> Value {
    let mut identifiers = vec![json!({"kind": "email", "value": MAIL, "verified": true})];
    identifiers.extend(number.map(|value| json!({"kind": "account", "value": value, "verified": verified})));
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers, "data": {"person": {"given_name": "Karl", "family_name": "Weiss"}},
    })
}

async fn links(played: &Played, person: SubjectId) -> Value {
    played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json()
}

async fn records(played: &Played, person: SubjectId) -> usize {
    links(played, person).await["records"].as_array().unwrap().len()
}

/// Father and son, who were one by the mailbox and were taken apart.
async fn two(played: &Played, (other, verified): (&str, bool)) -> [SubjectId; 2] {
    played.bring(&[of("webshop", "one", Some("K-1"), verified)]).await;
    played.bring(&[of(other, "two", Some("K-2"), verified)]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let younger = links(played, person).await["records"][1]["record"].clone();
    let path = format!("/v1/subjects/{person}/split");
    let apart = played.hub.post(Role::Dpo, &path, json!({"records": [younger]})).await;
    assert!(apart.status.is_success(), "{}", apart.text);
    played.clock.pass(1_500);
    let [father, son] = played.people()[..] else { panic!("{:?}", played.people()) };
    assert_eq!(father, person);
    [father, son]
}

async fn what_comes_for_the_younger_of_two_is_theirs(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    // Two numbers of one shop that it did not verify, and two logins of two shops.
    for (seed, other) in [(1, ("webshop", false)), (2, ("books", true))] {
        let played = Played::open(database.take().unwrap_or_else(|| super::whole_state::fresh(dialect)), seed).await;
        let [father, son] = two(&played, other).await;
        let (source, verified) = other;
        played.bring(&[of(source, "three", Some("K-2"), verified)]).await;
        assert_eq!((records(&played, father).await, records(&played, son).await), (1, 2), "the elder got it");
        played.bring(&[of("webshop", "four", Some("K-1"), verified)]).await;
        assert_eq!((records(&played, father).await, records(&played, son).await), (2, 2));
        // The account alone still leads to one.
        let mut number = of(source, "five", Some("K-2"), verified);
        number["identifiers"].as_array_mut().unwrap().remove(0);
        played.bring(&[number]).await;
        assert_eq!((records(&played, father).await, records(&played, son).await), (2, 3));
        // A newer version of his own record stays with him.
        let mut newer = of("webshop", "one", Some("K-1"), verified);
        newer["updated_at"] = json!("2026-06-01T08:00:00Z");
        played.bring(&[newer]).await;
        let all = (played.people(), records(&played, father).await, records(&played, son).await);
        assert_eq!(all, (vec![father, son], 2, 3));
        played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
        assert_eq!((played.people(), records(&played, father).await, records(&played, son).await), all);
        // The reasons told to the one are none of the other's.
        let told = links(&played, father).await;
        let own: Vec<&Value> = told["records"].as_array().unwrap().iter().map(|record| &record["record"]).collect();
        assert!(told["links"].as_array().unwrap().iter().all(|link| own.contains(&&link["record"])), "{told}");
    }
}

async fn what_leads_to_two_alike_is_nobodys(database: Database) {
    let played = Played::open(database, 3).await;
    let [father, son] = two(&played, ("webshop", false)).await;
    played.bring(&[of("social", "guest", None, false)]).await;
    let people = played.people();
    let [_, _, guest] = people[..] else { panic!("one of the two got it: {people:?}") };
    let questions = async || {
        let asked = played.hub.get(Role::Dpo, "/v1/reviews").await.json();
        asked["reviews"].as_array().unwrap().clone()
    };
    assert_eq!(questions().await.len(), 2, "{:?}", questions().await);
    // So is the next, and the mailbox joins father and son to nobody by that.
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((played.people(), questions().await.len()), (people, 2));
    assert_eq!((records(&played, father).await, records(&played, son).await), (1, 1));
    // Somebody says whose it is, and that holds.
    let asked = questions().await;
    let mut chosen = None;
    for question in &asked {
        let id = question["id"].as_str().unwrap();
        let shown = played.hub.get(Role::Dpo, &format!("/v1/reviews/{id}")).await.text;
        if shown.contains(&son.to_string()) {
            chosen = Some(id);
        }
    }
    let path = format!("/v1/reviews/{}", chosen.unwrap());
    let answer = played.hub.post(Role::Dpo, &path, json!({"answer": "same"})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(played.people(), [father, son], "{guest}");
    assert_eq!((records(&played, father).await, records(&played, son).await), (1, 2));
}

/// A record with two mailboxes made two people one, and is gone. Then so many share the one mailbox that it joins nobody: what it
/// joined is taken back, though nobody can see any more what the record said.
async fn what_a_crowded_value_joined_is_taken_back_once_the_record_is_gone(database: Database) {
    let played = Played::open(database, 12).await;
    let (shared, own, theirs) = ("zuhause7@example.org", "one@example.org", "two@example.org");
    // They could be one name misspelt.
    let of = |id: &str, (given, family): (&str, &str), mails: &[&str]| {
        let identifiers = mails.iter().map(|mail| json!({"kind": "email", "value": mail, "verified": true}));
        json!({
            "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
            "identifiers": identifiers.collect::<Vec<_>>(), "data": {"person": {"given_name": given, "family_name": family}},
        })
    };
    played.bring(&[of("one", ("Jan", "Familyone"), &[own])]).await;
    played.bring(&[of("two", ("Jon", "Familytwo"), &[shared, theirs])]).await;
    played.bring(&[of("again", ("Jon", "Familytwo"), &[shared, theirs])]).await;
    assert_eq!(played.people().len(), 2);
    played.bring(&[of("both", ("Jan", "Familyone"), &[own, shared])]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let numbers = played.hub.house.store.read(move |read| store::records::numbers_of(read.records(), person)).await;
    let number = numbers.unwrap().into_iter().map(|record| record.0).max().unwrap();
    for (table, also) in [("identifier", ""), ("card", ""), ("record", ""), ("link", " AND merged_from IS NULL")] {
        let gone = format!("DELETE FROM {table} WHERE record_no = {number}{also}");
        played.hub.database.execute(Shelf::Records, &gone);
    }
    assert_eq!(played.people(), [person]);
    played.bring(&[of("three", ("Jen", "Familythree"), &[shared])]).await;
    played.bring(&[of("four", ("Jin", "Familyfour"), &[shared])]).await;
    assert_eq!(played.people(), [person]);
    played.bring(&[of("five", ("Jyn", "Familyfive"), &[shared])]).await;
    // One, two with what came by their own mailbox, three, four, and five.
    assert_eq!(played.people().len(), 5, "held together by a mailbox that joins nobody");
}
