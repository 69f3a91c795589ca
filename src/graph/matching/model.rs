//! [`Model`]: what each agreement is worth.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{Bits, Field, Level};

#[expect(clippy::expect_used, reason = "the text is compiled in, and a test reads it")]
static SHIPPED: LazyLock<Model> =
    LazyLock::new(|| Model::from_toml(include_str!("model.toml")).expect("the shipped model is well-formed"));

const FIELDS: usize = 16;
const LEVELS: usize = 32;

/// Weights of one way in which two records may agree without being one person.
pub(super) type Table = BTreeMap<Field, BTreeMap<Level, f64>>;

/// Weights in bits, versioned. The form of a file is in `model.toml`, which is the one the hub ships with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Model {
    /// Its version; stored with every link.
    pub version: u32,
    pub(super) written: Written,
    weights: [Weights; 3],
}

/// A table one can look up quickly.
type Weights = [[Bits; LEVELS]; FIELDS];

/// Whom the agreement of two records that are not one person may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// Anybody.
    Stranger,
    /// Somebody of the household or family.
    Household,
    /// Somebody at the same place of work or in the same building.
    Workplace,
}

/// A model as its file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) version: u32,
    pub(super) threshold: Threshold,
    pub(super) prior: Prior,
    pub(super) rarity: Rarity,
    pub(super) stranger: Table,
    pub(super) household: Table,
    pub(super) workplace: Table,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    pub(super) join: f64,
    pub(super) review: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prior {
    pub(super) strangers_least: f64,
    pub(super) strangers_most: f64,
    pub(super) household: f64,
    pub(super) workplace: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rarity {
    pub(super) given_name: f64,
    pub(super) family_name: f64,
    pub(super) postal_code: f64,
    pub(super) town: f64,
    pub(super) building: f64,
    pub(super) company: f64,
    pub(super) birth_date: f64,
    pub(super) weight: u32,
    pub(super) most: f64,
}

/// A model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is not written as a model is.
    #[error("the matching model is not well-formed TOML of a model")]
    Form(#[source] Box<toml::de::Error>),
    /// It has no form as TOML.
    #[error("the matching model cannot be written")]
    Writing(#[source] toml::ser::Error),
}

/// Why a model makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Implausible {
    /// A weight or threshold is no number, or far beyond any evidence.
    #[error("a weight of the matching model is no plausible number of bits")]
    Weight,
    /// What is joined would first have to be reviewed.
    #[error("the threshold of joining lies below that of review")]
    Thresholds,
}

impl Model {
    /// The model the hub ships with, trained on nothing personal.
    #[must_use]
    pub fn shipped() -> Self {
        SHIPPED.clone()
    }

    /// Reads a model.
    ///
    /// # Errors
    /// If it is no model, or makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, ModelError> {
        toml::from_str(text).map_err(|error| ModelError::Form(Box::new(error)))
    }

    /// Writes it, so that [`Model::from_toml`] reads the same.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        toml::to_string(self).map_err(ModelError::Writing)
    }

    /// The same weights under another version.
    #[must_use]
    pub fn named(self, version: u32) -> Self {
        Self { version, ..self }
    }

    pub(super) fn weight(&self, other: Other, field: Field, level: Level) -> Bits {
        let table = match other {
            Other::Stranger => &self.weights[0],
            Other::Household => &self.weights[1],
            Other::Workplace => &self.weights[2],
        };
        table.get(field as usize).and_then(|levels| levels.get(level as usize)).copied().unwrap_or_default()
    }

    /// The total from which two records are one person.
    #[must_use]
    pub fn join_at(&self) -> Bits {
        Bits::of(self.written.threshold.join)
    }

    /// The total from which somebody should look.
    #[must_use]
    pub fn review_at(&self) -> Bits {
        Bits::of(self.written.threshold.review)
    }
}

impl TryFrom<Written> for Model {
    type Error = Implausible;

    fn try_from(mut written: Written) -> Result<Self, Implausible> {
        for table in [&mut written.stranger, &mut written.household, &mut written.workplace] {
            told_apart_since(table);
        }
        let tables = [&written.stranger, &written.household, &written.workplace];
        let plausible = |bits: &f64| bits.is_finite() && bits.abs() <= 64.0;
        let all = tables.iter().flat_map(|table| table.values().flat_map(BTreeMap::values));
        let single = [
            written.threshold.join,
            written.threshold.review,
            written.prior.strangers_least,
            written.prior.strangers_most,
            written.prior.household,
            written.prior.workplace,
        ];
        if !all.chain(&single).all(plausible) {
            return Err(Implausible::Weight);
        }
        if written.threshold.join < written.threshold.review {
            return Err(Implausible::Thresholds);
        }
        let strangers = dense(&[[Bits(0); LEVELS]; FIELDS], &written.stranger);
        let weights = [dense(&strangers, &written.household), dense(&strangers, &written.workplace)];
        let [household, workplace] = weights;
        Ok(Self { version: written.version, weights: [strangers, household, workplace], written })
    }
}

impl From<Model> for Written {
    fn from(model: Model) -> Self {
        Self { version: model.version, ..model.written }
    }
}

/// What a model that was estimated before did not tell apart is worth what it was worth together.
fn told_apart_since(table: &mut Table) {
    let Some(dates) = table.get_mut(&Field::BirthDate) else { return };
    if let Some(part) = dates.get(&Level::Part).copied() {
        dates.entry(Level::Month).or_insert(part);
        dates.entry(Level::Day).or_insert(part);
    }
}

fn dense(base: &Weights, table: &Table) -> Weights {
    let mut weights = *base;
    for (field, levels) in table {
        for (level, bits) in levels {
            if let Some(slot) = weights.get_mut(*field as usize).and_then(|levels| levels.get_mut(*level as usize)) {
                *slot = Bits::of(*bits);
            }
        }
    }
    weights
}
