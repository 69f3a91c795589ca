//! Matching keys of the newest records: in memory first, and written into the index of all keys in sorted runs.
//!
//! A matching key is a digest, so each of the dozen a record has belongs to another page of the index: written as they come, they
//! are most of the pages that an arriving record touches. A card holds its matching keys anyway. So on SQLite the keys of
//! new records are only kept here, and when there are many they are written in the order of the index, so that a page is
//! touched once for all of them that belong to it (as log-structured merge trees do: O'Neil et al., Acta Informatica 33, 1996).
//! Up to 100,000 records dozens belong to each page, at a million a few.
//!
//! `block_state` says up to which number all records have their keys in the index; a new process reads the cards after that.
//! It also counts what is kept or taken away among later ones, so that a process learns at the beginning of its transaction that
//! another was at it: then it reads them again, and writes what there is in larger steps, so that soon there is little to
//! read. On PostgreSQL, where several nodes look into the index all the time, every key is written at once.
//!
//! What holds inside a transaction, after [`Recent::begin`]: the keys of every card are in the index or here, and the index has no
//! key that its card has not.

use std::collections::BTreeSet;
use std::ops::Bound;

use diesel::prelude::*;

use super::Error;
use super::connection::Connection;
use super::fixed::Fixed;
use super::rows::{BlockRow, CardRow};
use super::schema::{block, block_state, card};
use crate::types::RecordNo;

/// Keys that are kept before they are written. A debug build writes them soon, so that its tests see it.
const KEPT: usize = if cfg!(debug_assertions) { 512 } else { 1 << 18 };
/// The same for cards, of which many have no keys: what a new process has to read.
const CARDS: usize = if cfg!(debug_assertions) { 60 } else { 20_000 };
/// Keys that one transaction writes, at least; one that brings more writes twice what it brings, so that there is an end.
const SLICE: usize = if cfg!(debug_assertions) { 32 } else { 256 };
/// The same while another process is at it.
const LARGE_SLICE: usize = if cfg!(debug_assertions) { 128 } else { 16_384 };
/// Cards that are read at once.
const PAGE: i64 = 5_000;

/// A matching key and the number of a record that has it.
type Pair = (i64, i64);

/// The row of `block_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable)]
struct Row {
    up_to: i64,
    changes: i64,
}

/// A run on its way: everything up to this record, of which everything up to this pair is written.
#[derive(Clone, Copy)]
struct Run {
    up_to: i64,
    written: Pair,
}

/// What is known beside the keys.
#[derive(Clone, Copy, Default)]
struct State {
    row: Row,
    /// Cards of later records, roughly, and the number of the last.
    cards: usize,
    newest: i64,
    run: Option<Run>,
    /// Another process was at it since the last run ended.
    not_alone: bool,
}

enum Done {
    Kept(Pair),
    Taken(Pair),
}

/// Where a transaction stands, to come back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    state: State,
    done: usize,
    counted: bool,
}

/// The keys that may not be in the index yet.
#[derive(Default)]
pub(super) struct Recent {
    pairs: BTreeSet<Pair>,
    loaded: bool,
    state: State,
    open: Option<Open>,
}

/// What this transaction did, to be undone.
struct Open {
    before: State,
    done: Vec<Done>,
    /// The change is counted in the row.
    counted: bool,
}

impl Recent {
    /// To be called before a transaction changes cards, so that what others did is told from what it does.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub(super) fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        match connection {
            Connection::Sqlite(sqlite) => self.catch_up(sqlite),
            Connection::Postgres(_) => Ok(()),
        }
    }

    /// Learns, once in a transaction, what other processes did.
    fn catch_up(&mut self, sqlite: &mut SqliteConnection) -> Result<(), Error> {
        if self.open.is_none() {
            let row: Row = block_state::table.select((block_state::up_to, block_state::changes)).first(sqlite)?;
            if !self.loaded || row != self.state.row {
                self.load(sqlite, row)?;
            }
            self.open = Some(Open { before: self.state, done: Vec::new(), counted: false });
        }
        Ok(())
    }

    /// Reads the keys of all later records.
    fn load(&mut self, sqlite: &mut SqliteConnection, row: Row) -> Result<(), Error> {
        let (known, loaded) = (std::mem::take(&mut self.pairs), std::mem::take(&mut self.loaded));
        let (mut cards, mut newest) = (0, row.up_to);
        loop {
            let page: Vec<(i64, Vec<u8>)> = card::table
                .filter(card::record_no.gt(newest))
                .order(card::record_no)
                .limit(PAGE)
                .select((card::record_no, card::matching_keys))
                .load(sqlite)?;
            let Some((last, _)) = page.last() else { break };
            (cards, newest) = (cards + page.len(), *last);
            for (record, keys) in &page {
                self.pairs.extend(keys.as_chunks::<8>().0.iter().map(|key| (i64::from_be_bytes(*key), *record)));
            }
        }
        // A run goes on, unless something came that it has passed already.
        let passed = |run: &Run| {
            let new = self.pairs.range(..=run.written).filter(|pair| !known.contains(pair));
            new.into_iter().any(|(_, record)| *record <= run.up_to)
        };
        let run = self.state.run.filter(|run| loaded && row.up_to == self.state.row.up_to && !passed(run));
        let not_alone = loaded || self.state.not_alone;
        (self.state, self.loaded) = (State { row, cards, newest, run, not_alone }, true);
        Ok(())
    }

    /// Counts, once in a transaction, that something changes among the later ones.
    fn count(&mut self, sqlite: &mut SqliteConnection) -> Result<(), Error> {
        if let Some(open) = self.open.as_mut().filter(|open| !open.counted) {
            open.counted = true;
            self.state.row.changes += 1;
            self.tell(sqlite)?;
        }
        Ok(())
    }

    fn tell(&self, sqlite: &mut SqliteConnection) -> Result<(), Error> {
        let Row { up_to, changes } = self.state.row;
        diesel::update(block_state::table)
            .set((block_state::up_to.eq(up_to), block_state::changes.eq(changes)))
            .execute(sqlite)?;
        Ok(())
    }

    /// New cards come; returns those of their keys that belong into the index at once, in its order.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn keep(&mut self, connection: &mut Connection, cards: &[CardRow]) -> Result<Vec<BlockRow>, Error> {
        let mut at_once: Vec<&CardRow> = cards.iter().collect();
        if let (Connection::Sqlite(sqlite), Some(newest)) =
            (connection, cards.iter().map(|card| card.record_no.0).max())
        {
            self.catch_up(sqlite)?;
            // Numbers come with the time: one that was given long ago may be used late.
            let up_to = self.state.run.map_or(self.state.row.up_to, |run| run.up_to.max(self.state.row.up_to));
            let (late, later): (Vec<_>, Vec<_>) = at_once.into_iter().partition(|card| card.record_no.0 <= up_to);
            if later.iter().any(|card| !card.matching_keys.is_empty()) {
                self.count(sqlite)?;
            }
            self.state.cards += later.len();
            self.state.newest = self.state.newest.max(newest);
            for card in later {
                for pair in card.keys().map(|key| (key, card.record_no.0)) {
                    if self.pairs.insert(pair) {
                        self.note(Done::Kept(pair));
                    }
                }
            }
            at_once = late;
        }
        let row = |(matching_key, record_no)| BlockRow { matching_key, record_no };
        let mut rows: Vec<BlockRow> =
            at_once.iter().flat_map(|card| card.keys().map(|key| row((key, card.record_no)))).collect();
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    fn note(&mut self, done: Done) {
        if let Some(open) = &mut self.open {
            open.done.push(done);
        }
    }

    /// A record is not found under these keys any more.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn take(&mut self, connection: &mut Connection, record: RecordNo, keys: &[i64]) -> Result<(), Error> {
        let Connection::Sqlite(sqlite) = connection else { return Ok(()) };
        self.catch_up(sqlite)?;
        if record.0 > self.state.row.up_to {
            self.count(sqlite)?;
        }
        for pair in keys.iter().map(|key| (*key, record.0)) {
            if self.pairs.remove(&pair) {
                self.note(Done::Taken(pair));
            }
        }
        Ok(())
    }

    /// Adds the records that are kept under each of these keys to those that were found in the index; of each the first `most`.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub(super) fn add_to(
        &mut self,
        connection: &mut Connection,
        found: &mut [(i64, Vec<RecordNo>)],
        most: usize,
    ) -> Result<(), Error> {
        self.begin(connection)?;
        for (key, records) in found {
            let before = records.len();
            let kept = self.pairs.range((*key, i64::MIN)..=(*key, i64::MAX)).take(most);
            records.extend(kept.map(|(_, record)| RecordNo(*record)));
            if records.len() > before {
                records.sort_unstable();
                records.dedup();
            }
            records.truncate(most);
        }
        Ok(())
    }

    /// Writes a part of what is kept, if there is much of it or another process is at it as well. The last thing in a
    /// transaction.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn put_away(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let (Connection::Sqlite(sqlite), Some(open)) = (connection, &self.open) else { return Ok(()) };
        let State { row, cards, newest, run, not_alone } = self.state;
        let brought = open.done.len();
        let much = self.pairs.len() >= KEPT || cards >= CARDS;
        // What only looked is not kept waiting.
        let due = (brought > 0 && (run.is_some() || much)) || not_alone || cards >= 2 * CARDS;
        if !due || newest <= row.up_to {
            return Ok(());
        }
        let run = run.unwrap_or(Run { up_to: newest, written: (i64::MIN, i64::MIN) });
        let slice = if not_alone { LARGE_SLICE } else { SLICE }.max(2 * brought);
        let rest = self.pairs.range((Bound::Excluded(run.written), Bound::Unbounded));
        let due: Vec<Pair> = rest.filter(|(_, record)| *record <= run.up_to).take(slice).copied().collect();
        for (matching_key, record) in &due {
            let row = BlockRow { matching_key: *matching_key, record_no: RecordNo(*record) };
            Fixed(diesel::insert_into(block::table).values(row).on_conflict_do_nothing()).execute(sqlite)?;
        }
        if let Some(last) = due.last().filter(|_| due.len() == slice) {
            self.state.run = Some(Run { written: *last, ..run });
        } else {
            self.state = State { row: Row { up_to: run.up_to, ..row }, cards: 0, run: None, not_alone: false, newest };
            self.tell(sqlite)?;
        }
        Ok(())
    }

    /// Where the transaction stands.
    pub(super) fn mark(&self) -> Option<Mark> {
        let mark = |open: &Open| Mark { state: self.state, done: open.done.len(), counted: open.counted };
        self.open.as_ref().map(mark)
    }

    /// The database went back to where the transaction stood.
    pub(super) fn go_back_to(&mut self, mark: Option<Mark>) {
        let Some(open) = &mut self.open else { return };
        // What was learnt of other processes since stays true.
        let Mark { state, done, counted } = mark.unwrap_or(Mark { state: open.before, done: 0, counted: false });
        for done in open.done.drain(done..).rev() {
            match done {
                Done::Kept(pair) => drop(self.pairs.remove(&pair)),
                Done::Taken(pair) => drop(self.pairs.insert(pair)),
            }
        }
        (self.state, open.counted) = (state, counted);
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        let Some(open) = self.open.take() else { return };
        let up_to = self.state.row.up_to;
        if up_to > open.before.row.up_to {
            self.pairs.retain(|(_, record)| *record > up_to);
        }
    }

    /// The transaction is undone, or nobody knows.
    pub(super) fn undone(&mut self) {
        self.go_back_to(None);
        self.open = None;
    }
}

#[cfg(test)]
mod tests;
