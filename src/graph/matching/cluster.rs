//! Groups of many cards at once, independent of their order.

use std::sync::atomic::AtomicUsize;

use super::leaning::leaning;
use super::run::{Joined, Run};
use super::unclear::unclear;
use super::weigh::weigh;
use super::{Card, Field, Level, Model, TermFrequencies, Verdict, Waterfall};

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
    let open = unclear(&run, &scored);
    scored.sort_by(|(one, weight), (other, others)| {
        others.cmp(weight).then_with(|| run.order(*one).cmp(&run.order(*other)))
    });
    let mut result = Clustering { fellows, ..Clustering::default() };
    let mut doubtful = Vec::new();
    for (pair, _) in scored {
        // Weighed again: to keep all the steps of all pairs would take more room than the cards.
        let Some(waterfall) = run.score(pair) else { continue };
        match waterfall.verdict {
            Verdict::Join if open.contains(&pair) => {
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
