//! What a person may demand: a copy of their data (Art. 15), its erasure (Art. 17), and an answer in time (Art. 12(3)).
//!
//! A [`Request`] has a life; each step is a row and an audit line. [`Rights::access`] builds the package through the
//! gateway's door. [`Rights::erase`] destroys keys, rows and indexes, leaves tombstones and a signed
//! [`Certificate`], and keeps what a law demands under a key of its own. [`Rights::forget`] deletes what nothing keeps
//! any more, asked or not. This room owns the [`Shredder`]. It must
//! never open data itself, write a package to disk, or end a case before what it promises is done.
//! Read in this order: `deadline`, `request`, `access`, `erase`, `due`. Read next: [`crate::gateway`].

mod access;
mod attributes;
mod audience;
mod certificate;
mod correct;
pub mod deadline;
mod due;
mod erase;
mod errand;
mod explain;
mod finish;
mod forget;
mod nobody;
mod notice;
mod package;
mod page;
mod passed_on;
mod receive;
mod recipients;
mod request;
mod rest;
mod retention;
mod tally;
mod unsubscribe;
mod vendors;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use access::{Membership, Package};
pub use audience::{DIGESTS, Handed, Handing, Heir, ToldBy};
pub use certificate::{Certificate, Invalid, Kept, Recipient, verify_certificate};
pub use correct::{Correction, Linked, ToTell};
pub use deadline::{Deadline, Land};
pub use notice::{Notice, NoticeState};
pub use request::{Answered, Case, Executing, Kind, Received, Refused, RefusedFor, Request};
pub use tally::{Rule, Tally};
pub use unsubscribe::{KnownThere, Withdrawal};
pub use vendors::{NOTHING_FOUND, SourceErasure};

use crate::audit::{self, Book};
use crate::consent::Rulebook;
use crate::gateway::{self, Actor, Caller, Gateway};
use crate::store::{self, Failure, Store};
use crate::types::{Clock, EntropyFailure, IdMaker, RequestId, Role, SubjectId, Timestamp};
use crate::vault::{self, Keyring, KeyringError, Shredder};

/// Why a right could not be served. No text names a person or a value.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is known under this id or identifier.
    #[error("nobody is known under this id or identifier")]
    SubjectUnknown,
    /// The person behind this identifier was erased; a keyed hash of the identifier keeps old data from coming back.
    #[error("the person was erased")]
    SubjectErased(Timestamp),
    /// Several people hold this identifier, and only the caller can say whom it is about: these.
    #[error("several people hold this identifier")]
    SeveralPeople(Vec<SubjectId>),
    /// There is no such request.
    #[error("there is no such request")]
    RequestUnknown,
    /// The request has no recipient of this name.
    #[error("the request has no such recipient")]
    RecipientUnknown,
    /// The request does not stand where this step begins.
    #[error("the request is {0}")]
    OutOfTurn(&'static str),
    /// The caller may not act for this person.
    #[error("the caller may not act on this request")]
    NotAllowed,
    /// A request cannot arrive in the future.
    #[error("a request cannot have been received in the future")]
    ReceivedInFuture,
    /// A rectification is recorded by what rectifies.
    #[error("this right is not demanded here")]
    NotDemanded,
    /// The period can be extended once, and only while it runs (Art. 12(3) GDPR).
    #[error("the period cannot be extended any more")]
    NotExtendable,
    /// What a law keeps cannot be carried over, because the person's data is restricted (Art. 18 GDPR). The restriction
    /// has to be lifted first.
    #[error("{0} records that a law keeps cannot be carried over while the data is restricted")]
    Restricted(usize),
    /// The person's data kept changing while it was to be erased. Nothing was erased; ask again.
    #[error("the data changed meanwhile")]
    Changed,
    /// Readers kept the database from overwriting what was erased. The erasure goes on when it is asked for again.
    #[error("readers are in the way of the last step of the erasure")]
    ReadersInTheWay,
    /// An instant outside the calendar.
    #[error("the time is outside the calendar")]
    Time,
    /// A stored outcome or a document cannot be written or read.
    #[error("the {0} cannot be written or read")]
    Document(&'static str),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// The gateway failed.
    #[error("the gateway failed")]
    Gateway(#[from] gateway::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
    /// A key could not be made or used.
    #[error("the vault failed")]
    Vault(#[from] vault::Error),
    /// The key epochs could not be loaded.
    #[error("the key epochs could not be loaded")]
    Keyring(#[from] KeyringError),
    /// No randomness for an id.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

/// What the merchant tells about themselves in every answer, and how their periods run. What is missing is named as
/// missing in the package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controller {
    /// Name and address (Art. 13(1)(a) GDPR).
    pub name: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
    /// How to reach the data protection officer.
    pub dpo: Option<String>,
    /// The authority to complain to (Art. 15(1)(f) GDPR).
    pub authority: Option<String>,
    /// Third countries data goes to, with the safeguard of each (Art. 15(2) GDPR).
    pub transfers: Vec<String>,
    /// The Land whose holidays count too.
    pub land: Option<Land>,
    /// Days after which a key epoch is replaced and destroyed; none: by hand only.
    pub kek_rotation_days: Option<u32>,
}

/// The rights. It owns the [`Shredder`].
pub struct Rights {
    store: Store,
    gateway: Arc<Gateway>,
    shredder: Arc<Shredder>,
    keyring: Arc<Keyring>,
    book: Arc<Book>,
    rulebook: Arc<Rulebook>,
    ids: Arc<IdMaker>,
    clock: Arc<dyn Clock>,
    controller: Controller,
    mute: std::collections::BTreeSet<String>,
    /// One erasure at a time in this process, so that no step of one is taken twice.
    erasing: tokio::sync::Mutex<()>,
}

impl Rights {
    /// The rights of one hub. There is one per process.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "the wiring names each part once")]
    pub fn new(
        store: Store,
        gateway: Arc<Gateway>,
        shredder: Shredder,
        keyring: Arc<Keyring>,
        book: Arc<Book>,
        rulebook: Arc<Rulebook>,
        ids: Arc<IdMaker>,
        clock: Arc<dyn Clock>,
        controller: Controller,
    ) -> Self {
        let (shredder, erasing) = (Arc::new(shredder), tokio::sync::Mutex::new(()));
        let mute = std::collections::BTreeSet::new();
        Self { store, gateway, shredder, keyring, book, rulebook, ids, clock, controller, mute, erasing }
    }

    /// The connectors of which no vendor can be asked to forget anybody: nothing is kept to be told to them.
    #[must_use]
    pub fn with_mute(mut self, connectors: impl IntoIterator<Item = String>) -> Self {
        self.mute = connectors.into_iter().collect();
        self
    }

    /// The key that verifies certificates, base64: to be published.
    #[must_use]
    pub fn certificate_key(&self) -> String {
        certificate::base64(self.shredder.certificates().public_key())
    }

    fn request_id(&self) -> Result<RequestId, Error> {
        Ok(RequestId::from_uuid(self.ids.uuid()?))
    }
}

/// May this caller act on a request of `case`'s person: the person, the data protection officer, or the hub itself?
fn allowed(by: &Caller, case: &Case) -> Result<(), Error> {
    let may = match by.actor {
        Actor::Key { role, .. } => role == Role::Dpo,
        Actor::Subject(person) => person == case.subject,
        Actor::Hub(_) => true,
    };
    if may { Ok(()) } else { Err(Error::NotAllowed) }
}
