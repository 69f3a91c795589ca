//! What can go wrong in this room. No text holds a personal value, a key or a ciphertext.

use crate::types::{Category, EntropyFailure};

use super::root::RootError;

/// A key or a ciphertext could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The root key could not be used: see its own error.
    #[error("the root key could not be used")]
    Root(#[from] RootError),
    /// A hub secret is missing from the rows that were loaded.
    #[error("the hub secret {0} is missing")]
    MissingSecret(&'static str),
    /// A hub secret or a KEK has the wrong length after unwrapping.
    #[error("{0} has the wrong length")]
    SecretLength(String),
    /// No living KEK epoch is loaded, so nothing can be wrapped.
    #[error("no living key epoch is loaded")]
    NoEpoch,
    /// The key is wrapped under an epoch this process has not loaded: another node made it, or it is destroyed.
    /// Load the epochs from the store and try once more.
    #[error("key epoch {0} is not loaded or destroyed")]
    UnknownEpoch(i32),
    /// The wrapped data key or its salts do not open: changed, moved to another row, or wrapped by another KEK.
    #[error("the wrapped data key does not open: it was changed, moved or wrapped by another key")]
    DataKeyRefused,
    /// The data key opens but is not the one that was committed to.
    #[error("the data key is not the one its commitment names")]
    Commitment,
    /// The category (or, for `None`, the proofs) of this data key has been erased. This is final.
    #[error("what was sealed here has been erased")]
    Erased(Option<Category>),
    /// The packed record holds no part of this category.
    #[error("the record holds nothing of category {}", .0.word())]
    Absent(Category),
    /// The bytes are not in a form this version knows.
    #[error("the sealed bytes are malformed: {0}")]
    Malformed(&'static str),
    /// Sealed under another key of the same subject than the one given.
    #[error("sealed under key {sealed}, opened with key {given}")]
    OtherKey {
        /// The key number in the envelope.
        sealed: i16,
        /// The key number of the row that was given.
        given: i16,
    },
    /// The ciphertext does not belong to this place, or was changed.
    #[error("the ciphertext does not open at this place")]
    Refused,
    /// More parts or bytes than the format can hold, or one category twice.
    #[error("the record does not fit the sealed form: {0}")]
    Unsealable(&'static str),
    /// A cipher refused the length of its input.
    #[error("a cipher refused its input")]
    Cipher,
    /// The signature is not by this key over these bytes.
    #[error("the signature does not verify")]
    Signature,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}
