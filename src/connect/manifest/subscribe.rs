//! How the hub subscribes to what a vendor tells by itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::request::RequestSpec;

/// How the hub subscribes to what a vendor tells by itself: `obhut sources listen CODE`.
///
/// Besides the parameters, placeholders and bodies may name `{address}`, where the vendor is to call, `{event}`, one of `events`, and
/// `{mark}`, sixteen letters and digits that tell this address from every other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct SubscribeSpec {
    /// What is subscribed: one subscription for each, as the vendor names it. Without any, one for everything.
    #[serde(default)]
    pub(in crate::connect) events: Vec<String>,
    /// The call that lists what is subscribed already. A 404 says that nothing is.
    pub(in crate::connect) list: RequestSpec,
    /// jq filter over its reply that yields the subscriptions one by one.
    pub(in crate::connect) objects: String,
    /// jq filter over its reply that yields the address of its next page; null or nothing at the end.
    #[serde(default)]
    pub(in crate::connect) next_url: Option<String>,
    /// The address of the next page stands in the header `Link` with `rel="next"` (RFC 8288).
    #[serde(default)]
    pub(in crate::connect) link_header: bool,
    /// jq predicate over `{found, address, mark, parameters}`: is it one of this hub for this source?
    #[serde(rename = "match")]
    pub(in crate::connect) matches: String,
    /// jq filter over a subscription that yields which of `events` it is for; needed where there are any.
    #[serde(default)]
    pub(in crate::connect) event: Option<String>,
    /// jq predicate over a subscription: does it work? One that the vendor turned off is made anew.
    #[serde(default)]
    pub(in crate::connect) works: Option<String>,
    /// The call that subscribes.
    pub(in crate::connect) create: RequestSpec,
    /// jq predicate over its reply: did the vendor do it? For vendors that refuse with a good status.
    #[serde(default)]
    pub(in crate::connect) expect: Option<String>,
    /// The call that ends a subscription.
    pub(in crate::connect) delete: RequestSpec,
    /// Values for `delete`, by name: jq filters over a subscription.
    #[serde(default = "id_of")]
    pub(in crate::connect) values: BTreeMap<String, String>,
    /// Parameters the hub makes, random and 40 characters long, and gives to the vendor. They are optional secrets.
    #[serde(default)]
    pub(in crate::connect) made: Vec<String>,
    /// Parameters the vendor makes: jq filters over the reply of `create`. They are optional secrets. With more than one of `events`
    /// there would be several of each.
    #[serde(default)]
    pub(in crate::connect) returned: BTreeMap<String, String>,
}

fn id_of() -> BTreeMap<String, String> {
    BTreeMap::from([("id".to_owned(), ".id".to_owned())])
}
