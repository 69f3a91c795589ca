//! How the field types stand in the OpenAPI document.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::field::{Amount, Code, Country, Currency, Day, Iban, Instant, Language, Line, Name, Scalars, Text};
use crate::intake::normal::name;

impl<const MAX: usize> PartialSchema for Line<MAX> {
    fn schema() -> RefOr<Schema> {
        text("One line.", 1, MAX, json!("…"))
    }
}

impl<const MAX: usize> ToSchema for Line<MAX> {
    fn name() -> Cow<'static, str> {
        format!("TextUpTo{MAX}").into()
    }
}

/// Declares the schema of a field type and its name in the document.
macro_rules! schemas {
    ($($type:ident as $name:literal: $schema:expr;)+) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    $schema
                }
            }

            impl ToSchema for $type {
                fn name() -> Cow<'static, str> {
                    $name.into()
                }
            }
        )+
    };
}

schemas! {
    Text as "LongText": text("Several lines.", 1, 64 << 10, json!("…"));
    Code as "ShortCode": text("Letters, digits, `_`, `-` and `.`.", 1, 64, json!("double_opt_in"));
    Name as "PersonName": text("A name as it is written.", 1, name::MAX, json!("Jörg Weiß"));
    Language as "LanguageTag": text("A language tag (BCP 47).", 2, 6, json!("de-DE"));
    Country as "CountryCode": text("ISO 3166-1 alpha-2; alpha-3 and German and English names are read too.", 1, 100, json!("DE"));
    Currency as "CurrencyCode": text("ISO 4217.", 1, 3, json!("EUR"));
    Iban as "IbanNumber": text("An IBAN, with or without blanks.", 15, 64, json!("DE89370400440532013000"));
    Day as "CalendarDate": dated("A date: `YYYY-MM-DD`; `DD.MM.YYYY` is read too.", KnownFormat::Date, json!("1980-05-01"));
    Instant as "RecordInstant": dated(
        "An instant of RFC 3339; a date alone is its first moment in Germany.",
        KnownFormat::DateTime,
        json!("2026-03-07T13:40:01Z")
    );
    Amount as "DecimalAmount": OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[+-]?[0-9]+(\.[0-9]+)?$")))
        .item(ObjectBuilder::new().schema_type(Type::Number))
        .description(Some("A decimal with at most four decimals and at most 10^12; a string is exact."))
        .examples([json!("19.90")])
        .into();
    Scalars as "NamedValues": ObjectBuilder::new()
        .description(Some("Names the sender chooses, each with a text, number, boolean or null."))
        .additional_properties(Some(AdditionalProperties::RefOr(RefOr::T(Schema::Object(
            ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]))
                .build(),
        )))))
        .into();
}

fn text(description: &str, min: usize, max: usize, example: Value) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .min_length(Some(min))
        .max_length(Some(max))
        .examples([example])
        .into()
}

fn dated(description: &str, format: KnownFormat, example: Value) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .format(Some(SchemaFormat::KnownFormat(format)))
        .examples([example])
        .into()
}
