//! One call and its reply: what it carries, when the vendor's windows have room for it, and what its status means.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jaq_json::Val;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{LONGEST_WAIT, Page, Session};
use crate::connect::Fault;
use crate::connect::call::{Call, header_value};
use crate::connect::link::Link;
use crate::connect::mapping::{exact, value};
use crate::connect::outside::{File, Pieces, Prepared, Reply};
use crate::connect::pace::retry_after;
use crate::connect::signature::hmac_hex;
use crate::connect::template::Variables;
use crate::types::read_json;

/// A call that failed, and how long the vendor asks to wait.
pub(super) struct Setback {
    pub(super) fault: Fault,
    pub(super) wait: Option<Duration>,
    pub(super) reply: Option<(StatusCode, Value)>,
}

impl Setback {
    /// What the refusal means to the call it answers.
    fn judged_by(self, call: &Call) -> Self {
        let fault = match (&self.fault, &self.reply) {
            (Fault::Vendor { code, .. }, Some((status, body))) if call.says_missing(*status, body) => {
                Fault::NotFound(code.clone())
            }
            (fault, _) => fault.clone(),
        };
        Self { fault, ..self }
    }
}

impl From<Fault> for Setback {
    fn from(fault: Fault) -> Self {
        Self { fault, wait: None, reply: None }
    }
}

impl Session {
    /// One try of a call that may be made again.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        words: &Variables,
        next: Option<&str>,
        key: Option<&(&HeaderName, HeaderValue)>,
    ) -> Result<Page, Setback> {
        let link = self.link()?;
        let mut all = self.variables();
        all.extend(words.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut prepared = call.prepare(&self.base, &all, next)?;
        prepared.headers.extend(key.map(|(name, value)| ((*name).clone(), value.clone())));
        self.authenticate(link, &all, &mut prepared).await?;
        let mut reply = self.send(link, call.written(), &prepared).await.map_err(|setback| setback.judged_by(call))?;
        let seen = read(std::mem::take(&mut reply.body)).await?;
        if link.throttle.body.as_ref().is_some_and(|throttled| throttled.holds(seen.clone())) {
            return Err(self.throttled(link, &reply.headers));
        }
        let is_unchanged = reply.status == StatusCode::NOT_MODIFIED;
        Ok(Page { headers: reply.headers, seen, is_unchanged })
    }

    /// A call that the caller finishes and sends with [`Session::once`].
    pub(in crate::connect) fn prepare(&self, call: &Call, words: &Variables) -> Result<Prepared, Fault> {
        let mut all = self.variables();
        all.extend(words.iter().map(|(name, value)| (name.clone(), value.clone())));
        call.prepare(&self.base, &all, None)
    }

    /// Makes a call once, whatever comes of it. What is answered beside the status means nothing.
    pub(in crate::connect) async fn once(&self, mut prepared: Prepared) -> Result<(), Fault> {
        let link = self.link()?;
        self.authenticate(link, &self.variables(), &mut prepared).await.map_err(|setback| setback.fault)?;
        self.send(link, "", &prepared).await.map(|_| ()).map_err(|setback| setback.fault)
    }

    /// One call, whose path the manifest writes so; a status that is no success is a setback.
    pub(super) async fn send(&self, link: &Link, path: &str, prepared: &Prepared) -> Result<Reply, Setback> {
        self.wait_turn(path).await?;
        let reply = {
            let _under_way = self.lane.free.acquire().await.map_err(|_| Fault::Machine)?;
            self.outside.send(prepared).await?
        };
        self.lane.hear(path, &reply.headers, self.now());
        if let Some(rest) = link.usage.as_ref().and_then(|usage| usage.rest(&reply.headers)) {
            self.lane.hold(self.now(), rest);
        }
        let asked_for_changes = prepared.headers.contains_key(IF_MODIFIED_SINCE);
        if reply.status.is_success() || (reply.status == StatusCode::NOT_MODIFIED && asked_for_changes) {
            return Ok(reply);
        }
        let status = reply.status.as_u16();
        let body: Value = read_json(&reply.body).unwrap_or_default();
        let by_body = link.throttle.body.as_ref().is_some_and(|throttled| throttled.holds(value(&body)));
        if link.throttle.status.contains(&status) || by_body {
            return Err(self.throttled(link, &reply.headers));
        }
        let code = code_in(link, &body);
        let fault = match status {
            status if link.refuses.contains(&status) => Fault::Credentials(code),
            _ if link.refused.as_ref().is_some_and(|refused| refused.holds(value(&body))) => Fault::Credentials(code),
            403 => Fault::Permission(code),
            404 => Fault::NotFound(code),
            _ => Fault::Vendor { status, code },
        };
        let wait = if status == 503 { self.told_to_wait(link, &reply.headers) } else { None };
        wait.into_iter().for_each(|wait| self.lane.hold(self.now(), wait));
        Err(Setback { fault, wait, reply: Some((reply.status, body)) })
    }

    fn throttled(&self, link: &Link, headers: &HeaderMap) -> Setback {
        let wait = self.told_to_wait(link, headers);
        wait.into_iter().for_each(|wait| self.lane.hold(self.now(), wait));
        Setback { fault: Fault::Throttled, wait, reply: None }
    }

    fn told_to_wait(&self, link: &Link, headers: &HeaderMap) -> Option<Duration> {
        let header = headers.get(link.throttle.retry_after.as_str())?.to_str().ok()?;
        retry_after(header, self.now())
    }

    async fn authenticate(&self, link: &Link, all: &Variables, prepared: &mut Prepared) -> Result<(), Setback> {
        let headers = &mut prepared.headers;
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        link.headers.fill(all, headers)?;
        link.auth.headers.fill(all, headers)?;
        let missing = || Fault::Parameter { name: "for the authentication".to_owned(), wrong: "is missing" };
        if let Some((user, password)) = &link.auth.basic {
            headers.insert(AUTHORIZATION, basic(user.fill(all).zip(password.fill(all)).ok_or_else(missing)?)?);
        }
        for (key, text) in &link.auth.query {
            let text = text.fill(all).ok_or_else(missing)?;
            prepared.url.query_pairs_mut().append_pair(key, &text);
        }
        if let Some(proof) = &link.auth.proof {
            let (secret, over) =
                (proof.secret.fill(all).ok_or_else(missing)?, proof.over.fill(all).ok_or_else(missing)?);
            let proven = hmac_hex(Zeroizing::new(secret).as_bytes(), Zeroizing::new(over).as_bytes());
            prepared.url.query_pairs_mut().append_pair(&proof.parameter, &proven);
        }
        if let Some(token) = link.auth.token(all)? {
            let value = self.token(link, token).await?;
            let value = Zeroizing::new(format!("{}{}", token.prefix, *value));
            prepared.headers.insert(token.header.clone(), header_value(&value)?);
        }
        Ok(())
    }

    /// Opens a file the vendor made. Its address is the key, unless it wants to be asked as every call is.
    pub(in crate::connect) async fn file(&self, url: &str, authenticated: bool) -> Result<Pieces, Fault> {
        let url = self.base.join(url).map_err(|_| Fault::Address("where the vendor says its file is".to_owned()))?;
        let link = self.link()?;
        let mut renewed = false;
        loop {
            let mut prepared =
                Prepared { method: Method::GET, url: url.clone(), headers: HeaderMap::new(), body: None };
            if authenticated {
                let all = self.variables();
                self.authenticate(link, &all, &mut prepared).await.map_err(|setback| setback.fault)?;
            }
            prepared.headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
            self.wait_turn("").await.map_err(|setback| setback.fault)?;
            let opened = {
                let _under_way = self.lane.free.acquire().await.map_err(|_| Fault::Machine)?;
                self.outside.open(&prepared).await?
            };
            let (status, headers) = match opened {
                File::Opened(pieces) => return Ok(pieces),
                File::Refused(status, headers) => (status, headers),
            };
            // A token may end before its time: once more with a fresh one.
            if authenticated && link.refuses.contains(&status.as_u16()) {
                if !renewed && self.forget_token().await {
                    renewed = true;
                    continue;
                }
                return Err(Fault::Credentials(None));
            }
            return Err(match status.as_u16() {
                status if link.throttle.status.contains(&status) => self.throttled(link, &headers).fault,
                404 => Fault::NotFound(None),
                status => Fault::Vendor { status, code: None },
            });
        }
    }

    /// Waits until the lane has a call for this path.
    async fn wait_turn(&self, path: &str) -> Result<(), Setback> {
        loop {
            match self.lane.take(path, self.now()) {
                None => return Ok(()),
                Some(wait) if wait > LONGEST_WAIT => {
                    return Err(Setback { fault: Fault::Throttled, wait: Some(wait), reply: None });
                }
                Some(wait) => self.surroundings.pause.pause(wait).await,
            }
        }
    }
}

/// From so many bytes on a reply is read where it keeps nobody waiting.
const LARGE: usize = 64 << 10;

/// Reads a reply once, into what filters look at.
async fn read(body: Vec<u8>) -> Result<Val, Fault> {
    let parse = |body: &[u8]| read_json::<Val>(body).map_err(|_| Fault::Unreadable);
    match body.len() {
        0 => Ok(Val::Null),
        size if size < LARGE => parse(&body),
        _ => tokio::task::spawn_blocking(move || parse(&body)).await.map_err(|_| Fault::Machine)?,
    }
}

pub(super) fn basic((user, password): (String, String)) -> Result<HeaderValue, Fault> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    header_value(&format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())))
}

pub(super) fn code_in(link: &Link, body: &Value) -> Option<String> {
    let code = link.error_code.as_ref()?.run(value(body)).next()?.ok()?;
    vendor_code(&exact(code)?)
}

/// A vendor's code for an error, if it looks like one: an error's message could quote what was asked for.
fn vendor_code(code: &Value) -> Option<String> {
    let code = match code {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    ((1..=64).contains(&code.len()) && code.bytes().all(plain) && digits <= 6).then_some(code)
}
