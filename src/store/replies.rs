//! Replies kept for their Idempotency-Key, so that a repeated call has one effect and one answer.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::reply;
use super::{Error, Write};
use crate::types::Timestamp;

/// A kept reply.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reply)]
pub struct ReplyRow {
    /// Keyed hash of API key and Idempotency-Key.
    pub key_mac: Vec<u8>,
    /// Keyed hash of the call; while it runs, the number of its mark.
    pub fingerprint: Vec<u8>,
    /// HTTP status; 0 while the call runs.
    pub status: i16,
    /// The reply; holds no personal value.
    pub body: Vec<u8>,
    /// When it may be forgotten.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub expires_at: Timestamp,
}

/// The reply kept for this key, unless it expired.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(write: &mut Write<'_>, key_mac: &[u8], now: Timestamp) -> Result<Option<ReplyRow>, Error> {
    Ok(on!(write.records(), |c| reply::table
        .filter(reply::key_mac.eq(key_mac.to_vec()).and(reply::expires_at.gt(now.micros())))
        .select(ReplyRow::as_select())
        .first(c)
        .optional())?)
}

/// Keeps a reply, and forgets those that expired.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: ReplyRow, now: Timestamp) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(reply::table.filter(reply::expires_at.le(now.micros()))).execute(c))?;
    on!(write.records(), |c| diesel::insert_into(reply::table).values(row).execute(c))?;
    Ok(())
}

/// Puts the reply of an ended call in the place of its mark. If the mark ended before the call did and another call
/// came in its place, that one's mark or reply stays.
///
/// # Errors
/// If it cannot be written.
pub fn replace(write: &mut Write<'_>, mark: &[u8], row: ReplyRow, now: Timestamp) -> Result<(), Error> {
    forget(write, &row.key_mac, mark)?;
    match find(write, &row.key_mac, now)? {
        None => put(write, row, now),
        Some(_) => Ok(()),
    }
}

/// Forgets a call that failed, so that it can be tried again. Only its own mark is taken away.
///
/// # Errors
/// If it cannot be written.
pub fn forget(write: &mut Write<'_>, key_mac: &[u8], mark: &[u8]) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(reply::table.filter(
        reply::key_mac.eq(key_mac.to_vec()).and(reply::status.eq(0)).and(reply::fingerprint.eq(mark.to_vec()))
    ))
    .execute(c))?;
    Ok(())
}

/// How many kept replies expired.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count_expired(connection: &mut Connection, now: Timestamp) -> Result<usize, Error> {
    let count: i64 =
        on!(connection, |c| reply::table.filter(reply::expires_at.le(now.micros())).count().get_result(c))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Forgets the replies that expired, and says how many.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_expired(write: &mut Write<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(on!(write.records(), |c| diesel::delete(reply::table.filter(reply::expires_at.le(now.micros()))).execute(c))?)
}
