//! `Idempotency-Key`: a repeated call has one effect and one answer, for 24 hours.
//!
//! While a call runs its key is marked in the store, so that a second one, on any node, is told to wait. When it
//! succeeds, its reply is kept sealed with a keyed hash of the request; when it fails, the mark is taken away and it
//! can be tried again. A node that dies leaves a mark that ends by itself. Replies of calls that take a key hold no
//! personal value.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use tracing::Instrument;

use super::house::House;
use super::limits;
use super::problem::{Code, Problem};
use crate::store::replies::{self, ReplyRow};
use crate::types::{ApiKeyId, Timestamp};
use crate::vault::{BlindIndex, Drawer, Row};

/// The header.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// How long a reply is kept.
const KEPT: i64 = Timestamp::DAY;
/// How long a running call keeps others with its key away, at most.
const RUNNING: i64 = 600 * Timestamp::SECOND;

/// How long is waited before the end of a call is written down again, which doubles up to the longest.
const FIRST_WAIT: i64 = Timestamp::SECOND / 4;
const LONGEST_WAIT: i64 = 10 * Timestamp::SECOND;

/// The idempotency key of a call, if it carries one: 1 to 255 printable ASCII characters.
pub(super) struct Key(Option<String>);

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(HEADER);
        ready(match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => of(value).map(|key| Self(Some(key))),
            (Some(_), Some(_)) => Err(malformed()),
        })
    }
}

fn of(value: &HeaderValue) -> Result<String, Problem> {
    let printable = |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b));
    value.to_str().ok().filter(printable).map(str::to_owned).ok_or_else(malformed)
}

fn malformed() -> Problem {
    Problem::new(Code::InvalidIdempotencyKey, "Send Idempotency-Key once, with 1 to 255 printable ASCII characters.")
}

/// A reply that can be kept: JSON without personal values.
pub(super) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    /// A reply with `document`.
    pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { status, body: serde_json::to_vec(document).map_err(Problem::internal)? })
    }

    /// Its document.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// As it is sent.
    pub(super) fn send(self) -> HttpResponse {
        HttpResponse::build(self.status).insert_header((CONTENT_TYPE, "application/json")).body(self.body)
    }
}

/// What a call with this key is.
pub(super) enum Turn {
    /// It has no key.
    Free,
    /// The first with its key.
    First(Ticket),
    /// One that was answered before.
    Again(Kept),
}

/// The mark of a running call.
pub(super) struct Ticket {
    house: Data<House>,
    mac: BlindIndex,
    number: [u8; 16],
    operation: String,
}

/// The kept reply of an earlier call.
pub(super) struct Kept {
    house: Data<House>,
    row: ReplyRow,
    mac: BlindIndex,
    operation: String,
}

/// Marks the call, or finds its reply. `operation` names the operation and everything of the request beside the body.
///
/// # Errors
/// `idempotency_key_in_use` while another call with this key runs.
pub(super) async fn begin(house: &Data<House>, caller: ApiKeyId, key: Key, operation: &str) -> Result<Turn, Problem> {
    let Some(key) = key.0 else { return Ok(Turn::Free) };
    let mac = house.strongbox.idempotency_key(caller, &key);
    let (house, operation, now) = (house.clone(), operation.to_owned(), house.clock.now());
    let number = house.ids.uuid().map_err(Problem::internal)?.into_bytes();
    let mark = ReplyRow {
        key_mac: mac.bytes().to_vec(),
        // Whose mark it is: a call that outlives its mark must not touch that of the next one.
        fingerprint: number.to_vec(),
        status: 0,
        body: Vec::new(),
        expires_at: now.plus(RUNNING),
    };
    let known = house
        .store
        .write(move |write| {
            let known = replies::find(write, &mark.key_mac, now)?;
            if known.is_none() {
                replies::put(write, mark.clone(), now)?;
            }
            Ok::<_, crate::store::Error>(known)
        })
        .await?;
    match known {
        None => Ok(Turn::First(Ticket { house, mac, number, operation })),
        Some(row) if row.status == 0 => {
            Err(Problem::new(Code::IdempotencyKeyInUse, "Ask again when it has ended.").retry_after(1))
        }
        Some(row) => Ok(Turn::Again(Kept { house, row, mac, operation })),
    }
}

impl Ticket {
    /// Ends the call: keeps the reply of a success, takes the mark away after a failure. That neither worked, as while
    /// the disk is full, is no failure of the call: it is tried again until the mark would have ended by itself.
    pub(super) async fn end(self, digest: &[u8; 32], reply: &Result<Reply, Problem>) {
        let kept = reply.as_ref().ok().map(|reply| self.kept(digest, reply)).transpose();
        let Ok(kept) = kept.map_err(|problem| warn(&problem)) else { return };
        let Err(problem) = self.settle(kept.clone()).await else { return };
        warn(&problem);
        actix_web::rt::spawn(
            async move {
                let until = self.house.clock.now().plus(RUNNING);
                let mut wait = FIRST_WAIT;
                while self.house.clock.now().plus(wait) < until {
                    actix_web::rt::time::sleep(Duration::from_micros(wait.unsigned_abs())).await;
                    if self.settle(kept.clone()).await.is_ok() {
                        return;
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
            .in_current_span(),
        );
    }

    /// Keeps the reply, or takes the mark away if there is none.
    async fn settle(&self, kept: Option<ReplyRow>) -> Result<(), Problem> {
        match kept {
            Some(kept) => {
                let (number, now) = (self.number, self.house.clock.now());
                Ok(self.house.store.write(move |write| replies::replace(write, &number, kept.clone(), now)).await?)
            }
            None => self.give_up().await,
        }
    }

    fn kept(&self, digest: &[u8; 32], reply: &Reply) -> Result<ReplyRow, Problem> {
        let strongbox = &self.house.strongbox;
        let row = Row::id(self.mac.bytes());
        Ok(ReplyRow {
            key_mac: self.mac.bytes().to_vec(),
            fingerprint: strongbox.fingerprint(&self.operation, digest).bytes().to_vec(),
            status: i16::try_from(reply.status.as_u16()).unwrap_or(200),
            body: strongbox.seal(Drawer::Replies, row, &reply.body).map_err(Problem::internal)?,
            expires_at: self.house.clock.now().plus(KEPT),
        })
    }

    async fn give_up(&self) -> Result<(), Problem> {
        let (mac, number) = (self.mac.bytes(), self.number);
        Ok(self.house.store.write(move |write| replies::forget(write, &mac, &number)).await?)
    }
}

fn warn(problem: &Problem) {
    let cause = problem.cause().map(ToString::to_string);
    tracing::warn!(cause, "a reply could not be kept for its idempotency key");
}

impl Kept {
    /// The kept reply, if the request is the same.
    ///
    /// # Errors
    /// `idempotency_key_reused` if it is another.
    pub(super) fn answer(self, digest: &[u8; 32]) -> Result<Reply, Problem> {
        let fingerprint = self.house.strongbox.fingerprint(&self.operation, digest);
        if fingerprint.bytes().as_slice() != self.row.fingerprint {
            return Err(Problem::new(Code::IdempotencyKeyReused, "Use a new Idempotency-Key for a new request."));
        }
        let row = Row::id(self.mac.bytes());
        let body = self.house.strongbox.open(Drawer::Replies, row, &self.row.body).map_err(Problem::internal)?.to_vec();
        let status = u16::try_from(self.row.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        Ok(Reply { status: status.unwrap_or(StatusCode::OK), body })
    }
}

/// Runs `work` once for this key, or answers as before. It runs to its end even if the caller hangs up.
///
/// # Errors
/// Those of `work`, [`begin`] and [`Kept::answer`].
pub(super) async fn once(
    house: Data<House>,
    caller: ApiKeyId,
    key: Key,
    operation: &'static str,
    digest: [u8; 32],
    work: impl Future<Output = Result<Reply, Problem>> + 'static,
) -> Result<Reply, Problem> {
    apart(async move {
        match begin(&house, caller, key, operation).await? {
            Turn::Free => work.await,
            Turn::Again(kept) => kept.answer(&digest),
            Turn::First(ticket) => {
                let reply = work.await;
                ticket.end(&digest, &reply).await;
                reply
            }
        }
    })
    .await
}

/// Runs `work` to its end even if the caller hangs up meanwhile. Until then the call counts as running.
///
/// # Errors
/// Those of `work`.
pub(super) async fn apart<T: 'static>(work: impl Future<Output = Result<T, Problem>> + 'static) -> Result<T, Problem> {
    let turn = limits::Turn::current();
    let work = async move {
        let _turn = turn;
        work.await
    };
    actix_web::rt::spawn(work.in_current_span()).await.unwrap_or_else(|cause| Err(Problem::internal(cause)))
}
