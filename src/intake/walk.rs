//! Walking over everything that is compared, page by page, in the order of arrival.

use super::compare::Table;
use super::settle::Batch;
use super::{Error, Intake};
use crate::graph::matching::Card;
use crate::store::cards;
use crate::types::{RecordNo, SubjectId};

/// Cards opened in one transaction.
const PAGE: i64 = 500;

/// A record whose person and source allow that it is compared.
pub(super) struct Open {
    pub(super) record: RecordNo,
    /// Whose it is.
    pub(super) person: SubjectId,
    /// For whom it was sealed.
    pub(super) part: SubjectId,
    /// Its matching keys.
    pub(super) keys: Vec<i64>,
    pub(super) card: Card,
}

impl Intake {
    /// Up to a page of records after `after` that may be compared, and the last that was looked at; none at the end.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub(super) async fn open_page(&self, after: RecordNo) -> Result<Option<(Vec<Open>, RecordNo)>, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        self.in_epoch(async || {
            let (matching, edition) = (self.matching.clone(), edition.clone());
            self.store
                .write(move |write| {
                    let rows = cards::page(write.records(), after, PAGE)?;
                    let Some(last) = rows.last().map(|row| row.record_no) else { return Ok(None) };
                    let mut table = Table::lay(write, &matching, &edition, (&[], 0), now)?;
                    let numbers: Vec<RecordNo> = rows.iter().map(|row| row.record_no).collect();
                    table.seat(write, numbers)?;
                    let mut batch = Batch::of_stored(write, table)?;
                    let mut open = Vec::new();
                    for row in rows.iter().filter(|row| !row.sealed.is_empty()) {
                        if let Some(person) = batch.living(row.subject_id)?
                            && let Some(card) = batch.opened_if_allowed(row.record_no, person)?
                        {
                            let (record, part, keys) = (row.record_no, row.sealed_for, row.keys().collect());
                            open.push(Open { record, person, part, keys, card });
                        }
                    }
                    Ok::<_, Error>(Some((open, last)))
                })
                .await
        })
        .await
    }
}

impl Batch<'_, '_> {
    /// A copy of the card of a record that lies here. It stays closed if its person may not be compared.
    fn opened_if_allowed(&mut self, record: RecordNo, person: SubjectId) -> Result<Option<Card>, Error> {
        if self.table.is_barred(self.write, person)? {
            return Ok(None);
        }
        self.table.lay_open(self.write, &[record])?;
        Ok(self.table.laid_open(record).and_then(|card| Card::from_bytes(&card.to_bytes()).ok()))
    }
}
