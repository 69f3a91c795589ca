//! Paging is one convention, whatever the list.

use actix_web::http::StatusCode;
use actix_web::http::header::LINK;
use serde_json::{Value, json};

use super::hub::{Answer, Hub, customer};
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    every_list_is_walked_the_same_way_and_nothing_is_met_twice,
    a_cursor_of_another_list_and_one_made_up_are_refused,
    the_book_can_be_opened_at_a_place_a_check_named,
);

/// Each paged list: who reads it, where, and the name of the list in its reply.
const LISTS: [(Role, &str, &str); 3] = [
    (Role::Dpo, "/v1/requests", "requests"),
    (Role::Dpo, "/v1/audit/entries", "entries"),
    (Role::Marketing, "/v1/segments/newsletter_subscribers/members", "members"),
];

async fn filled(database: Database) -> Hub {
    let hub = Hub::open(database).await;
    let mails: Vec<_> = (1..=3).map(|id| format!("p{id}@muster.org")).collect();
    let records: Vec<_> = mails.iter().enumerate().map(|(id, mail)| customer(&id.to_string(), mail)).collect();
    assert_eq!(hub.post(Role::Partner, "/v1/records", json!({"records": records})).await.status, StatusCode::OK);
    for mail in mails {
        hub.subscribe(&mail).await;
        let demand = json!({"right": "access", "identifier": {"kind": "email", "value": mail}});
        assert_eq!(hub.post(Role::Dpo, "/v1/requests", demand).await.status, StatusCode::CREATED);
    }
    hub
}

fn entries<'a>(page: &'a Value, name: &str) -> &'a Vec<Value> {
    page[name].as_array().unwrap_or_else(|| panic!("no {name} in {page}"))
}

/// The address of the next page by the header, and by `next`.
fn onward(answer: &Answer, path: &str) -> (Option<String>, Option<String>) {
    let header = answer.headers.get(LINK).map(|link| link.to_str().unwrap());
    let header = header.map(|link| link[1..link.find('>').unwrap()].to_owned());
    let cursor = answer.json()["next"].as_str().map(|next| format!("{path}?cursor={next}&limit=1"));
    (header, cursor)
}

async fn every_list_is_walked_the_same_way_and_nothing_is_met_twice(database: Database) {
    let hub = filled(database).await;
    for (role, path, name) in LISTS {
        let whole = hub.get(role, path).await;
        let all = entries(&whole.json(), name).len();
        assert!(all >= 3, "{}", whole.text);
        assert_eq!(whole.json().get("next"), Some(&Value::Null), "the end says so: {}", whole.text);
        let (mut met, mut next, mut pages) = (Vec::new(), format!("{path}?limit=1"), 0);
        loop {
            let answer = hub.get(role, &next).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            let found = answer.json();
            assert!(entries(&found, name).len() <= 1);
            met.extend(entries(&found, name).iter().map(|entry| {
                let mut entry = entry.clone();
                // A token of its own for each delivery.
                entry.as_object_mut().unwrap().remove("opt_out");
                entry.to_string()
            }));
            let (header, cursor) = onward(&answer, path);
            assert_eq!(header, cursor, "{path}");
            pages += 1;
            // Reading the book writes no line, but pulling a segment does.
            assert!(pages < 50, "{path}");
            let Some(cursor) = cursor else { break };
            next = cursor;
        }
        let walked = met.len();
        met.sort();
        met.dedup();
        assert_eq!((walked, met.len()), (all, all), "{path}");
    }
}

async fn a_cursor_of_another_list_and_one_made_up_are_refused(database: Database) {
    let hub = filled(database).await;
    let mut cursors = vec![String::new(), "made-up".into(), "%2F..%2F".into(), "A".repeat(80), "A".repeat(9_000)];
    for (role, path, _) in LISTS {
        let page = hub.get(role, &format!("{path}?limit=1")).await;
        let cursor = page.json()["next"].as_str().unwrap().to_owned();
        // The right cursor with one letter changed.
        let other = if cursor.ends_with('A') { 'B' } else { 'A' };
        cursors.push(format!("{}{other}", &cursor[..cursor.len() - 1]));
        cursors.push(cursor);
    }
    for (place, (role, path, _)) in LISTS.into_iter().enumerate() {
        let own = cursors.len() - 2 * LISTS.len() + 2 * place + 1;
        for (number, cursor) in cursors.iter().enumerate() {
            let answer = hub.get(role, &format!("{path}?limit=1&cursor={cursor}")).await;
            if number == own {
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
                continue;
            }
            let told = (answer.status.as_u16(), answer.code(), answer.json()["parameter"].clone());
            assert_eq!(told, (400, "invalid_parameter".into(), json!("cursor")), "{path} {number}");
        }
        for limit in ["0", "1001", "-1", "many", "99999999999999999999"] {
            let answer = hub.get(role, &format!("{path}?limit={limit}")).await;
            let told = (answer.status.as_u16(), answer.code(), answer.json()["parameter"].clone());
            assert_eq!(told, (400, "invalid_parameter".into(), json!("limit")), "{path} {limit}");
        }
    }
}

async fn the_book_can_be_opened_at_a_place_a_check_named(database: Database) {
    let hub = filled(database).await;
    let all = hub.get(Role::Dpo, "/v1/audit/entries").await.json();
    let third = &all["entries"][2];
    let log = third["log"].as_str().unwrap();
    let page = hub.get(Role::Dpo, &format!("/v1/audit/entries?log={log}&idx=2&limit=1")).await.json();
    assert_eq!(&page["entries"][0], third);
    let next = page["next"].as_str().unwrap();
    assert_eq!(hub.get(Role::Dpo, &format!("/v1/audit/entries?cursor={next}&idx=0")).await.status.as_u16(), 400);
    let nowhere = "/v1/audit/entries?log=018f3f3c-0000-7000-8000-000000000001";
    assert_eq!(hub.get(Role::Dpo, nowhere).await.json()["parameter"], "log");
}
