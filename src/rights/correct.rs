//! Rectification (Art. 16 GDPR): what is said of a person is corrected, or people who were taken for one are separated, and
//! whoever received the data is told (Art. 19). The writing itself is intake's; here is what stands around it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::recipients::readings;
use super::request::{Answered, Case};
use super::{Error, Kind, NoticeState, Request, Rights, allowed};
use crate::gateway::{Actor, Caller, Scope};
use crate::store::notices::NoticeRow;
use crate::store::requests::RequestRow;
use crate::store::rows::{LinkRow, RecordRow, SubjectRows, Who};
use crate::store::{links, requests, subjects};
use crate::types::{RecordNo, SubjectId, Timestamp};
use crate::vault::Pseudonym;

/// What is written with a rectification.
#[derive(Clone, Debug)]
pub struct Correction {
    /// The case, answered by it.
    pub request: RequestRow,
    /// Those to be told.
    pub notices: Vec<NoticeRow>,
}

/// The case of a person whom the hub takes apart by itself, if there is one, and those to be told.
pub type ToTell = (Option<RequestRow>, Vec<NoticeRow>);

/// A person and why their records are theirs, without any value of theirs.
pub struct Linked {
    /// Everything stored, sealed as it is.
    pub rows: SubjectRows,
    /// The links, oldest first.
    pub links: Vec<LinkRow>,
}

impl Rights {
    /// Prepares the case of a separation that takes `parts` or `records` out of a person.
    ///
    /// # Errors
    /// [`Error::SubjectUnknown`]; [`Error::NotAllowed`]; or the store failed.
    pub async fn correction(
        &self,
        person: SubjectId,
        parts: &[SubjectId],
        records: &[RecordNo],
        by: &Caller,
    ) -> Result<Correction, Error> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await?.ok_or(Error::SubjectUnknown)?;
        let since = since(&rows, parts, records);
        self.rectified(&rows, since, json!({"parts": parts.len(), "records": records.len()}), by).await
    }

    /// Prepares the case of a rectification of what is said of a person. Everybody who received data of them is to be told.
    ///
    /// # Errors
    /// As [`Rights::correction`].
    pub async fn rectification(&self, person: SubjectId, by: &Caller) -> Result<Correction, Error> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await?.ok_or(Error::SubjectUnknown)?;
        self.rectified(&rows, Timestamp::UNSET, json!({"records": 0}), by).await
    }

    /// As [`Rights::correction`], for somebody who is taken apart because they objected to being matched (Art. 21(1) GDPR). None, and
    /// a line in the log, if it cannot be prepared now.
    pub async fn told_apart(&self, person: SubjectId) -> Option<(RequestRow, Vec<NoticeRow>)> {
        let by = Caller { actor: Actor::Hub("identity graph"), scope: Scope::Every };
        match self.rectification(person, &by).await {
            Ok(Correction { request, notices }) => Some((request, notices)),
            Err(error) => {
                tracing::error!(error = ?error, "who objected to being matched is taken apart later");
                None
            }
        }
    }

    /// As [`Rights::correction`], for somebody of whom the hub itself found `leaving` to be somebody else's: those who received data
    /// of both are to be told, and where nobody did there is no case. None, and a line in the log, if it cannot be known now.
    pub async fn told_of_split(&self, person: SubjectId, leaving: &[RecordNo]) -> Option<ToTell> {
        let by = Caller { actor: Actor::Hub("identity graph"), scope: Scope::Every };
        match self.correction(person, &[], leaving, &by).await {
            Ok(Correction { request, notices }) => Some((Some(request).filter(|_| !notices.is_empty()), notices)),
            // They were erased meanwhile, and there is nothing to take apart.
            Err(Error::SubjectUnknown) => Some((None, Vec::new())),
            Err(error) => {
                tracing::error!(error = ?error, "who turned out to be several people is taken apart later");
                None
            }
        }
    }

    /// [`Rights::told_of_split`], for the intake to ask.
    pub fn teller(
        self: &Arc<Self>,
    ) -> impl Fn(SubjectId, Vec<RecordNo>) -> BoxFuture<'static, Option<ToTell>> + Send + Sync + use<> {
        let rights = self.clone();
        move |person, leaving| {
            let rights = rights.clone();
            Box::pin(async move { rights.told_of_split(person, &leaving).await })
        }
    }

    /// Who was taken out of these people because they objected to being matched, as they are now, themselves left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn apart_from(&self, people: &[SubjectId]) -> Result<Vec<SubjectId>, Error> {
        let (of, kind) = (people.to_vec(), Kind::Rectification.number());
        let living = self.store.read(move |read| {
            let cases = requests::of(read.records(), &of, kind)?;
            subjects::living_many(read.records(), cases.iter().flat_map(RequestRow::parts))
        });
        let mut apart: Vec<SubjectId> = living.await?.into_values().map(|row| row.subject_id).collect();
        apart.retain(|person| !people.contains(person));
        apart.sort_unstable();
        apart.dedup();
        Ok(apart)
    }

    async fn rectified(
        &self,
        rows: &SubjectRows,
        since: Timestamp,
        mut outcome: Value,
        by: &Caller,
    ) -> Result<Correction, Error> {
        let now = self.clock.now();
        let case = Case {
            id: self.request_id()?,
            kind: Kind::Rectification,
            subject: rows.subject,
            received_at: now,
            due_at: now,
        };
        allowed(by, &case)?;
        let names: Vec<[u8; 16]> = self.gateway.pseudonyms(rows)?.iter().map(Pseudonym::bytes).collect();
        let found = self.store.read(move |read| readings(read, &names)).await?;
        let mut notices: Vec<NoticeRow> = Vec::new();
        for recipient in found.recipients {
            let last = Timestamp::parse(&recipient.last).map_err(|_| Error::Document("reading"))?;
            if last >= since && notices.iter().all(|known| known.recipient != recipient.name) {
                notices.push(NoticeRow {
                    request_id: case.id,
                    recipient: recipient.name,
                    state: NoticeState::ToBeTold.number(),
                    changed_at: Timestamp::UNSET,
                });
            }
        }
        if let Some(counts) = outcome.as_object_mut() {
            counts.insert("recipients".to_owned(), notices.len().into());
        }
        let request = Request::Answered(Answered { case, at: now, outcome: outcome.to_string() }).row()?;
        Ok(Correction { request, notices })
    }

    /// Why the records of a person are theirs.
    ///
    /// # Errors
    /// [`Error::SubjectUnknown`]; or the store failed.
    pub async fn linked(&self, who: SubjectId) -> Result<Linked, Error> {
        let rows = self.gateway.snapshot(Who::Subject(who)).await?.ok_or(Error::SubjectUnknown)?;
        let person = rows.subject;
        let links = self.store.read(move |read| links::of(read.records(), person)).await?;
        Ok(Linked { rows, links })
    }

    /// The names of a person in the audit book.
    ///
    /// # Errors
    /// If a key does not open.
    pub fn names_of(&self, linked: &Linked) -> Result<Vec<[u8; 16]>, Error> {
        Ok(self.gateway.pseudonyms(&linked.rows)?.iter().map(Pseudonym::bytes).collect())
    }
}

/// Since when the data was mixed: the first of the merges that are undone, or the arrival of the first of the records, as far as they
/// did not come with somebody who was merged later.
fn since(rows: &SubjectRows, parts: &[SubjectId], records: &[RecordNo]) -> Timestamp {
    let merged = rows.merged.iter().filter(|row| parts.contains(&row.subject_id)).map(|row| row.merged_at);
    let of = |part: SubjectId| rows.merged.iter().find(|row| row.subject_id == part);
    let came = |row: &RecordRow| of(row.sealed_for).map_or(row.ingested_at, |part| part.merged_at.max(row.ingested_at));
    let arrived = rows.records.iter().filter(|row| records.contains(&row.record_no)).map(came);
    merged.chain(arrived).min().unwrap_or(Timestamp::UNSET)
}
