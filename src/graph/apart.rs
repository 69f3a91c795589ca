//! Who was decided not to be the same.

use std::collections::BTreeSet;

use crate::store::{Error, Write, apart, subjects};
use crate::types::SubjectId;

/// Did somebody decide that these two are not the same? The marks name people as they were before any merge.
///
/// # Errors
/// If the store cannot be read.
pub fn are_apart(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
    let parts = subjects::with_merged(write.records(), one)?;
    let others: BTreeSet<SubjectId> = apart::of(write.records(), &parts)?;
    if others.is_empty() || others.contains(&other) {
        return Ok(!others.is_empty());
    }
    Ok(subjects::merged_into(write.records(), other)?.iter().any(|part| others.contains(part)))
}
