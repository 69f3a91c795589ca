//! Audiences: segments that are pushed to a vendor, and who was handed over.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::{audience, audience_member};
use super::{Error, Write};
use crate::types::{SourceNo, SubjectId, Timestamp};

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
}

impl AudienceRow {
    /// Is a push of everybody due?
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.wanted_at.is_set() || (self.next_at.is_set() && self.next_at <= now)
    }
}

/// Somebody who was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audience_member)]
pub struct MemberRow {
    /// To whom.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// The blind index of the mail address.
    pub ix: Vec<u8>,
    /// The person.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// The nobody for whom the mail address is sealed.
    pub errand: Vec<u8>,
    /// [`MemberRow::HANDED`] and its neighbours.
    pub state: i16,
    /// Since when.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub changed_at: Timestamp,
}

impl MemberRow {
    /// The vendor is told, or was and has not answered.
    pub const HANDED: i16 = 1;
    /// The vendor has them.
    pub const THERE: i16 = 2;
    /// They are to be taken off.
    pub const LEAVING: i16 = 3;
}

/// All audiences.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<AudienceRow>, Error> {
    Ok(on!(connection, |c| audience::table.order(audience::source_no).select(AudienceRow::as_select()).load(c))?)
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
    let found = all(write.records())?.into_iter().find(|row| row.source_no == source && row.lease_until <= now);
    let Some(row) = found else { return Ok(None) };
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
    let found = all(write.records())?.into_iter().find(|found| found.source_no == row.source_no);
    let Some(found) = found.filter(|found| found.lease_owner == owner) else { return Ok(false) };
    put(write, &AudienceRow { wanted_at: found.wanted_at, ..row.clone() })?;
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
    let found = all(write.records())?.into_iter().find(|found| found.source_no == row.source_no);
    let Some(found) = found.filter(|found| found.lease_owner == owner) else { return Ok(false) };
    let done = everybody && found.wanted_at <= begun_at;
    let wanted_at = if done { Timestamp::UNSET } else { found.wanted_at };
    put(write, &AudienceRow { wanted_at, lease_owner: Vec::new(), lease_until: Timestamp::UNSET, ..row.clone() })?;
    Ok(true)
}

/// Those of these mail addresses that were handed over.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_indexes(connection: &mut Connection, source: SourceNo, ixs: &[Vec<u8>]) -> Result<Vec<MemberRow>, Error> {
    let mut all = Vec::new();
    for ixs in ixs.chunks(500) {
        let these = audience_member::source_no.eq(source.0).and(audience_member::ix.eq_any(ixs.to_vec()));
        let rows: Vec<MemberRow> =
            on!(connection, |c| audience_member::table.filter(these).select(MemberRow::as_select()).load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

/// Who was handed over to this vendor after `after`, in the order of their indexes; of one state if it is named.
///
/// # Errors
/// If the shelf cannot be read.
pub fn members(
    connection: &mut Connection,
    source: SourceNo,
    state: Option<i16>,
    after: &[u8],
    limit: i64,
) -> Result<Vec<MemberRow>, Error> {
    let states =
        state.map_or_else(|| vec![MemberRow::HANDED, MemberRow::THERE, MemberRow::LEAVING], |state| vec![state]);
    let theirs = audience_member::source_no.eq(source.0).and(audience_member::ix.gt(after.to_vec()));
    Ok(on!(connection, |c| audience_member::table
        .filter(theirs.and(audience_member::state.eq_any(states)))
        .order(audience_member::ix)
        .limit(limit)
        .select(MemberRow::as_select())
        .load(c))?)
}

/// How many stand where.
///
/// # Errors
/// If the shelf cannot be read.
pub fn counts(connection: &mut Connection, source: SourceNo) -> Result<Vec<(i16, i64)>, Error> {
    Ok(on!(connection, |c| audience_member::table
        .filter(audience_member::source_no.eq(source.0))
        .group_by(audience_member::state)
        .select((audience_member::state, diesel::dsl::count_star()))
        .load(c))?)
}

/// Where these people were handed over, to whomever.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_people(connection: &mut Connection, people: &[SubjectId]) -> Result<Vec<MemberRow>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| id.bytes().to_vec()).collect();
    Ok(on!(connection, |c| audience_member::table
        .filter(audience_member::subject_id.eq_any(ids))
        .order((audience_member::source_no, audience_member::ix))
        .select(MemberRow::as_select())
        .load(c))?)
}

/// Adds somebody; who is there already stays as they are.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: MemberRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(audience_member::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Somebody else who has the same mail address is in the segment: it is theirs from now on, so that their no takes it off.
///
/// # Errors
/// If it cannot be written.
pub fn assign(write: &mut Write<'_>, source: SourceNo, ix: &[u8], subject: SubjectId) -> Result<(), Error> {
    let this = audience_member::source_no.eq(source.0).and(audience_member::ix.eq(ix.to_vec()));
    on!(write.records(), |c| diesel::update(audience_member::table.filter(this))
        .set(audience_member::subject_id.eq(subject.bytes().to_vec()))
        .execute(c))?;
    Ok(())
}

/// Moves people on who stand at `from`; others stay where they are.
///
/// # Errors
/// If it cannot be written.
pub fn step(
    write: &mut Write<'_>,
    source: SourceNo,
    ixs: &[Vec<u8>],
    (from, to): (&[i16], i16),
    now: Timestamp,
) -> Result<usize, Error> {
    let mut moved = 0;
    for ixs in ixs.chunks(500) {
        let these = audience_member::source_no.eq(source.0).and(audience_member::ix.eq_any(ixs.to_vec()));
        let standing = these.and(audience_member::state.eq_any(from.to_vec()));
        moved += on!(write.records(), |c| diesel::update(audience_member::table.filter(standing))
            .set((audience_member::state.eq(to), audience_member::changed_at.eq(now.micros())))
            .execute(c))?;
    }
    Ok(moved)
}

/// These people are to be taken off wherever they were handed over for `purpose`; without one, everywhere.
///
/// # Errors
/// If it cannot be written.
pub fn take_off(
    write: &mut Write<'_>,
    people: &[SubjectId],
    purpose: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let rows = of_people(write.records(), people)?;
    if rows.is_empty() {
        return Ok(());
    }
    let audiences = all(write.records())?;
    for row in rows {
        let of = audiences.iter().find(|audience| audience.source_no == row.source_no);
        let concerns = |purpose: &str| of.is_none_or(|of| of.purposes.split(',').any(|one| one == purpose));
        if purpose.is_none_or(concerns) {
            let from = [MemberRow::HANDED, MemberRow::THERE];
            step(write, row.source_no, &[row.ix], (&from, MemberRow::LEAVING), now)?;
        }
    }
    Ok(())
}

/// Forgets somebody whom the vendor took off.
///
/// # Errors
/// If it cannot be written.
pub fn forget(write: &mut Write<'_>, source: SourceNo, ix: &[u8]) -> Result<(), Error> {
    let this = audience_member::source_no.eq(source.0).and(audience_member::ix.eq(ix.to_vec()));
    on!(write.records(), |c| diesel::delete(audience_member::table.filter(this)).execute(c))?;
    Ok(())
}
