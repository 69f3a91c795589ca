//! [`Collected`]: a call with a write key, wherever its SDK puts it: the user of Basic, a bearer, `X-Write-Key`, the query,
//! or `writeKey` in the body. A key in a header or the query is checked before the body is read.
//!
//! An SDK that was set up for OAuth sends the token of somebody else's server as a bearer, and its key in the body. The hub can prove no
//! such token, so it says nothing here: neither does it open anything, nor does it take the place of the key.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::api::House;
use crate::api::body::{self, Reader};
use crate::api::doorkeeper::{self, Writer};
use crate::api::permissions::Operation;
use crate::api::problem::{Code, Problem};
use crate::consent::Source;
use crate::types::{Voice, read_json};

/// Bytes of one body, unpacked, if its key is known before it is read.
const MAX_BODY: u64 = 4 << 20;

/// A call that may bring events in.
pub struct Collected<O> {
    /// Whose key it carries.
    pub(super) writer: Writer,
    /// Whose word that is.
    pub(super) voice: Voice,
    /// The source of the key.
    pub(super) source: Arc<Source>,
    /// What was sent; null if nothing was.
    pub(super) body: Value,
    /// Bytes of it, unpacked.
    pub(super) size: usize,
    operation: PhantomData<fn() -> O>,
}

impl<O: Operation> FromRequest for Collected<O> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let house = request
                .app_data::<Data<House>>()
                .ok_or_else(|| Problem::internal("a route without its house"))?
                .clone();
            let shown = one_of(shown(request.headers()).chain(asked(request.query_string())))?;
            let known = match &shown {
                Some(key) => Some(admit::<O>(&house, key).await?),
                None => None,
            };
            let limits = body::limits(&request);
            let most = if known.is_some() { MAX_BODY.max(limits.document) } else { limits.document };
            let reader = Reader::open(request.headers(), payload, most, limits.patience)?;
            let bytes = tokio::time::timeout(limits.patience, reader.all()).await.map_err(|_| too_slow())??;
            // Who may not call must not even learn that the body is broken.
            let body = if bytes.is_empty() { Ok(Value::Null) } else { read(&bytes) };
            let told = body.as_ref().ok().and_then(|body| body.get("writeKey")?.as_str()).filter(|key| !is_masked(key));
            let writer = match (known, shown, told) {
                (Some(_), Some(shown), Some(told)) if shown != told => return Err(two_keys()),
                (Some(writer), _, _) => writer,
                (None, _, Some(told)) => admit::<O>(&house, told).await?,
                (None, _, None) => return Err(no_key()),
            };
            let Some(voice) = writer.role.voice() else { return Err(other_role()) };
            let mut source = house.rulebook.edition().source(writer.source).cloned();
            if source.is_none() {
                // Another process may have added it a moment ago, and an SDK does not send again what it is told is gone.
                house.rulebook.reload().await?;
                source = house.rulebook.edition().source(writer.source).cloned();
            }
            let source = source.ok_or_else(|| Problem::new(Code::NotFound, "The source of this key is gone."))?;
            Ok(Self { writer, voice, source, body: body?, size: bytes.len(), operation: PhantomData })
        })
    }
}

async fn admit<O: Operation>(house: &House, key: &str) -> Result<Writer, Problem> {
    let writer = house.doorkeeper.writer(key).await?.ok_or_else(no_key)?;
    if O::ROW.roles.contains(&writer.role) { Ok(writer) } else { Err(other_role()) }
}

/// The keys in the headers of a call.
pub(super) fn shown(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let basic = headers.get(AUTHORIZATION).and_then(|header| credentials(header.to_str().ok()?));
    // Jitsu's SDK wants its key in two halves.
    let whole = |header: &str| header.trim().replacen(':', "_", 1);
    let own = headers.get("x-write-key").and_then(|header| Some(whole(header.to_str().ok()?)));
    basic.into_iter().chain(own).filter(|key| !key.is_empty())
}

/// The user of Basic, or a bearer that has the form of a key. Some clients leave out the colon behind the user.
fn credentials(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned()).filter(|bearer| doorkeeper::is_own(bearer));
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = String::from_utf8(decoded).ok()?;
    Some(pair.split_once(':').map_or(pair.as_str(), |(user, _)| user).to_owned())
}

/// The key in the query.
pub(super) fn asked(query: &str) -> impl Iterator<Item = String> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name == "writeKey" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// The one key there is.
///
/// # Errors
/// If there are two.
fn one_of(mut keys: impl Iterator<Item = String>) -> Result<Option<String>, Problem> {
    let first = keys.next();
    if keys.any(|key| Some(&key) != first.as_ref()) { Err(two_keys()) } else { Ok(first) }
}

/// Jitsu's SDK names its key in the body without its secret half.
fn is_masked(key: &str) -> bool {
    key.ends_with("***")
}

/// JSON, whatever the content type says: `sendBeacon` sends text, other SDKs a form that is none. A text that an SDK cut in the middle of
/// a character loses that one: what is refused as a whole is never sent again.
fn read(bytes: &[u8]) -> Result<Value, Problem> {
    read_json(bytes).map_err(|error| match std::str::from_utf8(bytes) {
        Err(text) => {
            Problem::new(Code::InvalidUtf8, format!("The body stops being UTF-8 after {} bytes.", text.valid_up_to()))
        }
        Ok(_) => Problem::new(
            Code::MalformedJson,
            format!("The JSON is broken at line {}, column {}.", error.line(), error.column()),
        ),
    })
}

/// The same for a missing, unknown, expired and revoked key.
fn no_key() -> Problem {
    Problem::new(Code::Unauthenticated, "Send a valid write key: Authorization: Basic, the key as user, no password.")
}

fn two_keys() -> Problem {
    Problem::new(Code::Unauthenticated, "Two different write keys came with one call.")
}

fn other_role() -> Problem {
    Problem::new(Code::Forbidden, "This operation is for another role.")
}

fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, "The body arrived too slowly.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for header in [basic("key:"), basic("key:x"), basic("key")] {
            assert_eq!(credentials(&header).as_deref(), Some("key"), "{header}");
        }
        for header in ["Bearer obh_1", "bearer  obh_1 "] {
            assert_eq!(credentials(header).as_deref(), Some("obh_1"), "{header}");
        }
        for header in ["Basic ?", "Digest key", "key", "", "Bearer", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
            assert_eq!(credentials(header), None, "{header}");
        }
        assert_eq!(asked("a=b&writeKey=key%31").collect::<Vec<_>>(), ["key1"]);
    }

    #[test]
    fn two_different_keys_are_one_too_many() {
        let keys = |keys: &[&str]| one_of(keys.iter().map(ToString::to_string)).map_err(|problem| problem.code());
        assert_eq!(keys(&["a", "a"]), Ok(Some("a".to_owned())));
        assert_eq!(keys(&[]), Ok(None));
        assert_eq!(keys(&["a", "b"]), Err(Code::Unauthenticated));
    }
}
