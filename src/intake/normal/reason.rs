//! [`Reason`]: why a value was refused.

/// A rule a value broke: a stable code for programs and a sentence for people. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable snake_case code.
    pub code: &'static str,
    /// What the rule asks for.
    pub text: &'static str,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        impl Reason {
            $($(#[$doc])* pub const $name: Self = Self { code: $code, text: $text };)+

            /// Every reason; the API documents its codes from here.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

reasons! {
    /// Larger than a record may be.
    TOO_LARGE = "too_large", "a record may have at most 1 MiB";
    /// Bytes that are not UTF-8.
    INVALID_UTF8 = "invalid_utf8", "the record is not UTF-8 text";
    /// Not one JSON object.
    INVALID_JSON = "invalid_json", "the record is not one well-formed JSON object";
    /// Nested too deeply.
    TOO_DEEP = "too_deep", "values are nested too deeply";
    /// One name twice in one object.
    DUPLICATE_KEY = "duplicate_key", "a name stands twice in one object";
    /// More entries than allowed.
    TOO_MANY = "too_many", "there are more entries than allowed";
    /// A longer text than allowed.
    TOO_LONG = "too_long", "the text is longer than allowed";
    /// A control character.
    CONTROL_CHARACTER = "control_character", "the text holds a control character";
    /// A field nobody knows.
    UNKNOWN_FIELD = "unknown_field", "this field is not known here";
    /// A required field is absent.
    MISSING_FIELD = "missing_field", "this field is required";
    /// A number where a text belongs, and the like.
    WRONG_TYPE = "wrong_type", "the value has the wrong type";
    /// A value outside its list or range.
    INVALID_VALUE = "invalid_value", "the value is not allowed here";
    /// A required text without a character.
    EMPTY = "empty", "the text is empty";
    /// Not an e-mail address.
    INVALID_EMAIL = "invalid_email", "this is not a complete e-mail address";
    /// Not a phone number.
    INVALID_PHONE = "invalid_phone", "this is not a valid phone number; numbers from abroad need their country code";
    /// Not a name.
    INVALID_NAME = "invalid_name", "a name has 1 to 200 characters, none of them a control or direction character";
    /// Not a postal code of its country.
    INVALID_POSTAL_CODE = "invalid_postal_code", "this is not a postal code of the country";
    /// Not a country.
    INVALID_COUNTRY = "invalid_country", "this is not a country of ISO 3166-1";
    /// Not a currency.
    INVALID_CURRENCY = "invalid_currency", "this is not a currency of ISO 4217";
    /// Not a language tag.
    INVALID_LANGUAGE = "invalid_language", "this is not a language tag such as de or de-AT";
    /// Not a bank account number.
    INVALID_IBAN = "invalid_iban", "this is not an IBAN, or its check digits are wrong";
    /// Not a calendar date.
    INVALID_DATE = "invalid_date", "a date is written YYYY-MM-DD and must be in the calendar";
    /// Not an instant.
    INVALID_TIMESTAMP = "invalid_timestamp", "an instant is written as in RFC 3339, with an offset";
    /// A date no customer data can have.
    IMPLAUSIBLE_DATE = "implausible_date", "the date lies too far in the past or in the future";
    /// Not an amount.
    INVALID_AMOUNT = "invalid_amount", "an amount is a decimal number such as 19.90";
    /// More decimals than money has.
    TOO_PRECISE = "too_precise", "the amount has more decimals than allowed";
    /// An amount beyond every order.
    AMOUNT_TOO_LARGE = "amount_too_large", "the amount is larger than the hub accepts";
    /// Below zero where that means nothing.
    NEGATIVE_AMOUNT = "negative_amount", "the amount may not be negative here";
    /// No such source is configured.
    UNKNOWN_SOURCE = "unknown_source", "no source with this code is configured";
    /// Nothing keeps what is of this category.
    NO_PURPOSE = "no_purpose", "no purpose of the source keeps what is of this category";
    /// Not the code of a source.
    INVALID_SOURCE = "invalid_source", "a source code has 2 to 64 characters: lower-case letters, digits, _ and -";
    /// Not the code of a purpose.
    INVALID_PURPOSE = "invalid_purpose", "a purpose code has 2 to 64 characters: lower-case letters, digits and _";
}

impl Reason {
    /// The reason with this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code == code)
    }
}

impl std::fmt::Display for Reason {
    /// Prints the code alone, so that a reason survives a trip through a deserialiser's error.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

impl std::error::Error for Reason {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found() {
        for reason in Reason::ALL {
            assert_eq!(Reason::by_code(reason.code), Some(*reason));
            assert!(reason.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
        assert_eq!(Reason::by_code("max@example.de"), None);
    }
}
