//! The types of fields. Reading one is checking and normalising it; none can be printed or compared by accident.

use iso_currency::Currency as Iso4217;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::intake::normal::{Reason, country, currency, date, iban, language, money, name, text};
use crate::types::Timestamp;

/// A field that is written as a JSON string.
pub trait Written: Sized {
    /// Reads and normalises it.
    ///
    /// # Errors
    /// What the rule of the field asks for.
    fn read(text: &str) -> Result<Self, Reason>;
}

/// A field whose record is taken in without it where it cannot be read: sources hold dates no calendar has and towns in no
/// country, and the rest of what they tell is true all the same.
pub struct Tried<T>(pub Result<T, Reason>);

impl<'de, T: Written> Deserialize<'de> for Tried<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(T::read(&text)))
    }
}

/// Declares a field that is written as a JSON string.
macro_rules! written {
    ($(#[$doc:meta])* $name:ident$(<const $max:ident: usize>)?, $inner:ty, $read:expr) => {
        $(#[$doc])*
        pub struct $name$(<const $max: usize>)?(pub $inner);

        impl$(<const $max: usize>)? Written for $name$(<$max>)? {
            fn read(text: &str) -> Result<Self, Reason> {
                let read: fn(&str) -> Result<$inner, Reason> = $read;
                read(text).map(Self)
            }
        }

        impl<'de, $(const $max: usize)?> Deserialize<'de> for $name$(<$max>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::read(&text).map_err(D::Error::custom)
            }
        }
    };
}

written!(
    /// One line of at most `MAX` characters.
    Line<const MAX: usize>, String, |written| text::line(written, MAX)
);
written!(
    /// A text of several lines, at most 64 KiB.
    Text, String, |written| text::lines(written, 64 << 10)
);
written!(
    /// A short code the sender chose: letters, digits, `_`, `-`, `.`; at most 64.
    Code, String, |written| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let short = (1..=64).contains(&written.len());
        if short && written.bytes().all(plain) { Ok(written.to_owned()) } else { Err(Reason::INVALID_VALUE) }
    }
);
written!(
    /// A person's or firm's name.
    Name, String, name::normal
);
written!(
    /// An instant.
    Instant, Timestamp, date::instant
);
written!(
    /// A calendar date.
    Day, Date, date::day
);
written!(
    /// A country, alpha-2.
    Country, &'static str, country::normal
);
written!(
    /// A currency.
    Currency, Iso4217, currency::normal
);
written!(
    /// A language tag.
    Language, String, language::normal
);
written!(
    /// A bank account.
    Iban, String, iban::normal
);

/// Most short texts.
pub type Short = Line<256>;
/// Addresses of pages.
pub type Long = Line<2048>;
/// Postal codes.
pub type Line16 = Line<16>;
/// House numbers.
pub type Line40 = Line<40>;
/// Words the sender chose.
pub type Line64 = Line<64>;
/// Titles and values of identifiers.
pub type Line512 = Line<512>;

impl<const MAX: usize> From<Line<MAX>> for Value {
    fn from(field: Line<MAX>) -> Self {
        field.0.into()
    }
}

macro_rules! shown {
    ($($name:ident: $show:expr;)+) => {
        $(impl From<$name> for Value {
            fn from(field: $name) -> Self {
                Self::String($show(field.0))
            }
        })+
    };
}

shown! {
    Text: std::convert::identity;
    Code: std::convert::identity;
    Name: std::convert::identity;
    Instant: |at: Timestamp| at.rfc3339();
    Day: |day: Date| day.to_string();
    Country: str::to_owned;
    Currency: |currency: Iso4217| currency.code().to_owned();
    Language: std::convert::identity;
    Iban: std::convert::identity;
}

/// A decimal number, written as a JSON string or number.
pub struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Amount;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                money::decimal(text).map(Amount).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Amount, E> {
                money::decimal(&value.to_string()).map(Amount).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Amount, E> {
                money::decimal(&value.to_string()).map(Amount).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Amount, E> {
                money::number(value).map(Amount).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// An object whose names the sender chooses: at most 64 names of at most 64 characters, each with a text of at most
/// 2048 characters, a number, a boolean or nothing.
pub struct Scalars(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Scalars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Scalars;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of single values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Scalars, A::Error> {
                let mut scalars = Map::new();
                while let Some(name) = fields.next_key::<String>()? {
                    let name = text::line(&name, 64).map_err(A::Error::custom)?;
                    let value = match fields.next_value::<Value>()? {
                        Value::Null => continue,
                        Value::String(text) if text.trim().is_empty() => continue,
                        Value::String(text) => text::lines(&text, 2048).map_err(A::Error::custom)?.into(),
                        Value::Array(_) | Value::Object(_) => return Err(A::Error::custom(Reason::WRONG_TYPE)),
                        scalar => scalar,
                    };
                    if scalars.len() >= 64 {
                        return Err(A::Error::custom(Reason::TOO_MANY));
                    }
                    // Two names that differ only in blanks or composition are one.
                    if scalars.insert(name, value).is_some() {
                        return Err(A::Error::custom(Reason::DUPLICATE_KEY));
                    }
                }
                Ok(Scalars(scalars))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

impl From<Scalars> for Value {
    fn from(field: Scalars) -> Self {
        Self::Object(field.0)
    }
}

/// Declares a field that is one word of a fixed list.
macro_rules! choice {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $word:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::types::words::schema(&[$($doc),*], &[$(($word, &[$($vdoc),*])),+])
            }
        }

        impl utoipa::ToSchema for $name {}

        impl From<$name> for serde_json::Value {
            fn from(choice: $name) -> Self {
                match choice { $($name::$variant => $word.into(),)+ }
            }
        }
    };
}

pub(in crate::intake) use choice;
