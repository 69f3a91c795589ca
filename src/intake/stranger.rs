//! A rule joins whoever shares a mailbox or phone that was verified. A family shares one too: where names, birth dates or two logins
//! that one source verified say clearly that two are meant, the rule is not asked, and everything the records say is weighed
//! instead. An account number is not such a value: it is its source's own word that it is one customer, whatever the records under
//! it say. Who objects to being matched is joined across sources by no rule at all.

use std::collections::BTreeSet;

use super::Error;
use super::compare::MEMBERS;
use super::prepare::Prepared;
use super::settle::Batch;
use super::statement::is_about_matching;
use crate::graph::matching::{Card, telling};
use crate::graph::{Resolution, Rule};
use crate::store::rows::IdentifierRow;
use crate::store::{cards, identifiers};
use crate::types::{RecordNo, SubjectId};

/// Records of one person under a value from which on not all of them may have been read: the account that tells a birth date may be
/// another. Then as many of the person's are looked at as are compared.
const MANY: usize = 60;

impl Batch<'_, '_> {
    /// What the clues of a record led to, without those who are clearly somebody else; and the values that are nobody's here. None is that
    /// leads to whom the record is `known` to be about.
    pub(super) fn without_strangers(
        &mut self,
        prepared: &Prepared,
        (record, known): (RecordNo, Option<SubjectId>),
        mut found: Resolution,
    ) -> Result<(Resolution, Vec<[u8; 16]>), Error> {
        let mut foreign = Vec::new();
        let mut values: Vec<[u8; 16]> =
            found.evidence.iter().filter(|(rule, ..)| is_shared(*rule)).map(|(_, ix, _)| *ix).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return Ok((found, foreign));
        }
        let before = found.evidence.len();
        for ix in values {
            let led = |(rule, value, person): &(Rule, [u8; 16], SubjectId)| {
                (is_shared(*rule) && *value == ix).then_some(*person)
            };
            let people: Vec<SubjectId> = found.evidence.iter().filter_map(led).collect();
            // A value is of one kind, and so is the rule it joins by.
            let rule = found.evidence.iter().find_map(|evidence| led(evidence).map(|_| evidence.0));
            let Some(rule) = rule else { continue };
            let (strangers, nobodys) = self.strangers((prepared, record), (rule, &ix), &people)?;
            if nobodys && !known.is_some_and(|known| people.contains(&known)) {
                foreign.push(ix);
            }
            found.evidence.retain(|evidence| led(evidence).is_none_or(|person| !strangers.contains(&person)));
        }
        if found.evidence.len() < before {
            found.people = people_of(&found);
        }
        Ok((found, foreign))
    }

    /// Of people a record leads to whom somebody decided not to be one, it is whose the narrower rule says: a login or an account of
    /// its source says more than a mailbox that several share. Where no rule is narrower it is none of theirs, and neither are the
    /// values that led there. Takes that evidence away, and says which values are the others'. A `known` record stays whose it is.
    pub(super) fn narrowed(
        &mut self,
        known: Option<SubjectId>,
        found: &mut Resolution,
    ) -> Result<Vec<[u8; 16]>, Error> {
        let led = found.evidence.iter().filter_map(|(rule, _, person)| Some((breadth(*rule)?, *person)));
        let mut led: Vec<(u8, SubjectId)> = led.collect();
        led.sort_unstable();
        let (mut theirs, mut others): (Vec<SubjectId>, Vec<SubjectId>) = (known.into_iter().collect(), Vec::new());
        for level in led.chunk_by(|(one, _), (other, _)| one == other) {
            let mut left: Vec<SubjectId> = Vec::new();
            for (_, person) in level {
                if theirs.contains(person) || others.contains(person) || left.contains(person) {
                    continue;
                }
                if self.is_apart_from_any(*person, &theirs)? { others.push(*person) } else { left.push(*person) }
            }
            let mut apart = false;
            for (at, person) in left.iter().enumerate() {
                apart = apart || self.is_apart_from_any(*person, left.get(..at).unwrap_or_default())?;
            }
            if apart { others.append(&mut left) } else { theirs.append(&mut left) }
        }
        if others.is_empty() {
            return Ok(Vec::new());
        }
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.evidence).into_iter().partition(|(_, _, person)| !others.contains(person));
        let is_kept = |ix: &[u8; 16]| kept.iter().any(|(_, kept, _)| kept == ix);
        let foreign = gone.into_iter().map(|(_, ix, _)| ix).filter(|ix| !is_kept(ix)).collect();
        found.evidence = kept;
        found.people = people_of(found);
        Ok(foreign)
    }

    fn is_apart_from_any(&mut self, person: SubjectId, others: &[SubjectId]) -> Result<bool, Error> {
        for other in others {
            if self.are_apart(person, *other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the clues of a record led to, without what would match somebody across sources who objects to it: whoever they
    /// lead to, and whoever the record is about. That one objects if the record says so, or is known by the record itself or by
    /// what counts all the same: what the record's own source says.
    pub(super) fn without_objectors(
        &mut self,
        prepared: &Prepared,
        known: Option<SubjectId>,
        mut found: Resolution,
    ) -> Result<Resolution, Error> {
        if !found.evidence.iter().any(|(rule, ..)| may_lead_across(*rule)) {
            return Ok(found);
        }
        let mut objecting = BTreeSet::new();
        for person in found.people.iter().copied().chain(known) {
            if self.objects(person)? {
                objecting.insert(person);
            }
        }
        let told = prepared.claims.iter().any(|claimed| {
            claimed.entry.act.is_no() && claimed.entry.purpose.is_some() && is_about_matching(&claimed.entry)
        });
        if !told && objecting.is_empty() {
            return Ok(found);
        }
        let mut across = Vec::with_capacity(found.evidence.len());
        for (rule, ix, person) in &found.evidence {
            across.push(may_lead_across(*rule) && !self.is_of_its_source(prepared, ix, *person)?);
        }
        let mut theirs = found.evidence.iter().zip(&across).filter(|(_, across)| !**across);
        let alone = told
            || known.is_some_and(|known| objecting.contains(&known))
            || theirs.any(|((_, _, person), _)| objecting.contains(person));
        let mut across = across.into_iter();
        found.evidence.retain(|(_, _, person)| {
            let across = across.next().unwrap_or(true);
            !across || !(alone || objecting.contains(person))
        });
        found.people = people_of(&found);
        Ok(found)
    }

    /// Has the source of this record said before that the value is the person's?
    fn is_of_its_source(&mut self, prepared: &Prepared, ix: &[u8; 16], person: SubjectId) -> Result<bool, Error> {
        self.catch_up_on(&[person])?;
        Ok(identifiers::joins_at(self.write.records(), (ix, person), prepared.source.number)?)
    }

    /// Did this living person object to being matched?
    fn objects(&mut self, person: SubjectId) -> Result<bool, Error> {
        if self.table.is_free(person) {
            return Ok(false);
        }
        self.catch_up_on(&[person])?;
        self.table.objects(self.write.records(), person)
    }

    /// Those of `people`, who have a value, that are not the one the record is about. Where more than one are left who
    /// cannot be one person, the record does not say which of them it is about, and the value does not either: it is nobody's here.
    /// What the record said itself before it came anew does not count.
    fn strangers(
        &mut self,
        (prepared, record): (&Prepared, RecordNo),
        (rule, ix): (Rule, &[u8; 16]),
        people: &[SubjectId],
    ) -> Result<(Vec<SubjectId>, bool), Error> {
        let Some(card) = &prepared.card else { return Ok((Vec::new(), false)) };
        let mut holders: Vec<(SubjectId, Vec<RecordNo>)> = people.iter().map(|person| (*person, Vec::new())).collect();
        for row in self.known.with_index(self.write, ix)?.into_owned() {
            if row.use_flags & IdentifierRow::JOINS == 0 || row.record_no == record {
                continue;
            }
            let now = self.living(row.subject_id)?;
            if let Some((_, records)) = holders.iter_mut().find(|(person, _)| Some(*person) == now) {
                records.push(row.record_no);
            }
        }
        for (person, records) in holders.iter_mut().filter(|(_, records)| records.len() >= MANY) {
            records.extend(cards::first_of(self.write.records(), *person, MEMBERS)?);
            records.sort_unstable();
            records.dedup();
            records.retain(|known| *known != record);
        }
        let all: Vec<RecordNo> = holders.iter().flat_map(|(_, records)| records).copied().collect();
        self.table.lay_open(self.write, &all)?;
        let table = &self.table;
        let laid =
            |records: &[RecordNo]| records.iter().filter_map(|record| table.laid_open(*record)).collect::<Vec<&Card>>();
        // Behind however many orders, the account that tells a birth date is among those that are compared.
        let groups: Vec<(SubjectId, Vec<&Card>)> =
            holders.iter().map(|(person, records)| (*person, telling(&laid(records), table.plain()))).collect();
        let other = |cards: &[&Card]| cards.iter().any(|theirs| table.are_two(card, theirs, rule));
        let mut strangers: Vec<SubjectId> =
            groups.iter().filter(|(_, cards)| other(cards)).map(|(person, _)| *person).collect();
        let left: Vec<&(SubjectId, Vec<&Card>)> =
            groups.iter().filter(|(person, _)| !strangers.contains(person)).collect();
        let apart = left.iter().enumerate().any(|(at, (_, ours))| {
            let others = left.iter().take(at).flat_map(|(_, theirs)| theirs);
            others.into_iter().any(|theirs| ours.iter().any(|ours| table.are_two(ours, theirs, rule)))
        });
        if apart {
            strangers.extend(left.iter().map(|(person, _)| *person));
        }
        Ok((strangers, apart))
    }
}

/// How many may share what a rule joins by; none if it joins nobody.
const fn breadth(rule: Rule) -> Option<u8> {
    match rule {
        Rule::SourceAccount => Some(0),
        Rule::Relay | Rule::AnonymousId => Some(1),
        Rule::EmailAndName => Some(2),
        Rule::VerifiedEmail | Rule::VerifiedPhone => Some(3),
        Rule::First | Rule::Statement | Rule::Compared | Rule::Decided | Rule::Rectification => None,
    }
}

fn people_of(found: &Resolution) -> Vec<SubjectId> {
    let mut people: Vec<SubjectId> = found.evidence.iter().map(|(_, _, person)| *person).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// May it join records of different sources?
const fn may_lead_across(rule: Rule) -> bool {
    matches!(rule, Rule::VerifiedEmail | Rule::VerifiedPhone | Rule::EmailAndName)
}

/// Is it a value that several people may share?
const fn is_shared(rule: Rule) -> bool {
    matches!(rule, Rule::VerifiedEmail | Rule::VerifiedPhone | Rule::EmailAndName | Rule::AnonymousId)
}
