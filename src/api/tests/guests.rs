//! Who comes without a login and may be either of two whom their shop knows by two logins: nobody's, until somebody says whose. As they
//! arrive and grouped anew it is the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::whole_state::{Played, fresh};
use crate::databases::{Database, on_both_databases};
use crate::intake::Regrouped;
use crate::store::apart::{self, Mark};
use crate::types::{Clock, Role, SubjectId};

on_both_databases!(
    the_next_guest_is_with_the_first_and_neithers,
    a_guest_who_is_more_like_the_first_is_neithers_either,
    what_was_said_beside_the_login_tells_it_as_well,
    what_comes_of_an_account_later_takes_no_guest_along,
    guests_and_logins_in_any_order_are_the_same_people,
    who_is_one_by_a_mailbox_is_one_whatever_each_record_says,
    who_is_like_a_guest_alone_is_with_them,
    a_third_login_that_is_like_a_guest_is_asked_about,
    who_is_like_a_guest_and_one_login_is_of_that_login,
    who_is_more_like_a_guest_than_a_third_login_is_of_that_login,
    who_says_what_neither_login_says_is_not_with_a_guest_who_may_be_either,
    who_was_taken_apart_from_one_of_two_is_not_with_a_guest_who_may_be_either,
    guests_who_may_be_either_of_two_others_each_are_asked_about,
);

pub(super) const PEOPLE: [(&str, &str, &str); 6] = [
    ("Ottilie", "Zwirnlechner", "1971-03-09"),
    ("Bernhard", "Haberstroh", "1988-05-30"),
    ("Cäcilie", "Ackerknecht", "1966-02-17"),
    ("Dietrich", "Okonkwo", "2001-11-23"),
    ("Kunigunde", "Spitzweg", "1979-07-14"),
    ("Leopold", "Hufnagel", "1993-10-02"),
];

/// A record of somebody of this family.
pub(super) fn of(family: &str, id: &str, identifiers: &Value) -> Value {
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

pub(super) fn login(family: &str, account: &str) -> Value {
    of(family, account, &json!([{"kind": "account", "value": format!("{family}-{account}"), "verified": true}]))
}

pub(super) async fn asked(played: &Played) -> usize {
    played.hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().len()
}

async fn regroup(played: &Played) -> Regrouped {
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap()
}

/// How many people there are and how much is asked about them, which grouping anew does not change.
pub(super) async fn stands(played: &Played, people: usize, questions: usize, what: &str) {
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

/// A guest has two orders at a verified mailbox, which is hardly more like that of the first login, and one of them names their phone:
/// whichever came first, they are of that login, as they came and grouped anew.
async fn who_is_one_by_a_mailbox_is_one_whatever_each_record_says(database: Database) {
    let played = Played::open(database, 26).await;
    let phone = |number: usize| json!({"kind": "phone", "value": format!("+49 171 12349{number:02}")});
    for (at, order) in [["plain", "called"], ["called", "plain"]].into_iter().enumerate() {
        let family = PEOPLE[at].1;
        let mut first = login(family, "K-1");
        let elsewhere = json!({"kind": "email", "value": format!("zuhause{at}7@example.net")});
        first["identifiers"].as_array_mut().unwrap().extend([phone(at), elsewhere]);
        played.bring(&[first]).await;
        played.bring(&[login(family, "K-2")]).await;
        let mail = json!({"kind": "email", "value": format!("zuhause{at}7@example.org"), "verified": true});
        for id in order {
            let said = if id == "called" { json!([mail, phone(at)]) } else { json!([mail]) };
            played.bring(&[of(family, id, &said)]).await;
        }
        stands(&played, 2 * (at + 1), at + 1, order[0]).await;
    }
}

/// Who gives the mailbox and the phone of a guest, and no name.
pub(super) fn reached(family: &str, id: &str, more: Option<Value>) -> Value {
    let mut record = of(family, id, &contact(family));
    record["data"] = json!({"addresses": [{"postal_code": "20095", "city": "Hamburg"}]});
    record["identifiers"].as_array_mut().unwrap().extend(more);
    record
}

pub(super) fn contact(family: &str) -> Value {
    let number = PEOPLE.iter().position(|(_, known, _)| *known == family).unwrap();
    json!([
        {"kind": "email", "value": format!("zuhause{number}7@example.org")},
        {"kind": "phone", "value": format!("+49 171 12349{number}7")},
    ])
}

/// What a guest says who may be either of two is told by somebody else as well, who is like neither of the two: they are one, whoever of
/// them came first, and the guest is still neither's.
async fn who_is_like_a_guest_alone_is_with_them(database: Database) {
    let played = Played::open(database, 27).await;
    let orders = [["K-1", "K-2", "guest", "like"], ["K-1", "K-2", "like", "guest"], ["like", "K-1", "K-2", "guest"]];
    for (at, order) in orders.into_iter().enumerate() {
        let family = PEOPLE[at].1;
        for id in order {
            let record = match id {
                "guest" => of(family, id, &contact(family)),
                "like" => reached(family, id, None),
                account => login(family, account),
            };
            played.bring(&[record]).await;
        }
        stands(&played, 3 * (at + 1), 3 * (at + 1), &format!("{order:?}")).await;
    }
}

/// As before, but it is a third login that is like the guest alone. Of the three only one can be the guest's.
async fn a_third_login_that_is_like_a_guest_is_asked_about(database: Database) {
    let played = Played::open(database, 28).await;
    for (at, order) in [["guest", "like"], ["like", "guest"]].into_iter().enumerate() {
        let family = PEOPLE[at].1;
        for account in ["K-1", "K-2"] {
            played.bring(&[login(family, account)]).await;
        }
        for id in order {
            let account = json!({"kind": "account", "value": format!("{family}-K-3"), "verified": true});
            let record = match id {
                "guest" => of(family, id, &contact(family)),
                _ => reached(family, id, Some(account)),
            };
            played.bring(&[record]).await;
        }
        stands(&played, 4 * (at + 1), 4 * (at + 1), &format!("{order:?}")).await;
    }
}

/// What comes last is like a guest who may be either of two and like one of the two: it is that one's, and the guest stays neither's.
async fn who_is_like_a_guest_and_one_login_is_of_that_login(database: Database) {
    let played = Played::open(database, 29).await;
    let family = PEOPLE[0].1;
    let own = |phone: &str, mail: &str| {
        [json!({"kind": "phone", "value": phone}), json!({"kind": "email", "value": format!("{mail}@example.org")})]
    };
    let firsts = own("+49 171 7654321", "ottilie9");
    for (account, own) in [("K-1", firsts.clone()), ("K-2", own("+49 160 2223334", "daheim3"))] {
        let mut record = login(family, account);
        record["identifiers"].as_array_mut().unwrap().extend(own);
        played.bring(&[record]).await;
    }
    played.bring(&[of(family, "guest", &contact(family))]).await;
    stands(&played, 3, 3, "a guest").await;
    let mut last = reached(family, "last", None);
    last["identifiers"].as_array_mut().unwrap().extend(firsts);
    played.bring(&[last]).await;
    stands(&played, 3, 3, "like both").await;
}

/// What comes last is like a third login, and more like a guest who may be either of two others: it is the login's, which the guest is not.
async fn who_is_more_like_a_guest_than_a_third_login_is_of_that_login(database: Database) {
    let played = Played::open(database, 35).await;
    let family = PEOPLE[0].1;
    played.bring(&[login(family, "K-1")]).await;
    played.bring(&[login(family, "K-2")]).await;
    played.bring(&[of(family, "guest", &contact(family))]).await;
    let mail = json!({"kind": "email", "value": "daheim3@example.org"});
    let account = json!({"kind": "account", "value": format!("{family}-K-3"), "verified": true});
    let mut third = reached(family, "third", None);
    third["identifiers"] = json!([account, mail]);
    played.bring(&[third]).await;
    stands(&played, 4, 3, "a third").await;
    played.bring(&[reached(family, "last", Some(mail))]).await;
    stands(&played, 4, 4, "like both").await;
}

/// A mother has two logins at one shop, and ordered as a guest there without her date of birth. Her son tells the same mailbox and his
/// own: whichever came first, he is not the guest's, who may be either of the two.
async fn who_says_what_neither_login_says_is_not_with_a_guest_who_may_be_either(database: Database) {
    let played = Played::open(database, 30).await;
    for (at, order) in [["guest", "son"], ["son", "guest"]].into_iter().enumerate() {
        let family = PEOPLE[at].1;
        for account in ["K-1", "K-2"] {
            played.bring(&[login(family, account)]).await;
        }
        for id in order {
            let mut record = of(family, id, &json!([contact(family)[0]]));
            if id == "guest" {
                record["data"]["person"].as_object_mut().unwrap().remove("birth_date").unwrap();
            } else {
                record["data"] = json!({"person": {"birth_date": "1999-05-20"}});
            }
            played.bring(&[record]).await;
        }
        stands(&played, 4 * (at + 1), 4 * (at + 1), &format!("{order:?}")).await;
    }
}

/// Somebody decided that who tells what a guest does is not one of the two whose that guest may be.
async fn who_was_taken_apart_from_one_of_two_is_not_with_a_guest_who_may_be_either(database: Database) {
    let played = Played::open(database, 31).await;
    let family = PEOPLE[0].1;
    let mut people: Vec<SubjectId> = Vec::new();
    for record in [login(family, "K-1"), login(family, "K-2"), reached(family, "like", None)] {
        played.bring(&[record]).await;
        people.extend(played.people().into_iter().filter(|person| !people.contains(person)).collect::<Vec<_>>());
    }
    let [one, _, like] = people[..] else { panic!("{people:?}") };
    let mark = Mark { one, other: like, at: played.clock.now(), looked: true };
    played.hub.house.store.write(move |write| apart::mark(write, mark)).await.unwrap();
    played.bring(&[of(family, "guest", &contact(family))]).await;
    stands(&played, 4, 4, "a guest").await;
}

/// A shop knows four logins, two of which say the one thing and two another. One guest may be either of the first two, another either of
/// the others, and what both tell makes them no one.
async fn guests_who_may_be_either_of_two_others_each_are_asked_about(database: Database) {
    let played = Played::open(database, 32).await;
    for (at, order) in [["guest", "other"], ["other", "guest"]].into_iter().enumerate() {
        let family = PEOPLE[at].1;
        let own = [
            json!({"kind": "email", "value": format!("daheim{at}3@example.org")}),
            json!({"kind": "phone", "value": format!("+49 160 222333{at}")}),
        ];
        for account in ["K-1", "K-2"] {
            played.bring(&[login(family, account)]).await;
        }
        for account in ["K-3", "K-4"] {
            let number = json!({"kind": "account", "value": format!("{family}-{account}"), "verified": true});
            let mut record = reached(family, account, None);
            record["identifiers"] = json!([number, own[0], own[1]]);
            played.bring(&[record]).await;
        }
        for id in order {
            let mut record = of(family, id, &contact(family));
            if id == "other" {
                record = reached(family, id, None);
                record["identifiers"].as_array_mut().unwrap().extend(own.clone());
            }
            played.bring(&[record]).await;
        }
        stands(&played, 6 * (at + 1), 7 * (at + 1), &format!("{order:?}")).await;
    }
}
