//! What the vendor tells by itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What the vendor tells by itself, at `POST /v1/sources/{code}/webhooks`.
///
/// The filters see `{headers, body}`: the headers by their names in lower case, and the body as it was sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct WebhookSpec {
    /// For the merchant: where in the vendor's program the address and the secret are entered, and for which topics.
    pub(in crate::connect) guide: String,
    /// How a delivery proves who it comes from. What does not prove it is refused.
    pub(in crate::connect) signature: SignatureSpec,
    /// How the vendor tries the address before it tells anything.
    #[serde(default)]
    pub(in crate::connect) handshake: Option<HandshakeSpec>,
    /// jq predicate over `{headers, body}`, where the body may be null: a delivery that only tries the address. It is answered
    /// and means nothing, also without a signature.
    #[serde(default)]
    pub(in crate::connect) ping: Option<String>,
    /// jq filter: what tells this delivery from every other, the same when it is sent again. If it is a header, which most schemes
    /// do not sign, the same body is heard once only as well.
    pub(in crate::connect) delivery: String,
    /// jq filter: when it was sent, as RFC 3339 or as seconds since 1970.
    #[serde(default)]
    pub(in crate::connect) sent_at: Option<String>,
    /// Older ones are refused: longer than the vendor tries again.
    #[serde(default = "window_hours")]
    pub(in crate::connect) window_hours: u16,
    /// jq filter: what happened, one of `topics`. Other topics are answered and mean nothing.
    pub(in crate::connect) topic: String,
    /// What is done, by topic.
    pub(in crate::connect) topics: BTreeMap<String, TopicSpec>,
}

/// How the vendor tries the address: `GET …/webhooks?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`, and the challenge
/// is answered to whoever knows the token (WebSub's form, as Meta uses it).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct HandshakeSpec {
    /// The token, with placeholders of the connection: `{verify_token}`.
    pub(in crate::connect) token: String,
}

/// What the vendor passes on of people who demand deletion, at `POST /v1/sources/{code}/deletions`: a form with a
/// `signed_request`, two parts in base64url, the first of them HMAC-SHA-256 over the second.
///
/// It is answered with `url` and `confirmation_code`, and opened as a request for the officer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct DeletionSpec {
    /// For the merchant: where in the vendor's program the address is entered.
    pub(in crate::connect) guide: String,
    /// The secret it is signed with, with placeholders of the connection: `{app_secret}`.
    pub(in crate::connect) secret: String,
    /// Where the hub is reached from outside, with placeholders of the connection: `{hub_url}`. What `url` begins with.
    pub(in crate::connect) hub: String,
    /// jq filter over the second part, read as JSON, to who it is: an object with `email`, `phone`, `customer_number` and
    /// `account`, as far as they are known.
    pub(in crate::connect) who: String,
    /// jq filter over it: when it was signed, as RFC 3339 or as seconds since 1970.
    pub(in crate::connect) issued_at: String,
    /// Older ones are refused.
    #[serde(default = "window_hours")]
    pub(in crate::connect) window_hours: u16,
}

/// A list of people who demanded something of the vendor. Each opens a request for the officer, if they are known here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct DemandSpec {
    /// How it is read.
    pub(in crate::connect) pull: super::pull::PullSpec,
    /// jq filter from a page to its objects.
    pub(in crate::connect) objects: String,
    /// Which right.
    pub(in crate::connect) request: Demanded,
    /// jq filter over an object to who it is: an object with `email`, `phone`, `customer_number` and `account`, as far as they
    /// are known.
    pub(in crate::connect) who: String,
}

/// How a delivery proves who it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct SignatureSpec {
    /// The scheme.
    #[serde(default)]
    pub(in crate::connect) scheme: Scheme,
    /// The header that holds it; of `standard` it is always `webhook-signature`.
    #[serde(default)]
    pub(in crate::connect) header: Option<String>,
    /// How the header writes the bytes.
    #[serde(default)]
    pub(in crate::connect) encoding: SignatureEncoding,
    /// What stands before it there, such as `sha256=`.
    #[serde(default)]
    pub(in crate::connect) prefix: String,
    /// The secret, with placeholders of the connection: `{webhook_secret}`; of `rsa_sha512` the vendor's public key as it is
    /// published, in PEM or only its base64.
    pub(in crate::connect) secret: String,
}

/// A scheme of signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum Scheme {
    /// HMAC-SHA-256 over the bytes of the body.
    #[default]
    HmacSha256,
    /// RSA (PKCS #1 v1.5) with SHA-512 over the bytes of the body.
    RsaSha512,
    /// No signature: the header holds the secret itself, after the prefix (`Bearer `). Whoever sees one delivery can make others, so
    /// only where the vendor offers nothing else.
    Token,
    /// Standard Webhooks: HMAC-SHA-256 over id, time and body, the secret written as `whsec_…`.
    Standard,
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

/// What is done about one topic: one of `stream`, `sync`, `request` and `note`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct TopicSpec {
    /// The body is an object, or a page of them, of this stream.
    #[serde(default)]
    pub(in crate::connect) stream: Option<String>,
    /// The body says only that something changed: what is new is read.
    #[serde(default)]
    pub(in crate::connect) sync: bool,
    /// A demand of a person, to be opened as a request.
    #[serde(default)]
    pub(in crate::connect) request: Option<Demanded>,
    /// For the officer: what the vendor asks for that no request of one person is.
    #[serde(default)]
    pub(in crate::connect) note: Option<String>,
    /// Of a `request`: jq filter to who it is: an object with `email`, `phone`, `customer_number` and `account`, as far as they
    /// are known.
    #[serde(default)]
    pub(in crate::connect) who: Option<String>,
    /// Of a `request`: jq predicate over `{headers, body}` that holds of such a demand and of no other body the vendor signs. Where
    /// a header names the topic, nobody signed that it is this one.
    #[serde(default)]
    pub(in crate::connect) shape: Option<String>,
}

/// Which right a vendor passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Demanded {
    /// Access (Art. 15 GDPR).
    Access,
    /// Erasure (Art. 17 GDPR).
    Erasure,
}

const fn window_hours() -> u16 {
    72
}
