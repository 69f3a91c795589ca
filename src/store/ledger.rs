//! The consent ledger: append-only. Only erasure and the end of a person remove entries; a proof may end before its entry.

use diesel::prelude::*;

use super::among::people;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::LedgerRow;
use super::schema::ledger;
use super::{Error, Write};
use crate::types::SubjectId;

/// Appends an entry.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: LedgerRow) -> Result<(), Error> {
    on!(write.records(), |c| Fixed(diesel::insert_into(ledger::table).values(row)).execute(c))?;
    Ok(())
}

/// A person's entries in the order of recording.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, id: SubjectId) -> Result<Vec<LedgerRow>, Error> {
    Ok(on!(connection, |c| ledger::table
        .filter(ledger::part.eq(id.part()).and(ledger::subject_id.eq(Vec::from(id))))
        .order(ledger::entry_no)
        .select(LedgerRow::as_select())
        .load(c))?)
}

/// Of these people's entries, whose they are, what they say and about which purpose.
///
/// # Errors
/// If the shelf cannot be read.
pub fn acts_of(connection: &mut Connection, ids: &[SubjectId]) -> Result<Vec<(SubjectId, i16, String)>, Error> {
    let mut all = Vec::new();
    for some in ids.chunks(500) {
        let rows: Vec<(Vec<u8>, i16, String)> = on!(connection, |c| ledger::table
            .filter(people(ledger::part, ledger::subject_id, some))
            .select((ledger::subject_id, ledger::act, ledger::purpose))
            .load(c))?;
        for (id, act, purpose) in rows {
            all.push((SubjectId::from_slice(&id)?, act, purpose));
        }
    }
    Ok(all)
}

/// Entries with a number above `after`, in the order of their numbers.
///
/// # Errors
/// If the shelf cannot be read.
pub fn since(connection: &mut Connection, after: i64, limit: i64) -> Result<Vec<LedgerRow>, Error> {
    Ok(on!(connection, |c| ledger::table
        .filter(ledger::entry_no.gt(after))
        .order(ledger::entry_no)
        .limit(limit)
        .select(LedgerRow::as_select())
        .load(c))?)
}

/// Gives the entries of a merged person to the person that survives. Their origin stays.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, from: SubjectId, to: SubjectId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        ledger::table.filter(ledger::part.eq(from.part()).and(ledger::subject_id.eq(Vec::from(from))))
    )
    .set((ledger::part.eq(to.part()), ledger::subject_id.eq(Vec::from(to))))
    .execute(c))?;
    Ok(())
}

/// Gives one entry to another person. Its origin and what seals it stay.
///
/// # Errors
/// If it cannot be written.
pub fn give(write: &mut Write<'_>, row: &LedgerRow, to: SubjectId) -> Result<(), Error> {
    let one = ledger::part.eq(row.part).and(ledger::subject_id.eq(Vec::from(row.subject_id)));
    on!(write.records(), |c| diesel::update(ledger::table.filter(one.and(ledger::entry_no.eq(row.entry_no))))
        .set((ledger::part.eq(to.part()), ledger::subject_id.eq(Vec::from(to))))
        .execute(c))?;
    Ok(())
}

/// Removes one entry, to be written for somebody else.
///
/// # Errors
/// If it cannot be deleted.
pub fn delete(write: &mut Write<'_>, row: &LedgerRow) -> Result<(), Error> {
    let one = ledger::part.eq(row.part).and(ledger::subject_id.eq(Vec::from(row.subject_id)));
    on!(write.records(), |c| diesel::delete(ledger::table.filter(one.and(ledger::entry_no.eq(row.entry_no))))
        .execute(c))?;
    Ok(())
}

/// Removes a person's entries and says how many there were.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, id: SubjectId) -> Result<usize, Error> {
    Ok(on!(write.records(), |c| diesel::delete(
        ledger::table.filter(ledger::part.eq(id.part()).and(ledger::subject_id.eq(Vec::from(id))))
    )
    .execute(c))?)
}

/// Puts the proof of an entry under another key of the same person, or ends it. What the entry says stays.
///
/// # Errors
/// If it cannot be written.
pub fn reseal(write: &mut Write<'_>, row: &LedgerRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        ledger::table.filter(
            ledger::part
                .eq(row.part)
                .and(ledger::subject_id.eq(Vec::from(row.subject_id)))
                .and(ledger::entry_no.eq(row.entry_no))
        )
    )
    .set((ledger::key_no.eq(row.key_no), ledger::evidence.eq(&row.evidence)))
    .execute(c))?;
    Ok(())
}
