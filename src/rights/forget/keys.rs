//! The second transaction: the keys of what is gone for good end, as far as nothing came since.

use super::super::Error;
use crate::store::rows::SubjectState;
use crate::store::{Write, keys, records, subjects};
use crate::types::{CategorySet, SubjectId};
use crate::vault::{self, Compartment, Shredder};

/// Keys of which the content is gone.
#[derive(Clone)]
pub(in crate::rights) enum Dying {
    /// All keys of these, who are nobody any more.
    People(Vec<SubjectId>),
    /// Of keys of this person, by owner and number, the categories of which nothing was left.
    Categories(SubjectId, Vec<(SubjectId, i16, CategorySet)>),
}

/// Deletes the keys of people whose rows are gone.
pub(super) fn end_keys_of_nobody(write: &mut Write<'_>, people: &[SubjectId]) -> Result<usize, Error> {
    let mut ended = 0;
    for person in people {
        if subjects::find(write.records(), *person)?.is_none() {
            ended += keys::delete_data_keys(write, &[*person])?;
        }
    }
    Ok(ended)
}

/// Ends the keys of categories of which nothing is left by now: something may have come since.
pub(super) fn shred(
    write: &mut Write<'_>,
    person: SubjectId,
    dying: &[(SubjectId, i16, CategorySet)],
    shredder: &Shredder,
) -> Result<usize, Error> {
    if dying.is_empty() {
        return Ok(0);
    }
    // Who is being erased loses all keys anyway.
    let Some(row) = subjects::living(write.records(), person)? else { return Ok(0) };
    let parts = subjects::with_merged(write.records(), row.subject_id)?;
    subjects::lock(write, &parts)?;
    for part in parts.into_iter().filter(|part| *part != row.subject_id) {
        subjects::set_state(write, part, SubjectState::Merged)?;
    }
    // Changes nothing but makes PostgreSQL see a conflict with whoever sealed something for them since this snapshot.
    subjects::set_state(write, row.subject_id, SubjectState::Living)?;
    let records = records::of(write.records(), row.subject_id)?;
    let mut ended = 0;
    for (owner, key_no, dying) in dying {
        let sealed = records.iter().filter(|record| (record.sealed_for, record.key_no) == (*owner, *key_no));
        let held: CategorySet =
            sealed.flat_map(|record| CategorySet::from_bits(record.categories.cast_unsigned()).iter()).collect();
        let dying = dying.difference(held);
        let stored = keys::hold_data_keys(write, &[*owner])?.into_iter().find(|row| row.key_no == *key_no);
        let Some(stored) = stored.filter(|_| dying != CategorySet::EMPTY) else { continue };
        let mut shredded = stored.clone();
        shredder.erase(&mut shredded, &dying.iter().map(Compartment::Of).collect::<Vec<_>>())?;
        // Another node may have begun an epoch, and may be about to destroy the one this key is under now.
        if keys::newest_epoch(write)? != Some(shredded.epoch) {
            return Err(vault::Error::UnknownEpoch(shredded.epoch).into());
        }
        if !keys::update_data_key(write, &stored, &shredded)? {
            return Err(Error::Changed);
        }
        ended += dying.iter().count();
    }
    Ok(ended)
}
