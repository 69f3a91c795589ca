//! Fakes of vendors: small servers with a memory that keep the vendor's own rules, so that a connector that breaks one fails
//! its test. The tests of the syncs in `src/jobs` use them too; `src/lib.rs` takes them in.
//!
//! A fake is a [`Vendor`]: one function from a call to an answer. [`Fake`] serves it, tells the time of the test in the
//! header `Date`, counts calls, and breaks them when told to.

pub mod amazon;
pub mod billbee;
pub mod brevo;
pub mod cleverreach;
pub mod hooks;
pub mod klaviyo;
pub mod lexware;
pub mod mailchimp;
pub mod meta;
pub mod meta_audiences;
pub mod sevdesk;
pub mod shopify;
pub mod shopware;
pub mod subscriber;
pub mod teekontor;
pub mod trusted_shops;
pub mod trustpilot;
pub mod woocommerce;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use obhut::types::Clock;
use serde_json::Value;

/// What a vendor was sent.
pub struct Call {
    /// `GET`
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The parameters of the query, decoded.
    pub query: BTreeMap<String, String>,
    /// The same in their order, each as often as it stands there.
    pub pairs: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// The body; a form is an object of texts.
    pub body: Value,
    /// The bytes of the body.
    pub raw: Vec<u8>,
    /// When, in microseconds.
    pub now: i64,
}

impl Call {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A parameter that is none of these: most vendors pass over what they do not know, and answer everything where a filter is
    /// misspelt; a fake that is asked for something else than its vendor's description names refuses.
    pub fn stray(&self, known: &[&str]) -> Option<&str> {
        self.query.keys().map(String::as_str).find(|name| !known.contains(name))
    }

    /// A parameter as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }
}

/// What a vendor answers.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Null: without a body.
    pub body: Value,
    /// A file, in the place of the body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// An answer without further headers.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body, bytes: Vec::new() }
    }

    /// With a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A vendor with its memory.
pub trait Vendor: Send + 'static {
    /// Answers a call by the vendor's rules.
    fn answer(&mut self, call: &Call) -> Answer;
}

/// How a call is broken.
#[derive(Clone, Copy, Debug)]
pub enum Break {
    /// An error status, before the vendor looks at the call.
    Status(u16),
    /// 429, with `Retry-After` if there is a text for it.
    Throttle(Option<&'static str>),
    /// The right answer, cut off in the middle.
    Cut,
    /// Half of the right answer, then the connection breaks.
    HangUp,
    /// The answer of another program.
    Html,
    /// Another answer, with a good status.
    Instead(&'static str),
}

/// A segment of a path, without its percents.
pub fn decoded(segment: &str) -> String {
    let pair = format!("x={}", segment.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

struct State<V> {
    vendor: V,
    calls: Vec<String>,
    breaks: HashMap<usize, Break>,
    slow: std::time::Duration,
    ahead: i64,
    spoils: Option<fn(String) -> Vec<u8>>,
}

/// A vendor that is served on a port of its own.
pub struct Fake<V> {
    state: Arc<Mutex<State<V>>>,
    address: String,
    handle: actix_web::dev::ServerHandle,
}

impl<V: Vendor> Fake<V> {
    /// Serves it until dropped.
    pub fn serve(vendor: V, clock: Arc<dyn Clock>) -> Self {
        let state = Arc::new(Mutex::new(State {
            vendor,
            calls: Vec::new(),
            breaks: HashMap::new(),
            slow: std::time::Duration::ZERO,
            ahead: 0,
            spoils: None,
        }));
        let (told, heard) = std::sync::mpsc::channel();
        let shared = state.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let (state, clock) = (shared.clone(), clock.clone());
                    App::new().app_data(web::PayloadConfig::new(1 << 24)).default_service(web::to(
                        move |request: HttpRequest, body: Bytes| {
                            std::future::ready(serve(&state, &*clock, &request, &body))
                        },
                    ))
                });
                let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                let address = format!("http://{}", server.addrs()[0]);
                let server = server.run();
                told.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = heard.recv().unwrap();
        Self { state, address, handle }
    }

    /// `http://127.0.0.1:<port>`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The vendor's memory.
    pub fn with<T>(&self, look: impl FnOnce(&mut V) -> T) -> T {
        look(&mut self.state().vendor)
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    /// The calls since the call number `from`: method and path.
    pub fn calls_since(&self, from: usize) -> Vec<String> {
        self.state().calls[from..].to_vec()
    }

    /// Breaks the calls that come, from the one `after` those on.
    pub fn break_calls(&self, after: usize, how: &[Break]) {
        let mut state = self.state();
        let next = state.calls.len() + after;
        state.breaks.extend(how.iter().enumerate().map(|(number, how)| (next + number, *how)));
    }

    /// Breaks no call any more.
    pub fn mend(&self) {
        self.state().breaks.clear();
    }

    /// Writes its answers so from now on, whatever they say.
    pub fn spoil(&self, how: fn(String) -> Vec<u8>) {
        self.state().spoils = Some(how);
    }

    /// Takes so long for each answer from now on.
    pub fn slow_down(&self, time: std::time::Duration) {
        self.state().slow = time;
    }

    /// Its clock is so many seconds ahead of the test's.
    pub fn run_ahead(&self, seconds: i64) {
        self.state().ahead = seconds * 1_000_000;
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<V> Drop for Fake<V> {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn serve<V: Vendor>(state: &Mutex<State<V>>, clock: &dyn Clock, request: &HttpRequest, body: &Bytes) -> HttpResponse {
    let pairs = |text: &[u8]| -> BTreeMap<String, String> {
        url::form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    };
    let headers: HashMap<String, String> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let form = headers.get("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let raw = body.to_vec();
    let body = if form {
        pairs(body).into_iter().map(|(name, value)| (name, Value::String(value))).collect()
    } else {
        serde_json::from_slice(body).unwrap_or_default()
    };
    let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let call = Call {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        query: pairs(request.query_string().as_bytes()),
        pairs: url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect(),
        headers,
        body,
        raw,
        now: clock.now().micros() + state.ahead,
    };
    let number = state.calls.len();
    state.calls.push(format!("{} {}", call.method, call.path));
    let breaks = state.breaks.remove(&number);
    std::thread::sleep(state.slow);
    let date = jiff::Timestamp::from_microsecond(call.now).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let reply = |status: u16| {
        let mut reply = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
        reply.insert_header(("date", date.clone()));
        reply
    };
    match breaks {
        Some(Break::Status(status)) => return reply(status).body("<h1>Oops</h1>"),
        Some(Break::Throttle(wait)) => {
            let mut reply = reply(429);
            if let Some(wait) = wait {
                reply.insert_header(("retry-after", wait));
            }
            return reply.finish();
        }
        Some(Break::Html) => return reply(200).content_type("text/html").body("<h1>Welcome</h1>"),
        Some(Break::Instead(text)) => return reply(200).content_type("application/json").body(text),
        _ => {}
    }
    let answer = state.vendor.answer(&call);
    let mut reply = reply(answer.status);
    for (name, value) in answer.headers {
        reply.insert_header((name, value));
    }
    if !answer.bytes.is_empty() {
        let half = answer.bytes.len() / 2;
        return match breaks {
            Some(Break::Cut) => reply.body(answer.bytes[..half].to_vec()),
            Some(Break::HangUp) => {
                let half = Bytes::copy_from_slice(&answer.bytes[..half]);
                let pieces = [Ok(half), Err(std::io::Error::other("the line broke"))];
                reply.streaming(futures_util::stream::iter(pieces))
            }
            _ => reply.body(answer.bytes),
        };
    }
    if answer.body.is_null() {
        return reply.finish();
    }
    let mut text = answer.body.to_string();
    let half = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    match breaks {
        Some(Break::Cut) => text.truncate(half),
        Some(Break::HangUp) => {
            text.truncate(half);
            let pieces = [Ok(Bytes::from(text)), Err(std::io::Error::other("the line broke"))];
            return reply.streaming(futures_util::stream::iter(pieces));
        }
        _ => {}
    }
    reply
        .content_type("application/json")
        .body(state.spoils.map_or_else(|| text.clone().into_bytes(), |spoil| spoil(text.clone())))
}

/// Where a page begins by its token, `<era>-<start>`; none if the token is of another era.
fn place(token: &str, era: u32) -> Option<usize> {
    if token.is_empty() {
        return Some(0);
    }
    let (made, start) = token.split_once('-')?;
    (made.parse() == Ok(era)).then(|| start.parse().ok()).flatten()
}
