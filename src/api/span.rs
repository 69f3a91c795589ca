//! The span of a call in the log: method, route pattern, request id, status. Neither path nor query, since both can
//! hold personal values; no address and no user agent, since both are personal data themselves.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing::field::Empty;
use tracing_actix_web::RootSpanBuilder;

use super::metrics::{method, route};
use super::request_id::CallId;

/// Builds the span.
pub(super) struct CallSpan;

impl RootSpanBuilder for CallSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<CallId>().map(ToString::to_string).unwrap_or_default();
        tracing::info_span!("call", method = method(request.method()), route = %route(request), request_id = %id, status = Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(reply) => reply.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
    }
}
