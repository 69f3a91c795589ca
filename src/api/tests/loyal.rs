//! Of a customer with very many records everything is found that is found of one with few, and so is whoever else stands behind
//! the values they share.

use serde_json::{Value, json};

use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    whoever_shares_a_mailbox_with_a_loyal_customer_is_found,
    an_objection_is_found_behind_any_number_of_records,
    what_a_value_joined_is_taken_apart_however_many_share_it_by_then,
    a_number_of_very_many_people_finds_nobody,
    a_mailbox_of_two_alone_is_neither_of_them,
    a_son_is_told_from_his_father_behind_the_fathers_orders,
);

/// More than are looked at one by one.
const MANY: usize = 70;

/// Somebody of this name at a source, with a verified e-mail address or phone number.
fn somebody(source: &str, id: &str, (given, family): (&str, &str), (kind, value): (&str, &str)) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [{"kind": kind, "value": value, "verified": true}],
        "data": {"person": {"given_name": given, "family_name": family}},
    })
}

/// What a husband brought must not hide his wife.
async fn whoever_shares_a_mailbox_with_a_loyal_customer_is_found(database: Database) {
    let played = Played::open(database, 21).await;
    let mailbox = ("email", "haushalt7@example.org");
    let his = |at: usize| somebody("webshop", &format!("his-{at}"), ("Bernhard", "Zwirnlechner"), mailbox);
    played.bring(&(0..MANY).map(his).collect::<Vec<_>>()).await;
    assert_eq!(played.people().len(), 1);
    played.bring(&[somebody("webshop", "hers", ("Ottilie", "Zwirnlechner"), mailbox)]).await;
    let people = played.people();
    assert_eq!(people.len(), 2);
    // Nothing else leads to her: so many records are under the mailbox that comparing does not ask for them.
    played.bring(&[somebody("books", "hers", ("Ottilie", ""), mailbox)]).await;
    assert_eq!(played.people(), people, "her second record found only him");
    // What four families share joins nobody any more, however many records are one customer's; with the name it still does.
    for (given, family) in [("Jan", "Adler"), ("Jon", "Bussard"), ("Jen", "Condor")] {
        played.bring(&[somebody("webshop", family, (given, family), mailbox)]).await;
    }
    assert_eq!(played.people().len(), 6, "the names behind the mailbox were not seen");
}

/// Whoever objected by a contact point is heard when a record comes under it, behind any number of records that came under
/// other spellings of it.
async fn an_objection_is_found_behind_any_number_of_records(database: Database) {
    let played = Played::open(database, 22).await;
    let mailbox = "annazwirnlechner";
    let spelt = |at: usize| {
        let (first, second) = (1 + at / 10, 9 + at % 10 / 2);
        let local = format!("{}.{}.{}", &mailbox[..first], &mailbox[first..second], &mailbox[second..]);
        somebody("webshop", &at.to_string(), ("Anna", "Zwirnlechner"), ("email", &format!("{local}@gmail.com")))
    };
    played.bring(&(0..MANY).map(spelt).collect::<Vec<_>>()).await;
    assert_eq!(played.people().len(), 1);
    let plain = format!("{mailbox}@gmail.com");
    let no = json!({"identifier": {"kind": "email", "value": plain}, "act": "objected", "method": "written"});
    let answer = played.hub.post(Role::Dpo, "/v1/consents", no).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    played.clock.pass(1_500);
    assert_eq!(played.people().len(), 2, "nobody was known by this spelling");
    played.bring(&[somebody("books", "plain", ("Anna", "Zwirnlechner"), ("email", &plain))]).await;
    assert_eq!(played.people().len(), 1, "the objection was not found");
}

/// Two were joined by a number alone. By the time it shows that it says nothing many more have it.
async fn what_a_value_joined_is_taken_apart_however_many_share_it_by_then(database: Database) {
    let played = Played::open(database, 23).await;
    let phone = ("phone", "+49 30 1234567");
    let birds = ["Adler", "Bussard", "Condor", "Dohle", "Eule", "Falk", "Geier", "Habicht", "Ibis"];
    let names = ["mann", "stein", "bach", "hof", "berg", "wald", "feld", "au"];
    let families = birds.iter().flat_map(|bird| names.map(|name| format!("{bird}{name}")));
    let mut records = vec![
        somebody("books", "one", ("", "Zwirnlechner"), phone),
        somebody("social", "other", ("Ottilie", ""), phone),
    ];
    records.extend(families.take(MANY).map(|family| somebody("webshop", &family, ("", &family), phone)));
    played.bring(&records).await;
    assert_eq!(played.people().len(), records.len(), "some hang together by a number that many share");
}

/// Nothing but a mailbox or a number, which nobody verified.
fn contact(id: &str, kind: &str, value: &str) -> Value {
    let mut record = somebody("books", id, ("", ""), (kind, value));
    record["identifiers"][0]["verified"] = json!(false);
    record["data"] = json!({});
    record
}

const MAILBOX: &str = "zwirn.ottilie@example.org";
const MOBILE: &str = "+49 171 1234987";

/// Eighty people with one number: whoever comes with it alone is none of them, and they stay who they are.
async fn a_number_of_very_many_people_finds_nobody(database: Database) {
    let played = Played::open(database, 25).await;
    let heads = "Adal Burk Chlod Dank Ekke Folk Gern Hilde Irm Job".split(' ');
    let tails = ["win", "hild", "gund", "bert", "trud", "olf", "mar", "sieg"];
    let families = "Zwirnlechner Haberstroh Quastenberg Ruckdeschel Oberpriller Wiesinger Ymker Loibl";
    let given = heads.flat_map(|head| tails.map(|tail| format!("{head}{tail}")));
    let names: Vec<(String, &str)> = given.zip(families.split(' ').cycle()).collect();
    let record = |(given, family): &(String, &str)| {
        let mut record = somebody("webshop", &format!("{given}-{family}"), (given, family), ("phone", MOBILE));
        record["identifiers"][0]["verified"] = json!(false);
        record
    };
    // Some at first, who are asked for one by one, and then more than that.
    for (some, id) in names.chunks(40).zip(["few", "many"]) {
        played.bring(&some.iter().map(record).collect::<Vec<_>>()).await;
        let people = played.people().len();
        played.bring(&[contact(id, "phone", MOBILE)]).await;
        assert_eq!(played.people().len(), people + 1, "found somebody by a number of {} people", some.len());
    }
    let people = played.people().len();
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(played.people().len(), people);
}

/// A couple has one mailbox: nobody can tell who of them signs up with nothing else.
async fn a_mailbox_of_two_alone_is_neither_of_them(database: Database) {
    let played = Played::open(database, 26).await;
    let of_both = |id: &str, given: &str| {
        let mut record = somebody("webshop", id, (given, "Zwirnlechner"), ("email", MAILBOX));
        record["identifiers"][0]["verified"] = json!(false);
        record["data"]["addresses"] =
            json!([{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}]);
        record
    };
    played.bring(&[of_both("hers", "Ottilie"), of_both("his", "Bernhard")]).await;
    assert_eq!(played.people().len(), 2);
    played.bring(&[contact("mail", "email", MAILBOX)]).await;
    assert_eq!(played.people().len(), 3, "one of the two was taken for whoever it was");
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    // Grouped anew it may be either's, and makes them one no more.
    assert!(played.people().len() >= 2, "the couple is one by a mailbox that says nothing of who it is");
}

/// A father's account tells his birth date, and none of his orders does: his son, who has his name and lives with him, is not him.
async fn a_son_is_told_from_his_father_behind_the_fathers_orders(database: Database) {
    let played = Played::open(database, 27).await;
    // Nothing of the one family is the other's: who was born on the same day may have married and moved.
    for (family, mailbox, street, [fathers, sons]) in [
        ("Zwirnlechner", false, "Kastanienallee", ["1950-03-02", "1978-11-20"]),
        ("Haberstroh", true, "Lindenweg", ["1943-08-17", "1969-06-25"]),
    ] {
        // Where only comparing makes them his, no more than a matching key may lead to.
        let orders = if mailbox { MANY } else { 20 };
        let before = played.people().len();
        let of = |id: &str, born: Option<&str>| {
            let id = format!("{family}-{id}");
            let mut record = somebody("webshop", &id, ("Karl", family), ("email", "karl.h@example.org"));
            if !mailbox {
                record["identifiers"] = json!([]);
            }
            record["data"]["person"]["birth_date"] = json!(born);
            record["data"]["addresses"] =
                json!([{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}]);
            record
        };
        let mut his: Vec<Value> = (0..orders).map(|at| of(&format!("order-{at}"), None)).collect();
        his.push(of("father", Some(fathers)));
        played.bring(&his).await;
        assert_eq!(played.people().len(), before + 1);
        played.bring(&[of("son", Some(sons))]).await;
        assert_eq!(played.people().len(), before + 2, "the son became his father, with a mailbox: {mailbox}");
        played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
        assert_eq!(played.people().len(), before + 2, "grouped anew he did, with a mailbox: {mailbox}");
    }
}
