//! Jobs that one node does for all: a lease in the database says who is at it, and how far it is.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::job;
use super::{Error, Write};
use crate::types::Timestamp;

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = job)]
pub struct JobRow {
    /// Which job.
    pub kind: String,
    /// The process that is at it.
    pub lease_owner: Vec<u8>,
    /// Until when it may be; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// The last person looked at; empty: none.
    pub reached: Vec<u8>,
    /// When the run began.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub begun_at: Timestamp,
    /// When it ended; unset: it goes on, or was cut short.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub ended_at: Timestamp,
    /// What it did so far, as JSON.
    pub outcome: String,
}

/// Where this job stands; none before its first run.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, kind: &str) -> Result<Option<JobRow>, Error> {
    Ok(on!(connection, |c| job::table.filter(job::kind.eq(kind)).select(JobRow::as_select()).first(c).optional())?)
}

/// Takes the lease for `wanted.lease_owner`. A run that was cut short goes on where it was; else a new one begins as
/// `wanted` says. None if somebody else is at it.
///
/// # Errors
/// If it cannot be written.
pub fn take(write: &mut Write<'_>, wanted: &JobRow, now: Timestamp) -> Result<Option<JobRow>, Error> {
    let found = find(write.records(), &wanted.kind)?;
    let row = match found {
        None => {
            on!(write.records(), |c| diesel::insert_into(job::table).values(wanted.clone()).execute(c))?;
            return Ok(Some(wanted.clone()));
        }
        Some(row) if row.lease_until > now && row.lease_owner != wanted.lease_owner => return Ok(None),
        Some(row) if row.ended_at.is_set() => wanted.clone(),
        Some(row) => JobRow { lease_owner: wanted.lease_owner.clone(), lease_until: wanted.lease_until, ..row },
    };
    put(write, &row)?;
    Ok(Some(row))
}

/// Lets a job that follows something go on at the place of `row`, wherever it was. Whoever is at it keeps the lease.
///
/// # Errors
/// If it cannot be written.
pub fn begin(write: &mut Write<'_>, row: &JobRow) -> Result<(), Error> {
    match find(write.records(), &row.kind)? {
        None => {
            on!(write.records(), |c| diesel::insert_into(job::table).values(row.clone()).execute(c))?;
            Ok(())
        }
        Some(found) => {
            put(write, &JobRow { lease_owner: found.lease_owner, lease_until: found.lease_until, ..row.clone() })
        }
    }
}

/// Writes how far it is and renews or ends the lease. False if another process took it meanwhile: then stop.
///
/// # Errors
/// If it cannot be written.
pub fn renew(write: &mut Write<'_>, row: &JobRow) -> Result<bool, Error> {
    let found = find(write.records(), &row.kind)?;
    if found.is_none_or(|found| found.lease_owner != row.lease_owner) {
        return Ok(false);
    }
    put(write, row)?;
    Ok(true)
}

fn put(write: &mut Write<'_>, row: &JobRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(job::table.filter(job::kind.eq(row.kind.clone())))
        .set((
            job::lease_owner.eq(row.lease_owner.clone()),
            job::lease_until.eq(row.lease_until.micros()),
            job::reached.eq(row.reached.clone()),
            job::begun_at.eq(row.begun_at.micros()),
            job::ended_at.eq(row.ended_at.micros()),
            job::outcome.eq(row.outcome.clone()),
        ))
        .execute(c))?;
    Ok(())
}
