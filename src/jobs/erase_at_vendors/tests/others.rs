//! What is somebody else's, and who must not come back.

use serde_json::json;

use super::{MAIL, erased, erasures, is_there, told};
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::tests::house::{House, SHOP};
use crate::jobs::sync::tests::scenarios::{Case, open};
use crate::store::deliveries;
use crate::store::rows::Who;
use crate::types::{Clock as _, IdentifierKind, Timestamp};
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake};

on_both_databases!(
    what_is_somebody_elses_too_is_not_told,
    many_orders_of_ones_own_do_not_hide_somebody_else,
    what_somebody_got_meanwhile_is_not_told,
    an_erasure_that_waits_lets_nobody_back_in,
    being_asked_again_lifts_no_guard,
    a_vendor_that_wants_to_rest_is_asked_again_when_it_has,
);

async fn a_vendor_that_wants_to_rest_is_asked_again_when_it_has(database: Database) {
    let (house, fake, request) = erased(database).await;
    fake.break_calls(0, &[Break::Throttle(Some("4000"))]);
    let asked = house.clock.now();
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(!one.is_final && report["steps"][0]["failure"].is_string(), "{report}");
    assert!(one.next_at.unwrap() >= asked.plus(4_000 * Timestamp::SECOND), "{one:?}");
    house.wait(3_900);
    assert!(erasures(&house).due().await.is_empty(), "the vendor said when it wants to be asked again");
    house.wait(101);
    let due = erasures(&house).due().await;
    erasures(&house).ask(&due[0]).await.unwrap();
    assert!(told(&house, request).await.0.is_final && !is_there(&fake, MAIL));
}

async fn what_is_somebody_elses_too_is_not_told(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    a_family(&fake);
    house.sync().await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "43".to_owned())).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final, "{one:?}");
    assert_eq!(report["leaves"], "manual_task", "{report}");
    assert!(report.to_string().contains("look there by hand"), "{report}");
    assert_eq!(fake.with(|tee| tee.customers.len()), 25, "somebody else was erased");
}

/// Two customers of one mailbox that nobody proved: they are two people here.
fn a_family(fake: &Fake<Teekontor>) {
    fake.with(|tee| {
        for (number, name) in [(3, "Anna"), (4, "Bert")] {
            let one = &mut tee.customers[number];
            (one["mail"], one["mail_confirmed"]) = (json!("familie@example.org"), json!(false));
            (one["first"], one["last"]) = (json!(name), json!(format!("Verschieden{name}")));
            one["newsletter"] = json!({"state": "open"});
        }
    });
}

/// So many orders of a customer of the shop, under a mailbox nobody proved.
async fn orders(house: &House, account: &str, mail: &str, count: usize) {
    let at = house.clock.now().rfc3339();
    let order = |number: usize| {
        json!({
            "type": "order", "source": SHOP, "external_id": format!("order-{account}-{number}"), "updated_at": at,
            "identifiers": [{"kind": "account", "value": account}, {"kind": "email", "value": mail}],
            "data": {"number": format!("{account}-{number}"), "ordered_at": at, "status": "open", "currency": "EUR", "total": "9.90"},
        })
    };
    let lines: Vec<String> = (0..count).map(|number| order(number).to_string()).collect();
    for taken in house.syncs.intake.ingest(&lines).await.unwrap() {
        assert_eq!(taken.outcome, crate::intake::Outcome::Created);
    }
}

async fn many_orders_of_ones_own_do_not_hide_somebody_else(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    a_family(&fake);
    // More than are looked at where a value is shared by many, and older than what the other one brings.
    orders(&house, "43", "familie@example.org", 65).await;
    house.sync().await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "43".to_owned())).await;
    assert!(house.knows_as(&(IdentifierKind::Account, "44".to_owned())).await, "they were one person");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (_, report) = told(&house, request).await;
    assert_eq!(report["leaves"], "manual_task", "{report}");
    assert_eq!(fake.with(|tee| tee.customers.len()), 25, "somebody else was erased");
}

async fn what_somebody_got_meanwhile_is_not_told(database: Database) {
    let (house, fake, request) = erased(database).await;
    fake.with(Case::revoke);
    erasures(&house).ask_all_of(request).await.unwrap();
    fake.with(Case::restore);
    house.clock.set("2026-11-21T13:00:00Z");
    // Somebody signs up under the mailbox, with another source than the one that waits.
    let at = house.clock.now().rfc3339();
    let rulebook = &house.syncs.vendors.rulebook;
    let terms = crate::consent::Terms::default();
    let named = ("till".to_owned(), "Till".to_owned(), "api".to_owned());
    rulebook.ensure_source(named.0, named.1, named.2, &terms, house.clock.now()).await.unwrap();
    let line = json!({
        "type": "customer", "source": "till", "external_id": "1", "updated_at": at,
        "identifiers": [{"kind": "email", "value": MAIL, "verified": true}], "data": {"person": {"family_name": "Neu"}},
    });
    house.syncs.intake.ingest(&[line.to_string()]).await.unwrap();
    assert!(house.knows(MAIL).await);
    house.clock.set("2026-11-21T14:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && is_there(&fake, MAIL), "the living was erased: {report}");
    assert_eq!(report["leaves"], "manual_task", "{report}");
    assert!(report.to_string().contains("somebody else's"), "{report}");
}

async fn an_erasure_that_waits_lets_nobody_back_in(database: Database) {
    let (house, fake, request) = erased(database).await;
    house.clock.set("2026-11-22T09:00:00Z");
    // The shop touches the account before it is asked.
    let touched = |at: &str| {
        let at = at.to_owned();
        fake.with(move |tee| {
            let one = tee.customers.iter_mut().find(|one| one["mail"].as_str().unwrap().eq_ignore_ascii_case(MAIL));
            let one = one.unwrap();
            (one["changed"], one["since"], one["newsletter"]) =
                (json!(at), json!("2026-11-22"), json!({"state": "open"}));
        });
    };
    touched("2026-11-22T08:30:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().suppressed, counts.sum().created), (1, 0), "{counts:?}");
    assert!(!house.knows(MAIL).await, "the next sync brought them back");
    erasures(&house).ask_all_of(request).await.unwrap();
    assert!(!is_there(&fake, MAIL));
    // Who comes as a new customer afterwards is one.
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|tee| {
        let mut anew = tee.customers[5].clone();
        (anew["id"], anew["mail"], anew["changed"]) = (json!(990), json!(MAIL), json!("2026-11-23T08:30:00Z"));
        (anew["since"], anew["newsletter"]) = (json!("2026-11-23"), json!({"state": "open"}));
        tee.customers.push(anew);
    });
    let counts = house.sync().await.unwrap();
    assert!(house.knows(MAIL).await, "somebody new is kept out: {counts:?}");
}

/// Somebody asks the vendor once more to forget them while the errand waits (`POST /v1/sources/{code}/erasures`).
async fn being_asked_again_lifts_no_guard(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    house.sync().await.unwrap();
    let (kind, normal) = crate::intake::lookup_form(IdentifierKind::Email, MAIL).unwrap();
    let Who::Identifier(ix) = house.gateway.who_has(kind, house.source(), &normal).unwrap() else { panic!() };
    house.erase(MAIL).await;
    house.wait(60);
    let (source, now) = (house.source(), house.clock.now());
    house.store.write(move |write| deliveries::asked_to_forget(write, source, &[ix], now)).await.unwrap();
    house.clock.set("2026-11-22T09:00:00Z");
    fake.with(|tee| {
        let one =
            tee.customers.iter_mut().find(|one| one["mail"].as_str().unwrap().eq_ignore_ascii_case(MAIL)).unwrap();
        (one["id"], one["changed"], one["since"]) = (json!(991), json!("2026-11-22T08:30:00Z"), json!("2026-11-22"));
        one["newsletter"] = json!({"state": "open"});
    });
    let counts = house.sync().await.unwrap();
    assert!(!house.knows(MAIL).await, "the erased came back: {counts:?}");
}
