//! What differs between how everything is grouped and how it would be if all had arrived at once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::bonds::{self, Settled};
use super::separate::Compared;
use super::walk::Open;
use crate::graph::Rule;
use crate::graph::matching::{self, Clustering, Join, Model, TermFrequencies, Waterfall};
use crate::types::{RecordNo, SubjectId};

/// What is to be done.
pub(super) struct Plan {
    pub(super) parts: Vec<(SubjectId, Compared)>,
    pub(super) joins: Vec<(RecordNo, RecordNo, Why)>,
    pub(super) reviews: Vec<Doubtful>,
    /// How many other records each record's person has, on average, in thousandths.
    pub(super) fellows: Option<i64>,
}

/// Two records somebody should look at, and what they say.
pub(super) type Doubtful = (RecordNo, RecordNo, Waterfall);

/// Why two records are one person's.
pub(super) enum Why {
    /// By a value they share. What they say all the same is known where one of the two is to be taken apart.
    Rule(Rule, [u8; 16], Option<Waterfall>),
    /// By all they say.
    Compared(Join),
}

impl Why {
    pub(super) fn waterfall(self) -> Option<Waterfall> {
        match self {
            Self::Rule(_, _, said) => said,
            Self::Compared(join) => Some(join.waterfall),
        }
    }
}

/// How far the weighing is.
#[derive(Default)]
pub(super) struct Weighing {
    pub(super) weighed: AtomicUsize,
    pub(super) pairs: AtomicUsize,
}

/// Compares everything, and says what differs from how it is.
pub(super) fn plan(model: &Model, open: &[Open], settled: Settled, weighing: &Weighing) -> Plan {
    let Settled { bonds, ruled, compared, asked, shared: _ } = settled;
    let cards = bonds::cards(open);
    let mut frequencies = TermFrequencies::count(cards.iter().copied());
    let mut pairs = matching::candidates(&cards);
    pairs.extend(compared);
    let both = |(one, other): &(u32, u32)| [*one, *other];
    // Who was compared with nobody is where it is for a reason that cannot be seen any more; it stays.
    let seen: HashSet<u32> = pairs.iter().chain(&bonds.together).chain(&bonds.decided).flat_map(both).collect();
    // What is asked about them says nothing of why they are where they are.
    pairs.extend(asked);
    weighing.pairs.store(pairs.len(), Ordering::Relaxed);
    let told = (&bonds, &weighing.weighed);
    let found = matching::cluster_telling(model, &mut frequencies, &cards, pairs, told);
    let Clustering { groups, joins, reviews, fellows } = found;
    let of = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at));
    let mut group_of = vec![0; open.len()];
    let mut of_person: BTreeMap<SubjectId, Vec<Group>> = BTreeMap::new();
    for (number, group) in (0_u32..).zip(groups) {
        let unseen = group.iter().all(|at| !seen.contains(at));
        let mut theirs: BTreeMap<SubjectId, Group> = BTreeMap::new();
        for at in group {
            if let Some(slot) = usize::try_from(at).ok().and_then(|at| group_of.get_mut(at)) {
                *slot = number;
            }
            let Some(open) = of(at) else { continue };
            let group =
                theirs.entry(open.person).or_insert_with(|| Group { others: true, unseen, records: Vec::new() });
            group.others &= open.part != open.person;
            group.records.push(open.record);
        }
        for (person, mut group) in theirs {
            group.records.sort_unstable();
            of_person.entry(person).or_default().push(group);
        }
    }
    let mut parts = Vec::new();
    for (person, mut groups) in of_person.into_iter().filter(|(_, groups)| groups.len() > 1) {
        // The group with the oldest record stays, of those the person brought.
        groups.sort_unstable();
        let all: BTreeSet<RecordNo> = groups.iter().flat_map(|group| group.records.iter().copied()).collect();
        let all = Arc::new(all);
        let leave = groups.into_iter().skip(1).filter(|group| !group.unseen);
        parts.extend(leave.map(|group| (person, Compared { records: group.records, of: all.clone() })));
    }
    let pair = |(one, other): (u32, u32)| Some((of(one)?.record, of(other)?.record));
    let grouped = |at: u32| usize::try_from(at).ok().and_then(|at| group_of.get(at));
    let ruled = ruled.into_iter().filter(|ruled| grouped(ruled.pair.0) == grouped(ruled.pair.1));
    let cut: HashSet<SubjectId> = parts.iter().map(|(person, _)| *person).collect();
    let ruled = ruled.filter_map(|by| {
        let (one, other) = (of(by.pair.0)?, of(by.pair.1)?);
        let is_cut = cut.contains(&one.person) || cut.contains(&other.person);
        let said = is_cut.then(|| model.score(&one.card, &other.card, &frequencies));
        Some((one.record, other.record, Why::Rule(by.rule, by.ix, said)))
    });
    let joins = joins.into_iter().filter_map(|by| pair(by.pair).map(|(one, other)| (one, other, Why::Compared(by))));
    let reviews = reviews.into_iter();
    let reviews = reviews.filter_map(|by| pair(by.pair).map(|(one, other)| (one, other, by.waterfall)));
    Plan {
        parts,
        joins: ruled.chain(joins).collect(),
        reviews: reviews.collect(),
        fellows: fellows.and_then(thousandths),
    }
}

/// As it is kept.
#[allow(clippy::cast_possible_truncation, reason = "people have a few thousand records at most")]
fn thousandths(fellows: f64) -> Option<i64> {
    fellows.is_finite().then(|| (fellows * 1_000.0).round() as i64)
}

/// What of one person belongs together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    /// Was all of it brought by others, who were merged into the person?
    others: bool,
    /// Was none of it compared with anything?
    unseen: bool,
    records: Vec<RecordNo>,
}
