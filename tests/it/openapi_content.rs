//! The OpenAPI document says what a stranger needs: nothing without a description, no example that is wrong.

use std::collections::BTreeSet;

use obhut::api::{routes, server};
use obhut::types::Timestamp;
use serde_json::{Map, Value};

fn document() -> Value {
    serde_json::to_value(server::openapi(routes::configure)).unwrap()
}

/// Walks the whole document; `visit` gets each object with its place, as a JSON pointer.
fn walk<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(place, fields);
            // An example is no part of the document's own form.
            for (name, value) in
                fields.iter().filter(|(name, _)| !["example", "examples", "default"].contains(&name.as_str()))
            {
                let place = format!("{place}/{}", name.replace('/', "~1"));
                match value {
                    // Names of fields, which may be called like parts of a schema.
                    Value::Object(fields) if name == "properties" => {
                        fields.iter().for_each(|(name, field)| walk(field, &format!("{place}/{name}"), visit));
                    }
                    _ => walk(value, &place, visit),
                }
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                walk(value, &format!("{place}/{index}"), visit);
            }
        }
        _ => {}
    }
}

fn described(part: &Value) -> bool {
    part["description"].as_str().is_some_and(|text| text.trim().len() >= 3)
}

/// Operations with their name.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let items = document["paths"].as_object().unwrap().iter();
    items
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
        .collect()
}

/// Follows a reference to the end.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(to) => {
            let found = document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} leads nowhere"));
            resolved(document, found)
        }
        None => part,
    }
}

#[test]
fn everything_has_a_description() {
    let document = document();
    let mut missing = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if !described(schema) {
            missing.push(format!("schema {name}"));
        }
    }
    walk(&document, "", &mut |place, fields| {
        for (name, property) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !described(property) {
                missing.push(format!("property {place}/{name}"));
            }
        }
        for (name, header) in fields.get("headers").and_then(Value::as_object).into_iter().flatten() {
            if !described(header) {
                missing.push(format!("header {place}/{name}"));
            }
        }
    });
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if !described(parameter) {
                missing.push(format!("parameter {name} {}", parameter["name"]));
            }
        }
        for (status, reply) in operation["responses"].as_object().unwrap() {
            if !described(resolved(&document, reply)) {
                missing.push(format!("response {name} {status}"));
            }
        }
    }
    assert!(missing.is_empty(), "without description:\n{}", missing.join("\n"));
}

#[test]
fn every_operation_can_be_found_called_and_understood_when_it_fails() {
    let document = document();
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(
            names.insert(operation["operationId"].as_str().unwrap()),
            "{name}: the id names another operation, too"
        );
        let own: Vec<_> = operation["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert!(!own.is_empty() && own.iter().all(|tag| tags.contains(tag)), "{name}: {own:?}");
        assert!(
            operation["summary"].as_str().is_some_and(|summary| summary.len() <= 140),
            "{name} has no short summary"
        );
        let replies = operation["responses"].as_object().unwrap();
        assert!(!replies.contains_key("default"), "{name}: every status is named");
        let good: Vec<_> = replies.keys().filter(|status| status.starts_with('2')).collect();
        assert!(!good.is_empty(), "{name}");
        for (status, reply) in replies.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let content = &resolved(&document, reply)["content"];
            let problem = &content["application/problem+json"]["schema"]["$ref"];
            if name != "GET /readyz" {
                assert_eq!(problem, "#/components/schemas/Problem", "{name} {status}");
            }
        }
        if !name.contains(" /v1/") {
            continue;
        }
        let public = operation["security"][0].as_object().unwrap().is_empty();
        let (body, parameters) = (!operation["requestBody"].is_null(), !operation["parameters"].is_null());
        let needed = [
            ("401", !public),
            ("403", !public),
            ("400", body || parameters),
            ("422", body),
            ("413", body),
            ("429", true),
        ];
        for (status, needed) in needed {
            assert!(!needed || replies.contains_key(status), "{name} does not document {status}");
        }
        let text = operation["description"].as_str().unwrap_or_default();
        let path = name.split_once(' ').unwrap().1.split('{').next().unwrap();
        assert!(text.contains("```sh\ncurl ") && text.contains(path), "{name} has no example for the shell: {text}");
        let line = text.split("```sh").nth(1).unwrap();
        assert!(!line.contains(['{', '}']) || body, "{name}: every parameter of the path has an example: {text}");
        assert_eq!(text.contains("Authorization: Bearer $"), !public, "{name}: {text}");
        assert!(!body || text.contains("-d '"), "{name}: the example has no body");
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = document();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    walk(&document, "", &mut |place, fields| {
        // A schema, or a parameter or content that has one.
        let schema = fields.get("schema").cloned().unwrap_or_else(|| {
            let mut schema = fields.clone();
            schema.remove("example");
            schema.remove("examples");
            Value::Object(schema)
        });
        let examples = fields.get("examples").and_then(Value::as_array).into_iter().flatten();
        for example in fields.get("example").into_iter().chain(examples) {
            seen += 1;
            if let Err(why) = fits(&document, &schema, example, "") {
                wrong.push(format!("{place}: {why}"));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "{seen}");
}

#[test]
fn schemas_have_the_names_of_the_domain() {
    let document = document();
    let inside = ["View", "Schema", "Dto", "Row", "Body", "Claimed", "Taken", "Heard"];
    let bare = ["Act", "Claim", "Code", "Fault", "Kind", "Line", "Method", "Name", "Outcome", "Page", "Text", "Why"];
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!inside.iter().any(|word| name.ends_with(word)), "{name} is a name of the code");
        assert!(!bare.contains(&name.as_str()), "{name} says nothing outside the room it belongs to");
    }
}

/// Whether a value fits a schema, as far as the document of the interface and that of manifests use JSON Schema.
pub fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if schema["$ref"].is_string() {
        return fits(document, resolved(document, schema), value, at);
    }
    let wrong = |what: &str| Err(format!("{at}: {what}: {value}"));
    let each = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
    for part in each("allOf") {
        fits(document, &part, value, at)?;
    }
    for choice in ["oneOf", "anyOf"] {
        let parts = each(choice);
        let results: Vec<_> = parts.iter().map(|part| fits(document, part, value, at)).collect();
        let good = results.iter().filter(|result| result.is_ok()).count();
        if !parts.is_empty() && (good == 0 || (choice == "oneOf" && good > 1)) {
            return Err(format!("{at}: fits {good} of {choice}: {results:?}"));
        }
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return wrong("another word");
    }
    if !each("enum").is_empty() && !each("enum").contains(value) {
        return wrong("none of the words");
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("a type nobody knows: {other}"),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind)) {
        return wrong(&format!("not {types:?}"));
    }
    match value {
        Value::String(text) => text_fits(schema, text).or_else(|why| wrong(&why)),
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            let least = schema["minimum"].as_f64().is_none_or(|least| number >= least);
            let most = schema["maximum"].as_f64().is_none_or(|most| number <= most);
            if least && most { Ok(()) } else { wrong("out of range") }
        }
        Value::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                fits(document, &schema["items"], entry, &format!("{at}/{index}"))?;
            }
            Ok(())
        }
        Value::Object(fields) => {
            for name in each("required") {
                if !fields.contains_key(name.as_str().unwrap()) {
                    return wrong(&format!("without {name}"));
                }
            }
            for (name, value) in fields {
                let at = format!("{at}/{name}");
                fits(document, &schema["propertyNames"], &Value::String(name.clone()), &at)?;
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => return Err(format!("{at}: not in the schema")),
                    (Value::Null, other) => fits(document, other, value, &at)?,
                    (property, _) => fits(document, property, value, &at)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn text_fits(schema: &Value, text: &str) -> Result<(), String> {
    let length = text.chars().count() as u64;
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        return Err("too short".to_owned());
    }
    if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        return Err("too long".to_owned());
    }
    let good = match schema["format"].as_str() {
        Some("date-time") => Timestamp::parse(text).is_ok(),
        Some("date") => Timestamp::parse(&format!("{text}T00:00:00Z")).is_ok(),
        Some("uuid") => text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'),
        _ => true,
    };
    if good { Ok(()) } else { Err("not in its format".to_owned()) }
}
