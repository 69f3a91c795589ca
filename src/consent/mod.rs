//! What a person has decided, and for what the merchant may use data at all.
//!
//! Purposes are data ([`Purpose`]); the ledger is a list of acts ([`Entry`]) that only grows; [`Standing`] is the ledger
//! folded for one person, and [`Stance`] is where one part of that person stands on one purpose. [`Survivorship`] says whose
//! word counts where records differ. [`Rulebook`] and
//! [`ledger`] read the store's rows; all the rest is pure: no database, no clock, no keys, and never a personal value. This room grants nothing: only `gateway::decide` does.
//! Read next: [`crate::gateway`].

mod act;
mod choice;
mod defaults;
mod kept;
pub mod ledger;
mod purpose;
mod reason;
mod rulebook;
mod stance;
mod standing;
mod survivorship;
mod validate;

pub use act::{Act, Entry, EntryNo, Method, confirmed_in_time, proven};
pub use choice::{Choice, Said, Yes};
pub use defaults::{DefaultsError, purposes as default_purposes};
pub use kept::{Dates, Kept, is_voucher};
pub use purpose::{Purpose, Text};
pub use reason::Reason;
pub use rulebook::{Edition, Rulebook, Source, Terms};
pub use stance::{Stance, Support, stance};
pub use standing::{Age, Merge, Origin, OriginFacts, SaleFacts, Snapshot, SourceFacts, Standing};
pub use survivorship::{Attribute, Preference, SurvivedBy, Survivorship, SurvivorshipOrder};
pub use validate::Problem;
