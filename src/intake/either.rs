//! Of whom a record is that arrives and is as like the one as the other of two who are known to be two people: the rule is that of
//! [`matching::either()`]. When everything is grouped anew it mostly comes out the same; see `docs/limits.md`.

use std::collections::BTreeSet;

use super::Error;
use super::compare::Alike;
use super::judging::Judging;
use crate::graph::matching::{self, Bits, Either, LIKELIEST};
use crate::store::reviews;
use crate::types::SubjectId;

impl Judging<'_, '_, '_> {
    /// Of each of those it is like enough: may it be somebody else's as well, whom somebody decided not to be one with them, or, if it
    /// comes without a login, whom a source knows by another than theirs? Then it is not theirs until somebody says so; and where that is
    /// so of whom it is most like, it is nobody's. Who waits for the same answer already is whoever it is, and so is who is like none of
    /// those two. Who waits for an answer about one of the others, or may be either of two who are none of them, is not whoever it is.
    pub(super) fn unclear(&mut self, joins: &[Alike]) -> Result<Vec<bool>, Error> {
        if joins.len() < 2 {
            return Ok(vec![false; joins.len()]);
        }
        let people: Vec<SubjectId> = joins.iter().map(|alike| alike.person).collect();
        let weights: Vec<Bits> = joins.iter().map(|alike| alike.waterfall.total).collect();
        let enough = self.batch.table.model().join_at();
        let (of, is_guest) = (self.own.0, !self.own.1.has_login());
        // Looked up once two of them are near enough to ask.
        let mut others = (!is_guest).then(BTreeSet::new);
        let are_two = |one: usize, other: usize| {
            let Some((ours, theirs)) = people.get(one).zip(people.get(other)) else { return Ok::<_, Error>(false) };
            let others = match &mut others {
                Some(known) => known,
                unknown => unknown.insert(self.other_logins(&people)?),
            };
            Ok(others.contains(&(one, other)) || self.are_apart(*ours, *theirs)?)
        };
        let Either { mut open, two, .. } = matching::either(&weights, enough, are_two)?;
        let two = two.iter().filter_map(|(one, other)| Some((*people.get(*one)?, *people.get(*other)?)));
        let two: Vec<(SubjectId, SubjectId)> = two.collect();
        let they: BTreeSet<SubjectId> = two.iter().flat_map(|(one, other)| [*one, *other]).collect();
        for (person, open) in people.iter().zip(&mut open).filter(|(person, open)| **open && !they.contains(person)) {
            // Whose it is by a rule may be one of those somebody is asked about.
            if reviews::is_asked(self.batch.write.records(), of, *person)? {
                continue;
            }
            if is_guest && self.waits_for_the_same(*person, &two)? {
                *open = false;
            } else if !self.is_known_other(*person, &they)? && !self.may_be_others(*person, &they)? {
                // Who is neither like any of them nor kept from being one of them by what they say is somebody else.
                *open = self.any(&they, |judging, one| judging.has_to_do_with(*person, one))?;
            }
        }
        for (place, person) in people.iter().enumerate() {
            let weight = weights.get(place).copied().unwrap_or_default();
            for (at, waiting) in people.iter().enumerate().filter(|(at, _)| *at != place) {
                let is_open = |at: usize| open.get(at).is_some_and(|open| *open);
                if !is_open(at) && !is_open(place) && self.waits_for_another(*waiting, (*person, weight))? {
                    open.get_mut(at).into_iter().for_each(|open| *open = true);
                }
            }
        }
        Ok(open)
    }

    /// Is somebody asked whether `waiting` is somebody who is not `person`, and whether they are `person` as well, or is it that they are
    /// like by no less than `weight`? Then an answer comes first. Where they may be either of two, what is said keeps `person` from them as
    /// what is known does.
    pub(super) fn waits_for_another(
        &mut self,
        waiting: SubjectId,
        (person, weight): (SubjectId, Bits),
    ) -> Result<bool, Error> {
        let asked = self.asked(waiting)?;
        let too = asked.iter().any(|about| about.person == person);
        let enough = self.batch.table.model().join_at();
        let is_near = |like: Bits| like >= enough && weight.0 - like.0 < enough.0;
        let others = asked.iter().filter(|about| about.person != person);
        let near: Vec<SubjectId> =
            others.clone().filter(|about| about.weight.is_some_and(is_near)).map(|about| about.person).collect();
        let others = if too { others.map(|about| about.person).collect() } else { near.clone() };
        if others.is_empty() {
            return Ok(false);
        }
        if self.may_be_two(person)? {
            // Marks are read of this person alone, logins of each.
            if self.any(&others, |judging, other| judging.are_apart(person, other))? {
                return Ok(true);
            }
            let counts = self.has_login(person)? && (too || !self.has_login(waiting)?);
            let some = others.iter().take(LIKELIEST).filter(|_| counts);
            if self.any(some, |judging, other| judging.have_two_logins(person, other))? {
                return Ok(true);
            }
        }
        let like = near.get(..LIKELIEST).unwrap_or(&near);
        // What is known is looked at of all of them before anything is compared.
        Ok(self.any(like, |judging, one| {
            Ok(judging.is_other(person, one)? && judging.is_one_of_two(waiting, one, like)?)
        })? || self.any(like, |judging, one| {
            Ok(judging.is_one_of_two(waiting, one, like)? && judging.are_kept(person, one)?)
        })?)
    }

    /// Is it so of any of these? The others are not looked at then.
    fn any<'p>(
        &mut self,
        people: impl IntoIterator<Item = &'p SubjectId>,
        mut so: impl FnMut(&mut Self, SubjectId) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        for person in people {
            if so(self, *person)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Is this somebody without a login who may be either of two of these, so that somebody is asked about each?
    fn waits_for_the_same(&mut self, person: SubjectId, two: &[(SubjectId, SubjectId)]) -> Result<bool, Error> {
        if self.has_login(person)? {
            return Ok(false);
        }
        let asked: BTreeSet<SubjectId> = self.asked(person)?.iter().map(|about| about.person).collect();
        Ok(two.iter().any(|(one, other)| asked.contains(one) && asked.contains(other)))
    }

    /// Are these two known not to be one, by what was decided or by whose login they have?
    fn is_other(&mut self, one: SubjectId, other: SubjectId) -> Result<bool, Error> {
        Ok(self.are_apart(one, other)? || self.have_two_logins(one, other)?)
    }

    /// Is somebody known not to be one of these?
    fn is_known_other(&mut self, person: SubjectId, others: &BTreeSet<SubjectId>) -> Result<bool, Error> {
        self.any(others, |judging, other| judging.is_other(person, other))
    }

    /// May somebody be either of two, and are those all others than these, of whom one is known not to be one of those?
    fn may_be_others(&mut self, person: SubjectId, they: &BTreeSet<SubjectId>) -> Result<bool, Error> {
        let enough = self.batch.table.model().join_at();
        let asked = self.asked(person)?;
        let like = asked.iter().filter(|about| about.weight.is_some_and(|weight| weight >= enough));
        let like: Vec<SubjectId> = like.take(LIKELIEST).map(|about| about.person).collect();
        let among = like.iter().filter(|one| they.contains(one));
        if self.any(among, |judging, one| judging.is_one_of_two(person, one, &like))? {
            return Ok(false);
        }
        self.any(&like, |judging, one| {
            Ok(judging.is_known_other(one, they)? && judging.is_one_of_two(person, one, &like)?)
        })
    }

    /// Of those somebody is `like`, is this `one` known to be somebody else than another of them? Of more than [`LIKELIEST`] only these
    /// are asked about: each is held against each, and of each it is read who they are.
    fn is_one_of_two(&mut self, person: SubjectId, one: SubjectId, like: &[SubjectId]) -> Result<bool, Error> {
        let is_guest = !self.has_login(person)?;
        self.any(like.iter().filter(|other| **other != one), |judging, other| {
            Ok(judging.are_apart(one, other)? || (is_guest && judging.have_two_logins(one, other)?))
        })
    }
}
