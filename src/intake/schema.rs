//! [`RecordSchema`]: the canonical record in the OpenAPI document.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, RefBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::canonical::Envelope;
use super::record;
use crate::types::RecordKind;

/// A record as `POST /v1/records` takes it: one shape per type.
///
/// It has no values; it stands in the OpenAPI document for what [`super::parse`] reads.
pub struct RecordSchema;

impl PartialSchema for RecordSchema {
    fn schema() -> RefOr<Schema> {
        let shapes = RecordKind::ALL.iter().map(|kind| shape(*kind));
        let one_of = shapes.fold(OneOfBuilder::new(), |one_of, shape| one_of.item(shape));
        one_of.description(Some("One object of a source, in canonical form.")).into()
    }
}

impl ToSchema for RecordSchema {
    fn name() -> Cow<'static, str> {
        "Record".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Envelope::schemas(schemas);
        for kind in RecordKind::ALL {
            record::schemas(*kind, schemas);
        }
    }
}

/// The envelope with the data of one type.
fn shape(kind: RecordKind) -> Object {
    let RefOr::T(Schema::Object(mut envelope)) = Envelope::schema() else { return Object::new() };
    let word = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What it is."))
        .enum_values(Some([kind.word()]))
        .build();
    envelope.title = Some(kind.word().to_owned());
    envelope.properties.insert("type".to_owned(), RefOr::T(Schema::Object(word)));
    let data =
        RefBuilder::new().ref_location_from_schema_name(record::schema_name(kind)).description(Some("What it tells."));
    envelope.properties.insert("data".to_owned(), data.build().into());
    envelope.required.push("data".to_owned());
    envelope
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_type_is_described_and_every_reference_leads_somewhere() {
        let mut schemas = Vec::new();
        RecordSchema::schemas(&mut schemas);
        schemas.push((RecordSchema::name().into_owned(), RecordSchema::schema()));
        let mut named: BTreeMap<String, Value> = BTreeMap::new();
        for (name, schema) in &schemas {
            let schema = serde_json::to_value(schema).unwrap();
            // One name for two shapes would let the document lie about one of them.
            assert_eq!(named.insert(name.clone(), schema.clone()).unwrap_or(schema.clone()), schema, "{name}");
        }
        let mut found = BTreeSet::new();
        named.values().for_each(|schema| references(schema, &mut found));
        for reference in found {
            let name = reference.rsplit('/').next().unwrap();
            assert!(named.contains_key(name), "{reference} leads nowhere");
        }
        assert_eq!(named["Record"]["oneOf"].as_array().map(Vec::len), Some(10));
        assert_eq!(named["Order"]["additionalProperties"], false);
        let required: Vec<_> = named["Order"]["required"].as_array().unwrap().iter().collect();
        assert_eq!(required, ["number", "ordered_at", "status", "currency", "total"]);
    }
}
