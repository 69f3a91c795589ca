//! Which record each value of the profile is of, and why it survived: for the access package.

use serde::Serialize;

use super::words;
use crate::consent::Text;
use crate::gateway::{Disclosure, Origin};
use crate::types::RecordNo;

/// A value of the profile: which record it is of, and why it survived. The value itself stands in the record.
#[derive(Serialize)]
pub(super) struct AttributePart {
    pub(super) category: &'static str,
    pub(super) attribute: String,
    /// Its place in its list, from 1; none if it is a single value.
    pub(super) entry: Option<usize>,
    /// The record's number in this package.
    pub(super) record: Option<usize>,
    pub(super) because: &'static str,
    pub(super) explanation: Text,
}

/// Of a copy whose records have these `numbers`, in the order of the package.
pub(super) fn attributes(copy: Option<&Disclosure>, numbers: &[RecordNo]) -> Vec<AttributePart> {
    let part = |origin: Origin| AttributePart {
        category: origin.category.word(),
        entry: origin.entry.map(|at| at + 1),
        record: numbers.iter().position(|number| *number == origin.record).map(|at| at + 1),
        because: origin.because.word(),
        explanation: words::survived_by(origin.because),
        attribute: origin.attribute,
    };
    copy.map_or_else(Vec::new, Disclosure::origins).into_iter().map(part).collect()
}
