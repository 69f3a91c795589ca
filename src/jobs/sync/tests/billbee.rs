//! Billbee.

use serde_json::json;

use super::scenarios::{Case, PAGE, PEOPLE, scenarios};
use crate::connect::Leaves;
use crate::vendors::billbee::Account;

scenarios!(Account);

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
