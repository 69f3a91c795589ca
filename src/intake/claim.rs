//! Consents a source claims, with their proof.

use std::str::FromStr;

use serde::Deserialize;

use super::normal::{Reason, date};
use super::rejection::{At, Rejection};
use super::wire::field::{Code, Instant, Line, Scalars};
use crate::types::{Channel, PurposeCode, Timestamp};
use crate::vault::Personal;

/// Claims one record may bring.
const MAX: usize = 64;

/// What the person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimedAct {
    /// Said yes.
    Granted,
    /// Said no when asked.
    Denied,
    /// Took a yes back (Art. 7(3) GDPR).
    Withdrawn,
    /// Objected (Art. 21 GDPR).
    Objected,
}

impl ClaimedAct {
    /// The word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Objected => "objected",
        }
    }
}

/// A consent, refusal or objection the source proves.
pub struct ConsentClaim {
    /// For what.
    pub purpose: PurposeCode,
    /// On which channel.
    pub channel: Channel,
    /// What the person did.
    pub act: ClaimedAct,
    /// When.
    pub at: Timestamp,
    /// How, such as `double_opt_in`.
    pub method: Option<String>,
    /// Which version of the text the person saw.
    pub text_version: Option<String>,
    /// The proof: a JSON object with sorted names. It may hold IP addresses and page addresses.
    pub evidence: Option<Personal>,
}

/// A claim as the wire has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    purpose: Line<64>,
    channel: Channel,
    act: ClaimedAct,
    at: Instant,
    method: Option<Code>,
    text_version: Option<Code>,
    evidence: Option<Scalars>,
}

/// A claim whose evidence is not closed yet.
pub(super) struct PlainClaim {
    purpose: PurposeCode,
    claim: Claim,
}

impl PlainClaim {
    /// Closes the evidence.
    pub(super) fn close(self) -> Result<ConsentClaim, Rejection> {
        let Claim { channel, act, at, method, text_version, evidence, .. } = self.claim;
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
            method: method.map(|code| code.0),
            text_version: text_version.map(|code| code.0),
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
    let check = |claim: Claim| {
        let purpose = PurposeCode::from_str(&claim.purpose.0).map_err(|_| Reason::INVALID_PURPOSE).at("purpose")?;
        date::event(claim.at.0, now).at("at")?;
        Ok(PlainClaim { purpose, claim })
    };
    let claims = claims.into_iter().enumerate();
    claims.map(|(index, claim)| check(claim).map_err(|fault: Rejection| fault.entry(index)).at("consents")).collect()
}
