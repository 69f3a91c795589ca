//! Headers that every reply carries. A handler that set one of them itself keeps its own.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// For everything that is not a page: a browser that shows a reply as a page runs and loads nothing.
const CLOSED: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// For the documentation: its own scripts and styles, and nothing from elsewhere. Swagger UI writes style attributes.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Adds what is missing. `tls`: the reply travels by TLS, so the browser may be told to keep to it.
pub(super) fn add(headers: &mut HeaderMap, path: &str, tls: bool) {
    let docs = path == "/docs" || path.starts_with("/docs/");
    let mut add = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    add(CONTENT_SECURITY_POLICY, if docs { DOCS } else { CLOSED });
    add(CACHE_CONTROL, if docs { "no-cache" } else { "no-store" });
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(X_FRAME_OPTIONS, "DENY");
    add(REFERRER_POLICY, "no-referrer");
    add(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if tls {
        add(STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
}
