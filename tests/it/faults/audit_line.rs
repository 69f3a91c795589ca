//! A disclosure fails closed if its audit line cannot be written, and the hub recovers without a restart.

use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use serde_json::json;

use super::injector::{Errno, Injector};
use super::load::{SETTLED, Told, all_is_there, complaint_about, eventually, expect_later, house};
use crate::databases::{Database, Dialect};
use crate::hammer::{figure, name, times};
use crate::house::{House, Reply, Surroundings, demand, in_a_house_on_both_databases, lookup, statement, text};

/// The audit shelf of a running hub, which can be broken and repaired behind its back.
pub(super) struct Shelving {
    injector: Option<Injector>,
}

impl Shelving {
    pub(super) fn open(database: Database) -> (Self, House) {
        let injector = (database.dialect() == Dialect::Sqlite).then(Injector::new);
        let surroundings = injector.as_ref().map(Injector::surroundings).unwrap_or_default();
        (Self { injector }, house(database, surroundings))
    }

    pub(super) fn fail(&self, house: &House) {
        match &self.injector {
            Some(injector) => injector.fail("write", "audit.db", Errno::NoSpace),
            None => fill_up(house, Shelf::Audit, "audit_entry"),
        }
    }

    pub(super) fn repair(&self, house: &House) {
        match &self.injector {
            Some(injector) => {
                assert!(injector.failed() > 0, "the shelf was never written to");
                injector.relax();
            }
            None => make_room(house, Shelf::Audit),
        }
    }
}

/// From now on PostgreSQL says of every new row of this table what it says when the disk is full.
pub(super) fn fill_up(house: &House, shelf: Shelf, table: &str) {
    let name = shelf.name();
    house.database().execute(
        shelf,
        &format!(
            "CREATE FUNCTION {name}.refuse() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100'', HINT = ''Check free disk space.'',
                      MESSAGE = ''could not extend file \"base/16384/16397\": No space left on device''; END';
             CREATE TRIGGER refuse BEFORE INSERT ON {name}.{table} EXECUTE FUNCTION {name}.refuse();"
        ),
    );
}

/// It takes new rows again.
pub(super) fn make_room(house: &House, shelf: Shelf) {
    house.database().execute(shelf, &format!("DROP FUNCTION {}.refuse CASCADE", shelf.name()));
}

fn nothing_is_disclosed_without_its_line(database: Database) {
    let (shelf, house) = Shelving::open(database);
    let house = house.with_key(Role::Marketing, ["newsletter_email"]);
    let ask = |name: &str| house.lookup(Role::Partner, name, "newsletter_email");
    let profile = ask("marlene").expect(200).json();
    let by_id = format!("/v1/profiles/{}?purpose=newsletter_email", text(&profile["subject_id"]));
    let disclosed = house.audited("disclosed");
    let segments = house.get(Role::Marketing, "/v1/segments").expect(200).json();
    let codes: Vec<String> = segments["segments"].as_array().unwrap().iter().map(|one| text(&one["code"])).collect();
    assert!(!codes.is_empty());

    shelf.fail(&house);
    let known = ask("marlene");
    expect_later(&known);
    // Whether somebody is known shows in no failure either.
    assert_eq!(known.seen(), ask("stranger").seen());
    expect_later(&house.get(Role::Partner, &by_id));
    expect_later(&house.post(Role::Dpo, "/v1/profiles/lookup", &lookup("marlene", "subject_access")));
    for code in &codes {
        let pulled = house.get(Role::Marketing, &format!("/v1/segments/{code}/members"));
        assert!(pulled.status != 200, "a segment was pulled without a line: {}", pulled.text());
        assert!(pulled.status < 500 || complaint_about(&pulled).is_none(), "{}", pulled.text());
    }
    expect_later(&house.post(Role::Dpo, "/v1/requests", &demand("marlene", "access")));
    // What changes something is not acknowledged without its line.
    expect_later(&house.post(Role::Dpo, "/v1/consents", &statement("marlene", "granted", Some("newsletter_email"))));
    let grant = json!({"title": "test", "role": "partner", "purposes": ["newsletter_email"]});
    expect_later(&house.post(Role::Admin, "/v1/api-keys", &grant));

    shelf.repair(&house);
    ask("marlene").expect(200);
    house.get(Role::Partner, &by_id).expect(200);
    house.say("marlene", "withdrawn", Some("newsletter_email")).expect(201);
    ask("marlene").expect(404);
    assert_eq!(house.audited("disclosed"), disclosed + 2, "a line for what was not disclosed, or none for what was");
    all_is_there(&house, &Told::default());
}

fn an_erasure_without_its_line_is_not_confirmed(database: Database) {
    let (shelf, house) = Shelving::open(database);
    shelf.fail(&house);
    expect_later(&house.erase("marlene"));
    shelf.repair(&house);
    let again: Reply = house.erase("marlene");
    assert!([200, 201].contains(&again.status), "{}", again.text());
    house.lookup(Role::Partner, "marlene", "newsletter_email").expect(404);
    all_is_there(&house, &Told::default());
}

/// Breaks and mends the shelf again and again while many read and write.
fn a_shelf_that_fails_under_load_discloses_nothing_unwritten(database: Database) {
    let of = name(&database);
    let (shelf, house) = Shelving::open(database);
    let (told, rounds) = (Told::default(), times("audit_breaks", 4, 100));
    told.while_(&house, |house| {
        for _ in 0..rounds {
            sleep(Duration::from_millis(200));
            shelf.fail(house);
            sleep(SETTLED);
            let before = told.counts().1;
            for _ in 0..5 {
                expect_later(&house.lookup(Role::Partner, "marlene", "newsletter_email"));
            }
            assert_eq!(told.counts().1, before, "disclosed while no line could be written");
            shelf.repair(house);
        }
        sleep(Duration::from_millis(200));
    });
    assert!(told.refusals() > 0 && told.counts().1 > 0, "{:?} {:?}", told.counts(), told.refused);
    let seen = format!("{rounds}; {}, {}", told.counts().1, told.refusals());
    figure("faults, no audit line", of, "times; disclosures, calls told to come later", seen);
    let ready = house.send(house.request(0, Method::GET, "/readyz"));
    ready.expect(200);
    all_is_there(&house, &told);
}

/// Somebody holds the audit table, and the disclosures wait; none leaves before its line.
#[test]
fn a_locked_shelf_keeps_disclosures_waiting() {
    let house = house(Database::postgres(), Surroundings::default());
    let told = Told::default();
    told.while_(&house, |house| {
        sleep(Duration::from_millis(300));
        scope(|threads| {
            let lock = "BEGIN; LOCK TABLE audit_entry; SELECT pg_sleep(4); COMMIT";
            let locked = threads.spawn(|| house.database().execute(Shelf::Audit, lock));
            let granted = "SELECT mode AS answer FROM pg_locks JOIN pg_class ON pg_class.oid = pg_locks.relation
                           WHERE relname = 'audit_entry' AND mode = 'AccessExclusiveLock' AND granted";
            eventually("the table is locked", || !house.database().texts(Shelf::Audit, granted).is_empty());
            sleep(SETTLED);
            let before = told.counts().1;
            sleep(Duration::from_millis(1000));
            assert!(!locked.is_finished(), "the lock was too short to see anything");
            assert_eq!(told.counts().1, before, "disclosed while no line could be written");
        });
        let before = told.counts().1;
        eventually("the disclosures go on", || told.counts().1 > before);
    });
    all_is_there(&house, &told);
}

in_a_house_on_both_databases!(
    nothing_is_disclosed_without_its_line,
    an_erasure_without_its_line_is_not_confirmed,
    a_shelf_that_fails_under_load_discloses_nothing_unwritten,
);
