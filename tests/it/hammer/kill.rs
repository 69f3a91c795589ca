//! A power cut at any moment loses no acknowledged write, leaves no disclosure without its audit line, and nobody half
//! erased.

use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::wire::{Answer, Wire, post, post_once};
use super::{Stopwatch, assert_log_verifies, figure, times};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, customer, demand, in_a_house_on_both_databases, lookup, mail, statement, text};

const READERS: usize = 2;
const PURPOSE: &str = "newsletter_email";
/// People one writer acts on at a time.
const CIRCLE: usize = 6;
/// People of earlier rounds who are looked at again after each kill.
const SAMPLE: usize = 5;

/// Marks of running calls whose end is waited for; of the others it is brought about.
const WAITED: usize = 3;

/// Where a person stands, as far as a client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Absent,
    Silent,
    Consenting,
    Withdrawn,
    Erased,
}

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

impl Stand {
    /// The answers to a consented read and to the person's own.
    const fn answers(self) -> (u16, u16) {
        match self {
            Self::Absent | Self::Erased => (404, 404),
            Self::Silent | Self::Withdrawn => (404, 200),
            Self::Consenting => (200, 200),
        }
    }
}

/// What a client knows of somebody it wrote about.
struct Person {
    name: String,
    id: Option<String>,
    /// The last thing that was acknowledged.
    stand: Stand,
    /// What was sent and not answered.
    pending: Option<Stand>,
    /// The idempotency key of a call that was not answered.
    once: Option<String>,
    touched: bool,
}

/// A client that writes, one call after the other.
struct Writer {
    number: usize,
    people: Vec<Person>,
    chance: std::sync::Arc<SeededChance>,
    erased: usize,
    acknowledged: usize,
}

/// What all clients share.
#[derive(Default)]
struct Told {
    /// Decisions that were disclosed under.
    disclosed: Mutex<Vec<String>>,
    /// Who may consent now.
    names: Mutex<Vec<String>>,
    over: AtomicBool,
    reads: AtomicUsize,
    /// Answers of this round.
    answers: AtomicUsize,
}

impl Told {
    fn remember(&self, answer: &Answer) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if answer.status == 200
            && let Some(disclosure) = answer.json()
        {
            self.disclosed.lock().unwrap().push(text(&disclosure["decision"]["id"]));
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where the house is and which keys open it, for clients that outlive a node.
struct Door {
    address: String,
    partner: String,
    officer: String,
}

impl Door {
    fn of(house: &House) -> Self {
        let key = |role| house.key(role).key.clone();
        Self { address: house.address(), partner: key(Role::Partner), officer: key(Role::Dpo) }
    }
}

impl Writer {
    fn new(number: usize) -> Self {
        let chance = SeededChance::of(0xdead + u64::try_from(number).unwrap());
        Self { number, people: Vec::new(), chance, erased: 0, acknowledged: 0 }
    }

    /// Writes until the house is gone.
    fn work(&mut self, door: &Door, told: &Told) -> io::Result<()> {
        let mut wire = Wire::connect(&door.address)?;
        while !told.over.load(Ordering::Relaxed) {
            let living = self.people.iter().rev().take(CIRCLE).filter(|person| person.stand != Stand::Erased).count();
            if living == 0 || self.chance.below(3) == 0 {
                self.welcome(&mut wire, door, told)?;
            } else {
                let back = self.chance.below(CIRCLE.min(self.people.len()));
                let at = self.people.len() - 1 - back;
                self.act(at, &mut wire, door)?;
            }
            self.acknowledged += 1;
            told.answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Brings somebody new in, sometimes in a call that may be repeated.
    fn welcome(&mut self, wire: &mut Wire, door: &Door, told: &Told) -> io::Result<()> {
        let name = super::unlike(&format!("w{}p{}", self.number, self.people.len()));
        let once = (self.chance.below(2) == 0).then(|| name.clone());
        let stand = Stand::Absent;
        let pending = Some(Stand::Silent);
        self.people.push(Person { name: name.clone(), id: None, stand, pending, once: once.clone(), touched: true });
        let answer = answered(wire.call(&arrival(&name, once.as_deref(), door))?, 200)?;
        assert_eq!(answer.json().unwrap()["summary"]["created"], 1);
        let person = self.people.last_mut().unwrap();
        (person.stand, person.pending, person.once) = (Stand::Silent, None, None);
        // The officer's read yields the id, and is a disclosure like any other.
        let own = post("/v1/profiles/lookup", &door.officer, &lookup(&name, "subject_access"));
        let answer = answered(wire.call(&own)?, 200)?;
        told.remember(&answer);
        person.id = Some(text(&answer.json().unwrap()["subject_id"]));
        told.names.lock().unwrap().push(name);
        Ok(())
    }

    /// One step in somebody's life.
    fn act(&mut self, at: usize, wire: &mut Wire, door: &Door) -> io::Result<()> {
        let erase = self.chance.below(4) == 0;
        let person = &mut self.people[at];
        person.touched = true;
        let (next, request, status) = match person.stand {
            Stand::Absent => return Ok(()),
            Stand::Erased => {
                // The next sync of a source that knows nothing of the erasure.
                let answer = answered(wire.call(&arrival(&person.name, None, door))?, 200)?;
                assert_eq!(answer.json().unwrap()["summary"]["suppressed"], 1, "an erased person came back");
                return Ok(());
            }
            Stand::Consenting | Stand::Withdrawn if erase => {
                (Stand::Erased, post("/v1/requests", &door.officer, &demand(&person.name, "erasure")), 201)
            }
            Stand::Consenting => (Stand::Withdrawn, said(&person.name, "withdrawn", door), 201),
            Stand::Silent | Stand::Withdrawn => (Stand::Consenting, said(&person.name, "granted", door), 201),
        };
        person.pending = Some(next);
        answered(wire.call(&request)?, status)?;
        (person.stand, person.pending) = (next, None);
        self.erased += usize::from(next == Stand::Erased);
        Ok(())
    }
}

/// The answer, which has this status, unless the house is about to stop.
fn answered(answer: Answer, status: u16) -> io::Result<Answer> {
    if answer.status == 503 {
        return Err(io::Error::other("the house stops"));
    }
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    Ok(answer)
}

fn arrival(name: &str, once: Option<&str>, door: &Door) -> Vec<u8> {
    let body = json!({"records": [customer("webshop", name)]});
    match once {
        Some(once) => post_once("/v1/records", &door.partner, once, &body),
        None => post("/v1/records", &door.partner, &body),
    }
}

fn said(name: &str, act: &str, door: &Door) -> Vec<u8> {
    post("/v1/consents", &door.partner, &statement(name, act, Some(PURPOSE)))
}

/// Clients write and read until `end` returns.
fn load(house: &mut House, writers: &mut [Writer], told: &Told, end: impl FnOnce(&mut House)) {
    told.over.store(false, Ordering::SeqCst);
    told.answers.store(0, Ordering::SeqCst);
    let door = Door::of(house);
    scope(|threads| {
        for writer in writers {
            // An error is the house that is gone.
            threads.spawn(|| writer.work(&door, told));
        }
        for number in 0..READERS {
            let (door, chance) = (&door, SeededChance::of(u64::try_from(number).unwrap()));
            threads.spawn(move || read(door, told, &chance));
        }
        end(house);
        told.over.store(true, Ordering::SeqCst);
    });
}

fn read(door: &Door, told: &Told, chance: &SeededChance) -> io::Result<()> {
    let mut wire = Wire::connect(&door.address)?;
    while !told.over.load(Ordering::Relaxed) {
        let name = {
            let names = told.names.lock().unwrap();
            let newest = names.len().saturating_sub(2 * CIRCLE);
            names.get(newest + chance.below(2 * CIRCLE)).cloned()
        };
        let name = name.unwrap_or_else(|| "niemand".to_owned());
        let answer = wire.call(&post("/v1/profiles/lookup", &door.partner, &lookup(&name, PURPOSE)))?;
        assert!([200, 404, 503].contains(&answer.status), "{}", String::from_utf8_lossy(&answer.body));
        told.remember(&answer);
    }
    Ok(())
}

/// Compares what clients know with what the house says after its start.
struct Inspector {
    /// Where the part of the book that was not read yet begins.
    next: String,
    in_book: BTreeSet<String>,
    erased: BTreeSet<String>,
    chance: std::sync::Arc<SeededChance>,
    resumed: usize,
    expired: usize,
}

impl Inspector {
    fn new() -> Self {
        let next = "/v1/audit/entries?limit=1000".to_owned();
        let (in_book, erased, chance) = (BTreeSet::new(), BTreeSet::new(), SeededChance::of(3));
        Self { next, in_book, erased, chance, resumed: 0, expired: 0 }
    }

    fn inspect(&mut self, house: &House, writers: &mut [Writer], told: &Told, everybody: bool) {
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
        let ask = |role, purpose| {
            let reply = house.lookup(role, &person.name, purpose);
            if reply.status == 200 {
                assert!(reply.text().contains(&mail(&person.name)) && reply.text().contains(&person.name));
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

/// The place behind an entry.
fn after(entry: &Value) -> String {
    let idx = entry["idx"].as_i64().unwrap() + 1;
    format!("/v1/audit/entries?log={}&idx={idx}&limit=1000", text(&entry["log"]))
}

fn a_kill_loses_nothing_that_was_acknowledged(database: Database) {
    let short = if database.dialect() == Dialect::Sqlite { 6 } else { 3 };
    let (rounds, watch) = (times("kills", short, 1_000), Stopwatch::start());
    let of = super::name(&database);
    let mut house = super::house(database, &[]).with_key(Role::Partner, [PURPOSE]);
    let (told, chance) = (Told::default(), SeededChance::of(1));
    let mut writers = [Writer::new(0), Writer::new(1)];
    let mut inspector = Inspector::new();
    for round in 1..=rounds {
        let (answers, delay) = (1 + chance.below(100), u64::try_from(chance.below(20_000)).unwrap());
        load(&mut house, &mut writers, &told, |house| {
            let begun = Stopwatch::start();
            // A client that found a fault ends early; its panic is seen when the others have ended.
            while told.answers.load(Ordering::Relaxed) < answers && begun.passed() < Duration::from_secs(30) {
                sleep(Duration::from_millis(1));
            }
            sleep(Duration::from_micros(delay));
            house.kill();
        });
        house.start();
        inspector.inspect(&house, &mut writers, &told, round == rounds);
    }
    let sum = |of: fn(&Writer) -> usize| writers.iter().map(of).sum::<usize>();
    let (written, erased) = (sum(|writer| writer.acknowledged), sum(|writer| writer.erased));
    let reads = told.reads.load(Ordering::Relaxed);
    assert!(house.database().count(Shelf::Records, "card") > 0, "nobody was compared with anybody");
    assert!(!super::is_full() || inspector.expired > 0, "no running call was cut off");
    assert!(written >= rounds && reads >= rounds, "too little happened: {written} writes, {reads} reads");
    for (what, count) in [
        ("kills", rounds),
        ("acknowledged writes", written),
        ("of them erasures", erased),
        ("erasures cut off and finished at the start", inspector.resumed),
        ("running calls cut off whose mark had to end", inspector.expired),
        ("disclosures with their audit line", reads),
    ] {
        figure("kill", of, what, count);
    }
    figure("kill", of, "seconds", watch.passed().as_secs());
}

fn a_stop_under_load_ends_cleanly_and_loses_nothing(database: Database) {
    let mut house = super::house(database, &[]).with_key(Role::Partner, [PURPOSE]);
    let (told, mut writers) = (Told::default(), [Writer::new(0), Writer::new(1)]);
    load(&mut house, &mut writers, &told, |house| {
        sleep(Duration::from_millis(500));
        let status = house.stop();
        assert_eq!(status.code(), Some(0), "{status}");
    });
    assert!(writers.iter().all(|writer| writer.acknowledged > 0) && told.reads.load(Ordering::Relaxed) > 0);
    house.start();
    Inspector::new().inspect(&house, &mut writers, &told, true);
}

in_a_house_on_both_databases!(
    a_kill_loses_nothing_that_was_acknowledged,
    a_stop_under_load_ends_cleanly_and_loses_nothing,
);
