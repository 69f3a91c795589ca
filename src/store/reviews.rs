//! Pairs of records that may be of one person and wait for somebody to decide.

use diesel::prelude::*;

use super::columns::Reviews;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::ReviewRow;
use super::schema::review;
use super::{Error, Write};
use crate::types::{RecordNo, ReviewId, Timestamp};

/// Waiting.
pub const OPEN: i16 = 1;

/// One pair.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, id: ReviewId) -> Result<Option<ReviewRow>, Error> {
    Ok(on!(connection, |c| review::table
        .filter(review::review_id.eq(Vec::from(id)))
        .select(ReviewRow::as_select())
        .first(c)
        .optional())?)
}

/// Up to `limit` open pairs after `after`, in the order of their making.
///
/// # Errors
/// If the shelf cannot be read.
pub fn open(connection: &mut Connection, after: Option<ReviewId>, limit: i64) -> Result<Vec<ReviewRow>, Error> {
    Ok(on!(connection, |c| review::table
        .filter(review::state.eq(OPEN).and(review::review_id.gt(after.map(Vec::from).unwrap_or_default())))
        .order(review::review_id)
        .limit(limit)
        .select(ReviewRow::as_select())
        .load(c))?)
}

/// Adds pairs; one that is there stays as it is, with what was decided of it.
///
/// # Errors
/// If they cannot be written.
pub fn insert_all(write: &mut Write<'_>, rows: Vec<ReviewRow>) -> Result<(), Error> {
    match write.records() {
        Connection::Sqlite(c) => {
            for row in rows {
                Fixed(diesel::insert_into(review::table).values(row).on_conflict_do_nothing()).execute(c)?;
            }
        }
        Connection::Postgres(c) if !rows.is_empty() => _ = Reviews::from_iter(rows).execute(c)?,
        Connection::Postgres(_) => {}
    }
    Ok(())
}

/// Sets where a pair stands. False if it does not stand at `from`.
///
/// # Errors
/// If it cannot be written.
pub fn decide(write: &mut Write<'_>, id: ReviewId, from: i16, to: i16, now: Timestamp) -> Result<bool, Error> {
    let pair = review::table.filter(review::review_id.eq(Vec::from(id)).and(review::state.eq(from)));
    let changed = on!(write.records(), |c| diesel::update(pair)
        .set((review::state.eq(to), review::decided_at.eq(now.micros())))
        .execute(c))?;
    Ok(changed == 1)
}

/// Removes the pairs these records are of.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::delete(
            review::table.filter(review::one_no.eq_any(numbers.clone()).or(review::other_no.eq_any(numbers)))
        )
        .execute(c))?;
    }
    Ok(())
}
