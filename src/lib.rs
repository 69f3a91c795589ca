//! Obhut: a customer data platform with a consent gateway.
//!
//! Data comes in by [`intake`], rests sealed, leaves by [`gateway`]; there is no third door.
//! `ARCHITECTURE.md` walks the flows.

pub mod api;
pub mod app;
pub mod audit;
pub mod cli;
pub mod collect;
pub mod config;
pub mod connect;
pub mod consent;
pub mod gateway;
pub mod graph;
pub mod intake;
pub mod jobs;
pub mod logging;
pub mod rights;
pub mod segments;
pub mod store;
pub mod types;
pub mod vault;

/// Time and chance of the tests.
#[cfg(test)]
#[path = "../tests/it/clock_and_chance.rs"]
#[allow(dead_code, reason = "the tests from outside use other parts of it")]
mod clock_and_chance;
/// The databases of the tests, the same for those in a room and those from outside.
#[cfg(test)]
#[path = "../tests/it/databases.rs"]
#[allow(dead_code, reason = "the tests from outside look at more of it")]
mod databases;
/// The vendors of the tests.
#[cfg(test)]
#[path = "../tests/it/vendors/mod.rs"]
#[allow(dead_code, reason = "the tests from outside use other parts of them")]
#[allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a fake fails by panicking")]
mod vendors;
#[cfg(test)]
extern crate self as obhut;
