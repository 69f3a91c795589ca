//! Who was handed over to a vendor, and where they stand.

use diesel::prelude::*;

use crate::store::connection::{Connection, on};
use crate::store::schema::{audience_member, record};
use crate::store::{Error, Write};
use crate::types::{SourceNo, SubjectId, Timestamp};

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
///
/// whoever says no: any of these → REFUSING → (forgotten), GONE or TOLD → HANDED
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
    /// They said no: the vendor is to be told so, and they are to be taken off.
    pub const REFUSING: i16 = 5;
    /// As [`MemberRow::GONE`], and it was the hub that told the vendor of their no: what the vendor says of it is no word of theirs.
    pub const TOLD: i16 = 6;
    /// Where those stand who are to be taken off.
    pub const TO_LEAVE: [i16; 2] = [Self::LEAVING, Self::REFUSING];
    /// Where those stand who were taken off.
    pub const OFF: [i16; 2] = [Self::GONE, Self::TOLD];
    /// Where those stand whom the vendor may have on its list.
    pub const PRESENT: [i16; 2] = [Self::HANDED, Self::THERE];
    /// Where those stand who are on the list, or are still to be taken off.
    pub const ON_LIST: [i16; 4] = [Self::HANDED, Self::THERE, Self::LEAVING, Self::REFUSING];
    /// All of these.
    pub const ALL: [i16; 6] = [Self::HANDED, Self::THERE, Self::LEAVING, Self::GONE, Self::REFUSING, Self::TOLD];
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
    let theirs =
        audience_member::source_no.eq(source.0).and(audience_member::state.eq_any(MemberRow::TO_LEAVE.to_vec()));
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

/// Forgets somebody whom the vendor took off.
///
/// # Errors
/// If it cannot be written.
pub fn forget(write: &mut Write<'_>, source: SourceNo, ix: &[u8]) -> Result<(), Error> {
    let this = audience_member::source_no.eq(source.0).and(audience_member::ix.eq(ix.to_vec()));
    on!(write.records(), |c| diesel::delete(audience_member::table.filter(this)).execute(c))?;
    Ok(())
}
