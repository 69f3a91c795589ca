//! How a vendor is reached: parameters, address, hosts, authentication, limits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::AuthSpec;
use super::request::RequestSpec;

/// How the vendor is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct LinkSpec {
    /// For the merchant: where in the vendor's program the credentials are made, and which rights they need.
    pub(in crate::connect) guide: String,
    /// What the merchant enters, by name.
    pub(in crate::connect) parameters: BTreeMap<String, ParameterSpec>,
    /// Further values, each a jq filter over the object of the parameters: `dc: .api_key | split("-") | last`.
    #[serde(default)]
    pub(in crate::connect) derived: BTreeMap<String, String>,
    /// Where every path of the manifest starts; placeholders are parameters: `{shop_url}/api`.
    pub(in crate::connect) base_url: String,
    /// The only hosts that may be called: `api.vendor.example`, `*.vendor.example`, or `{parameter}` for the host of an
    /// address the merchant entered.
    pub(in crate::connect) hosts: Vec<String>,
    /// How a call proves who it comes from. What is named here is combined.
    #[serde(default)]
    pub(in crate::connect) auth: AuthSpec,
    /// Headers of every call.
    #[serde(default)]
    pub(in crate::connect) headers: BTreeMap<String, String>,
    /// Calls the vendor allows; all windows hold at once.
    #[serde(default)]
    pub(in crate::connect) limits: Vec<LimitSpec>,
    /// Sources of this connector for which this text is the same share its limits, such as `{client_id}` where the vendor counts by
    /// program and not by account. Without it each source has its own.
    #[serde(default)]
    pub(in crate::connect) limits_of: Option<String>,
    /// Calls of one source that may be under way at once, whoever makes them.
    #[serde(default = "at_once")]
    pub(in crate::connect) at_once: u8,
    /// How the vendor says "too many calls".
    #[serde(default)]
    pub(in crate::connect) throttle: ThrottleSpec,
    /// How the vendor says, before it says "too many calls", how much of what it allows is used.
    #[serde(default)]
    pub(in crate::connect) usage: Option<UsageSpec>,
    /// jq predicate over an error reply: it refuses the credentials, whatever its status says.
    #[serde(default)]
    pub(in crate::connect) refused: Option<String>,
    /// The statuses by which the vendor refuses credentials or a token that ended.
    #[serde(default = "unauthorised")]
    pub(in crate::connect) refuses: Vec<u16>,
    /// jq filter over an error reply that yields the vendor's code for it. Only what looks like a code is shown.
    #[serde(default)]
    pub(in crate::connect) error_code: Option<String>,
    /// A harmless call that proves credentials and rights, or several. A program that is told is tried with a message instead.
    #[serde(default)]
    pub(in crate::connect) test: Option<TestSpec>,
    /// The call that tells whose account at the vendor the credentials are for, so that those of another account are noticed.
    #[serde(default)]
    pub(in crate::connect) whoami: Option<WhoamiSpec>,
    /// Largest reply in MiB.
    #[serde(default = "max_reply_mib")]
    pub(in crate::connect) max_reply_mib: u32,
    /// How long one call may take.
    #[serde(default = "timeout_seconds")]
    pub(in crate::connect) timeout_seconds: u32,
}

/// Something the merchant enters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ParameterSpec {
    /// What the vendor's program calls it.
    pub(in crate::connect) title: String,
    /// What it is.
    #[serde(default)]
    pub(in crate::connect) kind: ParameterKind,
    /// How one looks.
    #[serde(default)]
    pub(in crate::connect) example: Option<String>,
    /// The value where none is entered.
    #[serde(default)]
    pub(in crate::connect) default: Option<String>,
    /// May it be left out?
    #[serde(default)]
    pub(in crate::connect) optional: bool,
    /// Days after which the vendor lets what was entered end. The hub says so in the thirty days before.
    #[serde(default)]
    pub(in crate::connect) ends_after_days: Option<u16>,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::connect) enum ParameterKind {
    /// A text that may be shown.
    #[default]
    Text,
    /// A text that is never shown again.
    Secret,
    /// A public key in PEM; line breaks do not matter.
    PublicKey,
    /// An address: `https://shop.example`. A slash at its end is cut off.
    Url,
    /// A single name within a host name: letters, digits and hyphens.
    Label,
}

/// How the vendor says how much of what it allows is used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct UsageSpec {
    /// The headers that say it, as JSON.
    pub(in crate::connect) headers: Vec<String>,
    /// jq filter over the value of such a header that yields how many percent are used.
    pub(in crate::connect) percent: String,
    /// jq filter over it that yields the minutes until calls are allowed again, where the vendor says it.
    #[serde(default)]
    pub(in crate::connect) wait_minutes: Option<String>,
    /// From so many percent on calls are made more slowly; from 100 on none is made for a while.
    #[serde(default = "nearly")]
    pub(in crate::connect) slow_from: u8,
}

/// A window of allowed calls.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct LimitSpec {
    /// So many calls …
    pub(in crate::connect) calls: f64,
    /// … in so many seconds.
    pub(in crate::connect) seconds: f64,
    /// Calls that may be made at once after a rest, where the vendor fills a bucket evenly. Without it no stretch of
    /// `seconds` ever holds more than `calls`.
    #[serde(default)]
    pub(in crate::connect) burst: Option<f64>,
    /// The only calls it is about: those with one of these paths, as the requests of this manifest write them (`/orders/{id}`).
    /// Without any it is about all.
    #[serde(default)]
    pub(in crate::connect) paths: Vec<String>,
    /// Does each path have such a window for itself?
    #[serde(default)]
    pub(in crate::connect) each_path: bool,
    /// Sources of this connector for which this text is the same share this window, whatever they share besides: `{api_key}` where the
    /// vendor counts the calls of a program in one window, and those of each account in another.
    #[serde(default)]
    pub(in crate::connect) of: Option<String>,
    /// The headers in which replies tell how this window stands. What they say counts, and not what stands here.
    #[serde(default)]
    pub(in crate::connect) told: Option<ToldSpec>,
}

/// The headers in which replies tell how a window stands.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct ToldSpec {
    /// How much of the bucket is used, and its size: `32/40`. It empties in the same time, whatever its size. Needs `burst`.
    #[serde(default)]
    pub(in crate::connect) used: Option<String>,
    /// How many calls are left. At 0 none is made before `reset`, or without one for as long as the window is.
    #[serde(default)]
    pub(in crate::connect) remaining: Option<String>,
    /// When calls are allowed again: seconds from now, seconds or milliseconds since 1970, or a date of HTTP.
    #[serde(default)]
    pub(in crate::connect) reset: Option<String>,
    /// How many calls the window allows.
    #[serde(default)]
    pub(in crate::connect) most: Option<String>,
    /// How many calls a second the bucket gains. Needs `burst`.
    #[serde(default)]
    pub(in crate::connect) rate: Option<String>,
}

/// How the vendor says "too many calls".
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::connect) struct ThrottleSpec {
    /// By these statuses.
    pub(in crate::connect) status: Vec<u16>,
    /// Or by what a reply of any status says: a jq predicate over it.
    pub(in crate::connect) body: Option<String>,
    /// The header that says how long to wait: seconds or a date.
    pub(in crate::connect) retry_after: String,
}

impl Default for ThrottleSpec {
    fn default() -> Self {
        Self { status: vec![429], body: None, retry_after: "retry-after".to_owned() }
    }
}

/// The call that proves credentials and rights.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct TestSpec {
    /// The call.
    pub(in crate::connect) request: RequestSpec,
    /// jq predicate over the reply: is this the vendor, answering as it should?
    #[serde(default)]
    pub(in crate::connect) expect: Option<String>,
    /// What is said where it does not, in plain words; without it, that this is not the vendor.
    #[serde(default)]
    pub(in crate::connect) otherwise: Option<String>,
    /// jq filter over the reply that yields in plain words what the credentials may not do beside reading, such as erasing somebody; nothing
    /// where they may. It is said when they are tried, and refuses nothing.
    #[serde(default)]
    pub(in crate::connect) lacks: Option<String>,
    /// What the vendor's right is called that it proves, for who lacks it: `orders`.
    #[serde(default)]
    pub(in crate::connect) proves: Option<String>,
    /// Further calls, one for each right that the streams need besides.
    #[serde(default)]
    pub(in crate::connect) also: Vec<Self>,
}

/// The call that tells whose account the credentials are for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct WhoamiSpec {
    /// The call.
    pub(in crate::connect) request: RequestSpec,
    /// jq filter over the reply that yields the vendor's id of the account, which never changes; nothing where the reply does not say it.
    pub(in crate::connect) id: String,
}

fn unauthorised() -> Vec<u16> {
    vec![401]
}

const fn nearly() -> u8 {
    80
}

const fn at_once() -> u8 {
    4
}

const fn max_reply_mib() -> u32 {
    64
}

const fn timeout_seconds() -> u32 {
    60
}
