//! What can go wrong on the way in.

use super::Rejection;
use crate::audit;
use crate::gateway;
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
    /// What was named is not a part of the person, or nothing of them would be left.
    #[error("this cannot be taken out of the person")]
    NoPart,
    /// There is no such question, or it was answered.
    #[error("there is no such open question")]
    NoReview,
    /// The person corrected what is said of them: only somebody who knows can say which of two it is about.
    #[error("the person corrected their data; somebody has to decide")]
    Corrected,
    /// Who received data of a person who is to be taken apart cannot be known now. Nothing was done; it is done later.
    #[error("it cannot be known now who is to be told")]
    Untold,
    /// The person's data kept changing. Nothing was done; ask again.
    #[error("the data changed meanwhile")]
    Changed,
    /// The gateway failed; nothing was opened.
    #[error("the data could not be opened and closed again")]
    Gateway(#[source] gateway::Error),
    /// A stored model of matching cannot be read, or one cannot be written.
    #[error("the model of matching cannot be used")]
    Model(#[source] crate::graph::matching::ModelError),
    /// No model of this version was estimated here.
    #[error("there is no model of this version")]
    NoModel,
    /// Too few records share anything to learn weights from.
    #[error("there are too few pairs of records to learn from")]
    TooFewPairs,
    /// Another node began a key epoch; the epochs must be loaded again.
    #[error("a new key epoch began")]
    NewEpoch,
}

impl Error {
    /// A failure of the gateway, as what it is of.
    pub(super) fn from_gateway(cause: gateway::Error) -> Self {
        match cause {
            gateway::Error::Store(cause) => Self::Store(cause),
            gateway::Error::Vault(cause) => Self::Vault(cause),
            gateway::Error::Keyring(cause) => Self::Keyring(cause),
            gateway::Error::Audit(cause) => Self::Audit(cause),
            other => Self::Gateway(other),
        }
    }
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}
