//! Who was decided not to be the same.

use crate::store::{Error, Write, apart, subjects};
use crate::types::SubjectId;

/// Did somebody decide that these two living people are not the same? The marks name people as they were before any merge.
///
/// # Errors
/// If the store cannot be read.
pub fn are_apart(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
    let others = apart::of_whole(write.records(), one)?;
    if others.is_empty() || others.contains(&other) {
        return Ok(!others.is_empty());
    }
    Ok(subjects::living_many(write.records(), others)?.values().any(|row| row.subject_id == other))
}
