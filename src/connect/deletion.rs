//! [`Deletions`]: people who demand their deletion at the vendor, passed on in a signed form.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use super::call::At;
use super::erase::Person;
use super::filter::Filter;
use super::link::Link;
use super::manifest::webhook::DeletionSpec;
use super::mapping::{exact, value};
use super::signature::is_of;
use super::template::{Template, Variables};
use super::webhook::{instant, person};
use super::{Error, Parameters, Unheard};
use crate::types::Timestamp;

/// What a vendor passes on of people who demand deletion.
pub struct Deletions {
    guide: String,
    secret: Template,
    hub: Template,
    who: Filter,
    issued_at: Filter,
    window: i64,
}

/// A demand whose sender is proven. It holds personal values: it is neither printed nor kept.
pub struct Wish {
    /// Who.
    pub who: Person,
    /// Where the hub is reached from outside.
    pub hub: Url,
}

impl Deletions {
    pub(super) fn load(spec: DeletionSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let known = link.names();
        Ok(Self {
            guide: spec.guide,
            secret: at.template(&spec.secret, &known)?,
            hub: at.template(&spec.hub, &known)?,
            who: at.filter(&spec.who, "deletion.who")?,
            issued_at: at.filter(&spec.issued_at, "deletion.issued_at")?,
            window: i64::from(spec.window_hours) * 3_600 * Timestamp::SECOND,
        })
    }

    /// Where the merchant enters the address.
    #[must_use]
    pub fn guide(&self) -> &str {
        &self.guide
    }

    /// Checks what was sent, a form, and reads who demands it.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(&self, link: &Link, parameters: &Parameters, form: &[u8], now: Timestamp) -> Result<Wish, Unheard> {
        let variables: Variables = link.variables(parameters).map_err(|_| Unheard::NoSecret)?;
        let secret = self.secret.fill(&variables).filter(|secret| !secret.is_empty()).map(zeroize::Zeroizing::new);
        let hub = self.hub.fill(&variables).and_then(|hub| Url::parse(&hub).ok());
        let (Some(secret), Some(hub)) = (secret, hub) else { return Err(Unheard::NoSecret) };
        let mut fields = url::form_urlencoded::parse(form).filter(|(name, _)| name == "signed_request");
        let (Some((_, signed)), None) = (fields.next(), fields.next()) else { return Err(Unheard::Forged) };
        let (signature, payload) = signed.split_once('.').ok_or(Unheard::Forged)?;
        let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok();
        let shown = decoded(signature).ok_or(Unheard::Forged)?;
        if !is_of(secret.as_bytes(), &[payload.as_bytes()], &shown) {
            return Err(Unheard::Forged);
        }
        let said = decoded(payload).and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let said = said.ok_or(Unheard::Unreadable)?;
        // Nobody may choose another way of signing than the one that was checked.
        let algorithm = said.get("algorithm").and_then(Value::as_str).unwrap_or_default();
        if !algorithm.eq_ignore_ascii_case("HMAC-SHA256") {
            return Err(Unheard::Unreadable);
        }
        let yields = |filter: &Filter| filter.run(value(&said)).next().and_then(Result::ok).and_then(exact);
        let issued = yields(&self.issued_at).as_ref().and_then(instant).ok_or(Unheard::Unreadable)?;
        if issued.plus(self.window) < now {
            return Err(Unheard::TooOld);
        }
        let who = yields(&self.who).ok_or(Unheard::Unreadable)?;
        Ok(Wish { who: person(&who), hub })
    }
}
