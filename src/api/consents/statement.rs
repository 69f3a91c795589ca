//! [`Statement`]: an act of a person as the API takes it, and the ledger entry it becomes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::json;
use crate::api::problem::{Code, Problem};
use crate::api::{Identifier, Instant};
use crate::consent::{Act, Entry, EntryNo, Method, Purpose, confirmed_in_time, proven};
use crate::intake::Stated;
use crate::types::{Channel, PurposeCode, Role, SubjectId, Timestamp};
use crate::vault::Personal;

/// Fields of evidence, at most.
const EVIDENCE: usize = 32;
/// Bytes of one text of evidence, at most.
const TEXT: usize = 4096;

/// What a person said about the use of their data, and how that can be proven.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The person, by id.
    #[serde(default)]
    pub(super) subject_id: Option<SubjectId>,
    /// The person, by an identifier; instead of the id.
    #[serde(default)]
    pub(super) identifier: Option<Identifier>,
    /// For which purpose. Without it: an objection to all direct marketing, a withdrawal of every consent, a
    /// restriction of everything.
    #[serde(default)]
    pub(super) purpose: Option<PurposeCode>,
    /// On which channel. Without it: every channel, for a no; the purpose's only one, for a yes.
    #[serde(default)]
    channel: Option<Channel>,
    /// What was done. Lifting an objection or restriction is for the data protection officer.
    act: Act,
    /// When. Without it: when it was confirmed, else now.
    #[serde(default)]
    at: Option<Instant>,
    /// How.
    method: Method,
    /// The version of the text the person saw; needed for a yes.
    #[serde(default)]
    text_version: Option<String>,
    /// Was it explicit (Art. 9(2)(a) GDPR)? For a yes after an objection: did it name this very purpose?
    #[serde(default)]
    explicit: bool,
    /// Is the holder of parental responsibility proven to have agreed (Art. 8 GDPR)?
    #[serde(default)]
    parental: bool,
    /// Of a double opt-in: when it was asked for.
    #[serde(default)]
    requested_at: Option<Instant>,
    /// Of a double opt-in: when it was confirmed.
    #[serde(default)]
    confirmed_at: Option<Instant>,
    /// The proof (Art. 7(1) GDPR): up to 32 fields with texts, numbers or booleans, such as the address of the form.
    /// It is sealed under the person's key. Needed for a yes where the purpose demands it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    evidence: Option<BTreeMap<String, Value>>,
}

impl Statement {
    /// The entry, its proof, and whether it was dated. `purpose` is the definition its code names.
    ///
    /// # Errors
    /// A problem with the pointer of the field.
    pub(super) fn entry(self, role: Role, purpose: Option<&Purpose>, now: Timestamp) -> Result<Stated, Problem> {
        if matches!(self.act, Act::ObjectionLifted | Act::RestrictionLifted) && role != Role::Dpo {
            return Err(Problem::new(Code::Forbidden, "Lifting is for the data protection officer.").at("/act"));
        }
        let text_version = self.text_version.as_deref().map(code).transpose()?;
        let proof = proof(&self)?;
        if self.act == Act::Granted && proof.is_none() && purpose.is_some_and(|purpose| purpose.evidence) {
            let detail = "This purpose needs evidence for a yes (Art. 7(1) GDPR).";
            return Err(Problem::new(Code::MissingField, detail).at("/evidence"));
        }
        let confirmed_at = self.confirmed_at.map(|at| at.0);
        // What was confirmed long ago and is told today was not said today.
        let at = self.at.map(|at| at.0).or(confirmed_at).unwrap_or(now);
        let entry = Entry {
            act: self.act,
            purpose: self.purpose,
            channel: self.channel,
            at,
            recorded_at: now,
            // Both come when it is written.
            entry_no: EntryNo(0),
            origin: SubjectId::from_uuid(Uuid::nil()),
            text_version,
            method: self.method,
            proven: purpose.is_some_and(|purpose| proven(purpose, self.method, proof.is_some())),
            confirmed: self.method == Method::DoubleOptIn
                && purpose.is_some_and(|purpose| {
                    confirmed_in_time(purpose, self.requested_at.map_or(at, |at| at.0), confirmed_at)
                }),
            explicit: self.explicit,
            parental: self.parental,
        };
        Ok(Stated { entry, evidence: proof, dated: self.at.is_some() })
    }
}

/// Reads the document of `POST /v1/consents` as a caller of `role` sends it; `purpose` is the definition its code names. For
/// whoever wants to know what is read and what is refused, without a house around it.
///
/// # Errors
/// The problem that would be answered.
pub fn read(bytes: &[u8], role: Role, purpose: Option<&Purpose>, now: Timestamp) -> Result<Stated, Problem> {
    json::read::<Statement>(bytes)?.entry(role, purpose, now)
}

/// A version of a text is a code, not a text.
fn code(version: &str) -> Result<std::sync::Arc<str>, Problem> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if (1..=64).contains(&version.len()) && version.bytes().all(letter) {
        return Ok(version.into());
    }
    let detail = "A text version has 1 to 64 letters, digits, dots, colons, dashes and underscores.";
    Err(Problem::new(Code::InvalidValue, detail).at("/text_version"))
}

/// The proof as one document; none if nothing was given.
fn proof(statement: &Statement) -> Result<Option<Personal>, Problem> {
    let wrong = |detail: &'static str| Problem::new(Code::InvalidValue, detail).at("/evidence");
    let mut fields = statement.evidence.clone().unwrap_or_default();
    fields.retain(|_, value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()));
    if fields.is_empty() {
        return Ok(None);
    }
    if fields.len() > EVIDENCE || fields.keys().any(|name| name.len() > 64) {
        return Err(wrong("Evidence has at most 32 fields with names of at most 64 bytes."));
    }
    let scalar = |value: &Value| match value {
        Value::String(text) => text.len() <= TEXT,
        Value::Bool(_) | Value::Number(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if !fields.values().all(scalar) {
        return Err(wrong("Each field holds a text of at most 4096 bytes, a number, true or false."));
    }
    for (name, at) in [("requested_at", statement.requested_at), ("confirmed_at", statement.confirmed_at)] {
        if let Some(at) = at {
            fields.insert(name.to_owned(), at.0.rfc3339().into());
        }
    }
    Personal::document(&fields).map(Some).map_err(|_| wrong("The evidence cannot be written."))
}
