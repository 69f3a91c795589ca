//! Who is known not to be the same as whom. Each mark stands in both directions.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::among::among;
use super::connection::{Connection, on};
use super::schema::apart;
use super::{Error, Write};
use crate::types::{SubjectId, Timestamp};

/// Those who are known not to be any of these.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, people: &[SubjectId]) -> Result<BTreeSet<SubjectId>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    let rows: Vec<Vec<u8>> =
        on!(connection, |c| apart::table.filter(apart::subject_id.eq_any(ids)).select(apart::other_id).load(c))?;
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// Those who were marked since `since` as not being any of these, and when.
///
/// # Errors
/// If the shelf cannot be read.
pub fn since(
    connection: &mut Connection,
    people: &[SubjectId],
    since: Timestamp,
) -> Result<Vec<(SubjectId, Timestamp)>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    let rows: Vec<(Vec<u8>, i64)> = on!(connection, |c| apart::table
        .filter(apart::subject_id.eq_any(ids).and(apart::decided_at.ge(since.micros())))
        .select((apart::other_id, apart::decided_at))
        .load(c))?;
    rows.iter().map(|(row, at)| Ok((SubjectId::from_slice(row)?, Timestamp::from_micros(*at)))).collect()
}

/// Which of these are known not to be somebody.
///
/// # Errors
/// If the shelf cannot be read.
pub fn marked(connection: &mut Connection, people: &[SubjectId]) -> Result<Vec<SubjectId>, Error> {
    let mut all = Vec::new();
    for some in people.chunks(500) {
        let ids: Vec<Vec<u8>> = some.iter().map(|id| Vec::from(*id)).collect();
        let rows: Vec<Vec<u8>> =
            on!(connection, |c| apart::table.filter(among(apart::subject_id, ids)).select(apart::subject_id).load(c))?;
        for row in rows {
            all.push(SubjectId::from_slice(&row)?);
        }
    }
    Ok(all)
}

/// A mark: who is not the same as whom, and when that was decided.
pub type Mark = (SubjectId, SubjectId, Timestamp);

/// Every mark.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<Mark>, Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> =
        on!(connection, |c| apart::table.select((apart::subject_id, apart::other_id, apart::decided_at)).load(c))?;
    let read = |(one, other, at): &(Vec<u8>, Vec<u8>, i64)| {
        Ok((SubjectId::from_slice(one)?, SubjectId::from_slice(other)?, Timestamp::from_micros(*at)))
    };
    rows.iter().map(read).collect()
}

/// Marks two as not the same.
///
/// # Errors
/// If it cannot be written.
pub fn mark(write: &mut Write<'_>, one: SubjectId, other: SubjectId, now: Timestamp) -> Result<(), Error> {
    for (from, to) in [(one, other), (other, one)] {
        let values = (
            apart::subject_id.eq(Vec::from(from)),
            apart::other_id.eq(Vec::from(to)),
            apart::decided_at.eq(now.micros()),
        );
        on!(write.records(), |c| diesel::insert_into(apart::table).values(values).on_conflict_do_nothing().execute(c))?;
    }
    Ok(())
}

/// Takes a mark back.
///
/// # Errors
/// If it cannot be deleted.
pub fn unmark(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<(), Error> {
    for (from, to) in [(one, other), (other, one)] {
        on!(write.records(), |c| diesel::delete(
            apart::table.filter(apart::subject_id.eq(Vec::from(from)).and(apart::other_id.eq(Vec::from(to))))
        )
        .execute(c))?;
    }
    Ok(())
}

/// Removes every mark of these people.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, people: &[SubjectId]) -> Result<(), Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    on!(write.records(), |c| diesel::delete(
        apart::table.filter(apart::subject_id.eq_any(ids.clone()).or(apart::other_id.eq_any(ids)))
    )
    .execute(c))?;
    Ok(())
}
