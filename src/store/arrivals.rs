//! The hot verb of the intake: what the house already knows of a batch of arriving records.
//!
//! Asking for each value of each record costs more than storing it. So the whole batch is asked for at once, in a few
//! statements, inside the transaction that will write. What the batch itself adds is learnt; what it changes is marked as
//! touched and asked for again; all else stays as it was read, because nobody else writes in between (SQLite has one
//! writer, PostgreSQL runs the transaction at SERIALIZABLE).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::acquaintances::Acquaintances;
use super::among::{among, numbered};
use super::connection::{Connection, on};
use super::rows::{IdentifierRow, RecordRow};
use super::schema::{identifier, record, tombstone};
use super::{Error, Write, identifiers, records};
use crate::types::{RecordNo, SubjectId, Timestamp};

/// Values per statement.
const AT_ONCE: usize = 500;
/// Rows one statement may bring for each value it asks for, and for all of them. If it brings as many, some value is shared by
/// many, perhaps by thousands; then a few rows of each are asked for.
const ENOUGH_OF_EACH: usize = 16;
const ENOUGH: usize = 4 * AT_ONCE;

/// What was known when the batch began, and what of it still holds.
pub struct Arrivals {
    tombstones: HashMap<[u8; 16], Timestamp>,
    /// The rows of each value that was asked for; a value without any is there with none.
    identifiers: HashMap<[u8; 16], Vec<IdentifierRow>>,
    records: HashMap<RecordNo, RecordRow>,
    /// The people behind the values.
    pub people: Acquaintances,
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
        let mut known = Self {
            tombstones: HashMap::new(),
            identifiers: HashMap::new(),
            records: HashMap::new(),
            people: Acquaintances::default(),
        };
        for some in chunks(tombstones) {
            known.tombstones.extend(laid(write.records(), some)?);
        }
        for some in chunks(indexes) {
            known.identify(write.records(), some)?;
        }
        known.fetch(write.records())?;
        let people: HashSet<SubjectId> = known.identifiers.values().flatten().map(|row| row.subject_id).collect();
        known.people.meet(write.records(), people)?;
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
    pub fn with_index(&self, write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Cow<'_, [IdentifierRow]>, Error> {
        match self.identifiers.get(ix) {
            Some(rows) => Ok(Cow::Borrowed(rows)),
            None => identifiers::with_index(write.records(), ix).map(Cow::Owned),
        }
    }

    /// The rows with this blind index that need not be asked for.
    #[must_use]
    pub fn read_with_index(&self, ix: &[u8; 16]) -> &[IdentifierRow] {
        self.identifiers.get(ix).map(Vec::as_slice).unwrap_or_default()
    }

    /// The living person that `id` is now, if there is one.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn living(&self, write: &mut Write<'_>, id: SubjectId) -> Result<Option<SubjectId>, Error> {
        self.people.living(write.records(), id)
    }

    /// Which record has this blind index as its own, and whose it is.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn own(&self, write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Option<(SubjectId, RecordNo)>, Error> {
        let rows = self.with_index(write, ix)?;
        let own = rows.iter().find(|row| row.kind == IdentifierRow::RECORD);
        Ok(own.map(|row| (row.subject_id, row.record_no)))
    }

    /// The record that had this blind index as its own when the batch began.
    #[must_use]
    pub fn stored(&self, ix: &[u8; 16]) -> Option<&RecordRow> {
        let rows = self.identifiers.get(ix)?;
        let own = rows.iter().find(|row| row.kind == IdentifierRow::RECORD)?;
        self.records.get(&own.record_no)
    }

    /// The living people behind a value, if they are at most `few`.
    pub fn people_behind(&self, ix: &[u8; 16], few: usize) -> impl Iterator<Item = SubjectId> {
        let rows = self.identifiers.get(ix).into_iter().flatten();
        let people: HashSet<SubjectId> = rows.filter_map(|row| self.people.known(row.subject_id)).collect();
        Some(people).filter(|people| people.len() <= few).into_iter().flatten()
    }

    /// A record by its person and number.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn record(
        &self,
        write: &mut Write<'_>,
        (person, number): (SubjectId, RecordNo),
    ) -> Result<Option<RecordRow>, Error> {
        match self.records.get(&number) {
            Some(record) => Ok(Some(record.clone())),
            None => records::find(write.records(), person, number),
        }
    }

    /// Does a known row with this blind index have this flag?
    #[must_use]
    pub fn has_flag(&self, ix: &[u8; 16], flag: i16) -> bool {
        self.identifiers.get(ix).is_some_and(|rows| rows.iter().any(|row| row.use_flags & flag != 0))
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

    /// This record was written to: from now on it is asked for again.
    pub fn touch_record(&mut self, number: RecordNo) {
        self.records.remove(&number);
    }

    /// `from` was merged into `into`: everything of theirs is.
    pub fn merged(&mut self, from: SubjectId, into: SubjectId) {
        for row in self.identifiers.values_mut().flatten().filter(|row| row.subject_id == from) {
            row.subject_id = into;
        }
        for row in self.records.values_mut().filter(|row| row.subject_id == from) {
            (row.subject_id, row.part) = (into, into.part());
        }
        self.people.merged(from, into);
    }

    /// The batch brings these rows, so they need not be asked for.
    pub fn learn(&mut self, rows: &[IdentifierRow]) {
        for row in rows {
            let ix: Result<[u8; 16], _> = row.ix.as_slice().try_into();
            if let Some(known) = ix.ok().and_then(|ix| self.identifiers.get_mut(&ix)) {
                known.push(row.clone());
            }
        }
    }

    fn identify(&mut self, connection: &mut Connection, indexes: Vec<[u8; 16]>) -> Result<(), Error> {
        let values: Vec<Vec<u8>> = indexes.iter().map(|ix| ix.to_vec()).collect();
        let enough = ENOUGH.min(ENOUGH_OF_EACH * indexes.len());
        let limit = i64::try_from(enough).unwrap_or(i64::MAX);
        let rows: Vec<IdentifierRow> = on!(connection, |c| identifier::table
            .filter(among(identifier::ix, values))
            .limit(limit)
            .select(IdentifierRow::as_select())
            .load(c))?;
        let rows = if rows.len() >= enough { identifiers::with_indexes(connection, &indexes)? } else { rows };
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
        let records: Vec<(SubjectId, RecordNo)> = rows.map(|row| (row.subject_id, row.record_no)).collect();
        for some in records.chunks(AT_ONCE) {
            let rows: Vec<RecordRow> = on!(connection, |c| record::table
                .filter(numbered(record::part, record::record_no, some))
                .select(RecordRow::as_select())
                .load(c))?;
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
        .filter(among(tombstone::ix, values))
        .select((tombstone::ix, tombstone::erased_at))
        .load(c))?;
    rows.into_iter()
        .map(|(ix, at)| {
            let ix = ix.try_into().map_err(|_| Error::Unreadable("tombstone"))?;
            Ok((ix, Timestamp::from_micros(at)))
        })
        .collect()
}
