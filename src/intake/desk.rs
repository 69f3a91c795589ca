//! [`Desk`]: what is needed beside the transaction to write down a record or a statement, and the two things both
//! need: a key to seal under, and entries in the ledger.

use std::cell::Cell;

use super::Error;
use super::prepare::Prepared;
use crate::consent::{Entry, ledger as words};
use crate::store::rows::{DataKeyRow, LedgerRow};
use crate::store::{Write, keys, ledger, subjects};
use crate::types::{CategorySet, IdMaker, SourceNo, SubjectId, Timestamp};
use crate::vault::{Compartment, Personal, Row, Sealer, SealingKey, Table};

/// The desk of one run of one transaction.
pub(super) struct Desk<'a> {
    pub(super) sealer: &'a Sealer,
    pub(super) ids: &'a IdMaker,
    pub(super) now: Timestamp,
    /// Whether this transaction saw that no newer epoch was begun.
    newest: Cell<bool>,
}

/// An unwrapped key with its name.
pub(super) struct Key<'a> {
    pub(super) owner: SubjectId,
    pub(super) key_no: i16,
    pub(super) key: SealingKey<'a>,
}

impl Key<'_> {
    /// The person's name in the audit book.
    pub(super) fn pseudonym(&self) -> Result<[u8; 16], Error> {
        Ok(self.key.pseudonym()?.bytes())
    }
}

impl<'a> Desk<'a> {
    pub(super) const fn new(sealer: &'a Sealer, ids: &'a IdMaker, now: Timestamp) -> Self {
        Self { sealer, ids, now, newest: Cell::new(false) }
    }

    /// Makes a key for a person. Another node may have begun an epoch; a key under the one before would keep it from
    /// being destroyed.
    pub(super) fn new_key(&self, write: &mut Write<'_>, owner: SubjectId, key_no: i16) -> Result<Key<'a>, Error> {
        if !self.newest.get() {
            if keys::newest_epoch(write)? != self.sealer.epoch() {
                return Err(Error::NewEpoch);
            }
            self.newest.set(true);
        }
        let (row, key) = self.sealer.fresh_key(owner, key_no, self.now)?;
        keys::insert_data_key(write, &row)?;
        Ok(Key { owner, key_no, key })
    }

    /// The newest key of a part of a person, or a new one if one of the `categories` it must seal was erased.
    pub(super) fn sealing_key(
        &self,
        write: &mut Write<'_>,
        owner: SubjectId,
        categories: CategorySet,
    ) -> Result<Key<'a>, Error> {
        let newest = newest_key(write, owner)?;
        let key = self.sealer.with_key(&newest)?;
        let dead = categories.iter().any(|category| key.is_erased(Compartment::Of(category)));
        if dead || key.is_erased(Compartment::Proof) {
            return self.new_key(write, owner, newest.key_no + 1);
        }
        Ok(Key { owner, key_no: newest.key_no, key })
    }

    /// The key under which a statement of a person is sealed.
    pub(super) fn proof_key(&self, write: &mut Write<'_>, owner: SubjectId) -> Result<Key<'a>, Error> {
        self.sealing_key(write, owner, CategorySet::EMPTY)
    }

    /// Appends what a record says about consents. A `new` person has said nothing yet.
    pub(super) fn record_claims(
        &self,
        write: &mut Write<'_>,
        prepared: &Prepared,
        person: SubjectId,
        key: &Key<'_>,
        new: bool,
    ) -> Result<(), Error> {
        if prepared.claims.is_empty() {
            return Ok(());
        }
        let known = if new { Vec::new() } else { ledger::of(write.records(), person)? };
        let known = known.iter().map(words::entry).collect::<Result<Vec<_>, _>>()?;
        for claimed in prepared.claims.iter().filter(|claimed| !known.iter().any(|known| claimed.retells(known))) {
            let said = (&claimed.entry, claimed.evidence.as_ref());
            self.record_entry(write, person, key, said, prepared.source.number, &known)?;
        }
        Ok(())
    }

    /// Appends one entry to the ledger, unless the very same one is there.
    pub(super) fn record_entry(
        &self,
        write: &mut Write<'_>,
        person: SubjectId,
        key: &Key<'_>,
        (entry, evidence): (&Entry, Option<&Personal>),
        source_no: SourceNo,
        known: &[Entry],
    ) -> Result<Option<i64>, Error> {
        let same = |known: &&Entry| {
            let mut known = (*known).clone();
            (known.entry_no, known.recorded_at) = (entry.entry_no, entry.recorded_at);
            let mut entry = entry.clone();
            entry.origin = key.owner;
            known == entry
        };
        if known.iter().any(|entry| same(&entry)) {
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
        };
        ledger::insert(write, row)?;
        Ok(Some(number))
    }
}

/// Locks the owner first: a key must not retire between being chosen and what it seals being stored.
fn newest_key(write: &mut Write<'_>, owner: SubjectId) -> Result<DataKeyRow, Error> {
    subjects::lock(write, owner)?;
    let rows = keys::data_keys(write.keys()?, &[owner])?;
    rows.into_iter().max_by_key(|row| row.key_no).ok_or(Error::NoKey)
}
