//! The data key of a subject: 32 random bytes, wrapped by a KEK epoch, from which all keys of the person derive.
//!
//! The columns of [`DataKeyRow`]; `‖` joins, numbers are big-endian, `KEK[..]` is the form of
//! [`Wrapper`](super::cipher::Wrapper):
//!
//! | column | form | associated data |
//! |---|---|---|
//! | `wrapped` | `KEK[data key (32)]` | `"obhut datakey v1" ‖ subject (16) ‖ key_no (2) ‖ epoch (4)` |
//! | `salts` | `KEK[11 salts of 16 bytes: proofs, then categories 1 to 10]` | `"obhut salts v1" padded to 16 ‖ subject (16) ‖ key_no (2) ‖ epoch (4)` |
//! | `commitment` | `HKDF-Expand(data key, "obhut commit v1" ‖ subject ‖ key_no)`, 32 bytes | |
//!
//! Derived from the data key:
//!
//! - compartment key: `HKDF-Expand(data key, "obhut category v1" ‖ number (1) ‖ salt (16))`, 32 bytes;
//! - key of what is compared: `HKDF-Expand(data key, "obhut matching v1" ‖ salts of identity, contact, address and social (64))`,
//!   32 bytes: it dies with each of them;
//! - audit pseudonym: the first 16 bytes of `HMAC(HKDF-Expand(data key, "obhut audit pseudonym v1"), subject)`.
//!
//! A compartment dies when its salt is overwritten with zeros, although the data key lives on. The salts are wrapped
//! like the key: an old copy of the row in a backup gives the salt only to who holds the epoch that wrapped it. So
//! the erasure of a category becomes final with that epoch, exactly like the erasure of a person. In clear, the
//! salt in a backup and the data key of today would bring the category back.

use std::cell::OnceCell;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::store::rows::DataKeyRow;
use crate::types::{Entropy, SubjectId, Timestamp};

use super::Error;
use super::cipher::{Expander, Gcm, NONCE, Prf, Secret};
use super::envelope::{self, Compartment, Place, Row, Table};
use super::ring::KekRing;

/// Bytes of one salt.
const SALT: usize = 16;
/// Proofs and ten categories.
const COMPARTMENTS: usize = 11;
/// Keys of compartments: those with a salt, and that of what is compared.
const CIPHERS: usize = COMPARTMENTS + 1;
/// Bytes of all salts.
const SALTS: usize = SALT * COMPARTMENTS;
/// A salt that was overwritten.
const DEAD: [u8; SALT] = [0; SALT];

const KEY_DOMAIN: &[u8; 16] = b"obhut datakey v1";
const SALT_DOMAIN: &[u8; 16] = b"obhut salts v1\0\0";

/// The name under which a subject stands in the audit log. It dies with the data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// The 16 bytes as stored.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }
}

impl From<[u8; 16]> for Pseudonym {
    fn from(stored: [u8; 16]) -> Self {
        Self(stored)
    }
}

/// The salts, in one place on the heap.
type Salts = Box<Zeroizing<[u8; SALTS]>>;

/// The secret halves of a row, unwrapped.
struct Unwrapped {
    key: Secret,
    salts: Salts,
}

/// Makes a data key and wraps it under the newest epoch. The key itself comes along, so that nobody has to unwrap what
/// was wrapped a moment ago.
pub(super) fn make(
    ring: &KekRing,
    owner: SubjectId,
    key_no: i16,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(DataKeyRow, DataKey), Error> {
    let mut fresh = Unwrapped { key: Secret::random(entropy)?, salts: Box::new(Zeroizing::new([0; SALTS])) };
    entropy.fill(fresh.salts.as_mut_slice())?;
    let expander = Expander::new(fresh.key.bytes())?;
    let mut row = DataKeyRow {
        part: owner.part(),
        subject: owner,
        key_no,
        epoch: 0,
        wrapped: Vec::new(),
        commitment: commitment(&expander, owner, key_no)?.to_vec(),
        salts: Vec::new(),
        created_at: now,
    };
    wrap(ring, &fresh, &mut row, entropy)?;
    let key = DataKey { owner, key_no, expander, salts: fresh.salts, ciphers: Default::default() };
    Ok((row, key))
}

/// The row wrapped under the newest epoch; `None` if it is already.
pub(super) fn rewrap(ring: &KekRing, row: &DataKeyRow, entropy: &dyn Entropy) -> Result<Option<DataKeyRow>, Error> {
    if ring.newest().ok_or(Error::NoEpoch)? <= row.epoch {
        return Ok(None);
    }
    let mut fresh = row.clone();
    wrap(ring, &unwrap(ring, row)?.0, &mut fresh, entropy)?;
    Ok(Some(fresh))
}

/// Overwrites the salts of `dying` and wraps the row under the newest epoch. On an error the row is unchanged.
pub(super) fn erase(
    ring: &KekRing,
    row: &mut DataKeyRow,
    dying: &[Compartment],
    entropy: &dyn Entropy,
) -> Result<(), Error> {
    let (mut secrets, _) = unwrap(ring, row)?;
    for (salt, compartment) in secrets.salts.chunks_exact_mut(SALT).zip(Compartment::all()) {
        if dying.contains(&compartment) {
            salt.fill(0);
        }
    }
    wrap(ring, &secrets, row, entropy)
}

/// An unwrapped data key. Lives for one piece of work, is wiped on drop, and cannot be copied.
pub(super) struct DataKey {
    owner: SubjectId,
    key_no: i16,
    expander: Expander,
    salts: Salts,
    /// Compartment keys that were needed so far.
    ciphers: [OnceCell<Gcm>; CIPHERS],
}

impl DataKey {
    /// Unwraps a row and checks its commitment.
    pub(super) fn open(ring: &KekRing, row: &DataKeyRow) -> Result<Self, Error> {
        let (Unwrapped { salts, .. }, expander) = unwrap(ring, row)?;
        Ok(Self { owner: row.subject, key_no: row.key_no, expander, salts, ciphers: Default::default() })
    }

    /// Appends the envelope of `plain` to `out`.
    pub(super) fn seal(
        &self,
        (table, row, compartment): (Table, Row, Compartment),
        nonce: &[u8; NONCE],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        envelope::seal(self.cipher(compartment)?, &self.place(table, row, compartment), nonce, plain, out)
    }

    /// Opens one envelope.
    pub(super) fn unseal(
        &self,
        (table, row, compartment): (Table, Row, Compartment),
        envelope: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        envelope::open(self.cipher(compartment)?, &self.place(table, row, compartment), envelope)
    }

    /// Has the compartment been erased?
    pub(super) fn is_dead(&self, compartment: Compartment) -> bool {
        let dead = |compartment| bool::from(self.salt(compartment).ct_eq(&DEAD));
        match compartment {
            Compartment::Matching => Compartment::COMPARED.into_iter().any(|category| dead(category.into())),
            compartment => dead(compartment),
        }
    }

    /// The subject's name in the audit log.
    pub(super) fn pseudonym(&self) -> Result<Pseudonym, Error> {
        let key = self.expander.secret(&[b"obhut audit pseudonym v1"])?;
        Ok(Pseudonym(Prf::new(key.bytes())?.short_mac(&[&self.owner.bytes()])))
    }

    fn cipher(&self, compartment: Compartment) -> Result<&Gcm, Error> {
        let cell = self.ciphers.get(usize::from(compartment.number())).ok_or(Error::Cipher)?;
        if let Some(cipher) = cell.get() {
            return Ok(cipher);
        }
        if self.is_dead(compartment) {
            return Err(Error::Erased(compartment.category()));
        }
        let cipher = match compartment {
            Compartment::Matching => {
                let [one, two, three, four] = Compartment::COMPARED.map(|category| self.salt(category.into()));
                let info: [&[u8]; 5] = [b"obhut matching v1", &one, &two, &three, &four];
                Gcm::new(&self.expander.secret(&info)?)
            }
            compartment => {
                let info: [&[u8]; 3] = [b"obhut category v1", &[compartment.number()], &self.salt(compartment)];
                Gcm::new(&self.expander.secret(&info)?)
            }
        };
        Ok(cell.get_or_init(|| cipher))
    }

    fn salt(&self, compartment: Compartment) -> [u8; SALT] {
        let salts = self.salts.as_chunks::<SALT>().0;
        // A number without a salt counts as erased: no information means no.
        salts.get(usize::from(compartment.number())).copied().unwrap_or(DEAD)
    }

    fn place(&self, table: Table, row: Row, compartment: Compartment) -> Place {
        Place { table, owner: self.owner, key_no: self.key_no, row, compartment }
    }
}

fn wrap(ring: &KekRing, secrets: &Unwrapped, row: &mut DataKeyRow, entropy: &dyn Entropy) -> Result<(), Error> {
    let (epoch, kek) = ring.sealing()?;
    let wrapped = kek.wrap(&aad(KEY_DOMAIN, row, epoch), secrets.key.bytes(), entropy)?;
    let salts = kek.wrap(&aad(SALT_DOMAIN, row, epoch), secrets.salts.as_slice(), entropy)?;
    (row.epoch, row.wrapped, row.salts) = (epoch, wrapped, salts);
    Ok(())
}

/// The secret halves, and the key prepared for deriving: the commitment needs it as well.
fn unwrap(ring: &KekRing, row: &DataKeyRow) -> Result<(Unwrapped, Expander), Error> {
    let kek = ring.opening(row.epoch)?;
    let key = kek.unwrap(&aad(KEY_DOMAIN, row, row.epoch), &row.wrapped).ok_or(Error::DataKeyRefused)?;
    let key = Secret::from_slice(&key).ok_or(Error::DataKeyRefused)?;
    // GCM alone opens under more than one key; the commitment names the one.
    let expander = Expander::new(key.bytes())?;
    let expected = commitment(&expander, row.subject, row.key_no)?;
    if !bool::from(expected.ct_eq(row.commitment.as_slice())) {
        return Err(Error::Commitment);
    }
    let salts = kek.unwrap(&aad(SALT_DOMAIN, row, row.epoch), &row.salts).ok_or(Error::DataKeyRefused)?;
    let mut kept = Box::new(Zeroizing::new([0; SALTS]));
    if salts.len() != kept.len() {
        return Err(Error::DataKeyRefused);
    }
    kept.copy_from_slice(&salts);
    Ok((Unwrapped { key, salts: kept }, expander))
}

fn commitment(expander: &Expander, owner: SubjectId, key_no: i16) -> Result<[u8; 32], Error> {
    let mut commitment = [0; 32];
    expander.fill(&[b"obhut commit v1", &owner.bytes(), &key_no.to_be_bytes()], &mut commitment)?;
    Ok(commitment)
}

/// `domain (16) ‖ subject (16) ‖ key_no (2) ‖ epoch (4)`.
fn aad(domain: &[u8; 16], row: &DataKeyRow, epoch: i32) -> [u8; 38] {
    let mut aad = [0; 38];
    let fields: [&[u8]; 4] = [domain, &row.subject.bytes(), &row.key_no.to_be_bytes(), &epoch.to_be_bytes()];
    aad.iter_mut().zip(fields.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Category;

    fn key(salts: [u8; SALTS]) -> DataKey {
        DataKey {
            owner: SubjectId::from_slice(&[1; 16]).unwrap(),
            key_no: 1,
            expander: Expander::new(&[7; 32]).unwrap(),
            salts: Box::new(Zeroizing::new(salts)),
            ciphers: Default::default(),
        }
    }

    #[test]
    fn each_compartment_hangs_on_its_own_salt() {
        for compartment in Compartment::all() {
            let place = (Table::Records, Row::number(1), compartment);
            let mut sealed = Vec::new();
            key([9; SALTS]).seal(place, &[0; NONCE], b"value", &mut sealed).unwrap();
            for changed in Compartment::all() {
                let mut salts = [9; SALTS];
                salts[usize::from(changed.number()) * SALT] ^= 1;
                let opened = key(salts).unseal(place, &sealed);
                assert_eq!(opened.is_ok(), changed != compartment);
            }
        }
    }

    #[test]
    fn compartments_have_different_keys_even_under_one_salt() {
        let key = key([9; SALTS]);
        let seal = |compartment| {
            // The tag depends on the place too, the first bytes only on key and nonce.
            let mut sealed = Vec::new();
            key.seal((Table::Records, Row::number(1), compartment), &[0; NONCE], &[0; 16], &mut sealed).unwrap();
            sealed[15..31].to_vec()
        };
        let all: std::collections::HashSet<_> = Compartment::all().map(seal).collect();
        assert_eq!(all.len(), COMPARTMENTS);
    }

    #[test]
    fn a_zero_salt_is_a_dead_compartment() {
        let mut salts = [9; SALTS];
        salts[SALT..2 * SALT].fill(0);
        let key = key(salts);
        let place = |compartment| (Table::Records, Row::number(1), compartment);
        let refused = key.seal(place(Category::Identity.into()), &[0; NONCE], b"", &mut Vec::new());
        assert!(matches!(refused, Err(Error::Erased(Some(Category::Identity)))));
        assert!(key.seal(place(Compartment::Proof), &[0; NONCE], b"", &mut Vec::new()).is_ok());
    }
}
