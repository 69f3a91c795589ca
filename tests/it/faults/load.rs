//! Clients that write and read at once and remember every answer, and the check that the hub kept its word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use serde_json::json;

use crate::databases::{Database, Dialect};
use crate::house::{House, Reply, Surroundings, customer, lookup, text};

const WRITERS: usize = 2;
const READERS: usize = 2;
/// The pause of a client that was turned away.
const BREATH: Duration = Duration::from_millis(5);
/// By then every answer that was on its way has arrived, also on a busy machine.
pub const SETTLED: Duration = Duration::from_millis(700);

/// What clients were told.
#[derive(Default)]
pub struct Told {
    /// Names of people whose record was acknowledged.
    pub stored: Mutex<BTreeSet<String>>,
    /// Decisions under which something was disclosed.
    pub disclosed: Mutex<BTreeSet<String>>,
    /// How often each code of a refusal came.
    pub refused: Mutex<BTreeMap<String, u32>>,
    /// Answers that may never be given.
    wrong: Mutex<Vec<String>>,
    count: AtomicU32,
    over: AtomicBool,
}

/// A hub with one reader of the newsletter, and Marlene, who consented to it.
pub fn house(database: Database, surroundings: Surroundings) -> House {
    let mut house = House::open_in(database, &[], surroundings)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    for secret in ["@example.org", "Familylast", "Familymarlene", "marleneweg"] {
        house.keep_secret(secret);
    }
    house
}

impl Told {
    /// Writes and reads until `during` returns.
    pub fn while_(&self, house: &House, during: impl FnOnce(&House)) {
        self.over.store(false, Ordering::SeqCst);
        let (address, client, key) = (house.address(), house.client(), house.key(Role::Partner).key.clone());
        let post = |path: &str| client.request(Method::POST, format!("{address}{path}")).bearer_auth(&key);
        scope(|threads| {
            for _ in 0..WRITERS {
                threads.spawn(|| {
                    while !self.over.load(Ordering::SeqCst) {
                        self.write(&post("/v1/records"));
                    }
                });
            }
            for _ in 0..READERS {
                threads.spawn(|| {
                    while !self.over.load(Ordering::SeqCst) {
                        self.read(post("/v1/profiles/lookup").json(&lookup("marlene", "newsletter_email")));
                    }
                });
            }
            let end = End(&self.over);
            during(house);
            drop(end);
        });
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{} wrong answers, among them: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    }

    /// How many writes were acknowledged and how many reads disclosed something.
    pub fn counts(&self) -> (usize, usize) {
        (self.stored.lock().unwrap().len(), self.disclosed.lock().unwrap().len())
    }

    /// How many calls were refused.
    pub fn refusals(&self) -> u32 {
        self.refused.lock().unwrap().values().sum()
    }

    fn write(&self, post: &RequestBuilder) {
        let name = format!("last{}", self.count.fetch_add(1, Ordering::SeqCst));
        let body = json!({"records": [customer("webshop", &name)]});
        let Some(reply) = self.answer(post.try_clone().unwrap().json(&body)) else { return };
        let summary = reply.json()["summary"].clone();
        if summary["created"] == 1 || summary["unchanged"] == 1 {
            self.stored.lock().unwrap().insert(name);
        } else {
            self.wrong.lock().unwrap().push(reply.text());
        }
    }

    fn read(&self, request: RequestBuilder) {
        let Some(reply) = self.answer(request) else { return };
        let disclosure = reply.json();
        if disclosure["decision"]["id"].is_string() {
            self.disclosed.lock().unwrap().insert(text(&disclosure["decision"]["id"]));
        } else {
            self.wrong.lock().unwrap().push(reply.text());
        }
    }

    /// A success, or nothing. Everything else but "come back later" is noted as wrong.
    fn answer(&self, request: RequestBuilder) -> Option<Reply> {
        let reply = match request.send() {
            Ok(response) => Reply::of(response),
            Err(cause) => {
                self.wrong.lock().unwrap().push(format!("no answer: {cause}"));
                sleep(BREATH);
                return None;
            }
        };
        if reply.status == 200 {
            return Some(reply);
        }
        match complaint_about(&reply) {
            None => *self.refused.lock().unwrap().entry(reply.code()).or_default() += 1,
            Some(complaint) => self.wrong.lock().unwrap().push(complaint),
        }
        sleep(BREATH);
        None
    }
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until this holds, at most as long as a busy machine may take.
#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("it never came about that {what}");
}

/// What is wrong with the answer of a hub that cannot do what it was asked for now.
pub fn complaint_about(reply: &Reply) -> Option<String> {
    let code = if reply.status == 503 { reply.code() } else { String::new() };
    let personal = ["Family", "Given", "weg", "example.org"].iter().any(|part| reply.text().contains(part));
    let later = reply.headers.get("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok());
    let proper = ["overloaded", "not_ready"].contains(&code.as_str()) && later && !personal;
    (!proper).then(|| format!("{} {:?} {}", reply.status, reply.headers, reply.text()))
}

/// Fails unless the reply is "come back later", with a code and without a personal value.
#[track_caller]
pub fn expect_later(reply: &Reply) {
    assert_eq!(complaint_about(reply), None);
}

/// Every acknowledged record is there; every disclosure has its line; the book is whole; nothing is left open.
pub fn all_is_there(house: &House, told: &Told) {
    let book = house.audit();
    let lines: BTreeSet<&str> = book
        .iter()
        .filter(|entry| entry["act"] == "disclosed")
        .filter_map(|entry| entry["body"]["decision"].as_str())
        .collect();
    for id in told.disclosed.lock().unwrap().iter() {
        assert!(lines.contains(id.as_str()), "disclosed without an audit line: {id}");
    }
    for name in told.stored.lock().unwrap().iter() {
        let found = house.lookup(Role::Dpo, name, "subject_access").expect(200);
        assert!(found.text().contains(&format!("Family{name}")));
    }
    nothing_is_open(house.database());
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// No transaction and no snapshot was left open by anybody.
pub fn nothing_is_open(database: &Database) {
    match database.dialect() {
        Dialect::Sqlite => {
            for shelf in Shelf::ALL {
                // Waits a few seconds for a lock, and fails if it stays.
                database.execute(shelf, "BEGIN IMMEDIATE; ROLLBACK");
                assert!(database.can_cut_its_log(shelf), "somebody still reads an old snapshot of {}", shelf.name());
            }
        }
        Dialect::Postgres => {
            let open = "SELECT state || ' for ' || (now() - state_change) AS answer FROM pg_stat_activity
                        WHERE datname = current_database() AND state LIKE 'idle in transaction%'
                        AND now() - state_change > '1 second'";
            for _ in 0..2 {
                let open = database.texts(Shelf::Records, open);
                assert!(open.is_empty(), "{open:?}");
                sleep(Duration::from_millis(1200));
            }
        }
    }
}
