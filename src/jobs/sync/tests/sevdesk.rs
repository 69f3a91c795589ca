//! sevDesk.

use serde_json::json;

use super::house::SHOP;
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Leaves, Person};
use crate::vendors::sevdesk::{Ledger, contact, credit_note};

scenarios!(Ledger);
on_both_databases!(
    a_contact_with_booked_documents_is_left_to_somebody,
    a_contact_without_a_number_is_found_by_its_id,
    a_mail_address_that_changes_takes_effect_each_time,
    a_contact_with_an_old_date_comes_in_with_its_details,
    a_credit_note_is_no_invoice_of_its_id,
);

async fn a_credit_note_is_no_invoice_of_its_id(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| ledger.credit_notes = vec![credit_note(3, 200), credit_note(4, 100), credit_note(5, 1000)]);
    let counts = house.sync().await.unwrap();
    let notes = counts.streams["credit_notes"];
    assert_eq!((notes.read, notes.created, notes.rejected), (3, 2, 0), "{counts:?}");
    let invoices = counts.streams["invoices"];
    assert_eq!((invoices.created, invoices.stale, invoices.updated), (PEOPLE as u64, 0, 0), "{counts:?}");
    // One that is paid comes again, and takes no invoice's place.
    house.wait(3_600);
    fake.with(|ledger| {
        (ledger.credit_notes[0]["status"], ledger.credit_notes[0]["update"]) =
            (json!("1000"), json!("2026-11-21T13:30:00+01:00"));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().updated, counts.sum().created), (1, 0), "{counts:?}");
}

impl Case for Ledger {
    const CONNECTOR: &'static str = "sevdesk";
    const VIA: &'static [&'static str] = &["https://my.sevdesk.de"];
    const RECORDS: u64 = 3;
    const CHANGED: u64 = 3;
    const READ_AGAIN: u64 = 4 * PEOPLE as u64;
    const TWICE: u64 = 1;
    const LEAVES: Option<Leaves> = Some(Leaves::Deleted);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![("api_token", "b7794de0085f5cd00560f160f290af38".to_owned())]
    }

    fn person(number: usize) -> Person {
        Person { customer_number: Some(format!("K-{number}")), ..Person::default() }
    }

    fn change(&mut self, at: &str) {
        (self.contacts[0]["description"], self.contacts[0]["update"]) = (json!("Ruft gern an."), json!(at));
        (self.addresses[0]["street"], self.addresses[0]["update"]) = (json!("Lindenweg 99"), json!(at));
        (self.invoices[0]["status"], self.invoices[0]["update"]) = (json!("750"), json!(at));
    }

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }
}

async fn a_contact_with_booked_documents_is_left_to_somebody(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| ledger.booked.push("81004".to_owned()));
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let report = connector.erase().unwrap().run(&session, &Ledger::person(4)).await;
    assert_eq!((report.steps[0].found, report.leaves), (1, Some(Leaves::ManualTask)), "{report:?}");
    assert!(report.steps[0].failure.as_ref().unwrap().contains("409"), "{report:?}");
    // Known by a mail address alone, nobody is looked for, and that is said.
    let calls = fake.calls();
    let person = Person { email: Some(Ledger::email(4)), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!((report.leaves, fake.calls()), (Some(Leaves::ManualTask), calls));
    assert!(report.steps[0].unasked, "{report:?}");
    assert!(report.steps[0].failure.as_ref().unwrap().contains("customer number or account id"), "{report:?}");
}

async fn a_contact_without_a_number_is_found_by_its_id(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| ledger.contacts[4]["customerNumber"] = json!(null));
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let by_id = Person { account: Some("81004".to_owned()), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &by_id).await;
    assert_eq!((report.steps[0].found, report.steps[0].verified), (1, Some(true)), "{report:?}");
    assert!(fake.with(|ledger| ledger.contacts.iter().all(|one| one["id"] != "81004")));
    // Found by both it is one contact.
    let by_both = Person { account: Some("81005".to_owned()), ..Ledger::person(5) };
    let report = connector.erase().unwrap().run(&session, &by_both).await;
    assert_eq!((report.steps[0].found, report.leaves), (1, Some(Leaves::Deleted)), "{report:?}");
}

async fn a_mail_address_that_changes_takes_effect_each_time(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    house.sync().await.unwrap();
    for round in 1..=4 {
        house.wait(86_400);
        let mail = format!("neu{round}@example.org");
        let at = format!("2026-11-2{}T10:00:00+01:00", 1 + round);
        fake.with(|ledger| ledger.mails.insert(3, (mail.clone(), at)));
        let before = fake.calls();
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().updated, counts.sum().stale), (1, 0), "{counts:?}");
        assert!(house.knows(&mail).await, "round {round}");
        let calls = fake.calls_since(before);
        let contacts: Vec<_> = calls.iter().filter(|call| call.contains("/Contact/")).collect();
        assert_eq!((contacts.len(), details(&calls)), (1, PAGES + 1), "its contact is read, and no other: {calls:?}");
        // It took the place of the one before.
        let last = if round == 1 { Ledger::email(3) } else { format!("neu{}@example.org", round - 1) };
        assert!(!house.knows(&last).await, "round {round}");
    }
    // Nothing more with a full sync.
    house.wait(86_400);
    let counts = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!((counts.sum().updated, counts.sum().created, counts.sum().stale), (0, 0, 0), "{counts:?}");
}

/// Pages of the list of all mail addresses and numbers.
const PAGES: usize = PEOPLE.div_ceil(PAGE);

/// Calls for addresses and numbers: of all, and of one contact.
fn details(calls: &[String]) -> usize {
    calls.iter().filter(|call| call.ends_with("/CommunicationWay")).count()
}

async fn a_contact_with_an_old_date_comes_in_with_its_details(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    house.sync().await.unwrap();
    house.wait(86_400);
    // It was put in with the dates of another program.
    fake.with(|ledger| ledger.contacts.insert(0, contact(70)));
    let before = fake.calls();
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.streams["contacts"].unchanged), (1, PEOPLE as u64), "{counts:?}");
    assert!(house.knows("kunde70@example.org").await);
    assert_eq!(details(&fake.calls_since(before)), PAGES + 1, "nothing else is asked for");
    house.wait(86_400);
    let before = fake.calls();
    assert_eq!(house.sync().await.unwrap().sum().created, 0);
    assert_eq!(details(&fake.calls_since(before)), PAGES);
}
