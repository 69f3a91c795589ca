//! Whom segments were handed to: kept so that people can be taken off again, also when they were erased or nobody may read
//! them any more (Art. 7(3), 17, 19, 21 GDPR).
//!
//! What was handed over, a mail address or digests for a network, is sealed for a nobody of its own before the vendor is told, and
//! destroyed when the vendor took it off. A tombstone of the address, or a no that came while the segment was read, keeps it from being
//! handed over.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::erase::{Vaulted, store_kept};
use super::errand::{ask, destroy_errand};
use super::{Error, Rights};
use crate::consent::ledger;
use crate::gateway::{Answer, Disclosure};
use crate::store::audiences::{self, MemberRow};
use crate::store::rows::Who;
use crate::store::{self, ledger as entries, subjects, tombstones};
use crate::types::{Category, IdentifierKind, SourceNo, SubjectId, Timestamp};
use crate::vault::{self, Personal};

/// How often it is sealed anew when the keys turn meanwhile.
const TRIES: usize = 5;

/// Somebody a vendor is to be told of.
pub struct Handing<'h> {
    /// The person.
    pub subject: SubjectId,
    /// By what the vendor is told.
    pub told: Told<'h>,
}

/// By what a vendor is told of somebody.
#[derive(Clone, Copy)]
pub enum Told<'h> {
    /// The mail address, in its normal form.
    Email(&'h str),
    /// Digests for a network, at least one of them.
    Digests {
        /// Of the mail address.
        email: Option<&'h str>,
        /// Of the phone number.
        phone: Option<&'h str>,
    },
}

impl Told<'_> {
    fn document(self) -> Value {
        match self {
            Self::Email(email) => json!({"emails": [email]}),
            Self::Digests { email, phone } => {
                json!({"emails_sha256": Vec::from_iter(email), "phones_sha256": Vec::from_iter(phone)})
            }
        }
    }
}

/// What becomes of somebody a vendor is to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The vendor is to be told; it is kept under this index.
    New([u8; 16]),
    /// The vendor has them.
    There([u8; 16]),
    /// They are not to be told of: erased, taken off, or said no meanwhile.
    Suppressed,
}

impl Rights {
    /// Under which index somebody is kept, so that who a vendor tells of can be found among them.
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value, or there is neither address nor digest.
    pub fn member_index(&self, told: Told<'_>) -> Result<[u8; 16], Error> {
        let (kind, value) = match told {
            Told::Email(email) | Told::Digests { email: Some(email), .. } => (IdentifierKind::Email, email),
            Told::Digests { phone: Some(phone), .. } => (IdentifierKind::Phone, phone),
            Told::Digests { .. } => return Err(Error::Document("audience")),
        };
        self.index_of(kind, &Personal::text(value.to_owned()))
    }

    /// The same of somebody a vendor names, in the form in which people are looked up.
    ///
    /// # Errors
    /// If a cipher refuses its input, which it does for no value.
    pub fn index_of(&self, kind: IdentifierKind, value: &Personal) -> Result<[u8; 16], Error> {
        match self.gateway.who_has(kind, SourceNo(0), value)? {
            Who::Identifier(ix) => Ok(ix),
            Who::Subject(_) => Err(Error::Document("blind index")),
        }
    }

    /// Keeps whom a vendor is about to be told of, in the order given. `since` is when the segment was read: who said no
    /// after it is left out.
    ///
    /// # Errors
    /// If it cannot be written; then nobody may be told.
    pub async fn hand_over(
        &self,
        source: SourceNo,
        people: &[Handing<'_>],
        since: Timestamp,
    ) -> Result<Vec<Handed>, Error> {
        for _ in 0..TRIES {
            match self.hand_over_once(source, people, since).await {
                Err(Error::Vault(vault::Error::UnknownEpoch(_))) => self.keyring.reload().await?,
                done => return done,
            }
        }
        Err(Error::Changed)
    }

    async fn hand_over_once(
        &self,
        source: SourceNo,
        people: &[Handing<'_>],
        since: Timestamp,
    ) -> Result<Vec<Handed>, Error> {
        let now = self.clock.now();
        let indexes = people.iter().map(|one| self.member_index(one.told)).collect::<Result<Vec<_>, Error>>()?;
        let all = indexes.iter().map(|ix| ix.to_vec()).collect::<Vec<_>>();
        let known = self.store.read(move |read| audiences::with_indexes(read.records(), source, &all)).await?;
        let mut wanted: Vec<Wanted> = Vec::with_capacity(people.len());
        for (one, ix) in people.iter().zip(indexes) {
            let stone = self.shredder.suppression(ix.into()).bytes();
            if known.iter().any(|row| row.ix == ix) {
                wanted.push((one.subject, ix, stone, None));
                continue;
            }
            let document = Personal::document(&one.told.document()).map_err(|_| Error::Document("errand"))?;
            let sealed = self.seal_for_nobody(source, vec![(Category::Contact, document)], Timestamp::NEVER, now)?;
            wanted.push((one.subject, ix, stone, Some(sealed)));
        }
        let handed = self.store.write(move |write| {
            let ixs: Vec<Vec<u8>> = wanted.iter().map(|(_, ix, ..)| ix.to_vec()).collect();
            let known = audiences::with_indexes(write.records(), source, &ixs)?;
            let mut all = Vec::with_capacity(wanted.len());
            let mut met = BTreeSet::new();
            for (subject, ix, stone, sealed) in &wanted {
                // Two people of one mailbox get one message.
                if !met.insert(*ix) {
                    all.push(Handed::There(*ix));
                    continue;
                }
                let there = known.iter().find(|row| row.ix == *ix);
                if there.is_some_and(|row| row.state != MemberRow::LEAVING && row.subject_id != *subject) {
                    audiences::assign(write, source, ix, *subject)?;
                }
                all.push(match there.map(|row| row.state) {
                    Some(MemberRow::THERE) => Handed::There(*ix),
                    Some(MemberRow::HANDED) => Handed::New(*ix),
                    Some(_) => Handed::Suppressed,
                    None if held_back(write, *subject, stone, since)? => Handed::Suppressed,
                    None => match sealed {
                        Some(sealed) => {
                            store_kept(write, sealed)?;
                            audiences::insert(write, row(source, *subject, ix, sealed, now))?;
                            Handed::New(*ix)
                        }
                        // They were taken off a moment ago; the next push knows.
                        None => Handed::Suppressed,
                    },
                });
            }
            Ok::<_, Error>(all)
        });
        handed.await
    }

    /// Opens whom a vendor was told of. None if it was destroyed.
    ///
    /// # Errors
    /// If it cannot be read, or the audit line is not durable.
    pub async fn open_member(&self, row: &MemberRow) -> Result<Option<Box<Disclosure>>, Error> {
        let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(None) };
        Ok(match self.gateway.errand(&ask()?, nobody, None).await? {
            Answer::Disclosed(errand) => Some(errand),
            Answer::Nothing => None,
        })
    }

    /// Destroys what was kept of somebody whom the vendor took off, or did not take.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_member(&self, row: &MemberRow) -> Result<(), Error> {
        let row = row.clone();
        let forgotten = self.store.write(move |write| {
            if let Ok(nobody) = SubjectId::from_slice(&row.errand) {
                destroy_errand(write, nobody)?;
            }
            audiences::forget(write, row.source_no, &row.ix)
        });
        Ok(forgotten.await?)
    }
}

/// Somebody, their index and their tombstone's, and what is to be stored of them if they are not known.
type Wanted = (SubjectId, [u8; 16], [u8; 16], Option<Vaulted>);

fn row(source: SourceNo, subject: SubjectId, ix: &[u8; 16], sealed: &Vaulted, now: Timestamp) -> MemberRow {
    let errand = sealed.owner.subject_id.bytes().to_vec();
    MemberRow {
        source_no: source,
        ix: ix.to_vec(),
        subject_id: subject,
        errand,
        state: MemberRow::HANDED,
        changed_at: now,
    }
}

/// Did the person say no to anything since, are they gone, or was the address erased while they were known?
fn held_back(
    write: &mut store::Write<'_>,
    subject: SubjectId,
    stone: &[u8; 16],
    since: Timestamp,
) -> Result<bool, Error> {
    let Some(living) = subjects::living(write.records(), subject)? else { return Ok(true) };
    // Who came back of their own will after an erasure is somebody new.
    if tombstones::laid(write.records(), stone)?.is_some_and(|erased_at| erased_at >= living.created_at) {
        return Ok(true);
    }
    for entry in entries::of(write.records(), living.subject_id)?.iter().filter(|entry| entry.recorded_at >= since) {
        if ledger::entry(entry)?.act.is_no() {
            return Ok(true);
        }
    }
    Ok(false)
}
