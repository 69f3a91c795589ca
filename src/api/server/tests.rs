//! The frame from outside: every reply has its id, its headers and, when it fails, the form of a problem.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{HttpResponse, get, post};
use futures_util::future::BoxFuture;
use governor::clock::FakeRelativeClock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::*;
use crate::api::Problem;
use crate::api::health::Readiness;
use crate::api::limits::{Rate, RateLimit, Running};
use crate::api::{Body, CallId, Query};
use crate::types::{ApiKeyId, IdMaker, SubjectId, SystemEntropy, Timestamp};

pub(super) mod log;

const SENTINEL: &str = "Erika.Mustermann@sentinel.example";

struct Noon;

impl crate::types::Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_790_000_000_000_000)
    }
}

struct Ready(Result<(), String>);

impl Readiness for Ready {
    fn ready(&self) -> Result<(), String> {
        self.0.clone()
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(ready(Ok(())))
    }
}

/// A hub on a disk that is well, whose database does not answer.
struct Silent;

impl Readiness for Silent {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(ready(Err("the database at 10.0.0.7 is away".to_owned())))
    }
}

fn frame() -> Frame {
    Frame {
        ids: Arc::new(IdMaker::new(Arc::new(Noon), Arc::new(SystemEntropy::new())).unwrap()),
        gate: None,
        identify: None,
        running: Running::default(),
        running_limit: 100,
        turned_away: Default::default(),
        readiness: Arc::new(Ready(Ok(()))),
        draining: health::Draining::default(),
        metrics: metrics::install(),
        tls: false,
    }
}

fn settings() -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        workers: Some(1),
        connections: 256,
        cors_origins: Vec::new(),
        body: BodyLimits { document: 10_000, ..BodyLimits::default() },
        head_timeout: Duration::from_secs(5),
        keep_alive: Duration::from_secs(5),
        drain: Duration::from_secs(1),
    }
}

#[derive(Deserialize, Serialize, ToSchema)]
struct Note {
    text: String,
    #[serde(default)]
    marks: Vec<u32>,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<u16>,
}

#[utoipa::path(tag = "profiles", request_body = Note, responses((status = 200, description = "The note.", body = Note)))]
#[post("/v1/notes")]
async fn write_note(note: Body<Note>) -> HttpResponse {
    HttpResponse::Ok().json(note.0)
}

#[utoipa::path(tag = "profiles", responses((status = 200, description = "The id of the call.")))]
#[get("/v1/notes")]
async fn list_notes(page: Query<Page>, id: CallId) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "private")).body(format!("{:?} {id}", page.0.limit))
}

#[utoipa::path(
    tag = "profiles",
    params(("subject_id" = SubjectId, Path, description = "The subject.")),
    responses((status = 200, description = "The id."))
)]
#[get("/v1/subjects/{subject_id}")]
async fn subject(id: web::Path<SubjectId>) -> HttpResponse {
    HttpResponse::Ok().body(id.to_string())
}

#[utoipa::path(tag = "profiles", responses((status = 200, description = "Never.")))]
#[get("/v1/fails")]
async fn fails() -> Result<HttpResponse, Problem> {
    Err(Problem::internal("the disk is on fire"))
}

fn configure(config: &mut ServiceConfig<'_>) {
    config.service(write_note).service(list_notes).service(subject).service(fails);
}

struct Answer {
    status: StatusCode,
    headers: actix_web::http::header::HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// Sends requests to one application, one after the other.
async fn ask_all(frame: Frame, settings: Settings, requests: Vec<TestRequest>) -> Vec<Answer> {
    let app = init_service(app(Data::new(frame), &settings, configure)).await;
    let mut answers = Vec::new();
    for request in requests {
        let reply = call_service(&app, request.to_request()).await;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let text = String::from_utf8(read_body(reply).await.to_vec()).unwrap();
        answers.push(Answer { status, headers, text });
    }
    answers
}

async fn ask(request: TestRequest) -> Answer {
    ask_all(frame(), settings(), vec![request]).await.remove(0)
}

fn note(body: impl Into<bytes::Bytes>) -> TestRequest {
    TestRequest::post().uri("/v1/notes").insert_header(("content-type", "application/json")).set_payload(body)
}

#[actix_web::test]
async fn a_good_request_is_answered() {
    let answer = ask(note(r#"{"text": "a", "marks": [1]}"#)).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, r#"{"text":"a","marks":[1]}"#));
}

#[actix_web::test]
async fn every_bad_body_has_its_code_and_is_not_repeated() {
    let deep = format!("{{\"text\": {}{}}}", "[".repeat(200), "]".repeat(200));
    let cases: [(Vec<u8>, u16, &str); 9] = [
        (format!("{{\"text\": \"{SENTINEL}\"").into(), 400, "malformed_json"),
        (format!("{{\"text\": \"{SENTINEL}\", \"text\": \"{SENTINEL}\"}}").into(), 400, "duplicate_field"),
        (format!("{{\"text\": \"a\", \"{SENTINEL}\": 1}}").into(), 422, "unknown_field"),
        (format!("{{\"text\": [\"{SENTINEL}\"]}}").into(), 422, "wrong_type"),
        (format!("{{\"marks\": [], \"text\": \"{SENTINEL}\\u0000\"}}").into(), 422, "invalid_value"),
        (b"{}".to_vec(), 422, "missing_field"),
        (b"{\"text\": \"\xff\"}".to_vec(), 400, "invalid_utf8"),
        (deep.into(), 400, "too_deeply_nested"),
        (format!("{{\"text\": \"{}\"}}", SENTINEL.repeat(1000)).into(), 413, "body_too_large"),
    ];
    for (body, status, code) in cases {
        let answer = ask(note(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        assert!(!answer.text.contains("Mustermann"), "{}", answer.text);
    }
}

#[actix_web::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let answer = ask(TestRequest::get().uri(&format!("/v1/nothing/{SENTINEL}"))).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert!(!answer.text.contains("Mustermann"));

    let answer = ask(TestRequest::delete().uri("/v1/notes")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"));
    assert_eq!(answer.header("allow"), "GET, POST");

    let answer = ask(TestRequest::default().method(Method::from_bytes(b"BREW").unwrap()).uri("/v1/subjects/x")).await;
    assert_eq!((answer.code().as_str(), answer.header("allow")), ("method_not_allowed", "GET"));

    let answer = ask(TestRequest::get().uri(&format!("/v1/subjects/{SENTINEL}"))).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_parameter"));
    assert!(!answer.text.contains("Mustermann"));

    let answer = ask(TestRequest::get().uri("/v1/notes?limit=many")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "invalid_parameter"));
}

#[actix_web::test]
async fn an_inner_cause_is_not_sent() {
    let answer = ask(TestRequest::get().uri("/v1/fails")).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal"));
    assert!(!answer.text.contains("fire"));
}

#[actix_web::test]
async fn a_call_keeps_the_callers_id_if_it_is_a_uuid() {
    let id = "018f3f3c-0000-4000-8000-0000000000aa";
    let answer = ask(TestRequest::get().uri("/v1/notes?limit=3").insert_header(("x-request-id", id))).await;
    assert_eq!(answer.header("x-request-id"), id);
    assert_eq!(answer.text, format!("Some(3) {id}"));
    let answer = ask(TestRequest::get().uri("/v1/notes").insert_header(("x-request-id", SENTINEL))).await;
    let made = uuid::Uuid::parse_str(answer.header("x-request-id")).unwrap();
    assert_eq!(made.get_version_num(), 7);
}

#[actix_web::test]
async fn every_reply_carries_the_security_headers() {
    for path in ["/v1/fails", "/healthz", "/nowhere", "/openapi.json", "/v1/subjects/x"] {
        let answer = ask(TestRequest::get().uri(path)).await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; frame"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    // A handler that chose its own caching keeps it.
    assert_eq!(ask(TestRequest::get().uri("/v1/notes")).await.header("cache-control"), "private");
    let tls = Frame { tls: true, ..frame() };
    let answer = ask_all(tls, settings(), vec![TestRequest::get().uri("/healthz")]).await.remove(0);
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
}

#[actix_web::test]
async fn pages_of_listed_origins_alone_may_call() {
    let settings = Settings { cors_origins: vec!["https://shop.example".into()], ..settings() };
    let from = |origin: &str| TestRequest::get().uri("/healthz").insert_header(("origin", origin.to_owned()));
    let answers = ask_all(frame(), settings, vec![from("https://shop.example"), from("https://evil.example")]).await;
    assert_eq!(answers[0].header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answers[1].header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn an_allowance_that_is_used_up_is_429_for_its_payer_alone() {
    let rate = Rate { per_second: 1.try_into().unwrap(), burst: 2.try_into().unwrap() };
    let key = ApiKeyId::from_uuid(uuid::Uuid::from_u128(7));
    let frame = Frame {
        gate: Some(Arc::new(RateLimit::with_clock(rate, 10, FakeRelativeClock::default()))),
        identify: Some(Arc::new(move |request| request.headers().contains_key("authorization").then_some(key))),
        ..frame()
    };
    let plain = || TestRequest::get().uri("/v1/notes").peer_addr(([192, 0, 2, 1], 4000).into());
    let keyed = || plain().insert_header(("authorization", "Bearer obh_x"));
    let probe = TestRequest::get().uri("/healthz").peer_addr(([192, 0, 2, 1], 4000).into());
    let answers = ask_all(frame, settings(), vec![plain(), plain(), plain(), keyed(), keyed(), keyed(), probe]).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429, 200]);
    assert_eq!((answers[2].code().as_str(), answers[2].header("retry-after")), ("too_many_requests", "1"));
    assert_eq!(answers[2].header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn too_many_running_calls_are_503_and_probes_still_pass() {
    let requests = vec![TestRequest::get().uri("/v1/notes"), TestRequest::get().uri("/healthz")];
    let answers = ask_all(Frame { running_limit: 0, ..frame() }, settings(), requests).await;
    assert_eq!((answers[0].status.as_u16(), answers[0].code().as_str()), (503, "overloaded"));
    assert_eq!(answers[0].header("retry-after"), "1");
    assert_eq!(answers[1].status, StatusCode::OK);
}

#[actix_web::test]
async fn readiness_follows_the_house_and_the_drain() {
    let ready = || vec![TestRequest::get().uri("/readyz")];
    assert_eq!(ask_all(frame(), settings(), ready()).await[0].status, StatusCode::OK);
    let broken = Frame { readiness: Arc::new(Ready(Err("the audit log is full".into()))), ..frame() };
    let paths = ["/readyz", "/openapi.json", "/nowhere", "/healthz", "/metrics"];
    let answers = ask_all(broken, settings(), paths.map(|path| TestRequest::get().uri(path)).into()).await;
    for answer in &answers[..3] {
        assert_eq!(answer.code(), "not_ready");
        assert!(!answer.text.contains("audit"));
    }
    assert!(answers[3..].iter().all(|answer| answer.status == StatusCode::OK));
    // A database that is away for a moment is told to whoever asks for it; no call is turned away for it beforehand.
    let silent = Frame { readiness: Arc::new(Silent), ..frame() };
    let answers = ask_all(silent, settings(), paths.map(|path| TestRequest::get().uri(path)).into()).await;
    assert_eq!((answers[0].code().as_str(), answers[0].header("retry-after")), ("not_ready", "1"));
    assert!(!answers[0].text.contains("10.0.0.7"));
    assert_eq!(answers[1].status, StatusCode::OK);
    let stopping = frame();
    stopping.draining.begin();
    assert_eq!(ask_all(stopping, settings(), ready()).await[0].code(), "not_ready");
}

#[actix_web::test]
async fn metrics_name_routes_and_never_paths() {
    ask(TestRequest::get().uri(&format!("/v1/subjects/{SENTINEL}?email={SENTINEL}"))).await;
    ask(TestRequest::get().uri(&format!("/{SENTINEL}"))).await;
    let answer = ask(TestRequest::get().uri("/metrics")).await;
    assert!(answer.text.contains(r#"route="/v1/subjects/{subject_id}",method="GET",status="4xx""#), "{}", answer.text);
    assert!(answer.text.contains(r#"route="unmatched""#));
    assert!(!answer.text.contains("Mustermann"));
}

#[actix_web::test]
async fn the_documentation_page_loads_only_from_here() {
    let requests = ["/docs/", "/docs/swagger-initializer.js", "/docs/swagger-ui-bundle.js"];
    let requests = requests.map(|path| TestRequest::get().uri(path)).into();
    let answers = ask_all(frame(), settings(), requests).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("content-security-policy").contains("script-src 'self';"));
    }
    for page in &answers[..2] {
        assert!(
            !page.text.contains("http:") && !page.text.contains("https:") && !page.text.contains("src=\"//"),
            "{}",
            page.text
        );
    }
    assert!(!answers[0].text.contains("<script>"), "an inline script would not run under the policy");
    assert!(answers[1].text.contains("/openapi.json"));
    assert_eq!(ask(TestRequest::get().uri("/docs")).await.header("location"), "/docs/");
}

#[actix_web::test]
async fn what_is_registered_is_documented() {
    let document = serde_json::to_value(openapi(configure)).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let post = &document["paths"]["/v1/notes"]["post"];
    assert_eq!(post["responses"]["422"]["$ref"], "#/components/responses/InvalidBody");
    assert!(document["components"]["schemas"]["Problem"]["properties"]["code"].is_object());
    assert!(document["components"]["schemas"]["FieldProblem"].is_object());
    assert!(document["components"]["schemas"]["Note"].is_object());
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    assert_eq!(document["security"][0]["api_key"], serde_json::json!([]));
    assert_eq!(document["paths"]["/healthz"]["get"]["security"], serde_json::json!([{}]));
    let served = ask(TestRequest::get().uri("/openapi.json")).await;
    assert_eq!(serde_json::from_str::<Value>(&served.text).unwrap(), document);
}

#[actix_web::test]
async fn certificates_that_are_not_there_keep_the_server_from_starting() {
    let tls = Tls { cert: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
    let error = Server::bind(&Settings { tls: Some(tls), ..settings() }, frame(), configure).err().unwrap();
    assert_eq!(error.to_string(), "cannot read /nowhere/cert.pem as PEM");
}

#[actix_web::test]
async fn a_bound_server_answers_and_stops() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::bind(&settings(), frame(), configure).unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = actix_web::rt::spawn(server.run());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}
