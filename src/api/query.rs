//! Query strings, read as strictly as bodies: UTF-8, each parameter once, none unknown.

use std::collections::HashSet;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, Unexpected, Visitor};

use super::fields::{self, Fault};
use super::problem::{Code, Problem};

/// The query string as one `T`. Numbers and booleans are read from text; a list is separated by commas.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut seen = HashSet::new();
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if !seen.insert(name.clone()) {
            return Err(Problem::new(Code::DuplicateParameter, "Give each parameter once."));
        }
        pairs.push((name, Text(value)));
    }
    fields::from_deserializer(MapDeserializer::new(pairs.into_iter())).map_err(as_parameter)
}

/// The same faults under the names they have in a query string.
fn as_parameter(fault: Fault) -> Problem {
    let code = match fault.code {
        Code::UnknownField => Code::UnknownParameter,
        Code::MissingField => Code::MissingParameter,
        Code::DuplicateField => Code::DuplicateParameter,
        _ => Code::InvalidParameter,
    };
    let name = fault.parameter();
    let detail = match code {
        Code::UnknownParameter => "This operation has no such parameter.".into(),
        Code::MissingParameter => "This parameter is required.".into(),
        _ => fault.into_detail(),
    };
    let problem = Problem::new(code, detail);
    match name {
        Some(name) => problem.parameter(name),
        None => problem,
    }
}

/// Undoes `application/x-www-form-urlencoded` without forgiving anything.
fn decode(text: &str) -> Result<String, Problem> {
    let broken = || Problem::new(Code::InvalidParameter, "The query string holds a broken % sequence.");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).ok_or_else(broken);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).map_err(|_| broken())?
            }
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(Problem::new(Code::InvalidParameter, "Parameters must not hold null characters."));
    }
    String::from_utf8(bytes).map_err(|_| Problem::new(Code::InvalidUtf8, "The query string is not UTF-8."))
}

/// A value of a query string: text that is read as what the type asks for.
struct Text(String);

impl IntoDeserializer<'_, Fault> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $what:literal;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(serde::de::Error::invalid_value(Unexpected::Other("text"), &$what)),
            }
        })+
    };
}

impl<'de> serde::Deserializer<'de> for Text {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_string(self.0)
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number, zero or more";
        deserialize_u16 visit_u16 u16, "a whole number, zero or more";
        deserialize_u32 visit_u32 u32, "a whole number, zero or more";
        deserialize_u64 visit_u64 u64, "a whole number, zero or more";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let parts: Vec<Text> =
            self.0.split(',').filter(|part| !part.is_empty()).map(|part| Text(part.into())).collect();
        visitor.visit_seq(SeqDeserializer::new(parts.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Fault::new(Code::UnknownField, "This operation has no such parameter."))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::types::{Category, Channel};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Ask {
        purpose: String,
        limit: Option<u16>,
        channel: Option<Channel>,
        #[serde(default)]
        categories: Vec<Category>,
    }

    #[test]
    fn a_good_query_is_read() {
        let ask: Ask = read("purpose=a+b%C3%BC&limit=5&channel=post&categories=identity,contact").unwrap();
        assert_eq!((ask.purpose.as_str(), ask.limit, ask.channel), ("a bü", Some(5), Some(Channel::Post)));
        assert_eq!(ask.categories, [Category::Identity, Category::Contact]);
    }

    #[test]
    fn each_fault_has_its_code_and_parameter() {
        let cases = [
            ("", Code::MissingParameter, Some("purpose")),
            ("purpose=a&purpose=b", Code::DuplicateParameter, None),
            ("purpose=a&limit=many", Code::InvalidParameter, Some("limit")),
            ("purpose=a&limit=-1", Code::InvalidParameter, Some("limit")),
            ("purpose=a&channel=fax", Code::InvalidParameter, Some("channel")),
            ("purpose=a&colour=red", Code::UnknownParameter, Some("colour")),
            ("purpose=a&Max%40Muster.de=1", Code::UnknownParameter, None),
            ("purpose=%ff", Code::InvalidUtf8, None),
            ("purpose=%f", Code::InvalidParameter, None),
            ("purpose=%00", Code::InvalidParameter, None),
        ];
        for (query, code, parameter) in cases {
            let problem = read::<Ask>(query).unwrap_err();
            let sent = serde_json::to_value(problem.document(None)).unwrap();
            assert_eq!((problem.code(), sent["parameter"].as_str()), (code, parameter), "{query}");
            assert!(!sent.to_string().contains("Muster"), "{sent}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused(query in "[ -~]{0,80}") {
            let _ = read::<Ask>(&query);
        }
    }
}
