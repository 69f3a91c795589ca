//! Is the process alive, and can it serve?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::frame::Frame;
use super::problem::{Code, Problem};

/// Seconds a caller is asked to wait until somebody has started the hub again.
const RESTART: u64 = 30;

/// Says whether the hub can keep its promises now: the store answers, the audit log accepts, the keys are open.
pub trait Readiness: Send + Sync {
    /// Ready, or a short reason for the log.
    ///
    /// # Errors
    /// The reason, without personal values. It is logged, not sent.
    fn ready(&self) -> Result<(), String>;
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
    match frame.readiness.ready() {
        Ok(()) => Ok(HttpResponse::Ok().json(Health { status: "ok" })),
        Err(reason) => Err(stopped(reason)),
    }
}

/// The answer of a hub that does not serve until it was started again.
pub(super) fn stopped(reason: String) -> Problem {
    Problem::new(Code::NotReady, "The hub cannot serve now.").retry_after(RESTART).because(reason)
}
