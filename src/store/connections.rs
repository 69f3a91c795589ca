//! Connections: how the vendor of a source is reached, who is at it, and how far. Credentials and places are sealed.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::connection;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// The connection of a source.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = connection)]
pub struct ConnectionRow {
    /// Whose it is.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// What the merchant entered, sealed.
    pub sealed: Vec<u8>,
    /// Where its streams stand, sealed; empty: at their beginning.
    pub places: Vec<u8>,
    /// Seconds from one sync to the next; 0: only when told to.
    pub every_seconds: i32,
    /// When it is synced by itself; unset: never.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub next_at: Timestamp,
    /// When somebody asked for a sync; unset: nobody did.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub wanted_at: Timestamp,
    /// Syncs in a row that failed.
    pub failures: i32,
    /// The process that is at it.
    pub lease_owner: Vec<u8>,
    /// Until when it may be; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

impl ConnectionRow {
    /// Is there a sync to come, by the schedule or because somebody asked?
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.every_seconds > 0 || self.wanted_at.is_set()
    }

    /// Is a sync due, and nobody at it? One that failed waits for its pause to be over, whoever hints at what.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let rested = self.next_at <= now;
        let due = if self.failures > 0 {
            rested && self.goes_on()
        } else {
            self.wanted_at.is_set() || (self.next_at.is_set() && rested)
        };
        due && self.lease_until <= now
    }
}

/// What comes after a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When the next one is, or at least not before; unset: whenever somebody asks.
    pub at: Timestamp,
    /// Syncs in a row that failed, this one included.
    pub failures: i32,
    /// What was asked for when it began: if it did not fail, that is done.
    pub heard: Timestamp,
}

/// All connections by source.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<ConnectionRow>, Error> {
    let rows =
        on!(connection, |c| connection::table.order(connection::source_no).select(ConnectionRow::as_select()).load(c))?;
    Ok(rows)
}

/// The connection of a source.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, source: SourceNo) -> Result<Option<ConnectionRow>, Error> {
    Ok(on!(connection, |c| connection::table
        .filter(connection::source_no.eq(source.0))
        .select(ConnectionRow::as_select())
        .first(c)
        .optional())?)
}

/// Adds a connection, or puts credentials and schedule in the place of those there were; who is at it stays so.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: &ConnectionRow) -> Result<(), Error> {
    if find(write.records(), row.source_no)?.is_none() {
        on!(write.records(), |c| diesel::insert_into(connection::table).values(row.clone()).execute(c))?;
        return Ok(());
    }
    on!(write.records(), |c| diesel::update(connection::table.filter(connection::source_no.eq(row.source_no.0)))
        .set((
            connection::sealed.eq(&row.sealed),
            connection::every_seconds.eq(row.every_seconds),
            connection::next_at.eq(row.next_at.micros()),
            connection::failures.eq(0),
        ))
        .execute(c))?;
    Ok(())
}

/// Puts other credentials in the place of those that were sealed there.
///
/// # Errors
/// If they cannot be written.
pub fn reseal(write: &mut Write<'_>, source: SourceNo, sealed: &[u8]) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(connection::table.filter(connection::source_no.eq(source.0)))
        .set(connection::sealed.eq(sealed))
        .execute(c))?;
    Ok(())
}

/// Removes a connection with its credentials. False if there is none.
///
/// # Errors
/// If it cannot be removed.
pub fn delete(write: &mut Write<'_>, source: SourceNo) -> Result<bool, Error> {
    let removed =
        on!(write.records(), |c| diesel::delete(connection::table.filter(connection::source_no.eq(source.0)))
            .execute(c))?;
    Ok(removed > 0)
}

/// Hints at something new. If the source fails, the sync waits for its pause. False if there is no such connection.
///
/// # Errors
/// If it cannot be written.
pub fn want(write: &mut Write<'_>, source: SourceNo, now: Timestamp) -> Result<bool, Error> {
    let Some(row) = find(write.records(), source)? else { return Ok(false) };
    // Never the time of an older hint, which a sync that runs answers.
    let wanted_at = row.wanted_at.plus(1).max(now);
    on!(write.records(), |c| diesel::update(connection::table.filter(connection::source_no.eq(source.0)))
        .set(connection::wanted_at.eq(wanted_at.micros()))
        .execute(c))?;
    Ok(true)
}

/// Asks for a sync now, whatever failed before: somebody who can put it right says so. False if there is no such connection.
///
/// # Errors
/// If it cannot be written.
pub fn ask(write: &mut Write<'_>, source: SourceNo, now: Timestamp) -> Result<bool, Error> {
    Ok(want(write, source, now)? && rest(write, source, now).map(|()| true)?)
}

/// Ends the pause of a source that failed.
///
/// # Errors
/// If it cannot be written.
pub fn rest(write: &mut Write<'_>, source: SourceNo, now: Timestamp) -> Result<(), Error> {
    let failed = connection::source_no.eq(source.0).and(connection::failures.gt(0));
    on!(write.records(), |c| diesel::update(connection::table.filter(failed))
        .set(connection::next_at.eq(now.micros()))
        .execute(c))?;
    Ok(())
}

/// Takes the lease. None if there is no connection, or somebody else is at it. What was asked for stays asked for until it is
/// done ([`end`]).
///
/// # Errors
/// If it cannot be written.
pub fn take(
    write: &mut Write<'_>,
    source: SourceNo,
    owner: &[u8],
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<ConnectionRow>, Error> {
    let Some(row) = find(write.records(), source)? else { return Ok(None) };
    if row.lease_until > now {
        return Ok(None);
    }
    let row = ConnectionRow { lease_owner: owner.to_vec(), lease_until: until, ..row };
    on!(write.records(), |c| diesel::update(connection::table.filter(connection::source_no.eq(source.0)))
        .set((connection::lease_owner.eq(&row.lease_owner), connection::lease_until.eq(until.micros())))
        .execute(c))?;
    Ok(Some(row))
}

/// Renews the lease, and writes where the streams stand if they moved. False if another process took it meanwhile, or the
/// connection was removed: then stop.
///
/// # Errors
/// If it cannot be written.
pub fn renew(
    write: &mut Write<'_>,
    source: SourceNo,
    owner: &[u8],
    until: Timestamp,
    places: Option<&[u8]>,
) -> Result<bool, Error> {
    let Some(row) = find(write.records(), source)?.filter(|row| row.lease_owner == owner) else { return Ok(false) };
    let places = places.map_or(row.places, <[u8]>::to_vec);
    on!(write.records(), |c| diesel::update(connection::table.filter(connection::source_no.eq(source.0)))
        .set((connection::lease_until.eq(until.micros()), connection::places.eq(places)))
        .execute(c))?;
    Ok(true)
}

/// Gives the lease back and says what comes next. False if another process has it.
///
/// # Errors
/// If it cannot be written.
pub fn end(write: &mut Write<'_>, source: SourceNo, owner: &[u8], next: &Next) -> Result<bool, Error> {
    let ended = on!(write.records(), |c| diesel::update(
        connection::table.filter(connection::source_no.eq(source.0).and(connection::lease_owner.eq(owner.to_vec())))
    )
    .set((
        connection::lease_owner.eq(Vec::<u8>::new()),
        connection::lease_until.eq(0),
        connection::next_at.eq(next.at.micros()),
        connection::failures.eq(next.failures),
    ))
    .execute(c))?;
    if ended > 0 && next.failures == 0 {
        let done = connection::source_no.eq(source.0).and(connection::wanted_at.eq(next.heard.micros()));
        on!(write.records(), |c| diesel::update(connection::table.filter(done))
            .set(connection::wanted_at.eq(0))
            .execute(c))?;
    }
    Ok(ended > 0)
}
