//! What is settled before everything is compared anew: by rules, by what somebody decided, and by what joined before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::accounts::Accounts;
use super::walk::Open;
use super::{Error, Intake};
use crate::graph::Rule;
use crate::graph::matching::{Bonds, Card, FilledIn, Model, TermFrequencies, Verdict, Veto, Waterfall, telling_first};
use crate::store::apart::{self, Mark};
use crate::store::connection::Connection;
use crate::store::rows::IdentifierRow;
use crate::store::{Read, identifiers, links, reviews, subjects};
use crate::types::{IdentifierKind, RecordNo, SubjectId, Timestamp};

/// Records under one value that are all compared with each other, those that tell most; the others are compared with these.
const AMONG: usize = 64;

/// What is settled.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) bonds: Bonds,
    /// Pairs of two living people that a rule joins.
    pub(super) ruled: Vec<Ruled>,
    /// Pairs whose comparison joined them once: they are compared again, whatever keys they have now.
    pub(super) compared: Vec<(u32, u32)>,
    /// Pairs somebody is asked about: they are compared again as well, and are in nobody's way otherwise.
    pub(super) asked: Vec<(u32, u32)>,
    /// Customer numbers that would join, and several accounts of their source have them: they are to join nobody first.
    pub(super) shared: Vec<[u8; 16]>,
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
    asked: Vec<(RecordNo, RecordNo)>,
    marks: Vec<Marked>,
    shared: Vec<[u8; 16]>,
    /// Customer numbers that join nobody any more, and which records have them.
    void: Vec<(u32, [u8; 16])>,
}

/// A mark that two are not the same: which parts of the one and of the other bear it.
struct Marked {
    bear: [Vec<SubjectId>; 2],
    /// Those whom only comparing had joined with them: they may turn out to be on the wrong side.
    lean: [Vec<SubjectId>; 2],
}

impl Intake {
    /// What is settled of these records, which are in ascending order. What is no evidence is taken off their cards.
    pub(super) async fn settled(&self, open: &mut [Open]) -> Result<Settled, Error> {
        let numbers: Vec<RecordNo> = open.iter().map(|open| open.record).collect();
        let stored = self.store.read_apart(move |read| stored(read, &numbers)).await?;
        if !stored.shared.is_empty() {
            return Ok(Settled { shared: stored.shared, ..Settled::default() });
        }
        for (at, ix) in &stored.void {
            let open = usize::try_from(*at).ok().and_then(|at| open.get_mut(at));
            open.into_iter().for_each(|open| open.card.forget_numbers(&[*ix]));
        }
        let open = &*open;
        let model = self.model();
        let mut frequencies = TermFrequencies::new(u64::try_from(open.len()).unwrap_or(u64::MAX));
        frequencies.set_filled_in(Arc::new(FilledIn::among(open.iter().map(|open| &open.card))));
        let place: HashMap<RecordNo, u32> = (0..).zip(open).map(|(at, open)| (open.record, at)).collect();
        let placed = |(one, other): &(RecordNo, RecordNo)| place.get(one).copied().zip(place.get(other).copied());
        let mut settled = Settled::default();
        let mut held = Vec::new();
        for run in stored.values.chunk_by(|one, other| one.0 == other.0).filter(|run| run.len() > 1) {
            held.clear();
            held.extend(run.iter().map(|(_, held)| *held));
            let first = run.first().and_then(|(ix, held)| Some((ix, IdentifierKind::try_from(held.kind).ok()?)));
            let Some((ix, rule)) = first.map(|(ix, kind)| (ix, Rule::of(kind))) else { continue };
            for (one, other) in by_rule((&model, &frequencies), open, rule, &held) {
                settled.bonds.together.push((one.at, other.at));
                let person = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at)).map(|open| open.person);
                if one.joins && other.joins && person(one.at) != person(other.at) {
                    settled.ruled.push(Ruled { pair: (one.at, other.at), rule, ix: *ix });
                }
            }
        }
        settled.bonds.decided.extend(stored.decided.iter().filter_map(placed));
        settled.compared.extend(stored.compared.iter().filter_map(placed));
        settled.asked.extend(stored.asked.iter().filter_map(placed));
        let marked = stored.marks.iter().flat_map(|mark| mark.bear.iter().chain(&mark.lean)).flatten();
        let marked: HashSet<SubjectId> = marked.copied().collect();
        let mut of: HashMap<SubjectId, Vec<u32>> = HashMap::new();
        for (at, open) in (0..).zip(open).filter(|(_, open)| marked.contains(&open.part)) {
            of.entry(open.part).or_default().push(at);
        }
        let all = |parts: &[SubjectId]| parts.iter().filter_map(|part| of.get(part)).flatten().copied().collect();
        for Marked { bear: [ones, others], lean: [one, other] } in &stored.marks {
            settled.bonds.apart.push((all(ones), all(others)));
            settled.bonds.leaning.push((all(one), all(other)));
        }
        Ok(settled)
    }
}

fn stored(read: &mut Read, numbers: &[RecordNo]) -> Result<Stored, crate::store::Error> {
    let mut values: Vec<([u8; 16], Held)> = Vec::new();
    let mut void: Vec<(u32, [u8; 16])> = Vec::new();
    let mut accounts = Accounts::default();
    for (some, from) in numbers.chunks(500).zip((0..).step_by(500)) {
        let rows = identifiers::of_records(read.records(), some)?;
        accounts.read(&rows);
        let is_void = |row: &IdentifierRow| {
            row.kind == IdentifierKind::CustomerNumber.number() && row.use_flags & IdentifierRow::GENERIC != 0
        };
        for row in rows.iter().filter(|row| row.binds() || is_void(row)) {
            let Ok(ix) = <[u8; 16]>::try_from(row.ix.as_slice()) else { continue };
            let at = some.binary_search(&row.record_no).ok().and_then(|at| u32::try_from(from + at).ok());
            if is_void(row) {
                void.extend(at.map(|at| (at, ix)));
                continue;
            }
            let joins = row.use_flags & IdentifierRow::JOINS != 0;
            values.extend(at.map(|at| (ix, Held { at, kind: row.kind, joins })));
        }
    }
    // In an order that does not depend on arrival.
    values.sort_unstable();
    Ok(Stored {
        values,
        void,
        shared: accounts.shared(),
        decided: links::by_rule(read.records(), Rule::Decided.number())?,
        compared: links::by_rule(read.records(), Rule::Compared.number())?,
        asked: reviews::standing(read.records())?,
        marks: marks(read)?,
    })
}

fn marks(read: &mut Read) -> Result<Vec<Marked>, crate::store::Error> {
    let all = apart::all(read.records())?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let compared = links::joined_by(read.records(), Rule::Compared.number())?;
    let mut marks = Vec::new();
    // Each mark stands in both directions.
    for Mark { one, other, at, looked } in all.into_iter().filter(|mark| mark.one < mark.other) {
        let loose = if looked { None } else { Some(&compared) };
        let (ones, one) = bearers(read.records(), (one, at), loose)?;
        let (others, other) = bearers(read.records(), (other, at), loose)?;
        marks.push(Marked { bear: [ones, others], lean: [one, other] });
    }
    Ok(marks)
}

/// Which parts of a person bear a mark that was made `at` a time: those that were theirs then. Who looked at two people side by side
/// looked at all of them; who took a part out of a person said nothing of what only comparing (`loose`) had joined with the one or
/// the other: those are told apart.
fn bearers(
    connection: &mut Connection,
    (person, at): (SubjectId, Timestamp),
    loose: Option<&HashSet<SubjectId>>,
) -> Result<(Vec<SubjectId>, Vec<SubjectId>), crate::store::Error> {
    let (mut all, mut next) = (vec![(person, false)], 0);
    while let Some((part, leans)) = all.get(next).copied() {
        next += 1;
        for row in subjects::directly_into(connection, part)?.into_iter().filter(|row| row.merged_at <= at) {
            let id = row.subject_id;
            if all.iter().all(|(known, _)| *known != id) {
                all.push((id, leans || loose.is_some_and(|loose| loose.contains(&id))));
            }
        }
    }
    let (lean, bear): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, leans)| *leans);
    let ids = |some: Vec<(SubjectId, bool)>| some.into_iter().map(|(id, _)| id).collect();
    Ok((ids(bear), ids(lean)))
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
fn by_rule(
    (model, frequencies): (&Model, &TermFrequencies),
    open: &[Open],
    rule: Rule,
    under: &[Held],
) -> Vec<(Held, Held)> {
    let Some(first) = under.first() else { return Vec::new() };
    let star = || under.iter().skip(1).map(|held| (*first, *held)).collect();
    if matches!(rule, Rule::SourceAccount | Rule::Relay) {
        return star();
    }
    let card = |at: u32| usize::try_from(at).ok().and_then(|at| open.get(at)).map(|open| &open.card);
    let under = in_order(under, frequencies, card);
    let mut seen = vec![Seen::default(); under.len()];
    for (at, one) in under.iter().enumerate() {
        for (before, other) in under.iter().take(at.min(AMONG)).enumerate() {
            let Some((ours, theirs)) = card(one.at).zip(card(other.at)) else { continue };
            let waterfall = model.score(ours, theirs, frequencies);
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

/// Those under one value, in an order in which those come first that tell most, if not all can be compared with each other: a hundred
/// orders, whenever they came, must not hide that two accounts tell two birth dates.
fn in_order<'a>(under: &[Held], frequencies: &TermFrequencies, card: impl Fn(u32) -> Option<&'a Card>) -> Vec<Held> {
    if under.len() <= AMONG {
        return under.to_vec();
    }
    let (held, cards): (Vec<Held>, Vec<&Card>) =
        under.iter().filter_map(|held| card(held.at).map(|card| (*held, card))).unzip();
    telling_first(&cards, AMONG, frequencies).into_iter().filter_map(|at| held.get(at).copied()).collect()
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
