//! Tombstones: keyed hashes that keep an erased person from being re-created out of old data.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::tombstone;
use super::{Error, Write};
use crate::types::Timestamp;

/// When the person behind this suppression index was erased, if one was.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Option<Timestamp>, Error> {
    laid(write.records(), ix)
}

/// As [`find`], outside of a write.
///
/// # Errors
/// If the shelf cannot be read.
pub fn laid(connection: &mut Connection, ix: &[u8; 16]) -> Result<Option<Timestamp>, Error> {
    let at: Option<i64> = on!(connection, |c| tombstone::table
        .filter(tombstone::ix.eq(ix.to_vec()))
        .select(tombstone::erased_at)
        .first(c)
        .optional())?;
    Ok(at.map(Timestamp::from_micros))
}

/// Adds tombstones; one that is there moves to the later time.
///
/// # Errors
/// If they cannot be written.
pub fn insert(write: &mut Write<'_>, indexes: &[[u8; 16]], erased_at: Timestamp) -> Result<(), Error> {
    for ix in indexes {
        let values = (tombstone::ix.eq(ix.to_vec()), tombstone::erased_at.eq(erased_at.micros()));
        on!(write.records(), |c| diesel::insert_into(tombstone::table)
            .values(values)
            .on_conflict_do_nothing()
            .execute(c))?;
        let earlier =
            tombstone::table.filter(tombstone::ix.eq(ix.to_vec()).and(tombstone::erased_at.lt(erased_at.micros())));
        on!(write.records(), |c| diesel::update(earlier).set(tombstone::erased_at.eq(erased_at.micros())).execute(c))?;
    }
    Ok(())
}
