//! [`Disclosure`]: the only form in which personal data leaves. Trusted: only the door makes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::document::Document;
use super::origin::{self, Origin};
use super::{Decision, Disclosed, profile};
use crate::consent::{EntryNo, Survivorship};
use crate::types::{Category, RecordKind, RecordNo, SubjectId, Timestamp};
use crate::vault::Pseudonym;

/// Personal data that a permit opened, after its audit line was durable. It serialises as a profile with the
/// decision attached; it cannot be printed, and nothing but the door can make one.
pub struct Disclosure {
    subject: SubjectId,
    decision: Decision,
    records: Vec<DisclosedRecord>,
    survivorship: Arc<Survivorship>,
    pseudonym: Option<Pseudonym>,
    evidence: BTreeMap<EntryNo, Value>,
}

/// What was opened of one record.
pub struct DisclosedRecord {
    pub(super) record_no: RecordNo,
    pub(super) kind: RecordKind,
    pub(super) source: String,
    pub(super) version: Timestamp,
    pub(super) ingested_at: Timestamp,
    pub(super) keep_until: Option<Timestamp>,
    pub(super) source_until: Option<Timestamp>,
    pub(super) parts: BTreeMap<Category, Document>,
    /// The source's own id of it. Only in the person's own copy.
    pub(super) name: Option<String>,
    /// Did its source verify a contact point or account in it?
    pub(super) verified: bool,
    /// Is it the person's own correction (Art. 16 GDPR)?
    pub(super) rectification: bool,
}

impl Disclosure {
    pub(super) const fn new(
        subject: SubjectId,
        decision: Decision,
        records: Vec<DisclosedRecord>,
        survivorship: Arc<Survivorship>,
        pseudonym: Option<Pseudonym>,
    ) -> Self {
        Self { subject, decision, records, survivorship, pseudonym, evidence: BTreeMap::new() }
    }

    pub(super) fn with_evidence(mut self, evidence: BTreeMap<EntryNo, Value>) -> Self {
        self.evidence = evidence;
        self
    }

    /// The proof of one of the person's consents (Art. 7(1) GDPR). Only in the person's own copy.
    #[must_use]
    pub fn proof(&self, entry: EntryNo) -> Option<Disclosed<Value>> {
        self.evidence.get(&entry).cloned().map(Disclosed::new)
    }

    /// Whose data it is.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        self.subject
    }

    /// The decision that opened it.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What was opened, record by record, in the order of arrival.
    #[must_use]
    pub fn records(&self) -> &[DisclosedRecord] {
        &self.records
    }

    /// What was opened, joined into one profile per category; see `profile.rs` for which value wins.
    #[must_use]
    pub fn profile(&self) -> Disclosed<BTreeMap<Category, serde_json::Map<String, Value>>> {
        Disclosed::new(profile::join(&self.records, &self.survivorship).into_owned())
    }

    /// Of each value of the profile: which record it is of, and why it survived.
    #[must_use]
    pub fn origins(&self) -> Vec<Origin> {
        origin::origins(&self.records, &self.survivorship)
    }

    /// The disclosure as it is sent to whoever asks where its values are from.
    #[must_use]
    pub const fn with_origins(&self) -> WithOrigins<'_> {
        WithOrigins(self)
    }

    /// The version of the rules of survivorship that made the profile; 0: the hub's own.
    #[must_use]
    pub fn survivorship(&self) -> u32 {
        self.survivorship.version
    }

    pub(super) const fn pseudonym(&self) -> Option<Pseudonym> {
        self.pseudonym
    }
}

impl DisclosedRecord {
    /// Its number.
    #[must_use]
    pub const fn record_no(&self) -> RecordNo {
        self.record_no
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// The code of the source it came from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The source's own id of it. Only in the person's own copy.
    #[must_use]
    pub fn name(&self) -> Option<Disclosed<String>> {
        self.name.clone().map(Disclosed::new)
    }

    /// When the source last changed it.
    #[must_use]
    pub const fn version(&self) -> Timestamp {
        self.version
    }

    /// When it first arrived.
    #[must_use]
    pub const fn ingested_at(&self) -> Timestamp {
        self.ingested_at
    }

    /// Until when a law keeps it.
    #[must_use]
    pub const fn keep_until(&self) -> Option<Timestamp> {
        self.keep_until
    }

    /// When the source's own term ends.
    #[must_use]
    pub const fn source_until(&self) -> Option<Timestamp> {
        self.source_until
    }

    /// Is it the person's own correction (Art. 16 GDPR)?
    #[must_use]
    pub const fn is_rectification(&self) -> bool {
        self.rectification
    }

    /// The categories that were opened.
    pub fn categories(&self) -> impl Iterator<Item = Category> {
        self.parts.keys().copied()
    }

    /// The opened document of a category; its shape is in [`crate::intake::record`].
    #[must_use]
    pub fn part(&self, category: Category) -> Option<Disclosed<&Value>> {
        self.parts.get(&category).map(|part| Disclosed::new(part.tree()))
    }

    /// The opened documents by category.
    pub fn parts(&self) -> impl Iterator<Item = (Category, Disclosed<Value>)> {
        self.parts.iter().map(|(category, part)| (*category, Disclosed::new(part.tree().clone())))
    }
}

impl Serialize for Disclosure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut reply = serializer.serialize_struct("Disclosure", 3)?;
        reply.serialize_field("subject_id", &self.subject)?;
        reply.serialize_field("decision", &self.decision)?;
        match profile::alone(&self.records) {
            Some(profile) => reply.serialize_field("data", &profile)?,
            None => reply.serialize_field("data", &profile::join(&self.records, &self.survivorship))?,
        }
        reply.end()
    }
}

/// A disclosure with where its values are from.
pub struct WithOrigins<'a>(&'a Disclosure);

impl Serialize for WithOrigins<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Disclosure { subject, decision, records, survivorship, .. } = self.0;
        let mut reply = serializer.serialize_struct("Disclosure", 5)?;
        reply.serialize_field("subject_id", subject)?;
        reply.serialize_field("decision", decision)?;
        reply.serialize_field("data", &profile::join(records, survivorship))?;
        reply.serialize_field("survivorship_version", &survivorship.version)?;
        reply.serialize_field("origins", &self.0.origins())?;
        reply.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use static_assertions::assert_not_impl_any;

    assert_not_impl_any!(Disclosure: Clone, Default, std::fmt::Debug, std::fmt::Display, serde::de::DeserializeOwned);
    assert_not_impl_any!(DisclosedRecord: Clone, Default, std::fmt::Debug, Serialize);
}
