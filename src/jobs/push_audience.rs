//! Pushing segments to vendors: who is in it is handed over, who is not any more is taken off.
//!
//! ```text
//! somebody said no, or is erased → to be taken off ─┐
//! due or wanted → lease taken → taken off first → who unsubscribed at the vendor is heard
//!               → [ page of the segment → kept → vendor told → there ]* → who left is taken off
//! ```
//!
//! The segment is read at the gateway like any other, and each page stands in the audit book as handed to this destination.
//! Who is handed over is kept sealed before the vendor is told (`rights::audience`), so that a process that dies leaves nobody
//! at the vendor who could not be taken off. A push can be repeated: the vendor is told again of whom it had not answered.
//!
//! Read next: `hand_over`, `take_off` and `hear` (who unsubscribed there), then `connect::Audience`.

mod due;
mod hand_over;
mod hear;
mod take_off;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub use due::keep_pushing;

use super::sync::pause_after;
use crate::audit::{self, Book};
use crate::connect::{Audience, Counts, Fault, NoSession, Vendors};
use crate::consent::Purpose;
use crate::gateway::{Actor, Caller, Scope};
use crate::intake::{self, Intake};
use crate::rights::{self, Rights};
use crate::segments::{self, SegmentCode, Segments};
use crate::store::audiences::{self, AudienceRow, MemberRow};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::store::{self, Store};
use crate::types::{Channel, EntropyFailure, IdMaker, PurposeCode, SourceNo, Timestamp};

/// How long a process that says nothing more is thought to be at it.
const LEASE: i64 = 60 * Timestamp::SECOND;
/// How often it says something.
const BEAT: Duration = Duration::from_secs(15);
/// People read at once.
const PAGE: usize = 500;

/// Where those stand whom the vendor may have.
const PRESENT: [i16; 2] = [MemberRow::HANDED, MemberRow::THERE];

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
    /// The segment is gone.
    #[error(
        "there is no segment `{0}` any more; name another one with `obhut destinations add`, or remove the destination"
    )]
    NoSegment(String),
    /// The segment's channel is none this destination is for.
    #[error("the channel of the segment must be `{0}` for this destination")]
    Channel(&'static str),
    /// The segment could not be read.
    #[error("the segment could not be read")]
    Segments(#[from] segments::Error),
    /// Who is handed over could not be kept.
    #[error("who is handed over could not be kept or opened")]
    Rights(#[from] rights::Error),
    /// A withdrawal could not be written down.
    #[error("who unsubscribed at the vendor could not be written down")]
    Intake(#[from] intake::Error),
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
    /// Where the withdrawals go of whom a vendor tells.
    pub intake: Arc<Intake>,
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

/// For what people are handed over.
struct Cause {
    segment: SegmentCode,
    /// What people must stand on, separated by commas.
    purposes: String,
    purpose: Arc<Purpose>,
    channel: Option<Channel>,
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

    /// Is this a segment for this destination?
    ///
    /// # Errors
    /// [`Error::NoSegment`], [`Error::Channel`], or that it cannot be read.
    pub async fn fits(&self, code: &SegmentCode, audience: &Audience) -> Result<(), Error> {
        self.cause(code.as_str(), audience).await.map(|_| ())
    }

    /// Makes `source` a destination of this segment, or puts another segment or schedule in the place of those it had.
    ///
    /// # Errors
    /// [`Error::NoSegment`], [`Error::Channel`] if the segment's does not fit, or that it cannot be written.
    pub async fn keep(
        &self,
        source: SourceNo,
        code: &SegmentCode,
        audience: &Audience,
        every_seconds: i32,
    ) -> Result<(), Error> {
        let cause = self.cause(code.as_str(), audience).await?;
        let now = self.now();
        let row = AudienceRow {
            source_no: source,
            segment: code.as_str().to_owned(),
            purposes: cause.purposes,
            every_seconds,
            next_at: if every_seconds > 0 { now } else { Timestamp::UNSET },
            wanted_at: Timestamp::UNSET,
            failures: 0,
            retry_at: Timestamp::UNSET,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            created_at: now,
        };
        Ok(self.store.write(move |write| audiences::put(write, &row)).await?)
    }

    /// Forgets whom a vendor has without taking them off. Answers how many there are.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub async fn forget(&self, source: SourceNo) -> Result<usize, Error> {
        let mut left = 0;
        loop {
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, None, &[], 100);
            let page = self.store.read(read).await?;
            if page.is_empty() {
                return Ok(left);
            }
            for row in page {
                self.rights.forget_member(&row).await?;
                left += 1;
            }
        }
    }

    async fn cause(&self, segment: &str, audience: &Audience) -> Result<Cause, Error> {
        let gone = || Error::NoSegment(segment.to_owned());
        let code: SegmentCode = segment.parse().map_err(|_| gone())?;
        let stored = self.segments.find(&code).await?.ok_or_else(gone)?;
        let edition = self.vendors.rulebook.edition();
        let purpose =
            edition.purpose(&stored.segment.purpose).ok_or_else(|| segments::Error::Outdated(Vec::new()))?.clone();
        let channel = stored.segment.channel.or(purpose.sole_channel());
        let wanted = if audience.wants_digests() { Channel::Social } else { Channel::Email };
        if channel != Some(wanted) {
            return Err(Error::Channel(wanted.word()));
        }
        let purposes: Vec<&str> = stored.segment.purposes().map(PurposeCode::as_str).collect();
        Ok(Cause { segment: code, purposes: purposes.join(","), purpose, channel })
    }

    async fn work(&self, run: &mut Run, everybody: bool) -> Result<(), Error> {
        let session = self.vendors.session(&run.code).await?;
        let connector = session.connector().clone();
        let audience = connector.audience().ok_or_else(|| Error::Unknown(run.code.clone()))?;
        let left = self.take_off(run, &session, audience).await?;
        if !everybody {
            return all_off(left);
        }
        let cause = self.cause(&run.row.segment, audience).await?;
        run.row.purposes.clone_from(&cause.purposes);
        let gone = self.hear(run, (&session, audience), &cause).await?;
        let recipient = self.recipient(&run.code);
        let by = Caller { actor: Actor::Hub("destinations"), scope: Scope::Every };
        let (mut seen, mut cursor) = (HashSet::new(), None);
        loop {
            let since = self.now();
            let page = self.segments.page_to(&by, &recipient, &cause.segment, cursor.as_ref(), PAGE).await?;
            let told = hand_over::Told { cause: &cause, gone: &gone, since };
            self.hand_over(run, (&session, audience), page.members, &told, &mut seen).await?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.leave(run, &seen).await?;
        all_off(self.take_off(run, &session, audience).await?)
    }

    /// Who was there and is not in the segment any more is to be taken off.
    async fn leave(&self, run: &Run, seen: &HashSet<[u8; 16]>) -> Result<(), Error> {
        let (source, mut after) = (run.row.source_no, Vec::new());
        loop {
            let from = after.clone();
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, None, &from, 500);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.ix);
            let is_seen = |ix: &Vec<u8>| ix.first_chunk::<16>().is_some_and(|ix| seen.contains(ix));
            let left: Vec<Vec<u8>> = page.into_iter().map(|row| row.ix).filter(|ix| !is_seen(ix)).collect();
            let now = self.now();
            let step = move |write: &mut store::Write<'_>| {
                audiences::step(write, source, &left, (&PRESENT, MemberRow::LEAVING), now)
            };
            self.store.write(step).await?;
        }
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
            // It did not come to its end.
            (true, true) if failures > 0 => now.plus(pause.min(every)),
            (true, false) if failures > 0 => now.plus(pause),
            (true, true) => now.plus(every),
            (true, false) => Timestamp::UNSET,
        };
        let retry_at = if failures > 0 { now.plus(pause) } else { Timestamp::UNSET };
        let row = AudienceRow { next_at, failures, retry_at, ..run.row.clone() };
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
            if audiences::end(write, &owner, &row, (everybody, begun_at))? {
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

const fn all_off(left: usize) -> Result<(), Error> {
    if left == 0 { Ok(()) } else { Err(Error::Left(left)) }
}

#[cfg(test)]
mod tests;
