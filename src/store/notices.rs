//! Recipients of erased data, and whether they were told (Art. 19 GDPR).

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::notice;
use super::{Error, Write};
use crate::types::{RequestId, Timestamp};

/// One recipient of one request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notice)]
pub struct NoticeRow {
    /// The request.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub request_id: RequestId,
    /// The recipient, as the certificate names it.
    pub recipient: String,
    /// Where it stands; the rights room names the numbers.
    pub state: i16,
    /// When that changed; unset: never.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub changed_at: Timestamp,
}

/// The recipients of a request, by name.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, request: RequestId) -> Result<Vec<NoticeRow>, Error> {
    Ok(on!(connection, |c| notice::table
        .filter(notice::request_id.eq(Vec::from(request)))
        .order(notice::recipient)
        .select(NoticeRow::as_select())
        .load(c))?)
}

/// Adds a recipient; one that is there stays as it is.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: NoticeRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(notice::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// Sets where a recipient stands. False if the request has none of this name.
///
/// # Errors
/// If it cannot be written.
pub fn set(write: &mut Write<'_>, row: &NoticeRow) -> Result<bool, Error> {
    let of = notice::table
        .filter(notice::request_id.eq(Vec::from(row.request_id)).and(notice::recipient.eq(row.recipient.clone())));
    let changed = on!(write.records(), |c| diesel::update(of)
        .set((notice::state.eq(row.state), notice::changed_at.eq(row.changed_at.micros())))
        .execute(c))?;
    Ok(changed == 1)
}
