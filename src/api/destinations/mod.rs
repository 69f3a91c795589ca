//! `/v1/destinations`: programs that are told what people decided. They are added at the command line, where secrets stay.

pub mod list;
