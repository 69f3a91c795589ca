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
    const READ_AGAIN: u64 = 2 * PEOPLE as u64 + 1;
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

on_both_databases!(
    who_is_deleted_there_ends_here_without_a_reading_anew,
    a_review_that_is_changed_or_withdrawn_changes_here,
);

async fn who_is_deleted_there_ends_here_without_a_reading_anew(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    house.sync().await.unwrap();
    fake.with(|store| store.customers.remove(3));
    let mut ended = Vec::new();
    for _ in 0..3 {
        house.wait(3_600);
        let counts = house.sync().await.unwrap();
        assert_eq!(counts.streams["customers"].unchanged, PEOPLE as u64 - 1, "{counts:?}");
        ended.push(counts.streams["customers"].ended);
    }
    assert_eq!(ended, [0, 1, 0], "everything is read each time, and what did not change counts as listed");
}

async fn a_review_that_is_changed_or_withdrawn_changes_here(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    house.sync().await.unwrap();
    // Back and forth: no content is larger than both of its neighbours.
    for text in ["Doch nicht.", "Oder doch?", "Doch nicht.", "Oder doch?"] {
        house.wait(3_600);
        fake.with(|store| store.reviews[3]["review"] = json!(text));
        let counts = house.sync().await.unwrap();
        let reviews = counts.streams["reviews"];
        assert_eq!((reviews.updated, reviews.stale, reviews.unchanged), (1, 0, PEOPLE as u64 - 1), "{counts:?}");
    }
    fake.with(|store| store.reviews.remove(3));
    let mut ended = Vec::new();
    for _ in 0..3 {
        house.wait(3_600);
        ended.push(house.sync().await.unwrap().streams["reviews"].ended);
    }
    assert_eq!(ended, [0, 1, 0]);
}
