//! Erasure, second half: from the mark to the certificate. Each step can be taken again.
//!
//! 3. The keys are deleted first, then records, ledger, links and the person: one transaction per database, keys
//!    committed first. A crash in between leaves rows nobody can open, and the mark that brings the erasure back here.
//! 4. What was freed is overwritten and the write-ahead logs are cut off.
//! 5. The audit line, once.
//! 6. The certificate is signed and the request answered.

use std::time::Duration;

use super::certificate::{Certificate, FINAL_NOTE, FORM, Text, base64};
use super::erase::Progress;
use super::notice::raise;
use super::receive::{line, move_on};
use super::request::EXECUTING;
use super::{Error, Executing, Kind, Request, Rights};
use crate::audit::Act;
use crate::gateway::{Actor, Caller, Scope};
use crate::store::rows::{KekRow, SubjectState};
use crate::store::{self, Write, apart, cards, keys, ledger, links, records, requests, reviews, subjects};
use crate::types::{RequestId, SubjectId, Timestamp};

/// How often the write-ahead logs are tried to be cut off, and the pause between.
const SCRUBS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

impl Rights {
    /// Finishes every erasure that was interrupted, and says how many; a certificate that lags behind a vendor's answer is signed
    /// anew. To be called at the start, before any port
    /// opens.
    ///
    /// # Errors
    /// If one cannot be finished; the others are left for the next call.
    pub async fn resume(&self) -> Result<usize, Error> {
        let _alone = self.erasing.lock().await;
        let begun = |read: &mut store::Read| {
            let begun = requests::standing(read.records(), Kind::Erasure.number(), EXECUTING)?;
            Ok::<_, store::Error>((begun, subjects::erasing(read.records())?))
        };
        let (begun, mut erasing) = self.store.read(begun).await?;
        let by = Caller { actor: Actor::Hub("rights"), scope: Scope::Every };
        let mut finished = 0;
        for row in begun {
            if let Request::Executing(executing) = Request::read(row)? {
                let subject = Progress::read(&executing.progress)?.subject;
                erasing.retain(|id| *id != subject);
                self.finish(executing, &by).await?;
                finished += 1;
            }
        }
        // A mark without its request, from a database that was put together by hand: the mark stands.
        for subject in erasing {
            tracing::warn!("somebody is marked as being erased without a request; the erasure is finished");
            self.store.write(move |write| destroy(write, subject)).await?;
            self.scrub().await?;
            finished += 1;
        }
        // The erasures are finished all the same; nobody waits for a paper.
        if let Err(error) = self.certify_lately().await {
            tracing::error!(error = ?error, "a certificate lags behind a vendor's answer and is signed anew later");
        }
        Ok(finished)
    }

    /// The second half.
    pub(super) async fn finish(&self, executing: Executing, by: &Caller) -> Result<Certificate, Error> {
        let id = executing.case.id;
        match self.take_last_steps(executing, by).await {
            // Another process finished it meanwhile: its certificate is the one.
            Err(Error::OutOfTurn(state)) => match self.request(id).await? {
                Request::Answered(answered) => Certificate::read(&answered.outcome),
                _ => Err(Error::OutOfTurn(state)),
            },
            done => done,
        }
    }

    async fn take_last_steps(&self, executing: Executing, by: &Caller) -> Result<Certificate, Error> {
        let (executing, progress) = self.destroy_keys_and_rows(executing).await?;
        self.scrub().await?;
        self.note_erased(&executing, &progress, by).await?;
        self.certify(executing, &progress, by).await
    }

    /// Step 3.
    pub(super) async fn destroy_keys_and_rows(&self, executing: Executing) -> Result<(Executing, Progress), Error> {
        let now = self.clock.now();
        let rotation = self.controller.kek_rotation_days.map(i64::from);
        let id = executing.case.id;
        self.store
            .write(move |write| {
                let executing = standing_now(write, id)?;
                let mut progress = Progress::read(&executing.progress)?;
                if progress.effective_at.is_some() {
                    // Another process was quicker; what it wrote stands.
                    return Ok((executing, progress));
                }
                let copies = destroy(write, progress.subject)?;
                raise(write, id, progress.recipients.iter().map(|recipient| recipient.name.as_str()))?;
                let ends = copies.iter().map(|kek| kek.created_at).max().zip(rotation);
                progress.epochs = copies.iter().map(|kek| kek.epoch).collect();
                // An epoch that is due already is turned by the next run of the job.
                progress.final_after = ends.map(|(made, days)| made.plus_days(days).max(now.plus_days(1)).micros());
                // This write makes it true; nobody has found the person since the mark.
                progress.effective_at = Some(now.micros());
                let executing = Self::stored(executing, &progress)?;
                move_on(write, EXECUTING, &Request::Executing(executing.clone()).row()?)?;
                Ok((executing, progress))
            })
            .await
    }

    /// Step 4.
    pub(super) async fn scrub(&self) -> Result<(), Error> {
        for _ in 0..SCRUBS {
            if self.store.scrub().await? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::ReadersInTheWay)
    }

    /// Step 5.
    pub(super) async fn note_erased(
        &self,
        executing: &Executing,
        progress: &Progress,
        by: &Caller,
    ) -> Result<(), Error> {
        let pseudonyms = progress.pseudonyms();
        if self.is_written(Act::Erased, executing.case.id, pseudonyms.clone()).await? {
            return Ok(());
        }
        let erased = progress.erased.values().sum();
        let line = line(Act::Erased, &executing.case, by).count(erased).about(pseudonyms);
        Ok(self.book.note(line).await?)
    }

    /// Step 6.
    pub(super) async fn certify(
        &self,
        executing: Executing,
        progress: &Progress,
        by: &Caller,
    ) -> Result<Certificate, Error> {
        let case = &executing.case;
        let signer = self.shredder.certificates();
        let instant = |micros| Timestamp::from_micros(micros).rfc3339();
        let effective_at = progress.effective_at.ok_or(Error::Document("progress of an erasure"))?;
        let text = Text {
            certificate: FORM,
            request_id: case.id.to_string(),
            received_at: case.received_at.rfc3339(),
            subjects: &progress.pseudonyms,
            effective_at: instant(effective_at),
            final_after: progress.final_after.map(instant),
            final_epochs: &progress.epochs,
            final_note: FINAL_NOTE,
            records_found: progress.found,
            records_erased: &progress.erased,
            consents_erased: progress.consents,
            kept: &progress.kept,
            recipients: &progress.recipients,
            sources: self.certified_sources(case.id).await?,
            public_key: base64(signer.public_key()),
        };
        let certificate = Certificate::sign(&text, signer)?;
        let pseudonyms = progress.pseudonyms();
        if !self.is_written(Act::RequestAnswered, case.id, pseudonyms.clone()).await? {
            self.book.note(line(Act::RequestAnswered, case, by).about(pseudonyms)).await?;
        }
        let outcome = serde_json::to_string(&certificate).map_err(|_| Error::Document("certificate"))?;
        let id = case.id;
        self.put(EXECUTING, Request::Answered(executing.answer(outcome, self.clock.now()))).await?;
        // A vendor may have answered while this was signed.
        self.certify_anew(id).await?;
        match self.request(id).await? {
            Request::Answered(answered) => Certificate::read(&answered.outcome),
            _ => Ok(certificate),
        }
    }
}

/// The erasure as it stands in the running transaction.
fn standing_now(write: &mut Write<'_>, id: RequestId) -> Result<Executing, Error> {
    let row = requests::find(write.records(), id)?.ok_or(Error::RequestUnknown)?;
    match Request::read(row)? {
        Request::Executing(executing) => Ok(executing),
        other => Err(Error::OutOfTurn(other.state())),
    }
}

/// Deletes keys, rows and the person, those who were merged into them included. The keys are committed first. Returns
/// the epochs that may wrap a copy of these keys in an old backup.
fn destroy(write: &mut Write<'_>, subject: SubjectId) -> Result<Vec<KekRow>, Error> {
    // Nobody but a marked person: an id in a forged or mixed-up progress must not erase the living.
    if let Some(row) = subjects::find(write.records(), subject)?
        && row.state != SubjectState::Erasing as i16
    {
        return Err(Error::Document("progress of an erasure"));
    }
    let people = subjects::with_merged(write.records(), subject)?;
    // Every older copy of a key is wrapped by its epoch or one before. If a crash left no key to ask, any may be it.
    let newest = keys::data_keys(write.keys()?, &people)?.iter().map(|key| key.epoch).max();
    let mut copies = keys::living_keks(write)?;
    copies.retain(|kek| newest.is_none_or(|newest| kek.epoch <= newest));
    keys::delete_data_keys(write, &people)?;
    for person in &people {
        let numbers = records::numbers_of(write.records(), *person)?;
        cards::delete_of(write, &numbers)?;
        reviews::delete_of(write, &numbers)?;
        records::delete_of(write, *person)?;
        ledger::delete_of(write, *person)?;
        links::delete_of(write, *person)?;
    }
    apart::delete_of(write, &people)?;
    subjects::delete(write, &people)?;
    Ok(copies)
}
