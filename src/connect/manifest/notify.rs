//! How a program is told what happened.

use schemars::JsonSchema;
use serde::Deserialize;

use super::request::RequestSpec;

/// How a program is told what happened: a call whose body is the message, signed as Standard Webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct NotifySpec {
    /// The call; its body is the message.
    pub(in crate::connect) request: RequestSpec,
    /// Secrets that sign it, as placeholders; those without a value are left out. Several, while one is replaced.
    pub(in crate::connect) secrets: Vec<String>,
}
