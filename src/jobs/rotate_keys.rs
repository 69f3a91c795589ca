//! Turning the KEK: a new epoch, all living keys wrapped again, the old epoch destroyed.
//!
//! Deleting a wrapped key is not erasure while an old copy of the row and the epoch that wrapped it exist. Once
//! the epoch is destroyed, every old page, log and backup of the key shelf is worthless for those who were erased
//! before. Everything here can stop at any moment and goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::{self, Act, Book, Line};
use crate::store::rows::KekRow;
use crate::store::{self, Failure, Store, keys, subjects};
use crate::types::{Clock, SubjectId, Timestamp};
use crate::vault::{self, Keyring, KeyringError, Rotator};

/// Keys wrapped again in one transaction; fewer while others are in the way.
const CHUNK: i64 = 500;
const SMALLEST_CHUNK: i64 = 10;
/// How often one step is tried while others are in the way, and the pause, which grows with every try: some seconds.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(50);

/// A failure of a rotation. What was done stays done; running it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the keys could not be read or written")]
    Store(#[from] store::Error),
    /// A key could not be wrapped.
    #[error("a key could not be wrapped")]
    Vault(#[from] vault::Error),
    /// The epochs could not be loaded.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The audit line could not be written.
    #[error("the rotation could not be recorded")]
    Audit(#[from] audit::Error),
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

/// What a rotation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The epoch that now wraps all keys.
    pub epoch: i32,
    /// Keys wrapped again.
    pub rewrapped: u64,
    /// Epochs destroyed.
    pub destroyed: Vec<i32>,
}

/// The job. It owns the [`Rotator`].
pub struct KeyRotation {
    rotator: Arc<Rotator>,
    keyring: Arc<Keyring>,
    store: Store,
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
}

impl KeyRotation {
    /// A rotation that owns `rotator`.
    #[must_use]
    pub fn new(rotator: Rotator, keyring: Arc<Keyring>, store: Store, book: Arc<Book>, clock: Arc<dyn Clock>) -> Self {
        Self { rotator: Arc::new(rotator), keyring, store, book, clock }
    }

    /// Begins a new epoch and finishes it. `progress` hears how many keys were wrapped so far, and how many are left.
    ///
    /// # Errors
    /// If the store or the vault fails; then run it again.
    pub async fn rotate(&self, progress: impl FnMut(u64, u64)) -> Result<Done, Error> {
        self.begin(None).await?;
        self.finish(progress).await
    }

    /// Begins a new epoch if the newest is at least `days` old, and finishes whatever is unfinished.
    ///
    /// # Errors
    /// As [`KeyRotation::rotate`].
    pub async fn rotate_if_due(&self, days: i64) -> Result<Option<Done>, Error> {
        let epochs = self.living().await?;
        let now = self.clock.now();
        let due = epochs.last().is_none_or(|newest| newest.created_at.plus_days(days) <= now);
        if due {
            self.begin(epochs.last().map(|newest| newest.epoch)).await?;
        }
        if due || epochs.len() > 1 { self.finish(|_, _| {}).await.map(Some) } else { Ok(None) }
    }

    /// Learns which epochs other processes made or destroyed: a destroyed one must leave the memory of this one too.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub async fn follow(&self) -> Result<(), Error> {
        Ok(self.keyring.reload().await?)
    }

    /// With `after`, only if that epoch is still the newest.
    async fn begin(&self, after: Option<i32>) -> Result<(), Error> {
        self.keyring.reload().await?;
        if after.is_some() && after != self.keyring.newest() {
            // Another node began one between two reads.
            return Ok(());
        }
        let row = self.rotator.new_epoch(self.keyring.root(), self.clock.now())?;
        let inserted = row.clone();
        match self.store.write(move |write| keys::insert_kek(write, &inserted)).await {
            // Another node was first, with an epoch as new as this one: that one counts.
            Err(store::Error::Taken) => return Ok(()),
            written => written?,
        }
        self.keyring.install(&row)?;
        self.book.note(Line::new(Act::KeysRotated).object(format!("epoch {} begun", row.epoch))).await?;
        Ok(())
    }

    async fn finish(&self, mut progress: impl FnMut(u64, u64)) -> Result<Done, Error> {
        self.keyring.reload().await?;
        let mut done = Done { epoch: self.keyring.newest().unwrap_or_default(), ..Done::default() };
        let old: Vec<i32> =
            self.living().await?.iter().map(|row| row.epoch).filter(|epoch| *epoch < done.epoch).collect();
        for epoch in old {
            // Counted once: to count is to walk over all of them.
            let mut left = patiently(|_| self.count(epoch)).await?;
            while let Some(wrapped) = patiently(|chunk| self.rewrap(epoch, chunk)).await? {
                done.rewrapped += wrapped;
                left = left.saturating_sub(i64::try_from(wrapped).unwrap_or(i64::MAX)).max(0);
                progress(done.rewrapped, u64::try_from(left).unwrap_or(0));
            }
            let now = self.clock.now();
            if patiently(|_| self.destroy(epoch, now)).await? {
                self.keyring.forget(epoch);
                done.destroyed.push(epoch);
                self.book.note(Line::new(Act::KeysRotated).object(format!("epoch {epoch} destroyed"))).await?;
            }
        }
        // The destroyed epoch's bytes must not stay in the write-ahead log either.
        self.store.scrub().await?;
        if !done.destroyed.is_empty()
            && let Err(error) = self.store.read_apart(|read| keys::rewrite_keks(read.keys())).await
        {
            // The rotation is done; what is left are dead bytes in the table's file, which the next one rewrites too.
            tracing::warn!(error = ?error, "the table of the epochs could not be written anew");
        }
        Ok(done)
    }

    /// How many of the next keys of an epoch were wrapped again; nothing if there are no more. Reading, wrapping and writing happen
    /// in one transaction: a category that is erased meanwhile stays erased.
    async fn rewrap(&self, epoch: i32, chunk: i64) -> Result<Option<u64>, Error> {
        let rotator = self.rotator.clone();
        self.store
            .write(move |write| {
                let rows = keys::wrapped_by(write, epoch, chunk)?;
                // Whoever seals something for them has locked them first, and waits for their keys then.
                let owners: Vec<SubjectId> = rows.iter().map(|row| row.subject).collect();
                subjects::lock(write, &owners)?;
                if rows.is_empty() {
                    return Ok(None);
                }
                let mut again = Vec::with_capacity(rows.len());
                for row in rows {
                    again.extend(rotator.rewrap(&row)?.map(|again| (row, again)));
                }
                let wrapped = keys::update_data_keys(write, &again)?;
                Ok::<_, Error>(Some(u64::try_from(wrapped).unwrap_or(0)))
            })
            .await
    }

    async fn count(&self, epoch: i32) -> Result<i64, Error> {
        Ok(self.store.write(move |write| keys::count_at(write, epoch)).await?)
    }

    async fn destroy(&self, epoch: i32, now: Timestamp) -> Result<bool, Error> {
        Ok(self.store.write(move |write| keys::destroy_kek(write, epoch, now)).await?)
    }

    async fn living(&self) -> Result<Vec<KekRow>, Error> {
        let rows = self.store.read(keys::keks).await?;
        Ok(rows.into_iter().filter(|row| row.destroyed_at.is_none()).collect())
    }
}

/// Tries a step until no other transaction is in its way; `step` hears how many keys to take. Whoever writes beside a
/// rotation touches the same keys, and a small step gets between them sooner than a large one.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(mut step: impl FnMut(i64) -> F) -> Result<T, Error> {
    let (mut chunk, mut tried) = (CHUNK, 0);
    loop {
        tried += 1;
        match step(chunk).await {
            Err(Error::Store(store::Error::Conflict(_) | store::Error::Overloaded)) if tried < TRIES => {
                chunk = (chunk / 2).max(SMALLEST_CHUNK);
                tokio::time::sleep(PAUSE * tried).await;
            }
            done => return done,
        }
    }
}
