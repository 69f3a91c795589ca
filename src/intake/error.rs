//! What can go wrong on the way in.

use super::Rejection;
use crate::audit;
use crate::store::{self, Failure};
use crate::vault::{self, KeyringError};

/// A failure of intake. The texts hold no personal value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed; nothing of the transaction was written.
    #[error("the records could not be stored")]
    Store(#[from] store::Error),
    /// A key or cipher failed; nothing of the transaction was written.
    #[error("the records could not be sealed")]
    Vault(#[from] vault::Error),
    /// The key epochs could not be loaded.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The audit line could not be written.
    #[error("the change could not be recorded")]
    Audit(#[from] audit::Error),
    /// The record was refused.
    #[error("the record was refused")]
    Rejected(Rejection),
    /// A consent act makes no sense for its purpose.
    #[error("the act was refused")]
    Act(Vec<crate::consent::Problem>),
    /// Nobody is behind this id or identifier.
    #[error("nobody is behind this id")]
    UnknownSubject,
    /// Several people share the identifier, and a yes is one person's.
    #[error("several people share this identifier")]
    Shared,
    /// A part of a person who does not live has no key.
    #[error("a person has no key")]
    NoKey,
    /// Another node began a key epoch; the epochs must be loaded again.
    #[error("a new key epoch began")]
    NewEpoch,
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}
