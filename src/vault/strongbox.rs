//! [`Strongbox`]: the hub's own confidential things, which belong to no person: credentials of connectors, secrets of
//! webhooks, replies kept for a repeated request.
//!
//! Personal data must never lie here: it belongs under its subject's key, where erasing reaches it.
//!
//! Sealed with XAES-256-GCM under `Expand(secret "strongbox", "obhut strongbox v1" ‖ drawer (1))`, in the form
//! `version 1 (1) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`, with the associated data
//! `"obhut strongbox" padded with zeros to 16 ‖ drawer (1) ‖ row (16)`.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::types::{ApiKeyId, Entropy};

use super::Error;
use super::cipher::{Expander, Prf, Secret, Wrapper};
use super::envelope::Row;
use super::index::BlindIndex;

const DOMAIN: &[u8; 16] = b"obhut strongbox\0";

/// A table of the strongbox. The numbers are bound into ciphertexts and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Drawer {
    /// Replies kept for a repeated request (idempotency).
    Replies = 1,
    /// What connectors log in with.
    Credentials = 2,
    /// Tokens that are handed out and come back: cursors, opt-out links. No table; the row is what the token is for.
    Tokens = 5,
    /// What segments ask and are called: texts of the merchant, in which a person's value may stand by mistake.
    Segments = 6,
    /// How long each audit log was when it was last looked at.
    AuditHeads = 7,
    /// Where the syncs of a source stand: page tokens of the vendor.
    Places = 8,
    /// Which objects of a vendor could not be taken in: its ids of them, which name nobody here, and why. For 30 days at the longest.
    Parked = 9,
}

/// Seals and opens the hub's own confidential things.
pub struct Strongbox {
    replies: Wrapper,
    credentials: Wrapper,
    tokens: Wrapper,
    segments: Wrapper,
    audit_heads: Wrapper,
    places: Wrapper,
    parked: Wrapper,
    idempotency: Prf,
    fingerprint: Prf,
    entropy: Arc<dyn Entropy>,
}

impl Strongbox {
    pub(super) fn new(secret: &Secret, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let expander = Expander::new(secret.bytes())?;
        let drawer =
            |drawer: Drawer| expander.secret(&[b"obhut strongbox v1", &[drawer as u8]]).map(|key| Wrapper::new(&key));
        let prf = |number| Prf::new(expander.secret(&[b"obhut strongbox index v1", &[number]])?.bytes());
        Ok(Self {
            replies: drawer(Drawer::Replies)?,
            credentials: drawer(Drawer::Credentials)?,
            tokens: drawer(Drawer::Tokens)?,
            segments: drawer(Drawer::Segments)?,
            audit_heads: drawer(Drawer::AuditHeads)?,
            places: drawer(Drawer::Places)?,
            parked: drawer(Drawer::Parked)?,
            idempotency: prf(1)?,
            fingerprint: prf(2)?,
            entropy,
        })
    }

    /// Seals `value` for one row of a drawer.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal(&self, drawer: Drawer, row: Row, value: &[u8]) -> Result<Vec<u8>, Error> {
        self.wrapper(drawer).wrap(&aad(drawer, row), value, &*self.entropy)
    }

    /// Opens what was sealed for this row of this drawer.
    ///
    /// # Errors
    /// [`Error::Refused`] if it was not.
    pub fn open(&self, drawer: Drawer, row: Row, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.wrapper(drawer).unwrap(&aad(drawer, row), sealed).ok_or(Error::Refused)
    }

    /// The index of a caller's idempotency key. Callers cannot meet each other's.
    #[must_use]
    pub fn idempotency_key(&self, caller: ApiKeyId, key: &str) -> BlindIndex {
        self.idempotency.short_mac(&[&caller.bytes(), key.as_bytes()]).into()
    }

    /// A code over a request, to see whether an idempotency key comes again with another one. `operation` is the
    /// name of the operation.
    #[must_use]
    pub fn fingerprint(&self, operation: &str, body: &[u8]) -> BlindIndex {
        let length = (operation.len() as u64).to_be_bytes();
        self.fingerprint.short_mac(&[&length, operation.as_bytes(), body]).into()
    }

    const fn wrapper(&self, drawer: Drawer) -> &Wrapper {
        match drawer {
            Drawer::Replies => &self.replies,
            Drawer::Credentials => &self.credentials,
            Drawer::Tokens => &self.tokens,
            Drawer::Segments => &self.segments,
            Drawer::AuditHeads => &self.audit_heads,
            Drawer::Places => &self.places,
            Drawer::Parked => &self.parked,
        }
    }
}

fn aad(drawer: Drawer, row: Row) -> [u8; 33] {
    let mut aad = [0; 33];
    let fields: [&[u8]; 3] = [DOMAIN, &[drawer as u8], row.bytes()];
    aad.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(Strongbox: Clone, Copy, std::fmt::Debug, serde::Serialize);
}
