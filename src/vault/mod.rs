//! Keys and ciphers: everything personal rests sealed, and this room holds the keys.
//!
//! A root key (outside the database, [`RootKey`]) wraps KEK epochs and the hub's own secrets; the newest epoch wraps
//! each subject's data key ([`KekRing`]); from a data key and a salt per category come the keys that seal the
//! values. [`unlock()`] turns the stored rows into capabilities, each with one owner: [`Sealer`] (intake),
//! [`Opener`] (the gateway), [`Comparer`] (intake), [`Shredder`] (rights), [`Rotator`] (the rotation job). None can be
//! copied.
//!
//! Its ciphers know no database: they work on rows that the store loads and saves ([`Keyring`] reads the epochs). It must never log, never let a key
//! or a clear value out except through [`Opened`], never seal without randomness, and never change the form of what
//! is stored without a new version beside the old. Its files are trusted: two readers per change.
//!
//! Read in this order: [`personal`](Personal), `cipher`, `root`, `ring`, `datakey`, `envelope`, `index`, then the
//! capabilities. Read next: [`crate::gateway`], the only owner of an [`Opener`].

mod apikey;
mod cipher;
mod comparer;
mod datakey;
mod envelope;
mod error;
mod harden;
mod index;
mod keyring;
mod opener;
mod personal;
mod ring;
mod root;
mod rotator;
mod sealer;
mod shredder;
mod sign;
mod strongbox;
mod unlock;

#[cfg(test)]
mod tests;

pub use apikey::ApiKeyHash;
pub use comparer::{CardKey, Comparer};
pub use datakey::Pseudonym;
pub use envelope::{Compartment, Row, Sealed, Table, categories, key_no, strip, unpack};
pub use error::Error;
pub use harden::harden;
pub use index::{BlindIndex, source_scoped};
pub use keyring::{Keyring, KeyringError};
pub use opener::{Opened, Opener, OpeningKey};
pub use personal::Personal;
pub use ring::KekRing;
pub use root::{CredentialRoot, FileRoot, RootError, RootKey};
pub use rotator::Rotator;
pub use sealer::{Sealer, SealingKey};
pub use shredder::Shredder;
pub use sign::{Signer, verify};
pub use strongbox::{Drawer, Strongbox};
pub use unlock::{Unlocked, first_secrets, missing_secrets, unlock};
