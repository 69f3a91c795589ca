//! The door. Trusted: here and only here sealed data is opened.
//!
//! It takes a permit and the receipt of the audit line that speaks for it, uses both up, and opens exactly what
//! the permit covers. What is only closed again under new keys needs no permit; nothing opens without a receipt.

use std::collections::BTreeMap;

use super::disclosure::{DisclosedRecord, Disclosure};
use super::document::Document;
use super::permit::{Permit, RecordFacts};
use super::{Assignment, Disclosed, Error};
use crate::audit::Receipt;
use crate::consent::{Edition, EntryNo};
use crate::store::rows::{CardRow, LedgerRow, RecordRow, SubjectRows};
use crate::types::{Category, CategorySet, DecisionId, IdentifierKind, RecordKind, SourceNo, SubjectId, Timestamp};
use crate::vault::{self, Compartment, Opener, OpeningKey, Personal, Pseudonym, Row, Sealed, Table};

/// What was opened and closed again of one record: its position in the person's records, and its parts.
pub type CarriedOver = (usize, Vec<(Category, Personal)>);

/// Parts per record, proof per ledger entry and what is kept of each card, closed again.
type ReclosedParts = (Vec<Vec<(Category, Personal)>>, Vec<Option<Personal>>, Vec<ReclosedCard>);

/// Name and compared part of a card, closed again; none where it has none that lives.
pub type ReclosedCard = (Option<Personal>, Option<Personal>);

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

    /// The keys of a person, for one piece of work. Each is unwrapped when it is needed, and once.
    pub(super) const fn keys<'a>(&'a self, rows: &'a SubjectRows) -> Keys<'a> {
        Keys { opener: &self.opener, rows, open: Vec::new(), pseudonym: None }
    }

    pub(super) fn pseudonyms(&self, rows: &SubjectRows) -> Result<Vec<Pseudonym>, vault::Error> {
        rows.keys.iter().map(|key| self.opener.with_key(key)?.pseudonym()).collect()
    }

    /// Opens what `permit` covers of the person whose `keys` these are; in their own copy, what `cards` name their records
    /// too.
    pub(super) fn disclose(
        &self,
        permit: Permit,
        receipt: Receipt,
        (keys, cards): (Keys<'_>, &[CardRow]),
        edition: &Edition,
    ) -> Result<Disclosure, Error> {
        if !receipt.speaks_for(permit.id()) {
            return Err(Error::WrongReceipt);
        }
        open(permit, keys, cards, edition)
    }

    /// Opens many people whose one audit line `receipt` speaks for; each may fail alone.
    pub(super) fn disclose_many(
        &self,
        allowed: Vec<(Permit, Keys<'_>)>,
        receipt: Receipt,
        edition: &Edition,
    ) -> Result<Vec<Result<Disclosure, Error>>, Error> {
        if !allowed.iter().all(|(permit, _)| receipt.speaks_for(permit.id())) {
            return Err(Error::WrongReceipt);
        }
        Ok(allowed.into_iter().map(|(permit, keys)| open(permit, keys, &[], edition)).collect())
    }

    /// Opens the source's own names of the records that each permit covers as identity. Of each person the `cards` come
    /// along.
    pub(super) fn names(
        &self,
        allowed: Vec<(Permit, Keys<'_>, Vec<&CardRow>)>,
        receipt: Receipt,
        edition: &Edition,
    ) -> Result<Vec<Assignment>, Error> {
        if !allowed.iter().all(|(permit, ..)| receipt.speaks_for(permit.id())) {
            return Err(Error::WrongReceipt);
        }
        let mut named = Vec::new();
        for (permit, mut keys, cards) in allowed {
            if permit.subject() != keys.rows.subject {
                return Err(Error::WrongReceipt);
            }
            for record in &keys.rows.records {
                let card = cards.iter().find(|card| card.record_no == record.record_no);
                let covered = permit.covers(&facts(&permit, record, edition), Category::Identity);
                let Some(card) = card.filter(|_| covered) else { continue };
                let Some(name) = keys.name(record, card)? else { continue };
                named.push(Assignment {
                    source: edition.source(record.source_no).map_or_else(String::new, |source| source.code.clone()),
                    external_id: Disclosed::new(name),
                    subject: permit.subject(),
                });
            }
        }
        Ok(named)
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
        let mut keys = self.keys(rows);
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

    /// Opens every part, proof and card that is alive and closes it again without letting it be read. There is no permit,
    /// because nobody reads; `id` is that of the work which `receipt` speaks for.
    pub(super) fn reclose(
        &self,
        id: DecisionId,
        receipt: Receipt,
        rows: &SubjectRows,
        cards: &[CardRow],
    ) -> Result<ReclosedParts, Error> {
        if !receipt.speaks_for(id) {
            return Err(Error::WrongReceipt);
        }
        let mut keys = self.keys(rows);
        let mut records = Vec::with_capacity(rows.records.len());
        for record in &rows.records {
            let parts = match keys.key(record.sealed_for, record.key_no)? {
                Some(key) => key.open_all(record.record_no, CategorySet::all(), &record.sealed)?,
                None => Vec::new(),
            };
            records.push(parts.into_iter().map(|(category, part)| (category, part.into_personal())).collect());
        }
        let mut proofs = Vec::with_capacity(rows.ledger.len());
        for entry in &rows.ledger {
            proofs.push(keys.proof(entry)?.map(vault::Opened::into_personal));
        }
        let mut reclosed = Vec::with_capacity(cards.len());
        for card in cards {
            let Some(key) = keys.key(card.sealed_for, card.key_no)? else {
                reclosed.push((None, None));
                continue;
            };
            let name = key.open_name(card.record_no, &card.named)?.map(vault::Opened::into_personal);
            let compared = key.open_compared(card.record_no, &card.sealed)?.map(vault::Opened::into_personal);
            reclosed.push((name, compared));
        }
        Ok((records, proofs, reclosed))
    }
}

/// Opens what `permit` covers. The receipt for it was checked.
fn open(permit: Permit, mut keys: Keys<'_>, cards: &[CardRow], edition: &Edition) -> Result<Disclosure, Error> {
    let rows = keys.rows;
    if permit.subject() != rows.subject {
        return Err(Error::WrongReceipt);
    }
    let mut records = Vec::with_capacity(rows.records.len());
    for record in &rows.records {
        let parts = keys.open(&permit, record, edition)?;
        if parts.is_empty() {
            continue;
        }
        let parts = parts
            .into_iter()
            .map(|(category, part)| Ok((category, Document::of(&part)?)))
            .collect::<Result<BTreeMap<_, _>, vault::Error>>()?;
        let card = cards.iter().find(|card| permit.own_access() && card.record_no == record.record_no);
        let name = match card {
            Some(card) => keys.name(record, card)?,
            None => None,
        };
        records.push(DisclosedRecord {
            name,
            record_no: record.record_no,
            kind: RecordKind::try_from(record.kind).map_err(crate::store::Error::from)?,
            source: edition.source(record.source_no).map_or_else(String::new, |source| source.code.clone()),
            version: record.version,
            ingested_at: record.ingested_at,
            keep_until: set(record.keep_until),
            source_until: set(record.source_until),
            parts,
            verified: record.facts & RecordRow::VERIFIED != 0,
            rectification: record.facts & RecordRow::RECTIFICATION != 0,
        });
    }
    let evidence = if permit.own_access() { keys.evidence(&rows.ledger)? } else { BTreeMap::new() };
    let pseudonym = keys.pseudonym()?;
    let disclosure =
        Disclosure::new(rows.subject, permit.decision().clone(), records, edition.survivorship().clone(), pseudonym);
    Ok(disclosure.with_evidence(evidence))
}

/// One person's rows, and their keys unwrapped while they are needed; wiped when dropped. Only the door opens with them.
pub(super) struct Keys<'a> {
    opener: &'a Opener,
    rows: &'a SubjectRows,
    open: Vec<((SubjectId, i16), OpeningKey)>,
    pseudonym: Option<Pseudonym>,
}

impl Keys<'_> {
    /// The pseudonym of the person: that of the first key made for them.
    pub(super) fn pseudonym(&mut self) -> Result<Option<Pseudonym>, Error> {
        if self.pseudonym.is_some() {
            return Ok(self.pseudonym);
        }
        let rows = self.rows;
        let own = rows.keys.iter().filter(|key| key.subject == rows.subject).min_by_key(|key| key.key_no);
        let Some(own) = own else { return Ok(None) };
        self.pseudonym = self.key(own.subject, own.key_no)?.map(OpeningKey::pseudonym).transpose()?;
        Ok(self.pseudonym)
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

    /// The source's own id of a record, if it was kept.
    fn name(&mut self, record: &RecordRow, card: &CardRow) -> Result<Option<String>, Error> {
        let Some(key) = self.key(record.sealed_for, record.key_no)? else { return Ok(None) };
        Ok(key.open_name(record.record_no, &card.named)?.map(|name| name.text()).transpose()?)
    }

    /// The proofs of consent that are still there. One whose key or compartment was erased is left out.
    fn evidence(&mut self, ledger: &[LedgerRow]) -> Result<BTreeMap<EntryNo, serde_json::Value>, Error> {
        let mut all = BTreeMap::new();
        for entry in ledger {
            if let Some(proof) = self.proof(entry)? {
                all.insert(EntryNo(entry.entry_no), proof.document()?);
            }
        }
        Ok(all)
    }

    /// The proof of one entry, if it has one that is alive.
    fn proof(&mut self, entry: &LedgerRow) -> Result<Option<vault::Opened>, Error> {
        if entry.evidence.is_empty() {
            return Ok(None);
        }
        let Some(key) = self.key(entry.sealed_for, entry.key_no)? else { return Ok(None) };
        if key.is_erased(Compartment::Proof) {
            return Ok(None);
        }
        let sealed = Sealed::from(entry.evidence.clone());
        Ok(Some(key.open_one(Table::Evidence, Row::number(entry.entry_no), Compartment::Proof, &sealed)?))
    }

    fn key(&mut self, owner: SubjectId, key_no: i16) -> Result<Option<&OpeningKey>, Error> {
        let at = match self.open.iter().position(|(of, _)| *of == (owner, key_no)) {
            Some(at) => at,
            None => {
                let row = self.rows.keys.iter().find(|row| row.subject == owner && row.key_no == key_no);
                let Some(row) = row else { return Ok(None) };
                self.open.push(((owner, key_no), self.opener.with_key(row)?));
                self.open.len() - 1
            }
        };
        Ok(self.open.get(at).map(|(_, key)| key))
    }
}

/// Is there any part of any record that `permit` covers?
pub(super) fn opens_anything(permit: &Permit, rows: &SubjectRows, edition: &Edition) -> bool {
    rows.records.iter().any(|record| {
        let facts = facts(permit, record, edition);
        CategorySet::from_bits(record.categories.cast_unsigned()).iter().any(|held| permit.covers(&facts, held))
    })
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
