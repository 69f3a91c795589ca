//! A disk that is full or fails, below the embedded database. The server process is the real one; what fails are its
//! system calls (see `injector`).

use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use serde_json::json;

use super::injector::{Errno, Injector};
use super::load::{SETTLED, Told, all_is_there, complaint_about, eventually, expect_later, house};
use crate::databases::Database;
use crate::hammer::{figure, times};
use crate::house::{House, Reply, customer, statement};

fn on_this_disk() -> (Injector, House) {
    let injector = Injector::new();
    let house = house(Database::sqlite(), injector.surroundings());
    (injector, house)
}

fn ready(house: &House) -> u16 {
    house.send(house.request(0, Method::GET, "/readyz")).status
}

/// Fills the disk for a while under load, and frees it.
fn a_full_disk(kind: &str, file: &str) -> Told {
    let (injector, house) = on_this_disk();
    let (told, rounds) = (Told::default(), times("disks", 4, 80));
    told.while_(&house, |house| {
        // The space ends at another write each time.
        for (round, pass) in (0..).zip([0, 1, 2, 5].into_iter().cycle()).take(rounds) {
            let pass = pass + round / 4;
            sleep(Duration::from_millis(150));
            let failed = injector.failed();
            injector.fail_after(pass, kind, file, Errno::NoSpace);
            eventually("the disk is full", || injector.failed() > failed + 2);
            sleep(Duration::from_millis(200));
            injector.relax();
            // At once, by the same process.
            let name = format!("free{round}{}", file.replace(['.', '-'], ""));
            house.ingest(&[customer("webshop", &name)]).expect_all("created");
            house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
        }
    });
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    assert_eq!(ready(&house), 200);
    let (stored, disclosed) = told.counts();
    assert!(stored > 0 && disclosed > 0 && told.refusals() > 0, "{stored} {disclosed} {:?}", told.refused);
    report(&format!("no space for {file}"), &told, rounds);
    all_is_there(&house, &told);
    told
}

fn report(hammer: &str, told: &Told, times: usize) {
    let (stored, disclosed) = told.counts();
    let told = format!("{times}; {stored}, {disclosed}, {}", told.refusals());
    let hammer = format!("faults, {hammer}");
    figure(&hammer, "SQLite", "times; acknowledged writes, disclosures, calls told to come later", told);
}

#[test]
fn no_space_for_records_loses_nothing_and_ends_by_itself() {
    a_full_disk("write", "records.db");
}

#[test]
fn no_space_for_keys_loses_nothing_and_ends_by_itself() {
    a_full_disk("write", "keys.db");
}

#[test]
fn no_space_for_the_audit_book_loses_nothing_and_ends_by_itself() {
    a_full_disk("write", "audit.db");
}

#[test]
fn no_space_at_all_loses_nothing_and_ends_by_itself() {
    a_full_disk("write", ".db");
}

/// A full disk takes no new data; who is known can still be read as long as the audit book can be written.
#[test]
fn reads_go_on_while_there_is_no_space_for_records() {
    let (injector, house) = on_this_disk();
    injector.fail("write", "records.db", Errno::NoSpace);
    expect_later(&house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", "lastone")]})));
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
    expect_later(&house.post(Role::Dpo, "/v1/consents", &statement("marlene", "withdrawn", Some("newsletter_email"))));
    injector.relax();
    assert!(injector.failed() > 0);
    house.ingest(&[customer("webshop", "lastone")]).expect_all("created");
    house.say("marlene", "withdrawn", Some("newsletter_email")).expect(201);
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(404);
}

/// A call that failed for want of space can be repeated with its idempotency key as soon as there is some, at whichever of
/// its writes the space ended.
#[test]
fn a_key_is_free_again_when_there_is_space() {
    let (injector, house) = on_this_disk();
    let mut failed = 0;
    let passes = u32::try_from(times("passes", 14, 60)).unwrap();
    for pass in 0..passes {
        let record = customer("webshop", &format!("repeated{pass}"));
        let call = || {
            let request = house.request(0, Method::POST, "/v1/records").json(&json!({"records": [record]}));
            let request = request.bearer_auth(&house.key(Role::Partner).key);
            house.send(request.header("Idempotency-Key", format!("space-{pass}")))
        };
        injector.fail_after(pass, "write", "records.db", Errno::NoSpace);
        let first = call();
        injector.relax();
        failed += usize::from(first.status == 503);
        eventually("a call can be repeated", || call().status == 200);
        let reply = call().expect(200);
        assert_eq!(reply.json()["summary"]["created"], 1, "the repeated call has another reply: {}", reply.text());
    }
    assert!(failed > 3, "{failed} calls failed: the disk was not reached");
}

/// After a failed write or fsync below a commit nobody knows what the disk holds: nothing is served until a new process
/// has read the files again. All that was acknowledged is there.
fn a_broken_disk(kind: &str, file: &str) {
    // In the long run it fails at another call each time.
    let rounds = times("broken_disks", 1, 25);
    for pass in (3..).step_by(4).take(rounds) {
        a_disk_that_breaks_after(pass, kind, file);
    }
    figure("faults, broken disk", "SQLite", &format!("times that {kind} fails on {file}"), rounds);
}

fn a_disk_that_breaks_after(pass: u32, kind: &str, file: &str) {
    let (injector, mut house) = on_this_disk();
    let told = Told::default();
    told.while_(&house, |house| {
        sleep(Duration::from_millis(300));
        injector.fail_after(pass, kind, file, Errno::Io);
        eventually("the hub is not ready any more", || ready(house) == 503);
        sleep(SETTLED);
        // The disk says that all is well again; whether what it lost came back, it does not say.
        injector.relax();
        let before = told.counts();
        sleep(Duration::from_millis(300));
        assert_eq!(told.counts(), before, "served after {kind} failed on {file}");
        assert_eq!(ready(house), 503);
    });
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    let health = house.send(house.request(0, Method::GET, "/healthz"));
    health.expect(200);
    expect_later(&house.lookup(Role::Partner, "marlene", "newsletter_email"));
    expect_later(&house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", "lastone")]})));
    expect_later(&house.get(Role::Dpo, "/v1/audit/entries?limit=1"));
    expect_later(&house.get(Role::Admin, "/v1/purposes"));
    let metrics = house.send(house.request(0, Method::GET, "/metrics"));
    metrics.expect(200);
    house.kill();
    house.start();
    assert_eq!(ready(&house), 200);
    assert!(told.counts().0 > 0 && told.counts().1 > 0, "{:?}", told.counts());
    all_is_there(&house, &told);
    house.ingest(&[customer("webshop", "lastone")]).expect_all("created");
}

#[test]
fn a_failed_fsync_of_records_stops_serving() {
    a_broken_disk("sync", "records.db-wal");
}

#[test]
fn a_failed_fsync_of_keys_stops_serving() {
    a_broken_disk("sync", "keys.db-wal");
}

#[test]
fn a_failed_fsync_of_the_audit_book_stops_serving() {
    a_broken_disk("sync", "audit.db-wal");
}

#[test]
fn a_failed_write_of_records_stops_serving() {
    a_broken_disk("write", "records.db-wal");
}

#[test]
fn a_failed_write_of_keys_stops_serving() {
    a_broken_disk("write", "keys.db-wal");
}

#[test]
fn a_failed_write_of_the_audit_book_stops_serving() {
    a_broken_disk("write", "audit.db-wal");
}

/// A call is not acknowledged before each of the logs that hold its effect is synchronised: the one that fails is of this log
/// alone, and the next call is the one that is told so.
fn not_acknowledged_before_a_sync(file: &str, call: impl Fn(&House, &str) -> Reply) {
    let (injector, mut house) = on_this_disk();
    // What begins a log anew is synchronised in any case: this call is not the first in it.
    let before = call(&house, "lastbefore");
    assert!([200, 201].contains(&before.status), "{}", before.text());
    assert_eq!(injector.failed(), 0);
    injector.fail("sync", file, Errno::Io);
    expect_later(&call(&house, "lastone"));
    assert!(injector.failed() > 0, "acknowledged without a sync of {file}");
    assert_eq!(ready(&house), 503);
    injector.relax();
    house.kill();
    house.start();
    all_is_there(&house, &Told::default());
}

fn bring(house: &House, name: &str) -> Reply {
    house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", name)]}))
}

fn say_no(house: &House, name: &str) -> Reply {
    // Another no each time: one that was said before is not written down again.
    let purpose = if name == "lastone" { "newsletter_email" } else { "phone_marketing" };
    house.post(Role::Dpo, "/v1/consents", &statement("marlene", "withdrawn", Some(purpose)))
}

#[test]
fn a_person_is_acknowledged_after_a_sync_of_the_records() {
    not_acknowledged_before_a_sync("records.db-wal$", bring);
}

#[test]
fn a_statement_is_acknowledged_after_a_sync_of_the_records() {
    not_acknowledged_before_a_sync("records.db-wal$", say_no);
}

#[test]
fn a_person_is_acknowledged_after_a_sync_of_the_keys() {
    not_acknowledged_before_a_sync("keys.db-wal$", bring);
}

#[test]
fn nobody_is_disclosed_before_a_sync_of_the_audit_book() {
    not_acknowledged_before_a_sync("audit.db-wal$", |house, _| {
        house.lookup(Role::Partner, "marlene", "newsletter_email")
    });
}

/// An erasure cuts the write-ahead logs off, which moves their pages into the files. If the disk fails at any step of that, the
/// hub does not say that the person is gone, and stops serving as after any other fsync that failed.
fn a_broken_disk_below_an_erasure(kind: &str, file: &str) {
    let (injector, mut house) = on_this_disk();
    injector.fail(kind, file, Errno::Io);
    expect_later(&house.erase("marlene"));
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    injector.relax();
    assert_eq!(ready(&house), 503);
    expect_later(&house.erase("marlene"));
    house.kill();
    house.start();
    // What was begun was finished by the start.
    house.lookup(Role::Dpo, "marlene", "subject_access").expect(404);
    all_is_there(&house, &Told::default());
}

#[test]
fn a_failed_fsync_below_an_erasure_stops_serving() {
    a_broken_disk_below_an_erasure("sync", "records.db$");
}

#[test]
fn a_failed_write_of_the_file_below_an_erasure_stops_serving() {
    a_broken_disk_below_an_erasure("write", "records.db$");
}

#[test]
fn a_failed_write_of_the_keys_below_an_erasure_stops_serving() {
    a_broken_disk_below_an_erasure("write", "keys.db$");
}

#[test]
fn a_log_that_cannot_be_cut_off_below_an_erasure_stops_serving() {
    a_broken_disk_below_an_erasure("truncate", "records.db-wal$");
}

#[test]
fn a_log_of_keys_that_cannot_be_cut_off_below_an_erasure_stops_serving() {
    a_broken_disk_below_an_erasure("truncate", "keys.db-wal$");
}

/// What was committed is copied from the write-ahead log into the file behind the writers' backs. If the disk fails there,
/// nobody's call fails with it, and yet nothing more is served.
#[test]
fn a_failed_fsync_of_the_file_behind_the_log_stops_serving() {
    let (injector, mut house) = on_this_disk();
    injector.fail("sync", "records.db$", Errno::Io);
    let note = "Rings at the garden gate. ".repeat(2_400);
    let mut stored = Vec::new();
    // 64 MiB wait in the log before it is copied.
    for call in 0..120 {
        let names: Vec<String> = (0..15).map(|person| format!("last{call}x{person}")).collect();
        let long = |name: &String| {
            let mut record = customer("webshop", name);
            record["data"]["note"] = json!(note);
            record
        };
        let records: Vec<_> = names.iter().map(long).collect();
        let reply = house.post(Role::Partner, "/v1/records", &json!({"records": records}));
        if reply.status != 200 {
            expect_later(&reply);
            break;
        }
        reply.expect_all("created");
        stored.extend(names);
    }
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    assert_eq!(ready(&house), 503);
    injector.relax();
    expect_later(&house.lookup(Role::Partner, "marlene", "newsletter_email"));
    house.kill();
    house.start();
    assert_eq!(house.database().count(Shelf::Records, "subject"), i64::try_from(stored.len()).unwrap() + 1);
    for name in stored.iter().rev().take(20) {
        house.lookup(Role::Dpo, name, "subject_access").expect(200);
    }
}

/// The line about records is written while they are; if they cannot be, another one says so.
#[test]
fn what_was_not_taken_in_is_noted_as_broken_off() {
    let (injector, house) = on_this_disk();
    injector.fail("write", "records.db", Errno::NoSpace);
    expect_later(&house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", "lastone")]})));
    injector.relax();
    let lines = house.audit();
    let told: Vec<_> = lines.iter().filter(|line| line["act"] == "ingested").map(|line| &line["body"]).collect();
    let [.., whole, broken_off] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&whole["count"], whole.get("reasons")), (&json!(1), None));
    assert_eq!((&broken_off["count"], &broken_off["reasons"]), (&json!(0), &json!(["broken_off"])));
}

/// The same of a file whose log is copied when nobody has written for a moment.
fn a_file_that_fails_at_rest_stops_serving(file: &str, call: impl Fn(&House, &str) -> u16) {
    let (injector, mut house) = on_this_disk();
    injector.fail("sync", file, Errno::Io);
    let mut answered = Vec::new();
    while answered.len() < 3_000 && injector.failed() == 0 {
        let name = format!("last{}", answered.len());
        if call(&house, &name) == 503 {
            break;
        }
        answered.push(name);
        // Now and then nobody calls.
        if answered.len().is_multiple_of(250) {
            sleep(Duration::from_millis(600));
        }
    }
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    eventually("nothing is served", || ready(&house) == 503);
    injector.relax();
    expect_later(&house.lookup(Role::Partner, "marlene", "newsletter_email"));
    house.kill();
    house.start();
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
    for name in answered.iter().rev().take(20) {
        assert_eq!(call(&house, name), 200, "{name}");
    }
}

#[test]
fn a_failed_fsync_of_the_keys_behind_their_log_stops_serving() {
    a_file_that_fails_at_rest_stops_serving("keys.db$", |house, name| {
        house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", name)]})).status
    });
}

#[test]
fn a_failed_fsync_of_the_audit_book_behind_its_log_stops_serving() {
    a_file_that_fails_at_rest_stops_serving("audit.db$", |house, _| {
        house.lookup(Role::Partner, "marlene", "newsletter_email").status
    });
}

/// The hub that stopped serving still ends when it is told to, and a new one finds all that was acknowledged.
#[test]
fn a_hub_on_a_broken_disk_can_be_stopped() {
    let (injector, mut house) = on_this_disk();
    house.ingest(&[customer("webshop", "lastone")]).expect_all("created");
    injector.fail("sync", ".db", Errno::Io);
    expect_later(&house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", "lasttwo")]})));
    assert_eq!(house.stop().code(), Some(0));
    injector.relax();
    house.start();
    house.lookup(Role::Dpo, "lastone", "subject_access").expect(200);
    house.ingest(&[customer("webshop", "lastthree")]).expect_all("created");
}

/// A transaction that SQLite has ended by itself, and no new connection: what comes next must not run outside one.
#[test]
fn nothing_is_written_without_a_transaction() {
    let (injector, house) = on_this_disk();
    let write = |name| house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", name)]}));
    let stored = || house.database().count(Shelf::Records, "record");
    let before = stored();
    injector.fail("write", "records.db", Errno::NoSpace);
    injector.fail("open", ".db", Errno::TooManyFiles);
    expect_later(&write("lastone"));
    assert!(injector.failed() > 1, "nothing failed: the disk was not reached");
    // There is space again, but no file can be opened yet.
    injector.relax();
    injector.fail("open", ".db", Errno::TooManyFiles);
    expect_later(&write("lasttwo"));
    assert_eq!(stored(), before, "a write that was turned away is there");
    injector.relax();
    write("lasttwo").expect(200).expect_all("created");
    write("lastone").expect(200).expect_all("created");
    all_is_there(&house, &Told::default());
}

/// A read that fails says so. It finds nobody less, and it lets nobody in or out.
#[test]
fn a_read_that_fails_is_answered_with_later() {
    let (injector, house) = on_this_disk();
    let wrong_key =
        |path| house.send(house.request(0, Method::GET, path).bearer_auth(format!("obh_{}", "0".repeat(97))));
    for pass in 0..u32::try_from(times("failed_reads", 30, 400)).unwrap() {
        injector.fail_after(pass, "read", ".db", Errno::Io);
        for reply in [
            house.lookup(Role::Partner, "marlene", "newsletter_email"),
            house.post(Role::Partner, "/v1/records", &json!({"records": [customer("webshop", "lastone")]})),
            house.get(Role::Dpo, "/v1/audit/entries?limit=1"),
        ] {
            assert!(reply.status == 200 || complaint_about(&reply).is_none(), "{} {}", reply.status, reply.text());
        }
        assert!([401, 503].contains(&wrong_key("/v1/purposes").status));
        injector.relax();
    }
    assert!(injector.failed() > 0, "nothing failed: the disk was not reached");
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
    house.ingest(&[customer("webshop", "lasttwo")]).expect_all("created");
    all_is_there(&house, &Told::default());
}

/// A read that cannot open a file is a "not now", no fault of the caller's and no internal error.
#[test]
fn too_many_open_files_are_answered_with_later() {
    let (injector, house) = on_this_disk();
    injector.fail("open", ".db", Errno::TooManyFiles);
    expect_later(&house.post(Role::Dpo, "/v1/audit/verifications", &json!({})));
    assert!(injector.failed() > 0);
    injector.relax();
    house.post(Role::Dpo, "/v1/audit/verifications", &json!({})).expect(200);
}
