//! `/v1/subjects`: who was found to be one person, why, taking them apart again, and rectifying what is said of them, for the
//! data protection officer.

pub mod links;
pub mod rectify;
pub mod split;

use super::problem::{Code, Problem};
use crate::types::RecordNo;

/// A record's number as text: it has more digits than every reader of JSON keeps.
fn number(record: RecordNo) -> String {
    record.0.to_string()
}

/// Reads [`number`].
fn record(text: &str, at: &'static str) -> Result<RecordNo, Problem> {
    let number = text.parse().map(RecordNo);
    number.map_err(|_| Problem::new(Code::InvalidValue, "This is no number of a record.").at(at))
}
