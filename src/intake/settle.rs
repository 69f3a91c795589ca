//! Settling prepared records inside the write transaction: is it news, whose is it, seal, write.
//!
//! Re-runnable: nothing is taken out of the prepared records, and every run seals anew.

use std::collections::{BTreeSet, HashSet};

use super::desk::{Desk, Key};
use super::prepare::{Indexed, Prepared};
use super::{Error, Outcome, Rejection};
use crate::graph::{self, Rule};
use crate::store::arrivals::Arrivals;
use crate::store::newcomers::Newcomers;
use crate::store::rows::{IdentifierRow, LinkRow, RecordRow, SubjectRow, SubjectState};
use crate::store::{Write, identifiers, ledger, links, records};
use crate::types::{RecordKind, RecordNo, SubjectId, Timestamp};

/// By which rule and which blind index a record was found to be a person's.
type Evidence = Vec<(Rule, [u8; 16])>;

/// A running transaction, what was known when its batch began, and what of the batch is not written yet.
pub(super) struct Batch<'a, 'w> {
    pub(super) write: &'a mut Write<'w>,
    known: Arrivals,
    pub(super) newcomers: Newcomers,
    /// People with something that is not written yet.
    waiting: HashSet<SubjectId>,
}

impl Batch<'_, '_> {
    /// Writes what waits, so that it can be read.
    pub(super) fn catch_up(&mut self) -> Result<(), Error> {
        self.waiting.clear();
        Ok(self.newcomers.write(self.write)?)
    }

    /// Did a statement under this contact point come before anything else?
    fn is_of_statement(&self, indexed: &Indexed) -> bool {
        self.known.has_flag(&indexed.ix, IdentifierRow::STATEMENT)
    }

    /// Writes what waits if any of it is about these people.
    fn catch_up_on(&mut self, people: &[SubjectId]) -> Result<(), Error> {
        if people.iter().any(|person| self.waiting.contains(person)) { self.catch_up() } else { Ok(()) }
    }
}

/// Whose a record is.
struct Owner<'a> {
    person: SubjectId,
    /// Their key, if they and it are new.
    key: Option<Key<'a>>,
    evidence: Evidence,
    /// Did the record join people? Each has a link already that says so.
    joined: bool,
}

/// Writes those of a batch that are news, and says what became of each, in their order.
///
/// # Errors
/// If the store or the vault fails; then nothing of the batch may stay.
pub(super) fn settle(
    desk: &Desk<'_>,
    write: &mut Write<'_>,
    prepared: &[Result<Prepared, Rejection>],
) -> Result<Vec<Outcome>, Error> {
    let good = || prepared.iter().flatten();
    let indexes: HashSet<[u8; 16]> =
        good().flat_map(|record| record.indexes.iter().map(|indexed| indexed.ix)).collect();
    let tombstones = good().flat_map(|record| std::iter::once(&record.own_tombstone).chain(&record.tombstones));
    let known = Arrivals::load(write, &indexes, &tombstones.copied().collect())?;
    let expected = expected(&known, good());
    desk.hold(write, &expected)?;
    let mut batch = Batch { write, known, newcomers: Newcomers::default(), waiting: HashSet::new() };
    let outcomes = prepared
        .iter()
        .map(|prepared| match prepared {
            Ok(prepared) => desk.settle(&mut batch, prepared),
            Err(rejection) => Ok(Outcome::Rejected(rejection.clone())),
        })
        .collect::<Result<_, _>>()?;
    batch.catch_up()?;
    Ok(outcomes)
}

/// Whose keys will be needed, as far as can be said before: those of the few people behind each value of what is news.
fn expected<'a>(known: &Arrivals, prepared: impl Iterator<Item = &'a Prepared>) -> BTreeSet<SubjectId> {
    let mut expected = BTreeSet::new();
    for record in prepared {
        let stored = known.stored(&record.record_ix.bytes());
        if stored.is_some_and(|stored| stored.version >= record.version) {
            continue;
        }
        expected.extend(stored.map(|stored| stored.sealed_for));
        for indexed in &record.indexes {
            expected.extend(known.people_behind(&indexed.ix, graph::SHARED_BY));
        }
    }
    expected
}

impl Desk<'_> {
    /// Writes one record if it is news.
    fn settle(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared) -> Result<Outcome, Error> {
        if is_suppressed(&batch.known, prepared) {
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
            Some(row) if row.version > prepared.version => Ok(Outcome::Stale),
            Some(row) => {
                let same = row.content_mac == prepared.content_mac.bytes();
                // Two contents with one time of change: the larger code wins, so that the order of arrival decides
                // nothing.
                let wins = row.version < prepared.version || row.content_mac < prepared.content_mac.bytes().to_vec();
                if same && row.version == prepared.version {
                    Ok(Outcome::Unchanged)
                } else if wins {
                    self.replace(batch, prepared, row)?;
                    Ok(if same { Outcome::Unchanged } else { Outcome::Updated })
                } else {
                    Ok(Outcome::Stale)
                }
            }
            None => {
                self.append(batch, prepared)?;
                Ok(Outcome::Created)
            }
        }
    }

    fn append(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared) -> Result<(), Error> {
        let record_no = self.ids.record_no();
        let Owner { person, key, evidence, joined } = self.owner_of(batch, prepared, record_no, None)?;
        let new = key.is_some();
        let key = match key {
            Some(key) => key,
            None => {
                if !self.holds(person) || !prepared.claims.is_empty() {
                    batch.catch_up_on(&[person])?;
                }
                self.sealing_key(batch.write, person, prepared.categories())?
            }
        };
        batch.newcomers.records.push(self.row(prepared, person, record_no, &key)?);
        let identifiers: Vec<IdentifierRow> = identifiers_of(prepared, person, record_no).collect();
        batch.known.learn(&identifiers);
        batch.newcomers.identifiers.extend(identifiers);
        let links = self.links(person, record_no, evidence);
        if joined {
            // They may meet the links of the joining, and then give way.
            links.into_iter().try_for_each(|link| links::insert(batch.write, link))?;
        } else {
            batch.newcomers.links.extend(links);
        }
        let entries = self.claims(batch.write, prepared, person, &key, new)?;
        batch.newcomers.ledger.extend(entries);
        batch.waiting.insert(person);
        Ok(())
    }

    /// A newer version of a known record. It stays with the part of the person that brought it.
    fn replace(&self, batch: &mut Batch<'_, '_>, prepared: &Prepared, old: RecordRow) -> Result<(), Error> {
        let Owner { person, evidence, .. } = self.owner_of(batch, prepared, old.record_no, Some(old.subject_id))?;
        batch.catch_up_on(&[person, old.sealed_for])?;
        let key = self.sealing_key(batch.write, old.sealed_for, prepared.categories())?;
        let row = RecordRow {
            part: person.part(),
            subject_id: person,
            ingested_at: old.ingested_at,
            ..self.row(prepared, old.sealed_for, old.record_no, &key)?
        };
        records::replace(batch.write, row)?;
        batch.known.touch_record(old.record_no);
        self.reindex(batch, prepared, person, old.record_no)?;
        for link in self.links(person, old.record_no, evidence) {
            links::insert(batch.write, link)?;
        }
        for entry in self.claims(batch.write, prepared, person, &key, false)? {
            ledger::insert(batch.write, entry)?;
        }
        Ok(())
    }

    /// The person the record belongs to: the one it leads to, all it leads to joined into one, or a new one.
    fn owner_of(
        &self,
        batch: &mut Batch<'_, '_>,
        prepared: &Prepared,
        record: RecordNo,
        known: Option<SubjectId>,
    ) -> Result<Owner<'_>, Error> {
        let found = graph::resolve(batch.write, &batch.known, &prepared.clues)?;
        let mut people = found.people;
        people.extend(known);
        people.sort_unstable();
        people.dedup();
        // Whoever made a statement under a contact point did not prove to be the one this record is about: the record
        // is sealed for a person of its own, so that their no holds for it and their earlier yes does not.
        let proven = found.evidence.iter().filter(|(rule, ..)| *rule != Rule::Statement).map(|(_, _, person)| *person);
        let (person, key) = match proven.chain(known).min() {
            Some(person) => (person, None),
            None => self.new_person(batch).map(|(person, key)| (person, Some(key)))?,
        };
        let joined = people.iter().any(|other| *other != person);
        if joined {
            batch.catch_up()?;
        }
        for other in people.iter().filter(|other| **other != person) {
            let why = found.evidence.iter().find(|(_, _, to)| to == other).map(|(rule, ix, _)| (*rule, *ix));
            // The known person may be the one that is joined in; then any evidence that led elsewhere is why.
            let why = why.or_else(|| found.evidence.first().map(|(rule, ix, _)| (*rule, *ix)));
            if let Some(why) = why {
                graph::merge(batch.write, *other, person, record, why, self.now)?;
                batch.known.touch_all();
            }
        }
        let evidence = found.evidence.into_iter().map(|(rule, ix, _)| (rule, ix)).collect();
        // With a merge the ledger of the new person is not empty any more.
        Ok(Owner { person, key: key.filter(|_| !joined), evidence, joined })
    }

    fn new_person(&self, batch: &mut Batch<'_, '_>) -> Result<(SubjectId, Key<'_>), Error> {
        let person = SubjectId::from_uuid(self.ids.uuid().map_err(crate::store::Error::from)?);
        let row = SubjectRow {
            part: person.part(),
            subject_id: person,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: self.now,
        };
        batch.known.welcome(row.clone());
        batch.newcomers.subjects.push(row);
        let (row, key) = self.fresh_key(batch.write, person, 1)?;
        batch.newcomers.keys.push(row);
        Ok((person, key))
    }

    fn row(
        &self,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
        key: &Key<'_>,
    ) -> Result<RecordRow, Error> {
        let or_unset = |time: Option<Timestamp>| time.unwrap_or(Timestamp::UNSET);
        Ok(RecordRow {
            record_no,
            part: person.part(),
            subject_id: person,
            sealed_for: key.owner,
            key_no: key.key_no,
            source_no: prepared.source.number,
            kind: prepared.kind.number(),
            version: prepared.version,
            content_mac: prepared.content_mac.bytes().to_vec(),
            categories: prepared.categories().bits().cast_signed(),
            facts: prepared.facts,
            ingested_at: self.now,
            happened_at: or_unset(prepared.happened_at),
            contract_until: or_unset(prepared.contract_until),
            source_until: or_unset(prepared.source_until),
            keep_until: or_unset(prepared.keep_until),
            sealed: key.key.seal(record_no, &prepared.parts)?,
        })
    }

    /// Writes what changed among the indexes of a record. Mostly nothing did.
    fn reindex(
        &self,
        batch: &mut Batch<'_, '_>,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
    ) -> Result<(), Error> {
        let stored = identifiers::of_records(batch.write.records(), &[record_no])?;
        let mut wanted: Vec<IdentifierRow> = identifiers_of(prepared, person, record_no).collect();
        let gone: Vec<&IdentifierRow> = stored.iter().filter(|row| !wanted.contains(row)).collect();
        for row in &gone {
            identifiers::delete(batch.write, row)?;
        }
        // Of a value in both, the row that changed was deleted.
        let gone: Vec<[u8; 16]> = gone.iter().filter_map(|row| row.ix.as_slice().try_into().ok()).collect();
        wanted.retain(|row| !stored.contains(row));
        identifiers::insert(batch.write, wanted)?;
        batch.known.touch(gone.iter().chain(prepared.indexes.iter().map(|indexed| &indexed.ix)));
        Ok(())
    }

    /// Why the record belongs to its person, once per rule.
    fn links(&self, person: SubjectId, record_no: RecordNo, evidence: Evidence) -> Vec<LinkRow> {
        let first = evidence.is_empty().then_some((Rule::First, None));
        let found = evidence.into_iter().map(|(rule, ix)| (rule, Some(ix.to_vec())));
        let mut links: Vec<LinkRow> = Vec::new();
        for (rule, evidence_ix) in first.into_iter().chain(found) {
            if links.iter().all(|link| link.rule != rule as i16) {
                links.push(LinkRow {
                    part: person.part(),
                    subject_id: person,
                    record_no,
                    rule: rule as i16,
                    evidence_ix,
                    merged_from: None,
                    decided_at: self.now,
                });
            }
        }
        links
    }
}

/// Old data of an erased person does not bring them back (Art. 17 GDPR); what happened after the erasure makes a new
/// person. An account or subscription is the same object before and after, so its version decides.
fn is_suppressed(known: &Arrivals, prepared: &Prepared) -> bool {
    let lasting = matches!(prepared.kind, RecordKind::Customer | RecordKind::NewsletterSubscription);
    let own = known.erased_at(&prepared.own_tombstone);
    if own.is_some_and(|erased_at| !lasting || prepared.version <= erased_at) {
        return true;
    }
    let told_of = prepared.happened_at.unwrap_or(prepared.version);
    let mut erased = prepared.tombstones.iter().filter_map(|ix| known.erased_at(ix));
    erased.any(|erased_at| told_of <= erased_at)
}

fn identifiers_of(prepared: &Prepared, person: SubjectId, record_no: RecordNo) -> impl Iterator<Item = IdentifierRow> {
    prepared.indexes.iter().map(move |Indexed { ix, kind, flags }| IdentifierRow {
        ix: ix.to_vec(),
        record_no,
        kind: *kind,
        subject_id: person,
        use_flags: *flags,
    })
}
