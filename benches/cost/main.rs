//! What the hub costs: CPU per operation of the server process, with ratios inside the same run first, rates beside them.
//!
//! ```sh
//! cargo bench                       # 10,000 people, embedded SQLite
//! cargo bench -- 10000 1000000      # one hub that grows, and each cost against the first
//! benches/run                       # everything that README.md tells, PostgreSQL in a cluster of its own as well
//! ```
//!
//! The real server runs as a process of its own, as it is set by default but without a rate limit; 64 keep-alive connections
//! read, 4 ingest.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(clippy::disallowed_methods, reason = "measuring reads the clock")]

use std::path::Path;

mod client;
mod cost;
mod hub;
mod people;
mod twin;

use client::{Call, each};
use cost::Cost;
use hub::Hub;
use people::{lookup, lookup_many, order, record, request, tracked};
use twin::Twin;

/// The allocator of the hub, so that the twin is of the same make.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const READERS: usize = 64;
const WRITERS: usize = 4;
/// Records in one body.
const LINES: usize = 500;
/// People in one call.
const TOGETHER: usize = 100;
/// Calls of each sort that are measured: enough for a clock of hundredths of a second.
const READS: usize = 100_000;
/// Calls before the clock starts: connections open, statements are prepared.
const WARM_UP: usize = 2_000;
/// People that come in when so many are there already, and events.
const FURTHER: usize = 20_000;
const EVENTS: usize = 50_000;
/// People whose requests are carried out.
const REQUESTS: usize = 200;
/// Orders of each of those.
const ORDERS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == twin::ARGUMENT) {
        return twin::serve(&arguments[at + 1], &arguments[at + 2]);
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(10_000);
    }
    sizes.sort_unstable();
    let postgres = std::env::var("OBHUT_BENCH_POSTGRES_URL").ok().map(|url| {
        let process = std::env::var("OBHUT_BENCH_POSTGRES_PID").expect("OBHUT_BENCH_POSTGRES_PID");
        (url, process.parse().expect("a process id"))
    });
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path(), postgres.as_ref().map(|(url, process)| (url.as_str(), *process)));
    let database = if postgres.is_some() { "PostgreSQL, all its processes counted" } else { "embedded SQLite" };
    let (durable, hash) = (cost::fdatasync(directory.path()), cost::yardstick());
    println!("{database}; durable write of 4 KiB {durable}; SHA-256 of 1 MiB {hash}");
    let twin_of = postgres.is_none().then(|| directory.path().join("records.db"));
    let (mut first, mut known) = (None::<Vec<Told>>, 0);
    for (run, people) in sizes.into_iter().enumerate() {
        println!("\n{people} people");
        let mut book = Vec::new();
        fill(&hub, (known, people), twin_of.as_deref(), &mut book);
        known = people;
        measure(&hub, people, run, twin_of.as_deref(), &mut book);
        match &first {
            Some(first) => growth(first, &book),
            None => first = Some(book),
        }
    }
}

/// What was measured, and its cost.
type Told = (String, Cost);

fn tell(book: &mut Vec<Told>, what: &str, cost: Cost, remark: &str) {
    cost.tell(what, remark);
    book.push((what.to_owned(), cost));
}

/// What each operation costs now against what it cost when fewer people were there.
fn growth(first: &[Told], now: &[Told]) {
    println!("  CPU against the first:");
    for ((what, now), (_, first)) in now.iter().zip(first) {
        println!("    {what:<42} {:.2}", now.cpu / first.cpu);
    }
}

/// Spread over everybody, so that what is read is not always in the same place.
fn spread(at: usize, people: usize) -> usize {
    at.wrapping_mul(7919) % people
}

fn ratio(what: &str, one: f64, other: f64) {
    println!("  {what}: {:.2}  ({one:.1} / {other:.1})", one / other);
}

/// Brings people in until so many are there, and lets the hub group them by itself.
fn fill(hub: &Hub, (from, to): (usize, usize), twin_of: Option<&Path>, book: &mut Vec<Told>) {
    let lines: Vec<String> = (from..to).map(record).collect();
    let bytes = lines.iter().map(String::len).sum::<usize>() / lines.len();
    let filling = send(hub, &lines);
    let remark = format!("{bytes} bytes; p50 and p99 of the body");
    let mean = filling.cpu;
    tell(book, "filling, mean of all records on the way", filling, &remark);
    let grouping = hub.rest().as_secs_f64() * 1e6 / to as f64;
    println!("  grouping everybody anew, by itself: {grouping:.1} us CPU a record");
    if let Some(file) = twin_of {
        ratio("filling / plain inserts of the same bytes", mean, twin::fill(file, from, &lines, LINES));
    }
}

fn measure(hub: &Hub, people: usize, run: usize, twin_of: Option<&Path>, book: &mut Vec<Told>) {
    let read = read(hub, people, READS);
    let (read_cpu, read_rate) = (read.cpu, read.rate);
    tell(book, "consented read, audit line durable", read, "");
    let empty = empty(hub);
    let empty_cpu = empty.cpu;
    tell(book, "empty call", empty, "");
    if let Some(file) = twin_of {
        let twin = Twin::start(file);
        let ask = |count| {
            each(&twin.address, READERS, count, |connection, at| {
                let body = lookup(spread(at, people));
                assert_eq!(connection.call(Call::post("/v1/profiles/lookup", "", &body)).0, 200);
            })
        };
        ask(WARM_UP);
        let clear = twin.measure(READS, || ask(READS));
        let (clear_cpu, clear_rate) = (clear.cpu, clear.rate);
        tell(book, "twin: the same row in clear", clear, "");
        ratio("throughput, consented read / twin", read_rate, clear_rate);
        ratio("CPU, consented read / twin", read_cpu, clear_cpu);
    }
    ratio("CPU, consented read / empty call", read_cpu, empty_cpu);
    tell(book, "refusal (unknown person), line durable", refused(hub), "");
    tell(book, "one person of 100 in one call", batch(hub, people), "p50 and p99 of the call");
    // Numbers of people that are nobody else's.
    let further = |at: usize| 500_000_000 + run * 1_000_000 + at;
    let lines: Vec<String> = (0..FURTHER).map(|at| record(further(at))).collect();
    tell(book, "ingest of one more, in bodies of 500", send(hub, &lines), "p50 and p99 of the body");
    // As a connector sends them that starts over.
    tell(book, "re-delivery of known records, per record", send(hub, &lines), "");
    collect(hub, run, book);
    let orders: Vec<String> = (0..FURTHER).map(|at| order(further(at / ORDERS), at % ORDERS)).collect();
    tell(book, "orders of known people, per record", send(hub, &orders), "");
    for right in ["access", "erasure"] {
        let cost = hub.measure(REQUESTS, || {
            each(&hub.address, 1, REQUESTS, |connection, at| {
                let body = request(right, further(at));
                let (status, reply) = connection.call(Call::post("/v1/requests", &hub.dpo, &body));
                assert_eq!(status, 201, "{}", String::from_utf8_lossy(&reply));
            })
        });
        tell(book, &format!("{right} of one person, {ORDERS} orders"), cost, "");
    }
    if twin_of.is_some() {
        tell(book, "a data key wrapped anew (keys rotate)", hub.rotate(), "");
    }
}

fn send(hub: &Hub, lines: &[String]) -> Cost {
    let bodies: Vec<String> = lines.chunks(LINES).map(|chunk| chunk.join("\n")).collect();
    hub.measure(lines.len(), || {
        each(&hub.address, WRITERS, bodies.len(), |connection, at| {
            let call = Call { media: "application/x-ndjson", ..Call::post("/v1/records", &hub.partner, &bodies[at]) };
            let (status, reply) = connection.call(call);
            let reply = String::from_utf8_lossy(&reply);
            assert!(status == 200 && reply.contains("\"rejected\":0"), "{status} {reply}");
        })
    })
}

fn read(hub: &Hub, people: usize, reads: usize) -> Cost {
    let ask = |count| {
        each(&hub.address, READERS, count, |connection, at| {
            let body = lookup(spread(at, people));
            assert_eq!(connection.call(Call::post("/v1/profiles/lookup", &hub.partner, &body)).0, 200);
        })
    };
    ask(WARM_UP);
    hub.measure(reads, || ask(reads))
}

fn empty(hub: &Hub) -> Cost {
    hub.measure(READS, || {
        each(&hub.address, READERS, READS, |connection, _| {
            assert_eq!(connection.call(Call::get("/healthz", &hub.partner)).0, 200);
        })
    })
}

fn refused(hub: &Hub) -> Cost {
    let reads = READS / 4;
    hub.measure(reads, || {
        each(&hub.address, READERS, reads, |connection, at| {
            let body = lookup(900_000_000 + at);
            assert_eq!(connection.call(Call::post("/v1/profiles/lookup", &hub.partner, &body)).0, 404);
        })
    })
}

fn batch(hub: &Hub, people: usize) -> Cost {
    let calls = READS / TOGETHER;
    hub.measure(calls * TOGETHER, || {
        each(&hub.address, READERS, calls, |connection, at| {
            let body = lookup_many((0..TOGETHER).map(|person| spread(at * TOGETHER + person, people)));
            let (status, reply) = connection.call(Call::post("/v1/profiles/batch", &hub.partner, &body));
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
            let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
            let profiles = reply["profiles"].as_array().unwrap();
            assert!(profiles.len() == TOGETHER && profiles.iter().all(serde_json::Value::is_object));
        })
    })
}

/// Events as tracking SDKs send them, by 64 connections: pages tell each alone, servers 20 at once. New visitors and known
/// ones, ten events each.
fn collect(hub: &Hub, run: usize, book: &mut Vec<Told>) {
    for (together, how) in [(1, "alone"), (20, "together")] {
        let calls = EVENTS / together;
        let visit = format!("{how}-{run}");
        let cost = hub.measure(EVENTS, || {
            each(&hub.address, READERS, calls, |connection, at| {
                let body =
                    tracked((at * together..(at + 1) * together).map(|event| (event % (EVENTS / 10), event)), &visit);
                let (status, reply) = connection.call(Call::post("/v1/batch", &hub.collector, &body));
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
            })
        });
        tell(book, &format!("collected event, {together} in a call, durable"), cost, "p50 and p99 of the call");
    }
}
