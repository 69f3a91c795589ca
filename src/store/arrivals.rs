//! The hot verb of the intake: what the house already knows of a batch of arriving records.
//!
//! Asking for each value of each record costs more than storing it. So the whole batch is asked for at once, in a few
//! statements, inside the transaction that will write. What the batch itself changes is marked as touched and asked for
//! again; all else stays as it was read, because nobody else writes in between (SQLite has one writer, PostgreSQL runs
//! the transaction at SERIALIZABLE).

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::rows::{IdentifierRow, RecordRow};
use super::schema::{identifier, record, tombstone};
use super::{Error, Write, identifiers, records};
use crate::types::{RecordNo, Timestamp};

/// Values per statement. SQLite takes more, but the text of the statement grows with them.
const AT_ONCE: usize = 500;
/// Rows one statement may bring. If it brings as many, a value is shared by thousands; then a few rows of each are asked
/// for.
const ENOUGH: usize = 4 * AT_ONCE;

/// What was known when the batch began, and what of it still holds.
pub struct Arrivals {
    tombstones: HashMap<[u8; 16], Timestamp>,
    /// The rows of each value that was asked for; a value without any is there with none.
    identifiers: HashMap<[u8; 16], Vec<IdentifierRow>>,
    records: HashMap<RecordNo, RecordRow>,
}

impl Arrivals {
    /// Reads what is known of a batch: of its blind `indexes`, of the records that stand behind those of them that are a
    /// record's own, and of its `tombstones`.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn load(
        write: &mut Write<'_>,
        indexes: &HashSet<[u8; 16]>,
        tombstones: &HashSet<[u8; 16]>,
    ) -> Result<Self, Error> {
        let mut known = Self { tombstones: HashMap::new(), identifiers: HashMap::new(), records: HashMap::new() };
        for some in chunks(tombstones) {
            known.tombstones.extend(laid(write.records(), some)?);
        }
        for some in chunks(indexes) {
            known.identify(write.records(), some)?;
        }
        known.fetch(write.records())?;
        Ok(known)
    }

    /// When the person behind this suppression index was erased, if one was.
    #[must_use]
    pub fn erased_at(&self, ix: &[u8; 16]) -> Option<Timestamp> {
        self.tombstones.get(ix).copied()
    }

    /// The rows with this blind index, at most a few dozen.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn with_index(&self, write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Vec<IdentifierRow>, Error> {
        match self.identifiers.get(ix) {
            Some(rows) => Ok(rows.clone()),
            None => identifiers::with_index(write.records(), ix),
        }
    }

    /// The record that has this blind index as its own.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn record(&self, write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Option<RecordRow>, Error> {
        let fresh = self.identifiers.contains_key(ix);
        let rows = self.with_index(write, ix)?;
        let Some(row) = rows.into_iter().find(|row| row.kind == IdentifierRow::RECORD) else { return Ok(None) };
        match self.records.get(&row.record_no) {
            Some(record) if fresh => Ok(Some(record.clone())),
            _ => records::find(write.records(), row.subject_id, row.record_no),
        }
    }

    /// Is what is known of this value out of date, or was it never read?
    #[must_use]
    pub fn is_touched(&self, ix: &[u8; 16]) -> bool {
        !self.identifiers.contains_key(ix)
    }

    /// These values were written to: from now on they are asked for again.
    pub fn touch<'a>(&mut self, indexes: impl IntoIterator<Item = &'a [u8; 16]>) {
        for ix in indexes {
            self.identifiers.remove(ix);
        }
    }

    /// Nobody knows which values were written to, as after a merge: all are asked for again.
    pub fn touch_all(&mut self) {
        self.identifiers.clear();
    }

    fn identify(&mut self, connection: &mut Connection, indexes: Vec<[u8; 16]>) -> Result<(), Error> {
        let values: Vec<Vec<u8>> = indexes.iter().map(|ix| ix.to_vec()).collect();
        let limit = i64::try_from(ENOUGH).unwrap_or(i64::MAX);
        let rows: Vec<IdentifierRow> = on!(connection, |c| identifier::table
            .filter(identifier::ix.eq_any(values))
            .limit(limit)
            .select(IdentifierRow::as_select())
            .load(c))?;
        let rows = if rows.len() >= ENOUGH { identifiers::with_indexes(connection, &indexes)? } else { rows };
        self.identifiers.extend(indexes.into_iter().map(|ix| (ix, Vec::new())));
        for row in rows {
            let ix = row.ix.as_slice().try_into().map_err(|_| Error::Unreadable("blind index"))?;
            self.identifiers.entry(ix).or_default().push(row);
        }
        Ok(())
    }

    /// The records behind the values that are a record's own.
    fn fetch(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let rows = self.identifiers.values().flatten().filter(|row| row.kind == IdentifierRow::RECORD);
        let (numbers, mut parts): (Vec<i64>, Vec<_>) = rows.map(|row| (row.record_no.0, row.subject_id.part())).unzip();
        parts.sort_unstable();
        parts.dedup();
        for numbers in numbers.chunks(AT_ONCE) {
            let rows: Vec<RecordRow> = match connection {
                // The number alone is the key of the table.
                Connection::Sqlite(c) => record::table
                    .filter(record::record_no.eq_any(numbers.to_vec()))
                    .select(RecordRow::as_select())
                    .load(c)?,
                // The partition leads the key.
                Connection::Postgres(c) => record::table
                    .filter(record::part.eq_any(&parts).and(record::record_no.eq_any(numbers.to_vec())))
                    .select(RecordRow::as_select())
                    .load(c)?,
            };
            self.records.extend(rows.into_iter().map(|row| (row.record_no, row)));
        }
        Ok(())
    }
}

fn chunks(values: &HashSet<[u8; 16]>) -> impl Iterator<Item = Vec<[u8; 16]>> {
    let mut all: Vec<[u8; 16]> = values.iter().copied().collect();
    // In the order of the tree, so that neighbours are found on one page.
    all.sort_unstable();
    let mut rest = all.into_iter().peekable();
    std::iter::from_fn(move || rest.peek().is_some().then(|| rest.by_ref().take(AT_ONCE).collect()))
}

fn laid(connection: &mut Connection, indexes: Vec<[u8; 16]>) -> Result<Vec<([u8; 16], Timestamp)>, Error> {
    let values: Vec<Vec<u8>> = indexes.iter().map(|ix| ix.to_vec()).collect();
    let rows: Vec<(Vec<u8>, i64)> = on!(connection, |c| tombstone::table
        .filter(tombstone::ix.eq_any(values))
        .select((tombstone::ix, tombstone::erased_at))
        .load(c))?;
    rows.into_iter()
        .map(|(ix, at)| {
            let ix = ix.try_into().map_err(|_| Error::Unreadable("tombstone"))?;
            Ok((ix, Timestamp::from_micros(at)))
        })
        .collect()
}
