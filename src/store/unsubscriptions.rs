//! Withdrawals the vendors of sources are to be told of: whose, who is at it, what came of it.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::unsubscription;
use super::{Error, Write};
use crate::types::{SourceNo, SubjectId, Timestamp};

/// How long it is known that a vendor had nothing to do.
const KEPT: i64 = 60 * Timestamp::DAY;

/// One vendor, one person and one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = unsubscription)]
pub struct UnsubscriptionRow {
    /// The source whose vendor is told.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// Who withdrew.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// For which purpose.
    pub purpose: String,
    /// The entry of the ledger that says it.
    pub entry_no: i64,
    /// [`UnsubscriptionRow::WAITS`] or its neighbour.
    pub state: i16,
    /// How often the vendor was told.
    pub attempts: i32,
    /// When it is told next.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub next_at: Timestamp,
    /// The process that is at it.
    pub lease_owner: Vec<u8>,
    /// Until when it may be; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// When the hub learnt of it.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub asked_at: Timestamp,
    /// When the vendor last ended something because it was told; unset: never.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub told_at: Timestamp,
    /// What came of it, in a word; empty: not known yet.
    pub outcome: String,
}

impl UnsubscriptionRow {
    /// The vendor is to be told.
    pub const WAITS: i16 = 1;
    /// Nothing more is done.
    pub const FINAL: i16 = 2;
}

/// Writes down that the vendor of a source is to be told. Who is at an earlier withdrawal of the same person finds it taken over.
///
/// # Errors
/// If it cannot be written.
pub fn want(
    write: &mut Write<'_>,
    source: SourceNo,
    (subject, purpose): (SubjectId, &str),
    entry_no: i64,
    now: Timestamp,
) -> Result<(), Error> {
    let row = UnsubscriptionRow {
        source_no: source,
        subject_id: subject,
        purpose: purpose.to_owned(),
        entry_no,
        state: UnsubscriptionRow::WAITS,
        attempts: 0,
        next_at: now,
        lease_owner: Vec::new(),
        lease_until: Timestamp::UNSET,
        asked_at: now,
        told_at: Timestamp::UNSET,
        outcome: String::new(),
    };
    match find(write.records(), source, subject, purpose)? {
        Some(known) if known.entry_no >= entry_no => Ok(()),
        Some(known) => put(write, &UnsubscriptionRow { told_at: known.told_at, ..row }),
        None => {
            on!(write.records(), |c| diesel::insert_into(unsubscription::table).values(row).execute(c))?;
            Ok(())
        }
    }
}

/// Those that are due and that nobody is at.
///
/// # Errors
/// If the shelf cannot be read.
pub fn due(connection: &mut Connection, now: Timestamp, limit: i64) -> Result<Vec<UnsubscriptionRow>, Error> {
    let waits = unsubscription::state.eq(UnsubscriptionRow::WAITS).and(unsubscription::next_at.le(now.micros()));
    Ok(on!(connection, |c| unsubscription::table
        .filter(waits.and(unsubscription::lease_until.le(now.micros())))
        .order((unsubscription::attempts, unsubscription::next_at))
        .limit(limit)
        .select(UnsubscriptionRow::as_select())
        .load(c))?)
}

/// Where one stands.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(
    connection: &mut Connection,
    source: SourceNo,
    subject: SubjectId,
    purpose: &str,
) -> Result<Option<UnsubscriptionRow>, Error> {
    let this = unsubscription::source_no
        .eq(source.0)
        .and(unsubscription::subject_id.eq(subject.bytes().to_vec()))
        .and(unsubscription::purpose.eq(purpose.to_owned()));
    Ok(on!(connection, |c| unsubscription::table
        .filter(this)
        .select(UnsubscriptionRow::as_select())
        .first(c)
        .optional())?)
}

/// What the vendor of a source was told of the withdrawals of these people, who are one, or is to be told. Of what it was never told,
/// or was told in vain, it tells nothing but the person's own word.
///
/// # Errors
/// If the shelf cannot be read.
pub fn told(
    connection: &mut Connection,
    source: SourceNo,
    people: &[SubjectId],
    purpose: &str,
) -> Result<Vec<UnsubscriptionRow>, Error> {
    let told = unsubscription::state.eq(UnsubscriptionRow::WAITS);
    let told = told.or(unsubscription::told_at.ne(Timestamp::UNSET.micros()));
    let these = unsubscription::source_no.eq(source.0).and(unsubscription::purpose.eq(purpose.to_owned()));
    let people: Vec<Vec<u8>> = people.iter().map(|person| person.bytes().to_vec()).collect();
    Ok(on!(connection, |c| unsubscription::table
        .filter(these.and(told).and(unsubscription::subject_id.eq_any(people)))
        .select(UnsubscriptionRow::as_select())
        .load(c))?)
}

/// Takes the lease for `owner`. None if it is final, somebody else is at it, or it is gone.
///
/// # Errors
/// If it cannot be written.
pub fn take(
    write: &mut Write<'_>,
    row: &UnsubscriptionRow,
    owner: &[u8],
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<UnsubscriptionRow>, Error> {
    let found = find(write.records(), row.source_no, row.subject_id, &row.purpose)?;
    let free = |row: &UnsubscriptionRow| row.state == UnsubscriptionRow::WAITS && row.lease_until <= now;
    let Some(row) = found.filter(free) else { return Ok(None) };
    let row = UnsubscriptionRow { lease_owner: owner.to_vec(), lease_until: until, ..row };
    put(write, &row)?;
    Ok(Some(row))
}

/// Writes where it stands, if it is still `owner` who is at it, and still the same withdrawal. False otherwise: then nothing is
/// written.
///
/// # Errors
/// If it cannot be written.
pub fn step(write: &mut Write<'_>, owner: &[u8], row: &UnsubscriptionRow) -> Result<bool, Error> {
    let found = find(write.records(), row.source_no, row.subject_id, &row.purpose)?;
    let ours = found.is_some_and(|found| found.lease_owner == owner && found.entry_no == row.entry_no);
    if ours {
        put(write, row)?;
    }
    Ok(ours)
}

/// Forgets those of long ago for which a vendor did nothing. That it did something is known for as long as the person is: without a
/// moment of its own, it tells of it with everything it tells.
///
/// # Errors
/// If it cannot be written.
pub fn forget_old(write: &mut Write<'_>, now: Timestamp) -> Result<(), Error> {
    let old = unsubscription::state.eq(UnsubscriptionRow::FINAL);
    let old = old.and(unsubscription::next_at.lt(now.plus(-KEPT).micros()));
    let old = old.and(unsubscription::told_at.eq(Timestamp::UNSET.micros()));
    on!(write.records(), |c| diesel::delete(unsubscription::table.filter(old)).execute(c))?;
    Ok(())
}

/// Forgets those of people who are erased.
///
/// # Errors
/// If it cannot be written.
pub fn delete_of(write: &mut Write<'_>, people: &[SubjectId]) -> Result<(), Error> {
    let people: Vec<Vec<u8>> = people.iter().map(|person| person.bytes().to_vec()).collect();
    on!(write.records(), |c| diesel::delete(unsubscription::table.filter(unsubscription::subject_id.eq_any(people)))
        .execute(c))?;
    Ok(())
}

fn put(write: &mut Write<'_>, row: &UnsubscriptionRow) -> Result<(), Error> {
    let this = unsubscription::source_no
        .eq(row.source_no.0)
        .and(unsubscription::subject_id.eq(row.subject_id.bytes().to_vec()))
        .and(unsubscription::purpose.eq(row.purpose.clone()));
    on!(write.records(), |c| diesel::update(unsubscription::table.filter(this))
        .set((
            unsubscription::entry_no.eq(row.entry_no),
            unsubscription::state.eq(row.state),
            unsubscription::attempts.eq(row.attempts),
            unsubscription::next_at.eq(row.next_at.micros()),
            unsubscription::lease_owner.eq(&row.lease_owner),
            unsubscription::lease_until.eq(row.lease_until.micros()),
            unsubscription::asked_at.eq(row.asked_at.micros()),
            unsubscription::told_at.eq(row.told_at.micros()),
            unsubscription::outcome.eq(&row.outcome),
        ))
        .execute(c))?;
    Ok(())
}
