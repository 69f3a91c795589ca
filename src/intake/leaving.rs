//! What leaves a person that is taken apart, group by group.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::separate::{Compared, Out};
use super::{Error, bridge};
use crate::graph::{self, Rule};
use crate::store::connection::Connection;
use crate::store::rows::{IdentifierRow, LinkRow, RecordRow};
use crate::store::{identifiers, links, subjects};
use crate::types::{RecordNo, SubjectId};

/// A group that leaves: its records, and those who come back with it.
pub(super) struct Group {
    pub(super) records: BTreeSet<RecordNo>,
    /// People of before a merge, all of whose records are in the group; the oldest first.
    pub(super) revived: Vec<SubjectId>,
    /// Who of them was named as the one who leaves.
    pub(super) named: Option<SubjectId>,
}

/// A group before it is known who comes back with it: its records, those of before a merge, and who was named.
type Leaving = (BTreeSet<RecordNo>, Vec<SubjectId>, Option<SubjectId>);

/// What leaves `person`, who has these records.
///
/// # Errors
/// [`Error::NoPart`] if what is named is not a part of the person, or nothing would be left.
pub(super) fn leaving(
    connection: &mut Connection,
    (person, rows): (SubjectId, &[RecordRow]),
    out: &Out,
) -> Result<Vec<Group>, Error> {
    let numbers = |of: &dyn Fn(&RecordRow) -> bool| -> BTreeSet<RecordNo> {
        rows.iter().filter(|record| of(record)).map(|record| record.record_no).collect()
    };
    let groups: Vec<Leaving> = match out {
        Out::Parts(parts) => {
            let mut groups = Vec::with_capacity(parts.len());
            let known = subjects::merged_into(connection, person)?;
            for part in parts {
                if !known.contains(part) {
                    return Err(Error::NoPart);
                }
                let with = subjects::with_merged(connection, *part)?;
                groups.push((numbers(&|record| with.contains(&record.sealed_for)), with, Some(*part)));
            }
            follow(connection, (person, rows), &known, &mut groups)?;
            groups
        }
        Out::Records(records) => {
            let named = numbers(&|record| records.contains(&record.record_no));
            if named.len() != records.len() || named.is_empty() || named.len() == rows.len() {
                return Err(Error::NoPart);
            }
            vec![(named, Vec::new(), None)]
        }
        Out::Compared(Compared { records, of }) => {
            let named = numbers(&|record| records.binary_search(&record.record_no).is_ok());
            let all: Vec<RecordNo> = rows.iter().map(|record| record.record_no).collect();
            let values = identifiers::of_records(connection, &all)?;
            let with = with_what_belongs(&named, of, rows, &values);
            if named.len() != records.len() || named.is_empty() || with.len() == rows.len() {
                return Err(Error::NoPart);
            }
            vec![(with, Vec::new(), None)]
        }
        Out::Loose | Out::Alone => {
            let all: Vec<RecordNo> = rows.iter().map(|record| record.record_no).collect();
            let values = identifiers::of_records(connection, &all)?;
            let mut links = links::of(connection, person)?;
            let groups = match out {
                Out::Alone => graph::alone(rows, &values, &links),
                _ => {
                    let parts: Vec<_> = rows.iter().map(|record| (record.record_no, record.sealed_for)).collect();
                    let held = bridge::held(connection, &parts, &values, &links)?;
                    links.extend(held);
                    graph::groups(&all, &values, &links)
                }
            };
            groups.into_iter().skip(1).map(|group| (group.into_iter().collect(), Vec::new(), None)).collect()
        }
    };
    Ok(groups.into_iter().map(|leaving| group(person, rows, leaving)).collect())
}

/// Who was joined in because a record of theirs is like one that leaves goes with that one, and whoever was joined in by way of
/// them: it arrived for who leaves. What a value holds together with records that stay, stays.
fn follow(
    connection: &mut Connection,
    (person, rows): (SubjectId, &[RecordRow]),
    known: &[SubjectId],
    groups: &mut [Leaving],
) -> Result<(), Error> {
    let mut brought: HashMap<SubjectId, Vec<RecordNo>> = HashMap::new();
    for record in rows {
        brought.entry(record.sealed_for).or_default().push(record.record_no);
    }
    let mut joined = Vec::new();
    for link in links::of(connection, person)?.iter().filter(|link| link.other_no != 0) {
        let part = link.joined()?.filter(|part| known.contains(part));
        let Some(part) = part else { continue };
        let with = subjects::with_merged(connection, part)?;
        // Who leaves came by way of them: it is said already that the two are not one.
        if groups.iter().any(|(_, _, named)| named.is_some_and(|named| with.contains(&named))) {
            continue;
        }
        let theirs: BTreeSet<RecordNo> = with.iter().filter_map(|part| brought.get(part)).flatten().copied().collect();
        let mut outside = [link.record_no, RecordNo(link.other_no)].into_iter().filter(|end| !theirs.contains(end));
        if let (Some(end), None) = (outside.next(), outside.next()) {
            joined.push(Follower { part, with, theirs, end });
        }
    }
    if joined.is_empty() {
        return Ok(());
    }
    let all: Vec<RecordNo> = rows.iter().map(|record| record.record_no).collect();
    let values = identifiers::of_records(connection, &all)?;
    let mut under: HashMap<&[u8], Vec<RecordNo>> = HashMap::new();
    let mut values_of: HashMap<RecordNo, Vec<&[u8]>> = HashMap::new();
    for row in values.iter().filter(|row| row.binds()) {
        under.entry(&row.ix).or_default().push(row.record_no);
        values_of.entry(row.record_no).or_default().push(&row.ix);
    }
    let mut gone: HashSet<SubjectId> = groups.iter().flat_map(|(_, with, _)| with.iter().copied()).collect();
    loop {
        let before = joined.len();
        joined.retain(|Follower { part, with, theirs, end }| {
            if gone.contains(part) {
                return false;
            }
            let Some((leaving, revived, _)) = groups.iter_mut().find(|(leaving, ..)| leaving.contains(end)) else {
                return true;
            };
            let values = theirs.iter().filter_map(|record| values_of.get(record)).flatten();
            let mut beside = values.filter_map(|ix| under.get(ix)).flatten();
            if beside.all(|record| theirs.contains(record) || leaving.contains(record)) {
                leaving.extend(theirs);
                revived.extend(with);
                gone.extend(with);
                return false;
            }
            true
        });
        if joined.len() == before {
            return Ok(());
        }
    }
}

/// Somebody who was joined in because a record of theirs is like one that is not.
struct Follower {
    part: SubjectId,
    /// They, and whoever was joined in by way of them.
    with: Vec<SubjectId>,
    /// What all of those brought.
    theirs: BTreeSet<RecordNo>,
    /// The record theirs is like.
    end: RecordNo,
}

fn group(person: SubjectId, rows: &[RecordRow], (records, with, named): Leaving) -> Group {
    let owners: BTreeSet<SubjectId> = rows.iter().map(|record| record.sealed_for).collect();
    let whole = |owner: &SubjectId| {
        let mut of = rows.iter().filter(|record| record.sealed_for == *owner);
        *owner != person && of.all(|record| records.contains(&record.record_no))
    };
    let mut revived: Vec<SubjectId> = owners.into_iter().filter(whole).chain(with).collect();
    revived.sort_unstable();
    revived.dedup();
    Group { records, revived, named }
}

/// Would a group leave somebody behind whom a person who looked decided to be one with it?
pub(super) fn cuts_a_decision(links: &[LinkRow], groups: &[Group]) -> bool {
    let mut decided = links.iter().filter(|link| link.rule == Rule::Decided.number() && link.other_no != 0);
    decided.any(|link| {
        let holds = |group: &Group, record: RecordNo| group.records.contains(&record);
        groups.iter().any(|group| holds(group, link.record_no) != holds(group, RecordNo(link.other_no)))
    })
}

/// `named`, and of the records that were not compared (`of` were) those that belong to them: what was brought by somebody all
/// of whose compared records leave, and what hangs together by its values with those that leave and with none that stays.
fn with_what_belongs(
    named: &BTreeSet<RecordNo>,
    of: &BTreeSet<RecordNo>,
    rows: &[RecordRow],
    values: &[IdentifierRow],
) -> BTreeSet<RecordNo> {
    // Of each who brought records that were compared: do all of them leave?
    let mut leaves: HashMap<SubjectId, bool> = HashMap::new();
    for record in rows.iter().filter(|record| of.contains(&record.record_no)) {
        *leaves.entry(record.sealed_for).or_insert(true) &= named.contains(&record.record_no);
    }
    let mut with = named.clone();
    let mut unclear: HashSet<RecordNo> = HashSet::new();
    for record in rows.iter().filter(|record| !of.contains(&record.record_no)) {
        if leaves.get(&record.sealed_for).is_some_and(|leaves| *leaves) {
            with.insert(record.record_no);
        } else {
            unclear.insert(record.record_no);
        }
    }
    let mut under: BTreeMap<&[u8], Vec<RecordNo>> = BTreeMap::new();
    let mut values_of: HashMap<RecordNo, Vec<&[u8]>> = HashMap::new();
    for row in values.iter().filter(|row| row.binds()) {
        under.entry(&row.ix).or_default().push(row.record_no);
        values_of.entry(row.record_no).or_default().push(&row.ix);
    }
    let mut seen: HashSet<RecordNo> = HashSet::new();
    for start in rows.iter().map(|record| record.record_no).filter(|record| unclear.contains(record)) {
        if !seen.insert(start) {
            continue;
        }
        let (mut together, mut next, mut leaving, mut staying) = (vec![start], 0, false, false);
        while let Some(record) = together.get(next).copied() {
            next += 1;
            let beside = values_of.get(&record).into_iter().flatten().filter_map(|ix| under.get(ix)).flatten();
            for other in beside {
                if !unclear.contains(other) {
                    leaving |= with.contains(other);
                    staying |= !with.contains(other);
                } else if seen.insert(*other) {
                    together.push(*other);
                }
            }
        }
        if leaving && !staying {
            with.extend(together);
        }
    }
    with
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn what_somebody_decided_is_not_cut() {
        let person = SubjectId::from_slice(&[1; 16]).unwrap();
        let link = |rule: Rule| {
            let row = LinkRow::by_rule(person, 1, RecordNo(1), rule.number(), None, Timestamp::from_micros(1));
            LinkRow { other_no: 2, ..row }
        };
        let group = |records: &[i64]| {
            let records = records.iter().map(|record| RecordNo(*record)).collect();
            [Group { records, revived: Vec::new(), named: None }]
        };
        assert!(cuts_a_decision(&[link(Rule::Decided)], &group(&[2, 3])));
        assert!(cuts_a_decision(&[link(Rule::Decided)], &group(&[1])));
        assert!(!cuts_a_decision(&[link(Rule::Decided)], &group(&[1, 2])));
        assert!(!cuts_a_decision(&[link(Rule::Decided)], &group(&[3])));
        assert!(!cuts_a_decision(&[link(Rule::Compared)], &group(&[2])));
    }
}
