//! WooCommerce.

use serde_json::json;

use super::scenarios::{Case, PAGE, PEOPLE, scenarios};
use crate::connect::Leaves;
use crate::types::IdentifierKind;
use crate::vendors::woocommerce::Store;

scenarios!(Store);

impl Case for Store {
    const CONNECTOR: &'static str = "woocommerce";
    const VIA: &'static [&'static str] = &[];
    const RECORDS: u64 = 3;
    const CHANGED: u64 = 2;
    const LEAVES: Option<Leaves> = Some(Leaves::Restricted);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(address: &str) -> Vec<(&'static str, String)> {
        let secret = "cs_0a1b2c3d4e5f".to_owned();
        vec![
            ("store_url", address.to_owned()),
            ("consumer_key", "ck_0a1b2c3d4e5f".to_owned()),
            ("consumer_secret", secret),
        ]
    }

    fn change(&mut self, at: &str) {
        let at = json!(at.trim_end_matches('Z'));
        (self.customers[0]["first_name"], self.customers[0]["date_modified_gmt"]) = (json!("Maria"), at.clone());
        (self.orders[0]["status"], self.orders[0]["date_modified_gmt"]) = (json!("completed"), at);
    }

    fn who(number: usize) -> (IdentifierKind, String) {
        (IdentifierKind::Account, format!("{}", 100 + number))
    }

    fn revoke(&mut self) {
        self.key_is_valid = false;
    }

    fn restore(&mut self) {
        self.key_is_valid = true;
    }
}
