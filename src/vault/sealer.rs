//! [`Sealer`]: the power to put personal data in. It goes to intake.

use std::sync::Arc;

use crate::store::rows::DataKeyRow;
use crate::types::{Category, Entropy, IdentifierKind, RecordKind, RecordNo, SourceNo, SubjectId, Timestamp};

use super::cipher::NONCE;
use super::datakey::{self, DataKey, Pseudonym};
use super::envelope::{self, Compartment, Row, Sealed, Table};
use super::index::{BlindIndex, IndexKeys};
use super::ring::KekRing;
use super::{Error, Personal};

/// Makes data keys, seals under them and computes blind indexes. It opens nothing.
pub struct Sealer {
    pub(super) ring: Arc<KekRing>,
    pub(super) index: Arc<IndexKeys>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Sealer {
    /// Makes the data key number `key_no` of `owner`, wrapped under the newest epoch, all compartments alive.
    ///
    /// # Errors
    /// If no epoch lives or there is no randomness.
    pub fn new_data_key(&self, owner: SubjectId, key_no: i16, now: Timestamp) -> Result<DataKeyRow, Error> {
        Ok(datakey::make(&self.ring, owner, key_no, &*self.entropy, now)?.0)
    }

    /// As [`Sealer::new_data_key`], with the key ready to seal under.
    ///
    /// # Errors
    /// As [`Sealer::new_data_key`].
    pub fn fresh_key(
        &self,
        owner: SubjectId,
        key_no: i16,
        now: Timestamp,
    ) -> Result<(DataKeyRow, SealingKey<'_>), Error> {
        let (row, key) = datakey::make(&self.ring, owner, key_no, &*self.entropy, now)?;
        Ok((row, SealingKey { key, entropy: &*self.entropy }))
    }

    /// The epoch under which this process wraps new keys.
    #[must_use]
    pub fn epoch(&self) -> Option<i32> {
        self.ring.newest()
    }

    /// Unwraps a data key, to seal many values under it. Keep the handle no longer than the work at hand.
    ///
    /// # Errors
    /// [`Error::UnknownEpoch`]: load the epochs and try again. Else the row was changed or moved.
    pub fn with_key(&self, row: &DataKeyRow) -> Result<SealingKey<'_>, Error> {
        Ok(SealingKey { key: DataKey::open(&self.ring, row)?, entropy: &*self.entropy })
    }

    /// Retires a key that seals nothing any more: all its compartments die, and only the person's name in the audit book
    /// stays with it. Nothing that was ever sealed under it opens again.
    ///
    /// # Errors
    /// If the row does not open or there is no randomness.
    pub fn retire(&self, row: &mut DataKeyRow) -> Result<(), Error> {
        datakey::erase(&self.ring, row, &Compartment::all().collect::<Vec<_>>(), &*self.entropy)
    }

    /// Was the key retired?
    ///
    /// # Errors
    /// As [`Sealer::with_key`].
    pub fn is_retired(&self, row: &DataKeyRow) -> Result<bool, Error> {
        let key = DataKey::open(&self.ring, row)?;
        Ok(Compartment::all().all(|compartment| key.is_dead(compartment)))
    }

    /// The index by which an identifier is looked up. `source` matters for kinds that are
    /// [scoped to it](super::source_scoped).
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value.
    pub fn lookup(&self, kind: IdentifierKind, source: SourceNo, value: &Personal) -> Result<BlindIndex, Error> {
        self.index.lookup(kind, source, value)
    }

    /// The index under which a matching key (phonetic name and postcode, say) finds candidates. `rule` is the number
    /// of the blocking rule. Store [`BlindIndex::short`].
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value.
    pub fn matching(&self, rule: i16, value: &Personal) -> Result<BlindIndex, Error> {
        self.index.matching(rule, value)
    }

    /// Hides numbers so that only this hub can read them again ([`Sealer::unmask`]) and equal ones do not look equal. They
    /// are no personal data by themselves, and are not bound to any place.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn mask(&self, numbers: &[i32]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce)?;
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        self.index.mask(&nonce, &mut bytes);
        Ok([nonce.as_slice(), &bytes].concat())
    }

    /// The numbers [`Sealer::mask`] hid. What it did not make yields other numbers, or none.
    #[must_use]
    pub fn unmask(&self, masked: &[u8]) -> Vec<i32> {
        let Some((nonce, bytes)) = masked.split_first_chunk::<16>() else { return Vec::new() };
        let mut bytes = bytes.to_vec();
        self.index.mask(nonce, &mut bytes);
        bytes.as_chunks::<4>().0.iter().map(|number| i32::from_be_bytes(*number)).collect()
    }

    /// The index under which an erased person's identifier or record stands as a tombstone, from its lookup or record
    /// index.
    #[must_use]
    pub fn suppression(&self, index: BlindIndex) -> BlindIndex {
        self.index.suppression(index)
    }

    /// The index of a record: its source, kind and the source's id of it.
    #[must_use]
    pub fn record_index(&self, source: SourceNo, kind: RecordKind, external_id: &Personal) -> BlindIndex {
        self.index.record(source, kind, external_id)
    }

    /// A code over a record's content: equal if and only if the same record comes again unchanged. Codes of
    /// different records differ even when their content is the same.
    #[must_use]
    pub fn content_mac(&self, record: BlindIndex, parts: &[(Category, Personal)]) -> BlindIndex {
        self.index.content(record, parts)
    }

    /// A code over the proof of a statement of `owner`: equal if and only if the same proof comes again.
    #[must_use]
    pub fn proof_mac(&self, owner: SubjectId, proof: &Personal) -> BlindIndex {
        self.index.proof(owner, proof)
    }
}

/// One unwrapped data key that can only seal.
pub struct SealingKey<'sealer> {
    pub(super) key: DataKey,
    pub(super) entropy: &'sealer dyn Entropy,
}

impl SealingKey<'_> {
    /// Seals the parts of one record, one per category, into the packed form of its row. Sealing again, after a
    /// transaction that failed, draws new nonces.
    ///
    /// # Errors
    /// [`Error::Erased`] if a category of this key is dead: the caller makes a new key. [`Error::Unsealable`] if a
    /// category comes twice.
    pub fn seal(&self, record: RecordNo, parts: &[(Category, Personal)]) -> Result<Vec<u8>, Error> {
        let mut parts: Vec<&(Category, Personal)> = parts.iter().collect();
        parts.sort_by_key(|(category, _)| *category);
        if !parts.is_sorted_by(|(before, _), (after, _)| before < after) {
            return Err(Error::Unsealable("a category comes twice"));
        }
        // One call for all nonces: asking the system costs as much as sealing a kilobyte.
        let mut nonces = [0; NONCE * Category::ALL.len()];
        let (nonces, _) =
            nonces.split_at_mut_checked(NONCE * parts.len()).ok_or(Error::Unsealable("too many parts"))?;
        self.entropy.fill(nonces)?;
        let count = u8::try_from(parts.len()).map_err(|_| Error::Unsealable("too many parts"))?;
        let mut packed = Vec::with_capacity(envelope::packed_length(parts.iter().map(|(_, part)| part.len())));
        packed.push(count);
        for ((category, part), nonce) in parts.iter().zip(nonces.as_chunks::<NONCE>().0) {
            packed.push(category.number());
            packed.extend_from_slice(&envelope::envelope_length(part.len())?.to_be_bytes());
            let place = (Table::Records, record.into(), Compartment::Of(*category));
            self.key.seal(place, nonce, part.bytes(), &mut packed)?;
        }
        Ok(packed)
    }

    /// Seals what matching keeps of a record: its name at the source, and what is compared. Either is empty if it is not
    /// given or what it belongs to was erased.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal_card(
        &self,
        record: RecordNo,
        named: Option<&Personal>,
        compared: Option<&Personal>,
    ) -> Result<(Sealed, Sealed), Error> {
        let mut nonces = [0; 2 * NONCE];
        self.entropy.fill(&mut nonces)?;
        let seal = |value: Option<&Personal>, nonce: Option<&[u8; NONCE]>, compartment: Compartment| {
            let mut sealed = Vec::new();
            if let (Some(value), Some(nonce), false) = (value, nonce, self.is_erased(compartment)) {
                self.key.seal((Table::Cards, record.into(), compartment), nonce, value.bytes(), &mut sealed)?;
            }
            Ok::<_, Error>(Sealed::from(sealed))
        };
        let (first, second) = nonces.split_at(NONCE);
        Ok((
            seal(named, first.first_chunk(), Category::Identity.into())?,
            seal(compared, second.first_chunk(), Compartment::Matching)?,
        ))
    }

    /// Seals one value outside the records.
    ///
    /// # Errors
    /// [`Error::Erased`] if the compartment of this key is dead.
    pub fn seal_one(
        &self,
        table: Table,
        row: Row,
        compartment: Compartment,
        value: &Personal,
    ) -> Result<Sealed, Error> {
        let mut nonce = [0; NONCE];
        self.entropy.fill(&mut nonce)?;
        let mut sealed = Vec::new();
        self.key.seal((table, row, compartment), &nonce, value.bytes(), &mut sealed)?;
        Ok(Sealed::from(sealed))
    }

    /// Has this compartment been erased? Nothing can be sealed in it any more.
    #[must_use]
    pub fn is_erased(&self, compartment: Compartment) -> bool {
        self.key.is_dead(compartment)
    }

    /// The subject's name in the audit log.
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no key.
    pub fn pseudonym(&self) -> Result<Pseudonym, Error> {
        self.key.pseudonym()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Sealer: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(SealingKey<'static>: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(DataKey: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_impl_all!(Sealer: Send, Sync);
}
