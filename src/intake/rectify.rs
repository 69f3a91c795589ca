//! Rectification (Art. 16 GDPR): what a person says of themselves is written down as a record of the hub's own, for this person
//! and nobody else. Survivorship puts it before what any source says; nothing of the sources' records changes.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::prepare::{Bringer, PartOf, Prepared, prepare};
use super::separate::Papers;
use super::settle::settle;
use super::statement::HUB_SOURCE;
use super::{Error, Intake, Rejection, canonical};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::store::rows::{RecordRow, Who};
use crate::store::{self, notices, records, requests};
use crate::types::{RecordKind, SubjectId, Timestamp};

/// How often a correction starts again when the person is merged or taken apart meanwhile.
const TRIES: usize = 5;

impl Intake {
    /// Writes down what a person corrected, with the papers of the request it answers. `data` is what a customer's record may
    /// say as `person` and `addresses`.
    ///
    /// It is written once for each part of the person, because what a purpose may read can rest on any of them, and any may
    /// leave.
    ///
    /// # Errors
    /// [`Error::UnknownSubject`]; [`Error::Rejected`] if a value cannot be, with a pointer into `data`; [`Error::Changed`] if
    /// the person kept changing; or the store or the vault failed.
    pub async fn rectify(
        &self,
        person: SubjectId,
        data: Map<String, Value>,
        papers: Papers,
        by: &Caller,
    ) -> Result<(), Error> {
        let papers = Arc::new(papers);
        for _ in 0..TRIES {
            match self.try_to_rectify(person, &data, &papers, by).await {
                Err(Error::Changed) => {}
                done => return done,
            }
        }
        Err(Error::Changed)
    }

    async fn try_to_rectify(
        &self,
        person: SubjectId,
        data: &Map<String, Value>,
        papers: &Arc<Papers>,
        by: &Caller,
    ) -> Result<(), Error> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await.map_err(Error::from_gateway)?;
        let rows = rows.ok_or(Error::UnknownSubject)?;
        let names = self.gateway.pseudonyms(&rows).map_err(Error::from_gateway)?;
        let now = self.clock.now();
        let (corrections, records): (Vec<_>, Vec<_>) =
            rows.records.iter().partition(|record| record.facts & RecordRow::RECTIFICATION != 0);
        // The newest correction holds, also if the clock of the node that took the one before in was ahead.
        let newest = corrections.iter().map(|record| record.version.plus(1)).max();
        let version = newest.map_or(now, |newest| newest.max(now));
        let mut parts: Vec<SubjectId> = records.iter().map(|record| record.sealed_for).collect();
        parts.sort_unstable();
        parts.dedup();
        // Of a person who lives by corrections alone there is one part.
        let whole = rows.subject;
        let of_person = move |parts: Vec<SubjectId>| if parts.is_empty() { vec![whole] } else { parts };
        let parts = of_person(parts);
        let mut prepared = Vec::with_capacity(parts.len());
        for part in &parts {
            prepared.push(Ok(self.correction(data, PartOf { person: rows.subject, part: *part }, (version, now))?));
        }
        let prepared = Arc::new(prepared);
        let mut line = by.named_in(Line::new(Act::Rectified)).about(names.iter().map(|name| name.bytes()));
        if let Some(request) = &papers.request {
            line = line.for_request(request.request_id);
        }
        let (edition, person) = (self.rulebook.edition(), rows.subject);
        let work = self.in_epoch(async || {
            let (prepared, papers, sealer, ids) =
                (prepared.clone(), papers.clone(), self.sealer.clone(), self.ids.clone());
            let (matching, edition, parts) = (self.matching.clone(), edition.clone(), parts.clone());
            self.store
                .write(move |write| {
                    let found = records::parts_of(write.records(), person, RecordRow::RECTIFICATION)?;
                    if of_person(found) != parts {
                        return Err(Error::Changed);
                    }
                    settle(&Desk::new(&sealer, &ids, now), write, (&matching, &edition), &prepared)?;
                    papers.request.iter().try_for_each(|request| requests::insert(write, request.clone()))?;
                    papers.notices.iter().try_for_each(|notice| notices::insert(write, notice.clone()))?;
                    Ok::<_, Error>(())
                })
                .await
        });
        self.book.change(line, work).await
    }

    /// The record of a correction, for one part of the person.
    fn correction(
        &self,
        data: &Map<String, Value>,
        of: PartOf,
        (version, now): (Timestamp, Timestamp),
    ) -> Result<Prepared, Error> {
        let record = json!({
            "type": RecordKind::Customer, "source": HUB_SOURCE, "updated_at": version.rfc3339(),
            "external_id": format!("rectification:{}", self.ids.uuid().map_err(store::Error::from)?), "data": data,
        });
        let record = Zeroizing::new(record.to_string().into_bytes());
        let record = canonical::parse(&record, now).map_err(refused)?;
        // What a source says wrongly is left out; what somebody corrects is taken as a whole or not at all.
        if let Some(rejection) = record.left_out.first() {
            return Err(refused(rejection.clone()));
        }
        prepare(&self.sealer, &self.rulebook.edition(), record, now, Bringer::Subject(of))
    }
}

/// Seen from `data`.
fn refused(mut rejection: Rejection) -> Error {
    if let Some(inside) = rejection.pointer.strip_prefix("/data") {
        rejection.pointer = inside.to_owned();
    }
    Error::Rejected(rejection)
}
