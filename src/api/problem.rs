//! Problem replies (RFC 9457). [`Code`] is the table of what can go wrong.
//!
//! A [`Problem`] carries nothing the caller sent: its texts are ours, its pointers are made of the API's own
//! field names. What went wrong inside travels as `cause`, is logged once by [`super::frame`] and never sent.

mod code;

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

pub use code::Code;

use super::request_id::CallId;

/// The media type of problem replies.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// One fault of one field, in `errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct FieldFault {
    /// A code such as `missing_field`.
    #[schema(value_type = String, example = "missing_field")]
    pub code: &'static str,
    /// Where, as a JSON pointer (RFC 6901) into the body.
    #[schema(example = "/identifiers/0/kind")]
    pub pointer: String,
    /// What is expected there. Never repeats what was sent.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
}

/// A refusal of a request, on its way to the caller.
pub struct Problem(Box<Parts>);

/// Boxed, because a failure is rare and every result has room for it.
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    pointer: Option<String>,
    parameter: Option<Cow<'static, str>>,
    errors: Vec<FieldFault>,
    retry_after: Option<u64>,
    allow: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem with a sentence for the caller. The sentence must hold nothing the caller sent.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            pointer: None,
            parameter: None,
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            cause: None,
        }))
    }

    /// A fault on this side: the cause goes to the log, the caller learns the request id.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "The hub could not do this. The request id finds the cause in its log.")
            .because(cause)
    }

    /// More work waits than can be done; try again in `seconds`.
    #[must_use]
    pub fn overloaded(seconds: u64) -> Self {
        Self::new(Code::Overloaded, "Nothing was done. Try again after the time in Retry-After.").retry_after(seconds)
    }

    /// Several faults in one body. The first gives the code, the pointer and the detail of the whole.
    /// Without any fault it says that the body is invalid.
    #[must_use]
    pub fn fields(code: Code, errors: Vec<FieldFault>) -> Self {
        let (pointer, detail) = errors.first().map_or((None, Cow::Borrowed("The body is invalid.")), |first| {
            (Some(first.pointer.clone()), first.detail.clone())
        });
        let mut problem = Self::new(code, detail);
        (problem.0.pointer, problem.0.errors) = (pointer, errors);
        problem
    }

    /// The same with another sentence, which must hold nothing the caller sent.
    #[must_use]
    pub fn saying(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Says where in the body that lies which the pointer so far begins at.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        if let Some(pointer) = &mut self.0.pointer {
            pointer.insert_str(0, prefix);
        }
        self
    }

    /// Says where in the body: a JSON pointer made of the API's own field names.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    /// Says which query or path parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.parameter = Some(name.into());
        self
    }

    /// Adds `Retry-After`, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Adds `Allow`: the methods of this path, separated by commas.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.0.allow = Some(methods.into());
        self
    }

    /// Keeps the inner cause for the log. It is never sent.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The inner cause, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.0.cause.as_deref()
    }

    /// The reply to a tracking SDK: some read a `message` and hide every other cause behind its absence.
    #[must_use]
    pub fn reply_to_tracker(&self, id: Option<CallId>) -> HttpResponse<BoxBody> {
        self.send(&ProblemDocument { message: Some(&self.0.detail), ..self.document(id) })
    }

    /// The reply.
    #[must_use]
    pub fn reply(&self, id: Option<CallId>) -> HttpResponse<BoxBody> {
        self.send(&self.document(id))
    }

    fn send(&self, document: &ProblemDocument<'_>) -> HttpResponse<BoxBody> {
        let mut reply = HttpResponse::build(self.0.code.status());
        reply.insert_header((CONTENT_TYPE, MEDIA_TYPE));
        if let Some(seconds) = self.0.retry_after {
            reply.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &self.0.allow {
            reply.insert_header((ALLOW, methods.as_str()));
        }
        match self.0.code {
            Code::Unauthenticated => {
                reply.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"obhut\""));
            }
            Code::UnsupportedEncoding => {
                reply.insert_header((ACCEPT_ENCODING, "gzip, identity"));
            }
            _ => {}
        }
        reply.body(serde_json::to_vec(document).unwrap_or_default())
    }

    /// The document that is sent.
    #[must_use]
    pub fn document(&self, id: Option<CallId>) -> ProblemDocument<'_> {
        ProblemDocument {
            uri: self.0.code.uri(),
            title: self.0.code.title(),
            status: self.0.code.status().as_u16(),
            code: self.0.code.word(),
            detail: &self.0.detail,
            message: None,
            pointer: self.0.pointer.as_deref(),
            parameter: self.0.parameter.as_deref(),
            errors: &self.0.errors,
            request_id: id.map(|id| id.to_string()),
        }
    }
}

/// A problem as it is sent (RFC 9457, `application/problem+json`).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// Which kind of problem: `urn:obhut:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:obhut:problem:missing_field")]
    uri: &'static str,
    /// The same short sentence for every problem of this kind.
    #[schema(example = "A field is missing")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// A stable word for programs.
    #[schema(example = "missing_field")]
    code: &'static str,
    /// What to do about it. Never repeats what was sent.
    detail: &'a str,
    /// The detail once more, where tracking SDKs call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'a str>,
    /// Where in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/identifiers/0/kind")]
    pointer: Option<&'a str>,
    /// Which parameter of the query, path or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'a str>,
    /// Every fault, where several fields are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldFault],
    /// The id of this request; the same as in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Uuid)]
    request_id: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.word())
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem").field("code", &self.0.code).field("pointer", &self.0.pointer).finish_non_exhaustive()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.reply(None)
    }
}

/// The problem for a failure that some library made and that says only its status.
#[must_use]
pub fn from_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "There is nothing at this path."),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(Code::MethodNotAllowed, "This path has no such method."),
        StatusCode::REQUEST_TIMEOUT => Problem::new(Code::RequestTimeout, "Send the request faster."),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::BodyTooLarge, "Send less at once."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(Code::UnsupportedMediaType, "Send another media type."),
        status if status.is_client_error() => Problem::new(Code::BadRequest, "The request cannot be read."),
        _ => Problem::internal("a library failed without a problem of its own"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_kept_for_the_log_and_is_not_sent() {
        let problem = Problem::internal("disk on fire at sector 7");
        assert_eq!(problem.cause().unwrap().to_string(), "disk on fire at sector 7");
        let sent = serde_json::to_string(&problem.document(None)).unwrap();
        assert!(!sent.contains("fire"), "{sent}");
        assert!(!format!("{problem} {problem:?}").contains("fire"));
    }

    #[test]
    fn the_first_field_fault_speaks_for_the_whole() {
        let fault = |pointer: &str| FieldFault { code: "invalid_value", pointer: pointer.into(), detail: "No.".into() };
        let problem = Problem::fields(Code::InvalidValue, vec![fault("/a"), fault("/b")]);
        let sent = serde_json::to_value(problem.document(None)).unwrap();
        assert_eq!(sent["pointer"], "/a");
        assert_eq!(sent["errors"][1]["pointer"], "/b");
    }

    #[test]
    fn headers_follow_the_code() {
        let reply = Problem::overloaded(3).reply(None);
        assert_eq!(reply.headers().get(RETRY_AFTER).unwrap(), "3");
        let reply = Problem::new(Code::MethodNotAllowed, "").allow("GET, POST").reply(None);
        assert_eq!(reply.headers().get(ALLOW).unwrap(), "GET, POST");
        assert!(Problem::new(Code::Unauthenticated, "").reply(None).headers().contains_key(WWW_AUTHENTICATE));
    }
}
