//! The ring of key-encryption keys. Every epoch that lives opens, the newest seals.
//!
//! Destroying an epoch is what makes an erasure final in every old page, replica and backup: first re-wrap all
//! living data keys to the newest epoch ([`super::Rotator::rewrap`]), then empty the epoch's row and
//! [`KekRing::forget`] it on every node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::store::rows::KekRow;
use crate::types::{Entropy, Timestamp};

use super::Error;
use super::cipher::{Secret, Wrapper};
use super::root::RootKey;

/// The living KEK epochs of this process. Shared; changes are seen by all who hold it.
///
/// From outside, the ring can only be told which epochs live; wrapping and unwrapping are this room's.
pub struct KekRing {
    now: RwLock<Arc<Epochs>>,
    /// Held by whoever changes the ring, so that no change is lost; readers never wait for it.
    changing: Mutex<()>,
}

/// One moment of the ring.
struct Epochs {
    living: BTreeMap<i32, Arc<Wrapper>>,
    /// The highest epoch ever seen, living or not, so that no number is used twice.
    highest: i32,
}

impl KekRing {
    /// The ring of these rows.
    ///
    /// # Errors
    /// If the root key does not open a living row.
    pub(super) fn open(rows: &[KekRow], root: &dyn RootKey) -> Result<Arc<Self>, Error> {
        let none = Epochs { living: BTreeMap::new(), highest: 0 };
        let ring = Self { now: RwLock::new(Arc::new(none)), changing: Mutex::new(()) };
        ring.load(rows, root)?;
        Ok(Arc::new(ring))
    }

    /// Makes the ring hold exactly the living epochs of `rows` (all rows of the table). Epochs already held are not
    /// unwrapped again; destroyed or missing ones are forgotten. Only an epoch newer than all of `rows` stays: it was
    /// installed after they were read. On an error the ring stays as it was.
    ///
    /// # Errors
    /// If the root key does not open a living row.
    pub fn load(&self, rows: &[KekRow], root: &dyn RootKey) -> Result<(), Error> {
        let _alone = self.alone();
        let known = self.now();
        let mut living = BTreeMap::new();
        let mut highest = known.highest;
        let newest = rows.iter().map(|row| row.epoch).max().unwrap_or_default();
        living.extend(known.living.range(newest + 1..).map(|(epoch, kek)| (*epoch, Arc::clone(kek))));
        for row in rows {
            highest = highest.max(row.epoch);
            if lives(row) {
                let kek = match known.living.get(&row.epoch) {
                    Some(kek) => Arc::clone(kek),
                    None => unwrap_kek(row, root)?,
                };
                living.insert(row.epoch, kek);
            }
        }
        self.replace(Epochs { living, highest });
        Ok(())
    }

    /// Makes the row of the next epoch. It takes effect when the row is stored and then [installed](Self::install);
    /// if another node stored the same number first, load the rows and use its epoch.
    ///
    /// # Errors
    /// If there is no randomness or the root key cannot wrap.
    pub fn new_epoch(&self, root: &dyn RootKey, entropy: &dyn Entropy, now: Timestamp) -> Result<KekRow, Error> {
        make_epoch(self.now().highest + 1, root, entropy, now)
    }

    /// Adds one epoch; if it is the newest, everything is sealed under it from now on.
    ///
    /// # Errors
    /// If the row is destroyed or the root key does not open it.
    pub fn install(&self, row: &KekRow, root: &dyn RootKey) -> Result<(), Error> {
        if !lives(row) {
            return Err(Error::UnknownEpoch(row.epoch));
        }
        let kek = unwrap_kek(row, root)?;
        let _alone = self.alone();
        let known = self.now();
        let mut living = known.living.clone();
        living.insert(row.epoch, kek);
        self.replace(Epochs { living, highest: known.highest.max(row.epoch) });
        Ok(())
    }

    /// Drops an epoch; its key is wiped as soon as no call is using it. What it wrapped does not open here any more.
    pub fn forget(&self, epoch: i32) {
        let _alone = self.alone();
        let known = self.now();
        let mut living = known.living.clone();
        living.remove(&epoch);
        self.replace(Epochs { living, highest: known.highest });
    }

    /// The epoch that seals; `None` if no epoch lives.
    #[must_use]
    pub fn newest(&self) -> Option<i32> {
        self.now().living.keys().next_back().copied()
    }

    /// The living epochs, oldest first.
    #[must_use]
    pub fn epochs(&self) -> Vec<i32> {
        self.now().living.keys().copied().collect()
    }

    /// Is this epoch loaded and alive?
    #[must_use]
    pub fn knows(&self, epoch: i32) -> bool {
        self.now().living.contains_key(&epoch)
    }

    /// The KEK that seals, with its epoch.
    pub(super) fn sealing(&self) -> Result<(i32, Arc<Wrapper>), Error> {
        let now = self.now();
        now.living.last_key_value().map(|(epoch, kek)| (*epoch, Arc::clone(kek))).ok_or(Error::NoEpoch)
    }

    /// The KEK of `epoch`.
    pub(super) fn opening(&self, epoch: i32) -> Result<Arc<Wrapper>, Error> {
        self.now().living.get(&epoch).cloned().ok_or(Error::UnknownEpoch(epoch))
    }

    fn now(&self) -> Arc<Epochs> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, epochs: Epochs) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(epochs);
    }
}

/// The row of a fresh epoch, wrapped by the root key under the name `kek/<epoch>`.
pub(super) fn make_epoch(
    epoch: i32,
    root: &dyn RootKey,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<KekRow, Error> {
    let kek = Secret::random(entropy)?;
    let wrapped = root.wrap(&name(epoch), kek.bytes(), entropy)?;
    Ok(KekRow { epoch, wrapped, created_at: now, destroyed_at: None })
}

fn lives(row: &KekRow) -> bool {
    row.destroyed_at.is_none() && !row.wrapped.is_empty()
}

fn unwrap_kek(row: &KekRow, root: &dyn RootKey) -> Result<Arc<Wrapper>, Error> {
    let bytes = root.unwrap(&name(row.epoch), &row.wrapped)?;
    let kek = Secret::from_slice(&bytes).ok_or_else(|| Error::SecretLength(name(row.epoch)))?;
    Ok(Arc::new(Wrapper::new(&kek)))
}

fn name(epoch: i32) -> String {
    format!("kek/{epoch}")
}
