//! People who said whether they may be matched, and of whom that is still to be carried out: they are taken apart, or compared
//! again. They are noted in the transaction of what they said, so a process that ends in between loses nobody.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::unmatched;
use super::{Error, Write};
use crate::types::{SubjectId, Timestamp};

/// Somebody who is noted, and since when.
pub type Noted = (SubjectId, Timestamp);

/// Notes somebody.
///
/// # Errors
/// If it cannot be written.
pub fn note(write: &mut Write<'_>, person: SubjectId, now: Timestamp) -> Result<(), Error> {
    // What was noted before may be carried out right now, by what was said before.
    let row = (unmatched::subject_id.eq(Vec::from(person)), unmatched::noted_at.eq(now.micros()));
    let before = unmatched::table.filter(unmatched::subject_id.eq(Vec::from(person)));
    on!(write.records(), |c| diesel::delete(before).execute(c))?;
    on!(write.records(), |c| diesel::insert_into(unmatched::table).values(row).execute(c))?;
    Ok(())
}

/// Up to `limit` of them after `after`, in the order of their ids.
///
/// # Errors
/// If the shelf cannot be read.
pub fn some(connection: &mut Connection, after: Option<SubjectId>, limit: i64) -> Result<Vec<Noted>, Error> {
    let after = after.map_or_else(Vec::new, Vec::from);
    let rows: Vec<(Vec<u8>, i64)> = on!(connection, |c| unmatched::table
        .filter(unmatched::subject_id.gt(after))
        .order(unmatched::subject_id)
        .limit(limit)
        .select((unmatched::subject_id, unmatched::noted_at))
        .load(c))?;
    rows.iter().map(|(id, at)| Ok((SubjectId::from_slice(id)?, Timestamp::from_micros(*at)))).collect()
}

/// Crosses somebody out who was noted then; if they said more since, they stay.
///
/// # Errors
/// If it cannot be deleted.
pub fn done(write: &mut Write<'_>, (person, noted_at): Noted) -> Result<(), Error> {
    let noted = unmatched::subject_id.eq(Vec::from(person)).and(unmatched::noted_at.eq(noted_at.micros()));
    on!(write.records(), |c| diesel::delete(unmatched::table.filter(noted)).execute(c))?;
    Ok(())
}
