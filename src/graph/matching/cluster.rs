//! Groups of many cards at once, independent of their order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::AtomicUsize;

use super::guard::{Glance, Tally};
use super::looked::{LOOKED_AT, looked_at};
use super::unclear::{Unclear, leaning, unclear};
use super::weigh::weigh;
use super::{Bits, Card, Field, Level, Model, Shape, TermFrequencies, Verdict, Waterfall};

/// What is settled before anything is compared. Positions in the list of cards.
#[derive(Clone, Debug, Default)]
pub struct Bonds {
    /// Pairs that are one person because somebody decided so.
    pub decided: Vec<(u32, u32)>,
    /// Pairs that are one person by a rule, unless somebody decided otherwise.
    pub together: Vec<(u32, u32)>,
    /// Whom somebody marked as not the same: none of the one list is one person with any of the other.
    pub apart: Vec<(Vec<u32>, Vec<u32>)>,
    /// For each of those marks, in their order, those whom only comparing had joined with the one or the other. They keep to that side
    /// unless they are clearly of the other.
    pub leaning: Vec<(Vec<u32>, Vec<u32>)>,
}

/// A pair whose groups became one because of it.
#[derive(Clone, Debug)]
pub struct Join {
    /// The two records.
    pub pair: (u32, u32),
    /// Why.
    pub waterfall: Waterfall,
}

/// Why somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReviewReason {
    /// The evidence lies between the thresholds.
    Doubtful,
    /// The evidence of the pair is enough, but the groups do not fit.
    Shape,
    /// The evidence is enough, but a veto stands against it.
    Veto,
}

/// A pair somebody should look at.
#[derive(Clone, Debug)]
pub struct Review {
    /// The two records.
    pub pair: (u32, u32),
    /// Why.
    pub reason: ReviewReason,
    /// The evidence.
    pub waterfall: Waterfall,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub struct Clustering {
    /// The groups, each in ascending order, by their first members; records alone are groups of one.
    pub groups: Vec<Vec<u32>>,
    /// The joins that made them, strongest first.
    pub joins: Vec<Join>,
    /// What somebody should look at: one per pair of groups, the strongest, strongest first.
    pub reviews: Vec<Review>,
    /// How many other records one has of the same person, on average; none: too few to tell.
    pub fellows: Option<f64>,
}

/// Makes groups of `cards`. `pairs` are those that share a blocking key; positions beyond the list are passed over.
///
/// The strongest pair is joined first, then the next, as long as the groups fit. Equal weights are ordered by what the
/// cards hold, so the same cards and pairs in another order give the same groups. How often two records are one person's is
/// found out first, and noted in `frequencies`.
#[must_use]
pub fn cluster(
    model: &Model,
    frequencies: &mut TermFrequencies,
    cards: &[&Card],
    pairs: Vec<(u32, u32)>,
    bonds: &Bonds,
) -> Clustering {
    cluster_telling(model, frequencies, cards, pairs, (bonds, &AtomicUsize::new(0)))
}

/// As [`cluster`]; `weighed` counts the pairs that were weighed so far, for whoever waits.
#[must_use]
pub fn cluster_telling(
    model: &Model,
    frequencies: &mut TermFrequencies,
    cards: &[&Card],
    mut pairs: Vec<(u32, u32)>,
    (bonds, weighed): (&Bonds, &AtomicUsize),
) -> Clustering {
    for (one, other) in &mut pairs {
        (*one, *other) = (*one.min(other), *one.max(other));
    }
    pairs.retain(|(one, other)| one != other && usize::try_from(*other).is_ok_and(|other| other < cards.len()));
    pairs.sort_unstable();
    pairs.dedup();
    let (mut scored, fellows) = weigh(model, frequencies, cards, pairs, weighed);
    let mut run = Run::new(model, frequencies, cards);
    for (mark, (ones, others)) in (0..).zip(&bonds.apart) {
        ones.iter().for_each(|at| run.mark(*at, (mark, false)));
        others.iter().for_each(|at| run.mark(*at, (mark, true)));
    }
    for (one, other) in &bonds.decided {
        run.unite(*one, *other);
    }
    for (one, other) in &bonds.together {
        if !run.is_forbidden(run.root(*one), run.root(*other)) {
            run.unite(*one, *other);
        }
    }
    run.put_in_order();
    for (mark, side, at) in leaning(&run, bonds, &scored) {
        run.lean(at, (u32::try_from(mark).unwrap_or(u32::MAX), side));
    }
    let Unclear { neither, open } = unclear(&run, &scored);
    scored.sort_by(|(one, weight), (other, others)| {
        others.cmp(weight).then_with(|| run.order(*one).cmp(&run.order(*other)))
    });
    let mut result = Clustering { fellows, ..Clustering::default() };
    let mut doubtful = Vec::new();
    for (pair, _) in scored {
        // Weighed again: to keep all the steps of all pairs would take more room than the cards.
        let Some(waterfall) = run.score(pair) else { continue };
        match waterfall.verdict {
            Verdict::Join if neither.contains(&pair.0) != neither.contains(&pair.1) || open.contains(&pair) => {
                doubtful.push(Review { pair, reason: ReviewReason::Shape, waterfall });
            }
            Verdict::Join => match run.join(pair, names_one(&waterfall)) {
                Joined::Already => {}
                Joined::Now => result.joins.push(Join { pair, waterfall }),
                Joined::Stopped => doubtful.push(Review { pair, reason: ReviewReason::Shape, waterfall }),
                Joined::Forbidden => {}
            },
            Verdict::Veto(_) if waterfall.total >= model.join_at() => {
                doubtful.push(Review { pair, reason: ReviewReason::Veto, waterfall });
            }
            Verdict::Review => doubtful.push(Review { pair, reason: ReviewReason::Doubtful, waterfall }),
            Verdict::Veto(_) | Verdict::Apart => {}
        }
    }
    result.reviews = run.one_per_pair_of_groups(doubtful);
    result.groups = run.groups();
    result
}

/// Did both give a number that names one person?
fn names_one(waterfall: &Waterfall) -> bool {
    waterfall.steps.iter().any(|step| (step.field, step.level) == (Field::Number, Level::Same))
}

enum Joined {
    Now,
    Already,
    Stopped,
    Forbidden,
}

/// Which decision that two are not the same, and which of the two somebody is.
pub(super) type Mark = (u32, bool);

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
    fn new(model: &'a Model, frequencies: &'a TermFrequencies, cards: &'a [&'a Card]) -> Self {
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

    fn score(&self, (one, other): (u32, u32)) -> Option<Waterfall> {
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

    fn mark(&mut self, card: u32, mark: Mark) {
        self.marks.entry(card).or_default().push(mark);
        self.marked.entry(card).or_default().insert(mark);
    }

    /// A card of a group bears a mark.
    fn lean(&mut self, card: u32, mark: Mark) {
        self.marks.entry(card).or_default().push(mark);
        self.marked.entry(self.root(card)).or_default().insert(mark);
    }

    /// These cards, and all that are one with them.
    pub(super) fn with_their_groups(&self, cards: &HashSet<u32>) -> HashSet<u32> {
        cards.iter().flat_map(|at| self.of(self.root(*at))).copied().collect()
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
    fn order(&self, (one, other): (u32, u32)) -> (Option<&'a Card>, Option<&'a Card>) {
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

    fn unite(&mut self, one: u32, other: u32) {
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
    fn put_in_order(&mut self) {
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
    fn join(&mut self, (one, other): (u32, u32), certain: bool) -> Joined {
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
    fn one_per_pair_of_groups(&self, doubtful: Vec<Review>) -> Vec<Review> {
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

    fn groups(mut self) -> Vec<Vec<u32>> {
        let roots: Vec<u32> = self.alone.iter().copied().filter(|at| self.root(*at) == *at).collect();
        let mut groups: Vec<Vec<u32>> =
            roots.into_iter().map(|root| self.members.remove(&root).unwrap_or_else(|| vec![root])).collect();
        groups.iter_mut().for_each(|members| members.sort_unstable());
        groups.sort_unstable_by_key(|members| members.first().copied());
        groups
    }
}
