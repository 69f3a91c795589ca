//! Problem replies (RFC 9457). The one table of codes, and the one place that knows their status.
//!
//! A [`Problem`] carries nothing the caller sent: its texts are ours, its pointers are made of the API's own
//! field names. What went wrong inside travels as `cause`, is logged once by [`super::frame`] and never sent.

use std::borrow::Cow;
use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_id::CallId;

/// The media type of problem replies.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Declares the table of codes: variant, stable word, status, title.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $word:literal $status:ident $title:literal,)+) => {
        /// What went wrong, as a word programs can rely on. Words are never reused or renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in the reply's `code`.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The status of a reply with this code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The short title, the same for every reply with this code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// The reply's `type`.
            #[must_use]
            pub const fn uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("urn:obhut:problem:", $word)),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson "malformed_json" BAD_REQUEST "The body is not valid JSON",
    /// The body or a parameter is not UTF-8.
    InvalidUtf8 "invalid_utf8" BAD_REQUEST "The text is not valid UTF-8",
    /// The body says it is gzip and is not.
    MalformedGzip "malformed_gzip" BAD_REQUEST "The body is not valid gzip",
    /// The connection ended before the body did.
    IncompleteBody "incomplete_body" BAD_REQUEST "The body ended too early",
    /// One object names the same field twice.
    DuplicateField "duplicate_field" BAD_REQUEST "A field is given twice",
    /// Objects and lists inside each other, deeper than any document of this API.
    TooDeep "too_deeply_nested" BAD_REQUEST "The document is nested too deeply",
    /// A query parameter this operation does not know.
    UnknownParameter "unknown_parameter" BAD_REQUEST "A parameter is not known",
    /// A required query parameter is not there.
    MissingParameter "missing_parameter" BAD_REQUEST "A parameter is missing",
    /// A query parameter is given twice.
    DuplicateParameter "duplicate_parameter" BAD_REQUEST "A parameter is given twice",
    /// A query or path parameter does not have the right form.
    InvalidParameter "invalid_parameter" BAD_REQUEST "A parameter does not have the right form",
    /// `Idempotency-Key` is not 1 to 255 printable ASCII characters.
    InvalidIdempotencyKey "invalid_idempotency_key" BAD_REQUEST "The idempotency key does not have the right form",
    /// Events of a call were not taken; `errors` names them, and the others are stored.
    EventsRefused "events_refused" BAD_REQUEST "Some events were refused",
    /// Anything else that is not a proper HTTP request.
    BadRequest "bad_request" BAD_REQUEST "The request cannot be read",
    /// No key, or none that is valid now.
    Unauthenticated "unauthenticated" UNAUTHORIZED "A valid API key is needed",
    /// The key is valid and this operation is not in its scope.
    Forbidden "forbidden" FORBIDDEN "The API key does not allow this operation",
    /// Nothing is here, or nothing the caller may see.
    NotFound "not_found" NOT_FOUND "Not found",
    /// The path exists and has no such method; `Allow` names those it has.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The method is not allowed here",
    /// The caller sent too slowly.
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long to arrive",
    /// The state of the resource does not allow this now.
    Conflict "conflict" CONFLICT "The request conflicts with the present state",
    /// A call with the same `Idempotency-Key` is still running.
    IdempotencyKeyInUse "idempotency_key_in_use" CONFLICT "A call with this idempotency key is still running",
    /// `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED "A precondition does not hold",
    /// The body is larger than the limit, as sent or when unpacked.
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large",
    /// The body is of another media type than the operation reads.
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The media type is not supported",
    /// The body is encoded in another way than plain or gzip.
    UnsupportedEncoding "unsupported_encoding" UNSUPPORTED_MEDIA_TYPE "The content encoding is not supported",
    /// A field the document does not know.
    UnknownField "unknown_field" UNPROCESSABLE_ENTITY "A field is not known",
    /// A required field is not there.
    MissingField "missing_field" UNPROCESSABLE_ENTITY "A field is missing",
    /// A field holds another JSON type.
    WrongType "wrong_type" UNPROCESSABLE_ENTITY "A field has the wrong type",
    /// A field has the right type and an impossible value.
    InvalidValue "invalid_value" UNPROCESSABLE_ENTITY "A field has an invalid value",
    /// The `Idempotency-Key` came before, with another request.
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "The idempotency key was used for another request",
    /// The caller's allowance is used up; `Retry-After` tells when there is more.
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS "Too many requests",
    /// The fault is on this side. The request id finds it in the log.
    Internal "internal" INTERNAL_SERVER_ERROR "Internal error",
    /// More work waits than can be done; nothing was done.
    Overloaded "overloaded" SERVICE_UNAVAILABLE "The hub is overloaded",
    /// The hub is starting, stopping, or has stopped serving to keep its promises.
    NotReady "not_ready" SERVICE_UNAVAILABLE "The hub is not ready",
}

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
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_word_and_a_failing_status() {
        let words: HashSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert_eq!(code.uri(), format!("urn:obhut:problem:{}", code.word()));
            assert!(code.word().bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()));
        }
    }

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
