//! Pairs of records that may be of one person and wait for somebody to decide.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::rows::ReviewRow;
use super::schema::review;
use super::{Error, Write};
use crate::types::{RecordNo, ReviewId, SubjectId, Timestamp};

/// Waiting.
pub const OPEN: i16 = 1;
/// Somebody looked: they are of two.
pub const NOT_SAME: i16 = 3;
/// Somebody looked and could not tell.
pub const UNSURE: i16 = 4;
/// How much more, in thousandths of a bit, has to be known for a pair somebody could not tell about to be asked about again.
const NEWS: i32 = 2_000;

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

/// Asks about pairs; see [`ask`].
///
/// # Errors
/// If they cannot be written.
pub fn ask_all(write: &mut Write<'_>, rows: Vec<ReviewRow>) -> Result<(), Error> {
    rows.into_iter().try_for_each(|row| ask(write, row))
}

/// Asks about a pair of records. A pair that was asked about stays as it is, with what was decided of it; two people are
/// asked about once, by the records that are most alike. Where somebody could not tell, it is asked again only if clearly
/// more is known by now.
///
/// # Errors
/// If it cannot be written.
pub fn ask(write: &mut Write<'_>, row: ReviewRow) -> Result<(), Error> {
    for known in between(write.records(), row.one_id, row.other_id)? {
        if known.state == UNSURE {
            if known.weight.saturating_add(NEWS) > row.weight {
                return Ok(());
            }
        } else if known.weight >= row.weight || (known.one_no, known.other_no) == (row.one_no, row.other_no) {
            return Ok(());
        }
        delete(write, known.review_id)?;
    }
    insert(write, row)
}

fn insert(write: &mut Write<'_>, row: ReviewRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(review::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// These records are `into`'s now: questions about them that are open, or that somebody could not answer, are about that
/// person, and one that is answered by it is gone.
///
/// # Errors
/// If they cannot be written.
pub fn follow(write: &mut Write<'_>, records: &[RecordNo], into: SubjectId) -> Result<(), Error> {
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let about = review::one_no.eq_any(numbers.clone()).or(review::other_no.eq_any(numbers));
        let rows: Vec<ReviewRow> = on!(write.records(), |c| review::table
            .filter(review::state.eq_any([OPEN, UNSURE]).and(about))
            .order((review::weight.desc(), review::review_id))
            .select(ReviewRow::as_select())
            .load(c))?;
        for row in rows {
            let now = |record: RecordNo, was: SubjectId| if records.contains(&record) { into } else { was };
            let (one_id, other_id) = (now(row.one_no, row.one_id), now(row.other_no, row.other_id));
            delete(write, row.review_id)?;
            let row = ReviewRow { one_id, other_id, ..row };
            match row.state {
                _ if one_id == other_id => {}
                OPEN => ask(write, row)?,
                _ => insert(write, row)?,
            }
        }
    }
    Ok(())
}

/// Questions about two people that are open, or that somebody could not answer.
fn between(connection: &mut Connection, one: SubjectId, other: SubjectId) -> Result<Vec<ReviewRow>, Error> {
    let mut found = Vec::new();
    for (one, other) in [(one, other), (other, one)] {
        let pair = review::one_id.eq(Vec::from(one)).and(review::other_id.eq(Vec::from(other)));
        let rows: Vec<ReviewRow> = on!(connection, |c| review::table
            .filter(review::state.eq_any([OPEN, UNSURE]).and(pair))
            .select(ReviewRow::as_select())
            .load(c))?;
        found.extend(rows);
    }
    Ok(found)
}

/// When questions were answered by that two are not the same.
///
/// # Errors
/// If the shelf cannot be read.
pub fn refused_at(connection: &mut Connection) -> Result<BTreeSet<Timestamp>, Error> {
    let times: Vec<i64> =
        on!(connection, |c| review::table.filter(review::state.eq(NOT_SAME)).select(review::decided_at).load(c))?;
    Ok(times.into_iter().map(Timestamp::from_micros).collect())
}

/// Takes an open question back.
///
/// # Errors
/// If it cannot be written.
pub fn close(write: &mut Write<'_>, id: ReviewId) -> Result<(), Error> {
    let question = review::table.filter(review::review_id.eq(Vec::from(id)).and(review::state.eq(OPEN)));
    on!(write.records(), |c| diesel::delete(question).execute(c))?;
    Ok(())
}

fn delete(write: &mut Write<'_>, id: ReviewId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(review::table.filter(review::review_id.eq(Vec::from(id)))).execute(c))?;
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
