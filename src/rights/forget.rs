//! Deleting what nothing keeps any more (Art. 5(1)(e) GDPR): what is due says `due`, here it is done.
//!
//! A page of people at a time. What is going to be deleted is an audit line first, and what was deleted is one after.
//! Each person is one transaction that checks that nothing changed since it was looked at; who changed is looked at again
//! in the next run. A part that ends is taken out of its record; the key of a category of which nothing is left is
//! shredded; a record that ends goes with its indexes and leaves a tombstone, so that the source cannot bring it back; a
//! person of whom nothing is left goes as a whole. What only a law keeps is closed to every other purpose and cannot be
//! looked up any more; unlike after an erasure it stays the person's, who has a right to a copy of it (Art. 15 GDPR).

use std::sync::Arc;

use super::deadline::closed_before;
use super::due::{Due, Fate, Rule, Tally, due};
use super::erase::unchanged;
use super::request::OPEN;
use super::{Error, Rights};
use crate::audit::{Act, Line};
use crate::store::rows::{IdentifierRow, RecordRow, SubjectRows, Who};
use crate::store::{
    Write, identifiers, keys, ledger, links, orphans, records, replies, requests, subjects, tombstones,
};
use crate::types::{CategorySet, SubjectId, Timestamp};
use crate::vault::{self, Compartment, Shredder, strip};

/// How old a data key without a person must be before it is deleted: no transaction lasts that long, and no two nodes'
/// clocks are that far apart.
const ORPHAN_DAYS: i64 = 2;
/// If more than this many data keys, and more than this share of all, have no person, then it is the wrong records
/// database that is open beside the keys, and none is deleted.
const MANY_ORPHANS: usize = 100;
const SHARE_OF_ORPHANS: usize = 20;

impl Rights {
    /// What is due of these people, without doing it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn due_of(&self, people: Vec<SubjectId>) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        for (rows, due) in self.look(people).await? {
            tally.join(&due.tally(&rows));
        }
        Ok(tally)
    }

    /// Deletes what is due of these people, and says what was done.
    ///
    /// # Errors
    /// If the store or the vault fails or a line cannot be written; what was deleted stays deleted.
    pub async fn forget(&self, people: Vec<SubjectId>) -> Result<Tally, Error> {
        let mut planned = Tally::default();
        let (mut names, mut who) = (Vec::new(), Vec::new());
        let mut done = Tally::default();
        for (rows, due) in self.look(people).await? {
            if due.held {
                done.join(&due.tally(&rows));
                continue;
            }
            planned.join(&due.tally(&rows));
            names.extend(self.gateway.pseudonyms(&rows)?.iter().map(vault::Pseudonym::bytes));
            who.push(rows.subject);
        }
        if who.is_empty() {
            return Ok(done);
        }
        self.book.note(line("intended", &planned).about(names.clone())).await?;
        let mut deleted = Tally::default();
        for person in who {
            deleted.join(&self.forget_one(person).await?);
        }
        self.book.note(line("done", &deleted).about(names)).await?;
        done.join(&deleted);
        Ok(done)
    }

    /// Everybody of these of whom something is due.
    async fn look(&self, people: Vec<SubjectId>) -> Result<Vec<(SubjectRows, Due)>, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let mut found = Vec::new();
        for rows in self.load(people).await? {
            let mut due = due(&rows, &edition, now)?;
            if due.is_empty() {
                continue;
            }
            let mut people: Vec<SubjectId> = rows.merged.iter().map(|part| part.subject_id).collect();
            people.push(rows.subject);
            due.held |= self.store.read(move |read| requests::any_of(read.records(), &people, &OPEN)).await?;
            found.push((rows, due));
        }
        Ok(found)
    }

    /// These people with the keys that live. Somebody without any is nobody to the gateway; here they are looked at all
    /// the same, because a crash between the commits of keys and records leaves them so.
    async fn load(&self, people: Vec<SubjectId>) -> Result<Vec<SubjectRows>, Error> {
        let rows = self.store.subjects(people.into_iter().map(Who::Subject).collect()).await?;
        let mut rows: Vec<SubjectRows> = rows.into_iter().flatten().collect();
        self.keyring.know(rows.iter().flat_map(|rows| &rows.keys)).await?;
        for rows in &mut rows {
            rows.keys.retain(|key| self.keyring.opens(key));
        }
        Ok(rows)
    }

    /// Looks at one person again and deletes what is due of them.
    async fn forget_one(&self, person: SubjectId) -> Result<Tally, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let Some(rows) = self.load(vec![person]).await?.pop() else { return Ok(Tally::default()) };
        let due = due(&rows, &edition, now)?;
        if due.is_empty() || due.held {
            return Ok(due.tally(&rows));
        }
        let (work, shredder) = (Arc::new((rows, due)), Arc::clone(&self.shredder));
        let done = self.store.write(move |write| apply(write, &work.0, &work.1, &shredder, now)).await;
        match done {
            // They changed meanwhile, are being erased, or another node began an epoch: the next run looks again.
            Err(Error::Changed | Error::SubjectUnknown) => Ok(Tally::default()),
            Err(Error::Vault(vault::Error::UnknownEpoch(_))) => {
                self.keyring.reload().await?;
                Ok(Tally::default())
            }
            done => done,
        }
    }

    /// Deletes what belongs to nobody who lives: what a law kept of erased people and keeps no more, closed requests,
    /// replies kept for a repeated call, data keys without a person. Says what was done; `dry`: what would be.
    ///
    /// # Errors
    /// As [`Rights::forget`].
    pub async fn forget_the_rest(&self, dry: bool) -> Result<Tally, Error> {
        let now = self.clock.now();
        let (closed, made_before) = (closed_before(now)?, now.plus_days(-ORPHAN_DAYS));
        let mut tally = Tally::default();
        tally.add(Rule::KeptOfErased, if dry { self.ended_keeping().await? } else { self.end_keeping().await? });
        let (requests, replies) = if dry {
            let read = move |read: &mut crate::store::Read| {
                let requests = requests::count_closed(read.records(), closed)?;
                Ok::<_, Error>((requests, replies::count_expired(read.records(), now)?))
            };
            self.store.read(read).await?
        } else {
            let write = move |write: &mut Write<'_>| {
                let requests = requests::delete_closed(write, closed)?;
                Ok::<_, Error>((requests, replies::delete_expired(write, now)?))
            };
            self.store.write(write).await?
        };
        tally.add(Rule::Requests, requests);
        tally.add(Rule::Replies, replies);
        tally.add(Rule::OrphanKeys, self.orphans(made_before, dry).await?);
        if !dry && !tally.is_empty() {
            self.book.note(line("done", &tally)).await?;
        }
        Ok(tally)
    }

    async fn orphans(&self, made_before: Timestamp, dry: bool) -> Result<usize, Error> {
        let counted = self.store.read_apart(move |read| orphans::count(read, made_before)).await?;
        if counted.orphans > MANY_ORPHANS && counted.orphans > counted.owners / SHARE_OF_ORPHANS {
            tracing::error!(
                orphans = counted.orphans,
                owners = counted.owners,
                "many data keys have no person: is this the records database that belongs to these keys? none is deleted"
            );
            return Ok(0);
        }
        if dry || counted.orphans == 0 {
            return Ok(counted.orphans);
        }
        let (mut after, mut deleted) = (None, 0);
        loop {
            let (some, last) = self.store.write(move |write| orphans::delete(write, after, made_before)).await?;
            deleted += some;
            if last.is_none() {
                return Ok(deleted);
            }
            after = last;
        }
    }

    /// Takes what was deleted out of the write-ahead logs too.
    ///
    /// # Errors
    /// [`Error::ReadersInTheWay`]; then the next run does it.
    pub async fn forget_for_good(&self) -> Result<(), Error> {
        self.scrub().await
    }
}

fn line(how: &str, tally: &Tally) -> Line {
    let counts = tally.iter().map(|(rule, count)| format!("{rule}={count}"));
    Line::new(Act::Expired).to("retention").object(how).reasons(counts.collect())
}

/// One person, in one transaction.
fn apply(
    write: &mut Write<'_>,
    rows: &SubjectRows,
    due: &Due,
    shredder: &Shredder,
    now: Timestamp,
) -> Result<Tally, Error> {
    let mut people = subjects::merged_into(write.records(), rows.subject)?;
    people.push(rows.subject);
    for person in &people {
        subjects::lock(write, *person)?;
    }
    if requests::any_of(write.records(), &people, &OPEN)? {
        let mut tally = Tally::default();
        tally.add(Rule::HeldBack, 1);
        return Ok(tally);
    }
    unchanged(write, rows)?;
    for fate in &due.fates {
        let record = rows.records.iter().find(|record| record.record_no == fate.record);
        end(write, record.ok_or(Error::Document("plan of a deletion"))?, fate, shredder, now)?;
    }
    if due.person {
        keys::delete_data_keys(write, &people)?;
        for person in &people {
            ledger::delete_of(write, *person)?;
            links::delete_of(write, *person)?;
        }
        subjects::delete(write, &people)?;
    } else {
        shred(write, rows, due, shredder)?;
    }
    Ok(due.tally(rows))
}

/// One record: gone, emptied, or without some of its parts.
fn end(
    write: &mut Write<'_>,
    record: &RecordRow,
    fate: &Fate,
    shredder: &Shredder,
    now: Timestamp,
) -> Result<(), Error> {
    if (fate.is_deleted() || fate.law_alone) && !fate.indexes {
        bury(write, record, shredder, now)?;
    }
    if fate.is_deleted() {
        links::delete_of_record(write, record.subject_id, record.record_no)?;
        return Ok(records::delete(write, record.subject_id, record.record_no)?);
    }
    let mut left = RecordRow {
        categories: fate.keep.bits().cast_signed(),
        sealed: strip(&record.sealed, fate.keep)?,
        ..record.clone()
    };
    if fate.law_alone {
        left.facts = RecordRow::KEPT_BY_LAW;
        // The source's clock did its work; what is left is the law's.
        (left.source_until, left.contract_until) = (Timestamp::UNSET, Timestamp::UNSET);
    }
    if fate.keep.is_empty() {
        left.facts = 0;
        (left.source_until, left.contract_until, left.keep_until) =
            (Timestamp::UNSET, Timestamp::UNSET, Timestamp::UNSET);
    }
    Ok(records::replace(write, left)?)
}

/// Removes the indexes of a record and lays a tombstone for the record itself: its source may deliver it again. The
/// person's identifiers get none, because they are free to come back.
fn bury(write: &mut Write<'_>, record: &RecordRow, shredder: &Shredder, now: Timestamp) -> Result<(), Error> {
    let indexes = identifiers::of_records(write.records(), &[record.record_no])?;
    identifiers::delete_of(write, record.record_no)?;
    links::forget_evidence(write, record.subject_id, record.record_no)?;
    let mut stones = Vec::new();
    for row in indexes.iter().filter(|row| row.kind == IdentifierRow::RECORD) {
        let ix: [u8; 16] = row.ix.as_slice().try_into().map_err(|_| Error::Document("blind index"))?;
        stones.push(shredder.suppression(ix.into()).bytes());
    }
    Ok(tombstones::insert(write, &stones, now.max(record.version).max(record.happened_at))?)
}

/// Ends the keys of categories of which nothing is left.
fn shred(write: &mut Write<'_>, rows: &SubjectRows, due: &Due, shredder: &Shredder) -> Result<(), Error> {
    for key in &rows.keys {
        let dying = due.dying(rows, key.subject, key.key_no);
        if dying == CategorySet::EMPTY {
            continue;
        }
        let stored = keys::data_keys(write.keys()?, &[key.subject])?;
        let stored = stored.into_iter().find(|row| row.key_no == key.key_no).ok_or(Error::Changed)?;
        let mut shredded = stored.clone();
        shredder.erase(&mut shredded, &dying.iter().map(Compartment::Of).collect::<Vec<_>>())?;
        // Another node may have begun an epoch, and may be about to destroy the one this key is under now.
        if keys::newest_epoch(write)? != Some(shredded.epoch) {
            return Err(vault::Error::UnknownEpoch(shredded.epoch).into());
        }
        if !keys::update_data_key(write, &stored, &shredded)? {
            return Err(Error::Changed);
        }
    }
    Ok(())
}
