//! Reading a rule from JSON, with every mistake found and pointed at.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::rule::{Condition, Rule};

/// Levels of `all`, `any` and `not` in each other.
pub const MAX_DEPTH: usize = 8;
/// Conditions and connectives of one rule.
pub const MAX_NODES: usize = 100;
/// Entries of one list.
pub const MAX_LIST: usize = 1_000;

/// One thing wrong with a segment. It repeats nothing of what was sent but the names of fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SegmentFault)]
pub struct Fault {
    /// Stable code in snake_case.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// JSON pointer (RFC 6901) into the segment.
    pub pointer: String,
    /// What to do about it.
    #[schema(value_type = String)]
    pub text: &'static str,
}

impl Fault {
    pub(super) fn new(code: &'static str, pointer: impl Into<String>, text: &'static str) -> Self {
        Self { code, pointer: pointer.into(), text }
    }
}

impl Rule {
    /// Reads a rule; pointers of faults begin with `at`.
    ///
    /// # Errors
    /// Every fault found: `invalid_rule`, `unknown_condition`, `unknown_field`, `missing_field`, `invalid_value`,
    /// `too_deep`, `too_large`.
    pub fn read(rule: &Value, at: &str) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader { faults: Vec::new(), nodes: 0 };
        let read = reader.rule(rule, at, 0);
        match read {
            Some(rule) if reader.faults.is_empty() => Ok(rule),
            _ => Err(reader.faults),
        }
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rule = Value::deserialize(deserializer)?;
        Self::read(&rule, "").map_err(|faults| {
            let first = faults.first();
            serde::de::Error::custom(format_args!(
                "{} at {}",
                first.map_or("invalid_rule", |fault| fault.code),
                first.map_or("", |fault| fault.pointer.as_str())
            ))
        })
    }
}

/// The names that say which condition an object is.
const CONDITIONS: [&str; 11] = [
    "attribute",
    "place",
    "orders",
    "last_order",
    "channel",
    "birthday",
    "age",
    "phase",
    "newsletter",
    "reviews",
    "events",
];

struct Reader {
    faults: Vec<Fault>,
    nodes: usize,
}

impl Reader {
    fn rule(&mut self, rule: &Value, at: &str, depth: usize) -> Option<Rule> {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return self.fault("too_deep", at, "a rule has at most 8 levels");
        }
        if self.nodes > MAX_NODES {
            // Said once; what follows is not looked at.
            if self.nodes == MAX_NODES + 1 {
                self.faults.push(Fault::new("too_large", at, "a rule has at most 100 conditions"));
            }
            return None;
        }
        let Value::Object(fields) = rule else {
            return self.fault("invalid_rule", at, "a rule is an object: all, any, not or a condition");
        };
        for name in ["all", "any", "not"] {
            if let Some(inner) = fields.get(name) {
                if fields.len() != 1 {
                    return self.fault("invalid_rule", at, "all, any and not stand alone in their object");
                }
                return self.connective(name, inner, &format!("{at}/{name}"), depth + 1);
            }
        }
        self.condition(fields, at).map(Rule::If)
    }

    fn connective(&mut self, name: &str, inner: &Value, at: &str, depth: usize) -> Option<Rule> {
        if name == "not" {
            return self.rule(inner, at, depth).map(|not| Rule::Not { not: Box::new(not) });
        }
        let Value::Array(list) = inner else { return self.fault("invalid_rule", at, "a list of rules is expected") };
        let rules: Vec<Option<Rule>> =
            list.iter().enumerate().map(|(index, rule)| self.rule(rule, &format!("{at}/{index}"), depth)).collect();
        let rules: Vec<Rule> = rules.into_iter().collect::<Option<_>>()?;
        Some(if name == "all" { Rule::All { all: rules } } else { Rule::Any { any: rules } })
    }

    fn condition(&mut self, fields: &Map<String, Value>, at: &str) -> Option<Condition> {
        let Some(name) = CONDITIONS.into_iter().find(|name| fields.contains_key(*name)) else {
            return self.fault("unknown_condition", at, "no condition has this name");
        };
        let whole = Value::Object(fields.clone());
        match name {
            "attribute" => return self.decode(whole, at).map(Condition::Attribute),
            "phase" => return self.decode(whole, at).map(Condition::Phase),
            _ => {}
        }
        if fields.len() != 1 {
            return self.fault("invalid_rule", at, "a condition has one name");
        }
        let inner = fields.get(name).cloned().unwrap_or_default();
        let at = format!("{at}/{name}");
        Some(match name {
            "place" => Condition::Place { place: self.decode(inner, &at)? },
            "orders" => Condition::Orders { orders: self.decode(inner, &at)? },
            "last_order" => Condition::LastOrder { last_order: self.decode(inner, &at)? },
            "channel" => Condition::Channel { channel: self.decode(inner, &at)? },
            "birthday" => Condition::Birthday { birthday: self.decode(inner, &at)? },
            "age" => Condition::Age { age: self.decode(inner, &at)? },
            "newsletter" => Condition::Newsletter { newsletter: self.decode(inner, &at)? },
            "reviews" => Condition::Reviews { reviews: self.decode(inner, &at)? },
            _ => Condition::Events { events: self.decode(inner, &at)? },
        })
    }

    fn decode<T: DeserializeOwned>(&mut self, value: Value, at: &str) -> Option<T> {
        match decode(value, at) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }

    fn fault<T>(&mut self, code: &'static str, at: &str, text: &'static str) -> Option<T> {
        self.faults.push(Fault::new(code, at, text));
        None
    }
}

/// Reads `value` as a `T`; the fault points at the field and repeats no value.
pub(super) fn decode<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer = at.to_owned();
        for step in error.path() {
            match step {
                serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                serde_path_to_error::Segment::Map { key } if ours(key) => pointer.push_str(&format!("/{key}")),
                // Where a field name belongs somebody may have put a person's.
                serde_path_to_error::Segment::Map { .. } => break,
                _ => {}
            }
        }
        let cause = error.inner().to_string();
        let (code, text) = if cause.starts_with("unknown field") {
            ("unknown_field", "there is no field of this name")
        } else if cause.starts_with("missing field") {
            ("missing_field", "a field is missing")
        } else {
            ("invalid_value", "the value does not fit the field")
        };
        Fault::new(code, pointer, text)
    })
}

/// Can it be a field name of this language? Only such a name comes back.
fn ours(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
