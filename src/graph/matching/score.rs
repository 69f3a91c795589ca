//! Scoring two cards.

use super::{Bits, Card, Model, TermFrequencies, Verdict, Waterfall};

impl Model {
    /// Compares two cards. The order of the two makes no difference.
    #[must_use]
    pub fn score(&self, one: &Card, other: &Card, frequencies: &TermFrequencies) -> Waterfall {
        let _ = (one, other, frequencies.records());
        let prior = Bits(0);
        Waterfall { model: self.version, prior, steps: Vec::new(), total: prior, verdict: Verdict::Apart }
    }
}
