//! Groups of many cards at once, independent of their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::guard::{MEMBERS, Tally};
use super::{Card, Field, Level, Model, Shape, TermFrequencies, Verdict, Waterfall};

/// What is settled before anything is compared. Positions in the list of cards.
#[derive(Clone, Debug, Default)]
pub struct Bonds {
    /// Pairs that are one person by a rule or by somebody's decision.
    pub together: Vec<(u32, u32)>,
    /// Pairs somebody marked as not the same.
    pub apart: Vec<(u32, u32)>,
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
}

/// Makes groups of `cards`. `pairs` are those that share a blocking key; positions beyond the list are passed over.
///
/// The strongest pair is joined first, then the next, as long as the groups fit. Equal weights are ordered by what the
/// cards hold, so the same cards and pairs in another order give the same groups.
#[must_use]
pub fn cluster(
    model: &Model,
    frequencies: &TermFrequencies,
    cards: &[&Card],
    pairs: &[(u32, u32)],
    bonds: &Bonds,
) -> Clustering {
    let mut run = Run::new(model, frequencies, cards);
    for (one, other) in &bonds.apart {
        run.apart.extend([(*one, *other), (*other, *one)]);
    }
    for (one, other) in &bonds.together {
        run.unite(*one, *other);
    }
    let mut candidates: Vec<(u32, u32)> = pairs.iter().map(|(one, other)| (*one.min(other), *one.max(other))).collect();
    candidates.retain(|(one, other)| one != other && run.card(*other).is_some());
    candidates.sort_unstable();
    candidates.dedup();
    let mut scored: Vec<((u32, u32), Waterfall)> = candidates
        .into_iter()
        .filter_map(|pair| Some((pair, run.score(pair)?)))
        .filter(|(_, waterfall)| waterfall.total >= model.review_at())
        .collect();
    scored.sort_by_cached_key(|(pair, waterfall)| (-waterfall.total.0, run.order(*pair)));
    let mut result = Clustering::default();
    let mut doubtful = Vec::new();
    for (pair, waterfall) in scored {
        match waterfall.verdict {
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

/// Groups the neighbourhood of one arriving record anew: the record, those it shares a blocking key with, and all that are
/// grouped with these; a few dozen cards. All are compared with all, so a late record may join two groups or, by veto,
/// part what was joined before it came. Doing so at every arrival leaves hardly anything of the order of arrival.
#[must_use]
pub fn repair(model: &Model, frequencies: &TermFrequencies, cards: &[&Card], bonds: &Bonds) -> Clustering {
    let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
    let pairs: Vec<(u32, u32)> = (0..count).flat_map(|other| (0..other).map(move |one| (one, other))).collect();
    cluster(model, frequencies, cards, &pairs, bonds)
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

struct Run<'a> {
    model: &'a Model,
    frequencies: &'a TermFrequencies,
    cards: &'a [&'a Card],
    parent: Vec<u32>,
    members: HashMap<u32, Vec<u32>>,
    apart: BTreeSet<(u32, u32)>,
}

impl<'a> Run<'a> {
    fn new(model: &'a Model, frequencies: &'a TermFrequencies, cards: &'a [&'a Card]) -> Self {
        let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
        Self {
            model,
            frequencies,
            cards,
            parent: (0..count).collect(),
            members: (0..count).map(|card| (card, vec![card])).collect(),
            apart: BTreeSet::new(),
        }
    }

    fn card(&self, at: u32) -> Option<&'a Card> {
        self.cards.get(usize::try_from(at).ok()?).copied()
    }

    fn score(&self, (one, other): (u32, u32)) -> Option<Waterfall> {
        Some(self.model.score(self.card(one)?, self.card(other)?, self.frequencies))
    }

    /// The cards of a pair, the smaller first: an order that does not depend on positions.
    fn order(&self, (one, other): (u32, u32)) -> (Option<&'a Card>, Option<&'a Card>) {
        let (one, other) = (self.card(one), self.card(other));
        if one <= other { (one, other) } else { (other, one) }
    }

    fn root(&self, card: u32) -> u32 {
        // The members of a group all point at its root.
        usize::try_from(card).ok().and_then(|at| self.parent.get(at)).copied().unwrap_or(card)
    }

    fn of(&self, root: u32) -> &[u32] {
        self.members.get(&root).map_or(&[], Vec::as_slice)
    }

    fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        if one == other || self.card(one).is_none() || self.card(other).is_none() {
            return;
        }
        let (keep, gone) = if self.of(one).len() >= self.of(other).len() { (one, other) } else { (other, one) };
        let moved = self.members.remove(&gone).unwrap_or_default();
        for card in &moved {
            if let Some(parent) = usize::try_from(*card).ok().and_then(|at| self.parent.get_mut(at)) {
                *parent = keep;
            }
        }
        let mut all = self.members.remove(&keep).unwrap_or_default();
        all.extend(moved);
        all.sort_by(|one, other| self.card(*one).cmp(&self.card(*other)).then(one.cmp(other)));
        self.members.insert(keep, all);
    }

    /// Joins the groups of a pair, if they fit. `certain`: a number that names one person needs no group that fits, as
    /// long as no two logins contradict.
    fn join(&mut self, (one, other): (u32, u32), certain: bool) -> Joined {
        let (left, right) = (self.root(one), self.root(other));
        if left == right {
            return Joined::Already;
        }
        let marked = |(one, other): (&u32, &u32)| self.apart.contains(&(*one, *other));
        let forbidden = !self.apart.is_empty()
            && self.of(left).iter().any(|one| self.of(right).iter().any(|other| marked((one, other))));
        if forbidden {
            return Joined::Forbidden;
        }
        let mut tally = Tally::default();
        for one in self.of(left).iter().take(MEMBERS) {
            for other in self.of(right).iter().take(MEMBERS) {
                if let Some(waterfall) = self.score((*one, *other)) {
                    tally.add(self.model, &waterfall);
                }
            }
        }
        let cards = |root: u32| self.of(root).iter().filter_map(|at| self.card(*at)).collect::<Vec<_>>();
        let mixed = |root: u32| self.model.is_mixed(&cards(root), self.frequencies);
        let excused = tally.names_two() && (mixed(left) || mixed(right));
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

    /// Of the doubtful pairs between two groups the strongest; none within one group.
    fn one_per_pair_of_groups(&self, doubtful: Vec<Review>) -> Vec<Review> {
        let mut seen = BTreeSet::new();
        let mut reviews = doubtful;
        reviews.retain(|review| {
            let (one, other) = (self.root(review.pair.0), self.root(review.pair.1));
            one != other && !self.apart.contains(&review.pair) && seen.insert((one.min(other), one.max(other)))
        });
        reviews
    }

    fn groups(self) -> Vec<Vec<u32>> {
        let sorted = self.members.into_values().map(|mut members| {
            members.sort_unstable();
            (members.first().copied().unwrap_or_default(), members)
        });
        sorted.collect::<BTreeMap<_, _>>().into_values().collect()
    }
}
