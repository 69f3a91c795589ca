//! Reads bytes into a tree of JSON values and keeps the limits of form.

use std::cell::RefCell;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::intake::Rejection;
use crate::intake::normal::Reason;

/// Largest record in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Objects and arrays inside one another, the record itself included.
const MAX_DEPTH: usize = 12;
/// Names in one object.
const MAX_NAMES: usize = 256;
/// Entries in one array; the lists of a record have narrower limits of their own.
const MAX_ENTRIES: usize = 10_000;
/// Longest name in bytes.
const MAX_NAME: usize = 256;
/// Longest text in bytes: 64 KiB.
const MAX_TEXT: usize = 64 << 10;

/// Reads one JSON object.
///
/// # Errors
/// `too_large`, `invalid_utf8`, `invalid_json` (with the column), `too_deep`, `duplicate_key`, `too_many`, `too_long`,
/// `control_character`.
pub fn read(bytes: &[u8]) -> Result<Map<String, Value>, Rejection> {
    if bytes.len() > MAX_BYTES {
        return Err(Rejection::new(Reason::TOO_LARGE));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Rejection::new(Reason::INVALID_UTF8))?;
    let state = RefCell::new(State { path: Vec::new(), fault: None });
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Node { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (read, state.into_inner().fault) {
        (_, Some(fault)) => Err(fault),
        (Ok(Value::Object(object)), None) => Ok(object),
        (Ok(_), None) => Err(Rejection::new(Reason::INVALID_JSON)),
        (Err(error), None) => Err(Rejection::because(
            Reason::INVALID_JSON,
            format!("not well-formed JSON at line {}, column {}", error.line(), error.column()),
        )),
    }
}

/// Where the reader is, and what it found wrong there.
struct State {
    path: Vec<Step>,
    fault: Option<Rejection>,
}

/// One step into the document.
enum Step {
    Name(String),
    Entry(usize),
}

impl State {
    /// The fault with the place of the reader, as far as it may be shown.
    fn locate(&self, fault: Rejection) -> Rejection {
        self.path.iter().rev().fold(fault, |fault, step| match step {
            Step::Name(name) => fault.under(name),
            Step::Entry(index) => fault.entry(*index),
        })
    }
}

/// One value to be read.
#[derive(Clone, Copy)]
struct Node<'s> {
    state: &'s RefCell<State>,
    depth: usize,
}

impl Node<'_> {
    /// Notes the first fault with its place; the error itself only ends the reading.
    fn refuse<E: Error>(self, reason: Reason) -> E {
        let mut state = self.state.borrow_mut();
        if state.fault.is_none() {
            state.fault = Some(state.locate(Rejection::new(reason)));
        }
        E::custom(reason)
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(Reason::TOO_DEEP));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn enter(self, step: Step) {
        self.state.borrow_mut().path.push(step);
    }

    fn leave(self) {
        self.state.borrow_mut().path.pop();
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        if text.len() > MAX_TEXT {
            return Err(self.refuse(Reason::TOO_LONG));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
            return Err(self.refuse(Reason::CONTROL_CHARACTER));
        }
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        loop {
            self.enter(Step::Entry(list.len()));
            let Some(entry) = entries.next_element_seed(inner)? else { break };
            self.leave();
            if list.len() >= MAX_ENTRIES {
                return Err(self.refuse(Reason::TOO_MANY));
            }
            list.push(entry);
        }
        self.leave();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name.len() > MAX_NAME {
                return Err(self.refuse(Reason::TOO_LONG));
            }
            if name.chars().any(char::is_control) {
                return Err(self.refuse(Reason::CONTROL_CHARACTER));
            }
            self.enter(Step::Name(name.clone()));
            let value = fields.next_value_seed(inner)?;
            if object.len() >= MAX_NAMES {
                return Err(self.refuse(Reason::TOO_MANY));
            }
            if object.insert(name, value).is_some() {
                return Err(self.refuse(Reason::DUPLICATE_KEY));
            }
            self.leave();
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (&'static str, String) {
        let fault = read(text.as_bytes()).unwrap_err();
        (fault.code, fault.pointer)
    }

    #[test]
    fn the_form_is_kept() {
        assert_eq!(fault(r#"{"a":{"b":1,"b":2}}"#), ("duplicate_key", "/a/b".into()));
        assert_eq!(fault(r#"{"a":[{"b":1},{"c":1,"c":2}]}"#), ("duplicate_key", "/a/1/c".into()));
        assert_eq!(fault(r#"{"max@example.de":1,"max@example.de":2}"#), ("duplicate_key", String::new()));
        assert_eq!(fault(r#"{"10115":1,"10115":2}"#), ("duplicate_key", String::new()));
        assert_eq!(fault(r#"{"a":[{"Mustermann":{"b":1,"b":2}}]}"#), ("duplicate_key", "/a/0".into()));
        assert_eq!(fault("{\"a\":[\"x\\u0000y\"]}"), ("control_character", "/a/0".into()));
        assert_eq!(fault("{\"a\\u0000\":1}"), ("control_character", String::new()));
        assert_eq!(fault(&format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_TEXT + 1))), ("too_long", "/a".into()));
        assert_eq!(fault(&format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))).0, "too_deep");
        assert_eq!(fault(&format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BYTES))).0, "too_large");
        assert_eq!(fault(&format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_ENTRIES))).0, "too_many");
        assert_eq!(read(b"{\"a\":\"\xff\"}").unwrap_err().code, "invalid_utf8");
        for bad in ["", "null", "[]", "\"x\"", "{", "{\"a\":1}x", "{\"a\":1e999}", "{'a':1}", "{\"a\":NaN}", "{}{}"] {
            assert_eq!(fault(bad).0, "invalid_json", "for {bad}");
        }
        assert_eq!(read(br#"{"a":[1,-2,2.5,true,null,"x\ty"]}"#).unwrap().len(), 1);
    }
}
