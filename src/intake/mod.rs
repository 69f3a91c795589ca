//! The way in: from JSON nobody has checked to canonical, sealed parts.
//!
//! [`parse`] turns one JSON object into a [`Canonical`] record or a [`Rejection`]. It knows no database and no key,
//! takes the time as an argument, and never lets a value of the record into an error: the texts of a rejection are its
//! own. [`Intake`] resolves whose each record is (`settle`), seals it and writes it; it can open nothing. Read next: [`record`] for what a record holds, [`normal`] for how each kind of value is written, then
//! [`crate::vault`], which seals.

mod accounts;
mod again;
mod along;
mod bonds;
mod bridge;
mod by_itself;
mod candidates;
pub mod canonical;
mod card;
mod claim;
mod compare;
mod corrections;
mod desk;
mod either;
mod entries;
mod error;
mod gone;
mod identify;
mod ingest;
mod judging;
mod known;
mod leaving;
mod matching;
pub mod normal;
mod owner;
mod plan;
mod prepare;
mod ready;
pub mod record;
mod rectify;
mod refusals;
mod regroup;
mod rejection;
mod reseal;
mod review;
mod revive;
mod schema;
mod separate;
mod settle;
mod sheet;
mod statement;
mod stranger;
mod table;
mod take_back;
mod terms;
mod train;
mod unmatched;
mod unread;
mod unsubscribed;
mod walk;
mod wire;

pub use by_itself::{Teller, ToTell};
pub use canonical::{Canonical, Identifier, SourceCode, parse, parse_under, parse_with};
pub use claim::ConsentClaim;
pub use error::Error;
pub use gone::{Ended, Listed};
pub use identify::{Joins, lookup_form};
pub use ingest::{CHUNK, Intake, Outcome, SYNC_CHUNK, Taken};
pub use ready::Ready;
pub use record::{KeepUntil, Statute};
pub use regroup::{BY_ITSELF, Progress, Regrouped};
pub use rejection::Rejection;
pub use review::{Answer, Decided, Question};
pub use schema::RecordSchema;
pub use separate::{Compared, Out, Papers, Separated};
pub use statement::{HUB_SOURCE, Named, Recorded, Stated};
pub use table::MATCHING;
pub use train::{FIRST_TRAINED, Training};
pub use unmatched::Heeded;
pub use unsubscribed::Unsubscription;
pub use wire::MAX_BYTES;
