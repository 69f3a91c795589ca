//! Whose word counts: records of one person in the order that the rules of an attribute give them.

use std::cell::OnceCell;
use std::cmp::{Ordering, Reverse};

use super::disclosure::DisclosedRecord;
use super::document::Document;
use crate::consent::{Preference, SurvivedBy, SurvivorshipOrder};
use crate::types::RecordKind;

/// What one record says of an attribute.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) record: &'a DisclosedRecord,
    /// Of a contact point: was it verified itself? Else: was anything of its record?
    pub(super) verified: bool,
}

impl<'a> Word<'a> {
    pub(super) const fn of(record: &'a DisclosedRecord) -> Self {
        Self { record, verified: record.verified }
    }
}

/// The records, the one whose word counts most first. The order they arrived in decides nothing.
pub(super) fn ranked<'a>(records: &'a [DisclosedRecord], order: &SurvivorshipOrder) -> Vec<&'a DisclosedRecord> {
    // What a record says is written out at most once, and only if another is of the same time.
    let written = |record| (record, OnceCell::new());
    let mut ranked: Vec<(&DisclosedRecord, OnceCell<_>)> = records.iter().map(written).collect();
    ranked.sort_by(|(one, ours), (other, theirs)| {
        let by_content = || ours.get_or_init(|| content(one)).cmp(theirs.get_or_init(|| content(other)));
        compare(order, Word::of(one), Word::of(other)).then_with(by_content)
    });
    ranked.into_iter().map(|(record, _)| record).collect()
}

/// Whose word counts more: less is before. The content does not count.
pub(super) fn compare(order: &SurvivorshipOrder, one: Word<'_>, other: Word<'_>) -> Ordering {
    decided(order, one, other).map_or(Ordering::Equal, |(ordering, _)| ordering)
}

/// Why the word of `winner` stands and not that of `next`, which says something else.
pub(super) fn why(order: &SurvivorshipOrder, winner: Word<'_>, next: Word<'_>) -> SurvivedBy {
    decided(order, winner, next).map_or(SurvivedBy::Content, |(_, why)| why)
}

/// The first thing that tells the two apart.
fn decided(order: &SurvivorshipOrder, one: Word<'_>, other: Word<'_>) -> Option<(Ordering, SurvivedBy)> {
    let told = |ordering: Ordering, why| (ordering != Ordering::Equal).then_some((ordering, why));
    let corrected = |word: Word<'_>| Reverse(word.record.rectification);
    let newest = |word: Word<'_>| Reverse(word.record.version);
    let by = |rule: Preference| {
        let ordering = match rule {
            Preference::Verification => Reverse(one.verified).cmp(&Reverse(other.verified)),
            Preference::SourcePriority => order.place(&one.record.source).cmp(&order.place(&other.record.source)),
            Preference::RecordType => {
                let other_kind = |word: Word<'_>| word.record.kind != RecordKind::Customer;
                other_kind(one).cmp(&other_kind(other))
            }
            Preference::Recency => newest(one).cmp(&newest(other)),
        };
        told(ordering, rule.into())
    };
    // The newest of several corrections is the one that holds.
    let both_corrected = one.record.rectification && other.record.rectification;
    told(corrected(one).cmp(&corrected(other)), SurvivedBy::Rectification)
        .or_else(|| both_corrected.then(|| told(newest(one).cmp(&newest(other)), SurvivedBy::Recency)).flatten())
        .or_else(|| order.rules.iter().find_map(|rule| by(*rule)))
        .or_else(|| by(Preference::Recency))
}

/// What tells records of the same time apart. Asked for only then.
fn content(record: &DisclosedRecord) -> (&str, Vec<&str>) {
    (&record.source, record.parts.values().map(Document::text).collect())
}
