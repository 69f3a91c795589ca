//! The writing side: one thread, one transaction for all jobs that wait.
//!
//! One refused job never takes its neighbours with it: the batch runs again, each job under a savepoint of its own. Not
//! at first, because nearly no job is refused here, and under a savepoint SQLite keeps a copy of each page that changes. Keys
//! are committed before records: a crash in between leaves a key nobody uses, never a record nobody can open.
//! When the database reports a conflict (PostgreSQL runs at SERIALIZABLE) the whole batch runs again, and each job
//! alone if one of them was in the conflict or it does not end; a lost connection is opened anew. Therefore jobs must
//! be re-runnable: they may be called several times, and of the records only what the last run wrote stays. A job
//! may meet the keys that its own earlier run committed.

mod job;
mod transaction;

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Error;
use super::checkpoint::{When, copy_back, truncate};
use super::connection::{Access, Connection, Location, Shelf, open};
use super::error::Failure;
use super::gatherer::{BATCH, Gatherer};
use super::recent::Recent;
use job::{Asked, Job, Run, Setback, answer};
use transaction::Transaction;

/// How often jobs run before they are told that others were in the way.
const TRIES: u32 = 12;
/// How often the jobs of a batch run together before each runs alone.
const TOGETHER: u32 = 4;
/// The pause after a lost connection; it doubles with every try. All tries together take about a second.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a batch is tried again after a lost connection; a server that does not answer makes each try long.
const PATIENCE: Duration = Duration::from_secs(2);
/// Jobs that may wait before new ones are refused.
const WAITING: usize = 4096;
/// Records that jobs bring together in one transaction. What somebody says, and an erasure, wait for one transaction at
/// most, however many records are on their way.
const RECORDS: usize = 1000;
/// How many batches run under savepoints from the start after one in which a job was refused.
const CAREFUL: u32 = 64;

/// What a write job may use. Both connections are inside a transaction.
pub struct Write<'a> {
    records: &'a mut Connection,
    keys: &'a mut Transaction,
    recent: &'a mut Recent,
}

impl Write<'_> {
    /// Records, consent and graph.
    pub const fn records(&mut self) -> &mut Connection {
        self.records
    }

    /// The records, and the matching keys that are not in their index yet.
    pub(super) const fn blocks(&mut self) -> (&mut Connection, &mut Recent) {
        (self.records, self.recent)
    }

    /// The keys. Their transaction begins with the first use.
    ///
    /// # Errors
    /// If it cannot begin.
    pub fn keys(&mut self) -> Result<&mut Connection, Error> {
        self.keys.begin()?;
        Ok(&mut self.keys.connection)
    }
}

/// The writer. Cheap to share; the thread ends when the last owner is gone.
pub(super) struct Writer {
    gatherer: Gatherer<Item>,
    healthy: Arc<AtomicBool>,
}

impl Writer {
    pub(super) fn start(location: &Location) -> Result<Self, Error> {
        let mut desk = Desk::open(location.clone())?;
        let healthy = desk.healthy.clone();
        let gatherer = Gatherer::spawn("obhut-writer", WAITING, next_batch, move |batch| desk.work(batch))?;
        Ok(Self { gatherer, healthy })
    }

    /// False once the disk failed below a commit or while a write-ahead log was cut off.
    pub(super) fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Runs `work`, which brings so many `records`.
    pub(super) async fn write<T, E, F>(&self, records: usize, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure,
        F: FnMut(&mut Write<'_>) -> Result<T, E> + Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        self.gatherer.submit(Item::Job(records, Box::new(Asked { work, result: None, asker })))?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
    }

    /// See [`Desk::scrub`]. False if readers were in the way; then ask again.
    pub(super) async fn scrub(&self) -> Result<bool, Error> {
        let (asker, answer) = oneshot::channel();
        self.gatherer.submit(Item::Scrub(asker))?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }
}

enum Item {
    /// How many records it brings, and what to do.
    Job(usize, Box<dyn Job>),
    Scrub(oneshot::Sender<Result<bool, Error>>),
}

fn next_batch(waiting: &mut VecDeque<Item>) -> Vec<Item> {
    choose(waiting, |item| if let Item::Job(records, _) = item { *records } else { 0 })
}

/// The next batch: what came first, but what brings many records only as far as there is room for them.
fn choose<I>(waiting: &mut VecDeque<I>, records: impl Fn(&I) -> usize) -> Vec<I> {
    let (mut batch, mut rest, mut room) = (Vec::new(), VecDeque::new(), RECORDS);
    for item in waiting.drain(..) {
        let records = records(&item);
        if batch.len() < BATCH && (records <= room || room == RECORDS) {
            room = room.saturating_sub(records);
            batch.push(item);
        } else {
            // Nobody with records overtakes those who came before.
            room = if records > 0 { 0 } else { room };
            rest.push_back(item);
        }
    }
    *waiting = rest;
    batch
}

/// The thread's own: connections and what to do with a batch.
struct Desk {
    location: Location,
    records: Transaction,
    keys: Transaction,
    recent: Recent,
    /// A transaction failed and there is no new connection yet. SQLite may have ended it by itself: what ran now would
    /// run outside of any.
    adrift: bool,
    /// Batches that still run under savepoints.
    careful: u32,
    healthy: Arc<AtomicBool>,
}

impl Desk {
    fn open(location: Location) -> Result<Self, Error> {
        let (records, keys) = Self::connect(&location)?;
        let (recent, healthy) = (Recent::default(), Arc::new(AtomicBool::new(true)));
        Ok(Self { location, records, keys, recent, adrift: false, careful: 0, healthy })
    }

    fn connect(location: &Location) -> Result<(Transaction, Transaction), Error> {
        let open = |shelf| {
            Ok::<_, Error>(Transaction {
                connection: open(location, shelf, Access::Write)?,
                open: false,
                savepoint: false,
            })
        };
        Ok((open(Shelf::Records)?, open(Shelf::Keys)?))
    }

    fn work(&mut self, batch: Vec<Item>) {
        let mut jobs = Vec::with_capacity(batch.len());
        let mut scrubs = Vec::new();
        for item in batch {
            match item {
                Item::Job(_, job) => jobs.push(job),
                Item::Scrub(asker) => scrubs.push(asker),
            }
        }
        let when = if jobs.is_empty() && scrubs.is_empty() { When::AtRest } else { When::Busy };
        if !jobs.is_empty() {
            self.work_jobs(jobs);
        }
        self.copy_back(when);
        for asker in scrubs {
            let _ = asker.send(self.scrub());
        }
    }

    fn work_jobs(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        self.careful = self.careful.saturating_sub(1);
        let tries = if jobs.len() > 1 { TOGETHER } else { TRIES };
        match self.persist(&mut jobs, tries) {
            Err(Setback::Conflict(_) | Setback::OneJob(_)) if jobs.len() > 1 => self.work_alone(jobs),
            outcome => answer(jobs, outcome.map_err(Setback::into_cause)),
        }
    }

    /// One transaction for each, so that a job that always meets a conflict takes nobody with it.
    fn work_alone(&mut self, jobs: Vec<Box<dyn Job>>) {
        let mut lost = false;
        for mut job in jobs {
            let outcome = if lost {
                Err(Setback::GiveUp(Error::Stopped))
            } else {
                self.persist(std::slice::from_mut(&mut job), TRIES)
            };
            // A database that is gone is not waited for once per job.
            lost |= matches!(outcome, Err(Setback::Lost(_)));
            answer(vec![job], outcome.map_err(Setback::into_cause));
        }
    }

    /// Runs `jobs` in one transaction until it commits, up to `tries` times.
    fn persist(&mut self, jobs: &mut [Box<dyn Job>], tries: u32) -> Result<(), Setback> {
        let mut tried = 0;
        let begin = watch();
        loop {
            tried += 1;
            if !self.healthy.load(Ordering::Relaxed) {
                return Err(Setback::GiveUp(Error::Stopped));
            }
            let Err(setback) = self.attempt(jobs) else { return Ok(()) };
            self.undo();
            let (pause, tries) = match &setback {
                Setback::Refused => {
                    self.careful = CAREFUL;
                    continue;
                }
                Setback::GiveUp(_) => return Err(setback),
                Setback::OneJob(_) if jobs.len() > 1 => return Err(setback),
                Setback::Conflict(_) | Setback::OneJob(_) => (way(tried), tries),
                Setback::Lost(_) => (PAUSE * 2_u32.pow(tried - 1), TRIES),
            };
            let too_long = matches!(setback, Setback::Lost(_)) && begin.elapsed() > PATIENCE;
            if tried >= tries || too_long {
                return Err(setback);
            }
            tracing::debug!(tried, jobs = jobs.len(), "a write batch runs again");
            sleep(pause);
        }
    }

    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Setback> {
        if self.adrift {
            return Err(Setback::Lost(Error::Stopped));
        }
        self.records.begin()?;
        let alone = jobs.len() == 1;
        let apart = !alone && self.careful > 0;
        for job in jobs.iter_mut() {
            if apart {
                self.records.begin_job()?;
                self.keys.begin_job()?;
            }
            let mark = self.recent.mark();
            let mut write =
                Write { records: &mut self.records.connection, keys: &mut self.keys, recent: &mut self.recent };
            // A job that panics is undone like one that fails; the thread goes on.
            let run = catch_unwind(AssertUnwindSafe(|| job.run(&mut write))).unwrap_or(Run::UndoThis);
            let end = match run {
                Run::UndoAll => return Err(job.setback()),
                Run::Keep if !apart => continue,
                Run::UndoThis if alone => {
                    self.recent.undone();
                    self.keys.end("ROLLBACK")?;
                    self.records.end("ROLLBACK")?;
                    return Ok(());
                }
                Run::UndoThis if !apart => return Err(Setback::Refused),
                Run::Keep => "RELEASE SAVEPOINT job",
                Run::UndoThis => {
                    self.recent.go_back_to(mark);
                    "ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job"
                }
            };
            self.records.end_job(end)?;
            self.keys.end_job(end)?;
        }
        self.recent.put_away(&mut self.records.connection)?;
        // Keys first: see the module's introduction.
        self.commit(Shelf::Keys)?;
        self.commit(Shelf::Records).map_err(|cause| match cause {
            // Nobody knows whether it is committed; a second run might do everything twice.
            Error::Lost(_) => Setback::GiveUp(cause),
            cause => cause.into(),
        })?;
        self.recent.committed();
        Ok(())
    }

    fn commit(&mut self, shelf: Shelf) -> Result<(), Error> {
        let transaction = if shelf == Shelf::Keys { &mut self.keys } else { &mut self.records };
        let done = transaction.end("COMMIT");
        self.heed(&done);
        done
    }

    /// A second fsync may lie about what the first one lost: stop serving.
    fn heed<T>(&self, done: &Result<T, Error>) {
        if let Err(Error::Disk(_)) = done {
            self.healthy.store(false, Ordering::Relaxed);
        }
    }

    /// Keeps the write-ahead logs short, when those who asked have their answers: what is committed is durable without.
    fn copy_back(&mut self, when: When) {
        for transaction in [&mut self.records, &mut self.keys] {
            let Err(cause) = copy_back(&mut transaction.connection, when) else { continue };
            tracing::error!(error = ?cause, "a write-ahead log could not be copied back");
            if matches!(cause, Error::Disk(_)) {
                self.healthy.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Moves everything from the write-ahead logs into the files and cuts the logs off, so that what was erased
    /// is in neither. PostgreSQL has no such step; there the destroyed key epoch makes erasure final.
    fn scrub(&mut self) -> Result<bool, Error> {
        let records = truncate(&mut self.records.connection);
        let keys = truncate(&mut self.keys.connection);
        self.heed(&records);
        self.heed(&keys);
        Ok(records? && keys?)
    }

    /// Ends what is open. An idle connection can be dead as well, so both are tried, and opened anew if one is.
    fn undo(&mut self) {
        (self.keys.savepoint, self.records.savepoint) = (false, false);
        self.recent.undone();
        let undone = self.keys.end("ROLLBACK").and(self.records.end("ROLLBACK"));
        let alive = undone.is_ok() && self.keys.connection.answers() && self.records.connection.answers();
        self.adrift = !alive;
        if self.adrift
            && let Ok((records, keys)) = Self::connect(&self.location)
        {
            (self.records, self.keys, self.adrift) = (records, keys, false);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it only measures how long a database was waited for")]
fn watch() -> Instant {
    Instant::now()
}

/// How long others are let pass: longer with every try, and never as long as another node does, or they would meet again.
fn way(tried: u32) -> Duration {
    // Seeded by the system for each state, also where every hub is the first process of its container.
    let chance = RandomState::new().hash_one(tried) % 8;
    Duration::from_millis(u64::from(tried) * (2 + chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_jobs_pass_long_ones_and_nobody_else_overtakes() {
        let mut waiting = VecDeque::from([400, 0, 400, 300, 100, 0, 5_000, 0]);
        let mut next = || choose(&mut waiting, |records| *records);
        assert_eq!(next(), [400, 0, 400, 0, 0]);
        assert_eq!(next(), [300, 100]);
        assert_eq!(next(), [5_000], "what is larger than a batch has one for itself");
        assert!(waiting.is_empty());
    }
}
