//! Reads a JSON document strictly: UTF-8, no field twice, bounded depth, no null characters.
//!
//! What it refuses it names by code and place, never by value.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::{self, Fault, Step};
use super::problem::{Code, Problem};

/// Objects and lists inside each other, at most.
const DEPTH: usize = 32;

/// Reads `bytes` as one `T`.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let tree = tree(bytes)?;
    fields::decode(tree).map_err(Problem::from)
}

/// Reads `bytes` as a tree of values.
fn tree(bytes: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(Code::InvalidUtf8, format!("The body stops being UTF-8 after {} bytes.", error.valid_up_to()))
    })?;
    let (steps, fault) = (RefCell::new(Vec::new()), Cell::new(None));
    let mut reader = serde_json::Deserializer::from_str(text);
    // Our own depth limit comes first and has its own code.
    let value = Strict { steps: &steps, fault: &fault }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| match fault.take() {
        Some((code, detail)) => Problem::from(Fault::new(code, detail).on(steps.take())),
        // serde_json's own sentence can hold parts of the document; its place cannot.
        None => Problem::new(
            Code::MalformedJson,
            format!("The JSON is broken at line {}, column {}.", error.line(), error.column()),
        ),
    })
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    steps: &'a RefCell<Vec<Step>>,
    fault: &'a Cell<Option<(Code, &'static str)>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, code: Code, detail: &'static str) -> E {
        self.fault.set(Some((code, detail)));
        E::custom("refused")
    }

    fn enter<E: serde::de::Error>(&self, step: Step) -> Result<(), E> {
        self.steps.borrow_mut().push(step);
        if self.steps.borrow().len() > DEPTH {
            return Err(self.refuse(Code::TooDeep, "At most 32 objects and lists inside each other are read."));
        }
        Ok(())
    }

    fn leave(&self) {
        self.steps.borrow_mut().pop();
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(self.refuse(Code::InvalidValue, "Text must not hold null characters."));
        }
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            self.enter(Step::Index(values.len()))?;
            let Some(value) = list.next_element_seed(self)? else { break };
            self.leave();
            values.push(value);
        }
        self.leave();
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = object.next_key::<String>()? {
            self.enter(Step::Key(key.clone()))?;
            if key.contains('\0') {
                return Err(self.refuse(Code::InvalidValue, "Field names must not hold null characters."));
            }
            if values.contains_key(&key) {
                return Err(self.refuse(Code::DuplicateField, "Name each field of an object once."));
            }
            let value = object.next_value_seed(self)?;
            self.leave();
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(bytes: &[u8]) -> Code {
        tree(bytes).unwrap_err().code()
    }

    fn pointer(bytes: &[u8]) -> String {
        serde_json::to_value(tree(bytes).unwrap_err().document(None)).unwrap()["pointer"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_not_a_document_has_a_code() {
        assert_eq!(code(b"{\"a\": "), Code::MalformedJson);
        assert_eq!(code(b""), Code::MalformedJson);
        assert_eq!(code(b"{} {}"), Code::MalformedJson);
        assert_eq!(code(b"[1e999]"), Code::MalformedJson);
        assert_eq!(code(b"[NaN]"), Code::MalformedJson);
        assert_eq!(code(b"\"\\ud800\""), Code::MalformedJson);
        assert_eq!(code(b"\"a\0b\""), Code::MalformedJson);
        assert_eq!(code(b"\"\xff\""), Code::InvalidUtf8);
        assert_eq!(code(br#"["a\u0000b"]"#), Code::InvalidValue);
        assert_eq!(code(br#"{"a\u0000": 1}"#), Code::InvalidValue);
        assert_eq!(code(br#"{"a": 1, "a": 1}"#), Code::DuplicateField);
        // The same name in another spelling is the same name.
        assert_eq!(code(br#"{"a": 1, "\u0061": 1}"#), Code::DuplicateField);
    }

    #[test]
    fn the_place_is_named() {
        assert_eq!(pointer(br#"{"list": [0, {"kind": 1, "kind": 2}]}"#), "/list/1/kind");
        assert_eq!(pointer(br#"{"list": [0, "\u0000"]}"#), "/list/1");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(tree(&nested(DEPTH)).is_ok());
        assert_eq!(code(&nested(DEPTH + 1)), Code::TooDeep);
        assert_eq!(code(&nested(1_000_000)), Code::TooDeep);
        assert_eq!(code("{\"a\":".repeat(100_000).as_bytes()), Code::TooDeep);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = tree(&bytes);
        }

        #[test]
        fn what_serde_json_writes_comes_back(text in "[^\0]*", number in any::<i64>(), eighths in any::<i32>()) {
            let real = f64::from(eighths) / 8.0;
            let value = serde_json::json!({"t": text, "n": [number, real, null, true], "o": {"t": {}}});
            prop_assert_eq!(tree(value.to_string().as_bytes()).unwrap(), value);
        }
    }
}
