//! Clients that hang up at any byte of a request or its reply.
//!
//! The suite runs a short form; `tests/hammer hang_ups` the full one.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use serde_json::{Value, json};

use super::load::{Told, all_is_there, house, nothing_is_open};
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, name as name_of, seed, times};
use crate::house::{House, Surroundings, customer, in_a_house_on_both_databases, lookup, statement, text};

const CLIENTS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(20);

/// One request as bytes, and what it asks for.
struct Call {
    bytes: Vec<u8>,
    asks: Asks,
}

/// What is asked for.
#[derive(Clone)]
enum Asks {
    /// To read.
    Read,
    /// To bring in somebody's record, perhaps with the key that makes it happen once.
    Record(String, Option<String>),
    /// To note the yes of somebody who is there.
    Consent(String),
    /// To bring in the events of an account.
    Events(String),
}

/// Events of one call.
const EVENTS: usize = 3;

/// What was asked for beside records, and whether it was acknowledged.
#[derive(Default)]
struct Others {
    consents: Mutex<Vec<(String, bool)>>,
    events: Mutex<Vec<(String, bool)>>,
}

impl Call {
    /// The `number`th call of this run.
    fn of(house: &House, number: usize, chance: &SeededChance, told: &Told) -> Self {
        let name = format!("last{number}");
        let body = json!({"records": [customer("webshop", &name)]});
        let partner = |path, media, body: &Value| Self::over(house, Role::Partner, path, media, body);
        match chance.below(7) {
            0 | 1 => partner("/v1/profiles/lookup", "application/json", &lookup("marlene", "newsletter_email")),
            2 => partner("/v1/records", "application/json", &body).asking(Asks::Record(name, None)),
            3 => partner("/v1/records", "application/x-ndjson", &customer("webshop", &name))
                .asking(Asks::Record(name, None)),
            4 => {
                // Each says it once: what is repeated changes nothing.
                let known = told.stored.lock().unwrap();
                let known: Vec<&String> = known.iter().collect();
                let Some(name) = (!known.is_empty()).then(|| (*chance.one_of(&known)).clone()) else {
                    return partner("/v1/profiles/lookup", "application/json", &lookup("marlene", "newsletter_email"));
                };
                let said = statement(&name, "granted", Some("newsletter_email"));
                partner("/v1/consents", "application/json", &said).asking(Asks::Consent(name))
            }
            5 => {
                let event = |at: usize| {
                    json!({"type": "track", "userId": name, "messageId": format!("{name}m{at}"),
                        "event": format!("Seen{at}by{name}")})
                };
                let batch = json!({"batch": (0..EVENTS).map(event).collect::<Vec<_>>()});
                Self::over(house, Role::Collector, "/v1/batch", "application/json", &batch).asking(Asks::Events(name))
            }
            _ => {
                let once = format!("once-{number}");
                let media = format!("application/json\r\nIdempotency-Key: {once}");
                partner("/v1/records", &media, &body).asking(Asks::Record(name, Some(once)))
            }
        }
    }

    fn over(house: &House, role: Role, path: &str, media: &str, body: &Value) -> Self {
        let (key, body) = (&house.key(role).key, body.to_string());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\nContent-Type: {media}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        Self { bytes: (head + &body).into_bytes(), asks: Asks::Read }
    }

    fn asking(self, asks: Asks) -> Self {
        Self { asks, ..self }
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

/// The body of a whole reply that says 200 or 201.
fn body_of(reply: &[u8]) -> Option<Value> {
    let reply = std::str::from_utf8(reply).ok()?;
    let (head, body) = reply.split_once("\r\n\r\n")?;
    assert!(!head.starts_with("HTTP/1.1 500"), "{reply}");
    (head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 201")).then(|| serde_json::from_str(body).ok())?
}

/// The decision in what arrived of a disclosure, if it got so far.
fn decision_in(reply: &[u8]) -> Option<String> {
    let reply = String::from_utf8_lossy(reply);
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let (_, decision) = body.split_once(r#""decision":{"id":""#)?;
    (head.starts_with("HTTP/1.1 200") && decision.len() >= 36).then(|| decision[..36].to_owned())
}

impl Others {
    /// What was acknowledged is there; of what was not, all or nothing. Returns how many consents and calls with events were.
    fn are_there(self, house: &House) -> (usize, usize) {
        let (consents, events) = (self.consents.into_inner().unwrap(), self.events.into_inner().unwrap());
        let acknowledged = |all: &[(String, bool)]| all.iter().filter(|(_, answered)| *answered).count();
        for (name, answered) in &consents {
            let read = house.lookup(Role::Partner, name, "newsletter_email");
            assert!(read.status == 200 || read.status == 404 && !answered, "{name}: {}", read.text());
        }
        for (name, answered) in &events {
            let account = json!({"kind": "account", "value": name, "source": "webshop"});
            let own = json!({"identifier": account, "purpose": "subject_access"});
            let own = house.post(Role::Dpo, "/v1/profiles/lookup", &own);
            let seen = (0..EVENTS).filter(|at| own.text().contains(&format!("\"Seen{at}by{name}\""))).count();
            assert!(seen == EVENTS || seen == 0 && !answered, "{seen} events of {name}, answered: {answered}");
        }
        let counts = (acknowledged(&consents), acknowledged(&events));
        assert!(counts.0 > 0 && counts.1 > 0 && counts.0 < consents.len() && counts.1 < events.len(), "{counts:?}");
        counts
    }
}

fn hanging_up_anywhere_leaves_nothing_open_and_loses_nothing(database: Database) {
    let house = house(database, Surroundings::default());
    let (told, count) = (Told::default(), times("hang_ups", 500, 10_000));
    let seed = seed("hang_ups", 1);
    let address = house.address().trim_start_matches("http://").to_owned();
    let (names, marks) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    let (others, made, cut) = (Others::default(), AtomicUsize::new(0), AtomicUsize::new(0));
    scope(|threads| {
        for client in 0..CLIENTS {
            let (house, told, names, marks, address) = (&house, &told, &names, &marks, &address);
            let (others, made, cut) = (&others, &made, &cut);
            threads.spawn(move || {
                let chance = SeededChance::of(seed.wrapping_add(u64::try_from(client).unwrap()));
                // So many are cut; those that were answered as a whole come on top.
                while cut.load(Ordering::Relaxed) < count {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    let call = Call::of(house, number, &chance, told);
                    let answered = call.make(address, &chance, told);
                    cut.fetch_add(usize::from(answered.is_none()), Ordering::Relaxed);
                    if let Asks::Record(name, Some(once)) = &call.asks {
                        marks.lock().unwrap().insert((once.clone(), name.clone()));
                    }
                    match (answered, call.asks) {
                        (Some(report), Asks::Record(name, _)) => {
                            assert_eq!(report["summary"]["created"], 1, "{report}");
                            told.stored.lock().unwrap().insert(name);
                        }
                        (None, Asks::Record(name, _)) => names.lock().unwrap().push(name),
                        (Some(disclosure), Asks::Read) => {
                            told.disclosed.lock().unwrap().insert(text(&disclosure["decision"]["id"]));
                        }
                        (None, Asks::Read) => {}
                        (reply, Asks::Consent(name)) => others.consents.lock().unwrap().push((name, reply.is_some())),
                        (reply, Asks::Events(name)) => others.events.lock().unwrap().push((name, reply.is_some())),
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
    let (consents, events) = others.are_there(&house);
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
        "calls, of them cut; acknowledged records, consents, calls with events; disclosures seen",
        format!(
            "{}, {}; {stored}, {consents}, {events}; {disclosed}",
            made.load(Ordering::Relaxed),
            cut.load(Ordering::Relaxed)
        ),
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
            let slow = customer("webshop", &format!("slow{at}"));
            let call = Call::over(&house, Role::Partner, "/v1/records", "application/x-ndjson", &slow);
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
