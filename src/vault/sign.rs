//! Signatures that others can check: Ed25519 (RFC 8032).
//!
//! The signing keys are 32-byte seeds kept as hub secrets. What is signed is the bytes as they are: a document names
//! its own kind and version, and certificates have a key of their own.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::Error;
use super::cipher::Secret;

/// A signing key.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    pub(super) fn new(seed: &Secret) -> Result<Self, Error> {
        Ed25519KeyPair::from_seed_unchecked(seed.bytes()).map(Self).map_err(|_| Error::Cipher)
    }

    /// Signs `message`: 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    /// The public key: 32 bytes, to be published.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }
}

/// Checks a signature.
///
/// # Errors
/// [`Error::Signature`] if it is not by `public_key` over `message`.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).map_err(|_| Error::Signature)
}
