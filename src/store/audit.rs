//! The audit shelf: entries are only ever appended, in groups, each group one durable commit.
//!
//! This file numbers and stores; what an entry says and how it is hashed is the [`crate::audit`] room's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::dsl::max;
use diesel::prelude::*;
use tokio::sync::oneshot;

use super::among::among;
use super::checkpoint::{When, copy_back};
use super::columns::{About, Entries};
use super::connection::{Access, Connection, Location, Shelf, on, open};
use super::fixed::Fixed;
use super::gatherer::{Gatherer, first_come};
use super::schema::{audit_entry, audit_log, audit_subject};
use super::{Error, Read};
use crate::types::{LogId, Timestamp};

/// How often a batch is tried while another process holds the file: each time as long as a connection waits.
const TRIES: u32 = 4;
/// Entries in a block. Whom they are about is indexed block by block: lines that follow each other share the pages of their
/// block, while in one index over everything nearly each touches a page of its own. Asking for somebody looks into each block.
const BLOCK: i64 = 4_096;
/// Entries that may wait before new ones are refused.
const WAITING: usize = 16_384;

/// An entry before it has a place in the log.
#[derive(Clone, Debug)]
pub struct Draft {
    /// When it happened.
    pub recorded_at: Timestamp,
    /// What was done; the audit room names the numbers.
    pub act: i16,
    /// The canonical text of the entry; holds no personal value.
    pub body: Vec<u8>,
    /// The pseudonyms of the people it is about.
    pub subjects: Vec<[u8; 16]>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which log.
    pub log: LogId,
    /// Position, from 0 without gaps.
    pub idx: i64,
}

/// A stored entry.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entry)]
pub struct EntryRow {
    /// The log.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub log_id: LogId,
    /// Position in the log.
    pub idx: i64,
    /// When it happened.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub recorded_at: Timestamp,
    /// What was done.
    pub act: i16,
    /// The canonical text.
    pub body: Vec<u8>,
    /// Hash over the entry before it and itself.
    pub hash: Vec<u8>,
}

/// A stored log.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log)]
pub struct LogRow {
    /// The log.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub log_id: LogId,
    /// When its process started.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub opened_at: Timestamp,
}

/// Hashes one entry onto the entry before it: `(log, previous hash, idx, draft)`.
pub type Link = fn(LogId, &[u8; 32], i64, &Draft) -> [u8; 32];

/// The one that appends to this process's log.
pub struct Auditor {
    gatherer: Gatherer<Waiting>,
    healthy: Arc<AtomicBool>,
}

struct Waiting {
    drafts: Vec<Draft>,
    asker: oneshot::Sender<Result<Vec<Place>, Error>>,
}

impl Auditor {
    /// Opens the log `log` and starts appending to it.
    ///
    /// # Errors
    /// If the log cannot be opened or exists already.
    pub fn start(location: &Location, log: LogId, opened_at: Timestamp, link: Link) -> Result<Self, Error> {
        let mut connection = open(location, Shelf::Audit, Access::Write)?;
        let row = LogRow { log_id: log, opened_at };
        on!(&mut connection, |c| diesel::insert_into(audit_log::table).values(row).execute(c))?;
        let first_block = first_block(&mut connection)?;
        let healthy = Arc::new(AtomicBool::new(true));
        let mut book = Book {
            location: location.clone(),
            connection,
            log,
            first_block,
            next: 0,
            head: [0; 32],
            link,
            healthy: healthy.clone(),
        };
        let gatherer = Gatherer::spawn("obhut-auditor", WAITING, first_come, move |batch| book.work(batch))?;
        Ok(Self { gatherer, healthy })
    }

    /// Appends `drafts` in order and returns when they are durable.
    ///
    /// # Errors
    /// If they are not: then nothing may be disclosed that relied on them.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Place>, Error> {
        let (asker, answer) = oneshot::channel();
        self.gatherer.submit(Waiting { drafts, asker })?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }

    /// False once the disk failed below a commit.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }
}

struct Book {
    location: Location,
    connection: Connection,
    log: LogId,
    /// The block of the log's first entries. Others may write into the same ones.
    first_block: i64,
    next: i64,
    head: [u8; 32],
    link: Link,
    healthy: Arc<AtomicBool>,
}

impl Book {
    fn work(&mut self, batch: Vec<Waiting>) {
        if batch.is_empty() {
            self.copy_back(When::AtRest);
            return;
        }
        let outcome = if self.healthy.load(Ordering::Relaxed) { self.insist(&batch) } else { Err(Error::Stopped) };
        let mut first = match outcome {
            Ok(first) => first,
            Err(cause) => {
                tracing::error!(error = ?cause, "audit entries could not be written");
                if matches!(cause, Error::Disk(_)) {
                    self.healthy.store(false, Ordering::Relaxed);
                }
                self.reconnect();
                for waiting in batch {
                    let _ = waiting.asker.send(Err(Error::Stopped));
                }
                return;
            }
        };
        for waiting in batch {
            let places = waiting.drafts.iter().zip(first..).map(|(_, idx)| Place { log: self.log, idx }).collect();
            first += i64::try_from(waiting.drafts.len()).unwrap_or(0);
            let _ = waiting.asker.send(Ok(places));
        }
        self.copy_back(When::Busy);
    }

    fn copy_back(&mut self, when: When) {
        if let Err(cause) = copy_back(&mut self.connection, when) {
            tracing::error!(error = ?cause, "the audit log's write-ahead log could not be copied back");
            if matches!(cause, Error::Disk(_)) {
                self.healthy.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Appends, and again if another process holds the file of the embedded database for longer than a connection waits.
    /// Nothing of a batch that met a held file is in it.
    fn insist(&mut self, batch: &[Waiting]) -> Result<i64, Error> {
        let mut tried = 1;
        loop {
            let outcome = self.append(batch);
            let held = matches!((&outcome, &self.connection), (Err(Error::Conflict(_)), Connection::Sqlite(_)));
            if !held || tried == TRIES {
                return outcome;
            }
            // There is nothing to undo if it did not even begin.
            let _ = self.connection.execute("ROLLBACK");
            tried += 1;
        }
    }

    /// One commit for all. Number and head move on only when it is durable.
    fn append(&mut self, batch: &[Waiting]) -> Result<i64, Error> {
        if self.connection.execute("BEGIN").is_err() {
            // The connection died while it was idle. Nothing of this batch was sent yet.
            self.reconnect();
            self.connection.execute("BEGIN")?;
        }
        let lines = batch.iter().map(|waiting| waiting.drafts.len()).sum();
        let (mut entries, mut subjects) = (Vec::with_capacity(lines), Vec::with_capacity(lines));
        let (mut idx, mut head) = (self.next, self.head);
        for draft in batch.iter().flat_map(|waiting| &waiting.drafts) {
            head = (self.link)(self.log, &head, idx, draft);
            entries.push(EntryRow {
                log_id: self.log,
                idx,
                recorded_at: draft.recorded_at,
                act: draft.act,
                body: draft.body.clone(),
                hash: head.to_vec(),
            });
            let block = self.first_block + idx / BLOCK;
            subjects.extend(draft.subjects.iter().map(|pseudonym| (block, pseudonym.to_vec(), self.log, idx)));
            idx += 1;
        }
        insert_entries(&mut self.connection, entries)?;
        insert_subjects(&mut self.connection, subjects)?;
        self.connection.execute("COMMIT")?;
        let first = std::mem::replace(&mut self.next, idx);
        self.head = head;
        Ok(first)
    }

    /// After a failed commit the outcome may be unknown. The log is read again, so that no number is used twice
    /// and no entry is linked to one that is not there.
    fn reconnect(&mut self) {
        let Ok(mut connection) = open(&self.location, Shelf::Audit, Access::Write) else { return };
        let last: Result<Option<EntryRow>, _> = on!(&mut connection, |c| audit_entry::table
            .filter(audit_entry::log_id.eq(self.log.bytes().to_vec()))
            .order(audit_entry::idx.desc())
            .select(EntryRow::as_select())
            .first(c)
            .optional());
        if let Ok(last) = last {
            self.next = last.as_ref().map_or(0, |entry| entry.idx + 1);
            self.head = last.and_then(|entry| entry.hash.try_into().ok()).unwrap_or([0; 32]);
            self.connection = connection;
        }
    }
}

fn insert_entries(connection: &mut Connection, entries: Vec<EntryRow>) -> Result<(), Error> {
    match connection {
        // SQLite: single rows through the cached statement are as fast as many rows at once.
        Connection::Sqlite(c) => {
            for entry in entries {
                Fixed(diesel::insert_into(audit_entry::table).values(entry)).execute(c)?;
            }
        }
        // PostgreSQL: one statement saves a round trip per row.
        Connection::Postgres(c) => {
            Entries::from_iter(entries).execute(c)?;
        }
    }
    Ok(())
}

/// The newest block, or the one after it if it is full: each process has a log of its own, and most of them are short.
fn first_block(connection: &mut Connection) -> Result<i64, Error> {
    use audit_subject::{block, idx, table};
    let newest: Option<i64> = on!(connection, |c| table.select(max(block)).first(c))?;
    let Some(newest) = newest else { return Ok(0) };
    let full: Option<i64> =
        on!(connection, |c| table.filter(block.eq(newest)).select(idx).offset(BLOCK - 1).first(c).optional())?;
    Ok(newest + i64::from(full.is_some()))
}

fn insert_subjects(connection: &mut Connection, subjects: Vec<(i64, Vec<u8>, LogId, i64)>) -> Result<(), Error> {
    use audit_subject::{block, idx, log_id, pseudonym, table};
    match connection {
        Connection::Sqlite(c) => {
            for (part, who, log, at) in subjects {
                let row = (block.eq(part), pseudonym.eq(who), log_id.eq(Vec::from(log)), idx.eq(at));
                Fixed(diesel::insert_into(table).values(row).on_conflict_do_nothing()).execute(c)?;
            }
        }
        Connection::Postgres(c) => {
            About::from_iter(subjects).execute(c)?;
        }
    }
    Ok(())
}

/// All logs, oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn logs(read: &mut Read) -> Result<Vec<LogRow>, Error> {
    Ok(on!(read.audit(), |c| audit_log::table
        .order((audit_log::opened_at, audit_log::log_id))
        .select(LogRow::as_select())
        .load(c))?)
}

/// The last entry of `log`.
///
/// # Errors
/// If the shelf cannot be read.
pub fn last(read: &mut Read, log: LogId) -> Result<Option<EntryRow>, Error> {
    Ok(on!(read.audit(), |c| audit_entry::table
        .filter(audit_entry::log_id.eq(log.bytes().to_vec()))
        .order(audit_entry::idx.desc())
        .select(EntryRow::as_select())
        .first(c)
        .optional())?)
}

/// Up to `limit` entries of `log` from `idx` on.
///
/// # Errors
/// If the shelf cannot be read.
pub fn entries(read: &mut Read, log: LogId, idx: i64, limit: i64) -> Result<Vec<EntryRow>, Error> {
    Ok(on!(read.audit(), |c| audit_entry::table
        .filter(audit_entry::log_id.eq(log.bytes().to_vec()).and(audit_entry::idx.ge(idx)))
        .order(audit_entry::idx)
        .limit(limit)
        .select(EntryRow::as_select())
        .load(c))?)
}

/// The entries about the people with these pseudonyms, oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn about(read: &mut Read, pseudonyms: &[[u8; 16]]) -> Result<Vec<EntryRow>, Error> {
    let pseudonyms: Vec<Vec<u8>> = pseudonyms.iter().map(|pseudonym| pseudonym.to_vec()).collect();
    let newest: Option<i64> = on!(read.audit(), |c| audit_subject::table.select(max(audit_subject::block)).first(c))?;
    let blocks: Vec<i64> = newest.map(|newest| (0..=newest).collect()).unwrap_or_default();
    Ok(on!(read.audit(), |c| audit_entry::table
        .inner_join(
            audit_subject::table
                .on(audit_subject::log_id.eq(audit_entry::log_id).and(audit_subject::idx.eq(audit_entry::idx)))
        )
        .filter(among(audit_subject::block, blocks).and(audit_subject::pseudonym.eq_any(pseudonyms)))
        .order((audit_entry::recorded_at, audit_entry::log_id, audit_entry::idx))
        .select(EntryRow::as_select())
        .load(c))?)
}
