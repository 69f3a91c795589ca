//! Syncs: reading what is new at a vendor and bringing it in.
//!
//! ```text
//! due or wanted → lease taken → [ page read → records durable → place and counts durable ]* → lease given back
//! ```
//!
//! The place of a stream moves only after the records of its page are durable, in one transaction with the counts and only
//! while the lease is this run's. A process that dies between the two leaves a page that is read once more; its records
//! are there already and count as unchanged. One node syncs a source; the lease of one that dies ends by itself.
//! A source that fails is asked again later and later, however often it is due.

mod ahead;
mod demands;
mod due;
mod error;
mod folder;
mod ids;
mod streams;

use std::sync::Arc;
use std::time::Duration;

pub use due::keep_syncing;
pub(super) use due::{pause_for, spread};
pub use error::Error;
use error::Refusals;

pub use super::lease::BEAT;
use super::lease::{Held, LEASE, hold};
use crate::connect::{Connection, Counts, Fault, NoSession, Places, Session, StreamPlace, Vendors, endings};
use crate::consent::Source;
use crate::intake::{self, Intake, Outcome, Taken};
use crate::rights::Rights;
use crate::store::connections::{self, ConnectionRow, Next};
use crate::store::syncs::{self, SyncRow, SyncState};
use crate::store::{self, Store};
use crate::types::{IdMaker, SourceNo, Timestamp};

/// The first pause after a failure; it doubles with each.
const PAUSE: i64 = 60;
/// The longest, in seconds.
const LONGEST_PAUSE: i64 = 6 * 3600;
/// How often a page is brought in while the database is busy.
const TRIES: u32 = 8;

/// The syncs of one process.
pub struct Syncs {
    /// Whom to ask.
    pub vendors: Arc<Vendors>,
    /// The way in.
    pub intake: Arc<Intake>,
    /// Places and history.
    pub store: Store,
    /// Who opens a request for a demand the vendor passes on.
    pub rights: Arc<Rights>,
    /// Names for runs.
    pub ids: Arc<IdMaker>,
    /// How often a run says that it goes on: [`BEAT`].
    pub beat: Duration,
}

/// One run.
struct Run {
    source: SourceNo,
    code: String,
    owner: Vec<u8>,
    places: Places,
    row: SyncRow,
    counts: Counts,
    /// The vendor wants not to be called before.
    rests_until: Timestamp,
    /// Does a sync go on that waited? What it read to the end is not read again.
    goes_on: bool,
    /// Records it had brought before.
    brought: u64,
    /// After so long the vendor may be ready with what it was asked for.
    waits: Option<Duration>,
}

impl Syncs {
    /// Syncs a source now, to its end. `anew`: everything is read again from the beginning, not only what is new. `progress`
    /// hears the counts after each page.
    ///
    /// # Errors
    /// Why it ended before its end.
    pub async fn run(&self, code: &str, mut anew: bool, mut progress: impl FnMut(&Counts)) -> Result<Counts, Error> {
        loop {
            let (counts, waits) = self.run_part(code, anew, &mut progress).await?;
            let Some(time) = waits else { return Ok(counts) };
            self.vendors.surroundings.pause.pause(time).await;
            anew = false;
        }
    }

    /// The same as far as the vendor is ready. If it is not, the source says when it goes on, and so does the second of what is
    /// answered.
    ///
    /// # Errors
    /// As [`Syncs::run`].
    pub async fn run_part(
        &self,
        code: &str,
        anew: bool,
        mut progress: impl FnMut(&Counts),
    ) -> Result<(Counts, Option<Duration>), Error> {
        let (source, connection) = self.vendors.connected(code).await?;
        let (mut run, row) = self.begin(source.number, code, anew).await?;
        run.counts.notices = self.endings(&source, &connection, &row);
        let (number, owner) = (source.number, run.owner.clone());
        let work = self.work(&mut run, &source, &connection, &mut progress);
        let renew = async |until| self.say_so(number, &owner, until).await;
        let outcome = match hold(&*self.vendors.surroundings.clock, self.beat, work, renew).await {
            Held::Done(outcome) => outcome,
            Held::Overtaken => return Err(Error::Overtaken),
            Held::Silent(error) => Err(error),
        };
        self.end(&mut run, &row, &outcome).await?;
        outcome.map(|()| (run.counts, run.waits))
    }

    /// What of its credentials ends before long.
    fn endings(&self, source: &Source, connection: &Connection, row: &ConnectionRow) -> Vec<String> {
        let Ok(connector) = self.vendors.catalog.connector(&source.connector) else { return Vec::new() };
        let now = self.vendors.surroundings.clock.now();
        endings(connector, connection, row.created_at, now).into_iter().map(|ending| ending.words).collect()
    }

    async fn begin(&self, source: SourceNo, code: &str, anew: bool) -> Result<(Run, ConnectionRow), Error> {
        let owner = self.ids.uuid()?.as_bytes().to_vec();
        let now = self.vendors.surroundings.clock.now();
        let row = SyncRow {
            source_no: source,
            begun_at: now,
            ended_at: Timestamp::UNSET,
            state: SyncState::Running.number(),
            cause: String::new(),
            counts: Counts::default().text(),
        };
        let (named, first) = (owner.clone(), row);
        let taken = self.store.write(move |write| {
            let Some(taken) = connections::take(write, source, &named, now.plus(LEASE), now)? else { return Ok(None) };
            let waited = if anew { None } else { syncs::go_on(write, source)? };
            let row = match waited {
                Some(row) => (row, true),
                None => (SyncRow { begun_at: syncs::begin(write, &first)?, ..first.clone() }, false),
            };
            Ok::<_, store::Error>(Some((taken, row)))
        });
        let (taken, (row, waited)) = taken.await?.ok_or(Error::Busy)?;
        let mut places = if anew { Places::default() } else { self.vendors.connections.places(&taken)? };
        let counts = if waited { Counts::parse(&row.counts) } else { Counts::default() };
        if waited {
            places.streams.values_mut().for_each(StreamPlace::go_on);
        }
        let run = Run {
            source,
            code: code.to_owned(),
            owner,
            places,
            brought: brought(&counts),
            // Whoever asked for a sync meanwhile wants to know what is new.
            goes_on: waited && !taken.wanted_at.is_set(),
            row,
            counts,
            rests_until: Timestamp::UNSET,
            waits: None,
        };
        Ok((run, taken))
    }

    async fn work(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        connection: &Connection,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        if let Some(folder) = self.vendors.folder(&source.connector, connection)? {
            let connector = self.vendors.catalog.connector(&source.connector).map_err(NoSession::Connector)?.clone();
            let inbox = folder::Inbox { connector, folder: Arc::new(folder) };
            return self.read_folder(run, &inbox, progress).await;
        }
        let session = Arc::new(self.vendors.open(source, connection)?);
        let worked = self.work_at(run, source, &session, progress).await;
        run.rests_until = session.rests_until();
        worked
    }

    /// Reads what the vendor has.
    async fn work_at(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        session: &Arc<Session>,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let mut refused = Refusals::default();
        let read = self.read_streams(run, source, session, &mut refused, progress).await;
        match &read {
            // Whoever demands something of the vendor is heard all the same, unless it wants to be left alone.
            Err(Error::Vendor(fault)) if !matches!(fault, Fault::Throttled | Fault::Resting) => {}
            Err(_) => return read,
            Ok(()) => {}
        }
        let heard = self.hear_demands(run, session, source.number, &mut refused, progress).await;
        read.and(heard).and(refused.end())
    }

    /// Brings records in; waits for a database that is busy.
    async fn bring(&self, lines: &[Vec<u8>]) -> Result<Vec<Taken>, Error> {
        let mut tried = 0;
        loop {
            match self.intake.ingest(lines).await {
                Err(intake::Error::Store(store::Error::Overloaded)) if tried < TRIES => {
                    tried += 1;
                    self.vendors.surroundings.pause.pause(Duration::from_millis(250) * tried).await;
                }
                done => return Ok(done?),
            }
        }
    }

    /// Writes down that the records of a page are in.
    async fn step(&self, run: &mut Run, stream: &str, after: StreamPlace) -> Result<(), Error> {
        run.places.streams.insert(stream.to_owned(), after);
        self.keep(run).await
    }

    /// Writes down how far this run is.
    async fn keep(&self, run: &mut Run) -> Result<(), Error> {
        run.row.counts = run.counts.text();
        let (source, owner, row) = (run.source, run.owner.clone(), run.row.clone());
        let places = self.vendors.connections.seal_places(source, &run.places)?;
        let until = self.vendors.surroundings.clock.now().plus(LEASE);
        let ours = self.store.write(move |write| {
            let ours = connections::renew(write, source, &owner, until, Some(&places))?;
            if ours {
                syncs::update(write, &row)?;
            }
            Ok::<_, store::Error>(ours)
        });
        if ours.await? { Ok(()) } else { Err(Error::Overtaken) }
    }

    /// Renews the lease. False if it is another's.
    async fn say_so(&self, source: SourceNo, owner: &[u8], until: Timestamp) -> Result<bool, Error> {
        let owner = owner.to_vec();
        Ok(self.store.write(move |write| connections::renew(write, source, &owner, until, None)).await?)
    }

    async fn end(&self, run: &mut Run, taken: &ConnectionRow, outcome: &Result<(), Error>) -> Result<(), Error> {
        let waits = run.waits.filter(|_| outcome.is_ok());
        let brought = brought(&run.counts).saturating_sub(run.brought);
        if waits.is_none() || brought > 0 {
            self.intake.note_sync(&run.code, usize::try_from(brought).unwrap_or(usize::MAX)).await?;
        }
        let now = self.vendors.surroundings.clock.now();
        let failures = match outcome {
            Ok(()) => 0,
            // What else there is comes as often as ever.
            Err(Error::Refused(_)) if run.counts.streams.values().any(|stream| stream.complete) => 1,
            Err(_) => taken.failures.saturating_add(1),
        };
        let (every, pause) = (i64::from(taken.every_seconds), pause_after(failures));
        // After a failure there is a pause, also before what is only done when somebody asks for it.
        let next_at = if every > 0 && every >= pause {
            now.plus(every * Timestamp::SECOND + due::spread(every, &*self.vendors.surroundings.entropy))
        } else if pause > 0 {
            now.plus(due::pause_for(failures, &*self.vendors.surroundings.entropy))
        } else {
            Timestamp::UNSET
        };
        // It said itself when it wants to be called again.
        let next_at = if failures > 0 { next_at.max(run.rests_until) } else { next_at };
        let waited = waits.map(|time| now.plus(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)));
        let next = Next { at: waited.unwrap_or(next_at), failures, heard: taken.wanted_at };
        run.row.ended_at = if waits.is_some() { Timestamp::UNSET } else { now };
        run.row.counts = run.counts.text();
        let state = match (outcome, waits) {
            (Ok(()), None) => SyncState::Done,
            (Ok(()), Some(_)) => SyncState::Waiting,
            (Err(_), _) => SyncState::Failed,
        };
        run.row.state = state.number();
        run.row.cause = outcome.as_ref().err().map(Error::told).unwrap_or_default();
        let (source, owner, row) = (run.source, run.owner.clone(), run.row.clone());
        let ended = self.store.write(move |write| {
            if connections::end(write, source, &owner, &next)? {
                syncs::update(write, &row)?;
            }
            Ok::<_, store::Error>(())
        });
        Ok(ended.await?)
    }
}

/// Records that came, whatever became of them.
fn brought(counts: &Counts) -> u64 {
    let sum = counts.sum();
    sum.created + sum.updated + sum.unchanged + sum.stale + sum.suppressed + sum.unread + sum.rejected
}

/// Seconds until a source that failed so often in a row is asked again.
pub(super) const fn pause_after(failures: i32) -> i64 {
    if failures == 0 {
        return 0;
    }
    let doubled = if failures > 16 { LONGEST_PAUSE } else { PAUSE << (failures - 1) };
    if doubled < LONGEST_PAUSE { doubled } else { LONGEST_PAUSE }
}

impl Run {
    /// Was this read to its end before the sync waited?
    fn is_read(&self, name: &str) -> bool {
        self.goes_on && self.counts.streams.get(name).is_some_and(|stream| stream.complete)
    }

    /// The vendor may be ready after so long.
    fn wait(&mut self, time: Duration) {
        self.waits = Some(self.waits.map_or(time, |known| known.min(time)));
    }

    fn count(&mut self, stream: &str, Taken { outcome, left_out }: &Taken) {
        for value in left_out {
            let reason = match value.pointer.as_str() {
                "" => format!("{}: {}", value.code, value.detail),
                place => format!("{} at {place:?}", value.code),
            };
            self.counts.leave_out(stream, &reason);
        }
        if let Outcome::Rejected(rejection) = outcome {
            self.counts.reject(stream, &format!("{} at {:?}", rejection.code, rejection.pointer));
            return;
        }
        let counts = self.counts.stream(stream);
        *match outcome {
            Outcome::Created => &mut counts.created,
            Outcome::Updated => &mut counts.updated,
            Outcome::Unchanged => &mut counts.unchanged,
            Outcome::Stale => &mut counts.stale,
            Outcome::Unread => &mut counts.unread,
            Outcome::Suppressed | Outcome::Rejected(_) => &mut counts.suppressed,
        } += 1;
    }
}

#[cfg(test)]
pub(super) mod tests;
