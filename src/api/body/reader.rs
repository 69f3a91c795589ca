//! [`Reader`]: a long body, piece by piece.

use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::time::Sleep;

use super::{limits, text};
use crate::api::limits::Share;
use crate::api::problem::{Code, Problem};

/// A body that arrives piece by piece, unpacked and within its limits.
pub struct Reader {
    payload: Payload,
    gzip: Option<Box<MultiGzDecoder<Capped>>>,
    /// What was sent and is not unpacked yet.
    packed: Bytes,
    left: u64,
    patience: Duration,
    /// Ends when the next piece is too late.
    wait: Option<Pin<Box<Sleep>>>,
    ended: bool,
    digest: Option<Sha256>,
    /// All that may come, in bytes.
    most: usize,
    share: Share,
}

impl Reader {
    /// Opens the body of a request. Handlers get one by taking `Reader` as an argument.
    ///
    /// # Errors
    /// `body_too_large` if the announced length is over `limit`; `unsupported_encoding` if it is packed in a way that is not read.
    pub fn open(headers: &HeaderMap, payload: Payload, limit: u64, patience: Duration) -> Result<Self, Problem> {
        let gzip = match text(headers, &CONTENT_ENCODING).map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "identity") => None,
            Some("gzip" | "x-gzip") => {
                Some(Box::new(MultiGzDecoder::new(Capped { bytes: Vec::new(), left: limit, full: false })))
            }
            Some(_) => return Err(Problem::new(Code::UnsupportedEncoding, "Send the body plain or packed with gzip.")),
        };
        let announced: Option<u64> = text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let most = if gzip.is_some() { limit } else { announced.unwrap_or(limit) };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let (packed, left, share) = (Bytes::new(), limit, Share::of_this_call());
        Ok(Self { payload, gzip, packed, left, patience, wait: None, ended: false, digest: None, most, share })
    }

    /// Sees to it that `bytes` of this body may be held, of at most `most` at once.
    ///
    /// # Errors
    /// `overloaded` if there is no room for them. Who has `begun` waits for it.
    pub async fn hold(&mut self, bytes: usize, most: usize, begun: bool) -> Result<(), Problem> {
        self.share.hold(bytes, most.min(self.most), begun).await
    }

    /// Nothing of this body is held now.
    pub fn let_go(&mut self) {
        self.share.let_go();
    }

    /// The same, adding up the SHA-256 of what it hands out.
    #[must_use]
    pub fn digesting(mut self) -> Self {
        self.digest = Some(Sha256::new());
        self
    }

    /// The SHA-256 of all that was handed out; none unless [`digesting`](Self::digesting).
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest.clone().map(|digest| digest.finalize().into())
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// A problem if the body is too large, too slow, cut off or wrongly packed. There is no going on after that. Whoever
    /// gives up waiting loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let piece = self.piece().await?;
        if let (Some(digest), Some(piece)) = (&mut self.digest, &piece) {
            digest.update(piece);
        }
        Ok(piece)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            if !self.packed.is_empty()
                && let Some(piece) = self.unpack()?
            {
                return Ok(Some(piece));
            } else if !self.packed.is_empty() {
                continue;
            }
            if self.ended {
                return Ok(None);
            }
            let Some(piece) = self.arrival().await? else {
                self.ended = true;
                return self.finish();
            };
            let piece = piece.map_err(cut_off)?;
            self.share.arrived(piece.len());
            let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(size).ok_or_else(|| too_large(0))?;
            if self.gzip.is_some() {
                self.packed = piece;
            } else if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// What the connection brings next.
    async fn arrival(&mut self) -> Result<Option<Result<Bytes, PayloadError>>, Problem> {
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
        let arrival = tokio::select! {
            biased;
            arrival = self.payload.next() => arrival,
            () = wait.as_mut() => return Err(too_slow()),
            () = self.share.too_slow() => return Err(Problem::overloaded(1)),
        };
        self.wait = None;
        Ok(arrival)
    }

    /// The whole body. What it holds is held until the call has ended.
    ///
    /// # Errors
    /// As [`next`](Self::next), and `overloaded` if there is no room for it.
    pub async fn all(mut self) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            self.hold(bytes.len() + piece.len(), usize::MAX, false).await?;
            bytes.extend_from_slice(&piece);
        }
        self.share.stay();
        Ok(bytes)
    }

    /// Unpacks in small steps, so that a bomb is noticed before it fills the memory, until there is something to hand out.
    fn unpack(&mut self) -> Result<Option<Bytes>, Problem> {
        // A thousand times as much at most, so that no step brings more than a call may hold beside all others.
        const STEP: usize = 32;
        const ENOUGH: usize = 8 << 10;
        let Some(gzip) = &mut self.gzip else { return Ok(None) };
        while !self.packed.is_empty() && gzip.get_ref().bytes.len() < ENOUGH {
            let step = self.packed.split_to(self.packed.len().min(STEP));
            if gzip.write_all(&step).and_then(|()| gzip.flush()).is_err() {
                return Err(if gzip.get_ref().full { too_large(0) } else { bad_gzip() });
            }
        }
        let bytes = std::mem::take(&mut gzip.get_mut().bytes);
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }

    fn finish(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(gzip) = &mut self.gzip else { return Ok(None) };
        if gzip.try_finish().is_err() {
            return Err(if gzip.get_ref().full { too_large(0) } else { bad_gzip() });
        }
        let bytes = std::mem::take(&mut gzip.get_mut().bytes);
        Ok((!bytes.is_empty()).then(|| bytes.into()))
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = limits(request);
        std::future::ready(Self::open(request.headers(), payload.take(), limits.stream, limits.patience))
    }
}

/// Where unpacked bytes go: it takes only so many.
struct Capped {
    bytes: Vec<u8>,
    left: u64,
    full: bool,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.left.checked_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => {
                self.full = true;
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn too_large(limit: u64) -> Problem {
    match limit {
        0 => Problem::new(Code::BodyTooLarge, "The body is over the limit, as sent or when unpacked."),
        limit => Problem::new(Code::BodyTooLarge, format!("At most {limit} bytes are read here, unpacked.")),
    }
}

pub(super) fn too_slow() -> Problem {
    Problem::new(Code::RequestTimeout, "The body arrived too slowly.")
}

fn bad_gzip() -> Problem {
    Problem::new(Code::MalformedGzip, "Content-Encoding says gzip; the body is broken or cut off.")
}

fn cut_off(error: PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => too_large(0),
        _ => Problem::new(Code::IncompleteBody, "The connection ended before the body did."),
    }
}
