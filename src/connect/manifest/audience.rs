//! How people of a segment are handed to the vendor, and taken off again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::erase::StepSpec;
use super::request::RequestSpec;

/// How people of a segment are handed to the vendor, and taken off again. They are told by their mail address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct AudienceSpec {
    /// For the merchant and the officer: what this makes of people at the vendor, and what is left when they are taken off.
    pub(in crate::connect) note: String,
    /// How many people one call may hold.
    #[serde(default = "one")]
    pub(in crate::connect) batch: u16,
    /// The call that adds people, or brings what is known of them up to date. The body sees `.members`, each with `email` and the
    /// fields of the segment by category, and `.now` in seconds since 1970; with `batch: 1` placeholders may name `{email}` too.
    pub(in crate::connect) add: RequestSpec,
    /// jq filter over the reply that yields the mail addresses the vendor did not take.
    #[serde(default)]
    pub(in crate::connect) refused: Option<String>,
    /// What takes one person off; as in `erase`, each looks again afterwards. `{email}` is all that is known.
    pub(in crate::connect) remove: Vec<StepSpec>,
}

const fn one() -> u16 {
    1
}
