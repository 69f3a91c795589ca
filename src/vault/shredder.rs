//! [`Shredder`]: the power to end. It moves into rights.

use std::sync::Arc;

use crate::store::rows::DataKeyRow;
use crate::types::{CategorySet, Entropy};

use super::Error;
use super::datakey::{self, DataKey, Pseudonym};
use super::envelope::Compartment;
use super::index::{BlindIndex, IndexKeys};
use super::ring::KekRing;
use super::sign::Signer;

/// Ends compartments, marks tombstones and signs certificates. It opens no data.
///
/// A whole person is ended by deleting the data key rows; here is what needs a key.
pub struct Shredder {
    pub(super) ring: Arc<KekRing>,
    pub(super) index: Arc<IndexKeys>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) certificates: Signer,
}

impl Shredder {
    /// Erases compartments of a data key: their salts are overwritten and the row is wrapped anew under the newest
    /// epoch. It takes effect when the row is stored, and is final when the epoch the row had before is destroyed.
    /// Erasing again changes nothing.
    ///
    /// # Errors
    /// If the row does not open or there is no randomness; then it is unchanged.
    pub fn erase(&self, row: &mut DataKeyRow, compartments: &[Compartment]) -> Result<(), Error> {
        datakey::erase(&self.ring, row, compartments, &*self.entropy)
    }

    /// Erases everything but `kept` categories (what Art. 17(3)(b) GDPR with § 147 AO and § 257 HGB keeps) and, if
    /// `proof_kept`, the proofs (Art. 17(3)(e)).
    ///
    /// # Errors
    /// As [`Shredder::erase`].
    pub fn erase_all_but(&self, row: &mut DataKeyRow, kept: CategorySet, proof_kept: bool) -> Result<(), Error> {
        let dies = |compartment: &Compartment| match compartment {
            Compartment::Proof => !proof_kept,
            Compartment::Of(category) => !kept.contains(*category),
        };
        self.erase(row, &Compartment::all().filter(dies).collect::<Vec<_>>())
    }

    /// The index under which an erased person's identifier or record stands as a tombstone, from its lookup or record
    /// index.
    #[must_use]
    pub fn suppression(&self, index: BlindIndex) -> BlindIndex {
        self.index.suppression(index)
    }

    /// The subject's name in the audit log.
    ///
    /// # Errors
    /// If the row does not open.
    pub fn pseudonym(&self, row: &DataKeyRow) -> Result<Pseudonym, Error> {
        DataKey::open(&self.ring, row)?.pseudonym()
    }

    /// Signs erasure certificates.
    #[must_use]
    pub const fn certificates(&self) -> &Signer {
        &self.certificates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Shredder: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(Signer: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_impl_all!(Shredder: Send, Sync);
}
