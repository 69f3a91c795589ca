//! Comparing a record that arrived with those it may be one person with.
//!
//! Candidates share a blind matching key; their cards lie on the table (`table`). What leaves is a link, a question for somebody
//! to decide, or nothing. Nothing is disclosed, so no decision of the gateway is written down: the link is the record of it.
//!
//! A record is written for a person of its own first, and that person is merged then: what it brings stays under its own
//! consents, and the merge can be undone without loss.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Error;
use super::desk::Desk;
use super::judging::Judging;
use super::settle::Batch;
use super::terms::Term;
use crate::graph::matching::{Card, Shape, TermFrequencies, Verdict, Waterfall};
use crate::graph::{self, Rule};
use crate::store::rows::{LinkRow, ReviewRow};
use crate::store::{cards, reviews};
use crate::types::{RecordNo, ReviewId, SubjectId, Timestamp};

/// Records of one person that are laid open before they are joined with others: the oldest, and first those that tell more than contact
/// points and logins. What speaks against it may stand on one of them alone.
pub(super) const MEMBERS: i64 = 240;
/// Records that are weighed anew because somebody is asked about them together with one that arrives: as many as are found by their keys.
const ASKED: i64 = 32;

/// Somebody a record is like.
pub(super) struct Alike {
    pub(super) person: SubjectId,
    pub(super) record: RecordNo,
    pub(super) waterfall: Waterfall,
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
        let mut candidates = batch.table.candidates(keys, record);
        if batch.table.is_barred(batch.write.records(), person)? {
            batch.catch_up()?;
            return Ok(cards::silence(batch.write, &[record])?);
        }
        let stored = batch.table.person_of(record).is_some();
        if stored {
            batch.add_asked(record, &mut candidates)?;
        }
        if candidates.is_empty() {
            return Ok(());
        }
        let frequencies = batch.table.frequencies(terms, stored);
        let model = batch.table.model();
        let (mut joins, mut doubtful): (BTreeMap<SubjectId, Alike>, Vec<Alike>) = (BTreeMap::new(), Vec::new());
        for candidate in candidates {
            let Some(other) = batch.table.person_of(candidate) else { continue };
            let Some(other) = batch.living(other)?.filter(|other| *other != person) else { continue };
            if batch.table.is_barred(batch.write.records(), other)? {
                continue;
            }
            let Some(theirs) = batch.table.open(candidate)? else { continue };
            let waterfall = model.score(card, theirs, &frequencies);
            let total = waterfall.total;
            let alike = Alike { person: other, record: candidate, waterfall };
            match alike.waterfall.verdict {
                Verdict::Join => {
                    let best = joins.get(&other).is_none_or(|best| alike.waterfall.ranked(&best.waterfall).is_lt());
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
        joins.sort_by(|one, other| one.waterfall.ranked(&other.waterfall).then(one.person.cmp(&other.person)));
        let person = self.judge(batch, (record, person, card), (joins, &mut doubtful), &frequencies)?;
        self.ask(batch, (record, person), doubtful)
    }

    /// Merges the person of a record with those it is like enough, as far as nothing stands against it; the others are `doubtful`. Who they
    /// are then.
    fn judge(
        &self,
        batch: &mut Batch<'_, '_>,
        (record, mut person, card): (RecordNo, SubjectId, &Card),
        (mut joins, doubtful): (Vec<Alike>, &mut Vec<Alike>),
        frequencies: &TermFrequencies,
    ) -> Result<SubjectId, Error> {
        if joins.is_empty() {
            return Ok(person);
        }
        let mut judging = Judging::begin(batch, (person, card), &joins, frequencies)?;
        let mut unclear = judging.unclear(&joins)?.into_iter();
        doubtful.extend(joins.extract_if(.., |_| unclear.next().unwrap_or_default()));
        for alike in joins {
            // One of those before may have been merged with this one meanwhile.
            let Some(other) = judging.batch.living(alike.person)?.filter(|other| *other != person) else { continue };
            if judging.are_apart(person, other)? {
                continue;
            }
            if judging.waits_for_another(other, (person, alike.waterfall.total))? {
                doubtful.push(alike);
            } else if self.fits(judging.batch, (record, person, card), other, frequencies)? {
                person = self.join(judging.batch, (record, person), (other, &alike))?;
                judging.merged(person);
            } else {
                doubtful.push(alike);
            }
        }
        Ok(person)
    }

    /// Do the records of both fit together, or is one strong bridge all there is?
    fn fits(
        &self,
        batch: &mut Batch<'_, '_>,
        (record, person, card): (RecordNo, SubjectId, &Card),
        other: SubjectId,
        frequencies: &TermFrequencies,
    ) -> Result<bool, Error> {
        let (members, theirs) = (batch.members(person)?, batch.members(other)?);
        let model = batch.table.model();
        let (mut ours, theirs) = (batch.laid(&members), batch.laid(&theirs));
        // Where contact points are all that is told there is nothing but logins that could speak against it, so nothing speaks for it,
        // whichever version came: of whom a mailbox of two is nobody can tell.
        let seen = [&ours, &theirs].iter().all(|cards| cards.iter().any(|card| card.tells_who()));
        if !members.contains(&record) {
            ours.push(card);
        }
        Ok(seen && matches!(model.guard(&ours, &theirs, frequencies), Shape::Fits { .. }))
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
            waterfall: alike.waterfall.text(),
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
        doubtful.sort_by(|one, other| one.waterfall.ranked(&other.waterfall).then(one.record.cmp(&other.record)));
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
                waterfall: alike.waterfall.text(),
                state: reviews::OPEN,
                made_at: self.now,
                decided_at: Timestamp::UNSET,
            };
            batch.newcomers.reviews.push((row, record));
        }
        Ok(())
    }
}

impl Batch<'_, '_> {
    /// Those somebody is asked about together with this record are weighed anew as well, the likeliest of them. By now more than are looked
    /// at may be found where they were, and who is less alike must not take their place unseen.
    fn add_asked(&mut self, record: RecordNo, candidates: &mut Vec<RecordNo>) -> Result<(), Error> {
        if self.newcomers.reviews.iter().any(|(row, _)| [row.one_no, row.other_no].contains(&record)) {
            self.catch_up()?;
        }
        let asked = reviews::asked_with(self.write.records(), record, ASKED)?;
        let known: HashSet<RecordNo> = candidates.iter().copied().collect();
        candidates.extend(asked.into_iter().filter(|other| !known.contains(other)));
        let people = candidates.iter().filter(|other| !known.contains(other)).copied();
        self.table.seat(self.write, people)
    }

    /// The records of a person whose cards can be looked at.
    pub(super) fn members(&mut self, person: SubjectId) -> Result<Vec<RecordNo>, Error> {
        let numbers = cards::first_of(self.write.records(), person, MEMBERS)?;
        self.table.lay_open(self.write, &numbers)?;
        Ok(numbers)
    }

    /// Open cards.
    pub(super) fn laid(&self, numbers: &[RecordNo]) -> Vec<&Card> {
        numbers.iter().filter_map(|number| self.table.laid_open(*number)).collect()
    }
}
