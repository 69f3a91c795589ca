//! Audiences: segments that are pushed to a vendor, and who was handed over.

mod members;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::audience;
use super::{Error, Write};
use crate::types::{SourceNo, SubjectId, Timestamp};

pub use members::{
    MemberRow, assign, counts, end_errand, forget, insert, leaving, members, of_people, postpone, settle, step, tell,
    with_indexes,
};

/// A segment that is pushed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audience)]
pub struct AudienceRow {
    /// The source that stands for the vendor.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// The code of the segment.
    pub segment: String,
    /// The purposes its people must stand on, at the last push, separated by commas.
    pub purposes: String,
    /// Seconds from one push to the next; 0: only when told to.
    pub every_seconds: i32,
    /// When it is pushed by itself; unset: never.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub next_at: Timestamp,
    /// When somebody asked for a push; unset: nobody did.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub wanted_at: Timestamp,
    /// Pushes in a row that failed.
    pub failures: i32,
    /// After a failure, who is to be taken off waits until then.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub retry_at: Timestamp,
    /// The process that is at it.
    pub lease_owner: Vec<u8>,
    /// Until when it may be; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
    /// The channel of the segment, at the last push; empty: not known, so that a no on any channel counts.
    pub channel: String,
    /// 1: it is being removed, and nobody is handed over any more.
    pub ending: i16,
}

impl AudienceRow {
    /// Is a push of everybody due?
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.is_ending() && (self.wanted_at.is_set() || (self.next_at.is_set() && self.next_at <= now))
    }

    /// Is it being removed?
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.ending != 0
    }

    /// Does a no to this purpose on this channel concern whom it was given? Without one it is a no to all.
    #[must_use]
    pub fn concerns(&self, purpose: Option<&str>, channel: Option<&str>) -> bool {
        let of_purpose = purpose.is_none_or(|purpose| self.purposes.split(',').any(|one| one == purpose));
        of_purpose && channel.is_none_or(|channel| self.channel.is_empty() || self.channel == channel)
    }
}

/// All audiences.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<AudienceRow>, Error> {
    Ok(on!(connection, |c| audience::table.order(audience::source_no).select(AudienceRow::as_select()).load(c))?)
}

/// The audience of this source.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, source: SourceNo) -> Result<Option<AudienceRow>, Error> {
    Ok(all(connection)?.into_iter().find(|row| row.source_no == source))
}

/// Lets an audience end: from here on nobody is handed over to it, whatever is asked for. False if there is none.
///
/// # Errors
/// If it cannot be written.
pub fn end_for_good(write: &mut Write<'_>, source: SourceNo) -> Result<bool, Error> {
    let this = audience::source_no.eq(source.0);
    let ending = on!(write.records(), |c| diesel::update(audience::table.filter(this))
        .set((audience::ending.eq(1_i16), audience::retry_at.eq(0_i64)))
        .execute(c))?;
    Ok(ending > 0)
}

/// Adds an audience, or puts segment and schedule in the place of those there were.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: &AudienceRow) -> Result<(), Error> {
    let this = audience::source_no.eq(row.source_no.0);
    on!(write.records(), |c| diesel::delete(audience::table.filter(this)).execute(c))?;
    on!(write.records(), |c| diesel::insert_into(audience::table).values(row.clone()).execute(c))?;
    Ok(())
}

/// Removes an audience. False if there is none. Its members must have been taken off before.
///
/// # Errors
/// If it cannot be removed.
pub fn delete(write: &mut Write<'_>, source: SourceNo) -> Result<bool, Error> {
    let this = audience::source_no.eq(source.0);
    let removed = on!(write.records(), |c| diesel::delete(audience::table.filter(this)).execute(c))?;
    Ok(removed > 0)
}

/// Asks for a push. False if there is no such audience.
///
/// # Errors
/// If it cannot be written.
pub fn want(write: &mut Write<'_>, source: SourceNo, now: Timestamp) -> Result<bool, Error> {
    let this = audience::source_no.eq(source.0);
    let asked = on!(write.records(), |c| diesel::update(audience::table.filter(this))
        .set(audience::wanted_at.eq(now.micros()))
        .execute(c))?;
    Ok(asked > 0)
}

/// Takes the lease. A push of everybody is written down as asked for, so that it is done even if this process dies. None if there
/// is no such audience, or somebody else is at it.
///
/// # Errors
/// If it cannot be written.
pub fn take(
    write: &mut Write<'_>,
    (source, everybody): (SourceNo, bool),
    owner: &[u8],
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<AudienceRow>, Error> {
    let Some(row) = find(write.records(), source)?.filter(|row| row.lease_until <= now) else { return Ok(None) };
    let wanted_at = if everybody && !row.wanted_at.is_set() { now } else { row.wanted_at };
    let row = AudienceRow { lease_owner: owner.to_vec(), lease_until: until, wanted_at, ..row };
    put(write, &row)?;
    Ok(Some(row))
}

/// Writes where it stands, if `owner` is still at it; what was asked for meanwhile stays so. False if another process took
/// it over.
///
/// # Errors
/// If it cannot be written.
pub fn renew(write: &mut Write<'_>, owner: &[u8], row: &AudienceRow) -> Result<bool, Error> {
    let found = find(write.records(), row.source_no)?;
    let Some(found) = found.filter(|found| found.lease_owner == owner) else { return Ok(false) };
    put(write, &AudienceRow { wanted_at: found.wanted_at, ending: found.ending, ..row.clone() })?;
    Ok(true)
}

/// Writes how a run ended that began at `begun_at`, and gives the lease back, if `owner` is still at it. After a push of everybody
/// what was asked for before it began is done. False if another process took it over.
///
/// # Errors
/// If it cannot be written.
pub fn end(
    write: &mut Write<'_>,
    owner: &[u8],
    row: &AudienceRow,
    (everybody, begun_at): (bool, Timestamp),
) -> Result<bool, Error> {
    let found = find(write.records(), row.source_no)?;
    let Some(found) = found.filter(|found| found.lease_owner == owner) else { return Ok(false) };
    let done = everybody && found.wanted_at <= begun_at;
    let wanted_at = if done { Timestamp::UNSET } else { found.wanted_at };
    let ending = found.ending;
    put(
        write,
        &AudienceRow { wanted_at, ending, lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..row.clone() },
    )?;
    Ok(true)
}

/// Where those stand of whose no a vendor is to be told.
const REFUSABLE: [i16; 4] = [MemberRow::HANDED, MemberRow::THERE, MemberRow::LEAVING, MemberRow::GONE];

/// These people are to be taken off wherever they were handed over for `purpose` on `channel`; without either, everywhere. Where they
/// said no (`refuse`) the vendor is to be told so, also of who left its list before and of whom it has something still.
///
/// # Errors
/// If it cannot be written.
pub fn take_off(
    write: &mut Write<'_>,
    people: &[SubjectId],
    (purpose, channel): (Option<&str>, Option<&str>),
    refuse: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let rows = of_people(write.records(), people)?;
    if rows.is_empty() {
        return Ok(());
    }
    let audiences = all(write.records())?;
    for row in rows {
        let of = audiences.iter().find(|audience| audience.source_no == row.source_no);
        if of.is_none_or(|of| of.concerns(purpose, channel)) {
            let which = match refuse {
                true => (&REFUSABLE[..], MemberRow::REFUSING),
                false => (&MemberRow::PRESENT[..], MemberRow::LEAVING),
            };
            step(write, row.source_no, &[row.ix], which, now)?;
        }
    }
    Ok(())
}
