//! Blind indexes: which record, and so which person, an identifier belongs to.

use diesel::prelude::*;

use super::columns::Identifiers;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::IdentifierRow;
use super::schema::identifier;
use super::{Error, Write};
use crate::types::{RecordNo, SubjectId};

/// How many rows of one value are looked at. A value with more is shared by so many that it joins nobody, and a
/// thousand records with one phone number must not slow a resolve down.
const ENOUGH: i64 = 64;

/// The rows with this blind index, at most 64.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_index(connection: &mut Connection, ix: &[u8; 16]) -> Result<Vec<IdentifierRow>, Error> {
    Ok(on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()))
        .limit(ENOUGH)
        .select(IdentifierRow::as_select())
        .load(c))?)
}

/// Everybody who can be looked up by this blind index, however many they are.
///
/// # Errors
/// If the shelf cannot be read.
pub fn holders(connection: &mut Connection, ix: &[u8; 16]) -> Result<Vec<SubjectId>, Error> {
    // The flags have few combinations, so filtering them here is cheap and the same on both databases.
    let rows: Vec<(Vec<u8>, i16)> = on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()))
        .select((identifier::subject_id, identifier::use_flags))
        .distinct()
        .load(c))?;
    let found = rows.iter().filter(|(_, flags)| flags & IdentifierRow::LOOKUP != 0);
    let mut people = found.map(|(id, _)| Ok(SubjectId::from_slice(id)?)).collect::<Result<Vec<_>, Error>>()?;
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// The rows of these records.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_records(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<IdentifierRow>, Error> {
    let mut all = Vec::new();
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let rows: Vec<IdentifierRow> = on!(connection, |c| identifier::table
            .filter(identifier::record_no.eq_any(numbers))
            .select(IdentifierRow::as_select())
            .load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

/// Adds rows.
///
/// # Errors
/// If they cannot be written.
pub fn insert(write: &mut Write<'_>, rows: Vec<IdentifierRow>) -> Result<(), Error> {
    match write.records() {
        Connection::Sqlite(c) => {
            for row in rows {
                Fixed(diesel::insert_into(identifier::table).values(row).on_conflict_do_nothing()).execute(c)?;
            }
        }
        Connection::Postgres(c) => {
            Identifiers::from_iter(rows).execute(c)?;
        }
    }
    Ok(())
}

/// Removes the rows of one record.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, record: RecordNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(identifier::table.filter(identifier::record_no.eq(record.0))).execute(c))?;
    Ok(())
}

/// Removes one row.
///
/// # Errors
/// If it cannot be deleted.
pub fn delete(write: &mut Write<'_>, row: &IdentifierRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        identifier::table.filter(identifier::ix.eq(&row.ix).and(identifier::record_no.eq(row.record_no.0)))
    )
    .execute(c))?;
    Ok(())
}

/// Gives the rows of a merged person's records to the person that survives.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, records: &[RecordNo], to: SubjectId) -> Result<(), Error> {
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(identifier::table.filter(identifier::record_no.eq_any(numbers)))
            .set(identifier::subject_id.eq(Vec::from(to)))
            .execute(c))?;
    }
    Ok(())
}
