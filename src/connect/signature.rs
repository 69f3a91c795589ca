//! [`Signature`]: whether a delivery comes from whom it says. Compared in constant time, over the bytes as they were sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::call::At;
use super::manifest::signature::{Scheme, SignatureEncoding, SignatureSpec, Stands};
use super::template::{Template, Variables};
use super::{Error, rsa};
use crate::types::{Entropy, EntropyFailure, Timestamp};

/// How far the times of Standard Webhooks may be off, either way.
const TOLERANCE: i64 = 300 * Timestamp::SECOND;

/// How a delivery proves who it comes from.
pub(super) struct Signature {
    scheme: Scheme,
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
            (Scheme::HmacSha256 | Scheme::RsaSha512 | Scheme::Token, Some(header)) => header.to_ascii_lowercase(),
            (Scheme::Standard, Some(_)) => {
                return Err(at.wrong("header:", "Standard Webhooks sign in `webhook-signature`; leave the header out"));
            }
            (Scheme::HmacSha256 | Scheme::RsaSha512 | Scheme::Token, None) => {
                return Err(at.wrong("signature:", "name the `header` the signature stands in"));
            }
        };
        if spec.timestamp.is_some() && spec.scheme != Scheme::HmacSha256 {
            return Err(at.wrong("timestamp:", "only `hmac_sha256` signs a header besides the body; leave it out"));
        }
        let time = |time: super::manifest::signature::TimestampSpec| Time {
            header: time.header.to_ascii_lowercase(),
            stands: time.stands,
            between: time.between,
        };
        let also = spec.also.map(|also| Self::load(*also, at, known)).transpose()?;
        Ok(Self {
            scheme: spec.scheme,
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
        !matches!(self.scheme, Scheme::Token | Scheme::Path) && self.also.as_ref().is_none_or(|also| also.signs())
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

    /// Does the delivery come from whoever knows the secret?
    pub(super) fn holds(&self, variables: &Variables, told: &Told<'_>, now: Timestamp) -> bool {
        self.own_holds(variables, told, now) || self.also.as_ref().is_some_and(|also| also.holds(variables, told, now))
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
            Scheme::HmacSha256 => {
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
                read().is_some_and(|shown| is_of(secret.as_bytes(), &signed, &shown))
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

pub(super) fn is_of(key: &[u8], signed: &[&[u8]], shown: &[u8]) -> bool {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return false };
    signed.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().as_slice().ct_eq(shown).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn signature(scheme: Scheme, header: Option<&str>, encoding: SignatureEncoding, prefix: &str) -> Signature {
        let spec = SignatureSpec {
            scheme,
            header: header.map(str::to_owned),
            encoding,
            prefix: prefix.to_owned(),
            timestamp: None,
            secret: "{secret}".to_owned(),
            also: None,
        };
        Signature::load(spec, At::of("manifest.yaml", ""), &["secret"]).unwrap()
    }

    fn variables(secret: &str) -> Variables {
        json!({ "secret": secret }).as_object().unwrap().clone()
    }

    fn told<'a>(headers: &'a [(String, String)], body: &'a [u8]) -> Told<'a> {
        Told { headers: Headers(headers), secret: None, body }
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    const NOW: Timestamp = Timestamp::from_micros(1_614_265_330 * Timestamp::SECOND);

    #[test]
    fn a_token_in_a_header_is_the_whole_secret() {
        let bearer = signature(Scheme::Token, Some("Authorization"), SignatureEncoding::Base64, "Bearer ");
        let holds =
            |secret: &str, shown: &[(String, String)]| bearer.holds(&variables(secret), &told(shown, b"{}"), NOW);
        assert!(holds("s3cret", &[header("authorization", "Bearer s3cret")]));
        for shown in ["s3cret", "Bearer s3cre", "Bearer s3cret ", "Bearer ", "", "bearer s3cret"] {
            assert!(!holds("s3cret", &[header("authorization", shown)]), "{shown}");
        }
        assert!(!holds("", &[header("authorization", "Bearer ")]), "no secret is none");
        assert!(!holds("s3cret", &[]) && !holds("s3cret", &[header("x-token", "Bearer s3cret")]));
        let twice = header("authorization", "Bearer s3cret");
        assert!(!holds("s3cret", &[twice.clone(), twice]));
    }

    #[test]
    fn a_signature_is_of_this_body_and_secret_alone() {
        // HMAC-SHA-256 of "what do ya want for nothing?" under "Jefe" (RFC 4231, test case 2).
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let base64 = BASE64_STANDARD.encode(hex::decode(hex).unwrap());
        let body = b"what do ya want for nothing?";
        for (encoding, prefix, shown) in [
            (SignatureEncoding::Hex, "", hex.to_owned()),
            (SignatureEncoding::Hex, "sha256=", format!("sha256={hex}")),
            (SignatureEncoding::Base64, "", base64.clone()),
        ] {
            let signature = signature(Scheme::HmacSha256, Some("X-Sign"), encoding, prefix);
            let holds = |secret: &str, shown: &str, body: &[u8]| {
                signature.holds(&variables(secret), &told(&[header("x-sign", shown)], body), NOW)
            };
            assert!(holds("Jefe", &shown, body));
            assert!(!holds("jefe", &shown, body) && !holds("Jefe", &shown, b"what") && !holds("", &shown, body));
            assert!(!holds("Jefe", "", body) && !holds("Jefe", &shown[..shown.len() - 4], body));
            let twice = [header("x-sign", &shown), header("x-sign", &shown)];
            assert!(!signature.holds(&variables("Jefe"), &told(&twice, body), NOW));
        }
    }

    #[test]
    fn standard_webhooks_keep_their_published_example() {
        // The example of the specification's reference implementations.
        let signature = signature(Scheme::Standard, None, SignatureEncoding::Base64, "");
        let secret = variables("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let all = |sent: &str, shown: &str| {
            [
                header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                header("webhook-timestamp", sent),
                header("webhook-signature", shown),
            ]
        };
        let (sent, shown) = ("1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let body = br#"{"test": 2432232314}"#;
        let made = sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, body);
        assert_eq!(made.as_deref(), Some(shown));
        for weak in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8G", "whsec_?"] {
            assert_eq!(sign(weak, "msg_1", sent, body), None);
        }
        assert!(signature.holds(&secret, &told(&all(sent, shown), body), NOW));
        let among = format!("v1,AAAA {shown}");
        assert!(signature.holds(&secret, &told(&all(sent, &among), body), NOW));
        let late = NOW.plus(TOLERANCE + 1);
        assert!(!signature.holds(&secret, &told(&all(sent, shown), body), late));
        assert!(!signature.holds(&secret, &told(&all("1614265331", shown), body), NOW));
        assert!(!signature.holds(&secret, &told(&all(sent, shown), b"{}"), NOW));
    }

    #[test]
    fn a_time_is_signed_with_the_body_where_the_vendor_puts_it() {
        let body = br#"{"data": []}"#;
        for (stands, between, signed) in [
            (Stands::After, "", &b"{\"data\": []}1700000000"[..]),
            (Stands::Before, ".", &b"1700000000.{\"data\": []}"[..]),
        ] {
            let mut timed = signature(Scheme::HmacSha256, Some("X-Sign"), SignatureEncoding::Hex, "");
            timed.timestamp = Some(Time { header: "x-time".to_owned(), stands, between: between.to_owned() });
            let sign = hmac_hex(b"hush", signed);
            let headers = |at: &str| [header("x-sign", &sign), header("x-time", at)];
            assert!(timed.holds(&variables("hush"), &told(&headers("1700000000"), body), NOW));
            assert!(!timed.holds(&variables("hush"), &told(&headers("1700000001"), body), NOW), "another time");
            assert!(!timed.holds(&variables("hush"), &told(&[header("x-sign", &sign)], body), NOW), "no time");
            let bare = hmac_hex(b"hush", body);
            let unsigned = [header("x-sign", &bare), header("x-time", "1700000000")];
            assert!(!timed.holds(&variables("hush"), &told(&unsigned, body), NOW), "the time is not signed");
        }
    }

    #[test]
    fn a_secret_in_the_address_is_the_whole_proof() {
        let path = signature(Scheme::Path, None, SignatureEncoding::Base64, "");
        let at = |secret: Option<&'static str>| Told { headers: Headers(&[]), secret, body: b"{}" };
        assert!(path.holds(&variables("0a1b2c"), &at(Some("0a1b2c")), NOW));
        for wrong in [None, Some(""), Some("0a1b2"), Some("0a1b2cd")] {
            assert!(!path.holds(&variables("0a1b2c"), &at(wrong), NOW), "{wrong:?}");
        }
        assert!(!path.holds(&variables(""), &at(Some("")), NOW), "no secret is none");
        assert!(!path.signs() && path.takes_path());
    }
}
