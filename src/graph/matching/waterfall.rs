//! [`Waterfall`]: why two records are, or are not, one person. Levels and weights only, never a value.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Field, Level, Veto};

/// A weight of evidence in thousandths of a bit (log2 of odds). Whole numbers, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bits(pub i32);

impl Bits {
    /// From bits, rounded to thousandths.
    #[must_use]
    pub fn of(bits: f64) -> Self {
        // Beyond two million bits nothing is meant; the cast saturates.
        #[allow(clippy::cast_possible_truncation, reason = "a cast from float to integer saturates")]
        Self((bits * 1000.0).round() as i32)
    }

    /// In bits.
    #[must_use]
    pub fn bits(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl std::ops::Add for Bits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Bits {
    fn sum<I: Iterator<Item = Self>>(bits: I) -> Self {
        bits.fold(Self(0), |sum, next| sum + next)
    }
}

/// What one comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was compared.
    pub field: Field,
    /// How well it agrees.
    pub level: Level,
    /// What that is worth by the model.
    pub weight: Bits,
    /// What is added because the value is rare, or taken because it is frequent.
    pub frequency: Bits,
}

/// The sum of the evidence, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waterfall {
    /// The version of the model.
    pub model: u32,
    /// Before anything is compared.
    pub prior: Bits,
    /// Every comparison that says something, always in the same order.
    pub steps: Vec<Step>,
    /// Prior and steps together.
    pub total: Bits,
    /// What follows.
    pub verdict: Verdict,
}

impl Waterfall {
    /// As it is stored: words and weights.
    #[must_use]
    pub fn text(&self) -> String {
        // A struct of words, numbers and lists: writing it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Which of two doubtful pairs is asked about first: that which is more alike, and of as much by what the levels of agreement say. What
    /// came first is no matter.
    #[must_use]
    pub fn ranked(&self, other: &Self) -> std::cmp::Ordering {
        let by_text = || if self == other { std::cmp::Ordering::Equal } else { self.text().cmp(&other.text()) };
        other.total.cmp(&self.total).then_with(by_text)
    }

    /// Do the two clearly name different people: other given names, other birth dates, senior and junior, twins, a person and a
    /// firm? What else agrees does not count here.
    #[must_use]
    pub fn contradicts(&self) -> bool {
        let names = |step: &Step| matches!(step.field, Field::GivenName | Field::BirthDate | Field::Generation);
        let different = |step: &Step| names(step) && step.level == Level::Different;
        self.steps.iter().any(different)
            || matches!(self.verdict, Verdict::Veto(Veto::PersonAndOrganisation | Veto::GivenNames))
    }
}

impl Waterfall {
    /// Do both tell a name, and none that the two could have in common?
    #[must_use]
    pub fn names_differ(&self) -> bool {
        let names = |step: &&Step| matches!(step.field, Field::GivenName | Field::FamilyName);
        let mut compared = self.steps.iter().filter(names).peekable();
        compared.peek().is_some() && compared.all(|step| step.weight < Bits(0))
    }

    /// Do both give a name, and one that may be the same person's?
    #[must_use]
    pub fn names_alike(&self) -> bool {
        self.steps.iter().any(|step| step.field == Field::GivenName && step.weight > Bits(0))
    }
}

/// What follows from a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MatchVerdict)]
pub enum Verdict {
    /// One person.
    Join,
    /// Perhaps one person: somebody should look.
    Review,
    /// Nothing says that they are one person.
    Apart,
    /// Something says that they are not, whatever the total.
    Veto(Veto),
}
