//! Of whom the records are that many share a value.

use std::collections::HashMap;

use diesel::prelude::*;

use super::Error;
use super::among::among;
use super::connection::{Connection, on};
use super::schema::card;
use crate::types::{RecordNo, SubjectId};

/// Records per statement.
const AT_ONCE: usize = 500;

/// Whose these records are, as far as they are compared.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_records(connection: &mut Connection, records: &[RecordNo]) -> Result<HashMap<RecordNo, SubjectId>, Error> {
    let mut holders = HashMap::with_capacity(records.len());
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let rows: Vec<(i64, Vec<u8>)> = on!(connection, |c| card::table
            .filter(among(card::record_no, numbers))
            .select((card::record_no, card::subject_id))
            .load(c))?;
        for (record, person) in rows {
            holders.insert(RecordNo(record), SubjectId::from_slice(&person)?);
        }
    }
    Ok(holders)
}
