//! The tests of the house from outside: one program, one module per room. `tests/run` runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and so do its helpers"
)]

mod audit;
mod clock_and_chance;
mod compile_fail;
mod connect;
mod connections;
mod consent;
mod databases;
mod datev;
mod demo;
mod dependencies;
mod destinations;
mod doors;
mod erasure;
mod faults;
mod graph;
mod grouping;
mod hammer;
mod hardening;
mod held_keys;
mod hostile;
mod hot_read;
mod house;
mod import;
mod intake;
mod layers;
mod listening;
mod migrations;
mod openapi_content;
mod openapi_drift;
mod orders;
mod regrouping;
mod retention;
mod reviews;
mod rotation;
mod scan;
mod sentinel;
mod sources;
mod store;
mod subscribers;
mod tls;
mod unsubscribed;
#[allow(dead_code, reason = "the tests in the rooms use other parts of them")]
mod vendors;
