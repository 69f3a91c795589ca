//! What matching keeps of each record: a sealed card, and the blind keys under which it is found as a candidate.
//!
//! Both lie by the number of the record, not in the person's partition: a candidate is found before it is known whose it
//! is.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::{BlockRow, CardRow};
use super::schema::{block, card};
use super::{Error, Write};
use crate::types::{RecordNo, SubjectId};

/// How many records one matching key leads to. One that leads to more says too little; narrower keys are asked instead.
pub const BLOCK: usize = 60;
/// Rows per statement.
const AT_ONCE: usize = 500;

/// The cards of these records.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_records(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<CardRow>, Error> {
    let mut all = Vec::with_capacity(records.len());
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let rows: Vec<CardRow> = on!(connection, |c| card::table
            .filter(card::record_no.eq_any(numbers))
            .order(card::record_no)
            .select(CardRow::as_select())
            .load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

/// Up to `limit` cards of records after `after`, in the order of arrival; for walks over all.
///
/// # Errors
/// If the shelf cannot be read.
pub fn page(connection: &mut Connection, after: RecordNo, limit: i64) -> Result<Vec<CardRow>, Error> {
    Ok(on!(connection, |c| card::table
        .filter(card::record_no.gt(after.0))
        .order(card::record_no)
        .limit(limit)
        .select(CardRow::as_select())
        .load(c))?)
}

/// How many there are.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count(connection: &mut Connection) -> Result<i64, Error> {
    Ok(on!(connection, |c| card::table.count().get_result(c))?)
}

/// The records found under each of these keys, in the order of the keys: at most [`BLOCK`] and one more, which says that
/// there are too many.
///
/// # Errors
/// If the shelf cannot be read.
pub fn candidates(connection: &mut Connection, keys: &[i64]) -> Result<Vec<Vec<RecordNo>>, Error> {
    let limit = i64::try_from(BLOCK + 1).unwrap_or(i64::MAX);
    match connection {
        Connection::Sqlite(c) => keys
            .iter()
            .map(|key| {
                let found: Vec<i64> = block::table
                    .filter(block::matching_key.eq(key))
                    .limit(limit)
                    .select(block::record_no)
                    .load(&mut *c)?;
                Ok(found.into_iter().map(RecordNo).collect())
            })
            .collect(),
        Connection::Postgres(c) => {
            let rows: Vec<BlockRow> = diesel::sql_query(
                "SELECT b.matching_key, b.record_no FROM unnest($1) AS wanted(matching_key) CROSS JOIN LATERAL \
                 (SELECT matching_key, record_no FROM block WHERE block.matching_key = wanted.matching_key \
                 ORDER BY record_no LIMIT $2) AS b",
            )
            .bind::<diesel::sql_types::Array<diesel::sql_types::BigInt>, _>(keys)
            .bind::<diesel::sql_types::BigInt, _>(limit)
            .load::<Found>(c)?
            .into_iter()
            .map(|found| BlockRow { matching_key: found.matching_key, record_no: RecordNo(found.record_no) })
            .collect();
            Ok(keys
                .iter()
                .map(|key| rows.iter().filter(|row| row.matching_key == *key).map(|row| row.record_no).collect())
                .collect())
        }
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    matching_key: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    record_no: i64,
}

/// Writes a card in the place of the record's one before, if there was one, with its keys.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: CardRow) -> Result<(), Error> {
    delete_of(write, &[row.record_no])?;
    let blocks: Vec<BlockRow> =
        row.keys().map(|matching_key| BlockRow { matching_key, record_no: row.record_no }).collect();
    on!(write.records(), |c| Fixed(diesel::insert_into(card::table).values(row)).execute(c))?;
    for row in blocks {
        on!(write.records(), |c| Fixed(diesel::insert_into(block::table).values(row).on_conflict_do_nothing())
            .execute(c))?;
    }
    Ok(())
}

/// Puts a card under another key. Its matching keys stay.
///
/// # Errors
/// If it cannot be written.
pub fn reseal(write: &mut Write<'_>, row: CardRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq(row.record_no.0)))
        .set((
            card::subject_id.eq(Vec::from(row.subject_id)),
            card::sealed_for.eq(Vec::from(row.sealed_for)),
            card::key_no.eq(row.key_no),
            card::named.eq(row.named),
            card::sealed.eq(row.sealed),
        ))
        .execute(c))?;
    Ok(())
}

/// Removes the cards of these records with their matching keys.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    unblock(write, records)?;
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::delete(card::table.filter(card::record_no.eq_any(numbers))).execute(c))?;
    }
    Ok(())
}

/// Removes what is compared of these records, and their matching keys; their names stay. Nothing finds them as
/// candidates any more.
///
/// # Errors
/// If it cannot be written.
pub fn silence(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    unblock(write, records)?;
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq_any(numbers)))
            .set((card::sealed.eq(Vec::<u8>::new()), card::matching_keys.eq(Vec::<u8>::new())))
            .execute(c))?;
    }
    Ok(())
}

/// Removes the matching keys of these records from where candidates are found.
fn unblock(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    for row in of_records(write.records(), records)? {
        for key in row.keys() {
            on!(write.records(), |c| diesel::delete(
                block::table.filter(block::matching_key.eq(key).and(block::record_no.eq(row.record_no.0)))
            )
            .execute(c))?;
        }
    }
    Ok(())
}

/// Gives the cards of these records to another person.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, records: &[RecordNo], to: SubjectId) -> Result<(), Error> {
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(card::table.filter(card::record_no.eq_any(numbers)))
            .set(card::subject_id.eq(Vec::from(to)))
            .execute(c))?;
    }
    Ok(())
}
