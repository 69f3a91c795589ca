//! The reading side: always inside one snapshot.
//!
//! SQLite reads run inline on the calling thread with a connection from a small pool; a hop to another thread
//! would cost ten times the read. PostgreSQL reads go through gatherers, which work off all that waits with one
//! connection; the hot verb is coalesced there into one set of statements (see [`super::subjects`]).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use super::connection::{Access, Connection, Location, Shelf, open};
use super::gatherer::Gatherer;
use super::rows::{SubjectRows, Who};
use super::{Error, subjects};

/// Reading threads on PostgreSQL.
const POSTGRES_READERS: usize = 3;
/// Reads that may wait per thread before new ones are refused.
const WAITING: usize = 8192;

/// What a read may use: one snapshot per shelf.
pub struct Read {
    records: Connection,
    keys: Connection,
    audit: Connection,
}

impl Read {
    fn open(location: &Location) -> Result<Self, Error> {
        let open = |shelf| open(location, shelf, Access::Read);
        Ok(Self { records: open(Shelf::Records)?, keys: open(Shelf::Keys)?, audit: open(Shelf::Audit)? })
    }

    /// Records, consent and graph.
    pub const fn records(&mut self) -> &mut Connection {
        &mut self.records
    }

    /// Wrapped keys.
    pub const fn keys(&mut self) -> &mut Connection {
        &mut self.keys
    }

    /// The audit book.
    pub const fn audit(&mut self) -> &mut Connection {
        &mut self.audit
    }

    /// Runs `work` inside one snapshot of the records. The keys are read outside it on purpose: a key that was
    /// shredded meanwhile must not be found any more.
    fn snapshot<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let begin = match &self.records {
            Connection::Sqlite(_) => "BEGIN",
            Connection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        self.records.execute(begin)?;
        let result = work(self);
        let ended = self.records.execute("ROLLBACK");
        match (result, ended) {
            (Ok(_), Err(cause)) => Err(cause.into()),
            (result, _) => result,
        }
    }
}

type Errand = Box<dyn FnOnce(Result<&mut Read, Error>) -> Result<(), Error> + Send>;

enum Asked {
    /// The hot verb.
    Subjects(Vec<Who>, oneshot::Sender<Result<Vec<Option<SubjectRows>>, Error>>),
    /// Any other read.
    Errand(Errand),
}

#[expect(private_interfaces, reason = "the threads are nobody else's business")]
pub(super) enum Reader {
    Sqlite { location: Location, idle: Mutex<Vec<Read>> },
    Postgres { threads: Vec<Gatherer<Asked>>, next: AtomicUsize },
}

impl Reader {
    pub(super) fn start(location: &Location) -> Result<Self, Error> {
        if location.embedded() {
            return Ok(Self::Sqlite { location: location.clone(), idle: Mutex::new(Vec::new()) });
        }
        let threads = (0..POSTGRES_READERS)
            .map(|number| {
                let location = location.clone();
                let mut read = Some(Read::open(&location)?);
                Gatherer::spawn(&format!("obhut-reader-{number}"), WAITING, move |batch| {
                    work(&location, &mut read, batch);
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Self::Postgres { threads, next: AtomicUsize::new(0) })
    }

    pub(super) async fn subjects(&self, who: Vec<Who>) -> Result<Vec<Option<SubjectRows>>, Error> {
        match self {
            Self::Sqlite { .. } => self.inline(|read| subjects::load(read, &who)),
            Self::Postgres { .. } => {
                let (asker, answer) = oneshot::channel();
                self.thread()?.submit(Asked::Subjects(who, asker))?;
                answer.await.unwrap_or(Err(Error::Stopped))
            }
        }
    }

    pub(super) async fn read<T, E>(&self, work: impl FnOnce(&mut Read) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match self {
            Self::Sqlite { .. } => self.inline(work),
            Self::Postgres { .. } => {
                let (asker, answer) = oneshot::channel();
                let errand: Errand = Box::new(move |read| {
                    let result = match read {
                        Ok(read) => read.snapshot(work),
                        Err(cause) => Err(cause.into()),
                    };
                    let _ = asker.send(result);
                    Ok(())
                });
                self.thread()?.submit(Asked::Errand(errand))?;
                answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
            }
        }
    }

    fn inline<T, E: From<Error>>(&self, work: impl FnOnce(&mut Read) -> Result<T, E>) -> Result<T, E> {
        let Self::Sqlite { location, idle } = self else { return Err(Error::Stopped.into()) };
        let waiting = idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let mut read = match waiting {
            Some(read) => read,
            None => Read::open(location)?,
        };
        let result = read.snapshot(work);
        if result.is_ok() {
            idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(read);
        }
        result
    }

    fn thread(&self) -> Result<&Gatherer<Asked>, Error> {
        let Self::Postgres { threads, next } = self else { return Err(Error::Stopped) };
        let turn = next.fetch_add(1, Ordering::Relaxed);
        threads.get(turn % threads.len().max(1)).ok_or(Error::Stopped)
    }
}

fn work(location: &Location, read: &mut Option<Read>, batch: Vec<Asked>) {
    let mut hot = Vec::new();
    let mut errands = Vec::new();
    for asked in batch {
        match asked {
            Asked::Subjects(who, asker) => hot.push((who, asker)),
            Asked::Errand(errand) => errands.push(errand),
        }
    }
    if !hot.is_empty() {
        answer_subjects(location, read, hot);
    }
    for errand in errands {
        let _ = errand(connected(location, read));
    }
}

type HotRead = (Vec<Who>, oneshot::Sender<Result<Vec<Option<SubjectRows>>, Error>>);

fn answer_subjects(location: &Location, read: &mut Option<Read>, asked: Vec<HotRead>) {
    let all: Vec<Who> = asked.iter().flat_map(|(who, _)| who.iter().cloned()).collect();
    let loaded = connected(location, read).and_then(|read| read.snapshot(|read| subjects::load(read, &all)));
    match loaded {
        Ok(rows) => {
            let mut rows = rows.into_iter();
            for (who, asker) in asked {
                let _ = asker.send(Ok(rows.by_ref().take(who.len()).collect()));
            }
        }
        Err(cause) => {
            tracing::error!(error = ?cause, "a read batch failed");
            // The connection may be broken: the next batch opens a new one.
            *read = None;
            for (_, asker) in asked {
                let _ = asker.send(Err(Error::Stopped));
            }
        }
    }
}

fn connected<'a>(location: &Location, read: &'a mut Option<Read>) -> Result<&'a mut Read, Error> {
    if read.is_none() {
        *read = Some(Read::open(location)?);
    }
    read.as_mut().ok_or(Error::Stopped)
}
