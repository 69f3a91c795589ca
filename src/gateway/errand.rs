//! Errands: by what a vendor knows somebody who is erased here, so that the vendor can be told (Art. 17, 19 GDPR).
//!
//! It was closed for a nobody of its own when the erasure began, and opens under the person's own access with an audit line
//! each time; whoever kept it destroys it when the vendor's answer is final. Nothing else of a nobody opens here.

use super::{Ask, Disclosure, Error, Gateway, Verdict, line};
use crate::store::rows::RecordRow;
use crate::types::{RequestId, SubjectId};

/// What is kept of a nobody.
#[must_use]
pub enum Kept {
    /// What the permit opened.
    Opened(Box<Disclosure>),
    /// It is there, and may not be read as the purpose is configured.
    Refused,
    /// It was destroyed, or is no errand.
    Destroyed,
}

impl Gateway {
    /// Opens the errand sealed for `nobody`, for the request it belongs to, if there is one.
    ///
    /// # Errors
    /// [`Error::NotOwnCopy`] if the purpose is another than the person's own access; else as [`Gateway::read`].
    pub async fn errand(&self, ask: &Ask, nobody: SubjectId, request: Option<RequestId>) -> Result<Kept, Error> {
        let edition = self.rulebook.edition();
        if edition.purpose(&ask.purpose).is_none_or(|purpose| !purpose.own_access) {
            return Err(Error::NotOwnCopy);
        }
        let Some(rows) = self.kept(nobody).await? else { return Ok(Kept::Destroyed) };
        // What a law keeps of the erased is not read this way.
        if rows.keys.is_empty() || rows.records.iter().any(|record| record.facts & RecordRow::ERRAND == 0) {
            return Ok(Kept::Destroyed);
        }
        let id = self.decision_id()?;
        let verdict = self.decide(ask, Some(&rows), &edition, id)?;
        let mut keys = self.door.keys(&rows);
        let receipt = self.book.record(id, line(ask, verdict.decision(), keys.pseudonym()?, request)).await?;
        match verdict {
            Verdict::Allow(permit) => {
                let disclosure = self.door.disclose(permit, receipt, (keys, &[]), &edition)?;
                Ok(Kept::Opened(Box::new(disclosure)))
            }
            _ => Ok(Kept::Refused),
        }
    }
}
