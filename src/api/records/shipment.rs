//! [`Shipment`]: the records of one call, handed out in chunks, so that memory holds one chunk and not the body.

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::report::Place;
use super::split;
use crate::api::body::{self, Reader, is_json, is_ndjson};
use crate::api::problem::{Code, Problem};
use crate::api::{Line, Lines, once};
use crate::intake::normal::Reason;
use crate::intake::{CHUNK, MAX_BYTES, Rejection};

/// Bytes after which a chunk is taken in before it is full.
const ENOUGH: usize = 1 << 20;
/// How long a chunk is filled. What a slow sender has sent by then is taken in, and holds no memory any more.
const LONGEST: Duration = Duration::from_secs(2);

/// The records of one call.
pub(super) enum Shipment {
    /// One JSON document, split already.
    List {
        /// The bytes of each record.
        records: std::vec::IntoIter<Bytes>,
        /// How many were handed out.
        next: u64,
        /// SHA-256 of the document.
        digest: [u8; 32],
    },
    /// One record per line.
    Stream(Box<Lines>),
}

/// Some records of a shipment.
pub(super) struct Chunk {
    /// The records that can be taken.
    pub(super) records: Vec<Bytes>,
    /// Where each stood; those that cannot even be read come with the reason.
    pub(super) places: Vec<Result<Place, (Place, Rejection)>>,
}

impl FromRequest for Shipment {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media = request.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if is_ndjson(&media) {
            let limits = body::limits(request);
            let keyed = request.headers().contains_key(once::HEADER);
            let lines = body::expect_media(request.headers(), is_ndjson, NEITHER)
                .and_then(|()| Reader::open(request.headers(), payload.take(), limits.stream, limits.patience))
                .map(|reader| if keyed { reader.digesting() } else { reader })
                .map(|reader| Self::Stream(Box::new(Lines::new(reader, limits.line.min(MAX_BYTES), ENOUGH))));
            return Box::pin(std::future::ready(lines));
        }
        if !is_json(&media) {
            return Box::pin(std::future::ready(Err(Problem::new(Code::UnsupportedMediaType, NEITHER))));
        }
        let document = body::document(request, payload);
        Box::pin(async move {
            let document = document.await?;
            let digest = Sha256::digest(&document).into();
            Ok(Self::List { records: split::records(&document.into())?.into_iter(), next: 0, digest })
        })
    }
}

const NEITHER: &str = "Send application/json or application/x-ndjson, in UTF-8.";

impl Shipment {
    /// Is it a stream of lines?
    pub(super) const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// How many records are still to come, where that is known before the end.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::List { records, .. } => Some(records.len()),
            Self::Stream(_) => None,
        }
    }

    /// The next records; none at the end. Those of the chunk before must be gone.
    ///
    /// # Errors
    /// If the body cannot be read on, or there is no room for it.
    pub(super) async fn chunk(&mut self) -> Result<Option<Chunk>, Problem> {
        let (mut records, mut places, mut size) = (Vec::new(), Vec::new(), 0);
        if let Self::Stream(lines) = self {
            lines.let_go();
        }
        let mut late = std::pin::pin!(tokio::time::sleep(LONGEST));
        while places.len() < CHUNK && size < ENOUGH {
            let next = tokio::select! {
                biased;
                next = self.next() => next?,
                () = late.as_mut(), if !places.is_empty() => break,
            };
            let Some((place, record)) = next else { break };
            match record {
                Some(record) => {
                    size += record.len();
                    records.push(record);
                    places.push(Ok(place));
                }
                None => places.push(Err((place, Rejection::new(Reason::TOO_LARGE)))),
            }
        }
        Ok((!places.is_empty()).then_some(Chunk { records, places }))
    }

    /// Reads the rest without taking it in.
    ///
    /// # Errors
    /// If the body cannot be read on.
    pub(super) async fn read_out(mut self) -> Result<[u8; 32], Problem> {
        if let Self::Stream(lines) = &mut self {
            while lines.next().await?.is_some() {
                lines.let_go();
            }
        }
        Ok(self.digest())
    }

    /// SHA-256 of the body as far as it was read.
    pub(super) fn digest(&self) -> [u8; 32] {
        match self {
            Self::List { digest, .. } => *digest,
            Self::Stream(lines) => lines.digest().unwrap_or_default(),
        }
    }

    /// The next record and its place; without bytes if it was too long.
    async fn next(&mut self) -> Result<Option<(Place, Option<Bytes>)>, Problem> {
        match self {
            Self::List { records, next, .. } => {
                let place = Place::Index(*next);
                *next += 1;
                Ok(records.next().map(|record| (place, Some(record))))
            }
            Self::Stream(lines) => Ok(lines.next().await?.map(|line| {
                let bytes = match line {
                    Line::Bytes(bytes) => Some(bytes),
                    Line::TooLong => None,
                };
                (Place::Line(lines.number()), bytes)
            })),
        }
    }
}
