//! Records whose source does not list them any more.

use std::collections::HashMap;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::rows::IdentifierRow;
use super::schema::{identifier, record};
use super::{Error, Write};
use crate::types::{RecordKind, RecordNo, SourceNo, Timestamp};

/// A record of a source that lists all of its kind.
pub struct Known {
    /// Its number.
    pub number: RecordNo,
    /// Its own blind index; none if it has none, so that nobody can say whether it is listed.
    pub name: Option<[u8; 16]>,
    /// Did the listing before leave it out?
    pub unlisted: bool,
}

/// Up to `limit` records of a source and kind after `after`, in the order of arrival. Left out are those that arrived since
/// `began`, and those whose source's own clock is over by then.
///
/// # Errors
/// If the shelf cannot be read.
pub fn known(
    connection: &mut Connection,
    (source, kind): (SourceNo, RecordKind),
    (after, limit): (RecordNo, i64),
    began: Timestamp,
) -> Result<Vec<Known>, Error> {
    let of = record::source_no.eq(source.0).and(record::kind.eq(kind.number()));
    let runs = record::source_until.eq(0).or(record::source_until.gt(began.micros()));
    let came_before = record::ingested_at.lt(began.micros());
    let found: Vec<(i64, i64)> = on!(connection, |c| record::table
        .filter(of.and(runs).and(came_before).and(record::record_no.gt(after.0)))
        .order(record::record_no)
        .limit(limit)
        .select((record::record_no, record::unlisted_at))
        .load(c))?;
    let numbers: Vec<i64> = found.iter().map(|(number, _)| *number).collect();
    let own = identifier::kind.eq(IdentifierRow::RECORD).and(identifier::record_no.eq_any(numbers));
    let rows: Vec<(i64, Vec<u8>)> =
        on!(connection, |c| identifier::table.filter(own).select((identifier::record_no, identifier::ix)).load(c))?;
    let exact = |ix: Vec<u8>| <[u8; 16]>::try_from(ix).map_err(|_| Error::Unreadable("a blind index"));
    let names = rows.into_iter().map(|(number, ix)| Ok((number, exact(ix)?)));
    let names: HashMap<i64, [u8; 16]> = names.collect::<Result<_, Error>>()?;
    let one = |(number, unlisted_at)| Known {
        number: RecordNo(number),
        name: names.get(&number).copied(),
        unlisted: unlisted_at > 0,
    };
    Ok(found.into_iter().map(one).collect())
}

/// The records of a source and kind with these blind indexes as their own, as far as the source's own clock of them still runs.
///
/// # Errors
/// If the shelf cannot be read.
pub fn named(
    connection: &mut Connection,
    (source, kind): (SourceNo, RecordKind),
    names: &[[u8; 16]],
    now: Timestamp,
) -> Result<Vec<RecordNo>, Error> {
    let names: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    let own = identifier::kind.eq(IdentifierRow::RECORD).and(identifier::ix.eq_any(names));
    let numbers: Vec<i64> = on!(connection, |c| identifier::table.filter(own).select(identifier::record_no).load(c))?;
    let of = record::source_no.eq(source.0).and(record::kind.eq(kind.number())).and(record::record_no.eq_any(numbers));
    let runs = record::source_until.eq(0).or(record::source_until.gt(now.micros()));
    let found: Vec<i64> = on!(connection, |c| record::table.filter(of.and(runs)).select(record::record_no).load(c))?;
    Ok(found.into_iter().map(RecordNo).collect())
}

/// Notes that a listing left these records out; unset: that it lists them.
///
/// # Errors
/// If it cannot be written.
pub fn mark(write: &mut Write<'_>, numbers: &[RecordNo], unlisted_at: Timestamp) -> Result<(), Error> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.0).collect();
    on!(write.records(), |c| diesel::update(record::table.filter(record::record_no.eq_any(numbers)))
        .set(record::unlisted_at.eq(unlisted_at.micros()))
        .execute(c))?;
    Ok(())
}

/// Lets the source's own clock of these records end, unless the source told of one since it was marked. Says how many ended.
///
/// # Errors
/// If it cannot be written.
pub fn end(write: &mut Write<'_>, numbers: &[RecordNo], now: Timestamp) -> Result<usize, Error> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.0).collect();
    let marked = record::record_no.eq_any(numbers).and(record::unlisted_at.gt(0));
    let ended = on!(write.records(), |c| diesel::update(record::table.filter(marked))
        .set(record::source_until.eq(now.micros()))
        .execute(c))?;
    Ok(ended)
}
