//! What nothing keeps any more goes; what anything keeps stays as it is.

use super::house::{House, at};
use crate::audit::Act;
use crate::consent::{Act as Said, Kept};
use crate::databases::{Database, on_both_databases};
use crate::gateway::{Answer, Ask};
use crate::rights::deadline::closed_before;
use crate::rights::due::due;
use crate::rights::forget::{Dying, Forgotten};
use crate::rights::{Error, Kind, RefusedFor, Rule, Tally};
use crate::store::rows::{RecordRow, SubjectRows, Who};
use crate::store::{keys, ledger, records, subjects, tombstones};
use crate::types::{Category, CategorySet, RecordKind, SubjectId, Timestamp};
use crate::vault::{Compartment, Personal, unpack};

on_both_databases!(
    a_life_ends_step_by_step_and_only_what_is_due_goes,
    what_was_deleted_is_not_brought_back_and_the_person_may_come_back,
    a_restriction_and_an_open_request_hold_everything,
    a_no_outlives_the_data_it_was_said_about,
    the_clock_of_a_source_ends_all_but_what_the_law_keeps,
    the_decision_is_made_by_purposes_standing_source_and_law,
    closed_requests_and_keys_of_nobody_end,
    many_keys_without_people_are_the_wrong_database_and_stay,
    a_crash_between_keys_and_rows_leaves_nothing_behind,
    what_comes_between_rows_and_keys_can_be_read,
    a_crash_between_rows_and_keys_leaves_no_key_alive,
    who_cannot_be_read_keeps_nobody_else_from_being_forgotten,
    a_proof_ends_when_nobody_can_ask_for_it,
    one_part_cannot_lift_the_restriction_of_another,
);

/// Days after which none of the default purposes keeps what the customer of the tests brought.
const OVER: i64 = 1_461;

impl House {
    async fn rows(&self, of: SubjectId) -> SubjectRows {
        self.gateway.snapshot(Who::Subject(of)).await.unwrap().unwrap()
    }

    fn pass_days(&self, days: i64) {
        self.clock.set(&at(super::house::NOW).plus_days(days).rfc3339());
    }

    async fn change(&self, row: RecordRow) {
        self.store.write(move |write| records::replace(write, row.clone())).await.unwrap();
    }

    async fn reads(&self, who: SubjectId, purpose: &str) -> Option<String> {
        let ask = Ask {
            purpose: purpose.parse().unwrap(),
            categories: None,
            channel: None,
            reason: None,
            caller: self.dpo(),
        };
        match self.gateway.read(&ask, Who::Subject(who), None).await.unwrap() {
            Answer::Disclosed(disclosed) => {
                Some(serde_json::to_string(&disclosed).unwrap()).filter(|text| !text.contains(r#""data":{}"#))
            }
            Answer::Nothing => None,
        }
    }
}

async fn quiet() -> Result<(), Error> {
    Ok(())
}

fn counts(tally: &Tally) -> Vec<(String, u64)> {
    tally.iter().map(|(word, count)| (word.to_owned(), count)).collect()
}

fn held(row: &RecordRow) -> Vec<Category> {
    CategorySet::from_bits(row.categories.cast_unsigned()).iter().collect()
}

async fn a_life_ends_step_by_step_and_only_what_is_due_goes(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    // No purpose keeps special categories, so they go at once.
    let dry = house.rights.due_of(vec![anna, berta]).await.unwrap();
    assert_eq!(counts(&dry), [("category_keys".to_owned(), 2), ("purposes_over".to_owned(), 2)]);
    assert_eq!(held(&house.rows(anna).await.records[0]).len(), 5, "counting deletes nothing");
    assert_eq!(house.rights.forget(vec![anna, berta]).await.unwrap(), dry);
    assert!(house.rights.forget(vec![anna, berta]).await.unwrap().is_empty());
    // Of each what is intended and what was done.
    assert_eq!(house.lines(Act::Expired).await, 4);
    let before = house.rows(berta).await;

    house.pass_days(OVER - 1);
    let left = house.rights.due_of(vec![anna]).await.unwrap();
    assert_eq!((left.of(Rule::PurposesOver), left.of(Rule::Records)), (1, 0), "what a score is for ended, {left:?}");

    house.pass_days(OVER);
    let contact = unpack(&house.rows(anna).await.records[1].sealed)
        .unwrap()
        .into_iter()
        .find(|(category, _)| *category == Category::Contact)
        .map(|(_, envelope)| envelope[15..47].to_vec())
        .unwrap();
    house.store.scrub().await.unwrap();
    assert!(house.places_with(&contact) > 0, "the scan must find what is there");
    let done = house.rights.forget(vec![anna]).await.unwrap();
    assert_eq!(
        (done.of(Rule::PurposesOver), done.of(Rule::Records), done.of(Rule::LawAlone), done.of(Rule::CategoryKeys)),
        (5, 1, 1, 2)
    );
    house.rights.forget_for_good().await.unwrap();
    // Ciphertext, rows, indexes and the keys of what ended are gone.
    assert_eq!(house.places_with(&contact), 0);
    assert!(!house.is_known(house.by_mail("anna@example.org")).await);
    let rows = house.rows(anna).await;
    let [invoice] = rows.records.as_slice() else { panic!("one record is left") };
    assert_eq!(
        (held(invoice), invoice.facts),
        (vec![Category::Identity, Category::Address, Category::Financial], RecordRow::KEPT_BY_LAW)
    );
    let key = house.opener.with_key(&house.key(anna).await).unwrap();
    for (category, dead) in [(Category::Contact, true), (Category::Derived, true), (Category::Identity, false)] {
        assert_eq!(key.is_erased(Compartment::Of(category)), dead, "{category:?}");
    }
    // Bookkeeping and the person's own copy still find it; nobody else does.
    assert!(house.reads(anna, "bookkeeping").await.unwrap().contains("anna-invoice"));
    assert!(house.reads(anna, "subject_access").await.unwrap().contains("anna-invoice"));
    for purpose in ["order_fulfilment", "newsletter_email", "identity_matching", "customer_service"] {
        assert_eq!(house.reads(anna, purpose).await, None, "{purpose}");
    }
    // The other is as they were.
    let after = house.rows(berta).await;
    assert_eq!((before.records, before.ledger, before.keys), (after.records, after.ledger, after.keys));
    assert!(house.rights.forget(vec![anna]).await.unwrap().is_empty());

    house.clock.set("2034-12-31T22:59:59Z");
    assert!(house.rights.forget(vec![anna]).await.unwrap().is_empty());
    house.clock.set("2034-12-31T23:00:00Z");
    let done = house.rights.forget(vec![anna]).await.unwrap();
    assert_eq!((done.of(Rule::StatuteOver), done.of(Rule::Records), done.of(Rule::People)), (3, 1, 1));
    let gone = move |read: &mut crate::store::Read| {
        Ok::<_, crate::store::Error>(
            subjects::find(read.records(), anna)?.is_none()
                && records::of(read.records(), anna)?.is_empty()
                && ledger::of(read.records(), anna)?.is_empty()
                && keys::data_keys(read.keys(), &[anna])?.is_empty(),
        )
    };
    assert!(house.store.read(gone).await.unwrap());
}

async fn what_was_deleted_is_not_brought_back_and_the_person_may_come_back(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let record = house.rows(anna).await.records[0].clone();
    let own =
        house.sealer.record_index(house.shop, RecordKind::Customer, &Personal::text(record.record_no.0.to_string()));
    let (own, mail) = (house.sealer.suppression(own).bytes(), house.mail_index("anna@example.org"));
    let mail = house.sealer.suppression(mail.into()).bytes();
    house.pass_days(OVER);
    house.rights.forget(vec![anna]).await.unwrap();
    let laid = |ix: [u8; 16]| house.store.read(move |read| tombstones::laid(read.records(), &ix));
    assert!(laid(own).await.unwrap().is_some());
    assert_eq!(laid(mail).await.unwrap(), None);
}

async fn a_restriction_and_an_open_request_hold_everything(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    house.say(anna, Said::Restricted, "", "letter").await;
    let id = house.rights.receive(Kind::Access, Who::Subject(berta), None, &house.dpo()).await.unwrap().case().id;
    let before = (house.rows(anna).await, house.rows(berta).await);
    house.pass_days(OVER);
    let dry = house.rights.due_of(vec![anna, berta]).await.unwrap();
    let done = house.rights.forget(vec![anna, berta]).await.unwrap();
    assert_eq!(counts(&done), [("held_back".to_owned(), 2)]);
    assert_eq!(done, dry);
    assert_eq!(house.lines(Act::Expired).await, 0);
    let after = (house.rows(anna).await, house.rows(berta).await);
    assert_eq!((before.0.records, before.0.keys), (after.0.records, after.0.keys));
    assert_eq!((before.1.records, before.1.keys), (after.1.records, after.1.keys));
    // Once both are over, it goes.
    house.rights.refuse(id, RefusedFor::TakenBack, &house.dpo()).await.unwrap();
    assert_eq!(house.rights.forget(vec![berta]).await.unwrap().of(Rule::Records), 1);
    house.say(anna, Said::RestrictionLifted, "", "letter").await;
    assert!(house.rights.forget(vec![anna]).await.unwrap().of(Rule::HeldBack) == 0);
}

async fn one_part_cannot_lift_the_restriction_of_another(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    house.say(anna, Said::Restricted, "", "letter").await;
    house.pass_days(1);
    house.say(berta, Said::RestrictionLifted, "", "letter").await;
    house.pass_days(2);
    let record = house.rows(berta).await.records[0].record_no;
    house.merge(berta, anna, record).await;
    house.pass_days(OVER + 1);
    assert_eq!(counts(&house.rights.forget(vec![anna]).await.unwrap()), [("held_back".to_owned(), 1)]);
    assert_eq!(house.rows(anna).await.records.len(), 4);
    // What the merged person lifts is lifted for all.
    house.say(anna, Said::RestrictionLifted, "", "letter").await;
    assert_eq!(house.rights.forget(vec![anna]).await.unwrap().of(Rule::HeldBack), 0);
}

async fn a_no_outlives_the_data_it_was_said_about(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.say(anna, Said::Objected, "postal_marketing", "letter").await;
    house.pass_days(OVER);
    let done = house.rights.forget(vec![anna]).await.unwrap();
    assert_eq!((done.of(Rule::Records), done.of(Rule::LawAlone)), (0, 1));
    assert!(house.is_known(house.by_mail("anna@example.org")).await, "the no must be found when data comes");
    let rows = house.rows(anna).await;
    assert_eq!((held(&rows.records[0]), rows.records[0].sealed.as_slice()), (vec![], &[0][..]));
    assert!(house.rights.forget(vec![anna]).await.unwrap().is_empty());
    house.clock.set("2060-01-01T00:00:00Z");
    house.rights.forget(vec![anna]).await.unwrap();
    assert!(house.is_known(house.by_mail("anna@example.org")).await);
    assert_eq!(house.reads(anna, "subject_access").await, None);
}

async fn the_clock_of_a_source_ends_all_but_what_the_law_keeps(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    for row in house.rows(anna).await.records {
        house.change(RecordRow { source_until: at(super::house::NOW).plus_days(30), ..row }).await;
    }
    house.rights.forget(vec![anna]).await.unwrap();
    house.pass_days(30);
    let done = house.rights.forget(vec![anna]).await.unwrap();
    // Account: identity, contact, address, derived. Invoice: contact.
    assert_eq!((done.of(Rule::SourceClockOver), done.of(Rule::Records), done.of(Rule::LawAlone)), (5, 1, 1));
    assert!(!house.is_known(house.by_mail("anna@example.org")).await);
    assert!(house.reads(anna, "bookkeeping").await.unwrap().contains("anna-invoice"));
    assert_eq!(house.reads(anna, "order_fulfilment").await, None);
    // Erased now, what the law keeps goes to a nobody.
    let id = house.rights.receive(Kind::Erasure, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let certificate = house.rights.erase(id, &house.dpo()).await.unwrap();
    assert_eq!(certificate.certificate["kept"][0]["count"], 1);
}

async fn the_decision_is_made_by_purposes_standing_source_and_law(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let (rows, edition) = (house.rows(anna).await, house.rights.rulebook.edition());
    let now = at(super::house::NOW);
    let until = |rows: &SubjectRows, at: usize, category| {
        crate::rights::due::Keepers::new(rows, &edition, now).unwrap().until(&rows.records[at], category)
    };
    let days = |days: i64| Kept { purposes: Some(now.plus_days(days)), ..Kept::default() };
    assert_eq!(until(&rows, 0, Category::Identity), days(1_461));
    assert_eq!(until(&rows, 0, Category::Derived), days(1_095));
    assert_eq!(until(&rows, 0, Category::Special), Kept::default());
    let law = Some(at("2034-12-31T23:00:00Z"));
    assert_eq!(until(&rows, 1, Category::Financial), Kept { law, ..days(1_461) });
    assert_eq!(until(&rows, 1, Category::Contact).law, None);
    // The source ends sooner.
    let mut short = rows.clone();
    short.records[0].source_until = now.plus_days(30);
    assert_eq!(until(&short, 0, Category::Identity), Kept { by_source: true, ..days(30) });
    // An event counts from its own time, a state from the last sign of life, however long ago it began.
    let mut old = rows.clone();
    old.records[0].happened_at = now.plus_days(-1_000);
    old.records[0].kind = RecordKind::Event.number();
    assert_eq!(until(&old, 0, Category::Identity), days(461));
    old.records[0].kind = RecordKind::Customer.number();
    assert_eq!(until(&old, 0, Category::Identity), days(1_461));
    old.records[0].happened_at = Timestamp::UNSET;
    old.records[0].version = now.plus_days(-1_000);
    assert_eq!(until(&old, 0, Category::Identity), days(1_461));
    // A source nobody knows any more, and a rulebook without purposes: nothing is deleted.
    let mut unknown = rows.clone();
    unknown.records[0].source_no = crate::types::SourceNo(999);
    assert_eq!(until(&unknown, 0, Category::Special).purposes, Some(Timestamp::NEVER));
    let far = now.plus_days(100_000);
    assert!(due(&rows, &crate::consent::Edition::default(), far).unwrap().is_empty());
    assert!(due(&rows, &edition, far).unwrap().person);
    // An objection to marketing takes away what only marketing kept.
    house.say(anna, Said::Objected, "customer_value", "letter").await;
    house.say(anna, Said::Withdrawn, "", "letter").await;
    let rows = house.rows(anna).await;
    assert_eq!(until(&rows, 0, Category::Derived), days(1_095), "the loyalty contract goes on");
    assert_eq!(until(&rows, 0, Category::Engagement), Kept::default());
}

async fn closed_requests_and_keys_of_nobody_end(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let id = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let open = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    house.rights.refuse(id, RefusedFor::TakenBack, &house.dpo()).await.unwrap();
    let [orphan, young] = [71, 72].map(|number| SubjectId::from_uuid(uuid::Uuid::from_u128(number)));
    let now = at(super::house::NOW);
    for (owner, made) in [(orphan, now.plus_days(-3)), (young, now)] {
        let key = house.sealer.new_data_key(owner, 1, made).unwrap();
        house.store.write(move |write| keys::insert_data_key(write, &key)).await.unwrap();
    }
    let dry = house.rights.due_of_the_rest(quiet).await.unwrap();
    assert_eq!(counts(&dry), [("orphan_keys".to_owned(), 1)]);
    assert_eq!(house.rights.forget_the_rest(quiet).await.unwrap(), dry);
    assert_eq!(house.lines(Act::Expired).await, 2, "what is intended, and what was done");
    let found = |owners: Vec<SubjectId>| house.store.read(move |read| keys::data_keys(read.keys(), &owners));
    assert!(found(vec![orphan]).await.unwrap().is_empty());
    assert_eq!(found(vec![young]).await.unwrap().len(), 1);
    assert_eq!(found(vec![anna]).await.unwrap().len(), 1);

    // Answered in 2026: claims about it are barred with the end of 2029.
    assert_eq!(closed_before(at("2029-12-31T22:59:59Z")).unwrap().rfc3339(), "2025-12-31T23:00:00.000000Z");
    house.clock.set("2029-12-31T22:59:59Z");
    assert_eq!(house.rights.due_of_the_rest(quiet).await.unwrap().of(Rule::Requests), 0);
    house.clock.set("2029-12-31T23:00:00Z");
    assert_eq!(house.rights.forget_the_rest(quiet).await.unwrap().of(Rule::Requests), 1);
    assert!(house.rights.request(id).await.is_err() && house.rights.request(open).await.is_ok());
}

async fn many_keys_without_people_are_the_wrong_database_and_stay(database: Database) {
    let house = House::open(database).await;
    for number in 0..110 {
        let owner = SubjectId::from_uuid(uuid::Uuid::from_u128(1_000 + number));
        let key = house.sealer.new_data_key(owner, 1, at("2026-01-01T00:00:00Z")).unwrap();
        house.store.write(move |write| keys::insert_data_key(write, &key)).await.unwrap();
    }
    assert!(house.rights.forget_the_rest(quiet).await.unwrap().is_empty());
}

async fn a_crash_between_keys_and_rows_leaves_nothing_behind(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    house.clock.set("2040-01-01T00:00:00Z");
    // The keys of one were committed and the rows not.
    house.store.write(move |write| keys::delete_data_keys(write, &[anna])).await.unwrap();
    let done = house.rights.forget(vec![anna, berta]).await.unwrap();
    assert_eq!((done.of(Rule::People), done.of(Rule::Records)), (2, 4));
    let gone = |id: SubjectId| {
        house.store.read(move |read| {
            Ok::<_, crate::store::Error>(
                subjects::find(read.records(), id)?.is_none() && records::of(read.records(), id)?.is_empty(),
            )
        })
    };
    assert!(gone(anna).await.unwrap() && gone(berta).await.unwrap());
}

async fn what_comes_between_rows_and_keys_can_be_read(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.pass_days(OVER);
    let Ok(Forgotten::Gone(_, dying)) = house.rights.forget_rows(anna).await else { panic!("something is due") };
    let contact = serde_json::json!({"emails": [{"value": "anna@example.org"}]});
    let new = house.record(anna, RecordKind::Customer, "anna@example.org", &[(Category::Contact, contact)], None).await;
    // Derived and special data; the contact is in use again.
    assert_eq!(house.rights.end_keys(dying).await.unwrap(), 2);
    let rows = house.rows(anna).await;
    let row = rows.records.iter().find(|row| row.record_no == new).unwrap();
    let key = house.opener.with_key(&house.key(anna).await).unwrap();
    assert_eq!(key.open_all(new, CategorySet::all(), &row.sealed).unwrap().len(), 1);
    assert!(key.is_erased(Compartment::Of(Category::Derived)));
}

async fn a_crash_between_rows_and_keys_leaves_no_key_alive(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    house.pass_days(OVER);
    assert!(matches!(house.rights.forget_rows(anna).await, Ok(Forgotten::Gone(..))));
    let erased =
        async |category| house.opener.with_key(&house.key(anna).await).unwrap().is_erased(Compartment::Of(category));
    assert!(!erased(Category::Contact).await);
    house.rights.end_idle_keys(vec![anna, berta]).await.unwrap();
    assert!(erased(Category::Contact).await && !erased(Category::Identity).await);
    assert_eq!(house.rows(berta).await.records.len(), 2);
    assert!(house.reads(berta, "subject_access").await.unwrap().contains("berta@example.org"));
    // Of a whole person the keys are nobody's, and end with these.
    house.clock.set("2040-01-01T00:00:00Z");
    let Ok(Forgotten::Gone(_, dying)) = house.rights.forget_rows(berta).await else { panic!("all is due") };
    assert!(matches!(&dying, Dying::People(people) if people == &[berta]));
    assert_eq!(house.rights.due_of_the_rest(quiet).await.unwrap().of(Rule::OrphanKeys), 1);
    assert_eq!(house.rights.end_keys(dying).await.unwrap(), 1);
    assert_eq!(house.rights.due_of_the_rest(quiet).await.unwrap().of(Rule::OrphanKeys), 0);
}

async fn who_cannot_be_read_keeps_nobody_else_from_being_forgotten(database: Database) {
    let house = House::open(database).await;
    let (anna, berta, clara) =
        (house.customer("anna").await, house.customer("berta").await, house.customer("clara").await);
    let key = house.key(anna).await;
    let damaged = crate::store::rows::DataKeyRow { wrapped: vec![1; key.wrapped.len()], ..key.clone() };
    house.store.write(move |write| keys::update_data_key(write, &key, &damaged)).await.unwrap();
    let mut entry = house.rows(clara).await.ledger.remove(0);
    (entry.act, entry.entry_no) = (99, entry.entry_no + 1);
    house.store.write(move |write| ledger::insert(write, entry.clone())).await.unwrap();
    house.pass_days(OVER);
    let done = house.rights.forget(vec![clara, anna, berta]).await.unwrap();
    assert_eq!((done.of(Rule::Failed), done.of(Rule::Records)), (2, 1));
    assert_eq!(house.rows(berta).await.records.len(), 1);
    assert_eq!(house.lines(Act::Expired).await, 2);
}

async fn a_proof_ends_when_nobody_can_ask_for_it(database: Database) {
    let house = House::open(database).await;
    let (anna, berta) = (house.customer("anna").await, house.customer("berta").await);
    // As long as claims can be brought.
    let term = OVER;
    house.pass_days(OVER - 2);
    let contact = serde_json::json!({"emails": [{"value": "berta@example.org"}]});
    house.record(berta, RecordKind::Customer, "berta@example.org", &[(Category::Contact, contact)], None).await;
    for (days, ended) in [(term - 1, 0), (term, 1), (term + 1, 0)] {
        house.pass_days(days);
        assert_eq!(house.rights.forget(vec![anna, berta]).await.unwrap().of(Rule::Proofs), ended, "{days}");
        let entry = house.rows(anna).await.ledger.remove(0);
        assert_eq!((entry.evidence.is_empty(), entry.evidence_mac.is_empty()), (days >= term, false));
    }
    // The statement stays, and so does the proof of one that is still relied on.
    assert_eq!(house.rows(anna).await.ledger.len(), 1);
    assert!(!house.rows(berta).await.ledger.remove(0).evidence.is_empty());
}
