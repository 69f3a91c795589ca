//! Who tells contact points alone is asked about as they arrive, and the logins they tell are seen.

use serde_json::{Value, json};

use super::guests::{PEOPLE, asked, contact, login, of, reached, stands};
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};

on_both_databases!(
    a_third_login_that_tells_contact_points_alone_is_asked_about_with_every_version,
    who_tells_contact_points_alone_is_asked_about_with_every_version,
    who_tells_a_mailbox_of_two_alone_is_asked_about_with_every_version,
    a_login_that_is_told_with_contact_points_alone_keeps_two_apart,
    contact_points_alone_make_a_couple_no_one,
);

/// As it came first, and as it came again.
async fn versions(played: &Played, mut record: Value, people: usize, questions: usize) {
    for month in 5..8 {
        record["updated_at"] = json!(format!("2026-{month:02}-01T08:00:00Z"));
        played.bring(&[record.clone()]).await;
        assert_eq!((played.people().len(), asked(played).await), (people, questions), "in the month {month}");
    }
}

/// A third login brings the mailbox and the phone of a guest who may be either of two, and nothing else.
async fn a_third_login_that_tells_contact_points_alone_is_asked_about_with_every_version(database: Database) {
    let played = Played::open(database, 33).await;
    let family = PEOPLE[0].1;
    played.bring(&[login(family, "K-1")]).await;
    played.bring(&[login(family, "K-2")]).await;
    played.bring(&[of(family, "guest", &contact(family))]).await;
    let account = json!({"kind": "account", "value": format!("{family}-K-3"), "verified": true});
    let mut third = reached(family, "third", Some(account));
    third["data"] = json!({});
    versions(&played, third, 4, 4).await;
    stands(&played, 4, 4, "grouped anew").await;
}

/// The same of somebody without a login, and of a guest who is nobody's but their own.
async fn who_tells_contact_points_alone_is_asked_about_with_every_version(database: Database) {
    let played = Played::open(database, 34).await;
    let family = PEOPLE[0].1;
    played.bring(&[of(family, "guest", &contact(family))]).await;
    let mut alone = reached(family, "alone", None);
    alone["data"] = json!({});
    versions(&played, alone, 2, 1).await;
}

/// A couple has one mailbox: of whom it is that nothing else is told of, nobody can tell.
async fn who_tells_a_mailbox_of_two_alone_is_asked_about_with_every_version(database: Database) {
    let played = Played::open(database, 38).await;
    let mail = json!([{"kind": "email", "value": "zuhause7@example.org"}]);
    let [mut maria, peter] = [("maria", "Maria"), ("peter", "Peter")].map(|(id, given)| weber(id, Some(given), &mail));
    played.bring(&[maria.clone()]).await;
    played.bring(&[peter]).await;
    stands(&played, 2, 1, "the two").await;
    let mut alone = weber("alone", None, &mail);
    alone["data"] = json!({});
    versions(&played, alone, 3, 3).await;
    // Nor is it hers who comes again first.
    maria["updated_at"] = json!("2026-06-01T08:00:00Z");
    maria["data"]["tags"] = json!(["regular"]);
    played.bring(&[maria]).await;
    assert_eq!((played.people().len(), asked(&played).await), (3, 3), "she came again");
}

/// Two accounts bring a mailbox each and nothing else; name, home and birth date are told by what came under the mailboxes. That they are
/// two is told by the logins, and a guest who says the same may be either.
async fn a_login_that_is_told_with_contact_points_alone_keeps_two_apart(database: Database) {
    let played = Played::open(database, 36).await;
    let family = PEOPLE[0].1;
    for (number, mail) in [("K-1", "ottilie7@example.org"), ("K-2", "zuhause9@example.org")] {
        let mail = json!({"kind": "email", "value": mail, "verified": true});
        let mut account = login(family, number);
        account["identifiers"].as_array_mut().unwrap().push(mail.clone());
        account["data"] = json!({});
        played.bring(&[account]).await;
        played.bring(&[of(family, &format!("{number}-order"), &json!([mail]))]).await;
    }
    stands(&played, 2, 1, "the two").await;
    played.bring(&[of(family, "guest", &json!([]))]).await;
    stands(&played, 3, 3, "a guest").await;
}

/// A record of somebody of one household.
fn weber(id: &str, given: Option<&str>, identifiers: &Value) -> Value {
    let mut person = json!({"family_name": "Weber"});
    given.into_iter().for_each(|given| person["given_name"] = json!(given));
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": identifiers,
        "data": {
            "person": person,
            "addresses": [{"street": "Gartenstraße", "house_number": "12", "postal_code": "10115", "city": "Berlin"}],
        },
    })
}

/// Maria Weber has an account, an order without a given name under it, and any number of records under it that tell nothing but her
/// mailbox. Peter Weber orders by it without an account: they are two, as they came and grouped anew.
async fn contact_points_alone_make_a_couple_no_one(database: Database) {
    let played = Played::open(database, 37).await;
    let mail = json!({"kind": "email", "value": "zuhause7@example.org"});
    let hers = json!([{"kind": "account", "value": "K-1", "verified": true}, mail]);
    played.bring(&[weber("maria", Some("Maria"), &hers)]).await;
    played.bring(&[weber("order", None, &hers)]).await;
    for number in 0..3 {
        let mut contact = weber(&format!("contact-{number}"), None, &hers);
        contact["data"] = json!({});
        played.bring(&[contact]).await;
    }
    stands(&played, 1, 0, "Maria").await;
    played.bring(&[weber("peter", Some("Peter"), &json!([mail]))]).await;
    stands(&played, 2, 1, "Peter").await;
}
