//! Grouping everything anew joins nobody by way of a person who should have been taken apart first and could not be, and no rule
//! joins two whom a source knows by two logins.

use serde_json::{Value, json};

use super::undone::{strict, weigh};
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::intake::Progress;
use crate::store::Shelf;
use crate::types::{Role, SubjectId};

on_both_databases!(
    who_could_not_be_taken_apart_is_joined_with_nobody,
    two_logins_at_one_mailbox_are_asked_about,
    a_guest_at_a_mailbox_of_two_logins_is_neither,
    a_guest_who_is_like_a_third_too_is_neither_whoever_came_first,
    what_waited_behind_a_question_that_is_taken_back_is_asked,
    an_account_is_one_customer_whatever_is_said_under_it,
    nobody_is_asked_about_who_objected_meanwhile,
);

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

/// A customer under an account that the source verified, at a mailbox.
fn login(source: &str, id: &str, account: &str, mail: &str, verified: bool) -> Value {
    let mut record = of(source, id, "2026-05-01T08:00:00Z", ONE);
    record["identifiers"] = json!([
        {"kind": "account", "value": account, "verified": verified},
        {"kind": "email", "value": mail, "verified": true},
    ]);
    record
}

/// One mailbox, one name, two logins at one shop: a rule would make them one, but the shop says that they are two. Somebody decides,
/// as they arrive and when everything is grouped anew. One login at another shop says nothing against it.
async fn two_logins_at_one_mailbox_are_asked_about(database: Database) {
    let played = Played::open(database, 4).await;
    let mail = "ottilie@example.org";
    played.bring(&[login("webshop", "one", "K-1", mail, true)]).await;
    played.bring(&[login("webshop", "two", "K-2", mail, true)]).await;
    assert_eq!((played.people().len(), open_questions(&played).await.len()), (2, 1), "joined by rule");
    // What comes under a login is of whom it names.
    played.bring(&[login("webshop", "three", "K-2", mail, true)]).await;
    let people = played.people();
    assert_eq!(people.len(), 2);
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined, done.asked), (0, 0, 1), "{done:?}");
    assert_eq!((played.people(), open_questions(&played).await.len()), (people.clone(), 1));
    // Without the shop's word for it a number is a number, and the mailbox decides.
    let other = "kunigunde@example.org";
    for (id, account) in [("four", "K-4"), ("five", "K-5")] {
        let mut record = login("webshop", id, account, other, false);
        record["data"]["person"] = json!({"given_name": "Kunigunde", "family_name": "Haberstroh"});
        record["data"]["addresses"] = json!([]);
        played.bring(&[record]).await;
    }
    assert_eq!(played.people().len(), 3);
}

/// Who orders as a guest at that mailbox may be either of the two: nobody is taken for one of them, as the order comes and when
/// everything is grouped anew, whatever came first.
async fn a_guest_at_a_mailbox_of_two_logins_is_neither(database: Database) {
    let played = Played::open(database, 7).await;
    let mail = "ottilie@example.org";
    let guest = |id: &str| {
        let mut record = login("webshop", id, "", mail, true);
        record["identifiers"] = json!([{"kind": "email", "value": mail, "verified": true}]);
        record
    };
    played.bring(&[login("webshop", "one", "K-1", mail, true)]).await;
    played.bring(&[guest("early")]).await;
    assert_eq!(played.people().len(), 1);
    played.bring(&[login("webshop", "two", "K-2", mail, true)]).await;
    assert_eq!((played.people().len(), open_questions(&played).await.len()), (2, 1));
    played.bring(&[guest("late")]).await;
    assert_eq!(
        (played.people().len(), open_questions(&played).await.len()),
        (3, 3),
        "one of the two was taken for the guest"
    );
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    // What came before it could be known leaves; the two guests are one.
    assert_eq!((done.parted, done.joined, done.asked), (1, 1, 3), "{done:?}");
    assert_eq!(played.people().len(), 3);
    let again = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((again.parted, again.joined, again.asked), (0, 0, 3), "{again:?}");
}

/// One shop has two customers of one name and home, and another shop has one. A guest is as like all of them: whoever came first, what
/// the one shop says of two of them makes the guest neither's.
async fn a_guest_who_is_like_a_third_too_is_neither_whoever_came_first(database: Database) {
    let played = Played::open(database, 8).await;
    strict(&played).await;
    let families = [
        ("Zwirnlechner", "1971-03-09", "Kastanienallee"),
        ("Haberstroh", "1988-05-30", "Seestraße"),
        ("Ackerknecht", "1966-02-17", "Hafenstraße"),
        ("Okonkwo", "2001-11-23", "Lindenweg"),
        ("Spitzweg", "1979-07-14", "Bachgasse"),
        ("Hufnagel", "1993-10-02", "Mühlenweg"),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let record = |source: &str, id: String, account: Option<String>, family| {
        let mut record = of(source, &id, "2026-05-01T08:00:00Z", family);
        let account = account.map(|account| json!({"kind": "account", "value": account, "verified": true}));
        record["identifiers"] = account.into_iter().collect();
        record
    };
    for (at, (family, order)) in families.into_iter().zip(orders).enumerate() {
        let of_each = [("books", "B-1"), ("webshop", "K-1"), ("webshop", "K-2")];
        for (source, account) in order.map(|place: usize| of_each[place]) {
            let account = format!("{account}-{at}");
            played.bring(&[record(source, account.clone(), Some(account), family)]).await;
        }
    }
    assert_eq!(played.people().len(), 3 * families.len());
    weigh(&played, false).await;
    for (at, (family, order)) in families.into_iter().zip(orders).enumerate() {
        played.bring(&[record("webshop", format!("guest-{at}"), None, family)]).await;
        assert_eq!(played.people().len(), 3 * families.len() + at + 1, "taken for one of them: {order:?}");
    }
}

/// Two are asked about by way of each of two parts of the one, of which one question waits behind the other, and that one is new since
/// grouping began. When nothing speaks for the first any more, the second is asked.
async fn what_waited_behind_a_question_that_is_taken_back_is_asked(database: Database) {
    let played = Played::open(database, 9).await;
    for id in ["one", "two", "three"] {
        let mut record = of("webshop", id, "2026-05-01T08:00:00Z", ("Schmidt", "", ""));
        record["data"] = json!({"person": {"given_name": "Anna", "family_name": "Schmidt"}});
        played.bring(&[record]).await;
    }
    let asked = open_questions(&played).await;
    assert_eq!(asked.len(), 3, "{asked:?}");
    let path = format!("/v1/reviews/{}", asked[0]["id"].as_str().unwrap());
    let answer = played.hub.post(Role::Dpo, &path, json!({"answer": "same"})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    let waits = "review WHERE state = 5";
    assert_eq!((open_questions(&played).await.len(), played.hub.database.count(Shelf::Records, waits)), (1, 1));
    played.hub.database.execute(Shelf::Records, "UPDATE review SET made_at = made_at + 3600000000 WHERE state = 5");
    strict(&played).await;
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, done.joined, done.asked), (0, 0, 0), "{done:?}");
    assert_eq!((open_questions(&played).await.len(), played.hub.database.count(Shelf::Records, waits)), (1, 0));
}

/// An account number is its source's own word for one customer: other names and birth dates under it say that they share it.
async fn an_account_is_one_customer_whatever_is_said_under_it(database: Database) {
    let played = Played::open(database, 5).await;
    let under = |id: &str, (given, born): (&str, &str)| {
        let mut record = of("webshop", id, "2026-05-01T08:00:00Z", ONE);
        record["identifiers"] = json!([{"kind": "account", "value": "K-1", "verified": true}]);
        record["data"]["person"] = json!({"given_name": given, "family_name": "Zwirnlechner", "birth_date": born});
        record
    };
    played.bring(&[under("one", ("Ottilie", "1971-03-09"))]).await;
    played.bring(&[under("two", ("Bernhard", "1968-11-21"))]).await;
    assert_eq!(played.people().len(), 1);
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(played.people().len(), 1);
}

/// The records were opened, and then one of two people who would be asked about objects to being matched.
async fn nobody_is_asked_about_who_objected_meanwhile(database: Database) {
    let played = Played::open(database, 6).await;
    for (id, account) in [("one", "K-1"), ("two", "K-2")] {
        played.bring(&[login("webshop", id, account, "ottilie@example.org", true)]).await;
    }
    assert_eq!(open_questions(&played).await.len(), 1);
    let [person, _] = played.people()[..] else { panic!("{:?}", played.people()) };
    let opened = tokio::sync::Notify::new();
    let told = |progress| {
        if matches!(progress, Progress::Opened(_)) {
            opened.notify_one();
        }
    };
    let mut run = std::pin::pin!(played.hub.house.intake.regroup(None, told));
    tokio::select! {
        biased;
        () = opened.notified() => {}
        done = &mut run => panic!("{done:?}"),
    }
    let no = json!({"subject_id": person, "act": "objected", "method": "written", "purpose": "identity_matching"});
    let answer = played.hub.post(Role::Dpo, "/v1/consents", no).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    assert_eq!(open_questions(&played).await, [] as [Value; 0]);
    let done = run.await.unwrap();
    assert_eq!((done.records, done.asked), (2, 0), "{done:?}");
    assert_eq!(open_questions(&played).await, [] as [Value; 0]);
}
