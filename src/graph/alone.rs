//! Which records of one person stay together when the person objects to being matched. Pure.

use std::collections::{BTreeMap, HashMap};

use super::parts::Forest;
use super::resolve::Rule;
use crate::store::rows::{IdentifierRow, LinkRow, RecordRow};
use crate::types::{RecordNo, SourceNo};

/// The groups that the records of a person fall into, each in the order of arrival, the one with the oldest record first.
///
/// What one source says of one account, mailbox or visitor of its own stays together: nobody matched it. So does what a person
/// decided to be one. What was compared, and what a value joined across sources, does not. A statement goes with the oldest
/// record it was found by, and a correction with the part that bears it.
#[must_use]
pub fn alone(records: &[RecordRow], identifiers: &[IdentifierRow], links: &[LinkRow]) -> Vec<Vec<RecordNo>> {
    let mut sorted: Vec<&RecordRow> = records.iter().collect();
    sorted.sort_unstable_by_key(|record| record.record_no);
    let place: HashMap<RecordNo, usize> = sorted.iter().enumerate().map(|(at, row)| (row.record_no, at)).collect();
    let source = |at: usize| sorted.get(at).map(|row| row.source_no);
    let mut forest = Forest::new(sorted.len());
    let mut values: BTreeMap<&[u8], Vec<(usize, i16)>> = BTreeMap::new();
    for row in identifiers {
        if let Some(at) = place.get(&row.record_no) {
            values.entry(&row.ix).or_default().push((*at, row.use_flags));
        }
    }
    for rows in values.values_mut() {
        rows.sort_unstable();
        let mut first: BTreeMap<Option<SourceNo>, usize> = BTreeMap::new();
        for (at, _) in rows.iter().filter(|(_, flags)| flags & IdentifierRow::JOINS != 0) {
            forest.join(*first.entry(source(*at)).or_insert(*at), *at);
        }
        let found = rows.iter().find(|(_, flags)| flags & IdentifierRow::STATEMENT == 0).map(|(at, _)| *at);
        for (at, _) in rows.iter().filter(|(_, flags)| flags & IdentifierRow::STATEMENT != 0) {
            forest.join(found.unwrap_or(*at), *at);
        }
    }
    for link in links {
        let Some(at) = place.get(&link.record_no).copied() else { continue };
        match Rule::try_from(link.rule) {
            Ok(Rule::Decided) => forest.join(at, place.get(&RecordNo(link.other_no)).copied().unwrap_or(0)),
            Ok(Rule::Rectification) => {
                forest.join(at, beside(&sorted, at, |one, other| one.sealed_for == other.sealed_for))
            }
            // By an account that cannot be seen any more: its value changed, or was forgotten.
            Ok(Rule::SourceAccount | Rule::Relay | Rule::AnonymousId) if !is_seen(link, &values) => {
                forest.join(at, beside(&sorted, at, |one, other| one.source_no == other.source_no));
            }
            _ => {}
        }
    }
    let numbers: Vec<RecordNo> = sorted.iter().map(|row| row.record_no).collect();
    forest.groups(&numbers)
}

/// Do two records still have the value by which a record was found?
fn is_seen(link: &LinkRow, values: &BTreeMap<&[u8], Vec<(usize, i16)>>) -> bool {
    let rows = link.evidence_ix.as_deref().and_then(|ix| values.get(ix));
    rows.is_some_and(|rows| rows.len() > 1)
}

/// The oldest other record that is `like` the one at this place and no correction; none: the place itself.
fn beside(sorted: &[&RecordRow], at: usize, like: impl Fn(&RecordRow, &RecordRow) -> bool) -> usize {
    let told = |row: &RecordRow| row.facts & RecordRow::RECTIFICATION == 0;
    let fits = |(place, other): &(usize, &&RecordRow)| {
        *place != at && told(other) && sorted.get(at).is_some_and(|own| like(own, other))
    };
    sorted.iter().enumerate().find(fits).map_or(at, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{SubjectId, Timestamp};

    const JOINS: i16 = IdentifierRow::JOINS;
    const STATEMENT: i16 = IdentifierRow::STATEMENT;

    fn person(number: u8) -> SubjectId {
        SubjectId::from_slice(&[number; 16]).unwrap()
    }

    /// A record of a source, sealed for a part.
    fn record(number: i64, source: i32, part: u8) -> RecordRow {
        RecordRow {
            record_no: RecordNo(number),
            part: person(1).part(),
            subject_id: person(1),
            sealed_for: person(part),
            key_no: 1,
            source_no: SourceNo(source),
            kind: 1,
            version: Timestamp::from_micros(1),
            content_mac: Vec::new(),
            categories: 0,
            facts: 0,
            ingested_at: Timestamp::from_micros(1),
            happened_at: Timestamp::UNSET,
            contract_until: Timestamp::UNSET,
            source_until: Timestamp::UNSET,
            keep_until: Timestamp::UNSET,
            sealed: Vec::new(),
        }
    }

    fn value(ix: u8, record: i64, use_flags: i16) -> IdentifierRow {
        let behind = IdentifierRow::behind(1, use_flags);
        let (ix, record_no) = (vec![ix; 16], RecordNo(record));
        IdentifierRow { ix, record_no, kind: 1, subject_id: person(1), use_flags, behind, whose: 0 }
    }

    fn link(record: i64, rule: Rule, ix: Option<u8>, other_no: i64) -> LinkRow {
        let evidence = ix.map(|ix| vec![ix; 16]);
        let row = LinkRow::by_rule(person(1), 1, RecordNo(record), rule.number(), evidence, Timestamp::from_micros(1));
        LinkRow { other_no, ..row }
    }

    fn found(records: &[RecordRow], values: &[IdentifierRow], links: &[LinkRow]) -> Vec<Vec<i64>> {
        let groups = alone(records, values, links);
        groups.into_iter().map(|group| group.into_iter().map(|record| record.0).collect()).collect()
    }

    #[test]
    fn what_one_source_says_of_one_account_stays_together_and_nothing_else() {
        let records = [record(1, 7, 1), record(2, 8, 1), record(3, 7, 1), record(4, 8, 2), record(5, 9, 3)];
        // One mailbox everywhere, one account at source 8, and two that were compared.
        let mut values: Vec<IdentifierRow> = (1..=4).map(|record| value(1, record, JOINS)).collect();
        values.extend([value(2, 2, JOINS), value(2, 4, JOINS)]);
        let links = [link(3, Rule::VerifiedEmail, Some(1), 0), link(5, Rule::Compared, None, 1)];
        assert_eq!(found(&records, &values, &links), [vec![1, 3], vec![2, 4], vec![5]]);
        // What somebody decided holds.
        assert_eq!(found(&records, &values, &[link(5, Rule::Decided, None, 2)]), [vec![1, 3], vec![2, 4, 5]]);
    }

    #[test]
    fn a_value_that_joins_nobody_holds_nothing_together() {
        let records = [record(1, 7, 1), record(2, 7, 1)];
        assert_eq!(found(&records, &[value(1, 1, 0), value(1, 2, JOINS)], &[]), [[1], [2]]);
        let generic = IdentifierRow::GENERIC;
        assert_eq!(found(&records, &[value(1, 1, generic), value(1, 2, generic)], &[]), [[1], [2]]);
    }

    #[test]
    fn statements_corrections_and_forgotten_accounts_go_with_somebody() {
        let mut records = [record(1, 1, 1), record(2, 7, 2), record(3, 8, 1), record(4, 1, 2), record(5, 8, 2)];
        records[3].facts = RecordRow::RECTIFICATION;
        let values = [value(1, 1, STATEMENT), value(1, 2, JOINS), value(1, 3, JOINS)];
        let links = [link(4, Rule::Rectification, None, 0), link(5, Rule::SourceAccount, Some(9), 0)];
        assert_eq!(found(&records, &values, &links), [vec![1, 2, 4], vec![3, 5]]);
    }
}
