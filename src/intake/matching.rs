//! What comparing needs beside the transaction: who opens the cards, the model, and what this process knows of all records.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::candidates::Full;
use super::terms::Counts;
use super::{Error, Intake};
use crate::graph::matching::Model;
use crate::store::rows::DataKeyRow;
use crate::store::{Store, cards};
use crate::vault::{CardKey, Comparer, Keyring};

/// What comparing needs beside the transaction.
pub(super) struct Matching {
    comparer: Comparer,
    keyring: Arc<Keyring>,
    pub(super) model: RwLock<Arc<Model>>,
    /// How many records are compared, roughly; none: not counted yet.
    records: OnceLock<AtomicU64>,
    /// How many there were when they were counted.
    found: AtomicU64,
    /// How many other records each record's person has, on average, in thousandths, as grouping everything found last.
    pub(super) fellows: RwLock<Option<i64>>,
    pub(super) counts: Counts,
    /// Matching keys that lead to too many.
    pub(super) full: Full,
}

impl Matching {
    pub(super) fn new(comparer: Comparer, keyring: Arc<Keyring>) -> Self {
        Self {
            comparer,
            keyring,
            model: RwLock::new(Arc::new(Model::shipped())),
            records: OnceLock::new(),
            found: AtomicU64::new(0),
            fellows: RwLock::new(None),
            counts: Counts::default(),
            full: Full::default(),
        }
    }

    /// Counts what is compared, once per process and apart from all others, because it looks at every record.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn learn(&self, store: &Store) -> Result<(), Error> {
        if self.records.get().is_none() {
            let count = store.read_apart(|read| cards::compared(read.records())).await?;
            let count = u64::try_from(count).unwrap_or(0);
            if self.records.set(AtomicU64::new(count)).is_ok() {
                self.found.store(count, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Counts along what a batch added, once it is stored.
    pub(super) fn count(&self, more: u64) {
        if let Some(records) = self.records.get() {
            records.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// What grouping everything found last of how many other records each record's person has.
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    pub(super) fn fellows(&self) -> Option<f64> {
        self.fellows.read().unwrap_or_else(PoisonError::into_inner).map(|thousandths| thousandths as f64 / 1_000.0)
    }

    pub(super) fn counted(&self) -> u64 {
        self.records.get().map_or(0, |records| records.load(Ordering::Relaxed))
    }

    /// What opens the cards that are sealed under a key; none if it is gone or kept elsewhere.
    ///
    /// # Errors
    /// If the vault fails.
    pub(super) fn key(&self, key: &DataKeyRow) -> Result<Option<CardKey>, Error> {
        if !self.keyring.opens(key) {
            return Ok(None);
        }
        Ok(Some(self.comparer.with_key(key)?).filter(|key| !key.is_dead()))
    }
}

impl Intake {
    /// How many compared records this process knows of, those other nodes brought since it first counted left out; 0 if it took
    /// in none yet.
    #[must_use]
    pub fn records_seen(&self) -> u64 {
        self.matching.counted()
    }

    /// How many there were before this process took in its first.
    #[must_use]
    pub fn records_found(&self) -> u64 {
        self.matching.found.load(Ordering::Relaxed)
    }
}
