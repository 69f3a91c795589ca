//! [`Opener`]: the power to read. It moves into the gateway and stays there.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::store::rows::DataKeyRow;
use crate::types::{Category, CategorySet, IdentifierKind, RecordKind, RecordNo, SourceNo};

use super::datakey::{DataKey, Pseudonym};
use super::envelope::{self, Compartment, Row, Sealed, Table};
use super::index::{BlindIndex, IndexKeys};
use super::ring::KekRing;
use super::{Error, Personal};

/// Opens what was sealed. There is one per process.
pub struct Opener {
    pub(super) ring: Arc<KekRing>,
    pub(super) index: Arc<IndexKeys>,
}

impl Opener {
    /// Opens one category of one record. For more than one, use [`Opener::with_key`].
    ///
    /// # Errors
    /// As [`Opener::with_key`] and [`OpeningKey::open`].
    pub fn open(&self, row: &DataKeyRow, record: RecordNo, category: Category, packed: &[u8]) -> Result<Opened, Error> {
        self.with_key(row)?.open(record, category, packed)
    }

    /// Unwraps a data key, to open several records of one person. Keep the handle no longer than the work at hand.
    ///
    /// # Errors
    /// [`Error::UnknownEpoch`]: load the epochs and try again. Else the row was changed or moved.
    pub fn with_key(&self, row: &DataKeyRow) -> Result<OpeningKey, Error> {
        DataKey::open(&self.ring, row).map(OpeningKey)
    }

    /// The index by which an identifier is looked up: the same as [`super::Sealer::lookup`].
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value.
    pub fn lookup(&self, kind: IdentifierKind, source: SourceNo, value: &Personal) -> Result<BlindIndex, Error> {
        self.index.lookup(kind, source, value)
    }

    /// The index of a record: the same as [`super::Sealer::record_index`].
    #[must_use]
    pub fn record_index(&self, source: SourceNo, kind: RecordKind, external_id: &Personal) -> BlindIndex {
        self.index.record(source, kind, external_id)
    }
}

/// One unwrapped data key that can only open.
pub struct OpeningKey(DataKey);

impl OpeningKey {
    /// Opens one category of one record.
    ///
    /// # Errors
    /// [`Error::Absent`] if the record has no such part, [`Error::Erased`] if the category is dead,
    /// [`Error::Refused`] or [`Error::Malformed`] if the bytes are not what was sealed here.
    pub fn open(&self, record: RecordNo, category: Category, packed: &[u8]) -> Result<Opened, Error> {
        let parts = envelope::unpack(packed)?;
        let part = parts.into_iter().find(|(of, _)| *of == category);
        let (_, part) = part.ok_or(Error::Absent(category))?;
        self.unseal(Table::Records, record.into(), category.into(), part)
    }

    /// Opens all `wanted` categories that the record holds and that are alive, in the order of their numbers. What
    /// was erased is not there, like what never was.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Malformed`] if the bytes are not what was sealed here.
    pub fn open_all(
        &self,
        record: RecordNo,
        wanted: CategorySet,
        packed: &[u8],
    ) -> Result<Vec<(Category, Opened)>, Error> {
        let alive = |category: &Category| wanted.contains(*category) && !self.0.is_dead(Compartment::Of(*category));
        let parts = envelope::unpack(packed)?.into_iter().filter(|(category, _)| alive(category));
        parts
            .map(|(category, part)| Ok((category, self.unseal(Table::Records, record.into(), category.into(), part)?)))
            .collect()
    }

    /// Opens one value outside the records.
    ///
    /// # Errors
    /// [`Error::Erased`] if the compartment is dead, [`Error::Refused`] or [`Error::Malformed`] if the bytes are not
    /// what was sealed here.
    pub fn open_one(&self, table: Table, row: Row, compartment: Compartment, sealed: &Sealed) -> Result<Opened, Error> {
        self.unseal(table, row, compartment, sealed.bytes())
    }

    /// Opens the source's own name of a record. None if it was not kept, or its category was erased.
    ///
    /// # Errors
    /// As [`OpeningKey::open_one`].
    pub fn open_name(&self, record: RecordNo, sealed: &[u8]) -> Result<Option<Opened>, Error> {
        self.open_of_card(record, Category::Identity.into(), sealed)
    }

    /// Opens what is compared of a record, to seal it under another key. None if nothing is, or one of the categories it
    /// is made of was erased.
    ///
    /// # Errors
    /// As [`OpeningKey::open_one`].
    pub fn open_compared(&self, record: RecordNo, sealed: &[u8]) -> Result<Option<Opened>, Error> {
        self.open_of_card(record, Compartment::Matching, sealed)
    }

    fn open_of_card(&self, record: RecordNo, of: Compartment, sealed: &[u8]) -> Result<Option<Opened>, Error> {
        if sealed.is_empty() || self.is_erased(of) {
            return Ok(None);
        }
        self.unseal(Table::Cards, record.into(), of, sealed).map(Some)
    }

    /// Has this compartment been erased?
    #[must_use]
    pub fn is_erased(&self, compartment: Compartment) -> bool {
        self.0.is_dead(compartment)
    }

    /// The subject's name in the audit log.
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no key.
    pub fn pseudonym(&self) -> Result<Pseudonym, Error> {
        self.0.pseudonym()
    }

    fn unseal(&self, table: Table, row: Row, compartment: Compartment, envelope: &[u8]) -> Result<Opened, Error> {
        self.0.unseal((table, row, compartment), envelope).map(Opened)
    }
}

/// Clear bytes, wiped on drop. Only who holds the [`Opener`] can come by one; who holds a [`super::Comparer`], by those of
/// what is compared.
pub struct Opened(pub(super) Zeroizing<Vec<u8>>);

impl Opened {
    /// The clear bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// If it is not a document of this form. The error says nothing of the content, unlike the reader's own.
    pub fn document<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.0).map_err(|_| Error::Malformed("the opened bytes are not the document expected"))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If it is none.
    pub fn text(&self) -> Result<String, Error> {
        let text = std::str::from_utf8(&self.0).map_err(|_| Error::Malformed("the opened bytes are no text"))?;
        Ok(text.to_owned())
    }

    /// Closes the value again, to be indexed or sealed anew: when a split gives records their own key back, or a
    /// person's identifiers become tombstones.
    #[must_use]
    pub fn into_personal(self) -> Personal {
        Personal::from_bytes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Opener: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(OpeningKey: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(Opened: Clone, Copy, std::fmt::Debug, std::fmt::Display, serde::Serialize);
    static_assertions::assert_impl_all!(Opener: Send, Sync);
}
