//! Vetoes: what keeps two records apart whatever else agrees.

use super::card::{Card, Number};
use super::{Field, Level, Step, Veto, compare};
use crate::types::SourceNo;

/// What keeps them apart whatever else agrees.
pub(super) fn veto(one: &Card, other: &Card, steps: &[Step]) -> Option<Veto> {
    let level = |field: Field| steps.iter().find(|step| step.field == field).map(|step| step.level);
    let same_number = level(Field::Number) == Some(Level::Same);
    let personal = same_number || level(Field::Mailbox) == Some(Level::Same) || level(Field::Handle).is_some();
    if one.is_other_login(other) {
        return Some(Veto::Logins);
    }
    if level(Field::BirthDate) == Some(Level::Different) && !same_number {
        return Some(Veto::BirthDates);
    }
    if level(Field::Generation) == Some(Level::Different) {
        return Some(Veto::Generations);
    }
    if one.is_organisation() != other.is_organisation() && one.is_named() && other.is_named() && !same_number {
        return Some(Veto::PersonAndOrganisation);
    }
    let family = matches!(level(Field::FamilyName), Some(Level::Same | Level::Similar));
    let two = family && level(Field::GivenName) == Some(Level::Different) && !personal;
    (two || (!same_number && are_twins(one, other, level))).then_some(Veto::GivenNames)
}

/// Two known names at one birth date and home: twins are named alike with pleasure, and share a mailbox as well.
fn are_twins(one: &Card, other: &Card, level: impl Fn(Field) -> Option<Level>) -> bool {
    let home = matches!(level(Field::Address), Some(Level::Building | Level::Similar | Level::Street))
        || matches!(level(Field::Phone), Some(Level::Same | Level::Landline))
        || level(Field::Mailbox) == Some(Level::Same);
    let family = level(Field::FamilyName).is_none_or(|family| family != Level::Different);
    let given = matches!(level(Field::GivenName), Some(Level::Near | Level::Part | Level::Different));
    let born = level(Field::BirthDate) == Some(Level::Same);
    home && family && given && born && compare::are_two_names(&one.given, &other.given)
}

impl Card {
    /// Does a source vouch for a login of it?
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.numbers.iter().any(|number| number.verified && number.source.is_some())
    }

    /// The logins that a source vouches for, by source.
    pub(super) fn logins(&self) -> impl Iterator<Item = (SourceNo, [u8; 16])> {
        self.numbers.iter().filter(|number| number.verified).filter_map(|number| Some((number.source?, number.ix)))
    }

    /// Does a source vouch for the same logins of both?
    #[must_use]
    pub fn has_same_logins(&self, other: &Self) -> bool {
        fn logins(card: &Card) -> impl Iterator<Item = &Number> {
            card.numbers.iter().filter(|number| number.verified && number.source.is_some())
        }
        logins(self).eq(logins(other))
    }

    /// Do the two have two logins at one source that the source verified, and none in common?
    #[must_use]
    pub fn is_other_login(&self, other: &Self) -> bool {
        let logins = |card: &Self, source| {
            let of = card.numbers.iter().filter(move |number| number.verified && number.source == source);
            of.map(|number| number.ix).collect::<Vec<_>>()
        };
        self.numbers.iter().filter(|number| number.verified && number.source.is_some()).any(|number| {
            let theirs = logins(other, number.source);
            !theirs.is_empty() && !logins(self, number.source).iter().any(|ix| theirs.contains(ix))
        })
    }

    /// A firm without a person.
    pub(super) fn is_organisation(&self) -> bool {
        self.company.is_some() && self.given.is_empty() && self.family.is_empty()
    }

    pub(super) fn is_named(&self) -> bool {
        self.company.is_some() || !self.family.is_empty()
    }
}
