//! [`Signature`]: whether a delivery comes from whom it says. Compared in constant time, over the bytes as they were sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::call::At;
use super::manifest::signature::{Hash, Scheme, SignatureEncoding, SignatureSpec, Stands};
use super::template::{Template, Variables};
use super::{Error, rsa};
use crate::types::{Entropy, EntropyFailure, Timestamp};

/// How far the times of Standard Webhooks may be off, either way.
const TOLERANCE: i64 = 300 * Timestamp::SECOND;

/// How a delivery proves who it comes from.
pub(super) struct Signature {
    scheme: Scheme,
    hash: Hash,
    header: String,
    encoding: SignatureEncoding,
    prefix: String,
    timestamp: Option<Time>,
    secret: Template,
    also: Option<Box<Self>>,
}

/// A time that is signed together with the body.
struct Time {
    header: String,
    stands: Stands,
    between: String,
}

/// A delivery as it came.
pub struct Told<'a> {
    /// Its headers, their names in lower case.
    pub headers: Headers<'a>,
    /// The last part of the address it came to, where that is a secret.
    pub secret: Option<&'a str>,
    /// The bytes of its body.
    pub body: &'a [u8],
}

impl Signature {
    pub(super) fn load(spec: SignatureSpec, at: At<'_>, known: &[&str]) -> Result<Self, Error> {
        let header = match (spec.scheme, spec.header) {
            (Scheme::Standard, None) => "webhook-signature".to_owned(),
            (Scheme::Path, None) if spec.prefix.is_empty() => String::new(),
            (Scheme::Path, _) => {
                return Err(
                    at.wrong("scheme: path", "the secret stands in the address; leave out `header` and `prefix`")
                );
            }
            (Scheme::Hmac | Scheme::RsaSha512 | Scheme::Token, Some(header)) => header.to_ascii_lowercase(),
            (Scheme::Standard, Some(_)) => {
                return Err(at.wrong("header:", "Standard Webhooks sign in `webhook-signature`; leave the header out"));
            }
            (Scheme::Hmac | Scheme::RsaSha512 | Scheme::Token, None) => {
                return Err(at.wrong("signature:", "name the `header` the signature stands in"));
            }
        };
        if spec.timestamp.is_some() && spec.scheme != Scheme::Hmac {
            return Err(at.wrong("timestamp:", "only `hmac` signs a header besides the body; leave it out"));
        }
        if spec.hash.is_some() && spec.scheme != Scheme::Hmac {
            return Err(at.wrong("hash:", "only `hmac` has a choice of hashes; leave it out"));
        }
        let time = |time: super::manifest::signature::TimestampSpec| Time {
            header: time.header.to_ascii_lowercase(),
            stands: time.stands,
            between: time.between,
        };
        let also = spec.also.map(|also| Self::load(*also, at, known)).transpose()?;
        Ok(Self {
            scheme: spec.scheme,
            hash: spec.hash.unwrap_or_default(),
            header,
            encoding: spec.encoding,
            prefix: spec.prefix,
            timestamp: spec.timestamp.map(time),
            secret: at.template(&spec.secret, known)?,
            also: also.map(Box::new),
        })
    }

    /// Is what is told signed, in whichever way it is proven? A token or an address is no signature.
    pub(super) fn signs(&self) -> bool {
        self.own_signs() && self.also.as_ref().is_none_or(|also| also.signs())
    }

    /// Is it in one of them?
    pub(super) fn may_sign(&self) -> bool {
        self.own_signs() || self.also.as_ref().is_some_and(|also| also.may_sign())
    }

    const fn own_signs(&self) -> bool {
        !matches!(self.scheme, Scheme::Token | Scheme::Path)
    }

    /// The secret that is the last part of the address, if one is entered.
    pub(super) fn in_path(&self, variables: &Variables) -> Option<Zeroizing<String>> {
        let own = || self.secret.fill(variables).filter(|secret| !secret.is_empty()).map(Zeroizing::new);
        let own = if self.scheme == Scheme::Path { own() } else { None };
        own.or_else(|| self.also.as_ref()?.in_path(variables))
    }

    /// May the secret be the last part of the address?
    pub(super) fn takes_path(&self) -> bool {
        self.scheme == Scheme::Path || self.also.as_ref().is_some_and(|also| also.takes_path())
    }

    /// The names of the parameters any of which is its secret.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let also = self.also.iter().flat_map(|also| also.secrets());
        self.secret.names().chain(also).collect()
    }

    /// Is the id of a delivery signed, where it is a header?
    pub(super) fn covers_headers(&self) -> bool {
        self.scheme == Scheme::Standard && self.also.is_none()
    }

    /// Is there a secret to check it with?
    pub(super) fn is_set(&self, variables: &Variables) -> bool {
        let own = self.secret.fill(variables).is_some_and(|secret| !secret.is_empty());
        own || self.also.as_ref().is_some_and(|also| also.is_set(variables))
    }

    /// Does the delivery come from whoever knows the secret? Yes with a signature, yes with a token or an address, or no.
    pub(super) fn proves(&self, variables: &Variables, told: &Told<'_>, now: Timestamp) -> Option<bool> {
        let own = self.own_holds(variables, told, now).then(|| self.own_signs());
        let also = || self.also.as_ref().and_then(|also| also.proves(variables, told, now));
        if own == Some(true) { own } else { also().or(own) }
    }

    fn own_holds(&self, variables: &Variables, told: &Told<'_>, now: Timestamp) -> bool {
        let (headers, body) = (&told.headers, told.body);
        let Some(secret) = self.secret.fill(variables).filter(|secret| !secret.is_empty()).map(Zeroizing::new) else {
            return false;
        };
        if self.scheme == Scheme::Path {
            return told.secret.is_some_and(|shown| shown.as_bytes().ct_eq(secret.as_bytes()).into());
        }
        let Some(shown) = headers.one(&self.header) else { return false };
        let read = || {
            shown.strip_prefix(self.prefix.as_str()).and_then(|shown| match self.encoding {
                SignatureEncoding::Base64 => BASE64_STANDARD.decode(shown.trim()).ok(),
                SignatureEncoding::Hex => hex::decode(shown.trim()).ok(),
            })
        };
        match self.scheme {
            Scheme::Hmac => {
                let signed = match &self.timestamp {
                    None => vec![body],
                    Some(time) => {
                        let Some(at) = headers.one(&time.header) else { return false };
                        match time.stands {
                            Stands::Before => vec![at.as_bytes(), time.between.as_bytes(), body],
                            Stands::After => vec![body, time.between.as_bytes(), at.as_bytes()],
                        }
                    }
                };
                read().is_some_and(|shown| is_under(self.hash, secret.as_bytes(), &signed, &shown))
            }
            Scheme::RsaSha512 => read().is_some_and(|shown| rsa::is_of(&secret, body, &shown)),
            Scheme::Path => false,
            Scheme::Token => {
                let shown = shown.strip_prefix(self.prefix.as_str()).unwrap_or_default();
                bool::from(shown.as_bytes().ct_eq(secret.as_bytes()))
            }
            Scheme::Standard => {
                let (Some(id), Some(sent)) = (headers.one("webhook-id"), headers.one("webhook-timestamp")) else {
                    return false;
                };
                let Some(at) = sent.parse().ok().and_then(|at: i64| at.checked_mul(Timestamp::SECOND)) else {
                    return false;
                };
                let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(&secret)).map(Zeroizing::new);
                let Ok(key) = key else { return false };
                let signed: [&[u8]; 5] = [id.as_bytes(), b".", sent.as_bytes(), b".", body];
                let fresh = now.micros().saturating_sub(at).abs() <= TOLERANCE;
                // Several, while a secret is replaced.
                let mut all = shown.split(' ').filter_map(|one| BASE64_STANDARD.decode(one.strip_prefix("v1,")?).ok());
                fresh && all.any(|shown| is_of(&key, &signed, &shown))
            }
        }
    }
}

/// The signature of a message of Standard Webhooks. None if the secret is none: `whsec_` and 24 to 64 bytes in base64.
pub(super) fn sign(secret: &str, id: &str, sent: &str, body: &[u8]) -> Option<String> {
    let key = Zeroizing::new(BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?);
    if !(24..=64).contains(&key.len()) {
        return None;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok()?;
    [id.as_bytes(), b".", sent.as_bytes(), b".", body].iter().for_each(|part| mac.update(part));
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// A new secret of Standard Webhooks.
///
/// # Errors
/// If there is no randomness.
pub fn new_secret(entropy: &dyn Entropy) -> Result<String, EntropyFailure> {
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(key.as_mut_slice())?;
    Ok(format!("whsec_{}", BASE64_STANDARD.encode(key.as_slice())))
}

/// The headers of a delivery.
pub struct Headers<'a>(pub &'a [(String, String)]);

impl Headers<'_> {
    /// The value of a header that stands there once.
    fn one(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.next().filter(|_| found.next().is_none())
    }
}

/// HMAC-SHA-256 in hexadecimal.
pub(super) fn hmac_hex(key: &[u8], text: &[u8]) -> String {
    // Any key has a length it takes.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return String::new() };
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}

/// Is it the HMAC with this hash?
fn is_under(hash: Hash, key: &[u8], signed: &[&[u8]], shown: &[u8]) -> bool {
    use ring::hmac;
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        // With the one all the others use, which wipes the key.
        Hash::Sha256 => return is_of(key, signed, shown),
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::verify(&hmac::Key::new(algorithm, key), &signed.concat(), shown).is_ok()
}

pub(super) fn is_of(key: &[u8], signed: &[&[u8]], shown: &[u8]) -> bool {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return false };
    signed.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().ct_eq(shown).into()
}

#[cfg(test)]
mod tests;
