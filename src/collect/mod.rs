//! What tracking programs send, read into canonical records: the calls identify, track, page, screen, group and alias
//! that the SDKs of Segment, RudderStack and Jitsu speak.
//!
//! [`Delivery::open`] takes one body apart, [`Reader::read`] makes a canonical record of one of its messages, as JSON
//! bytes that only `intake` reads. It is pure: no database, no clock, no key.
//!
//! It must never let more in than was said. A key that stands on a page speaks for one visitor ([`crate::types::Voice`]); what a consent
//! banner reports becomes an entry for the purposes the source names for its categories and for nothing else; what says
//! nothing changes nothing. It must never put a value of a message into a [`Refusal`].
//!
//! Read next: [`Reader`], then `consent`, which is the table of docs/collecting.md; `api::collect` calls both.

mod consent;
mod delivery;
mod message;
mod reader;
mod refusal;
mod scalars;
mod traits;
mod unheard;

pub use delivery::{Around, Delivery, MAX_EVENT, MAX_EVENTS};
pub use message::Kind;
pub use reader::{Made, Reader};
pub use refusal::Refusal;
pub use unheard::todo;
