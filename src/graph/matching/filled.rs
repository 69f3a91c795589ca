//! Dates of birth that a form put in by itself: they say nothing for or against anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::card::{Birth, Card};
use super::terms::day;

/// Of a population some two in a hundred are born in one year.
const OF: u64 = 32;
/// Among fewer chance may do it, or one customer's many records.
const LEAST: u64 = 32;
/// Years of which a form may put one in.
const YEARS: RangeInclusive<i16> = 1880..=2040;

/// The dates that forms put in: the firsts of a month, or years alone (which is what the first of January counts as), that so many tell as
/// are born in no year.
#[derive(Default)]
pub struct FilledIn(BTreeSet<Box<[u8]>>);

impl FilledIn {
    /// All dates that a form may put in, as they are counted ([`super::terms()`]).
    pub fn possible() -> impl Iterator<Item = Vec<u8>> {
        let months = |year| {
            let months = (0..=12).filter(|month| *month != 1);
            months.map(move |month| day(Birth { year, month, day: u8::from(month > 0) }).into_bytes())
        };
        YEARS.flat_map(months)
    }

    /// Notes a date that `held` of all `records` tell, if that many were put in by a form.
    pub fn note(&mut self, date: &[u8], held: u64, records: u64) {
        let may_be = date.ends_with(b"00") || date.ends_with(b"01");
        if may_be && held >= LEAST && held.saturating_mul(OF) >= records {
            self.0.insert(date.into());
        }
    }

    /// Those of all cards.
    #[must_use]
    pub fn among<'a>(cards: impl IntoIterator<Item = &'a Card>) -> Self {
        let (mut told, mut records): (BTreeMap<Birth, u64>, u64) = (BTreeMap::new(), 0);
        for card in cards {
            records += 1;
            if let Some(birth) = card.birth.filter(|birth| birth.day <= 1) {
                *told.entry(birth).or_default() += 1;
            }
        }
        let mut filled = Self::default();
        told.into_iter().for_each(|(birth, held)| filled.note(day(birth).as_bytes(), held, records));
        filled
    }

    pub(super) fn has(&self, birth: Birth) -> bool {
        birth.day <= 1 && !self.0.is_empty() && self.0.contains(day(birth).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::matching::Fields;

    fn card(born: (i16, u8, u8)) -> Card {
        let mut fields = Fields::default();
        fields.birth_date = Some(born);
        Card::new(&fields)
    }

    #[test]
    fn a_first_that_one_in_32_tell_was_put_in() {
        let of = |born: (i16, u8, u8), held: usize, records: usize| {
            let mut cards: Vec<Card> = (0..held).map(|_| card(born)).collect();
            cards.extend((held..records).map(|at| card((1930 + i16::try_from(at % 60).unwrap(), 7, 9))));
            let birth = card(born).birth.unwrap();
            let (filled, date) = (FilledIn::among(&cards), day(birth).into_bytes());
            assert!(
                birth.day > 1 || FilledIn::possible().any(|possible| possible == date),
                "{born:?} is never asked for"
            );
            filled.has(birth)
        };
        assert!(of((1980, 1, 1), 50, 1_600) && of((1999, 12, 1), 50, 1_600) && of((1980, 1, 1), 32, 40));
        assert!(!of((1980, 1, 1), 49, 1_600) && !of((1980, 1, 2), 50, 1_600) && !of((1980, 1, 1), 31, 40));
    }
}
