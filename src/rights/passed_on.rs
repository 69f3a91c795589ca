//! Demands that others pass on: of whoever is known, and once.

use super::request::OPEN;
use super::{Error, Kind, Rights};
use crate::audit::{Act, Line};
use crate::gateway::{Actor, Caller};
use crate::store::rows::Who;
use crate::store::{deliveries, requests};
use crate::types::{IdentifierKind, RequestId, SourceNo, SubjectId};
use crate::vault::Personal;

impl Rights {
    /// Takes a demand in of whoever is known by one of these identifiers, in their normal form, unless one waits already. Who is
    /// not known, or erased already, demands nothing any more. Where several people hold what is said and nothing else says who
    /// is meant, the officer is told in the audit book, by a line about each of them.
    ///
    /// # Errors
    /// If a request could not be opened.
    pub async fn receive_known(
        &self,
        kind: Kind,
        by_what: &[(IdentifierKind, SourceNo, Personal)],
        by: &Caller,
    ) -> Result<(), Error> {
        let mut known = Vec::with_capacity(by_what.len());
        for (of, source, value) in by_what {
            known.push((*source, self.gateway.who_has(*of, *source, value)?));
        }
        self.receive_of(kind, known, by).await?;
        Ok(())
    }

    /// As [`Rights::receive_known`], where what is said of them is looked up already. The first request that waits for them now, whether
    /// it was opened by this or before.
    ///
    /// # Errors
    /// If a request could not be opened.
    pub async fn receive_of(
        &self,
        kind: Kind,
        known: Vec<(SourceNo, Who)>,
        by: &Caller,
    ) -> Result<Option<RequestId>, Error> {
        let (mut opened, mut waits, mut is_found, mut shared) = (Vec::new(), None, false, Vec::new());
        for (source, who) in known {
            match self.receive_once(kind, who.clone(), by, &opened).await {
                Ok(request) => {
                    is_found = true;
                    let waiting = match &request {
                        Some(request) => Some(request.case().id),
                        None => self.waiting(kind, who).await?,
                    };
                    waits = waits.or(waiting);
                    opened.extend(request.map(|request| request.case().subject));
                }
                Err(Error::SeveralPeople(people)) => shared.push((source, who, people)),
                Err(Error::SubjectUnknown | Error::SubjectErased(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        if !is_found {
            for (source, who, people) in shared {
                self.note_shared(kind, (source, who), people, by).await?;
            }
        }
        Ok(waits)
    }

    /// Tells the officer once, as [`Rights::note_unreadable`], that a demand names several people.
    ///
    /// # Errors
    /// If it cannot be read or written.
    async fn note_shared(
        &self,
        kind: Kind,
        (source, who): (SourceNo, Who),
        people: Vec<SubjectId>,
        by: &Caller,
    ) -> Result<(), Error> {
        let Who::Identifier(ix) = who else { return Ok(()) };
        let mut mark = self.shredder.suppression(ix.into()).bytes();
        mark.iter_mut().zip(kind.number().to_be_bytes()).for_each(|(byte, of)| *byte ^= of);
        if self.store.read(move |read| deliveries::is_known(read.records(), source, &[mark])).await? {
            return Ok(());
        }
        let (mut names, count) = (Vec::new(), people.len());
        for person in people {
            if let Some(rows) = self.gateway.snapshot(Who::Subject(person)).await? {
                names.extend(self.gateway.pseudonyms(&rows)?.iter().map(|name| name.bytes()));
            }
        }
        tracing::warn!(people = count, "a vendor demands something for an identifier that several people hold");
        let to = if let Actor::Hub(room) = by.actor { room } else { "a vendor" };
        let line = Line::new(Act::RequestReceived).to(to).object(kind.word()).count(count).about(names);
        self.book.note(line.reasons(vec!["shared_identifier".to_owned()])).await?;
        let now = self.clock.now();
        Ok(self.store.write(move |write| deliveries::note(write, source, &[mark], now)).await?)
    }

    /// Tells the officer, in the audit book, that a list of a vendor demands something for people of whom nobody can say who they
    /// are: somebody has to look there. `rows` are the marks of those rows; each is told of once.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub async fn note_unreadable(
        &self,
        kind: Kind,
        (source, code): (SourceNo, &str),
        rows: Vec<[u8; 16]>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut news = Vec::new();
        for row in rows {
            if !self.store.read(move |read| deliveries::is_known(read.records(), source, &[row])).await? {
                news.push(row);
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        tracing::warn!(source = code, rows = news.len(), "a vendor demands something for people nobody can read");
        let line = Line::new(Act::RequestReceived).to(format!("source {code}")).object(kind.word()).count(news.len());
        self.book.note(line.reasons(vec!["unreadable_demand".to_owned()])).await?;
        Ok(self.store.write(move |write| deliveries::note(write, source, &news, now)).await?)
    }

    /// The request of this kind that waits for a person; none if none does, or nobody is known.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) async fn waiting(&self, kind: Kind, who: Who) -> Result<Option<RequestId>, Error> {
        let Some(rows) = self.gateway.snapshot(who).await? else { return Ok(None) };
        let (person, number) = (rows.subject, kind.number());
        Ok(self.store.read(move |read| requests::waiting(read.records(), person, number, &OPEN)).await?)
    }
}
