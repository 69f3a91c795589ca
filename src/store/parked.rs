//! Objects of a vendor that could not be taken in: which, and why, sealed.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::parked;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// Objects kept of one source; of more than that something else is wrong.
pub const MOST: i64 = 1_000;
/// Days one is kept.
const KEPT: i64 = 30;

/// An object that was put aside.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = parked)]
pub struct ParkedRow {
    /// Of which source.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// Of which of its streams.
    pub stream: String,
    /// A keyed hash of what it is known by.
    pub mark: Vec<u8>,
    /// What it is known by and why it was refused, sealed.
    pub sealed: Vec<u8>,
    /// When it was refused last.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub parked_at: Timestamp,
}

/// Puts objects of one source aside, in the place of what was known of them. Beyond [`MOST`] no new one is kept.
///
/// # Errors
/// If they cannot be written.
pub fn put(write: &mut Write<'_>, source: SourceNo, rows: &[ParkedRow]) -> Result<(), Error> {
    let mut kept: i64 =
        on!(write.records(), |c| parked::table.filter(parked::source_no.eq(source.0)).count().get_result(c))?;
    for row in rows {
        let own = || {
            parked::table.filter(
                parked::source_no
                    .eq(source.0)
                    .and(parked::stream.eq(row.stream.clone()))
                    .and(parked::mark.eq(row.mark.clone())),
            )
        };
        let known = on!(write.records(), |c| diesel::update(own())
            .set((parked::sealed.eq(&row.sealed), parked::parked_at.eq(row.parked_at.micros())))
            .execute(c))?;
        if known == 0 && kept < MOST {
            on!(write.records(), |c| diesel::insert_into(parked::table).values(row.clone()).execute(c))?;
            kept += 1;
        }
    }
    Ok(())
}

/// What is put aside of a source, newest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, source: SourceNo) -> Result<Vec<ParkedRow>, Error> {
    Ok(on!(connection, |c| parked::table
        .filter(parked::source_no.eq(source.0))
        .order((parked::parked_at.desc(), parked::stream, parked::mark))
        .select(ParkedRow::as_select())
        .load(c))?)
}

/// The marks of a stream's objects that are put aside.
///
/// # Errors
/// If the shelf cannot be read.
pub fn marks(connection: &mut Connection, source: SourceNo, stream: &str) -> Result<Vec<Vec<u8>>, Error> {
    Ok(on!(connection, |c| parked::table
        .filter(parked::source_no.eq(source.0).and(parked::stream.eq(stream.to_owned())))
        .select(parked::mark)
        .load(c))?)
}

/// Forgets objects of a stream: they were taken in.
///
/// # Errors
/// If it cannot be written.
pub fn taken(write: &mut Write<'_>, source: SourceNo, stream: &str, marks: &[Vec<u8>]) -> Result<(), Error> {
    let own = parked::source_no.eq(source.0).and(parked::stream.eq(stream.to_owned()));
    on!(write.records(), |c| diesel::delete(parked::table.filter(own.and(parked::mark.eq_any(marks.to_vec()))))
        .execute(c))?;
    Ok(())
}

/// Forgets what of a stream was put aside before `at`: a whole reading since came by everything there is.
///
/// # Errors
/// If it cannot be written.
pub fn forget_before(write: &mut Write<'_>, source: SourceNo, stream: &str, at: Timestamp) -> Result<(), Error> {
    let own = parked::source_no.eq(source.0).and(parked::stream.eq(stream.to_owned()));
    on!(write.records(), |c| diesel::delete(parked::table.filter(own.and(parked::parked_at.lt(at.micros()))))
        .execute(c))?;
    Ok(())
}

/// Forgets everything of a source.
///
/// # Errors
/// If it cannot be written.
pub fn forget(write: &mut Write<'_>, source: SourceNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(parked::table.filter(parked::source_no.eq(source.0))).execute(c))?;
    Ok(())
}

/// Forgets what was put aside long ago, of all sources.
///
/// # Errors
/// If it cannot be written.
pub fn forget_old(write: &mut Write<'_>, now: Timestamp) -> Result<(), Error> {
    let old = now.plus_days(-KEPT).micros();
    on!(write.records(), |c| diesel::delete(parked::table.filter(parked::parked_at.lt(old))).execute(c))?;
    Ok(())
}
