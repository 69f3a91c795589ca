//! Records that only comparing had joined with one of two whom somebody took apart: the mark they bear when everything is grouped anew.

use std::collections::{BTreeMap, HashMap};

use super::Bits;
use super::cluster::Bonds;
use super::either::Known;
use super::run::Run;
use super::unclear::Weighed;

/// What it is worth how much a record is like the one of some whom it is most like.
type Best = Option<Bits>;

/// Which mark, and which side of it.
type Side = (usize, bool);

/// A record that bears a mark from now on, and which side of it.
pub(super) type Leaning = (usize, bool, u32);

/// Records that only comparing had joined with one of two, and that are not clearly the other's: the mark they bear. Who is one by what is
/// settled is weighed as one; who bears the mark already leans to nobody, and who leans to both sides to neither.
pub(super) fn leaning(run: &Run<'_>, bonds: &Bonds, scored: &[Weighed]) -> Vec<Leaning> {
    let mut leans: HashMap<u32, Known<usize, bool>> = HashMap::new();
    let mut cards: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
    for (mark, (ones, others)) in bonds.leaning.iter().enumerate() {
        let sides = [(ones, false), (others, true)];
        for (at, side) in sides.into_iter().flat_map(|(all, side)| all.iter().map(move |at| (*at, side))) {
            let own = run.root(at);
            if ![false, true].iter().any(|side| bears(run, own, (mark, *side))) {
                leans.entry(own).or_default().note(mark, side);
                cards.entry((mark, own)).or_default().push(at);
            }
        }
    }
    if leans.is_empty() {
        return Vec::new();
    }
    // Of each mark and each who lean and are like somebody who bears it: how much they are like the one, and like the other.
    let mut best: BTreeMap<(usize, u32), [Best; 2]> = BTreeMap::new();
    for ((one, other), weight) in scored.iter().filter(|(_, weight)| *weight >= run.enough()) {
        for (at, known) in [(*one, *other), (*other, *one)] {
            let (own, other) = (run.root(at), run.root(known));
            let Some(leans) = leans.get(&own).filter(|_| run.marked().contains_key(&other)) else { continue };
            let mut borne = borne(run, other).filter(|(mark, _)| leans.get(mark).is_some()).peekable();
            if borne.peek().is_none() || !run.would_join(at, known) {
                continue;
            }
            for (mark, side) in borne {
                let [ones, others] = best.entry((mark, own)).or_default();
                let best = if side { others } else { ones };
                *best = (*best).max(Some(*weight));
            }
        }
    }
    let mut found = Vec::new();
    for ((mark, own), [one, other]) in best {
        let Some(Some(side)) = leans.get(&own).and_then(|leans| leans.get(&mark)) else { continue };
        let weight = |best: Best| best.unwrap_or_default();
        let (own_side, theirs) = if *side { (other, one) } else { (one, other) };
        if weight(theirs).0 - weight(own_side).0 < run.enough().0 {
            let cards = cards.get(&(mark, own)).into_iter().flatten();
            found.extend(cards.map(|at| (mark, *side, *at)));
        }
    }
    found
}

fn bears(run: &Run<'_>, group: u32, (mark, side): Side) -> bool {
    let mark = u32::try_from(mark).unwrap_or(u32::MAX);
    run.marked().get(&group).is_some_and(|marks| marks.contains(&(mark, side)))
}

/// The marks that a group bears.
fn borne<'a>(run: &'a Run<'_>, group: u32) -> impl Iterator<Item = Side> + use<'a> {
    let marks = run.marked().get(&group).into_iter().flatten();
    marks.filter_map(|(mark, side)| Some((usize::try_from(*mark).ok()?, *side)))
}
