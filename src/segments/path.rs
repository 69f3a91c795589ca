//! [`FieldPath`]: the name of a field, such as `identity.language` or `contact.emails.value`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::types::{Category, UnknownWord};

/// A category and the names under it, joined by points. Names: lower-case letters, digits, `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldPath {
    category: Category,
    names: String,
}

impl FieldPath {
    /// Its category.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.category
    }

    /// The names under the category, joined by points.
    #[must_use]
    pub fn names(&self) -> &str {
        &self.names
    }

    /// Is it `field`, or a part of it?
    #[must_use]
    pub fn is_in(&self, category: Category, field: &str) -> bool {
        let rest = self.names.strip_prefix(field);
        self.category == category && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    pub(super) fn of(category: Category, names: &str) -> Self {
        Self { category, names: names.to_owned() }
    }
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.category.word(), self.names)
    }
}

impl FromStr for FieldPath {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (category, names) = text.split_once('.').ok_or(UnknownWord("field"))?;
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let name = |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(letter);
        if names.split('.').count() > 4 || !names.split('.').all(name) {
            return Err(UnknownWord("field"));
        }
        Ok(Self { category: category.parse()?, names: names.to_owned() })
    }
}

impl Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for FieldPath {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The name of a field: its category and the names under it, joined by points."))
            .pattern(Some("^[a-z]+(\\.[a-z0-9_]{1,64}){1,4}$"))
            .examples([serde_json::json!("identity.language")])
            .into()
    }
}

impl ToSchema for FieldPath {}
