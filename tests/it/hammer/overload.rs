//! Far more calls than the hub may or can serve: those it turns away are told so quickly, memory stays bounded, and when
//! the storm is over all is as before.

mod flood;
mod sender;
mod stalled;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use rustix::io::Errno;
use rustix::process::{Pid, setpriority_process};
use serde_json::json;

use super::statistics::median;
use super::wire::{Wire, post};
use super::{Stopwatch, figure, is_full, sockets, times};
use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, lookup};

const PURPOSE: &str = "newsletter_email";
/// Memory may grow by this much in the storm: what calls that run at once, their connections and warm caches need.
const GROWTH: u64 = 128 << 20;
/// So many people one call reads.
const TOGETHER: usize = 50;
/// So many times as often as the house serves.
const TIMES: f64 = 10.0;
/// What is turned away in the median, at the latest. It is no promise on a busy machine, but seconds would be a queue.
const QUICK: Duration = Duration::from_millis(250);

/// What the storm was answered.
#[derive(Default)]
struct Answers {
    served: usize,
    /// 429 and 503, with `Retry-After`.
    turned_away: [usize; 2],
    /// How long the turned away waited for that, in microseconds.
    waits: Vec<f64>,
}

impl Answers {
    fn add(&mut self, other: Self) {
        self.served += other.served;
        self.turned_away = [0, 1].map(|at| self.turned_away[at] + other.turned_away[at]);
        self.waits.extend(other.waits);
    }

    fn all(&self) -> usize {
        self.served + self.turned_away.iter().sum::<usize>()
    }

    /// The share `part` of the waits is shorter, in microseconds.
    fn wait(&self, part: f64) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
        let at = ((f64::from(u32::try_from(waits.len()).unwrap()) - 1.0) * part) as usize;
        if part == 0.5 { median(&waits) } else { waits[at] }
    }
}

/// So many clients call as fast as they are answered, for so long.
fn storm(house: &House, clients: usize, length: Duration, mut memory: impl FnMut()) -> Answers {
    let (over, answers) = (AtomicBool::new(false), Mutex::new(Answers::default()));
    let key = &house.key(Role::Partner).key;
    // Of several at once, so that serving costs far more than turning away does callers and house, which share the processors.
    let people = vec![json!({"identifier": lookup("marlene", PURPOSE)["identifier"]}); TOGETHER];
    let read = post("/v1/profiles/batch", key, &json!({"people": people, "purpose": PURPOSE}));
    let write = post("/v1/records", key, &json!({"records": [customer("webshop", "sturm")]}));
    scope(|threads| {
        for client in 0..clients {
            let (over, answers, read, write) = (&over, &answers, &read, &write);
            threads.spawn(move || {
                let mut own = Answers::default();
                let mut wire = Wire::connect(&house.address()).unwrap();
                while !over.load(Ordering::Relaxed) {
                    let watch = Stopwatch::start();
                    let answer = wire.call(if client.is_multiple_of(8) { write } else { read }).unwrap();
                    let at = match answer.status {
                        200 => {
                            own.served += 1;
                            continue;
                        }
                        429 => 0,
                        503 => 1,
                        other => panic!("answered {other}: {}", String::from_utf8_lossy(&answer.body)),
                    };
                    own.waits.push(watch.passed().as_secs_f64() * 1e6);
                    own.turned_away[at] += 1;
                    let after = answer.header("retry-after").and_then(|after| after.parse::<u32>().ok());
                    assert!(after.is_some(), "no time to come back: {}", answer.head);
                    if answer.header("connection") == Some("close") {
                        wire = Wire::connect(&house.address()).unwrap();
                    }
                }
                answers.lock().unwrap().add(own);
            });
        }
        let watch = Stopwatch::start();
        while watch.passed() < length {
            sleep(Duration::from_millis(50));
            memory();
        }
        over.store(true, Ordering::Relaxed);
    });
    answers.into_inner().unwrap()
}

/// How many calls a second are served when as many clients call as may run at once, one after the other: what the house
/// sustains.
fn sustained(house: &House, clients: usize) -> f64 {
    let length = Duration::from_secs(u64::try_from(times("calm", 1, 10)).unwrap());
    per_second(storm(house, clients, length, || ()).served, length)
}

fn per_second(calls: usize, length: Duration) -> f64 {
    f64::from(u32::try_from(calls).unwrap()) / length.as_secs_f64()
}

/// The memory of the first node, in bytes; not what it shares with the system's cache, such as the file of an embedded database.
fn resident(house: &House) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.process())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

fn lively(database: Database, arguments: &[&str]) -> House {
    super::house(database, arguments).with_key(Role::Partner, [PURPOSE]).with_subject("marlene").consenting_to(PURPOSE)
}

/// Lets the callers, who share the processors with the house, come first: in the world they have their own.
fn callers_first(house: &House) {
    let threads = std::fs::read_dir(format!("/proc/{}/task", house.process())).unwrap();
    let threads = threads.map(|thread| thread.unwrap().file_name().into_string().unwrap().parse().unwrap());
    threads.for_each(|thread| comes_last(Pid::from_raw(thread).unwrap()));
}

/// A thread may have ended since it was listed; then there is nothing to do.
fn comes_last(thread: Pid) {
    match setpriority_process(Some(thread), 10) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(cause) => panic!("{thread:?} cannot be made to come last: {cause}"),
    }
}

#[test]
fn a_thread_that_ended_meanwhile_is_passed_over() {
    comes_last(Pid::from_raw(i32::MAX).unwrap());
}

/// The storm, of at least [`TIMES`] the calls a second that are `sustained`, and the calm after it.
fn weather(house: &House, (hammer, of): (&str, &str), clients: usize, sustained: f64) -> Answers {
    let seconds = u64::try_from(times("seconds", 2, 60)).unwrap();
    let (before, mut most) = (resident(house), 0);
    let answers = storm(house, clients, Duration::from_secs(seconds), || most = most.max(resident(house)));
    assert!(most < before + GROWTH, "memory grew from {before} to {most} bytes");
    assert!(answers.served > 0, "nobody was served");
    assert!(answers.turned_away.iter().sum::<usize>() > 0, "nobody was turned away");
    let middle = Duration::from_micros(u64::try_from(answers.wait(0.5).round() as i64).unwrap());
    assert!(!is_full() || middle < QUICK, "turning away takes {middle:?}");
    // Allowances come back within a second or two; then every call is served.
    sleep(Duration::from_secs(2));
    for _ in 0..20 {
        house.lookup(Role::Partner, "marlene", PURPOSE).expect(200);
        sleep(Duration::from_millis(25));
    }
    house.ingest(&[customer("webshop", "danach")]).expect_all("created");
    let times = per_second(answers.all(), Duration::from_secs(seconds)) / sustained;
    assert!(!is_full() || times >= TIMES, "{times:.1} times what is sustained is no storm");
    figure(hammer, of, "calls served a second without a storm", format!("{sustained:.0}"));
    figure(hammer, of, "calls in the storm, as a multiple of that", format!("{times:.1}"));
    let megabytes = |bytes: u64| format!("{} MiB", bytes >> 20);
    figure(hammer, of, "calls in the storm", answers.all());
    figure(hammer, of, "served", answers.served);
    figure(hammer, of, "turned away with 429 and with 503", format!("{:?}", answers.turned_away));
    figure(hammer, of, "median wait for that, µs", format!("{:.0}", answers.wait(0.5)));
    figure(hammer, of, "99 % wait for that, µs", format!("{:.0}", answers.wait(0.99)));
    figure(hammer, of, "memory before, at most, after", [before, most, resident(house)].map(megabytes).join(", "));
    figure(hammer, of, "seconds", seconds);
    answers
}

fn who_calls_too_often_is_turned_away(database: Database) {
    let of = super::name(&database);
    let house = lively(database, &["--rate-limit-per-second=40", "--rate-limit-burst=60"]);
    let seconds = f64::from(u32::try_from(times("seconds", 2, 60)).unwrap());
    let answers = weather(&house, ("overload, rate limit", of), 16, 40.0);
    let allowed = 40.0 * seconds + 60.0;
    assert!(f64::from(u32::try_from(answers.served).unwrap()) <= allowed * 1.2 + 40.0, "the limit let more through");
}

fn what_cannot_run_at_once_is_turned_away(database: Database) {
    let of = super::name(&database);
    // Few, so that the clients, which share the processors with the house, can call ten times as often as it serves.
    const RUNNING: usize = 2;
    let house = lively(database, &["--max-running-calls=2"]);
    let sustained = sustained(&house, RUNNING);
    let clients = sockets(times("clients", 40, 256));
    weather(&house, ("overload, running calls", of), clients, sustained);
}

in_a_house_on_both_databases!(who_calls_too_often_is_turned_away, what_cannot_run_at_once_is_turned_away);
