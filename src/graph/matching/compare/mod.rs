//! The comparators: two values in, a level out, never a value. None where one side does not say.

mod address;
mod birth;
mod company;
mod family;
mod given;
mod identifiers;
mod names;
mod near;
mod nicknames;
mod pieces;
pub(super) mod sound;

pub(super) use address::{Meeting, addresses};
pub(super) use birth::births;
pub(super) use company::companies;
pub(super) use family::{families, family_key};
pub(super) use given::{are_two_names, givens};
pub(super) use identifiers::{MailboxMeeting, handles, letters, mailboxes, numbers, phones};
pub(super) use names::sex;
pub(super) use nicknames::is_either;
pub(super) use pieces::folded;
