//! What the vendor tells by itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::handshake::HandshakeSpec;
use super::request::RequestSpec;
use super::signature::SignatureSpec;
use super::subscribe::SubscribeSpec;
use crate::types::RecordKind;

/// What the vendor tells by itself, at `POST /v1/sources/{code}/webhooks`.
///
/// The filters see `{headers, body}`: the headers by their names in lower case, and the body as it was sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct WebhookSpec {
    /// For the merchant: where in the vendor's program the address and the secret are entered, and for which topics; or what
    /// `subscribe` needs to do it by itself.
    pub(in crate::connect) guide: String,
    /// How a delivery proves who it comes from. What does not prove it is refused.
    pub(in crate::connect) signature: SignatureSpec,
    /// How the hub subscribes by itself.
    #[serde(default)]
    pub(in crate::connect) subscribe: Option<SubscribeSpec>,
    /// How the vendor writes the body.
    #[serde(default)]
    pub(in crate::connect) body: BodyForm,
    /// jq filter over `{headers, body}` that yields the events one by one, where a delivery holds several. `delivery`, `topic` and the
    /// filters of topics then see `{headers, event}`, and a `stream` gets the event as its object.
    #[serde(default)]
    pub(in crate::connect) each: Option<String>,
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

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum BodyForm {
    /// JSON.
    #[default]
    Json,
    /// A form (`application/x-www-form-urlencoded`). Filters see it as an object; `data[email]=…` is `.data.email`.
    Form,
}

/// What is done about one topic: one of `stream`, `sync`, `gone`, `request`, `unsubscribed` and `note`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct TopicSpec {
    /// The body is an object, or a page of them, of this stream.
    #[serde(default)]
    pub(in crate::connect) stream: Option<String>,
    /// The body says only that something changed: what is new is read.
    #[serde(default)]
    pub(in crate::connect) sync: bool,
    /// Something is gone at the vendor: what came of it ends here, as what two whole readings in a row do not list. Only what is signed is
    /// believed.
    #[serde(default)]
    pub(in crate::connect) gone: Option<GoneSpec>,
    /// A demand of a person, to be opened as a request.
    #[serde(default)]
    pub(in crate::connect) request: Option<Demanded>,
    /// Somebody unsubscribed at the vendor. Of whom the hub handed over to its `audience` it is a withdrawal.
    #[serde(default)]
    pub(in crate::connect) unsubscribed: Option<LeftSpec>,
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

/// What is gone at the vendor, as a delivery tells it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct GoneSpec {
    /// The type of record it was.
    #[schemars(with = "String")]
    pub(in crate::connect) of: RecordKind,
    /// jq filter to its id, or to several one by one, as the record's `external_id` has them.
    pub(in crate::connect) id: String,
    /// jq predicate over `{headers, body}` that holds of such a word and of no other body the vendor signs. It is needed where a header
    /// names the topic, which nobody signed.
    #[serde(default)]
    pub(in crate::connect) shape: Option<String>,
}

/// Who unsubscribed at the vendor, as a delivery tells it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct LeftSpec {
    /// The call that looks at the vendor whether it is so. It is needed where nobody signs the body (`token`, `path`): whoever sees one
    /// delivery could make others. Without it what is told is believed.
    #[serde(default)]
    pub(in crate::connect) lookup: Option<RequestSpec>,
    /// A second call, where the first one does not say all; its reply is `.further`.
    #[serde(default)]
    pub(in crate::connect) further: Option<RequestSpec>,
    /// Values for the lookup, by name: jq filters over `{headers, body, parameters}`, with `event` in the
    /// place of `body` where there is an `each`. If one yields nothing, nobody is meant.
    #[serde(default)]
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// jq filter over the same, with the reply of the lookup as `.reply`: yields `{email, at, held}` of each, as in `audience.unsubscribed`.
    /// Whose mailbox bounces, or whom the merchant blocked, did not say no: leave them out, or say `held: true`.
    pub(in crate::connect) people: String,
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
