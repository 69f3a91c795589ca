//! Whom a record is compared with: those it shares matching keys with, and of them those it shares rare ones with.
//!
//! A key that leads to a few is worth more than one that leads to dozens, and several are worth more than one (weights and
//! pruning after Papadakis et al., "Meta-blocking", IEEE TKDE 26(8), 2014: each shared key counts as one by the number
//! of records it leads to). Who shares nothing with a record but a frequent name would not be found to be the same
//! person anyway: whatever else the two had in common would be a key of theirs as well.

use std::collections::{BTreeSet, HashMap};

use crate::store::cards::BLOCK;
use crate::types::RecordNo;

/// Candidates that are looked at.
const MOST: usize = 32;
/// What the shared keys must be worth: one that leads to so many records, or several that lead to more.
const ALONE: f64 = 16.0;

/// The records under the matching keys of a batch.
#[derive(Default)]
pub(super) struct Blocks(HashMap<i64, Vec<RecordNo>>);

impl Blocks {
    /// What was found under each of these keys.
    pub(super) fn of(keys: Vec<i64>, found: Vec<Vec<RecordNo>>) -> Self {
        Self(keys.into_iter().zip(found).collect())
    }

    /// A record comes under its keys.
    pub(super) fn add(&mut self, keys: &[i64], record: RecordNo) {
        for key in keys {
            let block = self.0.entry(*key).or_default();
            if !block.contains(&record) {
                block.push(record);
            }
        }
    }

    /// How many records are under a key; more than [`BLOCK`] says that it is not known how many.
    pub(super) fn under(&self, key: i64) -> usize {
        self.0.get(&key).map_or(0, Vec::len)
    }

    /// The candidates of a record, the likeliest first.
    pub(super) fn candidates(&self, keys: &[i64], own: Option<RecordNo>) -> Vec<RecordNo> {
        let mut worth: HashMap<RecordNo, f64> = HashMap::new();
        for key in keys.iter().collect::<BTreeSet<_>>() {
            let Some(block) = self.0.get(key).filter(|block| block.len() <= BLOCK) else { continue };
            let others = block.iter().filter(|record| Some(**record) != own);
            let count = others.clone().count();
            #[expect(clippy::cast_precision_loss, reason = "at most a block")]
            others.for_each(|record| *worth.entry(*record).or_default() += 1.0 / count as f64);
        }
        let enough = 1.0 / ALONE - f64::EPSILON;
        let mut candidates: Vec<(RecordNo, f64)> = worth.into_iter().filter(|(_, worth)| *worth >= enough).collect();
        candidates.sort_unstable_by(|(record, worth), (other, others)| others.total_cmp(worth).then(record.cmp(other)));
        candidates.into_iter().take(MOST).map(|(record, _)| record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(blocks: &[(i64, std::ops::Range<i64>)]) -> Blocks {
        let mut all = Blocks::default();
        for (key, records) in blocks {
            records.clone().for_each(|record| all.add(&[*key], RecordNo(record)));
        }
        all
    }

    fn found(blocks: &Blocks, keys: &[i64], own: i64) -> Vec<i64> {
        blocks.candidates(keys, Some(RecordNo(own))).into_iter().map(|record| record.0).collect()
    }

    #[test]
    fn who_shares_rare_keys_comes_first() {
        let blocks = blocks(&[(1, 0..10), (2, 5..7), (3, 5..6)]);
        assert_eq!(found(&blocks, &[1, 2, 3], 9), [5, 6, 0, 1, 2, 3, 4, 7, 8]);
    }

    #[test]
    fn a_frequent_key_alone_makes_no_candidate_and_two_do() {
        let crowded = blocks(&[(1, 0..40), (2, 10..30)]);
        assert_eq!(found(&crowded, &[1], 50), [0; 0]);
        assert_eq!(found(&crowded, &[1, 2], 50), (10..30).collect::<Vec<_>>());
        let full = i64::try_from(BLOCK).unwrap() + 1;
        assert_eq!(found(&blocks(&[(1, 0..full), (2, 0..2)]), &[1, 2], 50), [0, 1]);
    }

    #[test]
    fn a_record_is_no_candidate_of_its_own_and_makes_no_block_fuller() {
        let blocks = blocks(&[(1, 0..17)]);
        assert_eq!(found(&blocks, &[1, 1], 3).len(), 16);
        assert_eq!(found(&blocks, &[1], 50), [0; 0]);
    }
}
