//! Links: why each record belongs to its person. Append-only until a split or an erasure.

use std::collections::HashSet;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::LinkRow;
use super::schema::link;
use super::{Error, Write};
use crate::types::{RecordNo, SubjectId};

/// How many links of one record to one person by one rule can be made at the same instant.
const AT_ONCE: usize = 1_000;

/// Appends a link. A record can join several people in at one instant: the instant of each is a microsecond later.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, mut row: LinkRow) -> Result<(), Error> {
    for _ in 0..AT_ONCE {
        let added = on!(write.records(), |c| Fixed(
            diesel::insert_into(link::table).values(row.clone()).on_conflict_do_nothing()
        )
        .execute(c))?;
        if added == 1 {
            return Ok(());
        }
        let stored: LinkRow = on!(write.records(), |c| link::table
            .filter(link::part.eq(row.part).and(link::subject_id.eq(Vec::from(row.subject_id))))
            .filter(link::record_no.eq(row.record_no.0).and(link::rule.eq(row.rule)))
            .filter(link::decided_at.eq(row.decided_at.micros()))
            .select(LinkRow::as_select())
            .first(c))?;
        if stored.merged_from == row.merged_from {
            return Ok(());
        }
        row.decided_at = row.decided_at.plus(1);
    }
    Err(Error::Taken)
}

/// A person's links, oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, id: SubjectId) -> Result<Vec<LinkRow>, Error> {
    Ok(on!(connection, |c| link::table
        .filter(link::part.eq(id.part()).and(link::subject_id.eq(Vec::from(id))))
        .order((link::decided_at, link::record_no))
        .select(LinkRow::as_select())
        .load(c))?)
}

/// The pairs of records of all links that one rule made.
///
/// # Errors
/// If the shelf cannot be read.
pub fn by_rule(connection: &mut Connection, rule: i16) -> Result<Vec<(RecordNo, RecordNo)>, Error> {
    let rows: Vec<(i64, i64)> = on!(connection, |c| link::table
        .filter(link::rule.eq(rule).and(link::other_no.ne(0)))
        .select((link::record_no, link::other_no))
        .load(c))?;
    Ok(rows.into_iter().map(|(one, other)| (RecordNo(one), RecordNo(other))).collect())
}

/// Those who were joined in by this rule.
///
/// # Errors
/// If the shelf cannot be read.
pub fn joined_by(connection: &mut Connection, rule: i16) -> Result<HashSet<SubjectId>, Error> {
    let rows: Vec<Option<Vec<u8>>> = on!(connection, |c| link::table
        .filter(link::rule.eq(rule).and(link::merged_from.is_not_null()))
        .select(link::merged_from)
        .load(c))?;
    rows.iter().flatten().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// Gives the links of a merged person to the person that survives.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, from: SubjectId, to: SubjectId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        link::table.filter(link::part.eq(from.part()).and(link::subject_id.eq(Vec::from(from))))
    )
    .set((link::part.eq(to.part()), link::subject_id.eq(Vec::from(to))))
    .execute(c))?;
    Ok(())
}

/// Removes one link.
///
/// # Errors
/// If it cannot be deleted.
pub fn delete(write: &mut Write<'_>, row: &LinkRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        link::table
            .filter(link::part.eq(row.part).and(link::subject_id.eq(Vec::from(row.subject_id))))
            .filter(link::record_no.eq(row.record_no.0).and(link::rule.eq(row.rule)))
            .filter(link::decided_at.eq(row.decided_at.micros()))
    )
    .execute(c))?;
    Ok(())
}

/// Removes a person's links.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, id: SubjectId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        link::table.filter(link::part.eq(id.part()).and(link::subject_id.eq(Vec::from(id))))
    )
    .execute(c))?;
    Ok(())
}

/// Removes why one record belongs to a person. That it joined somebody in stays.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of_record(write: &mut Write<'_>, id: SubjectId, record: RecordNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        link::table
            .filter(link::part.eq(id.part()).and(link::subject_id.eq(Vec::from(id))))
            .filter(link::record_no.eq(record.0).and(link::merged_from.is_null()))
    )
    .execute(c))?;
    Ok(())
}

/// Forgets the blind indexes by which one record was found to be a person's. That it is theirs, and by which rule, stays.
///
/// # Errors
/// If it cannot be written.
pub fn forget_evidence(write: &mut Write<'_>, id: SubjectId, record: RecordNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        link::table
            .filter(link::part.eq(id.part()).and(link::subject_id.eq(Vec::from(id))))
            .filter(link::record_no.eq(record.0))
    )
    .set(link::evidence_ix.eq(None::<Vec<u8>>))
    .execute(c))?;
    Ok(())
}
