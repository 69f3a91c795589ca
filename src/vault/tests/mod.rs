//! Tests of the whole room: public vectors, committed ciphertexts, and everything that must not open.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

mod golden;
mod keys;
mod places;
mod vectors;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::store::rows::DataKeyRow;
use crate::types::{Category, Entropy, EntropyFailure, SubjectId, Timestamp};

use super::{CredentialRoot, Personal, Unlocked, first_secrets, unlock};

/// The root key of all tests.
pub(super) const ROOT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// When everything in the tests is made.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

/// Entropy that always comes in the same order: SHA-256 of seed and counter.
pub(super) struct Seeded {
    seed: u64,
    counter: AtomicU64,
}

impl Seeded {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { seed, counter: AtomicU64::new(0) })
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        for chunk in bytes.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::digest([self.seed.to_be_bytes(), counter.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

/// Entropy that ran dry.
pub(super) struct Dry;

impl Entropy for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyFailure> {
        Err(EntropyFailure)
    }
}

pub(super) fn root() -> CredentialRoot {
    CredentialRoot::from_text(ROOT).unwrap()
}

/// A freshly made hub.
pub(super) fn hub(seed: u64) -> Unlocked {
    let entropy = Seeded::new(seed);
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    unlock(&root(), &[kek], &secrets, entropy).unwrap()
}

pub(super) fn subject(number: u8) -> SubjectId {
    SubjectId::from_slice(&[number; 16]).unwrap()
}

pub(super) fn data_key(hub: &Unlocked, owner: u8, key_no: i16) -> DataKeyRow {
    hub.sealer.new_data_key(subject(owner), key_no, NOW).unwrap()
}

pub(super) fn text(value: &str) -> Personal {
    Personal::text(value.to_owned())
}

pub(super) fn parts(values: &[(Category, &str)]) -> Vec<(Category, Personal)> {
    values.iter().map(|(category, value)| (*category, text(value))).collect()
}
