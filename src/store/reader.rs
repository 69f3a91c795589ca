//! The reading side: always inside one snapshot.
//!
//! SQLite reads run inline on the calling thread with a connection from a small pool; a hop to another thread
//! would cost ten times the read. PostgreSQL reads go through gatherers, which work off all that waits with one
//! connection; the hot verb is coalesced there into one set of statements (see [`super::people`]).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use tokio::sync::{Semaphore, oneshot};

use super::api_keys::{ApiKeyRow, Remembered};
use super::connection::{Access, Connection, Location, Shelf, open};
use super::fixed::{Begin, Rollback};
use super::gatherer::{Gatherer, first_come};
use super::rows::{SubjectRows, Who};
use super::{Error, api_keys, people};
use crate::types::ApiKeyId;

/// Threads for all other reads on PostgreSQL. The hot verb has one for itself: two would share what waits between them,
/// and twice as many small batches cost more than one thread ever saves.
const ERRAND_READERS: usize = 2;
/// Reads that may wait per thread before new ones are refused.
const WAITING: usize = 8192;
/// People loaded at once on PostgreSQL; more would keep the first of them waiting and fill the memory.
const PEOPLE: usize = 500;
/// Long reads at the same time.
const APART: usize = 2;

/// What a read may use: one snapshot per shelf.
pub struct Read {
    records: Connection,
    keys: Connection,
    audit: Connection,
    api_keys: Remembered,
    /// Something failed that a healthy connection does not do: it is not used again.
    broken: bool,
}

impl Read {
    fn open(location: &Location) -> Result<Self, Error> {
        let open = |shelf| open(location, shelf, Access::Read);
        Ok(Self {
            records: open(Shelf::Records)?,
            keys: open(Shelf::Keys)?,
            audit: open(Shelf::Audit)?,
            api_keys: Remembered::default(),
            broken: false,
        })
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

    /// Reads what every call needs: a row of the records and one of the keys.
    pub(super) fn touch(&mut self) -> Result<(), Error> {
        self.records.execute("SELECT 1 FROM subject LIMIT 1")?;
        self.keys.execute("SELECT 1 FROM kek LIMIT 1")
    }

    /// Begins one snapshot of the records. The keys are read outside it on purpose: a key that was shredded
    /// meanwhile must not be found any more.
    fn begin(&mut self) -> Result<(), Error> {
        match &mut self.records {
            Connection::Sqlite(c) => Begin.execute(c).map(drop)?,
            Connection::Postgres(c) => c.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")?,
        }
        Ok(())
    }

    /// Runs `work` inside the snapshot that was begun, and ends it.
    fn finish<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        // A panic in `work` leaves the snapshot open.
        self.broken = true;
        let result = work(self);
        let ended = self.end();
        // What failed may be the connection; a refusal of the house costs three short questions.
        self.broken = ended.is_err() || (result.is_err() && !self.answers());
        match (result, ended) {
            (Ok(_), Err(cause)) => Err(cause.into()),
            (result, _) => result,
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        match &mut self.records {
            Connection::Sqlite(c) => Rollback.execute(c).map(drop)?,
            Connection::Postgres(c) => c.batch_execute("ROLLBACK")?,
        }
        Ok(())
    }

    fn answers(&mut self) -> bool {
        self.records.answers() && self.keys.answers() && self.audit.answers()
    }
}

/// A snapshot on the connection that waits, or on a new one if that died meanwhile.
fn begun(location: &Location, waiting: Option<Read>) -> Result<Read, Error> {
    if let Some(mut read) = waiting
        && read.begin().is_ok()
    {
        return Ok(read);
    }
    let mut read = Read::open(location)?;
    read.begin()?;
    Ok(read)
}

type Errand = Box<dyn FnOnce(Result<&mut Read, Error>) + Send>;

/// A question for a key, and where its answer goes.
type KeyAsked = (ApiKeyId, oneshot::Sender<Result<Option<Arc<ApiKeyRow>>, Error>>);

/// What almost every call asks.
enum Hot {
    /// Everything of some people.
    Subjects(Vec<Who>, oneshot::Sender<Result<Vec<Option<SubjectRows>>, Error>>),
    /// The key it comes with.
    Key(ApiKeyId, oneshot::Sender<Result<Option<Arc<ApiKeyRow>>, Error>>),
}

#[expect(private_interfaces, reason = "the threads are nobody else's business")]
pub(super) enum Reader {
    Sqlite { location: Location, idle: Mutex<Vec<Read>> },
    Postgres { hot: Gatherer<Hot>, errands: Vec<Gatherer<Errand>>, next: AtomicUsize },
}

impl Reader {
    pub(super) fn start(location: &Location) -> Result<Self, Error> {
        if location.embedded() {
            return Ok(Self::Sqlite { location: location.clone(), idle: Mutex::new(Vec::new()) });
        }
        let errands = (0..ERRAND_READERS).map(|number| {
            let at = location.clone();
            let mut read = Some(Read::open(&at)?);
            Gatherer::spawn(&format!("obhut-reader-{number}"), WAITING, first_come, move |batch| {
                run(&at, &mut read, batch)
            })
        });
        let at = location.clone();
        let mut read = Some(Read::open(&at)?);
        let hot = Gatherer::spawn("obhut-reader-hot", WAITING, first_come, move |batch| answer(&at, &mut read, batch))?;
        Ok(Self::Postgres { hot, errands: errands.collect::<Result<_, Error>>()?, next: AtomicUsize::new(0) })
    }

    pub(super) async fn subjects(&self, who: Vec<Who>) -> Result<Vec<Option<SubjectRows>>, Error> {
        match self {
            Self::Sqlite { .. } => self.inline(|read| people::load(read, &who)),
            Self::Postgres { hot, .. } => {
                let (asker, answer) = oneshot::channel();
                hot.submit(Hot::Subjects(who, asker))?;
                answer.await.unwrap_or(Err(Error::Stopped))
            }
        }
    }

    pub(super) async fn api_key(&self, id: ApiKeyId) -> Result<Option<Arc<ApiKeyRow>>, Error> {
        match self {
            Self::Sqlite { location, idle } => {
                let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut read = waiting.map_or_else(|| Read::open(location), Ok)?;
                // One statement is a snapshot of its own.
                let key = read.api_keys.find(&mut read.records, id)?;
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(read);
                Ok(key)
            }
            Self::Postgres { hot, .. } => {
                let (asker, answer) = oneshot::channel();
                hot.submit(Hot::Key(id, asker))?;
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
            Self::Postgres { errands, next, .. } => {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let thread = errands.get(turn % errands.len().max(1)).ok_or(Error::Stopped)?;
                let (asker, answer) = oneshot::channel();
                let errand: Errand = Box::new(move |read| {
                    let result = match read {
                        Ok(read) => read.finish(work),
                        Err(cause) => Err(cause.into()),
                    };
                    let _ = asker.send(result);
                });
                thread.submit(errand)?;
                answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
            }
        }
    }

    /// A read on the calling thread; only the embedded database has one.
    pub(super) fn inline<T, E: From<Error>>(&self, work: impl FnOnce(&mut Read) -> Result<T, E>) -> Result<T, E> {
        let Self::Sqlite { location, idle } = self else { return Err(Error::Stopped.into()) };
        let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut read = begun(location, waiting)?;
        let result = read.finish(work);
        if !read.broken {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(read);
        }
        result
    }
}

fn answer(location: &Location, read: &mut Option<Read>, batch: Vec<Hot>) {
    let (mut hot, mut keys) = (VecDeque::new(), Vec::new());
    for asked in batch {
        match asked {
            Hot::Subjects(who, asker) => hot.push_back((who, asker)),
            Hot::Key(id, asker) => keys.push((id, asker)),
        }
    }
    if !keys.is_empty() {
        answer_keys(location, read, keys);
    }
    while !hot.is_empty() {
        answer_subjects(location, read, some_of(&mut hot));
    }
}

fn run(location: &Location, read: &mut Option<Read>, errands: Vec<Errand>) {
    let mut away = None;
    for errand in errands {
        // A database that is away is not waited for once per errand.
        if let Some(why) = &away {
            errand(Err(Error::Open(String::clone(why))));
            continue;
        }
        // A panic was reported by the panic hook, and the asker's channel is closed; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| match begun(location, read.take()) {
            Ok(mut begun) => {
                errand(Ok(&mut begun));
                *read = Some(begun).filter(|read| !read.broken);
            }
            Err(cause) => {
                if let Error::Open(why) = &cause {
                    away = Some(why.clone());
                }
                errand(Err(cause));
            }
        }));
    }
}

/// One statement for all calls that wait; it is a snapshot of its own.
fn answer_keys(location: &Location, read: &mut Option<Read>, asked: Vec<KeyAsked>) {
    let ids: Vec<ApiKeyId> = asked.iter().map(|(id, _)| *id).collect();
    let find = |waiting: Option<Read>| {
        let mut found = waiting.map_or_else(|| Read::open(location), Ok)?;
        let rows = api_keys::many(&mut found.records, &ids)?;
        Ok::<_, Error>((found, rows))
    };
    // The connection may have died while it was idle: once more with a new one.
    let found = find(read.take()).or_else(|cause| match cause {
        // Nobody opens there; a second try would only make the callers wait longer.
        Error::Open(_) => Err(cause),
        _ => find(None),
    });
    match found {
        Ok((found, rows)) => {
            *read = Some(found);
            let rows: Vec<Arc<ApiKeyRow>> = rows.into_iter().map(Arc::new).collect();
            for (id, asker) in asked {
                let _ = asker.send(Ok(rows.iter().find(|row| row.key_id == id).cloned()));
            }
        }
        Err(cause) => {
            tracing::error!(error = ?cause, "API keys could not be read");
            for (_, asker) in asked {
                let _ = asker.send(Err(Error::Stopped));
            }
        }
    }
}

type HotRead = (Vec<Who>, oneshot::Sender<Result<Vec<Option<SubjectRows>>, Error>>);

/// Takes the first of them, at least one, with about [`PEOPLE`] people.
fn some_of(hot: &mut VecDeque<HotRead>) -> Vec<HotRead> {
    let (mut some, mut people) = (Vec::new(), 0);
    while let Some(next) = hot.pop_front_if(|(who, _)| people == 0 || people + who.len() <= PEOPLE) {
        people += next.0.len();
        some.push(next);
    }
    some
}

fn answer_subjects(location: &Location, read: &mut Option<Read>, asked: Vec<HotRead>) {
    let all: Vec<Who> = asked.iter().flat_map(|(who, _)| who.iter().cloned()).collect();
    let mut loaded = load(location, read, &all);
    if loaded.as_ref().is_err_and(|cause| !matches!(cause, Error::Open(_))) && read.is_none() {
        // The connection broke, perhaps while it was idle: once more with a new one.
        loaded = load(location, read, &all);
    }
    match loaded {
        Ok(rows) => {
            let mut rows = rows.into_iter();
            for (who, asker) in asked {
                let _ = asker.send(Ok(rows.by_ref().take(who.len()).collect()));
            }
        }
        Err(cause) => {
            tracing::error!(error = ?cause, "a read batch failed");
            for (_, asker) in asked {
                let _ = asker.send(Err(Error::Stopped));
            }
        }
    }
}

/// Leaves nothing in `read` if its connection broke.
fn load(location: &Location, read: &mut Option<Read>, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    let mut begun = begun(location, read.take())?;
    let mut rows = Vec::with_capacity(who.len());
    let loaded = begun.finish(|read| {
        for some in who.chunks(PEOPLE) {
            rows.extend(people::load(read, some)?);
        }
        Ok(rows)
    });
    *read = Some(begun).filter(|read| !read.broken);
    loaded
}

/// Long reads: each on a thread and a connection of its own.
pub(super) struct Apart {
    location: Location,
    places: Arc<Semaphore>,
}

impl Apart {
    pub(super) fn new(location: &Location) -> Self {
        Self { location: location.clone(), places: Arc::new(Semaphore::new(APART)) }
    }

    pub(super) async fn read<T, E>(&self, work: impl FnOnce(&mut Read) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Error::Stopped)?;
        let (asker, answer) = oneshot::channel();
        let location = self.location.clone();
        let read = move || {
            let result = Read::open(&location).map_err(E::from).and_then(|mut read| work(&mut read));
            // Only now, even if the asker hung up.
            drop(place);
            let _ = asker.send(result);
        };
        let thread = std::thread::Builder::new().name("obhut-apart".to_owned());
        thread.spawn(read).map_err(|cause| Error::Open(cause.to_string()))?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
    }
}
