//! The four ciphers of the house, each behind one small type: AES-256-GCM seals data, XAES-256-GCM wraps keys,
//! HMAC-SHA-256 indexes, HKDF-SHA-256 derives. Nothing else in the hub calls a cipher on stored data.
//!
//! Everything here holds its key on the heap and wipes it on drop. None of the types is `Clone` or `Debug`.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use xaes_256_gcm::Xaes256Gcm;
use zeroize::Zeroizing;

use crate::types::Entropy;

use super::Error;

/// Bytes of an AES-256-GCM nonce.
pub(super) const NONCE: usize = 12;
/// Bytes of an authentication tag.
pub(super) const TAG: usize = 16;
/// Bytes of an XAES-256-GCM nonce.
const WIDE_NONCE: usize = 24;
/// The version byte of a wrapped key.
const WRAP_VERSION: u8 = 1;

/// 32 secret bytes.
pub(super) struct Secret(Box<Zeroizing<[u8; 32]>>);

impl Secret {
    /// New random bytes.
    pub(super) fn random(entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut secret = Self(Box::default());
        entropy.fill(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// From bytes that were unwrapped; `None` unless there are exactly 32.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self(Box::default());
        (bytes.len() == secret.0.len()).then(|| {
            secret.0.copy_from_slice(bytes);
            secret
        })
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// AES-256-GCM with 96-bit nonces (NIST SP 800-38D). One key seals far fewer than 2³² messages here: it serves one
/// category of one subject.
pub(super) struct Gcm(Box<Aes256Gcm>);

impl Gcm {
    /// Prepares the key.
    pub(super) fn new(key: &Secret) -> Self {
        Self(Box::new(Aes256Gcm::new(key.bytes().into())))
    }

    /// Appends ciphertext and tag of `plain` to `out`. The room is reserved first, so that no clear byte is left
    /// behind by a growing vector.
    pub(super) fn seal(&self, nonce: &[u8; NONCE], aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        out.reserve(plain.len() + TAG);
        let start = out.len();
        out.extend_from_slice(plain);
        let body = out.get_mut(start..).ok_or(Error::Cipher)?;
        let tag = self.0.encrypt_inout_detached(&Nonce::from(*nonce), aad, body.into()).map_err(|_| Error::Cipher)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// The plaintext, or `None` if ciphertext, tag, nonce, associated data and key do not belong together.
    pub(super) fn open(&self, nonce: &[u8; NONCE], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (body, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut plain = Zeroizing::new(body.to_vec());
        let opened = self.0.decrypt_inout_detached(
            &Nonce::from(*nonce),
            aad,
            plain.as_mut_slice().into(),
            &aes_gcm::Tag::from(*tag),
        );
        opened.ok().map(|()| plain)
    }
}

/// XAES-256-GCM (C2SP): 192-bit nonces, so that random nonces suffice for 2⁸⁰ wraps and no counter must survive a
/// crash or a restored backup. It does not commit to its key; data keys carry a commitment of their own.
///
/// A wrapped secret: `version 1 (1) ‖ nonce (24) ‖ ciphertext (as long as the secret) ‖ tag (16)`.
pub(super) struct Wrapper(Box<Xaes256Gcm>);

impl Wrapper {
    /// Prepares the key.
    pub(super) fn new(key: &Secret) -> Self {
        Self(Box::new(Xaes256Gcm::new(key.bytes().into())))
    }

    /// Wraps `secret`, bound to `aad`.
    pub(super) fn wrap(&self, aad: &[u8], secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; WIDE_NONCE];
        entropy.fill(&mut nonce)?;
        let mut out = Vec::with_capacity(1 + WIDE_NONCE + secret.len() + TAG);
        out.push(WRAP_VERSION);
        out.extend_from_slice(&nonce);
        self.seal(&nonce, aad, secret, &mut out)?;
        Ok(out)
    }

    /// The secret, or `None` if it was not wrapped by this key for this `aad`.
    pub(super) fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&WRAP_VERSION, rest) = wrapped.split_first()? else { return None };
        let (nonce, sealed) = rest.split_first_chunk::<WIDE_NONCE>()?;
        self.open(nonce, aad, sealed)
    }

    pub(super) fn seal(
        &self,
        nonce: &[u8; WIDE_NONCE],
        aad: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.reserve(plain.len() + TAG);
        let start = out.len();
        out.extend_from_slice(plain);
        let body = out.get_mut(start..).ok_or(Error::Cipher)?;
        let tag = self
            .0
            .encrypt_inout_detached(&xaes_256_gcm::Nonce::from(*nonce), aad, body.into())
            .map_err(|_| Error::Cipher)?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    pub(super) fn open(&self, nonce: &[u8; WIDE_NONCE], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (body, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut plain = Zeroizing::new(body.to_vec());
        let opened = self.0.decrypt_inout_detached(
            &xaes_256_gcm::Nonce::from(*nonce),
            aad,
            plain.as_mut_slice().into(),
            &xaes_256_gcm::Tag::from(*tag),
        );
        opened.ok().map(|()| plain)
    }
}

/// HMAC-SHA-256 (RFC 2104) with a prepared key.
pub(super) struct Prf(Box<Hmac<Sha256>>);

impl Prf {
    /// Prepares the key.
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        Ok(Self(Box::new(<Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| Error::Cipher)?)))
    }

    /// The code of the concatenated `parts`. The caller makes sure that the concatenation is unambiguous.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = (*self.0).clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }

    /// The first 16 bytes of [`Prf::mac`]: 128 bits are enough for an index nobody can collide without the key.
    pub(super) fn short_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let full = self.mac(parts);
        full.first_chunk().copied().unwrap_or_default()
    }
}

/// HKDF-Expand with SHA-256 (RFC 5869 section 2.3). All secrets here are uniformly random, so Extract is left out.
pub(super) struct Expander(Box<Hkdf<Sha256>>);

impl Expander {
    /// Prepares a secret of at least 32 bytes as the pseudorandom key.
    pub(super) fn new(secret: &[u8]) -> Result<Self, Error> {
        Ok(Self(Box::new(Hkdf::from_prk(secret).map_err(|_| Error::Cipher)?)))
    }

    /// Fills `out` from the concatenated `info`.
    pub(super) fn fill(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        self.0.expand_multi_info(info, out).map_err(|_| Error::Cipher)
    }

    /// Derives 32 secret bytes.
    pub(super) fn secret(&self, info: &[&[u8]]) -> Result<Secret, Error> {
        let mut secret = Secret(Box::default());
        self.fill(info, secret.0.as_mut_slice())?;
        Ok(secret)
    }
}
