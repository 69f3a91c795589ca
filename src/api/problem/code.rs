//! The one table of codes: what can go wrong, as words programs can rely on, and the status of each.

use actix_web::http::StatusCode;

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
}
