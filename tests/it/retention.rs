//! Storage limitation and the turning of data keys, from outside: what is due goes for good, what is not stays as it was,
//! and a kill in the middle changes nothing of that.

use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::{Clock as _, Role, SystemClock};
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, customer, in_a_house_on_both_databases, order, text};

in_a_house_on_both_databases!(
    what_nothing_keeps_is_deleted_and_nothing_else,
    a_killed_run_is_gone_on_with,
    every_data_key_is_turned_in_spite_of_kills,
    a_rotation_begins_anew_and_finds_who_was_merged,
    somebody_whose_key_is_lost_can_be_written_to,
);

/// Long enough ago that no default purpose keeps it, and not so long that no law does.
const LONG_AGO: &str = "2021-12-01T08:00:00Z";

/// Somebody who was not heard of for long: an account and an order.
fn forgotten(name: &str) -> [Value; 2] {
    let mut account = customer("webshop", name);
    account["updated_at"] = LONG_AGO.into();
    let mut bought = order("webshop", &format!("B-{name}"), name, LONG_AGO);
    bought["data"]["status"] = "completed".into();
    bought["data"]["delivered_at"] = LONG_AGO.into();
    [account, bought]
}

fn run(house: &House, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = house.run(arguments);
    let said = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{said}{}", String::from_utf8_lossy(&stderr));
    said
}

/// The count of a rule in what the command printed.
fn count(said: &str, rule: &str) -> u64 {
    let line = said.lines().find(|line| line.trim_end().ends_with(&format!("  {rule}")));
    line.map_or(0, |line| line.split_whitespace().next().unwrap().parse().unwrap())
}

fn subject_of(house: &House, name: &str) -> String {
    text(&house.lookup(Role::Dpo, name, "subject_access").expect(200).json()["subject_id"])
}

fn what_nothing_keeps_is_deleted_and_nothing_else(database: Database) {
    let mut house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment"])
        .with_subject("bleibt")
        .consenting_to("newsletter_email");
    house.keep_secret("Familyvergessen");
    house.ingest(&forgotten("vergessen")).expect_all("created");
    let subject = subject_of(&house, "vergessen");
    let id = house.database().literal(&hex::decode(subject.replace('-', "")).unwrap());
    let of = format!("FROM record WHERE subject_id = {id}");
    let account = house.database().bytes(Shelf::Records, "sealed", &format!("{of} AND kind = 1")).remove(0);
    let indexes = house.database().bytes(Shelf::Records, "ix", &format!("FROM identifier WHERE subject_id = {id}"));
    assert!(indexes.len() > 3);
    let stays = house.lookup(Role::Partner, "bleibt", "newsletter_email").expect(200).json()["data"].clone();
    let others = |house: &House| {
        house.database().bytes(Shelf::Records, "sealed", &format!("FROM record WHERE subject_id <> {id}"))
    };
    let untouched = others(&house);

    let before = house.database().dump();
    let dry = run(&house, &["retention", "run", "--dry-run"]);
    assert!(count(&dry, "records") == 1 && count(&dry, "law_alone") == 1, "{dry}");
    let after = house.database().dump();
    assert!(before.iter().all(|row| after.contains(row)), "counting changed something");
    assert_eq!(house.database().bytes(Shelf::Records, "sealed", &of).len(), 2);

    let done = run(&house, &["retention", "run"]);
    assert_eq!(dry.lines().filter(|line| line.starts_with(' ')).collect::<Vec<_>>(), done.lines().collect::<Vec<_>>());
    // Ciphertext and indexes are gone from tables and files.
    let dump = house.database().dump().join("\n");
    for bytes in indexes.iter().chain([&account]) {
        assert!(!dump.contains(&hex::encode(bytes)));
    }
    if house.database().dialect() == Dialect::Sqlite {
        for file in house.database().files().expect("an embedded database") {
            let held = std::fs::read(&file).unwrap();
            for bytes in indexes.iter().map(Vec::as_slice).chain([&account[..48]]) {
                assert!(!held.windows(bytes.len()).any(|window| window == bytes), "{}", file.display());
            }
        }
    }
    // They cannot be looked up; what the law keeps is in their own copy and in bookkeeping, and nowhere else.
    house.lookup(Role::Dpo, "vergessen", "subject_access").expect(404);
    for (purpose, read) in [("bookkeeping", true), ("subject_access", true), ("customer_service", false)] {
        let reply = house.get(Role::Dpo, &format!("/v1/profiles/{subject}?purpose={purpose}&channel=email"));
        let reply = if reply.status == 200 {
            reply
        } else {
            house.get(Role::Dpo, &format!("/v1/profiles/{subject}?purpose={purpose}"))
        };
        assert_eq!(reply.text().contains("B-vergessen"), read, "{purpose}: {}", reply.text());
        assert!(!reply.text().contains("vergessen@example.org"), "{purpose}");
    }
    let package =
        house.post(Role::Dpo, "/v1/requests", &json!({"right": "access", "subject_id": subject, "execute": true}));
    assert!(package.expect(201).body.starts_with(b"PK"));
    // The source cannot bring it back.
    house.ingest(&forgotten("vergessen")).expect_all("suppressed");
    assert!(run(&house, &["retention", "run"]).contains("nothing is due"));
    // The other is as they were.
    assert_eq!(others(&house), untouched);
    assert_eq!(house.lookup(Role::Partner, "bleibt", "newsletter_email").expect(200).json()["data"], stays);
    assert_eq!(house.audited("expired"), 2);
    run(&house, &["audit", "verify"]);
}

fn a_killed_run_is_gone_on_with(database: Database) {
    let house = House::open(database).with_key(Role::Partner, ["order_fulfilment"]).with_subject("bleibt");
    let crowd: Vec<Value> = (0..150).flat_map(|number| forgotten(&format!("alt{number}"))).collect();
    for part in crowd.chunks(100) {
        house.ingest(part).expect_all("created");
    }
    let dry = run(&house, &["retention", "run", "--dry-run"]);
    assert_eq!((count(&dry, "records"), count(&dry, "law_alone")), (150, 150), "{dry}");
    let (chance, mut cut) = (SeededChance::of(7), 0);
    for _ in 0..4 {
        let mut child =
            house.command(&["retention", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(u64::try_from(250 + chance.below(500)).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        // A server carries out what it was sent before the process died.
        sleep(Duration::from_millis(300));
        // One that was killed before it began leaves the lease of the one before it, which ended.
        let held = format!("job WHERE kind = 'retention' AND lease_until > {}", SystemClock.now().micros());
        if house.database().count(Shelf::Records, &held) == 1 {
            cut += 1;
            // As long as the lease runs, somebody may be at it.
            assert!(!house.run(&["retention", "run"]).status.success());
            house.wait_for_the_end_of("lease_until", "job WHERE kind = 'retention'", Duration::from_secs(120));
        }
    }
    run(&house, &["retention", "run"]);
    assert!(run(&house, &["retention", "run"]).contains("nothing is due"), "{cut} runs were cut short");
    let left = |state: &str| {
        house
            .database()
            .texts(Shelf::Records, &format!("SELECT CAST(count(*) AS TEXT) AS answer FROM record WHERE {state}"))
    };
    assert_eq!((left("facts = 4"), left("facts <> 4")), (vec!["150".to_owned()], vec!["1".to_owned()]));
    house.lookup(Role::Dpo, "bleibt", "subject_access").expect(200);
    run(&house, &["audit", "verify"]);
}

fn every_data_key_is_turned_in_spite_of_kills(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment"])
        .with_subject("marlene")
        .consenting_to("newsletter_email")
        .with_subject("erloschen");
    let mut invoice = order("books", "RE-1", "erloschen", "2026-10-02T08:00:00Z");
    invoice["type"] = "invoice".into();
    let data = invoice["data"].as_object_mut().unwrap();
    data.remove("ordered_at");
    data.insert("issued_at".to_owned(), "2026-10-02T08:00:00Z".into());
    house.ingest(&[invoice, order("webshop", "B-1", "marlene", "2026-10-01T08:00:00Z")]).expect_all("created");
    house.erase("erloschen").expect(201);
    let crowd: Vec<Value> = (0..90).map(|number| customer("webshop", &format!("menge{number}"))).collect();
    house.ingest(&crowd).expect_all("created");

    let read = |name: &str, purpose: &str| house.lookup(Role::Dpo, name, purpose).expect(200).json()["data"].clone();
    let seen = || [read("marlene", "subject_access"), read("marlene", "bookkeeping"), read("menge7", "subject_access")];
    let before = seen();
    let column = |column: &str, rest: &str| house.database().bytes(Shelf::Keys, column, rest);
    let old_salts = column("salts", "FROM data_key");
    let sealed = |house: &House| house.database().bytes(Shelf::Records, "sealed", "FROM record");
    let old_sealed = sealed(&house);
    let kept = "FROM record WHERE facts = 4";
    let kept_before = house.database().bytes(Shelf::Records, "sealed", kept);
    assert_eq!(kept_before.len(), 1);

    let chance = SeededChance::of(3);
    for _ in 0..3 {
        let mut child =
            house.command(&["keys", "rotate-data"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(u64::try_from(250 + chance.below(500)).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(seen(), before, "a kill lost something");
    }
    run(&house, &["keys", "rotate-data"]);

    assert_eq!(seen(), before);
    let package =
        json!({"right": "access", "identifier": {"kind": "email", "value": "marlene@example.org"}, "execute": true});
    assert!(house.post(Role::Dpo, "/v1/requests", &package).expect(201).body.starts_with(b"PK"));
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200);
    // Everything is sealed under the newest key of its owner, which is not the first.
    let keys = house.database().texts(Shelf::Keys, &named("data_key", "subject_id", "max(key_no)", house.database()));
    let used = house.database().texts(Shelf::Records, &named("record", "sealed_for", "min(key_no)", house.database()));
    assert_eq!(used.len(), 92);
    for owner in &used {
        assert!(keys.contains(owner) && !owner.ends_with(" 1"), "{owner}");
    }
    for old in &old_sealed {
        assert!(!sealed(&house).contains(old));
    }
    // What only the law keeps too; and of the old keys the salts are gone, without which they open nothing.
    assert_ne!(house.database().bytes(Shelf::Records, "sealed", kept), kept_before);
    let first = column("salts", "FROM data_key WHERE key_no = 1");
    assert!(first.len() >= 92 && first.iter().all(|salts| !old_salts.contains(salts)));
    // The keys that replaced them can still be wrapped anew, and the newsletter's proof is there.
    run(&house, &["keys", "rotate"]);
    assert_eq!(seen(), before);
}

/// Owner and number of their key, as one text each.
fn named(table: &str, owner: &str, number: &str, database: &Database) -> String {
    let hex = match database.dialect() {
        Dialect::Sqlite => format!("lower(hex({owner}))"),
        Dialect::Postgres => format!("encode({owner}, 'hex')"),
    };
    format!("SELECT {hex} || ' ' || CAST({number} AS TEXT) AS answer FROM {table} GROUP BY {owner}")
}

fn a_rotation_begins_anew_and_finds_who_was_merged(database: Database) {
    let house = House::open(database).with_subject("marlene").with_subject("bleibt");
    let salts = || house.database().bytes(Shelf::Keys, "salts", "FROM data_key");
    // A run that was cut short at its very end, and another one is ordered: nobody keeps their key.
    let cut_short = |walk: &str, begun_at: &str| {
        let job = format!("UPDATE job SET ended_at = 0, begun_at = {begun_at}, outcome = '{walk}'");
        house.database().execute(Shelf::Records, &format!("{job} WHERE kind = 'rotate_data'"));
    };
    run(&house, &["keys", "rotate-data"]);
    for walk in ["living", "kept", "keys", ""] {
        cut_short(walk, "begun_at");
        let old = salts();
        run(&house, &["keys", "rotate-data"]);
        assert!(salts().iter().filter(|salts| old.contains(salts)).count() <= old.len() - 2, "{walk}");
    }
    // Told to go on, it does: everybody has a key of this run.
    cut_short("keys", "begun_at");
    let old = salts();
    assert!(run(&house, &["keys", "rotate-data", "--resume"]).contains("0 people"));
    assert_eq!(salts(), old);
    // Whose key is older than the run after both walks, because they were merged meanwhile, gets a new one.
    cut_short("keys", "4102444800000000");
    assert!(run(&house, &["keys", "rotate-data", "--resume"]).contains("2 people"));
    assert!(salts().iter().filter(|salts| old.contains(salts)).count() <= old.len() - 2);
    house.lookup(Role::Dpo, "marlene", "subject_access").expect(200);
    run(&house, &["audit", "verify"]);
}

fn somebody_whose_key_is_lost_can_be_written_to(database: Database) {
    let house = House::open(database).with_subject("marlene");
    house.database().execute(Shelf::Keys, "DELETE FROM data_key");
    let others = customer("webshop", "neu");
    house.ingest(&[others, order("webshop", "B-1", "marlene", "2026-10-01T08:00:00Z")]).expect_all("created");
    let read = house.lookup(Role::Dpo, "marlene", "subject_access").expect(200);
    assert!(read.text().contains("B-1"));
    house.lookup(Role::Dpo, "neu", "subject_access").expect(200);
}
