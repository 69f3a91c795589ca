//! Billbee.

use serde_json::json;

use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::Leaves;
use crate::vendors::billbee::Account;

scenarios!(Account);
on_both_databases!(what_a_customer_wrote_comes_in_with_the_order);

async fn what_a_customer_wrote_comes_in_with_the_order(database: Database) {
    let (house, fake) = open::<Account>(database).await;
    let at = "2026-04-12T08:05:00+02:00";
    let comment =
        |id: u32, customer: bool, text: &str| json!({"Id": id, "FromCustomer": customer, "Created": at, "Text": text});
    fake.with(|account| {
        account.orders[3]["Comments"] =
            json!([comment(1, true, "Bitte klingeln."), comment(2, false, "notiert"), comment(3, true, " ")]);
        account.orders[4]["Comments"] = json!(null);
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().rejected), (PEOPLE as u64 + 1, 0), "{counts:?}");
    assert!(!house.database.dump().join("\n").contains("klingeln"), "what somebody wrote lies open");
}

impl Case for Account {
    const CONNECTOR: &'static str = "billbee";
    const VIA: &'static [&'static str] = &["https://api.billbee.io"];
    const RECORDS: u64 = 1;
    const CHANGED: u64 = 1;
    const READ_AGAIN: u64 = 1;
    const LEAVES: Option<Leaves> = Some(Leaves::ManualTask);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![
            ("api_key", "a-key-of-the-program".to_owned()),
            ("user", "shop@example.org".to_owned()),
            ("api_password", "an-api-password".to_owned()),
        ]
    }

    fn change(&mut self, at: &str) {
        (self.orders[0]["State"], self.orders[0]["LastModifiedAt"]) = (json!(4), json!(at));
    }

    fn revoke(&mut self) {
        self.password_is_valid = false;
    }

    fn restore(&mut self) {
        self.password_is_valid = true;
    }
}
