//! Matching keys of the newest records: in memory first, and written into the index of all keys in sorted runs.
//!
//! A matching key is a digest, so each of the dozen a record has belongs to another page of the index: written as they come, they
//! are most of the pages that an arriving record touches. A card holds its matching keys anyway. So on SQLite the keys of
//! new records are only kept here, and when there are many they are written in the order of the index, so that each of its
//! pages is touched once for hundreds of records (as log-structured merge trees do: O'Neil et al., Acta Informatica 33, 1996).
//!
//! `block_state` says up to which number all records have their keys in the index; a new process reads the cards after that.
//! It also counts what changes among later ones, so that a process learns at the begin of its transaction that another was at
//! it: then it reads them again, and writes all of them at once, so that the next time there is little to read. On
//! PostgreSQL, where several nodes look into the index all the time, every key is written at once.
//!
//! What holds inside a transaction, after [`Recent::catch_up`]: the keys of every card are in the index or here, and the index has no
//! key that its card has not.

use std::collections::BTreeSet;
use std::ops::Bound;

use diesel::prelude::*;

use super::Error;
use super::connection::Connection;
use super::fixed::Fixed;
use super::rows::BlockRow;
use super::schema::{block, block_state, card};
use crate::types::RecordNo;

/// Keys that are kept before they are written. A debug build writes them soon, so that its tests see it.
const KEPT: usize = if cfg!(debug_assertions) { 512 } else { 1 << 18 };
/// Keys that one transaction writes, at least; one that brings more writes twice what it brings, so that there is an end.
const SLICE: usize = if cfg!(debug_assertions) { 64 } else { 2_048 };
/// Cards that are read at once.
const PAGE: i64 = 5_000;

/// A matching key and the number of a record that has it.
type Pair = (i64, i64);

/// The row of `block_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable)]
struct State {
    up_to: i64,
    changes: i64,
}

/// A run on its way: everything up to this record, of which everything up to this pair is written.
#[derive(Clone, Copy)]
struct Run {
    up_to: i64,
    written: Pair,
}

/// Where a transaction stands, to come back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    state: State,
    counted: bool,
    added: usize,
    taken: usize,
}

/// The keys that may not be in the index yet.
#[derive(Default)]
pub(super) struct Recent {
    pairs: BTreeSet<Pair>,
    loaded: bool,
    run: Option<Run>,
    state: State,
    /// What this transaction did, to be undone or made good at its end.
    open: Open,
}

#[derive(Default)]
struct Open {
    /// It was asked what other processes did.
    caught_up: bool,
    /// Another process was at it.
    not_alone: bool,
    /// The change is counted in the row.
    counted: bool,
    /// The row as it was before.
    before: State,
    /// The run as it was before.
    run_before: Option<Run>,
    added: Vec<Pair>,
    taken: Vec<Pair>,
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
        if self.open.caught_up {
            return Ok(());
        }
        let row: State = block_state::table.select((block_state::up_to, block_state::changes)).first(sqlite)?;
        if !self.loaded || row != self.state {
            self.open.not_alone = self.loaded;
            self.load(sqlite, row.up_to)?;
        }
        self.state = row;
        (self.open.before, self.open.run_before, self.open.caught_up) = (row, self.run, true);
        Ok(())
    }

    /// Reads the keys of all later records.
    fn load(&mut self, sqlite: &mut SqliteConnection, up_to: i64) -> Result<(), Error> {
        self.pairs.clear();
        (self.run, self.loaded) = (None, false);
        let mut after = up_to;
        loop {
            let cards: Vec<(i64, Vec<u8>)> = card::table
                .filter(card::record_no.gt(after))
                .order(card::record_no)
                .limit(PAGE)
                .select((card::record_no, card::matching_keys))
                .load(sqlite)?;
            let Some((last, _)) = cards.last() else { break };
            after = *last;
            for (record, keys) in &cards {
                self.pairs.extend(keys.as_chunks::<8>().0.iter().map(|key| (i64::from_be_bytes(*key), *record)));
            }
        }
        self.loaded = true;
        Ok(())
    }

    /// Counts, once in a transaction, that something changes among the later ones.
    fn count(&mut self, sqlite: &mut SqliteConnection) -> Result<(), Error> {
        if !self.open.counted {
            self.state.changes += 1;
            self.tell(sqlite)?;
            self.open.counted = true;
        }
        Ok(())
    }

    fn tell(&self, sqlite: &mut SqliteConnection) -> Result<(), Error> {
        let State { up_to, changes } = self.state;
        diesel::update(block_state::table)
            .set((block_state::up_to.eq(up_to), block_state::changes.eq(changes)))
            .execute(sqlite)?;
        Ok(())
    }

    /// New cards come with these keys; returns those that belong into the index at once.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn keep(&mut self, connection: &mut Connection, rows: Vec<BlockRow>) -> Result<Vec<BlockRow>, Error> {
        let Connection::Sqlite(sqlite) = connection else { return Ok(rows) };
        self.catch_up(sqlite)?;
        // Numbers come with the time: one that was given long ago may be used late.
        let up_to = self.run.map_or(self.state.up_to, |run| run.up_to.max(self.state.up_to));
        let (late, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.record_no.0 <= up_to);
        if !rows.is_empty() {
            self.count(sqlite)?;
        }
        for row in rows {
            let pair = (row.matching_key, row.record_no.0);
            if self.pairs.insert(pair) {
                self.open.added.push(pair);
            }
        }
        Ok(late)
    }

    /// A record is not found under these keys any more.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn take(&mut self, connection: &mut Connection, record: RecordNo, keys: &[i64]) -> Result<(), Error> {
        let Connection::Sqlite(sqlite) = connection else { return Ok(()) };
        self.catch_up(sqlite)?;
        if record.0 > self.state.up_to {
            self.count(sqlite)?;
            self.open.taken.extend(keys.iter().map(|key| (*key, record.0)));
        }
        Ok(())
    }

    /// Adds the records that are kept under each of these keys to those that were found in the index.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub(super) fn add_to(
        &mut self,
        connection: &mut Connection,
        found: &mut [(i64, Vec<RecordNo>)],
    ) -> Result<(), Error> {
        let Connection::Sqlite(sqlite) = connection else { return Ok(()) };
        self.catch_up(sqlite)?;
        for (key, records) in found {
            let kept =
                self.pairs.range((*key, i64::MIN)..=(*key, i64::MAX)).filter(|pair| !self.open.taken.contains(pair));
            let before = records.len();
            records.extend(kept.map(|(_, record)| RecordNo(*record)));
            if records.len() > before {
                records.sort_unstable();
                records.dedup();
            }
        }
        Ok(())
    }

    /// Writes a part of what is kept, if there is much of it; all of it if another process is at it as well. The last thing
    /// in a transaction.
    ///
    /// # Errors
    /// If the shelf cannot be read or written.
    pub(super) fn put_away(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let Connection::Sqlite(sqlite) = connection else { return Ok(()) };
        let all = self.open.not_alone;
        if !self.open.caught_up || (self.run.is_none() && self.pairs.len() < KEPT && !all) {
            return Ok(());
        }
        let newest = || self.pairs.iter().map(|(_, record)| *record).max();
        let run = match self.run.filter(|_| !all) {
            Some(run) => run,
            None => {
                let Some(up_to) = newest() else { return Ok(()) };
                Run { up_to, written: (i64::MIN, i64::MIN) }
            }
        };
        let slice = if all { usize::MAX } else { SLICE.max(2 * self.open.added.len()) };
        let rest = self.pairs.range((Bound::Excluded(run.written), Bound::Unbounded));
        let due: Vec<Pair> = rest.filter(|(_, record)| *record <= run.up_to).take(slice).copied().collect();
        for (matching_key, record) in due.iter().filter(|pair| !self.open.taken.contains(pair)) {
            let row = BlockRow { matching_key: *matching_key, record_no: RecordNo(*record) };
            Fixed(diesel::insert_into(block::table).values(row).on_conflict_do_nothing()).execute(sqlite)?;
        }
        self.run = match due.last().filter(|_| due.len() == slice) {
            Some(last) => Some(Run { written: *last, ..run }),
            None => {
                self.state.up_to = run.up_to;
                self.tell(sqlite)?;
                None
            }
        };
        Ok(())
    }

    /// Where the transaction stands.
    pub(super) fn mark(&self) -> Mark {
        let Open { counted, added, taken, .. } = &self.open;
        Mark { state: self.state, counted: *counted, added: added.len(), taken: taken.len() }
    }

    /// The database went back to where the transaction stood.
    pub(super) fn go_back_to(&mut self, mark: Mark) {
        if !self.open.caught_up {
            return;
        }
        // What was learnt of other processes stays true; before that nothing was done.
        (self.state, self.open.counted) = (if mark.counted { mark.state } else { self.open.before }, mark.counted);
        for pair in self.open.added.drain(mark.added..) {
            self.pairs.remove(&pair);
        }
        self.open.taken.truncate(mark.taken);
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        let Open { taken, before, caught_up, .. } = std::mem::take(&mut self.open);
        for pair in taken {
            self.pairs.remove(&pair);
        }
        if caught_up && self.state.up_to > before.up_to {
            self.pairs.retain(|(_, record)| *record > self.state.up_to);
        }
    }

    /// The transaction is undone, or nobody knows.
    pub(super) fn undone(&mut self) {
        let Open { added, before, run_before, caught_up, .. } = std::mem::take(&mut self.open);
        if caught_up {
            for pair in added {
                self.pairs.remove(&pair);
            }
            (self.state, self.run) = (before, run_before);
        }
    }
}

#[cfg(test)]
mod tests;
