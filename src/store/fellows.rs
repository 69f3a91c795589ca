//! How many other records each record's person has, on average: what grouping everything found last.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::fellows;
use super::{Error, Write};

/// The one row.
const ONLY: i16 = 1;

/// What was found last, in thousandths; none: nothing yet, or too little to tell.
///
/// # Errors
/// If the shelf cannot be read.
pub fn found(connection: &mut Connection) -> Result<Option<i64>, Error> {
    Ok(on!(connection, |c| fellows::table
        .filter(fellows::fellows_no.eq(ONLY))
        .select(fellows::thousandths)
        .first(c)
        .optional())?)
}

/// Keeps what was found; none: forgets it.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, found: Option<i64>) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(fellows::table).execute(c))?;
    if let Some(found) = found {
        let row = (fellows::fellows_no.eq(ONLY), fellows::thousandths.eq(found));
        on!(write.records(), |c| diesel::insert_into(fellows::table).values(row).execute(c))?;
    }
    Ok(())
}
