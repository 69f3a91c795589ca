//! Turns a tree of JSON values into a request type, and says precisely which field is wrong.
//!
//! It has its own serde error, so that the reason arrives as a code and not as a sentence that may quote the
//! document. A field nobody asked for is refused even where a type forgot `deny_unknown_fields`.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor};
use serde_json::Value;
use serde_path_to_error::Segment;

use super::problem::{Code, FieldFault, Problem};

/// One step into a document.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Why a document is not what the operation reads.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    detail: Cow<'static, str>,
    steps: Vec<Step>,
    /// The name of a missing field: one more step, which serde did not take.
    missing: Option<&'static str>,
}

impl Fault {
    pub(super) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), steps: Vec::new(), missing: None }
    }

    pub(super) fn on(mut self, steps: Vec<Step>) -> Self {
        self.steps = steps;
        self
    }

    /// The first step's name, if it can be one of ours: which query parameter it was.
    pub(super) fn parameter(&self) -> Option<String> {
        match (self.missing, self.steps.first()) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(Step::Key(key))) if is_field_name(key) => Some(key.clone()),
            _ => None,
        }
    }

    pub(super) fn into_detail(self) -> Cow<'static, str> {
        self.detail
    }

    /// A JSON pointer (RFC 6901). It stops before the first name that cannot be one of ours, because callers
    /// put e-mail addresses and names where field names belong.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if is_field_name(key) => pointer.extend(["/", key]),
                Step::Key(_) => return pointer,
                Step::Index(index) => pointer.extend(["/", &index.to_string()]),
            }
        }
        if let Some(name) = self.missing {
            pointer.extend(["/", name]);
        }
        pointer
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let pointer = fault.pointer();
        let errors = vec![FieldFault { code: fault.code.word(), pointer, detail: fault.detail }];
        Self::fields(fault.code, errors)
    }
}

/// Reads a tree as `T`.
pub(super) fn decode<T: DeserializeOwned>(tree: Value) -> Result<T, Fault> {
    from_deserializer(Tree(tree))
}

/// Reads any source of values as `T`, keeping track of the place.
pub(super) fn from_deserializer<'de, T, D>(deserializer: D) -> Result<T, Fault>
where
    T: DeserializeOwned,
    D: serde::Deserializer<'de, Error = Fault>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let steps = error.path().iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        let steps = steps.collect();
        error.into_inner().on(steps)
    })
}

/// Field names of this API are lower-case words with underscores. Anything else in the place of a field name may be
/// a value of the caller and is not repeated.
fn is_field_name(key: &str) -> bool {
    (1..=40).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.word())
    }
}

impl serde::de::Error for Fault {
    /// A type's own check failed. Its sentence may quote the value, so it goes no further.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(Code::InvalidValue, "The value does not have the required form.")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Code::WrongType, format!("Expected {}, found {}.", plain(expected), kind(found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Code::InvalidValue, format!("Expected {}.", plain(expected)))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(Code::InvalidValue, format!("Expected {}.", plain(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Code::InvalidValue, format!("Expected one of: {}.", expected.join(", ")))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        let detail: Cow<'static, str> = match expected {
            [] => "This object has no fields.".into(),
            names => format!("Known fields: {}.", names.join(", ")).into(),
        };
        Self::new(Code::UnknownField, detail)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(Code::MissingField, "This field is required.") }
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::new(Code::DuplicateField, "Name each field of an object once.")
    }
}

/// What serde calls an expectation, in the API's words. It comes from the type, never from the document.
fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => "an object".to_owned(),
        other if other.starts_with("enum ") => "one of the known words".to_owned(),
        _ => text,
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

/// A tree that reads itself with [`Fault`] as its error.
struct Tree(Value);

impl IntoDeserializer<'_, Fault> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> serde::Deserializer<'de> for Tree {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(value) => visitor.visit_string(value),
            Value::Array(values) => {
                let mut list = SeqDeserializer::new(values.into_iter().map(Tree));
                let value = visitor.visit_seq(&mut list)?;
                list.end().map(|()| value)
            }
            Value::Object(values) => {
                let mut object = MapDeserializer::new(values.into_iter().map(|(key, value)| (key, Tree(value))));
                let value = visitor.visit_map(&mut object)?;
                object.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(word.into_deserializer()),
            Value::Object(values) => {
                let object = MapDeserializer::new(values.into_iter().map(|(key, value)| (key, Tree(value))));
                visitor.visit_enum(MapAccessDeserializer::new(object))
            }
            other => Tree(other).deserialize_any(visitor),
        }
    }

    /// serde would also read a struct from a list of its values; this API does not.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Array(_) => Err(serde::de::Error::invalid_type(Unexpected::Seq, &"an object")),
            other => Tree(other).deserialize_any(visitor),
        }
    }

    /// Nobody reads this value: it is a field the document does not know.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Fault::new(Code::UnknownField, "This field is not known here."))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::types::{Channel, PurposeCode, SubjectId};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Person {
        email: String,
        #[serde(default)]
        channel: Option<Channel>,
        #[serde(default)]
        parts: Vec<Part>,
        #[serde(default)]
        purpose: Option<PurposeCode>,
        #[serde(default)]
        subject: Option<SubjectId>,
        #[serde(default)]
        change: Option<Change>,
    }

    #[derive(Debug, Deserialize)]
    struct Part {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case", tag = "act", deny_unknown_fields)]
    enum Change {
        Grant { until: u64 },
    }

    #[track_caller]
    fn fault(tree: Value) -> (Code, String, String) {
        let fault = decode::<Person>(tree).unwrap_err();
        let problem = Problem::from(fault);
        let sent = serde_json::to_value(problem.document(None)).unwrap();
        (problem.code(), sent["pointer"].as_str().unwrap().to_owned(), sent.to_string())
    }

    #[test]
    fn a_good_document_is_read() {
        let person: Person = decode(json!({
            "email": "a@b.example", "channel": "post", "parts": [{"count": 3}], "purpose": "newsletter_email",
            "subject": "018f3f3c-0000-7000-8000-000000000001", "change": {"act": "grant", "until": 7}
        }))
        .unwrap();
        assert_eq!((person.email.as_str(), person.channel), ("a@b.example", Some(Channel::Post)));
        assert!(matches!(person.change, Some(Change::Grant { until: 7 })));
        assert_eq!(person.parts[0].count, 3);
        assert!(person.purpose.is_some() && person.subject.is_some());
        assert!(decode::<Person>(json!({"email": "x", "channel": null})).unwrap().channel.is_none());
    }

    #[test]
    fn each_fault_has_its_code_and_place() {
        let cases = [
            (json!({}), Code::MissingField, "/email"),
            (json!({"email": 3}), Code::WrongType, "/email"),
            (json!({"email": "x", "channel": "fax"}), Code::InvalidValue, "/channel"),
            (json!({"email": "x", "parts": {}}), Code::WrongType, "/parts"),
            (json!({"email": "x", "parts": [{"count": 1}, {"count": -1}]}), Code::InvalidValue, "/parts/1/count"),
            (json!({"email": "x", "parts": [{"count": "1"}]}), Code::WrongType, "/parts/0/count"),
            (json!({"email": "x", "parts": [{}]}), Code::MissingField, "/parts/0/count"),
            (json!({"email": "x", "extra": 1}), Code::UnknownField, "/extra"),
            (json!({"email": "x", "purpose": "Not A Code"}), Code::InvalidValue, "/purpose"),
            (json!({"email": "x", "subject": "nobody"}), Code::InvalidValue, "/subject"),
            (json!(["x"]), Code::WrongType, ""),
            (json!({"email": "x", "parts": [[1]]}), Code::WrongType, "/parts/0"),
            (json!("x"), Code::WrongType, ""),
        ];
        for (tree, code, pointer) in cases {
            let shown = tree.to_string();
            let (found, place, _) = fault(tree);
            assert_eq!((found, place.as_str()), (code, pointer), "{shown}");
        }
    }

    #[test]
    fn a_type_that_forgot_to_refuse_unknown_fields_refuses_them_too() {
        let (code, pointer, _) = fault(json!({"email": "x", "parts": [{"count": 1, "colour": 2}]}));
        assert_eq!((code, pointer.as_str()), (Code::UnknownField, "/parts/0/colour"));
    }

    #[test]
    fn nothing_the_caller_sent_comes_back() {
        let sentinel = "Erika.Mustermann@sentinel.example";
        for tree in [
            json!({"email": "x", sentinel: 1}),
            json!({"email": "x", "channel": sentinel}),
            json!({"email": [sentinel]}),
            json!({"email": {sentinel: sentinel}}),
            json!({"email": "x", "purpose": sentinel}),
            json!({"email": "x", "subject": sentinel}),
            json!({"email": "x", "parts": [{"count": sentinel}]}),
            json!({"email": "x", "parts": [{"count": 1, sentinel: 1}]}),
            json!({"email": "x", "change": {"act": sentinel}}),
            json!({"email": "x", "change": {"act": "grant", "until": sentinel}}),
            json!(sentinel),
        ] {
            let (_, _, sent) = fault(tree);
            assert!(!sent.contains("Mustermann"), "{sent}");
        }
        for value in ["4915112345678", "Mustermann", "1980_02_29", "max@example.de"] {
            let (code, pointer, sent) = fault(json!({"email": "x", "parts": [{"count": 1, value: 1}]}));
            assert_eq!((code, pointer.as_str()), (Code::UnknownField, "/parts/0"));
            assert!(!sent.contains(value), "{sent}");
        }
    }
}
