//! Records that are as like the one as the other of two who are known to be two people: by what they say nobody can tell of whom
//! they are, so they join neither, and somebody is asked.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::cluster::Bonds;
use super::{Bits, Card};

/// What of all that is compared is no clear case.
#[derive(Debug, Default)]
pub(super) struct Unclear {
    /// Records that may be of either of two.
    pub(super) neither: HashSet<u32>,
    /// Records that only comparing had joined with one of two, and that are not clearly the other's: the mark they bear, which side of
    /// it, and they.
    pub(super) leaning: Vec<(usize, bool, u32)>,
}

/// A pair and what it is worth.
type Weighed = ((u32, u32), Bits);

/// What it is worth how much a record is like the one of some whom it is most like.
type Best = Option<Bits>;

/// Which mark, and which side of it.
type Side = (usize, bool);

/// What is known of the cards.
pub(super) struct Known<'a> {
    pub(super) cards: &'a [&'a Card],
    pub(super) bonds: &'a Bonds,
    /// What a pair must be worth to join.
    pub(super) enough: Bits,
}

/// Finds them. What a bond made one already has one `root`; `joins` says whether nothing stands against a pair that is worth enough.
pub(super) fn unclear(
    known: &Known<'_>,
    scored: &[Weighed],
    root: impl Fn(u32) -> u32,
    joins: impl Fn(u32, u32) -> bool,
) -> Unclear {
    let mut found = Unclear::default();
    by_marks(&mut found, known, scored, (&root, &joins));
    by_logins(&mut found, known, scored, (&root, &joins));
    found
}

fn sides(marks: &[(Vec<u32>, Vec<u32>)]) -> HashMap<u32, Vec<Side>> {
    let mut sides: HashMap<u32, Vec<Side>> = HashMap::new();
    for (mark, (ones, others)) in marks.iter().enumerate() {
        ones.iter().for_each(|at| sides.entry(*at).or_default().push((mark, false)));
        others.iter().for_each(|at| sides.entry(*at).or_default().push((mark, true)));
    }
    sides
}

fn by_marks(
    found: &mut Unclear,
    Known { bonds, enough, .. }: &Known<'_>,
    scored: &[Weighed],
    (root, joins): (&impl Fn(u32) -> u32, &impl Fn(u32, u32) -> bool),
) {
    let (marked, leaning) = (sides(&bonds.apart), sides(&bonds.leaning));
    if marked.is_empty() {
        return;
    }
    // Which groups hold somebody who bears a mark: who is one of them already is of that side.
    let borne = marked.iter().flat_map(|(at, sides)| sides.iter().map(move |(mark, _)| (*mark, root(*at))));
    let borne: HashSet<(usize, u32)> = borne.collect();
    // Of each mark and each record that is like somebody who bears it: how much it is like the one, and like the other.
    let mut best: BTreeMap<(usize, u32), [Best; 2]> = BTreeMap::new();
    for ((one, other), weight) in scored.iter().filter(|(_, weight)| weight >= enough) {
        for (at, known) in [(*one, *other), (*other, *one)] {
            let bears = marked.get(&known).filter(|_| joins(at, known));
            for (mark, side) in bears.into_iter().flatten() {
                let [ones, others] = best.entry((*mark, at)).or_default();
                let best = if *side { others } else { ones };
                *best = (*best).max(Some(*weight));
            }
        }
    }
    for ((mark, at), [one, other]) in best {
        let on = |sides: &HashMap<u32, Vec<Side>>| {
            let of = sides.get(&at).into_iter().flatten().find(|(known, _)| *known == mark);
            of.map(|(_, side)| *side)
        };
        if on(&marked).is_some() {
            continue;
        }
        let weight = |best: Best| best.unwrap_or(Bits(0));
        if let Some(side) = on(&leaning) {
            let (own, theirs) = if side { (other, one) } else { (one, other) };
            if weight(theirs).0 - weight(own).0 < enough.0 {
                found.leaning.push((mark, side, at));
            }
        } else if let (Some(one), Some(other)) = (one, other) {
            let bound = borne.contains(&(mark, root(at)));
            if !bound && (one.0 - other.0).abs() < enough.0 {
                found.neither.insert(at);
            }
        }
    }
}

fn by_logins(
    found: &mut Unclear,
    Known { cards, enough, .. }: &Known<'_>,
    scored: &[Weighed],
    (root, joins): (&impl Fn(u32) -> u32, &impl Fn(u32, u32) -> bool),
) {
    let card = |at: u32| usize::try_from(at).ok().and_then(|at| cards.get(at)).copied();
    // Whom each record without a login is like that a source knows by one.
    let mut like: HashMap<u32, Vec<(Bits, u32)>> = HashMap::new();
    for ((one, other), weight) in scored.iter().filter(|(_, weight)| weight >= enough) {
        for (at, known) in [(*one, *other), (*other, *one)] {
            let Some((ours, theirs)) = card(at).zip(card(known)) else { continue };
            if theirs.has_login() && !ours.has_login() {
                like.entry(at).or_default().push((*weight, known));
            }
        }
    }
    let two = |one: u32, other: u32| {
        root(one) != root(other) && card(one).zip(card(other)).is_some_and(|(one, other)| one.is_other_login(other))
    };
    let alike = |one: u32, other: u32| {
        root(one) == root(other) && card(one).zip(card(other)).is_some_and(|(one, other)| one.has_same_logins(other))
    };
    // Is any of these somebody else than any other? Of a customer's hundreds of records one for each login is asked.
    let differ = |like: &[(Bits, u32)]| {
        let mut few: Vec<u32> = Vec::new();
        like.iter().any(|(_, at)| {
            let found = few.iter().any(|other| two(*at, *other));
            if !found && !few.iter().any(|other| alike(*at, *other)) {
                few.push(*at);
            }
            found
        })
    };
    for (at, mut like) in like {
        // Mostly they are all one customer's, and nothing need be weighed again.
        if !differ(&like) {
            continue;
        }
        like.retain(|(_, known)| joins(at, *known));
        let Some(most) = like.iter().map(|(weight, _)| *weight).max() else { continue };
        let bound = like.iter().any(|(_, known)| root(*known) == root(at));
        like.retain(|(weight, _)| most.0 - weight.0 < enough.0);
        if !bound && differ(&like) {
            found.neither.insert(at);
        }
    }
}
