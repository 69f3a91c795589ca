//! Segment definitions.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::segment;
use super::{Error, Write};
use crate::types::{SegmentId, Timestamp};

/// A stored segment.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = segment)]
pub struct SegmentRow {
    /// Its id.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub segment_id: SegmentId,
    /// Its code.
    pub code: String,
    /// Counts the versions from 1.
    pub version: i32,
    /// The definition, sealed; in base64.
    pub definition: String,
    /// When this version was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

/// All segments by code.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<SegmentRow>, Error> {
    Ok(on!(connection, |c| segment::table.order(segment::code).select(SegmentRow::as_select()).load(c))?)
}

/// One segment by code.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, code: &str) -> Result<Option<SegmentRow>, Error> {
    Ok(on!(connection, |c| segment::table
        .filter(segment::code.eq(code))
        .select(SegmentRow::as_select())
        .first(c)
        .optional())?)
}

/// Adds a segment, or replaces the definition of the one with this code and counts its version up.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, mut row: SegmentRow) -> Result<SegmentRow, Error> {
    if let Some(known) = find(write.records(), &row.code)? {
        row.segment_id = known.segment_id;
        row.version = known.version + 1;
        on!(write.records(), |c| diesel::update(segment::table.filter(segment::code.eq(&row.code)))
            .set((
                segment::version.eq(row.version),
                segment::definition.eq(&row.definition),
                segment::created_at.eq(row.created_at.micros())
            ))
            .execute(c))?;
    } else {
        on!(write.records(), |c| diesel::insert_into(segment::table).values(row.clone()).execute(c))?;
    }
    Ok(row)
}

/// Removes a segment. False if there is none with this code.
///
/// # Errors
/// If it cannot be written.
pub fn delete(write: &mut Write<'_>, code: &str) -> Result<bool, Error> {
    let deleted = on!(write.records(), |c| diesel::delete(segment::table.filter(segment::code.eq(code))).execute(c))?;
    Ok(deleted == 1)
}
