//! A call to the vendor as a manifest writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::pull::ExpiredSpec;

/// A call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::connect) struct RequestSpec {
    /// Its method.
    #[serde(default)]
    pub(in crate::connect) method: MethodSpec,
    /// Its path below the base address, with placeholders: `/orders/{id}`. Each value stays within its segment.
    pub(in crate::connect) path: String,
    /// The address its path starts at, where that is another one than `base_url`; placeholders are parameters. Its host must be among `hosts`,
    /// and gets the credentials.
    #[serde(default)]
    pub(in crate::connect) base: Option<String>,
    /// Parameters of the query, with placeholders. One whose placeholder has no value is left out; one with a list of texts, or of one
    /// placeholder whose value is a list, stands there as often.
    #[serde(default)]
    pub(in crate::connect) query: BTreeMap<String, Texts>,
    /// Headers of this call.
    #[serde(default)]
    pub(in crate::connect) headers: BTreeMap<String, String>,
    /// jq filter that yields the JSON to send; its input is the object of everything a placeholder may name here.
    #[serde(default)]
    pub(in crate::connect) body: Option<String>,
    /// Fields of a form to send instead of JSON.
    #[serde(default)]
    pub(in crate::connect) form: BTreeMap<String, Texts>,
    /// The header that tells this call from every other, such as `Idempotency-Key`, where the vendor does nothing twice under one key.
    /// The key is a UUID of chance: the same while an answer is waited for again, another one for every call.
    #[serde(default)]
    pub(in crate::connect) idempotency_key: Option<String>,
    /// How the vendor says that what the path names is not there, where it does not say so with 404. The path names the person, or
    /// something that was found.
    #[serde(default)]
    pub(in crate::connect) missing: Option<ExpiredSpec>,
}

/// One text or several.
#[derive(Debug, Default)]
pub(in crate::connect) struct Texts(pub(in crate::connect) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, in quotation marks if it is a number, or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "One text or several.",
            "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        })
    }
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
