//! Access (Art. 15 GDPR): everything stored of one person and everything the article asks about it, in one ZIP.
//!
//! The data comes through the gateway's door under `subject_access`, the audit line before it. The package is built in
//! memory and handed over; nothing of it is ever written to disk here.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::explain::{Document, Found, explain};
use super::receive::line;
use super::recipients::readings;
use super::request::{EXECUTING, RECEIVED};
use super::{Case, Error, Kind, Request, Rights, allowed, package};
use crate::audit::Act;
use crate::consent::Text;
use crate::gateway::{Answer, Ask, Caller, Disclosure};
use crate::store::rows::{SubjectRows, Who};
use crate::store::{self, identifiers, links};
use crate::types::{RequestId, Timestamp};
use crate::vault::Pseudonym;

/// The purpose of the person's own copy.
const OWN_ACCESS: &str = "subject_access";

/// That the person is in a segment, why, and what follows from it (Art. 15(1)(h) GDPR).
#[derive(Serialize)]
pub struct Membership {
    /// The segment's code.
    pub segment: String,
    /// What the merchant calls it.
    pub title: Text,
    /// What being in it has as its effect.
    pub effect: Text,
    /// The rule with the person's own data, as the segments room explains it: a document, or a sentence.
    pub why: Value,
}

/// A finished access package. It holds personal data in clear and is wiped when dropped.
pub struct Package {
    bytes: Zeroizing<Vec<u8>>,
    sha256: String,
    name: String,
}

impl Package {
    /// The ZIP file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The ZIP file, to be sent.
    #[must_use]
    pub fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    /// Its SHA-256, as the request's outcome names it.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// A file name without personal data.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What is stored of an answered access request: what was searched, by whom, when, how much was found (5(2) GDPR).
#[derive(Serialize)]
struct Outcome<'a> {
    package_sha256: &'a str,
    bytes: usize,
    made_at: String,
    by: &'static str,
    records: usize,
    consents: usize,
    links: usize,
    segments: usize,
    recipients: usize,
    unreadable: usize,
}

impl Rights {
    /// Builds the access package of a request and answers it. Asking again builds it anew from what is stored then: it
    /// names the first answer, is recorded as rebuilt, and each copy as a disclosure. The package itself is never stored.
    ///
    /// # Errors
    /// [`Error::SubjectUnknown`] if the person was erased meanwhile; [`Error::OutOfTurn`] if this is no open or answered
    /// access request; [`Error::NotAllowed`] if the caller may not have the copy.
    pub async fn access(&self, id: RequestId, memberships: Vec<Membership>, by: &Caller) -> Result<Package, Error> {
        let request = self.request(id).await?;
        allowed(by, request.case())?;
        if request.case().kind != Kind::Access {
            return Err(Error::OutOfTurn("no access request"));
        }
        let who = Who::Subject(request.case().subject);
        let rows = self.gateway.snapshot(who).await?.ok_or(Error::SubjectUnknown)?;
        let request = match request {
            Request::Received(received) => {
                self.put(RECEIVED, Request::Executing(received.execute("{}".to_owned()))).await?
            }
            Request::Refused(_) => return Err(Error::OutOfTurn(request.state())),
            other => other,
        };
        let names: Vec<[u8; 16]> = self.gateway.pseudonyms(&rows)?.iter().map(Pseudonym::bytes).collect();
        let copy = self.own_copy(request.case(), &rows, by).await?;
        let document = self.document(&request, &rows, copy.as_deref(), memberships, names.clone()).await?;
        let package = self.packed(&document, id)?;
        if let Request::Answered(answered) = &request {
            let line = line(Act::RequestAnswered, &answered.case, by).reasons(vec!["rebuilt".to_owned()]);
            self.book.note(line.about(names)).await?;
        } else if let Request::Executing(executing) = request {
            let now = self.clock.now();
            let outcome = outcome(&package, &document, by, now)?;
            self.book.note(line(Act::RequestAnswered, &executing.case, by).about(names)).await?;
            self.put(EXECUTING, Request::Answered(executing.answer(outcome, now))).await?;
        }
        Ok(package)
    }

    /// The data itself. None if there is no record.
    async fn own_copy(&self, case: &Case, rows: &SubjectRows, by: &Caller) -> Result<Option<Box<Disclosure>>, Error> {
        let ask = Ask {
            caller: by.clone(),
            purpose: OWN_ACCESS.parse().map_err(store::Error::from)?,
            categories: None,
            channel: None,
            reason: None,
        };
        match self.gateway.own_copy(&ask, rows, case.id).await? {
            Answer::Disclosed(copy) => Ok(Some(copy)),
            Answer::Nothing if rows.records.is_empty() => Ok(None),
            Answer::Nothing => Err(Error::NotAllowed),
        }
    }

    async fn document(
        &self,
        request: &Request,
        rows: &SubjectRows,
        copy: Option<&Disclosure>,
        memberships: Vec<Membership>,
        names: Vec<[u8; 16]>,
    ) -> Result<Document, Error> {
        let person = rows.subject;
        let numbers: Vec<_> = rows.records.iter().map(|record| record.record_no).collect();
        let (readings, links, indexes) = self
            .store
            .read(move |read| {
                let links = links::of(read.records(), person)?;
                let indexes = identifiers::of_records(read.records(), &numbers)?;
                Ok::<_, store::Error>((readings(read, &names)?, links, indexes))
            })
            .await?;
        let uses = self.gateway.uses(rows)?;
        let first = match request {
            Request::Answered(answered) => serde_json::from_str(&answered.outcome).ok(),
            _ => None,
        };
        let found = Found { case: request.case(), first, rows, copy, uses, readings, links, indexes, memberships };
        explain(found, &self.rulebook.edition(), &self.controller, self.clock.now())
    }

    fn packed(&self, document: &Document, id: RequestId) -> Result<Package, Error> {
        let bytes = package::pack(document)?;
        let sha256 = hex::encode(Sha256::digest(bytes.as_slice()));
        Ok(Package { bytes, sha256, name: format!("access-{id}.zip") })
    }
}

fn outcome(package: &Package, document: &Document, by: &Caller, now: Timestamp) -> Result<String, Error> {
    let outcome = Outcome {
        package_sha256: &package.sha256,
        bytes: package.bytes.len(),
        made_at: now.rfc3339(),
        by: match by.actor {
            crate::gateway::Actor::Key { .. } => "data protection officer",
            crate::gateway::Actor::Subject(_) => "the person",
            crate::gateway::Actor::Hub(_) => "the hub",
        },
        records: document.records.len(),
        consents: document.consents.len(),
        links: document.links.len(),
        segments: document.segments.len(),
        recipients: document.recipients.len(),
        unreadable: document.searched.unreadable,
    };
    serde_json::to_string(&outcome).map_err(|_| Error::Document("outcome of an access request"))
}
