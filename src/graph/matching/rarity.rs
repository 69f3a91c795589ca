//! What an agreement is worth more or less than usual, because the value is rare or shared by many.

use super::card::Card;
use super::model::Other;
use super::score::Tally;
use super::{Bits, Field, Level, Step, TermKind, compare, frequent};

/// How many records somebody has, roughly.
pub(super) const EACH: f64 = 2.8;

impl Tally<'_> {
    /// What a shared value is worth more or less than an average one of its kind.
    pub(super) fn rarity(&self, kind: TermKind, value: &str) -> Bits {
        let rarity = &self.model.written.rarity;
        let typical = match kind {
            TermKind::GivenName => rarity.given_name,
            TermKind::FamilyName => rarity.family_name,
            TermKind::Town => rarity.town,
            TermKind::PostalCode => rarity.postal_code,
            TermKind::Building => rarity.building,
            TermKind::Company => rarity.company,
            TermKind::BirthDate => rarity.birth_date,
            TermKind::Mailbox | TermKind::Phone | TermKind::Handle => return Bits(0),
        };
        let listed = if kind == TermKind::FamilyName { frequent::family_name(value) } else { None };
        let expected = listed.unwrap_or_else(|| (-typical).exp2());
        let known = f64::from(rarity.weight);
        let share = match self.frequencies.others(kind, value) {
            Some(others) => (others + known * expected) / (self.frequencies.records() + known),
            None => expected,
        };
        Bits::of((-share.log2() - typical).min(rarity.most))
    }

    /// A building with many people is a tower block or a firm; a few are one household.
    pub(super) fn crowded(&self, building: &str) -> Bits {
        const HOUSEHOLD: f64 = 5.0;
        let crowded = self.frequencies.others(TermKind::Building, building).is_some_and(|others| others > HOUSEHOLD);
        if crowded { self.rarity(TermKind::Building, building).min(Bits(0)) } else { Bits(0) }
    }

    pub(super) fn agrees(&self, field: Field) -> bool {
        self.steps.iter().any(|step| step.field == field && step.weight.0 > 0)
    }

    /// What is taken from a mailbox or handle that is made of the name: all but the way it is written where the names
    /// are compared already, else as much as the name is frequent.
    pub(super) fn named_anyway(&self, field: Field, level: Level, named: bool, (one, other): (&Card, &Card)) -> Bits {
        if named {
            return Bits(-self.model.weight(Other::Stranger, field, level).0 * 3 / 4);
        }
        let rarest = |kind, names: &[&str]| names.iter().map(|name| self.rarity(kind, name)).min().unwrap_or_default();
        let given: Vec<&str> = one.given.iter().chain(&other.given).map(String::as_str).collect();
        let families: Vec<String> = [one, other].map(|card| compare::family_key(&card.family)).into();
        let families: Vec<&str> = families.iter().map(String::as_str).filter(|family| !family.is_empty()).collect();
        let rare = rarest(TermKind::GivenName, &given) + rarest(TermKind::FamilyName, &families);
        let names = |step: &&Step| matches!(step.field, Field::GivenName | Field::FamilyName) && step.weight.0 > 0;
        let told: Bits = self.steps.iter().filter(names).map(|step| step.weight + step.frequency).sum();
        Bits((rare.0 - told.0 - 1_500).min(0))
    }

    /// Of the given names both have, the rarest.
    pub(super) fn rarest_given(&self, one: &Card, other: &Card) -> Bits {
        let shared = one.given.iter().filter(|name| other.given.contains(name));
        shared.map(|name| self.rarity(TermKind::GivenName, name)).max().unwrap_or_default()
    }

    /// A mailbox or phone that many people hold is nobody's own: it is worth no more than its share.
    pub(super) fn generic(&mut self, kind: TermKind, value: &str, field: Field, level: Level) -> Bits {
        /// So many more at home may use it, or seem to be others because they are misspelt.
        const OWN: f64 = 3.0;
        self.gather(kind, value);
        let others = self.frequencies.others(kind, value).unwrap_or(0.0);
        if others <= OWN {
            return Bits(0);
        }
        let worth = Bits::of((self.frequencies.records() / (others * EACH)).log2().max(0.0));
        Bits((worth.0 - self.model.weight(Other::Stranger, field, level).0).min(0))
    }

    pub(super) fn gather(&mut self, kind: TermKind, value: &str) {
        let others = self.frequencies.others(kind, value).unwrap_or(0.0);
        self.crowd = self.crowd.max((others / 2.0).max(1.0).log2());
    }
}
