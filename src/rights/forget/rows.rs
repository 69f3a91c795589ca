//! The first transaction: what is due of one person is taken out of their records, and what ends leaves a tombstone.

use super::super::Error;
use super::super::due::{Due, Fate, categories};
use super::super::erase::unchanged;
use super::super::request::OPEN;
use super::super::tally::{Rule, Tally};
use super::Forgotten;
use super::keys::Dying;
use crate::store::rows::{IdentifierRow, LedgerRow, RecordRow, SubjectRows};
use crate::store::{
    self, Write, apart, cards, identifiers, ledger, links, records, requests, reviews, subjects, tombstones,
};
use crate::types::{Category, CategorySet, Timestamp};
use crate::vault::{Compartment, Shredder, strip};

/// One person, in one transaction.
pub(super) fn apply(
    write: &mut Write<'_>,
    rows: &SubjectRows,
    due: &Due,
    shredder: &Shredder,
    now: Timestamp,
) -> Result<Forgotten, Error> {
    let people = subjects::with_merged(write.records(), rows.subject)?;
    subjects::lock(write, &people)?;
    if requests::any_of(write.records(), &people, &OPEN)? {
        let mut tally = Tally::default();
        tally.add(Rule::HeldBack, 1);
        return Ok(Forgotten::Left(tally));
    }
    unchanged(write, rows)?;
    for fate in &due.fates {
        let record = rows.records.iter().find(|record| record.record_no == fate.record);
        end(write, record.ok_or(Error::Document("plan of a deletion"))?, fate, shredder, now)?;
    }
    if due.person {
        for person in &people {
            ledger::delete_of(write, *person)?;
            links::delete_of(write, *person)?;
        }
        apart::delete_of(write, &people)?;
        subjects::delete(write, &people)?;
        return Ok(Forgotten::Gone(due.tally_of_rows(rows), Dying::People(people)));
    }
    for entry in rows.ledger.iter().filter(|entry| due.proofs.contains(&entry.entry_no)) {
        ledger::reseal(write, &LedgerRow { evidence: Vec::new(), ..entry.clone() })?;
    }
    let dying = rows.keys.iter().map(|key| (key.subject, key.key_no, due.dying(rows, key.subject, key.key_no)));
    let dying = dying.filter(|(.., categories)| *categories != CategorySet::EMPTY).collect();
    Ok(Forgotten::Gone(due.tally_of_rows(rows), Dying::Categories(rows.subject, dying)))
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
    end_card(write, record, fate)?;
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

/// What matching keeps of a record goes with any of the categories it was made of, and with every purpose that may use it.
fn end_card(write: &mut Write<'_>, record: &RecordRow, fate: &Fate) -> Result<(), store::Error> {
    let number = [record.record_no];
    let lost = categories(record).difference(fate.keep);
    if fate.is_deleted() || fate.law_alone || lost.contains(Category::Identity) {
        cards::delete_of(write, &number)?;
        reviews::delete_of(write, &number)
    } else if Compartment::COMPARED.iter().any(|category| lost.contains(*category)) {
        cards::silence(write, &number)
    } else {
        Ok(())
    }
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
