//! Whoever received people's data as of one is told when the hub itself takes them apart (Art. 19 GDPR), as when somebody decides it.

use serde_json::{Value, json};

use super::undone::{strict, weigh};
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(who_received_what_comparing_had_joined_is_told, who_received_what_a_shared_value_had_joined_is_told,);

fn of(source: &str, given: &str, mails: &[&str], more: &Value) -> Value {
    let mails: Vec<Value> =
        mails.iter().map(|mail| json!({"kind": "email", "value": mail, "verified": true})).collect();
    let mut record = json!({
        "type": "customer", "source": source, "external_id": given, "updated_at": "2026-05-01T08:00:00Z", "identifiers": mails,
        "data": {"person": {"given_name": given, "family_name": format!("Von{given}")}},
        "consents": [{
            "purpose": "newsletter_email", "channel": "email", "act": "granted", "at": "2026-05-01T08:00:00Z",
            "method": "double_opt_in", "text_version": "2026-01", "evidence": {"requested_at": "2026-05-01T08:00:00Z",
                "confirmed_at": "2026-05-01T08:00:00Z", "form_url": "https://shop.example/n"},
        }],
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        record["data"][field] = value.clone();
    }
    record
}

async fn reads(played: &Played, role: Role, mail: &str) {
    let read = played.hub.lookup(role, mail, "newsletter_email").await;
    assert_eq!(read.status, 200, "{}", read.text);
    played.clock.pass(1_500);
}

/// The cases there are, with those to be told of each.
async fn cases(played: &Played) -> Vec<(String, Vec<String>)> {
    let listed = played.hub.get(Role::Dpo, "/v1/requests").await.json();
    let mut cases = Vec::new();
    for case in listed["requests"].as_array().unwrap() {
        assert_eq!((&case["right"], &case["state"]), (&json!("rectification"), &json!("answered")), "{case}");
        let case = played.hub.get(Role::Dpo, &format!("/v1/requests/{}", case["id"].as_str().unwrap())).await.json();
        let told = case["recipients"].as_array().unwrap().iter();
        let told = told.inspect(|recipient| assert_eq!(recipient["state"], "to_be_told", "{recipient}"));
        let told = told.map(|recipient| recipient["recipient"].as_str().unwrap().to_owned()).collect();
        cases.push((case["subject_id"].as_str().unwrap().to_owned(), told));
    }
    cases
}

/// Another model takes apart what one had joined. Who read both as one is told; who read when they were not one yet is not; and of
/// those of whom nobody read anything there is no case.
async fn who_received_what_comparing_had_joined_is_told(database: Database) {
    let played = Played::open(database, 21).await;
    strict(&played).await;
    weigh(&played, false).await;
    let home = |street: &str| {
        json!({"addresses": [{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
            "person": {"given_name": street, "family_name": "Zwirnlechner", "birth_date": "1971-03-09"}})
    };
    let (read, unread) = (home("Kastanienallee"), home("Birnbaumweg"));
    played.bring(&[of("webshop", "Ottilie", &["ottilie@example.org"], &read)]).await;
    played.bring(&[of("webshop", "Kunigunde", &["kunigunde@example.org"], &unread)]).await;
    reads(&played, Role::Marketing, "ottilie@example.org").await;
    let people = played.people();
    played.bring(&[of("books", "Ottilie", &[], &read), of("books", "Kunigunde", &[], &unread)]).await;
    assert_eq!((played.people(), cases(&played).await), (people.clone(), Vec::new()), "comparing joined nobody");
    reads(&played, Role::Partner, "ottilie@example.org").await;

    weigh(&played, true).await;
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, played.people().len()), (2, 4), "{done:?}");
    assert_eq!(cases(&played).await, [(people[0].to_string(), vec!["partner".to_owned()])]);
    // It is told once.
    played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(cases(&played).await.len(), 1);
}

/// A mailbox turns out to be shared by many. What it had joined is taken back, and who read it as one is told.
async fn who_received_what_a_shared_value_had_joined_is_told(database: Database) {
    let played = Played::open(database, 22).await;
    let shared = "zuhause7@example.org";
    // They could be one name misspelt, and say no more.
    let named = |given: &str, mails: &[&str]| {
        let mut record = of("webshop", given, mails, &json!({}));
        record["data"]["person"]["family_name"] = format!("Family{given}").into();
        record
    };
    played.bring(&[named("Jan", &[shared, "jan@example.org"])]).await;
    for given in ["Jon", "Jen"] {
        played.bring(&[named(given, &[shared])]).await;
    }
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    reads(&played, Role::Partner, "jan@example.org").await;
    assert_eq!(cases(&played).await, []);
    played.bring(&[named("Jin", &[shared])]).await;
    assert_eq!(played.people().len(), 4);
    assert_eq!(cases(&played).await, [(person.to_string(), vec!["partner".to_owned()])]);
}
