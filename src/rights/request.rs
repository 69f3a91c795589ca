//! [`Request`]: one demand of one person, from receipt to answer.
//!
//! ```text
//! Received ──> Executing ──> Answered
//!    │  └─(extended once)
//!    └──────> Refused
//! ```
//!
//! Each arrow consumes the case and returns the next one; it is one durable write and one audit line (`receive`).

use serde::{Deserialize, Serialize};

use super::Error;
use super::deadline::Deadline;
use crate::gateway::ReasonCode;
use crate::store::requests::RequestRow;
use crate::types::{RequestId, SubjectId, Timestamp, words};

words! {
    /// Which right. Numbers are stored and never reused.
    Kind as "Right", "kind of request" {
        /// Access (Art. 15 GDPR).
        Access = 1 "access",
        /// Erasure (Art. 17 GDPR).
        Erasure = 2 "erasure",
        /// Rectification (Art. 16 GDPR): what is said of a person was corrected, or people who were taken for one were
        /// separated. Made by what rectifies.
        Rectification = 3 "rectification",
    }
}

words! {
    /// Why a request was not followed. Numbers are stored and never reused.
    RefusedFor as "RequestRefusalReason", "refusal" {
        /// The person was not identified and did not help to (Art. 11(2), 12(6) GDPR).
        NotIdentified = 1 "not_identified",
        /// Manifestly unfounded (Art. 12(5) GDPR).
        Unfounded = 2 "unfounded",
        /// Excessive (Art. 12(5) GDPR).
        Excessive = 3 "excessive",
        /// The person took it back.
        TakenBack = 4 "taken_back",
        /// Needed for legal claims (Art. 17(3)(e) GDPR).
        LegalClaims = 5 "legal_claims",
        /// The person was erased by another request meanwhile.
        AlreadyErased = 6 "already_erased",
    }
}

pub(super) const RECEIVED: i16 = 1;
pub(super) const EXECUTING: i16 = 2;
/// Where somebody still waits for the answer.
pub(super) const OPEN: [i16; 2] = [RECEIVED, EXECUTING];
const ANSWERED: i16 = 3;
const REFUSED: i16 = 4;

/// What every state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: RequestId,
    /// Which right.
    pub kind: Kind,
    /// Whose. After an erasure nobody is behind it any more.
    pub subject: SubjectId,
    /// When it reached the merchant, by whatever way.
    pub received_at: Timestamp,
    /// The last moment for the answer.
    pub due_at: Timestamp,
}

/// It arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The case.
    pub case: Case,
    /// Why the period was extended, if it was (Art. 12(3) sentence 2 GDPR).
    pub extended: Option<ReasonCode>,
}

/// It is being carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executing {
    /// The case.
    pub case: Case,
    /// How far it is, as JSON; the right that executes knows the form.
    pub(super) progress: String,
}

/// It was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The case.
    pub case: Case,
    /// When.
    pub at: Timestamp,
    /// The outcome as JSON, without personal values: counts, hash, certificate.
    pub outcome: String,
}

/// It was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The case.
    pub case: Case,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RefusedFor,
}

/// A request and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// It waits.
    Received(Received),
    /// It is being carried out.
    Executing(Executing),
    /// It was carried out.
    Answered(Answered),
    /// It was not followed.
    Refused(Refused),
}

/// What is stored of a request that waits or was refused.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extended: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<RefusedFor>,
}

impl Received {
    pub(super) fn execute(self, progress: String) -> Executing {
        Executing { case: self.case, progress }
    }

    pub(super) fn refuse(self, reason: RefusedFor, at: Timestamp) -> Refused {
        Refused { case: self.case, at, reason }
    }

    /// Takes the two further months of Art. 12(3) GDPR.
    pub(super) fn extend(self, reason: ReasonCode, deadline: Deadline, now: Timestamp) -> Result<Self, Error> {
        if self.extended.is_some() || now > self.case.due_at {
            return Err(Error::NotExtendable);
        }
        Ok(Self { case: Case { due_at: deadline.due_at, ..self.case }, extended: Some(reason) })
    }
}

impl Executing {
    pub(super) fn go_on(self, progress: String) -> Self {
        Self { progress, ..self }
    }

    pub(super) fn answer(self, outcome: String, at: Timestamp) -> Answered {
        Answered { case: self.case, at, outcome }
    }
}

impl Request {
    /// What every state knows.
    #[must_use]
    pub const fn case(&self) -> &Case {
        match self {
            Self::Received(state) => &state.case,
            Self::Executing(state) => &state.case,
            Self::Answered(state) => &state.case,
            Self::Refused(state) => &state.case,
        }
    }

    /// The state's word.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::Executing(_) => "executing",
            Self::Answered(_) => "answered",
            Self::Refused(_) => "refused",
        }
    }

    /// Reads a stored request.
    ///
    /// # Errors
    /// If this version does not know its form.
    pub fn read(row: RequestRow) -> Result<Self, Error> {
        let kind = Kind::try_from(row.kind).map_err(crate::store::Error::from)?;
        let case = Case {
            id: row.request_id,
            kind,
            subject: row.subject_id,
            received_at: row.received_at,
            due_at: row.due_at,
        };
        let note = || serde_json::from_str::<Note>(&row.outcome).map_err(|_| Error::Document("note of a request"));
        Ok(match row.state {
            RECEIVED => {
                let extended = note()?.extended.map(|reason| reason.parse()).transpose();
                Self::Received(Received { case, extended: extended.map_err(crate::store::Error::from)? })
            }
            EXECUTING => Self::Executing(Executing { case, progress: row.outcome }),
            ANSWERED => Self::Answered(Answered { case, at: row.answered_at, outcome: row.outcome }),
            REFUSED => {
                let reason = note()?.refused.ok_or(Error::Document("note of a request"))?;
                Self::Refused(Refused { case, at: row.answered_at, reason })
            }
            _ => return Err(Error::Document("state of a request")),
        })
    }

    pub(super) fn row(&self) -> Result<RequestRow, Error> {
        let case = self.case();
        let note = |note: &Note| serde_json::to_string(note).map_err(|_| Error::Document("note of a request"));
        let (state, answered_at, outcome) = match self {
            Self::Received(state) => {
                let extended = state.extended.as_ref().map(|reason| reason.as_str().to_owned());
                (RECEIVED, Timestamp::UNSET, note(&Note { extended, refused: None })?)
            }
            Self::Executing(state) => (EXECUTING, Timestamp::UNSET, state.progress.clone()),
            Self::Answered(state) => (ANSWERED, state.at, state.outcome.clone()),
            Self::Refused(state) => (REFUSED, state.at, note(&Note { extended: None, refused: Some(state.reason) })?),
        };
        Ok(RequestRow {
            request_id: case.id,
            kind: case.kind.number(),
            state,
            part: case.subject.part(),
            subject_id: case.subject,
            received_at: case.received_at,
            due_at: case.due_at,
            answered_at,
            outcome,
        })
    }
}
