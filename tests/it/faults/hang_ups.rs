//! Clients that hang up at any byte of a request or its reply.
//!
//! The suite runs a short form; `tests/hammer hang_ups` the full one.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use serde_json::{Value, json};

use super::load::{Told, all_is_there, house, nothing_is_open};
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, name as name_of, seed, times};
use crate::house::{House, Surroundings, customer, in_a_house_on_both_databases, lookup, text};

const CLIENTS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(20);

/// One request as bytes, and what it asks for.
struct Call {
    bytes: Vec<u8>,
    /// Of a write: whose record.
    name: Option<String>,
    /// Of a write: the key that makes it happen once.
    once: Option<String>,
}

impl Call {
    /// The `number`th call of this run.
    fn of(house: &House, number: usize, chance: &SeededChance) -> Self {
        let name = format!("last{number}");
        match chance.below(4) {
            0 => Self::over(house, "/v1/profiles/lookup", "application/json", &lookup("marlene", "newsletter_email")),
            1 => {
                let body = json!({"records": [customer("webshop", &name)]});
                let call = Self::over(house, "/v1/records", "application/json", &body);
                Self { name: Some(name), ..call }
            }
            2 => {
                let call = Self::over(house, "/v1/records", "application/x-ndjson", &customer("webshop", &name));
                Self { name: Some(name), ..call }
            }
            _ => {
                let once = format!("once-{number}");
                let body = json!({"records": [customer("webshop", &name)]});
                let media = format!("application/json\r\nIdempotency-Key: {once}");
                let call = Self::over(house, "/v1/records", &media, &body);
                Self { name: Some(name), once: Some(once), ..call }
            }
        }
    }

    fn over(house: &House, path: &str, media: &str, body: &Value) -> Self {
        let (key, body) = (&house.key(Role::Partner).key, body.to_string());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self { bytes: (head + &body).into_bytes(), name: None, once: None }
    }

    /// Sends it, hangs up somewhere, and returns the body of the reply if it arrived whole. What arrived of a disclosure is one:
    /// its decision is told.
    fn make(&self, address: &str, chance: &SeededChance, told: &Told) -> Option<Value> {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match chance.below(5) {
            // In the head or in the body.
            0 | 1 => {
                let part = chance.below(self.bytes.len());
                stream.write_all(&self.bytes[..part]).ok()?;
                sleep(Duration::from_micros(u64::try_from(chance.below(3000)).unwrap()));
                // Sometimes both directions at once, sometimes only "no more to come".
                let _ = stream.shutdown(if chance.below(2) == 0 { Shutdown::Both } else { Shutdown::Write });
                None
            }
            // Before or while the reply is made.
            2 | 3 => {
                stream.write_all(&self.bytes).ok()?;
                sleep(Duration::from_micros(u64::try_from(chance.below(8000)).unwrap()));
                None
            }
            // In the reply, or after it.
            _ => {
                stream.write_all(&self.bytes).ok()?;
                let mut reply = Vec::new();
                let end = 1 + chance.below(3000);
                // Small bites, so that it hangs up inside a reply as well.
                let mut bytes = [0; 64];
                while reply.len() < end && body_of(&reply).is_none() {
                    match stream.read(&mut bytes) {
                        Ok(length @ 1..) => reply.extend_from_slice(&bytes[..length]),
                        _ => break,
                    }
                }
                let body = body_of(&reply);
                if body.is_none()
                    && let Some(decision) = decision_in(&reply)
                {
                    told.disclosed.lock().unwrap().insert(decision);
                }
                body
            }
        }
    }
}

/// The body of a whole reply that says 200.
fn body_of(reply: &[u8]) -> Option<Value> {
    let reply = std::str::from_utf8(reply).ok()?;
    let (head, body) = reply.split_once("\r\n\r\n")?;
    assert!(!head.starts_with("HTTP/1.1 500"), "{reply}");
    head.starts_with("HTTP/1.1 200").then(|| serde_json::from_str(body).ok())?
}

/// The decision in what arrived of a disclosure, if it got so far.
fn decision_in(reply: &[u8]) -> Option<String> {
    let reply = String::from_utf8_lossy(reply);
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let (_, decision) = body.split_once(r#""decision":{"id":""#)?;
    (head.starts_with("HTTP/1.1 200") && decision.len() >= 36).then(|| decision[..36].to_owned())
}

fn hanging_up_anywhere_leaves_nothing_open_and_loses_nothing(database: Database) {
    let house = house(database, Surroundings::default());
    let (told, count) = (Told::default(), times("hang_ups", 500, 10_000));
    let seed = seed("hang_ups", 1);
    let address = house.address().trim_start_matches("http://").to_owned();
    let (names, marks) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    scope(|threads| {
        for client in 0..CLIENTS {
            let (house, told, names, marks, address) = (&house, &told, &names, &marks, &address);
            threads.spawn(move || {
                let chance = SeededChance::of(seed.wrapping_add(u64::try_from(client).unwrap()));
                for number in (client..count).step_by(CLIENTS) {
                    let call = Call::of(house, number, &chance);
                    let answered = call.make(address, &chance, told);
                    if let (Some(once), Some(name)) = (&call.once, &call.name) {
                        marks.lock().unwrap().insert((once.clone(), name.clone()));
                    }
                    match (answered, call.name) {
                        (Some(report), Some(name)) => {
                            assert_eq!(report["summary"]["created"], 1, "{report}");
                            told.stored.lock().unwrap().insert(name);
                        }
                        (Some(disclosure), None) => {
                            told.disclosed.lock().unwrap().insert(text(&disclosure["decision"]["id"]));
                        }
                        (None, Some(name)) => names.lock().unwrap().push(name),
                        (None, None) => {}
                    }
                }
            });
        }
    });
    // Nobody holds a lock: this one goes straight through.
    house.ingest(&[customer("webshop", "after")]).expect_all("created");
    nothing_is_open(house.database());
    let (stored, disclosed) = told.counts();
    assert!(stored > count / 50 && disclosed > count / 100, "too little was answered: {stored} {disclosed}");
    // What nobody was told of is there whole or not at all, and sending it again brings it there.
    let unknown = names.into_inner().unwrap();
    assert!(unknown.len() > count / 4, "too few hung up");
    let mut finished = 0;
    for name in &unknown {
        let found = house.lookup(Role::Dpo, name, "subject_access");
        assert!([200, 404].contains(&found.status), "{}", found.text());
        assert!(found.status == 404 || found.text().contains(&format!("Family{name}")), "half a record of {name}");
        finished += usize::from(found.status == 200);
    }
    assert!(finished > 0 && finished < unknown.len(), "{finished} of {}", unknown.len());
    let database = name_of(house.database());
    figure(
        "hang-ups",
        database,
        "calls; acknowledged writes, disclosures seen",
        format!("{count}; {stored}, {disclosed}"),
    );
    figure("hang-ups", database, "cut-off writes; of them done", format!("{}; {finished}", unknown.len()));
    figure("hang-ups", database, "seed", seed);
    for (once, name) in marks.into_inner().unwrap().iter().take(100) {
        let request = house.request(0, reqwest::Method::POST, "/v1/records");
        let request = request.bearer_auth(&house.key(Role::Partner).key).header("Idempotency-Key", once);
        // A call whose client is gone keeps no mark that would shut out the client that comes again.
        house.send(request.json(&json!({"records": [customer("webshop", name)]}))).expect(200);
        told.stored.lock().unwrap().insert(name.clone());
    }
    all_is_there(&house, &told);
}

/// More callers than are let in at once begin to send records and send no more. Nobody waits for them.
fn who_sends_slowly_keeps_nobody_out(database: Database) {
    let house = house(database, Surroundings::default());
    let address = house.address().trim_start_matches("http://").to_owned();
    let began: Vec<TcpStream> = (0..80)
        .map(|at| {
            let call =
                Call::over(&house, "/v1/records", "application/x-ndjson", &customer("webshop", &format!("slow{at}")));
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(&call.bytes[..call.bytes.len() - 10]).unwrap();
            stream
        })
        .collect();
    sleep(Duration::from_millis(300));
    house.ingest(&[customer("webshop", "quick")]).expect_all("created");
    drop(began);
}

in_a_house_on_both_databases!(
    hanging_up_anywhere_leaves_nothing_open_and_loses_nothing,
    who_sends_slowly_keeps_nobody_out,
);
