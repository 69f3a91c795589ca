//! Erasure (Art. 17 GDPR), first half: from the request to the one durable write after which nobody finds the person.
//!
//! 1. What tax and commercial law keeps is carried over: opened under `bookkeeping`, closed again and sealed under keys
//!    of its own, one for each end of keeping, so that each ends with its clock. Nothing is stored yet.
//!    So is what the vendors of connected sources must be told (`errand`).
//! 2. One transaction marks the person as being erased, removes their blind indexes, lays tombstones, stores what is
//!    kept under fresh nobodies, and moves the request to executing. If their data changed since step 1, it starts again.
//!    A crash before this leaves a person who is not erased; a crash after it is finished by [`Rights::resume`].
//!
//! The second half is in `finish`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::certificate::{Certificate, Kept, Recipient};
use super::due::categories;
use super::errand::{self, Errands};
use super::receive::move_on;
use super::recipients::readings;
use super::request::RECEIVED;
use super::retention::{last_day, statute};
use super::{Error, Executing, Kind, Received, Request, Rights, allowed};
use crate::consent::{Edition, is_voucher};
use crate::gateway::{Actor, Ask, Caller, Scope};
use crate::store::messages::{self, News};
use crate::store::rows::{DataKeyRow, IdentifierRow, RecordRow, SubjectRow, SubjectRows, SubjectState, Who};
use crate::store::{
    self, Write, cards, identifiers, keys, ledger, records, reviews, subjects, tombstones, unsubscriptions,
};
use crate::types::{Category, CategorySet, PurposeCode, RecordKind, RequestId, SubjectId, Timestamp};
use crate::vault::{self, Personal, Shredder};

/// How often the first half starts again when the data changes meanwhile.
const TRIES: usize = 5;
/// The purpose that reads what tax and commercial law keeps.
const KEEPING: &str = "bookkeeping";

/// How far an erasure is, as stored with the request: what the certificate will say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    /// Who is being erased: the person at the time of the mark.
    pub(super) subject: SubjectId,
    pub(super) pseudonyms: Vec<String>,
    pub(super) found: usize,
    pub(super) erased: BTreeMap<String, usize>,
    pub(super) consents: usize,
    pub(super) kept: Vec<Kept>,
    pub(super) recipients: Vec<Recipient>,
    /// The epochs that may wrap a copy of a deleted key in an old backup; known when the keys are deleted.
    pub(super) epochs: Vec<i32>,
    /// When the last of these epochs is due to be destroyed, if epochs turn by themselves.
    pub(super) final_after: Option<i64>,
    /// When keys and rows were gone.
    pub(super) effective_at: Option<i64>,
}

impl Progress {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|_| Error::Document("progress of an erasure"))
    }

    pub(super) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|_| Error::Document("progress of an erasure"))
    }

    pub(super) fn pseudonyms(&self) -> Vec<[u8; 16]> {
        let decode = |name: &String| hex::decode(name).ok()?.try_into().ok();
        self.pseudonyms.iter().filter_map(decode).collect()
    }
}

/// Records that end their keeping together, sealed for a nobody.
#[derive(Clone)]
pub(super) struct Vaulted {
    pub(super) owner: SubjectRow,
    pub(super) key: DataKeyRow,
    pub(super) records: Vec<RecordRow>,
}

/// A record on its way from the person to a nobody.
type Carried = (RecordRow, Vec<(Category, Personal)>);

impl Rights {
    /// Carries out an erasure and returns its certificate. Asking again returns the same certificate; an erasure that
    /// was interrupted goes on where it stopped.
    ///
    /// # Errors
    /// [`Error::Restricted`] and [`Error::Changed`] before anything was erased; [`Error::ReadersInTheWay`] when only
    /// the last steps are missing; [`Error::SubjectUnknown`] if the person is gone by another request;
    /// [`Error::OutOfTurn`] if this is no open erasure.
    pub async fn erase(&self, id: RequestId, by: &Caller) -> Result<Certificate, Error> {
        let _alone = self.erasing.lock().await;
        let request = self.request(id).await?;
        allowed(by, request.case())?;
        if request.case().kind != Kind::Erasure {
            return Err(Error::OutOfTurn("no erasure"));
        }
        let executing = match request {
            Request::Received(received) => self.mark(received).await?,
            Request::Executing(executing) => executing,
            Request::Answered(answered) => return Certificate::read(&answered.outcome),
            Request::Refused(_) => return Err(Error::OutOfTurn(request.state())),
        };
        self.finish(executing, by).await
    }

    /// The first half.
    pub(super) async fn mark(&self, received: Received) -> Result<Executing, Error> {
        for _ in 0..TRIES {
            let who = Who::Subject(received.case.subject);
            let rows = Arc::new(self.gateway.snapshot(who).await?.ok_or(Error::SubjectUnknown)?);
            let (progress, kept) = self.plan(&received, &rows).await?;
            let executing = received.clone().execute(progress.text()?);
            let errands = self.errands(received.case.id, &rows, self.clock.now()).await?;
            match self.store_mark(&executing, rows, kept, errands).await {
                Ok(()) => return Ok(executing),
                Err(Error::Changed) => {}
                Err(Error::Vault(vault::Error::UnknownEpoch(_))) => self.keyring.reload().await?,
                Err(failure) => return Err(failure),
            }
        }
        Err(Error::Changed)
    }

    /// Step 1: what is kept, sealed anew, and what the certificate will say.
    async fn plan(&self, received: &Received, rows: &SubjectRows) -> Result<(Progress, Vec<Vaulted>), Error> {
        let now = self.clock.now();
        let names: Vec<[u8; 16]> = self.gateway.pseudonyms(rows)?.iter().map(vault::Pseudonym::bytes).collect();
        let of = names.clone();
        let readings = self.store.read(move |read| readings(read, &of)).await?;
        let carried = self.carry_over(received.case.id, rows, now).await?;
        let mut erased = BTreeMap::<String, usize>::new();
        let is_kept = |record: &RecordRow| carried.iter().any(|(kept, _)| kept.record_no == record.record_no);
        for record in rows.records.iter().filter(|record| !is_kept(record)) {
            *erased.entry(kind_of(record)?.word().to_owned()).or_default() += 1;
        }
        let kept = told(&carried)?;
        let progress = Progress {
            subject: rows.subject,
            pseudonyms: names.iter().map(hex::encode).collect(),
            found: rows.records.len(),
            erased,
            consents: rows.ledger.len(),
            kept,
            recipients: readings.recipients,
            epochs: Vec::new(),
            final_after: None,
            effective_at: None,
        };
        Ok((progress, self.vaulted(carried, now)?))
    }

    /// The records a law keeps, with what `bookkeeping` may see of them.
    async fn carry_over(&self, request: RequestId, rows: &SubjectRows, now: Timestamp) -> Result<Vec<Carried>, Error> {
        let edition = self.rulebook.edition();
        let mut due = rows.clone();
        due.records.retain(|record| is_due(record, &edition, now));
        // What a law keeps outlasts the clock of its source, also when that ended and nobody has tidied up since.
        due.records.iter_mut().for_each(|record| record.source_until = Timestamp::UNSET);
        if due.records.is_empty() {
            return Ok(Vec::new());
        }
        let ask = Ask {
            caller: Caller { actor: Actor::Hub("rights"), scope: Scope::Every },
            purpose: KEEPING.parse().map_err(store::Error::from)?,
            categories: None,
            channel: None,
            reason: None,
        };
        let opened = self.gateway.carry_over(&ask, &due, request).await?;
        let missing = due.records.len().saturating_sub(opened.len());
        if missing > 0 {
            return Err(Error::Restricted(missing));
        }
        let row = |at: usize| due.records.get(at).cloned();
        Ok(opened.into_iter().filter_map(|(at, parts)| Some((row(at)?, parts))).collect())
    }

    /// Seals what is kept: one nobody and one key for each end of keeping.
    fn vaulted(&self, carried: Vec<Carried>, now: Timestamp) -> Result<Vec<Vaulted>, Error> {
        let mut groups: BTreeMap<Timestamp, Vec<Carried>> = BTreeMap::new();
        for record in carried {
            groups.entry(record.0.keep_until).or_default().push(record);
        }
        groups.into_values().map(|group| self.vault_group(group, now)).collect()
    }

    fn vault_group(&self, group: Vec<Carried>, now: Timestamp) -> Result<Vaulted, Error> {
        let nobody = SubjectId::from_uuid(self.ids.uuid()?);
        let (mut rows, mut parts) = (Vec::new(), Vec::new());
        for (old, documents) in group {
            let record_no = self.ids.record_no();
            let held: CategorySet = documents.iter().map(|(category, _)| *category).collect();
            rows.push(RecordRow {
                record_no,
                part: nobody.part(),
                subject_id: nobody,
                sealed_for: nobody,
                key_no: 1,
                // A digest of the whole content would outlive what was erased of it.
                content_mac: Vec::new(),
                categories: held.bits().cast_signed(),
                facts: RecordRow::KEPT_BY_LAW,
                contract_until: Timestamp::UNSET,
                ..old
            });
            parts.push((record_no, documents));
        }
        let (key, sealed) = self.shredder.keep(nobody, parts, now)?;
        for (row, sealed) in rows.iter_mut().zip(sealed) {
            row.sealed = sealed;
        }
        let owner = SubjectRow {
            part: nobody.part(),
            subject_id: nobody,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Retained as i16,
            created_at: now,
        };
        Ok(Vaulted { owner, key, records: rows })
    }

    /// Step 2, the durable write.
    async fn store_mark(
        &self,
        executing: &Executing,
        rows: Arc<SubjectRows>,
        kept: Vec<Vaulted>,
        errands: Errands,
    ) -> Result<(), Error> {
        let (shredder, now) = (Arc::clone(&self.shredder), self.clock.now());
        let request = Request::Executing(executing.clone()).row()?;
        self.store
            .write(move |write| {
                move_on(write, RECEIVED, &request)?;
                unchanged(write, &rows)?;
                bury(write, &rows, &shredder, now)?;
                kept.iter().try_for_each(|kept| store_kept(write, kept))?;
                messages::announce(write, &News::erased(&rows, now), now)?;
                errand::send(write, &errands, &rows, now)
            })
            .await
    }

    /// Stores how far an erasure is.
    pub(super) fn stored(executing: Executing, progress: &Progress) -> Result<Executing, Error> {
        Ok(executing.go_on(progress.text()?))
    }
}

/// Stores what was sealed for a nobody.
pub(super) fn store_kept(write: &mut Write<'_>, kept: &Vaulted) -> Result<(), Error> {
    // Another node may have begun an epoch, and may be about to destroy the one this key is under.
    if keys::newest_epoch(write)? != Some(kept.key.epoch) {
        return Err(vault::Error::UnknownEpoch(kept.key.epoch).into());
    }
    keys::insert_data_key(write, &kept.key)?;
    subjects::insert(write, &kept.owner)?;
    for record in &kept.records {
        records::insert(write, record.clone())?;
    }
    Ok(())
}

/// Is the person as they were when the plan was made?
pub(super) fn unchanged(write: &mut Write<'_>, rows: &SubjectRows) -> Result<(), Error> {
    let living = subjects::living(write.records(), rows.subject)?.ok_or(Error::SubjectUnknown)?;
    let same = living.subject_id == rows.subject
        && records::of(write.records(), rows.subject)? == rows.records
        && ledger::of(write.records(), rows.subject)? == rows.ledger;
    if same { Ok(()) } else { Err(Error::Changed) }
}

/// Marks the person, lays tombstones for what would find or re-create them, and removes their indexes.
fn bury(write: &mut Write<'_>, rows: &SubjectRows, shredder: &Shredder, now: Timestamp) -> Result<(), Error> {
    subjects::set_state(write, rows.subject, SubjectState::Erasing)?;
    let numbers: Vec<_> = rows.records.iter().map(|record| record.record_no).collect();
    let indexes = identifiers::of_records(write.records(), &numbers)?;
    cards::delete_of(write, &numbers)?;
    reviews::delete_of(write, &numbers)?;
    let mut people: Vec<SubjectId> = rows.merged.iter().map(|part| part.subject_id).collect();
    people.push(rows.subject);
    unsubscriptions::delete_of(write, &people)?;
    for number in numbers {
        identifiers::delete_of(write, number)?;
    }
    let mut stones = Vec::new();
    let names = |row: &&IdentifierRow| {
        row.kind == IdentifierRow::RECORD || row.use_flags & (IdentifierRow::LOOKUP | IdentifierRow::JOINS) != 0
    };
    for row in indexes.iter().filter(names) {
        let ix: [u8; 16] = row.ix.as_slice().try_into().map_err(|_| Error::Document("blind index"))?;
        // What somebody else goes on asserting stays theirs (a family mailbox): their records must not be held back.
        if identifiers::with_index(write.records(), &ix)?.is_empty() {
            stones.push(shredder.suppression(ix.into()).bytes());
        }
    }
    // The clock of a source may run ahead of ours: what it told before the erasure must not look newer than it.
    let told = rows.records.iter().flat_map(|record| [record.version, record.happened_at]);
    Ok(tombstones::insert(write, &stones, told.fold(now, Timestamp::max))?)
}

/// Does a law keep this record, and may what keeps it read it? What a source gave for other purposes only is not kept;
/// neither is a record of which nothing but a name could stay.
fn is_due(record: &RecordRow, edition: &Edition, now: Timestamp) -> bool {
    let keeping: Option<PurposeCode> = KEEPING.parse().ok();
    let source = edition.source(record.source_no);
    let listed = source.is_some_and(|source| {
        let listed = |code| source.purposes.as_ref().is_none_or(|purposes| purposes.contains(code));
        keeping.as_ref().is_some_and(listed)
    });
    record.keep_until > now && listed && is_voucher(categories(record))
}

/// What the certificate says about the records that are kept.
fn told(carried: &[Carried]) -> Result<Vec<Kept>, Error> {
    let mut all: Vec<Kept> = Vec::new();
    for (record, parts) in carried {
        let kind = kind_of(record)?;
        let until = last_day(record.keep_until)?.to_string();
        let mut words: Vec<String> = parts.iter().map(|(category, _)| category.word().to_owned()).collect();
        words.sort_unstable();
        match all.iter_mut().find(|kept| kept.record == kind.word() && kept.until == until) {
            Some(kept) => {
                kept.count += 1;
                kept.categories.extend(words);
                kept.categories.sort_unstable();
                kept.categories.dedup();
            }
            None => all.push(Kept {
                record: kind.word().to_owned(),
                statute: statute(kind).to_owned(),
                until,
                categories: words,
                count: 1,
            }),
        }
    }
    Ok(all)
}

fn kind_of(record: &RecordRow) -> Result<RecordKind, Error> {
    Ok(RecordKind::try_from(record.kind).map_err(store::Error::from)?)
}
