//! Closing again: what is sealed under one key is opened and closed in one step, to be sealed under another.
//!
//! Nothing is disclosed: the values come out as [`Personal`], which only the ciphers can read. It serves the
//! rotation of data keys and has no permit because nobody reads; the receipt of its audit line it has all the same.

use super::door::ReclosedCard;
use super::{Error, Gateway};
use crate::audit::{Act, Line};
use crate::store::rows::{CardRow, SubjectRows, SubjectState, Who};
use crate::store::{self, cards, keys, records, subjects};
use crate::types::{Category, SubjectId};
use crate::vault::Personal;

/// Everything of one person, closed again.
pub struct Reclosed {
    /// The rows it came from.
    pub rows: SubjectRows,
    /// The parts of each record, in the order of the rows.
    pub records: Vec<Vec<(Category, Personal)>>,
    /// The proof of each ledger entry, in the order of the rows; none where there is none.
    pub proofs: Vec<Option<Personal>>,
    /// The card of each record that has one.
    pub cards: Vec<(CardRow, ReclosedCard)>,
}

impl Gateway {
    /// Opens everything of a person and closes it again, to be sealed under new keys. `None` if nobody has this id.
    ///
    /// # Errors
    /// If something does not open, or the audit line is not durable.
    pub async fn reclose(&self, who: SubjectId) -> Result<Option<Reclosed>, Error> {
        self.reclose_for(who, Line::new(Act::KeysRotated).object("data keys")).await
    }

    /// As [`Gateway::reclose`], for another piece of work that `line` speaks of.
    ///
    /// # Errors
    /// As [`Gateway::reclose`].
    pub async fn reclose_for(&self, who: SubjectId, line: Line) -> Result<Option<Reclosed>, Error> {
        let Some(rows) = self.snapshot(Who::Subject(who)).await? else { return Ok(None) };
        self.reclose_rows(rows, line).await.map(Some)
    }

    /// As [`Gateway::reclose`], for a nobody: the owner of what only a law keeps of somebody erased.
    ///
    /// # Errors
    /// As [`Gateway::reclose`].
    pub async fn reclose_kept(&self, nobody: SubjectId) -> Result<Option<Reclosed>, Error> {
        let Some(rows) = self.kept(nobody).await? else { return Ok(None) };
        self.reclose_rows(rows, Line::new(Act::KeysRotated).object("data keys")).await.map(Some)
    }

    /// What is kept of a nobody, with the keys that open.
    pub(super) async fn kept(&self, nobody: SubjectId) -> Result<Option<SubjectRows>, Error> {
        let mut found = self.store.read(move |read| kept_rows(read, nobody)).await?;
        self.keyring.know(found.iter().flat_map(|rows| &rows.keys)).await?;
        // As with a living person: a turn of the keys that ended meanwhile must not look like a key that was destroyed.
        if found.iter().flat_map(|rows| &rows.keys).any(|key| !self.keyring.opens(key)) {
            found = self.store.read(move |read| kept_rows(read, nobody)).await?;
            self.keyring.know(found.iter().flat_map(|rows| &rows.keys)).await?;
        }
        if let Some(rows) = &mut found {
            rows.keys.retain(|key| self.keyring.opens(key));
        }
        Ok(found)
    }

    async fn reclose_rows(&self, rows: SubjectRows, line: Line) -> Result<Reclosed, Error> {
        let line = line.count(rows.records.len());
        let line = line.about(self.pseudonyms(&rows)?.iter().map(|pseudonym| pseudonym.bytes()));
        let id = self.decision_id()?;
        let receipt = self.book.record(id, line).await?;
        let numbers: Vec<_> = rows.records.iter().map(|record| record.record_no).collect();
        let cards = self.store.read(move |read| cards::of_records(read.records(), &numbers)).await?;
        let (records, proofs, reclosed) = self.door.reclose(id, receipt, &rows, &cards)?;
        Ok(Reclosed { rows, records, proofs, cards: cards.into_iter().zip(reclosed).collect() })
    }
}

fn kept_rows(read: &mut store::Read, nobody: SubjectId) -> Result<Option<SubjectRows>, store::Error> {
    let row = subjects::find(read.records(), nobody)?;
    let Some(row) = row.filter(|row| row.state == SubjectState::Retained as i16) else { return Ok(None) };
    let records = records::of(read.records(), nobody)?;
    let keys = keys::data_keys(read.keys(), &[nobody])?;
    let (ledger, merged) = (Vec::new(), Vec::new());
    Ok(Some(SubjectRows { subject: nobody, created_at: row.created_at, records, ledger, keys, merged }))
}
