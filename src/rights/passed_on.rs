//! Demands that others pass on: of whoever is known, and once.

use super::request::OPEN;
use super::{Error, Kind, Rights};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::store::rows::Who;
use crate::store::{deliveries, requests};
use crate::types::{IdentifierKind, RequestId, SourceNo};
use crate::vault::Personal;

impl Rights {
    /// Takes a demand in of whoever is known by one of these identifiers, in their normal form, unless one waits already. Who is not known, or erased already,
    /// demands nothing any more.
    ///
    /// # Errors
    /// If a request could not be opened.
    pub async fn receive_known(
        &self,
        kind: Kind,
        by_what: &[(IdentifierKind, SourceNo, Personal)],
        by: &Caller,
    ) -> Result<(), Error> {
        let mut opened = Vec::new();
        for (of, source, value) in by_what {
            match self.receive_once(kind, self.gateway.who_has(*of, *source, value)?, by, &opened).await {
                Ok(request) => opened.extend(request.map(|request| request.case().subject)),
                Err(Error::SubjectUnknown | Error::SubjectErased(_)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
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
    pub async fn waiting(&self, kind: Kind, who: Who) -> Result<Option<RequestId>, Error> {
        let Some(rows) = self.gateway.snapshot(who).await? else { return Ok(None) };
        let (person, number) = (rows.subject, kind.number());
        Ok(self.store.read(move |read| requests::waiting(read.records(), person, number, &OPEN)).await?)
    }
}
