//! Rows and ciphertext, in SQLite or PostgreSQL: the only room that speaks SQL.
//!
//! It keeps three shelves (files or schemas): records with consent and graph, wrapped keys, the audit book. It
//! hands out rows; personal data in them is ciphertext or a blind index, and this room has no key to either.
//! Writing goes through one gathered transaction ([`Store::write`]), reading through a snapshot ([`Store::read`]).
//! One file per table. Read next: [`crate::vault`], which seals what is stored here.

mod among;
mod columns;
pub(crate) mod connection;
mod error;
mod fixed;
mod gatherer;
mod migrate;
mod people;
mod reader;
mod recent;
mod rewrapped;
pub mod rows;
mod schema;
mod writer;

pub mod acquaintances;
pub mod apart;
pub mod api_keys;
pub mod arrivals;
pub mod audiences;
pub mod audit;
pub mod audit_heads;
pub mod cards;
mod checkpoint;
pub mod connections;
pub mod deliveries;
pub mod fellows;
pub mod gone;
pub mod held;
pub mod holders;
pub mod identifiers;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod links;
pub mod loose;
pub mod messages;
pub mod models;
pub mod newcomers;
pub mod notices;
pub mod orphans;
pub mod parked;
pub mod purposes;
pub mod reach;
pub mod records;
pub mod replies;
pub mod requests;
pub mod reviews;
pub mod segments;
pub mod source_erasures;
pub mod sources;
pub mod subjects;
pub mod subscribers;
pub mod survivorship;
pub mod syncs;
pub mod terms;
pub mod tombstones;
pub mod turned_away;
pub mod unheard;
pub mod unmatched;
pub mod unsubscriptions;

use std::sync::Arc;

pub use connection::{Location, Shelf};
pub use error::{Error, Failure};
pub use migrate::danger_down;
pub use reader::Read;
pub use writer::Write;

use crate::types::ApiKeyId;
use api_keys::ApiKeyRow;
use rows::{SubjectRows, Who};

/// Creates a directory, if it is not there, that its owner alone may enter (mode 0700), and those above it.
///
/// # Errors
/// If it cannot be created.
pub fn own_directory(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The store. Clones share the same threads and connections.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    writer: writer::Writer,
    reader: reader::Reader,
    apart: reader::Apart,
    location: Location,
}

impl Store {
    /// Opens the database, creates the directory (mode 0700) and brings all shelves to this version.
    ///
    /// # Errors
    /// If the database cannot be opened, created or migrated.
    pub fn open(location: &Location) -> Result<Self, Error> {
        if let Location::Sqlite(directory) = location {
            own_directory(directory).map_err(|cause| Error::Open(cause.to_string()))?;
            for option in connection::compiled_wrongly()? {
                tracing::warn!(
                    option,
                    "SQLite was not compiled with the flags of .cargo/config.toml; build the hub there"
                );
            }
        }
        migrate::up(location)?;
        let writer = writer::Writer::start(location)?;
        let reader = reader::Reader::start(location)?;
        Ok(Self(Arc::new(Inner { writer, reader, apart: reader::Apart::new(location), location: location.clone() })))
    }

    /// Runs `work` in the next write transaction and returns after its durable commit. `work` may run several
    /// times; only its last run counts.
    ///
    /// # Errors
    /// What `work` returned (then nothing of it was written), or why the transaction could not commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure,
        F: FnMut(&mut Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.writer.write(0, work).await
    }

    /// As [`Store::write`], for `work` that brings so many `records`: it lets short writes pass.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_many<T, E, F>(&self, records: usize, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure,
        F: FnMut(&mut Write<'_>) -> Result<T, E> + Send + 'static,
    {
        self.0.writer.write(records, work).await
    }

    /// Runs `work` in one snapshot of the records, taken after this call.
    ///
    /// # Errors
    /// What `work` returned, or why there is no snapshot.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Read) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.reader.read(work).await
    }

    /// Runs a long `work` on a thread and a connection of its own, so that nobody waits for it. There is no snapshot
    /// around it: each of its statements sees what is there by then. A third caller waits until a place is free.
    ///
    /// # Errors
    /// What `work` returned, or why the database cannot be opened.
    pub async fn read_apart<T, E>(&self, work: impl FnOnce(&mut Read) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.apart.read(work).await
    }

    /// The hot read: for each of `who`, everything a decision and a disclosure need, from one snapshot taken after
    /// this call; `None` for nobody. At most a few hundred at once.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn subjects(&self, who: Vec<Who>) -> Result<Vec<Option<SubjectRows>>, Error> {
        self.0.reader.subjects(who).await
    }

    /// The other hot read: the key a call comes with, as it is after this call.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<Arc<ApiKeyRow>>, Error> {
        self.0.reader.api_key(id).await
    }

    /// Cuts the write-ahead logs off after an erasure. False if readers were in the way; then ask again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn scrub(&self) -> Result<bool, Error> {
        self.0.writer.scrub().await
    }

    /// False once the disk failed: nothing may be served.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.0.writer.healthy()
    }

    /// Asks the database for one small row of the records and one of the keys.
    ///
    /// # Errors
    /// If it cannot be read. A database that is silent is waited for.
    pub async fn answers(&self) -> Result<(), Error> {
        if !self.0.location.embedded() {
            return self.0.reader.read(Read::touch).await;
        }
        // A disk that hangs must not hold the thread that asks for it.
        let store = self.clone();
        let asked = tokio::task::spawn_blocking(move || store.0.reader.inline(Read::touch));
        asked.await.unwrap_or(Err(Error::Stopped))
    }

    /// Where the data lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.0.location
    }
}
