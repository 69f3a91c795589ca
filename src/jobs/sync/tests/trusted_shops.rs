//! Trusted Shops.

use serde_json::json;

use super::scenarios::{self, Case, Expires, PAGE, PEOPLE, open, scenarios};
use crate::connect::Leaves;
use crate::vendors::trusted_shops::{Etrusted, review};

scenarios!(Etrusted);
on_both_databases!(
    a_token_that_ends_between_pages_is_renewed,
    a_page_that_is_not_valid_any_more_begins_it_anew,
    a_review_that_is_approved_later_comes_in_and_one_of_the_erased_does_not,
    a_review_that_is_gone_there_ends_here,
    a_review_without_a_customer_is_nobodys_and_keeps_none_from_ending,
);

impl Case for Etrusted {
    const CONNECTOR: &'static str = "trusted_shops";
    const VIA: &'static [&'static str] = &["https://api.etrusted.com", "https://login.etrusted.com"];
    const RECORDS: u64 = 1;
    const CHANGED: u64 = 1;
    const READ_AGAIN: u64 = PEOPLE as u64;
    const LEAVES: Option<Leaves> = Some(Leaves::ManualTask);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![("client_id", "a-client".to_owned()), ("client_secret", "a-secret-of-theirs".to_owned())]
    }

    fn change(&mut self, at: &str) {
        (self.reviews[0]["comment"], self.reviews[0]["updatedAt"]) = (json!("Doch nicht."), json!(at));
    }

    fn revoke(&mut self) {
        self.client_is_valid = false;
    }

    fn restore(&mut self) {
        self.client_is_valid = true;
    }
}

async fn a_token_that_ends_between_pages_is_renewed(database: Database) {
    let (house, fake) = open::<Etrusted>(database).await;
    let later = std::cell::Cell::new(0);
    let wait = |_: &crate::connect::Counts| {
        later.set(later.get() + 2);
        house.clock.set(&format!("2026-11-21T12:{:02}:00Z", later.get()));
    };
    let counts = house.syncs.run(super::house::SHOP, false, wait).await.unwrap();
    assert_eq!(counts.sum().created, 25, "{counts:?}");
    assert!(fake.calls_since(0).iter().filter(|call| call.ends_with("/oauth/token")).count() >= 2);
}

impl Expires for Etrusted {
    fn expire_pages(&mut self) {
        self.era += 1;
    }
}

async fn a_page_that_is_not_valid_any_more_begins_it_anew(database: Database) {
    scenarios::a_page_that_is_not_valid_any_more_begins_it_anew::<Etrusted>(database).await;
}

async fn a_review_that_is_approved_later_comes_in_and_one_of_the_erased_does_not(database: Database) {
    let (house, fake) = open::<Etrusted>(database).await;
    house.sync().await.unwrap();
    house.erase_as(&Etrusted::who(3)).await;
    house.clock.set("2026-11-23T09:00:00Z");
    // Written in April, and shown since today.
    fake.with(|reviews| reviews.reviews.insert(0, review(70)));
    for created in [1, 0] {
        let counts = house.sync().await.unwrap();
        let sum = counts.sum();
        assert_eq!((sum.created, sum.updated, sum.suppressed), (created, 0, 0), "{counts:?}");
        assert_eq!((sum.read, sum.unchanged), (PEOPLE as u64 + 1, PEOPLE as u64 + 1 - created), "{counts:?}");
        assert!(house.knows("kunde70@example.org").await && !house.knows_as(&Etrusted::who(3)).await);
        house.wait(3_600);
    }
}

async fn a_review_that_is_gone_there_ends_here(database: Database) {
    let (house, fake) = open::<Etrusted>(database).await;
    house.sync().await.unwrap();
    fake.with(|reviews| reviews.reviews.remove(3));
    let mut ended = Vec::new();
    for _ in 0..3 {
        house.wait(86_400);
        ended.push(house.sync().await.unwrap().streams["reviews"].ended);
    }
    assert_eq!(ended, [0, 1, 0], "one list is no proof");
}

async fn a_review_without_a_customer_is_nobodys_and_keeps_none_from_ending(database: Database) {
    let (house, fake) = open::<Etrusted>(database).await;
    fake.with(|reviews| {
        reviews.reviews[5]["customer"] = json!(null);
        reviews.reviews[6]["customer"] = json!({"firstName": "Erika", "email": ""});
        // A phone number is enough.
        reviews.reviews[7]["customer"] = json!({"firstName": "Erika", "mobile": "+493023125010"});
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().rejected), (PEOPLE as u64 - 2, 0), "{counts:?}");
    fake.with(|reviews| reviews.reviews.remove(3));
    let mut ended = Vec::new();
    for _ in 0..2 {
        house.wait(86_400);
        ended.push(house.sync().await.unwrap().streams["reviews"].ended);
    }
    assert_eq!(ended, [0, 1], "one without a customer keeps it");
}
