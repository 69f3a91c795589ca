//! The endpoints over a real house on SQLite.

mod hub;
mod intake;
mod reading;
mod roles;
mod rules;
