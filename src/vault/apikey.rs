//! How the hub remembers an API key: by its SHA-256. The secret half of a key is 32 random bytes, so a slow hash
//! would protect nothing and cost every request.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::types::UnknownWord;

/// `SHA-256("obhut api key v1" ‖ secret)`. It compares in constant time only, by [`ApiKeyHash::matches`].
#[derive(Clone)]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// The hash of a secret a caller presents.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::new().chain_update(b"obhut api key v1").chain_update(secret).finalize().into())
    }

    /// From its stored 32 bytes.
    ///
    /// # Errors
    /// If there are not exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, UnknownWord> {
        bytes.try_into().map(Self).map_err(|_| UnknownWord("API key hash"))
    }

    /// The bytes as stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Are both of the same secret?
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_own_secret_only() {
        let stored = ApiKeyHash::from_slice(ApiKeyHash::of("one").bytes()).unwrap();
        assert!(stored.matches(&ApiKeyHash::of("one")));
        assert!(!stored.matches(&ApiKeyHash::of("two")));
        assert!(ApiKeyHash::from_slice(&[0; 31]).is_err());
    }
}
