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
//! Whoever says no while a push lasts is taken off between its pages, and while a job of the vendor is waited for. Where a vendor
//! may still be at adding somebody, taking them off is done once more when it no longer can.
//!
//! Read next: `hand_over`, `take_off` and `hear` (who unsubscribed there), then `connect::Audience`.

mod due;
mod end;
mod error;
mod hand_over;
mod hear;
mod keep;
mod take_off;

use std::collections::HashSet;
use std::sync::Arc;

pub use due::keep_pushing;
pub use error::Error;
pub use hand_over::ADDED;
pub use hear::HEARD;
pub use take_off::REMOVED;

use super::announce::LATE;
use super::lease::{BEAT, Held, LEASE, hold};
use super::sync::pause_for;
use crate::audit::Book;
use crate::connect::{Audience, Counts, Session, Vendors};
use crate::consent::Purpose;
use crate::gateway::{Actor, Caller, Scope};
use crate::intake::Intake;
use crate::rights::Rights;
use crate::segments::{SegmentCode, Segments};
use crate::store::audiences::{self, AudienceRow, MemberRow};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::store::{self, Store};
use crate::types::{Channel, IdMaker, Timestamp};

/// People read at once.
const PAGE: usize = 500;

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
    /// How many could not be taken off.
    left: usize,
    /// How many in a row whom retention ended the vendor did not forget.
    in_vain: usize,
    /// The vendor wants not to be called before.
    rests_until: Timestamp,
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
        let known = self.store.read(move |read| audiences::find(read.records(), number)).await?;
        known.ok_or_else(unknown)?;
        let take = move |write: &mut store::Write<'_>| {
            audiences::take(write, (number, everybody), &named, now.plus(LEASE), now)
        };
        let row = self.store.write(take).await?.ok_or(Error::Busy)?;
        let mut run = Run {
            row,
            owner,
            code: code.to_owned(),
            counts: Counts::default(),
            left: 0,
            in_vain: 0,
            rests_until: Timestamp::UNSET,
        };
        let (this, owner) = (run.row.clone(), run.owner.clone());
        let renew = async |until| self.say_so(&this, &owner, until).await;
        let work = self.work(&mut run, everybody);
        let outcome = match hold(&*self.vendors.surroundings.clock, BEAT, work, renew).await {
            Held::Done(outcome) => outcome,
            Held::Overtaken => return Err(Error::Overtaken),
            Held::Silent(error) => Err(error),
        };
        self.end(&mut run, now, everybody, &outcome).await?;
        outcome.map(|()| run.counts)
    }

    async fn work(&self, run: &mut Run, everybody: bool) -> Result<(), Error> {
        let session = self.vendors.session(&run.code).await?;
        let worked = self.work_at(run, &session, everybody).await;
        run.rests_until = session.rests_until();
        worked
    }

    async fn work_at(&self, run: &mut Run, session: &Session, everybody: bool) -> Result<(), Error> {
        let connector = session.connector().clone();
        let audience = connector.audience().ok_or_else(|| Error::Unknown(run.code.clone()))?;
        self.take_off(run, session, audience).await?;
        if everybody && !run.row.is_ending() {
            self.push(run, session, audience).await?;
            self.take_off(run, session, audience).await?;
        }
        if run.left == 0 { Ok(()) } else { Err(Error::Left(run.left)) }
    }

    async fn push(&self, run: &mut Run, session: &Session, audience: &Audience) -> Result<(), Error> {
        let cause = self.cause(&run.row.segment, audience).await?;
        run.row.purposes.clone_from(&cause.purposes);
        run.row.channel = cause.channel.map(Channel::word).unwrap_or_default().to_owned();
        let gone = self.hear(run, (session, audience), &cause).await?;
        let recipient = self.recipient(&run.code);
        let by = Caller { actor: Actor::Hub("destinations"), scope: Scope::Every };
        let (mut seen, mut cursor) = (HashSet::new(), None);
        loop {
            // What was said before may come to stand in the ledger only now.
            let since = self.now().plus(-LATE);
            let page = self.segments.page_to(&by, &recipient, &cause.segment, cursor.as_ref(), PAGE).await?;
            let known = hand_over::Known { cause: &cause, gone: &gone, since };
            self.hand_over(run, (session, audience), page.members, &known, &mut seen).await?;
            self.take_off(run, session, audience).await?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.leave(run, session, &seen).await
    }

    /// Who was there and is not in the segment any more is to be taken off. Whom the vendor keeps it forgets when they end here.
    async fn leave(&self, run: &mut Run, session: &Session, seen: &HashSet<[u8; 16]>) -> Result<(), Error> {
        let (source, mut after) = (run.row.source_no, Vec::new());
        let states = &[MemberRow::HANDED, MemberRow::THERE, MemberRow::GONE, MemberRow::TOLD];
        loop {
            let from = after.clone();
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, states, &from, 500);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(&last.ix);
            let (gone, there): (Vec<_>, Vec<_>) = page.into_iter().partition(|row| MemberRow::OFF.contains(&row.state));
            let is_seen = |ix: &Vec<u8>| ix.first_chunk::<16>().is_some_and(|ix| seen.contains(ix));
            let left: Vec<Vec<u8>> = there.into_iter().map(|row| row.ix).filter(|ix| !is_seen(ix)).collect();
            let (now, step) = (self.now(), (&MemberRow::PRESENT[..], MemberRow::LEAVING));
            self.store.write(move |write| audiences::step(write, source, &left, step, now)).await?;
            self.end_the_dead(run, session, gone).await?;
        }
    }

    /// Renews the lease. False if it is another's.
    async fn say_so(&self, row: &AudienceRow, owner: &[u8], until: Timestamp) -> Result<bool, Error> {
        let (owner, row) = (owner.to_vec(), AudienceRow { lease_until: until, ..row.clone() });
        Ok(self.store.write(move |write| audiences::renew(write, &owner, &row)).await?)
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
        let pause = pause_for(failures, &*self.vendors.surroundings.entropy);
        let every = i64::from(run.row.every_seconds) * Timestamp::SECOND;
        let next_at = match (everybody, every > 0) {
            (false, _) => run.row.next_at,
            // It did not come to its end.
            (true, true) if failures > 0 => now.plus(pause.min(every)),
            (true, false) if failures > 0 => now.plus(pause),
            (true, true) => now.plus(every),
            (true, false) => Timestamp::UNSET,
        };
        // One whom the vendor does not take off has a time of their own, and keeps nobody else on the list.
        let works = run.counts.stream(REMOVED).updated > 0 && matches!(outcome, Err(Error::Left(_)));
        let retry_at = if failures > 0 && !works { now.plus(pause) } else { Timestamp::UNSET };
        // It said itself when it wants to be called again.
        let (next_at, retry_at) = if failures > 0 {
            let later = |at: Timestamp| if at.is_set() { at.max(run.rests_until) } else { at };
            (later(next_at), retry_at.max(run.rests_until))
        } else {
            (next_at, retry_at)
        };
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

#[cfg(test)]
mod tests;
