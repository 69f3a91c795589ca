//! Which pairs of cards an estimation looks at: pairs by chance for strangers, and for records of one person those that
//! share a blocking key, a pass for each kind of key. The same cards in the same order give the same pairs.

use std::collections::BTreeMap;

use super::{Card, Field, KeyKind, Levels, Model, Pass, TermFrequencies, keys};

/// Pairs taken by chance, at most.
const CHANCE: usize = 200_000;
/// Pairs of one pass, at most.
const MOST: usize = 60_000;
/// A key that leads to more records than this says too little about who they are.
const BLOCK: usize = 12;
/// Pairs below which a pass teaches nothing.
const LEAST: usize = 50;

/// The kinds of keys that make passes, and what always agrees under them.
const PASSES: &[(KeyKind, &[Field])] = &[
    (KeyKind::Mailbox, &[Field::Mailbox, Field::Handle]),
    (KeyKind::Phone, &[Field::Phone]),
    (KeyKind::Number, &[Field::Number]),
    (KeyKind::FullName, &[Field::GivenName, Field::FamilyName]),
    (KeyKind::FamilyAndPostalCode, &[Field::FamilyName, Field::Address]),
    (KeyKind::GivenAndBirthDate, &[Field::GivenName, Field::BirthDate]),
    (KeyKind::FamilyAndBirthYear, &[Field::FamilyName, Field::BirthDate]),
];

/// Pairs of records, as an estimation sees them.
pub struct Sample {
    /// Taken by chance: strangers, but for a vanishing few.
    pub random: Vec<Levels>,
    /// Pairs that share a key of one kind.
    pub passes: Vec<Pass>,
}

impl Sample {
    /// Takes pairs out of `cards`.
    #[must_use]
    pub fn of(model: &Model, cards: &[&Card], frequencies: &TermFrequencies) -> Self {
        let levels = |one: &Card, other: &Card| Levels::of(model, one, other, frequencies);
        let random = by_chance(cards).map(|(one, other)| levels(one, other)).collect();
        let pass = |(kind, blocked_on): &(KeyKind, &[Field])| {
            let pairs: Vec<Levels> = under(cards, *kind).into_iter().map(|(one, other)| levels(one, other)).collect();
            (pairs.len() >= LEAST).then(|| Pass { blocked_on: blocked_on.to_vec(), pairs })
        };
        Self { random, passes: PASSES.iter().filter_map(pass).collect() }
    }

    /// How many pairs there are.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.random.len() + self.passes.iter().map(|pass| pass.pairs.len()).sum::<usize>()
    }
}

/// Each card with a few others that stand far from it, so that no order of arrival brings them together.
fn by_chance<'a>(cards: &'a [&'a Card]) -> impl Iterator<Item = (&'a Card, &'a Card)> {
    /// Steps that share no factor with each other, as parts of a thousand of all cards.
    const STEPS: &[usize] = &[137, 211, 307, 401, 499, 613, 719, 811];
    let pairs = STEPS.iter().flat_map(move |step| {
        let away = (cards.len().saturating_mul(*step) / 1_000).max(1);
        let all = cards.len();
        (0..all).filter_map(move |at| cards.get(at).copied().zip(cards.get((at + away) % all).copied()))
    });
    pairs.filter(|(one, other)| !std::ptr::eq(*one, *other)).take(CHANCE)
}

fn under<'a>(cards: &[&'a Card], wanted: KeyKind) -> Vec<(&'a Card, &'a Card)> {
    let mut blocks: BTreeMap<Vec<u8>, Vec<&'a Card>> = BTreeMap::new();
    for card in cards {
        for (_, value) in keys(card).into_iter().filter(|(kind, _)| *kind == wanted) {
            blocks.entry(value.to_vec()).or_default().push(card);
        }
    }
    let mut pairs = Vec::new();
    for block in blocks.into_values().filter(|block| block.len() <= BLOCK) {
        for (at, other) in block.iter().enumerate() {
            pairs.extend(block.iter().take(at).map(|one| (*one, *other)));
        }
        if pairs.len() >= MOST {
            break;
        }
    }
    pairs
}
