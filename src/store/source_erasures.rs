//! Making the vendors of sources forget somebody who is erased here: what is to be done, who is at it, what came of it.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::{record, source_erasure};
use super::{Error, Write};
use crate::types::{RequestId, SourceNo, SubjectId, Timestamp};

/// One vendor of one request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = source_erasure)]
pub struct SourceErasureRow {
    /// The request.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub request_id: RequestId,
    /// The source whose vendor is asked.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// The nobody for whom it is sealed by what the vendor knows the person; empty: destroyed, because the answer is final, or
    /// there is nothing to tell.
    pub errand: Vec<u8>,
    /// How many values are somebody else's too and stay untold.
    pub withheld: i32,
    /// [`SourceErasureRow::WAITS`] and its neighbours.
    pub state: i16,
    /// How often the vendor was asked.
    pub attempts: i32,
    /// When it is asked next.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub next_at: Timestamp,
    /// The process that is at it.
    pub lease_owner: Vec<u8>,
    /// Until when it may be; unset: nobody is.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub lease_until: Timestamp,
    /// When the erasure began here.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub asked_at: Timestamp,
    /// When the report changed.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub changed_at: Timestamp,
    /// What became of each kind of object, as JSON; empty: not known yet.
    pub report: String,
}

impl SourceErasureRow {
    /// The vendor is to be asked, or asked again.
    pub const WAITS: i16 = 1;
    /// Nothing more is done.
    pub const FINAL: i16 = 2;
    /// The report is final; it does not stand everywhere yet, and what the vendor was told is not destroyed yet.
    pub const ANSWERED: i16 = 3;
    /// A law or the vendor's terms keep something there until a day; on it the vendor is asked again. Until then nothing is done, and what
    /// the vendor must be told then stays sealed.
    pub const HELD: i16 = 4;
}

/// All vendors of a request.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, request: RequestId) -> Result<Vec<SourceErasureRow>, Error> {
    Ok(on!(connection, |c| source_erasure::table
        .filter(source_erasure::request_id.eq(Vec::from(request)))
        .order(source_erasure::source_no)
        .select(SourceErasureRow::as_select())
        .load(c))?)
}

/// Those that are due and that nobody is at: up to `limit` of each source, so that a vendor that fails is in nobody's way; those that
/// were asked least first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn due(connection: &mut Connection, now: Timestamp, limit: i64) -> Result<Vec<SourceErasureRow>, Error> {
    let is_due = || {
        let waits = source_erasure::state.ne(SourceErasureRow::FINAL).and(source_erasure::next_at.le(now.micros()));
        waits.and(source_erasure::lease_until.le(now.micros()))
    };
    let sources: Vec<i32> = on!(connection, |c| source_erasure::table
        .filter(is_due())
        .select(source_erasure::source_no)
        .distinct()
        .load(c))?;
    let mut all = Vec::new();
    for source in sources {
        let rows: Vec<SourceErasureRow> = on!(connection, |c| source_erasure::table
            .filter(is_due().and(source_erasure::source_no.eq(source)))
            .order((source_erasure::attempts, source_erasure::next_at))
            .limit(limit)
            .select(SourceErasureRow::as_select())
            .load(c))?;
        all.extend(rows);
    }
    all.sort_by_key(|row| (row.attempts, row.next_at));
    Ok(all)
}

/// The sources of which a vendor is still being asked to forget somebody, with the times those erasures began. Of whom it did, but
/// for what is held, it is not.
///
/// # Errors
/// If the shelf cannot be read.
pub fn open(connection: &mut Connection) -> Result<Vec<(SourceNo, Timestamp)>, Error> {
    let rows: Vec<(i32, i64)> = on!(connection, |c| source_erasure::table
        .filter(source_erasure::state.ne_all([SourceErasureRow::FINAL, SourceErasureRow::HELD]))
        .select((source_erasure::source_no, source_erasure::asked_at))
        .load(c))?;
    Ok(rows.into_iter().map(|(source, at)| (SourceNo(source), Timestamp::from_micros(at))).collect())
}

/// The requests of which a vendor's answer became final since then, or that are held since then.
///
/// # Errors
/// If the shelf cannot be read.
pub fn ended_since(connection: &mut Connection, since: Timestamp) -> Result<Vec<RequestId>, Error> {
    let told = [SourceErasureRow::FINAL, SourceErasureRow::HELD];
    let ended = source_erasure::state.eq_any(told).and(source_erasure::changed_at.ge(since.micros()));
    let rows: Vec<Vec<u8>> =
        on!(connection, |c| source_erasure::table.filter(ended).select(source_erasure::request_id).distinct().load(c))?;
    rows.iter().map(|id| Ok(RequestId::from_slice(id)?)).collect()
}

/// What a vendor must be told is kept until then.
///
/// # Errors
/// If it cannot be written.
pub fn keep_errand(write: &mut Write<'_>, row: &SourceErasureRow, until: Timestamp) -> Result<(), Error> {
    let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(()) };
    let theirs = record::part.eq(nobody.part()).and(record::subject_id.eq(row.errand.clone()));
    on!(write.records(), |c| diesel::update(record::table.filter(theirs))
        .set(record::keep_until.eq(until.micros()))
        .execute(c))?;
    Ok(())
}

/// Adds one; one that is there stays as it is.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: SourceErasureRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(source_erasure::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Takes the lease for `owner`. None if it is final, somebody else is at it, or it is gone.
///
/// # Errors
/// If it cannot be written.
pub fn take(
    write: &mut Write<'_>,
    (request, source): (RequestId, SourceNo),
    owner: &[u8],
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<SourceErasureRow>, Error> {
    let found = of(write.records(), request)?.into_iter().find(|row| row.source_no == source);
    let free = |row: &SourceErasureRow| row.state != SourceErasureRow::FINAL && row.lease_until <= now;
    let Some(row) = found.filter(free) else { return Ok(None) };
    let row = SourceErasureRow { lease_owner: owner.to_vec(), lease_until: until, ..row };
    put(write, &row)?;
    Ok(Some(row))
}

/// Writes where it stands, if it is still `owner` who is at it. False if another process took it over: then nothing is
/// written.
///
/// # Errors
/// If it cannot be written.
pub fn step(write: &mut Write<'_>, owner: &[u8], row: &SourceErasureRow) -> Result<bool, Error> {
    let found = of(write.records(), row.request_id)?.into_iter().find(|found| found.source_no == row.source_no);
    let ours = found.is_some_and(|found| found.lease_owner == owner && found.state != SourceErasureRow::FINAL);
    if ours {
        put(write, row)?;
    }
    Ok(ours)
}

fn put(write: &mut Write<'_>, row: &SourceErasureRow) -> Result<(), Error> {
    let this =
        source_erasure::request_id.eq(Vec::from(row.request_id)).and(source_erasure::source_no.eq(row.source_no.0));
    on!(write.records(), |c| diesel::update(source_erasure::table.filter(this))
        .set((
            source_erasure::errand.eq(&row.errand),
            source_erasure::state.eq(row.state),
            source_erasure::attempts.eq(row.attempts),
            source_erasure::next_at.eq(row.next_at.micros()),
            source_erasure::lease_owner.eq(&row.lease_owner),
            source_erasure::lease_until.eq(row.lease_until.micros()),
            source_erasure::changed_at.eq(row.changed_at.micros()),
            source_erasure::report.eq(&row.report),
        ))
        .execute(c))?;
    Ok(())
}
