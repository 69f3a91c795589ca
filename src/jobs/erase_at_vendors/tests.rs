//! Erasures at vendors, against a fake shop, on both databases.

use serde_json::{Value, json};

use super::VendorErasures;
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::tests::house::{House, SHOP};
use crate::jobs::sync::tests::scenarios::{Case, open};
use crate::rights::SourceErasure;
use crate::store::Shelf;
use crate::store::source_erasures;
use crate::types::{Clock as _, IdentifierKind, RequestId, Timestamp};
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake};

on_both_databases!(
    the_vendor_forgets_whom_the_hub_erased,
    a_vendor_that_fails_is_asked_again_and_shown_as_failing,
    a_vendor_that_fails_for_a_month_is_left_to_the_officer,
    a_process_that_died_leaves_nothing_undone,
    what_is_somebody_elses_too_is_not_told,
    a_source_that_is_not_connected_is_not_asked,
);

const MAIL: &str = "kunde3@example.org";

fn erasures(house: &House) -> VendorErasures {
    VendorErasures {
        vendors: house.syncs.vendors.clone(),
        rights: house.rights.clone(),
        store: house.store.clone(),
        book: house.book.clone(),
        ids: house.syncs.ids.clone(),
    }
}

async fn erased(database: Database) -> (House, Fake<Teekontor>, RequestId) {
    let (house, fake) = open::<Teekontor>(database).await;
    house.sync().await.unwrap();
    let request = house.erase(MAIL).await;
    (house, fake, request)
}

/// What the certificate says of the shop.
async fn certified(house: &House, request: RequestId) -> Value {
    let certificate = house.certificate(request).await;
    let (text, key) = (certificate.certificate.to_string(), house.rights.certificate_key());
    crate::rights::verify_certificate(&text, &certificate.signature, &key).unwrap();
    let mut sources = certificate.certificate["sources"].clone();
    for source in sources.as_array_mut().unwrap() {
        assert!(source["asked_at"].is_string());
        source.as_object_mut().unwrap().retain(|name, _| name != "asked_at" && name != "final_at");
    }
    sources
}

async fn told(house: &House, request: RequestId) -> (SourceErasure, Value) {
    let one = house.rights.source_erasures(request).await.unwrap().remove(0);
    let report = one.report.as_deref().map_or(Value::Null, |report| serde_json::from_str(report).unwrap());
    (one, report)
}

fn is_there(fake: &Fake<Teekontor>, mail: &str) -> bool {
    fake.with(|tee| tee.customers.iter().any(|one| one["mail"].as_str().unwrap().eq_ignore_ascii_case(mail)))
}

async fn the_vendor_forgets_whom_the_hub_erased(database: Database) {
    let (house, fake, request) = erased(database).await;
    assert!(is_there(&fake, MAIL) && !house.knows(MAIL).await);
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "waiting", "outcome": null}]));
    // What the vendor is told lies sealed, and nowhere open.
    assert!(!house.database.dump().join("\n").to_lowercase().contains(MAIL));
    let keys = house.database.count(Shelf::Keys, "data_key");

    erasures(&house).ask_all_of(request).await.unwrap();
    assert!(!is_there(&fake, MAIL) && is_there(&fake, "kunde4@example.org"));
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && one.attempts == 1 && one.next_at.is_none(), "{one:?}");
    assert_eq!(report["leaves"], "deleted", "{report}");
    assert_eq!(report["steps"][0]["verified"], true, "{report}");
    assert!(!report.to_string().to_lowercase().contains(MAIL));
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "final", "outcome": "deleted"}]));
    assert_eq!(
        house.database.count(Shelf::Keys, "data_key"),
        keys - 1,
        "the key of what the vendor was told is still there"
    );
    // Nothing more is done, and a sync brings nobody back.
    let calls = fake.calls();
    erasures(&house).ask_all_of(request).await.unwrap();
    assert!(erasures(&house).due().await.is_empty() && fake.calls() == calls);
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert!(!house.knows(MAIL).await);
}

async fn a_vendor_that_fails_is_asked_again_and_shown_as_failing(database: Database) {
    let (house, fake, request) = erased(database).await;
    fake.with(Case::revoke);
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(!one.is_final && one.attempts == 1, "{one:?}");
    assert!(report["steps"][0]["failure"].as_str().unwrap().contains("refuses the credentials"), "{report}");
    assert_eq!(certified(&house, request).await[0]["outcome"], Value::Null);
    assert!(erasures(&house).due().await.is_empty(), "it is asked again at once");
    house.clock.set("2026-11-21T12:10:00Z");
    fake.with(Case::restore);
    let due = erasures(&house).due().await;
    assert_eq!(due.len(), 1);
    erasures(&house).ask(&due[0]).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && one.attempts == 2, "{one:?}");
    assert!(report["steps"][0].get("failure").is_none() && report["leaves"] == "deleted", "{report}");
    assert!(!is_there(&fake, MAIL));
}

async fn a_vendor_that_fails_for_a_month_is_left_to_the_officer(database: Database) {
    let (house, fake, request) = erased(database).await;
    fake.with(Case::revoke);
    house.clock.set("2026-12-22T12:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, _) = told(&house, request).await;
    assert!(one.is_final, "{one:?}");
    let left = json!([{"source": SHOP, "state": "final", "outcome": "manual_task"}]);
    assert_eq!(certified(&house, request).await, left);
    assert!(is_there(&fake, MAIL));
}

async fn a_process_that_died_leaves_nothing_undone(database: Database) {
    let (house, fake, request) = erased(database).await;
    let row = erasures(&house).due().await.remove(0);
    let (now, this) = (house.clock.now(), (row.request_id, row.source_no));
    let until = now.plus(60 * Timestamp::SECOND);
    let take = move |write: &mut crate::store::Write<'_>| source_erasures::take(write, this, b"the dead", until, now);
    assert!(house.store.write(take).await.unwrap().is_some());
    erasures(&house).ask(&row).await.unwrap();
    assert_eq!(told(&house, request).await.0.attempts, 0, "two are at it");
    house.clock.set("2026-11-21T12:02:00Z");
    // The vendor deletes, and then does not say so any more: looking again fails.
    fake.break_calls(2, &[Break::Status(500); 30]);
    let due = erasures(&house).due().await;
    erasures(&house).ask(&due[0]).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(!one.is_final && !is_there(&fake, MAIL), "{report}");
    fake.break_calls(0, &[]);
    house.clock.set("2026-11-22T12:00:00Z");
    for day in 3..9 {
        for row in erasures(&house).due().await {
            erasures(&house).ask(&row).await.unwrap();
        }
        house.clock.set(&format!("2026-11-2{day}T12:00:00Z"));
    }
    let (one, report) = told(&house, request).await;
    assert!(one.is_final, "{one:?}");
    assert_eq!((&report["leaves"], &report["steps"][0]["found"]), (&json!("deleted"), &json!(1)), "{report}");
}

async fn what_is_somebody_elses_too_is_not_told(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    // Two customers of one mailbox that nobody proved: they are two people here.
    fake.with(|tee| {
        for (number, name) in [(3, "Anna"), (4, "Bert")] {
            let one = &mut tee.customers[number];
            (one["mail"], one["mail_confirmed"]) = (json!("familie@example.org"), json!(false));
            (one["first"], one["last"]) = (json!(name), json!(format!("Verschieden{name}")));
            one["newsletter"] = json!({"state": "open"});
        }
    });
    house.sync().await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "43".to_owned())).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final, "{one:?}");
    assert_eq!(report["leaves"], "manual_task", "{report}");
    assert!(report.to_string().contains("look there by hand"), "{report}");
    assert_eq!(fake.with(|tee| tee.customers.len()), 25, "somebody else was erased");
}

async fn a_source_that_is_not_connected_is_not_asked(database: Database) {
    let (house, _fake) = open::<Teekontor>(database).await;
    house.sync().await.unwrap();
    house.disconnect().await;
    let request = house.erase(MAIL).await;
    assert!(house.rights.source_erasures(request).await.unwrap().is_empty());
    assert_eq!(certified(&house, request).await, json!([]));
}
