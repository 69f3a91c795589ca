//! A rule joins whoever shares a mailbox or phone that was verified. A family shares one too: where names, birth dates or two logins
//! that one source verified say clearly that two are meant, the rule is not asked, and everything the records say is weighed
//! instead. An account number is not such a value: it is its source's own word that it is one customer, whatever the records under
//! it say. Who objects to being matched is joined across sources by no rule at all.

use std::collections::BTreeSet;

use super::Error;
use super::prepare::Prepared;
use super::settle::Batch;
use super::statement::is_about_matching;
use crate::graph::matching::{Card, telling};
use crate::graph::{Resolution, Rule};
use crate::store::identifiers;
use crate::store::rows::IdentifierRow;
use crate::types::{RecordNo, SubjectId};

impl Batch<'_, '_> {
    /// What the clues of a record led to, without those who are clearly somebody else.
    pub(super) fn without_strangers(
        &mut self,
        prepared: &Prepared,
        mut found: Resolution,
    ) -> Result<Resolution, Error> {
        let mut values: Vec<[u8; 16]> =
            found.evidence.iter().filter(|(rule, ..)| is_shared(*rule)).map(|(_, ix, _)| *ix).collect();
        values.sort_unstable();
        values.dedup();
        if values.is_empty() {
            return Ok(found);
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
            let strangers = self.strangers(prepared, (rule, &ix), &people)?;
            found.evidence.retain(|evidence| led(evidence).is_none_or(|person| !strangers.contains(&person)));
        }
        if found.evidence.len() < before {
            found.people = people_of(&found);
        }
        Ok(found)
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
    /// cannot be one person, the record does not say which of them it is about, and the value does not either.
    fn strangers(
        &mut self,
        prepared: &Prepared,
        (rule, ix): (Rule, &[u8; 16]),
        people: &[SubjectId],
    ) -> Result<Vec<SubjectId>, Error> {
        let Some(card) = &prepared.card else { return Ok(Vec::new()) };
        let mut holders: Vec<(SubjectId, Vec<RecordNo>)> = people.iter().map(|person| (*person, Vec::new())).collect();
        for row in self.known.with_index(self.write, ix)? {
            if row.use_flags & IdentifierRow::JOINS == 0 {
                continue;
            }
            let now = self.living(row.subject_id)?;
            if let Some((_, records)) = holders.iter_mut().find(|(person, _)| Some(*person) == now) {
                records.push(row.record_no);
            }
        }
        let all: Vec<RecordNo> = holders.iter().flat_map(|(_, records)| records).copied().collect();
        self.table.lay_open(self.write, &all)?;
        let table = &self.table;
        let cards =
            |records: &[RecordNo]| records.iter().filter_map(|record| table.laid_open(*record)).collect::<Vec<&Card>>();
        // Behind however many orders, the account that tells a birth date is among those that are compared.
        let groups: Vec<(SubjectId, Vec<&Card>)> =
            holders.iter().map(|(person, records)| (*person, telling(&cards(records)))).collect();
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
        Ok(strangers)
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
