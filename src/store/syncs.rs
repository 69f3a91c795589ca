//! The history of syncs: what each brought, and why it failed.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::sync;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp, words};

words! {
    /// Where a sync stands.
    SyncState, "state of a sync" {
        /// It goes on.
        Running = 1 "running",
        /// It read everything there was.
        Done = 2 "done",
        /// It stopped; the next one goes on where it did.
        Failed = 3 "failed",
        /// Its process ended; the next one goes on where it was.
        CutShort = 4 "cut_short",
        /// The vendor is not ready with what it was asked for; it goes on by itself.
        Waiting = 5 "waiting",
    }
}

/// Syncs kept of each source.
const KEPT: i64 = 200;

/// A sync.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = sync)]
pub struct SyncRow {
    /// Of which source.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// When it began.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub begun_at: Timestamp,
    /// When it ended; unset: it goes on.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub ended_at: Timestamp,
    /// One of [`SyncState`]'s numbers.
    pub state: i16,
    /// Why it failed, in words; empty otherwise.
    pub cause: String,
    /// What it brought, as JSON.
    pub counts: String,
}

/// Writes down that a sync begins, and says under which time: two never have the same. One that was running was cut short;
/// the oldest beyond what is kept are forgotten.
///
/// # Errors
/// If it cannot be written.
pub fn begin(write: &mut Write<'_>, row: &SyncRow) -> Result<Timestamp, Error> {
    let source = row.source_no.0;
    let newest =
        list(write.records(), row.source_no, Timestamp::NEVER, 1)?.first().map(|newest| newest.begun_at.plus(1));
    let row = SyncRow { begun_at: newest.map_or(row.begun_at, |next| next.max(row.begun_at)), ..row.clone() };
    let open = [SyncState::Running.number(), SyncState::Waiting.number()];
    on!(write.records(), |c| diesel::update(
        sync::table.filter(sync::source_no.eq(source).and(sync::state.eq_any(open)))
    )
    .set((sync::state.eq(SyncState::CutShort.number()), sync::ended_at.eq(row.begun_at.micros())))
    .execute(c))?;
    on!(write.records(), |c| diesel::insert_into(sync::table).values(row.clone()).execute(c))?;
    let oldest: Option<i64> = on!(write.records(), |c| sync::table
        .filter(sync::source_no.eq(source))
        .order(sync::begun_at.desc())
        .offset(KEPT)
        .limit(1)
        .select(sync::begun_at)
        .first(c)
        .optional())?;
    if let Some(oldest) = oldest {
        on!(write.records(), |c| diesel::delete(
            sync::table.filter(sync::source_no.eq(source).and(sync::begun_at.le(oldest)))
        )
        .execute(c))?;
    }
    Ok(row.begun_at)
}

/// Writes down what was done at a vendor besides its syncs, as one that is over. One that runs goes on.
///
/// # Errors
/// If it cannot be written.
pub fn note(write: &mut Write<'_>, row: &SyncRow) -> Result<(), Error> {
    let newest =
        list(write.records(), row.source_no, Timestamp::NEVER, 1)?.first().map(|newest| newest.begun_at.plus(1));
    let row = SyncRow { begun_at: newest.map_or(row.begun_at, |next| next.max(row.begun_at)), ..row.clone() };
    on!(write.records(), |c| diesel::insert_into(sync::table).values(row).execute(c))?;
    Ok(())
}

/// Goes on with the sync of a source that waits, if there is one, and says how far it was.
///
/// # Errors
/// If it cannot be written.
pub fn go_on(write: &mut Write<'_>, source: SourceNo) -> Result<Option<SyncRow>, Error> {
    let waiting: Option<SyncRow> = on!(write.records(), |c| sync::table
        .filter(sync::source_no.eq(source.0).and(sync::state.eq(SyncState::Waiting.number())))
        .order(sync::begun_at.desc())
        .select(SyncRow::as_select())
        .first(c)
        .optional())?;
    let Some(waiting) = waiting else { return Ok(None) };
    let row = SyncRow { state: SyncState::Running.number(), ..waiting };
    update(write, &row)?;
    Ok(Some(row))
}

/// Writes down how far a sync is.
///
/// # Errors
/// If it cannot be written.
pub fn update(write: &mut Write<'_>, row: &SyncRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        sync::table.filter(sync::source_no.eq(row.source_no.0).and(sync::begun_at.eq(row.begun_at.micros())))
    )
    .set((
        sync::ended_at.eq(row.ended_at.micros()),
        sync::state.eq(row.state),
        sync::cause.eq(&row.cause),
        sync::counts.eq(&row.counts),
    ))
    .execute(c))?;
    Ok(())
}

/// The syncs of a source, newest first, that began before `before`.
///
/// # Errors
/// If the shelf cannot be read.
pub fn list(
    connection: &mut Connection,
    source: SourceNo,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<SyncRow>, Error> {
    Ok(on!(connection, |c| sync::table
        .filter(sync::source_no.eq(source.0).and(sync::begun_at.lt(before.micros())))
        .order(sync::begun_at.desc())
        .limit(limit)
        .select(SyncRow::as_select())
        .load(c))?)
}
