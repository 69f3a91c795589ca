//! [`Comparer`]: the power to open what is compared, and nothing else. It goes to intake.

use std::sync::Arc;

use crate::store::rows::DataKeyRow;
use crate::types::RecordNo;

use super::datakey::DataKey;
use super::envelope::{Compartment, Table};
use super::ring::KekRing;
use super::{Error, Opened};

/// Opens the cards of matching: what is compared of a record, in the form in which it is compared. No record, no proof
/// and no name of a record at its source opens by it.
pub struct Comparer {
    pub(super) ring: Arc<KekRing>,
}

impl Comparer {
    /// Unwraps a data key, to open the cards sealed under it. Keep the handle no longer than the work at hand.
    ///
    /// # Errors
    /// [`Error::UnknownEpoch`]: load the epochs and try again. Else the row was changed or moved.
    pub fn with_key(&self, row: &DataKeyRow) -> Result<CardKey, Error> {
        DataKey::open(&self.ring, row).map(CardKey)
    }
}

/// One unwrapped data key that can only open cards.
pub struct CardKey(DataKey);

impl CardKey {
    /// Opens what is compared of a record.
    ///
    /// # Errors
    /// [`Error::Erased`] if one of the categories it was made of is dead, [`Error::Refused`] or [`Error::Malformed`] if
    /// the bytes are not what was sealed here.
    pub fn open(&self, record: RecordNo, sealed: &[u8]) -> Result<Opened, Error> {
        self.0.unseal((Table::Cards, record.into(), Compartment::Matching), sealed).map(Opened)
    }

    /// Has a category died of which cards are made? Then nothing opens.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.is_dead(Compartment::Matching)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Comparer: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(CardKey: Clone, Copy, std::fmt::Debug, serde::Serialize);
}
