//! Ten times what the house sustains, by its own settings, from callers who do not wait for each other's answers: reads, and
//! records of some hundred kilobytes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use super::sender::Sender;
use super::{TIMES, callers_first, per_second, resident};
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::wire::{Answer, post};
use crate::hammer::{Stopwatch, assert_log_verifies, figure, house_without_matching, is_full, sockets, times};
use crate::house::{House, customer, in_a_house_on_both_databases, lookup};

const PURPOSE: &str = "newsletter_email";
/// The callers' keys: each may call a thousand times a second, and together more often than they do.
const KEYS: usize = 16;
/// One call of so many brings records.
const BRINGS: usize = 16;
/// So many people a read asks for.
const READ: usize = 10;
/// So many records, of 6 KB each.
const TOGETHER: usize = 40;
/// Memory may grow by this much: the bodies that are held and those that are worked on; and for each connection, see [`EACH`].
const GROWTH: u64 = 384 << 20;
/// What a connection that brought a long body holds until it ends: actix reads ahead of it.
pub(super) const EACH: u64 = 256 << 10;
/// So much of it may stay.
const REST: u64 = 256 << 20;
/// What is turned away is, in 99 of 100 cases, within this time. It may have waited in the queue for two seconds, and
/// callers and house share the processors.
const QUICK: Duration = Duration::from_secs(4);

/// Who calls, and with what.
struct Callers {
    sender: Sender,
    reads: Vec<Vec<u8>>,
    /// A call with records for each key, and where the number of the call is put into their names when it is sent.
    records: Vec<(Vec<u8>, Vec<usize>)>,
    /// Calls so far.
    count: AtomicUsize,
}

/// What they were answered.
#[derive(Default)]
struct Answered {
    reads: usize,
    /// The numbers of the calls whose records were taken in.
    brought: Vec<usize>,
    /// 429 and 503, with `Retry-After`.
    turned_away: [usize; 2],
    /// How long reads and those turned away waited, from the moment they were due, in microseconds.
    read_waits: Vec<u64>,
    refusal_waits: Vec<u64>,
    /// The connection ended before an answer came.
    cut_off: usize,
    wrong: Vec<String>,
}

impl Callers {
    fn of(house: &House) -> Self {
        let grant = json!({"title": "flood", "role": "partner", "purposes": [PURPOSE]});
        let keys: Vec<String> = (0..KEYS).map(|_| house.issue(grant.clone()).key).collect();
        // Of several at once: callers and house share the processors, and turning away must cost far less than serving does.
        let people = vec![json!({"identifier": lookup("marlene", PURPOSE)["identifier"]}); READ];
        let people = json!({"people": people, "purpose": PURPOSE});
        let read = |key: &String| post("/v1/profiles/batch", key, &people);
        let note = "Rings at the garden gate. ".repeat(240);
        let record = |at: usize| {
            let mut record = customer("webshop", &name(0, at));
            record["data"]["note"] = Value::from(note.as_str());
            record
        };
        let records = json!({"records": (0..TOGETHER).map(record).collect::<Vec<_>>()});
        let bring = |key: &String| {
            let (request, none) = (post("/v1/records", key, &records), prefix(0));
            let is_name = |at: &usize| request[*at..].starts_with(none.as_bytes());
            let places = (0..request.len()).filter(is_name).collect();
            (request, places)
        };
        let (reads, records) = (keys.iter().map(read).collect(), keys.iter().map(bring).collect());
        Self { sender: Sender::to(&house.address()), reads, records, count: AtomicUsize::new(0) }
    }

    fn records(&self, call: usize) -> Vec<u8> {
        let ((request, places), number) = (&self.records[call % KEYS], prefix(call));
        let mut request = request.clone();
        places.iter().for_each(|at| request[*at..*at + number.len()].copy_from_slice(number.as_bytes()));
        request
    }

    /// The next call, which was due when `watch` was started.
    async fn call(&self, watch: Stopwatch, answered: &Mutex<Answered>) {
        let call = self.count.fetch_add(1, Ordering::Relaxed);
        let brings = call.is_multiple_of(BRINGS);
        let answer = if brings {
            self.sender.call(&self.records(call)).await
        } else {
            self.sender.call(&self.reads[call % KEYS]).await
        };
        answered.lock().unwrap().add(call, brings, answer, watch);
    }
}

fn name(call: usize, at: usize) -> String {
    format!("{}{at}", prefix(call))
}

/// Of one length for all calls.
fn prefix(call: usize) -> String {
    format!("flut{call:08}x")
}

impl Answered {
    fn add(&mut self, call: usize, brings: bool, answer: io::Result<Answer>, watch: Stopwatch) {
        let Ok(answer) = answer else {
            self.cut_off += 1;
            return;
        };
        let at = match answer.status {
            200 if brings => {
                let created = answer.json().map(|report| report["summary"]["created"].clone());
                if created == Some(json!(TOGETHER)) {
                    self.brought.push(call);
                } else {
                    self.wrong.push(format!("a report of {created:?}"));
                }
                return;
            }
            200 => {
                self.reads += 1;
                self.read_waits.push(watch.micros());
                return;
            }
            429 => 0,
            503 => 1,
            _ => return self.wrong.push(format!("{} {}", answer.head, String::from_utf8_lossy(&answer.body))),
        };
        if answer.header("retry-after").is_none_or(|after| after.parse::<u32>().is_err()) {
            self.wrong.push(format!("no time to come back: {}", answer.head));
        }
        self.turned_away[at] += 1;
        self.refusal_waits.push(watch.micros());
    }

    fn served(&self) -> usize {
        self.reads + self.brought.len()
    }

    fn all(&self) -> usize {
        self.served() + self.turned_away.iter().sum::<usize>() + self.cut_off + self.wrong.len()
    }
}

/// The share `part` of these is shorter.
fn quantile(mut of: Vec<u64>, part: f64) -> Duration {
    of.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let at = (f64::from(u32::try_from(of.len().max(1) - 1).unwrap()) * part) as usize;
    Duration::from_micros(of.get(at).copied().unwrap_or_default())
}

/// So many callers, each with one call after the other: `reading` alone, or everything.
async fn calm(callers: &Arc<Callers>, number: usize, length: Duration, reading: bool) -> Answered {
    let (answered, watch) = (Arc::new(Mutex::new(Answered::default())), Stopwatch::start());
    let running: Vec<_> = (0..number)
        .map(|_| {
            let (callers, answered) = (Arc::clone(callers), Arc::clone(&answered));
            tokio::spawn(async move {
                while watch.passed() < length {
                    let watch = Stopwatch::start();
                    if reading {
                        // Under each key in turn: one alone may not call as often as the house can answer.
                        let call = callers.count.fetch_add(1, Ordering::Relaxed);
                        let answer = callers.sender.call(&callers.reads[call % KEYS]).await;
                        answered.lock().unwrap().add(0, false, answer, watch);
                    } else {
                        callers.call(watch, &answered).await;
                    }
                }
            })
        })
        .collect();
    for one in running {
        one.await.unwrap();
    }
    std::mem::take(&mut *answered.lock().unwrap())
}

/// So many calls a second, whether they are answered or not. Says also how many were due while `most` were under way already,
/// and were not sent.
async fn flood(callers: &Arc<Callers>, a_second: f64, length: Duration, most: usize) -> (Answered, usize) {
    let (answered, watch) = (Arc::new(Mutex::new(Answered::default())), Stopwatch::start());
    let (under_way, mut due, mut held_back) = (Arc::new(AtomicUsize::new(0)), 0, 0);
    while watch.passed() < length {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls")]
        let now = (watch.passed().as_secs_f64() * a_second) as usize;
        for _ in due..now {
            if under_way.load(Ordering::Relaxed) >= most {
                held_back += 1;
                continue;
            }
            under_way.fetch_add(1, Ordering::Relaxed);
            let (callers, answered, under_way) = (Arc::clone(callers), Arc::clone(&answered), Arc::clone(&under_way));
            let since = Stopwatch::start();
            tokio::spawn(async move {
                callers.call(since, &answered).await;
                under_way.fetch_sub(1, Ordering::Relaxed);
            });
        }
        due = now;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let patience = Stopwatch::start();
    while under_way.load(Ordering::Relaxed) > 0 && patience.passed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(under_way.load(Ordering::Relaxed), 0, "calls were never answered");
    (std::mem::take(&mut *answered.lock().unwrap()), held_back)
}

/// The largest memory of the house while `work` is done.
pub(super) fn peak<T>(house: &House, work: impl FnOnce() -> T) -> (T, u64) {
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let done = scope(|threads| {
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(resident(house), Ordering::Relaxed);
                sleep(Duration::from_millis(20));
            }
        });
        // However the work ends, the watch must.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _end = End(&over);
        work()
    });
    (done, most.into_inner())
}

fn ten_times_as_much_is_turned_away_and_nothing_is_lost(database: Database) {
    let of = crate::hammer::name(&database);
    // The default; the tests' houses have none otherwise.
    let house = house_without_matching(database, &["--rate-limit-per-second=1000"]).with_key(Role::Partner, [PURPOSE]);
    let house = house.with_subject("marlene").consenting_to(PURPOSE);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seconds = |name: &str, short, full| Duration::from_secs(u64::try_from(times(name, short, full)).unwrap());
    let (calmly, stormy) = (seconds("calm", 1, 10), seconds("seconds", 2, 60));
    let callers = Arc::new(Callers::of(&house));
    if is_full() {
        callers_first(&house);
    }

    let reads_before = runtime.block_on(calm(&callers, 4, calmly, true));
    let sustained = runtime.block_on(calm(&callers, 32, calmly, false));
    assert!(sustained.wrong.is_empty(), "{:?}", sustained.wrong);
    let rate = per_second(sustained.served(), calmly);
    let before = resident(&house);
    let most = sockets(times("under_way", 1_500, 4_000));
    let ((storm, held_back), peak) = peak(&house, || runtime.block_on(flood(&callers, rate * TIMES, stormy, most)));
    assert!(storm.wrong.is_empty(), "{} wrong answers, such as {:?}", storm.wrong.len(), storm.wrong.first());
    assert!(storm.served() > 0, "nobody was served");
    // In two seconds the queue may not even be full.
    assert!(!is_full() || storm.turned_away.iter().sum::<usize>() > 0, "nobody was turned away");
    let connections = u64::try_from(most).unwrap();
    assert!(peak < before + GROWTH + connections * EACH, "memory grew from {before} to {peak} bytes");
    let slowest = quantile(storm.refusal_waits.clone(), 0.99);

    // Over: they hang up, and all is as before.
    callers.sender.hang_up();
    sleep(Duration::from_secs(2));
    let reads_after = runtime.block_on(calm(&callers, 4, calmly, true));
    let after = resident(&house);
    assert_eq!((reads_after.turned_away, reads_after.cut_off), ([0, 0], 0), "who calls after the storm is turned away");
    let records_after = runtime.block_on(calm(&callers, 32, calmly, false));
    assert!(records_after.wrong.is_empty(), "{:?}", records_after.wrong);
    let rate_after = per_second(records_after.served(), calmly);
    let [was, is] = [&reads_before, &reads_after].map(|reads| quantile(reads.read_waits.clone(), 0.99));

    let brought = [&sustained, &storm, &records_after].map(|answered| answered.brought.as_slice());
    let acknowledged: Vec<usize> = brought.concat();
    let stored = usize::try_from(house.database().count(Shelf::Records, "record")).unwrap();
    assert!(stored > acknowledged.len() * TOGETHER, "records that were acknowledged are not there");
    // Of every acknowledged call somebody, as what was stored without an answer would make up for what is lost.
    let chance = SeededChance::of(7);
    let somebody = |call: &usize| name(*call, chance.below(TOGETHER));
    for calls in acknowledged.chunks(100) {
        let names: Vec<String> = calls.iter().map(somebody).collect();
        let people = names.iter().map(|name| json!({"identifier": lookup(name, "subject_access")["identifier"]}));
        let body = json!({"people": people.collect::<Vec<_>>(), "purpose": "subject_access"});
        let found = house.post(Role::Dpo, "/v1/profiles/batch", &body).expect(200).json();
        for (name, found) in names.iter().zip(found["profiles"].as_array().unwrap()) {
            assert!(found.is_object(), "{name} was acknowledged and is not there");
        }
    }
    assert_log_verifies(&house);

    let sent = per_second(storm.all(), stormy) / rate;
    for (what, told) in [
        ("calls sustained a second, one of 16 with 250 KB of records", format!("{rate:.0}")),
        ("the same after the storm", format!("{rate_after:.0}")),
        ("calls sent in the storm, as a multiple of that", format!("{sent:.1}")),
        (
            "calls in the storm; due and not sent, because too many were under way",
            format!("{}; {held_back}", storm.all()),
        ),
        ("reads and calls with records that were served", format!("{} and {}", storm.reads, storm.brought.len())),
        ("turned away with 429 and with 503; cut off", format!("{:?}; {}", storm.turned_away, storm.cut_off)),
        ("50 % and 99 % wait for that, ms", {
            format!("{} and {}", quantile(storm.refusal_waits.clone(), 0.5).as_millis(), slowest.as_millis())
        }),
        ("99 % wait for a read: before, in the storm, after, ms", {
            let storm = quantile(storm.read_waits.clone(), 0.99).as_secs_f64() * 1e3;
            format!("{:.1}, {storm:.1}, {:.1}", was.as_secs_f64() * 1e3, is.as_secs_f64() * 1e3)
        }),
        ("memory before, at most, after", [before, peak, after].map(|bytes| format!("{} MiB", bytes >> 20)).join(", ")),
        ("seconds", stormy.as_secs().to_string()),
    ] {
        figure("overload, all settings as they are", of, what, told);
    }
    assert!(after < before + REST, "of {before} bytes before, {after} stay");
    if is_full() {
        assert!(sent >= TIMES * 0.9, "{sent:.1} times what is sustained is no storm");
        assert!(slowest < QUICK, "turning away takes {slowest:?}");
        assert!(rate_after > rate * 0.8, "{rate:.0} calls a second were sustained before, {rate_after:.0} are now");
        assert!(is < was * 3 + Duration::from_millis(5), "reads took {was:?} before and take {is:?} now");
    }
    assert!(storm.cut_off * 50 < storm.all(), "{} of {} were never answered", storm.cut_off, storm.all());
}

in_a_house_on_both_databases!(ten_times_as_much_is_turned_away_and_nothing_is_lost);
