//! [`unlock()`]: from the root key and the stored rows to the capabilities.

use std::sync::Arc;

use crate::store::rows::{HubSecretRow, KekRow};
use crate::types::{Entropy, Timestamp};

use super::cipher::Secret;
use super::index::{IndexKeys, IndexSecrets};
use super::ring::{self, KekRing};
use super::root::RootKey;
use super::sign::Signer;
use super::strongbox::Strongbox;
use super::{Comparer, Error, Opener, Rotator, Sealer, Shredder};

/// Every hub secret: 32 random bytes, wrapped by the root key under the name `secret/<name>`.
const SECRETS: [&str; 6] = [LOOKUP, MATCHING, SUPPRESSION, RECORDS, STRONGBOX, CERTIFICATES];
const LOOKUP: &str = "index.lookup";
const MATCHING: &str = "index.matching";
const SUPPRESSION: &str = "index.suppression";
const RECORDS: &str = "index.records";
const STRONGBOX: &str = "strongbox";
const CERTIFICATES: &str = "sign.certificates";

/// The powers over the stored data. Each has one owner; the wiring in `app` moves them there.
pub struct Unlocked {
    /// Goes to intake.
    pub sealer: Sealer,
    /// Moves into the gateway.
    pub opener: Opener,
    /// Goes to intake.
    pub comparer: Comparer,
    /// Moves into rights.
    pub shredder: Shredder,
    /// Goes to the job that rotates keys.
    pub rotator: Rotator,
    /// For the hub's own confidential things.
    pub strongbox: Strongbox,
    /// To load and forget epochs.
    pub ring: Arc<KekRing>,
}

/// Opens the hub's keys at the start of the process.
///
/// # Errors
/// [`Error::Root`] if this root key did not wrap these rows, [`Error::MissingSecret`] if a secret is not among them
/// (see [`missing_secrets`]), [`Error::NoEpoch`] if no epoch lives.
pub fn unlock(
    root: &dyn RootKey,
    keks: &[KekRow],
    secrets: &[HubSecretRow],
    entropy: Arc<dyn Entropy>,
) -> Result<Unlocked, Error> {
    let ring = KekRing::open(keks, root)?;
    ring.newest().ok_or(Error::NoEpoch)?;
    let secret = |name| find(root, secrets, name);
    let index = Arc::new(IndexKeys::new(&IndexSecrets {
        lookup: secret(LOOKUP)?,
        matching: secret(MATCHING)?,
        suppression: secret(SUPPRESSION)?,
        records: secret(RECORDS)?,
    })?);
    Ok(Unlocked {
        sealer: Sealer { ring: Arc::clone(&ring), index: Arc::clone(&index), entropy: Arc::clone(&entropy) },
        comparer: Comparer { ring: Arc::clone(&ring) },
        opener: Opener { ring: Arc::clone(&ring), index: Arc::clone(&index) },
        shredder: Shredder {
            ring: Arc::clone(&ring),
            index,
            entropy: Arc::clone(&entropy),
            certificates: Signer::new(&secret(CERTIFICATES)?)?,
        },
        rotator: Rotator { ring: Arc::clone(&ring), entropy: Arc::clone(&entropy) },
        strongbox: Strongbox::new(&secret(STRONGBOX)?, entropy)?,
        ring,
    })
}

/// The first epoch and all hub secrets, for a hub that has none. Store them in one transaction, then [`unlock`].
///
/// # Errors
/// If there is no randomness or the root key cannot wrap.
pub fn first_secrets(
    root: &dyn RootKey,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(KekRow, Vec<HubSecretRow>), Error> {
    Ok((ring::make_epoch(1, root, entropy, now)?, missing_secrets(root, &[], entropy, now)?))
}

/// The hub secrets this version knows and `present` lacks, made anew: after an update that brought one.
///
/// # Errors
/// If there is no randomness or the root key cannot wrap.
pub fn missing_secrets(
    root: &dyn RootKey,
    present: &[HubSecretRow],
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Vec<HubSecretRow>, Error> {
    let missing = SECRETS.into_iter().filter(|name| present.iter().all(|row| row.name != *name));
    missing
        .map(|name| {
            let secret = Secret::random(entropy)?;
            let wrapped = root.wrap(&wrapping_name(name), secret.bytes(), entropy)?;
            Ok(HubSecretRow { name: name.to_owned(), wrapped, created_at: now })
        })
        .collect()
}

fn find(root: &dyn RootKey, rows: &[HubSecretRow], name: &'static str) -> Result<Secret, Error> {
    let row = rows.iter().find(|row| row.name == name).ok_or(Error::MissingSecret(name))?;
    let bytes = root.unwrap(&wrapping_name(name), &row.wrapped)?;
    Secret::from_slice(&bytes).ok_or_else(|| Error::SecretLength(wrapping_name(name)))
}

fn wrapping_name(name: &str) -> String {
    format!("secret/{name}")
}

#[cfg(test)]
mod tests {
    use super::super::{CredentialRoot, FileRoot};
    use super::*;

    static_assertions::assert_not_impl_any!(Unlocked: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(KekRing: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(Secret: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(FileRoot: Clone, Copy, std::fmt::Debug, serde::Serialize);
    static_assertions::assert_not_impl_any!(CredentialRoot: Clone, Copy, std::fmt::Debug, serde::Serialize);
}
