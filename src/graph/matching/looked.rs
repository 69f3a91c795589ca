//! Which members of a group are looked at.
//!
//! A group may be of any size, and what is looked at may not. What speaks against somebody most stands on few of a customer's
//! records: the account tells the birth date, and a hundred orders do not. So whoever tells something comes first, one of each thing
//! that is told; the others only fill up.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::TermFrequencies;
use super::card::{Birth, Card, Generation};
use crate::types::SourceNo;

/// Members of a group that are looked at.
pub(super) const LOOKED_AT: usize = 12;
/// Of those that each tell something else which nobody has two of, as many more; who tells so much is no one person.
const TELLING: usize = 48;

/// What a card tells that may keep two apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told<'a> {
    Birth(Birth),
    Generation(Generation),
    Login(SourceNo, [u8; 16]),
    Given(&'a str),
    Organisation(bool),
}

impl Told<'_> {
    /// Has everybody one of it at most, however it is spelt?
    const fn is_single(&self) -> bool {
        matches!(self, Self::Birth(_) | Self::Generation(_) | Self::Login(..))
    }
}

impl Card {
    fn tells(&self, frequencies: &TermFrequencies) -> Vec<Told<'_>> {
        let given = self.given.first().filter(|given| given.chars().count() > 1);
        let logins = self.numbers.iter().filter(|number| number.verified);
        self.birth
            // What a form put in tells nothing.
            .filter(|birth| !frequencies.is_filled_in(*birth))
            .map(Told::Birth)
            .into_iter()
            .chain(self.generation.map(Told::Generation))
            .chain(logins.filter_map(|number| Some(Told::Login(number.source?, number.ix))))
            .chain(given.map(|given| Told::Given(given)))
            .chain(self.is_named().then(|| Told::Organisation(self.is_organisation())))
            .collect()
    }
}

/// Those of a group that are looked at, by their positions in ascending order. The group is in the order of its cards, which does not
/// depend on arrival.
pub(super) fn looked_at(group: &[&Card], frequencies: &TermFrequencies) -> Vec<usize> {
    most_telling(group, LOOKED_AT, frequencies)
}

/// As `looked_at`, if so many are looked at.
fn most_telling(group: &[&Card], most: usize, frequencies: &TermFrequencies) -> Vec<usize> {
    if group.len() <= most {
        return (0..group.len()).collect();
    }
    let tells: Vec<Vec<Told<'_>>> = group.iter().map(|card| card.tells(frequencies)).collect();
    let single = |tells: &[Told<'_>]| tells.iter().filter(|told| told.is_single()).count();
    let mut order: Vec<(usize, &[Told<'_>])> = tells.iter().map(Vec::as_slice).enumerate().collect();
    order.sort_by_key(|(at, tells)| (Reverse(single(tells)), Reverse(tells.len()), *at));
    let (mut told, mut chosen) = (BTreeSet::new(), BTreeSet::new());
    for (at, tells) in &order {
        if chosen.len() < TELLING && tells.iter().any(|one| one.is_single() && !told.contains(one)) {
            told.extend(tells.iter().copied());
            chosen.insert(*at);
        }
    }
    for (at, tells) in &order {
        if chosen.len() < most && tells.iter().any(|one| !told.contains(one)) {
            told.extend(tells.iter().copied());
            chosen.insert(*at);
        }
    }
    for at in 0..group.len() {
        if chosen.len() < most {
            chosen.insert(at);
        }
    }
    chosen.into_iter().collect()
}

/// As `looked_at`, of cards in any order.
#[must_use]
pub fn telling<'a>(group: &[&'a Card], frequencies: &TermFrequencies) -> Vec<&'a Card> {
    let mut group = group.to_vec();
    group.sort_unstable();
    looked_at(&group, frequencies).into_iter().filter_map(|at| group.get(at).copied()).collect()
}

/// The positions of all cards of a group, in any order: those first that are looked at if `most` are, and then the others. Which they
/// are does not depend on arrival.
#[must_use]
pub fn telling_first(group: &[&Card], most: usize, frequencies: &TermFrequencies) -> Vec<usize> {
    let mut placed: Vec<(&Card, usize)> = group.iter().copied().zip(0..).collect();
    placed.sort_unstable();
    let cards: Vec<&Card> = placed.iter().map(|(card, _)| *card).collect();
    let first: BTreeSet<usize> = most_telling(&cards, most, frequencies).into_iter().collect();
    let (mut chosen, mut others) = (Vec::with_capacity(group.len()), Vec::new());
    for (at, (_, place)) in placed.iter().enumerate() {
        if first.contains(&at) { chosen.push(*place) } else { others.push(*place) }
    }
    chosen.append(&mut others);
    chosen
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::matching::{Fields, FilledIn, Number, NumberKind};

    /// Somebody with this given name, born in this year, with this login; nought: without.
    fn card((given, year, login): (&str, i16, u8)) -> Card {
        let mut fields = Fields::default();
        fields.given_name = Some(given.to_owned()).filter(|given| !given.is_empty());
        fields.family_name = Some("weiss".to_owned());
        fields.birth_date = (year > 0).then_some((year, 3, 2));
        let (kind, source) = (NumberKind::Account, Some(SourceNo(1)));
        fields.numbers.extend((login > 0).then_some(Number { kind, source, ix: [login; 16], verified: true }));
        Card::new(&fields)
    }

    fn years(of: &[(&str, i16, u8)]) -> (usize, BTreeSet<i16>, usize) {
        let cards: Vec<Card> = of.iter().map(|one| card(*one)).collect();
        let cards: Vec<&Card> = cards.iter().collect();
        let seen = telling(&cards, &TermFrequencies::default());
        let mut turned = cards.clone();
        turned.reverse();
        let same = telling(&turned, &TermFrequencies::default()).iter().zip(&seen).all(|(one, other)| one == other);
        assert!(same, "it depends on the order");
        let logins: BTreeSet<[u8; 16]> =
            seen.iter().flat_map(|card| card.numbers.iter().map(|number| number.ix)).collect();
        (seen.len(), seen.iter().filter_map(|card| Some(card.birth?.year)).collect(), logins.len())
    }

    #[test]
    fn whoever_tells_something_is_looked_at_first() {
        let orders = [("karl", 0, 0); 200];
        assert_eq!(years(&orders), (12, BTreeSet::new(), 0));
        assert_eq!(years(&[&orders[..], &[("karl", 1950, 0), ("karl", 0, 7)]].concat()), (12, [1950].into(), 1));
        // One of each date, however often another is told.
        let mut born = vec![("karl", 1950, 0); 40];
        born.extend([("karl", 1978, 0), ("karl", 0, 7), ("karl", 0, 8)]);
        born.extend(orders);
        assert_eq!(years(&born), (12, [1950, 1978].into(), 2));
        // However many there are of different ones.
        let many: Vec<(&str, i16, u8)> = (1..=20).map(|login| ("karl", 0, login)).chain(orders).collect();
        assert_eq!(years(&many), (20, BTreeSet::new(), 20));
        let all: Vec<(&str, i16, u8)> = (1..=200).map(|login| ("karl", 0, login)).collect();
        assert_eq!(years(&all).0, TELLING);
    }

    #[test]
    fn whoever_tells_something_comes_first_wherever_they_stand() {
        let mut of = vec![("karl", 0, 0); 100];
        of.extend([("karl", 1950, 0), ("karl", 1978, 0), ("josef", 0, 0)]);
        let cards: Vec<Card> = of.iter().map(|one| card(*one)).collect();
        let cards: Vec<&Card> = cards.iter().collect();
        let mut order = telling_first(&cards, 64, &TermFrequencies::default());
        assert!([100, 101, 102].iter().all(|at| order.iter().take(64).any(|first| first == at)), "{order:?}");
        order.sort_unstable();
        assert!(order.into_iter().eq(0..of.len()), "some are left out, or stand there twice");
    }

    #[test]
    fn a_date_that_a_form_put_in_tells_nothing() {
        let mut fields = Fields::default();
        fields.given_name = Some("karl".to_owned());
        fields.birth_date = Some((1980, 1, 1));
        let form = Card::new(&fields);
        let mut known = TermFrequencies::default();
        let mut filled = FilledIn::default();
        filled.note(b"19800000", 70, 70);
        known.set_filled_in(Arc::new(filled));
        let is_told = |frequencies: &TermFrequencies| form.tells(frequencies).iter().any(Told::is_single);
        assert!(is_told(&TermFrequencies::default()) && !is_told(&known));
    }

    #[test]
    fn another_given_name_is_not_hidden_by_records_without_one() {
        let mut of = vec![("", 0, 0); 30];
        of.push(("karl", 0, 0));
        let cards: Vec<Card> = of.iter().map(|one| card(*one)).collect();
        let seen = telling(&cards.iter().collect::<Vec<_>>(), &TermFrequencies::default());
        assert!(seen.len() == LOOKED_AT && seen.iter().any(|card| !card.given.is_empty()));
    }
}
