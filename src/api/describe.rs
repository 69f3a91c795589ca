//! What the OpenAPI document says of every operation alike: how it can fail, which headers come back, and one line for
//! the shell that does it.

use serde_json::Value;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::permissions::{MATRIX, Row};
use super::problem::{Code, FieldFault, MEDIA_TYPE, Problem, ProblemDocument};

/// Every status a problem can have, with its name among the document's responses.
const PROBLEMS: [(u16, &str); 14] = [
    (400, "BadRequest"),
    (401, "Unauthenticated"),
    (403, "Forbidden"),
    (404, "NotFound"),
    (405, "MethodNotAllowed"),
    (408, "RequestTimeout"),
    (409, "Conflict"),
    (412, "PreconditionFailed"),
    (413, "BodyTooLarge"),
    (415, "UnsupportedMedia"),
    (422, "InvalidBody"),
    (429, "TooManyRequests"),
    (500, "Internal"),
    (503, "Unavailable"),
];

/// Adds it to every operation, and the parts it refers to.
pub(super) fn finish(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert(ProblemDocument::name().into_owned(), ProblemDocument::schema());
    components.schemas.insert(FieldFault::name().into_owned(), FieldFault::schema());
    for (status, name) in PROBLEMS {
        components.responses.insert(name.to_owned(), RefOr::T(problem(status)));
    }
    components.schemas.values_mut().for_each(lift);
    for (path, item) in &mut document.paths.paths {
        let methods =
            [("GET", &mut item.get), ("PUT", &mut item.put), ("POST", &mut item.post), ("DELETE", &mut item.delete)];
        for (method, operation) in methods {
            let row = MATRIX.iter().find(|row| row.path == path && row.method == method);
            let Some(operation) = operation else { continue };
            fail(operation, row);
            head(operation);
            let (shown, line) = (operation.description.take(), shell(operation, row, method, path));
            operation.description = Some(shown.into_iter().chain(line).collect::<Vec<_>>().join("\n\n"));
        }
    }
}

/// One reply for all problems with this status.
fn problem(status: u16) -> Response {
    let codes: Vec<_> = Code::ALL.iter().filter(|code| code.status().as_u16() == status).collect();
    let told: Vec<_> = codes.iter().map(|code| format!("- `{}`: {}.", code.word(), code.title())).collect();
    let example = codes.first().map(|code| {
        serde_json::to_value(Problem::new(**code, "What to do about it.").document(None)).unwrap_or_default()
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).example(example);
    let mut reply = ResponseBuilder::new()
        .description(format!("A problem with one of these codes:\n\n{}", told.join("\n")))
        .content(MEDIA_TYPE, content.build());
    if matches!(status, 429 | 503) {
        reply = reply.header("Retry-After", whole("Seconds to wait before the next try."));
    }
    if status == 401 {
        reply = reply.header("WWW-Authenticate", text("How to authenticate."));
    }
    if status == 405 {
        reply = reply.header("Allow", text("The methods this path has."));
    }
    reply.build()
}

/// Adds the ways in which an operation can fail because of what it takes. What it says itself stays.
fn fail(operation: &mut Operation, row: Option<&Row>) {
    let parameters = parameters(operation);
    let in_path = parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Path);
    let takes = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
    let body = operation.request_body.is_some();
    let mut statuses = vec![500];
    if row.is_some() {
        statuses.extend([429, 503]);
    }
    if row.is_some_and(|row| !row.roles.is_empty()) {
        statuses.extend([401, 403]);
    }
    if body || !parameters.is_empty() {
        statuses.push(400);
    }
    if body {
        statuses.extend([408, 413, 415, 422]);
    }
    if in_path {
        statuses.push(404);
    }
    if takes("Idempotency-Key") {
        statuses.push(409);
    }
    if takes("If-Match") {
        statuses.push(412);
    }
    let replies = &mut operation.responses.responses;
    for status in statuses {
        let name = PROBLEMS.iter().find(|(known, _)| *known == status).map_or("Internal", |(_, name)| *name);
        let common = || RefOr::Ref(Ref::new(format!("#/components/responses/{name}")));
        replies.entry(status.to_string()).or_insert_with(common);
    }
    // What an operation says of a failure in its own words has the form of all problems.
    for (status, reply) in replies {
        if let RefOr::T(reply) = reply
            && reply.content.is_empty()
            && status.starts_with(['4', '5'])
        {
            let schema = Ref::from_schema_name(ProblemDocument::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            reply.content.insert(MEDIA_TYPE.to_owned(), RefOr::T(content));
        }
    }
}

/// Adds the headers of good replies that follow from what the operation takes.
fn head(operation: &mut Operation) {
    let parameters = parameters(operation);
    let takes = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
    let (versions, pages) = (takes("If-Match") || takes("If-None-Match"), takes("cursor"));
    for (status, reply) in &mut operation.responses.responses {
        let RefOr::T(reply) = reply else { continue };
        if versions && matches!(status.as_str(), "200" | "201" | "304") {
            let tag = text("What `If-Match` and `If-None-Match` take: it names this version.");
            reply.headers.insert("ETag".to_owned(), tag.into());
        }
        if pages && status == "200" {
            let link = text("The address of the next page, `rel=\"next\"`; absent at the end.");
            reply.headers.insert("Link".to_owned(), link.into());
        }
    }
}

fn parameters(operation: &Operation) -> Vec<&Parameter> {
    let all = operation.parameters.iter().flatten();
    all.filter_map(|parameter| if let RefOr::T(parameter) = parameter { Some(parameter) } else { None }).collect()
}

fn text(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

fn whole(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
        .description(Some(description))
        .build()
}

/// The call for the shell, with a key of a role that may make it.
fn shell(operation: &Operation, row: Option<&Row>, method: &str, path: &str) -> Option<String> {
    let row = row?;
    let parameters = parameters(operation);
    let mut address = path.to_owned();
    let mut query = Vec::new();
    for parameter in parameters {
        let Some(value) = example(parameter) else { continue };
        match parameter.parameter_in {
            ParameterIn::Path => address = address.replace(&format!("{{{}}}", parameter.name), &value),
            ParameterIn::Query if matches!(parameter.required, Required::True) => {
                query.push(format!("{}={value}", parameter.name));
            }
            _ => {}
        }
    }
    let question = if query.is_empty() { "" } else { "?" };
    let mut lines = vec![format!("curl -X {method} \"$OBHUT{address}{question}{}\"", query.join("&"))];
    if let Some(role) = row.roles.first() {
        lines.push(format!("-H \"Authorization: Bearer ${}_KEY\"", role.word().to_uppercase()));
    }
    if let Some((media, body)) = body(operation) {
        lines.push(format!("-H 'Content-Type: {media}'"));
        // What is no JSON is sent as it stands.
        let text = body.as_str().filter(|_| !media.contains("json")).map_or_else(|| body.to_string(), str::to_owned);
        lines.push(format!("-d '{}'", text.replace('\'', "'\\''")));
    }
    let roles: Vec<_> = row.roles.iter().map(|role| format!("`{}`", role.word())).collect();
    let roles = if roles.is_empty() { "nobody: it needs no key".to_owned() } else { roles.join(", ") };
    if answers_zip(operation) {
        lines.push("-OJ".to_owned());
    }
    Some(format!("For the roles: {roles}.\n\n```sh\n{}\n```", lines.join(" \\\n  ")))
}

fn answers_zip(operation: &Operation) -> bool {
    operation.responses.responses.values().any(|reply| match reply {
        RefOr::T(reply) => reply.content.len() == 1 && reply.content.contains_key("application/zip"),
        RefOr::Ref(_) => false,
    })
}

fn example(parameter: &Parameter) -> Option<String> {
    // utoipa lets nobody read it but serde.
    let value = serde_json::to_value(parameter).ok()?.get("example").cloned()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn body(operation: &Operation) -> Option<(&str, &Value)> {
    let Some(RefOr::T(body)) = &operation.request_body else { return None };
    body.content.iter().find_map(|(media, content)| match content {
        RefOr::T(Content { example: Some(example), .. }) => Some((media.as_str(), example)),
        _ => None,
    })
}

/// utoipa writes what an optional field means beside the reference inside its choice, where readers of the document do
/// not look. This puts it on the field.
fn lift(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => object.properties.values_mut().for_each(lift),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                lift(items);
            }
        }
        Schema::AllOf(all) => all.items.iter_mut().for_each(lift),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(lift),
        Schema::OneOf(one) => {
            if let ([RefOr::Ref(only), RefOr::T(_)] | [RefOr::T(_), RefOr::Ref(only)], None) =
                (one.items.as_mut_slice(), &one.description)
                && !only.description.is_empty()
            {
                one.description = Some(std::mem::take(&mut only.description));
            }
            one.items.iter_mut().for_each(lift);
        }
        _ => {}
    }
}
