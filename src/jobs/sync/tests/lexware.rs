//! Lexware Office.

use serde_json::json;

use super::house::{SHOP, brought, word};
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Leaves, Person, StepReport};
use crate::vendors::lexware::{Books, credit_note};

scenarios!(Books);
on_both_databases!(
    a_contact_that_cannot_be_changed_is_left_to_somebody,
    a_contact_without_a_mail_address_is_found_by_its_id,
    one_invoice_that_cannot_be_had_keeps_no_other_from_coming_in,
    an_interface_that_knows_nothing_of_what_it_lists_is_a_fault,
    two_conversations_share_the_windows_of_a_source,
    credit_notes_come_in_beside_invoices,
    invoices_come_in_whatever_state_they_are_in,
);

async fn credit_notes_come_in_beside_invoices(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    fake.with(|books| {
        books.credit_notes = vec![credit_note(3, "open"), credit_note(4, "draft"), credit_note(5, "voided")]
    });
    let counts = house.sync().await.unwrap();
    let notes = counts.streams["credit_notes"];
    // Of a draft nothing comes in.
    assert_eq!((notes.read, notes.created, notes.rejected), (3, 2, 0), "{counts:?}");
    assert_eq!(counts.streams["invoices"].created, PEOPLE as u64, "{counts:?}");
    // One that changes comes again, and it alone.
    house.wait(86_400);
    fake.with(|books| {
        (books.credit_notes[0]["voucherStatus"], books.credit_notes[0]["updatedDate"]) =
            (json!("paidoff"), json!("2026-11-22T09:00:00.000+01:00"));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["credit_notes"].read, counts.streams["credit_notes"].updated), (1, 1), "{counts:?}");
}

async fn invoices_come_in_whatever_state_they_are_in(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    let states = ["open", "overdue", "sepadebit", "transferred", "voided", "paidoff", "draft"];
    fake.with(|books| {
        for (number, state) in states.iter().enumerate() {
            books.invoices[number]["voucherStatus"] = json!(state);
        }
        books.contacts[6]["emailAddresses"]["private"] = json!(["kunde1@example.org"]);
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["invoices"].created, counts.sum().rejected), (PEOPLE as u64 - 1, 0), "{counts:?}");
    // One that is overdue is kept by the law like any other, and a draft by nothing.
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let person = Person { email: Some("kunde1@example.org".to_owned()), ..Person::default() };
    let report = session.connector().clone().erase().unwrap().run(&session, &person).await;
    let told: Vec<_> = report.steps.iter().take(2).map(|step| (step.found, step.kept, step.leaves)).collect();
    assert_eq!(told, [(1, 1, Some(Leaves::Restricted)), (1, 0, Some(Leaves::ManualTask))], "{report:?}");
    assert_eq!(report.leaves, Some(Leaves::ManualTask));
}

impl Case for Books {
    const CONNECTOR: &'static str = "lexware_office";
    const VIA: &'static [&'static str] = &["https://api.lexware.io"];
    const RECORDS: u64 = 2;
    const CHANGED: u64 = 2;
    const READ_AGAIN: u64 = PEOPLE as u64 + 1;
    const LEAVES: Option<Leaves> = Some(Leaves::Restricted);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![("api_key", "a-key-of-lexware".to_owned())]
    }

    fn change(&mut self, at: &str) {
        (self.contacts[0]["note"], self.contacts[0]["version"]) = (json!("Ruft gern an."), json!(2));
        (self.invoices[0]["voucherStatus"], self.invoices[0]["updatedDate"]) = (json!("voided"), json!(at));
    }

    fn revoke(&mut self) {
        self.key_is_valid = false;
    }

    fn restore(&mut self) {
        self.key_is_valid = true;
    }
}

async fn a_contact_that_cannot_be_changed_is_left_to_somebody(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    fake.with(|books| {
        // Found by a part of its address, and somebody else's.
        books.contacts[5]["emailAddresses"]["private"] = json!(["alt-kunde4@example.org"]);
        books.contacts[6]["emailAddresses"]["private"] = json!(["kunde6@example.org", "zweite@example.org"]);
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let forget = async |email: &str| {
        let person = Person { email: Some(email.to_owned()), ..Person::default() };
        connector.erase().unwrap().run(&session, &person).await
    };
    let done = forget("kunde4@example.org").await;
    let kept = |step: &StepReport| (step.found, step.leaves, step.kept_until.clone());
    let until = Some("2034-12-31".to_owned());
    assert_eq!(kept(&done.steps[0]), (1, Some(Leaves::Restricted), until), "the invoice is final: {done:?}");
    assert_eq!((done.steps[2].found, done.steps[2].leaves), (1, Some(Leaves::Restricted)), "{done:?}");
    assert_eq!((done.steps[3].found, done.steps[3].leaves), (1, Some(Leaves::Overwritten)), "{done:?}");
    fake.with(|books| {
        assert_eq!(books.contacts[4].get("emailAddresses"), None);
        assert_eq!(books.contacts[4]["person"]["lastName"], "Beispiel4", "the invoice needs the name");
        assert!(books.contacts[5].get("emailAddresses").is_some(), "that was somebody else");
    });
    let left = forget("kunde6@example.org").await;
    assert_eq!(left.leaves, Some(Leaves::ManualTask), "{left:?}");
    assert!(left.steps[3].failure.as_ref().unwrap().contains("406"), "{left:?}");
}

async fn a_contact_without_a_mail_address_is_found_by_its_id(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    fake.with(|books| {
        let contact = books.contacts[4].as_object_mut().unwrap();
        contact.remove("emailAddresses");
        contact.insert("phoneNumbers".to_owned(), json!({"mobile": ["+49 171 2345678"]}));
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let id = fake.with(|books| books.contacts[4]["id"].as_str().unwrap().to_owned());
    let person = Person { account: Some(id), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!((report.leaves, report.steps[3].leaves), (Some(Leaves::Restricted), Some(Leaves::Overwritten)));
    assert_eq!((report.steps[0].kept, report.steps[0].next_ripe.as_deref()), (1, Some("2034-12-31")), "{report:?}");
    assert_eq!((report.steps[3].found, report.steps[3].verified), (1, Some(true)), "{report:?}");
    fake.with(|books| {
        assert_eq!(books.contacts[4].get("phoneNumbers"), None);
        assert_eq!(books.contacts[4]["person"]["lastName"], "Beispiel4", "the invoice needs the name");
    });
    // When the law's period ends it is somebody's turn.
    house.clock.set("2035-01-01T00:30:00Z");
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!((report.steps[0].kept, report.steps[0].leaves), (0, Some(Leaves::ManualTask)), "{report:?}");
}

async fn one_invoice_that_cannot_be_had_keeps_no_other_from_coming_in(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    // One that fails for ever, one that is refused, one that went away.
    let id = |number: usize| format!("e0000000-0000-4000-8000-{number:012}");
    fake.with(|books| books.broken = [(id(3), 500), (id(14), 422), (id(15), 404)].into());
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [47, 0, 0, 0, 3], "{counts:?}");
    assert!(counts.streams["invoices"].complete);
    assert_eq!(counts.rejections.len(), 3, "{counts:?}");
    assert!(counts.rejections.keys().any(|reason| reason.contains("could not be had")), "{counts:?}");
    // What failed is looked for again, and found; what was refused is not asked for again and again.
    fake.with(|books| books.broken.clear());
    house.clock.set("2026-11-22T12:00:00Z");
    fake.with(|books| books.invoices[3]["updatedDate"] = json!("2026-11-20T10:00:00.000+01:00"));
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().rejected), (1, 0), "{counts:?}");
}

async fn an_interface_that_knows_nothing_of_what_it_lists_is_a_fault(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    let id = |number: usize| format!("e0000000-0000-4000-8000-{number:012}");
    fake.with(|books| books.broken = (0..PEOPLE).map(|number| (id(number), 404)).collect());
    assert_eq!(word(house.sync().await), "not_found", "the place must not move over what is not in");
    fake.with(|books| books.broken.clear());
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["invoices"].created, counts.sum().rejected), (PEOPLE as u64, 0), "{counts:?}");
}

async fn two_conversations_share_the_windows_of_a_source(database: Database) {
    let (house, fake) = open::<Books>(database).await;
    let sessions = [house.syncs.vendors.session(SHOP).await.unwrap(), house.syncs.vendors.session(SHOP).await.unwrap()];
    house.waited();
    for _ in 0..4 {
        for session in &sessions {
            session.test().await.unwrap();
        }
    }
    // Two a second: without sharing, each would take the whole and the vendor would refuse the other.
    assert_eq!(fake.calls(), 8, "none was refused");
    assert!(house.waited() >= 2);
}
