//! Audiences: segments that are pushed to a vendor, and who was handed over.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::{audience, audience_member, record};
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
    fn concerns(&self, purpose: Option<&str>, channel: Option<&str>) -> bool {
        let of_purpose = purpose.is_none_or(|purpose| self.purposes.split(',').any(|one| one == purpose));
        of_purpose && channel.is_none_or(|channel| self.channel.is_empty() || self.channel == channel)
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
    /// Until when the vendor may still carry out the adding it was told of; unset: it was never told.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub settles_at: Timestamp,
    /// Who is to be taken off waits until then.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub due_at: Timestamp,
}

/// ```text
/// HANDED → THERE → LEAVING → (forgotten)
///    └───────────────↑ └──→ GONE → HANDED
/// ```
impl MemberRow {
    /// The vendor is told, or was and has not answered.
    pub const HANDED: i16 = 1;
    /// The vendor has them.
    pub const THERE: i16 = 2;
    /// They are to be taken off.
    pub const LEAVING: i16 = 3;
    /// They were taken off, and the vendor still knows them; an erasure must reach it.
    pub const GONE: i16 = 4;
    /// Where those stand whom the vendor may have on its list.
    pub const PRESENT: [i16; 2] = [Self::HANDED, Self::THERE];
    /// Where those stand who are on the list, or are still to be taken off.
    pub const ON_LIST: [i16; 3] = [Self::HANDED, Self::THERE, Self::LEAVING];
    /// All of these.
    pub const ALL: [i16; 4] = [Self::HANDED, Self::THERE, Self::LEAVING, Self::GONE];
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

/// Who of this vendor stands at one of `states`, after `after`, in the order of their indexes.
///
/// # Errors
/// If the shelf cannot be read.
pub fn members(
    connection: &mut Connection,
    source: SourceNo,
    states: &[i16],
    after: &[u8],
    limit: i64,
) -> Result<Vec<MemberRow>, Error> {
    let theirs = audience_member::source_no.eq(source.0).and(audience_member::ix.gt(after.to_vec()));
    Ok(on!(connection, |c| audience_member::table
        .filter(theirs.and(audience_member::state.eq_any(states.to_vec())))
        .order(audience_member::ix)
        .limit(limit)
        .select(MemberRow::as_select())
        .load(c))?)
}

/// Who is to be taken off now: whoever waits longest for a try comes first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn leaving(
    connection: &mut Connection,
    source: SourceNo,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<MemberRow>, Error> {
    let theirs = audience_member::source_no.eq(source.0).and(audience_member::state.eq(MemberRow::LEAVING));
    Ok(on!(connection, |c| audience_member::table
        .filter(theirs.and(audience_member::due_at.le(now.micros())))
        .order((audience_member::due_at, audience_member::ix))
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
            .set((
                audience_member::state.eq(to),
                audience_member::changed_at.eq(now.micros()),
                audience_member::due_at.eq(now.micros()),
            ))
            .execute(c))?;
    }
    Ok(moved)
}

/// The vendor is about to be told of these people, and may be at it until `settles_at`. Answers who of them is still to be handed
/// over; who is to be taken off meanwhile must not be told of.
///
/// # Errors
/// If it cannot be written; then nobody may be told of.
pub fn tell(
    write: &mut Write<'_>,
    source: SourceNo,
    ixs: &[Vec<u8>],
    settles_at: Timestamp,
) -> Result<Vec<Vec<u8>>, Error> {
    let rows = with_indexes(write.records(), source, ixs)?.into_iter();
    let handed: Vec<Vec<u8>> = rows.filter(|row| row.state == MemberRow::HANDED).map(|row| row.ix).collect();
    settle(write, source, &handed, settles_at, settles_at)?;
    Ok(handed)
}

/// The vendor answered, or did not, and may be at adding these people until `settles_at`, wherever they stand by now. Who of them is
/// to be taken off is due at `due_at`.
///
/// # Errors
/// If it cannot be written.
pub fn settle(
    write: &mut Write<'_>,
    source: SourceNo,
    ixs: &[Vec<u8>],
    settles_at: Timestamp,
    due_at: Timestamp,
) -> Result<(), Error> {
    for ixs in ixs.chunks(500) {
        let these = audience_member::source_no.eq(source.0).and(audience_member::ix.eq_any(ixs.to_vec()));
        on!(write.records(), |c| diesel::update(audience_member::table.filter(these))
            .set((audience_member::settles_at.eq(settles_at.micros()), audience_member::due_at.eq(due_at.micros()),))
            .execute(c))?;
    }
    Ok(())
}

/// Somebody who is to be taken off is tried again then.
///
/// # Errors
/// If it cannot be written.
pub fn postpone(write: &mut Write<'_>, row: &MemberRow, due_at: Timestamp) -> Result<(), Error> {
    let this = audience_member::source_no.eq(row.source_no.0).and(audience_member::ix.eq(row.ix.clone()));
    on!(write.records(), |c| diesel::update(audience_member::table.filter(this))
        .set(audience_member::due_at.eq(due_at.micros()))
        .execute(c))?;
    Ok(())
}

/// What is kept of somebody ends then, whatever the vendor does.
///
/// # Errors
/// If it cannot be written.
pub fn end_errand(write: &mut Write<'_>, row: &MemberRow, ends: Timestamp) -> Result<(), Error> {
    let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(()) };
    let theirs = record::part.eq(nobody.part()).and(record::subject_id.eq(row.errand.clone()));
    on!(write.records(), |c| diesel::update(record::table.filter(theirs))
        .set(record::keep_until.eq(ends.micros()))
        .execute(c))?;
    Ok(())
}

/// These people are to be taken off wherever they were handed over for `purpose` on `channel`; without either, everywhere.
///
/// # Errors
/// If it cannot be written.
pub fn take_off(
    write: &mut Write<'_>,
    people: &[SubjectId],
    (purpose, channel): (Option<&str>, Option<&str>),
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
            step(write, row.source_no, &[row.ix], (&MemberRow::PRESENT, MemberRow::LEAVING), now)?;
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
