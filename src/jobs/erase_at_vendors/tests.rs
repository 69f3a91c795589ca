//! Erasures at vendors, against a fake shop, on both databases.

mod held;
mod others;

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
    a_vendor_that_fails_is_asked_for_thirty_days_and_then_left_to_the_officer,
    a_process_that_died_leaves_nothing_undone,
    a_source_that_is_not_connected_is_not_asked,
    whom_the_vendor_cannot_find_is_left_to_somebody,
    a_step_nobody_can_be_looked_up_for_is_left_to_somebody,
    a_crash_after_the_answer_loses_nothing,
    a_certificate_that_lags_is_signed_anew,
    a_fault_of_the_hub_is_tried_later_and_ends_too,
    what_was_done_before_a_source_was_let_go_is_told,
    a_vendor_that_fails_is_in_nobody_elses_way,
    old_blind_indexes_end_by_retention,
    a_connector_that_cannot_be_asked_is_final_at_once,
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

async fn a_vendor_that_fails_is_asked_for_thirty_days_and_then_left_to_the_officer(database: Database) {
    let (house, fake, request) = erased(database).await;
    fake.with(Case::revoke);
    house.clock.set("2026-12-20T12:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, _) = told(&house, request).await;
    assert!(!one.is_final && one.next_at.is_some(), "it is given up on day 29: {one:?}");
    assert_eq!(certified(&house, request).await[0]["state"], "waiting");
    house.clock.set("2026-12-22T12:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, _) = told(&house, request).await;
    assert!(one.is_final, "it is asked still on day 31: {one:?}");
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

async fn a_source_that_is_not_connected_is_not_asked(database: Database) {
    let (house, _fake) = open::<Teekontor>(database).await;
    house.sync().await.unwrap();
    house.disconnect().await;
    let request = house.erase(MAIL).await;
    assert!(house.rights.source_erasures(request).await.unwrap().is_empty());
    assert_eq!(certified(&house, request).await, json!([]));
}

async fn whom_the_vendor_cannot_find_is_left_to_somebody(database: Database) {
    let (house, fake) = open::<Teekontor>(database).await;
    house.sync().await.unwrap();
    // The shop told of them, and by an account alone.
    let at = house.clock.now().rfc3339();
    let line = json!({
        "type": "customer", "source": SHOP, "external_id": "by-phone", "updated_at": at,
        "identifiers": [{"kind": "account", "value": "a-900"}], "data": {"person": {"family_name": "Fernsprecher"}},
    });
    house.syncs.intake.ingest(&[line.to_string()]).await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "a-900".to_owned())).await;
    let calls = fake.calls();
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && fake.calls() == calls, "{one:?}");
    assert_eq!((&report["leaves"], &report["steps"][0]["unasked"]), (&json!("manual_task"), &json!(true)), "{report}");
    assert!(report["steps"][0]["failure"].as_str().unwrap().contains("no mail address"), "{report}");
    assert_eq!(certified(&house, request).await[0]["outcome"], "manual_task");
}

async fn a_step_nobody_can_be_looked_up_for_is_left_to_somebody(database: Database) {
    // A mailbox of a post is nobody's alone.
    let (house, fake) = open::<Teekontor>(database).await;
    fake.with(|tee| tee.customers[3]["mail"] = json!("info@example.org"));
    house.sync().await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "43".to_owned())).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let (_, report) = told(&house, request).await;
    assert_eq!(report["leaves"], "manual_task", "{report}");
    assert!(is_there(&fake, "info@example.org"), "the post was erased");
}

/// The row of the shop's erasure.
async fn row(house: &House, request: RequestId) -> source_erasures::SourceErasureRow {
    house.store.read(move |read| source_erasures::of(read.records(), request)).await.unwrap().remove(0)
}

async fn a_crash_after_the_answer_loses_nothing(database: Database) {
    let (house, fake, request) = erased(database).await;
    let erasures = erasures(&house);
    // The vendor forgets, and the answer is written down. There the process dies: before the line, before the certificate,
    // and, the second time, after the key of the errand was destroyed.
    let begun = erasures.due().await.remove(0);
    let (this, now) = ((begun.request_id, begun.source_no), house.clock.now());
    let take =
        move |write: &mut crate::store::Write<'_>| source_erasures::take(write, this, b"the dead", now.plus(1), now);
    let taken = house.store.write(take).await.unwrap().unwrap();
    let answer = erasures.tell(&taken, None).await.unwrap();
    assert!(!is_there(&fake, MAIL) && answer.report.steps[0].verified == Some(true));
    let report = serde_json::to_string(&answer.report).unwrap();
    let next = source_erasures::SourceErasureRow { report, attempts: 1, ..taken };
    assert!(house.rights.note_answer(b"the dead", &next).await.unwrap());
    assert_eq!(row(&house, request).await.state, source_erasures::SourceErasureRow::ANSWERED);
    let errand = crate::types::SubjectId::from_slice(&next.errand).unwrap();
    let destroy = move |write: &mut crate::store::Write<'_>| crate::store::keys::delete_data_keys(write, &[errand]);
    house.store.write(destroy).await.unwrap();

    house.wait(60);
    let calls = fake.calls();
    let due = erasures.due().await;
    assert_eq!(due.len(), 1, "nobody goes on");
    erasures.ask(&due[0]).await.unwrap();
    assert_eq!(fake.calls(), calls, "the vendor is asked again");
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "deleted", "{report}");
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "final", "outcome": "deleted"}]));
    let end = row(&house, request).await;
    assert_eq!((end.state, end.errand.len()), (source_erasures::SourceErasureRow::FINAL, 0));
    assert!(erasures.due().await.is_empty());
}

async fn a_certificate_that_lags_is_signed_anew(database: Database) {
    let (house, _fake, request) = erased(database).await;
    let before = row(&house, request).await;
    // As a process of before left it, that died between the row and the certificate.
    let (this, now) = ((before.request_id, before.source_no), house.clock.now());
    let take =
        move |write: &mut crate::store::Write<'_>| source_erasures::take(write, this, b"the dead", now.plus(1), now);
    let taken = house.store.write(take).await.unwrap().unwrap();
    let ended = source_erasures::SourceErasureRow {
        state: source_erasures::SourceErasureRow::FINAL,
        report: json!({"note": "", "leaves": "deleted", "steps": []}).to_string(),
        ..taken
    };
    house.store.write(move |write| source_erasures::step(write, b"the dead", &ended)).await.unwrap();
    assert_eq!(certified(&house, request).await[0]["state"], "waiting");
    house.rights.resume().await.unwrap();
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "final", "outcome": "deleted"}]));
}

async fn a_fault_of_the_hub_is_tried_later_and_ends_too(database: Database) {
    let (house, _fake, request) = erased(database).await;
    // What the vendor must be told does not open any more.
    let blob = match house.database.dialect() {
        crate::databases::Dialect::Sqlite => "zeroblob(200)",
        crate::databases::Dialect::Postgres => "decode(repeat('00', 200), 'hex')",
    };
    house.database.execute(Shelf::Records, &format!("UPDATE record SET sealed = {blob} WHERE facts >= 0"));
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(!one.is_final && one.attempts == 1 && one.next_at > Some(house.clock.now()), "{one:?}");
    assert!(report["steps"][0]["failure"].as_str().unwrap().contains("the hub itself"), "{report}");
    house.clock.set("2026-12-22T12:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "manual_task", "{one:?}");
}

async fn what_was_done_before_a_source_was_let_go_is_told(database: Database) {
    let (house, fake, request) = erased(database).await;
    // The vendor deletes, and then does not say so.
    fake.break_calls(2, &[Break::Status(500); 30]);
    erasures(&house).ask_all_of(request).await.unwrap();
    assert!(!is_there(&fake, MAIL));
    house.disconnect().await;
    house.clock.set("2026-11-23T12:00:00Z");
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && report["leaves"] == "manual_task", "{report}");
    assert_eq!(report["steps"][0]["found"], 1, "{report}");
    assert!(report["note"].as_str().unwrap().contains("not connected"), "{report}");
}

async fn a_vendor_that_fails_is_in_nobody_elses_way(database: Database) {
    let (house, _fake, request) = erased(database).await;
    let of_shop = row(&house, request).await;
    let now = house.clock.now();
    let many = move |write: &mut crate::store::Write<'_>| {
        for number in 0..100_u128 {
            let request_id = RequestId::from_uuid(uuid::Uuid::from_u128(9_000 + number));
            let other = source_erasures::SourceErasureRow {
                request_id,
                source_no: crate::types::SourceNo(90),
                attempts: 3,
                next_at: now.plus(-Timestamp::DAY),
                ..of_shop.clone()
            };
            source_erasures::insert(write, other)?;
        }
        Ok::<_, crate::store::Error>(())
    };
    house.store.write(many).await.unwrap();
    let due = erasures(&house).due().await;
    assert_eq!(due[0].source_no, house.source(), "a hundred of another vendor come first");
}

async fn old_blind_indexes_end_by_retention(database: Database) {
    let (house, _fake, request) = erased(database).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let count = || house.database.count(Shelf::Records, "vendor_erasure");
    assert!(count() > 0);
    house.clock.set("2027-01-15T12:00:00Z");
    house.rights.forget_the_rest(async || Ok::<_, crate::rights::Error>(())).await.unwrap();
    assert!(count() > 0, "a vendor may still tell of it");
    house.clock.set("2027-01-21T12:00:01Z");
    let tally = house.rights.forget_the_rest(async || Ok::<_, crate::rights::Error>(())).await.unwrap();
    assert_eq!(count(), 0);
    assert!(tally.of(crate::rights::Rule::VendorErasures) > 0);
}

async fn a_connector_that_cannot_be_asked_is_final_at_once(database: Database) {
    let house = House::open(database).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    house.connect("datev", &[("folder", path.as_str())], &[]).await;
    let at = house.clock.now().rfc3339();
    let line = json!({
        "type": "customer", "source": SHOP, "external_id": "10000", "updated_at": at,
        "identifiers": [{"kind": "account", "value": "10000"}], "data": {"person": {"family_name": "Muster"}},
    });
    house.syncs.intake.ingest(&[line.to_string()]).await.unwrap();
    let request = house.erase_as(&(IdentifierKind::Account, "10000".to_owned())).await;
    erasures(&house).ask_all_of(request).await.unwrap();
    let (one, report) = told(&house, request).await;
    assert!(one.is_final && one.attempts == 1, "{one:?}");
    assert_eq!(report["leaves"], "restricted", "{report}");
    assert!(report["note"].as_str().unwrap().contains("tax adviser"), "{report}");
    assert_eq!(certified(&house, request).await, json!([{"source": SHOP, "state": "final", "outcome": "restricted"}]));
}
