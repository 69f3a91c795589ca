//! Demands that others pass on: of whoever is known, and once.

use super::request::OPEN;
use super::{Error, Kind, Rights};
use crate::gateway::Caller;
use crate::store::requests;
use crate::store::rows::Who;
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
