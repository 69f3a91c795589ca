//! Comparing a record that arrived with those it may be one person with.
//!
//! Candidates share a blind matching key. Their cards are opened here and nowhere else, under the purpose of matching:
//! who objected to it, is restricted, or came from a source that does not allow it is nobody's candidate and has none. The
//! comparators ([`crate::graph::matching`]) see the values and return levels; what leaves is a link, a question for somebody
//! to decide, or nothing. Nothing is disclosed, so no decision of the gateway is written down: the link is the record of it.
//!
//! A record is written for a person of its own first, and that person is merged then: what it brings stays under its own
//! consents, and the merge can be undone without loss.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::candidates::Blocks;
use super::desk::Desk;
use super::prepare::Prepared;
use super::settle::Batch;
use super::terms::{Counts, Term};
use super::{Error, Intake};
use crate::consent::{Act, Edition, Purpose, Stance, ledger as words, stance};
use crate::graph::matching::{Card, Model, Shape, TermFrequencies, Verdict, Waterfall};
use crate::graph::{self, Rule};
use crate::store::rows::{CardRow, DataKeyRow, LinkRow, ReviewRow, SubjectRows};
use crate::store::{Write, cards, keys, ledger, records, reviews, subjects};
use crate::types::{PurposeCode, RecordNo, ReviewId, SubjectId, Timestamp};
use crate::vault::{CardKey, Comparer, Keyring};

/// The purpose under which records are compared.
pub(super) const MATCHING: &str = "identity_matching";
/// Records of one person that are looked at before they are joined with others.
const MEMBERS: usize = 40;

/// What comparing needs beside the transaction.
pub(super) struct Matching {
    comparer: Comparer,
    keyring: Arc<Keyring>,
    pub(super) model: RwLock<Arc<Model>>,
    /// How many records there are, roughly; 0: not counted yet.
    records: AtomicU64,
    /// How many there were when they were counted.
    found: AtomicU64,
    pub(super) counts: Counts,
}

impl Matching {
    pub(super) fn new(comparer: Comparer, keyring: Arc<Keyring>) -> Self {
        Self {
            comparer,
            keyring,
            model: RwLock::new(Arc::new(Model::shipped())),
            records: AtomicU64::new(0),
            found: AtomicU64::new(0),
            counts: Counts::default(),
        }
    }

    /// Counts once per process, then along.
    fn count(&self, write: &mut Write<'_>, more: u64) -> Result<u64, Error> {
        let mut count = self.records.load(Ordering::Relaxed);
        if count == 0 {
            count = u64::try_from(records::count(write.records())?).unwrap_or(0).max(1);
            self.records.store(count, Ordering::Relaxed);
        }
        Ok(self.records.fetch_add(more, Ordering::Relaxed) + more)
    }
}

impl Intake {
    /// How many records this process knows of, those other nodes brought since it first counted left out; 0 if it took in
    /// none yet.
    #[must_use]
    pub fn records_seen(&self) -> u64 {
        self.matching.records.load(Ordering::Relaxed)
    }

    /// How many there were when this process took in its first.
    #[must_use]
    pub fn records_found(&self) -> u64 {
        self.matching.found.load(Ordering::Relaxed)
    }
}

/// The cards a batch is compared with.
pub(super) struct Table<'a> {
    matching: &'a Matching,
    model: Arc<Model>,
    edition: &'a Edition,
    purpose: Option<Arc<Purpose>>,
    now: Timestamp,
    count: u64,
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

/// Somebody a record is like.
struct Alike {
    person: SubjectId,
    record: RecordNo,
    waterfall: Waterfall,
}

impl<'a> Table<'a> {
    /// Lays down the cards of all candidates of a batch: by the matching keys of each of its records, of which so many are
    /// `more` than there were.
    pub(super) fn lay(
        write: &mut Write<'_>,
        matching: &'a Matching,
        edition: &'a Edition,
        (records, more): (&[&[i64]], u64),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let purpose = MATCHING.parse::<PurposeCode>().ok().and_then(|code| edition.purpose(&code).cloned());
        let (blocks, seats, keys, barred) = (Blocks::default(), HashMap::new(), HashMap::new(), HashMap::new());
        let model = matching.model.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut table = Self { matching, model, edition, purpose, now, count: 0, blocks, seats, keys, barred };
        let wanted: BTreeSet<i64> = records.iter().copied().flatten().copied().collect();
        if wanted.is_empty() {
            return Ok(table);
        }
        table.count = matching.count(write, more)?;
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let found = cards::candidates(write.records(), &wanted)?;
        table.blocks = Blocks::of(wanted, found);
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
        let owners: BTreeSet<SubjectId> = rows.iter().map(|row| row.sealed_for).collect();
        let owners: Vec<SubjectId> = owners.into_iter().collect();
        for some in owners.chunks(500) {
            for key in keys::data_keys(write.keys()?, some)? {
                self.keys.insert((key.subject, key.key_no), key);
            }
        }
        for row in rows {
            let card = if self.may_use(&row) { Laid::Sealed(row.clone()) } else { Laid::Closed };
            self.seats.insert(row.record_no, Seat { person: row.subject_id, card });
        }
        Ok(())
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
    pub(super) fn hear(&mut self, write: &mut Write<'_>, people: &HashSet<SubjectId>) -> Result<(), Error> {
        let Some(purpose) = self.purpose.clone() else { return Ok(()) };
        let asked: Vec<SubjectId> = people.iter().copied().collect();
        let touches = |about: &str| {
            about.is_empty()
                || about == purpose.code.as_str()
                || purpose.refused_with.iter().any(|code| code.as_str() == about)
        };
        self.barred.extend(asked.iter().map(|person| (*person, false)));
        for (person, act, about) in ledger::acts_of(write.records(), &asked)? {
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

    /// Lays down the card of a record of this batch.
    pub(super) fn add(&mut self, prepared: &Prepared, record: RecordNo, person: SubjectId) {
        if self.barred.get(&person).is_some_and(|barred| *barred) {
            return;
        }
        let Some(card) = prepared.card.as_ref().and_then(|card| Card::from_bytes(&card.to_bytes()).ok()) else {
            return;
        };
        self.seats.insert(record, Seat { person, card: Laid::Open(Box::new(card)) });
        self.blocks.add(&prepared.keys, record);
    }

    /// How frequent the values of a record are. `own`: is it stored already?
    fn frequencies(&self, terms: &[Term], own: bool) -> TermFrequencies {
        let under = |key| Some(self.blocks.under(key)).filter(|held| *held <= cards::BLOCK);
        self.matching.counts.frequencies(self.count, terms, own, under)
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

    /// Do two cards name different people?
    pub(super) fn contradict(&self, one: &Card, other: &Card) -> bool {
        self.model.score(one, other, &TermFrequencies::new(self.count)).contradicts()
    }

    /// The card of a record, if it may be opened.
    fn open(&mut self, record: RecordNo) -> Result<Option<&Card>, Error> {
        let Some(seat) = self.seats.get_mut(&record) else { return Ok(None) };
        if let Laid::Sealed(row) = &seat.card {
            let key = self.keys.get(&(row.sealed_for, row.key_no)).filter(|key| self.matching.keyring.opens(key));
            let key: Option<CardKey> = key.map(|key| self.matching.comparer.with_key(key)).transpose()?;
            let opened = match key.filter(|key| !key.is_dead()) {
                Some(key) => Card::from_bytes(key.open(record, &row.sealed)?.bytes()).ok(),
                None => None,
            };
            seat.card = opened.map_or(Laid::Closed, |card| Laid::Open(Box::new(card)));
        }
        Ok(if let Laid::Open(card) = &seat.card { Some(card) } else { None })
    }

    /// Somebody of whom nothing is known yet objected to nothing.
    pub(super) fn welcome(&mut self, person: SubjectId) {
        if self.purpose.is_some() {
            self.barred.insert(person, false);
        }
    }

    /// Did the person, or any part of them, object to matching, or is their data restricted?
    pub(super) fn is_barred(&mut self, write: &mut Write<'_>, person: SubjectId) -> Result<bool, Error> {
        if let Some(barred) = self.barred.get(&person) {
            return Ok(*barred);
        }
        let barred = match &self.purpose {
            Some(purpose) => is_barred(write, person, purpose, self.edition, self.now)?,
            None => true,
        };
        self.barred.insert(person, barred);
        Ok(barred)
    }
}

/// Does a person's standing keep them from being matched?
pub(super) fn is_barred(
    write: &mut Write<'_>,
    person: SubjectId,
    purpose: &Purpose,
    edition: &Edition,
    now: Timestamp,
) -> Result<bool, Error> {
    let entries = ledger::of(write.records(), person)?;
    if entries.is_empty() {
        return Ok(false);
    }
    let mut merged = Vec::new();
    for part in subjects::merged_into(write.records(), person)? {
        merged.extend(subjects::find(write.records(), part)?);
    }
    let (records, keys) = (Vec::new(), Vec::new());
    let rows = SubjectRows { subject: person, created_at: now, records, ledger: entries, keys, merged };
    let standing = words::standing(&rows, edition)?;
    let no = |origin| matches!(stance(origin, standing.age(), purpose, None, now), Stance::No(_));
    Ok(standing.origins().iter().any(no))
}

impl Desk<'_> {
    /// Compares a record, by its card, matching keys and counted values, with its candidates: merges its person with whom it is, and asks about whom
    /// it may be.
    pub(super) fn compare(
        &self,
        batch: &mut Batch<'_, '_>,
        (card, keys, terms): (&Card, &[i64], &[Term]),
        (record, person): (RecordNo, SubjectId),
    ) -> Result<(), Error> {
        let candidates = batch.table.blocks.candidates(keys, Some(record));
        if batch.table.is_barred(batch.write, person)? {
            batch.catch_up()?;
            return Ok(cards::silence(batch.write, &[record])?);
        }
        if candidates.is_empty() {
            return Ok(());
        }
        let stored = batch.table.seats.contains_key(&record);
        let frequencies = batch.table.frequencies(terms, stored);
        let (mut joins, mut doubtful): (HashMap<SubjectId, Alike>, Vec<Alike>) = (HashMap::new(), Vec::new());
        for candidate in candidates {
            let Some(seat) = batch.table.seats.get(&candidate) else { continue };
            let Some(other) = batch.living(seat.person)?.filter(|other| *other != person) else { continue };
            if batch.table.is_barred(batch.write, other)? {
                continue;
            }
            let model = batch.table.model.clone();
            let Some(theirs) = batch.table.open(candidate)? else { continue };
            let waterfall = model.score(card, theirs, &frequencies);
            let total = waterfall.total;
            let alike = Alike { person: other, record: candidate, waterfall };
            match alike.waterfall.verdict {
                Verdict::Join => {
                    let best = joins.get(&other).is_none_or(|best| best.waterfall.total < total);
                    if best {
                        joins.insert(other, alike);
                    }
                }
                Verdict::Review => doubtful.push(alike),
                Verdict::Veto(_) if total >= model.join_at() => doubtful.push(alike),
                Verdict::Veto(_) | Verdict::Apart => {}
            }
        }
        let mut joins: Vec<Alike> = joins.into_values().collect();
        joins.sort_by_key(|alike| (-alike.waterfall.total.0, alike.person));
        let mut person = person;
        for alike in joins {
            // One of those before may have been merged with this one meanwhile.
            let Some(other) = batch.living(alike.person)?.filter(|other| *other != person) else { continue };
            if batch.are_apart(person, other)? {
                continue;
            }
            batch.catch_up()?;
            if self.fits(batch, (record, person), other, &frequencies)? {
                person = self.join(batch, (record, person), (other, &alike))?;
            } else {
                doubtful.push(alike);
            }
        }
        self.ask(batch, (record, person), doubtful)
    }

    /// Do the records of both fit together, or is one strong bridge all there is?
    fn fits(
        &self,
        batch: &mut Batch<'_, '_>,
        (record, person): (RecordNo, SubjectId),
        other: SubjectId,
        frequencies: &TermFrequencies,
    ) -> Result<bool, Error> {
        let mut ours = batch.members(person)?;
        if !ours.contains(&record) {
            ours.push(record);
        }
        let theirs = batch.members(other)?;
        let model = &batch.table.model;
        let (ours, theirs) = (batch.laid(&ours), batch.laid(&theirs));
        Ok(matches!(model.guard(&ours, &theirs, frequencies), Shape::Fits { .. }))
    }

    /// Merges the younger person into the older; that one stays.
    fn join(
        &self,
        batch: &mut Batch<'_, '_>,
        (record, person): (RecordNo, SubjectId),
        (other, alike): (SubjectId, &Alike),
    ) -> Result<SubjectId, Error> {
        let (into, from) = (person.min(other), person.max(other));
        let link = LinkRow {
            merged_from: Some(from.into()),
            other_no: alike.record.0,
            weight: alike.waterfall.total.0,
            waterfall: text(&alike.waterfall),
            ..LinkRow::by_rule(into, into.part(), record, Rule::Compared.number(), None, self.now)
        };
        graph::merge_by(batch.write, from, link)?;
        batch.merged(from, into);
        Ok(into)
    }

    /// Asks somebody about pairs that may be of one person: of each person the likeliest.
    fn ask(
        &self,
        batch: &mut Batch<'_, '_>,
        (record, person): (RecordNo, SubjectId),
        mut doubtful: Vec<Alike>,
    ) -> Result<(), Error> {
        doubtful.sort_by_key(|alike| (-alike.waterfall.total.0, alike.record));
        let mut asked = BTreeSet::from([person]);
        for alike in doubtful {
            let Some(other) = batch.living(alike.person)? else { continue };
            if !asked.insert(other) || batch.are_apart(person, other)? {
                continue;
            }
            let pair = [(record, person), (alike.record, other)];
            let [(one_no, one_id), (other_no, other_id)] =
                if record < alike.record { pair } else { [pair[1], pair[0]] };
            let row = ReviewRow {
                review_id: ReviewId::from_uuid(self.ids.uuid().map_err(crate::store::Error::from)?),
                one_no,
                one_id,
                other_no,
                other_id,
                weight: alike.waterfall.total.0,
                waterfall: text(&alike.waterfall),
                state: reviews::OPEN,
                made_at: self.now,
                decided_at: Timestamp::UNSET,
            };
            batch.newcomers.reviews.push(row);
        }
        Ok(())
    }
}

/// A waterfall as stored: words and weights.
pub(super) fn text(waterfall: &Waterfall) -> String {
    // A struct of words, numbers and lists: writing it cannot fail.
    serde_json::to_string(waterfall).unwrap_or_default()
}

impl Batch<'_, '_> {
    /// The records of a person whose cards can be looked at.
    fn members(&mut self, person: SubjectId) -> Result<Vec<RecordNo>, Error> {
        let mut numbers = records::numbers_of(self.write.records(), person)?;
        numbers.truncate(MEMBERS);
        self.table.lay_open(self.write, &numbers)?;
        Ok(numbers)
    }

    /// Open cards in an order that does not depend on arrival.
    fn laid(&self, numbers: &[RecordNo]) -> Vec<&Card> {
        let mut cards: Vec<&Card> = numbers.iter().filter_map(|number| self.table.laid_open(*number)).collect();
        if cards.len() > 1 {
            cards.sort_by_cached_key(|card| card.to_bytes().to_vec());
        }
        cards
    }
}
