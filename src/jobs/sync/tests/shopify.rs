//! Shopify.

use serde_json::json;

use super::house::SHOP;
use super::scenarios::{self, Case, Expires, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Leaves, Person};
use crate::vendors::shopify::Shop;

scenarios!(Shop);
on_both_databases!(a_throttle_in_a_good_reply_is_waited_out, a_page_that_is_not_valid_any_more_begins_it_anew);

impl Case for Shop {
    const CONNECTOR: &'static str = "shopify";
    const VIA: &'static [&'static str] = &["https://teeladen.myshopify.com"];
    const RECORDS: u64 = 2;
    const CHANGED: u64 = 2;
    const LEAVES: Option<Leaves> = Some(Leaves::Anonymised);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![("shop", "teeladen".to_owned()), ("access_token", "shpat_0123456789".to_owned())]
    }

    fn change(&mut self, at: &str) {
        (self.customers[0]["note"], self.customers[0]["updated_at"]) = (json!("Ruft gern an."), json!(at));
        (self.orders[0]["fulfillment_status"], self.orders[0]["updated_at"]) = (json!("fulfilled"), json!(at));
    }

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }
}

async fn a_throttle_in_a_good_reply_is_waited_out(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    fake.with(|shop| shop.throttled = 2);
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { email: Some(Shop::email(4)), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!(report.leaves, Some(Leaves::Anonymised), "{report:?}");
    // It is carried out later: nobody says that it was verified.
    assert_eq!(report.steps[0].verified, None);
    fake.with(|shop| assert_eq!(shop.to_erase, ["gid://shopify/Customer/7300000000004"]));
}

impl Expires for Shop {
    fn expire_pages(&mut self) {
        self.era += 1;
    }
}

async fn a_page_that_is_not_valid_any_more_begins_it_anew(database: Database) {
    scenarios::a_page_that_is_not_valid_any_more_begins_it_anew::<Shop>(database).await;
}
