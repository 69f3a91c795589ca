//! Which identifiers are the same person.
//!
//! Deterministic for now: two records are one person when they share a strong identifier that is meant to join
//! people (see `intake` for which are). Every link keeps its evidence, so it can be explained and undone. Scoring
//! probable matches has its place between [`resolve()`] and the merge. This room sees blind indexes only; it must
//! never see a clear value. Read next: [`crate::consent`], which says what a merged person allows.

pub mod matching;
mod merge;
mod resolve;

pub use merge::merge;
pub use resolve::{Clue, Resolution, Rule, SHARED_BY, known_by_statement, resolve};
