//! Pushing segments to vendors: who is in it is handed over, who is not any more is taken off.
//!
//! ```text
//! somebody said no, or is erased → to be taken off ─┐
//! due or wanted → lease taken → taken off first → [ page of the segment → kept → vendor told → there ]* → who left is taken off
//! ```
//!
//! The segment is read at the gateway like any other, and each page stands in the audit book as handed to this destination.
//! Who is handed over is kept sealed before the vendor is told (`rights::audience`), so that a process that dies leaves nobody
//! at the vendor who could not be taken off. A push can be repeated: the vendor is told again of whom it had not answered.

mod due;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use due::keep_pushing;
use serde_json::Value;

use super::sync::pause_after;
use crate::audit::{self, Act, Book, Line};
use crate::connect::{Audience, Counts, Fault, Newcomer, NoSession, Session, Vendors};
use crate::gateway::{Actor, Caller, Disclosed, Disclosure, Scope};
use crate::rights::{self, Handed, Handing, Rights};
use crate::segments::{self, Member, SegmentCode, Segments};
use crate::store::audiences::{self, AudienceRow, MemberRow};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::store::{self, Store};
use crate::types::{Category, EntropyFailure, IdMaker, SourceNo, Timestamp};

/// How long a process that says nothing more is thought to be at it.
const LEASE: i64 = 60 * Timestamp::SECOND;
/// How often it says something.
const BEAT: Duration = Duration::from_secs(15);
/// People read at once.
const PAGE: usize = 500;
/// The stream of the counts that names who was handed over.
const ADDED: &str = "members";
/// The one that names who was taken off.
const REMOVED: &str = "taken_off";

/// Why a push ended before its end. What it did is done; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such destination, or it takes no people.
    #[error("`{0}` is no destination for a segment; use `obhut destinations add`")]
    Unknown(String),
    /// The vendor cannot be asked.
    #[error("{0}")]
    NoSession(NoSession),
    /// The vendor failed.
    #[error("{0}")]
    Vendor(Fault),
    /// The vendor did not take everybody off.
    #[error("the vendor did not take {0} people off; it is tried again")]
    Left(usize),
    /// Somebody else is at it.
    #[error("another process is at it, or was until a moment ago; try again in a minute")]
    Busy,
    /// Another process took over.
    #[error("another process took the push over")]
    Overtaken,
    /// The segment could not be read.
    #[error("the segment could not be read")]
    Segments(#[from] segments::Error),
    /// Who is handed over could not be kept.
    #[error("who is handed over could not be kept or opened")]
    Rights(#[from] rights::Error),
    /// The store failed.
    #[error("the database could not be read or written")]
    Store(#[from] store::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
    /// No randomness to name this run.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

impl From<NoSession> for Error {
    fn from(cause: NoSession) -> Self {
        if let NoSession::Vendor(fault) = cause { Self::Vendor(fault) } else { Self::NoSession(cause) }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Vendor(fault)
    }
}

/// The job of one process.
pub struct Pushes {
    /// Whom to tell.
    pub vendors: Arc<Vendors>,
    /// Who is in it.
    pub segments: Arc<Segments>,
    /// Who keeps whom a vendor was told of.
    pub rights: Arc<Rights>,
    /// Audiences and history.
    pub store: Store,
    /// Where it is written down.
    pub book: Arc<Book>,
    /// Names for runs.
    pub ids: Arc<IdMaker>,
}

/// One run.
struct Run {
    row: AudienceRow,
    owner: Vec<u8>,
    code: String,
    counts: Counts,
}

impl Pushes {
    /// Takes off who is to be taken off, and, if told to, hands over who is in the segment now.
    ///
    /// # Errors
    /// Why it ended before its end.
    pub async fn run(&self, code: &str, everybody: bool) -> Result<Counts, Error> {
        let edition = self.vendors.rulebook.edition();
        let unknown = || Error::Unknown(code.to_owned());
        let number = edition.source_named(code).ok_or_else(unknown)?.number;
        let owner = self.ids.uuid()?.as_bytes().to_vec();
        let (now, named) = (self.now(), owner.clone());
        let known = self.store.read(move |read| audiences::all(read.records())).await?;
        if !known.iter().any(|row| row.source_no == number) {
            return Err(unknown());
        }
        let take = move |write: &mut store::Write<'_>| {
            audiences::take(write, (number, everybody), &named, now.plus(LEASE), now)
        };
        let row = self.store.write(take).await?.ok_or(Error::Busy)?;
        let mut run = Run { row, owner, code: code.to_owned(), counts: Counts::default() };
        let outcome = {
            let (this, owner) = (run.row.clone(), run.owner.clone());
            let work = self.work(&mut run, everybody);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => break done,
                    () = tokio::time::sleep(BEAT) => self.beat(&this, &owner).await?,
                }
            }
        };
        self.end(&mut run, now, everybody, &outcome).await?;
        outcome.map(|()| run.counts)
    }

    /// Takes everybody off, for good.
    ///
    /// # Errors
    /// If the vendor does not take everybody off.
    pub async fn empty(&self, code: &str) -> Result<(), Error> {
        let edition = self.vendors.rulebook.edition();
        let number = edition.source_named(code).ok_or_else(|| Error::Unknown(code.to_owned()))?.number;
        let now = self.now();
        let all = self.store.write(move |write| {
            let mut after = Vec::new();
            loop {
                let page = audiences::members(write.records(), number, None, &after, 500)?;
                let Some(last) = page.last() else { return Ok::<_, store::Error>(()) };
                after.clone_from(&last.ix);
                let ixs: Vec<Vec<u8>> = page.into_iter().map(|row| row.ix).collect();
                audiences::step(write, number, &ixs, (&PRESENT, MemberRow::LEAVING), now)?;
            }
        });
        all.await?;
        self.run(code, false).await.map(|_| ())
    }

    async fn work(&self, run: &mut Run, everybody: bool) -> Result<(), Error> {
        let session = self.vendors.session(&run.code).await?;
        let connector = session.connector().clone();
        let audience = connector.audience().ok_or_else(|| Error::Unknown(run.code.clone()))?;
        self.take_off(run, &session, audience).await?;
        if !everybody {
            return Ok(());
        }
        let code: SegmentCode = run.row.segment.parse().map_err(|_| segments::Error::Unknown)?;
        let stored = self.segments.find(&code).await?.ok_or(segments::Error::Unknown)?;
        run.row.purpose = stored.segment.purpose.as_str().to_owned();
        let recipient = self.recipient(&run.code);
        let by = Caller { actor: Actor::Hub("destinations"), scope: Scope::Every };
        let (mut seen, mut cursor) = (BTreeSet::new(), None);
        loop {
            let since = self.now();
            let page = self.segments.page_to(&by, &recipient, &code, cursor.as_ref(), PAGE).await?;
            self.hand_over(run, (&session, audience), page.members, since, &mut seen).await?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.leave(run, &seen).await?;
        self.take_off(run, &session, audience).await
    }

    /// Hands a page of the segment over.
    async fn hand_over(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        members: Vec<Member>,
        since: Timestamp,
        seen: &mut BTreeSet<Vec<u8>>,
    ) -> Result<(), Error> {
        let counts = run.counts.stream(ADDED);
        counts.read += members.len() as u64;
        let read = members.into_iter().map(|member| (member.subject_id, newcomer(member.data)));
        let people: Vec<_> = read.filter_map(|(subject, one)| Some((subject, one?))).collect();
        let handing: Vec<_> =
            people.iter().map(|(subject, one)| Handing { subject: *subject, email: &one.email }).collect();
        let handed = self.rights.hand_over(run.row.source_no, &handing, since).await?;
        drop(handing);
        let mut fresh = Vec::new();
        for ((_, one), handed) in people.into_iter().zip(handed) {
            match handed {
                Handed::New(ix) if seen.insert(ix.clone()) => fresh.push((ix, one)),
                Handed::New(_) => {}
                Handed::There(ix) => {
                    seen.insert(ix);
                    run.counts.stream(ADDED).unchanged += 1;
                }
                Handed::Suppressed => run.counts.stream(ADDED).suppressed += 1,
            }
        }
        let mut fresh = fresh.into_iter().peekable();
        while fresh.peek().is_some() {
            let (ixs, people): (Vec<_>, Vec<_>) = fresh.by_ref().take(audience.batch()).unzip();
            let refused = audience.add(session, &people).await?;
            let (mut there, mut not) = (Vec::new(), Vec::new());
            for (ix, one) in ixs.into_iter().zip(people) {
                if refused.contains(&one.email.to_lowercase()) { not.push(ix) } else { there.push(ix) }
            }
            run.counts.stream(ADDED).created += there.len() as u64;
            let (source, now) = (run.row.source_no, self.now());
            let step = move |write: &mut store::Write<'_>| {
                audiences::step(write, source, &there, (&[MemberRow::HANDED], MemberRow::THERE), now)
            };
            self.store.write(step).await?;
            let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), source, &not);
            for row in self.store.read(read).await? {
                run.counts.reject(ADDED, "the vendor does not take the address");
                self.rights.forget_member(&row).await?;
            }
        }
        Ok(())
    }

    /// Who was there and is not in the segment any more is to be taken off.
    async fn leave(&self, run: &Run, seen: &BTreeSet<Vec<u8>>) -> Result<(), Error> {
        let (source, mut after) = (run.row.source_no, Vec::new());
        loop {
            let from = after.clone();
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, None, &from, 500);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.ix);
            let left: Vec<Vec<u8>> = page.into_iter().map(|row| row.ix).filter(|ix| !seen.contains(ix)).collect();
            let now = self.now();
            let step = move |write: &mut store::Write<'_>| {
                audiences::step(write, source, &left, (&PRESENT, MemberRow::LEAVING), now)
            };
            self.store.write(step).await?;
        }
    }

    /// Takes off everybody who is to be taken off. One who fails does not keep the others from it.
    async fn take_off(&self, run: &mut Run, session: &Session, audience: &Audience) -> Result<(), Error> {
        let (source, mut after, mut left) = (run.row.source_no, Vec::new(), 0);
        loop {
            let from = after.clone();
            let leaving = Some(MemberRow::LEAVING);
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, leaving, &from, 100);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.ix);
            for row in page {
                let Some(errand) = self.rights.open_member(&row).await? else {
                    // Nothing tells any more whom to take off; an erasure at the vendor has its own errand.
                    tracing::error!(destination = run.code, "it is not known any more who is to be taken off");
                    self.rights.forget_member(&row).await?;
                    continue;
                };
                run.counts.stream(REMOVED).read += 1;
                let Some(email) = mail_of(&errand) else { continue };
                let report = audience.remove(session, email).await;
                let failed = |step: &crate::connect::StepReport| step.failure.is_some() || step.verified == Some(false);
                if let Some(step) = report.steps.iter().find(|step| failed(step)) {
                    left += 1;
                    run.counts.reject(REMOVED, step.failure.as_deref().unwrap_or("the vendor still has them"));
                    continue;
                }
                self.rights.forget_member(&row).await?;
                run.counts.stream(REMOVED).updated += 1;
            }
        }
        let gone = run.counts.stream(REMOVED).updated;
        if gone > 0 {
            let line = Line::new(Act::RecipientTold).to(format!("destination {}", run.code));
            let count = usize::try_from(gone).unwrap_or(usize::MAX);
            self.book.note(line.object("taken off").count(count)).await?;
        }
        if left == 0 { Ok(()) } else { Err(Error::Left(left)) }
    }

    async fn beat(&self, row: &AudienceRow, owner: &[u8]) -> Result<(), Error> {
        let (owner, row) = (owner.to_vec(), AudienceRow { lease_until: self.now().plus(LEASE), ..row.clone() });
        let ours = self.store.write(move |write| audiences::renew(write, &owner, &row)).await?;
        if ours { Ok(()) } else { Err(Error::Overtaken) }
    }

    async fn end(
        &self,
        run: &mut Run,
        begun_at: Timestamp,
        everybody: bool,
        outcome: &Result<(), Error>,
    ) -> Result<(), Error> {
        let now = self.now();
        let failures = if outcome.is_ok() { 0 } else { run.row.failures.saturating_add(1) };
        let pause = pause_after(failures) * Timestamp::SECOND;
        let every = i64::from(run.row.every_seconds) * Timestamp::SECOND;
        let next_at = match (everybody, every > 0) {
            (false, _) => run.row.next_at,
            (true, true) => now.plus(every.max(pause)),
            // It was asked for once, and did not come to its end.
            (true, false) if failures > 0 => now.plus(pause),
            (true, false) => Timestamp::UNSET,
        };
        let row = AudienceRow {
            next_at,
            failures,
            retry_at: if failures > 0 { now.plus(pause) } else { Timestamp::UNSET },
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            ..run.row.clone()
        };
        let history = SyncRow {
            source_no: run.row.source_no,
            begun_at,
            ended_at: now,
            state: if outcome.is_ok() { SyncState::Done } else { SyncState::Failed }.number(),
            cause: outcome.as_ref().err().map(ToString::to_string).unwrap_or_default(),
            counts: run.counts.text(),
        };
        let owner = run.owner.clone();
        let ended = self.store.write(move |write| {
            if audiences::renew(write, &owner, &row)? {
                let begun_at = syncs::begin(write, &history)?;
                syncs::update(write, &SyncRow { begun_at, ..history.clone() })?;
            }
            Ok::<_, store::Error>(())
        });
        Ok(ended.await?)
    }

    /// What a destination is called in the audit book, and so in what a person is told of recipients.
    fn recipient(&self, code: &str) -> String {
        let edition = self.vendors.rulebook.edition();
        edition.source_named(code).map_or_else(|| code.to_owned(), |source| format!("{} ({code})", source.title))
    }

    fn now(&self) -> Timestamp {
        self.vendors.surroundings.clock.now()
    }
}

/// Where those stand whom the vendor may have.
const PRESENT: [i16; 2] = [MemberRow::HANDED, MemberRow::THERE];

/// Somebody without a mail address cannot be handed over.
#[expect(clippy::disallowed_methods, reason = "the segment's fields go to the destination, as the audit book says")]
fn newcomer(data: Disclosed<serde_json::Map<String, Value>>) -> Option<Newcomer> {
    let data = data.take();
    let email = data.get(Category::Contact.word())?.get("emails")?.get(0)?.get("value")?.as_str()?.to_owned();
    Some(Newcomer { email, data: Value::Object(data) })
}

#[expect(clippy::disallowed_methods, reason = "it goes to the vendor that was told of it, to be taken off there")]
fn mail_of(errand: &Disclosure) -> Option<String> {
    let mut parts = errand.records().iter().filter_map(|record| record.part(Category::Contact));
    parts.find_map(|part| Some(part.look().get("emails")?.get(0)?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests;
