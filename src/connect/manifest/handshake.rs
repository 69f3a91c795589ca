//! How the vendor tries the address before it tells anything.

use schemars::JsonSchema;
use serde::Deserialize;

/// How the vendor tries the address, at `GET …/webhooks` (of `intent` at `POST`), before it tells anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct HandshakeSpec {
    /// What it wants to see.
    #[serde(default)]
    pub(in crate::connect) kind: HandshakeKind,
    /// Of `hub_challenge` and `verify`: the token both sides know, with placeholders of the connection: `{verify_token}`.
    #[serde(default)]
    pub(in crate::connect) token: Option<String>,
    /// Of `echo` and `verify`: the parameter of the query that holds what is sent back.
    #[serde(default)]
    pub(in crate::connect) parameter: Option<String>,
    /// Of `intent`: jq predicate over `{headers, body}`: is this a trial and no delivery?
    #[serde(default)]
    pub(in crate::connect) when: Option<String>,
}

/// What a vendor wants to see when it tries the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum HandshakeKind {
    /// `?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…`: the challenge, if the token is right (WebSub's form, as Meta uses it).
    #[default]
    HubChallenge,
    /// The value of `parameter`, as it came (Billbee's `?echo=…`).
    Echo,
    /// The token, a space, and the value of `parameter` (CleverReach).
    Verify,
    /// Any answer of status 200 (Mailchimp).
    Reach,
    /// A delivery that means nothing: 200 if its signature holds, 401 if not (Xero's "intent to receive").
    Intent,
}
