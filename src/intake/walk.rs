//! Walking over everything that is compared, page by page, in the order of arrival. Nobody who writes waits for it.

use super::matching::Matching;
use super::table::Table;
use super::{Error, Intake};
use crate::consent::Edition;
use crate::graph::matching::Card;
use crate::store::acquaintances::Acquaintances;
use crate::store::{Read, cards};
use crate::types::{RecordNo, SubjectId, Timestamp};

/// Cards opened at once.
const PAGE: i64 = 1_000;

/// A record whose person and source allow that it is compared.
pub(super) struct Open {
    pub(super) record: RecordNo,
    /// Whose it is.
    pub(super) person: SubjectId,
    /// For whom it was sealed.
    pub(super) part: SubjectId,
    pub(super) card: Card,
}

/// What was opened of a page, and the last record that was looked at.
type Page = (Vec<Open>, RecordNo);

impl Intake {
    /// Up to a page of records after `after` that may be compared, and the last that was looked at; none at the end.
    ///
    /// # Errors
    /// If the store or the vault fails.
    pub(super) async fn open_page(&self, after: RecordNo) -> Result<Option<Page>, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        self.in_epoch(async || {
            let (matching, edition) = (self.matching.clone(), edition.clone());
            self.store.read_apart(move |read| page(read, (&matching, &edition), after, now)).await
        })
        .await
    }
}

fn page(
    read: &mut Read,
    (matching, edition): (&Matching, &Edition),
    after: RecordNo,
    now: Timestamp,
) -> Result<Option<Page>, Error> {
    let rows = cards::page(read.records(), after, PAGE)?;
    let Some(last) = rows.last().map(|row| row.record_no) else { return Ok(None) };
    let mut people = Acquaintances::default();
    people.meet(read.records(), rows.iter().map(|row| row.subject_id))?;
    let mut table = Table::empty(matching, edition, now);
    table.fetch_keys(read.keys(), &rows)?;
    table.hear(read.records(), &people.all())?;
    let compared = rows.iter().filter(|row| !row.sealed.is_empty());
    let compared: Vec<_> = compared.map(|row| (row.record_no, row.subject_id, row.sealed_for)).collect();
    table.put(rows);
    let mut open = Vec::with_capacity(compared.len());
    for (record, owner, part) in compared {
        let Some(person) = people.living(read.records(), owner)? else { continue };
        if table.is_barred(read.records(), person)? {
            continue;
        }
        if let Some(mut card) = table.take(record)? {
            // Of all records they are kept for a while.
            card.trim();
            open.push(Open { record, person, part, card });
        }
    }
    Ok(Some((open, last)))
}
