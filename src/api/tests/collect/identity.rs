//! A page speaks for its visitor and for nobody else.

use serde_json::json;

use super::super::hub::{Hub, customer};
use super::visit;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_page_joins_nobody_whatever_it_says,
    a_page_cannot_write_over_what_a_server_or_another_visitor_said,
    a_server_joins_a_visitor_with_the_account_they_sign_in_to,
    two_accounts_on_one_device_stay_two,
    an_erased_visitor_stays_erased,
);

const MAX: &str = "max@muster.org";

async fn a_page_joins_nobody_whatever_it_says(database: Database) {
    let hub = Hub::open(database).await;
    let mut known = customer("1", MAX);
    known["identifiers"].as_array_mut().unwrap().push(json!({"kind": "account", "value": "u1"}));
    known["data"]["person"]["birth_date"] = json!("1980-05-01");
    let mut other = customer("2", "erika@muster.org");
    other["data"]["person"] = json!({"given_name": "Erika", "family_name": "Zeller"});
    let reply = hub.post(Role::Partner, "/v1/records", json!({"records": [known, other]})).await;
    assert_eq!(reply.json()["summary"]["created"], 2, "{}", reply.text);
    let before = hub.copy_of("email", MAX).await;

    // All that would join a record of a partner: account, mailbox with full name, birth date.
    let traits = json!({"email": MAX, "firstName": "Max", "lastName": "Muster", "birthday": "1980-05-01"});
    hub.taken(Role::Browser, "/v1/i", json!({"anonymousId": "v1", "userId": "u1", "traits": traits})).await;
    let second = json!({"anonymousId": "v1", "userId": "u2", "traits": {"email": "erika@muster.org", "firstName": "Erika", "lastName": "Zeller"}});
    hub.taken(Role::Browser, "/v1/i", second).await;
    hub.taken(Role::Browser, "/v1/a", json!({"anonymousId": "v1", "userId": "u1", "previousId": "u2"})).await;
    hub.taken(Role::Browser, "/v1/t", json!({"anonymousId": "v1", "userId": "u1", "event": "Seen"})).await;

    let visitor = hub.copy_of("anonymous_id", "v1").await;
    assert_eq!(visitor["data"]["contact"]["emails"][0]["verified"], false);
    assert_ne!(visitor["subject_id"], before["subject_id"]);
    // Who is looked for by what a page said is who they were before, alone.
    let found = |kind: &'static str, value: &'static str| hub.copy_of(kind, value);
    assert_eq!(found("email", MAX).await["data"], before["data"]);
    assert_eq!(found("account", "u1").await["subject_id"], before["subject_id"]);
    assert_ne!(found("email", "erika@muster.org").await["subject_id"], before["subject_id"]);
    assert!(hub.seen_as("account", "u2", "subject_access", None).await.is_none());
    let reviews = hub.get(Role::Dpo, "/v1/reviews").await.json();
    assert_eq!(reviews["reviews"].as_array().map(Vec::len), Some(0), "{reviews}");
}

async fn a_page_cannot_write_over_what_a_server_or_another_visitor_said(database: Database) {
    let hub = Hub::open(database).await;
    let told = |visitor: &str, event: &str| json!({"anonymousId": visitor, "messageId": "m1", "event": event});
    hub.taken(Role::Collector, "/v1/track", told("v1", "By the server")).await;
    hub.taken(Role::Browser, "/v1/track", told("v1", "By the page")).await;
    hub.taken(Role::Browser, "/v1/track", told("v2", "By another page")).await;
    hub.taken(Role::Browser, "/v1/track", told("v1", "Said again otherwise")).await;
    let events = hub.copy_of("anonymous_id", "v1").await["data"]["engagement"]["events"].clone();
    let mut names: Vec<_> = events.as_array().unwrap().iter().map(|event| event["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["By the page", "By the server"]);
}

async fn a_server_joins_a_visitor_with_the_account_they_sign_in_to(database: Database) {
    let hub = Hub::open(database).await;
    hub.taken(Role::Browser, "/v1/t", visit("v1", "before")).await;
    hub.taken(Role::Collector, "/v1/identify", json!({"userId": "u1", "anonymousId": "v1", "traits": {"email": MAX}}))
        .await;
    hub.taken(Role::Browser, "/v1/t", visit("v1", "after")).await;
    let (visitor, account) = (hub.copy_of("anonymous_id", "v1").await, hub.copy_of("account", "u1").await);
    assert_eq!(visitor["subject_id"], account["subject_id"]);
    assert_eq!(account["data"]["engagement"]["events"].as_array().unwrap().len(), 2);
    // Other words later are said beside those before.
    hub.taken(Role::Collector, "/v1/identify", json!({"userId": "u1", "traits": {"firstName": "Max"}})).await;
    let account = hub.copy_of("account", "u1").await;
    assert_eq!(account["data"]["contact"]["emails"][0]["value"], MAX);
    assert_eq!(account["data"]["identity"]["given_name"], "Max");
}

async fn two_accounts_on_one_device_stay_two(database: Database) {
    let hub = Hub::open(database).await;
    for user in ["u1", "u2", "u1", "u2"] {
        hub.taken(
            Role::Collector,
            "/v1/identify",
            json!({"userId": user, "anonymousId": "v1", "traits": {"email": format!("{user}@muster.org")}}),
        )
        .await;
        hub.taken(
            Role::Collector,
            "/v1/track",
            json!({"userId": user, "anonymousId": "v1", "event": format!("Seen by {user}")}),
        )
        .await;
    }
    hub.taken(Role::Collector, "/v1/alias", json!({"userId": "u2", "previousId": "v1"})).await;
    hub.taken(Role::Collector, "/v1/alias", json!({"userId": "u2", "previousId": "u1"})).await;
    hub.taken(Role::Browser, "/v1/t", visit("v1", "later")).await;
    let (one, two) = (hub.copy_of("account", "u1").await, hub.copy_of("account", "u2").await);
    assert_ne!(one["subject_id"], two["subject_id"]);
    let names = |copy: &serde_json::Value| {
        let events = copy["data"]["engagement"]["events"].as_array().unwrap();
        let mut names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    assert_eq!((names(&one), names(&two)), (vec!["Seen".into(), "Seen by u1".into()], vec!["Seen by u2".into()]));
    assert!(!one.to_string().contains("u2@muster.org") && !two.to_string().contains("u1@muster.org"));
}

async fn an_erased_visitor_stays_erased(database: Database) {
    let hub = Hub::open(database).await;
    let told =
        json!({"anonymousId": "v1", "messageId": "m1", "event": "Seen", "timestamp": "2026-03-07T13:40:01.000Z"});
    hub.taken(Role::Browser, "/v1/t", told.clone()).await;
    let demand = json!({"right": "erasure", "identifier": {"kind": "anonymous_id", "value": "v1", "source": "webshop"}, "execute": true});
    let answer = hub.post(Role::Dpo, "/v1/requests", demand).await;
    assert_eq!(answer.status.as_u16(), 201, "{}", answer.text);
    // An SDK that was offline sends it again: told nothing, and nothing is kept.
    hub.taken(Role::Browser, "/v1/t", told.clone()).await;
    let mut older = told;
    older["messageId"] = json!("m2");
    hub.taken(Role::Browser, "/v1/t", older).await;
    assert!(hub.seen_as("anonymous_id", "v1", "subject_access", None).await.is_none());
}
