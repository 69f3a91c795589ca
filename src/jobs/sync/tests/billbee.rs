//! Billbee.

use serde_json::json;

use super::house::word;
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::Leaves;
use crate::vendors::Break;
use crate::vendors::billbee::Account;

scenarios!(Account);
on_both_databases!(
    what_a_customer_wrote_comes_in_with_the_order,
    an_error_in_the_envelope_stops_between_pages,
    an_invoice_comes_in_where_its_order_says_whose_terms_go_with_it,
    an_invoice_that_is_paid_later_comes_again,
);

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
    assert_eq!((counts.sum().created, counts.sum().rejected), (2 * PEOPLE as u64 + 1, 0), "{counts:?}");
    assert!(!house.database.dump().join("\n").contains("klingeln"), "what somebody wrote lies open");
}

impl Case for Account {
    const CONNECTOR: &'static str = "billbee";
    const VIA: &'static [&'static str] = &["https://api.billbee.io"];
    const RECORDS: u64 = 2;
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
    // Before the orders an empty list of invoices is read.
    fake.with(|account| account.invoices.clear());
    let error = r#"{"Paging": null, "ErrorCode": 5, "ErrorMessage": "kunde7@example.org", "Data": null}"#;
    fake.break_calls(2, &[Break::Instead(error)]);
    assert_eq!(word(house.sync().await), "no_page");
    let pages = fake.calls_since(0).iter().filter(|call| call.ends_with("/orders")).count();
    assert_eq!((pages, usize::try_from(house.records()).unwrap()), (2, PAGE));
    let cause = &house.history().await[0].cause;
    assert!(cause.ends_with("the next sync asks again (it says `5`)") && !cause.contains("example.org"), "{cause}");
    house.wait(600);
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().unchanged), ((PEOPLE - PAGE) as u64, 0), "{counts:?}");
    // One that stays makes the reading begin anew: the page may be refused for ever. (The same page of invoices is refused within a minute.)
    house.wait(60);
    fake.break_calls(2, &[Break::Instead(error)]);
    assert_eq!(word(house.syncs.run(super::house::SHOP, true, |_| {}).await), "no_page");
    house.wait(60);
    fake.break_calls(1, &[Break::Instead(error)]);
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().unchanged, counts.streams["orders"].complete), (PEOPLE as u64, true), "{counts:?}");
}

/// The list of invoices does not say which of them are Amazon's, whose terms go with what was sold there.
async fn an_invoice_comes_in_where_its_order_says_whose_terms_go_with_it(database: Database) {
    let (house, fake) = open::<Account>(database).await;
    fake.with(|account| {
        // Sold at Amazon; an order with a number of Amazon's whose place of sale nobody says; one that says no place at all, and one that is
        // not there any more.
        account.orders[1]["Seller"]["Platform"] = json!("Amazon");
        (account.orders[2]["Seller"], account.orders[2]["Id"]) = (json!(null), json!("305-1234567-7654321"));
        (account.orders[3]["Seller"], account.orders[3]["Buyer"]) = (json!(null), json!({"Platform": " "}));
        account.orders.remove(4);
        // What is charged besides its positions does not fit its total, and what gives money back.
        account.invoices[5]["TotalGross"] = json!(21.9);
        (account.invoices[6]["TotalGross"], account.invoices[6]["Type"]) = (json!(-24.8), json!("credit"));
        (account.invoices[6]["Positions"][0]["TotalGrossValue"], account.invoices[6]["AdditionalFees"][0]["Gross"]) =
            (json!(-19.9), json!(-4.9));
        account.invoices[7]["Type"] = json!("reminder");
        // As Billbee calls it, and as a cancellation comes that it calls an invoice.
        account.invoices[8]["Type"] = json!("creditnote");
        (account.invoices[9]["TotalGross"], account.invoices[9]["AdditionalFees"]) = (json!(-19.9), json!([]));
        account.invoices[9]["Positions"][0]["TotalGrossValue"] = json!(-19.9);
    });
    let counts = house.sync().await.unwrap();
    let invoices = &counts.streams["invoices"];
    assert_eq!((invoices.created, invoices.rejected), (PEOPLE as u64 - 6, 4), "{counts:?}");
    assert!(invoices.complete, "one bad object stops nothing");
    // Whose order is Amazon's is nobody here by the invoice either.
    for number in [1, 2] {
        assert!(!house.knows(&Account::email(number)).await, "{number}");
    }
    for number in [3, 5, 6, 7] {
        assert!(house.knows(&Account::email(number)).await, "{number}");
    }
    assert!(!house.knows(&Account::email(4)).await);
    let causes = format!("{:?}", house.history().await[0].counts);
    assert!(causes.contains("under whose terms") && !causes.contains("example.org"), "{causes}");
    // Once a minute, and an order six times: that is waited out.
    house.waited();
    assert_eq!(house.syncs.run(super::house::SHOP, true, |_| {}).await.unwrap().streams["invoices"].created, 0);
    assert!(house.waited() >= 30);
    // What comes later is read by its date.
    fake.with(|account| {
        let mut late = account.invoices[8].clone();
        (late["InvoiceNumber"], late["InvoiceDate"]) = (json!("RE-900"), json!("2026-11-22T09:00:00.000"));
        account.invoices.push(late);
    });
    house.clock.set("2026-11-22T10:00:00Z");
    let invoices = house.sync().await.unwrap().streams["invoices"];
    assert_eq!((invoices.read, invoices.created), (1, 1), "{invoices:?}");
}

/// The date of an invoice says nothing of its payment.
async fn an_invoice_that_is_paid_later_comes_again(database: Database) {
    let (house, fake) = open::<Account>(database).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-24T10:00:00Z");
    fake.with(|account| {
        // The day before, as the bank says, and on the very day of a first reading that knew nothing of it.
        account.invoices[3]["PayDate"] = json!("2026-11-23T00:00:00.000");
        account.invoices[4]["PayDate"] = json!("2026-11-21T00:00:00.000");
        // Long ago: nobody asks for that any more.
        account.invoices[5]["PayDate"] = json!("2026-06-01T00:00:00.000");
    });
    let counts = house.sync().await.unwrap();
    let paid = counts.streams["paid_invoices"];
    assert_eq!((paid.read, paid.updated, paid.created, paid.rejected), (2, 2, 0, 0), "{counts:?}");
    house.clock.set("2026-11-24T12:00:00Z");
    let again = house.sync().await.unwrap().streams["paid_invoices"];
    assert_eq!((again.updated, again.stale), (0, 0), "{again:?}");
    // Read whole it is the same.
    let counts = house.syncs.run(super::house::SHOP, true, |_| {}).await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().stale, counts.sum().rejected), (0, 0, 0), "{counts:?}");
}
