//! The door. Trusted: here and only here sealed data is opened.
//!
//! It takes a permit and the receipt of the audit line that speaks for it, uses both up, and opens exactly what
//! the permit covers.

use std::collections::BTreeMap;

use super::Error;
use super::disclosure::{DisclosedRecord, Disclosure};
use super::permit::{Permit, RecordFacts};
use crate::audit::Receipt;
use crate::consent::{Edition, EntryNo};
use crate::store::rows::{DataKeyRow, LedgerRow, RecordRow, SubjectRows};
use crate::types::{Category, CategorySet, IdentifierKind, RecordKind, SourceNo, SubjectId, Timestamp};
use crate::vault::{self, Compartment, Opener, OpeningKey, Personal, Pseudonym, Row, Sealed, Table};

/// What was opened and closed again of one record: its position in the person's records, and its parts.
pub type CarriedOver = (usize, Vec<(Category, Personal)>);

pub(super) struct Door {
    opener: Opener,
}

impl Door {
    pub(super) const fn new(opener: Opener) -> Self {
        Self { opener }
    }

    pub(super) fn lookup(&self, kind: IdentifierKind, source: SourceNo, value: &Personal) -> Result<[u8; 16], Error> {
        Ok(self.opener.lookup(kind, source, value)?.bytes())
    }

    /// The pseudonym of a person: that of the first key made for them.
    pub(super) fn pseudonym(&self, rows: &SubjectRows) -> Result<Option<Pseudonym>, vault::Error> {
        let own = rows.keys.iter().filter(|key| key.subject == rows.subject).min_by_key(|key| key.key_no);
        own.map(|key| self.opener.with_key(key)?.pseudonym()).transpose()
    }

    pub(super) fn pseudonyms(&self, rows: &SubjectRows) -> Result<Vec<Pseudonym>, vault::Error> {
        rows.keys.iter().map(|key| self.opener.with_key(key)?.pseudonym()).collect()
    }

    /// Opens what `permit` covers of `rows`.
    pub(super) fn disclose(
        &self,
        permit: Permit,
        receipt: Receipt,
        rows: &SubjectRows,
        edition: &Edition,
    ) -> Result<Disclosure, Error> {
        if !receipt.speaks_for(permit.id()) {
            return Err(Error::WrongReceipt);
        }
        self.open(permit, rows, edition)
    }

    /// Opens many people whose one audit line `receipt` speaks for.
    pub(super) fn disclose_many(
        &self,
        allowed: Vec<(Permit, SubjectRows)>,
        receipt: Receipt,
        edition: &Edition,
    ) -> Result<Vec<Disclosure>, Error> {
        if !allowed.iter().all(|(permit, _)| receipt.speaks_for(permit.id())) {
            return Err(Error::WrongReceipt);
        }
        allowed.into_iter().map(|(permit, rows)| self.open(permit, &rows, edition)).collect()
    }

    /// Opens what `permit` covers and closes it again without letting it be read.
    pub(super) fn carry_over(
        &self,
        permit: Permit,
        receipt: Receipt,
        rows: &SubjectRows,
        edition: &Edition,
    ) -> Result<Vec<CarriedOver>, Error> {
        if !receipt.speaks_for(permit.id()) || permit.subject() != rows.subject {
            return Err(Error::WrongReceipt);
        }
        let mut keys = Keys::new(&self.opener, rows);
        let mut carried = Vec::new();
        for (at, record) in rows.records.iter().enumerate() {
            let parts = keys.open(&permit, record, edition)?;
            if !parts.is_empty() {
                carried
                    .push((at, parts.into_iter().map(|(category, part)| (category, part.into_personal())).collect()));
            }
        }
        Ok(carried)
    }

    fn open(&self, permit: Permit, rows: &SubjectRows, edition: &Edition) -> Result<Disclosure, Error> {
        if permit.subject() != rows.subject {
            return Err(Error::WrongReceipt);
        }
        let mut keys = Keys::new(&self.opener, rows);
        let mut records = Vec::with_capacity(rows.records.len());
        for record in &rows.records {
            let parts = keys.open(&permit, record, edition)?;
            if parts.is_empty() {
                continue;
            }
            let parts = parts
                .into_iter()
                .map(|(category, part)| Ok((category, part.document()?)))
                .collect::<Result<BTreeMap<_, _>, vault::Error>>()?;
            records.push(DisclosedRecord {
                record_no: record.record_no,
                kind: RecordKind::try_from(record.kind).map_err(crate::store::Error::from)?,
                source: edition.source(record.source_no).map_or_else(String::new, |source| source.code.clone()),
                version: record.version,
                ingested_at: record.ingested_at,
                keep_until: set(record.keep_until),
                source_until: set(record.source_until),
                parts,
            });
        }
        let evidence = if permit.own_access() { keys.evidence(&rows.ledger)? } else { BTreeMap::new() };
        let pseudonym = self.pseudonym(rows)?;
        Ok(Disclosure::new(rows.subject, permit.decision().clone(), records, pseudonym).with_evidence(evidence))
    }
}

/// The unwrapped keys of one person while they are needed; wiped when dropped.
struct Keys<'a> {
    opener: &'a Opener,
    rows: &'a [DataKeyRow],
    open: Vec<((SubjectId, i16), OpeningKey)>,
}

impl<'a> Keys<'a> {
    const fn new(opener: &'a Opener, rows: &'a SubjectRows) -> Self {
        Self { opener, rows: rows.keys.as_slice(), open: Vec::new() }
    }

    /// The parts of `record` that `permit` covers. A record whose key was shredded meanwhile has none.
    fn open(
        &mut self,
        permit: &Permit,
        record: &RecordRow,
        edition: &Edition,
    ) -> Result<Vec<(Category, vault::Opened)>, Error> {
        let facts = facts(permit, record, edition);
        let held = CategorySet::from_bits(record.categories.cast_unsigned());
        let wanted: CategorySet = held.iter().filter(|category| permit.covers(&facts, *category)).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let Some(key) = self.key(record.sealed_for, record.key_no)? else { return Ok(Vec::new()) };
        Ok(key.open_all(record.record_no, wanted, &record.sealed)?)
    }

    /// The proofs of consent that are still there. One whose key or compartment was erased is left out.
    fn evidence(&mut self, ledger: &[LedgerRow]) -> Result<BTreeMap<EntryNo, serde_json::Value>, Error> {
        let mut all = BTreeMap::new();
        for entry in ledger.iter().filter(|entry| !entry.evidence.is_empty()) {
            let Some(key) = self.key(entry.sealed_for, entry.key_no)? else { continue };
            if key.is_erased(Compartment::Proof) {
                continue;
            }
            let sealed = Sealed::from(entry.evidence.clone());
            let row = Row::number(entry.entry_no);
            let proof = key.open_one(Table::Evidence, row, Compartment::Proof, &sealed)?;
            all.insert(EntryNo(entry.entry_no), proof.document()?);
        }
        Ok(all)
    }

    fn key(&mut self, owner: SubjectId, key_no: i16) -> Result<Option<&OpeningKey>, Error> {
        let at = match self.open.iter().position(|(of, _)| *of == (owner, key_no)) {
            Some(at) => at,
            None => {
                let row = self.rows.iter().find(|row| row.subject == owner && row.key_no == key_no);
                let Some(row) = row else { return Ok(None) };
                self.open.push(((owner, key_no), self.opener.with_key(row)?));
                self.open.len() - 1
            }
        };
        Ok(self.open.get(at).map(|(_, key)| key))
    }
}

/// What is known of a record in clear.
pub(super) fn facts(permit: &Permit, record: &RecordRow, edition: &Edition) -> RecordFacts {
    let kept_by_law = record.facts & RecordRow::KEPT_BY_LAW != 0;
    // A source that is not configured any more allows nothing.
    let source_allows = edition
        .source(record.source_no)
        .is_some_and(|source| source.purposes.as_ref().is_none_or(|purposes| purposes.contains(permit.purpose())));
    RecordFacts {
        origin: record.sealed_for,
        source: record.source_no,
        source_allows,
        source_until: set(record.source_until),
        happened_at: set(record.happened_at),
        kept_by_law,
        keep_until: if kept_by_law { set(record.keep_until) } else { None },
    }
}

fn set(time: Timestamp) -> Option<Timestamp> {
    time.is_set().then_some(time)
}
