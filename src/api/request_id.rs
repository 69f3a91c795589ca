//! The id of one call. It stands in the reply, in problem documents and in every log line of the call.

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use super::problem::Problem;
use crate::types::IdMaker;

/// The header, in requests and in replies.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of this call: the caller's own if they sent a UUID, else a new UUIDv7. Anything else a caller sends is
/// dropped, so that nothing personal gets into the log by this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId(Uuid);

impl CallId {
    /// The id a request gets.
    #[must_use]
    pub(super) fn of(request: &ServiceRequest, ids: &IdMaker) -> Self {
        let sent = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let sent = sent.filter(|text| text.len() == 36).and_then(|text| Uuid::parse_str(text).ok());
        // Without randomness the call still gets its answer; only its id says nothing.
        Self(sent.unwrap_or_else(|| ids.uuid().unwrap_or(Uuid::nil())))
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromRequest for CallId {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(request.extensions().get().copied().ok_or_else(|| Problem::internal("a call without an id")))
    }
}
