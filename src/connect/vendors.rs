//! [`Vendors`]: from the code of a source to a conversation with its vendor.

use std::sync::Arc;

use super::{
    Authorisation, Catalog, Connection, Connections, Error, Fault, Folder, Paces, Session, Surroundings, Unkept,
};
use crate::consent::{Rulebook, Source};
use crate::types::SourceNo;

/// The vendors this hub is connected to.
pub struct Vendors {
    /// The connectors.
    pub catalog: Arc<Catalog>,
    /// What merchants entered.
    pub connections: Connections,
    /// The sources.
    pub rulebook: Arc<Rulebook>,
    /// Time, chance and waiting.
    pub surroundings: Surroundings,
    /// How fast each of them is called.
    pub paces: Paces,
}

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// There is no such source.
    #[error("there is no source `{0}`")]
    NoSource(String),
    /// The source has no connection.
    #[error("`{0}` is not connected to its vendor; use `obhut sources add`")]
    NotConnected(String),
    /// No such connector in this version.
    #[error("the connector cannot be used")]
    Connector(#[source] Error),
    /// The vendor cannot be asked.
    #[error("{0}")]
    Vendor(Fault),
    /// The connection could not be read.
    #[error("the connection could not be read")]
    Unkept(#[from] Unkept),
}

impl From<Fault> for NoSession {
    fn from(fault: Fault) -> Self {
        Self::Vendor(fault)
    }
}

impl Vendors {
    /// A source and how its vendor is reached.
    ///
    /// # Errors
    /// If there is no such source or it is not connected.
    pub async fn connected(&self, code: &str) -> Result<(Arc<Source>, Connection), NoSession> {
        let source = self.rulebook.source_named(code).await.map_err(Unkept::from)?;
        let source = source.ok_or_else(|| NoSession::NoSource(code.to_owned()))?;
        let connection = self.connections.of(source.number).await?;
        Ok((source, connection.ok_or_else(|| NoSession::NotConnected(code.to_owned()))?))
    }

    /// Begins a conversation with the vendor of a source. Nobody is called yet.
    ///
    /// # Errors
    /// If the source is not connected, or what was entered cannot be used.
    pub async fn session(&self, code: &str) -> Result<Session, NoSession> {
        let (source, connection) = self.connected(code).await?;
        self.open(&source, &connection)
    }

    /// The same with a connection that was read before, or is not kept yet.
    ///
    /// # Errors
    /// If what was entered cannot be used.
    pub fn open(&self, source: &Source, connection: &Connection) -> Result<Session, NoSession> {
        self.session_with(&source.connector, connection, Some(source.number))
    }

    /// The folder of a source whose connector reads files only; none if its vendor is called.
    ///
    /// # Errors
    /// If there is no such connector, or what was entered cannot be used.
    pub fn folder(&self, connector: &str, connection: &Connection) -> Result<Option<Folder>, NoSession> {
        let connector = self.catalog.connector(connector).map_err(NoSession::Connector)?;
        if connector.link().is_some() {
            return Ok(None);
        }
        Ok(Some(Folder::of(&connection.parameters)?))
    }

    /// A conversation to try what was entered before it is kept.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn rehearse(&self, connector: &str, connection: &Connection) -> Result<Session, NoSession> {
        self.session_with(connector, connection, None)
    }

    /// Begins to ask the vendor for a refresh token, where that is had by opening an address of the vendor's; none where it is not.
    ///
    /// # Errors
    /// If what was entered cannot be used.
    pub fn authorise(&self, connector: &str, connection: &Connection) -> Result<Option<Authorisation>, NoSession> {
        let session = self.session_with(connector, connection, None)?;
        Ok(Authorisation::begin(session, &*self.surroundings.entropy)?)
    }

    fn session_with(
        &self,
        connector: &str,
        connection: &Connection,
        source: Option<SourceNo>,
    ) -> Result<Session, NoSession> {
        let connector = self.catalog.connector(connector).map_err(NoSession::Connector)?.clone();
        let surroundings = self.surroundings.clone();
        let keeper = source.map(|source| self.connections.keeper(source, surroundings.clock.clone()));
        let lane = source
            .zip(connector.link())
            .map(|(source, link)| self.paces.of(source, connector.name(), link, &connection.parameters));
        let entered = (&connection.parameters, &connection.outgoing);
        Ok(Session::open(connector, entered, surroundings, keeper, lane)?)
    }
}
