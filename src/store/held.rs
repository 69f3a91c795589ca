//! Which of many records are held, or were.

use std::collections::HashSet;

use diesel::prelude::*;

use super::Error;
use super::among::among;
use super::connection::{Connection, on};
use super::rows::IdentifierRow;
use super::schema::{identifier, tombstone};

/// Values per statement.
const AT_ONCE: usize = 500;

/// Those of `indexes` that are a stored record's own.
///
/// # Errors
/// If the shelf cannot be read.
pub fn records(connection: &mut Connection, indexes: &[[u8; 16]]) -> Result<HashSet<[u8; 16]>, Error> {
    let mut held = HashSet::new();
    for some in indexes.chunks(AT_ONCE) {
        let values: Vec<Vec<u8>> = some.iter().map(|ix| ix.to_vec()).collect();
        let own = among(identifier::ix, values);
        let rows: Vec<Vec<u8>> = on!(connection, |c| identifier::table
            .filter(own)
            .filter(identifier::kind.eq(IdentifierRow::RECORD))
            .select(identifier::ix)
            .load(c))?;
        held.extend(rows.into_iter().filter_map(|ix| <[u8; 16]>::try_from(ix).ok()));
    }
    Ok(held)
}

/// Those of `indexes` under which a tombstone lies.
///
/// # Errors
/// If the shelf cannot be read.
pub fn tombstones(connection: &mut Connection, indexes: &[[u8; 16]]) -> Result<HashSet<[u8; 16]>, Error> {
    let mut laid = HashSet::new();
    for some in indexes.chunks(AT_ONCE) {
        let values: Vec<Vec<u8>> = some.iter().map(|ix| ix.to_vec()).collect();
        let rows: Vec<Vec<u8>> =
            on!(connection, |c| tombstone::table.filter(among(tombstone::ix, values)).select(tombstone::ix).load(c))?;
        laid.extend(rows.into_iter().filter_map(|ix| <[u8; 16]>::try_from(ix).ok()));
    }
    Ok(laid)
}
