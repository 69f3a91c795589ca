//! Between the ledger's rows and its entries, and from one person's rows to their [`Standing`].

use std::sync::Arc;

use super::rulebook::Edition;
use super::{Act, Age, Entry, EntryNo, Merge, Method, OriginFacts, SaleFacts, Snapshot, SourceFacts, Standing};
use crate::store::Error;
use crate::store::rows::{LedgerRow, RecordRow, SubjectRows};
use crate::types::{Channel, RecordNo, SubjectId, Timestamp};

/// Bits of `proof_flags`.
const PROVEN: i16 = 1;
const CONFIRMED: i16 = 2;
const EXPLICIT: i16 = 4;
const PARENTAL: i16 = 8;

/// The proof flags of an entry, as stored.
#[must_use]
pub fn proof_flags(entry: &Entry) -> i16 {
    [(entry.proven, PROVEN), (entry.confirmed, CONFIRMED), (entry.explicit, EXPLICIT), (entry.parental, PARENTAL)]
        .into_iter()
        .filter_map(|(set, bit)| set.then_some(bit))
        .sum()
}

/// Reads a row.
///
/// # Errors
/// If it holds a word this version does not know.
pub fn entry(row: &LedgerRow) -> Result<Entry, Error> {
    let text = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
    Ok(Entry {
        act: Act::try_from(row.act)?,
        purpose: if row.purpose.is_empty() { None } else { Some(row.purpose.parse()?) },
        channel: if row.channel == 0 { None } else { Some(Channel::try_from(row.channel)?) },
        at: row.happened_at,
        recorded_at: row.recorded_at,
        entry_no: EntryNo(row.entry_no),
        text_version: text(&row.text_version),
        method: row.method.parse::<Method>()?,
        proven: row.proof_flags & PROVEN != 0,
        confirmed: row.proof_flags & CONFIRMED != 0,
        explicit: row.proof_flags & EXPLICIT != 0,
        parental: row.proof_flags & PARENTAL != 0,
        origin: row.origin,
    })
}

/// The standing of one person from what the store found about them in one snapshot.
///
/// # Errors
/// If a row holds a word this version does not know: then nothing may be decided.
pub fn standing(rows: &SubjectRows, edition: &Edition) -> Result<Standing, Error> {
    let entries = rows.ledger.iter().map(entry).collect::<Result<_, _>>()?;
    let merges = rows
        .merged
        .iter()
        .filter_map(|row| row.merged_into.as_ref().map(|into| (row, into)))
        .map(|(row, into)| Ok(Merge { from: row.subject_id, into: SubjectId::from_slice(into)?, at: row.merged_at }))
        .collect::<Result<_, Error>>()?;
    let mut origins: Vec<OriginFacts> = Vec::new();
    for record in &rows.records {
        let at = match origins.iter().position(|facts| facts.origin == record.sealed_for) {
            Some(at) => at,
            None => {
                origins.push(OriginFacts::nothing(record.sealed_for));
                origins.len() - 1
            }
        };
        if let Some(facts) = origins.get_mut(at) {
            add(facts, record, edition);
        }
    }
    Ok(Standing::fold(Snapshot { subject: rows.subject, origins, merges, entries, age: Age::Unknown }))
}

/// Adds what one record says about its part of the person.
fn add(facts: &mut OriginFacts, record: &RecordRow, edition: &Edition) {
    if record.contract_until.is_set() {
        facts.contract_until = facts.contract_until.max(Some(record.contract_until));
    }
    let sale = &mut facts.sale;
    let told = edition.source(record.source_no).is_some_and(|source| source.terms.tells_of_objection);
    if record.facts & RecordRow::PAID_ORDER != 0 {
        let address = record.facts & RecordRow::ADDRESS_FROM_ORDER != 0;
        *sale = SaleFacts {
            paid_order: true,
            address_from_order: sale.address_from_order || address,
            similar_goods: sale.similar_goods || told,
            notice_at_collection: sale.notice_at_collection || (address && told),
        };
    }
    let until = record.source_until.is_set().then_some(record.source_until);
    match facts.sources.iter_mut().find(|source| source.source == record.source_no) {
        // The door checks each record by its own clock; here the latest end says whether any is open.
        Some(known) => known.until = known.until.zip(until).map(|(known, until)| known.max(until)),
        None => {
            // A source that is not configured any more allows nothing.
            let purposes =
                edition.source(record.source_no).map_or_else(|| Some(Arc::default()), |source| source.purposes.clone());
            facts.sources.push(SourceFacts { source: record.source_no, purposes, until });
        }
    }
}

/// The number of a new entry: the next record number, so that it grows over all nodes' clocks.
#[must_use]
pub const fn number(number: RecordNo) -> EntryNo {
    EntryNo(number.0)
}

/// When an entry may have happened at the latest: nobody consents in the future.
#[must_use]
pub fn plausible(at: Timestamp, now: Timestamp) -> bool {
    at <= now.plus(5 * 60 * Timestamp::SECOND)
}
