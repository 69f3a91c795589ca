//! What is settled before everything is compared anew: by rules, by what somebody decided, and by what joined before.

use std::collections::{BTreeSet, HashMap};

use super::walk::Open;
use super::{Error, Intake};
use crate::graph::Rule;
use crate::graph::matching::{Bonds, Card, Model, TermFrequencies, Verdict, Veto, Waterfall};
use crate::store::rows::IdentifierRow;
use crate::store::{Read, apart, identifiers, links};
use crate::types::{IdentifierKind, RecordNo, SubjectId};

/// Records under one value that are all compared with each other; those beyond are compared with these.
const AMONG: usize = 64;

/// The uses of a value that bind its records together.
const BINDING: i16 = IdentifierRow::JOINS | IdentifierRow::STATEMENT;

/// What is settled.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) bonds: Bonds,
    /// Pairs of two living people that a rule joins.
    pub(super) ruled: Vec<Ruled>,
    /// Pairs whose comparison joined them once: they are compared again, whatever keys they have now.
    pub(super) compared: Vec<(u32, u32)>,
}

/// Two records of two people, and the rule and value that join them.
pub(super) struct Ruled {
    pub(super) pair: (u32, u32),
    pub(super) rule: Rule,
    pub(super) ix: [u8; 16],
}

/// That a record has a value which joins, or under which a statement was made: the record's place, and the value's kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    at: u32,
    kind: i16,
    joins: bool,
}

/// As the store has it.
struct Stored {
    /// Sorted, so that the records under one value lie side by side.
    values: Vec<([u8; 16], Held)>,
    decided: Vec<(RecordNo, RecordNo)>,
    compared: Vec<(RecordNo, RecordNo)>,
    marks: Vec<(SubjectId, SubjectId)>,
}

impl Intake {
    /// What is settled of these records, which are in ascending order.
    pub(super) async fn settled(&self, open: &[Open]) -> Result<Settled, Error> {
        let numbers: Vec<RecordNo> = open.iter().map(|open| open.record).collect();
        let stored = self.store.read_apart(move |read| stored(read, &numbers)).await?;
        let model = self.model();
        let place: HashMap<RecordNo, u32> = (0..).zip(open).map(|(at, open)| (open.record, at)).collect();
        let placed = |(one, other): &(RecordNo, RecordNo)| place.get(one).copied().zip(place.get(other).copied());
        let mut settled = Settled::default();
        let mut held = Vec::new();
        for run in stored.values.chunk_by(|one, other| one.0 == other.0).filter(|run| run.len() > 1) {
            held.clear();
            held.extend(run.iter().map(|(_, held)| *held));
            let first = run.first().and_then(|(ix, held)| Some((ix, IdentifierKind::try_from(held.kind).ok()?)));
            let Some((ix, rule)) = first.map(|(ix, kind)| (ix, Rule::of(kind))) else { continue };
            for (one, other) in by_rule(&model, open, rule, &held) {
                settled.bonds.together.push((one.at, other.at));
                let person = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at)).map(|open| open.person);
                if one.joins && other.joins && person(one.at) != person(other.at) {
                    settled.ruled.push(Ruled { pair: (one.at, other.at), rule, ix: *ix });
                }
            }
        }
        settled.bonds.decided.extend(stored.decided.iter().filter_map(placed));
        settled.compared.extend(stored.compared.iter().filter_map(placed));
        let marked: BTreeSet<SubjectId> = stored.marks.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let mut of: HashMap<SubjectId, BTreeSet<u32>> = HashMap::new();
        for (at, open) in (0..).zip(open) {
            for person in [open.part, open.person].into_iter().filter(|person| marked.contains(person)) {
                of.entry(person).or_default().insert(at);
            }
        }
        let all = |person: &SubjectId| of.get(person).into_iter().flatten().copied().collect::<Vec<u32>>();
        // Each mark stands in both directions.
        let marks = stored.marks.iter().filter(|(one, other)| one < other);
        settled.bonds.apart.extend(marks.map(|(one, other)| (all(one), all(other))));
        Ok(settled)
    }
}

fn stored(read: &mut Read, numbers: &[RecordNo]) -> Result<Stored, crate::store::Error> {
    let mut values: Vec<([u8; 16], Held)> = Vec::new();
    for (some, from) in numbers.chunks(500).zip((0..).step_by(500)) {
        let rows = identifiers::of_records(read.records(), some)?;
        for row in rows.iter().filter(|row| row.use_flags & BINDING != 0) {
            let Ok(ix) = <[u8; 16]>::try_from(row.ix.as_slice()) else { continue };
            let at = some.binary_search(&row.record_no).ok().and_then(|at| u32::try_from(from + at).ok());
            let joins = row.use_flags & IdentifierRow::JOINS != 0;
            values.extend(at.map(|at| (ix, Held { at, kind: row.kind, joins })));
        }
    }
    // In an order that does not depend on arrival.
    values.sort_unstable();
    Ok(Stored {
        values,
        decided: links::by_rule(read.records(), Rule::Decided.number())?,
        compared: links::by_rule(read.records(), Rule::Compared.number())?,
        marks: apart::all(read.records())?,
    })
}

/// What was seen of a record under a value that several may share: which of those that are all compared with each other are alike, and
/// which are somebody else, one bit each.
#[derive(Clone, Default)]
struct Seen {
    like: u64,
    two: u64,
}

/// The pairs under one value that a rule joins. Where it shows that several people share it, only those are joined whose
/// given names say so, and of no two who are somebody else the same record: a father's order without a birth date is not his son's
/// account, nor are the two one by it. The work grows no faster than the records.
fn by_rule(model: &Model, open: &[Open], rule: Rule, under: &[Held]) -> Vec<(Held, Held)> {
    let Some(first) = under.first() else { return Vec::new() };
    let star = || under.iter().skip(1).map(|held| (*first, *held)).collect();
    if matches!(rule, Rule::SourceAccount | Rule::Relay) {
        return star();
    }
    let card = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at)).map(|open| &open.card);
    let frequencies = TermFrequencies::new(u64::try_from(open.len()).unwrap_or(u64::MAX));
    let mut seen = vec![Seen::default(); under.len()];
    for (at, one) in under.iter().enumerate() {
        for (before, other) in under.iter().take(at.min(AMONG)).enumerate() {
            let Some((ours, theirs)) = card(one.at).zip(card(other.at)) else { continue };
            let waterfall = model.score(ours, theirs, &frequencies);
            let two = names_two(&waterfall, rule);
            let alike = !two && waterfall.names_alike();
            for (place, other) in [(at, before), (before, at)] {
                if let Some(seen) = seen.get_mut(place) {
                    seen.two |= if two { bit(other) } else { 0 };
                    seen.like |= if alike { bit(other) } else { 0 };
                }
            }
        }
    }
    if seen.iter().all(|seen| seen.two == 0) {
        return star();
    }
    let is_eithers = |of: &Seen| {
        let among = seen.iter().take(AMONG).enumerate();
        among.into_iter().any(|(place, other)| of.like & bit(place) != 0 && other.two & of.like != 0)
    };
    let one_persons: Vec<bool> = seen.iter().map(|seen| !is_eithers(seen)).collect();
    let mut pairs = Vec::new();
    for (at, (one, of)) in under.iter().zip(&seen).enumerate() {
        let others = under.iter().zip(&one_persons).enumerate().take(at.min(AMONG));
        let alike = others.filter(|(place, (_, theirs))| **theirs && of.like & bit(*place) != 0);
        let ours = one_persons.get(at).is_some_and(|ours| *ours);
        // Beyond those that are all compared with each other one that is alike is enough.
        let enough = if at < AMONG { AMONG } else { 1 };
        pairs.extend(alike.take(enough).filter(|_| ours).map(|(_, (other, _))| (*other, *one)));
    }
    pairs
}

/// The bit of one of those that are all compared with each other; none of the others.
fn bit(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0)
}

/// Do two records under one value of this rule clearly name two people, by what they say or by two logins that one source verified?
/// A number is given to somebody else when its owner does not pay for it any more, so there a name has to agree where both tell one.
pub(super) fn names_two(waterfall: &Waterfall, rule: Rule) -> bool {
    let logins = waterfall.verdict == Verdict::Veto(Veto::Logins);
    logins || waterfall.contradicts() || (rule == Rule::VerifiedPhone && waterfall.names_differ())
}

/// The cards of all.
pub(super) fn cards(open: &[Open]) -> Vec<&Card> {
    open.iter().map(|open| &open.card).collect()
}
