//! The audit book: what the hub disclosed, refused and changed, for whom, and why.
//!
//! Entries are appended durably before the deed they speak of, hash-linked, and hold no personal value: people
//! appear as pseudonyms under a key that dies with them. Writing a line yields a [`Receipt`], without which the
//! gateway's door does not open. This room must never delete or change an entry.
//! Read next: [`crate::gateway`], which turns receipts into disclosures.

mod chain;
mod heads;
mod line;
mod verify;

use std::sync::Arc;

pub use chain::GENESIS;
pub use heads::{AT_START, KeptHead, kept_heads};
pub use line::{Act, Line, Told};
pub use verify::{Finding, Report, missing_since, verify};

use crate::store::audit::{Auditor, Place};
use crate::store::{self, Store};
use crate::types::{Clock, DecisionId, IdMaker, LogId};
use crate::vault;

/// A failure of the book.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The line is not durable; nothing may be disclosed.
    #[error("the audit line could not be written")]
    Store(#[from] store::Error),
    /// The stored log was changed. Nothing may be served.
    #[error("the audit log was changed: {0}")]
    Broken(Finding),
    /// The head of the log could not be sealed.
    #[error("the head of the log could not be sealed")]
    Vault(#[from] vault::Error),
}

/// Proof that an audit line is durable. It speaks for one decision, cannot be copied, and is used up at the door.
///
/// ```compile_fail
/// fn twice(receipt: obhut::audit::Receipt) -> (obhut::audit::Receipt, obhut::audit::Receipt) {
///     (receipt.clone(), receipt)
/// }
/// ```
pub struct Receipt {
    decision: DecisionId,
    place: Place,
}

impl Receipt {
    /// Does this receipt speak for `decision`?
    #[must_use]
    pub fn speaks_for(&self, decision: DecisionId) -> bool {
        self.decision == decision
    }

    /// Where the line stands.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }
}

/// The book of this process: one log from its start to its end.
pub struct Book {
    auditor: Auditor,
    log: LogId,
    /// The size of the log when its head was last kept.
    kept: tokio::sync::Mutex<i64>,
    clock: Arc<dyn Clock>,
}

impl Book {
    /// Checks the end of the newest log and opens a new one that names its head, so that a shortened log shows.
    ///
    /// # Errors
    /// If the newest log was changed, or the database cannot be written.
    pub async fn open(store: &Store, ids: &IdMaker, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let previous = store.read(verify::newest_heads).await?;
        let now = clock.now();
        let log = LogId::from_uuid(ids.uuid().map_err(store::Error::from)?);
        let auditor = Auditor::start(store.location(), log, now, chain::link)?;
        let book = Self { auditor, log, kept: Default::default(), clock };
        book.append(vec![Line::opened(previous)]).await?;
        Ok(book)
    }

    /// Writes one line and returns when it is durable.
    ///
    /// # Errors
    /// If it is not durable.
    pub async fn record(&self, decision: DecisionId, line: Line) -> Result<Receipt, Error> {
        let places = self.append(vec![line.about_decision(decision)]).await?;
        match places.as_slice() {
            [place] => Ok(Receipt { decision, place: *place }),
            _ => Err(Error::Store(store::Error::Stopped)),
        }
    }

    /// Writes the lines of one decision about many people, all durable with one commit, and returns when they are.
    ///
    /// # Errors
    /// If they are not durable.
    pub async fn record_all(&self, decision: DecisionId, lines: Vec<Line>) -> Result<Receipt, Error> {
        let places = self.append(lines.into_iter().map(|line| line.about_decision(decision)).collect()).await?;
        match places.as_slice() {
            [place, ..] => Ok(Receipt { decision, place: *place }),
            [] => Err(Error::Store(store::Error::Stopped)),
        }
    }

    /// Writes a line that stands for no disclosure (a change of configuration, an ingest, a consent).
    ///
    /// # Errors
    /// If it is not durable.
    pub async fn note(&self, line: Line) -> Result<(), Error> {
        self.append(vec![line]).await.map(|_| ())
    }

    /// As [`Book::note`], many at once.
    ///
    /// # Errors
    /// If they are not durable.
    pub async fn note_all(&self, lines: Vec<Line>) -> Result<(), Error> {
        if lines.is_empty() { Ok(()) } else { self.append(lines).await.map(|_| ()) }
    }

    /// Makes a change that has to be on record: the line says `intended` before it and `done` or `failed` after it. A line
    /// that is only intended is of a process that ended in between.
    ///
    /// # Errors
    /// What `work` returned; or, as [`Book::note`], before anything was changed or after all of it was.
    pub async fn change<T, E: From<Error>>(
        &self,
        line: Line,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let how = |word: &str| line.clone().reasons(vec![word.to_owned()]);
        self.note(how("intended")).await?;
        let outcome = work.await;
        let noted = self.note(how(if outcome.is_ok() { "done" } else { "failed" })).await;
        let made = outcome?;
        noted?;
        Ok(made)
    }

    /// False once the disk failed.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.auditor.healthy()
    }

    async fn append(&self, lines: Vec<Line>) -> Result<Vec<Place>, Error> {
        let now = self.clock.now();
        let drafts = lines.into_iter().map(|line| line.draft(now)).collect();
        Ok(self.auditor.append(drafts).await?)
    }
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    assert_not_impl_any!(super::Receipt: Clone, Copy, Default, serde::Serialize);
}
