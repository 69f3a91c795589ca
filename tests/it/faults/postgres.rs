//! PostgreSQL connections that are ended by the server or cut on the wire, in the middle of anything.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use serde_json::json;

use super::audit_line::{fill_up, make_room};
use super::load::{SETTLED, Told, all_is_there, eventually, expect_later, house};
use super::proxy::Proxy;
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, times};
use crate::house::{House, Surroundings, customer};
use crate::scan::left_out;

/// The next write and the next read work. Idle connections may have died unseen, so each may be turned away once.
fn works_again(house: &House, name: &str) {
    let twice = |mut ask: Box<dyn FnMut() -> crate::house::Reply + '_>| {
        let first = ask();
        if first.status == 200 {
            return;
        }
        expect_later(&first);
        sleep(Duration::from_millis(50));
        ask().expect(200);
    };
    twice(Box::new(|| house.lookup(Role::Partner, "marlene", "newsletter_email")));
    let records = json!({"records": [customer("webshop", name)]});
    twice(Box::new(|| house.post(Role::Partner, "/v1/records", &records)));
    eventually("the hub is ready", || ready(house) == 200);
}

fn ready(house: &House) -> u16 {
    house.send(house.request(0, Method::GET, "/readyz")).status
}

#[test]
fn a_storm_of_terminated_backends_loses_nothing() {
    let house = house(Database::postgres(), Surroundings::default());
    let (told, chance) = (Told::default(), SeededChance::of(7));
    let mut ended = 0;
    told.while_(&house, |house| {
        for _ in 0..times("storms", 20, 600) {
            sleep(Duration::from_millis(50 + u64::try_from(chance.below(250)).unwrap()));
            ended += house.database().count_disconnected();
        }
        sleep(Duration::from_millis(1500));
    });
    assert!(ended > 25, "only {ended} connections were ended");
    report("ended connections", &told, ended);
    works_again(&house, "lastly");
    let (stored, disclosed) = told.counts();
    assert!(stored > 5 && disclosed > 5, "{stored} {disclosed} {:?}", told.refused);
    all_is_there(&house, &told);
}

#[test]
fn a_wire_that_is_cut_again_and_again_loses_nothing() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    let (told, chance) = (Told::default(), SeededChance::of(8));
    told.while_(&house, |_| {
        for _ in 0..times("cuts", 15, 400) {
            sleep(Duration::from_millis(100 + u64::try_from(chance.below(400)).unwrap()));
            proxy.cut();
        }
        sleep(Duration::from_millis(1500));
    });
    assert!(proxy.cuts() > 30, "only {} ends were cut", proxy.cuts());
    report("cut wire", &told, proxy.cuts());
    works_again(&house, "lastly");
    let (stored, disclosed) = told.counts();
    assert!(stored > 5 && disclosed > 5, "{stored} {disclosed} {:?}", told.refused);
    all_is_there(&house, &told);
}

#[test]
fn a_database_that_is_away_for_a_while_is_answered_with_later() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    let told = Told::default();
    told.while_(&house, |house| {
        for _ in 0..times("outages", 2, 40) {
            sleep(Duration::from_millis(200));
            proxy.go_down();
            sleep(SETTLED);
            let before = told.counts();
            sleep(Duration::from_millis(1500));
            assert_eq!(told.counts(), before, "answered without a database");
            expect_later(&house.get(Role::Admin, "/v1/api-keys"));
            assert_eq!(ready(house), 503, "ready without a database");
            proxy.come_back();
            eventually("writes and reads go on", || {
                let now = told.counts();
                now.0 > before.0 && now.1 > before.1
            });
        }
    });
    assert!(told.refusals() > 0);
    report("server away", &told, times("outages", 2, 40));
    works_again(&house, "lastly");
    all_is_there(&house, &told);
}

/// The server says of new rows that the disk is full, of one shelf after the other. Nothing else is refused for long, nothing
/// that was acknowledged is lost, and it is over when there is room, without a restart.
#[test]
fn no_space_on_the_server_loses_nothing_and_ends_by_itself() {
    let house = house(Database::postgres(), Surroundings::default());
    let (told, rounds) = (Told::default(), times("disks", 4, 80));
    told.while_(&house, |house| {
        for round in 0..rounds {
            let (shelf, table) =
                [(Shelf::Records, "record"), (Shelf::Keys, "data_key"), (Shelf::Audit, "audit_entry")][round % 3];
            sleep(Duration::from_millis(150));
            fill_up(house, shelf, table);
            let records = json!({"records": [customer("webshop", &format!("full{round}"))]});
            expect_later(&house.post(Role::Partner, "/v1/records", &records));
            let read = house.lookup(Role::Partner, "marlene", "newsletter_email");
            if shelf == Shelf::Audit {
                expect_later(&read)
            } else {
                drop(read.expect(200))
            }
            assert_eq!(ready(house), 200, "a full disk is no broken one");
            sleep(Duration::from_millis(200));
            make_room(house, shelf);
            // At once, by the same process.
            house.ingest(&[customer("webshop", &format!("free{round}"))]).expect_all("created");
            house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
        }
    });
    let (stored, disclosed) = told.counts();
    assert!(stored > 0 && disclosed > 0 && told.refusals() > 0, "{stored} {disclosed} {:?}", told.refused);
    report("no space", &told, rounds);
    all_is_there(&house, &told);
}

/// The same with a disk that is really full: the database lies on a small file system in memory.
#[test]
fn a_full_file_system_below_the_server_loses_nothing_and_ends_by_itself() {
    let Some(disk) = SmallDisk::mount("96m") else {
        return left_out("a file system that is full below PostgreSQL: nothing may be mounted here.");
    };
    let house = house(Database::postgres_in(disk.path()), Surroundings::default());
    let (told, rounds) = (Told::default(), times("disks", 2, 20));
    told.while_(&house, |house| {
        for round in 0..rounds {
            sleep(Duration::from_millis(150));
            disk.fill();
            let note = "Rings at the garden gate. ".repeat(2_000);
            // There is room in pages that are there already.
            let refused = (0..400).any(|number| {
                let mut record = customer("webshop", &format!("full{round}x{number}"));
                record["data"]["note"] = json!(note);
                let reply = house.post(Role::Partner, "/v1/records", &json!({"records": [record]}));
                if reply.status != 200 {
                    expect_later(&reply);
                }
                reply.status != 200
            });
            assert!(refused, "the disk was never full");
            assert_eq!(ready(house), 200, "a full disk is no broken one");
            disk.free();
            house.ingest(&[customer("webshop", &format!("free{round}"))]).expect_all("created");
            house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
        }
    });
    assert!(told.counts().0 > 0 && told.counts().1 > 0, "{:?}", told.counts());
    report("full file system", &told, rounds);
    all_is_there(&house, &told);
}

fn report(hammer: &str, told: &Told, times: impl std::fmt::Display) {
    let (stored, disclosed) = told.counts();
    let told = format!("{times}; {stored}, {disclosed}, {}", told.refusals());
    let hammer = format!("faults, {hammer}");
    figure(&hammer, "PostgreSQL", "times; acknowledged writes, disclosures, calls told to come later", told);
}

/// Nobody may wait for ever on a server that was cut off by a network that swallows everything.
#[test]
fn a_database_that_never_answers_is_not_waited_for() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    assert_eq!(ready(&house), 200);
    proxy.go_silent();
    // The last answer counts for a second; then a probe waits for a second, and says so.
    eventually("the hub is not ready any more", || ready(&house) == 503);
    let (status, waited) = measured(|| ready(&house));
    assert!(status == 503 && waited < Duration::from_secs(3), "{status} after {waited:?}");
    scope(|threads| {
        for client in 0..8 {
            let house = &house;
            threads.spawn(move || {
                let records = json!({"records": [customer("webshop", "lastone")]});
                let (reply, waited) = measured(|| match client % 2 {
                    0 => house.lookup(Role::Partner, "marlene", "newsletter_email"),
                    _ => house.post(Role::Partner, "/v1/records", &records),
                });
                expect_later(&reply);
                assert!(waited < Duration::from_secs(30), "waited for {waited:?}");
            });
        }
    });
    proxy.come_back();
    works_again(&house, "lastly");
    all_is_there(&house, &Told::default());
}

#[expect(clippy::disallowed_methods, reason = "it only measures; nothing is decided by it")]
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}

/// A file system of a few megabytes that the database server may write to. Unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this process may not mount.
    fn mount(size: &str) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let server = std::fs::metadata(Database::directory_of_the_server()?).ok()?;
        let options = format!("size={size},mode=0700,uid={},gid={}", server.uid(), server.gid());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "obhut-tests"]).arg(place.path());
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(place))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        while filler.write_all(&[7; 4_096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is mounted below a directory keeps it from being removed.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}
