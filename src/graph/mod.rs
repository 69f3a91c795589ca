//! Which records are the same person.
//!
//! Two ways lead there. A strong identifier that is meant to join people does so by rule ([`resolve()`]; see `intake` for
//! which those are). What records say is compared as they arrive, and weighed ([`matching`]). Every join keeps its
//! evidence, so it can be explained and taken back. Outside of `matching`, whose cards intake opens for it, this room
//! sees blind indexes only; nowhere may it keep or tell a clear value. Read next: [`crate::consent`], which says what a
//! merged person allows.

mod alone;
mod apart;
pub mod matching;
mod merge;
mod parts;
mod resolve;

pub use alone::alone;
pub use apart::are_apart;
#[cfg(test)]
pub(crate) use merge::decide_that_they_are_one;
pub use merge::{merge, merge_by};
pub use parts::groups;
pub use resolve::{Clue, Resolution, Rule, SHARED_BY, known_by_statement, resolve};
