//! Which records of one person hang together, and by what. Pure.

use std::collections::{BTreeMap, HashMap};

use super::resolve::Rule;
use crate::store::rows::{IdentifierRow, LinkRow};
use crate::types::RecordNo;

/// The groups that the records of a person fall into, each in the order of arrival, the one with the oldest record
/// first.
///
/// Two records hang together by a value that joins, or by a link that names both. A record whose own reason cannot be
/// seen any more (its value changed or was forgotten) stays with the oldest: nobody is torn apart for want of knowing.
/// One that hangs on nothing but a value that became generic is alone.
#[must_use]
pub fn groups(records: &[RecordNo], identifiers: &[IdentifierRow], links: &[LinkRow]) -> Vec<Vec<RecordNo>> {
    let mut sorted: Vec<RecordNo> = records.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let place: HashMap<RecordNo, usize> = sorted.iter().enumerate().map(|(at, record)| (*record, at)).collect();
    let mut forest = Forest::new(sorted.len());
    let mut values: BTreeMap<&[u8], Vec<&IdentifierRow>> = BTreeMap::new();
    for row in identifiers {
        values.entry(&row.ix).or_default().push(row);
    }
    for rows in values.values() {
        join_by_value(rows, &place, &mut forest);
    }
    for link in links {
        let Some(at) = place.get(&link.record_no) else { continue };
        let named = place.get(&RecordNo(link.other_no));
        match (named, &link.evidence_ix) {
            // The value tells, whichever record with it is named.
            (_, Some(ix)) if is_seen(values.get(ix.as_slice())) => {}
            (Some(other), _) => forest.join(*at, *other),
            // The first record needs no reason.
            (None, None) if link.rule == Rule::First.number() => {}
            (None, _) => forest.join(*at, 0),
        }
    }
    forest.groups(&sorted)
}

/// Does the value still tell whom it joins: two records have it, or it joins nobody any more?
fn is_seen(rows: Option<&Vec<&IdentifierRow>>) -> bool {
    rows.is_some_and(|rows| rows.len() > 1 || rows.iter().any(|row| row.use_flags & IdentifierRow::GENERIC != 0))
}

fn join_by_value(rows: &[&IdentifierRow], place: &HashMap<RecordNo, usize>, forest: &mut Forest) {
    // A statement made under a contact point belongs to whoever it was found by.
    let stated = rows.iter().any(|row| row.use_flags & IdentifierRow::STATEMENT != 0);
    let joins = |row: &&&IdentifierRow| stated || row.use_flags & IdentifierRow::JOINS != 0;
    let mut places = rows.iter().filter(joins).filter_map(|row| place.get(&row.record_no));
    if let Some(first) = places.next() {
        places.for_each(|other| forest.join(*first, *other));
    }
}

/// Disjoint sets.
pub(super) struct Forest(Vec<usize>);

impl Forest {
    pub(super) fn new(size: usize) -> Self {
        Self((0..size).collect())
    }

    fn root(&mut self, at: usize) -> usize {
        let mut at = at;
        while let Some(above) = self.0.get(at).copied().filter(|above| *above != at) {
            let next = self.0.get(above).copied().unwrap_or(above);
            if let Some(here) = self.0.get_mut(at) {
                *here = next;
            }
            at = above;
        }
        at
    }

    /// The sets, of the records at these places.
    pub(super) fn groups(mut self, sorted: &[RecordNo]) -> Vec<Vec<RecordNo>> {
        let mut groups: BTreeMap<usize, Vec<RecordNo>> = BTreeMap::new();
        for (at, record) in sorted.iter().enumerate() {
            groups.entry(self.root(at)).or_default().push(*record);
        }
        let mut groups: Vec<Vec<RecordNo>> = groups.into_values().collect();
        groups.sort_unstable();
        groups
    }

    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(root) = self.0.get_mut(one.max(other)) {
            *root = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{SubjectId, Timestamp};

    fn value(ix: u8, record: i64, use_flags: i16) -> IdentifierRow {
        let subject_id = SubjectId::from_slice(&[1; 16]).unwrap();
        let behind = IdentifierRow::behind(1, use_flags);
        IdentifierRow {
            ix: vec![ix; 16],
            record_no: RecordNo(record),
            kind: 1,
            subject_id,
            use_flags,
            behind,
            whose: 0,
        }
    }

    fn link(record: i64, rule: Rule, ix: Option<u8>, other_no: i64) -> LinkRow {
        let subject = SubjectId::from_slice(&[1; 16]).unwrap();
        let evidence = ix.map(|ix| vec![ix; 16]);
        let row = LinkRow::by_rule(subject, 1, RecordNo(record), rule.number(), evidence, Timestamp::from_micros(1));
        LinkRow { other_no, ..row }
    }

    fn found(records: &[i64], values: &[IdentifierRow], links: &[LinkRow]) -> Vec<Vec<i64>> {
        let records: Vec<RecordNo> = records.iter().map(|record| RecordNo(*record)).collect();
        let groups = groups(&records, values, links);
        groups.into_iter().map(|group| group.into_iter().map(|record| record.0).collect()).collect()
    }

    const JOINS: i16 = IdentifierRow::JOINS;
    const GENERIC: i16 = IdentifierRow::GENERIC;

    #[test]
    fn values_and_named_links_hold_records_together() {
        let values = [value(1, 1, JOINS), value(1, 2, JOINS), value(2, 3, JOINS), value(2, 4, JOINS)];
        assert_eq!(found(&[4, 3, 2, 1], &values, &[]), [[1, 2], [3, 4]]);
        let compared = link(3, Rule::Compared, None, 2);
        assert_eq!(found(&[1, 2, 3, 4], &values, &[compared]), [[1, 2, 3, 4]]);
        // A rule names a record that has the value; if the value tells nothing any more, neither does that.
        let generic = [value(1, 1, GENERIC), value(1, 2, GENERIC)];
        assert_eq!(found(&[1, 2], &generic, &[link(2, Rule::VerifiedPhone, Some(1), 1)]), [[1], [2]]);
        assert_eq!(found(&[1, 2], &[], &[link(2, Rule::VerifiedPhone, Some(1), 1)]), [[1, 2]]);
    }

    #[test]
    fn a_generic_value_holds_nothing_together() {
        let values =
            [value(1, 1, GENERIC), value(1, 2, GENERIC), value(1, 3, GENERIC), value(2, 2, JOINS), value(2, 3, JOINS)];
        let links = [
            link(1, Rule::First, None, 0),
            link(2, Rule::VerifiedPhone, Some(1), 0),
            link(3, Rule::VerifiedPhone, Some(1), 0),
        ];
        assert_eq!(found(&[1, 2, 3], &values, &links), [vec![1], vec![2, 3]]);
    }

    #[test]
    fn a_reason_that_cannot_be_seen_any_more_holds() {
        let links =
            [link(1, Rule::First, None, 0), link(2, Rule::VerifiedEmail, Some(7), 0), link(3, Rule::Relay, None, 0)];
        assert_eq!(found(&[1, 2, 3], &[value(7, 2, JOINS)], &links), [[1, 2, 3]]);
    }
}
