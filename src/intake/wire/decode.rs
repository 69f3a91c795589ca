//! Fills a struct out of a tree. A text of blanks counts as "nothing said" wherever a field may be absent: sources
//! send empty strings for what they do not know.

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::intake::Rejection;

/// Fills `T` out of `object`.
///
/// # Errors
/// The first field that does not fit, with its place relative to `object`.
pub fn decode<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Rejection> {
    T::deserialize(Decoder(Value::Object(object)))
}

struct Decoder(Value);

impl<'de> Deserializer<'de> for Decoder {
    type Error = Rejection;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, Some(value)) => visitor.visit_f64(value),
                _ => Err(Rejection::invalid_type(Unexpected::Other("number"), &visitor)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(list) => visitor.visit_seq(Entries { list: list.into_iter(), next: 0 }),
            Value::Object(object) => visitor.visit_map(Fields { fields: object.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.trim().is_empty() => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.0 {
            Value::Null => visitor.visit_seq(Entries { list: Vec::new().into_iter(), next: 0 }),
            value => Self(value).deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Rejection> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Rejection> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(IntoDeserializer::<Rejection>::into_deserializer(word)),
            value => Self(value).deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Entries {
    list: std::vec::IntoIter<Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Entries {
    type Error = Rejection;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Rejection> {
        let Some(value) = self.list.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Decoder(value)).map(Some).map_err(|fault| fault.entry(index))
    }
}

struct Fields {
    fields: serde_json::map::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Rejection;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Rejection> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        let key = seed.deserialize(StringDeserializer::<Rejection>::new(name.clone()))?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Rejection> {
        let (name, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Decoder(value)).map_err(|fault| fault.under(&name))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        entries: Vec<Inner>,
        word: Option<Word>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        text: String,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    fn read(value: Value) -> Result<Outer, (&'static str, String)> {
        let Value::Object(object) = value else { unreachable!() };
        decode(object).map_err(|fault| (fault.code, fault.pointer))
    }

    #[test]
    fn faults_have_a_code_and_a_place() {
        for (value, code, pointer) in [
            (json!({"entries": [{"text": "a"}, {"text": 5}]}), "wrong_type", "/entries/1/text"),
            (json!({"entries": [{"text": null}]}), "wrong_type", "/entries/0/text"),
            (json!({"entries": [{}]}), "missing_field", "/entries/0/text"),
            (json!({"entries": [{"text": "a", "more": 1}]}), "unknown_field", "/entries/0/more"),
            (json!({"entries": [{"text": "a", "max@example.de": 1}]}), "unknown_field", "/entries/0"),
            (json!({"entries": "a"}), "wrong_type", "/entries"),
            (json!({"word": "three"}), "invalid_value", "/word"),
            (json!({"word": 3}), "wrong_type", "/word"),
            (json!({"word": {"one": null}}), "wrong_type", "/word"),
        ] {
            assert_eq!(read(value.clone()).err(), Some((code, pointer.to_owned())), "for {value}");
        }
    }

    #[test]
    fn blanks_say_nothing() {
        for value in [json!({}), json!({"word": null, "entries": null}), json!({"word": "  "})] {
            let outer = read(value).unwrap();
            assert!(outer.word.is_none() && outer.entries.is_empty());
        }
        let outer = read(json!({"word": "two", "entries": [{"text": "a"}]})).unwrap();
        assert_eq!(outer.word, Some(Word::Two));
        assert_eq!(outer.entries.first().map(|inner| inner.text.as_str()), Some("a"));
    }
}
