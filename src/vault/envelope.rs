//! The form of sealed data, version 1. Old data must open for ever: a change here is a new version beside this one.
//!
//! An **envelope** is one sealed value:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version: 1 |
//! | 2 | number of the data key, big-endian |
//! | 12 | nonce, random |
//! | n | ciphertext, as long as the value |
//! | 16 | tag |
//!
//! It is sealed with AES-256-GCM under the key of its [`Compartment`], with its [`Place`] as associated data
//! (all widths fixed, all numbers big-endian):
//!
//! | bytes | field |
//! |---|---|
//! | 16 | `"obhut envelope"` padded with zeros |
//! | 1 | version: 1 |
//! | 1 | table |
//! | 16 | subject the data key was made for |
//! | 2 | number of the data key |
//! | 16 | row: its 16-byte id, or its number in the last 8 bytes |
//! | 1 | compartment: category number, 0 for proofs, or 11 for what is compared |
//!
//! So a ciphertext that is moved to another table, person, key, row or category does not open. What this does not
//! see: an *older* envelope of the very same place put back by someone who can write to the database, and a part
//! that was taken out whole; the audit log and the backups are there for that.
//!
//! The **packed form** is what a record row stores, one envelope per category:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | count of parts, 0 to 10 |
//! | | for each part, categories strictly ascending: |
//! | 1 | category number |
//! | 4 | length of the envelope, big-endian |
//! | n | envelope |

use zeroize::Zeroizing;

use crate::types::{Category, CategorySet, RecordNo, SubjectId};

use super::Error;
use super::cipher::{Gcm, NONCE, TAG};

const VERSION: u8 = 1;
const DOMAIN: &[u8; 16] = b"obhut envelope\0\0";
/// Version, key number, nonce and tag.
const OVERHEAD: usize = 1 + 2 + NONCE + TAG;
/// Bytes of the associated data.
const PLACE: usize = 16 + 1 + 1 + 16 + 2 + 16 + 1;

/// The table a subject's sealed value rests in. The numbers are bound into ciphertexts and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Records from sources.
    Records = 1,
    /// Proofs of consent (Art. 7(1) GDPR).
    Evidence = 2,
    /// Papers of a data-subject request.
    Requests = 3,
    /// Letters to jobs that carry a personal value.
    Jobs = 4,
    /// Why two records are thought to be of one person.
    Links = 5,
    /// What matching keeps of a record.
    Cards = 6,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 6] = [Self::Records, Self::Evidence, Self::Requests, Self::Jobs, Self::Links, Self::Cards];
}

/// What dies together: each compartment of a subject has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compartment {
    /// What proves that the hub acted lawfully (proofs of consent, papers of requests). It is no category, so that
    /// it can outlive an erasure for as long as claims may be brought (Art. 17(3)(e) GDPR), and end after that.
    Proof,
    /// Personal data of one category.
    Of(Category),
    /// What is compared to find records of one person: made of the categories of [`Compartment::COMPARED`], and dead as
    /// soon as one of them is. It has no salt of its own.
    Matching,
}

impl Compartment {
    /// What [`Compartment::Matching`] is made of.
    pub const COMPARED: [Category; 4] = [Category::Identity, Category::Contact, Category::Address, Category::Social];

    /// Every compartment with a salt of its own, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Proof).chain(Category::ALL.into_iter().map(Self::Of))
    }

    /// 0 for proofs, 11 for what is compared, else the number of the category.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Proof => 0,
            Self::Of(category) => category.number(),
            Self::Matching => 11,
        }
    }

    /// The category, if it is one.
    #[must_use]
    pub const fn category(self) -> Option<Category> {
        match self {
            Self::Proof | Self::Matching => None,
            Self::Of(category) => Some(category),
        }
    }
}

impl From<Category> for Compartment {
    fn from(category: Category) -> Self {
        Self::Of(category)
    }
}

/// Which row of a table: a number or a 16-byte id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row([u8; 16]);

impl Row {
    /// A row with a 16-byte id.
    #[must_use]
    pub const fn id(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// A row with a number.
    #[must_use]
    pub fn number(number: i64) -> Self {
        // Through the unsigned form, so that the first 8 bytes are zero for negative numbers too.
        Self(u128::from(number.cast_unsigned()).to_be_bytes())
    }

    pub(super) const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<RecordNo> for Row {
    fn from(record: RecordNo) -> Self {
        Self::number(record.0)
    }
}

/// Where a sealed value rests. It opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) table: Table,
    pub(super) owner: SubjectId,
    pub(super) key_no: i16,
    pub(super) row: Row,
    pub(super) compartment: Compartment,
}

impl Place {
    /// The associated data: see the table in the module's text.
    fn aad(&self) -> [u8; PLACE] {
        let mut aad = [0; PLACE];
        let fields: [&[u8]; 7] = [
            DOMAIN,
            &[VERSION],
            &[self.table as u8],
            &self.owner.bytes(),
            &self.key_no.to_be_bytes(),
            &self.row.0,
            &[self.compartment.number()],
        ];
        aad.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        aad
    }
}

/// One sealed value, outside a record: a proof of consent, the paper of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes as stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Sealed {
    fn from(stored: Vec<u8>) -> Self {
        Self(stored)
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Appends the envelope of `plain` to `out`.
pub(super) fn seal(
    cipher: &Gcm,
    place: &Place,
    nonce: &[u8; NONCE],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    out.reserve(plain.len() + OVERHEAD);
    out.push(VERSION);
    out.extend_from_slice(&place.key_no.to_be_bytes());
    out.extend_from_slice(nonce);
    cipher.seal(nonce, &place.aad(), plain, out)
}

/// Opens an envelope at `place`. `cipher` is the key of the place's compartment.
pub(super) fn open(cipher: &Gcm, place: &Place, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (nonce, body) = split(envelope, place.key_no)?;
    cipher.open(nonce, &place.aad(), body).ok_or(Error::Refused)
}

/// The key number an envelope names, so that its data key can be found.
///
/// # Errors
/// If this is no envelope of a known version.
pub fn key_no(envelope: &[u8]) -> Result<i16, Error> {
    match envelope {
        [VERSION, high, low, rest @ ..] if rest.len() >= NONCE + TAG => Ok(i16::from_be_bytes([*high, *low])),
        [VERSION, ..] => Err(Error::Malformed("an envelope is too short")),
        _ => Err(Error::Malformed("an envelope has an unknown version")),
    }
}

/// Nonce and body of an envelope that must name key `given`.
fn split(envelope: &[u8], given: i16) -> Result<(&[u8; NONCE], &[u8]), Error> {
    let sealed = key_no(envelope)?;
    if sealed != given {
        return Err(Error::OtherKey { sealed, given });
    }
    let rest = envelope.get(3..).unwrap_or_default();
    rest.split_first_chunk().ok_or(Error::Malformed("an envelope is too short"))
}

/// Length of the packed form of parts with these plain lengths.
pub(super) fn packed_length(parts: impl Iterator<Item = usize>) -> usize {
    1 + parts.map(|plain| 1 + 4 + OVERHEAD + plain).sum::<usize>()
}

/// Length of an envelope over `plain` bytes, as the packed form writes it.
pub(super) fn envelope_length(plain: usize) -> Result<u32, Error> {
    u32::try_from(plain.saturating_add(OVERHEAD)).map_err(|_| Error::Unsealable("a part is longer than 4 GiB"))
}

/// The parts of a packed record: category and envelope, in the order of the categories.
///
/// # Errors
/// [`Error::Malformed`] unless the bytes are exactly one packed record.
pub fn unpack(packed: &[u8]) -> Result<Vec<(Category, &[u8])>, Error> {
    let (&count, mut rest) = packed.split_first().ok_or(Error::Malformed("no count"))?;
    if usize::from(count) > Category::ALL.len() {
        return Err(Error::Malformed("more parts than categories"));
    }
    let mut parts: Vec<(Category, &[u8])> = Vec::with_capacity(count.into());
    for _ in 0..count {
        let ([number, length @ ..], after) =
            rest.split_first_chunk::<5>().ok_or(Error::Malformed("a part is cut off"))?;
        let category = Category::try_from(*number).map_err(|_| Error::Malformed("unknown category"))?;
        if parts.last().is_some_and(|(before, _)| *before >= category) {
            return Err(Error::Malformed("categories twice or out of order"));
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Error::Malformed("a part is cut off"))?;
        let (envelope, after) = after.split_at_checked(length).ok_or(Error::Malformed("a part is cut off"))?;
        key_no(envelope)?;
        parts.push((category, envelope));
        rest = after;
    }
    if rest.is_empty() { Ok(parts) } else { Err(Error::Malformed("bytes after the last part")) }
}

/// A packed record with these categories only. Needs no key, and leaves their envelopes as they are.
///
/// # Errors
/// As [`unpack`].
pub fn strip(packed: &[u8], keep: CategorySet) -> Result<Vec<u8>, Error> {
    let mut parts = unpack(packed)?;
    parts.retain(|(category, _)| keep.contains(*category));
    let mut stripped = Vec::with_capacity(packed.len());
    stripped.push(u8::try_from(parts.len()).map_err(|_| Error::Malformed("more parts than categories"))?);
    for (category, envelope) in parts {
        let length = u32::try_from(envelope.len()).map_err(|_| Error::Malformed("a part is cut off"))?;
        stripped.push(category.number());
        stripped.extend(length.to_be_bytes());
        stripped.extend_from_slice(envelope);
    }
    Ok(stripped)
}

/// Which categories a packed record holds. Needs no key.
///
/// # Errors
/// As [`unpack`].
pub fn categories(packed: &[u8]) -> Result<CategorySet, Error> {
    Ok(unpack(packed)?.into_iter().map(|(category, _)| category).collect())
}
