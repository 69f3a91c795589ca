//! Whom segments were handed to: kept so that people can be taken off again, also when they were erased or nobody may read
//! them any more (Art. 7(3), 17, 19, 21 GDPR).
//!
//! What was handed over, a mail address or digests for a network, is sealed for a nobody of its own before the vendor is told. It is
//! destroyed when the vendor took it off, unless the vendor keeps who leaves its list: then it stays until the person is
//! erased, so that the erasure reaches the vendor. Of an erased person it ends after [`LONGEST`] days, whatever the vendor does.
//! A tombstone of the address, or a no that came while the segment was read, keeps it from being handed over.

mod held_back;

use std::collections::BTreeSet;

use held_back::{held_back, is_a_no};
use serde_json::{Value, json};

use super::erase::{Vaulted, store_kept};
use super::errand::{LONGEST, ask};
use super::nobody::destroy_errand;
use super::{Error, Rights};
use crate::consent::ledger;
use crate::gateway::Kept;
use crate::store::audiences::{self, MemberRow};
use crate::store::rows::Who;
use crate::store::{self, identifiers, ledger as entries, subjects, tombstones};
use crate::types::{Category, Channel, IdentifierKind, PurposeCode, SourceNo, SubjectId, Timestamp};
use crate::vault::{self, Personal};

/// Where digests are kept: the one of the mail address and the one of the phone number side by side, as they were handed over; empty
/// where there is none.
pub const DIGESTS: &str = "digests";
/// How often it is sealed anew when the keys turn meanwhile.
const TRIES: usize = 5;

/// Somebody a vendor is to be told of.
pub struct Handing<'h> {
    /// The person.
    pub subject: SubjectId,
    /// By what the vendor is told.
    pub by: ToldBy<'h>,
}

/// By what a vendor is told of somebody.
#[derive(Clone, Copy)]
pub enum ToldBy<'h> {
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

impl ToldBy<'_> {
    fn document(self) -> Value {
        match self {
            Self::Email(email) => json!({"emails": [email]}),
            Self::Digests { email, phone } => {
                json!({DIGESTS: [[email.unwrap_or_default(), phone.unwrap_or_default()]]})
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
    pub fn member_index(&self, by: ToldBy<'_>) -> Result<[u8; 16], Error> {
        let (kind, value) = match by {
            ToldBy::Email(email) | ToldBy::Digests { email: Some(email), .. } => (IdentifierKind::Email, email),
            ToldBy::Digests { phone: Some(phone), .. } => (IdentifierKind::Phone, phone),
            ToldBy::Digests { .. } => return Err(Error::Document("audience")),
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
    /// after it is left out. To a destination that ends nobody is handed over.
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
        let indexes = people.iter().map(|one| self.member_index(one.by)).collect::<Result<Vec<_>, Error>>()?;
        let all = indexes.iter().map(|ix| ix.to_vec()).collect::<Vec<_>>();
        let known = self.store.read(move |read| audiences::with_indexes(read.records(), source, &all)).await?;
        let mut wanted: Vec<Wanted> = Vec::with_capacity(people.len());
        for (one, ix) in people.iter().zip(indexes) {
            let stone = self.shredder.suppression(ix.into()).bytes();
            if known.iter().any(|row| row.ix == ix && !MemberRow::OFF.contains(&row.state)) {
                wanted.push((one.subject, ix, stone, None));
                continue;
            }
            let document = Personal::document(&one.by.document()).map_err(|_| Error::Document("errand"))?;
            let sealed = self.seal_for_nobody(source, vec![(Category::Contact, document)], Timestamp::NEVER, now)?;
            wanted.push((one.subject, ix, stone, Some(sealed)));
        }
        let handed = self.store.write(move |write| {
            if audiences::find(write.records(), source)?.is_none_or(|audience| audience.is_ending()) {
                return Ok(vec![Handed::Suppressed; wanted.len()]);
            }
            let ixs: Vec<Vec<u8>> = wanted.iter().map(|(_, ix, ..)| ix.to_vec()).collect();
            let known = audiences::with_indexes(write.records(), source, &ixs)?;
            let mut met = BTreeSet::new();
            // Two people of one mailbox get one message.
            let all = wanted.iter().map(|one| match met.insert(one.1) {
                true => keep_one(write, source, (one, known.iter().find(|row| row.ix == one.1)), (since, now)),
                false => Ok(Handed::There(one.1)),
            });
            all.collect::<Result<Vec<_>, Error>>()
        });
        handed.await
    }

    /// Opens whom a vendor was told of.
    ///
    /// # Errors
    /// If it cannot be read, or the audit line is not durable.
    pub async fn open_member(&self, row: &MemberRow) -> Result<Kept, Error> {
        let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(Kept::Destroyed) };
        Ok(self.gateway.errand(&ask()?, nobody, None).await?)
    }

    /// Does somebody still say no to what a destination has them for, so that its vendor is to be told? Not who was erased, whom the
    /// vendor forgets altogether, nor who said yes again since.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn still_refuses(&self, row: &MemberRow) -> Result<bool, Error> {
        let (subject, source) = (row.subject_id, row.source_no);
        let entries = self.store.read(move |read| {
            let Some(living) = subjects::living(read.records(), subject)? else { return Ok(Vec::new()) };
            let Some(audience) = audiences::find(read.records(), source)? else { return Ok(Vec::new()) };
            let rows = entries::of(read.records(), living.subject_id)?;
            let mut said = rows.iter().map(ledger::entry).collect::<Result<Vec<_>, _>>()?;
            said.retain(|entry| {
                let (purpose, channel) = (entry.purpose.as_ref(), entry.channel.map(Channel::word));
                !entry.act.is_restriction() && audience.concerns(purpose.map(PurposeCode::as_str), channel)
            });
            Ok::<_, store::Error>(said)
        });
        Ok(is_a_no(&entries.await?))
    }

    /// The vendor took somebody off. What was kept of them is destroyed, unless the vendor `keeps` who leaves its list: then it
    /// stays for as long as they live here, for their erasure, and until the vendor forgot them too if retention ended them. `told`:
    /// the hub told it of their no.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn let_member_go(&self, row: &MemberRow, keeps: bool, told: bool) -> Result<(), Error> {
        let (row, now) = (row.clone(), self.clock.now());
        let stone = row.ix.first_chunk::<16>().map(|ix| self.shredder.suppression((*ix).into()).bytes());
        let gone = self.store.write(move |write| {
            let known = keeps && row.settles_at.is_set();
            let lives = known && subjects::living(write.records(), row.subject_id)?.is_some();
            // An erasure has an errand of its own at the vendor.
            let since = row.changed_at.plus(-Timestamp::DAY);
            let laid = stone.map(|stone| tombstones::laid(write.records(), &stone)).transpose()?.flatten();
            if lives || (known && laid.is_none_or(|erased_at| erased_at < since)) {
                let step = (&[row.state][..], if told { MemberRow::TOLD } else { MemberRow::GONE });
                audiences::step(write, row.source_no, std::slice::from_ref(&row.ix), step, now)?;
                return Ok(());
            }
            forget(write, &row)
        });
        Ok(gone.await?)
    }

    /// Somebody was not taken off and is tried again then. Of who does not live here any more what is kept ends all the same: answers
    /// whether it has.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn try_member_later(&self, row: &MemberRow, due_at: Timestamp) -> Result<bool, Error> {
        let (row, now) = (row.clone(), self.clock.now());
        let later = self.store.write(move |write| {
            if subjects::living(write.records(), row.subject_id)?.is_none() {
                let ends = row.changed_at.plus_days(i64::from(LONGEST));
                if ends <= now {
                    forget(write, &row)?;
                    return Ok(true);
                }
                audiences::end_errand(write, &row, ends)?;
            }
            audiences::postpone(write, &row, due_at)?;
            Ok::<_, store::Error>(false)
        });
        Ok(later.await?)
    }

    /// Those of these people whom nobody is here any more: retention ended them.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn the_dead(&self, mut rows: Vec<MemberRow>) -> Result<Vec<MemberRow>, Error> {
        let dead = self.store.read(move |read| {
            let living = subjects::living_many(read.records(), rows.iter().map(|row| row.subject_id))?;
            rows.retain(|row| !living.contains_key(&row.subject_id));
            Ok::<_, store::Error>(rows)
        });
        Ok(dead.await?)
    }

    /// Whose it is now what a vendor keeps of somebody whom retention ended. If by it somebody else is known who lives, it is theirs
    /// from then on, so that their erasure reaches the vendor.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub async fn heir(&self, row: &MemberRow) -> Result<Heir, Error> {
        let row = row.clone();
        let heir = self.store.write(move |write| {
            let known = audiences::with_indexes(write.records(), row.source_no, std::slice::from_ref(&row.ix))?;
            let Some(row) = known.into_iter().find(|known| MemberRow::OFF.contains(&known.state)) else {
                return Ok(Heir::Settled);
            };
            if subjects::living(write.records(), row.subject_id)?.is_some() {
                return Ok(Heir::Settled);
            }
            let holders = match row.ix.first_chunk::<16>() {
                Some(ix) => identifiers::holders(write.records(), ix)?,
                None => Vec::new(),
            };
            for holder in holders {
                if let Some(living) = subjects::living(write.records(), holder)? {
                    audiences::assign(write, row.source_no, &row.ix, living.subject_id)?;
                    return Ok(Heir::Somebody);
                }
            }
            Ok::<_, store::Error>(Heir::Nobody)
        });
        Ok(heir.await?)
    }

    /// Destroys what was kept of somebody whom the vendor did not take, or of whom it is told nothing any more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_member(&self, row: &MemberRow) -> Result<(), Error> {
        let row = row.clone();
        Ok(self.store.write(move |write| forget(write, &row)).await?)
    }
}

/// Whose it is what a vendor keeps of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heir {
    /// Somebody else's, who lives.
    Somebody,
    /// Nobody's any more.
    Nobody,
    /// They live, are on the list again, or are forgotten already: there is nothing to be done.
    Settled,
}

/// Somebody, their index and their tombstone's, and what is to be stored of them if they are not known.
type Wanted = (SubjectId, [u8; 16], [u8; 16], Option<Vaulted>);

/// What becomes of one of them, who may be known.
fn keep_one(
    write: &mut store::Write<'_>,
    source: SourceNo,
    ((subject, ix, stone, sealed), there): (&Wanted, Option<&MemberRow>),
    (since, now): (Timestamp, Timestamp),
) -> Result<Handed, Error> {
    if let Some(row) = there.filter(|row| MemberRow::PRESENT.contains(&row.state)) {
        if row.subject_id != *subject {
            audiences::assign(write, source, ix, *subject)?;
        }
        return Ok(if row.state == MemberRow::THERE { Handed::There(*ix) } else { Handed::New(*ix) });
    }
    if there.is_some_and(|row| MemberRow::TO_LEAVE.contains(&row.state)) || held_back(write, *subject, stone, since)? {
        return Ok(Handed::Suppressed);
    }
    // Without anything sealed they were taken off a moment ago; the next push knows.
    let Some(sealed) = sealed else { return Ok(Handed::Suppressed) };
    // What they are told by now takes the place of what they were told by then.
    if let Some(gone) = there {
        forget(write, gone)?;
    }
    store_kept(write, sealed)?;
    audiences::insert(write, row(source, *subject, ix, sealed, now))?;
    Ok(Handed::New(*ix))
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
        settles_at: Timestamp::UNSET,
        due_at: Timestamp::UNSET,
    }
}

fn forget(write: &mut store::Write<'_>, row: &MemberRow) -> Result<(), store::Error> {
    if let Ok(nobody) = SubjectId::from_slice(&row.errand) {
        destroy_errand(write, nobody)?;
    }
    audiences::forget(write, row.source_no, &row.ix)
}

/// Somebody is being erased: whoever has them on a list is to take them off, and what is kept for that ends. Who was taken off before
/// is in the errand of the erasure by now.
pub(super) fn leave_all(write: &mut store::Write<'_>, handed: &[MemberRow], now: Timestamp) -> Result<(), Error> {
    for row in handed {
        if MemberRow::OFF.contains(&row.state) {
            forget(write, row)?;
            continue;
        }
        let step = (&MemberRow::PRESENT[..], MemberRow::LEAVING);
        audiences::step(write, row.source_no, std::slice::from_ref(&row.ix), step, now)?;
        audiences::end_errand(write, row, now.plus_days(i64::from(LONGEST)))?;
    }
    Ok(())
}
