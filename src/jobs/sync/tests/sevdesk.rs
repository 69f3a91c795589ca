//! sevDesk.

use serde_json::json;

use super::house::SHOP;
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Erasure, Leaves, Person};
use crate::types::{Clock as _, IdentifierKind};
use crate::vendors::sevdesk::{Ledger, contact, credit_note};

scenarios!(Ledger);
on_both_databases!(
    a_contact_with_documents_loses_all_but_its_name_and_addresses,
    a_contact_without_documents_is_deleted_with_all_it_has,
    a_contact_that_may_be_needed_is_left_to_somebody,
    no_law_keeps_a_contact_with_drafts_alone,
    a_supplier_with_the_number_of_a_customer_keeps_everything,
    of_whom_sevdesk_knows_nothing_any_more_nothing_is_left,
    only_of_a_contact_that_is_gone_it_is_believed,
    whom_the_hub_had_emptied_there_does_not_come_back,
    whom_the_hub_had_emptied_there_stays_away_whatever_is_written_beside_it,
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
    const LEAVES: Option<Leaves> = Some(Leaves::ManualTask);

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

/// What becomes of each kind of object: found, and what is left.
fn told(report: &Erasure) -> Vec<(u32, Option<Leaves>)> {
    report.steps.iter().map(|step| (step.found, step.leaves)).collect()
}

async fn a_contact_with_documents_loses_all_but_its_name_and_addresses(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| {
        (ledger.contacts[4]["description"], ledger.contacts[4]["bankAccount"]) =
            (json!("Ruft gern an."), json!("DE00"));
        ledger.credit_notes = vec![credit_note(4, 200)];
        // A draft, and one of last century.
        ledger.invoices[5]["status"] = json!(100);
        ledger.invoices[5]["contact"]["id"] = json!("81004");
        let mut draft = credit_note(5, 100);
        draft["contact"]["id"] = json!("81004");
        ledger.credit_notes.push(draft);
        ledger.invoices[6]["invoiceDate"] = json!("1999-02-02T00:00:00+01:00");
        ledger.invoices[6]["contact"]["id"] = json!("81004");
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let report = connector.erase().unwrap().run(&session, &Ledger::person(4)).await;
    let (kept, hand, gone) = (Some(Leaves::Restricted), Some(Leaves::ManualTask), Some(Leaves::Deleted));
    assert_eq!(
        told(&report),
        [
            (2, hand),
            (1, kept),
            (1, hand),
            (1, hand),
            (1, gone),
            (0, None),
            (1, kept),
            (0, None),
            (1, hand),
            (1, Some(Leaves::Overwritten))
        ],
        "{report:?}"
    );
    assert!(report.steps.iter().all(|step| step.failure.is_none()), "{report:?}");
    let until = |step: usize| (report.steps[step].kept, report.steps[step].kept_until.as_deref());
    assert_eq!([until(0), until(1)], [(1, Some("2034-12-31")); 2], "{report:?}");
    fake.with(|ledger| {
        let contact = &ledger.contacts[4];
        assert_eq!((&contact["familyname"], &contact["customerNumber"]), (&json!("Beispiel4"), &json!("K-4")));
        assert!(contact["bankAccount"].is_null() && !contact.to_string().contains("Ruft gern an"), "{contact}");
        assert_eq!(ledger.ways_gone.iter().collect::<Vec<_>>(), [&66_004], "that of nobody else");
        assert_eq!((ledger.contacts.len(), ledger.addresses.len()), (PEOPLE, PEOPLE));
    });
    // Known by a mail address alone, nobody is looked for, and that is said.
    let calls = fake.calls();
    let person = Person { email: Some(Ledger::email(4)), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!((report.leaves, fake.calls()), (Some(Leaves::ManualTask), calls));
    assert!(report.steps[0].unasked, "{report:?}");
    assert!(report.steps[0].failure.as_ref().unwrap().contains("customer number or account id"), "{report:?}");
}

async fn a_contact_without_documents_is_deleted_with_all_it_has(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| {
        ledger.contacts[4]["customerNumber"] = json!(null);
        ledger.invoices.retain(|one| one["contact"]["id"] != "81004" && one["contact"]["id"] != "81005");
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let by_id = Person { account: Some("81004".to_owned()), ..Person::default() };
    let (none, gone) = ((0, None), (1, Some(Leaves::Deleted)));
    let deleted = [none, none, none, none, gone, gone, none, none, none, none];
    let report = connector.erase().unwrap().run(&session, &by_id).await;
    assert_eq!(told(&report), deleted, "{report:?}");
    assert_eq!((report.leaves, report.steps[5].verified), (Some(Leaves::Deleted), Some(true)), "{report:?}");
    let there = |id: &str| fake.with(|ledger| ledger.contacts.iter().any(|one| one["id"] == id));
    assert!(!there("81004") && there("81005"));
    // Found by both it is one contact.
    let by_both = Person { account: Some("81005".to_owned()), ..Ledger::person(5) };
    let report = connector.erase().unwrap().run(&session, &by_both).await;
    assert_eq!(told(&report), deleted, "{report:?}");
    assert!(!there("81005"));
}

/// An organisation is not deleted under its people, and nothing where nobody can say whether it has documents.
async fn a_contact_that_may_be_needed_is_left_to_somebody(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    let unreadable = [json!(null), json!(""), json!("many")];
    fake.with(|ledger| {
        ledger.invoices.clear();
        ledger.counts.insert(("81002".to_owned(), "persons"), json!("2"));
        for (number, count) in (3..).zip(&unreadable) {
            ledger.counts.insert((format!("{}", 81_000 + number), "orders"), count.clone());
        }
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    for number in 2..3 + unreadable.len() {
        let report = connector.erase().unwrap().run(&session, &Ledger::person(number)).await;
        let step = &report.steps[5];
        assert_eq!((step.found, step.failure.is_some()), (0, number > 2), "{number}: {report:?}");
        let hand = (1, Some(Leaves::ManualTask));
        assert_eq!(told(&report)[6..9], [(0, None), hand, hand], "{number}: {report:?}");
        assert_eq!(report.leaves, Some(Leaves::ManualTask));
    }
    assert_eq!(fake.with(|ledger| ledger.contacts.len()), PEOPLE, "one was deleted");
}

async fn no_law_keeps_a_contact_with_drafts_alone(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| {
        ledger.invoices[4]["status"] = json!("100");
        // Of the other one a credit note is final.
        ledger.invoices[5]["status"] = json!("50");
        ledger.credit_notes = vec![credit_note(5, 200)];
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let (none, kept, hand) = ((0, None), (1, Some(Leaves::Restricted)), (1, Some(Leaves::ManualTask)));
    for (number, name) in [(4, [none, hand]), (5, [kept, none])] {
        let by_id = Person { account: Some(format!("{}", 81_000 + number)), ..Person::default() };
        for person in [Ledger::person(number), by_id] {
            let report = connector.erase().unwrap().run(&session, &person).await;
            assert_eq!(told(&report)[6..8], name, "{report:?}");
            assert!(report.steps.iter().all(|step| step.failure.is_none()), "{report:?}");
        }
    }
}

async fn a_supplier_with_the_number_of_a_customer_keeps_everything(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| {
        ledger.invoices.retain(|one| one["contact"]["id"] != "81004");
        let mut supplier = contact(70);
        (supplier["customerNumber"], supplier["category"], supplier["bankAccount"]) =
            (json!("K-4"), json!({"id": "4"}), json!("DE00"));
        ledger.contacts.push(supplier);
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let report = connector.erase().unwrap().run(&session, &Ledger::person(4)).await;
    let (none, gone) = ((0, None), (1, Some(Leaves::Deleted)));
    assert_eq!(told(&report), [none, none, none, none, gone, gone, none, none, none, none], "{report:?}");
    fake.with(|ledger| {
        assert_eq!(ledger.ways_gone.iter().collect::<Vec<_>>(), [&66_004], "that of nobody else");
        let supplier = ledger.contacts.iter().find(|one| one["id"] == "81070").expect("the supplier was deleted");
        assert_eq!((&supplier["bankAccount"], &supplier["description"]), (&json!("DE00"), &json!(null)));
        assert!(ledger.contacts.iter().all(|one| one["id"] != "81004"), "the customer is there");
        // Of what kind the contact is must be told.
        ledger.contacts.iter_mut().find(|one| one["id"] == "81005").unwrap()["category"] = json!(null);
    });
    let report = connector.erase().unwrap().run(&session, &Ledger::person(5)).await;
    assert!(report.steps.iter().all(|step| step.failure.is_some() && step.found == 0), "{report:?}");
}

/// It says so with 400.
async fn of_whom_sevdesk_knows_nothing_any_more_nothing_is_left(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| ledger.contacts.remove(4));
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let by_id = Person { account: Some("81004".to_owned()), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &by_id).await;
    assert!(report.steps.iter().all(|step| step.failure.is_none() && step.found == 0), "{report:?}");
    assert_eq!(report.leaves, None, "{report:?}");
}

/// Something else that is not found says nothing of the contact.
async fn only_of_a_contact_that_is_gone_it_is_believed(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| ledger.invoices.clear());
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let by_id = Person { account: Some("81004".to_owned()), ..Person::default() };
    let others = ["Accounting contact was not found", "Bad request. Contact address was not found", "Route not found"];
    for said in others {
        fake.with(|ledger| ledger.says_of_contacts = Some(said));
        let report = connector.erase().unwrap().run(&session, &by_id).await;
        assert!(report.steps.iter().all(|step| step.failure.is_some()), "{said}: {report:?}");
        assert_eq!(report.leaves, Some(Leaves::ManualTask), "{said}: {report:?}");
    }
    for said in ["Bad request. Contact was not found", "contact was not found"] {
        fake.with(|ledger| ledger.says_of_contacts = Some(said));
        let report = connector.erase().unwrap().run(&session, &by_id).await;
        assert!(
            report.leaves.is_none() && report.steps.iter().all(|step| step.failure.is_none()),
            "{said}: {report:?}"
        );
    }
    assert_eq!(fake.with(|ledger| ledger.contacts.len()), PEOPLE);
}

/// What the hub changes there is newer than the erasure, and no word of anybody's.
async fn whom_the_hub_had_emptied_there_does_not_come_back(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    house.sync().await.unwrap();
    house.erase_as(&Ledger::who(3)).await;
    house.wait(3_600);
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let report = session.connector().clone().erase().unwrap().run(&session, &Ledger::person(3)).await;
    assert_eq!(report.leaves, Some(Leaves::ManualTask), "{report:?}");
    let changed = |ledger: &mut Ledger| ledger.contacts[3]["update"].as_str().unwrap().starts_with("2026-11-21T13");
    assert!(fake.with(changed), "it would be news");
    let account = (IdentifierKind::Account, "81003".to_owned());
    // Nor does a postal address of theirs that is corrected afterwards.
    fake.with(|ledger| {
        (ledger.addresses[3]["street"], ledger.addresses[3]["update"]) =
            (json!("Lindenweg 99"), json!("2026-11-21T14:30:00+01:00"));
    });
    for whole in [false, true] {
        house.wait(3_600);
        let counts = house.syncs.run(SHOP, whole, |_| {}).await.unwrap();
        assert_eq!((counts.sum().created, counts.sum().rejected), (0, 0), "{counts:?}");
        assert!(!house.knows_as(&account).await && !house.knows_as(&Ledger::who(3)).await);
    }
}

/// Somebody adds a word to the note, before it or after it. The hub has no erasure of theirs in mind that would keep them away.
async fn whom_the_hub_had_emptied_there_stays_away_whatever_is_written_beside_it(database: Database) {
    let (house, fake) = open::<Ledger>(database).await;
    fake.with(|ledger| {
        ledger.invoices.retain(|one| one["contact"]["id"] != "81003");
        ledger.counts.insert(("81003".to_owned(), "orders"), json!("1"));
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    session.connector().clone().erase().unwrap().run(&session, &Ledger::person(3)).await;
    let mark = fake.with(|ledger| ledger.contacts[3]["description"].as_str().unwrap().to_owned());
    let account = (IdentifierKind::Account, "81003".to_owned());
    let write = |note: String| {
        house.wait(7_200);
        let at = house.clock.now().rfc3339();
        fake.with(|ledger| {
            // Of an address the contact comes embedded.
            (ledger.contacts[3]["description"], ledger.contacts[3]["update"]) = (json!(note), json!(at));
            ledger.addresses[3]["update"] = json!(at);
        });
        house.wait(3_600);
    };
    for note in [mark.clone(), format!("{mark}, Frau Muster"), format!("Rest offen. {mark}")] {
        write(note.clone());
        for whole in [false, true] {
            let counts = house.syncs.run(SHOP, whole, |_| {}).await.unwrap();
            assert_eq!(counts.sum().rejected, 0, "{note}: {counts:?}");
            assert!(!house.knows_as(&account).await, "{note}: {counts:?}");
        }
    }
    // Until somebody takes it out.
    write("Frau Muster".to_owned());
    let counts = house.sync().await.unwrap();
    assert!(house.knows_as(&account).await, "{counts:?}");
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
