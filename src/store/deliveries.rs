//! What vendors told by themselves, and whom they were asked to forget.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::{delivery, vendor_erasure};
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// How long a delivery is known: longer than any vendor tries again.
const KNOWN: i64 = 14 * Timestamp::DAY;
/// How long a vendor may take to tell of an erasure it was asked for.
const ECHO: i64 = 60 * Timestamp::DAY;

/// Was a delivery with one of these marks carried out before?
///
/// # Errors
/// If the shelf cannot be read.
pub fn is_known(connection: &mut Connection, source: SourceNo, marks: &[[u8; 16]]) -> Result<bool, Error> {
    let marks: Vec<Vec<u8>> = marks.iter().map(|mark| mark.to_vec()).collect();
    let own = delivery::source_no.eq(source.0).and(delivery::mark.eq_any(marks));
    let found: i64 = on!(connection, |c| delivery::table.filter(own).count().get_result(c))?;
    Ok(found > 0)
}

/// Writes down that a delivery was carried out, and forgets those of long ago.
///
/// # Errors
/// If it cannot be written.
pub fn note(write: &mut Write<'_>, source: SourceNo, marks: &[[u8; 16]], now: Timestamp) -> Result<(), Error> {
    let old = delivery::source_no.eq(source.0).and(delivery::received_at.lt(now.plus(-KNOWN).micros()));
    on!(write.records(), |c| diesel::delete(delivery::table.filter(old)).execute(c))?;
    for mark in marks {
        if !is_known(write.records(), source, &[*mark])? {
            let row = (
                delivery::source_no.eq(source.0),
                delivery::mark.eq(mark.to_vec()),
                delivery::received_at.eq(now.micros()),
            );
            on!(write.records(), |c| diesel::insert_into(delivery::table).values(row).execute(c))?;
        }
    }
    Ok(())
}

/// Writes down whom the vendor of a source was asked to forget, by blind indexes. What was written before stays: an errand that is
/// still open is known by its time.
///
/// # Errors
/// If it cannot be written.
pub fn asked_to_forget(
    write: &mut Write<'_>,
    source: SourceNo,
    indexes: &[[u8; 16]],
    now: Timestamp,
) -> Result<(), Error> {
    for ix in indexes {
        let row = (
            vendor_erasure::source_no.eq(source.0),
            vendor_erasure::ix.eq(ix.to_vec()),
            vendor_erasure::asked_at.eq(now.micros()),
        );
        on!(write.records(), |c| diesel::insert_into(vendor_erasure::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Those of these blind indexes whose people the vendor of a source was asked lately to forget, and when: each time, in their order.
///
/// # Errors
/// If the shelf cannot be read.
pub fn asked_lately(
    connection: &mut Connection,
    source: SourceNo,
    indexes: &[[u8; 16]],
    now: Timestamp,
) -> Result<Vec<([u8; 16], Timestamp)>, Error> {
    let since = now.plus(-ECHO);
    let known = asked(connection, source, indexes)?;
    Ok(known.into_iter().filter(|(_, at)| *at >= since).collect())
}

/// Those of these blind indexes whose people the vendor of a source was asked to forget, and when: each time it was, in their order.
///
/// # Errors
/// If the shelf cannot be read.
pub fn asked(
    connection: &mut Connection,
    source: SourceNo,
    indexes: &[[u8; 16]],
) -> Result<Vec<([u8; 16], Timestamp)>, Error> {
    let mut all = Vec::new();
    for some in indexes.chunks(500) {
        let some: Vec<Vec<u8>> = some.iter().map(|ix| ix.to_vec()).collect();
        let own = vendor_erasure::source_no.eq(source.0).and(vendor_erasure::ix.eq_any(some));
        let rows: Vec<(Vec<u8>, i64)> = on!(connection, |c| vendor_erasure::table
            .filter(own)
            .order(vendor_erasure::asked_at)
            .select((vendor_erasure::ix, vendor_erasure::asked_at))
            .load(c))?;
        for (ix, at) in rows {
            let ix = ix.try_into().map_err(|_| Error::Unreadable("blind index"))?;
            all.push((ix, Timestamp::from_micros(at)));
        }
    }
    Ok(all)
}

/// How many blind indexes are kept of whom vendors were asked to forget so long ago that none tells of it any more.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count_old(connection: &mut Connection, now: Timestamp) -> Result<usize, Error> {
    let old = vendor_erasure::asked_at.lt(now.plus(-ECHO).micros());
    let found: i64 = on!(connection, |c| vendor_erasure::table.filter(old).count().get_result(c))?;
    Ok(usize::try_from(found).unwrap_or(0))
}

/// Deletes them, and says how many.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_old(write: &mut Write<'_>, now: Timestamp) -> Result<usize, Error> {
    let old = vendor_erasure::asked_at.lt(now.plus(-ECHO).micros());
    Ok(on!(write.records(), |c| diesel::delete(vendor_erasure::table.filter(old)).execute(c))?)
}
