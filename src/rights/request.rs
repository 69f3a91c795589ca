//! [`Request`]: one demand of one person, from receipt to answer.
//!
//! ```text
//! Received ──> Executing ──> Answered
//!    │  └─(extended once)
//!    └──────> Refused
//! ```
//!
//! Each arrow consumes the case and returns the next one; it is one durable write and one audit line.

use serde::{Deserialize, Serialize};

use super::deadline::Deadline;
use super::{Error, Rights, allowed};
use crate::audit::{Act, Line, Told};
use crate::gateway::{Actor, Caller, ReasonCode};
use crate::store::requests::RequestRow;
use crate::store::rows::Who;
use crate::store::{Write, audit, requests, tombstones};
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

    fn refuse(self, reason: RefusedFor, at: Timestamp) -> Refused {
        Refused { case: self.case, at, reason }
    }

    /// Takes the two further months of Art. 12(3) GDPR.
    fn extend(self, reason: ReasonCode, deadline: Deadline, now: Timestamp) -> Result<Self, Error> {
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

impl Rights {
    /// Takes a request in. `received_at` is when it reached the merchant by any way (a letter typed in later); none
    /// is now. It cannot be in the future.
    ///
    /// # Errors
    /// [`Error::SubjectUnknown`], or [`Error::SubjectErased`] if the identifier has a tombstone;
    /// [`Error::ReceivedInFuture`]; [`Error::NotAllowed`].
    pub async fn receive(
        &self,
        kind: Kind,
        who: Who,
        received_at: Option<Timestamp>,
        by: &Caller,
    ) -> Result<Request, Error> {
        if kind == Kind::Rectification {
            return Err(Error::NotDemanded);
        }
        let now = self.clock.now();
        let received_at = received_at.unwrap_or(now);
        if received_at > now {
            return Err(Error::ReceivedInFuture);
        }
        let Some(rows) = self.gateway.snapshot(who.clone()).await? else {
            return Err(self.nobody(who).await?);
        };
        let deadline = Deadline::new(received_at, false, self.controller.land)?;
        let case = Case { id: self.request_id()?, kind, subject: rows.subject, received_at, due_at: deadline.due_at };
        allowed(by, &case)?;
        let pseudonyms: Vec<_> = self.gateway.pseudonyms(&rows)?.iter().map(|name| name.bytes()).collect();
        let mut line = line(Act::RequestReceived, &case, by).about(pseudonyms);
        if received_at < now {
            line = line.reasons(vec!["backdated".to_owned()]);
        }
        self.book.note(line).await?;
        let request = Request::Received(Received { case, extended: None });
        let row = request.row()?;
        self.store.write(move |write| requests::insert(write, row.clone())).await?;
        Ok(request)
    }

    /// As [`Rights::receive`], now, unless the person is among `but` or a request of this kind waits for them already: a vendor
    /// that passes a demand on does so until it is told that it was heard.
    ///
    /// # Errors
    /// As [`Rights::receive`].
    pub async fn receive_once(
        &self,
        kind: Kind,
        who: Who,
        by: &Caller,
        but: &[SubjectId],
    ) -> Result<Option<Request>, Error> {
        let Some(rows) = self.gateway.snapshot(who.clone()).await? else {
            return Err(self.nobody(who).await?);
        };
        let (person, number) = (rows.subject, kind.number());
        let waits = move |read: &mut crate::store::Read| requests::waits(read.records(), person, number, &OPEN);
        if but.contains(&person) || self.store.read(waits).await? {
            return Ok(None);
        }
        self.receive(kind, who, None, by).await.map(Some)
    }

    /// Takes the two further months of Art. 12(3) GDPR, for a reason the person is told within the first month.
    ///
    /// # Errors
    /// [`Error::NotExtendable`] after the due date or a second time; [`Error::OutOfTurn`] unless it waits.
    pub async fn extend(&self, id: RequestId, reason: ReasonCode, by: &Caller) -> Result<Request, Error> {
        let request = self.received(id).await?;
        allowed(by, &request.case)?;
        let deadline = Deadline::new(request.case.received_at, true, self.controller.land)?;
        let line = line(Act::RequestReceived, &request.case, by)
            .reasons(vec!["extended".to_owned(), reason.as_str().to_owned()]);
        let extended = request.extend(reason, deadline, self.clock.now())?;
        self.book.note(line).await?;
        self.put(RECEIVED, Request::Received(extended)).await
    }

    /// Closes a request that is not followed. The person is told the reason, the authority and the court (Art. 12(4)).
    ///
    /// # Errors
    /// [`Error::OutOfTurn`] unless it waits.
    pub async fn refuse(&self, id: RequestId, reason: RefusedFor, by: &Caller) -> Result<Request, Error> {
        let request = self.received(id).await?;
        allowed(by, &request.case)?;
        let line = line(Act::RequestAnswered, &request.case, by).reasons(vec![reason.word().to_owned()]);
        self.book.note(line).await?;
        self.put(RECEIVED, Request::Refused(request.refuse(reason, self.clock.now()))).await
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::RequestUnknown`].
    pub async fn request(&self, id: RequestId) -> Result<Request, Error> {
        let row = self.store.read(move |read| requests::find(read.records(), id)).await?;
        Request::read(row.ok_or(Error::RequestUnknown)?)
    }

    /// Up to `limit` requests after `after`, in the order of arrival here.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn requests(&self, after: Option<RequestId>, limit: i64) -> Result<Vec<Request>, Error> {
        let rows = self.store.read(move |read| requests::page(read.records(), after, limit)).await?;
        rows.into_iter().map(Request::read).collect()
    }

    async fn received(&self, id: RequestId) -> Result<Received, Error> {
        match self.request(id).await? {
            Request::Received(received) => Ok(received),
            other => Err(Error::OutOfTurn(other.state())),
        }
    }

    /// Stores where a request stands now, if it still stood at `from`.
    pub(super) async fn put(&self, from: i16, request: Request) -> Result<Request, Error> {
        let row = request.row()?;
        self.store.write(move |write| move_on(write, from, &row)).await?;
        Ok(request)
    }

    /// Why nobody is found: never known, or erased (the person may know of the tombstone, Art. 15).
    async fn nobody(&self, who: Who) -> Result<Error, Error> {
        let Who::Identifier(ix) = who else { return Ok(Error::SubjectUnknown) };
        let tombstone = self.shredder.suppression(ix.into()).bytes();
        let erased_at = self.store.read(move |read| tombstones::laid(read.records(), &tombstone)).await?;
        Ok(erased_at.map_or(Error::SubjectUnknown, Error::SubjectErased))
    }

    /// Is there a line of `act` for this request already? A step that is taken again after a crash writes none twice.
    pub(super) async fn is_written(
        &self,
        act: Act,
        request: RequestId,
        pseudonyms: Vec<[u8; 16]>,
    ) -> Result<bool, Error> {
        let rows = self.store.read(move |read| audit::about(read, &pseudonyms)).await?;
        let told = |row| Told::read(row).is_ok_and(|told| told.act == act && told.request == Some(request));
        Ok(rows.iter().any(told))
    }
}

/// Moves a stored request on, if it still stands at `from`: of two that act on it at once, one is out of turn.
pub(super) fn move_on(write: &mut Write<'_>, from: i16, row: &RequestRow) -> Result<(), Error> {
    let stored = requests::find(write.records(), row.request_id)?.ok_or(Error::RequestUnknown)?;
    if stored.state != from {
        return Err(Error::OutOfTurn(Request::read(stored)?.state()));
    }
    Ok(requests::update(write, row)?)
}

/// The audit line of a step of `case`.
pub(super) fn line(act: Act, case: &Case, by: &Caller) -> Line {
    let line = Line::new(act).for_request(case.id).object(case.kind.word());
    match by.actor {
        Actor::Key { id, role } => line.by(id, role),
        Actor::Subject(_) => line.to("the person"),
        Actor::Hub(room) => line.to(room),
    }
}
