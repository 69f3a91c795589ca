//! What the hub costs: CPU per operation of the server process, with ratios inside the same run first, rates beside them.
//!
//! ```sh
//! cargo bench                       # 10,000 people, embedded SQLite
//! cargo bench -- 1000000            # another number of people
//! benches/run                       # everything that README.md tells: growth, and PostgreSQL in a cluster of its own
//! ```
//!
//! The real server runs as a process of its own; 64 keep-alive connections read, 4 ingest.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(clippy::disallowed_methods, reason = "measuring reads the clock")]

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

const READERS: usize = 64;
const WRITERS: usize = 4;
/// Records in one body.
const LINES: usize = 500;
/// People in one call.
const TOGETHER: usize = 100;
/// People whose requests are carried out.
const REQUESTS: usize = 200;
/// Orders of each of those.
const ORDERS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == twin::ARGUMENT) {
        return twin::serve(&arguments[at + 1], &arguments[at + 2]);
    }
    let people: usize = arguments.iter().filter_map(|argument| argument.parse().ok()).next().unwrap_or(10_000);
    let postgres = std::env::var("OBHUT_BENCH_POSTGRES_URL").ok().map(|url| {
        let process = std::env::var("OBHUT_BENCH_POSTGRES_PID").expect("OBHUT_BENCH_POSTGRES_PID");
        (url, process.parse().expect("a process id"))
    });
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path(), postgres.as_ref().map(|(url, process)| (url.as_str(), *process)));
    let database = if postgres.is_some() { "PostgreSQL, all its processes counted" } else { "embedded SQLite" };
    let (durable, hash) = (cost::fdatasync(directory.path()), cost::yardstick());
    println!("{people} people, {database}; durable write of 4 KiB {durable}; SHA-256 of 1 MiB {hash}");

    let lines: Vec<String> = (0..people).map(record).collect();
    let ingest = ingest(&hub, &lines);
    hub.rest();
    let reads = people.clamp(20_000, 200_000);
    let read = read(&hub, people, reads);
    let empty = empty(&hub, reads);
    if postgres.is_none() {
        let file = directory.path().join("records.db");
        let plain = twin::fill(&file, &lines, LINES);
        let twin = Twin::start(&file);
        let clear = twin.measure(reads, || {
            each(&twin.address, READERS, reads, |connection, at| {
                let body = lookup(spread(at, people));
                assert_eq!(connection.call(Call::post("/v1/profiles/lookup", "", &body)).0, 200);
            })
        });
        clear.tell("twin: the same row in clear", "");
        ratio("ingest / plain inserts of the same bytes", ingest.cpu, plain);
        ratio("throughput, consented read / twin", read.rate, clear.rate);
        ratio("CPU, consented read / twin", read.cpu, clear.cpu);
    }
    ratio("CPU, consented read / empty call", read.cpu, empty.cpu);
    refused(&hub, people, reads);
    batch(&hub, people, reads);
    redelivery(&hub, &lines);
    collect(&hub, people);
    requests(&hub, people);
}

/// Spread over everybody, so that what is read is not always in the same place.
fn spread(at: usize, people: usize) -> usize {
    at.wrapping_mul(7919) % people
}

fn ratio(what: &str, one: f64, other: f64) {
    println!("  {what}: {:.2}  ({one:.1} / {other:.1})", one / other);
}

fn ingest(hub: &Hub, lines: &[String]) -> Cost {
    let cost = send(hub, lines);
    cost.tell(
        "ingest, per record in bodies of 500",
        &format!("{} bytes; p50 and p99 of the body", lines.iter().map(String::len).sum::<usize>() / lines.len()),
    );
    cost
}

/// The same records again, as a connector that starts over sends them.
fn redelivery(hub: &Hub, lines: &[String]) {
    let lines = &lines[..lines.len().min(50_000)];
    send(hub, lines).tell("re-delivery of known records, per record", "");
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
    let cost = hub.measure(reads, || {
        each(&hub.address, READERS, reads, |connection, at| {
            let body = lookup(spread(at, people));
            assert_eq!(connection.call(Call::post("/v1/profiles/lookup", &hub.partner, &body)).0, 200);
        })
    });
    cost.tell("consented read, audit line durable", "");
    cost
}

fn empty(hub: &Hub, reads: usize) -> Cost {
    let cost = hub.measure(reads, || {
        each(&hub.address, READERS, reads, |connection, _| {
            assert_eq!(connection.call(Call::get("/healthz", &hub.partner)).0, 200);
        })
    });
    cost.tell("empty call", "");
    cost
}

fn refused(hub: &Hub, people: usize, reads: usize) {
    let cost = hub.measure(reads, || {
        each(&hub.address, READERS, reads, |connection, at| {
            let body = lookup(people + at);
            assert_eq!(connection.call(Call::post("/v1/profiles/lookup", &hub.partner, &body)).0, 404);
        })
    });
    cost.tell("refusal (unknown person), line durable", "");
}

fn batch(hub: &Hub, people: usize, reads: usize) {
    let calls = reads / TOGETHER;
    let cost = hub.measure(calls * TOGETHER, || {
        each(&hub.address, READERS, calls, |connection, at| {
            let body = lookup_many((0..TOGETHER).map(|person| spread(at * TOGETHER + person, people)));
            let (status, reply) = connection.call(Call::post("/v1/profiles/batch", &hub.partner, &body));
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
            let reply: serde_json::Value = serde_json::from_slice(&reply).unwrap();
            let profiles = reply["profiles"].as_array().unwrap();
            assert!(profiles.len() == TOGETHER && profiles.iter().all(serde_json::Value::is_object));
        })
    });
    cost.tell("one person of 100 in one call", "p50 and p99 of the call");
}

/// Events as tracking SDKs send them, by 64 connections: pages tell each alone, servers 20 at once. New visitors and known
/// ones, ten events each.
fn collect(hub: &Hub, people: usize) {
    let events = (10 * people).clamp(20_000, 200_000);
    for (together, run) in [(1, "alone"), (20, "together")] {
        let calls = events / together;
        let cost = hub.measure(events, || {
            each(&hub.address, READERS, calls, |connection, at| {
                let body =
                    tracked((at * together..(at + 1) * together).map(|event| (event % (events / 10), event)), run);
                let (status, reply) = connection.call(Call::post("/v1/batch", &hub.collector, &body));
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&reply));
            })
        });
        cost.tell(&format!("collected event, {together} in a call, durable"), "p50 and p99 of the call");
    }
}

fn requests(hub: &Hub, people: usize) {
    let count = REQUESTS.min(people / 2);
    let orders: Vec<String> = (0..count).flat_map(|person| (0..ORDERS).map(move |of| order(person, of))).collect();
    send(hub, &orders).tell("orders of known people, per record", "");
    for right in ["access", "erasure"] {
        let cost = hub.measure(count, || {
            each(&hub.address, 1, count, |connection, at| {
                let body = request(right, at);
                let (status, reply) = connection.call(Call::post("/v1/requests", &hub.dpo, &body));
                assert_eq!(status, 201, "{}", String::from_utf8_lossy(&reply));
            })
        });
        cost.tell(&format!("{right} of one person, {ORDERS} orders"), "");
    }
}
