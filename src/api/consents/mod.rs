//! `/v1/consents`: what people say about the use of their data.

pub mod record;
mod statement;

pub use statement::{Statement, read};
