//! The shape of a group: two groups become one only if their members fit, not because one bridge is strong.

use super::looked::telling;
use super::{Bits, Card, Field, Level, Model, Step, TermFrequencies, Verdict, Veto, Waterfall, compare};

/// A pair this far below the threshold of review is clearly two people.
const CLEARLY: i32 = 4_000;

/// A field agrees that says more than this for one person.
const AGREES: i32 = 2_500;

/// Whether two groups may become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They fit.
    Fits {
        /// The mean weight of the pairs between them that have more to compare than names; none if there is no such pair.
        mean: Option<Bits>,
    },
    /// Too much speaks against it: for review.
    Stops {
        /// Pairs that were compared.
        pairs: u32,
        /// Pairs with a veto.
        vetoes: u32,
        /// Pairs that are clearly two people.
        negative: u32,
        /// As above.
        mean: Option<Bits>,
    },
}

impl Model {
    /// Looks at two groups before they become one: of each at those who tell most (see [`telling`]), in whatever order they are.
    #[must_use]
    pub fn guard(&self, one: &[&Card], other: &[&Card], frequencies: &TermFrequencies) -> Shape {
        let (one, other) = (telling(one, frequencies), telling(other, frequencies));
        let mut tally = Tally::between(self, one.len(), other.len());
        for one in &one {
            for other in &other {
                tally.add(Glance::of(self, [one, other], &self.score(one, other, frequencies)));
            }
        }
        let excused = tally.names_two() && (self.is_mixed(&one, frequencies) || self.is_mixed(&other, frequencies));
        tally.shape(excused)
    }

    /// Does a group name different people already? What joined them all the same, a number say, shows that the names in it
    /// say little.
    fn is_mixed(&self, group: &[&Card], frequencies: &TermFrequencies) -> bool {
        let names_two = |one: &Card, other: &Card| self.score(one, other, frequencies).contradicts();
        group.iter().enumerate().any(|(at, one)| group.iter().take(at).any(|other| names_two(one, other)))
    }
}

/// What of a pair counts for the shape of a group.
#[derive(Clone, Copy)]
pub(super) struct Glance {
    total: i32,
    /// Is there more to compare than names?
    solid: bool,
    veto: bool,
    logins: bool,
    negative: bool,
    /// Do both tell who they are, and not contact points and logins alone?
    telling: bool,
    opposed: bool,
    named: bool,
    births: Vote,
    givens: Vote,
    /// Do they name different people?
    pub(super) contradicts: bool,
}

impl Glance {
    pub(super) fn of(model: &Model, pair: [&Card; 2], waterfall: &Waterfall) -> Self {
        let contradicts = waterfall.contradicts();
        // Two records that have nothing in common to compare do not speak against each other.
        let against =
            waterfall.steps.iter().any(|step| step.field != Field::Household && step.weight.0 <= -CLEARLY / 2);
        let low = waterfall.total.0 < model.review_at().0 - CLEARLY;
        let different = |step: &Step| (step.field, step.level) == (Field::GivenName, Level::Different);
        Self {
            total: waterfall.total.0,
            solid: waterfall.steps.iter().any(says_more_than_a_name),
            veto: matches!(waterfall.verdict, Verdict::Veto(_)),
            logins: waterfall.verdict == Verdict::Veto(Veto::Logins),
            negative: low && against,
            telling: pair.iter().all(|card| card.tells_who()),
            // One mailbox is enough for a record without a name to be a husband's as well as his wife's; they are not one
            // for it.
            opposed: contradicts && waterfall.total < model.join_at(),
            named: waterfall.steps.iter().any(different),
            births: Vote::of(waterfall, Veto::BirthDates, |step| {
                step.field == Field::BirthDate && step.weight.0 > AGREES
            }),
            // An initial is that of many names, and a short form of a man's and a woman's is either's: they speak for neither.
            givens: Vote::of(waterfall, Veto::GivenNames, |step| {
                let same = matches!(step.level, Level::Same | Level::Similar);
                let short =
                    || step.level == Level::Nickname && !pair.iter().any(|card| compare::is_either(&card.given));
                step.field == Field::GivenName && (same || short())
            }),
            contradicts,
        }
    }
}

/// What pairs say of one field: how many agree in it, and to how many it is a veto.
#[derive(Clone, Copy, Default)]
struct Vote {
    agree: u32,
    vetoes: u32,
}

impl Vote {
    fn of(waterfall: &Waterfall, veto: Veto, agrees: impl FnMut(&Step) -> bool) -> Self {
        let agrees = waterfall.steps.iter().any(agrees);
        Self { agree: agrees.into(), vetoes: (waterfall.verdict == Verdict::Veto(veto)).into() }
    }

    fn add(&mut self, other: Self) {
        self.agree += other.agree;
        self.vetoes += other.vetoes;
    }

    /// Do three pairs agree for every two of which it is a veto? Then a slip in one record is likelier than a second person.
    const fn is_outvoted(self) -> bool {
        self.vetoes * 3 <= self.agree * 2
    }
}

fn says_more_than_a_name(step: &Step) -> bool {
    use Field::{Address, BirthDate, Handle, Mailbox, Number, Phone};
    matches!(step.field, Address | BirthDate | Handle | Mailbox | Number | Phone)
}

/// What the pairs between two groups say.
pub(super) struct Tally {
    /// What their mean must be worth, if there are several records on both sides: one bridge does not join two people, however
    /// strong it is, between whose records else little agrees.
    least: Option<i32>,
    pairs: u32,
    vetoes: u32,
    negative: u32,
    logins: u32,
    /// Pairs of which both tell who they are.
    telling: u32,
    /// Pairs that name different people, and are not clearly one all the same. Those alone are held against them that tell who they are:
    /// two who are named are not one for any number of records that name nobody.
    opposed: u32,
    /// Of all these, those whose given names are different: pairs, vetoes and clearly two people.
    named: (u32, u32, u32),
    /// What all pairs say of birth dates and of given names.
    births: Vote,
    givens: Vote,
    /// Pairs with more to compare than names, and the sum of their weights.
    solid: (i32, i64),
}

impl Tally {
    /// A tally between groups of so many records.
    pub(super) fn between(model: &Model, ours: usize, theirs: usize) -> Self {
        let half_way = i32::midpoint(model.review_at().0, model.join_at().0);
        Self {
            least: (ours > 1 && theirs > 1).then_some(half_way),
            pairs: 0,
            vetoes: 0,
            negative: 0,
            logins: 0,
            telling: 0,
            opposed: 0,
            named: (0, 0, 0),
            births: Vote::default(),
            givens: Vote::default(),
            solid: (0, 0),
        }
    }

    /// Do two verified logins at one source differ?
    pub(super) fn logins(&self) -> bool {
        self.logins > 0
    }

    pub(super) fn add(&mut self, glance: Glance) {
        let (veto, negative) = (u32::from(glance.veto), u32::from(glance.negative));
        self.telling += u32::from(glance.telling);
        self.opposed += u32::from(glance.opposed);
        self.pairs += 1;
        self.vetoes += veto;
        self.logins += u32::from(glance.logins);
        self.negative += negative;
        self.births.add(glance.births);
        self.givens.add(glance.givens);
        if glance.named {
            let (pairs, vetoes, negatives) = self.named;
            self.named = (pairs + 1, vetoes + veto, negatives + negative);
        }
        if glance.solid {
            let (pairs, sum) = self.solid;
            self.solid = (pairs + 1, sum + i64::from(glance.total));
        }
    }

    /// Are there pairs with different given names?
    pub(super) fn names_two(&self) -> bool {
        self.named.0 > 0
    }

    fn mean(&self) -> Option<Bits> {
        let (pairs, sum) = self.solid;
        let mean = i32::try_from(sum.checked_div(pairs.into())?).ok()?;
        Some(Bits(mean))
    }

    /// Whether the groups fit; `excused`: pairs with different given names do not count, as long as there are others.
    pub(super) fn shape(&self, excused: bool) -> Shape {
        let Self { pairs, vetoes, negative, telling, opposed, named, .. } = *self;
        let mean = self.mean();
        let loose = self.least.zip(mean).is_some_and(|(least, mean)| mean.0 < least);
        let excused = excused && named.0 < pairs;
        let without = |all: u32, named: u32| if excused { all - named } else { all };
        let (counted, vetoes, negative) =
            (without(pairs, named.0), without(vetoes, named.1), without(negative, named.2));
        // One birth date with a slip in it must not keep ten records apart that have the right one.
        let outvoted = self.births.is_outvoted() && self.givens.is_outvoted();
        let vetoed = vetoes > 0 && !(outvoted && self.vetoes == self.births.vetoes + self.givens.vetoes);
        let half = |some: u32, of: u32| some > 0 && some * 2 >= of;
        if loose || vetoed || half(negative, counted) || (!excused && half(opposed, telling)) {
            Shape::Stops { pairs, vetoes, negative, mean }
        } else {
            Shape::Fits { mean }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(total: i32, solid: bool) -> Glance {
        Glance {
            total,
            solid,
            veto: false,
            logins: false,
            negative: false,
            telling: true,
            opposed: false,
            named: false,
            births: Vote::default(),
            givens: Vote::default(),
            contradicts: false,
        }
    }

    /// Groups of three whose pairs have this to say of birth dates; the vetoes are of birth dates or of logins.
    fn voted(agree: usize, vetoes: usize, logins: bool) -> bool {
        let mut tally = Tally::between(&Model::shipped(), 3, 3);
        for at in 0..9 {
            let (agrees, veto) = (at < agree, at >= 9 - vetoes);
            let births = Vote { agree: agrees.into(), vetoes: (veto && !logins).into() };
            tally.add(Glance { births, veto, logins: veto && logins, ..seen(5_000, true) });
        }
        matches!(tally.shape(false), Shape::Fits { .. })
    }

    #[test]
    fn a_veto_is_outvoted_by_pairs_that_agree_in_the_same_field() {
        assert!(voted(6, 3, false) && voted(3, 2, false) && voted(0, 0, false));
        // A father and a son: two dates, and nobody else tells one.
        assert!(!voted(0, 1, false) && !voted(2, 2, false) && !voted(4, 3, false));
        // Who has a login has no other, whatever agrees.
        assert!(!voted(8, 1, true));
    }

    fn shape((ours, theirs): (usize, usize), totals: [i32; 4], names_alone: &[i32]) -> Shape {
        let mut tally = Tally::between(&Model::shipped(), ours, theirs);
        totals.into_iter().for_each(|total| tally.add(seen(total, true)));
        names_alone.iter().for_each(|total| tally.add(seen(*total, false)));
        tally.shape(false)
    }

    #[test]
    fn one_bridge_between_groups_that_agree_in_little_else_does_not_join_them() {
        assert_eq!(shape((2, 2), [9_000, 0, 0, -1_000], &[]), Shape::Fits { mean: Some(Bits(2_000)) });
        let loose = shape((2, 2), [9_000, 0, 0, -2_000], &[]);
        assert_eq!(loose, Shape::Stops { pairs: 4, vetoes: 0, negative: 0, mean: Some(Bits(1_750)) });
        // A single record has one bridge to most people.
        assert!(matches!(shape((1, 4), [9_000, 0, 0, -2_000], &[]), Shape::Fits { .. }));
        // Records with nothing but a name to compare say nothing of it.
        assert!(matches!(shape((3, 2), [9_000, 0, 0, -1_000], &[-9_000, -9_000]), Shape::Fits { .. }));
    }
}
