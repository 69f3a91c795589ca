//! The rows as other rooms see them. Personal data in them is ciphertext or a blind index.

mod keys;
mod matching;

use diesel::prelude::{Insertable, Queryable, Selectable};
pub use keys::{DataKeyRow, HubSecretRow, KekRow};
pub use matching::{BlockRow, CardRow, ReviewRow};

use super::{Error, schema};
use crate::types::{Part, RecordNo, SourceNo, SubjectId, Timestamp};

/// A person, or the trace of one who was merged into another.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::subject, treat_none_as_default_value = false)]
pub struct SubjectRow {
    /// The partition.
    pub part: Part,
    /// The person's id.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// The person this one was merged into, as 16 bytes.
    pub merged_into: Option<Vec<u8>>,
    /// When; unset if not merged.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub merged_at: Timestamp,
    /// One of [`SubjectState`]'s numbers.
    pub state: i16,
    /// When the hub first saw the person.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

/// Where a subject row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum SubjectState {
    /// A person.
    Living = 1,
    /// Merged into another person; kept because keys and ciphertexts are bound to it.
    Merged = 2,
    /// Being erased: no read finds it any more.
    Erasing = 3,
    /// Nobody any more: the owner of records that only a statutory duty keeps (§ 35(3) BDSG).
    Retained = 4,
}

/// One stored record: clear columns the house needs to decide, and the sealed rest.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::record)]
pub struct RecordRow {
    /// Its number.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub record_no: RecordNo,
    /// The partition of `subject_id`.
    pub part: Part,
    /// The person it belongs to now.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// The person it was sealed for: whose key opens it, and whose consents it came with.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub sealed_for: SubjectId,
    /// Which of that person's keys seals it.
    pub key_no: i16,
    /// Where it came from.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// A [`crate::types::RecordKind`] number.
    pub kind: i16,
    /// The source's own time of change; the newest wins.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub version: Timestamp,
    /// Keyed digest of the content, to see that a re-delivery changes nothing.
    pub content_mac: Vec<u8>,
    /// A [`crate::types::CategorySet`]'s bits: what the sealed part holds.
    pub categories: i16,
    /// Bits of [`RecordRow::PAID_ORDER`] and its neighbours.
    pub facts: i16,
    /// When it arrived.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub ingested_at: Timestamp,
    /// When the event happened that it tells of; unset if it tells of a state, such as a name.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub happened_at: Timestamp,
    /// Until when the contract it belongs to lives; unset: no contract.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub contract_until: Timestamp,
    /// When the source's own term for the data ends; unset: no term.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub source_until: Timestamp,
    /// Until when tax or commercial law keeps it; unset: no duty.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub keep_until: Timestamp,
    /// One envelope per category.
    pub sealed: Vec<u8>,
}

impl RecordRow {
    /// It is an order that was paid (§ 7(3) no. 1 UWG).
    pub const PAID_ORDER: i16 = 1;
    /// The e-mail address came with it, and it is an order.
    pub const ADDRESS_FROM_ORDER: i16 = 2;
    /// Its person was erased and only a law keeps it.
    pub const KEPT_BY_LAW: i16 = 4;
    /// The source verified a contact point or account in it: who told it is who it is about.
    pub const VERIFIED: i16 = 8;
    /// The person's own correction (Art. 16 GDPR).
    pub const RECTIFICATION: i16 = 16;
    /// It holds by what a vendor knows somebody who was erased, until the vendor forgot them too (Art. 17, 19 GDPR).
    pub const ERRAND: i16 = 32;
}

/// One blind index of one record.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::identifier)]
pub struct IdentifierRow {
    /// The blind index, 16 bytes.
    pub ix: Vec<u8>,
    /// The record that brought it.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub record_no: RecordNo,
    /// A [`crate::types::IdentifierKind`] number; 0 is the record's own source, type and external id.
    pub kind: i16,
    /// The person.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// Bits of [`IdentifierRow::VERIFIED`] and its neighbours.
    pub use_flags: i16,
    /// 0 if it joins, did so, or is the record's own; 1 if it only serves look-up. See [`IdentifierRow::behind`].
    pub behind: i16,
    /// Keyed digest of the family name that came with it, or of a customer number the account, comparable among the rows of this value
    /// only; 0 without one.
    pub whose: i32,
}

impl IdentifierRow {
    /// The kind of a record's own key.
    pub const RECORD: i16 = 0;
    /// The source proved that the person controls it.
    pub const VERIFIED: i16 = 1;
    /// It may join records into one person.
    pub const JOINS: i16 = 2;
    /// A look-up by it finds the person.
    pub const LOOKUP: i16 = 4;
    /// The hub knows it from a statement about the use of data, and nothing else of the person yet.
    pub const STATEMENT: i16 = 8;
    /// So many share it that it joins nobody any more: [`IdentifierRow::JOINS`] was taken from all its rows.
    pub const GENERIC: i16 = 16;
    /// The uses that hold records together: it may join them, or a statement made under it belongs to whoever it was found by.
    pub const BINDS: i16 = Self::JOINS | Self::STATEMENT;

    /// Does the value hold records together?
    #[must_use]
    pub const fn binds(&self) -> bool {
        self.use_flags & Self::BINDS != 0
    }

    /// Where a row of this kind and use stands among those of its value: what decides about joining comes first.
    #[must_use]
    pub const fn behind(kind: i16, use_flags: i16) -> i16 {
        let decides = use_flags & (Self::JOINS | Self::STATEMENT | Self::GENERIC) != 0;
        if kind == Self::RECORD || decides { 0 } else { 1 }
    }
}

/// Why a record belongs to a person, or why two persons became one.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::link, treat_none_as_default_value = false)]
pub struct LinkRow {
    /// The partition of `subject_id`.
    pub part: Part,
    /// The person.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// The record.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub record_no: RecordNo,
    /// Which rule decided; the graph room names them.
    pub rule: i16,
    /// The blind index that agreed.
    pub evidence_ix: Option<Vec<u8>>,
    /// The person that was joined in by it.
    pub merged_from: Option<Vec<u8>>,
    /// When.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub decided_at: Timestamp,
    /// The record it was found equal to, or the oldest with the value by which it was found; 0 if none is known.
    pub other_no: i64,
    /// What the comparisons came to, in thousandths of a bit; 0 for a rule.
    pub weight: i32,
    /// The comparisons, as JSON of levels and weights without values; empty for a rule.
    pub waterfall: String,
}

impl LinkRow {
    /// Who was joined in by it.
    ///
    /// # Errors
    /// If what is stored is no id.
    pub fn joined(&self) -> Result<Option<SubjectId>, Error> {
        Ok(self.merged_from.as_deref().map(SubjectId::from_slice).transpose()?)
    }

    /// A link by a rule.
    #[must_use]
    pub const fn by_rule(
        subject: SubjectId,
        part: Part,
        record_no: RecordNo,
        rule: i16,
        evidence_ix: Option<Vec<u8>>,
        decided_at: Timestamp,
    ) -> Self {
        Self {
            part,
            subject_id: subject,
            record_no,
            rule,
            evidence_ix,
            merged_from: None,
            decided_at,
            other_no: 0,
            weight: 0,
            waterfall: String::new(),
        }
    }
}

/// One entry of a person's consent ledger.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::ledger)]
pub struct LedgerRow {
    /// The partition of `subject_id`.
    pub part: Part,
    /// The person now.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// Increasing number.
    pub entry_no: i64,
    /// The person it was given for, before any merge.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub origin: SubjectId,
    /// Granted, withdrawn and so on; the consent room names them.
    pub act: i16,
    /// A purpose code; empty where the act means all it can mean.
    pub purpose: String,
    /// A [`crate::types::Channel`] number; 0 for all.
    pub channel: i16,
    /// When the person acted.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub happened_at: Timestamp,
    /// When the hub learnt of it.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub recorded_at: Timestamp,
    /// How it was given.
    pub method: String,
    /// Which text the person saw.
    pub text_version: String,
    /// 1 proven, 2 confirmed, 4 explicit.
    pub proof_flags: i16,
    /// The source it came from; 0 for the hub itself.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// Whose key seals the evidence.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub sealed_for: SubjectId,
    /// Which of the keys.
    pub key_no: i16,
    /// The sealed proof; empty if there is none.
    pub evidence: Vec<u8>,
    /// Keyed digest of the proof, to see whether a statement comes again with another one; empty if there is none.
    pub evidence_mac: Vec<u8>,
    /// The record that told it; 0 if the person said it to the hub.
    pub record_no: i64,
    /// When the person said it, where it counts from a later time: a no that is said for each of those they became. Unset: as
    /// `happened_at`.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub said_at: Timestamp,
}

impl LedgerRow {
    /// When the person said it.
    #[must_use]
    pub fn said(&self) -> Timestamp {
        if self.said_at.is_set() { self.said_at } else { self.happened_at }
    }
}

/// Whom a read asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A person by id (an id that was merged away leads to the person it is now).
    Subject(SubjectId),
    /// A person by the blind index of one of their identifiers.
    Identifier([u8; 16]),
}

/// Everything one consented read needs of one person, from one snapshot.
#[derive(Clone, Debug)]
pub struct SubjectRows {
    /// The person.
    pub subject: SubjectId,
    /// When the hub first saw them.
    pub created_at: Timestamp,
    /// Their records, in the order of arrival.
    pub records: Vec<RecordRow>,
    /// Their consent ledger, in the order of recording.
    pub ledger: Vec<LedgerRow>,
    /// Their data keys, those of merged persons included.
    pub keys: Vec<DataKeyRow>,
    /// The rows of everybody who was merged into them and brought something along.
    pub merged: Vec<SubjectRow>,
}

impl SubjectRows {
    pub(super) const fn empty(subject: SubjectId, created_at: Timestamp) -> Self {
        Self { subject, created_at, records: Vec::new(), ledger: Vec::new(), keys: Vec::new(), merged: Vec::new() }
    }
}
