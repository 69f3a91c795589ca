//! [`Desk`]: what is needed beside the transaction to write down a record or a statement, and a key to seal it under.

use std::cell::Cell;

use super::Error;
use crate::store::rows::DataKeyRow;
use crate::store::{Write, keys, ledger, records, subjects};
use crate::types::{CategorySet, IdMaker, SubjectId, Timestamp};
use crate::vault::{Compartment, Sealer, SealingKey};

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
    pub(super) fn fresh_key(
        &self,
        write: &mut Write<'_>,
        owner: SubjectId,
        key_no: i16,
    ) -> Result<(DataKeyRow, Key<'a>), Error> {
        if !self.newest.get() {
            if keys::newest_epoch(write)? != self.sealer.epoch() {
                return Err(Error::NewEpoch);
            }
            self.newest.set(true);
        }
        let (row, key) = self.sealer.fresh_key(owner, key_no, self.now)?;
        Ok((row, Key { owner, key_no, key }))
    }

    /// As [`Desk::fresh_key`], written at once.
    fn new_key(&self, write: &mut Write<'_>, owner: SubjectId, key_no: i16) -> Result<Key<'a>, Error> {
        let (row, key) = self.fresh_key(write, owner, key_no)?;
        keys::insert_data_key(write, &row)?;
        Ok(key)
    }

    /// The newest key of a part of a person, or a new one if one of the `categories` it must seal was erased.
    pub(super) fn sealing_key(
        &self,
        write: &mut Write<'_>,
        owner: SubjectId,
        categories: CategorySet,
    ) -> Result<Key<'a>, Error> {
        let Some(newest) = newest_key(write, owner)? else {
            let number = free_number(write, owner)?;
            return self.new_key(write, owner, number);
        };
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
}

/// Locks the owner first: a key must not retire between being chosen and what it seals being stored. And the key: the
/// snapshot may be older than the lock, and a category ended in between.
fn newest_key(write: &mut Write<'_>, owner: SubjectId) -> Result<Option<DataKeyRow>, Error> {
    subjects::lock(write, owner)?;
    let rows = keys::hold_data_keys(write, owner)?;
    Ok(rows.into_iter().max_by_key(|row| row.key_no))
}

/// The number of the first key of a living part whose keys are lost: none that anything of theirs was sealed under, so that
/// what was is missing and not damaged.
fn free_number(write: &mut Write<'_>, owner: SubjectId) -> Result<i16, Error> {
    let person = subjects::living(write.records(), owner)?.ok_or(Error::NoKey)?.subject_id;
    let of_records = records::of(write.records(), person)?.into_iter().map(|row| (row.sealed_for, row.key_no));
    let of_entries = ledger::of(write.records(), person)?.into_iter().map(|row| (row.sealed_for, row.key_no));
    let used = of_records.chain(of_entries).filter(|(of, _)| *of == owner).map(|(_, number)| number).max();
    tracing::warn!("the keys of somebody who lives are lost; they get a new one");
    Ok(used.unwrap_or(0) + 1)
}
