//! The table: the cards a batch is compared with, and who of those they are of may be compared.
//!
//! Cards are opened here and nowhere else, under the purpose of matching: who objected to it, is restricted, or came from a
//! source that does not allow it is nobody's candidate and has none. Nothing is disclosed: the comparators
//! ([`crate::graph::matching`]) see the values and return levels.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::Error;
use super::bonds::names_two;
use super::candidates::{Blocks, MANY};
use super::matching::Matching;
use super::terms::Term;
use crate::consent::{Act, Edition, Purpose, Stance, ledger as words, stance};
use crate::graph::Rule;
use crate::graph::matching::{Card, FilledIn, Model, TermFrequencies};
use crate::store::connection::Connection;
use crate::store::rows::{CardRow, DataKeyRow, LedgerRow, SubjectRows};
use crate::store::{Write, cards, holders, keys, ledger, subjects};
use crate::types::{PurposeCode, RecordNo, SubjectId, Timestamp};

/// The purpose under which records are compared.
pub const MATCHING: &str = "identity_matching";

/// The cards a batch is compared with.
pub(super) struct Table<'a> {
    matching: &'a Matching,
    model: Arc<Model>,
    edition: &'a Edition,
    purpose: Option<Arc<Purpose>>,
    now: Timestamp,
    count: u64,
    /// What is known of all values before a record is looked at: how many records there are, and which dates of birth forms put in.
    plain: TermFrequencies,
    filled: Arc<FilledIn>,
    /// The records under each matching key of the batch.
    blocks: Blocks,
    seats: HashMap<RecordNo, Seat>,
    keys: HashMap<(SubjectId, i16), DataKeyRow>,
    barred: HashMap<SubjectId, bool>,
}

/// A card and the person it belonged to when it was laid down.
struct Seat {
    person: SubjectId,
    card: Laid,
}

enum Laid {
    Sealed(CardRow),
    Open(Box<Card>),
    /// It cannot or may not be opened.
    Closed,
}

impl<'a> Table<'a> {
    /// A table on which nothing lies.
    pub(super) fn empty(matching: &'a Matching, edition: &'a Edition, now: Timestamp) -> Self {
        let purpose = MATCHING.parse::<PurposeCode>().ok().and_then(|code| edition.purpose(&code).cloned());
        let (blocks, seats, keys, barred) = (Blocks::default(), HashMap::new(), HashMap::new(), HashMap::new());
        let model = matching.model.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (plain, filled) = (TermFrequencies::default(), Arc::default());
        Self { matching, model, edition, purpose, now, count: 0, plain, filled, blocks, seats, keys, barred }
    }

    /// Lays down the cards of all candidates of a batch: by the matching keys of each of its records, those of them that are of
    /// `contacts`, and of the records so many are `more` than were counted.
    pub(super) fn lay(
        write: &mut Write<'_>,
        matching: &'a Matching,
        edition: &'a Edition,
        (records, contacts, more): (&[&[i64]], &HashSet<i64>, u64),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut table = Self::empty(matching, edition, now);
        let wanted: BTreeSet<i64> = records.iter().copied().flatten().copied().collect();
        if wanted.is_empty() {
            return Ok(table);
        }
        table.count = matching.counted() + more;
        table.filled = Arc::new(matching.counts.filled_in(table.count));
        table.plain = TermFrequencies::new(table.count);
        table.plain.set_filled_in(table.filled.clone());
        let (asked, full) = matching.full.part(wanted);
        let found = cards::candidates(write, &asked)?;
        let crowded = asked.iter().zip(&found).filter(|(key, found)| contacts.contains(key) && found.len() > MANY);
        let crowded: BTreeSet<RecordNo> = crowded.flat_map(|(_, found)| found).copied().collect();
        let crowded: Vec<RecordNo> = crowded.into_iter().collect();
        let holders = holders::of_records(write.records(), &crowded)?;
        table.blocks = Blocks::of((asked, found), full, (contacts, &holders), &matching.full);
        let numbers: BTreeSet<RecordNo> = records.iter().flat_map(|keys| table.blocks.candidates(keys, None)).collect();
        table.seat(write, numbers)?;
        Ok(table)
    }

    /// Fetches cards, with the keys to them.
    pub(super) fn seat(
        &mut self,
        write: &mut Write<'_>,
        numbers: impl IntoIterator<Item = RecordNo>,
    ) -> Result<(), Error> {
        let missing: Vec<RecordNo> = numbers.into_iter().filter(|number| !self.seats.contains_key(number)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let rows = cards::of_records(write.records(), &missing)?;
        self.fetch_keys(write.keys()?, &rows)?;
        self.put(rows);
        Ok(())
    }

    /// Fetches the keys to these cards.
    pub(super) fn fetch_keys(&mut self, connection: &mut Connection, rows: &[CardRow]) -> Result<(), Error> {
        let owners: BTreeSet<SubjectId> = rows.iter().map(|row| row.sealed_for).collect();
        let owners: Vec<SubjectId> = owners.into_iter().collect();
        for some in owners.chunks(500) {
            for key in keys::data_keys(connection, some)? {
                self.keys.insert((key.subject, key.key_no), key);
            }
        }
        Ok(())
    }

    /// Lays these cards down.
    pub(super) fn put(&mut self, rows: Vec<CardRow>) {
        for row in rows {
            let (number, person) = (row.record_no, row.subject_id);
            let card = if self.may_use(&row) { Laid::Sealed(row) } else { Laid::Closed };
            self.seats.insert(number, Seat { person, card });
        }
    }

    /// Does the record's source allow that it is compared, and is there anything to compare?
    fn may_use(&self, row: &CardRow) -> bool {
        let allows = |purpose: &Arc<Purpose>| {
            let source = self.edition.source(row.source_no);
            source.is_some_and(|source| source.purposes.as_ref().is_none_or(|all| all.contains(&purpose.code)))
        };
        !row.sealed.is_empty() && self.purpose.as_ref().is_some_and(allows)
    }

    /// Somebody said something, or people were merged: who may be compared is asked again.
    pub(super) fn forget_standings(&mut self) {
        self.barred.clear();
    }

    /// `from` was merged into `into`. Any part's no holds for all.
    pub(super) fn merged(&mut self, from: SubjectId, into: SubjectId) {
        // If one is not known, both are asked for when it is needed.
        if let (Some(one), Some(other)) = (self.barred.remove(&from), self.barred.remove(&into)) {
            self.barred.insert(into, one || other);
        }
    }

    /// Those whose cards lie here.
    pub(super) fn people(&self) -> BTreeSet<SubjectId> {
        self.seats.values().map(|seat| seat.person).collect()
    }

    /// Asks at once who of these living people may be compared: whoever never said no to it may.
    pub(super) fn hear(&mut self, connection: &mut Connection, people: &HashSet<SubjectId>) -> Result<(), Error> {
        let Some(purpose) = self.purpose.clone() else { return Ok(()) };
        let asked: Vec<SubjectId> = people.iter().copied().collect();
        let touches = |about: &str| {
            about.is_empty()
                || about == purpose.code.as_str()
                || purpose.refused_with.iter().any(|code| code.as_str() == about)
        };
        self.barred.extend(asked.iter().map(|person| (*person, false)));
        for (person, act, about) in ledger::acts_of(connection, &asked)? {
            if touches(&about) && Act::try_from(act).map_err(crate::store::Error::from)?.is_no() {
                // It may have been taken back since; that is asked for when it is needed.
                self.barred.remove(&person);
            }
        }
        Ok(())
    }

    /// Takes the card of a record away that has a newer version.
    pub(super) fn remove(&mut self, record: RecordNo) {
        self.seats.remove(&record);
    }

    /// Lays down the card of a record of this batch, which is found by these matching keys.
    pub(super) fn add(&mut self, (card, keys): (Option<&Card>, &[i64]), record: RecordNo, person: SubjectId) {
        if self.barred.get(&person).is_some_and(|barred| *barred) {
            return;
        }
        let Some(card) = card.and_then(|card| Card::from_bytes(&card.to_bytes()).ok()) else {
            return;
        };
        self.seats.insert(record, Seat { person, card: Laid::Open(Box::new(card)) });
        self.blocks.add(keys, record);
    }

    /// Whom a record is to be compared with, by its matching keys: the likeliest first, and never the record itself.
    pub(super) fn candidates(&self, keys: &[i64], record: RecordNo) -> Vec<RecordNo> {
        self.blocks.candidates(keys, Some(record))
    }

    /// The person whose card lies here for a record, as it was when it was laid down.
    pub(super) fn person_of(&self, record: RecordNo) -> Option<SubjectId> {
        self.seats.get(&record).map(|seat| seat.person)
    }

    /// The time of the transaction.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// What weighs.
    pub(super) fn model(&self) -> Arc<Model> {
        self.model.clone()
    }

    /// How frequent the values of a record are. `own`: is it stored already?
    pub(super) fn frequencies(&self, terms: &[Term], own: bool) -> TermFrequencies {
        let under = |key| self.blocks.people(key, |record| self.person_of(record));
        let mut frequencies = self.matching.counts.frequencies(self.count, terms, own, under);
        frequencies.set_fellows(self.matching.fellows());
        frequencies.set_filled_in(self.filled.clone());
        frequencies
    }

    /// Opens the cards of these records, as far as they may be.
    pub(super) fn lay_open(&mut self, write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
        self.seat(write, records.iter().copied())?;
        records.iter().try_for_each(|record| self.open(*record).map(drop))
    }

    /// A card that was laid open.
    pub(super) fn laid_open(&self, record: RecordNo) -> Option<&Card> {
        match self.seats.get(&record) {
            Some(Seat { card: Laid::Open(card), .. }) => Some(card),
            _ => None,
        }
    }

    /// Do two cards that share a value of this rule name different people?
    pub(super) fn are_two(&self, one: &Card, other: &Card, rule: Rule) -> bool {
        names_two(&self.model.score(one, other, &self.plain), rule)
    }

    /// What is known of all values before a record is looked at.
    pub(super) const fn plain(&self) -> &TermFrequencies {
        &self.plain
    }

    /// The card of a record, if it may be opened.
    pub(super) fn open(&mut self, record: RecordNo) -> Result<Option<&Card>, Error> {
        let Some(seat) = self.seats.get_mut(&record) else { return Ok(None) };
        if let Laid::Sealed(row) = &seat.card {
            let key = self.keys.get(&(row.sealed_for, row.key_no));
            let opened = match key.map(|key| self.matching.key(key)).transpose()?.flatten() {
                Some(key) => Card::from_bytes(key.open(record, &row.sealed)?.bytes()).ok(),
                None => None,
            };
            seat.card = opened.map_or(Laid::Closed, |card| Laid::Open(Box::new(card)));
        }
        Ok(if let Laid::Open(card) = &seat.card { Some(card) } else { None })
    }

    /// Opens the card of a record, if it may be, and takes it off the table.
    pub(super) fn take(&mut self, record: RecordNo) -> Result<Option<Card>, Error> {
        self.open(record)?;
        match self.seats.remove(&record) {
            Some(Seat { card: Laid::Open(card), .. }) => Ok(Some(*card)),
            _ => Ok(None),
        }
    }

    /// Somebody of whom nothing is known yet objected to nothing.
    pub(super) fn welcome(&mut self, person: SubjectId) {
        if self.purpose.is_some() {
            self.barred.insert(person, false);
        }
    }

    /// Is it known already that nothing keeps the person from being matched?
    pub(super) fn is_free(&self, person: SubjectId) -> bool {
        self.purpose.is_none() || self.barred.get(&person).is_some_and(|barred| !barred)
    }

    /// Did the person, or any part of them, say no to being matched, and does it stand? Who is barred for another reason did not.
    pub(super) fn objects(&mut self, connection: &mut Connection, person: SubjectId) -> Result<bool, Error> {
        if self.purpose.is_none() || !self.is_barred(connection, person)? {
            return Ok(false);
        }
        objects(connection, person, self.edition, self.now)
    }

    /// Did the person, or any part of them, object to matching, or is their data restricted?
    pub(super) fn is_barred(&mut self, connection: &mut Connection, person: SubjectId) -> Result<bool, Error> {
        if let Some(barred) = self.barred.get(&person) {
            return Ok(*barred);
        }
        let barred = match &self.purpose {
            Some(purpose) => is_barred(connection, person, (purpose, |_: &LedgerRow| true), self.edition, self.now)?,
            None => true,
        };
        self.barred.insert(person, barred);
        Ok(barred)
    }
}

/// Does what a person said of matching by its name come to a no? A restriction (Art. 18 GDPR) is none.
pub(super) fn objects(
    connection: &mut Connection,
    person: SubjectId,
    edition: &Edition,
    now: Timestamp,
) -> Result<bool, Error> {
    let purpose = MATCHING.parse::<PurposeCode>().ok().and_then(|code| edition.purpose(&code).cloned());
    let Some(purpose) = purpose else { return Ok(false) };
    let names_it =
        |row: &LedgerRow| row.purpose == MATCHING && Act::try_from(row.act).is_ok_and(|act| !act.is_restriction());
    is_barred(connection, person, (&purpose, names_it), edition, now)
}

/// Does a person's standing, by those entries that `count`, keep them from being matched?
fn is_barred(
    connection: &mut Connection,
    person: SubjectId,
    (purpose, count): (&Purpose, impl Fn(&LedgerRow) -> bool),
    edition: &Edition,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut entries = ledger::of(connection, person)?;
    entries.retain(count);
    if entries.is_empty() {
        return Ok(false);
    }
    let mut merged = Vec::new();
    for part in subjects::merged_into(connection, person)? {
        merged.extend(subjects::find(connection, part)?);
    }
    let (records, keys) = (Vec::new(), Vec::new());
    let rows = SubjectRows { subject: person, created_at: now, records, ledger: entries, keys, merged };
    let standing = words::standing(&rows, edition)?;
    let no = |origin| matches!(stance(origin, standing.age(), purpose, None, now), Stance::No(_));
    Ok(standing.origins().iter().any(no))
}
