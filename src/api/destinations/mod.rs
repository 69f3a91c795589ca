//! `/v1/destinations`: programs that are told what people decided, and systems that take the people of a segment. They are added at the command line, where secrets stay.

pub mod list;
pub mod push;
