//! The audit book on both databases: order, many writers, and every way to tamper with it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use obhut::audit::{self, Act, Book, Finding, GENESIS, Line, Report};
use obhut::store::audit::{Auditor, Draft, EntryRow, LogRow, about as about_people, entries, logs};
use obhut::store::{Error, Read, Shelf, Store};
use obhut::types::{Clock as _, DecisionId, IdMaker, LogId, Timestamp};
use obhut::vault::{CredentialRoot, Strongbox, first_secrets, unlock};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock_and_chance::{SeededChance, StoppedClock, ids};
use crate::databases::{Database, on_both_databases};

on_both_databases!(
    lines_of_many_tasks_stand_in_order_without_gaps,
    a_receipt_says_where_its_line_stands,
    two_nodes_keep_a_log_each,
    an_untouched_book_verifies,
    an_edited_entry_is_found,
    a_deleted_entry_is_found,
    a_reordered_entry_is_found,
    an_inserted_entry_is_found,
    a_shortened_log_is_found,
    a_deleted_log_is_found,
    a_rewritten_log_is_found,
    a_rewritten_and_continued_log_is_found,
    the_start_refuses_a_book_that_was_changed,
    what_is_cut_off_the_newest_log_is_missed,
    whom_lines_are_about_is_found_in_every_block_of_every_log,
);

/// Longer than a connection waits by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_waits_for_whoever_holds_the_file() {
    let database = Arc::new(Database::sqlite());
    let house = House::open(&database).await;
    let book = house.book().await;
    let held = database.clone();
    let holder = std::thread::spawn(move || held.hold(Shelf::Audit, Duration::from_secs(7)));
    tokio::time::sleep(Duration::from_millis(500)).await;
    book.note(Line::new(Act::Configured)).await.unwrap();
    holder.join().unwrap();
}

async fn whom_lines_are_about_is_found_in_every_block_of_every_log(database: Database) {
    let store = database.store();
    let (link, now) = (|_, _: &[u8; 32], _, _: &Draft| [9; 32], Timestamp::UNSET);
    let about = |who: u8| Draft { recorded_at: now, act: 1, body: b"{}".to_vec(), subjects: vec![[who; 16]] };
    for log in 1..=3 {
        let log = LogId::from_uuid(Uuid::from_u128(log));
        let auditor = Auditor::start(database.location(), log, now, link).unwrap();
        // The one who is asked for stands first, in the middle and last; several blocks of others between them.
        for drafts in [vec![about(1)], vec![about(2); 5_000], vec![about(1)], vec![about(3); 4_000], vec![about(1); 2]]
        {
            auditor.append(drafts).await.unwrap();
        }
    }
    let found = store.read(|read| about_people(read, &[[1; 16], [4; 16]])).await.unwrap();
    let places: Vec<_> = found.iter().map(|entry| (entry.log_id, entry.idx)).collect();
    let all = (1..=3).flat_map(|log| [0, 5_001, 9_002, 9_003].map(|idx| (LogId::from_uuid(Uuid::from_u128(log)), idx)));
    assert_eq!(places, all.collect::<Vec<_>>());
    // A log that begins in a full block leaves it alone; one that begins in another fills it.
    let blocks = database.texts(
        Shelf::Audit,
        "SELECT CAST(count(*) AS TEXT) AS answer FROM audit_subject GROUP BY block ORDER BY block",
    );
    assert_eq!(blocks, ["4096", "4096", "4908", "4096", "4908", "4096", "812"]);
}

async fn lines_of_many_tasks_stand_in_order_without_gaps(database: Database) {
    let house = House::open(&database).await;
    let book = Arc::new(house.book().await);
    let tasks = (0..64).map(|task| {
        let book = book.clone();
        tokio::spawn(async move {
            for line in 0..5 {
                book.note(Line::new(Act::Configured).object(format!("{task}.{line}"))).await.unwrap();
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let all = house.entries().await;
    assert_eq!(all.len(), 1 + 64 * 5);
    assert!(all.iter().zip(0..).all(|(entry, idx)| entry.idx == idx), "the positions have gaps");
    for task in 0..64 {
        let position = |line| {
            let wanted = format!("\"{task}.{line}\"");
            all.iter().position(|entry| String::from_utf8_lossy(&entry.body).contains(&wanted)).unwrap()
        };
        assert!((0..4).all(|line| position(line) < position(line + 1)), "the lines of task {task} are out of order");
    }
    assert_eq!(house.verify().await.findings, []);
}

async fn a_receipt_says_where_its_line_stands(database: Database) {
    let house = House::open(&database).await;
    let book = house.book().await;
    let decisions: Vec<DecisionId> = (0..20).map(|_| DecisionId::from_uuid(house.ids.uuid().unwrap())).collect();
    let receipts = join_all(decisions.iter().map(|id| book.record(*id, Line::new(Act::Disclosed)))).await;
    let all = house.entries().await;
    for (decision, receipt) in decisions.iter().zip(receipts) {
        let receipt = receipt.unwrap();
        assert!(receipt.speaks_for(*decision));
        let entry = &all[usize::try_from(receipt.place().idx).unwrap()];
        assert_eq!(entry.log_id, receipt.place().log);
        assert!(String::from_utf8_lossy(&entry.body).contains(&decision.to_string()), "the receipt names another line");
    }
}

async fn two_nodes_keep_a_log_each(database: Database) {
    let house = House::open(&database).await;
    let (one, other) = (house.book().await, house.book().await);
    for _ in 0..10 {
        one.note(Line::new(Act::Configured)).await.unwrap();
        other.note(Line::new(Act::Configured)).await.unwrap();
    }
    assert_eq!(house.verify().await, Report { logs: 2, entries: 22, findings: vec![] });
}

async fn an_untouched_book_verifies(database: Database) {
    let house = House::with_closed_logs(&database).await;
    assert_eq!(house.verify().await, Report { logs: 3, entries: 33, findings: vec![] });
    drop(house.book().await);
    assert_eq!(house.verify().await, Report { logs: 4, entries: 34, findings: vec![] });
}

async fn an_edited_entry_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let second = house.logs().await[1].log_id;
    for (edit, column) in [("3", "act"), ("recorded_at + 1", "recorded_at"), ("another", "body"), ("another", "hash")] {
        let before = entry(&house.entries_of(second).await, 4);
        let value = if edit == "another" { database.literal(&changed(&before, column)) } else { edit.to_owned() };
        house.tamper(second, &format!("UPDATE audit_entry SET {column} = {value} WHERE idx = 4"));
        assert_eq!(house.finding().await, (second, 4, "the entry was changed"), "{column}");
        house.restore(&before);
        assert_eq!(house.verify().await.findings, []);
    }
}

async fn a_deleted_entry_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let newest = house.logs().await[2].log_id;
    house.tamper(newest, "DELETE FROM audit_entry WHERE idx = 6");
    assert_eq!(house.finding().await, (newest, 6, "an entry is missing"));
}

async fn a_reordered_entry_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let newest = house.logs().await[2].log_id;
    for (from, to) in [(3, 99), (4, 3), (99, 4)] {
        house.tamper(newest, &format!("UPDATE audit_entry SET idx = {to} WHERE idx = {from}"));
    }
    assert_eq!(house.finding().await, (newest, 3, "the entry was changed"));
}

async fn an_inserted_entry_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let first = house.logs().await[0].log_id;
    let mut copy = entry(&house.entries_of(first).await, 10);
    copy.idx = 11;
    house.insert(&copy);
    assert_eq!(house.finding().await, (first, 11, "the entry was changed"));
}

async fn a_shortened_log_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let logs = house.logs().await;
    house.tamper(logs[0].log_id, "DELETE FROM audit_entry WHERE idx >= 8");
    let (log, _, what) = house.finding().await;
    assert_eq!((log, what), (logs[1].log_id, "the log before it was shortened"));
}

async fn a_deleted_log_is_found(database: Database) {
    for at in [0, 1] {
        let house = House::with_closed_logs(&database).await;
        let logs = house.logs().await;
        house.tamper(logs[at].log_id, "DELETE FROM audit_entry WHERE idx >= 0");
        house.tamper(logs[at].log_id, "DELETE FROM audit_log WHERE opened_at > 0");
        let (log, _, what) = house.finding().await;
        assert_eq!((log, what), (logs[at + 1].log_id, "the log before it is missing"));
        database.execute(Shelf::Audit, "DELETE FROM audit_entry; DELETE FROM audit_log");
    }
}

async fn a_rewritten_log_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let logs = house.logs().await;
    house.rewrite(logs[0].log_id, 0).await;
    let (log, _, what) = house.finding().await;
    assert_eq!((log, what), (logs[1].log_id, "the log before it was rewritten"));
}

/// Whoever rewrites a closed log and adds to it makes it longer than the next log says it was.
async fn a_rewritten_and_continued_log_is_found(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let logs = house.logs().await;
    house.rewrite(logs[0].log_id, 2).await;
    let (log, _, what) = house.finding().await;
    assert_eq!((log, what), (logs[1].log_id, "the log before it was rewritten"));
}

async fn the_start_refuses_a_book_that_was_changed(database: Database) {
    let house = House::with_closed_logs(&database).await;
    let newest = house.logs().await[2].log_id;
    house.tamper(newest, "UPDATE audit_entry SET act = 3 WHERE idx = 9");
    let refused = Book::open(&house.store, &house.ids, house.clock.clone()).await;
    let Some(audit::Error::Broken(finding)) = refused.err() else { panic!("the hub starts on a changed book") };
    assert_eq!(finding, Finding { log: newest, idx: 9, what: "the entry was changed" });
}

/// Up to the head that was kept apart, and no further.
async fn what_is_cut_off_the_newest_log_is_missed(database: Database) {
    let house = House::open(&database).await;
    let older = house.book_of_eleven().await;
    older.keep_head(&house.store, &house.strongbox).await.unwrap();
    drop(older);
    let book = house.book_of_eleven().await;
    book.keep_head(&house.store, &house.strongbox).await.unwrap();
    let newest = house.logs().await[1].log_id;
    assert_eq!(house.missing().await, []);

    // The log may have grown since; what came since is what nobody misses.
    book.note(Line::new(Act::Configured)).await.unwrap();
    assert_eq!(house.missing().await, []);
    house.tamper(newest, "DELETE FROM audit_entry WHERE idx = 11");
    assert_eq!(house.missing().await, []);
    drop(book);

    house.rewrite(newest, 1).await;
    assert_eq!(house.missing().await, [(newest, 10, "the log was rewritten")]);
    house.tamper(newest, "DELETE FROM audit_entry WHERE idx >= 10");
    assert_eq!(house.missing().await, [(newest, 10, "the log was shortened")]);
    house.tamper(newest, "DELETE FROM audit_entry WHERE idx >= 0");
    house.tamper(newest, "DELETE FROM audit_log WHERE opened_at > 0");
    assert_eq!(house.missing().await, [(newest, 10, "the log is missing")]);

    // A new start goes on, and the loss stays known.
    let next = house.book_of_eleven().await;
    next.keep_head(&house.store, &house.strongbox).await.unwrap();
    assert_eq!(house.missing().await, [(newest, 10, "the log is missing")]);

    // The head of another log, put in its place, does not open there.
    let log = database.literal(&newest.bytes());
    let forged = format!(
        "UPDATE audit_head SET sealed = (SELECT sealed FROM audit_head WHERE log_id <> {log} LIMIT 1) WHERE log_id = {log}"
    );
    database.execute(Shelf::Keys, &forged);
    assert_eq!(house.missing().await, [(newest, 0, "the head kept of it was changed")]);
}

/// A database with its book.
struct House<'a> {
    database: &'a Database,
    store: Store,
    clock: Arc<StoppedClock>,
    ids: IdMaker,
    strongbox: Arc<Strongbox>,
}

impl<'a> House<'a> {
    #[expect(clippy::disallowed_methods, reason = "a test takes out keys of its own")]
    async fn open(database: &'a Database) -> Self {
        let clock = StoppedClock::at("2026-11-21T09:30:00Z");
        let chance = SeededChance::of(7);
        let ids = ids(&clock, &chance);
        let root = CredentialRoot::from_text(&"0f".repeat(32)).unwrap();
        let (kek, secrets) = first_secrets(&root, &*chance, clock.now()).unwrap();
        let strongbox = Arc::new(unlock(&root, &[kek], &secrets, chance).unwrap().strongbox);
        Self { database, store: database.store(), clock, ids, strongbox }
    }

    /// Three logs of eleven entries each, all closed.
    async fn with_closed_logs(database: &'a Database) -> Self {
        let house = Self::open(database).await;
        for _ in 0..3 {
            drop(house.book_of_eleven().await);
        }
        house
    }

    async fn book_of_eleven(&self) -> Book {
        let book = self.book().await;
        for line in 0..10 {
            book.note(Line::new(Act::Configured).object(format!("line.{line}"))).await.unwrap();
        }
        book
    }

    /// What is wrong with the book and the heads kept apart from it.
    async fn missing(&self) -> Vec<(LogId, i64, &'static str)> {
        let kept = audit::kept_heads(&self.store, &self.strongbox, i64::MAX).await.unwrap();
        let report = self.read(move |read| audit::verify(read, &kept, |_, _| ())).await;
        report.findings.into_iter().map(|finding| (finding.log, finding.idx, finding.what)).collect()
    }

    /// Opens a log, later than all others.
    async fn book(&self) -> Book {
        self.clock.pass(Timestamp::SECOND);
        Book::open(&self.store, &self.ids, self.clock.clone()).await.unwrap()
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut Read) -> Result<T, Error> + Send + 'static) -> T {
        self.store.read(work).await.unwrap()
    }

    async fn logs(&self) -> Vec<LogRow> {
        self.read(logs).await
    }

    async fn entries_of(&self, log: LogId) -> Vec<EntryRow> {
        self.read(move |read| entries(read, log, 0, 10_000)).await
    }

    /// The entries of the only log.
    async fn entries(&self) -> Vec<EntryRow> {
        let logs = self.logs().await;
        assert_eq!(logs.len(), 1);
        self.entries_of(logs[0].log_id).await
    }

    async fn verify(&self) -> Report {
        self.read(|read| audit::verify(read, &[], |_, _| ())).await
    }

    /// The one thing that is wrong.
    async fn finding(&self) -> (LogId, i64, &'static str) {
        let mut findings = self.verify().await.findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
        let finding = findings.remove(0);
        (finding.log, finding.idx, finding.what)
    }

    /// Changes one log.
    fn tamper(&self, log: LogId, statement: &str) {
        let log = self.database.literal(&log.bytes());
        self.database.execute(Shelf::Audit, &format!("{statement} AND log_id = {log}"));
    }

    fn restore(&self, entry: &EntryRow) {
        self.tamper(entry.log_id, &format!("DELETE FROM audit_entry WHERE idx = {}", entry.idx));
        self.insert(entry);
    }

    fn insert(&self, entry: &EntryRow) {
        let statement = format!(
            "INSERT INTO audit_entry (log_id, idx, recorded_at, act, body, hash) VALUES ({}, {}, {}, {}, {}, {})",
            self.database.literal(&entry.log_id.bytes()),
            entry.idx,
            entry.recorded_at.micros(),
            entry.act,
            self.database.literal(&entry.body),
            self.database.literal(&entry.hash),
        );
        self.database.execute(Shelf::Audit, &statement);
    }

    /// Changes an entry of a log, appends `more` and links everything anew, as somebody would who knows the format.
    async fn rewrite(&self, log: LogId, more: i64) {
        let mut all = self.entries_of(log).await;
        all[5].body = br#"{"object":"line.other"}"#.to_vec();
        for _ in 0..more {
            let last = all.last().unwrap().clone();
            all.push(EntryRow { idx: last.idx + 1, ..last });
        }
        let mut head = GENESIS;
        for entry in &mut all {
            head = linked(&head, entry);
            entry.hash = head.to_vec();
        }
        self.tamper(log, "DELETE FROM audit_entry WHERE idx >= 0");
        for entry in &all {
            self.insert(entry);
        }
    }
}

fn entry(all: &[EntryRow], idx: i64) -> EntryRow {
    all.iter().find(|entry| entry.idx == idx).unwrap().clone()
}

/// The bytes of a column with one bit turned.
fn changed(entry: &EntryRow, column: &str) -> Vec<u8> {
    let mut bytes = if column == "body" { entry.body.clone() } else { entry.hash.clone() };
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

/// The link as the documentation of the format describes it, written a second time.
fn linked(previous: &[u8; 32], entry: &EntryRow) -> [u8; 32] {
    let mut text = vec![0];
    text.extend(previous);
    text.extend(entry.log_id.bytes());
    text.extend(entry.idx.to_be_bytes());
    text.extend(entry.recorded_at.micros().to_be_bytes());
    text.extend(entry.act.to_be_bytes());
    text.extend(u64::try_from(entry.body.len()).unwrap().to_be_bytes());
    text.extend(&entry.body);
    Sha256::digest(&text).into()
}
