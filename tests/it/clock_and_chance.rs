//! Time that stands still until a test moves it, and chance that comes out the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use obhut::types::{Clock, Entropy, EntropyFailure, IdMaker, SubjectId, Timestamp};

/// A clock that stands still.
pub struct StoppedClock(AtomicI64);

impl StoppedClock {
    /// At an instant in RFC 3339.
    pub fn at(instant: &str) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Timestamp::parse(instant).unwrap().micros())))
    }

    /// Moves it on.
    pub fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Bytes that look like chance and follow from a seed (SplitMix64).
pub struct SeededChance(AtomicU64);

impl SeededChance {
    /// The bytes of this seed.
    pub fn of(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// One of these.
    pub fn one_of<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

impl Entropy for SeededChance {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
        Ok(())
    }
}

/// A maker of ids by this clock and this chance.
pub fn ids(clock: &Arc<StoppedClock>, chance: &Arc<SeededChance>) -> IdMaker {
    IdMaker::new(clock.clone(), chance.clone()).unwrap()
}

/// A new person's id.
pub fn subject(ids: &IdMaker) -> SubjectId {
    SubjectId::from_uuid(ids.uuid().unwrap())
}
