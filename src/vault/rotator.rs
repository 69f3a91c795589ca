//! [`Rotator`]: the power to begin key epochs. It goes to the job that rotates keys.

use std::sync::Arc;

use crate::store::rows::{DataKeyRow, KekRow};
use crate::types::{Entropy, Timestamp};

use super::Error;
use super::datakey;
use super::ring::KekRing;
use super::root::RootKey;

/// Makes epochs and moves wrapped keys to the newest. It opens no data and makes no data keys.
pub struct Rotator {
    pub(super) ring: Arc<KekRing>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Rotator {
    /// Makes the row of the next epoch: see [`KekRing::new_epoch`].
    ///
    /// # Errors
    /// If there is no randomness or the root key cannot wrap.
    pub fn new_epoch(&self, root: &dyn RootKey, now: Timestamp) -> Result<KekRow, Error> {
        self.ring.new_epoch(root, &*self.entropy, now)
    }

    /// The row wrapped under the newest epoch; `None` if it is already there. 1 million take about a minute.
    ///
    /// # Errors
    /// If the row does not open or there is no randomness.
    pub fn rewrap(&self, row: &DataKeyRow) -> Result<Option<DataKeyRow>, Error> {
        datakey::rewrap(&self.ring, row, &*self.entropy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Rotator: Clone, Copy, std::fmt::Debug, serde::Serialize);
}
