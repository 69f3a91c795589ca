//! Sources: configured instances of connectors, with the terms their data comes under.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::source;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// A configured source.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = source)]
pub struct SourceRow {
    /// Its number, counted from 1; stored with each record.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// Its code, such as `webshop`.
    pub code: String,
    /// What the merchant calls it.
    pub title: String,
    /// Which connector it is an instance of.
    pub connector: String,
    /// The source's terms as JSON: which purposes may read its data, and for how long.
    pub policy: String,
    /// When it was configured.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

/// All sources by number.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<SourceRow>, Error> {
    Ok(on!(connection, |c| source::table.order(source::source_no).select(SourceRow::as_select()).load(c))?)
}

/// Replaces title, connector and terms of the source with this code, or adds it under the next number.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: SourceRow) -> Result<(), Error> {
    let known = ensure(write, row.clone())?;
    on!(write.records(), |c| diesel::update(source::table.filter(source::source_no.eq(known.source_no.0)))
        .set((source::title.eq(&row.title), source::connector.eq(&row.connector), source::policy.eq(&row.policy)))
        .execute(c))?;
    Ok(())
}

/// Adds a source under the next number, or returns the one that already has this code.
///
/// # Errors
/// If it cannot be written.
pub fn ensure(write: &mut Write<'_>, mut row: SourceRow) -> Result<SourceRow, Error> {
    let rows = all(write.records())?;
    if let Some(known) = rows.iter().find(|known| known.code == row.code) {
        return Ok(known.clone());
    }
    row.source_no = SourceNo(rows.last().map_or(1, |last| last.source_no.0 + 1));
    on!(write.records(), |c| diesel::insert_into(source::table).values(row.clone()).execute(c))?;
    Ok(row)
}
