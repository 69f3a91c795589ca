//! Settling a prepared record inside the write transaction: is it news, whose is it, seal, write.
//!
//! Re-runnable: nothing is taken out of the prepared record, and every run seals anew.

use super::prepare::Prepared;
use super::{Error, Outcome};
use crate::consent::{Entry, ledger as words};
use crate::graph::{self, Rule};
use crate::store::rows::{DataKeyRow, IdentifierRow, LedgerRow, LinkRow, RecordRow, SubjectRow, SubjectState};
use crate::store::{Write, identifiers, keys, ledger, links, records, subjects, tombstones};
use crate::types::{IdMaker, RecordKind, RecordNo, SourceNo, SubjectId, Timestamp};
use crate::vault::{Compartment, Personal, Row, Sealer, SealingKey, Table};

/// By which rule and which blind index a record was found to be a person's.
type Evidence = Vec<(Rule, [u8; 16])>;

/// What settling needs beside the transaction.
pub(super) struct Desk<'a> {
    pub(super) sealer: &'a Sealer,
    pub(super) ids: &'a IdMaker,
    pub(super) now: Timestamp,
}

impl Desk<'_> {
    /// Writes one record if it is news.
    pub(super) fn settle(&self, write: &mut Write<'_>, prepared: &Prepared) -> Result<Outcome, Error> {
        if Self::is_suppressed(write, prepared)? {
            return Ok(Outcome::Suppressed);
        }
        match Self::stored(write, prepared)? {
            Some(row) if row.version > prepared.version => Ok(Outcome::Stale),
            Some(row) => {
                let same = row.content_mac == prepared.content_mac.bytes();
                // Two contents with one time of change: the larger code wins, so that the order of arrival decides
                // nothing.
                let wins = row.version < prepared.version || row.content_mac < prepared.content_mac.bytes().to_vec();
                if same && row.version == prepared.version {
                    Ok(Outcome::Unchanged)
                } else if wins {
                    self.replace(write, prepared, row)?;
                    Ok(if same { Outcome::Unchanged } else { Outcome::Updated })
                } else {
                    Ok(Outcome::Stale)
                }
            }
            None => {
                self.append(write, prepared)?;
                Ok(Outcome::Created)
            }
        }
    }

    /// Old data of an erased person does not bring them back (Art. 17 GDPR); what happened after the erasure makes a
    /// new person. An account or subscription is the same object before and after, so its version decides.
    fn is_suppressed(write: &mut Write<'_>, prepared: &Prepared) -> Result<bool, Error> {
        let lasting = matches!(prepared.kind, RecordKind::Customer | RecordKind::NewsletterSubscription);
        if let Some(erased_at) = tombstones::find(write, &prepared.own_tombstone)?
            && (!lasting || prepared.version <= erased_at)
        {
            return Ok(true);
        }
        let told_of = prepared.happened_at.unwrap_or(prepared.version);
        for ix in &prepared.tombstones {
            if tombstones::find(write, ix)?.is_some_and(|erased_at| told_of <= erased_at) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn stored(write: &mut Write<'_>, prepared: &Prepared) -> Result<Option<RecordRow>, Error> {
        let rows = identifiers::with_index(write.records(), &prepared.record_ix.bytes())?;
        let Some(row) = rows.into_iter().find(|row| row.kind == IdentifierRow::RECORD) else { return Ok(None) };
        Ok(records::find(write.records(), row.subject_id, row.record_no)?)
    }

    fn append(&self, write: &mut Write<'_>, prepared: &Prepared) -> Result<(), Error> {
        let record_no = self.ids.record_no();
        let (person, evidence) = self.person_for(write, prepared, record_no, None)?;
        let key = self.sealing_key(write, person, prepared)?;
        let row = self.row(prepared, person, record_no, &key)?;
        records::insert(write, row)?;
        self.index(write, prepared, person, record_no, evidence)?;
        self.record_claims(write, prepared, person, &key)
    }

    /// A newer version of a known record. It stays with the part of the person that brought it.
    fn replace(&self, write: &mut Write<'_>, prepared: &Prepared, old: RecordRow) -> Result<(), Error> {
        let (person, evidence) = self.person_for(write, prepared, old.record_no, Some(old.subject_id))?;
        let key = self.sealing_key(write, old.sealed_for, prepared)?;
        let row = RecordRow {
            part: person.part(),
            subject_id: person,
            ingested_at: old.ingested_at,
            ..self.row(prepared, old.sealed_for, old.record_no, &key)?
        };
        records::replace(write, row)?;
        identifiers::delete_of(write, old.record_no)?;
        self.index(write, prepared, person, old.record_no, evidence)?;
        self.record_claims(write, prepared, person, &key)
    }

    /// The person the record belongs to: the one it leads to, all it leads to joined into one, or a new one.
    fn person_for(
        &self,
        write: &mut Write<'_>,
        prepared: &Prepared,
        record: RecordNo,
        known: Option<SubjectId>,
    ) -> Result<(SubjectId, Evidence), Error> {
        let found = graph::resolve(write, &prepared.clues)?;
        let mut people = found.people;
        people.extend(known);
        people.sort_unstable();
        people.dedup();
        // Whoever made a statement under a contact point did not prove to be the one this record is about: the record
        // is sealed for a person of its own, so that their no holds for it and their earlier yes does not.
        let proven = found.evidence.iter().filter(|(rule, ..)| *rule != Rule::Statement).map(|(_, _, person)| *person);
        let person = match proven.chain(known).min() {
            Some(person) => person,
            None => self.new_person(write)?,
        };
        for other in people.iter().filter(|other| **other != person) {
            let why = found.evidence.iter().find(|(_, _, to)| to == other).map(|(rule, ix, _)| (*rule, *ix));
            // The known person may be the one that is joined in; then any evidence that led elsewhere is why.
            let why = why.or_else(|| found.evidence.first().map(|(rule, ix, _)| (*rule, *ix)));
            if let Some(why) = why {
                graph::merge(write, *other, person, record, why, self.now)?;
            }
        }
        Ok((person, found.evidence.into_iter().map(|(rule, ix, _)| (rule, ix)).collect()))
    }

    fn new_person(&self, write: &mut Write<'_>) -> Result<SubjectId, Error> {
        let person = SubjectId::from_uuid(self.ids.uuid().map_err(crate::store::Error::from)?);
        let row = SubjectRow {
            part: person.part(),
            subject_id: person,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: self.now,
        };
        subjects::insert(write, &row)?;
        self.new_key(write, person, 1)?;
        Ok(person)
    }

    fn new_key(&self, write: &mut Write<'_>, person: SubjectId, key_no: i16) -> Result<DataKeyRow, Error> {
        // Another node may have begun an epoch; a key under the one before would keep it from being destroyed.
        if keys::newest_epoch(write)? != self.sealer.epoch() {
            return Err(Error::NewEpoch);
        }
        let row = self.sealer.new_data_key(person, key_no, self.now)?;
        keys::insert_data_key(write, &row)?;
        Ok(row)
    }

    /// The newest key of a part of a person, or a new one if a category it must seal was erased.
    fn sealing_key(&self, write: &mut Write<'_>, owner: SubjectId, prepared: &Prepared) -> Result<Key<'_>, Error> {
        let newest = Self::newest_key(write, owner)?;
        let key = self.sealer.with_key(&newest)?;
        let dead = prepared.categories().iter().any(|category| key.is_erased(Compartment::Of(category)));
        if !dead && !key.is_erased(Compartment::Proof) {
            return Ok(Key { owner, key_no: newest.key_no, key });
        }
        let fresh = self.new_key(write, owner, newest.key_no + 1)?;
        Ok(Key { owner, key_no: fresh.key_no, key: self.sealer.with_key(&fresh)? })
    }

    /// Locks the owner first: a key must not retire between being chosen and what it seals being stored.
    fn newest_key(write: &mut Write<'_>, owner: SubjectId) -> Result<DataKeyRow, Error> {
        subjects::lock(write, owner)?;
        let rows = keys::data_keys(write.keys()?, &[owner])?;
        rows.into_iter().max_by_key(|row| row.key_no).ok_or(Error::NoKey)
    }

    fn row(
        &self,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
        key: &Key<'_>,
    ) -> Result<RecordRow, Error> {
        let or_unset = |time: Option<Timestamp>| time.unwrap_or(Timestamp::UNSET);
        Ok(RecordRow {
            record_no,
            part: person.part(),
            subject_id: person,
            sealed_for: key.owner,
            key_no: key.key_no,
            source_no: prepared.source.number,
            kind: prepared.kind.number(),
            version: prepared.version,
            content_mac: prepared.content_mac.bytes().to_vec(),
            categories: prepared.categories().bits().cast_signed(),
            facts: prepared.facts,
            ingested_at: self.now,
            happened_at: or_unset(prepared.happened_at),
            contract_until: or_unset(prepared.contract_until),
            source_until: or_unset(prepared.source_until),
            keep_until: or_unset(prepared.keep_until),
            sealed: key.key.seal(record_no, &prepared.parts)?,
        })
    }

    fn index(
        &self,
        write: &mut Write<'_>,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
        evidence: Evidence,
    ) -> Result<(), Error> {
        let rows = prepared.indexes.iter().map(|indexed| IdentifierRow {
            ix: indexed.ix.to_vec(),
            record_no,
            kind: indexed.kind,
            subject_id: person,
            use_flags: indexed.flags,
        });
        identifiers::insert(write, rows.collect())?;
        let first = evidence.is_empty().then_some((Rule::First, None));
        let found = evidence.into_iter().map(|(rule, ix)| (rule, Some(ix.to_vec())));
        let mut told: Vec<Rule> = Vec::new();
        for (rule, evidence_ix) in first.into_iter().chain(found) {
            if told.contains(&rule) {
                continue;
            }
            told.push(rule);
            links::insert(
                write,
                LinkRow {
                    part: person.part(),
                    subject_id: person,
                    record_no,
                    rule: rule as i16,
                    evidence_ix,
                    merged_from: None,
                    decided_at: self.now,
                },
            )?;
        }
        Ok(())
    }

    fn record_claims(
        &self,
        write: &mut Write<'_>,
        prepared: &Prepared,
        person: SubjectId,
        key: &Key<'_>,
    ) -> Result<(), Error> {
        if prepared.claims.is_empty() {
            return Ok(());
        }
        let known = Known::of(write, person)?;
        for claimed in &prepared.claims {
            let mut entry = claimed.entry.clone();
            if let Some(told) = known.iter().find(|known| claimed.retells(&known.entry)) {
                // With another proof it is told twice, and still of the same moment.
                entry.at = told.entry.at;
            }
            self.record_entry(write, person, key, (&entry, claimed.evidence.as_ref()), prepared.source.number, &known)?;
        }
        Ok(())
    }

    /// Appends one entry to the ledger, unless the very same one is there with the same proof, or comes without any now.
    /// A second proof of the same statement is an entry of its own: what proves a consent is never dropped (Art. 7(1) GDPR).
    pub(super) fn record_entry(
        &self,
        write: &mut Write<'_>,
        person: SubjectId,
        key: &Key<'_>,
        (entry, evidence): (&Entry, Option<&Personal>),
        source_no: SourceNo,
        known: &[Known],
    ) -> Result<Option<i64>, Error> {
        let evidence_mac = self.proof_mac(key, evidence);
        if known.iter().any(|known| known.is(entry, key.owner) && known.covers(&evidence_mac)) {
            return Ok(None);
        }
        let number = self.ids.record_no().0;
        let sealed = evidence
            .map(|proof| key.key.seal_one(Table::Evidence, Row::number(number), Compartment::Proof, proof))
            .transpose()?;
        let row = LedgerRow {
            part: person.part(),
            subject_id: person,
            entry_no: number,
            origin: key.owner,
            act: entry.act.number(),
            purpose: entry.purpose.as_ref().map_or_else(String::new, ToString::to_string),
            channel: entry.channel.map_or(0, Into::into),
            happened_at: entry.at,
            recorded_at: self.now,
            method: entry.method.word().to_owned(),
            text_version: entry.text_version.as_deref().unwrap_or_default().to_owned(),
            proof_flags: words::proof_flags(entry),
            source_no,
            sealed_for: key.owner,
            key_no: key.key_no,
            evidence: sealed.map(crate::vault::Sealed::into_bytes).unwrap_or_default(),
            evidence_mac,
        };
        ledger::insert(write, row)?;
        Ok(Some(number))
    }

    /// Does the ledger hold this very no already, with no yes after it? Clicking a link again and again adds nothing.
    pub(super) fn repeats(
        &self,
        key: &Key<'_>,
        (entry, evidence): (&Entry, Option<&Personal>),
        known: &[Known],
    ) -> bool {
        let mac = self.proof_mac(key, evidence);
        let yes = known.iter().filter(|known| !known.entry.act.is_no()).map(|known| known.entry.at).max();
        let said = |known: &&Known| {
            let dated = Entry { at: known.entry.at, ..entry.clone() };
            known.is(&dated, key.owner) && known.covers(&mac)
        };
        entry.act.is_no() && known.iter().filter(said).any(|no| yes.is_none_or(|yes| yes < no.entry.at))
    }

    fn proof_mac(&self, key: &Key<'_>, evidence: Option<&Personal>) -> Vec<u8> {
        evidence.map(|proof| self.sealer.proof_mac(key.owner, proof).bytes().to_vec()).unwrap_or_default()
    }

    /// The key under which a statement of a person is sealed.
    pub(super) fn proof_key(&self, write: &mut Write<'_>, owner: SubjectId) -> Result<Key<'_>, Error> {
        let newest = Self::newest_key(write, owner)?;
        let key = self.sealer.with_key(&newest)?;
        if !key.is_erased(Compartment::Proof) {
            return Ok(Key { owner, key_no: newest.key_no, key });
        }
        let fresh = self.new_key(write, owner, newest.key_no + 1)?;
        Ok(Key { owner, key_no: fresh.key_no, key: self.sealer.with_key(&fresh)? })
    }
}

/// An entry the ledger holds, and the digest of its proof.
pub(super) struct Known {
    pub(super) entry: Entry,
    evidence_mac: Vec<u8>,
}

impl Known {
    pub(super) fn of(write: &mut Write<'_>, person: SubjectId) -> Result<Vec<Self>, Error> {
        let rows = ledger::of(write.records(), person)?;
        let known = |row: LedgerRow| Ok(Self { entry: words::entry(&row)?, evidence_mac: row.evidence_mac });
        rows.into_iter().map(known).collect()
    }

    /// Is it what `entry` says, for this part of the person?
    fn is(&self, entry: &Entry, owner: SubjectId) -> bool {
        let Entry { entry_no, recorded_at, .. } = self.entry;
        self.entry == Entry { entry_no, recorded_at, origin: owner, ..entry.clone() }
    }

    fn covers(&self, evidence_mac: &[u8]) -> bool {
        evidence_mac.is_empty() || self.evidence_mac == evidence_mac
    }
}

/// An unwrapped key with its name.
pub(super) struct Key<'a> {
    owner: SubjectId,
    key_no: i16,
    key: SealingKey<'a>,
}

impl Key<'_> {
    /// The person's name in the audit book.
    pub(super) fn pseudonym(&self) -> Result<[u8; 16], Error> {
        Ok(self.key.pseudonym()?.bytes())
    }
}
