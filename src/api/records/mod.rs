//! `/v1/records`: the way in for integration partners.

pub mod ingest;
mod report;
mod shipment;
mod split;

pub use report::{Item, LeftOut, Report, Summary};
