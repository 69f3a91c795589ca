//! What one arriving record costs, by itself in a call and durable when it is answered, as the number of people grows; and
//! what a value costs that very many records share.
//!
//! ```sh
//! cargo bench --bench arrival                          # 10,000 people
//! cargo bench --bench arrival -- 10000 100000 1000000  # one hub that grows; flat within 1.5 is the aim
//! ```
//!
//! Ratios are taken inside one run, against the first number of people. An empty call and a durable write of 4 KiB are told
//! beside: a call waits for one of each.

#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(clippy::disallowed_methods, reason = "measuring reads the clock")]

#[path = "../cost/client.rs"]
mod client;
#[path = "../cost/cost.rs"]
mod cost;
#[path = "../cost/hub.rs"]
mod hub;
#[path = "../cost/people.rs"]
mod people;

use std::time::Duration;

use client::{Call, each};
use cost::Cost;
use hub::Hub;

/// Records in one body while people are brought in.
const LINES: usize = 500;
const WRITERS: usize = 4;
/// Arrivals of each kind that are measured at each number of people.
const ARRIVALS: usize = 2_000;
/// How many records share a value.
const FEW: usize = 60;
const MANY: usize = 10_000;
/// How often records under each are measured, and how many at once.
const TURNS: usize = 8;
const AT_ONCE: usize = 100;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(10_000);
    }
    sizes.sort_unstable();
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path(), None);
    let (durable, hash) = (cost::fdatasync(directory.path()), cost::yardstick());
    println!("embedded SQLite; durable write of 4 KiB {durable}; SHA-256 of 1 MiB {hash}");
    let mut first: Option<[Cost; 3]> = None;
    let mut known = 0;
    for (run, people) in sizes.into_iter().enumerate() {
        fill(&hub, known, people);
        hub.rest();
        known = people;
        println!("\n{people} people");
        hub.measure(ARRIVALS, || {
            each(&hub.address, 1, ARRIVALS, |connection, _| {
                assert_eq!(connection.call(Call::get("/healthz", &hub.partner)).0, 200);
            })
        })
        .tell("empty call", "");
        // Numbers of people that no other run or kind uses.
        let number = |kind: usize, at: usize| 100_000_000 + run * 10_000_000 + kind * 1_000_000 + at;
        let costs = [
            alone(&hub, "somebody new", |at| people::record(number(0, at))),
            alone(&hub, "an order of somebody known", |at| people::order(spread(at, people), number(1, at))),
            alone(&hub, "somebody known, found by comparing", |at| people::again(spread(at, people), number(2, at))),
        ];
        if let Some(first) = &first {
            for (one, other) in costs.iter().zip(first) {
                println!(
                    "  against the first: CPU {:.2}, p50 {:.2}, p99 {:.2}",
                    one.cpu / other.cpu,
                    one.p50.as_secs_f64() / other.p50.as_secs_f64(),
                    one.p99.as_secs_f64() / other.p99.as_secs_f64()
                );
            }
        }
        first.get_or_insert(costs);
    }
    shared(&hub);
}

fn spread(at: usize, people: usize) -> usize {
    at.wrapping_mul(7919) % people
}

fn fill(hub: &Hub, from: usize, to: usize) {
    let bodies: Vec<(usize, usize)> = (from..to).step_by(LINES).map(|at| (at, to.min(at + LINES))).collect();
    each(&hub.address, WRITERS, bodies.len(), |connection, at| {
        let (from, to) = bodies[at];
        bring(hub, connection, &(from..to).map(people::record).collect::<Vec<_>>().join("\n"));
    });
}

fn bring(hub: &Hub, connection: &mut client::Connection, lines: &str) {
    let call = Call { media: "application/x-ndjson", ..Call::post("/v1/records", &hub.partner, lines) };
    let (status, reply) = connection.call(call);
    let reply = String::from_utf8_lossy(&reply);
    assert!(status == 200 && reply.contains("\"rejected\":0"), "{status} {reply}");
}

/// One record in a call, one call after the other.
fn alone(hub: &Hub, what: &str, record: impl Fn(usize) -> String + Sync) -> Cost {
    let records: Vec<String> = (0..ARRIVALS).map(record).collect();
    let cost = hub
        .measure(ARRIVALS, || each(&hub.address, 1, ARRIVALS, |connection, at| bring(hub, connection, &records[at])));
    cost.tell(what, "");
    cost
}

/// A record that comes under a phone number that many share, against one that comes under a number that few share: of records that
/// verified it, and of records that did not. Each of the latter comes under a number of its own, as the last of [`FEW`], so that none
/// is measured under more; of the former there are [`MANY`] before the first. They take turns, so that nothing else differs.
fn shared(hub: &Hub) {
    println!(
        "\na record under a phone number that {MANY} records share already, against one that is the {FEW}th under its number"
    );
    for verified in [false, true] {
        let kind = usize::from(verified);
        let holder = |value: usize, at: usize| {
            let number = 900_000_000 + kind * 10_000_000 + value * 1_000 + at;
            people::with_phone(number, &format!("+49 30 23{kind}{value:05}"), verified)
        };
        // Values below are those that few share; its holders' numbers are beyond all of theirs.
        let (of_few, of_many) = (TURNS * AT_ONCE, 5_000);
        let few = (0..of_few).flat_map(|value| (1..FEW).map(move |at| (value, at)));
        let holders: Vec<(usize, usize)> = few.chain((0..MANY).map(|at| (of_many, at))).collect();
        let bodies: Vec<&[(usize, usize)]> = holders.chunks(LINES).collect();
        each(&hub.address, WRITERS, bodies.len(), |connection, at| {
            let lines: Vec<String> = bodies[at].iter().map(|(value, at)| holder(*value, *at)).collect();
            bring(hub, connection, &lines.join("\n"));
        });
        hub.rest();
        let mut costs: Vec<Vec<(f64, Duration, Duration)>> = vec![Vec::new(); 2];
        for turn in 0..TURNS {
            for (place, costs) in costs.iter_mut().enumerate() {
                let record = |at: usize| match place {
                    0 => holder(turn * AT_ONCE + at, 0),
                    _ => holder(of_many, MANY + turn * AT_ONCE + at),
                };
                let records: Vec<String> = (0..AT_ONCE).map(record).collect();
                let cost = hub.measure(records.len(), || {
                    each(&hub.address, 1, records.len(), |connection, at| bring(hub, connection, &records[at]))
                });
                costs.push((cost.cpu, cost.p50, cost.p99));
            }
        }
        let middle = |of: &mut Vec<(f64, Duration, Duration)>| {
            of.sort_by(|one, other| one.0.total_cmp(&other.0));
            of[of.len() / 2]
        };
        let (few, many) = (middle(&mut costs[0]), middle(&mut costs[1]));
        let word = if verified { "verified" } else { "not verified" };
        println!(
            "  {word}: CPU {:.2} ({:.0} / {:.0} us), p50 {:.2} ({:.2?} / {:.2?})",
            many.0 / few.0,
            many.0,
            few.0,
            many.1.as_secs_f64() / few.1.as_secs_f64(),
            many.1,
            few.1
        );
    }
}
