//! [`Desk`]: what is needed beside the transaction to write down a record or a statement, and a key to seal it under.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

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
    /// The newest key of each person it holds: locked, so that it does not retire before what it seals is stored.
    held: RefCell<HashMap<SubjectId, DataKeyRow>>,
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
    pub(super) fn new(sealer: &'a Sealer, ids: &'a IdMaker, now: Timestamp) -> Self {
        Self { sealer, ids, now, newest: Cell::new(false), held: RefCell::new(HashMap::new()) }
    }

    /// Locks these people and their keys at once, for a batch that will most likely write to them.
    pub(super) fn hold(&self, write: &mut Write<'_>, people: &BTreeSet<SubjectId>) -> Result<(), Error> {
        let people: Vec<SubjectId> = people.iter().copied().collect();
        subjects::lock(write, &people)?;
        for row in keys::hold_data_keys(write, &people)? {
            self.keep(row);
        }
        Ok(())
    }

    /// Is the key of this person at hand?
    pub(super) fn holds(&self, owner: SubjectId) -> bool {
        self.held.borrow().contains_key(&owner)
    }

    fn keep(&self, row: DataKeyRow) {
        let mut held = self.held.borrow_mut();
        if held.get(&row.subject).is_none_or(|known| known.key_no < row.key_no) {
            held.insert(row.subject, row);
        }
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
        self.keep(row.clone());
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
        let Some(newest) = self.newest_key(write, owner)? else {
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

    /// Locks the owner first: a key must not retire between being chosen and what it seals being stored. And the key: the
    /// snapshot may be older than the lock, and a category ended in between.
    fn newest_key(&self, write: &mut Write<'_>, owner: SubjectId) -> Result<Option<DataKeyRow>, Error> {
        if !self.holds(owner) {
            self.hold(write, &BTreeSet::from([owner]))?;
        }
        Ok(self.held.borrow().get(&owner).cloned())
    }

    /// The key under which a statement of a person is sealed.
    pub(super) fn proof_key(&self, write: &mut Write<'_>, owner: SubjectId) -> Result<Key<'a>, Error> {
        self.sealing_key(write, owner, CategorySet::EMPTY)
    }
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
