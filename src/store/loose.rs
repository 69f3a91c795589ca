//! Values that join nobody any more, and whose people are still to be taken apart. They are noted in the transaction that
//! takes from them that they join, so a process that ends in between loses none.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::loose;
use super::{Error, Write};
use crate::types::Timestamp;

/// Notes values.
///
/// # Errors
/// If they cannot be written.
pub fn note(write: &mut Write<'_>, values: &[[u8; 16]], now: Timestamp) -> Result<(), Error> {
    for ix in values {
        let row = (loose::ix.eq(ix.to_vec()), loose::noted_at.eq(now.micros()));
        on!(write.records(), |c| diesel::insert_into(loose::table).values(row).on_conflict_do_nothing().execute(c))?;
    }
    Ok(())
}

/// Up to `limit` of them, in the order of their bytes after `after`.
///
/// # Errors
/// If the shelf cannot be read.
pub fn some(connection: &mut Connection, after: Option<[u8; 16]>, limit: i64) -> Result<Vec<[u8; 16]>, Error> {
    let after = after.map_or_else(Vec::new, |ix| ix.to_vec());
    let values: Vec<Vec<u8>> = on!(connection, |c| loose::table
        .filter(loose::ix.gt(after))
        .order(loose::ix)
        .limit(limit)
        .select(loose::ix)
        .load(c))?;
    values.into_iter().map(|ix| ix.try_into().map_err(|_| Error::Unreadable("blind index"))).collect()
}

/// Crosses a value out: what it joined is taken apart.
///
/// # Errors
/// If it cannot be deleted.
pub fn done(write: &mut Write<'_>, ix: &[u8; 16]) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(loose::table.filter(loose::ix.eq(ix.to_vec()))).execute(c))?;
    Ok(())
}
