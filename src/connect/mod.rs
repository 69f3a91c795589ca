//! Connectors: what a vendor's reply looks like, and how it becomes canonical records.
//!
//! A connector is data, not code: `connectors/<name>/` holds `manifest.yaml`, jq filters and fixtures, and this room
//! is the one engine that runs them. [`Catalog`] lists them, a [`Connector`] recognises the [`Stream`] of a reply,
//! the stream yields canonical records as JSON bytes, and [`TableMapping`] does the same for a CSV file.
//!
//! This room must never decide whether data may enter: it hands bytes to whoever asked, and only `intake` reads
//! them. It must never let through a field without a category, and never put a value of the data into an error. It
//! reads no clock and no environment; jq's `now`, `env`, `debug` and `halt` do not exist here.
//!
//! Read next: `connectors/shopware6/manifest.yaml`, then [`Stream::map`].

mod catalog;
mod error;
mod file;
mod filter;
mod manifest;
mod mapping;
mod table;

pub use catalog::{Catalog, Connector};
pub use error::{Error, FileError, MappingError, Place, Reason};
pub use file::Form;
pub use manifest::{AllowedPurposes, SourcePolicy};
pub use mapping::Stream;
pub use table::TableMapping;
