//! WooCommerce.

use serde_json::json;

use super::house::{SHOP, brought, word};
use super::scenarios::{Case, PAGE, PEOPLE, scenarios};
use crate::connect::{Leaves, Person};
use crate::types::IdentifierKind;
use crate::vendors::Break;
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
    whose_address_was_changed_there_is_found_by_the_account,
    who_works_on_the_site_is_no_customer,
    a_review_that_is_changed_or_withdrawn_changes_here,
    what_a_plug_in_writes_before_a_page_is_passed_over,
    pages_that_are_no_json_keep_no_erasure_from_being_made,
);

async fn whose_address_was_changed_there_is_found_by_the_account(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    fake.with(|store| {
        store.customers[4]["email"] = json!("neu@example.org");
        store.orders[4]["billing"]["email"] = json!("neu@example.org");
        // Of the same account, under the address of before.
        store.orders[5]["billing"]["email"] = json!("kunde4@example.org");
        store.orders[5]["customer_id"] = json!(104);
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let forget = async |account: &str| {
        let email = Some("kunde4@example.org".to_owned());
        let person = Person { email, account: Some(account.to_owned()), ..Person::default() };
        connector.erase().unwrap().run(&session, &person).await
    };
    let report = forget("104").await;
    let step = report.steps.iter().find(|step| step.name == "customer accounts").unwrap();
    assert_eq!((step.found, step.leaves, step.verified), (1, Some(Leaves::Deleted), Some(true)), "{report:?}");
    assert!(fake.with(|store| store.customers.iter().all(|one| one["email"] != "neu@example.org")));
    let step = report.steps.iter().find(|step| step.name == "orders").unwrap();
    assert_eq!((step.found, step.kept, step.leaves), (2, 2, Some(Leaves::Restricted)), "{report:?}");
    // One that is found by its address and by its account is one.
    let email = Some("kunde7@example.org".to_owned());
    let person = Person { email, account: Some("107".to_owned()), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    let step = report.steps.iter().find(|step| step.name == "orders").unwrap();
    assert_eq!((step.found, step.kept), (1, 1), "{report:?}");
    // An order without an account is filed under itself; the store knows no such address.
    let report = forget("order:7").await;
    assert!(report.steps.iter().all(|step| step.failure.is_none()), "{report:?}");
}

async fn who_works_on_the_site_is_no_customer(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    let roles = ["administrator", "editor", "author", "contributor", "shop_manager"];
    fake.with(|store| {
        for (number, role) in roles.iter().enumerate() {
            store.customers[number]["role"] = json!(role);
        }
        store.customers[5]["role"] = json!("wholesale_customer");
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams["customers"].created, PEOPLE as u64 - roles.len() as u64, "{counts:?}");
    assert_eq!(counts.streams["customers"].rejected, 0);
}

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

async fn what_a_plug_in_writes_before_a_page_is_passed_over(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    fake.with(|store| store.orders[2]["total"] = json!("BEYOND"));
    fake.spoil(|text| format!("\u{feff}{}", text.replace("\"BEYOND\"", "1e400")).into_bytes());
    let counts = house.sync().await.unwrap();
    let all = 3 * PEOPLE as u64;
    assert_eq!((counts.sum().created + counts.sum().rejected, counts.sum().rejected), (all, 1), "{counts:?}");
    assert!(counts.streams.values().all(|stream| stream.complete));
}

async fn pages_that_are_no_json_keep_no_erasure_from_being_made(database: Database) {
    let (house, fake) = all::open::<Store>(database).await;
    house.sync().await.unwrap();
    for _ in 0..2 {
        house.wait(3_600);
        fake.break_calls(0, &[Break::Html; 18]);
        assert_eq!(word(house.sync().await), "unreadable_reply");
    }
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let report = session.connector().clone().erase().unwrap().run(&session, &Store::person(3)).await;
    assert!(report.steps.iter().all(|step| step.failure.is_none()), "{report:?}");
    house.wait(3_600);
    assert_eq!(brought(&house.sync().await.unwrap())[4], 0);
}
