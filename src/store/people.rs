//! The hot read: everything one decision needs to know of a person, or of many at once.
//!
//! Whom a value means is asked first; then all of the people come with one statement, which is a snapshot of its own
//! ([`super::whole`]); then their keys. Those are read last on purpose: what was shredded meanwhile must not be found any
//! more. A merge between the statements is followed.

use std::collections::{HashMap, HashSet};

use diesel::dsl::{AsExprOf, NotEq};
use diesel::prelude::*;
use diesel::sql_types::SmallInt;

use super::among::among;
use super::connection::{Connection, on};
use super::rows::{IdentifierRow, SubjectRow, SubjectRows, SubjectState, Who};
use super::schema::identifier;
use super::subjects::STEPS;
use super::whole::{Piece, whole};
use super::{Error, Read, keys, subjects};
use crate::types::SubjectId;

/// Everything of these people, in the order asked. A value that several people share finds nobody.
///
/// # Errors
/// If a shelf cannot be read.
pub(super) fn load(read: &mut Read, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    let asked = identified(read.records(), who)?;
    let mut found = Found::default();
    found.follow(read.records(), &asked)?;
    if found.lacks_anybody() {
        // Somebody was merged into one who was merged in turn. Who they were must be of the same moment as the rest.
        found = read.in_snapshot(|read| {
            let mut found = Found::default();
            found.follow(read.records(), &asked)?;
            found.complete(read.records())?;
            Ok(found)
        })?;
    }
    found.add_keys(read.keys())?;
    Ok(found.hand_out(&asked))
}

/// What was found so far.
#[derive(Default)]
struct Found {
    /// Whom each that was asked for is now.
    now: HashMap<SubjectId, SubjectId>,
    people: HashMap<SubjectId, SubjectRows>,
    /// Their own rows, and those of who was merged into them.
    rows: HashMap<SubjectId, SubjectRow>,
}

impl Found {
    /// Reads everybody, and those they were merged into.
    fn follow(&mut self, connection: &mut Connection, asked: &[Option<SubjectId>]) -> Result<(), Error> {
        let mut follow: Vec<(SubjectId, SubjectId)> = asked.iter().flatten().map(|id| (*id, *id)).collect();
        for _ in 0..STEPS {
            let at: HashSet<SubjectId> =
                follow.iter().map(|(_, at)| *at).filter(|id| !self.rows.contains_key(id)).collect();
            self.read(connection, &at)?;
            let mut next = Vec::new();
            for (from, at) in follow {
                match self.rows.get(&at).map(|row| (&row.merged_into, row.state)) {
                    Some((Some(into), _)) => next.push((from, SubjectId::from_slice(into)?)),
                    Some((None, state)) if state == SubjectState::Living as i16 => {
                        self.now.insert(from, at);
                    }
                    _ => {}
                }
            }
            follow = next;
            if follow.is_empty() {
                break;
            }
        }
        let now: HashSet<SubjectId> = self.now.values().copied().collect();
        self.people.retain(|id, _| now.contains(id));
        Ok(())
    }

    /// Reads these people.
    fn read(&mut self, connection: &mut Connection, ids: &HashSet<SubjectId>) -> Result<(), Error> {
        let asked: Vec<SubjectId> = ids.iter().copied().collect();
        let pieces = whole(connection, &asked)?;
        for piece in &pieces {
            if let Piece::Subject(row) = piece
                && ids.contains(&row.subject_id)
            {
                self.people.insert(row.subject_id, SubjectRows::empty(row.subject_id, row.created_at));
            }
        }
        for piece in pieces {
            match piece {
                Piece::Subject(row) => {
                    self.rows.insert(row.subject_id, row);
                }
                Piece::Record(row) => {
                    if let Some(person) = self.people.get_mut(&row.subject_id) {
                        person.records.push(row);
                    }
                }
                Piece::Entry(row) => {
                    if let Some(person) = self.people.get_mut(&row.subject_id) {
                        person.ledger.push(row);
                    }
                }
            }
        }
        // Sorted here, a few rows a person: the database would carry all ciphertexts through one large sort.
        for person in self.people.values_mut() {
            person.records.sort_unstable_by_key(|row| row.record_no);
            person.ledger.sort_unstable_by_key(|entry| entry.entry_no);
        }
        Ok(())
    }

    /// Those who brought something along and whose rows are not here.
    fn missing(&self) -> Vec<SubjectId> {
        let others = self.people.values().flat_map(|person| owners(person).into_iter().skip(1));
        others.filter(|id| !self.rows.contains_key(id)).collect()
    }

    fn lacks_anybody(&self) -> bool {
        !self.missing().is_empty()
    }

    fn complete(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let rows = subjects::many(connection, &self.missing())?;
        self.rows.extend(rows.into_iter().map(|row| (row.subject_id, row)));
        Ok(())
    }

    /// Adds the keys of everybody involved, and the rows of those who were merged in.
    fn add_keys(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let mut needed: HashMap<SubjectId, Vec<SubjectId>> = HashMap::new();
        for person in self.people.values_mut() {
            for owner in owners(person) {
                needed.entry(owner).or_default().push(person.subject);
                person.merged.extend(self.rows.get(&owner).filter(|_| owner != person.subject).cloned());
            }
            person.merged.sort_unstable_by_key(|row| row.subject_id);
        }
        let all: Vec<SubjectId> = needed.keys().copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        for key in keys::data_keys(connection, &all)? {
            for person in needed.get(&key.subject).into_iter().flatten() {
                if let Some(person) = self.people.get_mut(person) {
                    person.keys.push(key.clone());
                }
            }
        }
        Ok(())
    }

    /// The people in the order asked. Only who was asked for more than once is copied.
    fn hand_out(mut self, asked: &[Option<SubjectId>]) -> Vec<Option<SubjectRows>> {
        let now: Vec<Option<SubjectId>> =
            asked.iter().map(|id| id.as_ref().and_then(|id| self.now.get(id)).copied()).collect();
        let mut times: HashMap<SubjectId, usize> = HashMap::new();
        for id in now.iter().flatten() {
            *times.entry(*id).or_default() += 1;
        }
        let mut one = |id: SubjectId| match times.get_mut(&id) {
            Some(left @ 2..) => {
                *left -= 1;
                self.people.get(&id).cloned()
            }
            _ => self.people.remove(&id),
        };
        now.into_iter().map(|id| id.and_then(&mut one)).collect()
    }
}

/// Whose keys are needed: the person's own, and those of everybody merged into them.
fn owners(person: &SubjectRows) -> Vec<SubjectId> {
    let records = person.records.iter().map(|record| record.sealed_for);
    let mut owners: Vec<SubjectId> = records.chain(person.ledger.iter().map(|entry| entry.sealed_for)).collect();
    owners.retain(|owner| *owner != person.subject);
    owners.sort_unstable();
    owners.dedup();
    owners.insert(0, person.subject);
    owners
}

/// Whom each of them means, living or not. An identifier finds a person only if it is theirs alone: a value that several
/// people share finds nobody.
fn identified(connection: &mut Connection, who: &[Who]) -> Result<Vec<Option<SubjectId>>, Error> {
    match (connection, who) {
        (connection @ Connection::Sqlite(_), [Who::Identifier(ix)]) => Ok(vec![holder(connection, ix)?]),
        (connection, _) => holders(connection, who),
    }
}

/// Rows of one value that are looked at before the database is asked to tell the people apart itself.
const FEW: i64 = 16;

fn holder(connection: &mut Connection, ix: &[u8; 16]) -> Result<Option<SubjectId>, Error> {
    let of_value = || identifier::ix.eq(ix.to_vec()).and(serves_look_up());
    let few: Vec<Vec<u8>> =
        on!(connection, |c| identifier::table.filter(of_value()).limit(FEW).select(identifier::subject_id).load(c))?;
    if i64::try_from(few.len()).is_ok_and(|found| found < FEW) {
        return one_person(few.iter().map(Vec::as_slice));
    }
    let ids: Vec<Vec<u8>> = on!(connection, |c| identifier::table
        .filter(of_value())
        .select(identifier::subject_id)
        .distinct()
        .limit(2)
        .load(c))?;
    one_person(ids.iter().map(Vec::as_slice))
}

diesel::infix_operator!(BitAnd, " & ", SmallInt);

/// The flag is tested by the database: a shared value may have more rows than anybody wants to load.
fn serves_look_up() -> NotEq<BitAnd<identifier::use_flags, AsExprOf<i16, SmallInt>>, i16> {
    BitAnd::new(identifier::use_flags, IdentifierRow::LOOKUP.into_sql::<SmallInt>()).ne(0)
}

fn one_person<'a>(mut ids: impl Iterator<Item = &'a [u8]>) -> Result<Option<SubjectId>, Error> {
    let Some(first) = ids.next() else { return Ok(None) };
    if ids.any(|id| id != first) { Ok(None) } else { Ok(Some(SubjectId::from_slice(first)?)) }
}

fn holders(connection: &mut Connection, who: &[Who]) -> Result<Vec<Option<SubjectId>>, Error> {
    let indexes: Vec<Vec<u8>> =
        who.iter().filter_map(|who| if let Who::Identifier(ix) = who { Some(ix.to_vec()) } else { None }).collect();
    let mut found: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    if !indexes.is_empty() {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(connection, |c| identifier::table
            .filter(among(identifier::ix, indexes).and(serves_look_up()))
            .select((identifier::ix, identifier::subject_id))
            .distinct()
            .load(c))?;
        for (ix, id) in rows {
            found.entry(ix).or_default().push(id);
        }
    }
    who.iter()
        .map(|who| match who {
            Who::Subject(id) => Ok(Some(*id)),
            Who::Identifier(ix) => one_person(found.get(ix.as_slice()).into_iter().flatten().map(Vec::as_slice)),
        })
        .collect()
}
