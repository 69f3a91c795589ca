//! Whose word counts where records of one person say different things: every version kept, the newest in force.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::survivorship;
use super::{Error, Write};
use crate::types::Timestamp;

/// The newest version and its JSON; none: nothing was configured yet.
///
/// # Errors
/// If the shelf cannot be read.
pub fn newest(connection: &mut Connection) -> Result<Option<(i32, String)>, Error> {
    Ok(on!(connection, |c| survivorship::table
        .order(survivorship::version.desc())
        .select((survivorship::version, survivorship::definition))
        .first(c)
        .optional())?)
}

/// Adds a version.
///
/// # Errors
/// If that version exists or cannot be written.
pub fn insert(write: &mut Write<'_>, version: i32, definition: &str, now: Timestamp) -> Result<(), Error> {
    let values = (
        survivorship::version.eq(version),
        survivorship::definition.eq(definition),
        survivorship::created_at.eq(now.micros()),
    );
    on!(write.records(), |c| diesel::insert_into(survivorship::table).values(values).execute(c))?;
    Ok(())
}
