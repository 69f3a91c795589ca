//! Randomness as an argument, so that tests can seed it and no room makes its own.

#![expect(clippy::disallowed_types, reason = "the one place where randomness is made")]

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

/// The operating system gave no randomness. Nothing may be sealed without it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct EntropyFailure;

/// A source of bytes nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// If there is no randomness; the caller must then stop, never go on with a fixed value.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure>;
}

impl<E: Entropy + ?Sized> Entropy for Arc<E> {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        (**self).fill(bytes)
    }
}

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The operating system's generator.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness is made")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        self.0.fill(bytes).map_err(|_| EntropyFailure)
    }
}
