//! [`Keyring`]: keeps the epochs of this process in step with those in the store.

use std::sync::Arc;

use super::ring::KekRing;
use super::root::RootKey;
use crate::store::rows::{DataKeyRow, KekRow};
use crate::store::{self, Store, keys};

/// The epochs of this process, the root key that opens them and the store that holds them. Another node may make or
/// destroy an epoch at any time; what this process does not know is read again.
pub struct Keyring {
    ring: Arc<KekRing>,
    root: Arc<dyn RootKey>,
    store: Store,
}

/// The epochs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store could not be read.
    #[error("the key epochs could not be loaded")]
    Store(#[from] store::Error),
    /// They do not open.
    #[error("the key epochs do not open")]
    Vault(#[from] super::Error),
}

impl Keyring {
    /// A keyring over `ring`.
    #[must_use]
    pub fn new(ring: Arc<KekRing>, root: Arc<dyn RootKey>, store: Store) -> Self {
        Self { ring, root, store }
    }

    /// Reads the epochs again.
    ///
    /// # Errors
    /// If they cannot be read or opened.
    pub async fn reload(&self) -> Result<(), KeyringError> {
        let rows = self.store.read(keys::keks).await?;
        Ok(self.ring.load(&rows, &*self.root)?)
    }

    /// Makes sure that every epoch these keys are wrapped by is known, if it still lives.
    ///
    /// # Errors
    /// As [`Keyring::reload`].
    pub async fn know(&self, mut keys: impl Iterator<Item = &DataKeyRow>) -> Result<(), KeyringError> {
        if keys.any(|key| !self.ring.knows(key.epoch)) { self.reload().await } else { Ok(()) }
    }

    /// Does this process know the epoch that wraps `key`? After [`Keyring::know`], no means that it was destroyed.
    #[must_use]
    pub fn opens(&self, key: &DataKeyRow) -> bool {
        self.ring.knows(key.epoch)
    }

    /// The newest epoch of this process.
    #[must_use]
    pub fn newest(&self) -> Option<i32> {
        self.ring.newest()
    }

    /// Puts an epoch that was just stored into use.
    ///
    /// # Errors
    /// If it does not open.
    pub fn install(&self, row: &KekRow) -> Result<(), super::Error> {
        self.ring.install(row, &*self.root)
    }

    /// Drops an epoch that was destroyed.
    pub fn forget(&self, epoch: i32) {
        self.ring.forget(epoch);
    }

    /// The root key, to wrap a new epoch with.
    #[must_use]
    pub fn root(&self) -> &dyn RootKey {
        &*self.root
    }
}
