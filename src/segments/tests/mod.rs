//! Tests of the whole room: the language, what it means, and real pulls from a real store.

mod house;
mod language;
mod laws;
mod meaning;
mod walk;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Facts, Rule};
use crate::consent::{Purpose, default_purposes};
use crate::types::{Category, Timestamp};

/// The day on which everything is asked: 21 November 2026.
fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T10:00:00Z").unwrap()
}

fn rule(json: Value) -> Rule {
    Rule::read(&json, "").unwrap()
}

fn purpose(code: &str) -> Purpose {
    default_purposes().unwrap().into_iter().find(|purpose| purpose.code.as_str() == code).unwrap()
}

fn profile(json: Value) -> BTreeMap<Category, serde_json::Map<String, Value>> {
    let Value::Object(parts) = json else { panic!("an object") };
    parts.into_iter().map(|(category, part)| (category.parse().unwrap(), part.as_object().unwrap().clone())).collect()
}

fn facts(json: Value) -> Facts {
    Facts::from_profile(profile(json))
}
