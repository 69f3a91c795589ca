//! Request bodies: read with limits on size, on unpacked size and on time.
//!
//! [`Body`] reads one JSON document; [`Reader`] hands out a long body piece by piece.

mod reader;

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

pub use reader::Reader;

use reader::too_slow;

use super::json;
use super::problem::{Code, Problem};

/// How much of a body is read, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of one JSON document, sent and unpacked.
    pub document: u64,
    /// Bytes of one streamed body, sent and unpacked.
    pub stream: u64,
    /// Bytes of one line in a streamed body.
    pub line: usize,
    /// The longest wait for the next piece of a body, and for the whole of a document.
    pub patience: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { document: 1 << 20, stream: 256 << 20, line: 1 << 20, patience: Duration::from_secs(15) }
    }
}

/// One JSON document as `T`. Refuses other media types, wrong encodings, fields given twice and unknown fields.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = document(request, payload);
        Box::pin(async move { json::read(&bytes.await?).map(Self) })
    }
}

/// As [`Body`], with the SHA-256 of its bytes, to know a repeated call by.
pub struct Document<T> {
    /// What it says.
    pub body: T,
    /// SHA-256 of the unpacked bytes.
    pub digest: [u8; 32],
}

impl<T: DeserializeOwned + 'static> FromRequest for Document<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = document(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            Ok(Self { body: json::read(&bytes)?, digest: Sha256::digest(&bytes).into() })
        })
    }
}

/// The bytes of one JSON document.
pub(super) fn document(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Vec<u8>, Problem>> + use<> {
    let limits = limits(request);
    let reader = expect_media(request.headers(), is_json, "Send application/json.")
        .and_then(|()| Reader::open(request.headers(), payload.take(), limits.document, limits.patience));
    async move {
        // The patience holds for the whole document, so that a byte every few seconds does not keep a connection.
        tokio::time::timeout(limits.patience, reader?.all()).await.map_err(|_| too_slow())?
    }
}

/// The limits of this server.
pub(super) fn limits(request: &HttpRequest) -> BodyLimits {
    request.app_data::<web::Data<BodyLimits>>().map_or_else(BodyLimits::default, |limits| ***limits)
}

/// Whether the request's media type is JSON.
#[must_use]
pub fn is_json(media: &str) -> bool {
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

/// Whether the request's media type is one JSON document per line.
#[must_use]
pub fn is_ndjson(media: &str) -> bool {
    matches!(media, "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines")
}

/// Refuses a body of another media type than `fits` accepts. The media type is given in lower case, without parameters.
///
/// # Errors
/// `unsupported_media_type`.
pub fn expect_media(headers: &HeaderMap, fits: impl Fn(&str) -> bool, detail: &'static str) -> Result<(), Problem> {
    let header = text(headers, &CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let (media, parameters) = header.split_once(';').unwrap_or((&header, ""));
    let charset = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset=").map(|c| c.trim_matches('"')));
    if fits(media.trim()) && matches!(charset, None | Some("utf-8" | "utf8")) {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType, detail))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use actix_web::http::header::CONTENT_ENCODING;
    use actix_web::test::TestRequest;
    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Note {
        text: String,
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    async fn send(request: TestRequest) -> Result<String, Code> {
        let limits = BodyLimits { document: 1000, ..BodyLimits::default() };
        let (request, mut payload) = request.app_data(web::Data::new(limits)).to_http_parts();
        Body::<Note>::from_request(&request, &mut payload).await.map(|body| body.0.text).map_err(|p| p.code())
    }

    fn json(bytes: impl Into<Bytes>) -> TestRequest {
        TestRequest::post().insert_header(("content-type", "application/json; charset=UTF-8")).set_payload(bytes)
    }

    #[actix_web::test]
    async fn plain_and_packed_documents_are_read() {
        assert_eq!(send(json(r#"{"text": "ü"}"#)).await.unwrap(), "ü");
        let packed = json(gzip(br#"{"text": "a"}"#)).insert_header(("content-encoding", "gzip"));
        assert_eq!(send(packed).await.unwrap(), "a");
    }

    #[actix_web::test]
    async fn other_media_types_and_encodings_are_refused() {
        assert_eq!(send(TestRequest::post().set_payload("{}")).await, Err(Code::UnsupportedMediaType));
        let form = TestRequest::post().insert_header(("content-type", "application/x-www-form-urlencoded"));
        assert_eq!(send(form.set_payload("{}")).await, Err(Code::UnsupportedMediaType));
        let latin = TestRequest::post().insert_header(("content-type", "application/json; charset=iso-8859-1"));
        assert_eq!(send(latin.set_payload("{}")).await, Err(Code::UnsupportedMediaType));
        assert_eq!(send(json("{}").insert_header(("content-encoding", "br"))).await, Err(Code::UnsupportedEncoding));
    }

    #[actix_web::test]
    async fn a_body_over_the_limit_is_refused_announced_or_not() {
        let large = format!(r#"{{"text": "{}"}}"#, "x".repeat(1000));
        assert_eq!(send(json(large.clone())).await, Err(Code::BodyTooLarge));
        assert_eq!(send(json("{}").insert_header(("content-length", "1001"))).await, Err(Code::BodyTooLarge));
        let packed = json(gzip(large.as_bytes())).insert_header(("content-encoding", "gzip"));
        assert_eq!(send(packed).await, Err(Code::BodyTooLarge));
    }

    #[actix_web::test]
    async fn a_gzip_bomb_stops_at_the_limit() {
        // Ten megabytes in ten kilobytes: the packed size alone would pass a limit of 20 KB.
        let bomb = gzip(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 20_000);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        let (_, payload) = TestRequest::post().set_payload(bomb).to_http_parts();
        let reader = Reader::open(&headers, payload, 20_000, Duration::from_secs(5)).unwrap();
        assert_eq!(reader.all().await.unwrap_err().code(), Code::BodyTooLarge);
    }

    #[actix_web::test]
    async fn broken_gzip_is_refused() {
        let packed = |bytes: Vec<u8>| json(bytes).insert_header(("content-encoding", "gzip"));
        let good = gzip(br#"{"text": "a"}"#);
        assert_eq!(send(packed(b"not gzip".to_vec())).await, Err(Code::MalformedGzip));
        assert_eq!(send(packed(good[..good.len() - 4].to_vec())).await, Err(Code::MalformedGzip));
        assert_eq!(send(packed([&good[..], b"tail"].concat())).await, Err(Code::MalformedGzip));
    }
}
