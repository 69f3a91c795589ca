//! [`Notify`]: telling a program what happened, in messages signed as Standard Webhooks.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::call::{At, Call, header_value};
use super::link::Link;
use super::manifest::notify::NotifySpec;
use super::session::Session;
use super::signature::sign;
use super::template::{Template, Variables};
use super::{Error, Fault};
use crate::types::Timestamp;

/// How a program is told.
pub struct Notify {
    request: Call,
    secrets: Vec<Template>,
}

impl Notify {
    pub(super) fn load(spec: NotifySpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        if spec.request.body.is_some() || !spec.request.form.is_empty() {
            return Err(at.wrong("notify:", "the body is the message; leave `body` and `form` out"));
        }
        let known = link.names();
        let secrets = spec.secrets.iter().map(|secret| at.template(secret, &known));
        let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() {
            return Err(at.wrong("secrets:", "name at least one secret: a message without a signature proves nothing"));
        }
        Ok(Self { request: Call::load(&spec.request, "notify.request", at, &known)?, secrets })
    }

    /// Sends a message once. `id` is the same when it is sent again; the time in it is that of this attempt.
    ///
    /// # Errors
    /// Why it did not arrive.
    pub async fn send(&self, session: &Session, id: &str, body: &str) -> Result<(), Fault> {
        let all = session.variables();
        let sent = (session.now().micros() / Timestamp::SECOND).to_string();
        let mut signatures = Zeroizing::new(String::new());
        for secret in self.secrets.iter().filter_map(|secret| secret.fill(&all)).map(Zeroizing::new) {
            let wrong = Fault::Parameter { name: "secret".to_owned(), wrong: "is no secret of Standard Webhooks" };
            let signature = sign(&secret, id, &sent, body.as_bytes()).ok_or(wrong)?;
            if !signatures.is_empty() {
                signatures.push(' ');
            }
            signatures.push_str(&signature);
        }
        let mut prepared = session.prepare(&self.request, &Variables::new())?;
        prepared.body = Some(body.as_bytes().to_vec());
        let headers = &mut prepared.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("webhook-id"), header_value(id)?);
        headers.insert(HeaderName::from_static("webhook-timestamp"), header_value(&sent)?);
        headers.insert(HeaderName::from_static("webhook-signature"), header_value(&signatures)?);
        session.once(prepared).await
    }
}
