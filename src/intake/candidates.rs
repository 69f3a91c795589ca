//! Whom a record is compared with: those it shares matching keys with, and of them those it shares rare ones with.
//!
//! A key that leads to a few is worth more than one that leads to dozens, and several are worth more than one (weights and
//! pruning after Papadakis et al., "Meta-blocking", IEEE TKDE 26(8), 2014: each shared key counts as one by the number
//! of records it leads to). Who shares nothing with a record but a frequent name would not be found to be the same
//! person anyway: whatever else the two had in common would be a key of theirs as well.
//! A contact point that leads to dozens of records is another matter where all of them are of one customer: there people count, and not
//! records.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::graph::SHARED_BY;
use crate::store::cards::BLOCK;
use crate::types::{RecordNo, SubjectId};

/// Candidates that are looked at.
const MOST: usize = 32;
/// What the shared keys must be worth: one that leads to so many records, or several that lead to more.
const ALONE: f64 = 16.0;

/// Records of one person that are looked at under a contact point that leads to many: the newest.
const OF_EACH: usize = 4;
/// Records under a contact point from which on it is asked whose they are.
pub(super) const MANY: usize = 16;

/// Full keys that are remembered; then it begins anew.
const KEPT: usize = 100_000;

/// Keys that led to too many records when they were asked for, so that they need not be again: a batch of a large hub would read
/// thousands of rows under them and throw them away. One that is full mostly stays so. If it does not, its records are found
/// again when everything is grouped anew, or the process starts.
#[derive(Default)]
pub(super) struct Full(Mutex<HashSet<i64>>);

impl Full {
    /// Parts these keys into those that are worth asking for and those that are full.
    pub(super) fn part(&self, keys: BTreeSet<i64>) -> (Vec<i64>, HashSet<i64>) {
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (full, asked): (Vec<i64>, Vec<i64>) = keys.into_iter().partition(|key| full.contains(key));
        (asked, full.into_iter().collect())
    }

    /// Remembers these.
    fn remember(&self, keys: impl Iterator<Item = i64>) {
        let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() > KEPT {
            full.clear();
        }
        full.extend(keys);
    }

    /// Nothing is known any more.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The records under the matching keys of a batch.
#[derive(Default)]
pub(super) struct Blocks {
    under: HashMap<i64, Vec<RecordNo>>,
    full: HashSet<i64>,
    /// Of how many people the records are that are found under a contact point that leads to many.
    people: HashMap<i64, usize>,
}

impl Blocks {
    /// What was `found` under each of these keys, and those that are `full`. What turns out to be is remembered. `holders` says
    /// whose the records are that are found under `contacts` which lead to many.
    pub(super) fn of(
        (asked, found): (Vec<i64>, Vec<Vec<RecordNo>>),
        full: HashSet<i64>,
        (contacts, holders): (&HashSet<i64>, &HashMap<RecordNo, SubjectId>),
        remembered: &Full,
    ) -> Self {
        let mut blocks = Self { under: asked.into_iter().zip(found).collect(), full, people: HashMap::new() };
        for (key, block) in blocks.under.iter_mut().filter(|(key, block)| contacts.contains(key) && block.len() > MANY)
        {
            let mut of: BTreeMap<Option<SubjectId>, Vec<RecordNo>> = BTreeMap::new();
            block.iter().for_each(|record| of.entry(holders.get(record).copied()).or_default().push(*record));
            blocks.people.insert(*key, of.len());
            // Some of each are enough to see who they are.
            if of.len() <= SHARED_BY {
                *block = of.into_values().flat_map(|of| of.into_iter().rev().take(OF_EACH)).collect();
                block.sort_unstable();
            }
        }
        remembered.remember(blocks.under.iter().filter(|(_, found)| found.len() > BLOCK).map(|(key, _)| *key));
        blocks
    }

    /// A record comes under its keys.
    pub(super) fn add(&mut self, keys: &[i64], record: RecordNo) {
        for key in keys.iter().filter(|key| !self.full.contains(key)) {
            // Of whoever has many records some are there.
            if self.people.get(key).is_some_and(|people| *people <= SHARED_BY) && self.under(*key) >= MANY {
                continue;
            }
            let block = self.under.entry(*key).or_default();
            if !block.contains(&record) {
                block.push(record);
            }
        }
    }

    /// How many records are under a key; more than [`BLOCK`] says that it is not known how many.
    pub(super) fn under(&self, key: i64) -> usize {
        if self.full.contains(&key) { BLOCK + 1 } else { self.under.get(&key).map_or(0, Vec::len) }
    }

    /// Of how many people the records under a contact point are, where `whose` knows it; none: more than can be told.
    pub(super) fn people(&self, key: i64, whose: impl Fn(RecordNo) -> Option<SubjectId>) -> Option<usize> {
        if self.under(key) > BLOCK {
            return None;
        }
        if let Some(people) = self.people.get(&key) {
            return Some(*people);
        }
        let block = self.under.get(&key).map(Vec::as_slice).unwrap_or_default();
        let known: HashSet<SubjectId> = block.iter().filter_map(|record| whose(*record)).collect();
        let unknown = block.iter().filter(|record| whose(**record).is_none()).count();
        Some(known.len() + unknown)
    }

    /// The candidates of a record, the likeliest first.
    pub(super) fn candidates(&self, keys: &[i64], own: Option<RecordNo>) -> Vec<RecordNo> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        let mut shares: Vec<(RecordNo, f64)> = Vec::new();
        for key in &keys {
            let Some(block) = self.under.get(key).filter(|block| block.len() <= BLOCK) else { continue };
            let count = block.iter().filter(|record| Some(**record) != own).count();
            #[expect(clippy::cast_precision_loss, reason = "at most a block")]
            let share = 1.0 / count as f64;
            shares.extend(block.iter().filter(|record| Some(**record) != own).map(|record| (*record, share)));
        }
        // Each record's shares side by side, in one order, so that their sum is the same whichever way they came.
        shares.sort_unstable_by(|(record, share), (other, others)| record.cmp(other).then(share.total_cmp(others)));
        let enough = 1.0 / ALONE - f64::EPSILON;
        let mut candidates: Vec<(RecordNo, f64)> = shares
            .chunk_by(|(record, _), (other, _)| record == other)
            .filter_map(|shares| Some((shares.first()?.0, shares.iter().map(|(_, share)| share).sum::<f64>())))
            .filter(|(_, worth)| *worth >= enough)
            .collect();
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
    fn a_key_that_was_full_is_not_asked_for_again() {
        let (full, three) = (Full::default(), BTreeSet::from([1, 2, 3]));
        let (asked, known) = full.part(three.clone());
        assert_eq!((asked.as_slice(), known.len()), ([1, 2, 3].as_slice(), 0));
        let many = |count: usize| (0..count).map(|record| RecordNo(i64::try_from(record).unwrap())).collect();
        let (contacts, holders) = (HashSet::new(), HashMap::new());
        let nobody = (&contacts, &holders);
        let blocks = Blocks::of((asked, vec![many(BLOCK), many(BLOCK + 1), many(0)]), known, nobody, &full);
        assert_eq!([1, 2, 3].map(|key| blocks.under(key)), [BLOCK, BLOCK + 1, 0]);
        let (asked, known) = full.part(three.clone());
        assert_eq!((asked.as_slice(), &known), ([1, 3].as_slice(), &HashSet::from([2])));
        let mut blocks = Blocks::of((asked, vec![many(1), many(1)]), known, nobody, &full);
        blocks.add(&[2], RecordNo(7));
        assert_eq!((blocks.under(2), found(&blocks, &[2], 50)), (BLOCK + 1, vec![]));
        full.forget();
        assert_eq!(full.part(three).0, [1, 2, 3]);
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
    fn a_contact_point_of_one_customer_leads_to_them_however_many_records_they_have() {
        let person = |number: u8| SubjectId::from_slice(&[number; 16]).unwrap();
        let records: Vec<RecordNo> = (0..=i64::try_from(BLOCK).unwrap()).map(RecordNo).collect();
        let contacts = HashSet::from([1, 2]);
        let with = |whose: fn(i64) -> u8, full: &Full| {
            let holders = records.iter().map(|record| (*record, person(whose(record.0)))).collect();
            let found = vec![records.clone(), records.clone()];
            Blocks::of((vec![1, 3], found), HashSet::new(), (&contacts, &holders), full)
        };
        let full = Full::default();
        let mut own = with(|record| u8::from(record == 7), &full);
        assert_eq!(found(&own, &[1], 99), [7, 57, 58, 59, 60]);
        assert_eq!((own.people(1, |_| None), own.people(3, |_| None)), (Some(2), None));
        (61..90).for_each(|record| own.add(&[1], RecordNo(record)));
        assert!((5..=MANY).contains(&found(&own, &[1], 99).len()));
        // Only the name of the two is remembered as one that leads to too many.
        assert_eq!(full.part(BTreeSet::from([1, 3])).0, [1]);
        let shared = with(|record| u8::try_from(record).unwrap(), &full);
        assert_eq!((found(&shared, &[1], 99), shared.people(1, |_| None)), (vec![], None));
        assert_eq!(full.part(BTreeSet::from([1, 3])).0, [0_i64; 0]);
        let few = blocks(&[(1, 0..5)]);
        assert_eq!(few.people(1, |record| (record.0 < 4).then(|| person(1))), Some(2));
    }

    #[test]
    fn a_record_is_no_candidate_of_its_own_and_makes_no_block_fuller() {
        let blocks = blocks(&[(1, 0..17)]);
        assert_eq!(found(&blocks, &[1, 1], 3).len(), 16);
        assert_eq!(found(&blocks, &[1], 50), [0; 0]);
    }
}
