//! Files of DATEV (EXTF): accounting data as CSV with a header of its own, in Windows-1252.
//!
//! `items` reads any category row by row, [`Writer`] writes debtors. What a row means is the mapping's to say; this
//! knows the form alone.

mod header;
mod read;
mod write;

pub use header::Settings;
pub(super) use read::items;
pub use write::{Column, Unwritable, Writer};

/// Between two cells.
const DELIMITER: u8 = b';';

/// The category of debtors and creditors.
const PARTNERS: u16 = 16;
