//! [`Document`]: what was opened of one category of one record. Trusted: only the door makes one.
//!
//! Most people a program reads have one record, whose documents leave as they were sealed. So it stays as it was written, and
//! is read into a tree when somebody looks into it.

use std::fmt;
use std::sync::OnceLock;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::profile;
use crate::vault::{self, Opened};

/// An opened document; its shape is in [`crate::intake::record`].
pub(super) struct Document {
    written: Box<RawValue>,
    tree: OnceLock<Value>,
}

impl Document {
    /// Takes what was opened.
    ///
    /// # Errors
    /// If it is no JSON.
    pub(super) fn of(opened: &Opened) -> Result<Self, vault::Error> {
        Ok(Self { written: opened.document()?, tree: OnceLock::new() })
    }

    /// The document to look into.
    pub(super) fn tree(&self) -> &Value {
        // It was written from a tree, and is JSON: it can be read as one again.
        self.tree.get_or_init(|| serde_json::from_str(self.written.get()).unwrap_or_default())
    }

    /// The document as it was written.
    pub(super) fn text(&self) -> &str {
        self.written.get()
    }

    /// Would joining it with nothing leave it as it is? So it is when it has fields, none of them is a thing of its own, and
    /// each list has one entry: two might be the same, and a list of none is left out.
    pub(super) fn is_profile(&self) -> bool {
        serde_json::from_str(self.written.get()).is_ok_and(|Plain(plain)| plain)
    }

    /// A document that no door opened.
    #[cfg(test)]
    pub(super) fn of_a_test(tree: &Value) -> Self {
        Self { written: serde_json::value::to_raw_value(tree).unwrap(), tree: OnceLock::new() }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

/// Is a document a profile as it stands?
struct Plain(bool);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a document")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Plain, A::Error> {
                let (mut any, mut plain) = (false, true);
                while let Some((name, Short(short))) = fields.next_entry::<&str, Short>()? {
                    any = true;
                    plain &= short && !profile::is_thing(name);
                }
                Ok(Plain(any && plain))
            }
        }
        document.deserialize_map(Fields)
    }
}

/// Is a value no list, or one of a single entry?
struct Short(bool);

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Length;
        impl<'de> Visitor<'de> for Length {
            type Value = Short;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_str<E>(self, _: &str) -> Result<Short, E> {
                Ok(Short(true))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Short, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Short(true))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Short, A::Error> {
                let mut length = 0;
                while entries.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Short(length == 1))
            }
        }
        value.deserialize_any(Length)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_a_profile_when_nothing_in_it_would_be_joined() {
        let is_profile = |document: Value| Document::of_a_test(&document).is_profile();
        assert!(is_profile(json!({"family_name": "Weiß", "born": null, "age": 3, "of_age": true, "share": 0.5})));
        assert!(is_profile(json!({"emails": [{"value": "a@example.org"}], "more": {"orders": [1, 2]}})));
        assert!(!is_profile(json!({"emails": [{"value": "a@example.org"}, {"value": "a@example.org"}]})));
        assert!(!is_profile(json!({"family_name": "Weiß", "emails": []})), "a list of none is left out");
        assert!(!is_profile(json!({"order": {"number": "1"}})), "it joins a list");
        assert!(!is_profile(json!({})), "a category without fields is none");
        assert!(!is_profile(json!(["no", "object"])));
    }
}
