//! Records: appended, replaced by newer versions, never edited in part.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::RecordRow;
use super::schema::record;
use super::{Error, Write};
use crate::types::{RecordNo, SubjectId};

/// One record. The person is needed because their partition leads the key.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, of: SubjectId, record: RecordNo) -> Result<Option<RecordRow>, Error> {
    Ok(on!(connection, |c| record::table
        .filter(record::record_no.eq(record.0).and(record::part.eq(of.part())))
        .select(RecordRow::as_select())
        .first(c)
        .optional())?)
}

/// The numbers of a person's records.
///
/// # Errors
/// If the shelf cannot be read.
pub fn numbers_of(connection: &mut Connection, of: SubjectId) -> Result<Vec<RecordNo>, Error> {
    let numbers: Vec<i64> = on!(connection, |c| record::table
        .filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
        .order(record::record_no)
        .select(record::record_no)
        .load(c))?;
    Ok(numbers.into_iter().map(RecordNo).collect())
}

/// The first few of a person's records, with what is known of each without opening it ([`RecordRow::facts`]).
///
/// # Errors
/// If the shelf cannot be read.
pub fn first_of(connection: &mut Connection, of: SubjectId, few: i64) -> Result<Vec<(RecordNo, i16)>, Error> {
    let rows: Vec<(i64, i16)> = on!(connection, |c| record::table
        .filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
        .order(record::record_no)
        .limit(few)
        .select((record::record_no, record::facts))
        .load(c))?;
    Ok(rows.into_iter().map(|(number, facts)| (RecordNo(number), facts)).collect())
}

/// For whom a person's records are sealed: those they were before a merge, of whom any are left. `apart_from`: records of
/// these facts do not count.
///
/// # Errors
/// If the shelf cannot be read.
pub fn parts_of(connection: &mut Connection, of: SubjectId, apart_from: i16) -> Result<Vec<SubjectId>, Error> {
    let rows: Vec<(Vec<u8>, i16)> = on!(connection, |c| record::table
        .filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
        .select((record::sealed_for, record::facts))
        .distinct()
        .load(c))?;
    let mut parts = Vec::new();
    for (part, _) in rows.into_iter().filter(|(_, facts)| facts & apart_from == 0) {
        parts.push(SubjectId::from_slice(&part)?);
    }
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}

/// A person's records, in the order of arrival.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, of: SubjectId) -> Result<Vec<RecordRow>, Error> {
    Ok(on!(connection, |c| record::table
        .filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
        .order(record::record_no)
        .select(RecordRow::as_select())
        .load(c))?)
}

/// Appends a record.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: RecordRow) -> Result<(), Error> {
    on!(write.records(), |c| Fixed(diesel::insert_into(record::table).values(row)).execute(c))?;
    Ok(())
}

/// Replaces the content of a record by a newer version of it. Number, person and arrival stay.
///
/// # Errors
/// If it cannot be written.
pub fn replace(write: &mut Write<'_>, row: RecordRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        record::table.filter(record::record_no.eq(row.record_no.0).and(record::part.eq(row.part)))
    )
    .set((
        record::sealed_for.eq(Vec::from(row.sealed_for)),
        record::key_no.eq(row.key_no),
        record::version.eq(row.version.micros()),
        record::content_mac.eq(row.content_mac),
        record::categories.eq(row.categories),
        record::facts.eq(row.facts),
        record::happened_at.eq(row.happened_at.micros()),
        record::contract_until.eq(row.contract_until.micros()),
        record::source_until.eq(row.source_until.micros()),
        record::keep_until.eq(row.keep_until.micros()),
        record::sealed.eq(row.sealed),
    ))
    .execute(c))?;
    Ok(())
}

/// Gives all records of a merged person to the person that survives. What they are sealed for stays.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, from: SubjectId, to: SubjectId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        record::table.filter(record::part.eq(from.part()).and(record::subject_id.eq(Vec::from(from))))
    )
    .set((record::part.eq(to.part()), record::subject_id.eq(Vec::from(to))))
    .execute(c))?;
    Ok(())
}

/// Gives some records of a person to another. What they are sealed for stays.
///
/// # Errors
/// If they cannot be written.
pub fn give(write: &mut Write<'_>, numbers: &[RecordNo], from: SubjectId, to: SubjectId) -> Result<(), Error> {
    for numbers in numbers.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let theirs = record::part.eq(from.part()).and(record::subject_id.eq(Vec::from(from)));
        on!(write.records(), |c| diesel::update(record::table.filter(theirs.and(record::record_no.eq_any(numbers))))
            .set((record::part.eq(to.part()), record::subject_id.eq(Vec::from(to))))
            .execute(c))?;
    }
    Ok(())
}

/// Deletes all records of a person and says how many there were.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, of: SubjectId) -> Result<usize, Error> {
    Ok(on!(write.records(), |c| diesel::delete(
        record::table.filter(record::part.eq(of.part()).and(record::subject_id.eq(Vec::from(of))))
    )
    .execute(c))?)
}

/// Deletes one record.
///
/// # Errors
/// If it cannot be deleted.
pub fn delete(write: &mut Write<'_>, of: SubjectId, record: RecordNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        record::table.filter(record::record_no.eq(record.0).and(record::part.eq(of.part())))
    )
    .execute(c))?;
    Ok(())
}

/// How much is stored: people and records, for start-up messages and metrics.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count(connection: &mut Connection) -> Result<i64, Error> {
    Ok(on!(connection, |c| record::table.count().get_result(c))?)
}
