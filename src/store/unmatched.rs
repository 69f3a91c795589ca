//! People who said whether they may be matched, and of whom that is still to be carried out: they are taken apart, or compared
//! again. They are noted in the transaction of what they said, so a process that ends in between loses nobody.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::unmatched;
use super::{Error, Write};
use crate::types::{SubjectId, Timestamp};

/// Somebody who is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Who.
    pub person: SubjectId,
    /// When what they said last was noted.
    pub at: Timestamp,
    /// How often it could not be carried out since.
    pub tries: i16,
}

/// How long somebody is passed over after the first time; twice as long after each further one.
const FIRST: i64 = 2 * Timestamp::SECOND;
/// At most so often it is doubled: about a day and a half.
const DOUBLED: u32 = 16;

/// Notes somebody, to be looked at now.
///
/// # Errors
/// If it cannot be written.
pub fn note(write: &mut Write<'_>, person: SubjectId, now: Timestamp) -> Result<(), Error> {
    // What was noted before may be carried out right now, by what was said before: no two notes are of one time.
    let before = of(write.records(), &[person])?.first().map_or(0, |noted| noted.at.micros() + 1);
    let row = (unmatched::subject_id.eq(Vec::from(person)), unmatched::noted_at.eq(now.micros().max(before)));
    let theirs = unmatched::table.filter(unmatched::subject_id.eq(Vec::from(person)));
    on!(write.records(), |c| diesel::delete(theirs).execute(c))?;
    on!(write.records(), |c| diesel::insert_into(unmatched::table).values(row).execute(c))?;
    Ok(())
}

/// Up to `limit` of those whose time has come, after `after`, in the order of their ids.
///
/// # Errors
/// If the shelf cannot be read.
pub fn some(
    connection: &mut Connection,
    after: Option<SubjectId>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Noted>, Error> {
    let after = after.map_or_else(Vec::new, Vec::from);
    let rows: Vec<(Vec<u8>, i64, i16)> = on!(connection, |c| unmatched::table
        .filter(unmatched::subject_id.gt(after).and(unmatched::next_at.le(now.micros())))
        .order(unmatched::subject_id)
        .limit(limit)
        .select((unmatched::subject_id, unmatched::noted_at, unmatched::tries))
        .load(c))?;
    rows.into_iter().map(noted).collect()
}

/// Those of these people who are noted, whenever their time comes.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, people: &[SubjectId]) -> Result<Vec<Noted>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| id.bytes().to_vec()).collect();
    let rows: Vec<(Vec<u8>, i64, i16)> = on!(connection, |c| unmatched::table
        .filter(unmatched::subject_id.eq_any(ids))
        .order(unmatched::subject_id)
        .select((unmatched::subject_id, unmatched::noted_at, unmatched::tries))
        .load(c))?;
    rows.into_iter().map(noted).collect()
}

/// Passes somebody over for a while for whom nothing could be done: each time for longer. If they said more since, not at all.
///
/// # Errors
/// If it cannot be written.
pub fn put_off(write: &mut Write<'_>, of: Noted, now: Timestamp) -> Result<(), Error> {
    let wait = FIRST << u32::try_from(of.tries).unwrap_or(0).min(DOUBLED);
    let theirs = unmatched::subject_id.eq(Vec::from(of.person)).and(unmatched::noted_at.eq(of.at.micros()));
    let later = (unmatched::tries.eq(of.tries.saturating_add(1)), unmatched::next_at.eq(now.plus(wait).micros()));
    on!(write.records(), |c| diesel::update(unmatched::table.filter(theirs)).set(later).execute(c))?;
    Ok(())
}

/// Crosses somebody out who was noted then; if they said more since, they stay.
///
/// # Errors
/// If it cannot be deleted.
pub fn done(write: &mut Write<'_>, of: Noted) -> Result<(), Error> {
    let theirs = unmatched::subject_id.eq(Vec::from(of.person)).and(unmatched::noted_at.eq(of.at.micros()));
    on!(write.records(), |c| diesel::delete(unmatched::table.filter(theirs)).execute(c))?;
    Ok(())
}

fn noted((id, at, tries): (Vec<u8>, i64, i16)) -> Result<Noted, Error> {
    Ok(Noted { person: SubjectId::from_slice(&id)?, at: Timestamp::from_micros(at), tries })
}
