//! Merging: two people turn out to be one.
//!
//! Everything keeps the mark of whom it was given to (`sealed_for`, `origin`), so that merging never widens what may
//! be read, and a split can give everything back.

use super::resolve::Rule;
use crate::store::rows::LinkRow;
use crate::store::{Error, Write, cards, identifiers, ledger, links, records, reviews, subjects};
use crate::types::{RecordNo, SubjectId, Timestamp};

/// Moves everything of `from` to `into`. `record` is the one that showed they are one, by `rule` and `evidence`, which it shares with
/// `other`, if that is known.
///
/// # Errors
/// If the store cannot be written.
pub fn merge(
    write: &mut Write<'_>,
    from: SubjectId,
    into: SubjectId,
    (record, other): (RecordNo, Option<RecordNo>),
    (rule, evidence): (Rule, [u8; 16]),
    now: Timestamp,
) -> Result<(), Error> {
    let link = LinkRow {
        merged_from: Some(from.into()),
        other_no: other.map_or(0, |other| other.0),
        ..LinkRow::by_rule(into, into.part(), record, rule as i16, Some(evidence.to_vec()), now)
    };
    merge_by(write, from, link)
}

/// As [`merge`], for a reason that `link` tells; into its person.
///
/// # Errors
/// If the store cannot be written.
pub fn merge_by(write: &mut Write<'_>, from: SubjectId, link: LinkRow) -> Result<(), Error> {
    let (into, now) = (link.subject_id, link.decided_at);
    let numbers = records::numbers_of(write.records(), from)?;
    records::reassign(write, from, into)?;
    identifiers::reassign(write, &numbers, into)?;
    cards::reassign(write, &numbers, into)?;
    ledger::reassign(write, from, into)?;
    links::reassign(write, from, into)?;
    reviews::follow(write, &numbers, into)?;
    subjects::merge(write, from, into, now)?;
    links::insert(write, link)
}

/// Merges two people as a decision does; says who was merged away.
#[cfg(test)]
pub(crate) async fn decide_that_they_are_one(
    store: &crate::store::Store,
    (one, other): (SubjectId, SubjectId),
    now: Timestamp,
) -> SubjectId {
    use crate::store::{Error, records};
    let (into, from) = (one.min(other), one.max(other));
    let work = store.write(move |write| {
        let record = *records::numbers_of(write.records(), from)?.first().ok_or(Error::Unreadable("record"))?;
        let link = LinkRow::by_rule(into, into.part(), record, super::Rule::Decided.number(), None, now);
        merge_by(write, from, LinkRow { merged_from: Some(from.into()), ..link })
    });
    work.await.unwrap();
    from
}
