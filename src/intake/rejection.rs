//! [`Rejection`]: why a record was refused, and where.

use serde::de::{Error, Expected, Unexpected};

use super::normal::Reason;

/// A refused record: a stable code, the place as a JSON pointer (RFC 6901), and a sentence.
///
/// It is built from fixed texts, limits and names of fields. No value of the record is ever in it, nor a text of a
/// parser's own errors, since those repeat what they read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// One of the codes of [`Reason::ALL`].
    pub code: &'static str,
    /// Where, such as `/data/lines/0/quantity`; empty for the whole record. It stops above a name that is no plain field name.
    pub pointer: String,
    /// What the rule asks for.
    pub detail: String,
}

impl Rejection {
    /// A rejection of the whole value that was looked at.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self::because(reason, reason.text)
    }

    /// A rejection with its own sentence, which must not hold a value of the record.
    #[must_use]
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self { code: reason.code, pointer: String::new(), detail: detail.into() }
    }

    /// The same, seen from one level up: the value was the field `name`.
    #[must_use]
    pub fn under(mut self, name: &str) -> Self {
        if !is_field_name(name) {
            self.pointer.clear();
        } else if is_free(name) {
            self.pointer = format!("/{name}");
        } else {
            self.pointer.insert_str(0, name);
            self.pointer.insert(0, '/');
        }
        self
    }

    /// The same, seen from the list the value stood in.
    #[must_use]
    pub fn entry(mut self, index: usize) -> Self {
        self.pointer.insert_str(0, &format!("/{index}"));
        self
    }
}

/// Says where a value stood, so that a rule's [`Reason`] becomes a [`Rejection`].
pub trait At<T> {
    /// The value is the field `name`.
    ///
    /// # Errors
    /// The rejection, pointing at `name`.
    fn at(self, name: &str) -> Result<T, Rejection>;
}

impl<T> At<T> for Result<T, Reason> {
    fn at(self, name: &str) -> Result<T, Rejection> {
        self.map_err(|reason| Rejection::new(reason).under(name))
    }
}

impl<T> At<T> for Result<T, Rejection> {
    fn at(self, name: &str) -> Result<T, Rejection> {
        self.map_err(|rejection| rejection.under(name))
    }
}

/// Names that may be shown: they begin with a small letter, have at most 64 letters, digits and underscores, and no run
/// of more than four digits. Any other may be a value that was put where a name belongs: an address, a number, a person.
fn is_field_name(name: &str) -> bool {
    let digits = name.as_bytes().split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max();
    name.len() <= 64
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && digits.is_none_or(|most| most <= 4)
}

/// Objects whose names the sender chooses; those may be values themselves and are not shown.
fn is_free(name: &str) -> bool {
    matches!(name, "properties" | "evidence")
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {:?}: {}", self.code, self.pointer, self.detail)
    }
}

impl std::error::Error for Rejection {}

impl Error for Rejection {
    /// Only the code of a [`Reason`] gets through; any other text could repeat what was read.
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::new(Reason::by_code(&text.to_string()).unwrap_or(Reason::INVALID_VALUE))
    }

    fn invalid_type(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Char(_) | Unexpected::Str(_) => "a string",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "an object",
            _ => "something else",
        };
        Self::because(Reason::WRONG_TYPE, format!("{found} does not belong here"))
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new(Reason::INVALID_VALUE)
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::new(Reason::INVALID_VALUE)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::because(Reason::INVALID_VALUE, format!("one of {} is expected", expected.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(Reason::UNKNOWN_FIELD).under(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Reason::MISSING_FIELD).under(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Reason::DUPLICATE_KEY).under(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_show_field_names_only() {
        let missing = || Rejection::new(Reason::EMPTY);
        assert_eq!(missing().under("sku").entry(3).under("lines").under("data").pointer, "/data/lines/3/sku");
        assert_eq!(missing().under("max@example.de").under("data").pointer, "/data");
        assert_eq!(missing().under("anything").under("properties").under("data").pointer, "/data/properties");
        assert_eq!(Rejection::unknown_field("max@example.de", &[]).pointer, "");
        assert_eq!(Rejection::unknown_field("colour", &[]).pointer, "/colour");
    }

    #[test]
    fn a_value_in_the_place_of_a_name_is_not_shown() {
        for name in ["sku", "updated_at", "postalCode", "line2", "a", "top_1000", &"x".repeat(64)] {
            assert_eq!(Rejection::unknown_field(name, &[]).pointer, format!("/{name}"));
        }
        let values = [
            "",
            "max@example.de",
            "max.mustermann",
            "max-mustermann",
            "Mustermann",
            "Max Mustermann",
            "Jörg",
            "10115",
            "4915112345678",
            "+4915112345678",
            "tel_4915112345678",
            "1980_02_29",
            "DE89370400440532013000",
            "_id",
            &"x".repeat(65),
        ];
        for value in values {
            assert_eq!(Rejection::unknown_field(value, &[]).under("person").pointer, "/person", "{value}");
            assert_eq!(
                Rejection::new(Reason::EMPTY).under("text").under(value).under("data").pointer,
                "/data",
                "{value}"
            );
        }
    }

    #[test]
    fn foreign_texts_do_not_get_through() {
        assert_eq!(Rejection::custom("invalid type: string \"max@example.de\"").code, "invalid_value");
        assert_eq!(Rejection::custom(Reason::INVALID_EMAIL).code, "invalid_email");
    }
}
