//! [`House`]: the rooms an endpoint may enter. Built once by `app`, shared by all workers.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::collect::Pool;
use super::doorkeeper::Doorkeeper;
use super::health::Probe;
use super::limits::Entrance;
use crate::audit::Book;
use crate::connect::Vendors;
use crate::consent::Rulebook;
use crate::gateway::Gateway;
use crate::intake::Intake;
use crate::rights::Rights;
use crate::segments::Segments;
use crate::store::Store;
use crate::types::{Clock, Entropy, IdMaker};
use crate::vault::Strongbox;

/// The rooms. Keys are not among them: each moved into the room that owns it.
pub struct House {
    /// The way in.
    pub intake: Arc<Intake>,
    /// The way out.
    pub gateway: Arc<Gateway>,
    /// Questions over many people.
    pub segments: Arc<Segments>,
    /// What people may demand.
    pub rights: Arc<Rights>,
    /// Purposes and sources.
    pub rulebook: Arc<Rulebook>,
    /// The vendors the sources are connected to.
    pub vendors: Arc<Vendors>,
    /// Who may call.
    pub doorkeeper: Doorkeeper,
    /// The audit book.
    pub book: Arc<Book>,
    /// The hub's own confidential things: replies kept for repeated calls.
    pub strongbox: Arc<Strongbox>,
    /// Rows that hold nothing personal: configuration, requests.
    pub store: Store,
    /// Whether the database answers.
    pub probe: Probe,
    /// Where calls that bring records wait.
    pub entrance: Entrance,
    /// Events on their way in.
    pub pool: Pool,
    /// Where vendors reach this hub from outside, if it is configured.
    pub public_url: Option<String>,
    /// Ids.
    pub ids: Arc<IdMaker>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

impl super::health::Readiness for House {
    fn ready(&self) -> Result<(), String> {
        match (self.store.healthy(), self.book.healthy()) {
            (true, true) => Ok(()),
            (false, _) => Err("the disk failed below the records".to_owned()),
            (_, false) => Err("the disk failed below the audit book".to_owned()),
        }
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.probe.ask(&self.store, &*self.clock))
    }
}
