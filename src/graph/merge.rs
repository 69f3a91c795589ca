//! Merging: two people turn out to be one.
//!
//! Everything keeps the mark of whom it was given to (`sealed_for`, `origin`), so that merging never widens what may
//! be read, and a split can give everything back.

use super::resolve::Rule;
use crate::store::rows::LinkRow;
use crate::store::{Error, Write, identifiers, ledger, links, records, subjects};
use crate::types::{RecordNo, SubjectId, Timestamp};

/// Moves everything of `from` to `into`. `record` is the one that showed they are one, by `rule` and `evidence`.
///
/// # Errors
/// If the store cannot be written.
pub fn merge(
    write: &mut Write<'_>,
    from: SubjectId,
    into: SubjectId,
    record: RecordNo,
    (rule, evidence): (Rule, [u8; 16]),
    now: Timestamp,
) -> Result<(), Error> {
    let numbers = records::numbers_of(write.records(), from)?;
    records::reassign(write, from, into)?;
    identifiers::reassign(write, &numbers, into)?;
    ledger::reassign(write, from, into)?;
    links::reassign(write, from, into)?;
    subjects::merge(write, from, into, now)?;
    links::insert(
        write,
        LinkRow {
            part: into.part(),
            subject_id: into,
            record_no: record,
            rule: rule as i16,
            evidence_ix: Some(evidence.to_vec()),
            merged_from: Some(from.into()),
            decided_at: now,
        },
    )
}
