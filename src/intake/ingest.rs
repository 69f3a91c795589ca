//! [`Intake`]: records come in here, and what people say about the use of their data.

use std::sync::Arc;

use super::prepare::{Claimed, Prepared, prepare};
use super::settle::Desk;
use super::{Error, Rejection, canonical};
use crate::audit::{Act, Book, Line};
use crate::consent::{Entry, Rulebook, ledger as words};
use crate::store::rows::Who;
use crate::store::{Store, ledger, subjects};
use crate::types::{ApiKeyId, Clock, IdMaker, Role, SubjectId};
use crate::vault::{Keyring, Personal, Sealer};

/// Records that one transaction takes.
pub const CHUNK: usize = 100;
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
    /// It was refused.
    Rejected(Rejection),
}

/// The way in. It owns the [`Sealer`].
pub struct Intake {
    sealer: Arc<Sealer>,
    store: Store,
    keyring: Arc<Keyring>,
    rulebook: Arc<Rulebook>,
    book: Arc<Book>,
    ids: Arc<IdMaker>,
    clock: Arc<dyn Clock>,
}

impl Intake {
    /// An intake that owns `sealer`. There is one per process.
    #[must_use]
    pub fn new(
        sealer: Sealer,
        store: Store,
        keyring: Arc<Keyring>,
        rulebook: Arc<Rulebook>,
        book: Arc<Book>,
        ids: Arc<IdMaker>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { sealer: Arc::new(sealer), store, keyring, rulebook, book, ids, clock }
    }

    /// Takes records, one JSON object each, and says what became of each, in their order. A refused record never
    /// takes others with it. Answered outcomes are durable.
    ///
    /// # Errors
    /// If the store or the vault fails. Chunks of [`CHUNK`] that were stored before stay; sending all again is
    /// harmless.
    pub async fn ingest<L: AsRef<[u8]>>(&self, lines: &[L]) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::with_capacity(lines.len());
        for chunk in lines.chunks(CHUNK) {
            outcomes.extend(self.ingest_chunk(chunk).await?);
        }
        Ok(outcomes)
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

    async fn ingest_chunk<L: AsRef<[u8]>>(&self, lines: &[L]) -> Result<Vec<Outcome>, Error> {
        let edition = self.rulebook.edition();
        let now = self.clock.now();
        let social = |code: &canonical::SourceCode| {
            edition.source_named(code.as_str()).is_some_and(|source| source.terms.social)
        };
        let mut prepared: Vec<Result<Prepared, Rejection>> = Vec::with_capacity(lines.len());
        for line in lines {
            let record = canonical::parse_with(line.as_ref(), now, social).map_err(Error::Rejected);
            match record.and_then(|record| prepare(&self.sealer, &edition, record, now)) {
                Ok(ready) => prepared.push(Ok(ready)),
                Err(Error::Rejected(rejection)) => prepared.push(Err(rejection)),
                Err(failure) => return Err(failure),
            }
        }
        if prepared.iter().all(Result::is_err) {
            return Ok(prepared.into_iter().filter_map(Result::err).map(Outcome::Rejected).collect());
        }
        let prepared = Arc::new(prepared);
        self.in_epoch(async || {
            let (prepared, sealer, ids) = (prepared.clone(), self.sealer.clone(), self.ids.clone());
            self.store
                .write(move |write| {
                    let desk = Desk { sealer: &sealer, ids: &ids, now };
                    prepared
                        .iter()
                        .map(|prepared| match prepared {
                            Ok(prepared) => desk.settle(write, prepared),
                            Err(rejection) => Ok(Outcome::Rejected(rejection.clone())),
                        })
                        .collect::<Result<Vec<_>, Error>>()
                })
                .await
        })
        .await
    }

    /// Runs a write again after loading the epochs, when another node began one meanwhile.
    async fn in_epoch<T>(&self, mut work: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
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

    /// Records what a person said about the use of their data: a consent, refusal, withdrawal, objection or
    /// restriction. When this returns, every read that starts later knows it. Returns the number of the entry, the
    /// person it was recorded for, and `false` if the very same entry was there already.
    ///
    /// # Errors
    /// [`Error::Act`] if the act makes no sense for its purpose, [`Error::UnknownSubject`] if nobody is behind `who`.
    pub async fn record(
        &self,
        who: Who,
        entry: Entry,
        evidence: Option<Personal>,
        by: (ApiKeyId, Role),
    ) -> Result<(SubjectId, bool), Error> {
        let edition = self.rulebook.edition();
        let purpose = entry.purpose.as_ref().and_then(|code| edition.purpose(code)).map(Arc::as_ref);
        entry.validate(purpose).map_err(Error::Act)?;
        let line = Line::new(Act::ConsentRecorded).by(by.0, by.1).object(entry.act.word());
        let line = match &entry.purpose {
            Some(code) => line.under(code.clone(), purpose.and_then(|purpose| i32::try_from(purpose.version).ok())),
            None => line,
        };
        let rows = self.store.subjects(vec![who]).await?.pop().flatten().ok_or(Error::UnknownSubject)?;
        let subject = rows.subject;
        let claimed = Arc::new(Claimed { entry, evidence });
        let now = self.clock.now();
        let (person, added, pseudonym) = self
            .in_epoch(async || {
                let (claimed, sealer, ids) = (claimed.clone(), self.sealer.clone(), self.ids.clone());
                self.store
                    .write(move |write| {
                        let desk = Desk { sealer: &sealer, ids: &ids, now };
                        // A merge may have happened since the person was found.
                        let row = subjects::living(write.records(), subject)?.ok_or(Error::UnknownSubject)?;
                        let person = row.subject_id;
                        let key = desk.proof_key(write, person)?;
                        let known = ledger::of(write.records(), person)?;
                        let known = known.iter().map(words::entry).collect::<Result<Vec<_>, _>>()?;
                        let added = desk.record_entry(write, person, &key, &claimed, 0, &known)?;
                        Ok::<_, Error>((person, added.is_some(), key.pseudonym()?))
                    })
                    .await
            })
            .await?;
        self.book.note(line.about([pseudonym])).await?;
        Ok((person, added))
    }
}
