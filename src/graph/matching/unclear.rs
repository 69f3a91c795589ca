//! Records that are as like the one as the other of two who are known to be two people: by what they say nobody can tell of whom
//! they are, so they join neither, and somebody is asked. What arrives and what is grouped anew is judged by the same rule ([`either`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;

use super::cluster::{Bonds, Run};
use super::{Bits, Card};

/// A pair and what it is worth.
type Weighed = ((u32, u32), Bits);

/// What it is worth how much a record is like the one of some whom it is most like.
type Best = Option<Bits>;

/// Which mark, and which side of it.
type Side = (usize, bool);

/// A record that bears a mark from now on, and which side of it.
pub(super) type Leaning = (usize, bool, u32);

/// Of whom a record may be as well as of somebody else. Positions in the list of those whom it is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Either {
    /// For each of them whether it may be of another as well.
    pub open: Vec<bool>,
    /// Those who are two people, and whom it is about as like.
    pub two: Vec<(usize, usize)>,
    /// May it be of another as well as of whom it is most like? Then it is nobody's, and everybody is open.
    pub nobodys: bool,
}

/// A record is like some people, by these weights, the likeliest first. Of two whom it is like within what is `enough` to join it may be
/// the one's as well as the other's, if they are known to be two people.
///
/// # Errors
/// If `are_two` fails.
pub fn either<E>(
    weights: &[Bits],
    enough: Bits,
    mut are_two: impl FnMut(usize, usize) -> Result<bool, E>,
) -> Result<Either, E> {
    let mut found = Either { open: vec![false; weights.len()], ..Either::default() };
    for (other, less) in weights.iter().enumerate() {
        for (one, more) in weights.iter().take(other).enumerate() {
            if more.0 - less.0 < enough.0 && are_two(one, other)? {
                found.two.push((one, other));
                for at in [one, other] {
                    if let Some(open) = found.open.get_mut(at) {
                        *open = true;
                    }
                }
            }
        }
    }
    let first = weights.first().copied().unwrap_or_default();
    let near = weights.iter().take_while(|weight| first.0 - weight.0 < enough.0).count();
    found.nobodys = found.open.iter().take(near).any(|open| *open);
    if found.nobodys {
        found.open.fill(true);
    }
    Ok(found)
}

fn sides(marks: &[(Vec<u32>, Vec<u32>)]) -> HashMap<u32, Vec<Side>> {
    let mut sides: HashMap<u32, Vec<Side>> = HashMap::new();
    for (mark, (ones, others)) in marks.iter().enumerate() {
        ones.iter().for_each(|at| sides.entry(*at).or_default().push((mark, false)));
        others.iter().for_each(|at| sides.entry(*at).or_default().push((mark, true)));
    }
    sides
}

/// Records that only comparing had joined with one of two, and that are not clearly the other's: the mark they bear.
pub(super) fn leaning(run: &Run<'_>, bonds: &Bonds, scored: &[Weighed]) -> Vec<Leaning> {
    let leaning = sides(&bonds.leaning);
    if leaning.is_empty() {
        return Vec::new();
    }
    let marked = sides(&bonds.apart);
    // Of each mark and each record that leans and is like somebody who bears it: how much it is like the one, and like the other.
    let mut best: BTreeMap<(usize, u32), [Best; 2]> = BTreeMap::new();
    for ((one, other), weight) in scored.iter().filter(|(_, weight)| *weight >= run.enough()) {
        for (at, known) in [(*one, *other), (*other, *one)] {
            let bears = marked.get(&known).filter(|_| leaning.contains_key(&at) && run.would_join(at, known));
            for (mark, side) in bears.into_iter().flatten() {
                let [ones, others] = best.entry((*mark, at)).or_default();
                let best = if *side { others } else { ones };
                *best = (*best).max(Some(*weight));
            }
        }
    }
    let mut found = Vec::new();
    for ((mark, at), [one, other]) in best {
        let on = |sides: &HashMap<u32, Vec<Side>>| {
            let of = sides.get(&at).into_iter().flatten().find(|(known, _)| *known == mark);
            of.map(|(_, side)| *side)
        };
        let Some(side) = on(&leaning).filter(|_| on(&marked).is_none()) else { continue };
        let weight = |best: Best| best.unwrap_or_default();
        let (own, theirs) = if side { (other, one) } else { (one, other) };
        if weight(theirs).0 - weight(own).0 < run.enough().0 {
            found.push((mark, side, at));
        }
    }
    found
}

/// What of all that is compared is no clear case.
#[derive(Debug, Default)]
pub(super) struct Unclear {
    /// Records that are nobody's: they may be of either of two.
    pub(super) neither: HashSet<u32>,
    /// Pairs of records that may be of one person as well as the one with somebody who is another.
    pub(super) open: HashSet<(u32, u32)>,
}

/// Finds them: who is one already by what is settled is looked at as one.
pub(super) fn unclear(run: &Run<'_>, scored: &[Weighed]) -> Unclear {
    let mut people = People::new(run);
    if people.with_login.is_empty() && people.run.marked().is_empty() {
        return Unclear::default();
    }
    let enough = run.enough();
    let pairs = || {
        let pairs = scored.iter().filter(move |(_, weight)| *weight >= enough);
        pairs.flat_map(|((one, other), weight)| [(*one, *other, *weight), (*other, *one, *weight)])
    };
    // Whom each record is like that may not be one with another.
    let mut like: HashMap<u32, Vec<u32>> = HashMap::new();
    for (at, known, _) in pairs() {
        let other = run.root(known);
        if people.tells(at, other) {
            let like = like.entry(at).or_default();
            if !like.contains(&other) {
                like.push(other);
            }
        }
    }
    // Mostly they are all one customer's, and nothing need be weighed again.
    like.retain(|at, like| people.has_two(*at, like));
    let mut all: BTreeMap<u32, Vec<(Bits, u32)>> = BTreeMap::new();
    for (at, known, weight) in pairs().filter(|(at, ..)| like.contains_key(at)) {
        if people.may_be(at, run.root(known)) && run.would_join(at, known) {
            all.entry(at).or_default().push((weight, known));
        }
    }
    let mut found = Unclear::default();
    // Those who are clearly of somebody, and not clearly of all they are like.
    let mut partly: Vec<(u32, Vec<u32>)> = Vec::new();
    for (at, like) in all {
        let mut best: HashMap<u32, Bits> = HashMap::new();
        for (weight, known) in &like {
            let best = best.entry(run.root(*known)).or_insert(*weight);
            *best = (*best).max(*weight);
        }
        let mut best: Vec<(Bits, u32)> = best.into_iter().map(|(root, weight)| (weight, root)).collect();
        best.sort_unstable_by_key(|(weight, root)| (-weight.0, *root));
        let (weights, roots): (Vec<Bits>, Vec<u32>) = best.into_iter().unzip();
        let root = |at: usize| roots.get(at).copied().unwrap_or(u32::MAX);
        let are_two = |one, other| Ok::<_, Infallible>(people.are_two(at, root(one), root(other)));
        let Ok(either) = either(&weights, enough, are_two);
        if either.nobodys {
            found.neither.insert(at);
            continue;
        }
        let is_open: HashMap<u32, bool> = roots.into_iter().zip(either.open).collect();
        let (open, clear): (Vec<_>, Vec<_>) =
            like.into_iter().partition(|(_, known)| is_open.get(&run.root(*known)).copied().unwrap_or_default());
        if !open.is_empty() {
            found.open.extend(open.into_iter().map(|(_, known)| (at.min(known), at.max(known))));
            partly.push((at, clear.into_iter().map(|(_, known)| known).collect()));
        }
    }
    found.neither = run.with_their_groups(&found.neither);
    // Who is most like those who are nobody's, and beside that like either of two, is so too.
    loop {
        let more: HashSet<u32> = partly
            .iter()
            .filter(|(at, clear)| {
                !found.neither.contains(at) && clear.iter().all(|known| found.neither.contains(known))
            })
            .map(|(at, _)| *at)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.neither.extend(run.with_their_groups(&more));
    }
}

/// Who is one by what is settled, by the roots of their groups, and what tells them from others.
struct People<'a, 'b> {
    run: &'a Run<'b>,
    with_login: HashSet<u32>,
    /// Of those who were asked about, one card for each login.
    logins: HashMap<u32, Vec<&'b Card>>,
}

impl<'a, 'b> People<'a, 'b> {
    fn new(run: &'a Run<'b>) -> Self {
        let with_login = run.all().filter(|(_, card)| card.has_login()).map(|(at, _)| run.root(at)).collect();
        Self { run, with_login, logins: HashMap::new() }
    }

    /// Is this record of nobody whom a source knows by a login?
    fn is_guest(&self, at: u32) -> bool {
        !self.with_login.contains(&self.run.root(at))
    }

    /// Is this group another than that of the record, and did nobody decide that it is not?
    fn may_be(&self, at: u32, other: u32) -> bool {
        let own = self.run.root(at);
        own != other && !self.run.is_forbidden(own, other)
    }

    /// May this group be whose the record is, and may it tell who else it is not?
    fn tells(&self, at: u32, other: u32) -> bool {
        let login = || self.is_guest(at) && self.with_login.contains(&other);
        (self.run.marked().contains_key(&other) || login()) && self.may_be(at, other)
    }

    fn has_two(&mut self, at: u32, like: &[u32]) -> bool {
        let mut pairs =
            like.iter().enumerate().flat_map(|(place, one)| like.iter().take(place).map(|other| (*one, *other)));
        pairs.any(|(one, other)| self.are_two(at, one, other))
    }

    /// Are two groups two people, for who came with this record? Whose login it is, is told by the login alone.
    fn are_two(&mut self, at: u32, one: u32, other: u32) -> bool {
        if self.run.is_forbidden(one, other) {
            return true;
        }
        if !self.is_guest(at) || [one, other].iter().any(|group| !self.with_login.contains(group)) {
            return false;
        }
        for group in [one, other] {
            let run = self.run;
            self.logins.entry(group).or_insert_with(|| logins(run.of(group).iter().filter_map(|at| run.card(*at))));
        }
        let of = |group: u32| self.logins.get(&group).into_iter().flatten();
        of(one).any(|card| of(other).any(|other| card.is_other_login(other)))
    }
}

/// Of cards those with a login, of a customer's hundreds of records one for each.
pub fn logins<'a>(cards: impl Iterator<Item = &'a Card>) -> Vec<&'a Card> {
    let mut few: Vec<&Card> = Vec::new();
    for card in cards.filter(|card| card.has_login()) {
        if !few.iter().any(|known| known.has_same_logins(card)) {
            few.push(card);
        }
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom a record may be as well as another, of people whom it is like by so many bits, of whom these are two.
    fn open(bits: &[i32], two: &[(usize, usize)]) -> (Vec<usize>, bool) {
        let weights: Vec<Bits> = bits.iter().map(|bits| Bits(bits * 1_000)).collect();
        let are_two = |one, other| Ok::<_, Infallible>(two.contains(&(one, other)));
        let Ok(found) = either(&weights, Bits(4_000), are_two);
        let open = found.open.iter().enumerate().filter(|(_, open)| **open).map(|(at, _)| at);
        (open.collect(), found.nobodys)
    }

    #[test]
    fn who_is_as_like_two_is_neithers() {
        assert_eq!(open(&[], &[]), (vec![], false));
        assert_eq!(open(&[20], &[]), (vec![], false));
        assert_eq!(open(&[20, 20], &[]), (vec![], false));
        assert_eq!(open(&[20, 17], &[(0, 1)]), (vec![0, 1], true));
        assert_eq!(open(&[20, 16], &[(0, 1)]), (vec![], false), "clearly more like the one");
        // Whoever else is as like.
        assert_eq!(open(&[20, 20, 20, 9], &[(1, 2)]), (vec![0, 1, 2, 3], true));
        assert_eq!(open(&[20, 18, 15], &[(1, 2)]), (vec![0, 1, 2], true));
    }

    #[test]
    fn who_is_clearly_of_somebody_may_be_either_of_two_beside() {
        assert_eq!(open(&[30, 20, 19, 12], &[(1, 2)]), (vec![1, 2], false));
        assert_eq!(open(&[30, 20, 12, 10], &[(1, 2), (2, 3)]), (vec![2, 3], false));
    }
}
