//! Blind indexes: what lets the hub find a person by a value it cannot read.
//!
//! An index is 128 bits of HMAC-SHA-256 over the value's normal form. Equality is all it tells, and only to who
//! holds the key; so an index key is as secret as a KEK. Each use and kind has a key of its own: rows of one use
//! cannot be joined with rows of another.
//!
//! | use | secret | key | message |
//! |---|---|---|---|
//! | lookup | `index.lookup` | `Expand(secret, "obhut index v1" ‖ 1 ‖ kind (2))` | `1 ‖ source (4) ‖ value` |
//! | matching | `index.matching` | `Expand(secret, "obhut index v1" ‖ 2 ‖ rule (2))` | `1 ‖ 0 (4) ‖ value` |
//! | suppression | `index.suppression` | `Expand(secret, "obhut index v1" ‖ 3 ‖ 0 (2))` | `1 ‖ lookup or record index (16)` |
//! | record | `index.records` | `Expand(secret, "obhut index v1" ‖ 4 ‖ 0 (2))` | `1 ‖ source (4) ‖ record kind (2) ‖ external id` |
//! | content | `index.records` | `Expand(secret, "obhut index v1" ‖ 5 ‖ 0 (2))` | `1 ‖ record index (16) ‖ [category (1) ‖ length (8) ‖ part]*`, categories ascending |
//! | proof | `index.records` | `Expand(secret, "obhut index v1" ‖ 6 ‖ 0 (2))` | `1 ‖ subject (16) ‖ proof` |
//! | mask | `index.matching` | `Expand(secret, "obhut index v1" ‖ 7 ‖ 0 (2))` | `1 ‖ nonce (16) ‖ block (4)` |
//!
//! A mask is no index: its blocks of 16 bytes, laid over numbers bit by bit, hide which values a record is counted under.
//! Numbers are big-endian; the source is 0 for kinds that mean the same everywhere.

use crate::types::{Category, IdentifierKind, RecordKind, SourceNo, SubjectId, UnknownWord};

use super::cipher::{Expander, Prf, Secret};
use super::{Error, Personal};

const VERSION: u8 = 1;
/// Rules of matching whose key is made once.
const RULES: i16 = 32;

/// 16 bytes that stand for a value. Equal values of one kind and use have equal indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindIndex([u8; 16]);

impl BlindIndex {
    /// The bytes as stored.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The first 64 bits, for matching keys: they only have to find candidates, and a shorter key says less.
    #[must_use]
    pub fn short(&self) -> i64 {
        i64::from_be_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }

    /// From its stored 16 bytes.
    ///
    /// # Errors
    /// If there are not exactly 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, UnknownWord> {
        bytes.try_into().map(Self).map_err(|_| UnknownWord("blind index"))
    }
}

impl From<[u8; 16]> for BlindIndex {
    fn from(stored: [u8; 16]) -> Self {
        Self(stored)
    }
}

/// Is a value of this kind only unique within its source? Then the source is part of the index, and the same text
/// at two sources is two identifiers.
#[must_use]
pub const fn source_scoped(kind: IdentifierKind) -> bool {
    match kind {
        IdentifierKind::Email | IdentifierKind::Phone | IdentifierKind::EmailAndName => false,
        // Visitor ids are made by one tracker each; two trackers may count both from 1.
        IdentifierKind::CustomerNumber
        | IdentifierKind::Account
        | IdentifierKind::AnonymousId
        | IdentifierKind::Relay => true,
    }
}

/// The index keys, prepared.
pub(super) struct IndexKeys {
    lookup: Vec<(IdentifierKind, Prf)>,
    suppression: Prf,
    matching: Expander,
    /// The matching keys that are used, by number.
    rules: Vec<Prf>,
    records: Prf,
    content: Prf,
    proof: Prf,
    mask: Prf,
}

/// The hub secrets [`IndexKeys`] are derived from.
pub(super) struct IndexSecrets {
    pub(super) lookup: Secret,
    pub(super) matching: Secret,
    pub(super) suppression: Secret,
    pub(super) records: Secret,
}

impl IndexKeys {
    pub(super) fn new(secrets: &IndexSecrets) -> Result<Self, Error> {
        let lookup = Expander::new(secrets.lookup.bytes())?;
        let lookup = IdentifierKind::ALL.iter().map(|kind| Ok((*kind, derive(&lookup, 1, kind.number())?)));
        let records = Expander::new(secrets.records.bytes())?;
        let matching = Expander::new(secrets.matching.bytes())?;
        Ok(Self {
            lookup: lookup.collect::<Result<_, Error>>()?,
            suppression: derive(&Expander::new(secrets.suppression.bytes())?, 3, 0)?,
            mask: derive(&matching, 7, 0)?,
            rules: (0..RULES).map(|rule| derive(&matching, 2, rule)).collect::<Result<_, Error>>()?,
            matching,
            records: derive(&records, 4, 0)?,
            content: derive(&records, 5, 0)?,
            proof: derive(&records, 6, 0)?,
        })
    }

    pub(super) fn lookup(&self, kind: IdentifierKind, source: SourceNo, value: &Personal) -> Result<BlindIndex, Error> {
        identifier(&self.lookup, kind, source, value)
    }

    /// Of an index, not of a value: when a person is erased nothing has to be opened to mark them.
    pub(super) fn suppression(&self, index: BlindIndex) -> BlindIndex {
        BlindIndex(self.suppression.short_mac(&[&[VERSION], &index.0]))
    }

    pub(super) fn matching(&self, rule: i16, value: &Personal) -> Result<BlindIndex, Error> {
        let mac = |key: &Prf| BlindIndex(key.short_mac(&[&[VERSION], &[0; 4], value.bytes()]));
        match usize::try_from(rule).ok().and_then(|rule| self.rules.get(rule)) {
            Some(key) => Ok(mac(key)),
            None => Ok(mac(&derive(&self.matching, 2, rule)?)),
        }
    }

    /// Lays the mask of `nonce` over `bytes`, or takes it off.
    pub(super) fn mask(&self, nonce: &[u8; 16], bytes: &mut [u8]) {
        for (block, some) in (0_u32..).zip(bytes.chunks_mut(16)) {
            let cover = self.mask.short_mac(&[&[VERSION], nonce, &block.to_be_bytes()]);
            some.iter_mut().zip(cover).for_each(|(byte, cover)| *byte ^= cover);
        }
    }

    pub(super) fn record(&self, source: SourceNo, kind: RecordKind, external_id: &Personal) -> BlindIndex {
        let message: [&[u8]; 4] =
            [&[VERSION], &source.0.to_be_bytes(), &kind.number().to_be_bytes(), external_id.bytes()];
        BlindIndex(self.records.short_mac(&message))
    }

    pub(super) fn content(&self, record: BlindIndex, parts: &[(Category, Personal)]) -> BlindIndex {
        let mut parts: Vec<&(Category, Personal)> = parts.iter().collect();
        parts.sort_by_key(|(category, _)| *category);
        let heads: Vec<[u8; 9]> = parts
            .iter()
            .map(|(category, part)| {
                let [a, b, c, d, e, f, g, h] = (part.len() as u64).to_be_bytes();
                [category.number(), a, b, c, d, e, f, g, h]
            })
            .collect();
        let mut message: Vec<&[u8]> = Vec::with_capacity(2 + 2 * parts.len());
        message.extend([[VERSION].as_slice(), record.0.as_slice()]);
        for (head, (_, part)) in heads.iter().zip(&parts) {
            message.extend([head.as_slice(), part.bytes()]);
        }
        BlindIndex(self.content.short_mac(&message))
    }

    pub(super) fn proof(&self, owner: SubjectId, proof: &Personal) -> BlindIndex {
        BlindIndex(self.proof.short_mac(&[&[VERSION], &owner.bytes(), proof.bytes()]))
    }
}

fn identifier(
    keys: &[(IdentifierKind, Prf)],
    kind: IdentifierKind,
    source: SourceNo,
    value: &Personal,
) -> Result<BlindIndex, Error> {
    let (_, key) = keys.iter().find(|(of, _)| *of == kind).ok_or(Error::Cipher)?;
    let scope = if source_scoped(kind) { source.0 } else { 0 };
    Ok(BlindIndex(key.short_mac(&[&[VERSION], &scope.to_be_bytes(), value.bytes()])))
}

fn derive(expander: &Expander, purpose: u8, kind: i16) -> Result<Prf, Error> {
    Prf::new(expander.secret(&[b"obhut index v1", &[purpose], &kind.to_be_bytes()])?.bytes())
}
