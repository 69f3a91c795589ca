//! How a delivery proves who it comes from.

use schemars::JsonSchema;
use serde::Deserialize;

/// How a delivery proves who it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct SignatureSpec {
    /// The scheme.
    #[serde(default)]
    pub(in crate::connect) scheme: Scheme,
    /// Of `hmac`: the hash.
    #[serde(default)]
    pub(in crate::connect) hash: Option<Hash>,
    /// The header that holds it; of `standard` it is always `webhook-signature`.
    #[serde(default)]
    pub(in crate::connect) header: Option<String>,
    /// How the header writes the bytes.
    #[serde(default)]
    pub(in crate::connect) encoding: SignatureEncoding,
    /// What stands before it there, such as `sha256=`.
    #[serde(default)]
    pub(in crate::connect) prefix: String,
    /// Of `hmac`: a header with the time that is signed together with the body.
    #[serde(default)]
    pub(in crate::connect) timestamp: Option<TimestampSpec>,
    /// The secret, with placeholders of the connection: `{webhook_secret}`; of `rsa_sha512` the vendor's public key as it is
    /// published, in PEM or only its base64.
    pub(in crate::connect) secret: String,
    /// Another way that proves it as well, where it depends on how the merchant set the vendor up.
    #[serde(default)]
    pub(in crate::connect) also: Option<Box<Self>>,
}

/// A header with the time that is signed together with the body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct TimestampSpec {
    /// The header, such as `Klaviyo-Timestamp`.
    pub(in crate::connect) header: String,
    /// Where it stands in what is signed.
    pub(in crate::connect) stands: Stands,
    /// What stands between it and the body, such as a full stop.
    #[serde(default)]
    pub(in crate::connect) between: String,
}

/// Where the time stands in what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Stands {
    /// Before the body.
    Before,
    /// After the body.
    After,
}

/// A scheme of signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Scheme {
    /// HMAC over the bytes of the body.
    #[default]
    Hmac,
    /// RSA (PKCS #1 v1.5) with SHA-512 over the bytes of the body.
    RsaSha512,
    /// No signature: the header holds the secret itself, after the prefix (`Bearer `). Whoever sees one delivery can make others, so
    /// only where the vendor offers nothing else.
    Token,
    /// No signature: the secret is the last part of the address, `…/v1/sources/{code}/webhooks/{secret}`. Whoever sees the address can
    /// make deliveries, so only where the vendor offers nothing else.
    Path,
    /// Standard Webhooks: HMAC-SHA-256 over id, time and body, the secret written as `whsec_…`.
    Standard,
}

/// A hash of HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Hash {
    /// SHA-1, which HMAC still bears; only where the vendor offers nothing else.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a header writes the bytes of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum SignatureEncoding {
    /// Base64.
    #[default]
    Base64,
    /// Hexadecimal.
    Hex,
}
