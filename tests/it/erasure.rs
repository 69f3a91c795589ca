//! Proof of erasure: nothing of an erased person can be found or opened, in no file, no table, no memory, no backup of
//! yesterday, and a crash in the middle changes nothing of that.

mod traces;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::{scope, sleep};
use std::time::Duration;

use aes_gcm::KeyInit as _;
use aes_gcm::aead::{Aead as _, Payload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use obhut::store::{Location, Shelf};
use obhut::types::{Role, SystemEntropy};
use obhut::vault::{FileRoot, RootKey as _};
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use xaes_256_gcm::Xaes256Gcm;

use traces::{KINDS, Traces, people};

use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect, LogPlace, files_below};
use crate::hammer::{Stopwatch, figure, name, times, unlike};
use crate::house::{
    House, customer, demand, in_a_house_on_both_databases, lookup, mail, moment, order, statement, text,
};
use crate::scan::{Scan, left_out};

/// Somebody whose traces are looked for, and somebody who must stay.
const CANARY: &str = "kanarienvogelqx";
const OTHER: &str = "bleibendqx";

/// Further mailboxes of the canary: of a second record that was somebody of its own before, and of one that turned out to be
/// another person's.
const SECOND: &str = "zweitpostfachqx";
const STRANGER: &str = "fremdpostfachqx";

/// Counted values of the canary that nobody else has: a town and a day of birth.
const OWN_VALUES: usize = 2;

/// The values that are counted, to know how rare they are.
fn counted_values(database: &Database) -> Vec<String> {
    // Every writer counts apart.
    let held = "SELECT CAST(value_no AS TEXT) AS answer FROM term GROUP BY value_no HAVING sum(held) > 0";
    database.texts(Shelf::Records, held)
}

/// A house with the canary, others, and some history; and what was stored of the canary meanwhile and is no more: earlier
/// versions of a record, keys as they were wrapped before.
fn lived_in(database: Database) -> (House, Traces) {
    let mut house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment"])
        .with_subject(CANARY)
        .consenting_to("newsletter_email")
        .with_subject(OTHER)
        .consenting_to("newsletter_email");
    house.keep_secret(&format!("Family{CANARY}"));
    house.ingest(&story()).expect_all("created");
    become_one_and_two(&house);
    let subject = subject_of(&house, CANARY);
    let mut earlier = Traces::of(house.database(), &subject);
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
        moved["data"]["addresses"][0]["city"] = "Kanarienhausen".into();
        moved["data"]["person"]["birth_date"] = "1971-03-09".into();
        // Its answer is kept for whoever sends it again.
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        let request = request.header("Idempotency-Key", format!("{CANARY}-{round}"));
        house.send(request.json(&json!({"records": [moved]}))).expect(200).expect_all("updated");
        earlier = earlier.with(Traces::of(house.database(), &subject));
        // What a power cut leaves in the write-ahead logs is churn as well: here of records that are on their way.
        let more: Vec<_> =
            (0..60).map(|number| customer("webshop", &unlike(&format!("spaet{round}n{number}")))).collect();
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        let request = request.json(&json!({"records": more}));
        scope(|threads| {
            threads.spawn(move || drop(request.send()));
            sleep(Duration::from_millis(5 + 20 * round));
            house.kill();
        });
        house.start();
    }
    rotate(&house);
    (house, earlier)
}

/// The canary is found to be two people who are one, has a namesake about whom somebody must decide, and had a record that
/// was another person's.
fn become_one_and_two(house: &House) {
    let of = |source: &str, id: &str, mailboxes: &[&str], person: Value| {
        let identifiers = mailboxes.iter().map(|name| json!({"kind": "email", "value": mail(name), "verified": true}));
        json!({"type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
            "identifiers": identifiers.collect::<Vec<_>>(), "data": {"person": person}})
    };
    let bring = |record: Value| drop(house.ingest(&[record]).expect_all("created"));
    for (name, id) in [(SECOND, "zweites"), (STRANGER, "fremdes")] {
        bring(of("books", id, &[name], json!({})));
        bring(of("webshop", &format!("bruecke-{id}"), &[CANARY, name], json!({})));
    }
    let subject = subject_of(house, CANARY);
    let links = house.get(Role::Dpo, &format!("/v1/subjects/{subject}/links")).expect(200).json();
    let records: Vec<&Value> = links["records"].as_array().unwrap().iter().map(|record| &record["record"]).collect();
    assert_eq!(records.len(), 7, "{links}");
    // The fourth and the sixth came as people of their own; the latter is one again.
    let out = json!({"records": [records[5]]});
    house.post(Role::Dpo, &format!("/v1/subjects/{subject}/split"), &out).expect(200);
    let namesake = json!({"given_name": format!("Given{CANARY}"), "family_name": format!("Family{CANARY}")});
    bring(of("books", "namensvetter", &[], namesake));
    for (table, what) in [("apart", "taken apart"), ("review", "asked about"), ("subject WHERE state = 2", "joined")] {
        assert!(house.database().count(Shelf::Records, table) > 0, "nobody was {what}");
    }
}

/// Who is not the canary and has a value of theirs: the namesake, and who was taken out.
fn others_with_its_values(house: &House) -> Traces {
    let database = house.database();
    let canary = subject_of(house, CANARY);
    let named = "SELECT CAST(hex(subject_id) AS TEXT) AS answer FROM subject WHERE state = 1";
    let named = match database.dialect() {
        Dialect::Sqlite => named.to_owned(),
        Dialect::Postgres => named.replace("hex(subject_id)", "encode(subject_id, 'hex')"),
    };
    let living = database.texts(Shelf::Records, &named).into_iter().map(|id| id.to_lowercase());
    let others = living.filter(|id| *id != canary.replace('-', ""));
    others.map(|id| Traces::of(database, &id)).reduce(Traces::with).unwrap()
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
    let (of, watch, rounds) = (name(&database), Stopwatch::start(), times("erasure_proofs", 1, 15));
    let others: Vec<Database> = (1..rounds).map(|_| database.another()).collect();
    for database in std::iter::once(database).chain(others) {
        prove(database);
    }
    figure("proof of erasure", of, "houses, each with three power cuts before it", rounds);
    figure("proof of erasure", of, "seconds", watch.passed().as_secs());
}

fn prove(database: Database) {
    let (mut house, earlier) = lived_in(database);
    let subject = subject_of(&house, CANARY);
    let traces = Traces::of(house.database(), &subject);
    // Two keys: their own, and that of the person who was joined in.
    assert!(traces.indexes.len() > 5 && traces.wrapped.len() == 2 && traces.sealed.len() == 6);
    assert_eq!(traces.keks.len(), 1);
    let everybody = people(house.database(), &subject);
    assert_eq!(everybody.len(), 2);
    for (table, columns) in [("apart", ["subject_id", "other_id"]), ("review", ["one_id", "other_id"])] {
        let id = house.database().literal(&everybody[0]);
        let rows = format!("{table} WHERE {id} IN ({})", columns.join(", "));
        assert!(house.database().count(Shelf::Records, &rows) > 0, "no {table} of the canary");
    }
    let replaced = earlier.sealed.iter().filter(|sealed| !traces.sealed.contains(sealed)).count();
    let rewrapped = traces.wrapped.iter().all(|wrapped| !earlier.wrapped.contains(wrapped));
    assert!(replaced >= 3 && rewrapped, "nothing was replaced before");
    let mut epochs_then = traces.epochs.clone();
    epochs_then.dedup();
    // A mailbox and a name that somebody else has too are theirs, and stay.
    let traces = earlier.with(traces).without(&others_with_its_values(&house));
    let unlocked = unwrapped(&house, &subject);
    let since = house.database().log_place();
    if let Some(files) = house.database().files() {
        let found = forbidden_in(&traces, &files);
        assert!(KINDS.iter().all(|kind| found.contains(kind)), "the scan must find what is there: {found:?}");
    }
    let counted = counted_values(house.database());

    // Yesterday's backup, after a power cut. On PostgreSQL nobody may be connected when it is made.
    house.kill();
    house.database().disconnect();
    let yesterday = house.database().copy();
    house.start();

    if !Scan::of([unlocked[everybody.len()].1.clone()])
        .all_in_memory(house.process())
        .is_ok_and(|found| !found.is_empty())
    {
        left_out(
            "keys are not recognised in the memory of the hub here: that an erased person's are gone means little",
        );
    }
    let reply = house.erase(CANARY).expect(201);
    let certificate = reply.json();
    // (b) What was erased is in no file when the answer comes: here pages are overwritten. The counts of values are put right a
    // little later, and the epoch lives until it is turned.
    if house.database().dialect() == Dialect::Sqlite {
        let mut found = forbidden_in(&traces, &house.database().files().unwrap());
        found.retain(|kind| !["the counted values of a card", "a wrapped epoch"].contains(kind));
        assert_eq!(found, [""; 0]);
    }
    // (f) And its memory has neither the data key nor what was read with it.
    nowhere_in_memory(&house, &unlocked[..everybody.len()]);
    // (a) The doors and the tables know nobody.
    gone_from_the_doors(&house, &subject);
    assert!(Traces::of(house.database(), &subject).is_empty());
    // Values that nobody else has are not counted any more, which comes to pass with the next records that come. They are too
    // short to be looked for in files.
    house.ingest(&[customer("webshop", "nachzuegler")]).expect_all("created");
    let gone = (0..200).any(|_| {
        let left = counted_values(house.database());
        let gone = counted.iter().filter(|value| !left.contains(*value)).count();
        let over = gone >= OWN_VALUES && house.database().count(Shelf::Records, "term_gone") == 0;
        if !over {
            sleep(Duration::from_millis(100));
        }
        over
    });
    assert!(gone, "values that only an erased person had are still counted");
    // (b) In no file in clear, at no time.
    nowhere_in_clear(&house, &[CANARY.to_owned()], &since);
    let unhyphenated = hex::decode(subject.replace('-', "")).unwrap();
    let rows = house.database().dump();
    let found = |bytes: &[u8]| rows.iter().filter(|row| row.contains(&hex::encode(bytes))).count();
    for (kind, bytes) in traces.kinds().into_iter().flat_map(|(kind, all)| all.iter().map(move |bytes| (kind, bytes))) {
        assert!(kind == "a wrapped epoch" || found(bytes) == 0, "{kind}: {}", hex::encode(bytes));
    }
    assert!(found(&unhyphenated) <= 2, "beside the cases of the split and the erasure, nothing names the erased id");
    for merged in &everybody[1..] {
        assert_eq!(found(merged), 0, "nothing names who was merged into the erased");
        assert!(Traces::of(house.database(), &hex::encode(merged)).is_empty());
    }

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
    assert_eq!(epochs, epochs_then);
    assert!(!destroyed(house.database(), &epochs), "not final before the epoch is gone");
    rotate(&house);
    assert!(destroyed(house.database(), &epochs), "after the rotation nothing opens the wrapped key in old files");
    // (b) Nor is anything sealed or keyed of them left, once the server has written its files anew.
    nowhere_at_all(&house, &traces, &[CANARY.to_owned()], &since);
    // (f) The memory of the hub has no key of theirs any more, nor what was read with it.
    nowhere_in_memory(&house, &unlocked);

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

/// Looks for what is readable of these people, by their names, in everything the house and its database write to.
fn nowhere_in_clear(house: &House, names: &[String], since: &LogPlace) {
    let scan = Scan::of(names.iter().flat_map(|name| [name.clone().into_bytes(), hex::encode(name).into_bytes()]));
    let mut files = files_below(house.home());
    match (house.database().files(), house.database().shared_files(since)) {
        (Some(own), Some(shared)) => files.extend(own.into_iter().chain(shared)),
        _ => left_out("the server's files cannot be read: they were not searched for clear values after an erasure"),
    }
    for file in files {
        assert!(scan.all_in_file(&file).is_empty(), "in clear in {}", file.display());
    }
}

/// Looks for what is sealed, wrapped or keyed in every file of the database, and for the names: none of it may be left.
fn nowhere_at_all(house: &House, traces: &Traces, names: &[String], since: &LogPlace) {
    let database = house.database();
    // A row that somebody's snapshot still sees is written again: also one of the planner's, beside a run of autovacuum.
    let mut left = Vec::new();
    let mut shared = Vec::new();
    for _ in 0..5 {
        database.rewrite();
        let (Some(own), Some(log)) = (database.files(), database.shared_files(since)) else {
            left_out(
                "the server's files cannot be read: they were not searched for an erased person's ciphertext, keys",
            );
            return;
        };
        left = forbidden_in(traces, &own);
        shared = log;
        if left.is_empty() {
            break;
        }
        sleep(Duration::from_millis(500));
    }
    assert_eq!(left, [""; 0]);
    if database.recycles_its_log() {
        // Old bytes stay in files that wait for their next use. The epoch that opens them is gone, as was checked; the
        // epoch itself, wrapped by the root key, must not be among them. The indexes stay until the file is used again.
        left_out(
            "this server keeps old write-ahead log (wal_recycle): it was not searched for an erased person's indexes",
        );
    } else {
        assert_eq!(forbidden_in(traces, &shared), [""; 0], "in the write-ahead log");
    }
    nowhere_in_clear(house, names, since);
}

/// What of these traces the files hold.
fn forbidden_in(traces: &Traces, files: &[PathBuf]) -> Vec<&'static str> {
    let forbidden = traces.forbidden();
    let scan = Scan::of(forbidden.iter().map(|(_, bytes)| bytes.clone()));
    files.iter().flat_map(|file| scan.all_in_file(file)).map(|number| forbidden[number].0).collect()
}

/// The data keys of a person, also of whoever was merged into them, and the epoch around them, as they are in the memory of a hub
/// that works with them.
fn unwrapped(house: &House, subject: &str) -> Vec<(&'static str, Vec<u8>)> {
    let database = house.database();
    let (mut keys, mut epochs) = (Vec::new(), Vec::new());
    for id in people(database, subject) {
        let rest = format!("FROM data_key WHERE subject_id = {}", database.literal(&id));
        let wrapped = database.bytes(Shelf::Keys, "wrapped", &rest).remove(0);
        let number = |column: &str| -> i64 {
            let query = format!("SELECT CAST({column} AS TEXT) AS answer {rest}");
            database.texts(Shelf::Keys, &query).remove(0).parse().unwrap()
        };
        let (epoch, key_no) = (i32::try_from(number("epoch")).unwrap(), i16::try_from(number("key_no")).unwrap());
        let key = data_key(house, &id, (&wrapped, key_no, epoch)).expect("the form of a wrapped key");
        assert_eq!(key.len(), 32);
        keys.push(("a data key", key));
        epochs.push(epoch);
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "all are under one epoch");
    let kek = epoch_key(house, epochs[0]);
    assert_eq!(kek.len(), 32);
    keys.push(("the key of the epoch", kek));
    keys
}

/// The key of an epoch, out of what the root key wrapped.
fn epoch_key(house: &House, epoch: i32) -> Vec<u8> {
    let wrapped = house.database().bytes(Shelf::Keys, "wrapped", &format!("FROM kek WHERE epoch = {epoch}")).remove(0);
    let root = FileRoot::open_or_create(&house.home().join("data/master.key"), &SystemEntropy::new()).unwrap();
    root.unwrap(&format!("kek/{epoch}"), &wrapped).unwrap().to_vec()
}

/// Somebody's data key, wrapped as this number of theirs under this epoch.
fn data_key(
    house: &House,
    id: &[u8],
    (wrapped, key_no, epoch): (&[u8], i16, i32),
) -> Result<Vec<u8>, aes_gcm::aead::Error> {
    let aad = [b"obhut datakey v1", id, &key_no.to_be_bytes(), &epoch.to_be_bytes()].concat();
    let cipher = Xaes256Gcm::new(epoch_key(house, epoch).as_slice().try_into().unwrap());
    let nonce = xaes_256_gcm::Nonce::try_from(&wrapped[1..25]).unwrap();
    cipher.decrypt(&nonce, Payload { msg: &wrapped[25..], aad: &aad })
}

/// Reads the memory of the hub. Where that is forbidden, it is forbidden to everybody else of this user as well.
fn nowhere_in_memory(house: &House, unlocked: &[(&'static str, Vec<u8>)]) {
    let forbidden: Vec<_> =
        unlocked.iter().cloned().chain([("what was disclosed", format!("{CANARY}weg").into_bytes())]).collect();
    let scan = Scan::of(forbidden.iter().map(|(_, bytes)| bytes.clone()));
    let look = || scan.all_in_memory(house.process());
    // Another process turned the keys; this one follows within a second or two.
    let mut found = look();
    for _ in 0..10 {
        if !found.as_ref().is_ok_and(|found| !found.is_empty()) {
            break;
        }
        sleep(Duration::from_millis(500));
        found = look();
    }
    match found {
        Ok(found) => {
            let found: Vec<_> = found.into_iter().map(|number| forbidden[number].0).collect();
            assert_eq!(found, [""; 0], "in the memory of the hub");
        }
        Err(cause) => {
            assert_eq!(cause.kind(), ErrorKind::PermissionDenied, "{cause}");
            left_out("the memory of the hub cannot be read, by nobody but root: it was not searched after an erasure");
        }
    }
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
    // Does anything of this customer's data come out? If not, nobody may be there: a hub that fails proves nothing.
    let opens = |restored: &House, name: &str| {
        let request = restored.request(0, Method::POST, "/v1/profiles/lookup");
        let key = &restored.key(Role::Dpo).key;
        let reply = restored.send(request.bearer_auth(key).json(&lookup(name, "subject_access")));
        assert!([200, 404].contains(&reply.status), "{}", reply.text());
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
    // The hub itself works: it takes in and opens what comes now.
    stolen.ingest(&[customer("webshop", "neuanfang")]).expect_all("created");
    assert!(opens(&stolen, "neuanfang"));
    for id in people(stolen.database(), subject) {
        let of = format!("FROM data_key WHERE subject_id = {}", stolen.database().literal(&id));
        for wrapped in stolen.database().bytes(Shelf::Keys, "wrapped", &of) {
            for (epoch, ..) in keks(stolen.database()).into_iter().filter(|(_, wrapped, ..)| !wrapped.is_empty()) {
                let epoch: i32 = epoch.parse().unwrap();
                assert!(data_key(&stolen, &id, (&wrapped, 1, epoch)).is_err(), "epoch {epoch} opens it");
            }
        }
    }
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
    let (of, short) = (name(&database), if database.dialect() == Dialect::Sqlite { 6 } else { 4 });
    let rounds = times("cut_erasures", short, 200);
    let mut house = House::open(database).with_subject(OTHER);
    let chance = SeededChance::of(4711);
    let (mut cut_short, mut all, mut names) = (0, None::<Traces>, Vec::new());
    let since = house.database().log_place();
    for round in 0..rounds {
        let name = unlike(&format!("abgebrochen{round}"));
        names.push(name.clone());
        house = house.with_subject(&name).consenting_to("newsletter_email");
        let mut invoice = story()[1].clone();
        invoice["external_id"] = name.clone().into();
        invoice["identifiers"][0]["value"] = mail(&name).into();
        // It names somebody else, who would be another person at this mailbox.
        invoice["data"].as_object_mut().unwrap().remove("person");
        house.ingest(&[invoice.clone()]).expect_all("created");
        let subject = subject_of(&house, &name);
        let traces = Traces::of(house.database(), &subject);
        all = Some(match all {
            Some(all) => all.with(traces),
            None => traces,
        });
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
    // Nothing of any of them is in a file, wherever the power was cut.
    rotate(&house);
    nowhere_at_all(&house, &all.unwrap(), &names, &since);
    figure("erasures that are cut short", of, "erasures; cut before their answer", format!("{rounds}; {cut_short}"));
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
