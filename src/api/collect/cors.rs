//! Letting pages of any origin call the tracking API (Fetch standard, CORS).
//!
//! Which pages those are is no secret and no protection: the key on them can be copied into any program. So every origin may,
//! also with credentials, which some SDKs always send; this API has no cookies that could be misused.

use actix_web::Error;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
/// Longest list of header names that is allowed as it was asked for.
const MAX_ASKED: usize = 1_024;
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, x-request-id");
const YES: HeaderValue = HeaderValue::from_static("true");
/// Seconds a browser keeps the answer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The outermost step: answers preflights of the tracking API, and opens its replies to the page that asked.
pub(in crate::api) async fn open<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if !super::serves(request.path()) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let origin = request.headers().get(ORIGIN).cloned();
    if request.method() == Method::OPTIONS {
        let asked = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let mut reply = HttpResponse::NoContent().finish();
        allow(reply.headers_mut(), origin);
        reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        // SDKs mark what they send again by headers of their own; none of them means anything here.
        if let Some(asked) = asked.filter(|asked| asked.len() <= MAX_ASKED) {
            reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
        reply.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        return Ok(request.into_response(reply).map_into_right_body());
    }
    let mut reply = next.call(request).await?;
    allow(reply.headers_mut(), origin);
    Ok(reply.map_into_left_body())
}

fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, YES);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
