//! Comparing again what is stored: after a new model, or for what came while matching was not allowed.

use super::compare::Table;
use super::desk::Desk;
use super::settle::Batch;
use super::{Error, Intake};
use crate::graph::matching::Card;
use crate::store::cards;
use crate::types::RecordNo;

impl Intake {
    /// Compares up to `limit` stored records after `after` with all others; how many, and the last of them. None at the
    /// end.
    ///
    /// # Errors
    /// If the store or the vault fails; then nothing of these was done.
    pub async fn compare_stored(&self, after: RecordNo, limit: i64) -> Result<Option<(usize, RecordNo)>, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        self.in_epoch(async || {
            let (sealer, ids) = (self.sealer.clone(), self.ids.clone());
            let (matching, edition) = (self.matching.clone(), edition.clone());
            self.store
                .write(move |write| {
                    let rows = cards::page(write.records(), after, limit)?;
                    let Some(last) = rows.last().map(|row| row.record_no) else { return Ok(None) };
                    let keys: Vec<Vec<i64>> = rows.iter().map(|row| row.keys().collect()).collect();
                    let keys: Vec<&[i64]> = keys.iter().map(Vec::as_slice).collect();
                    let table = Table::lay(write, &matching, &edition, (&keys, 0), now)?;
                    let desk = Desk::new(&sealer, &ids, now);
                    let mut batch = Batch::of_stored(write, table)?;
                    for row in rows.iter().filter(|row| !row.sealed.is_empty()) {
                        let Some(card) = batch.opened(row.record_no)? else { continue };
                        let Some(person) = batch.living(row.subject_id)? else { continue };
                        let keys: Vec<i64> = row.keys().collect();
                        desk.compare(&mut batch, (&card, &keys), (row.record_no, person))?;
                    }
                    batch.catch_up()?;
                    Ok::<_, Error>(Some((rows.len(), last)))
                })
                .await
        })
        .await
    }
}

impl Batch<'_, '_> {
    /// A copy of the card of a stored record, if it may be opened.
    fn opened(&mut self, record: RecordNo) -> Result<Option<Card>, Error> {
        self.table.copy(self.write, record)
    }
}
