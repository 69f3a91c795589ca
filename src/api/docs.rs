//! The OpenAPI document and the page that shows it. The page loads nothing from the network.

use actix_web::dev::{HttpServiceFactory, ResourceDef};
use actix_web::http::Method;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, Paths, RefOr, Server, Tag};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::{Code, Problem};

/// The name of the security scheme in the document.
pub const API_KEY: &str = "api_key";

/// The document before any route: who we are, the tags, how to authenticate.
pub(super) fn base() -> OpenApi {
    let mut info = Info::new("Obhut", env!("CARGO_PKG_VERSION"));
    info.description = Some(INTRODUCTION.to_owned());
    info.license = Some(License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build());
    let tags = TAGS.map(|(name, text)| {
        let mut tag = Tag::new(name);
        tag.description = Some(text.to_owned());
        tag
    });
    OpenApiBuilder::new()
        .info(info)
        .paths(Paths::new())
        .servers(Some([Server::new("/")]))
        .tags(Some(tags))
        .security(Some([SecurityRequirement::new(API_KEY, Vec::<String>::new())]))
        .build()
}

/// Adds what holds for every operation: the problem reply and the security scheme.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("obh_…")
        .description(Some("An API key: `Authorization: Bearer obh_…`. `obhut key create` makes one."))
        .build();
    components.security_schemes.insert(API_KEY.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    super::permissions::mark(&mut document);
    super::describe::finish(&mut document);
    document
}

const INTRODUCTION: &str = include_str!("introduction.md");

const TAGS: [(&str, &str); 8] = [
    ("records", "Bring records in."),
    ("collection", "Bring events in, with the SDKs of Segment, RudderStack and Jitsu."),
    ("profiles", "Read persons for a purpose."),
    ("consents", "Purposes, consents, objections, and why a read was decided as it was."),
    ("segments", "Questions over many persons, answered only for those who may be addressed."),
    ("rights", "Access, export, restriction and erasure for the person."),
    ("administration", "Sources, keys and the audit log."),
    ("operations", "Health and metrics."),
];

/// The OpenAPI document as JSON, made once.
#[derive(Clone)]
pub(super) struct Document(pub Bytes);

/// The OpenAPI document.
#[get("/openapi.json")]
pub(super) async fn openapi_json(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.0.clone())
}

/// The page at `/docs/`.
pub(super) fn page() -> impl HttpServiceFactory {
    let config = Config::new(["/openapi.json"])
        .validator_url("none")
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .deep_linking(true)
        .filter(true)
        .default_models_expand_depth(0);
    (web::redirect("/docs", "/docs/"), SwaggerUi::new("/docs/{file:.*}").config(config))
}

/// Which methods each documented path has. It answers requests that reached no route.
#[derive(Clone)]
pub(super) struct Routes(Vec<(ResourceDef, String)>);

impl Routes {
    pub(super) fn of(document: &OpenApi) -> Self {
        let routes = document.paths.paths.iter().map(|(path, item)| {
            let methods = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
                (Method::HEAD, &item.head),
                (Method::OPTIONS, &item.options),
            ];
            let methods: Vec<_> = methods
                .iter()
                .filter(|(_, operation)| operation.is_some())
                .map(|(method, _)| method.as_str())
                .collect();
            (ResourceDef::new(path.as_str()), methods.join(", "))
        });
        let own = ["/openapi.json", "/docs", "/docs/{file:.*}"].map(|path| (ResourceDef::new(path), "GET".to_owned()));
        Self(routes.chain(own).collect())
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, methods)| methods.as_str())
    }

    /// The methods of a path without parameters.
    fn own_address(&self, path: &str) -> Option<&str> {
        let own = |(pattern, _): &&(ResourceDef, String)| pattern.pattern() == Some(path);
        self.0.iter().find(own).map(|(_, methods)| methods.as_str())
    }
}

/// What is answered where a part of the path has not its form. A word that is an address of its own, such as `lookup` in
/// `/v1/profiles/lookup`, is not a misspelt id: it is asked for with a method it does not have.
pub(super) fn misspelt(request: &HttpRequest) -> Problem {
    let routes = request.app_data::<Data<Routes>>();
    match routes.and_then(|routes| routes.own_address(request.path())) {
        Some(methods) => not_allowed(methods),
        None => Problem::new(Code::InvalidParameter, "A part of the path does not have the right form."),
    }
}

fn not_allowed(methods: &str) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("This path has: {methods}.")).allow(methods)
}

/// What is answered where no route is: 405 with the methods of the path, or 404.
pub(super) async fn fallback(request: HttpRequest, routes: Data<Routes>) -> Result<HttpResponse, Problem> {
    Err(match routes.allowed(request.path()) {
        Some(methods) => not_allowed(methods),
        None => Problem::new(Code::NotFound, "There is nothing at this path. /docs shows what there is."),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Serialize;
    use serde_json::Value;
    use utoipa::ToSchema;

    use crate::api::{routes, server};
    use crate::{audit, consent, gateway, rights, types};

    fn document() -> Value {
        serde_json::to_value(server::openapi(routes::configure)).unwrap()
    }

    fn every_object<'a>(value: &'a Value, visit: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
        match value {
            Value::Object(fields) => {
                visit(fields);
                fields.values().for_each(|value| every_object(value, visit));
            }
            Value::Array(list) => list.iter().for_each(|value| every_object(value, visit)),
            _ => {}
        }
    }

    fn as_written<T: ToSchema + Serialize>(all: &[T]) {
        let schema = serde_json::to_value(T::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::to_value(all).unwrap(), "{}", T::name());
        assert_eq!(schema["type"], "string", "{}", T::name());
    }

    #[test]
    fn a_list_of_words_is_published_as_it_is_written() {
        as_written(types::Channel::ALL);
        as_written(types::Ground::ALL);
        as_written(types::Role::ALL);
        as_written(types::RecordKind::ALL);
        as_written(types::IdentifierKind::ALL);
        as_written(audit::Act::ALL);
        as_written(consent::Act::ALL);
        as_written(consent::Method::ALL);
        as_written(consent::Reason::ALL);
        as_written(gateway::Outcome::ALL);
        as_written(gateway::Why::ALL);
        as_written(rights::Kind::ALL);
        as_written(rights::RefusedFor::ALL);
    }

    #[test]
    fn no_word_is_published_as_the_code_names_it() {
        let document = document();
        let (mut lists, plain) = (0, |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        every_object(&document, &mut |object| {
            for word in object.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                lists += 1;
                assert!(word.bytes().all(plain), "{word}");
            }
        });
        assert!(lists > 50, "{lists}");
        let words = |name: &str| document["components"]["schemas"][name]["enum"].clone();
        assert_eq!(words("InvoiceKind"), serde_json::json!(["invoice", "credit_note"]));
        assert_eq!(words("AddressUse"), serde_json::json!(["billing", "shipping", "contact"]));
        assert_eq!(words("MessageDirection"), serde_json::json!(["inbound", "outbound"]));
        assert_eq!(words("SubscriptionStatus"), words("NewsletterTestStatus"));
        assert_eq!(words("OrderStatus"), words("OrdersTestStatus"));
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let (mut names, document) = (BTreeSet::new(), document());
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} names two operations");
            }
        }
        assert!(names.contains("ListSegments") && names.contains("PutPurpose"), "{names:?}");
    }

    #[test]
    fn a_zip_is_described_as_one() {
        let document = document();
        let mut zips = 0;
        every_object(&document, &mut |object| {
            if let Some(zip) = object.get("application/zip") {
                zips += 1;
                assert_eq!(zip["schema"]["type"], "string");
                assert_eq!(zip["schema"]["format"], "binary");
            }
        });
        assert_eq!(zips, 3);
    }
}
