//! An unknown person and a refused read: the same answer, byte for byte, and in the long run also the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use obhut::types::Role;
use serde_json::json;

use super::statistics::{Comparison, median};
use super::wire::{Answer, Wire, get, post};
use super::{Stopwatch, figure, is_full, times};
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, lookup, order, statement, text};

const PURPOSE: &str = "newsletter_email";
/// Below this chance the two samples count as different.
const LEVEL: f64 = 0.001;
/// The medians may differ by this share of the unknown's, whatever the tests say: with enough pairs a difference that
/// nobody can use is found too.
const SHARE: f64 = 0.02;

/// Sorts of people a caller may learn nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Silent,
    Withdrawn,
    Erased,
    /// Consents, and nobody may use it for now.
    Restricted,
    /// Consented, and objects now.
    Objected,
}

const SORTS: [Sort; 5] = [Sort::Silent, Sort::Withdrawn, Sort::Erased, Sort::Restricted, Sort::Objected];

/// How somebody is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Lookup,
    ById,
    Batch,
}

const FORMS: [Form; 3] = [Form::Lookup, Form::ById, Form::Batch];

/// Readers of somebody who consents, who keep the house busy while it is asked.
const READERS: usize = 4;

/// People of each sort; in the long run so many that no cache learns a single one.
fn people() -> usize {
    times("people", 3, 40)
}

fn named(sort: Sort, number: usize) -> String {
    // Names of one length: the request is part of the time.
    let letter = match sort {
        Sort::Silent => 's',
        Sort::Withdrawn => 'w',
        Sort::Erased => 'e',
        Sort::Restricted => 'r',
        Sort::Objected => 'o',
    };
    format!("person{letter}{number:03}")
}

/// The house, and the ids of its people, by sort.
fn populated(database: Database) -> (House, Vec<Vec<String>>) {
    let house = super::house_without_matching(database, &[]).with_key(Role::Partner, [PURPOSE]);
    let house = house.with_subject("marlene").consenting_to(PURPOSE);
    for sort in SORTS {
        let records: Vec<_> = (0..people())
            .flat_map(|number| {
                let name = named(sort, number);
                [customer("webshop", &name), order("webshop", &format!("o-{name}"), &name, "2026-10-01T08:00:00Z")]
            })
            .collect();
        house.ingest(&records).expect_all("created");
    }
    let id = |sort, number| {
        let own = house.lookup(Role::Dpo, &named(sort, number), "subject_access").expect(200);
        text(&own.json()["subject_id"])
    };
    let ids = SORTS.map(|sort| (0..people()).map(|number| id(sort, number)).collect()).to_vec();
    for number in 0..people() {
        let name = named(Sort::Withdrawn, number);
        for act in ["granted", "withdrawn"] {
            house.post(Role::Partner, "/v1/consents", &statement(&name, act, Some(PURPOSE))).expect(201);
        }
        // Who was read until they said no.
        for (sort, act, purpose) in
            [(Sort::Restricted, "restricted", None), (Sort::Objected, "objected", Some(PURPOSE))]
        {
            let name = named(sort, number);
            house.say(&name, "granted", Some(PURPOSE)).expect(201);
            house.lookup(Role::Partner, &name, PURPOSE).expect(200);
            house.say(&name, act, purpose).expect(201);
        }
    }
    for number in 0..people() {
        house.erase(&named(Sort::Erased, number)).expect(201);
    }
    (house, ids)
}

/// The question for somebody by this name or id.
fn question(form: Form, key: &str, name: &str, id: &str) -> Vec<u8> {
    match form {
        Form::Lookup => post("/v1/profiles/lookup", key, &lookup(name, PURPOSE)),
        Form::ById => get(&format!("/v1/profiles/{id}?purpose={PURPOSE}"), key),
        Form::Batch => {
            let people = json!([{"identifier": lookup(name, PURPOSE)["identifier"]}]);
            post("/v1/profiles/batch", key, &json!({"people": people, "purpose": PURPOSE}))
        }
    }
}

/// Reads somebody who consents, again and again, until `asking` has ended.
fn beside_readers(house: &House, readers: usize, asking: impl FnOnce()) {
    let over = AtomicBool::new(false);
    scope(|threads| {
        for _ in 0..readers {
            threads.spawn(|| {
                let read = question(Form::Lookup, &house.key(Role::Partner).key, "marlene", "");
                let mut wire = Wire::connect(&house.address()).unwrap();
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(wire.call(&read).unwrap().status, 200);
                }
            });
        }
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = End(&over);
        asking();
    });
}

/// All a caller sees, but for what differs between any two calls.
fn seen(answer: &Answer) -> (u16, usize, Vec<String>, String) {
    let id = answer.header("x-request-id").unwrap_or_default();
    let differs = |line: &&str| !line.starts_with("x-request-id:") && !line.starts_with("date:");
    let mut head: Vec<_> = answer.head.lines().filter(differs).map(str::to_owned).collect();
    head.sort();
    let body = String::from_utf8_lossy(&answer.body).replace(id, "<request id>");
    (answer.status, answer.head.len() + answer.body.len(), head, body)
}

fn a_refusal_looks_and_lasts_like_nobody(database: Database) {
    let of = super::name(&database);
    let (house, ids) = populated(database);
    let mut different = Vec::new();
    for (readers, load) in [(0, ""), (READERS, ", under load")] {
        beside_readers(&house, readers, || different.extend(compare(&house, &ids, (of, load))));
    }
    assert!(different.is_empty(), "{different:#?}");
}

/// Asks for nobody and for somebody, in each form for each sort of people over a connection of its own at the same time, since
/// most of it is waiting. Returns what tells them apart.
fn compare(house: &House, ids: &[Vec<String>], (of, load): (&str, &str)) -> Vec<String> {
    let pairs = times("pairs", if load.is_empty() { 30 } else { 10 }, 10_000);
    let questions =
        FORMS.into_iter().flat_map(|form| SORTS.into_iter().zip(ids).map(move |(sort, ids)| (form, sort, ids)));
    let samples = scope(|threads| {
        let asking =
            questions.map(|(form, sort, ids)| (form, sort, threads.spawn(move || ask(house, ids, form, sort, pairs))));
        let asking: Vec<_> = asking.collect();
        let ended =
            asking.into_iter().map(|(form, sort, one)| (form, sort, one.join().expect("the answers are alike")));
        ended.collect::<Vec<_>>()
    });
    if !is_full() {
        return Vec::new();
    }
    // An objection is a no like a withdrawal: its answers must be the same, and their time is measured once, as that one's.
    let timed = samples.into_iter().filter(|(_, sort, _)| *sort != Sort::Objected);
    let judged = timed.filter_map(|(form, sort, (unknown, refused))| {
        let hammer = format!("timing, {sort:?}, {form:?}{load}").to_lowercase();
        judge(&hammer, of, &unknown, &refused)
    });
    judged.collect()
}

/// How long the answers about nobody and about people of this sort take, in microseconds.
fn ask(house: &House, ids: &[String], form: Form, sort: Sort, pairs: usize) -> (Vec<f64>, Vec<f64>) {
    let key = &house.key(Role::Partner).key;
    let mut wire = Wire::connect(&house.address()).unwrap();
    let chance = SeededChance::of(2 + sort as u64 + SORTS.len() as u64 * form as u64);
    let (mut unknown, mut refused) = (Vec::with_capacity(pairs), Vec::with_capacity(pairs));
    for pair in 0..pairs + pairs / 10 {
        let number = chance.below(people());
        // Nobody is called so; each time another nobody.
        let nobody = format!("person{:04}", pair % 10_000);
        let nobodys = format!("{}{:012x}", &ids[number][..24], chance.next() >> 16);
        let calls = [
            (question(form, key, &nobody, &nobodys), false),
            (question(form, key, &named(sort, number), &ids[number]), true),
        ];
        let mut answers = Vec::with_capacity(2);
        // Which of the two comes first is chance.
        let first = chance.below(2);
        for at in [first, 1 - first] {
            let (request, known) = &calls[at];
            let watch = Stopwatch::start();
            let answer = wire.call(request).unwrap();
            let micros = watch.passed().as_secs_f64() * 1e6;
            // The first tenth warms up.
            if pair >= pairs / 10 {
                if *known { refused.push(micros) } else { unknown.push(micros) }
            }
            answers.push(seen(&answer));
        }
        assert_eq!(answers[0], answers[1], "{sort:?} {form:?}");
        assert_eq!(answers[0].0, if form == Form::Batch { 200 } else { 404 });
    }
    (unknown, refused)
}

/// Statistics belong to the long run: a busy machine makes any of them fail by chance now and then.
fn judge(hammer: &str, of: &str, unknown: &[f64], refused: &[f64]) -> Option<String> {
    let found = Comparison::of(unknown, refused);
    let (one, other) = found.medians;
    let mut gaps: Vec<f64> = unknown.iter().zip(refused).map(|(unknown, refused)| refused - unknown).collect();
    gaps.sort_by(f64::total_cmp);
    figure(hammer, of, "pairs", unknown.len());
    figure(hammer, of, "median of unknown and of refused, µs", format!("{one:.1} and {other:.1}"));
    figure(hammer, of, "median of the difference within a pair, µs", format!("{:.2}", median(&gaps)));
    figure(hammer, of, "Mann–Whitney p", format!("{:.4}", found.rank_p));
    figure(hammer, of, "Kolmogorov–Smirnov distance and p", format!("{:.4}, {:.4}", found.distance, found.distance_p));
    let alike = found.rank_p >= LEVEL && found.distance_p >= LEVEL;
    let close = (other - one).abs() <= SHARE * one;
    (!alike || !close).then(|| format!("{hammer}, {of}: another time than nobody: {found:?}"))
}

in_a_house_on_both_databases!(a_refusal_looks_and_lasts_like_nobody);
