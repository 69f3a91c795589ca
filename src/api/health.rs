//! Is the process alive, and can it serve?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use super::frame::Frame;
use super::problem::{Code, Problem};
use crate::store::{self, Store};
use crate::types::{Clock, Timestamp};

/// Seconds a caller is asked to wait until somebody has started the hub again.
const RESTART: u64 = 30;

/// Seconds a caller is asked to wait for a database that does not answer.
const AGAIN: u64 = 1;

/// How long the database may take to answer a probe.
const PATIENCE: Duration = Duration::from_secs(1);

/// For how many microseconds an answer of the database counts.
const FRESH: i64 = Timestamp::SECOND;

/// Says whether the hub can keep its promises now.
pub trait Readiness: Send + Sync {
    /// Ready as far as is known without asking: the disk below the store and below the audit log has not failed.
    ///
    /// # Errors
    /// The reason, without personal values. It is logged, not sent.
    fn ready(&self) -> Result<(), String>;

    /// Asks the database: it answers a small read within a second. An answer counts for a second.
    ///
    /// # Errors
    /// The reason, without personal values. It is logged, not sent.
    fn answers(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// Asks the database whether it answers: at most once a second, and never twice at a time, so that probes are no load
/// and do not pile up before a database that is silent.
#[derive(Default)]
pub struct Probe(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    last: Option<(Timestamp, Result<(), String>)>,
    running: Option<JoinHandle<Result<(), store::Error>>>,
}

impl Probe {
    /// What the database answered in the last second, or answers now.
    ///
    /// # Errors
    /// The reason, without personal values.
    pub async fn ask(&self, store: &Store, clock: &dyn Clock) -> Result<(), String> {
        let mut asked = self.0.lock().await;
        if let Some((at, answer)) = &asked.last
            && clock.now().micros().abs_diff(at.micros()) < FRESH.unsigned_abs()
        {
            return answer.clone();
        }
        // The question before may still wait for its answer; if it has one by now, that is old.
        let running = asked.running.take().filter(|running| !running.is_finished());
        let mut running = running.unwrap_or_else(|| {
            let store = store.clone();
            tokio::spawn(async move { store.answers().await })
        });
        let answer = match tokio::time::timeout(PATIENCE, &mut running).await {
            Ok(Ok(answer)) => answer.map_err(|cause| cause.to_string()),
            Ok(Err(_)) => Err("the question to the database failed".to_owned()),
            Err(_) => {
                asked.running = Some(running);
                Err("the database does not answer within a second".to_owned())
            }
        };
        asked.last = Some((clock.now(), answer.clone()));
        answer
    }
}

/// Set once when the server begins to stop, so that load balancers turn elsewhere while running calls end.
#[derive(Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on the server is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the server is stopping.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The reply of both questions.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// Whether the process lives. It asks nobody else.
#[utoipa::path(
    tag = "operations",
    security(()),
    responses((status = 200, description = "The process answers.", body = Health))
)]
#[get("/healthz")]
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether the hub can serve now.
#[utoipa::path(
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "Ready to serve.", body = Health),
        (status = 503, description = "Not now.", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
#[get("/readyz")]
pub(super) async fn readyz(frame: Data<Frame>) -> Result<HttpResponse, Problem> {
    if frame.draining.is_on() {
        return Err(Problem::new(Code::NotReady, "The hub is stopping."));
    }
    frame.readiness.ready().map_err(stopped)?;
    match frame.readiness.answers().await {
        Ok(()) => Ok(HttpResponse::Ok().json(Health { status: "ok" })),
        Err(reason) => {
            Err(Problem::new(Code::NotReady, "The hub cannot serve now.").retry_after(AGAIN).because(reason))
        }
    }
}

/// The answer of a hub that does not serve until it was started again.
pub(super) fn stopped(reason: String) -> Problem {
    Problem::new(Code::NotReady, "The hub cannot serve now.").retry_after(RESTART).because(reason)
}
