//! Whose a record is: the person its identifiers lead to, all they lead to joined into one, or somebody new.

use std::collections::BTreeSet;

use super::Error;
use super::desk::{Desk, Key};
use super::prepare::Prepared;
use super::settle::Batch;
use crate::graph::{self, Rule};
use crate::store::rows::{IdentifierRow, LinkRow, SubjectRow, SubjectState};
use crate::store::{identifiers, subjects};
use crate::types::{IdentifierKind, RecordNo, SubjectId, Timestamp};

/// By which rule and which blind index a record was found to be a person's, and which record has it, if that is known.
pub(super) type Evidence = Vec<(Rule, [u8; 16], Option<RecordNo>)>;

/// Whose a record is.
pub(super) struct Owner<'a> {
    pub(super) person: SubjectId,
    /// Their key, if they and it are new.
    pub(super) key: Option<Key<'a>>,
    pub(super) evidence: Evidence,
    /// Did the record join people? Each has a link already that says so.
    pub(super) joined: bool,
    /// Values of the record that so many share that they join nobody.
    pub(super) generic: Vec<[u8; 16]>,
    /// Values of the record that are somebody else's: here they only serve look-up.
    pub(super) foreign: Vec<[u8; 16]>,
}

impl Desk<'_> {
    /// The person the record belongs to: the one it leads to, all it leads to joined into one, or a new one.
    pub(super) fn owner_of(
        &self,
        batch: &mut Batch<'_, '_>,
        prepared: &Prepared,
        record: RecordNo,
        known: Option<SubjectId>,
    ) -> Result<Owner<'_>, Error> {
        let found = graph::resolve(batch.write, &batch.known, (record, &prepared.clues))?;
        let (found, mut foreign) = batch.without_strangers(prepared, (record, known), found)?;
        let mut found = batch.without_objectors(prepared, known, found)?;
        let names_account = prepared.clues.iter().any(|clue| clue.joins && clue.kind == IdentifierKind::Account);
        let tracked = prepared.from_tracker && names_account;
        if tracked {
            foreign.extend(self.keep_apart(batch, &mut found)?);
        }
        foreign.extend(batch.narrowed(known, &mut found)?);
        if !found.crowded.is_empty() {
            batch.catch_up()?;
            for ix in &found.crowded {
                identifiers::make_generic(batch.write, ix)?;
            }
            batch.known.touch(&found.crowded);
            batch.crowded.extend(&found.crowded);
        }
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
            // Of whoever is proven none is apart from another; of those who only stated something some may be.
            if batch.are_apart(person, *other)? {
                continue;
            }
            let why = found.evidence.iter().find(|(_, _, to)| to == other).map(|(rule, ix, _)| (*rule, *ix));
            // The known person may be the one that is joined in; then any evidence that led elsewhere is why.
            let why = why.or_else(|| found.evidence.first().map(|(rule, ix, _)| (*rule, *ix)));
            if let Some(why) = why {
                let named = batch.first_with(&why.1, *other, record);
                graph::merge(batch.write, *other, person, (record, named), why, self.now)?;
                batch.merged(*other, person);
            }
        }
        let mut evidence = Evidence::new();
        for (rule, ix, _) in found.evidence {
            evidence.push((rule, ix, batch.first_with(&ix, person, record)));
        }
        // With a merge the ledger of the new person is not empty any more.
        Ok(Owner { person, key: key.filter(|_| !joined), evidence, joined, generic: found.generic, foreign })
    }

    /// A visitor is joined with the account they sign in to, once. A device that several people sign in on joins none of
    /// them: whoever has an account there already keeps the visitor, and the record goes to the account it names. Takes the
    /// visitor's evidence away where it leads to somebody else's account, and says which values that concerns.
    fn keep_apart(&self, batch: &mut Batch<'_, '_>, found: &mut graph::Resolution) -> Result<Vec<[u8; 16]>, Error> {
        let by = |rule: Rule| move |(known, _, _): &&(Rule, [u8; 16], SubjectId)| *known == rule;
        let named: BTreeSet<SubjectId> =
            found.evidence.iter().filter(by(Rule::SourceAccount)).map(|(_, _, person)| *person).collect();
        let visiting: Vec<([u8; 16], SubjectId)> =
            found.evidence.iter().filter(by(Rule::AnonymousId)).map(|(_, ix, person)| (*ix, *person)).collect();
        let mut foreign = Vec::new();
        for (ix, person) in visiting {
            if !named.contains(&person) && self.has_account(batch, person)? {
                found.evidence.retain(|(rule, known, of)| (*rule, *known, *of) != (Rule::AnonymousId, ix, person));
                foreign.push(ix);
            }
        }
        found.people = found.evidence.iter().map(|(_, _, person)| *person).collect();
        found.people.sort_unstable();
        found.people.dedup();
        Ok(foreign)
    }

    /// Does an account join records to this person?
    fn has_account(&self, batch: &mut Batch<'_, '_>, person: SubjectId) -> Result<bool, Error> {
        batch.catch_up_on(&[person])?;
        Ok(identifiers::is_joined_by(batch.write.records(), person, IdentifierKind::Account)?)
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
        batch.known.people.welcome(row.clone());
        batch.newcomers.subjects.push(row);
        let (row, key) = self.fresh_key(batch.write, person, 1)?;
        batch.newcomers.keys.push(row);
        Ok((person, key))
    }

    /// Why the record belongs to its person, once per rule.
    pub(super) fn links(&self, person: SubjectId, record_no: RecordNo, evidence: Evidence) -> Vec<LinkRow> {
        let first = evidence.is_empty().then_some((Rule::First, None, None));
        let found = evidence.into_iter().map(|(rule, ix, other)| (rule, Some(ix.to_vec()), other));
        let mut links: Vec<LinkRow> = Vec::new();
        for (rule, evidence_ix, other) in first.into_iter().chain(found) {
            if links.iter().all(|link| link.rule != rule as i16) {
                let link = LinkRow::by_rule(person, person.part(), record_no, rule as i16, evidence_ix, self.now);
                links.push(LinkRow { other_no: other.map_or(0, |other| other.0), ..link });
            }
        }
        links
    }
}

impl Batch<'_, '_> {
    /// The oldest record of a living person under a value, other than the one that came with it, as far as it is known without asking.
    fn first_with(&self, ix: &[u8; 16], person: SubjectId, own: RecordNo) -> Option<RecordNo> {
        let rows = self.known.read_with_index(ix).iter().filter(|row| row.binds());
        rows.filter(|row| row.subject_id == person && row.record_no != own).map(|row| row.record_no).min()
    }
}

/// The part of a person that a record is found by: it is theirs, and goes with them if they are taken apart again. Found
/// by none or by several, it is the person's. A value is the part's that brought it first.
pub(super) fn part_found(
    batch: &mut Batch<'_, '_>,
    person: SubjectId,
    evidence: &Evidence,
) -> Result<SubjectId, Error> {
    if batch.known.people.is_alone(person) || subjects::merged_into(batch.write.records(), person)?.is_empty() {
        return Ok(person);
    }
    batch.catch_up_on(&[person])?;
    let mut parts = Vec::new();
    for (_, ix, _) in evidence.iter().filter(|(rule, ..)| *rule != Rule::Statement) {
        let rows = batch.known.with_index(batch.write, ix)?;
        let theirs = rows.iter().filter(|row| row.subject_id == person && row.use_flags & IdentifierRow::JOINS != 0);
        // The first that brought the value: a record that showed two people to be one has the values of both.
        if let Some(first) = theirs.map(|row| row.record_no).min() {
            parts.extend(batch.known.record(batch.write, (person, first))?.map(|record| record.sealed_for));
        }
    }
    parts.sort_unstable();
    parts.dedup();
    Ok(if let [part] = parts[..] { part } else { person })
}
