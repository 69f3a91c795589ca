//! Proof of erasure: nothing of an erased person can be found or opened, in no file, no table, no backup of yesterday,
//! and a crash in the middle changes nothing of that.

use std::path::Path;
use std::thread::{scope, sleep};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use obhut::store::{Location, Shelf};
use obhut::types::Role;
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{
    House, customer, demand, in_a_house_on_both_databases, lookup, mail, moment, order, statement, text,
};

/// Somebody whose traces are looked for, and somebody who must stay.
const CANARY: &str = "kanarienvogelqx";
const OTHER: &str = "bleibendqx";

/// What the store holds of a person, read behind the house's back before the erasure.
struct Traces {
    indexes: Vec<Vec<u8>>,
    wrapped: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    epochs: Vec<String>,
}

impl Traces {
    fn of(database: &Database, subject: &str) -> Self {
        let id = database.literal(&hex::decode(subject.replace('-', "")).unwrap());
        let of = format!("WHERE subject_id = {id}");
        let epochs = format!("SELECT CAST(epoch AS TEXT) AS answer FROM data_key {of}");
        Self {
            indexes: database.bytes(Shelf::Records, "ix", &format!("FROM identifier {of}")),
            wrapped: database.bytes(Shelf::Keys, "wrapped", &format!("FROM data_key {of}")),
            sealed: database.bytes(Shelf::Records, "sealed", &format!("FROM record {of}")),
            epochs: database.texts(Shelf::Keys, &epochs),
        }
    }

    fn is_empty(&self) -> bool {
        self.indexes.is_empty() && self.wrapped.is_empty() && self.sealed.is_empty()
    }
}

/// A house with the canary, others, and some history.
fn lived_in(database: Database) -> House {
    let mut house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment"])
        .with_subject(CANARY)
        .consenting_to("newsletter_email")
        .with_subject(OTHER)
        .consenting_to("newsletter_email");
    house.keep_secret(&format!("Family{CANARY}"));
    house.ingest(&story()).expect_all("created");
    // Churn: pages split, rows move, keys are wrapped again.
    for round in 0..3 {
        let crowd: Vec<_> = (0..60)
            .map(|number| {
                let mut record = customer("webshop", &format!("menge{number}"));
                record["updated_at"] = format!("2026-04-0{}T00:00:00Z", round + 1).into();
                record["data"]["person"]["given_name"] = format!("Runde{round}").into();
                record
            })
            .collect();
        house.ingest(&crowd);
        let mut moved = customer("webshop", CANARY);
        moved["updated_at"] = format!("2026-04-0{}T00:00:00Z", round + 1).into();
        moved["data"]["addresses"][0]["house_number"] = round.to_string().into();
        house.ingest(&[moved]).expect_all("updated");
    }
    rotate(&house);
    house
}

/// What the sources hold of the canary.
fn story() -> [Value; 2] {
    let mut invoice = order("books", "RE-1", CANARY, "2026-10-02T08:00:00Z");
    invoice["type"] = "invoice".into();
    let data = invoice["data"].as_object_mut().unwrap();
    data.remove("ordered_at");
    data.insert("status".to_owned(), "paid".into());
    data.insert("issued_at".to_owned(), "2026-10-02T08:00:00Z".into());
    [order("webshop", "B-1", CANARY, "2026-10-01T08:00:00Z"), invoice]
}

fn rotate(house: &House) {
    let done = house.run(&["keys", "rotate"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn subject_of(house: &House, name: &str) -> String {
    text(&house.lookup(Role::Dpo, name, "subject_access").expect(200).json()["subject_id"])
}

fn an_erased_person_is_gone_and_stays_gone(database: Database) {
    let mut house = lived_in(database);
    let subject = subject_of(&house, CANARY);
    let traces = Traces::of(house.database(), &subject);
    assert!(traces.indexes.len() > 5 && traces.wrapped.len() == 1 && traces.sealed.len() == 3);
    assert!(in_files(house.database(), &traces.wrapped[0]) > 0, "the scan must find what is there");

    // Yesterday's backup. On PostgreSQL a copy needs the house to stop.
    assert!(house.stop().success());
    let yesterday = house.database().copy();
    house.start();

    let reply = house.erase(CANARY).expect(201);
    let certificate = reply.json();
    // (a) The doors and the tables know nobody.
    gone_from_the_doors(&house, &subject);
    assert!(Traces::of(house.database(), &subject).is_empty());
    // (b) The files neither.
    let unhyphenated = hex::decode(subject.replace('-', "")).unwrap();
    let mut bytes: Vec<&[u8]> = vec![CANARY.as_bytes()];
    bytes.extend(traces.indexes.iter().map(Vec::as_slice));
    let dead_rows_may_stay = house.database().dialect() == Dialect::Postgres;
    if !dead_rows_may_stay {
        bytes.extend(traces.wrapped.iter().chain(&traces.sealed).map(|whole| &whole[..whole.len().min(48)]));
    }
    for bytes in &bytes {
        let hits = in_files(house.database(), bytes);
        assert!(
            hits == 0 || (dead_rows_may_stay && *bytes != CANARY.as_bytes()),
            "{} in {hits} files",
            hex::encode(bytes)
        );
    }
    let rows = house.database().dump();
    let found = |bytes: &[u8]| rows.iter().filter(|row| row.contains(&hex::encode(bytes))).count();
    for bytes in traces.indexes.iter().chain(&traces.wrapped).chain(&traces.sealed) {
        assert_eq!(found(bytes), 0, "{}", hex::encode(bytes));
    }
    assert!(found(&unhyphenated) <= 1, "beside the request, nothing names the erased id");

    // (g) The certificate is signed, names nobody, and is final when the epochs that could open old copies are gone.
    signed(&certificate);
    let told = &certificate["certificate"];
    assert!(!told.to_string().contains(CANARY) && !told.to_string().contains(&subject));
    // § 147 AO keeps the voucher, § 257 HGB the order as a commercial letter; consent, account and address book go.
    let kept: Vec<_> =
        told["kept"].as_array().unwrap().iter().map(|kept| (text(&kept["record"]), text(&kept["until"]))).collect();
    assert!(kept.contains(&("invoice".to_owned(), "2034-12-31".to_owned())), "{told}");
    assert!(!kept.iter().any(|(record, _)| record == "customer"), "{told}");
    let final_after = text(&told["final_after"]);
    assert!(final_after > moment(0) && final_after < moment(31 * 86_400), "{final_after}");
    let epochs: Vec<String> = told["final_epochs"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(epochs, traces.epochs);
    assert!(!destroyed(house.database(), &epochs), "not final before the epoch is gone");
    rotate(&house);
    assert!(destroyed(house.database(), &epochs), "after the rotation nothing opens the wrapped key in old files");

    // (e) The book is whole, holds the erasure, and no personal data.
    let verified = house.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let book = house.audit();
    assert_eq!(book.iter().filter(|entry| entry["act"] == "erased").count(), 1);
    let whole = Value::from(book).to_string();
    assert!(!whole.contains(CANARY) && !whole.contains(&subject));

    comes_back_only_as_somebody_new(&house, &subject);
    yesterdays_records_do_not_open(&mut house, yesterday, &subject);
}

fn gone_from_the_doors(house: &House, subject: &str) {
    for (role, purpose) in
        [(Role::Partner, "newsletter_email"), (Role::Dpo, "subject_access"), (Role::Dpo, "bookkeeping")]
    {
        house.lookup(role, CANARY, purpose).expect(404);
        house.get(role, &format!("/v1/profiles/{subject}?purpose={purpose}")).expect(404);
    }
    let again = house.post(Role::Dpo, "/v1/requests", &demand(CANARY, "access"));
    assert!((400..500).contains(&again.status), "{}", again.text());
}

fn signed(certificate: &Value) {
    let decode = |name: &str| STANDARD.decode(text(&certificate[name])).unwrap();
    let mut text = certificate["certificate"].clone();
    text.sort_all_objects();
    let key = UnparsedPublicKey::new(&ED25519, decode("public_key"));
    key.verify(text.to_string().as_bytes(), &decode("signature")).expect("the certificate is signed");
    text["records_found"] = json!(0);
    assert!(key.verify(text.to_string().as_bytes(), &decode("signature")).is_err());
}

fn destroyed(database: &Database, epochs: &[String]) -> bool {
    let destroyed = "SELECT CAST(epoch AS TEXT) AS answer FROM kek WHERE destroyed_at > 0 AND length(wrapped) = 0";
    let destroyed = database.texts(Shelf::Keys, destroyed);
    epochs.iter().all(|epoch| destroyed.contains(epoch))
}

/// In how many files of the database these bytes lie.
fn in_files(database: &Database, bytes: &[u8]) -> usize {
    let holds = |path: &Path| std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|part| part == bytes));
    database.files().iter().filter(|path| holds(path)).count()
}

fn comes_back_only_as_somebody_new(house: &House, subject: &str) {
    let old = [vec![customer("webshop", CANARY)], story().to_vec()].concat();
    house.ingest(&old).expect_all("suppressed");
    house.lookup(Role::Dpo, CANARY, "subject_access").expect(404);
    sleep(Duration::from_millis(1_100));
    house.ingest(&[order("webshop", "B-2", CANARY, &moment(0))]).expect_all("created");
    let new = house.lookup(Role::Dpo, CANARY, "subject_access").expect(200).json();
    assert_ne!(new["subject_id"], subject);
    assert_eq!(new["data"]["commerce"]["orders"].as_array().unwrap().len(), 1);
    assert!(new["data"].get("address").is_none(), "nothing old is in it: {new}");
    // The consent of before is gone with the person.
    house.lookup(Role::Partner, CANARY, "newsletter_email").expect(404);
}

/// (c) Yesterday's records with today's keys; (d) yesterday's everything with today's key epochs.
fn yesterdays_records_do_not_open(house: &mut House, yesterday: Database, subject: &str) {
    assert!(house.stop().success());
    // Does anything of this customer's data come out?
    let opens = |restored: &House, name: &str| {
        let request = restored.request(0, Method::POST, "/v1/profiles/lookup");
        let key = &restored.key(Role::Dpo).key;
        let reply = restored.send(request.bearer_auth(key).json(&lookup(name, "subject_access")));
        reply.text().contains(name)
    };
    let mut url = None;
    if let (Location::Sqlite(from), Location::Sqlite(to)) = (house.database().location(), yesterday.location()) {
        for end in ["db", "db-wal", "db-shm"] {
            let name = Path::new(Shelf::Keys.name()).with_extension(end);
            let _ = std::fs::rename(to.join(&name), to.join(&name).with_extension(format!("{end}.yesterday")));
            let _ = std::fs::copy(from.join(&name), to.join(&name));
        }
    } else if let Location::Postgres { url: today, .. } = house.database().location() {
        url = Some(today.to_string());
    }
    let arguments: Vec<&str> = url.iter().flat_map(|url| ["--keys-database-url", url]).collect();
    let mut restored = house.moved_to(yesterday, &arguments);
    assert!(!Traces::of(restored.database(), subject).sealed.is_empty(), "the old records are there");
    restored.start();
    assert!(opens(&restored, OTHER), "somebody else's old records open");
    assert!(!opens(&restored, CANARY), "the erased person's do not");
    restored.kill();
    // (d)
    if let Location::Sqlite(directory) = restored.database().location() {
        for end in ["db", "db-wal", "db-shm"] {
            let name = Path::new(Shelf::Keys.name()).with_extension(end);
            let _ = std::fs::remove_file(directory.join(&name));
            let _ = std::fs::rename(
                directory.join(&name).with_extension(format!("{end}.yesterday")),
                directory.join(&name),
            );
        }
    }
    let stolen = restored.database();
    assert!(!Traces::of(stolen, subject).wrapped.is_empty(), "the old wrapped key is there");
    let today = keks(house.database());
    stolen.execute(Shelf::Keys, "DELETE FROM kek");
    for (epoch, wrapped, created_at, destroyed_at) in today {
        let wrapped = stolen.literal(&wrapped);
        let insert = format!("INSERT INTO kek VALUES ({epoch}, {wrapped}, {created_at}, {destroyed_at})");
        stolen.execute(Shelf::Keys, &insert);
    }
    let mut stolen = restored;
    stolen.forget_arguments();
    stolen.start();
    assert!(!opens(&stolen, CANARY), "the old wrapped key does not open without its epoch");
    stolen.kill();
    house.start();
}

fn keks(database: &Database) -> Vec<(String, Vec<u8>, String, String)> {
    let column = |name: &str| {
        database.texts(Shelf::Keys, &format!("SELECT CAST({name} AS TEXT) AS answer FROM kek ORDER BY epoch"))
    };
    let wrapped = database.bytes(Shelf::Keys, "wrapped", "FROM kek ORDER BY epoch");
    let rest = column("epoch").into_iter().zip(wrapped).zip(column("created_at")).zip(column("destroyed_at"));
    rest.map(|(((epoch, wrapped), created), destroyed)| (epoch, wrapped, created, destroyed)).collect()
}

fn an_erasure_that_is_cut_short_is_finished_at_the_next_start(database: Database) {
    let rounds = if database.dialect() == Dialect::Sqlite { 6 } else { 4 };
    let mut house = House::open(database).with_subject(OTHER);
    let chance = SeededChance::of(4711);
    let mut cut_short = 0;
    for round in 0..rounds {
        let name = format!("abgebrochen{round}");
        house = house.with_subject(&name).consenting_to("newsletter_email");
        let mut invoice = story()[1].clone();
        invoice["external_id"] = name.clone().into();
        invoice["identifiers"][0]["value"] = mail(&name).into();
        house.ingest(&[invoice.clone()]).expect_all("created");
        let subject = subject_of(&house, &name);
        let delay = Duration::from_micros(u64::try_from(chance.below(30_000)).unwrap());
        let request = house.request(0, Method::POST, "/v1/requests").bearer_auth(&house.key(Role::Dpo).key);
        let request = request.json(&demand(&name, "erasure"));
        let answered = scope(|threads| {
            let erasing = threads.spawn(move || request.send().and_then(reqwest::blocking::Response::text).is_ok());
            sleep(delay);
            house.kill();
            erasing.join().unwrap()
        });
        cut_short += u32::from(!answered);
        house.start();
        // Begun: it was finished before the port opened. Not even begun: it can be asked for again.
        let known = house.lookup(Role::Dpo, &name, "subject_access").status == 200;
        assert!(!(answered && known), "an answered erasure holds");
        if known {
            house.erase(&name).expect(201);
        }
        assert!(Traces::of(house.database(), &subject).is_empty());
        house.ingest(&[customer("webshop", &name), invoice]).expect_all("suppressed");
    }
    assert!(cut_short > 0, "no erasure was cut short; the delays are too long");
    assert_eq!(house.audited("erased"), rounds);
    let verified = house.post(Role::Dpo, "/v1/audit/verifications", &json!({})).expect(200).json();
    assert_eq!(verified["intact"], true, "{verified}");
    house.lookup(Role::Dpo, OTHER, "subject_access").expect(200);
}

/// A yes said before the erasure and reported after it is old data; one said now is a new beginning.
fn a_late_report_of_an_old_yes_brings_nobody_back(database: Database) {
    let house = House::open(database).with_key(Role::Partner, ["newsletter_email"]).with_subject(CANARY);
    let old = |act: &str| {
        let mut statement = statement(CANARY, act, Some("newsletter_email"));
        for field in ["at", "requested_at", "confirmed_at"] {
            statement[field] = moment(-86_400).into();
        }
        statement
    };
    let status = |purpose: &str| house.lookup(Role::Dpo, CANARY, purpose).status;
    house.erase(CANARY).expect(201);
    let late = house.post(Role::Partner, "/v1/consents", &old("granted")).expect(200).json();
    assert_eq!(late, json!({"recorded": false}));
    assert_eq!(status("subject_access"), 404, "an old yes brought an erased person back");
    // They begin anew with another purpose: the old yes still does not count.
    let mut fresh = customer("webshop", CANARY);
    fresh["updated_at"] = moment(0).into();
    fresh["external_id"] = "fresh".into();
    house.ingest(&[fresh]).expect_all("created");
    assert_eq!(status("subject_access"), 200);
    house.post(Role::Partner, "/v1/consents", &old("granted")).expect(200);
    assert_eq!(house.lookup(Role::Partner, CANARY, "newsletter_email").status, 404);
    // An old no is recorded, and so is a new yes.
    house.post(Role::Partner, "/v1/consents", &old("withdrawn")).expect(201);
    house.say(CANARY, "granted", Some("newsletter_email")).expect(201);
    assert_eq!(house.lookup(Role::Partner, CANARY, "newsletter_email").status, 200);
}

in_a_house_on_both_databases!(
    a_late_report_of_an_old_yes_brings_nobody_back,
    an_erased_person_is_gone_and_stays_gone,
    an_erasure_that_is_cut_short_is_finished_at_the_next_start,
);
