//! Rectification (Art. 16 GDPR): what a person says of themselves is written down as a record of the hub's own, for this person
//! and nobody else. Survivorship puts it before what any source says; nothing of the sources' records changes.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::prepare::{Bringer, prepare};
use super::separate::Papers;
use super::settle::settle;
use super::statement::HUB_SOURCE;
use super::{Error, Intake, Rejection, canonical};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::store::rows::Who;
use crate::store::{self, notices, requests};
use crate::types::{RecordKind, SubjectId};

impl Intake {
    /// Writes down what a person corrected, with the papers of the request it answers. `data` is what a customer's record may
    /// say as `person` and `addresses`.
    ///
    /// # Errors
    /// [`Error::UnknownSubject`]; [`Error::Rejected`] if a value cannot be, with a pointer into `data`; or the store or the
    /// vault failed.
    pub async fn rectify(
        &self,
        person: SubjectId,
        data: Map<String, Value>,
        papers: Papers,
        by: &Caller,
    ) -> Result<(), Error> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await.map_err(Error::from_gateway)?;
        let rows = rows.ok_or(Error::UnknownSubject)?;
        let names = self.gateway.pseudonyms(&rows).map_err(Error::from_gateway)?;
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let record = json!({
            "type": RecordKind::Customer, "source": HUB_SOURCE, "updated_at": now.rfc3339(),
            "external_id": format!("rectification:{}", self.ids.uuid().map_err(store::Error::from)?), "data": data,
        });
        let record = Zeroizing::new(record.to_string().into_bytes());
        let record = canonical::parse(&record, now).map_err(refused)?;
        // What a source says wrongly is left out; what somebody corrects is taken as a whole or not at all.
        if let Some(rejection) = record.left_out.first() {
            return Err(refused(rejection.clone()));
        }
        let prepared = prepare(&self.sealer, &edition, record, now, Bringer::Subject(rows.subject))?;
        let (prepared, papers) = (Arc::new([Ok(prepared)]), Arc::new(papers));
        let mut line = by.named_in(Line::new(Act::Rectified)).about(names.iter().map(|name| name.bytes()));
        if let Some(request) = &papers.request {
            line = line.for_request(request.request_id);
        }
        let work = self.in_epoch(async || {
            let (prepared, papers, sealer, ids) =
                (prepared.clone(), papers.clone(), self.sealer.clone(), self.ids.clone());
            let (matching, edition) = (self.matching.clone(), edition.clone());
            self.store
                .write(move |write| {
                    settle(&Desk::new(&sealer, &ids, now), write, (&matching, &edition), prepared.as_slice())?;
                    papers.request.iter().try_for_each(|request| requests::insert(write, request.clone()))?;
                    papers.notices.iter().try_for_each(|notice| notices::insert(write, notice.clone()))?;
                    Ok::<_, Error>(())
                })
                .await
        });
        self.book.change(line, work).await
    }
}

/// Seen from `data`.
fn refused(mut rejection: Rejection) -> Error {
    if let Some(inside) = rejection.pointer.strip_prefix("/data") {
        rejection.pointer = inside.to_owned();
    }
    Error::Rejected(rejection)
}
