//! Numbers for Prometheus. Labels are the route pattern, the method and the class of the status; never a path, a
//! key or a subject.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use metrics::{Counter, Gauge, Histogram, Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::frame::Frame;
use super::problem::Problem;

const CALLS: &str = "obhut_http_requests_total";
const SECONDS: &str = "obhut_http_request_duration_seconds";
const TURNED_AWAY: &str = "obhut_events_turned_away_total";
const CONNECTIONS: &str = "obhut_connections";
const MOST_CONNECTIONS: &str = "obhut_connections_max";

/// Makes this process count, once; later calls return the same handle.
#[must_use]
pub fn install() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let buckets =
                [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
            let builder = PrometheusBuilder::new();
            // The only error is an empty list of buckets; then durations come as summaries.
            let builder = builder.set_buckets(&buckets).unwrap_or_else(|_| PrometheusBuilder::new());
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another recorder of metrics was there first; /metrics stays empty");
            }
            describe_counter!(CALLS, "Calls answered.");
            describe_counter!(TURNED_AWAY, "Events for collection that were refused or not understood, by reason.");
            describe_gauge!(CONNECTIONS, "Connections that are open.");
            describe_gauge!(
                MOST_CONNECTIONS,
                "Connections that may be open at once; who comes then waits to be taken."
            );
            describe_histogram!(SECONDS, Unit::Seconds, "Time from a call's head to its reply's head.");
            handle
        })
        .clone()
}

/// Counts one answered call.
pub(super) fn count(route: &str, method: &'static str, status: StatusCode, took: Duration) {
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    FOUND.with_borrow_mut(|found| {
        if !found.contains_key(route) {
            found.insert(route.to_owned(), Vec::new());
        }
        let Some(found) = found.get_mut(route) else { return };
        let at = found.iter().position(|one| one.method == method && one.class == class).unwrap_or_else(|| {
            found.push(Numbers::find(route, method, class));
            found.len() - 1
        });
        if let Some(numbers) = found.get(at) {
            numbers.calls.increment(1);
            numbers.seconds.record(took);
        }
    });
}

/// The numbers of one route, method and class, found once by each worker: to find them by their labels costs more than the
/// rest of the counting.
struct Numbers {
    method: &'static str,
    class: &'static str,
    calls: Counter,
    seconds: Histogram,
}

impl Numbers {
    fn find(route: &str, method: &'static str, class: &'static str) -> Self {
        let calls = metrics::counter!(CALLS, "route" => route.to_owned(), "method" => method, "status" => class);
        let seconds = metrics::histogram!(SECONDS, "route" => route.to_owned(), "method" => method);
        Self { method, class, calls, seconds }
    }
}

thread_local! {
    static FOUND: RefCell<HashMap<String, Vec<Numbers>>> = RefCell::default();
}

/// Counts events that were refused or not understood. The code is a word of the hub.
pub(super) fn turned_away(code: &'static str, events: i64) {
    metrics::counter!(TURNED_AWAY, "code" => code).increment(u64::try_from(events).unwrap_or(0));
}

/// The connections that are open.
pub(super) fn connections() -> Gauge {
    metrics::gauge!(CONNECTIONS)
}

/// Says how many may be open at once.
pub(super) fn most_connections(most: usize) {
    metrics::gauge!(MOST_CONNECTIONS).set(f64::from(u32::try_from(most).unwrap_or(u32::MAX)));
}

/// The pattern of the route, such as `/v1/profiles/{subject_id}`. Calls that reach no route share one word.
pub(super) fn route(request: &ServiceRequest) -> String {
    request.match_pattern().unwrap_or_else(|| "unmatched".to_owned())
}

/// The method, as one of a few words.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Metrics in the Prometheus text format.
#[utoipa::path(
    tag = "operations",
    security(()),
    responses((status = 200, description = "The numbers of this process.", content_type = "text/plain", body = String))
)]
#[get("/metrics")]
pub(super) async fn scrape(frame: Data<Frame>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(frame.metrics.render()))
}
