//! Who comes without a login and may be either of two whom their shop knows by two logins: nobody's, until somebody says whose. As they
//! arrive and grouped anew it is the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::whole_state::{Played, fresh};
use crate::databases::{Database, on_both_databases};
use crate::intake::Regrouped;
use crate::types::Role;

on_both_databases!(
    the_next_guest_is_with_the_first_and_neithers,
    a_guest_who_is_more_like_the_first_is_neithers_either,
    what_was_said_beside_the_login_tells_it_as_well,
    what_comes_of_an_account_later_takes_no_guest_along,
    guests_and_logins_in_any_order_are_the_same_people,
);

const PEOPLE: [(&str, &str, &str); 6] = [
    ("Ottilie", "Zwirnlechner", "1971-03-09"),
    ("Bernhard", "Haberstroh", "1988-05-30"),
    ("Cäcilie", "Ackerknecht", "1966-02-17"),
    ("Dietrich", "Okonkwo", "2001-11-23"),
    ("Kunigunde", "Spitzweg", "1979-07-14"),
    ("Leopold", "Hufnagel", "1993-10-02"),
];

/// A record of somebody of this family.
fn of(family: &str, id: &str, identifiers: &Value) -> Value {
    let street = format!("{family}weg");
    let (given, _, born) = PEOPLE.iter().find(|(_, known, _)| *known == family).unwrap();
    json!({
        "type": "customer", "source": "webshop", "external_id": format!("{family}-{id}"), "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers,
        "data": {
            "person": {"given_name": given, "family_name": family, "birth_date": born},
            "addresses": [{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
        },
    })
}

fn login(family: &str, account: &str) -> Value {
    of(family, account, &json!([{"kind": "account", "value": format!("{family}-{account}"), "verified": true}]))
}

async fn asked(played: &Played) -> usize {
    played.hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().len()
}

async fn regroup(played: &Played) -> Regrouped {
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap()
}

/// How many people there are and how much is asked about them, which grouping anew does not change.
async fn stands(played: &Played, people: usize, questions: usize, what: &str) {
    assert_eq!((played.people().len(), asked(played).await), (people, questions), "as they came: {what}");
    let done = regroup(played).await;
    assert_eq!((done.parted, done.joined, done.asked), (0, 0, questions), "{what}: {done:?}");
    assert_eq!((played.people().len(), asked(played).await), (people, questions), "grouped anew: {what}");
}

/// Two guests who say the same are one, and neither of the two logins.
async fn the_next_guest_is_with_the_first_and_neithers(database: Database) {
    let played = Played::open(database, 21).await;
    for record in [login("Zwirnlechner", "K-1"), login("Zwirnlechner", "K-2")] {
        played.bring(&[record]).await;
    }
    for guest in ["first", "second", "third"] {
        played.bring(&[of("Zwirnlechner", guest, &json!([]))]).await;
        stands(&played, 3, 3, guest).await;
    }
}

/// They share what the logins do not tell, and so are much more like each other: that makes them one, and neither of the two.
async fn a_guest_who_is_more_like_the_first_is_neithers_either(database: Database) {
    let played = Played::open(database, 22).await;
    for record in [login("Zwirnlechner", "K-1"), login("Zwirnlechner", "K-2")] {
        played.bring(&[record]).await;
    }
    let phone = json!([{"kind": "phone", "value": "+49 171 1234987"}]);
    for guest in ["first", "second", "third"] {
        played.bring(&[of("Zwirnlechner", guest, &phone)]).await;
        stands(&played, 3, 3, guest).await;
    }
}

/// The accounts themselves tell a name and a mailbox; where both live, and when both were born, is told by what came under the
/// mailboxes. A guest who tells that may be either.
async fn what_was_said_beside_the_login_tells_it_as_well(database: Database) {
    let played = Played::open(database, 23).await;
    for (number, mail) in [("K-1", "ottilie7@example.org"), ("K-2", "zuhause9@example.org")] {
        let mail = json!({"kind": "email", "value": mail, "verified": true});
        let mut account = login("Zwirnlechner", number);
        account["identifiers"].as_array_mut().unwrap().push(mail.clone());
        account["data"] = json!({"person": {"given_name": "Ottilie", "family_name": "Zwirnlechner"}});
        played.bring(&[account]).await;
        played.bring(&[of("Zwirnlechner", &format!("{number}-order"), &json!([mail]))]).await;
    }
    assert_eq!(played.people().len(), 2);
    played.bring(&[of("Zwirnlechner", "guest", &json!([]))]).await;
    stands(&played, 3, 3, "a guest").await;
}

/// What comes under an account, or under the mailbox of one, is of that person by a rule. The guest is still asked about.
async fn what_comes_of_an_account_later_takes_no_guest_along(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    for accounts in [2, 3] {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 25).await;
        let mail =
            |number: usize| json!({"kind": "email", "value": format!("ottilie{number}@example.org"), "verified": true});
        for number in 0..accounts {
            let mut account = login("Zwirnlechner", &format!("K-{number}"));
            account["identifiers"].as_array_mut().unwrap().push(mail(number));
            played.bring(&[account]).await;
        }
        played.bring(&[of("Zwirnlechner", "guest", &json!([]))]).await;
        // Each two of them are asked about.
        let (people, questions) = (accounts + 1, (accounts + 1) * accounts / 2);
        stands(&played, people, questions, "a guest").await;
        for number in 0..accounts {
            let mut account = login("Zwirnlechner", &format!("K-{number}"));
            account["external_id"] = json!(format!("again-{number}"));
            played.bring(&[account]).await;
            stands(&played, people, questions, "of an account").await;
            played.bring(&[of("Zwirnlechner", &format!("order-{number}"), &json!([mail(number)]))]).await;
            stands(&played, people, questions, "under a mailbox").await;
        }
    }
}

/// Two logins and two guests of each of six families, each in another order: grouped anew they are two and one who may be either.
async fn guests_and_logins_in_any_order_are_the_same_people(database: Database) {
    let played = Played::open(database, 24).await;
    let families = PEOPLE.map(|(_, family, _)| family);
    let orders = [[0, 1, 2, 3], [0, 2, 1, 3], [2, 0, 3, 1], [2, 3, 0, 1], [1, 3, 0, 2], [1, 0, 3, 2]];
    for (family, order) in families.into_iter().zip(orders) {
        let all = [
            login(family, "K-1"),
            login(family, "K-2"),
            of(family, "first", &json!([])),
            of(family, "second", &json!([])),
        ];
        for at in order {
            played.bring(&[all[at].clone()]).await;
        }
    }
    regroup(&played).await;
    let mut groups: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for person in played.people() {
        let links = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
        let records = links["records"].as_array().unwrap();
        groups.insert(records.iter().map(|record| record["record"].to_string()).collect());
    }
    let sizes: Vec<usize> = groups.iter().map(BTreeSet::len).collect();
    let each = families.len();
    assert_eq!((sizes.len(), sizes.iter().filter(|size| **size == 2).count()), (3 * each, each), "{groups:?}");
    assert_eq!(asked(&played).await, 3 * each);
    let again = regroup(&played).await;
    assert_eq!((again.parted, again.joined, again.asked), (0, 0, 3 * each), "{again:?}");
}
