//! [`Shredder`]: the power to end. It moves into rights.

use std::sync::Arc;

use crate::store::rows::DataKeyRow;
use crate::types::{Category, CategorySet, Entropy, RecordNo, SubjectId, Timestamp};

use super::datakey::{self, DataKey, Pseudonym};
use super::envelope::Compartment;
use super::index::{BlindIndex, IndexKeys};
use super::ring::KekRing;
use super::sealer::SealingKey;
use super::sign::Signer;
use super::{Error, Personal};

/// Ends compartments, marks tombstones, seals what a law keeps and signs certificates. It opens no data.
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
            // Dies with the categories it is made of.
            Compartment::Matching => false,
        };
        self.erase(row, &Compartment::all().filter(dies).collect::<Vec<_>>())
    }

    /// Seals what a law keeps under a key of its own, so that it outlives the person's keys and ends apart from them.
    /// `owner` is a fresh nobody. Answers the key's row and one packed form per record, in the order given; the
    /// compartments that hold nothing are dead from the start.
    ///
    /// # Errors
    /// If no epoch lives, there is no randomness, or a category comes twice in a record.
    pub fn keep(
        &self,
        owner: SubjectId,
        records: Vec<(RecordNo, Vec<(Category, Personal)>)>,
        now: Timestamp,
    ) -> Result<(DataKeyRow, Vec<Vec<u8>>), Error> {
        let (mut row, _) = datakey::make(&self.ring, owner, 1, &*self.entropy, now)?;
        let held = records.iter().flat_map(|(_, parts)| parts).map(|(category, _)| *category).collect();
        self.erase_all_but(&mut row, held, false)?;
        let key = SealingKey { key: DataKey::open(&self.ring, &row)?, entropy: &*self.entropy };
        let sealed = records.iter().map(|(record, parts)| key.seal(*record, parts)).collect::<Result<_, _>>()?;
        Ok((row, sealed))
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
