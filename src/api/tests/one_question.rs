//! Two people are asked about once, by what is known now, and by the same rule as records arrive and when everything is grouped anew.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::undone::weigh;
use super::whole_state::{Played, fresh};
use crate::databases::{Database, on_both_databases};
use crate::graph::matching::Model;
use crate::store::reviews::{self, Weighed};
use crate::store::rows::ReviewRow;
use crate::store::{Shelf, records};
use crate::types::{RecordNo, ReviewId, Role, SubjectId, Timestamp};

on_both_databases!(
    of_two_as_likely_one_is_asked_whichever_came_first,
    what_is_weighed_less_now_is_asked_as_it_is_now,
    the_same_is_asked_in_whatever_order_records_came,
    what_is_asked_is_weighed_again_however_many_share_the_name_by_now,
    of_all_that_is_asked_about_a_record_the_likeliest_is_weighed_again,
);

fn anna(id: &str, more: &Value) -> Value {
    let mut record = json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [], "data": {"person": {"given_name": "Anna", "family_name": "Schmidt"}},
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        record[field] = value.clone();
    }
    record
}

async fn open(played: &Played) -> Vec<Value> {
    played.hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().clone()
}

/// Two people, of whom the one has two records, and a question about each of them and the other.
struct Two {
    played: Played,
    people: [SubjectId; 2],
    records: [RecordNo; 3],
}

impl Two {
    async fn open(database: Database) -> Self {
        let played = Played::open(database, 3).await;
        let account = json!({"identifiers": [{"kind": "account", "value": "K-1", "verified": true}]});
        played.bring(&[anna("one", &account), anna("two", &account)]).await;
        played.bring(&[anna("three", &json!({}))]).await;
        let [person, other] = played.people()[..] else { panic!("{:?}", played.people()) };
        let numbers = async |person: SubjectId| {
            let found = played.hub.house.store.read(move |read| records::numbers_of(read.records(), person)).await;
            let mut found = found.unwrap();
            found.sort_unstable();
            found
        };
        let [one, two] = numbers(person).await[..] else { panic!("not two records") };
        let [three] = numbers(other).await[..] else { panic!("not one record") };
        played.hub.database.execute(Shelf::Records, "DELETE FROM review");
        Self { people: [person, other], records: [one, two, three], played }
    }

    /// Asks by way of one of the two records of the one person.
    async fn ask(&self, id: u128, record: usize, (weight, says): (i32, &str), weighed: Weighed) {
        let row = ReviewRow {
            review_id: ReviewId::from_uuid(Uuid::from_u128(id)),
            one_no: self.records[record],
            one_id: self.people[0],
            other_no: self.records[2],
            other_id: self.people[1],
            weight,
            waterfall: says.to_owned(),
            state: reviews::OPEN,
            made_at: Timestamp::from_micros(i64::try_from(id).unwrap()),
            decided_at: Timestamp::UNSET,
        };
        self.played.hub.house.store.write(move |write| reviews::ask(write, row.clone(), weighed)).await.unwrap();
    }

    /// Asks as the record arrives.
    async fn arrives(&self, id: u128, record: usize, says: (i32, &str)) {
        self.ask(id, record, says, Weighed::Record(self.records[record])).await;
    }

    fn asked(&self) -> Vec<String> {
        let columns =
            "SELECT CAST(weight AS TEXT) || ' ' || waterfall || ' ' || CAST(state AS TEXT) AS answer FROM review";
        self.played.hub.database.texts(Shelf::Records, columns)
    }

    async fn ids(&self) -> Vec<Value> {
        open(&self.played).await.iter().map(|review| review["id"].clone()).collect()
    }
}

/// Two records of one person are as like another's as each other, by different things they say: the same one is asked whichever came
/// first, and the question keeps its id.
async fn of_two_as_likely_one_is_asked_whichever_came_first(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    for [(first, says), (second, then)] in [[(0, "a"), (1, "b")], [(1, "b"), (0, "a")]] {
        let two = Two::open(database.take().unwrap_or_else(|| fresh(dialect))).await;
        two.arrives(1, first, (2_000, says)).await;
        let ids = two.ids().await;
        two.arrives(2, second, (2_000, then)).await;
        // An id stands for what was shown under it.
        assert_eq!((two.asked(), two.ids().await == ids), (vec!["2000 a 1".to_owned()], says == "a"));
        two.arrives(3, 1, (2_500, "c")).await;
        assert_eq!((two.asked(), two.ids().await == ids), (vec!["2500 c 1".to_owned()], false));
    }
}

/// What was likelier by what was known then is not any more, once the record or everything is weighed anew; what was asked since is.
async fn what_is_weighed_less_now_is_asked_as_it_is_now(database: Database) {
    let two = Two::open(database).await;
    two.arrives(10, 0, (2_500, "a")).await;
    let ids = two.ids().await;
    // Another record says nothing of that one.
    two.arrives(11, 1, (1_500, "b")).await;
    assert_eq!(two.asked(), ["2500 a 1"]);
    // A newer version of that record.
    two.arrives(12, 0, (2_000, "c")).await;
    assert_eq!((two.asked(), two.ids().await == ids), (vec!["2000 c 1".to_owned()], false));
    let all = |since: i64| Weighed::All { since: Timestamp::from_micros(since) };
    two.ask(13, 1, (1_000, "d"), all(5)).await;
    assert_eq!(two.asked(), ["2000 c 1"], "asked after everything began to be weighed");
    two.ask(14, 0, (2_000, "c"), all(13)).await;
    two.ask(14, 1, (1_000, "d"), all(13)).await;
    assert_eq!(two.asked(), ["2000 c 1"], "weighed again as it was");
    two.ask(15, 1, (1_000, "d"), all(15)).await;
    assert_eq!(two.asked(), ["1000 d 1"]);
    // What somebody could not tell is not asked again for less or hardly more.
    two.played.hub.database.execute(Shelf::Records, "UPDATE review SET state = 4");
    two.ask(15, 0, (2_900, "e"), all(20)).await;
    assert_eq!(two.asked(), ["1000 d 4"]);
    two.ask(16, 0, (3_000, "e"), all(20)).await;
    assert_eq!(two.asked(), ["3000 e 1"]);
}

/// Whom each question is about, by the places of their records in `order`, and what it is worth.
async fn questions(played: &Played, order: &[usize]) -> BTreeSet<(BTreeSet<usize>, BTreeSet<usize>, String)> {
    let number = |record: &Value| -> i64 { record.to_string().trim_matches('"').parse().unwrap() };
    let (mut all, mut of) = (Vec::new(), Vec::new());
    for person in played.people() {
        let links = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
        let theirs: Vec<i64> = links["records"].as_array().unwrap().iter().map(|one| number(&one["record"])).collect();
        all.extend(theirs.iter().copied());
        of.push((person.to_string(), theirs));
    }
    all.sort_unstable();
    assert_eq!(all.len(), order.len());
    let who = |id: &Value| -> BTreeSet<usize> {
        let (_, theirs) = of.iter().find(|(person, _)| *person == id.as_str().unwrap()).unwrap();
        theirs.iter().map(|record| order[all.binary_search(record).unwrap()]).collect()
    };
    let asked = open(played).await;
    let about = |review: &Value| {
        let (one, other) = (who(&review["one_subject_id"]), who(&review["other_subject_id"]));
        (one.clone().min(other.clone()), one.max(other), review["weight"].to_string())
    };
    let found: BTreeSet<_> = asked.iter().map(about).collect();
    assert_eq!(found.len(), asked.len(), "asked twice: {asked:?}");
    found
}

/// Everything arrives while another model weighs more. Grouped anew by the shipped one, the same is asked in whatever order it came, with
/// the same weights, and asked again nothing changes.
async fn the_same_is_asked_in_whatever_order_records_came(database: Database) {
    let mail = |mail: &str| json!({"identifiers": [{"kind": "email", "value": mail, "verified": true}]});
    let at = |street: &str, born: &str| {
        let mut person = json!({"given_name": "Anna", "family_name": "Schmidt"});
        if !born.is_empty() {
            person["birth_date"] = born.into();
        }
        json!({"data": {"person": person,
            "addresses": [{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}]}})
    };
    let records = [
        anna("name", &json!({})),
        anna("mail", &mail("schmidt7@example.org")),
        anna("again", &mail("schmidt7@example.org")),
        anna("home", &at("Seestraße", "")),
        anna("born", &at("Kastanienallee", "1971-03-09")),
        anna("other", &at("Hafenstraße", "1988-05-30")),
    ];
    let orders = [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 5, 0, 4, 1, 3]];
    let dialect = database.dialect();
    let mut database = Some(database);
    let mut found = Vec::new();
    for order in orders {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 5).await;
        let generous = Model::shipped().named(1_001).to_toml().unwrap();
        let generous = generous.replace("strangers_least = 12.0", "strangers_least = 11.5");
        assert!(generous.contains("strangers_least = 11.5"), "{generous}");
        let insert = format!(
            "INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{generous}', 1, 2, 3, 0)"
        );
        played.hub.database.execute(Shelf::Records, &insert);
        weigh(&played, true).await;
        for at in order {
            played.bring(&[records[at].clone()]).await;
        }
        let came = questions(&played, &order).await;
        weigh(&played, false).await;
        played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
        let ids: Vec<Value> = open(&played).await.iter().map(|review| review["id"].clone()).collect();
        let asked = questions(&played, &order).await;
        let bits = |text: &String| text.parse::<f64>().unwrap();
        let is_less = |(one, other, now): &(BTreeSet<usize>, BTreeSet<usize>, String)| {
            came.iter().any(|(ours, theirs, then)| (ours, theirs) == (one, other) && bits(now) < bits(then))
        };
        assert!(asked.iter().any(is_less), "weighed as before: {came:?} {asked:?}");
        found.push(asked);
        played.clock.pass(1_500);
        played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
        let again: Vec<Value> = open(&played).await.iter().map(|review| review["id"].clone()).collect();
        assert_eq!((ids, questions(&played, &order).await), (again, found.last().unwrap().clone()));
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

/// Somebody is asked about two records of one name. More come than are looked at under a name, so that a newer version of the one finds
/// the other by it no more, but another record of theirs, which is less like it: that one does not take the place of the first, which
/// is weighed again.
async fn what_is_asked_is_weighed_again_however_many_share_the_name_by_now(database: Database) {
    let played = Played::open(database, 7).await;
    // How many have a name in this small hub says nothing.
    let rigid = Model::shipped().named(1_001).to_toml().unwrap();
    let rigid = rigid.replace("weight = 1000\n", "weight = 100000000\n");
    assert!(rigid.contains("weight = 100000000\n"), "{rigid}");
    let insert = format!(
        "INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{rigid}', 1, 2, 3, 0)"
    );
    played.hub.database.execute(Shelf::Records, &insert);
    weigh(&played, true).await;
    let account = |number: usize| json!({"kind": "account", "value": format!("K-{number}"), "verified": true});
    let phone = json!({"kind": "phone", "value": "+49 171 1234987"});
    played.bring(&[anna("named", &json!({"identifiers": [account(1)]}))]).await;
    let called = json!({"identifiers": [account(1), phone], "data": {"person": {"salutation": "Herr"}}});
    played.bring(&[anna("called", &called)]).await;
    let mut first = anna("first", &json!({"identifiers": [phone]}));
    played.bring(&[first.clone()]).await;
    let asked = open(&played).await;
    let [question] = &asked[..] else { panic!("{asked:?}") };
    let pairs = || {
        let columns = "SELECT CAST(one_no AS TEXT) || ' ' || CAST(other_no AS TEXT) AS answer FROM review";
        played.hub.database.texts(Shelf::Records, &format!("{columns} WHERE state = 1"))
    };
    let pair = pairs();
    for number in 2..22 {
        played.bring(&[anna(&format!("other-{number}"), &json!({"identifiers": [account(number)]}))]).await;
    }
    let about = |asked: Vec<Value>| -> Vec<Value> {
        let is = |review: &Value| ["one_subject_id", "other_subject_id"].map(|of| review[of].clone());
        asked.into_iter().filter(|review| is(review) == is(question)).collect()
    };
    assert_eq!(about(open(&played).await), std::slice::from_ref(question));
    first["updated_at"] = json!("2026-06-01T08:00:00Z");
    played.bring(&[first]).await;
    let now = about(open(&played).await);
    let [again] = &now[..] else { panic!("{now:?}") };
    assert_eq!((&again["id"], &again["weight"]), (&question["id"], &question["weight"]));
    // When everything is grouped anew only those are compared of so many that say nearly the same.
    let others: Vec<Value> =
        (22..272).map(|number| anna(&format!("other-{number}"), &json!({"identifiers": [account(number)]}))).collect();
    played.bring(&others).await;
    played.clock.pass(1_500);
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert!(pairs().contains(&pair[0]), "{:?} without {pair:?}", pairs());
}

/// However much is asked about a record, no more of it is weighed again than a record is compared with otherwise.
async fn of_all_that_is_asked_about_a_record_the_likeliest_is_weighed_again(database: Database) {
    let two = Two::open(database).await;
    let (one_no, one_id) = (two.records[0], two.people[0]);
    for number in 0..40 {
        let other = i64::MAX - 100 + number;
        let row = ReviewRow {
            review_id: ReviewId::from_uuid(Uuid::from_u128(100 + number.unsigned_abs() as u128)),
            one_no,
            one_id,
            other_no: RecordNo(other),
            other_id: SubjectId::from_slice(&other.unsigned_abs().to_be_bytes().repeat(2)).unwrap(),
            weight: i32::try_from(1_000 + number * 7 % 40).unwrap(),
            waterfall: "a".to_owned(),
            state: reviews::OPEN,
            made_at: Timestamp::from_micros(number),
            decided_at: Timestamp::UNSET,
        };
        two.played
            .hub
            .house
            .store
            .write(move |write| reviews::ask(write, row.clone(), Weighed::Record(one_no)))
            .await
            .unwrap();
    }
    let found =
        two.played.hub.house.store.read(move |read| reviews::asked_with(read.records(), one_no, 32)).await.unwrap();
    let mut likeliest: Vec<i64> = (0..40).collect();
    likeliest.sort_by_key(|number| -(number * 7 % 40));
    let likeliest: Vec<RecordNo> =
        likeliest.into_iter().take(32).map(|number| RecordNo(i64::MAX - 100 + number)).collect();
    assert_eq!(found, likeliest);
}
