//! Records whose source does not list them any more.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::rows::IdentifierRow;
use super::schema::{identifier, record};
use super::{Error, Write};
use crate::types::{RecordKind, RecordNo, SourceNo, Timestamp};

/// Up to `limit` records of a source and kind after `after`, with the blind index of each, in the order of arrival. Those that
/// ended by the source's own clock are left out.
///
/// # Errors
/// If the shelf cannot be read.
pub fn names(
    connection: &mut Connection,
    (source, kind): (SourceNo, RecordKind),
    after: RecordNo,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<(RecordNo, [u8; 16])>, Error> {
    let of = record::source_no.eq(source.0).and(record::kind.eq(kind.number()));
    let runs = record::source_until.eq(0).or(record::source_until.gt(now.micros()));
    let numbers: Vec<i64> = on!(connection, |c| record::table
        .filter(of.and(runs).and(record::record_no.gt(after.0)))
        .order(record::record_no)
        .limit(limit)
        .select(record::record_no)
        .load(c))?;
    let own = identifier::kind.eq(IdentifierRow::RECORD).and(identifier::record_no.eq_any(numbers));
    let rows: Vec<(i64, Vec<u8>)> = on!(connection, |c| identifier::table
        .filter(own)
        .order(identifier::record_no)
        .select((identifier::record_no, identifier::ix))
        .load(c))?;
    let exact = |ix: Vec<u8>| <[u8; 16]>::try_from(ix).map_err(|_| Error::Unreadable("a blind index"));
    rows.into_iter().map(|(number, ix)| Ok((RecordNo(number), exact(ix)?))).collect()
}

/// Lets the source's own clock of these records end.
///
/// # Errors
/// If it cannot be written.
pub fn end(write: &mut Write<'_>, numbers: &[RecordNo], now: Timestamp) -> Result<(), Error> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.0).collect();
    on!(write.records(), |c| diesel::update(record::table.filter(record::record_no.eq_any(numbers)))
        .set(record::source_until.eq(now.micros()))
        .execute(c))?;
    Ok(())
}
