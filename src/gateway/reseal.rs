//! Closing again: what is sealed under one key is opened and closed in one step, to be sealed under another.
//!
//! Nothing is disclosed: the values come out as [`Personal`], which only the ciphers can read. It serves the
//! rotation of data keys, has no permit because nobody reads, and is an audit line all the same.

use super::{Error, Gateway};
use crate::audit::{Act, Line};
use crate::store::rows::{SubjectRows, Who};
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
}

impl Gateway {
    /// Opens everything of a person and closes it again, to be sealed under new keys. `None` if nobody has this id.
    ///
    /// # Errors
    /// If something does not open, or the audit line is not durable.
    pub async fn reclose(&self, who: SubjectId) -> Result<Option<Reclosed>, Error> {
        let Some(rows) = self.snapshot(Who::Subject(who)).await? else { return Ok(None) };
        let line = Line::new(Act::KeysRotated).object("data keys").count(rows.records.len());
        self.book.note(line.about(self.pseudonyms(&rows)?.iter().map(|pseudonym| pseudonym.bytes()))).await?;
        let (records, proofs) = self.door.reclose(&rows)?;
        Ok(Some(Reclosed { rows, records, proofs }))
    }
}
