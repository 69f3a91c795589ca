//! Questions over many people: who is in a segment, and pulling them page by page.
//!
//! A segment is a rule over records, bound to one purpose and channel. It only ever contains people whose standing
//! allows that purpose, because every evaluation and every delivery goes through the gateway's door under the caller's
//! own scope. This room must never keep who is in a segment, open anything itself, or answer a rule that asks for more
//! than its purpose may see. Read next: [`Rule`], then [`Segment`], then `pull`.

mod catalog;
mod check;
mod csv;
mod defaults;
mod evaluate;
mod excluded;
mod explain;
mod facts;
mod measure;
mod member;
mod membership;
mod path;
mod pull;
mod read;
mod rule;
mod segment;
mod shelf;
mod terms;
mod token;

use std::sync::Arc;

pub use csv::Table;
pub use defaults::segments as default_segments;
pub use evaluate::evaluate;
pub use excluded::{Excluded, Exclusion, SMALLEST_GROUP};
pub use explain::Explanation;
pub use facts::Facts;
pub use member::Member;
pub use membership::Membership;
pub use path::FieldPath;
pub use pull::{Count, MAX_LIMIT, Page};
pub use read::{Fault, MAX_DEPTH, MAX_LIST, MAX_NODES};
pub use rule::{Condition, Rule};
pub use segment::{ContactPoints, Segment, SegmentCode};
pub use shelf::{Stored, Version};
pub use terms::{
    AttributeTest, Birthday, Bounds, Events, Newsletter, OrderStatus, Orders, Phase, PhaseLimits, PhaseTest, Place,
    Reviews, Scalar, Since, SubscriptionStatus, Total,
};
pub use token::{Cursor, OptOut};

use crate::audit::{self, Book};
use crate::consent::{Reason, Rulebook};
use crate::gateway::{self, Gateway};
use crate::store::{self, Store};
use crate::types::{Clock, EntropyFailure, IdMaker};
use crate::vault::{self, Strongbox};

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No segment has this code.
    #[error("there is no such segment")]
    Unknown,
    /// The segment cannot be saved.
    #[error("the segment is not valid")]
    Invalid(Vec<Fault>),
    /// The segment was saved, but does not fit the purposes in force any more.
    #[error("the segment does not fit its purpose any more")]
    Outdated(Vec<Fault>),
    /// The segment was changed while it was being pulled. Begin again.
    #[error("the segment was changed while it was being pulled")]
    Changed,
    /// The segment is not in a version that may be replaced or removed. Nothing was changed.
    #[error("the segment is in another version")]
    OtherVersion,
    /// The cursor is not one of this hub.
    #[error("the cursor is not valid")]
    Cursor,
    /// The caller may not ask under the purpose of the segment.
    #[error("the caller may not ask under this purpose: {0}")]
    NotAllowed(Reason),
    /// A stored definition is not one this version understands.
    #[error("a stored segment cannot be read")]
    Unreadable,
    /// The store failed.
    #[error("the segments could not be loaded or stored")]
    Store(#[from] store::Error),
    /// The gateway failed; nothing was handed over.
    #[error("the people could not be read")]
    Gateway(#[from] gateway::Error),
    /// The audit line could not be written; nothing was changed or handed over.
    #[error("the audit line could not be written")]
    Audit(#[from] audit::Error),
    /// A token could not be sealed.
    #[error("a token could not be made")]
    Vault(#[from] vault::Error),
    /// There is no randomness for an id.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

/// The segments of the hub.
pub struct Segments {
    store: Store,
    gateway: Arc<Gateway>,
    rulebook: Arc<Rulebook>,
    book: Arc<Book>,
    strongbox: Arc<Strongbox>,
    clock: Arc<dyn Clock>,
    ids: Arc<IdMaker>,
}

impl Segments {
    /// The segments kept in `store`, pulled through `gateway`.
    #[must_use]
    pub fn new(
        store: Store,
        gateway: Arc<Gateway>,
        rulebook: Arc<Rulebook>,
        book: Arc<Book>,
        strongbox: Arc<Strongbox>,
        clock: Arc<dyn Clock>,
        ids: Arc<IdMaker>,
    ) -> Self {
        Self { store, gateway, rulebook, book, strongbox, clock, ids }
    }

    /// Whom the token of an opt-out link is for; None if this hub did not make it.
    #[must_use]
    pub fn opt_out(&self, token: &str) -> Option<OptOut> {
        OptOut::open(token, &self.strongbox)
    }
}

#[cfg(test)]
mod tests;
