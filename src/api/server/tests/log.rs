//! What the server tells its log.

use std::io::{Read, Seek};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Data;
use serde_json::Value;

use super::super::connections::Connections;
use super::super::{Server, app, upkeep};
use super::{SENTINEL, ask, configure, frame, note, settings};
use crate::api::frame::{Frame, now};

/// What the log holds when `talk` is over, as JSON lines.
pub(in crate::api::server) async fn heard(filter: &str, talk: impl AsyncFn()) -> String {
    let mut file = tempfile::tempfile().unwrap();
    let log = crate::config::Log { format: crate::config::LogFormat::Json, filter: filter.into() };
    // Once without the log: tracing remembers per line whether anybody listens, and tests on other threads do not.
    talk().await;
    let guard = tracing::subscriber::set_default(
        crate::logging::subscriber(&log, std::sync::Mutex::new(file.try_clone().unwrap())).unwrap(),
    );
    tracing::callsite::rebuild_interest_cache();
    talk().await;
    drop(guard);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[actix_web::test]
async fn the_log_names_the_call_and_nothing_the_caller_sent() {
    let id = "018f3f3c-0000-4000-8000-0000000000aa";
    let text = heard("trace", async || {
        let body = format!("{{\"text\": \"a\", \"{SENTINEL}\": \"{SENTINEL}\"}}");
        ask(note(body).insert_header(("x-request-id", id)).insert_header(("user-agent", SENTINEL))).await;
        ask(TestRequest::get().uri(&format!("/v1/subjects/{SENTINEL}?q={SENTINEL}"))).await;
        ask(TestRequest::get().uri(&format!("/{SENTINEL}")).insert_header(("x-request-id", SENTINEL))).await;
        ask(TestRequest::get().uri("/v1/fails")).await;
    });
    let text = text.await;
    assert!(text.contains(id) && text.contains("unknown_field"), "{text}");
    assert!(text.contains("/v1/subjects/{subject_id}") && text.contains("the disk is on fire"), "{text}");
    assert!(!text.contains("Mustermann"), "{text}");
}

/// How often a line was written, and the sum of what it counts.
fn counted(text: &str, message: &str) -> (usize, u64) {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<_> = lines.filter(|line| line["message"] == message).collect();
    (lines.len(), lines.iter().filter_map(|line| line["calls"].as_u64()).sum())
}

#[actix_web::test]
async fn calls_that_are_turned_away_are_told_of_together_and_to_who_wants_it_one_by_one() {
    let talk = async || {
        let frame = Data::new(Frame { running_limit: 0, ..frame() });
        let service = init_service(app(frame.clone(), &settings(), configure)).await;
        for _ in 0..20 {
            let request = TestRequest::get().uri("/v1/notes").to_request();
            assert_eq!(call_service(&service, request).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        }
        // As the upkeep does, a while later.
        frame.tell_rest(now() + Duration::from_secs(1));
    };
    let quiet = heard("info", talk).await;
    let (lines, calls) = counted(&quiet, "calls are turned away");
    // The first is told at once, what follows when a second has passed: on a slow machine that may be before the last.
    assert!(lines < 10 && calls == 20, "{quiet}");
    assert_eq!(counted(&quiet, "call turned away").0, 0, "{quiet}");
    let all = heard("info,obhut=debug", talk).await;
    assert_eq!(counted(&all, "call turned away").0, 20, "{all}");
}

/// Turns three calls away at once. The first would have been told of; the others wait for their line.
fn turn_away(frame: &Frame) {
    let told = [0; 3].map(|_| frame.turned_away.note(now()));
    assert_eq!(told, [Some(1), None, None]);
}

#[actix_web::test]
async fn what_came_last_is_told_without_another_call() {
    let text = heard("info", async || {
        let (frame, connections) = (Data::new(frame()), Connections::new(1));
        turn_away(&frame);
        // The first takes the last place, which is told at once; the second comes while there is none.
        let _open = [connections.begin(now()), connections.begin(now())];
        let _ = tokio::time::timeout(Duration::from_millis(2_500), upkeep::keep(frame, connections)).await;
    });
    let text = text.await;
    assert_eq!(counted(&text, "calls are turned away"), (1, 2), "{text}");
    assert_eq!(counted(&text, "the limit of connections was reached; who comes then waits to be taken").0, 2, "{text}");
}

#[actix_web::test]
async fn what_came_last_is_told_at_the_end() {
    let text = heard("info", async || {
        let server = Server::bind(&settings(), frame(), configure).unwrap();
        turn_away(&server.frame);
        let handle = server.handle();
        let running = actix_web::rt::spawn(server.run());
        handle.stop(true).await;
        running.await.unwrap().unwrap();
    });
    let text = text.await;
    assert_eq!(counted(&text, "calls are turned away"), (1, 2), "{text}");
}
