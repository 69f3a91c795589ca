//! Amazon.

use serde_json::json;

use super::house::{House, SHOP, word};
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Leaves, Paces, Vendors};
use crate::vendors::Break;
use crate::vendors::amazon::Marketplace;

scenarios!(Marketplace);
on_both_databases!(
    a_page_token_that_ended_begins_the_reading_anew,
    its_terms_come_with_it,
    searches_come_as_fast_as_amazon_says_for_this_seller,
    a_refresh_token_that_is_replaced_is_lost_by_nobody,
    a_role_that_is_missing_is_no_wrong_credential,
    two_who_need_a_token_change_the_refresh_token_once,
);

impl Case for Marketplace {
    const CONNECTOR: &'static str = "amazon_sp_api";
    const VIA: &'static [&'static str] = &["https://sellingpartnerapi-eu.amazon.com", "https://api.amazon.com"];
    const RECORDS: u64 = 1;
    const CHANGED: u64 = 1;
    const READ_AGAIN: u64 = 1;
    const LEAVES: Option<Leaves> = Some(Leaves::Impossible);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", "amzn1.application-oa2-client.test".to_owned()),
            ("client_secret", "amzn1.oa2-cs.v1.secret".to_owned()),
            ("refresh_token", "Atzr|refresh".to_owned()),
        ]
    }

    fn change(&mut self, at: &str) {
        self.orders[0]["fulfillment"]["fulfillmentStatus"] = json!("SHIPPED");
        self.orders[0]["lastUpdatedTime"] = json!(at);
    }

    fn revoke(&mut self) {
        self.authorised = false;
    }

    fn restore(&mut self) {
        self.authorised = true;
    }

    fn email(number: usize) -> String {
        format!("kunde{number}@marketplace.amazon.de")
    }
}

async fn a_page_token_that_ended_begins_the_reading_anew(database: Database) {
    let (house, fake) = open::<Marketplace>(database).await;
    // The reading is cut short, and goes on within the day for which the token of the next page is good, or after it.
    for (round, hours, ended) in [(0, 20, 0), (1, 25, 1)] {
        let mut pages = 0;
        let revoke = |_: &crate::connect::Counts| {
            pages += 1;
            if pages == 1 {
                fake.with(Case::revoke);
            }
        };
        assert_eq!(word(house.syncs.run(SHOP, round > 0, revoke).await), "credentials_refused");
        fake.with(Case::restore);
        house.wait(hours * 3_600);
        let before = fake.with(|amazon| amazon.ended);
        let counts = house.sync().await.unwrap();
        assert_eq!(fake.with(|amazon| amazon.ended) - before, ended, "after {hours} hours");
        assert!(counts.streams["orders"].complete, "{counts:?}");
        let came = if ended == 0 { PEOPLE - PAGE } else { PEOPLE };
        assert!(counts.sum().read <= came as u64, "{counts:?}");
        assert_eq!(house.records(), i64::try_from(PEOPLE).unwrap(), "{counts:?}");
    }
}

async fn a_role_that_is_missing_is_no_wrong_credential(database: Database) {
    let (house, fake) = open::<Marketplace>(database).await;
    fake.with(|amazon| amazon.has_role = false);
    let fault = house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap_err();
    assert_eq!(fault.word(), "permission_missing");
    assert!(fault.to_string().contains("Direct-to-Consumer Delivery") && !fault.to_string().contains("make new ones"));
    assert_eq!(word(house.sync().await), "permission_missing");
    // A token that ended before its time is made anew, and what is taken back is another matter.
    fake.with(|amazon| (amazon.has_role, amazon.authorised) = (true, false));
    assert_eq!(word(house.sync().await), "credentials_refused");
}

async fn its_terms_come_with_it(database: Database) {
    let (house, _fake) = open::<Marketplace>(database).await;
    let edition = house.syncs.vendors.rulebook.edition();
    let terms = &edition.source_named(SHOP).unwrap().terms;
    assert_eq!(terms.keep_days_after_delivery, Some(30));
    assert!(terms.purposes.as_ref().unwrap().iter().all(|purpose| !purpose.as_str().contains("newsletter")));
}

async fn a_refresh_token_that_is_replaced_is_lost_by_nobody(database: Database) {
    let (house, fake) = open::<Marketplace>(database).await;
    fake.with(|amazon| amazon.rotates = true);
    // Two processes have the same one, and it is worth something once.
    let vendors = &house.syncs.vendors;
    let elsewhere = another_process(&house);
    let (one, other) = (vendors.session(SHOP).await.unwrap(), elsewhere.session(SHOP).await.unwrap());
    for session in [&one, &other] {
        session.test().await.unwrap();
    }
    // What somebody enters does not put the old one back.
    house.set(&[("client_secret", "amzn1.oa2-cs.v1.secret")]).await;
    let kept = vendors.connections.of(house.source()).await.unwrap().unwrap();
    assert_eq!(kept.parameters["refresh_token"], fake.with(|amazon| amazon.refresh.clone()));
    assert_eq!(kept.parameters["refresh_token"], "Atzr|refresh++");
    // Nor is the one lost that is handed out while somebody tries what they entered.
    let tried = vendors.rehearse("amazon_sp_api", &kept).unwrap();
    tried.test().await.unwrap();
    let handed_out = ("refresh_token".to_owned(), fake.with(|amazon| amazon.refresh.clone()));
    assert_eq!(tried.refreshed(), Some(handed_out));
}

fn another_process(house: &House) -> Vendors {
    let Vendors { catalog, connections, rulebook, surroundings, .. } = &*house.syncs.vendors;
    let (catalog, connections, rulebook) = (catalog.clone(), connections.clone(), rulebook.clone());
    Vendors { catalog, connections, rulebook, surroundings: surroundings.clone(), paces: Paces::default() }
}

async fn two_who_need_a_token_change_the_refresh_token_once(database: Database) {
    let (house, fake) = open::<Marketplace>(database).await;
    fake.with(|amazon| amazon.rotates = true);
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(house.syncs.vendors.session(SHOP).await.unwrap());
    }
    let tried = futures_util::future::join_all(sessions.iter().map(crate::connect::Session::test)).await;
    assert!(tried.iter().all(Result::is_ok), "{tried:?}");
    assert_eq!(fake.with(|amazon| amazon.refresh.clone()), "Atzr|refresh+");
    // Another process changes it while this one asks with the one before: it is refused, reads the newer one, and asks again.
    house.wait(7_200);
    let before = fake.calls();
    fake.break_calls(0, &[Break::Status(400)]);
    fake.slow_down(std::time::Duration::from_millis(400));
    let changes = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        house.set(&[("refresh_token", "Atzr|another")]).await;
    };
    let refreshed = async {
        let tried = sessions[0].test().await;
        fake.slow_down(std::time::Duration::ZERO);
        tried
    };
    let (tried, ()) = futures_util::join!(refreshed, async {
        changes.await;
        fake.with(|amazon| amazon.refresh = "Atzr|another".to_owned());
    });
    tried.unwrap();
    let tokens = fake.calls_since(before).iter().filter(|call| call.ends_with("/token")).count();
    assert_eq!(tokens, 2, "{:?}", fake.calls_since(before));
}

async fn searches_come_as_fast_as_amazon_says_for_this_seller(database: Database) {
    let (house, fake) = open::<Marketplace>(database).await;
    // One order a page: five searches more than the bucket holds. By default each of them would wait three minutes.
    for (rate, waits) in [(0.5, 8..=15), (0.004, 1_200..=1_300)] {
        fake.with(|amazon| *amazon = Marketplace::with_people(PEOPLE, 1));
        fake.with(|amazon| amazon.rate = rate);
        house.wait(86_400);
        house.syncs.run(SHOP, true, |_| {}).await.unwrap();
        let waited = house.waited();
        assert!(waits.contains(&waited), "{rate}: {waited}");
        assert_eq!(fake.with(|amazon| amazon.refused), 0, "{rate}");
    }
}
