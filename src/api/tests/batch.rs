//! Reading many people in one call.

use actix_web::http::StatusCode;
use serde_json::json;

use super::hub::{Hub, SENTINEL, customer};
use super::reading::{MAX, with_max};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    each_is_answered_in_order_and_the_book_names_all_whose_data_left,
    a_batch_that_makes_no_sense_points_at_the_person,
    a_key_outside_the_purpose_reads_nobody_of_a_batch,
    an_address_of_its_own_is_no_misspelt_id,
);

const ERIKA: &str = "erika@muster.org";

async fn each_is_answered_in_order_and_the_book_names_all_whose_data_left(database: Database) {
    let hub = with_max(database).await;
    hub.post(Role::Partner, "/v1/records", json!({"records": [customer("2", ERIKA)]})).await;
    hub.subscribe(MAX).await;
    let id = hub.lookup(Role::Marketing, MAX, "newsletter_email").await.json()["subject_id"].clone();
    let before = lines(&hub).await;

    let mail = |value: &str| json!({"identifier": {"kind": "email", "value": value}});
    let people = json!([mail("anna@muster.org"), mail(MAX), mail(ERIKA), {"subject_id": id}]);
    let ask = json!({"people": people, "purpose": "newsletter_email", "reason": "mailing"});
    let answer = hub.post(Role::Marketing, "/v1/profiles/batch", ask).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let reply = answer.json();
    let profiles = reply["profiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 4);
    // Erika did not consent: she is answered like somebody nobody knows.
    assert!(profiles[0].is_null() && profiles[2].is_null(), "{reply}");
    assert_eq!(profiles[1]["data"]["contact"]["emails"][0]["value"], MAX);
    assert_eq!(profiles[1]["subject_id"], profiles[3]["subject_id"]);
    assert!(!answer.text.contains(ERIKA));

    let after = lines(&hub).await;
    let [disclosed, refused] = &after[before.len()..] else { panic!("{after:?}") };
    assert_eq!((&disclosed["act"], &refused["act"]), (&json!("disclosed"), &json!("refused")));
    let (body, none) = (&disclosed["body"], &refused["body"]);
    assert_eq!((body["count"].as_u64(), body["subjects"].as_array().unwrap().len()), (Some(2), 2), "{body}");
    assert_eq!((&body["object"], &body["purpose_version"]), (&json!("mailing"), &json!(1)));
    assert_eq!((&none["reasons"], &none["count"]), (&json!(["no_consent", "unknown_subject"]), &json!(2)));
    assert_eq!(body["decision"], none["decision"]);
}

async fn a_batch_that_makes_no_sense_points_at_the_person(database: Database) {
    let hub = with_max(database).await;
    let mail = |value: &str| json!({"identifier": {"kind": "email", "value": value}});
    let cases = [
        (json!([]), "/people"),
        (json!(vec![mail(MAX); 501]), "/people"),
        (json!([mail(MAX), mail(&format!("{SENTINEL}@{SENTINEL}"))]), "/people/1/identifier/value"),
        (json!([mail(MAX), {}]), "/people/1/subject_id"),
        (json!([{"identifier": {"kind": "customer_number", "value": "1"}}]), "/people/0/identifier/source"),
    ];
    for (people, pointer) in cases {
        let ask = json!({"people": people, "purpose": "newsletter_email"});
        let answer = hub.post(Role::Partner, "/v1/profiles/batch", ask).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["pointer"]), (422, &json!(pointer)), "{}", answer.text);
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
}

async fn a_key_outside_the_purpose_reads_nobody_of_a_batch(database: Database) {
    let hub = with_max(database).await;
    hub.subscribe(MAX).await;
    let ask = json!({"people": [{"identifier": {"kind": "email", "value": MAX}}], "purpose": "bookkeeping"});
    let answer = hub.post(Role::Marketing, "/v1/profiles/batch", ask).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"profiles": [null]})));
}

async fn lines(hub: &Hub) -> Vec<serde_json::Value> {
    let page = hub.get(Role::Dpo, "/v1/audit/entries?limit=1000").await.json();
    page["entries"].as_array().unwrap().clone()
}

async fn an_address_of_its_own_is_no_misspelt_id(database: Database) {
    let hub = Hub::open(database).await;
    for path in ["/v1/profiles/lookup", "/v1/profiles/batch"] {
        let answer = hub.get(Role::Partner, &format!("{path}?purpose=newsletter_email")).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
        assert_eq!(answer.headers.get("allow").unwrap(), "POST");
    }
    let misspelt = hub.get(Role::Partner, "/v1/profiles/somebody?purpose=newsletter_email").await;
    assert_eq!((misspelt.status, misspelt.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_parameter"));
}
