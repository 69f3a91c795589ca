//! Turning keys while everybody reads and writes: nobody notices, and no key is left where it was.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::json;

use super::wire::{Wire, post};
use super::{Stopwatch, assert_log_verifies, figure, times};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, customer, demand, in_a_house_on_both_databases, lookup, statement};

const PURPOSE: &str = "newsletter_email";
const READERS: usize = 3;

/// Clients that never expect anything but what they ask for.
#[derive(Default)]
struct Storm {
    over: AtomicBool,
    reads: AtomicUsize,
    writes: AtomicUsize,
    turned_away: AtomicUsize,
    /// Who consents, and is read.
    people: Mutex<Vec<String>>,
}

/// Reads and writes at every node until `work` is done.
fn during<T>(house: &House, storm: &Storm, work: impl FnOnce() -> T) -> T {
    storm.over.store(false, Ordering::SeqCst);
    let over = || storm.over.load(Ordering::Relaxed);
    scope(|threads| {
        let nodes = house.addresses();
        for seed in 0..READERS.max(2 * nodes.len()) {
            let node = nodes[seed % nodes.len()].clone();
            threads.spawn(move || {
                let chance = SeededChance::of(u64::try_from(seed).unwrap());
                let mut wire = Wire::connect(&node).unwrap();
                while !over() {
                    let name = chance.one_of(&storm.people.lock().unwrap()).clone();
                    let answer =
                        wire.call(&post("/v1/profiles/lookup", &house.key(Role::Partner).key, &lookup(&name, PURPOSE)));
                    let answer = answer.unwrap();
                    assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
                    storm.reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for node in nodes {
            threads.spawn(move || {
                let mut wire = Wire::connect(&node).unwrap();
                while !over() {
                    let number = storm.writes.fetch_add(1, Ordering::Relaxed);
                    live(house, storm, &mut wire, number);
                }
            });
        }
        // However the work ends, the clients must.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let _end = End(&storm.over);
        work()
    })
}

/// Somebody comes and consents; every third is erased again, the others are read from now on.
fn live(house: &House, storm: &Storm, wire: &mut Wire, number: usize) {
    let name = &super::unlike(&format!("sturm{number}"));
    let key = |role| house.key(role).key.clone();
    let mut send = |request: Vec<u8>, status: u16| {
        loop {
            let answer = wire.call(&request).unwrap();
            // Two processes that write at once are in each other's way; one is told to come again.
            if answer.status == 503 && answer.header("retry-after").is_some() {
                storm.turned_away.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(20));
                continue;
            }
            assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
            break;
        }
    };
    let record = json!({"records": [customer("webshop", name)]});
    send(post("/v1/records", &key(Role::Partner), &record), 200);
    send(post("/v1/consents", &key(Role::Partner), &statement(name, "granted", Some(PURPOSE))), 201);
    if number % 3 == 2 {
        send(super::wire::post_once("/v1/requests", &key(Role::Dpo), name, &demand(name, "erasure")), 201);
    } else {
        storm.people.lock().unwrap().push(name.clone());
    }
}

/// People who are there before the storm begins; in the long run far more than one transaction wraps.
fn crowd() -> usize {
    times("crowd", 24, 5_000)
}

/// A house with a crowd, some of whom consent.
fn crowded(database: Database, arguments: &[&str]) -> (House, Storm) {
    let house = super::house(database, arguments).with_key(Role::Partner, [PURPOSE]);
    let crowd: Vec<_> =
        (0..crowd()).map(|number| customer("webshop", &super::unlike(&format!("menge{number}")))).collect();
    for crowd in crowd.chunks(500) {
        house.ingest(crowd).expect_all("created");
    }
    let storm = Storm::default();
    for number in 0..20 {
        let name = super::unlike(&format!("menge{number}"));
        house.say(&name, "granted", Some(PURPOSE)).expect(201);
        storm.people.lock().unwrap().push(name);
    }
    (house, storm)
}

/// The epochs that live, and those that wrap a data key.
fn epochs(database: &Database) -> (Vec<String>, Vec<String>) {
    let living = "SELECT CAST(epoch AS TEXT) AS answer FROM kek WHERE destroyed_at = 0 ORDER BY epoch";
    let used = "SELECT DISTINCT CAST(epoch AS TEXT) AS answer FROM data_key";
    (database.texts(Shelf::Keys, living), database.texts(Shelf::Keys, used))
}

fn all_are_read(house: &House, storm: &Storm) {
    for name in storm.people.lock().unwrap().iter() {
        house.lookup(Role::Partner, name, PURPOSE).expect(200);
    }
}

/// Writers of one machine take turns: none is told to come again.
fn nobody_came_in_vain(house: &House, storm: &Storm) {
    let turned_away = storm.turned_away.load(Ordering::Relaxed);
    assert!(
        house.database().dialect() == Dialect::Postgres || turned_away == 0,
        "{turned_away} writes were turned away"
    );
}

fn report(hammer: &str, of: &str, storm: &Storm, turns: usize, watch: Stopwatch) {
    for (what, count) in [
        ("turns", turns),
        ("reads meanwhile, none failed", storm.reads.load(Ordering::Relaxed)),
        ("people written meanwhile", storm.writes.load(Ordering::Relaxed)),
        ("writes told to come again, which they did", storm.turned_away.load(Ordering::Relaxed)),
    ] {
        figure(hammer, of, what, count);
    }
    figure(hammer, of, "seconds", watch.passed().as_secs());
}

fn turning_the_epoch_in_a_storm_is_not_noticed(database: Database) {
    let (turns, watch, of) = (times("turns", 2, 20), Stopwatch::start(), super::name(&database));
    let (house, storm) = crowded(database, &[]);
    during(&house, &storm, || {
        for _ in 0..turns {
            let done = house.run(&["keys", "rotate"]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    });
    // What came while the last turn ended was turned as well, or was sealed anew: nothing is under an epoch before.
    let (living, used) = epochs(house.database());
    assert_eq!(living, [(turns + 1).to_string()], "an old epoch lives");
    assert_eq!(used, living, "a key was left at an old epoch");
    all_are_read(&house, &storm);
    assert_log_verifies(&house);
    nobody_came_in_vain(&house, &storm);
    report("rotation", of, &storm, turns, watch);
}

fn the_job_turns_the_epoch_when_it_is_due(database: Database) {
    let (house, storm) = crowded(database, &["--kek-rotation-days=1"]);
    let mut house = house;
    assert!(house.stop().success());
    // As if the epoch were two days old.
    let old = "UPDATE kek SET created_at = created_at - 172800000000";
    house.database().execute(Shelf::Keys, old);
    house.start();
    during(&house, &storm, || {
        let turned = (0..600).any(|_| {
            sleep(Duration::from_millis(50));
            epochs(house.database()) == (vec!["2".to_owned()], vec!["2".to_owned()])
        });
        assert!(turned, "the job did not turn the keys: {:?}", epochs(house.database()));
    });
    all_are_read(&house, &storm);
}

fn new_data_keys_in_a_storm_are_not_noticed(database: Database) {
    let (turns, watch, of) = (times("data_turns", 1, 3), Stopwatch::start(), super::name(&database));
    let (house, storm) = crowded(database, &[]);
    let sealed = || house.database().bytes(Shelf::Records, "sealed", "FROM record");
    let salts = || house.database().bytes(Shelf::Keys, "salts", "FROM data_key");
    let (old_seals, old_salts) = (sealed(), salts());
    during(&house, &storm, || {
        for _ in 0..turns {
            let done = house.run(&["keys", "rotate-data"]);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    });
    let left = |old: &[Vec<u8>], new: &[Vec<u8>]| new.iter().filter(|bytes| old.contains(bytes)).count();
    assert_eq!(left(&old_seals, &sealed()), 0, "a record is still sealed under its old key");
    assert_eq!(left(&old_salts, &salts()), 0, "an old data key still opens something");
    all_are_read(&house, &storm);
    for number in 0..crowd() {
        house.lookup(Role::Dpo, &super::unlike(&format!("menge{number}")), "subject_access").expect(200);
    }
    assert_log_verifies(&house);
    nobody_came_in_vain(&house, &storm);
    report("rotation of data keys", of, &storm, turns, watch);
}

in_a_house_on_both_databases!(
    turning_the_epoch_in_a_storm_is_not_noticed,
    the_job_turns_the_epoch_when_it_is_due,
    new_data_keys_in_a_storm_are_not_noticed,
);

/// Two nodes, over one database: a process beside them turns the keys, epochs and people's own, while both are read and written
/// to. None of them is told of it but by the database.
#[test]
fn nodes_that_slept_through_a_turn_read_and_write_on() {
    let (house, storm) = crowded(Database::postgres(), &[]);
    assert_eq!(house.database().dialect(), Dialect::Postgres);
    let house = house.with_second_node();
    let (turns, watch) = (times("turns", 2, 20), Stopwatch::start());
    during(&house, &storm, || {
        for turn in 0..turns {
            let commands: &[&str] = if turn % 10 == 1 { &["rotate", "rotate-data"] } else { &["rotate"] };
            for command in commands {
                let done = house.run(&["keys", command]);
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            }
        }
    });
    let (living, used) = epochs(house.database());
    assert_eq!(living, [(turns + 1).to_string()], "an old epoch lives");
    assert_eq!(used, living, "a key was left at an old epoch");
    let key = &house.key(Role::Partner).key;
    for (number, node) in house.addresses().iter().enumerate() {
        let mut wire = Wire::connect(node).unwrap();
        for name in storm.people.lock().unwrap().iter() {
            let ask = post("/v1/profiles/lookup", key, &lookup(name, PURPOSE));
            assert_eq!(wire.call(&ask).unwrap().status, 200);
        }
        let record = json!({"records": [customer("webshop", &super::unlike(&format!("neu{number}")))]});
        let answer = wire.call(&post("/v1/records", key, &record)).unwrap();
        assert_eq!((answer.status, &answer.json().unwrap()["summary"]["created"]), (200, &json!(1)));
    }
    let (_, used) = epochs(house.database());
    assert_eq!(used, living, "a node seals under an epoch that is gone");
    assert_log_verifies(&house);
    report("rotation, two nodes", "PostgreSQL", &storm, turns, watch);
}
