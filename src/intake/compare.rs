//! Comparing a record that arrived with those it may be one person with.
//!
//! Candidates share a blind matching key; their cards lie on the table (`table`). What leaves is a link, a question for somebody
//! to decide, or nothing. Nothing is disclosed, so no decision of the gateway is written down: the link is the record of it.
//!
//! A record is written for a person of its own first, and that person is merged then: what it brings stays under its own
//! consents, and the merge can be undone without loss.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::desk::Desk;
use super::settle::Batch;
use super::terms::Term;
use crate::graph::matching::{self, Bits, Card, Either, Shape, TermFrequencies, Verdict, Waterfall};
use crate::graph::{self, Rule};
use crate::store::rows::{LinkRow, ReviewRow};
use crate::store::{cards, reviews};
use crate::types::{RecordNo, ReviewId, SubjectId, Timestamp};

/// Records of one person that are laid open before they are joined with others: the oldest. What speaks against it may stand on one of
/// them alone.
pub(super) const MEMBERS: i64 = 240;

/// Somebody a record is like.
struct Alike {
    person: SubjectId,
    record: RecordNo,
    waterfall: Waterfall,
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
        let candidates = batch.table.candidates(keys, record);
        if batch.table.is_barred(batch.write.records(), person)? {
            batch.catch_up()?;
            return Ok(cards::silence(batch.write, &[record])?);
        }
        if candidates.is_empty() {
            return Ok(());
        }
        let stored = batch.table.person_of(record).is_some();
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
        joins.sort_by_key(|alike| (-alike.waterfall.total.0, alike.person));
        let mut unclear = self.unclear(batch, (person, card), &joins)?.into_iter();
        doubtful.extend(joins.extract_if(.., |_| unclear.next().unwrap_or_default()));
        let mut person = person;
        for alike in joins {
            // One of those before may have been merged with this one meanwhile.
            let Some(other) = batch.living(alike.person)?.filter(|other| *other != person) else { continue };
            if batch.are_apart(person, other)? {
                continue;
            }
            batch.catch_up()?;
            if batch.waits_for_another_too(other, person)? {
                doubtful.push(alike);
            } else if self.fits(batch, (record, person), other, &frequencies)? {
                person = self.join(batch, (record, person), (other, &alike))?;
            } else {
                doubtful.push(alike);
            }
        }
        self.ask(batch, (record, person), doubtful)
    }

    /// Of each of those it is like enough: may it be somebody else's as well, whom somebody decided not to be one with them, or, if it
    /// comes without a login, whom a source knows by another than theirs? Then it is not theirs until somebody says so; and where that is
    /// so of whom it is most like, it is nobody's. Who waits for the same answer already is whoever it is.
    fn unclear(
        &self,
        batch: &mut Batch<'_, '_>,
        (of, card): (SubjectId, &Card),
        joins: &[Alike],
    ) -> Result<Vec<bool>, Error> {
        let people: Vec<SubjectId> = joins.iter().map(|alike| alike.person).collect();
        if people.len() < 2 {
            return Ok(vec![false; people.len()]);
        }
        let weights: Vec<Bits> = joins.iter().map(|alike| alike.waterfall.total).collect();
        let enough = batch.table.model().join_at();
        // Looked up once two of them are near enough to ask.
        let mut others = card.has_login().then(BTreeSet::new);
        let are_two = |one: usize, other: usize| {
            let Some((ours, theirs)) = people.get(one).zip(people.get(other)) else { return Ok::<_, Error>(false) };
            let others = match &mut others {
                Some(known) => known,
                unknown => unknown.insert(batch.other_logins(&people)?),
            };
            Ok(others.contains(&(one, other)) || batch.are_apart(*ours, *theirs)?)
        };
        let Either { mut open, two, .. } = matching::either(&weights, enough, are_two)?;
        if two.is_empty() || card.has_login() {
            return Ok(open);
        }
        for (at, person) in people.iter().enumerate() {
            if open.get(at).is_some_and(|open| *open)
                && two.iter().all(|(one, other)| at != *one && at != *other)
                && batch.waits_for_the_same(*person, &people, &two)?
                // Whose it is by a rule may be one of those somebody is asked about.
                && !reviews::is_asked(batch.write.records(), of, *person)?
                && let Some(open) = open.get_mut(at)
            {
                *open = false;
            }
        }
        Ok(open)
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
        let model = batch.table.model();
        let (ours, theirs) = (batch.laid(&ours), batch.laid(&theirs));
        // Without a card there is nothing that could speak against it, so nothing speaks for it.
        let seen = !ours.is_empty() && !theirs.is_empty();
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
    /// The records of a person whose cards can be looked at.
    fn members(&mut self, person: SubjectId) -> Result<Vec<RecordNo>, Error> {
        let numbers = cards::first_of(self.write.records(), person, MEMBERS)?;
        self.table.lay_open(self.write, &numbers)?;
        Ok(numbers)
    }

    /// Which two of these, by their places, the lesser first, a source knows by two logins.
    fn other_logins(&mut self, people: &[SubjectId]) -> Result<BTreeSet<(usize, usize)>, Error> {
        self.catch_up()?;
        let mut members = Vec::with_capacity(people.len());
        for person in people {
            members.push(self.members(*person)?);
        }
        let logins = |numbers: &Vec<RecordNo>| matching::logins(self.laid(numbers).into_iter());
        let known: Vec<Vec<&Card>> = members.iter().map(logins).collect();
        let mut two = BTreeSet::new();
        for (other, theirs) in known.iter().enumerate() {
            for (one, ours) in known.iter().take(other).enumerate() {
                if ours.iter().any(|card| theirs.iter().any(|other| card.is_other_login(other))) {
                    two.insert((one, other));
                }
            }
        }
        Ok(two)
    }

    /// Is this somebody without a login who may be either of `two` of these people, so that somebody is asked about each?
    fn waits_for_the_same(
        &mut self,
        person: SubjectId,
        people: &[SubjectId],
        two: &[(usize, usize)],
    ) -> Result<bool, Error> {
        self.catch_up()?;
        let numbers = self.members(person)?;
        if self.laid(&numbers).iter().any(|card| card.has_login()) {
            return Ok(false);
        }
        for (one, other) in two {
            let Some((one, other)) = people.get(*one).zip(people.get(*other)) else { continue };
            if reviews::is_asked(self.write.records(), person, *one)?
                && reviews::is_asked(self.write.records(), person, *other)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Is somebody asked whether `waiting` is `person`, and whether they are somebody else who is not `person`? Then an answer comes
    /// first.
    fn waits_for_another_too(&mut self, waiting: SubjectId, person: SubjectId) -> Result<bool, Error> {
        if !reviews::is_asked(self.write.records(), waiting, person)? {
            return Ok(false);
        }
        let numbers = self.members(waiting)?;
        for other in reviews::asked_about(self.write.records(), &numbers)?.into_iter().filter(|other| *other != person)
        {
            if self.are_apart(person, other)? || !self.other_logins(&[person, other])?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Open cards.
    fn laid(&self, numbers: &[RecordNo]) -> Vec<&Card> {
        numbers.iter().filter_map(|number| self.table.laid_open(*number)).collect()
    }
}
