//! Groups of many cards at once, independent of their order.

use super::{Card, Model, TermFrequencies, Waterfall};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// What somebody should look at: one per pair of groups, the strongest.
    pub reviews: Vec<Review>,
}

/// Makes groups of `cards`. `pairs` are those that share a blocking key. The same cards and pairs in another order
/// give the same groups.
#[must_use]
pub fn cluster(
    model: &Model,
    frequencies: &TermFrequencies,
    cards: &[&Card],
    pairs: &[(u32, u32)],
    bonds: &Bonds,
) -> Clustering {
    let _ = (model, frequencies, pairs, bonds);
    let groups = (0..u32::try_from(cards.len()).unwrap_or(u32::MAX)).map(|card| vec![card]).collect();
    Clustering { groups, ..Clustering::default() }
}
