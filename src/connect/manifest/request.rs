//! A call to the vendor as a manifest writes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct RequestSpec {
    /// Its method.
    #[serde(default)]
    pub(in crate::connect) method: MethodSpec,
    /// Its path below the base address, with placeholders: `/orders/{id}`. Each value stays within its segment.
    pub(in crate::connect) path: String,
    /// Parameters of the query, with placeholders. One whose placeholder has no value is left out.
    #[serde(default)]
    pub(in crate::connect) query: BTreeMap<String, String>,
    /// Headers of this call.
    #[serde(default)]
    pub(in crate::connect) headers: BTreeMap<String, String>,
    /// jq filter that yields the JSON to send; its input is the object of everything a placeholder may name here.
    #[serde(default)]
    pub(in crate::connect) body: Option<String>,
    /// Fields of a form to send instead of JSON.
    #[serde(default)]
    pub(in crate::connect) form: BTreeMap<String, String>,
}

/// The method of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(in crate::connect) enum MethodSpec {
    /// Reads.
    #[default]
    Get,
    /// Asks or makes.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}
