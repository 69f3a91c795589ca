//! Purpose definitions, every version kept: a past decision must stay explainable.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::purpose;
use super::{Error, Write};
use crate::types::Timestamp;

/// A stored definition: code, version, JSON.
pub type Definition = (String, i32, String);

/// The newest version of each purpose, by code.
///
/// # Errors
/// If the shelf cannot be read.
pub fn newest(connection: &mut Connection) -> Result<Vec<Definition>, Error> {
    let rows: Vec<Definition> = on!(connection, |c| purpose::table
        .order((purpose::code, purpose::version.desc()))
        .select((purpose::code, purpose::version, purpose::definition))
        .load(c))?;
    let mut newest: Vec<Definition> = Vec::new();
    for row in rows {
        if newest.last().is_none_or(|last| last.0 != row.0) {
            newest.push(row);
        }
    }
    Ok(newest)
}

/// Adds a version.
///
/// # Errors
/// If that version exists or cannot be written.
pub fn insert(write: &mut Write<'_>, (code, version, definition): Definition, now: Timestamp) -> Result<(), Error> {
    let values = (
        purpose::code.eq(code),
        purpose::version.eq(version),
        purpose::definition.eq(definition),
        purpose::created_at.eq(now.micros()),
    );
    on!(write.records(), |c| diesel::insert_into(purpose::table).values(values).execute(c))?;
    Ok(())
}
