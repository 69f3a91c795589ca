//! Billbee.

use serde_json::json;

use super::house::word;
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::Leaves;
use crate::vendors::Break;
use crate::vendors::billbee::Account;

scenarios!(Account);
on_both_databases!(what_a_customer_wrote_comes_in_with_the_order, an_error_in_the_envelope_stops_between_pages);

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

/// Its envelope names errors with a good status, and then there are no pages to count.
async fn an_error_in_the_envelope_stops_between_pages(database: Database) {
    let (house, fake) = open::<Account>(database).await;
    let error = r#"{"Paging": null, "ErrorCode": 5, "ErrorMessage": "kunde7@example.org", "Data": null}"#;
    fake.break_calls(1, &[Break::Instead(error)]);
    assert_eq!(word(house.sync().await), "no_page");
    assert_eq!((fake.calls(), usize::try_from(house.records()).unwrap()), (2, PAGE));
    let cause = &house.history().await[0].cause;
    assert!(cause.ends_with("the next sync asks again (it says `5`)") && !cause.contains("example.org"), "{cause}");
    house.wait(600);
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().unchanged), ((PEOPLE - PAGE) as u64, 0), "{counts:?}");
    // One that stays makes the reading begin anew: the page may be refused for ever.
    fake.break_calls(1, &[Break::Instead(error)]);
    assert_eq!(word(house.syncs.run(super::house::SHOP, true, |_| {}).await), "no_page");
    fake.break_calls(0, &[Break::Instead(error)]);
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().unchanged, counts.streams["orders"].complete), (PEOPLE as u64, true), "{counts:?}");
}
