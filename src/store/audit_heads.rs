//! How long each audit log was when it was last looked at: on the shelf of the keys, apart from the logs.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::connection::on;
use super::schema::audit_head;
use super::{Error, Read, Write};
use crate::types::{LogId, Timestamp};

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_head)]
pub struct AuditHeadRow {
    /// The log.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub log_id: LogId,
    /// Its size and last hash; sealed.
    pub sealed: Vec<u8>,
    /// When it was kept.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub kept_at: Timestamp,
}

/// The newest heads, newest first; at most `limit` of them.
///
/// # Errors
/// If the shelf cannot be read.
pub fn newest(read: &mut Read, limit: i64) -> Result<Vec<AuditHeadRow>, Error> {
    Ok(on!(read.keys(), |c| audit_head::table
        .order((audit_head::kept_at.desc(), audit_head::log_id.desc()))
        .limit(limit)
        .select(AuditHeadRow::as_select())
        .load(c))?)
}

/// Keeps the head of a log in the place of the one before.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: AuditHeadRow) -> Result<(), Error> {
    on!(write.keys()?, |c| diesel::insert_into(audit_head::table)
        .values(row)
        .on_conflict(audit_head::log_id)
        .do_update()
        .set((
            audit_head::sealed.eq(excluded(audit_head::sealed)),
            audit_head::kept_at.eq(excluded(audit_head::kept_at))
        ))
        .execute(c))?;
    Ok(())
}
