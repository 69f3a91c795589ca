//! A consent under a name nobody knows is no yes; the name is set aside for whoever maps it.

use serde_json::{Value, json};

use super::super::hub::{Hub, SENTINEL};
use super::{BANNER, with_banner};
use crate::consent::Terms;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(
    a_name_nobody_mapped_is_listed_with_what_to_do,
    a_name_nobody_mapped_is_warned_of_once,
    a_page_fills_the_list_with_nothing_of_anybody,
);

impl Hub {
    async fn chose(&self, visitor: &str, preferences: Value) {
        let context = json!({"consent": {"categoryPreferences": preferences}});
        let event = json!({"anonymousId": visitor, "messageId": visitor, "event": "Seen", "context": context});
        self.taken(Role::Browser, "/v1/t", event).await;
    }

    /// Kind, name, events and what is to be done of each.
    async fn unknown_consents(&self, role: Role) -> Vec<Value> {
        let shown = self.get(role, "/v1/sources/webshop/turned-away").await.json();
        let mut names = shown["unknown_consents"].as_array().unwrap().clone();
        for name in &mut names {
            let name = name.as_object_mut().unwrap();
            let (first, last) = (name.remove("first_at").unwrap(), name.remove("last_at").unwrap());
            assert!(first.as_str().unwrap() <= last.as_str().unwrap());
        }
        names.sort_by_key(|name| name["name"].as_str().unwrap().to_owned());
        names
    }

    async fn banner(&self, more: &[(&str, &[&str])]) {
        let all = BANNER.iter().chain(more);
        let categories =
            all.map(|(id, codes)| ((*id).to_owned(), codes.iter().map(|code| code.parse().unwrap()).collect()));
        let terms = Terms { consent_categories: categories.collect(), ..Terms::default() };
        let named = ("webshop".to_owned(), "webshop".to_owned(), "api".to_owned());
        self.house.rulebook.put_source(named, &terms, |_| true, self.house.clock.now()).await.unwrap().unwrap();
    }
}

async fn a_name_nobody_mapped_is_warned_of_once(database: Database) {
    use std::io::{Read, Seek};
    let hub = with_banner(database).await;
    // Once without the log: tracing remembers per line whether anybody listens, and tests on other threads do not.
    hub.chose("v0", json!({"C0001": true})).await;
    let mut file = tempfile::tempfile().unwrap();
    let log = crate::config::Log { format: crate::config::LogFormat::Json, filter: "obhut=warn".into() };
    let guard = tracing::subscriber::set_default(
        crate::logging::subscriber(&log, std::sync::Mutex::new(file.try_clone().unwrap())).unwrap(),
    );
    tracing::callsite::rebuild_interest_cache();
    for (visitor, name) in [("v1", "C0004"), ("v2", "C0004"), ("v3", "C0001"), ("v4", "C0005")] {
        hub.chose(visitor, json!({name: true})).await;
    }
    drop(guard);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    let warned = text.lines().filter(|line| line.contains("consent nobody mapped") && line.contains("WARN")).count();
    assert_eq!(warned, 2, "once for each name: {text}");
    assert!(!text.contains("C0004"), "what a page says does not stand in the log");
}

async fn a_name_nobody_mapped_is_listed_with_what_to_do(database: Database) {
    let hub = with_banner(database).await;
    hub.chose("v1", json!({"C0004": true, "Analytics": false})).await;
    hub.chose("v2", json!({"C0004": true, "Google Ads": false})).await;
    let listed = hub.unknown_consents(Role::Admin).await;
    assert_eq!(listed, hub.unknown_consents(Role::Dpo).await);
    let told: Vec<_> = listed.iter().map(|one| (&one["kind"], &one["name"], one["events"].as_i64().unwrap())).collect();
    assert_eq!(told, [(&json!("category"), &json!("C0004"), 2), (&json!("category"), &json!("Google Ads"), 1)]);
    let todo = |listed: &[Value], at: usize| listed[at]["todo"].as_str().unwrap().to_owned();
    assert!(todo(&listed, 0).contains("`consent_categories`"), "{listed:?}");
    // Mapped to a purpose nobody configured, it is still no yes.
    hub.banner(&[("C0004", &["weather"]), ("Google Ads", &[])]).await;
    hub.chose("v3", json!({"C0004": true})).await;
    let listed = hub.unknown_consents(Role::Admin).await;
    assert_eq!((&listed[2]["kind"], &listed[2]["name"]), (&json!("purpose"), &json!("weather")), "{listed:?}");
    assert!(todo(&listed, 2).contains("Configure this purpose"), "{listed:?}");
    // What is known now says so, and that what was said before is not taken for a yes.
    for at in [0, 1] {
        assert!(todo(&listed, at).starts_with("Nothing more") && todo(&listed, at).contains("no yes"), "{listed:?}");
    }
    let entries = hub.database.texts(crate::store::Shelf::Records, "SELECT purpose AS answer FROM ledger");
    assert!(!entries.iter().any(|purpose| purpose == "weather"), "{entries:?}");
}

async fn a_page_fills_the_list_with_nothing_of_anybody(database: Database) {
    let hub = with_banner(database).await;
    let long = "x".repeat(65);
    hub.chose("v1", json!({SENTINEL: true, "+49 1512 3456789": true, "015123456789": true, long: true, "": true}))
        .await;
    let listed = hub.unknown_consents(Role::Admin).await;
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &json!("(unreadable)")), "{listed:?}");
    for call in 0..3 {
        let many = (0..60).map(|number| (format!("name {call} {number}"), json!(true)));
        hub.chose(&format!("many {call}"), Value::Object(many.collect())).await;
    }
    let listed = hub.unknown_consents(Role::Admin).await;
    assert_eq!(listed.len(), 101, "a hundred, and the others together");
    assert_eq!((&listed[0]["name"], &listed[0]["events"]), (&json!("(others)"), &json!(81)), "{listed:?}");
    let dump = hub.database.dump().join("\n");
    assert!(!dump.contains("3456789") && !dump.contains("sentinel"), "a page wrote somebody into the list");
}
