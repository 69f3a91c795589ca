//! A power cut at any moment loses no acknowledged write and leaves no disclosure without its audit line.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, customer, in_a_house_on_both_databases, lookup, text};

const WRITERS: usize = 2;
const READERS: usize = 2;

/// What clients were told.
#[derive(Default)]
struct Told {
    stored: Mutex<Vec<String>>,
    disclosed: Mutex<Vec<String>>,
    count: AtomicU32,
    over: AtomicBool,
}

/// Writes and reads until `end` returns, and remembers every answer that arrived whole.
fn load(house: &mut House, told: &Told, end: impl FnOnce(&mut House)) {
    told.over.store(false, Ordering::SeqCst);
    let (address, client, key) = (house.address(), house.client(), house.key(Role::Partner).key.clone());
    let post = |path: &str| client.request(Method::POST, format!("{address}{path}")).bearer_auth(&key);
    scope(|threads| {
        for _ in 0..WRITERS {
            threads.spawn(|| {
                while !told.over.load(Ordering::SeqCst) {
                    let name = format!("last{}", told.count.fetch_add(1, Ordering::SeqCst));
                    let body = json!({"records": [customer("webshop", &name)]});
                    if let Some(report) = answer(post("/v1/records").json(&body))
                        && report["summary"]["created"] == 1
                    {
                        told.stored.lock().unwrap().push(name);
                    }
                }
            });
        }
        for _ in 0..READERS {
            threads.spawn(|| {
                while !told.over.load(Ordering::SeqCst) {
                    if let Some(disclosure) =
                        answer(post("/v1/profiles/lookup").json(&lookup("marlene", "newsletter_email")))
                        && disclosure["decision"]["id"].is_string()
                    {
                        told.disclosed.lock().unwrap().push(text(&disclosure["decision"]["id"]));
                    }
                }
            });
        }
        end(house);
        told.over.store(true, Ordering::SeqCst);
    });
}

/// A whole answer, or nothing.
fn answer(request: RequestBuilder) -> Option<Value> {
    request.send().ok()?.json().ok()
}

/// Every acknowledged record is there; every disclosure has its line; the book is whole.
fn all_is_there(house: &House, told: &Told) {
    let book = house.audit();
    let decisions: BTreeSet<&str> = book
        .iter()
        .filter(|entry| entry["act"] == "disclosed")
        .filter_map(|entry| entry["body"]["decision"].as_str())
        .collect();
    for id in told.disclosed.lock().unwrap().iter() {
        assert!(decisions.contains(id.as_str()), "disclosed without an audit line: {id}");
    }
    for name in told.stored.lock().unwrap().drain(..) {
        let found = house.lookup(Role::Dpo, &name, "subject_access").expect(200);
        assert!(found.text().contains(&format!("Family{name}")));
    }
}

fn a_power_cut_loses_nothing_that_was_acknowledged(database: Database) {
    let rounds = if database.dialect() == Dialect::Sqlite { 10 } else { 5 };
    let mut house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    let (told, chance) = (Told::default(), SeededChance::of(1));
    let (mut stored, mut disclosed) = (0, 0);
    for _ in 0..rounds {
        let delay = Duration::from_millis(u64::try_from(50 + chance.below(300)).unwrap());
        load(&mut house, &told, |house| {
            sleep(delay);
            house.kill();
        });
        stored += told.stored.lock().unwrap().len();
        disclosed = told.disclosed.lock().unwrap().len();
        house.start();
        all_is_there(&house, &told);
    }
    assert!(stored >= rounds && disclosed >= rounds, "too little happened: {stored} writes, {disclosed} reads");
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

fn a_stop_under_load_ends_cleanly_and_loses_nothing(database: Database) {
    let mut house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    let told = Told::default();
    load(&mut house, &told, |house| {
        sleep(Duration::from_millis(500));
        let status = house.stop();
        assert_eq!(status.code(), Some(0), "{status}");
    });
    assert!(!told.stored.lock().unwrap().is_empty() && !told.disclosed.lock().unwrap().is_empty());
    house.start();
    all_is_there(&house, &told);
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

in_a_house_on_both_databases!(
    a_power_cut_loses_nothing_that_was_acknowledged,
    a_stop_under_load_ends_cleanly_and_loses_nothing,
);
