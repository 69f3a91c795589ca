//! One line of the book: who did what, under which purpose, to whose data, with which outcome.

use serde::{Deserialize, Serialize};

use crate::store::audit::{Draft, EntryRow};
use crate::types::{
    ApiKeyId, CategorySet, DecisionId, LogId, PurposeCode, RequestId, Role, Timestamp, UnknownWord, words,
};

words! {
    /// What a line of the audit book is about.
    Act as "AuditAct", "audit act" {
        /// A process opened its log.
        Opened = 1 "opened",
        /// Personal data left through the door.
        Disclosed = 2 "disclosed",
        /// A read was refused, or asked for nobody.
        Refused = 3 "refused",
        /// Records came in.
        Ingested = 4 "ingested",
        /// A consent, objection or restriction was recorded.
        ConsentRecorded = 5 "consent_recorded",
        /// A decision was explained without disclosing.
        Explained = 6 "explained",
        /// A request reached the hub.
        RequestReceived = 7 "request_received",
        /// A request was answered.
        RequestAnswered = 8 "request_answered",
        /// A person was erased.
        Erased = 9 "erased",
        /// The configuration changed (purposes, sources, segments, API keys).
        Configured = 10 "configured",
        /// Keys were rotated.
        KeysRotated = 11 "keys_rotated",
        /// What no purpose and no law keeps any more was deleted (Art. 5(1)(e) GDPR).
        Expired = 12 "expired",
        /// It was noted that a recipient of erased data was told (Art. 19 GDPR).
        RecipientTold = 13 "recipient_told",
        /// Records that were taken for one person's were given back to several.
        Separated = 14 "separated",
        /// Somebody decided whether two records are of one person.
        Reviewed = 15 "reviewed",
        /// A person rectified what is said of them (Art. 16 GDPR).
        Rectified = 16 "rectified",
    }
}

/// The head of a log that was closed before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) log: LogId,
    pub(super) size: i64,
    pub(super) hash: String,
}

/// A line before it is written. It can hold no personal value: its parts are ids, codes, counts and pseudonyms.
#[derive(Clone, Debug)]
pub struct Line {
    act: Act,
    subjects: Vec<[u8; 16]>,
    body: Body,
}

/// The canonical text is this struct as JSON, fields in this order, absent ones left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<ApiKeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<PurposeCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose_version: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) previous: Vec<Head>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<String>,
}

impl Line {
    /// An empty line about `act`.
    #[must_use]
    pub fn new(act: Act) -> Self {
        Self { act, subjects: Vec::new(), body: Body::default() }
    }

    pub(super) fn opened(previous: Vec<Head>) -> Self {
        let mut line = Self::new(Act::Opened);
        line.body.previous = previous;
        line
    }

    pub(super) fn about_decision(mut self, decision: DecisionId) -> Self {
        self.body.decision = Some(decision);
        self
    }

    /// The same line about another act.
    #[must_use]
    pub fn with_act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    /// Who asked.
    #[must_use]
    pub fn by(mut self, caller: ApiKeyId, role: Role) -> Self {
        self.body.caller = Some(caller);
        self.body.role = Some(role);
        self
    }

    /// Under which purpose, in which version of its definition.
    #[must_use]
    pub fn under(mut self, purpose: PurposeCode, version: Option<i32>) -> Self {
        self.body.purpose = Some(purpose);
        self.body.purpose_version = version;
        self
    }

    /// Which categories left.
    #[must_use]
    pub fn categories(mut self, categories: CategorySet) -> Self {
        self.body.categories = categories.iter().map(|category| category.word().to_owned()).collect();
        self
    }

    /// Reason codes, such as `no_consent`.
    #[must_use]
    pub fn reasons(mut self, reasons: Vec<String>) -> Self {
        self.body.reasons = reasons;
        self
    }

    /// To whom data went, by a name that is not a natural person's.
    #[must_use]
    pub fn to(mut self, recipient: impl Into<String>) -> Self {
        self.body.recipient = Some(recipient.into());
        self
    }

    /// Which data-subject request it belongs to.
    #[must_use]
    pub fn for_request(mut self, request: RequestId) -> Self {
        self.body.request = Some(request);
        self
    }

    /// What was touched: a source, segment or key by its code.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.body.object = Some(object.into());
        self
    }

    /// How many.
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.body.count = i64::try_from(count).ok();
        self
    }

    /// About whom, by pseudonym.
    #[must_use]
    pub fn about(mut self, pseudonyms: impl IntoIterator<Item = [u8; 16]>) -> Self {
        self.subjects.extend(pseudonyms);
        self
    }

    pub(super) fn draft(mut self, now: Timestamp) -> Draft {
        self.body.subjects = self.subjects.iter().map(hex::encode).collect();
        // The struct has only strings, numbers and lists: writing it as JSON cannot fail.
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        Draft { recorded_at: now, act: self.act.number(), body, subjects: self.subjects }
    }
}

/// What a stored line tells, for the person it is about and for their requests. It holds no personal value.
#[derive(Clone, Debug)]
pub struct Told {
    /// What was done.
    pub act: Act,
    /// When.
    pub at: Timestamp,
    /// The decision, if the line is one of the gateway's.
    pub decision: Option<DecisionId>,
    /// The API key that asked.
    pub caller: Option<ApiKeyId>,
    /// Its role.
    pub role: Option<Role>,
    /// The purpose.
    pub purpose: Option<PurposeCode>,
    /// The categories that left.
    pub categories: Vec<String>,
    /// To whom, or which room of the hub.
    pub recipient: Option<String>,
    /// The data-subject request it belongs to.
    pub request: Option<RequestId>,
    /// What was touched.
    pub object: Option<String>,
}

impl Told {
    /// Reads a stored line.
    ///
    /// # Errors
    /// If this version does not know its form.
    pub fn read(row: &EntryRow) -> Result<Self, UnknownWord> {
        let body: Body = serde_json::from_slice(&row.body).map_err(|_| UnknownWord("audit line"))?;
        Ok(Self {
            act: Act::try_from(row.act)?,
            at: row.recorded_at,
            decision: body.decision,
            caller: body.caller,
            role: body.role,
            purpose: body.purpose,
            categories: body.categories,
            recipient: body.recipient,
            request: body.request,
            object: body.object,
        })
    }
}
