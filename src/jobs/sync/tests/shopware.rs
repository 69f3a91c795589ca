//! Shopware 6.

use serde_json::json;

use super::house::{House, SHOP, brought, word};
use crate::connect::{Counts, Leaves, Person};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::store::syncs::SyncState;
use crate::vendors::shopware::{Shop, customer, email, id, order, review};
use crate::vendors::{Break, Fake};

on_both_databases!(
    everything_comes_in_page_by_page_and_only_once,
    only_what_changed_is_asked_for,
    what_customers_say_of_products_is_theirs,
    an_object_that_goes_away_during_the_reading_pushes_none_out_of_sight,
    what_changes_during_the_reading_comes_with_the_next_one,
    a_broken_object_is_rejected_with_its_reason_and_the_others_come_in,
    erased_at_the_vendor_and_here_they_stay_erased,
    an_erasure_that_the_vendor_only_pretends_is_not_called_one,
    whose_address_was_changed_there_is_found_by_account_and_number,
    a_right_that_is_missing_is_told_before_the_first_sync,
    nothing_secret_lies_open,
);

pub(in crate::jobs) async fn shop(database: Database, people: usize) -> (House, Fake<Shop>) {
    let house = House::open(database).await;
    let fake = Fake::serve(Shop::with_people(people), house.clock.clone());
    connect(&house, &fake).await;
    (house, fake)
}

pub(super) async fn connect(house: &House, fake: &Fake<Shop>) {
    let secret = fake.with(|shop| shop.secret.clone());
    let parameters = [("shop_url", fake.address()), ("client_id", "SWIATEST"), ("client_secret", secret.as_str())];
    house.connect("shopware6", &parameters, &[]).await;
}

pub(super) fn complete(counts: &Counts) -> bool {
    counts.streams.len() == 4 && counts.streams.values().all(|stream| stream.complete)
}

async fn everything_comes_in_page_by_page_and_only_once(database: Database) {
    let (house, fake) = shop(database, 260).await;
    house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap();
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [780, 0, 0, 0, 0], "{counts:?}");
    assert!(complete(&counts));
    assert_eq!((counts.streams["customers"].read, counts.streams["customers"].total), (260, Some(260)));
    assert_eq!(house.records(), 780);
    assert!(house.knows(&email(259)).await && !house.knows(&email(260)).await);
    // Two pages for each stream and one of no reviews, the four calls of the test, and one token for both.
    assert_eq!(fake.calls(), 6 + 1 + 4 + 1);
    let again = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(brought(&again), [0, 0, 780, 0, 0]);
    let history = house.history().await;
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|row| row.state == SyncState::Done.number() && row.ended_at.is_set()));
    assert_eq!(Counts::parse(&history[1].counts), counts);
}

async fn only_what_changed_is_asked_for(database: Database) {
    let (house, fake) = shop(database, 30).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-21T13:00:00Z");
    fake.with(|shop| {
        shop.change("customer", &id("customer", 3), "2026-11-21T12:30:00.000+00:00", "title", json!("Dr."));
        let mut new = customer(40);
        new["createdAt"] = json!("2026-11-21T12:40:00.000+00:00");
        shop.add("customer", new);
        // Long past: it is older than what was asked for, and came in before.
        shop.change("customer", &id("customer", 4), "2026-01-01T00:00:00.000+00:00", "title", json!("Dr."));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [1, 1, 0, 0, 0], "{counts:?}");
    assert_eq!(counts.streams["orders"].read, 0);
    house.clock.set("2026-11-21T14:00:00Z");
    assert_eq!(brought(&house.sync().await.unwrap()), [0; 5]);
}

async fn what_customers_say_of_products_is_theirs(database: Database) {
    let (house, fake) = shop(database, 5).await;
    fake.with(|shop| {
        (0..3).for_each(|number| shop.add("product-review", review(number)));
        let mut stranger = review(7);
        (stranger["customerId"], stranger["customer"]) = (json!(null), json!(null));
        (stranger["externalUser"], stranger["externalEmail"]) = (json!("Götz Eßer"), json!("goetz@example.net"));
        shop.add("product-review", stranger);
    });
    let counts = house.sync().await.unwrap();
    let reviews = counts.streams["reviews"];
    assert_eq!((reviews.read, reviews.created, reviews.rejected), (4, 4, 0), "{counts:?}");
    assert_eq!(house.database.count(Shelf::Records, "subject"), 6, "five customers, and one who is none");
    house.clock.set("2026-11-21T13:00:00Z");
    // The shop lets one be seen; a customer deletes another.
    fake.with(|shop| {
        let at = "2026-11-21T12:30:00.000+00:00";
        shop.change("product-review", &id("product_review", 1), at, "status", json!(true));
        shop.entities.get_mut("product-review").unwrap().retain(|one| one["id"] != id("product_review", 2));
    });
    let reviews = house.sync().await.unwrap().streams["reviews"];
    assert_eq!((reviews.read, reviews.updated), (1, 1));
    for ended in [0, 1] {
        house.wait(3_600);
        let counts = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
        assert_eq!(counts.streams["reviews"].ended, ended);
    }
}

async fn an_object_that_goes_away_during_the_reading_pushes_none_out_of_sight(database: Database) {
    let (house, fake) = shop(database, 510).await;
    fake.with(|shop| shop.delete_at = Some(("customer".to_owned(), id("customer", 7), 2)));
    let counts = house.sync().await.unwrap();
    assert!(complete(&counts));
    for number in [249, 250, 251, 499, 500, 501, 509] {
        assert!(house.knows(&email(number)).await, "{number} was passed over");
    }
    assert_eq!(counts.streams["customers"].created, 510);
}

async fn what_changes_during_the_reading_comes_with_the_next_one(database: Database) {
    let (house, fake) = shop(database, 300).await;
    // The sync is cut off after the first page of customers; one of them changes then.
    fake.break_calls(2, &[Break::Status(500); 6]);
    assert_eq!(word(house.sync().await), "vendor_error");
    house.clock.set("2026-11-21T12:05:00Z");
    fake.with(|shop| {
        shop.change("customer", &id("customer", 0), "2026-11-21T12:04:00.000+00:00", "firstName", json!("Maria"));
    });
    house.clock.set("2026-11-21T12:30:00Z");
    assert!(complete(&house.sync().await.unwrap()));
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams["customers"].updated, 1, "{counts:?}");
}

async fn a_broken_object_is_rejected_with_its_reason_and_the_others_come_in(database: Database) {
    let (house, fake) = shop(database, 20).await;
    fake.with(|shop| {
        let at = "2026-01-01T00:00:00.000+00:00";
        shop.change("customer", &id("customer", 2), at, "email", json!(null));
        shop.change("customer", &id("customer", 3), at, "email", json!("Secret Person"));
        shop.change("order", &id("order", 4), at, "amountTotal", json!({"Secret": "Person"}));
        shop.change("order", &id("order", 5), at, "amountTotal", json!("49.90"));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [58, 0, 0, 0, 2], "{counts:?}");
    assert_eq!(counts.rejections["customers: the customer has no e-mail"], 1);
    assert!(!counts.text().contains("Secret") && counts.rejections.len() == 2, "{counts:?}");
    // What is no address is left out, and the customer is taken in without it.
    assert_eq!(counts.left_out.values().sum::<u64>(), 1, "{counts:?}");
}

async fn erased_at_the_vendor_and_here_they_stay_erased(database: Database) {
    let (house, fake) = shop(database, 20).await;
    house.sync().await.unwrap();
    assert!(house.knows(&email(7)).await);
    house.clock.set("2026-11-21T12:30:00Z");
    fake.with(|shop| {
        // A guest with the same address, written in another way.
        let mut guest = customer(30);
        (guest["email"], guest["guest"]) = (json!("Kunde7@Example.org"), json!(true));
        shop.add("customer", guest);
        shop.add("product-review", json!({"id": "r1", "externalEmail": "kunde7@example.org", "customer": null}));
        shop.add("product-review", json!({"id": "r2", "externalEmail": null, "customer": {"email": email(7)}}));
        shop.add("product-review", json!({"id": "r3", "externalEmail": email(8), "customer": null}));
    });

    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let shopware = session.connector().clone();
    let person = Person { email: Some("KUNDE7@example.org".to_owned()), ..Person::default() };
    let report = shopware.erase().unwrap().run(&session, &person).await;
    let steps: Vec<_> =
        report.steps.iter().map(|step| (step.name.as_str(), step.found, step.leaves, step.verified)).collect();
    assert_eq!(
        steps,
        [
            ("reviews", 2, Some(Leaves::Deleted), Some(true)),
            // Kept by law until eight years after the end of their year.
            ("orders", 1, Some(Leaves::Restricted), None),
            ("customer accounts", 2, Some(Leaves::Deleted), Some(true)),
            ("newsletter recipients", 1, Some(Leaves::Deleted), Some(true)),
        ]
    );
    assert_eq!(report.steps[1].kept_until.as_deref(), Some("2033-12-31"));
    assert_eq!(report.leaves, Some(Leaves::Restricted), "the honest outcome is the worst of them");
    assert!(!serde_json::to_string(&report).unwrap().contains("kunde7"));
    fake.with(|shop| assert_eq!(shop.entities["product-review"].len(), 1));

    house.erase(&email(7)).await;
    house.clock.set("2026-11-21T13:00:00Z");
    assert!(!house.knows(&email(7)).await);
    // The order stays in the shop, and changes there.
    fake.with(|shop| {
        let at = "2026-11-21T12:59:00.000+00:00";
        shop.change("order", &id("order", 7), at, "stateMachineState", json!({"technicalName": "completed"}));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams["orders"].suppressed, 1, "{counts:?}");
    let anew = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!((brought(&anew)[0], brought(&anew)[3]), (0, 1), "{anew:?}");
    assert!(!house.knows(&email(7)).await);
}

async fn an_erasure_that_the_vendor_only_pretends_is_not_called_one(database: Database) {
    let (house, fake) = shop(database, 5).await;
    fake.with(|shop| {
        shop.deletes_nothing = true;
        shop.rights.remove("newsletter_recipient:delete");
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let shopware = session.connector().clone();
    let person = Person { email: Some(email(1)), ..Person::default() };
    let report = shopware.erase().unwrap().run(&session, &person).await;
    let account = &report.steps[2];
    assert_eq!((account.verified, account.leaves), (Some(false), Some(Leaves::ManualTask)));
    assert!(report.steps[3].failure.as_ref().unwrap().contains("lack a right"), "{report:?}");
    assert_eq!(report.leaves, Some(Leaves::ManualTask));
    // Nothing is asked without a value to look for, and that is said.
    let before = fake.calls();
    let nobody = shopware.erase().unwrap().run(&session, &Person::default()).await;
    assert_eq!((nobody.leaves, fake.calls()), (Some(Leaves::ManualTask), before));
    assert!(nobody.steps.iter().all(|step| step.unasked), "{nobody:?}");
}

async fn whose_address_was_changed_there_is_found_by_account_and_number(database: Database) {
    let (house, fake) = shop(database, 5).await;
    fake.with(|shop| {
        let at = "2026-11-01T08:00:00.000+00:00";
        shop.change("customer", &id("customer", 1), at, "email", json!("neu@example.org"));
        shop.add(
            "product-review",
            json!({"id": "r1", "externalEmail": null, "customerId": id("customer", 1), "customer": null}),
        );
        shop.add(
            "product-review",
            json!({"id": "r2", "externalEmail": null, "customerId": id("customer", 2), "customer": null}),
        );
        // Of another sales channel, whose range of numbers has the same one.
        shop.change(
            "order",
            &id("order", 3),
            at,
            "orderCustomer",
            json!({"id": "oc3", "email": email(3),
            "customerNumber": "10001", "customerId": id("customer", 3)}),
        );
    });
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let shopware = session.connector().clone();
    let (account, customer_number) = (Some(id("customer", 1)), Some("10001".to_owned()));
    let person = Person { account, customer_number, ..Person::default() };
    let report = shopware.erase().unwrap().run(&session, &person).await;
    let found: Vec<_> = report.steps.iter().map(|step| (step.name.as_str(), step.found, step.leaves)).collect();
    assert_eq!(
        found,
        [
            ("reviews", 1, Some(Leaves::Deleted)),
            ("orders", 1, Some(Leaves::Restricted)),
            ("customer accounts", 1, Some(Leaves::Deleted)),
            // Subscriptions are known by their address alone.
            ("newsletter recipients", 0, Some(Leaves::ManualTask)),
        ]
    );
    fake.with(|shop| assert_eq!((shop.entities["customer"].len(), shop.entities["product-review"].len()), (4, 1)));
}

async fn a_right_that_is_missing_is_told_before_the_first_sync(database: Database) {
    let (house, fake) = shop(database, 1).await;
    for (right, told) in [
        ("customer:read", "the right to read customers"),
        ("order:read", "the right to read orders"),
        ("newsletter_recipient:read", "the right to read newsletter recipients"),
        ("product_review:read", "the right to read product reviews"),
    ] {
        fake.with(|shop| shop.rights.remove(right));
        let fault = house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap_err();
        assert!(fault.to_string().contains(told), "{fault}");
        fake.with(|shop| shop.rights.insert(right.to_owned()));
    }
    house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap();
}

async fn nothing_secret_lies_open(database: Database) {
    let (house, fake) = shop(database, 3).await;
    fake.with(|shop| shop.add("order", order(9)));
    fake.break_calls(3, &[Break::Status(400)]);
    let _ = house.sync().await;
    let dump = house.database.dump().join("\n");
    let secret = fake.with(|shop| shop.secret.clone());
    for text in [secret.as_str(), "SWIATEST", &email(1), "Beispiel1", "Lindenweg"] {
        assert!(!dump.contains(text) && !dump.contains(&hex::encode(text)), "{text} lies open");
    }
    assert!(dump.contains("status 400"), "the dump must be able to find what is there");
}
