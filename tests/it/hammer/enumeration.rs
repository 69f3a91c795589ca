//! An unknown person and a refused read: the same answer, byte for byte, and in the long run also the same time.

use obhut::types::Role;

use super::statistics::{Comparison, median};
use super::wire::{Answer, Wire, post};
use super::{Stopwatch, figure, is_full, times};
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, lookup, order, statement};

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
}

const SORTS: [Sort; 3] = [Sort::Silent, Sort::Withdrawn, Sort::Erased];

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
    };
    format!("person{letter}{number:03}")
}

fn populated(database: Database) -> House {
    let house = super::house_without_matching(database, &[]).with_key(Role::Partner, [PURPOSE]);
    for sort in SORTS {
        let records: Vec<_> = (0..people())
            .flat_map(|number| {
                let name = named(sort, number);
                [customer("webshop", &name), order("webshop", &format!("o-{name}"), &name, "2026-10-01T08:00:00Z")]
            })
            .collect();
        house.ingest(&records).expect_all("created");
    }
    for number in 0..people() {
        let name = named(Sort::Withdrawn, number);
        for act in ["granted", "withdrawn"] {
            house.post(Role::Partner, "/v1/consents", &statement(&name, act, Some(PURPOSE))).expect(201);
        }
    }
    for number in 0..people() {
        house.erase(&named(Sort::Erased, number)).expect(201);
    }
    house
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
    let (pairs, of) = (times("pairs", 30, 10_000), super::name(&database));
    let house = populated(database);
    let key = &house.key(Role::Partner).key;
    let ask = |name: &str| post("/v1/profiles/lookup", key, &lookup(name, PURPOSE));
    let mut wire = Wire::connect(&house.address()).unwrap();
    let chance = SeededChance::of(2);
    for sort in SORTS {
        let (mut unknown, mut refused) = (Vec::with_capacity(pairs), Vec::with_capacity(pairs));
        for pair in 0..pairs + pairs / 10 {
            let number = chance.below(people());
            // Nobody is called so; each time another nobody.
            let calls = [(ask(&format!("person{:04}", pair % 10_000)), false), (ask(&named(sort, number)), true)];
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
            assert_eq!(answers[0], answers[1], "{sort:?}");
            assert_eq!(answers[0].0, 404);
        }
        if is_full() {
            judge(sort, of, &unknown, &refused);
        }
    }
}

/// Statistics belong to the long run: a busy machine makes any of them fail by chance now and then.
fn judge(sort: Sort, of: &str, unknown: &[f64], refused: &[f64]) {
    let found = Comparison::of(unknown, refused);
    let (one, other) = found.medians;
    let mut gaps: Vec<f64> = unknown.iter().zip(refused).map(|(unknown, refused)| refused - unknown).collect();
    gaps.sort_by(f64::total_cmp);
    let hammer = format!("timing, {sort:?}").to_lowercase();
    figure(&hammer, of, "pairs", unknown.len());
    figure(&hammer, of, "median of unknown and of refused, µs", format!("{one:.1} and {other:.1}"));
    figure(&hammer, of, "median of the difference within a pair, µs", format!("{:.2}", median(&gaps)));
    figure(&hammer, of, "Mann–Whitney p", format!("{:.4}", found.rank_p));
    figure(&hammer, of, "Kolmogorov–Smirnov distance and p", format!("{:.4}, {:.4}", found.distance, found.distance_p));
    let alike = found.rank_p >= LEVEL && found.distance_p >= LEVEL;
    let close = (other - one).abs() <= SHARE * one;
    assert!(alike && close, "{sort:?} takes another time than nobody: {found:?}");
}

in_a_house_on_both_databases!(a_refusal_looks_and_lasts_like_nobody);
