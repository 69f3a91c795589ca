//! Settling prepared records inside the write transaction: is it news, whose is it, seal, write.
//!
//! Re-runnable: nothing is taken out of the prepared records, and every run seals anew.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::desk::Desk;
use super::matching::Matching;
use super::owner::{Owner, part_found};
use super::prepare::{Indexed, Prepared};
use super::sheet::identifiers_of;
use super::statement::is_about_matching;
use super::table::Table;
use super::terms::Term;
use super::{Error, Outcome, Rejection, terms, unmatched};
use crate::consent::Edition;
use crate::graph::{self, Rule};
use crate::store::arrivals::Arrivals;
use crate::store::newcomers::Newcomers;
use crate::store::rows::{CardRow, IdentifierRow, LinkRow, RecordRow};
use crate::store::{self, Write, cards, deliveries, ledger, links, records, source_erasures};
use crate::types::{CategorySet, SourceNo, SubjectId, Timestamp};

/// A running transaction, what was known when its batch began, and what of the batch is not written yet.
pub(super) struct Batch<'a, 'w> {
    pub(super) write: &'a mut Write<'w>,
    pub(super) known: Arrivals,
    pub(super) newcomers: Newcomers,
    /// People with something that is not written yet.
    waiting: HashSet<SubjectId>,
    /// What the batch is compared with.
    pub(super) table: Table<'a>,
    /// Values that join nobody any more since this batch.
    pub(super) crowded: Vec<[u8; 16]>,
    /// How many more records hold each counted value.
    more: BTreeMap<i32, i32>,
    /// How many more are compared.
    compared: u64,
    /// Blind indexes of whom a vendor is being asked to forget, by source.
    leaving: HashSet<(SourceNo, [u8; 16])>,
}

impl<'a, 'w> Batch<'a, 'w> {
    /// Gets to know everybody who may be compared.
    pub(super) fn begin(
        write: &'a mut Write<'w>,
        mut known: Arrivals,
        mut table: Table<'a>,
        leaving: HashSet<(SourceNo, [u8; 16])>,
    ) -> Result<Self, Error> {
        known.people.meet(write.records(), table.people())?;
        table.hear(write.records(), &known.people.all())?;
        let (newcomers, waiting, crowded) = (Newcomers::default(), HashSet::new(), Vec::new());
        let (more, compared) = (BTreeMap::new(), 0);
        Ok(Self { write, known, newcomers, waiting, table, crowded, more, compared, leaving })
    }
}

impl Batch<'_, '_> {
    /// Writes what waits, so that it can be read.
    pub(super) fn catch_up(&mut self) -> Result<(), Error> {
        self.waiting.clear();
        Ok(self.newcomers.write(self.write)?)
    }

    /// The living person somebody is now.
    pub(super) fn living(&mut self, person: SubjectId) -> Result<Option<SubjectId>, Error> {
        Ok(self.known.living(self.write, person)?)
    }

    /// `from` was merged into `into`.
    pub(super) fn merged(&mut self, from: SubjectId, into: SubjectId) {
        self.known.merged(from, into);
        self.table.merged(from, into);
    }

    /// Did somebody decide that these two living people are not the same?
    pub(super) fn are_apart(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        if self.known.people.is_unmarked(one) || self.known.people.is_unmarked(other) {
            return Ok(false);
        }
        Ok(graph::are_apart(self.write, one, other)?)
    }

    /// Counts the values of a record.
    fn count(&mut self, card: &CardRow, prepared: &Prepared) {
        let terms = prepared.terms.iter().filter_map(Term::number).filter(|_| card.terms.is_some());
        terms.for_each(|term| *self.more.entry(term).or_default() += 1);
    }

    /// Somebody said something about matching. It counts for what comes next, this record included.
    fn heard(&mut self, prepared: &Prepared, person: SubjectId, now: Timestamp) -> Result<(), Error> {
        let mut about = prepared.claims.iter().map(|claimed| &claimed.entry).filter(|entry| is_about_matching(entry));
        if about.clone().next().is_some() {
            self.catch_up()?;
            self.table.forget_standings();
            about.try_for_each(|entry| unmatched::hear(self.write, person, entry, now))?;
        }
        Ok(())
    }

    /// Did a statement under this contact point come before anything else?
    fn is_of_statement(&self, indexed: &Indexed) -> bool {
        self.known.has_flag(&indexed.ix, IdentifierRow::STATEMENT)
    }

    /// Writes what waits if any of it is about these people.
    pub(super) fn catch_up_on(&mut self, people: &[SubjectId]) -> Result<(), Error> {
        if people.iter().any(|person| self.waiting.contains(person)) { self.catch_up() } else { Ok(()) }
    }
}

/// What became of a batch.
pub(super) struct Settled {
    /// Of each record, in their order.
    pub(super) outcomes: Vec<Outcome>,
    /// Does a value join nobody any more, so that what it joined is to be taken apart? It is noted.
    pub(super) crowded: bool,
    /// How many more records hold each counted value, or fewer.
    pub(super) more: BTreeMap<i32, i32>,
    /// How many more are compared.
    pub(super) compared: u64,
}

/// Writes those of a batch that are news, and says what became of each, in their order.
///
/// # Errors
/// If the store or the vault fails; then nothing of the batch may stay.
pub(super) fn settle(
    desk: &Desk<'_>,
    write: &mut Write<'_>,
    (matching, edition): (&Matching, &Edition),
    prepared: &[Result<Prepared, Rejection>],
) -> Result<Settled, Error> {
    let good = || prepared.iter().flatten();
    let indexes: HashSet<[u8; 16]> =
        good().flat_map(|record| record.indexes.iter().map(|indexed| indexed.ix)).collect();
    let tombstones = good().flat_map(|record| std::iter::once(&record.own_tombstone).chain(&record.tombstones));
    let known = Arrivals::load(write, &indexes, &tombstones.copied().collect())?;
    let news: Vec<&Prepared> = good().filter(|record| is_news(&known, record, desk.now)).collect();
    desk.hold(write, &expected(&known, &news))?;
    let keys: Vec<&[i64]> = news.iter().map(|record| record.keys.as_slice()).collect();
    let new = |record: &&&Prepared| record.card.is_some() && known.stored(&record.record_ix.bytes()).is_none();
    let more = u64::try_from(news.iter().filter(new).count()).unwrap_or(0);
    let contacts = news.iter().flat_map(|record| &record.terms).filter_map(Term::key).collect();
    let table = Table::lay(write, matching, edition, (&keys, &contacts, more), desk.now)?;
    let leaving = leaving(write, &good().collect::<Vec<_>>())?;
    let mut batch = Batch::begin(write, known, table, leaving)?;
    let outcomes = prepared
        .iter()
        .map(|prepared| match prepared {
            Ok(prepared) => desk.settle(&mut batch, prepared),
            Err(rejection) => Ok(Outcome::Rejected(rejection.clone())),
        })
        .collect::<Result<_, _>>()?;
    batch.catch_up()?;
    let Batch { write, crowded, mut more, compared, .. } = batch;
    terms::take_off(write, desk.sealer, &mut more)?;
    store::terms::add(write, &more)?;
    let fewer: Vec<i32> = more.iter().filter(|(_, more)| **more < 0).map(|(term, _)| *term).collect();
    store::terms::sweep(write, &fewer)?;
    store::loose::note(write, &crowded, desk.now)?;
    Ok(Settled { outcomes, crowded: !crowded.is_empty(), more, compared })
}

/// Will the record most likely be written? Of what is stored with the same content or a newer one nothing need be known.
fn is_news(known: &Arrivals, record: &Prepared, now: Timestamp) -> bool {
    known.stored(&record.record_ix.bytes()).is_none_or(|stored| {
        let same = stored.version == record.version && stored.content_mac == record.content_mac.bytes();
        stored.version <= record.version && (!same || is_back(stored, record, now))
    })
}

/// Did the stored record end because its source listed it no more, which by the source's own term it would not have?
fn is_back(stored: &RecordRow, record: &Prepared, now: Timestamp) -> bool {
    let ended = stored.source_until.is_set() && stored.source_until <= now;
    ended && record.source_until.is_none_or(|until| until > now)
}

/// Whose keys will be needed, as far as can be said before: those of the few people behind each value of what is news.
fn expected(known: &Arrivals, news: &[&Prepared]) -> BTreeSet<SubjectId> {
    let mut expected = BTreeSet::new();
    for record in news {
        expected.extend(known.stored(&record.record_ix.bytes()).map(|stored| stored.sealed_for));
        for indexed in &record.indexes {
            expected.extend(known.people_behind(&indexed.ix, graph::SHARED_BY));
        }
    }
    expected
}

impl Desk<'_> {
    /// Writes one record if it is news.
    fn settle(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared) -> Result<Outcome, Error> {
        if is_suppressed(&batch.known, prepared) || is_leaving(&batch.leaving, prepared) {
            return Ok(Outcome::Suppressed);
        }
        // Another record of this batch changed one of the values, or how many records somebody has is asked: what waits
        // must be there to be found.
        if prepared.indexes.iter().any(|indexed| batch.known.is_touched(&indexed.ix) || batch.is_of_statement(indexed))
        {
            batch.catch_up()?;
        }
        let own = batch.known.own(batch.write, &prepared.record_ix.bytes())?;
        let stored = match own {
            Some(own) => {
                batch.catch_up_on(&[own.0])?;
                batch.known.record(batch.write, own)?
            }
            None => None,
        };
        match stored {
            Some(_) if prepared.first_wins => Ok(Outcome::Unchanged),
            Some(row) if row.version > prepared.version => Ok(Outcome::Stale),
            Some(row) => {
                let same = row.content_mac == prepared.content_mac.bytes();
                // Two contents with one time of change: the one with more categories wins, because a purpose may read now what
                // was left out before, and then the larger code, so that the order of arrival decides nothing. Where there is
                // no time of change, nothing else than that order can.
                let said = (CategorySet::from_bits(row.categories.cast_unsigned()).len(), row.content_mac.as_slice());
                let mac = prepared.content_mac.bytes();
                let says = (prepared.categories().len(), mac.as_slice());
                let wins = row.version < prepared.version || prepared.last_wins || said < says;
                let known = same && row.version == prepared.version;
                let back = known && is_back(&row, prepared, self.now);
                if known && !back {
                    Ok(Outcome::Unchanged)
                } else if wins || back {
                    self.replace(batch, prepared, row)?;
                    Ok(if same { Outcome::Unchanged } else { Outcome::Updated })
                } else {
                    Ok(Outcome::Stale)
                }
            }
            None if prepared.unread => Ok(Outcome::Unread),
            None => {
                self.append(batch, prepared)?;
                Ok(Outcome::Created)
            }
        }
    }

    fn append(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared) -> Result<(), Error> {
        let record_no = self.ids.record_no();
        let known = match prepared.of {
            Some(of) => Some(batch.living(of.person)?.ok_or(Error::UnknownSubject)?),
            None => None,
        };
        let Owner { person, key, evidence, joined, generic, foreign } =
            self.owner_of(batch, prepared, record_no, known)?;
        let new = key.is_some();
        let key = match key {
            Some(key) => key,
            None => {
                let part = match prepared.of {
                    Some(of) => of.part,
                    None => part_found(batch, person, &evidence)?,
                };
                if !self.holds(part) || !prepared.claims.is_empty() {
                    batch.catch_up_on(&[person])?;
                }
                self.sealing_key(batch.write, part, prepared.categories())?
            }
        };
        batch.newcomers.records.push(self.row(prepared, person, record_no, &key)?);
        let identifiers: Vec<IdentifierRow> =
            identifiers_of(prepared, person, record_no, (&generic, &foreign)).collect();
        batch.known.learn(&identifiers);
        batch.newcomers.identifiers.extend(identifiers);
        let card = self.card(prepared, person, record_no, &key)?;
        batch.count(&card, prepared);
        batch.compared += u64::from(card.terms.is_some());
        batch.newcomers.cards.push(card);
        let links = match known {
            Some(_) => {
                vec![LinkRow::by_rule(person, person.part(), record_no, Rule::Rectification.number(), None, self.now)]
            }
            None => self.links(person, record_no, evidence),
        };
        if joined {
            // They may meet the links of the joining, and then give way.
            links.into_iter().try_for_each(|link| links::insert(batch.write, link))?;
        } else {
            batch.newcomers.links.extend(links);
        }
        let entries = self.claims(batch.write, prepared, (person, record_no), &key, new)?;
        batch.newcomers.ledger.extend(entries);
        batch.waiting.insert(person);
        if new {
            batch.table.welcome(person);
        }
        batch.heard(prepared, person, self.now)?;
        let without = prepared.card_without(&generic);
        let card = without.as_ref().or(prepared.card.as_ref());
        if let Some(card) = card {
            self.compare(batch, (card, &prepared.keys, &prepared.terms), (record_no, person))?;
        }
        batch.table.add((card, &prepared.keys), record_no, person);
        Ok(())
    }

    /// A newer version of a known record. It stays with the part of the person that brought it.
    fn replace(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared, old: RecordRow) -> Result<(), Error> {
        let Owner { person, evidence, generic, foreign, .. } =
            self.owner_of(batch, prepared, old.record_no, Some(old.subject_id))?;
        batch.catch_up_on(&[person, old.sealed_for])?;
        let key = self.sealing_key(batch.write, old.sealed_for, prepared.categories())?;
        let row = RecordRow {
            part: person.part(),
            subject_id: person,
            ingested_at: old.ingested_at,
            ..self.row(prepared, old.sealed_for, old.record_no, &key)?
        };
        records::replace(batch.write, row)?;
        let card = self.card(prepared, person, old.record_no, &key)?;
        batch.count(&card, prepared);
        cards::put(batch.write, card)?;
        batch.known.touch_record(old.record_no);
        self.reindex(batch, prepared, person, (old.record_no, &generic, &foreign))?;
        for link in self.links(person, old.record_no, evidence) {
            links::insert(batch.write, link)?;
        }
        for entry in self.claims(batch.write, prepared, (person, old.record_no), &key, false)? {
            ledger::insert(batch.write, entry)?;
        }
        batch.heard(prepared, person, self.now)?;
        batch.table.remove(old.record_no);
        let without = prepared.card_without(&generic);
        let card = without.as_ref().or(prepared.card.as_ref());
        batch.table.add((card, &prepared.keys), old.record_no, person);
        match card {
            Some(card) => self.compare(batch, (card, &prepared.keys, &prepared.terms), (old.record_no, person)),
            None => Ok(()),
        }
    }
}

/// Old data of an erased person does not bring them back (Art. 17 GDPR); what happened after the erasure makes a new
/// person. An account or subscription is the same object before and after, so its version decides.
fn is_suppressed(known: &Arrivals, prepared: &Prepared) -> bool {
    let own = known.erased_at(&prepared.own_tombstone);
    if own.is_some_and(|erased_at| !prepared.kind.is_state() || prepared.version <= erased_at) {
        return true;
    }
    let told_of = prepared.happened_at.unwrap_or(prepared.version);
    let mut erased = prepared.tombstones.iter().filter_map(|ix| known.erased_at(ix));
    erased.any(|erased_at| told_of <= erased_at)
}

/// Whom of a batch a vendor is being asked to forget: the erasure of its source is not over yet.
fn leaving(write: &mut Write<'_>, records: &[&Prepared]) -> Result<HashSet<(SourceNo, [u8; 16])>, Error> {
    let open: HashSet<_> = source_erasures::open(write.records())?.into_iter().collect();
    let sources: BTreeSet<SourceNo> = open.iter().map(|(source, _)| *source).collect();
    let mut leaving = HashSet::new();
    for source in sources {
        let theirs = records.iter().filter(|record| record.source.number == source);
        let indexes: Vec<[u8; 16]> =
            theirs.flat_map(|record| record.indexes.iter().map(|indexed| indexed.ix)).collect();
        let asked = deliveries::asked(write.records(), source, &indexes)?;
        leaving.extend(asked.into_iter().filter(|(_, at)| open.contains(&(source, *at))).map(|(ix, _)| (source, ix)));
    }
    Ok(leaving)
}

/// What a vendor still tells of somebody whom it was told to forget brings nobody back: it is about to be gone there.
fn is_leaving(leaving: &HashSet<(SourceNo, [u8; 16])>, prepared: &Prepared) -> bool {
    let source = prepared.source.number;
    prepared.indexes.iter().any(|indexed| leaving.contains(&(source, indexed.ix)))
}
