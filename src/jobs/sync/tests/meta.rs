//! Meta.

use serde_json::json;

use super::house::{SHOP, brought, word};
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::Leaves;
use crate::vendors::meta::{self, Graph, conversation, lead};

scenarios!(Graph);
on_both_databases!(
    a_new_lead_and_a_new_message_come_in,
    calls_slow_down_before_too_much_is_used,
    a_wrong_app_secret_is_told,
);

impl Case for Graph {
    const CONNECTOR: &'static str = "meta";
    const VIA: &'static [&'static str] = &["https://graph.facebook.com"];
    const RECORDS: u64 = 2;
    // Leads and messages are never changed, only added.
    const CHANGED: u64 = 0;
    const LEAVES: Option<Leaves> = Some(Leaves::ManualTask);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![
            ("page_id", meta::PAGE.to_owned()),
            ("access_token", meta::TOKEN.to_owned()),
            ("app_secret", meta::SECRET.to_owned()),
        ]
    }

    fn change(&mut self, _: &str) {}

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }
}

async fn a_new_lead_and_a_new_message_come_in(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|graph| {
        let mut new = lead(70);
        new["created_time"] = json!("2026-11-23T08:30:00+0000");
        // In a form that was empty until now.
        graph.forms[1].1.push(new);
        let mut talk = conversation(3);
        talk["updated_time"] = json!("2026-11-23T08:40:00+0000");
        talk["messages"]["data"][0]["id"] = json!("m_new");
        talk["messages"]["data"][0]["created_time"] = json!("2026-11-23T08:40:00+0000");
        graph.conversations[3] = talk;
    });
    let before = fake.calls();
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().updated), (2, 0), "{counts:?}");
    assert!(house.knows("kunde70@example.org").await);
    let leads = fake.calls_since(before).iter().filter(|call| call.ends_with("/leads")).count();
    assert_eq!(leads, 3, "one page of each form");
}

async fn calls_slow_down_before_too_much_is_used(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    fake.with(|graph| graph.cost = 8.0);
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [50, 0, 0, 0, 0], "{counts:?}");
    assert_eq!(fake.with(|graph| graph.refused), 0, "it slows down before it is told to");
    fake.with(|graph| graph.cost = 40.0);
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert!(house.waited() > 60);
}

async fn a_wrong_app_secret_is_told(database: Database) {
    let (house, _fake) = open::<Graph>(database).await;
    let source = house.source();
    let mut connection = house.syncs.vendors.connections.of(source).await.unwrap().unwrap();
    connection.parameters.insert("app_secret".to_owned(), "another".to_owned());
    house.syncs.vendors.connections.amend(source, &connection).await.unwrap();
    let Err(fault) = house.syncs.vendors.session(SHOP).await.unwrap().test().await else { panic!("it must fail") };
    assert!(fault.to_string().contains("(it says `100`)"), "{fault}");
    assert_eq!(word(house.sync().await), "vendor_error");
}
