//! [`Intake`]: records come in here.

use std::sync::Arc;

use super::by_itself::Teller;
use super::desk::Desk;
use super::matching::Matching;
use super::normal::Reason;
use super::prepare::{Bringer, Prepared};
use super::ready::Checked;
use super::settle::settle;
use super::{Error, Listed, Rejection};
use crate::audit::{Act, Book, Line};
use crate::consent::{Edition, Rulebook};
use crate::gateway::Gateway;
use crate::store::Store;
use crate::types::{ApiKeyId, Clock, IdMaker, Role, Voice};
use crate::vault::{Comparer, Keyring, Sealer};

/// Records that one transaction takes.
pub const CHUNK: usize = 250;
/// Records that one transaction of a sync takes, which nobody waits for.
pub const SYNC_CHUNK: usize = 500;
/// How often a chunk is tried again after another node began a key epoch.
const TRIES: usize = 3;

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It replaced an older version.
    Updated,
    /// It was there already.
    Unchanged,
    /// A newer version is there already.
    Stale,
    /// Its person was erased, and it tells of the time before.
    Suppressed,
    /// No purpose of its source keeps anything of it; nothing was stored.
    Unread,
    /// It was refused.
    Rejected(Rejection),
}

/// What became of one record, and of its parts that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What became of it.
    pub outcome: Outcome,
    /// What was left out: an address, number or date that cannot be, and each category that no purpose of the source keeps.
    /// The rest of the record counts without it.
    pub left_out: Vec<Rejection>,
}

/// The way in. It owns the [`Sealer`] and the [`Comparer`].
pub struct Intake {
    pub(super) sealer: Arc<Sealer>,
    pub(super) matching: Arc<Matching>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) store: Store,
    pub(super) keyring: Arc<Keyring>,
    pub(super) rulebook: Arc<Rulebook>,
    pub(super) book: Arc<Book>,
    pub(super) ids: Arc<IdMaker>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tells: Teller,
}

impl Intake {
    /// An intake that owns `sealer` and `comparer`. There is one per process. `tells` says who is to be told of whom it takes apart.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "the wiring names each part once")]
    pub fn new(
        sealer: Sealer,
        comparer: Comparer,
        gateway: Arc<Gateway>,
        store: Store,
        keyring: Arc<Keyring>,
        rulebook: Arc<Rulebook>,
        book: Arc<Book>,
        ids: Arc<IdMaker>,
        clock: Arc<dyn Clock>,
        tells: Teller,
    ) -> Self {
        let (sealer, matching) = (Arc::new(sealer), Arc::new(Matching::new(comparer, keyring.clone())));
        Self { sealer, matching, gateway, store, keyring, rulebook, book, ids, clock, tells }
    }

    /// Takes records, one JSON object each, and says what became of each, in their order. A refused record never
    /// takes others with it. Answered outcomes are durable.
    ///
    /// # Errors
    /// If the store or the vault fails. Chunks of [`CHUNK`] that were stored before stay; sending all again is
    /// harmless.
    pub async fn ingest<L: AsRef<[u8]>>(&self, lines: &[L]) -> Result<Vec<Taken>, Error> {
        let mut outcomes = Vec::with_capacity(lines.len());
        for chunk in lines.chunks(CHUNK) {
            outcomes.extend(self.ingest_chunk(chunk, |_| Bringer::Outside, None).await?);
        }
        Ok(outcomes)
    }

    /// Takes what write keys bring, up to [`CHUNK`] records in one transaction, each with the voice of its key. As
    /// [`Intake::ingest`], but of an event that comes again nothing is changed, whatever else it says.
    ///
    /// # Errors
    /// As [`Intake::ingest`].
    pub async fn collect<L: AsRef<[u8]>>(&self, records: &[(L, Voice)]) -> Result<Vec<Taken>, Error> {
        let lines: Vec<&[u8]> = records.iter().map(|(line, _)| line.as_ref()).collect();
        let voice = |at: usize| records.get(at).map_or(Voice::Visitor, |(_, voice)| *voice);
        self.ingest_chunk(&lines, |at| Bringer::Collected(voice(at)), None).await
    }

    /// Writes down who brought how many records, once per call of theirs.
    ///
    /// # Errors
    /// If the audit line cannot be written.
    pub async fn note_ingest(&self, by: Option<(ApiKeyId, Role)>, outcomes: usize) -> Result<(), Error> {
        let line = Line::new(Act::Ingested).count(outcomes);
        let line = if let Some((key, role)) = by { line.by(key, role) } else { line.to("command line") };
        Ok(self.book.note(line).await?)
    }

    /// Writes down that a call which was noted already ended early, after so many records.
    ///
    /// # Errors
    /// If the audit line cannot be written.
    pub async fn note_broken_off(&self, (key, role): (ApiKeyId, Role), outcomes: usize) -> Result<(), Error> {
        let line = Line::new(Act::Ingested).count(outcomes).reasons(vec!["broken_off".to_owned()]);
        Ok(self.book.note(line.by(key, role)).await?)
    }

    /// Writes down how many records a sync of a source brought.
    ///
    /// # Errors
    /// If the audit line cannot be written.
    pub async fn note_sync(&self, source: &str, outcomes: usize) -> Result<(), Error> {
        Ok(self.book.note(Line::new(Act::Ingested).count(outcomes).object(format!("sync of {source}"))).await?)
    }

    pub(super) async fn ingest_chunk<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
        bringer: impl Fn(usize) -> Bringer,
        listed: Option<&mut Listed>,
    ) -> Result<Vec<Taken>, Error> {
        let mut checked = self.inspect(lines, &bringer)?;
        if checked.prepared.iter().any(is_new_to_us) && self.knows_more_than(&checked.edition).await? {
            checked = self.inspect(lines, bringer)?;
        }
        self.settle_checked(checked, listed).await
    }

    /// Has another process added a source since this edition, which this one had not heard of?
    async fn knows_more_than(&self, edition: &Edition) -> Result<bool, Error> {
        self.rulebook.reload().await?;
        Ok(self.rulebook.edition().sources().iter().any(|source| edition.source(source.number).is_none()))
    }

    /// Writes what was read and indexed, in one transaction.
    pub(super) async fn settle_checked(
        &self,
        Checked { edition, now, prepared }: Checked,
        listed: Option<&mut Listed>,
    ) -> Result<Vec<Taken>, Error> {
        if let Some(listed) = listed {
            prepared.iter().flatten().for_each(|record| listed.note(record));
        }
        if prepared.iter().all(Result::is_err) {
            let refused = prepared.iter().filter_map(|ready| ready.as_ref().err().cloned()).map(Outcome::Rejected);
            return Ok(refused.map(|outcome| Taken { outcome, left_out: Vec::new() }).collect());
        }
        let left_out = |ready: &Result<Prepared, Rejection>| {
            ready.as_ref().map_or_else(|_| Vec::new(), |ready| ready.left_out.clone())
        };
        let left_out: Vec<Vec<Rejection>> = prepared.iter().map(left_out).collect();
        self.matching.learn(&self.store).await?;
        self.matching.counts.learn(&self.store, &self.sealer, prepared.iter().flatten()).await?;
        let settled = self.in_epoch(async || {
            let (prepared, sealer, ids) = (prepared.clone(), self.sealer.clone(), self.ids.clone());
            let (matching, edition) = (self.matching.clone(), edition.clone());
            self.store
                .write_many(prepared.len(), move |write| {
                    settle(&Desk::new(&sealer, &ids, now), write, (&matching, &edition), &prepared)
                })
                .await
        });
        let settled = settled.await?;
        self.matching.counts.count(&settled.more);
        self.matching.count(settled.compared);
        if settled.crowded
            && let Err(error) = self.take_back().await
        {
            // The records are stored, and none is joined by these values any more. The values stay noted.
            tracing::error!(error = ?error, "what a shared value had joined is taken apart later");
        }
        let taken = settled.outcomes.into_iter().zip(left_out);
        Ok(taken.map(|(outcome, left_out)| Taken { outcome, left_out }).collect())
    }

    /// Runs a write again after loading the epochs, when another node began one meanwhile.
    pub(super) async fn in_epoch<T>(&self, mut work: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
        for _ in 1..TRIES {
            match work().await {
                Err(Error::NewEpoch | Error::Vault(crate::vault::Error::UnknownEpoch(_))) => {
                    self.keyring.reload().await?
                }
                done => return done,
            }
        }
        work().await
    }
}

/// Was a record refused for a source that another process may have added a moment ago?
fn is_new_to_us(read: &Result<Prepared, Rejection>) -> bool {
    read.as_ref().err().is_some_and(|refused| refused.code == Reason::UNKNOWN_SOURCE.code)
}
