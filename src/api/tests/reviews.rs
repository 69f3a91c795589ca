//! Two who may be one, side by side: what is shown, what never is, and what is written down.

use serde_json::{Value, json};

use super::hub::{Answer, Hub};
use super::survivorship::bring;
use crate::consent::Terms;
use crate::databases::{Database, on_both_databases};
use crate::types::{Clock as _, Role};

on_both_databases!(a_question_shows_both_people_masked, what_may_not_be_read_answers_like_what_is_not_there,);

/// Of one name, which so many have that somebody is asked.
fn schmidt(source: &str, given: &str, more: &Value) -> Value {
    let mut record = json!({
        "type": "customer", "source": source, "external_id": format!("{given}-{}", more["of"].as_str().unwrap_or("1")),
        "updated_at": "2026-03-07T13:40:01Z", "identifiers": more["identifiers"].clone(),
        "data": {"person": {"salutation": "Frau", "given_name": given, "family_name": "Schmidt", "language": "de"},
            "note": "rief zweimal an"},
    });
    if record["identifiers"].is_null() {
        record["identifiers"] = json!([]);
    }
    record
}

/// A hub with two people who may be one: one has a phone, the other a mailbox, an account and two records.
async fn doubtful(database: Database, given: &str) -> (Hub, Value) {
    let hub = Hub::open(database).await;
    let now = hub.house.clock.now();
    hub.house
        .rulebook
        .ensure_source("books".into(), "books".into(), "api".into(), &Terms::default(), now)
        .await
        .unwrap();
    let phone = json!({"identifiers": [{"kind": "phone", "value": "+49 30 23125140"}]});
    let account =
        json!([{"kind": "account", "value": "0fa91c77"}, {"kind": "email", "value": "zimtstern@sentinel.example"}]);
    bring(&hub, schmidt("webshop", given, &phone)).await;
    bring(&hub, schmidt("books", given, &json!({"identifiers": account}))).await;
    bring(&hub, schmidt("books", given, &json!({"identifiers": account, "of": "2"}))).await;
    let open = hub.get(Role::Dpo, "/v1/reviews").await.json()["reviews"].as_array().unwrap().clone();
    assert_eq!(open.len(), 1, "{open:?}");
    (hub, open[0].clone())
}

async fn shown(hub: &Hub, review: &Value) -> Answer {
    hub.get(Role::Dpo, &format!("/v1/reviews/{}", review["id"].as_str().unwrap())).await
}

async fn written_down(hub: &Hub, act: &str) -> Vec<Value> {
    let entries = hub.get(Role::Dpo, "/v1/audit/entries?limit=500").await.json()["entries"].as_array().unwrap().clone();
    entries.into_iter().filter(|entry| entry["act"] == act).collect()
}

async fn a_question_shows_both_people_masked(database: Database) {
    let (hub, review) = doubtful(database, "Annegret").await;
    let before = written_down(&hub, "disclosed").await.len();
    let answer = shown(&hub, &review).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let found = answer.json();
    let (one, other) = (&found["one"], &found["other"]);
    assert_eq!((&one["subject_id"], &other["subject_id"]), (&review["one_subject_id"], &review["other_subject_id"]));
    assert_eq!((&one["record"], &other["record"]), (&review["one_record"], &review["other_record"]));
    assert_eq!((&one["records_in_all"], &other["records_in_all"]), (&json!(1), &json!(2)));
    // The record that was compared stands first.
    assert_eq!((&one["records"][0]["record"], &other["records"][0]["record"]), (&one["record"], &other["record"]));
    assert_eq!(other["records"].as_array().unwrap().len(), 2);
    let values = |side: &Value| -> Vec<(String, String)> {
        let values = side["records"][0]["values"].as_array().unwrap().iter();
        values.map(|value| (value["field"].as_str().unwrap().into(), value["value"].as_str().unwrap().into())).collect()
    };
    let is = |field: &str, value: &str| (field.to_owned(), value.to_owned());
    let name = [is("given_name", "A•••"), is("family_name", "Sc•••")];
    assert_eq!(values(one), [&name[..], &[is("phone", "•••40")]].concat());
    assert_eq!(values(other), [&name[..], &[is("number", "•••77"), is("mailbox", "z•••@s•••.•••")]].concat());
    // Level and weight of each comparison; together with what it begins with they are the whole.
    let steps = found["comparisons"].as_array().unwrap();
    assert!(steps.iter().any(|step| (&step["field"], &step["level"]) == (&json!("family_name"), &json!("same"))));
    let of = |step: &Value| step["weight"].as_f64().unwrap() + step["frequency"].as_f64().unwrap();
    let sum = steps.iter().map(of).sum::<f64>() + found["prior"].as_f64().unwrap();
    assert!((sum - found["weight"].as_f64().unwrap()).abs() < 0.001, "{found}");
    for whole in ["nnegret", "chmidt", "23125140", "0fa91c", "zimtstern", "sentinel", "Frau", "zweimal", "\"de\""] {
        assert!(!answer.text.contains(whole), "{whole}: {}", answer.text);
    }
    let after = written_down(&hub, "disclosed").await;
    assert!(after.len() > before, "nobody wrote down that two people were shown");
    assert!(after.iter().any(|entry| entry["body"]["purpose"] == "identity_matching"), "{after:?}");
    // Showing answers nothing, and an answer ends it.
    assert_eq!(shown(&hub, &review).await.status, 200);
    let path = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
    assert_eq!(hub.post(Role::Dpo, &path, json!({"answer": "unsure"})).await.status, 200);
    assert_eq!(shown(&hub, &review).await.status, 404);
}

async fn what_may_not_be_read_answers_like_what_is_not_there(database: Database) {
    let (hub, review) = doubtful(database, "Bernhardine").await;
    let nobody = hub.get(Role::Dpo, "/v1/reviews/018f3f3c-0000-7000-8000-0000000000aa").await;
    assert_eq!(nobody.status, 404);
    for role in [Role::Admin, Role::Partner, Role::Marketing] {
        let path = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
        assert_eq!(hub.get(role, &path).await.status, 403);
    }
    let say = async |act: &str| {
        let said = json!({"subject_id": review["other_subject_id"], "act": act, "method": "written"});
        let answer = hub.post(Role::Dpo, "/v1/consents", said).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    };
    say("restricted").await;
    let (refused, disclosed) = (written_down(&hub, "refused").await.len(), written_down(&hub, "disclosed").await.len());
    let answer = shown(&hub, &review).await;
    assert_eq!(answer.seen(), nobody.seen());
    // Nothing of the other was shown either, and the book says neither more nor less.
    assert_eq!(written_down(&hub, "refused").await.len(), refused + 1);
    assert_eq!(written_down(&hub, "disclosed").await.len(), disclosed);
    say("restriction_lifted").await;
    assert_eq!(shown(&hub, &review).await.status, 200);
}
