//! Groups that are being made: who is one with whom by now, which marks they bear, and whether two of them fit.

use std::collections::{BTreeSet, HashMap};

use super::cluster::Review;
use super::guard::{Glance, Tally};
use super::looked::{LOOKED_AT, looked_at};
use super::{Bits, Card, Model, Shape, TermFrequencies, Verdict, Waterfall};

/// What became of a pair.
pub(super) enum Joined {
    Now,
    Already,
    Stopped,
    Forbidden,
}

/// Which decision that two are not the same, and which of the two somebody is.
pub(super) type Mark = (u32, bool);

/// Groups that are being made, of what is settled and then of one pair after the other.
pub(super) struct Run<'a> {
    model: &'a Model,
    frequencies: &'a TermFrequencies,
    cards: &'a [&'a Card],
    parent: Vec<u32>,
    /// Every position, for the groups of one.
    alone: Vec<u32>,
    /// The members of the groups of several, by their roots.
    members: HashMap<u32, Vec<u32>>,
    /// Are the members of each group in the order of their cards?
    in_order: bool,
    /// Of groups with many members those that are looked at, by the roots: of one that grew only who came is weighed against them.
    looked: HashMap<u32, Vec<u32>>,
    /// The marks that single cards bear, and those of their groups, by the roots.
    marks: HashMap<u32, Vec<Mark>>,
    marked: HashMap<u32, BTreeSet<Mark>>,
    /// What was seen of pairs between groups: big groups meet again and again.
    glances: HashMap<(u32, u32), Glance>,
}

impl<'a> Run<'a> {
    pub(super) fn new(model: &'a Model, frequencies: &'a TermFrequencies, cards: &'a [&'a Card]) -> Self {
        let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
        Self {
            model,
            frequencies,
            cards,
            parent: (0..count).collect(),
            alone: (0..count).collect(),
            members: HashMap::new(),
            in_order: false,
            looked: HashMap::new(),
            marks: HashMap::new(),
            marked: HashMap::new(),
            glances: HashMap::new(),
        }
    }

    /// What a pair must be worth to join.
    pub(super) fn enough(&self) -> Bits {
        self.model.join_at()
    }

    /// Does nothing stand against a pair that is worth enough?
    pub(super) fn would_join(&self, one: u32, other: u32) -> bool {
        self.score((one, other)).is_some_and(|found| found.verdict == Verdict::Join)
    }

    /// All cards, with their positions.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &'a Card)> {
        (0..).zip(self.cards.iter().copied())
    }

    /// The marks that groups bear, by their roots.
    pub(super) const fn marked(&self) -> &HashMap<u32, BTreeSet<Mark>> {
        &self.marked
    }

    pub(super) fn card(&self, at: u32) -> Option<&'a Card> {
        self.cards.get(usize::try_from(at).ok()?).copied()
    }

    pub(super) fn score(&self, (one, other): (u32, u32)) -> Option<Waterfall> {
        Some(self.model.score(self.card(one)?, self.card(other)?, self.frequencies))
    }

    fn glance(&mut self, one: u32, other: u32) -> Option<Glance> {
        let pair = (one.min(other), one.max(other));
        if let Some(known) = self.glances.get(&pair) {
            return Some(*known);
        }
        let cards = [self.card(one)?, self.card(other)?];
        let seen = Glance::of(self.model, cards, &self.score(pair)?);
        self.glances.insert(pair, seen);
        Some(seen)
    }

    /// Those of a group that are looked at, before more is joined to it.
    pub(super) fn telling_of(&self, root: u32) -> Vec<u32> {
        self.telling(self.of(root))
    }

    /// Is there a veto between any two of these cards?
    pub(super) fn are_vetoed(&self, ours: &[u32], theirs: &[u32]) -> bool {
        let is_vetoed = |said: Waterfall| matches!(said.verdict, Verdict::Veto(_));
        ours.iter().any(|one| theirs.iter().any(|other| self.score((*one, *other)).is_some_and(is_vetoed)))
    }

    /// The members of a group that are looked at.
    fn some_of(&mut self, root: u32) -> Vec<u32> {
        if let Some(known) = self.looked.get(&root) {
            return known.clone();
        }
        let some = self.telling(self.of(root));
        if self.of(root).len() > LOOKED_AT {
            self.looked.insert(root, some.clone());
        }
        some
    }

    /// Those of these members, in the order of their cards, that are looked at.
    fn telling(&self, members: &[u32]) -> Vec<u32> {
        let cards: Vec<&Card> = members.iter().filter_map(|at| self.card(*at)).collect();
        looked_at(&cards, self.frequencies).into_iter().filter_map(|at| members.get(at).copied()).collect()
    }

    /// Does a group name different people already?
    fn is_mixed(&mut self, group: &[u32]) -> bool {
        group.iter().enumerate().any(|(at, one)| {
            group.iter().take(at).any(|other| self.glance(*one, *other).is_some_and(|seen| seen.contradicts))
        })
    }

    pub(super) fn mark(&mut self, card: u32, mark: Mark) {
        self.marks.entry(card).or_default().push(mark);
        self.marked.entry(card).or_default().insert(mark);
    }

    /// A card of a group bears a mark.
    pub(super) fn lean(&mut self, card: u32, mark: Mark) {
        self.marks.entry(card).or_default().push(mark);
        self.marked.entry(self.root(card)).or_default().insert(mark);
    }

    /// Did somebody decide that a member of one group is not the same as one of the other?
    pub(super) fn is_forbidden(&self, left: u32, right: u32) -> bool {
        let Some((ours, theirs)) = self.marked.get(&left).zip(self.marked.get(&right)) else { return false };
        let (few, many) = if ours.len() < theirs.len() { (ours, theirs) } else { (theirs, ours) };
        few.iter().any(|(mark, side)| many.contains(&(*mark, !side)))
    }

    /// Did somebody decide so of these two cards?
    fn are_apart(&self, (one, other): (u32, u32)) -> bool {
        let Some((ours, theirs)) = self.marks.get(&one).zip(self.marks.get(&other)) else { return false };
        ours.iter().any(|(mark, side)| theirs.contains(&(*mark, !side)))
    }

    /// The cards of a pair, the smaller first: an order that does not depend on positions.
    pub(super) fn order(&self, (one, other): (u32, u32)) -> (Option<&'a Card>, Option<&'a Card>) {
        let (one, other) = (self.card(one), self.card(other));
        if one <= other { (one, other) } else { (other, one) }
    }

    pub(super) fn root(&self, card: u32) -> u32 {
        // The members of a group all point at its root.
        usize::try_from(card).ok().and_then(|at| self.parent.get(at)).copied().unwrap_or(card)
    }

    pub(super) fn of(&self, root: u32) -> &[u32] {
        let alone = || usize::try_from(root).ok().and_then(|at| self.alone.get(at..=at)).unwrap_or_default();
        self.members.get(&root).map_or_else(alone, Vec::as_slice)
    }

    pub(super) fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        if one == other || self.card(one).is_none() || self.card(other).is_none() {
            return;
        }
        let (keep, gone) = if self.of(one).len() >= self.of(other).len() { (one, other) } else { (other, one) };
        if self.in_order && self.of(keep).len() + self.of(gone).len() > LOOKED_AT {
            let mut some = self.some_of(keep);
            some.extend(self.some_of(gone));
            some.sort_by(|one, other| self.compared(*one, *other));
            self.looked.remove(&gone);
            self.looked.insert(keep, self.telling(&some));
        }
        let moved = self.members.remove(&gone).unwrap_or_else(|| vec![gone]);
        for card in &moved {
            if let Some(parent) = usize::try_from(*card).ok().and_then(|at| self.parent.get_mut(at)) {
                *parent = keep;
            }
        }
        let mut all = self.members.remove(&keep).unwrap_or_else(|| vec![keep]);
        if self.in_order {
            // The smaller group goes into the larger.
            for card in moved {
                let place = all.partition_point(|known| self.compared(*known, card).is_lt());
                all.insert(place, card);
            }
        } else {
            all.extend(moved);
        }
        self.members.insert(keep, all);
        if let Some(gone) = self.marked.remove(&gone) {
            let kept = self.marked.entry(keep).or_default();
            if kept.len() < gone.len() {
                let few = std::mem::replace(kept, gone);
                kept.extend(few);
            } else {
                kept.extend(gone);
            }
        }
    }

    /// Puts the members of each group in an order that does not depend on positions, once for all that is settled.
    pub(super) fn put_in_order(&mut self) {
        let mut members = std::mem::take(&mut self.members);
        for group in members.values_mut() {
            group.sort_by(|one, other| self.compared(*one, *other));
        }
        (self.members, self.in_order) = (members, true);
    }

    fn compared(&self, one: u32, other: u32) -> std::cmp::Ordering {
        self.card(one).cmp(&self.card(other)).then(one.cmp(&other))
    }

    /// Joins the groups of a pair, if they fit. `certain`: a number that names one person needs no group that fits, as
    /// long as no two logins contradict.
    pub(super) fn join(&mut self, (one, other): (u32, u32), certain: bool) -> Joined {
        let (left, right) = (self.root(one), self.root(other));
        if left == right {
            return Joined::Already;
        }
        if self.is_forbidden(left, right) {
            return Joined::Forbidden;
        }
        let (ours, theirs) = (self.some_of(left), self.some_of(right));
        let mut tally = Tally::between(self.model, ours.len(), theirs.len());
        for one in &ours {
            for other in &theirs {
                if let Some(glance) = self.glance(*one, *other) {
                    tally.add(glance);
                }
            }
        }
        let excused = tally.names_two() && (self.is_mixed(&ours) || self.is_mixed(&theirs));
        match tally.shape(excused) {
            Shape::Stops { .. } if certain && !tally.logins() => {
                self.unite(left, right);
                Joined::Now
            }
            Shape::Fits { .. } => {
                self.unite(left, right);
                Joined::Now
            }
            Shape::Stops { .. } => Joined::Stopped,
        }
    }

    /// Of the doubtful pairs between two groups the strongest, as questions are ranked that wait already: of as much by what the levels of
    /// agreement say. None within one group.
    pub(super) fn one_per_pair_of_groups(&self, doubtful: Vec<Review>) -> Vec<Review> {
        let mut places: HashMap<(u32, u32), usize> = HashMap::new();
        let mut reviews: Vec<Review> = Vec::new();
        for review in doubtful {
            let (one, other) = (self.root(review.pair.0), self.root(review.pair.1));
            if one == other || self.are_apart(review.pair) {
                continue;
            }
            let place = *places.entry((one.min(other), one.max(other))).or_insert(reviews.len());
            match reviews.get_mut(place) {
                Some(known) if review.waterfall.ranked(&known.waterfall).is_lt() => *known = review,
                Some(_) => {}
                None => reviews.push(review),
            }
        }
        reviews
    }

    pub(super) fn groups(mut self) -> Vec<Vec<u32>> {
        let roots: Vec<u32> = self.alone.iter().copied().filter(|at| self.root(*at) == *at).collect();
        let mut groups: Vec<Vec<u32>> =
            roots.into_iter().map(|root| self.members.remove(&root).unwrap_or_else(|| vec![root])).collect();
        groups.iter_mut().for_each(|members| members.sort_unstable());
        groups.sort_unstable_by_key(|members| members.first().copied());
        groups
    }
}
