//! What tracking SDKs write in more than one way, as the OpenAPI document tells it. `collect` reads it.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Type};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Fields under names of the sender's own. Programs in PHP write an object without fields as an empty list.
#[derive(Serialize)]
pub struct TrackedFields(Map<String, Value>);

impl PartialSchema for TrackedFields {
    fn schema() -> RefOr<Schema> {
        let named = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
        let none = ArrayBuilder::new().items(ArrayItems::False).max_items(Some(0));
        let description = "Fields under names of the sender's own; an empty list is an object without fields.";
        OneOfBuilder::new().item(named).item(none).description(Some(description)).into()
    }
}

impl ToSchema for TrackedFields {}

/// An id: a text, or a number where a program has numbers for ids.
#[derive(Serialize)]
pub struct TrackedId(String);

impl PartialSchema for TrackedId {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(256));
        let number = ObjectBuilder::new().schema_type(Type::Number);
        let description = "A text of at most 256 characters, or a number.";
        OneOfBuilder::new().item(text).item(number).description(Some(description)).into()
    }
}

impl ToSchema for TrackedId {}
