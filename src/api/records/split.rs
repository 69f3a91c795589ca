//! Splits `{"records": […]}` into the bytes of each record, unread: intake's own parser must see them as they were
//! sent, names given twice and all.

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::api::problem::{Code, Problem};

const LIST: &str = "records";
const POINTER: &str = "/records";

/// The bytes of each record of `document`.
///
/// # Errors
/// If the document as a whole cannot be read, or is not of this form.
pub(super) fn records(document: &Bytes) -> Result<Vec<Bytes>, Problem> {
    let text = std::str::from_utf8(document).map_err(|error| {
        Problem::new(Code::InvalidUtf8, format!("The body stops being UTF-8 after {} bytes.", error.valid_up_to()))
    })?;
    let mut scan = Scan { document, text, at: 0 };
    let list = scan.envelope()?;
    if scan.peek().is_some() {
        return Err(scan.broken());
    }
    list.ok_or_else(|| Problem::new(Code::MissingField, "This field is required.").at(POINTER))
}

/// A place in the document.
struct Scan<'a> {
    document: &'a Bytes,
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn envelope(&mut self) -> Result<Option<Vec<Bytes>>, Problem> {
        let mut list = None;
        if !self.take(b'{') {
            self.value::<IgnoredAny>()?;
            return Err(Problem::new(Code::WrongType, "Expected an object."));
        }
        if self.take(b'}') {
            return Ok(None);
        }
        loop {
            let name: String = self.value()?;
            self.expect(b':')?;
            if name != LIST {
                return Err(Problem::new(Code::UnknownField, "Known fields: records."));
            }
            if list.is_some() {
                return Err(Problem::new(Code::DuplicateField, "Name each field of an object once.").at(POINTER));
            }
            list = Some(self.list()?);
            if !self.take(b',') {
                self.expect(b'}')?;
                return Ok(list);
            }
        }
    }

    fn list(&mut self) -> Result<Vec<Bytes>, Problem> {
        if !self.take(b'[') {
            self.value::<IgnoredAny>()?;
            return Err(Problem::new(Code::WrongType, "Expected a list.").at(POINTER));
        }
        let mut records = Vec::new();
        if self.take(b']') {
            return Ok(records);
        }
        loop {
            self.peek();
            let start = self.at;
            self.value::<IgnoredAny>()?;
            records.push(self.document.slice(start..self.at));
            if !self.take(b',') {
                self.expect(b']')?;
                return Ok(records);
            }
        }
    }

    /// Reads one value and stands behind it.
    fn value<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
        let value = values.next().and_then(Result::ok);
        let value = value.ok_or_else(|| self.broken())?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// The next byte that is no blank; the scan stands before it.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(self.broken()) }
    }

    fn broken(&self) -> Problem {
        Problem::new(Code::MalformedJson, format!("The JSON is broken in or after the value at byte {}.", self.at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Result<Vec<String>, Code> {
        let list = records(&Bytes::copy_from_slice(text.as_bytes())).map_err(|problem| problem.code())?;
        Ok(list.into_iter().map(|record| String::from_utf8(record.to_vec()).unwrap()).collect())
    }

    #[test]
    fn each_record_keeps_its_own_bytes() {
        let found = split(" { \"records\" : [ {\"a\": 1, \"a\": 2} ,7,\n\"x,]\" , [ [1] ] ] } ").unwrap();
        assert_eq!(found, [r#"{"a": 1, "a": 2}"#, "7", r#""x,]""#, "[ [1] ]"]);
        assert_eq!(split(r#"{"records": []}"#), Ok(vec![]));
        // A name in another spelling is the same name.
        assert_eq!(split(r#"{"\u0072ecords": [1]}"#), Ok(vec!["1".to_owned()]));
    }

    #[test]
    fn what_is_no_such_document_has_a_code() {
        for (text, code) in [
            ("", Code::MalformedJson),
            ("{", Code::MalformedJson),
            (r#"{"records": [1,]}"#, Code::MalformedJson),
            (r#"{"records": [1 2]}"#, Code::MalformedJson),
            (r#"{"records": [1]} x"#, Code::MalformedJson),
            (r#"{"records": [1],}"#, Code::MalformedJson),
            (r#"{"records": [{"a": }]}"#, Code::MalformedJson),
            ("[]", Code::WrongType),
            ("{}", Code::MissingField),
            (r#"{"records": {}}"#, Code::WrongType),
            (r#"{"records": [], "records": []}"#, Code::DuplicateField),
            (r#"{"max@example.org": []}"#, Code::UnknownField),
        ] {
            assert_eq!(split(text), Err(code), "{text}");
        }
        assert_eq!(records(&Bytes::from_static(b"\xff")).unwrap_err().code(), Code::InvalidUtf8);
        let deep = format!("{{\"records\": [{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(split(&deep).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn any_list_comes_apart_into_its_entries(entries in proptest::collection::vec("[^\0]*", 0..20)) {
            let document = serde_json::json!({"records": entries}).to_string();
            let read: Vec<String> = split(&document).unwrap().iter().map(|e| serde_json::from_str(e).unwrap()).collect();
            prop_assert_eq!(read, entries);
        }
    }
}
