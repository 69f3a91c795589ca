//! [`Session`]: talking to one vendor with one merchant's credentials, patiently.

mod once;
mod token;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jaq_json::Val;
use once::code_in;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use super::call::{Call, header_value};
use super::guard::{Guard, Outgoing};
use super::link::{Link, Parameters};
use super::mapping::{exact, value};
use super::outside::Outside;
use super::pace::{Issued, Lane, Pause, Turn, back_off, http_date, login};
use super::pull::Opened;
use super::template::Variables;
use super::{Connector, Fault, Origin};
use crate::types::{Clock, Entropy, Timestamp};

/// How often a call is made before it counts as failed.
const TRIES: u32 = 6;
/// The longest a vendor may tell the hub to wait within one sync.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What a session needs of its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for pauses that no two callers share.
    pub entropy: Arc<dyn Entropy>,
    /// Waiting.
    pub pause: Arc<dyn Pause>,
}

/// Keeps a refresh token that the vendor put in the place of the one before.
pub trait Keeper: Send + Sync {
    /// Ends when it is durable.
    fn keep(&self, parameter: &str, value: &str) -> BoxFuture<'_, Result<(), Fault>>;
    /// The one that is kept now: another process may have been handed a new one, and then the old one is worth nothing.
    fn kept(&self, parameter: &str) -> BoxFuture<'_, Result<Option<String>, Fault>>;
}

/// A conversation with a vendor.
pub struct Session {
    connector: Arc<Connector>,
    base: Url,
    outside: Outside,
    variables: Mutex<Variables>,
    /// The token it uses. It is that of the lane, until another one is needed.
    token: Mutex<Option<Issued>>,
    login: [u8; 32],
    lane: Arc<Lane>,
    surroundings: Surroundings,
    keeper: Option<Arc<dyn Keeper>>,
    opened: tokio::sync::Mutex<Option<Opened>>,
}

/// A reply that was read.
pub(super) struct Answer {
    pub(super) json: Value,
}

/// A reply as filters see it: read once, and shared by whoever looks at it.
pub(super) struct Page {
    pub(super) headers: HeaderMap,
    pub(super) seen: Val,
    /// Nothing changed since the time the call named: it holds nothing.
    pub(super) is_unchanged: bool,
}

impl Page {
    /// The vendor's clock.
    pub(super) fn date(&self) -> Option<Timestamp> {
        http_date(self.headers.get("date")?.to_str().ok()?)
    }
}

impl Session {
    /// Begins one, in the lane of its source if it has one. Nobody is called yet.
    ///
    /// # Errors
    /// If a parameter is missing or wrong, or the connector reads files only.
    pub(super) fn open(
        connector: Arc<Connector>,
        (parameters, outgoing): (&Parameters, &Outgoing),
        surroundings: Surroundings,
        keeper: Option<Arc<dyn Keeper>>,
        lane: Option<Arc<Lane>>,
    ) -> Result<Self, Fault> {
        let link = connector.link().ok_or_else(|| Fault::FilesOnly(connector.name().to_owned()))?;
        // Without a source nothing is kept yet: what the vendor is still to give may be missing.
        let to_come = link.authorised().filter(|_| keeper.is_none());
        let variables = link.variables_but(parameters, to_come)?;
        let base = link.base(&variables)?;
        let guard = Guard::new(link.hosts(&variables), outgoing)?;
        guard.route(&base)?;
        let outside = Outside::new(guard, link.timeout, link.max_reply_mib)?;
        let lane = lane.unwrap_or_else(|| Arc::new(Lane::new(link)));
        let (variables, token) = (Mutex::new(variables), Mutex::new(None));
        let login = login(parameters, link.auth.refresh());
        let opened = tokio::sync::Mutex::new(None);
        Ok(Self { connector, base, outside, variables, token, login, lane, surroundings, keeper, opened })
    }

    /// The connector.
    #[must_use]
    pub fn connector(&self) -> &Arc<Connector> {
        &self.connector
    }

    /// Where records of this vendor come from, for the source of this code.
    #[must_use]
    pub fn origin<'a>(&self, code: &'a str) -> Origin<'a> {
        match self.connector.link() {
            Some(link) => Origin::with(code, link, &self.variables()),
            None => code.into(),
        }
    }

    /// Proves credentials and rights with one harmless call. Answers what they may not do beside reading, in the manifest's words, as far
    /// as the vendor tells.
    ///
    /// # Errors
    /// What is wrong, in plain words.
    pub async fn test(&self) -> Result<Vec<String>, Fault> {
        let link = self.link()?;
        if let Some(notify) = self.connector.notify() {
            let at = self.now();
            let body = json!({"type": "test", "timestamp": at.rfc3339(), "data": {}}).to_string();
            return notify.send(self, &format!("msg_test_{}", at.micros()), &body).await.map(|()| Vec::new());
        }
        let mut lacking = Vec::new();
        for test in &link.tests {
            let answer = match self.call(&test.call, &Variables::new(), None).await {
                Ok(answer) => answer,
                Err(Fault::Permission(code)) => {
                    return Err(test
                        .proves
                        .clone()
                        .map_or(Fault::Permission(code.clone()), |right| Fault::Right(right, code)));
                }
                Err(fault) => return Err(fault),
            };
            if test.expect.as_ref().is_some_and(|expect| !expect.holds(value(&answer.json))) {
                return Err(test.otherwise.clone().map_or(Fault::NotTheVendor, Fault::NotReady));
            }
            if let Some(lacks) = &test.lacks {
                let words = |one: Result<Val, String>| match one.ok().and_then(exact) {
                    Some(Value::String(words)) => Ok(words),
                    _ => Err(Fault::Filter("connection.test.lacks".to_owned())),
                };
                lacking.extend(lacks.run(value(&answer.json)).map(words).collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(lacking)
    }

    /// The refresh token as it is now, with the name of its parameter, if the vendor wants one: who tried credentials before they
    /// are kept keeps this one.
    #[must_use]
    pub fn refreshed(&self) -> Option<(String, String)> {
        let parameter = self.connector.link()?.auth.refresh()?;
        let value = self.variables().get(parameter)?.as_str()?.to_owned();
        Some((parameter.to_owned(), value))
    }

    /// Waits.
    pub(super) async fn pause(&self, time: Duration) {
        self.surroundings.pause.pause(time).await;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    /// Until when the vendor wants not to be called, whoever it told; in the past if it does not mind.
    #[must_use]
    pub fn rests_until(&self) -> Timestamp {
        self.lane.held()
    }

    /// Calls the vendor until it answers, it is clear that it will not, or patience ends.
    pub(super) async fn call(&self, call: &Call, words: &Variables, next: Option<&str>) -> Result<Answer, Fault> {
        let page = self.page_unless(call, words, next, |_, _| false).await?.ok_or(Fault::Expired)?;
        Ok(Answer { json: exact(page.seen).ok_or(Fault::Unreadable)? })
    }

    /// The same for what filters look at.
    pub(super) async fn page(&self, call: &Call, words: &Variables) -> Result<Page, Fault> {
        self.page_unless(call, words, None, |_, _| false).await?.ok_or(Fault::Expired)
    }

    /// The file of a report that is open, for whoever reads on in it.
    pub(super) async fn opened(&self) -> tokio::sync::MutexGuard<'_, Option<Opened>> {
        self.opened.lock().await
    }

    /// The same for a page; none if `ends` says of a refusing reply that it ends what is asked for.
    pub(super) async fn page_unless(
        &self,
        call: &Call,
        words: &Variables,
        next: Option<&str>,
        ends: impl Fn(StatusCode, &Value) -> bool,
    ) -> Result<Option<Page>, Fault> {
        let tries = match self.lane.turn(self.now()) {
            Turn::Free => TRIES,
            Turn::Trial => 1,
            Turn::Rests => return Err(Fault::Resting),
        };
        let called = self.call_until(tries, (call, words, next), ends).await;
        match &called {
            Ok(_) => self.lane.answered(),
            Err(fault) if fault.is_answer() => self.lane.answered(),
            // It answers; that one reply is no JSON says nothing of the others.
            Err(Fault::Unreadable) => {}
            Err(fault) if fault.passes() => self.lane.failed(self.now()),
            Err(_) => {}
        }
        called
    }

    /// Makes a call at most so often.
    async fn call_until(
        &self,
        tries: u32,
        (call, words, next): (&Call, &Variables, Option<&str>),
        ends: impl Fn(StatusCode, &Value) -> bool,
    ) -> Result<Option<Page>, Fault> {
        let (mut failed, mut renewed) = (0, false);
        // One for all tries: what was done already is not done again.
        let key = call.idempotency_key().map(|name| Ok::<_, Fault>((name, self.chance()?))).transpose()?;
        loop {
            let setback = match self.attempt(call, words, next, key.as_ref()).await {
                Ok(page) => return Ok(Some(page)),
                Err(setback) => setback,
            };
            if setback.reply.as_ref().is_some_and(|(status, body)| ends(*status, body)) {
                return Ok(None);
            }
            // A token may end before its time: once more with a fresh one.
            if matches!(setback.fault, Fault::Credentials(_)) && !renewed && self.forget_token().await {
                renewed = true;
                continue;
            }
            // A fresh token was handed out for these credentials: it is a right that is missing.
            let forbidden = setback.reply.as_ref().is_some_and(|(status, _)| *status == StatusCode::FORBIDDEN);
            if let (Fault::Credentials(code), true) = (&setback.fault, renewed && forbidden) {
                return Err(Fault::Permission(code.clone()));
            }
            failed += 1;
            let wait = setback.wait.unwrap_or_else(|| back_off(failed - 1, &*self.surroundings.entropy));
            if setback.fault == Fault::Throttled {
                // It is the source that called too often, not this conversation.
                self.lane.hold(self.now(), wait);
            }
            if !setback.fault.passes() || failed >= tries || wait > LONGEST_WAIT {
                return Err(setback.fault);
            }
            tracing::debug!(
                connector = self.connector.name(),
                cause = setback.fault.word(),
                failed,
                "a call is made again"
            );
            self.surroundings.pause.pause(wait).await;
        }
    }

    /// A UUID of chance alone (RFC 9562, version 4).
    fn chance(&self) -> Result<HeaderValue, Fault> {
        let mut bytes = [0; 16];
        self.surroundings.entropy.fill(&mut bytes).map_err(|_| Fault::Machine)?;
        header_value(&uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }

    /// The vendor's code in a reply of a good status that refuses.
    pub(super) fn code_in(&self, body: &Value) -> Option<String> {
        code_in(self.link().ok()?, body)
    }

    /// What the merchant entered, and what is derived of it.
    pub(super) fn variables(&self) -> Variables {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn link(&self) -> Result<&Link, Fault> {
        self.connector.link().ok_or_else(|| Fault::FilesOnly(self.connector.name().to_owned()))
    }
}
