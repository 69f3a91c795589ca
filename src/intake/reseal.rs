//! Sealing a person anew: every part of them gets a new data key, and the old ones retire.

use std::sync::Arc;

use super::{Error, Intake};
use crate::gateway::Reclosed;
use crate::store::rows::{CardRow, LedgerRow, RecordRow, SubjectState};
use crate::store::{cards, keys, ledger, records, subjects};
use crate::types::{SubjectId, Timestamp};
use crate::vault::{Compartment, Row, Sealed, Sealer, Table};

impl Intake {
    /// Seals what was closed again under new keys, and deletes the keys it was sealed under before. False if the
    /// person changed meanwhile: then nothing was written, and they are to be read again.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub async fn reseal(&self, reclosed: Reclosed) -> Result<bool, Error> {
        let reclosed = Arc::new(reclosed);
        let now = self.clock.now();
        self.in_epoch(async || {
            let (reclosed, sealer) = (reclosed.clone(), self.sealer.clone());
            self.store.write(move |write| reseal(write, &sealer, &reclosed, now)).await
        })
        .await
    }
}

fn reseal(
    write: &mut crate::store::Write<'_>,
    sealer: &Sealer,
    reclosed: &Reclosed,
    now: Timestamp,
) -> Result<bool, Error> {
    let rows = &reclosed.rows;
    let mut owners: Vec<SubjectId> = rows.keys.iter().map(|key| key.subject).collect();
    owners.dedup();
    subjects::lock(write, &owners)?;
    if !unchanged(write, reclosed)? {
        return Ok(false);
    }
    if keys::newest_epoch(write)? != sealer.epoch() {
        return Err(Error::NewEpoch);
    }
    for owner in owners {
        // A crash between the commits of keys and records can leave a newer key that nothing uses yet.
        let present = keys::data_keys(write.keys()?, &[owner])?;
        let last = present.iter().map(|key| key.key_no).max().unwrap_or(0);
        let fresh = sealer.new_data_key(owner, last + 1, now)?;
        keys::insert_data_key(write, &fresh)?;
        let key = sealer.with_key(&fresh)?;
        for (record, parts) in
            rows.records.iter().zip(&reclosed.records).filter(|(record, _)| record.sealed_for == owner)
        {
            let sealed = key.seal(record.record_no, parts)?;
            records::replace(write, RecordRow { key_no: fresh.key_no, sealed, ..record.clone() })?;
        }
        for (entry, proof) in rows.ledger.iter().zip(&reclosed.proofs).filter(|(entry, _)| entry.sealed_for == owner) {
            let evidence = proof
                .as_ref()
                .map(|proof| key.seal_one(Table::Evidence, Row::number(entry.entry_no), Compartment::Proof, proof))
                .transpose()?;
            let evidence = evidence.map(Sealed::into_bytes).unwrap_or_default();
            ledger::reseal(write, &LedgerRow { key_no: fresh.key_no, evidence, ..entry.clone() })?;
        }
        for (card, (name, compared)) in reclosed.cards.iter().filter(|(card, _)| card.sealed_for == owner) {
            let (named, sealed) = key.seal_card(card.record_no, name.as_ref(), compared.as_ref())?;
            let (named, sealed) = (named.into_bytes(), sealed.into_bytes());
            cards::reseal(write, CardRow { key_no: fresh.key_no, named, sealed, ..card.clone() })?;
        }
    }
    Ok(true)
}

impl Intake {
    /// Retires the keys of a person that seal nothing any more. In a transaction of its own, once what they sealed is
    /// durable under the new ones: keys commit before records, and a crash in between must not leave records without
    /// a key. The rows stay, because the person's name in the audit book comes from them.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub async fn end_unused_keys(&self, person: SubjectId) -> Result<(), Error> {
        self.in_epoch(async || {
            let sealer = self.sealer.clone();
            self.store.write(move |write| end_unused(write, &sealer, person)).await
        })
        .await
    }

    /// Which of these owners have a key made before `before` that is not retired. Keys whose epoch is destroyed open
    /// nothing any more and do not count.
    ///
    /// # Errors
    /// If the store fails or a key does not open.
    pub async fn with_old_keys(&self, owners: Vec<SubjectId>, before: Timestamp) -> Result<Vec<SubjectId>, Error> {
        let mut rows = self.store.read(move |read| keys::data_keys(read.keys(), &owners)).await?;
        rows.retain(|key| key.created_at < before);
        self.keyring.know(rows.iter()).await?;
        let mut old = Vec::new();
        for key in rows.iter().filter(|key| self.keyring.opens(key)) {
            if !self.sealer.is_retired(key)? {
                old.push(key.subject);
            }
        }
        old.dedup();
        Ok(old)
    }
}

fn end_unused(write: &mut crate::store::Write<'_>, sealer: &Sealer, person: SubjectId) -> Result<(), Error> {
    let (person, state) = match subjects::living(write.records(), person)? {
        Some(row) => (row.subject_id, SubjectState::Living),
        None if is_kept(write, person)? => (person, SubjectState::Retained),
        None => return Ok(()),
    };
    let owners = subjects::with_merged(write.records(), person)?;
    // What is being sealed under one of these keys right now is stored before the look at what they seal. The state is
    // written as it is, so that PostgreSQL sees a conflict with whoever sealed something for them since this snapshot.
    subjects::lock(write, &owners)?;
    for owner in &owners {
        subjects::set_state(write, *owner, if *owner == person { state } else { SubjectState::Merged })?;
    }
    let records = records::of(write.records(), person)?;
    let entries = ledger::of(write.records(), person)?;
    for owner in owners {
        let rows = keys::hold_data_keys(write, &[owner])?;
        // The person's newest key is for what comes. For a part of theirs that holds nothing any more nothing comes.
        let newest = rows.iter().map(|key| key.key_no).max().filter(|_| owner == person);
        for key in rows.into_iter().filter(|key| newest != Some(key.key_no)) {
            let name = (key.subject, key.key_no);
            let used = records.iter().any(|record| (record.sealed_for, record.key_no) == name)
                || entries.iter().any(|entry| (entry.sealed_for, entry.key_no) == name && !entry.evidence.is_empty());
            if !used {
                if sealer.is_retired(&key)? {
                    continue;
                }
                let mut retired = key.clone();
                sealer.retire(&mut retired)?;
                keys::update_data_key(write, &key, &retired)?;
            }
        }
    }
    Ok(())
}

/// Is everything as it was read? Record for record and entry for entry.
fn unchanged(write: &mut crate::store::Write<'_>, reclosed: &Reclosed) -> Result<bool, Error> {
    let person = reclosed.rows.subject;
    let living = subjects::living(write.records(), person)?.is_some_and(|row| row.subject_id == person);
    Ok((living || is_kept(write, person)?)
        && records::of(write.records(), person)? == reclosed.rows.records
        && ledger::of(write.records(), person)? == reclosed.rows.ledger)
}

/// Is it a nobody, who owns what only a law keeps?
fn is_kept(write: &mut crate::store::Write<'_>, id: SubjectId) -> Result<bool, Error> {
    Ok(subjects::find(write.records(), id)?.is_some_and(|row| row.state == SubjectState::Retained as i16))
}
