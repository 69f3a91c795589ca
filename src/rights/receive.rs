//! Taking requests in, extending and refusing them, and finding them again.

use std::collections::BTreeSet;

use super::deadline::Deadline;
use super::request::{Case, Kind, OPEN, RECEIVED, Received, RefusedFor, Request};
use super::{Error, Rights, allowed};
use crate::audit::{Act, Line, Told};
use crate::gateway::{Actor, Caller, ReasonCode};
use crate::store::requests::RequestRow;
use crate::store::rows::{SubjectRows, Who};
use crate::store::{Write, audit, identifiers, requests, subjects, tombstones};
use crate::types::{RequestId, Role, SubjectId, Timestamp};

impl Rights {
    /// Takes a request in. `received_at` is when it reached the merchant by any way (a letter typed in later); none
    /// is now. It cannot be in the future.
    ///
    /// # Errors
    /// [`Error::SubjectUnknown`], or [`Error::SubjectErased`] if the identifier has a tombstone; for the officer and the hub
    /// itself [`Error::SeveralPeople`]; [`Error::ReceivedInFuture`]; [`Error::NotAllowed`].
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
        let Some(rows) = self.gateway.snapshot(who.clone()).await? else {
            return Err(self.nobody(who, by).await?);
        };
        // It is not asked for once, so it is always taken in.
        self.take_in(kind, &rows, received_at, by, false).await?.ok_or(Error::Changed)
    }

    /// None if it is to be taken in `once`, and one waits already.
    async fn take_in(
        &self,
        kind: Kind,
        rows: &SubjectRows,
        received_at: Option<Timestamp>,
        by: &Caller,
        once: bool,
    ) -> Result<Option<Request>, Error> {
        let now = self.clock.now();
        let received_at = received_at.unwrap_or(now);
        if received_at > now {
            return Err(Error::ReceivedInFuture);
        }
        let (person, number) = (rows.subject, kind.number());
        let waits = move |read: &mut crate::store::Read| requests::waiting(read.records(), person, number, &OPEN);
        if once && self.store.read(waits).await?.is_some() {
            return Ok(None);
        }
        let deadline = Deadline::new(received_at, false, self.controller.land)?;
        let case = Case { id: self.request_id()?, kind, subject: rows.subject, received_at, due_at: deadline.due_at };
        allowed(by, &case)?;
        let pseudonyms: Vec<_> = self.gateway.pseudonyms(rows)?.iter().map(|name| name.bytes()).collect();
        let mut line = line(Act::RequestReceived, &case, by).about(pseudonyms);
        if received_at < now {
            line = line.reasons(vec!["backdated".to_owned()]);
        }
        self.book.note(line).await?;
        let request = Request::Received(Received { case, extended: None });
        let row = request.row()?;
        let inserted = self.store.write(move |write| {
            // Of two that pass the same demand on at once, one comes second.
            let late = once && requests::waiting(write.records(), person, number, &OPEN)?.is_some();
            if !late {
                requests::insert(write, row.clone())?;
            }
            Ok::<_, crate::store::Error>(!late)
        });
        Ok(inserted.await?.then_some(request))
    }

    /// As [`Rights::receive`], now, unless the person is among `but` or a request of this kind waits for them already: a vendor
    /// that passes a demand on does so until it is told that it was heard. Of two calls at once one opens it; the line of the other
    /// stands in the book all the same.
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
            return Err(self.nobody(who, by).await?);
        };
        if but.contains(&rows.subject) {
            return Ok(None);
        }
        self.take_in(kind, &rows, None, by, true).await
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

    /// Why nobody is found: several are, never known, or erased (the person may know of the tombstone, Art. 15). Who several are
    /// is for those alone who may act for each of them.
    async fn nobody(&self, who: Who, by: &Caller) -> Result<Error, Error> {
        let Who::Identifier(ix) = who else { return Ok(Error::SubjectUnknown) };
        if matches!(by.actor, Actor::Key { role: Role::Dpo, .. } | Actor::Hub(_)) {
            let living = self.store.read(move |read| {
                let holders = identifiers::holders(read.records(), &ix)?;
                subjects::living_many(read.records(), holders)
            });
            let people: BTreeSet<SubjectId> = living.await?.into_values().map(|row| row.subject_id).collect();
            if people.len() > 1 {
                return Ok(Error::SeveralPeople(people.into_iter().collect()));
            }
        }
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
