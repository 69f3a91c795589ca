//! `/v1/audit`: the book of what was disclosed, refused and changed, for the data protection officer. Its entries hold
//! no personal data; people appear as pseudonyms.

pub mod entries;
pub mod verify;
