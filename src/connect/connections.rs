//! [`Connections`]: what merchants entered to reach their vendors, kept sealed, and where the streams stand.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::session::Keeper;
use super::{Fault, FilePlace, Outgoing, Parameters, Parking, StreamPlace};
use crate::store::connections::{self, ConnectionRow};
use crate::store::{self, Failure, Store, parked};
use crate::types::{Clock, SourceNo, Timestamp};
use crate::vault::{Drawer, Row, Strongbox};

/// How far a source was read.
#[derive(Default, Serialize, Deserialize)]
pub struct Places {
    /// Where each file of its folder stands, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FilePlace>,
    /// Where each stream stands, by its name.
    #[serde(flatten)]
    pub streams: BTreeMap<String, StreamPlace>,
}

/// How the vendor of one source is reached. It holds credentials: it is neither printed nor sent anywhere.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// What the merchant entered.
    pub parameters: Parameters,
    /// What the operator allows.
    #[serde(default)]
    pub outgoing: Outgoing,
    /// Where its vendor tells by itself what changes, if the hub had it do so; a secret may be the last part. The last one counts; those
    /// before it are still to be ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listening: Vec<String>,
    /// When each parameter was entered, or handed out in its place; microseconds. [`Connections`] writes it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entered: BTreeMap<String, i64>,
    /// A keyed digest of the account at the vendor whose data the source holds, where the vendor tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl Connection {
    /// One that is not kept yet.
    #[must_use]
    pub const fn new(parameters: Parameters, outgoing: Outgoing) -> Self {
        Self { parameters, outgoing, listening: Vec::new(), entered: BTreeMap::new(), account: None }
    }

    /// Notes when what is another than `before` was entered.
    fn note(&mut self, before: &Self, now: Timestamp) {
        let same = |name: &String, value: &String| before.parameters.get(name) == Some(value);
        let entered = self.parameters.iter().filter_map(|(name, value)| {
            let at = if same(name, value) { before.entered.get(name).copied() } else { Some(now.micros()) };
            Some((name.clone(), at?))
        });
        self.entered = entered.collect();
    }
}

/// All connections.
#[derive(Clone)]
pub struct Connections {
    store: Store,
    strongbox: Arc<Strongbox>,
}

/// Why a connection could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Unkept {
    /// The store failed.
    #[error("the connection could not be read or written")]
    Store(#[from] store::Error),
    /// What was kept does not open, or there is no randomness.
    #[error("the connection cannot be sealed or opened")]
    Vault(#[from] crate::vault::Error),
    /// What was kept is not of this version.
    #[error("the kept connection is not one this version wrote")]
    Unreadable,
}

impl Failure for Unkept {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

impl Connections {
    /// All connections of a hub.
    #[must_use]
    pub const fn new(store: Store, strongbox: Arc<Strongbox>) -> Self {
        Self { store, strongbox }
    }

    /// Keeps a connection, in the place of the one the source had.
    ///
    /// # Errors
    /// If it cannot be sealed or written.
    pub async fn put(
        &self,
        source: SourceNo,
        connection: &Connection,
        every_seconds: i32,
        now: Timestamp,
    ) -> Result<(), Unkept> {
        let mut connection = connection.clone();
        let nothing = Connection::new(Parameters::new(), Outgoing::default());
        connection.note(&self.of(source).await?.unwrap_or(nothing), now);
        let row = ConnectionRow {
            source_no: source,
            sealed: self.seal(Drawer::Credentials, source, &connection)?,
            places: Vec::new(),
            every_seconds,
            next_at: if every_seconds > 0 { now } else { Timestamp::UNSET },
            wanted_at: Timestamp::UNSET,
            failures: 0,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            created_at: now,
        };
        Ok(self.store.write(move |write| connections::put(write, &row)).await?)
    }

    /// Changes the parameters of a source, as they are by then: what somebody else changed meanwhile stays. Schedule and places
    /// stay too; if the source failed, it is tried again at once.
    ///
    /// # Errors
    /// If they cannot be opened, sealed or written, or the source is not connected any more.
    pub async fn amend(
        &self,
        source: SourceNo,
        now: Timestamp,
        change: impl Fn(&mut Parameters) + Send + 'static,
    ) -> Result<(), Unkept> {
        self.alter(source, now, move |connection| change(&mut connection.parameters)).await
    }

    /// The same for whatever else stands in the connection of a source.
    ///
    /// # Errors
    /// As [`Connections::amend`].
    pub async fn alter(
        &self,
        source: SourceNo,
        now: Timestamp,
        change: impl Fn(&mut Connection) + Send + 'static,
    ) -> Result<(), Unkept> {
        let own = self.clone();
        let work = move |write: &mut store::Write<'_>| {
            own.change(write, source, now, &change)?;
            Ok(connections::rest(write, source, now)?)
        };
        self.store.write(work).await
    }

    /// In one transaction, so that of two who change something neither undoes the other's.
    fn change(
        &self,
        write: &mut store::Write<'_>,
        source: SourceNo,
        now: Timestamp,
        change: impl Fn(&mut Connection),
    ) -> Result<(), Unkept> {
        let row = connections::find(write.records(), source)?.ok_or(Unkept::Unreadable)?;
        let mut connection: Connection = self.open(Drawer::Credentials, source, &row.sealed)?;
        let before = connection.clone();
        change(&mut connection);
        connection.note(&before, now);
        let sealed = self.seal(Drawer::Credentials, source, &connection)?;
        Ok(connections::reseal(write, source, &sealed)?)
    }

    /// How a source is reached; none if it is not connected.
    ///
    /// # Errors
    /// If it cannot be read or opened.
    pub async fn of(&self, source: SourceNo) -> Result<Option<Connection>, Unkept> {
        let row = self.store.read(move |read| connections::find(read.records(), source)).await?;
        row.map(|row| self.open(Drawer::Credentials, source, &row.sealed)).transpose()
    }

    /// All of them, without what is sealed in them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn rows(&self) -> Result<Vec<ConnectionRow>, store::Error> {
        self.store.read(|read| connections::all(read.records())).await
    }

    /// Forgets a connection with its credentials. The records that came by it stay. False if there is none.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub async fn remove(&self, source: SourceNo) -> Result<bool, store::Error> {
        let remove = move |write: &mut store::Write<'_>| {
            parked::forget(write, source)?;
            connections::delete(write, source)
        };
        self.store.write(remove).await
    }

    /// Where the streams of a row stand.
    ///
    /// # Errors
    /// If it does not open.
    pub fn places(&self, row: &ConnectionRow) -> Result<Places, Unkept> {
        if row.places.is_empty() {
            Ok(Places::default())
        } else {
            self.open(Drawer::Places, row.source_no, &row.places)
        }
    }

    /// Seals where the streams of a source stand.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal_places(&self, source: SourceNo, places: &Places) -> Result<Vec<u8>, Unkept> {
        self.seal(Drawer::Places, source, places)
    }

    pub(super) fn strongbox(&self) -> &Strongbox {
        &self.strongbox
    }

    /// What of the sources could not be taken in.
    #[must_use]
    pub fn parking(&self) -> Parking {
        Parking::new(self.store.clone(), self.strongbox.clone())
    }

    /// Keeps refresh tokens of a source that its vendor hands out anew.
    #[must_use]
    pub fn keeper(&self, source: SourceNo, clock: Arc<dyn Clock>) -> Arc<dyn Keeper> {
        Arc::new(Keep { connections: self.clone(), source, clock })
    }

    fn seal(&self, drawer: Drawer, source: SourceNo, value: &impl Serialize) -> Result<Vec<u8>, Unkept> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(value).map_err(|_| Unkept::Unreadable)?);
        Ok(self.strongbox.seal(drawer, Row::number(source.0.into()), &plain)?)
    }

    fn open<T: for<'de> Deserialize<'de>>(&self, drawer: Drawer, source: SourceNo, sealed: &[u8]) -> Result<T, Unkept> {
        let plain = self.strongbox.open(drawer, Row::number(source.0.into()), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Unkept::Unreadable)
    }
}

struct Keep {
    connections: Connections,
    source: SourceNo,
    clock: Arc<dyn Clock>,
}

impl Keeper for Keep {
    fn keep(&self, parameter: &str, value: &str) -> BoxFuture<'_, Result<(), Fault>> {
        let (parameter, value) = (parameter.to_owned(), Zeroizing::new(value.to_owned()));
        let (connections, source, now) = (self.connections.clone(), self.source, self.clock.now());
        Box::pin(async move {
            let kept = self.connections.store.write(move |write| {
                connections.change(write, source, now, |connection| {
                    connection.parameters.insert(parameter.clone(), value.as_str().to_owned());
                })
            });
            kept.await.map_err(|error: Unkept| {
                tracing::error!(error = ?error, "a new refresh token could not be kept");
                Fault::Keep
            })
        })
    }

    fn kept(&self, parameter: &str) -> BoxFuture<'_, Result<Option<String>, Fault>> {
        let parameter = parameter.to_owned();
        Box::pin(async move {
            let connection = self.connections.of(self.source).await.map_err(|error| {
                tracing::error!(error = ?error, "a refresh token could not be read");
                Fault::Keep
            })?;
            Ok(connection.and_then(|connection| connection.parameters.get(&parameter).cloned()))
        })
    }
}
