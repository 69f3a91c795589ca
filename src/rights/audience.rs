//! Whom segments were handed to: kept so that people can be taken off again, also when they were erased or nobody may read
//! them any more (Art. 7(3), 17, 19, 21 GDPR).
//!
//! The mail address that was handed over is sealed for a nobody of its own before the vendor is told, and destroyed when the
//! vendor took it off. A tombstone of the address, or a no that came while the segment was read, keeps it from being
//! handed over.

use std::collections::BTreeSet;

use serde_json::json;

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
    /// The mail address, in its normal form.
    pub email: &'h str,
}

/// What becomes of somebody a vendor is to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The vendor is to be told; it is kept under this index.
    New(Vec<u8>),
    /// The vendor has them.
    There(Vec<u8>),
    /// They are not to be told of: erased, taken off, or said no meanwhile.
    Suppressed,
}

impl Rights {
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
        let mut wanted: Vec<(SubjectId, [u8; 16], [u8; 16], Vaulted)> = Vec::with_capacity(people.len());
        for one in people {
            let address = Personal::text(one.email.to_owned());
            let who = self.gateway.who_has(IdentifierKind::Email, SourceNo(0), &address)?;
            let Who::Identifier(ix) = who else { return Err(Error::Document("blind index")) };
            let document =
                Personal::document(&json!({"emails": [one.email]})).map_err(|_| Error::Document("errand"))?;
            let sealed = self.seal_for_nobody(source, vec![(Category::Contact, document)], Timestamp::NEVER, now)?;
            wanted.push((one.subject, ix, self.shredder.suppression(ix.into()).bytes(), sealed));
        }
        let handed = self.store.write(move |write| {
            let ixs: Vec<Vec<u8>> = wanted.iter().map(|(_, ix, ..)| ix.to_vec()).collect();
            let known = audiences::with_indexes(write.records(), source, &ixs)?;
            let mut all = Vec::with_capacity(wanted.len());
            let mut met = BTreeSet::new();
            for (subject, ix, stone, sealed) in &wanted {
                // Two people of one mailbox get one message.
                if !met.insert(*ix) {
                    all.push(Handed::There(ix.to_vec()));
                    continue;
                }
                let there = known.iter().find(|row| row.ix == *ix).map(|row| row.state);
                all.push(match there {
                    Some(MemberRow::THERE) => Handed::There(ix.to_vec()),
                    Some(MemberRow::HANDED) => Handed::New(ix.to_vec()),
                    Some(_) => Handed::Suppressed,
                    None if held_back(write, *subject, stone, since)? => Handed::Suppressed,
                    None => {
                        store_kept(write, sealed)?;
                        audiences::insert(write, row(source, *subject, ix, sealed, now))?;
                        Handed::New(ix.to_vec())
                    }
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
