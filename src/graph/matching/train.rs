//! Estimating a model anew from the merchant's own data, by expectation maximisation.
//!
//! Strangers are estimated from random pairs, records of one person from pairs that share a blocking key, in passes:
//! what a key is made of always agrees there, so that pass learns nothing about it. Identifiers keep their fixed
//! weights: estimating them from frequencies would count the very matches that are looked for. Everything is counted in
//! a fixed order, so the same pairs give the same model.

use std::collections::BTreeMap;

use super::model::Other;
use super::{Bits, Card, Field, Level, Model, TermFrequencies};

/// Fields whose weights are estimated.
const TRAINED: &[Field] = &[Field::GivenName, Field::FamilyName, Field::BirthDate, Field::Address, Field::Sex];
/// Rounds of expectation and maximisation.
const ROUNDS: usize = 25;
/// A level must have been seen in about this many pairs of each kind before the data count as much as the model before.
const TRUST: f64 = 200.0;
/// No weight moves further than this at once, in bits.
const STEP: f64 = 3.0;

/// How two records compare, field by field: all that training sees of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Levels(pub Vec<(Field, Level)>);

impl Levels {
    /// Compares two cards.
    #[must_use]
    pub fn of(model: &Model, one: &Card, other: &Card, frequencies: &TermFrequencies) -> Self {
        let steps = model.score(one, other, frequencies).steps.into_iter();
        let compared = steps.filter(|step| !matches!(step.field, Field::Household | Field::Workplace));
        Self(compared.map(|step| (step.field, step.level)).collect())
    }

    fn level(&self, field: Field) -> Option<Level> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, level)| *level)
    }
}

/// Pairs that share a blocking key, for one pass of the estimation.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The fields the key is made of: they always agree, so this pass learns nothing about them.
    pub blocked_on: Vec<Field>,
    /// How the pairs compare.
    pub pairs: Vec<Levels>,
}

/// One weight that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Of which field.
    pub field: Field,
    /// Of which level.
    pub level: Level,
    /// Before.
    pub before: Bits,
    /// After.
    pub after: Bits,
}

/// A model that was estimated, and how it differs from the one before. Nothing is in force until somebody stores it.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The new model, its version one higher.
    pub model: Model,
    /// What changed, by field and level.
    pub changes: Vec<Change>,
}

/// How often each level occurs, by field.
type Counts = BTreeMap<(Field, Level), f64>;

/// Estimates the weights of descriptive fields: how often strangers agree from `random` pairs, how often records of one
/// person agree from `passes`. Identifiers keep their fixed weights.
#[must_use]
pub fn train(model: &Model, random: impl IntoIterator<Item = Levels>, passes: &[Pass]) -> Trained {
    let mut strangers = Counts::new();
    for pair in random {
        count(&mut strangers, &pair, 1.0, &[]);
    }
    let mut persons = Counts::new();
    for pass in passes {
        for (key, seen) in estimate(model, pass) {
            *persons.entry(key).or_default() += seen;
        }
    }
    let mut written = model.written.clone();
    written.version += 1;
    let mut changes = Vec::new();
    for (field, levels) in &mut written.stranger {
        if !TRAINED.contains(field) {
            continue;
        }
        for (level, bits) in levels {
            let Some(learned) = learned(&persons, &strangers, (*field, *level)) else { continue };
            let before = *bits;
            // The names a level of sameness is about are weighed by their own frequency beside this.
            let (told, trust) = learned;
            let moved = (told - before) * trust;
            *bits = (before + moved.clamp(-STEP, STEP)).clamp(-20.0, 30.0);
            let (before, after) = (Bits::of(before), Bits::of(*bits));
            if before != after {
                changes.push(Change { field: *field, level: *level, before, after });
            }
        }
    }
    // What was checked when the model before was read still holds: every weight stays within bounds.
    let model = Model::try_from(written).unwrap_or_else(|_| model.clone());
    Trained { model, changes }
}

fn count(counts: &mut Counts, pair: &Levels, share: f64, except: &[Field]) {
    for field in TRAINED.iter().filter(|field| !except.contains(field)) {
        if let Some(level) = pair.level(*field) {
            *counts.entry((*field, level)).or_default() += share;
        }
    }
}

/// How often pairs of one person show each level, in one pass: the pairs are weighed by how likely they are such, that by
/// the levels, and so on.
fn estimate(model: &Model, pass: &Pass) -> Counts {
    let mut patterns: BTreeMap<&Levels, f64> = BTreeMap::new();
    for pair in &pass.pairs {
        *patterns.entry(pair).or_default() += 1.0;
    }
    let all: f64 = patterns.values().sum();
    let mut weights = Counts::new();
    let mut share: f64 = 0.5;
    let mut counts = Counts::new();
    for _ in 0..ROUNDS {
        counts.clear();
        let mut persons = 0.0;
        let mut others = Counts::new();
        for (pair, times) in &patterns {
            let odds = odds(model, &weights, pair, &pass.blocked_on) * (share / (1.0 - share));
            let likely = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
            persons += likely * times;
            count(&mut counts, pair, likely * times, &pass.blocked_on);
            count(&mut others, pair, (1.0 - likely) * times, &pass.blocked_on);
        }
        share = (persons / all.max(1.0)).clamp(0.001, 0.999);
        weights = counts.keys().chain(others.keys()).map(|key| (*key, ratio(&counts, &others, *key))).collect();
    }
    counts
}

/// How much likelier the levels are between records of one person, by what the pass has learned so far.
fn odds(model: &Model, weights: &Counts, pair: &Levels, blocked_on: &[Field]) -> f64 {
    let compared = pair.0.iter().filter(|(field, _)| !blocked_on.contains(field));
    let bits = compared.map(|(field, level)| {
        let learned = weights.get(&(*field, *level)).copied();
        learned.unwrap_or_else(|| model.weight(Other::Stranger, *field, *level).bits()).clamp(-8.0, 8.0)
    });
    bits.sum::<f64>().exp2()
}

/// log2 of the shares of a level among two kinds of pairs, smoothed.
fn ratio(persons: &Counts, others: &Counts, (field, level): (Field, Level)) -> f64 {
    (share(persons, field, level) / share(others, field, level)).log2()
}

fn share(counts: &Counts, field: Field, level: Level) -> f64 {
    let all: f64 = counts.iter().filter(|((known, _), _)| *known == field).map(|(_, seen)| seen).sum();
    (counts.get(&(field, level)).copied().unwrap_or(0.0) + 0.5) / (all + 5.0)
}

/// What the data say about a level, and how far to trust them. None if it was hardly seen.
fn learned(persons: &Counts, strangers: &Counts, key: (Field, Level)) -> Option<(f64, f64)> {
    let seen = |counts: &Counts| counts.get(&key).copied().unwrap_or(0.0);
    let least = seen(persons).min(seen(strangers) * 10.0);
    (least >= 5.0).then(|| (ratio(persons, strangers, key), least / (least + TRUST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(given: Level, family: Level, birth: Level) -> Levels {
        Levels(vec![(Field::GivenName, given), (Field::FamilyName, family), (Field::BirthDate, birth)])
    }

    /// 1,000 pairs with one birth date, 700 of them of one person, a tenth of those with a typing error in a name.
    fn pass() -> Pass {
        let mut pairs = vec![pair(Level::Same, Level::Same, Level::Same); 560];
        pairs.extend(vec![pair(Level::Similar, Level::Same, Level::Same); 140]);
        pairs.extend(vec![pair(Level::Different, Level::Different, Level::Same); 300]);
        Pass { blocked_on: vec![Field::BirthDate], pairs }
    }

    fn random() -> Vec<Levels> {
        let mut pairs = vec![pair(Level::Different, Level::Different, Level::Different); 99_000];
        pairs.extend(vec![pair(Level::Same, Level::Different, Level::Different); 700]);
        pairs.extend(vec![pair(Level::Similar, Level::Different, Level::Different); 300]);
        pairs
    }

    #[test]
    fn errors_that_are_frequent_weigh_less_against_a_pair() {
        let model = Model::shipped();
        let trained = train(&model, random(), &[pass()]);
        assert_eq!(trained.model.version, model.version + 1);
        let of =
            |level| trained.changes.iter().find(|change| change.field == Field::GivenName && change.level == level);
        assert!(of(Level::Similar).unwrap().after > of(Level::Similar).unwrap().before);
        assert!(
            trained.changes.iter().all(|change| change.field != Field::BirthDate),
            "the key itself teaches nothing"
        );
    }

    #[test]
    fn the_same_pairs_give_the_same_model_in_any_order() {
        let model = Model::shipped();
        let mut turned = pass();
        turned.pairs.reverse();
        assert_eq!(train(&model, random(), &[pass()]).model, train(&model, random(), &[turned]).model);
    }

    #[test]
    fn nothing_is_learned_from_nothing() {
        let trained = train(&Model::shipped(), [], &[]);
        assert!(trained.changes.is_empty());
    }
}
