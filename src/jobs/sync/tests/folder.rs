//! Files dropped into a folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::house::{House, NOW, SHOP, brought, word};
use crate::connect::Folder;
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::Error;
use crate::jobs::sync::folder::CLOSED;
use crate::store::Shelf;
use crate::types::{Clock as _, Timestamp};

on_both_databases!(
    a_finished_file_is_read_once_and_put_away,
    a_file_somebody_writes_to_waits,
    what_cannot_be_taken_in_is_put_aside_with_its_reason,
    cut_short_it_goes_on_without_loss_or_doubles,
    a_file_that_changes_meanwhile_is_read_anew,
    a_file_that_cannot_be_read_keeps_no_other_waiting,
    places_that_are_links_are_not_followed,
    what_stands_in_a_files_place_meanwhile_is_neither_read_nor_put_away,
    what_was_being_put_away_is_put_away_by_the_next_sync,
    a_long_name_keeps_no_other_file_waiting,
    a_file_that_is_dropped_again_brings_nobody_back_who_was_erased,
);

/// A value that must not leave its line.
const SENTINEL: &str = "zyxwv";

fn line(number: usize) -> String {
    json!({
        "type": "customer", "source": "till", "external_id": format!("K-{number}"), "updated_at": "2026-05-02T10:00:00Z",
        "identifiers": [{"kind": "email", "value": format!("kunde{number}@example.org"), "verified": true}],
        "data": {"person": {"given_name": "Erika", "family_name": format!("Beispiel{number}")}},
    })
    .to_string()
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| line(number) + "\n").collect()
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn connected(database: Database, after: &str) -> (House, tempfile::TempDir) {
    let house = House::open(database).await;
    let folder = tempfile::tempdir().unwrap();
    house.connect("generic", &[("folder", folder.path().to_str().unwrap()), ("after", after)], &[]).await;
    (house, folder)
}

/// Writes a file that nobody has touched for an hour.
fn put(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).unwrap();
    written_at(&folder.join(name), Timestamp::parse(NOW).unwrap().plus(-3_600 * Timestamp::SECOND));
}

pub(super) fn written_at(file: &Path, at: Timestamp) {
    let at: SystemTime = UNIX_EPOCH + Duration::from_micros(u64::try_from(at.micros()).unwrap());
    fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

async fn a_finished_file_is_read_once_and_put_away(database: Database) {
    let (house, folder) = connected(database, "move").await;
    put(folder.path(), "monday.ndjson", &lines(0..3));
    put(folder.path(), "table.csv", include_str!("../../../../connectors/generic/fixtures/customers.csv"));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [6, 0, 0, 0, 0], "{counts:?}");
    assert!(house.knows("kunde2@example.org").await && house.knows("goetz.esser@example.net").await);
    assert_eq!(names(folder.path()), ["done", "parked"]);
    assert_eq!(names(&folder.path().join("done")), ["monday.ndjson", "table.csv"]);
    assert_eq!(brought(&house.sync().await.unwrap()), [0; 5]);
    // The same name again is another file.
    put(folder.path(), "monday.ndjson", &lines(0..4));
    assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 3, 0, 0]);
    assert_eq!(names(&folder.path().join("done")), ["monday-2.ndjson", "monday.ndjson", "table.csv"]);
    assert!(names(&folder.path().join("parked")).is_empty());
    let dump = house.database.dump().join("\n");
    assert!(!dump.contains("monday"), "the name of a file lies open");
}

async fn a_file_somebody_writes_to_waits(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    for name in ["a.ndjson.part", ".b.ndjson", "~c.ndjson", "d.tmp", "e.ndjson"] {
        put(folder.path(), name, &lines(0..1));
    }
    fs::create_dir(folder.path().join("f.ndjson")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("g.ndjson")).unwrap();
    put(folder.path(), "h.xlsx", "x");
    written_at(&folder.path().join("e.ndjson"), Timestamp::parse(NOW).unwrap().plus(-5 * Timestamp::SECOND));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [0, 0, 0, 0, 1], "{counts:?}");
    assert!(counts.rejections.keys().next().unwrap().contains("ends in none of"), "{counts:?}");
    house.clock.set("2026-11-21T12:00:10Z");
    assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 0, 0, 1]);
    assert!(!folder.path().join("e.ndjson").exists() && folder.path().join("a.ndjson.part").exists());
    // A folder that is gone is said, not taken for an empty one.
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(word(house.sync().await), "folder_unusable");
}

async fn what_cannot_be_taken_in_is_put_aside_with_its_reason(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    let strange = line(7).replace("customer", SENTINEL);
    let future = line(8).replace("2026-05-02", "2099-05-02");
    put(folder.path(), "till.ndjson", &format!("{}{{\"{SENTINEL}\n{strange}\n{future}\n{}", lines(0..2), lines(2..3)));
    let table = include_str!("../../../../connectors/generic/fixtures/customers.csv");
    put(folder.path(), "list.csv", &format!("{table};{SENTINEL};\n;;;\"{SENTINEL}\n;\";;;;;;;\n"));
    put(folder.path(), "whole.json", &format!("{{\"type\": \"{SENTINEL}\"}}"));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [6, 0, 0, 0, 6], "{counts:?}");
    assert!(!format!("{counts:?}").contains(SENTINEL));
    let parked = folder.path().join("parked");
    assert_eq!(
        names(&parked),
        [
            "list.csv",
            "list.csv.reasons.csv",
            "till.ndjson",
            "till.ndjson.reasons.csv",
            "whole-whole.json",
            "whole.json.reasons.csv"
        ]
    );
    let read = |name: &str| fs::read_to_string(parked.join(name)).unwrap();
    assert_eq!(read("till.ndjson"), format!("{{\"{SENTINEL}\n{strange}\n{future}\n"));
    let reasons = read("till.ndjson.reasons.csv");
    assert_eq!(
        reasons.lines().map(|line| line.split(',').next().unwrap()).collect::<Vec<_>>(),
        ["place", "line 3", "line 4", "line 5"]
    );
    assert!(reasons.contains("in_future") || reasons.contains("/updated_at"), "{reasons}");
    // With the header, so that it can be put right and dropped again.
    let head = table.lines().next().unwrap();
    assert_eq!(read("list.csv"), format!("{head}\n;{SENTINEL};\n;;;\"{SENTINEL}\n;\";;;;;;;\n"));
    for name in names(&parked).iter().filter(|name| name.ends_with("reasons.csv")) {
        assert!(!read(name).contains(SENTINEL), "{name}");
    }
    assert_eq!(names(folder.path()), ["done", "parked"]);
}

async fn cut_short_it_goes_on_without_loss_or_doubles(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    let content: String = (0..1_300)
        .map(|number| if number % 100 == 7 { format!("{{\"{number}\n") } else { line(number) + "\n" })
        .collect();
    put(folder.path(), "till.ndjson", &content);
    // Its process dies between the records of the second step and its place.
    let nobody = house.database.literal(&[0; 16]);
    let die = |_: &crate::connect::Counts| {
        let free = format!("UPDATE connection SET lease_until = 0, lease_owner = {nobody}");
        house.database.execute(Shelf::Records, &free);
    };
    let Err(Error::Overtaken) = house.syncs.run(SHOP, false, die).await else { panic!("it must end") };
    assert!((1..1_287).contains(&house.records()), "{}", house.records());
    let counts = house.sync().await.unwrap();
    assert_eq!(house.records(), 1_287);
    assert!(counts.sum().unchanged > 0 && counts.sum().unchanged < 600, "it began anew: {counts:?}");
    let parked = fs::read_to_string(folder.path().join("parked/till.ndjson")).unwrap();
    assert_eq!(parked, (0..13).map(|hundred| format!("{{\"{}\n", hundred * 100 + 7)).collect::<String>());
    let reasons = fs::read_to_string(folder.path().join("parked/till.ndjson.reasons.csv")).unwrap();
    assert_eq!(reasons.lines().count(), 14);
    assert!(!folder.path().join("till.ndjson").exists());
}

async fn a_file_that_changes_meanwhile_is_read_anew(database: Database) {
    let (house, folder) = connected(database, "move").await;
    put(folder.path(), "till.ndjson", &lines(0..2));
    let grow = |_: &crate::connect::Counts| put(folder.path(), "till.ndjson", &lines(0..3));
    let counts = house.syncs.run(SHOP, false, grow).await.unwrap();
    assert_eq!(brought(&counts), [2, 0, 0, 0, 0], "{counts:?}");
    assert!(folder.path().join("till.ndjson").exists(), "what came later is not lost");
    assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 2, 0, 0]);
    assert!(!folder.path().join("till.ndjson").exists());
}

async fn a_file_that_cannot_be_read_keeps_no_other_waiting(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    let path = |name: &str| folder.path().join(name);
    for (number, name) in ["a.ndjson", "b.ndjson", "c.ndjson", "d.ndjson", "e.ndjson"].iter().enumerate() {
        put(folder.path(), name, &lines(number..number + 1));
    }
    fs::set_permissions(path("b.ndjson"), fs::Permissions::from_mode(0o000)).unwrap();
    // Who may read everything can read that too.
    let locked = fs::File::open(path("b.ndjson")).is_err();
    let away = |_: &crate::connect::Counts| {
        // After the first one, before its turn.
        if path("c.ndjson").exists() {
            fs::remove_file(path("c.ndjson")).unwrap();
            fs::remove_file(path("d.ndjson")).unwrap();
            fs::create_dir(path("d.ndjson")).unwrap();
        }
    };
    let counts = house.syncs.run(SHOP, false, away).await.unwrap();
    assert!(counts.streams["files"].complete, "{counts:?}");
    assert!(house.knows("kunde0@example.org").await && house.knows("kunde4@example.org").await);
    assert_eq!(counts.sum().created, if locked { 2 } else { 3 });
    if locked {
        assert_eq!(counts.rejections.get(&format!("files: {}", CLOSED)), Some(&1), "{counts:?}");
        fs::set_permissions(path("b.ndjson"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 0, 0, 0]);
    }
    assert_eq!(names(folder.path()), ["d.ndjson", "done", "parked"]);
}

async fn places_that_are_links_are_not_followed(database: Database) {
    let (house, folder) = connected(database, "move").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let broken = format!("{}{{\n", lines(0..1));
    for place in ["done", "parked"] {
        put(folder.path(), "till.ndjson", &broken);
        symlink(elsewhere.path(), path(place)).unwrap();
        assert_eq!(word(house.sync().await), "folder_unusable");
        fs::remove_file(path(place)).unwrap();
    }
    // While it reads, too.
    let swap = |_: &crate::connect::Counts| {
        fs::remove_dir(path("done")).unwrap();
        symlink(elsewhere.path(), path("done")).unwrap();
    };
    assert_eq!(word(house.syncs.run(SHOP, false, swap).await), "folder_unusable");
    fs::remove_file(path("done")).unwrap();
    assert_eq!(names(elsewhere.path()), Vec::<String>::new(), "something was written elsewhere");
    house.sync().await.unwrap();
    assert_eq!(names(&path("done")), ["till.ndjson"]);
    // Nor where a line goes that is put aside.
    let theirs = elsewhere.path().join("theirs");
    fs::write(&theirs, "theirs").unwrap();
    put(folder.path(), "more.ndjson", &format!("{}{{\n", lines(0..600)));
    let mut step = 0;
    let plant = |_: &crate::connect::Counts| {
        step += 1;
        if step == 1 {
            symlink(&theirs, path("parked").join("more.ndjson")).unwrap();
        }
    };
    assert_eq!(word(house.syncs.run(SHOP, false, plant).await), "folder_unusable");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
}

async fn what_stands_in_a_files_place_meanwhile_is_neither_read_nor_put_away(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    let elsewhere = tempfile::tempdir().unwrap();
    put(elsewhere.path(), "theirs.ndjson", &lines(8..9));
    put(folder.path(), "a.ndjson", &lines(0..1));
    put(folder.path(), "b.ndjson", &lines(1..2));
    // Of one size and time, and a link.
    let swap = |_: &crate::connect::Counts| {
        let b = folder.path().join("b.ndjson");
        fs::remove_file(&b).unwrap();
        symlink(elsewhere.path().join("theirs.ndjson"), &b).unwrap();
    };
    let counts = house.syncs.run(SHOP, false, swap).await.unwrap();
    assert_eq!(brought(&counts), [1, 0, 0, 0, 0], "{counts:?}");
    assert!(!house.knows("kunde8@example.org").await);
    assert!(elsewhere.path().join("theirs.ndjson").exists());
    fs::remove_file(folder.path().join("b.ndjson")).unwrap();
    // The file was read to its end when another one is moved into its place.
    put(folder.path(), "c.ndjson", &lines(2..3));
    let inbox = Folder::of(&BTreeMap::from([
        ("folder".to_owned(), folder.path().to_str().unwrap().to_owned()),
        ("after".to_owned(), "remove".to_owned()),
    ]));
    let inbox = inbox.unwrap();
    let (found, _) = inbox.finished(house.clock.now()).unwrap();
    put(folder.path(), "c.ndjson", &lines(2..4));
    assert!(!inbox.put_away(&found[0], false, "c.ndjson").unwrap());
    assert_eq!(fs::read_to_string(folder.path().join("c.ndjson")).unwrap(), lines(2..4), "it stays as it is");
    assert_eq!(brought(&house.sync().await.unwrap()), [2, 0, 0, 0, 0]);
    assert_eq!(names(folder.path()), ["done", "parked"]);
}

async fn what_was_being_put_away_is_put_away_by_the_next_sync(database: Database) {
    let (house, folder) = connected(database, "move").await;
    put(folder.path(), "till.ndjson", &lines(0..2));
    // Its process dies between the two names: the file was read, and stands there under neither of them.
    let path = |name: &str| folder.path().join(name);
    let die = |_: &crate::connect::Counts| {
        fs::rename(path("till.ndjson"), path(".obhut-away-till.ndjson")).unwrap();
    };
    house.syncs.run(SHOP, false, die).await.unwrap();
    put(folder.path(), "till.ndjson", &lines(2..3));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [1, 0, 2, 0, 0], "{counts:?}");
    assert_eq!(names(folder.path()), ["done", "parked"]);
    assert_eq!(names(&path("done")), ["till-2.ndjson", "till.ndjson"]);
}

async fn a_long_name_keeps_no_other_file_waiting(database: Database) {
    let (house, folder) = connected(database, "move").await;
    // As long as a name may be: nothing can be put before or behind it.
    let long = |first: char| format!("{first}{}.ndjson", "ä".repeat(123));
    assert_eq!(long('a').len(), 254);
    put(folder.path(), &long('a'), &lines(0..2));
    put(folder.path(), &long('b'), &format!("{}{{\"type\": 1}}\n", lines(2..3)));
    put(folder.path(), "later.ndjson", &lines(3..4));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [4, 0, 0, 0, 1], "{counts:?}");
    assert_eq!(names(folder.path()), ["done", "parked"]);
    assert!(names(&folder.path().join("done")).contains(&long('a')));
    assert_eq!(names(&folder.path().join("done")).len(), 3);
    let parked = names(&folder.path().join("parked"));
    assert!(parked.len() == 2 && parked[1].ends_with(".ndjson.reasons.csv"), "{parked:?}");
    // The same name again, and a process that died while it put it away.
    put(folder.path(), &long('a'), &lines(0..2));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [0, 0, 2, 0, 0], "{counts:?}");
    assert_eq!(names(&folder.path().join("done")).len(), 4);
}

async fn a_file_that_is_dropped_again_brings_nobody_back_who_was_erased(database: Database) {
    let (house, folder) = connected(database, "remove").await;
    put(folder.path(), "till.ndjson", &lines(0..3));
    assert_eq!(brought(&house.sync().await.unwrap()), [3, 0, 0, 0, 0]);
    house.erase("kunde1@example.org").await;
    put(folder.path(), "till.ndjson", &lines(0..3));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [0, 0, 2, 1, 0], "{counts:?}");
    assert!(!house.knows("kunde1@example.org").await && house.knows("kunde2@example.org").await);
}
