//! What surrounds every call: its id, its allowance, its time, the headers of its reply and the form of its failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use metrics_exporter_prometheus::PrometheusHandle;

use super::health::{self, Draining, Readiness};
use super::limits::{Gate, Payer, Running, Turn};
use super::overload::OnceASecond;
use super::problem::{self, Code, Problem};
use super::request_id::{self, CallId};
use super::{collect, headers, metrics};
use crate::types::{ApiKeyId, IdMaker};

/// Says which valid API key a request carries, if any. It runs before the endpoint, on every call.
pub type Identify = Arc<dyn Fn(&ServiceRequest) -> Option<ApiKeyId> + Send + Sync>;

/// What the frame needs of the house. One per process, shared by all workers.
pub struct Frame {
    /// Makes request ids.
    pub ids: Arc<IdMaker>,
    /// The callers' allowances; none is unlimited.
    pub gate: Option<Arc<dyn Gate>>,
    /// Finds the payer of a call; without it, or without a valid key, the peer address pays.
    pub identify: Option<Identify>,
    /// The calls that run now.
    pub running: Running,
    /// How many may run at once, over all workers; more get 503 `overloaded`.
    pub running_limit: usize,
    /// Those that are turned away because too many run, or too much waits.
    pub turned_away: OnceASecond,
    /// Asked by `/readyz`.
    pub readiness: Arc<dyn Readiness>,
    /// Whether the server is stopping.
    pub draining: Draining,
    /// Rendered by `/metrics`.
    pub metrics: PrometheusHandle,
    /// Whether replies travel by TLS.
    pub tls: bool,
}

impl Frame {
    /// Tells the log of the calls that were turned away since it was told last, if that is a second ago. Ask every second.
    pub(super) fn tell_rest(&self, now: Instant) {
        self.tell(self.turned_away.rest(now));
    }

    /// Tells the log of all it was not told of.
    pub(super) fn tell_last(&self) {
        self.tell(self.turned_away.last());
    }

    fn tell(&self, turned_away: Option<u64>) {
        if let Some(calls) = turned_away {
            tracing::warn!(calls, running = self.running.count(), "calls are turned away");
        }
    }
}

/// The outermost step: gives the call its id, so that the span and everything inside have it.
pub(super) async fn name<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if let Some(frame) = request.app_data::<Data<Frame>>() {
        let id = CallId::of(&request, &frame.ids);
        request.extensions_mut().insert(id);
    }
    next.call(request).await
}

/// The step inside the span: admits, measures, and dresses the reply.
pub(super) async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(frame) = request.app_data::<Data<Frame>>().cloned() else {
        return Err(Problem::internal("the application was built without its frame").into());
    };
    let id = request.extensions().get::<CallId>().copied();
    let (route, method, path) =
        (metrics::route(&request), metrics::method(request.method()), request.path().to_owned());
    let tracker = collect::serves(&path);
    let watch = Watch::start();
    let dress = |headers: &mut HeaderMap| {
        headers::add(headers, &path, frame.tls);
        if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
            headers.insert(request_id::HEADER, id);
        }
    };

    let turn = frame.running.begin(frame.running_limit);
    let mut reply = match admit(&frame, &request, turn.is_some()) {
        Err(problem) => {
            log(&frame, &problem);
            request.into_response(told(&problem, id, tracker)).map_into_right_body()
        }
        Ok(()) => match run(turn, next.call(request)).await {
            Ok(reply) => as_problem(&frame, reply, id, tracker),
            Err(error) => {
                let mut reply = reply_to(&frame, &error, id, tracker);
                dress(reply.headers_mut());
                metrics::count(&route, method, reply.status(), watch.elapsed());
                return Err(InternalError::from_response("failed in a middleware", reply).into());
            }
        },
    };
    dress(reply.headers_mut());
    metrics::count(&route, method, reply.status(), watch.elapsed());
    Ok(reply)
}

/// Runs the call in its turn; a probe has none when all are taken.
async fn run<T>(turn: Option<Turn>, call: impl Future<Output = T>) -> T {
    match turn {
        Some(turn) => turn.run(call).await,
        None => call.await,
    }
}

/// Whether the call may begin. Probes always may: an overloaded hub is alive. On a disk that failed nothing else may,
/// except to be measured: what it would answer, or acknowledge, may not be what the disk holds.
fn admit(frame: &Frame, request: &ServiceRequest, room: bool) -> Result<(), Problem> {
    if matches!(request.path(), "/healthz" | "/readyz") {
        return Ok(());
    }
    if request.path() != "/metrics" {
        frame.readiness.ready().map_err(health::stopped)?;
    }
    if !room {
        return Err(Problem::overloaded(1));
    }
    let Some(gate) = &frame.gate else { return Ok(()) };
    let key = frame.identify.as_ref().and_then(|identify| identify(request));
    let payer = match (key, request.peer_addr()) {
        (Some(key), _) => Payer::key(key),
        (None, Some(peer)) => Payer::peer(peer.ip()),
        (None, None) => Payer::Crowd,
    };
    gate.admit(payer).map_err(|wait| {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Problem::new(Code::TooManyRequests, "Wait for the time in Retry-After.").retry_after(seconds.max(1))
    })
}

/// Gives a failed reply the form of a problem with the call's id. Headers that other steps added stay.
fn as_problem<B: MessageBody + 'static>(
    frame: &Frame,
    reply: ServiceResponse<B>,
    id: Option<CallId>,
    tracker: bool,
) -> ServiceResponse<EitherBody<B>> {
    let Some(error) = reply.response().error() else { return reply.map_into_left_body() };
    let problem = reply_to(frame, error, id, tracker);
    reply.into_response(problem).map_into_right_body()
}

fn reply_to(frame: &Frame, error: &Error, id: Option<CallId>, tracker: bool) -> HttpResponse<BoxBody> {
    if let Some(problem) = error.as_error::<Problem>() {
        log(frame, problem);
        return told(problem, id, tracker);
    }
    // A library's own sentence may quote the request; only its status is used.
    let problem = problem::from_status(error.as_response_error().status_code());
    log(frame, &problem);
    told(&problem, id, tracker)
}

/// The reply, as the caller's kind reads it.
fn told(problem: &Problem, id: Option<CallId>, tracker: bool) -> HttpResponse<BoxBody> {
    if tracker { problem.reply_to_tracker(id) } else { problem.reply(id) }
}

/// The one place where the failure of a call is logged; the span around says which call it was. Those that are turned away are told of
/// together, and one by one only to who wants to see every call.
fn log(frame: &Frame, problem: &Problem) {
    if problem.code() == Code::Overloaded && problem.cause().is_none() {
        tracing::debug!(code = problem.code().word(), "call turned away");
        frame.tell(frame.turned_away.note(now()));
        return;
    }
    let cause = problem.cause().map(causes);
    let (code, cause) = (problem.code().word(), cause.as_deref());
    if problem.code().status().is_server_error() {
        tracing::error!(code, cause, "call failed");
    } else {
        tracing::debug!(code, cause, "call refused");
    }
}

/// An error and its sources, in one line.
fn causes(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// For measuring, and for telling the log in time.
#[expect(clippy::disallowed_methods, reason = "it only measures; nothing is decided by it")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Measures how long a call took.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Self(now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
