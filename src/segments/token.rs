//! Tokens that go out and come back: where a walk stopped, and who wants no more messages.
//!
//! Both are sealed, because they name people: the last person walked past may be one the caller must not learn of.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Error;
use super::excluded::Exclusion;
use crate::types::{Channel, PurposeCode, SegmentId, SubjectId};
use crate::vault::{Drawer, Row, Strongbox};

const CURSOR: Row = Row::id(*b"segment cursor\0\0");
const OPT_OUT: Row = Row::id(*b"opt-out link\0\0\0\0");
/// Tokens are short; what is longer is none.
const MAX_LENGTH: usize = 2_048;

/// Where the walk over a segment stopped. Opaque outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// As it came from a caller; it is checked when it is used.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it goes to a caller.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a cursor says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) segment: SegmentId,
    pub(super) version: i32,
    pub(super) after: SubjectId,
    pub(super) excluded: BTreeMap<Exclusion, u32>,
}

impl Stop {
    pub(super) fn seal(&self, strongbox: &Strongbox) -> Result<Cursor, Error> {
        let mut plain = Vec::with_capacity(64);
        plain.extend(self.segment.bytes());
        plain.extend(self.version.to_be_bytes());
        plain.extend(self.after.bytes());
        for (exclusion, count) in &self.excluded {
            plain.extend(exclusion.number().to_be_bytes());
            plain.extend(count.to_be_bytes());
        }
        Ok(Cursor(URL_SAFE_NO_PAD.encode(strongbox.seal(Drawer::Tokens, CURSOR, &plain)?)))
    }

    /// Opens a cursor.
    ///
    /// # Errors
    /// [`Error::Cursor`] if this hub did not make it.
    pub(super) fn open(cursor: &Cursor, strongbox: &Strongbox) -> Result<Self, Error> {
        let plain = open(cursor.as_str(), CURSOR, strongbox).ok_or(Error::Cursor)?;
        Self::read(&plain).ok_or(Error::Cursor)
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let (segment, rest) = plain.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (after, rest) = rest.split_first_chunk::<16>()?;
        let (groups, rest) = rest.as_chunks::<6>();
        let group = |[a, b, count @ ..]: &[u8; 6]| {
            Some((Exclusion::from_number(i16::from_be_bytes([*a, *b]))?, u32::from_be_bytes(*count)))
        };
        rest.is_empty().then_some(Self {
            segment: SegmentId::from_slice(segment).ok()?,
            version: i32::from_be_bytes(*version),
            after: SubjectId::from_slice(after).ok()?,
            excluded: groups.iter().map(group).collect::<Option<_>>()?,
        })
    }
}

/// Whom an opt-out link is for, and of what. Following it is an objection or withdrawal for this purpose and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// The person.
    pub subject: SubjectId,
    /// What they want no more of.
    pub purpose: PurposeCode,
    /// By which channel.
    pub channel: Channel,
}

impl OptOut {
    /// The token of the link. It has no end: a message may be read years later.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal(&self, strongbox: &Strongbox) -> Result<String, Error> {
        let mut plain = self.subject.bytes().to_vec();
        plain.extend(self.channel.number().to_be_bytes());
        plain.extend(self.purpose.as_str().as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(strongbox.seal(Drawer::Tokens, OPT_OUT, &plain)?))
    }

    /// Opens the token of a link; None if this hub did not make it.
    #[must_use]
    pub fn open(token: &str, strongbox: &Strongbox) -> Option<Self> {
        let plain = open(token, OPT_OUT, strongbox)?;
        let (subject, rest) = plain.split_first_chunk::<16>()?;
        let (channel, purpose) = rest.split_first_chunk::<2>()?;
        Some(Self {
            subject: SubjectId::from_slice(subject).ok()?,
            channel: Channel::try_from(i16::from_be_bytes(*channel)).ok()?,
            purpose: std::str::from_utf8(purpose).ok()?.parse().ok()?,
        })
    }
}

fn open(token: &str, row: Row, strongbox: &Strongbox) -> Option<Vec<u8>> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    strongbox.open(Drawer::Tokens, row, &sealed).ok().map(|plain| plain.to_vec())
}
