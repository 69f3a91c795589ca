//! Consents a source claims, with their proof.

use std::str::FromStr;

use serde::Deserialize;
use utoipa::ToSchema;

use super::normal::{Reason, date};
use super::rejection::{At, Rejection};
use super::wire::field::{Code, Instant, Line64, Scalars};
use crate::consent::{Act, Method};
use crate::types::{Channel, PurposeCode, Timestamp};
use crate::vault::Personal;

/// Claims one record may bring.
const MAX: usize = 64;
/// How far a source's clock may run ahead before an act counts as dated in the future; the ledger has the same limit.
pub(super) const CLOCK_SKEW: i64 = 300 * Timestamp::SECOND;

/// A consent, refusal, withdrawal or objection the source proves.
pub struct ConsentClaim {
    /// For what.
    pub purpose: PurposeCode,
    /// On which channel; none means all channels, for a no.
    pub channel: Option<Channel>,
    /// What the person did. Restrictions and lifted objections are no source's to tell.
    pub act: Act,
    /// When.
    pub at: Timestamp,
    /// How; [`Method::Import`] if the source does not say.
    pub method: Method,
    /// Which version of the text the person saw.
    pub text_version: Option<String>,
    /// Does the source send it with everything, and not because the person just said it?
    pub repeated: bool,
    /// A no: does the source not say when, so that `at` is only the latest it can have been?
    pub undated: bool,
    /// When a double opt-in was asked for, out of the evidence.
    pub requested_at: Option<Timestamp>,
    /// When it was confirmed, out of the evidence.
    pub confirmed_at: Option<Timestamp>,
    /// The proof: a JSON object with sorted names. It may hold IP addresses and page addresses.
    pub evidence: Option<Personal>,
}

/// A claim as the wire has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordConsent)]
pub(super) struct Claim {
    /// The purpose it is about. Example: `newsletter_email`.
    purpose: Line64,
    /// The channel. Without it: every channel, for a no. Example: `email`.
    channel: Option<Channel>,
    /// What the person did: `granted`, `denied`, `withdrawn` or `objected`; the others are not a source's to tell.
    /// Example: `granted`.
    act: Act,
    /// When they did it. Example: `2026-01-10T09:05:12Z`.
    at: Instant,
    /// How. Without it: `import`. Example: `double_opt_in`.
    method: Option<Method>,
    /// The version of the text they saw. Without it: the one in the terms of the source. Example: `2026-01`.
    text_version: Option<Code>,
    /// Does the source send this with everything it sends, and not because the person just said it? Then it adds nothing
    /// where the newest entry says the same already, and a yes does not lift a no that was said another way. Without it: no.
    repeated: Option<bool>,
    /// Of a no: does the source not know when it was said, so that `at` is only the latest it can have been? Then it is sent with
    /// everything the source sends, too, and is written down once: again only after a yes that came with the same record. A yes needs its
    /// moment. Without it: no.
    undated: Option<bool>,
    /// The proof (Art. 7(1) GDPR), kept sealed: single values, among them `requested_at` and `confirmed_at` of a double
    /// opt-in. Personal: it may hold IP addresses.
    /// Example: `{"confirmed_at": "2026-01-10T09:06:40Z", "form_url": "https://shop.example/newsletter"}`.
    evidence: Option<Scalars>,
}

/// A checked claim whose evidence is not closed yet.
pub(super) struct PlainClaim {
    purpose: PurposeCode,
    requested_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    claim: Claim,
}

impl PlainClaim {
    /// Closes the evidence.
    pub(super) fn close(self) -> Result<ConsentClaim, Rejection> {
        let Claim { channel, act, at, method, text_version, repeated, undated, evidence, .. } = self.claim;
        let evidence = evidence.filter(|evidence| !evidence.0.is_empty()).map(|evidence| {
            let mut document = serde_json::Value::from(evidence);
            document.sort_all_objects();
            Personal::document(&document).map_err(|_| Rejection::new(Reason::INVALID_JSON))
        });
        Ok(ConsentClaim {
            purpose: self.purpose,
            channel,
            act,
            at: at.0,
            method: method.unwrap_or(Method::Import),
            text_version: text_version.map(|code| code.0),
            repeated: repeated.unwrap_or(false),
            undated: undated.unwrap_or(false),
            requested_at: self.requested_at,
            confirmed_at: self.confirmed_at,
            evidence: evidence.transpose()?,
        })
    }
}

/// Checks the claims of a record.
pub(super) fn check(claims: Vec<Claim>, now: Timestamp) -> Result<Vec<PlainClaim>, Rejection> {
    if claims.len() > MAX {
        let detail = format!("at most {MAX} entries are allowed");
        return Err(Rejection::because(Reason::TOO_MANY, detail).under("consents"));
    }
    let claims = claims.into_iter().enumerate();
    claims.map(|(index, claim)| check_one(claim, now).map_err(|fault| fault.entry(index)).at("consents")).collect()
}

fn check_one(claim: Claim, now: Timestamp) -> Result<PlainClaim, Rejection> {
    let purpose = PurposeCode::from_str(&claim.purpose.0).map_err(|_| Reason::INVALID_PURPOSE).at("purpose")?;
    if !matches!(claim.act, Act::Granted | Act::Denied | Act::Withdrawn | Act::Objected) {
        return Err(Rejection::new(Reason::INVALID_VALUE).under("act"));
    }
    past(claim.at.0, now).at("at")?;
    if claim.undated == Some(true) && !claim.act.is_no() {
        let detail = "a yes without its moment proves nothing";
        return Err(Rejection::because(Reason::INVALID_VALUE, detail.to_owned()).under("undated"));
    }
    let told = |field: &str| {
        let text = claim.evidence.as_ref().and_then(|evidence| evidence.0.get(field));
        text.map(|text| {
            let text = text.as_str().ok_or(Reason::WRONG_TYPE)?;
            past(date::instant(text)?, now)
        })
        .transpose()
        .at("evidence")
    };
    Ok(PlainClaim { purpose, requested_at: told("requested_at")?, confirmed_at: told("confirmed_at")?, claim })
}

/// An act that happened, give or take the difference of clocks.
fn past(at: Timestamp, now: Timestamp) -> Result<Timestamp, Reason> {
    if at > now.plus(CLOCK_SKEW) { Err(Reason::IMPLAUSIBLE_DATE) } else { date::event(at, now) }
}
