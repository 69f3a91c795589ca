//! The shape of a group: two groups become one only if their members fit, not because one bridge is strong.

use super::{Bits, Card, Field, Model, TermFrequencies, Verdict, Veto, Waterfall};

/// Members of a group that are looked at.
pub(super) const MEMBERS: usize = 12;
/// A pair this far below the threshold of review is clearly two people.
const CLEARLY: i32 = 4_000;

/// Whether two groups may become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They fit.
    Fits {
        /// The mean weight between their members.
        mean: Bits,
    },
    /// Too much speaks against it: for review.
    Stops {
        /// Pairs that were compared.
        pairs: u32,
        /// Pairs with a veto.
        vetoes: u32,
        /// Pairs that are clearly two people.
        negative: u32,
        /// The mean weight between their members.
        mean: Bits,
    },
}

impl Model {
    /// Looks at two groups before they become one: at most 12 members of each, the first ones; so pass them in an order
    /// that does not depend on arrival.
    #[must_use]
    pub fn guard(&self, one: &[&Card], other: &[&Card], frequencies: &TermFrequencies) -> Shape {
        let mut tally = Tally::default();
        for one in one.iter().take(MEMBERS) {
            for other in other.iter().take(MEMBERS) {
                let waterfall = self.score(one, other, frequencies);
                tally.add(self, &waterfall);
            }
        }
        tally.shape()
    }
}

/// What the pairs between two groups say.
#[derive(Default)]
pub(super) struct Tally {
    pairs: u32,
    vetoes: u32,
    negative: u32,
    logins: u32,
    /// Pairs that name different people, and are not clearly one all the same.
    opposed: u32,
    sum: i64,
}

impl Tally {
    /// Do two verified logins at one source differ?
    pub(super) fn logins(&self) -> bool {
        self.logins > 0
    }

    pub(super) fn add(&mut self, model: &Model, waterfall: &Waterfall) {
        // One mailbox is enough for a record without a name to be a husband's as well as his wife's; they are not one for it.
        self.opposed += u32::from(waterfall.contradicts() && waterfall.total < model.join_at());
        // Two records that have nothing in common to compare do not speak against each other.
        let contradicts =
            waterfall.steps.iter().any(|step| step.field != Field::Household && step.weight.0 <= -CLEARLY / 2);
        let low = waterfall.total.0 < model.review_at().0 - CLEARLY;
        self.pairs += 1;
        self.vetoes += u32::from(matches!(waterfall.verdict, Verdict::Veto(_)));
        self.logins += u32::from(waterfall.verdict == Verdict::Veto(Veto::Logins));
        self.negative += u32::from(low && contradicts);
        self.sum += i64::from(waterfall.total.0);
    }

    pub(super) fn shape(&self) -> Shape {
        let Self { pairs, vetoes, negative, opposed, sum, .. } = *self;
        let mean = Bits(i32::try_from(sum / i64::from(pairs.max(1))).unwrap_or_default());
        if vetoes > 0 || negative * 5 > pairs * 2 || opposed * 3 > pairs {
            Shape::Stops { pairs, vetoes, negative, mean }
        } else {
            Shape::Fits { mean }
        }
    }
}
