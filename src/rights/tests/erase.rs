//! Erased stays erased, what a law keeps stays kept, and a crash changes neither.

use super::house::{House, at};
use crate::audit::Act;
use crate::consent::Act as Said;
use crate::databases::{Database, on_both_databases};
use crate::rights::{Certificate, Error, Invalid, Kind, Request, verify_certificate};
use crate::store::rows::{RecordRow, SubjectState, Who};
use crate::store::{Shelf, keys, ledger, links, records, subjects, tombstones};
use crate::types::{Category, CategorySet, Clock as _, RecordKind, RequestId, SubjectId, Timestamp};

on_both_databases!(
    an_erased_person_is_gone_from_every_table_and_file,
    an_erasure_is_never_final_in_the_past,
    tombstones_stand_where_indexes_stood,
    a_tombstone_is_as_late_as_the_newest_record_and_never_moves_back,
    what_tax_law_keeps_is_sealed_for_a_nobody_and_ends_with_its_clock,
    a_crash_after_any_step_comes_to_the_same_end,
    a_restriction_keeps_what_the_law_keeps_from_being_lost,
    everybody_who_was_merged_in_is_erased_and_nobody_else,
    data_that_changes_while_the_plan_is_made_is_not_lost_from_it,
    a_mark_without_a_request_is_finished_too,
    a_late_rewrap_brings_no_key_back,
    two_processes_that_finish_one_erasure_give_one_certificate,
);

async fn asked(house: &House, who: SubjectId) -> RequestId {
    house.rights.receive(Kind::Erasure, Who::Subject(who), None, &house.dpo()).await.unwrap().case().id
}

/// Is nothing of them left in any table?
async fn is_gone(house: &House, id: SubjectId) -> bool {
    house
        .store
        .read(move |read| {
            Ok::<_, crate::store::Error>(
                subjects::find(read.records(), id)?.is_none()
                    && records::of(read.records(), id)?.is_empty()
                    && ledger::of(read.records(), id)?.is_empty()
                    && links::of(read.records(), id)?.is_empty()
                    && keys::data_keys(read.keys(), &[id])?.is_empty(),
            )
        })
        .await
        .unwrap()
}

async fn kept(house: &House) -> Vec<RecordRow> {
    house
        .store
        .read(|read| {
            let mut all = Vec::new();
            for nobody in subjects::retained(read.records(), None, 100)? {
                all.extend(records::of(read.records(), nobody)?);
            }
            Ok::<_, crate::store::Error>(all)
        })
        .await
        .unwrap()
}

fn holds(certificate: &Certificate) -> Result<(), Invalid> {
    verify_certificate(&certificate.certificate.to_string(), &certificate.signature, &certificate.public_key)
}

async fn an_erased_person_is_gone_from_every_table_and_file(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let key = house.key(anna).await;
    let ix = house.mail_index("anna@example.org");
    let rows = house.gateway.snapshot(Who::Subject(anna)).await.unwrap().unwrap();
    let name = house.gateway.pseudonyms(&rows).unwrap()[0].bytes();
    house.store.scrub().await.unwrap();
    let sealed = rows.records[0].sealed[20..52].to_vec();
    for bytes in [key.wrapped.as_slice(), &key.salts, &ix, &sealed] {
        assert!(house.places_with(bytes) > 0, "the scan must be able to find what is there");
    }

    let id = asked(&house, anna).await;
    let certificate = house.rights.erase(id, &house.dpo()).await.unwrap();
    assert!(is_gone(&house, anna).await);
    assert!(!house.is_known(Who::Subject(anna)).await && !house.is_known(house.by_mail("anna@example.org")).await);
    for bytes in [key.wrapped.as_slice(), &key.salts, &key.commitment, &ix, &sealed] {
        assert_eq!(house.places_with(bytes), 0);
    }

    // The certificate names nobody, and says what happened.
    holds(&certificate).unwrap();
    let text = &certificate.certificate;
    assert!(!text.to_string().contains("anna") && !text.to_string().contains(&anna.to_string()));
    assert_eq!(text["subjects"][0], hex::encode(name));
    assert_eq!(text["records_found"], 2);
    assert_eq!(text["records_erased"]["customer"], 1);
    assert_eq!(text["consents_erased"], 1);
    assert_eq!(text["kept"][0]["record"], "invoice");
    assert_eq!(text["kept"][0]["until"], "2034-12-31");
    assert_eq!(text["kept"][0]["count"], 1);
    assert_eq!(text["kept"][0]["categories"], serde_json::json!(["address", "financial", "identity"]));
    assert_eq!(text["final_after"], "2026-11-28T12:00:00.000000Z");
    assert_eq!(text["public_key"], house.rights.certificate_key());
    let mut forged = certificate.clone();
    forged.certificate["kept"] = serde_json::json!([]);
    assert_eq!(holds(&forged), Err(Invalid::Signature));

    // Both ends of the case are in the book, once.
    for act in [Act::RequestReceived, Act::Erased, Act::RequestAnswered] {
        assert_eq!(house.lines(act).await, 1, "{act:?}");
    }
    // Asking again changes nothing and gives the same certificate.
    assert_eq!(house.rights.erase(id, &house.dpo()).await.unwrap(), certificate);
    assert_eq!(house.lines(Act::Erased).await, 1);
}

/// An epoch whose turn is overdue still lives: the certificate plans its end for later, and says that it is a plan.
async fn an_erasure_is_never_final_in_the_past(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let year = 365 * 86_400 * Timestamp::SECOND;
    house.database.execute(Shelf::Keys, &format!("UPDATE kek SET created_at = created_at - {year}"));
    let id = asked(&house, anna).await;
    let certificate = house.rights.erase(id, &house.dpo()).await.unwrap();
    holds(&certificate).unwrap();
    let text = &certificate.certificate;
    let tomorrow = house.clock.now().plus_days(1).rfc3339();
    assert_eq!(text["final_after"], serde_json::json!(tomorrow));
    assert!(text["final_note"].as_str().unwrap().contains("planned for final_after"), "{text}");
}

async fn tombstones_stand_where_indexes_stood(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let ix = house.mail_index("anna@example.org");
    let stone = house.sealer.suppression(ix.into()).bytes();
    let find = |stone: [u8; 16]| house.store.read(move |read| tombstones::laid(read.records(), &stone));
    assert_eq!(find(stone).await.unwrap(), None);
    house.rights.erase(asked(&house, anna).await, &house.dpo()).await.unwrap();
    assert_eq!(find(stone).await.unwrap(), Some(at(super::house::NOW)));
    // The person may know of it.
    let who = house.by_mail("anna@example.org");
    let told = house.rights.receive(Kind::Access, who, None, &house.dpo()).await;
    assert!(matches!(told, Err(Error::SubjectErased(_))));
}

async fn a_tombstone_is_as_late_as_the_newest_record_and_never_moves_back(database: Database) {
    let house = House::open(database).await;
    house.clock.set("2026-11-21T12:04:00Z");
    let anna = house.customer("anna").await;
    house.clock.set(super::house::NOW);
    house.rights.erase(asked(&house, anna).await, &house.dpo()).await.unwrap();
    let stone = house.sealer.suppression(house.mail_index("anna@example.org").into()).bytes();
    let find = || house.store.read(move |read| tombstones::laid(read.records(), &stone));
    assert_eq!(find().await.unwrap(), Some(at("2026-11-21T12:04:00Z")));
    for (laid, stands) in
        [(super::house::NOW, "2026-11-21T12:04:00Z"), ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]
    {
        house.store.write(move |write| tombstones::insert(write, &[stone], at(laid))).await.unwrap();
        assert_eq!(find().await.unwrap(), Some(at(stands)));
    }
}

async fn what_tax_law_keeps_is_sealed_for_a_nobody_and_ends_with_its_clock(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.rights.erase(asked(&house, anna).await, &house.dpo()).await.unwrap();
    let kept = kept(&house).await;
    let [row] = kept.as_slice() else { panic!("one record is kept") };
    assert_eq!((row.kind, row.facts), (RecordKind::Invoice.number(), RecordRow::KEPT_BY_LAW));
    assert!(row.subject_id != anna && row.content_mac.is_empty() && !row.contract_until.is_set());
    let held: CategorySet = [Category::Identity, Category::Address, Category::Financial].into_iter().collect();
    assert_eq!(CategorySet::from_bits(row.categories.cast_unsigned()), held);
    let opened = house.opener.with_key(&house.key(row.subject_id).await).unwrap();
    let parts = opened.open_all(row.record_no, CategorySet::all(), &row.sealed).unwrap();
    assert_eq!(parts.len(), 3);
    let invoice: serde_json::Value = parts[2].1.document().unwrap();
    assert_eq!(invoice["invoice"]["number"], "anna-invoice");
    // No purpose finds them as a person.
    assert!(!house.is_known(Who::Subject(row.subject_id)).await);

    house.clock.set("2034-12-31T22:59:59Z");
    let ended = async |house: &House| {
        let quiet = async || Ok::<_, crate::rights::Error>(());
        house.rights.forget_the_rest(quiet).await.unwrap().of(crate::rights::Rule::KeptOfErased)
    };
    assert_eq!(ended(&house).await, 0);
    house.clock.set("2034-12-31T23:00:00Z");
    assert_eq!(ended(&house).await, 1);
    assert!(is_gone(&house, row.subject_id).await);
    assert_eq!(ended(&house).await, 0);
}

async fn a_crash_after_any_step_comes_to_the_same_end(database: Database) {
    for step in 1..=5 {
        let another = if database.location().embedded() { Database::sqlite() } else { Database::postgres() };
        let house = House::open(another).await;
        let anna = house.customer("anna").await;
        let id = asked(&house, anna).await;
        let Request::Received(received) = house.rights.request(id).await.unwrap() else { panic!("not received") };
        let executing = house.rights.mark(received).await.unwrap();
        // From the mark on nobody finds them.
        assert!(!house.is_known(Who::Subject(anna)).await && !house.is_known(house.by_mail("anna@example.org")).await);
        if step == 2 {
            // The keys were committed and the records not: the crash between the two databases.
            house.store.write(move |write| keys::delete_data_keys(write, &[anna])).await.unwrap();
        }
        if step > 2 {
            let (executing, progress) = house.rights.destroy_keys_and_rows(executing).await.unwrap();
            if step > 3 {
                house.rights.scrub().await.unwrap();
                house.rights.note_erased(&executing, &progress, &house.dpo()).await.unwrap();
            }
            if step > 4 {
                house.rights.certify(executing, &progress, &house.dpo()).await.unwrap();
            }
        }
        assert_eq!(house.rights.resume().await.unwrap(), usize::from(step < 5), "step {step}");
        assert_eq!(house.rights.resume().await.unwrap(), 0);
        assert!(is_gone(&house, anna).await, "step {step}");
        assert_eq!(kept(&house).await.len(), 1, "step {step}");
        let certificate = house.rights.erase(id, &house.dpo()).await.unwrap();
        holds(&certificate).unwrap();
        assert_eq!(certificate.certificate["records_found"], 2);
        for act in [Act::Erased, Act::RequestAnswered] {
            assert_eq!(house.lines(act).await, 1, "step {step}, {act:?}");
        }
    }
}

async fn a_restriction_keeps_what_the_law_keeps_from_being_lost(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.say(anna, Said::Restricted, "", "letter").await;
    let id = asked(&house, anna).await;
    assert!(matches!(house.rights.erase(id, &house.dpo()).await, Err(Error::Restricted(1))));
    assert!(house.is_known(Who::Subject(anna)).await);
    assert!(matches!(house.rights.request(id).await.unwrap(), Request::Received(_)));
}

async fn everybody_who_was_merged_in_is_erased_and_nobody_else(database: Database) {
    let house = House::open(database).await;
    let (anna, twin, berta) =
        (house.customer("anna").await, house.customer("twin").await, house.customer("berta").await);
    let parts = [(Category::Identity, serde_json::json!({"family_name": "x"}))];
    let record = house.record(anna, RecordKind::Customer, "family@example.org", &parts, None).await;
    house.record(berta, RecordKind::Customer, "family@example.org", &parts, None).await;
    house.merge(twin, anna, record).await;
    let before = house.gateway.snapshot(Who::Subject(berta)).await.unwrap().unwrap();

    // Asked for the part that was merged away: the whole person goes.
    let certificate = house.rights.erase(asked(&house, twin).await, &house.dpo()).await.unwrap();
    assert!(is_gone(&house, anna).await && is_gone(&house, twin).await);
    assert_eq!(certificate.certificate["subjects"].as_array().unwrap().len(), 2);
    assert_eq!(certificate.certificate["kept"][0]["count"], 2);

    let after = house.gateway.snapshot(Who::Subject(berta)).await.unwrap().unwrap();
    assert_eq!(before.records, after.records);
    assert_eq!((before.ledger, before.keys), (after.ledger, after.keys));
    // The shared mailbox is Berta's alone now, and no tombstone holds her records back.
    assert!(house.is_known(house.by_mail("family@example.org")).await);
    let stone = house.sealer.suppression(house.mail_index("family@example.org").into()).bytes();
    assert_eq!(house.store.read(move |read| tombstones::laid(read.records(), &stone)).await.unwrap(), None);
}

async fn data_that_changes_while_the_plan_is_made_is_not_lost_from_it(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let id = asked(&house, anna).await;
    let Request::Received(received) = house.rights.request(id).await.unwrap() else { panic!("not received") };
    // Two at once: one wins, the other is out of turn, and nothing is kept twice.
    let (first, second) = tokio::join!(house.rights.mark(received.clone()), house.rights.mark(received));
    assert!(first.is_ok() != second.is_ok());
    house.rights.resume().await.unwrap();
    assert_eq!(kept(&house).await.len(), 1);
    assert!(is_gone(&house, anna).await);
}

async fn a_mark_without_a_request_is_finished_too(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.store.write(move |write| subjects::set_state(write, anna, SubjectState::Erasing)).await.unwrap();
    assert_eq!(house.rights.resume().await.unwrap(), 1);
    assert!(is_gone(&house, anna).await);
}

async fn a_late_rewrap_brings_no_key_back(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let old = house.key(anna).await;
    house.rights.erase(asked(&house, anna).await, &house.dpo()).await.unwrap();
    let rewrapped = old.clone();
    let written = house.store.write(move |write| keys::update_data_key(write, &old, &rewrapped)).await.unwrap();
    assert!(!written && is_gone(&house, anna).await);
}

async fn two_processes_that_finish_one_erasure_give_one_certificate(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let id = asked(&house, anna).await;
    let Request::Received(received) = house.rights.request(id).await.unwrap() else { panic!("not received") };
    let executing = house.rights.mark(received).await.unwrap();
    // Both have read that it is being carried out; the second one comes when the first has answered.
    let first = house.rights.finish(executing.clone(), &house.dpo()).await.unwrap();
    let second = house.rights.finish(executing, &house.dpo()).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(first.certificate["final_epochs"], serde_json::json!([1]));
    assert_eq!(house.lines(Act::RequestAnswered).await, 1);
}
