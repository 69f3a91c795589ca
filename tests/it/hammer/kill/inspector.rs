//! What must hold when the house is there again: what clients know is compared with what it says, and with its tables.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::super::assert_log_verifies;
use super::{PURPOSE, Person, Stand, Told, Writer};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, customer, mail, text};

/// People of earlier rounds who are looked at again after each kill.
const SAMPLE: usize = 5;
/// Marks of running calls whose end is waited for; of the others it is brought about.
const WAITED: usize = 3;

/// Matching keys of cards up to which the index has all, and that it has not. Eight bytes of a card are one key.
const KEYS_AMISS: &str = "(WITH RECURSIVE digit (record_no, digits, place, matching_key) AS (
    SELECT record_no, hex(matching_keys), 0, 0 FROM card
    WHERE record_no <= (SELECT up_to FROM block_state) AND length(matching_keys) > 0
    UNION ALL
    SELECT record_no, digits, place + 1, (CASE WHEN place % 16 = 0 THEN 0 ELSE matching_key << 4 END)
        | (instr('0123456789ABCDEF', substr(digits, place + 1, 1)) - 1)
    FROM digit WHERE place < length(digits)
) SELECT matching_key, record_no FROM digit WHERE place > 0 AND place % 16 = 0
EXCEPT SELECT matching_key, record_no FROM block)";

/// Compares what clients know with what the house says after its start.
pub(super) struct Inspector {
    /// Where the part of the book that was not read yet begins.
    next: String,
    in_book: BTreeSet<String>,
    erased: BTreeSet<String>,
    chance: std::sync::Arc<SeededChance>,
    pub(super) resumed: usize,
    pub(super) expired: usize,
}

impl Inspector {
    pub(super) fn new() -> Self {
        let next = "/v1/audit/entries?limit=1000".to_owned();
        let (in_book, erased, chance) = (BTreeSet::new(), BTreeSet::new(), SeededChance::of(3));
        Self { next, in_book, erased, chance, resumed: 0, expired: 0 }
    }

    pub(super) fn inspect(&mut self, house: &House, writers: &mut [Writer], told: &Told, everybody: bool) {
        for writer in writers {
            let old = writer.people.len().max(1);
            for _ in 0..SAMPLE {
                if let Some(person) = writer.people.get_mut(self.chance.below(old)) {
                    person.touched = true;
                }
            }
            for person in writer.people.iter_mut().filter(|person| everybody || person.touched) {
                self.repeat(house, person);
                self.compare(house, person, told);
                person.touched = false;
            }
            for _ in 0..SAMPLE {
                let old = writer.couples.len().max(1);
                if let Some(couple) = writer.couples.get_mut(self.chance.below(old)) {
                    couple.touched = true;
                }
            }
            for couple in writer.couples.iter_mut().filter(|couple| everybody || couple.touched) {
                couple.compare(house, told, &mut self.erased);
            }
            writer.visits.compare(house, told, &self.chance, everybody);
        }
        self.nobody_is_half_erased(house.database());
        self.every_disclosure_has_its_line(house, told);
        assert_log_verifies(house);
    }

    /// A call with an idempotency key can be sent again; the mark of the node that died ends by itself.
    fn repeat(&mut self, house: &House, person: &mut Person) {
        let Some(once) = person.once.take() else { return };
        let send = || {
            let request =
                house.client().post(format!("{}/v1/records", house.address())).header("idempotency-key", &once);
            let body = json!({"records": [customer("webshop", &person.name)]});
            house.send(request.bearer_auth(&house.key(Role::Partner).key).json(&body))
        };
        let mut reply = send();
        if reply.status == 409 {
            assert_eq!(reply.code(), "idempotency_key_in_use");
            if self.expired < WAITED {
                house.wait_for_the_end_of("expires_at", "reply WHERE status = 0", Duration::from_secs(600));
            } else {
                // As if its ten minutes had passed.
                house.database().execute(Shelf::Records, "UPDATE reply SET expires_at = 1 WHERE status = 0");
            }
            self.expired += 1;
            reply = send();
        }
        let summary = reply.expect(200).json()["summary"].clone();
        assert!(summary["created"] == 1 || summary["unchanged"] == 1, "{summary}");
        (person.stand, person.pending) = (Stand::Silent, None);
    }

    fn compare(&mut self, house: &House, person: &mut Person, told: &Told) {
        let shown = RefCell::new(BTreeSet::new());
        let ask = |role, purpose| {
            let reply = house.lookup(role, &person.name, purpose);
            if reply.status == 200 {
                assert!(reply.text().contains(&mail(&person.name)) && reply.text().contains(&person.name));
                shown.borrow_mut().insert(version_in(&reply.text(), &person.name));
                told.disclosed.lock().unwrap().push(text(&reply.json()["decision"]["id"]));
            }
            reply
        };
        let (consented, own) = (ask(Role::Partner, PURPOSE), ask(Role::Dpo, "subject_access"));
        let seen = (consented.status, own.status);
        let possible = person.pending.into_iter().chain([person.stand]);
        let found = possible.clone().find(|stand| stand.answers() == seen);
        let Some(found) = found else {
            panic!("{} answered {seen:?} after {:?}, then {:?}", person.name, person.stand, person.pending);
        };
        self.resumed += usize::from(person.pending == Some(Stand::Erased) && found == Stand::Erased);
        (person.stand, person.pending) = (found, None);
        // All reads show one version: the newest that was acknowledged, or the one that was cut off.
        let shown: Vec<u32> = shown.into_inner().into_iter().collect();
        let possible = [Some(person.version), person.newer.take()];
        match shown.as_slice() {
            [] => {}
            [version] if possible.contains(&Some(*version)) => person.version = *version,
            _ => panic!("{} is shown as of {shown:?}, not {possible:?}", person.name),
        }
        if own.status == 200 {
            person.id = Some(text(&own.json()["subject_id"]));
        } else if found == Stand::Erased {
            self.erased.insert(person.id.clone().unwrap().replace('-', ""));
        }
    }

    /// Behind the house's back: nobody marked, nobody without keys, nothing left of the erased. Keys commit first, so
    /// a key may be there whose person is not.
    fn nobody_is_half_erased(&self, database: &Database) {
        let ids = |shelf, column: &str, rest: &str| -> BTreeSet<String> {
            database.bytes(shelf, column, rest).into_iter().map(hex::encode).collect()
        };
        assert!(ids(Shelf::Records, "subject_id", "FROM subject WHERE state = 3").is_empty(), "a mark was not resumed");
        let people = ids(Shelf::Records, "subject_id", "FROM subject");
        let keys = ids(Shelf::Keys, "subject_id", "FROM data_key");
        assert!(people.is_subset(&keys), "somebody is there without a key");
        for (table, column) in [
            ("record", "subject_id"),
            ("record", "sealed_for"),
            ("identifier", "subject_id"),
            ("ledger", "subject_id"),
            ("link", "subject_id"),
            ("card", "subject_id"),
            ("card", "sealed_for"),
            ("apart", "subject_id"),
            ("apart", "other_id"),
            ("review", "one_id"),
            ("review", "other_id"),
            ("audience_member", "subject_id"),
            ("unsubscription", "subject_id"),
            ("unmatched", "subject_id"),
        ] {
            // A no about an identifier that nobody has yet belongs to nobody who is listed.
            let owners = ids(Shelf::Records, column, &format!("FROM {table}"));
            assert!(owners.is_subset(&people), "{table}.{column} of somebody who is not there");
        }
        for table in ["identifier", "link", "card", "block"] {
            let orphans = format!("{table} WHERE record_no NOT IN (SELECT record_no FROM record)");
            let left = database.count(Shelf::Records, &orphans);
            assert_eq!(left, 0, "{table} of a record that is not there");
        }
        if database.dialect() == Dialect::Sqlite {
            assert_eq!(database.count(Shelf::Records, KEYS_AMISS), 0, "an index without keys of its cards");
        }
        assert!(self.erased.is_disjoint(&keys), "a key of an erased person");
        assert!(self.erased.is_disjoint(&people), "a row of an erased person");
    }

    fn every_disclosure_has_its_line(&mut self, house: &House, told: &Told) {
        loop {
            let page = house.get(Role::Dpo, &self.next).expect(200).json();
            let entries = page["entries"].as_array().unwrap();
            let disclosed = entries.iter().filter(|entry| entry["act"] == "disclosed");
            self.in_book.extend(disclosed.filter_map(|entry| entry["body"]["decision"].as_str()).map(str::to_owned));
            if let Some(last) = entries.last() {
                self.next = after(last);
            }
            match page["next"].as_str() {
                Some(next) => self.next = format!("/v1/audit/entries?cursor={next}&limit=1000"),
                None => break,
            }
        }
        for id in told.disclosed.lock().unwrap().drain(..) {
            assert!(self.in_book.remove(&id), "disclosed without an audit line: {id}");
        }
    }
}

/// Which version of somebody's record a reply shows.
fn version_in(reply: &str, name: &str) -> u32 {
    let (_, rest) = reply.split_once(&format!("\"Given{name}")).expect("a given name is shown");
    let (counted, _) = rest.split_once('"').unwrap();
    counted.strip_prefix('v').map_or(0, |counted| counted.trim_end_matches('e').parse().unwrap())
}

/// The place behind an entry.
fn after(entry: &Value) -> String {
    let idx = entry["idx"].as_i64().unwrap() + 1;
    format!("/v1/audit/entries?log={}&idx={idx}&limit=1000", text(&entry["log"]))
}
