//! What is read of people while one record is judged, once of each: nothing changes meanwhile, until somebody is merged.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::Error;
use super::compare::Alike;
use super::settle::Batch;
use crate::graph::matching::{self, Bits, Card, TermFrequencies, Verdict, Waterfall};
use crate::store::{apart, reviews};
use crate::types::{RecordNo, SubjectId};

/// What is asked about somebody.
#[derive(Clone, Copy)]
pub(super) struct About {
    /// Who else it is about.
    pub(super) person: SubjectId,
    /// How like they are; none if something stands against it, which speaks for no other either.
    pub(super) weight: Option<Bits>,
}

/// A record that is judged, and what is known of those it is held against.
pub(super) struct Judging<'j, 'a, 'w> {
    pub(super) batch: &'j mut Batch<'a, 'w>,
    /// Whose record it is, and its card, which need not be among theirs.
    pub(super) own: (SubjectId, &'j Card),
    frequencies: &'j TermFrequencies,
    /// By which record each was found, which need not be among those that are looked at.
    found: HashMap<SubjectId, RecordNo>,
    known: Known,
}

/// What was read.
#[derive(Default)]
struct Known {
    members: HashMap<SubjectId, Vec<RecordNo>>,
    asked: HashMap<SubjectId, Rc<[About]>>,
    /// Who marks say that somebody is not, as they are now.
    marks: HashMap<SubjectId, BTreeSet<SubjectId>>,
    /// The cards of somebody that tell logins, one for each.
    logins: HashMap<SubjectId, Rc<[Laid]>>,
    two_logins: HashMap<Pair, bool>,
    kept: HashMap<Pair, bool>,
}

/// A card: that of a record on the table, or that of the record which is judged.
#[derive(Clone, Copy)]
enum Laid {
    Of(RecordNo),
    Own,
}

/// Two people, the lesser first.
type Pair = (SubjectId, SubjectId);

fn pair(one: SubjectId, other: SubjectId) -> Pair {
    (one.min(other), one.max(other))
}

impl<'j, 'a, 'w> Judging<'j, 'a, 'w> {
    /// Begins with whose record it is, and whom it is like.
    pub(super) fn begin(
        batch: &'j mut Batch<'a, 'w>,
        own: (SubjectId, &'j Card),
        joins: &[Alike],
        frequencies: &'j TermFrequencies,
    ) -> Result<Self, Error> {
        batch.catch_up()?;
        let found = joins.iter().map(|alike| (alike.person, alike.record)).collect();
        Ok(Self { batch, own, frequencies, found, known: Known::default() })
    }

    /// Somebody was merged with whose record it is: `person` now, of whom other things are known.
    pub(super) fn merged(&mut self, person: SubjectId) {
        self.own.0 = person;
        self.known = Known::default();
    }

    /// Lays somebody's cards open.
    fn know(&mut self, person: SubjectId) -> Result<(), Error> {
        if !self.known.members.contains_key(&person) {
            let mut members = self.batch.members(person)?;
            members.extend(self.found.get(&person).filter(|found| !members.contains(found)));
            self.known.members.insert(person, members);
        }
        Ok(())
    }

    /// The cards of somebody who is known by now.
    fn cards(&self, person: SubjectId) -> impl Iterator<Item = (Laid, &Card)> {
        let members = self.known.members.get(&person).map(Vec::as_slice).unwrap_or_default();
        let own = Some(Laid::Own).filter(|_| self.own.0 == person);
        members.iter().map(|member| Laid::Of(*member)).chain(own).filter_map(|laid| Some((laid, self.card(laid)?)))
    }

    fn card(&self, laid: Laid) -> Option<&Card> {
        match laid {
            Laid::Of(record) => self.batch.table.laid_open(record),
            Laid::Own => Some(self.own.1),
        }
    }

    /// Do these two say so, by any two of those cards of theirs that are looked at?
    fn say(&self, one: SubjectId, other: SubjectId, so: impl Fn(Verdict) -> bool) -> bool {
        let model = self.batch.table.model();
        let cards = |person: SubjectId| self.cards(person).map(|(_, card)| card).collect::<Vec<_>>();
        let [ours, theirs] = [one, other].map(|person| matching::telling(&cards(person), self.frequencies));
        let says = |ours: &Card, theirs: &Card| so(model.score(ours, theirs, self.frequencies).verdict);
        theirs.iter().any(|theirs| ours.iter().any(|ours| says(ours, theirs)))
    }

    /// Are these two alike, or kept from being one by what they say?
    pub(super) fn has_to_do_with(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        self.know(one)?;
        self.know(other)?;
        Ok(self.say(one, other, |said| matches!(said, Verdict::Join | Verdict::Veto(_))))
    }

    /// Does what these two say keep them from being one?
    pub(super) fn are_kept(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        if let Some(known) = self.known.kept.get(&pair(one, other)) {
            return Ok(*known);
        }
        self.know(one)?;
        self.know(other)?;
        let kept = self.say(one, other, |said| matches!(said, Verdict::Veto(_)));
        self.known.kept.insert(pair(one, other), kept);
        Ok(kept)
    }

    /// The cards of somebody that tell logins: looked for once, since each of many is held against each.
    fn logins(&mut self, person: SubjectId) -> Result<Rc<[Laid]>, Error> {
        if let Some(known) = self.known.logins.get(&person) {
            return Ok(known.clone());
        }
        self.know(person)?;
        let logins: Rc<[Laid]> = matching::logins(self.cards(person)).into_iter().map(|(laid, _)| laid).collect();
        self.known.logins.insert(person, logins.clone());
        Ok(logins)
    }

    pub(super) fn has_login(&mut self, person: SubjectId) -> Result<bool, Error> {
        Ok(!self.logins(person)?.is_empty())
    }

    /// What is asked about somebody: each other person once, the likeliest first, and of those as likely in the order of what the levels of
    /// agreement say, as it is asked. Where these say the same too, the longest known come first.
    pub(super) fn asked(&mut self, person: SubjectId) -> Result<Rc<[About]>, Error> {
        if let Some(known) = self.known.asked.get(&person) {
            return Ok(known.clone());
        }
        self.know(person)?;
        let members = self.known.members.get(&person).map(Vec::as_slice).unwrap_or_default();
        // Of nobody what stands against it: that comes last.
        let mut asked: HashMap<SubjectId, (Reverse<Option<Bits>>, String)> = HashMap::new();
        for about in reviews::asked_about(self.batch.write.records(), members)? {
            let said = serde_json::from_str(&about.waterfall);
            let is_vetoed = said.is_ok_and(|said: Waterfall| matches!(said.verdict, Verdict::Veto(_)));
            let rank = (Reverse(Some(Bits(about.weight)).filter(|_| !is_vetoed)), about.waterfall);
            match asked.entry(about.person) {
                Entry::Vacant(free) => {
                    free.insert(rank);
                }
                Entry::Occupied(mut known) if rank < *known.get() => {
                    known.insert(rank);
                }
                Entry::Occupied(_) => {}
            }
        }
        // Who of them is marked, and who has parts, is read of all at once.
        self.batch.known.people.meet(self.batch.write.records(), asked.keys().copied())?;
        let mut asked: Vec<_> = asked.into_iter().map(|(person, rank)| (rank, person)).collect();
        asked.sort_unstable();
        let asked: Rc<[About]> =
            asked.into_iter().map(|((Reverse(weight), _), person)| About { person, weight }).collect();
        self.known.asked.insert(person, asked.clone());
        Ok(asked)
    }

    /// Did somebody decide that these two living people are not the same?
    pub(super) fn are_apart(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        let people = &self.batch.known.people;
        if people.is_unmarked(one) || people.is_unmarked(other) {
            return Ok(false);
        }
        let (one, other) = if self.known.marks.contains_key(&other) { (other, one) } else { (one, other) };
        if !self.known.marks.contains_key(&one) {
            // They name people as they were before any merge.
            let marks = apart::of_whole(self.batch.write.records(), one)?;
            let marks = self.batch.known.people.living_many(self.batch.write.records(), marks)?;
            self.known.marks.insert(one, marks);
        }
        Ok(self.known.marks.get(&one).is_some_and(|marks| marks.contains(&other)))
    }

    /// May somebody be known not to be this person, by a login or because somebody decided so?
    pub(super) fn may_be_two(&mut self, person: SubjectId) -> Result<bool, Error> {
        Ok(!self.batch.known.people.is_unmarked(person) || self.has_login(person)?)
    }

    /// Does a source know these two by two logins?
    pub(super) fn have_two_logins(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        if let Some(known) = self.known.two_logins.get(&pair(one, other)) {
            return Ok(*known);
        }
        let two = self.has_login(one)? && self.has_login(other)? && !self.other_logins(&[one, other])?.is_empty();
        self.known.two_logins.insert(pair(one, other), two);
        Ok(two)
    }

    /// Which two of these, by their places, the lesser first, a source knows by two logins.
    pub(super) fn other_logins(&mut self, people: &[SubjectId]) -> Result<BTreeSet<(usize, usize)>, Error> {
        let logins = people.iter().map(|person| self.logins(*person)).collect::<Result<Vec<_>, Error>>()?;
        let known: Vec<Vec<&Card>> =
            logins.iter().map(|laid| laid.iter().filter_map(|laid| self.card(*laid)).collect()).collect();
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
}
