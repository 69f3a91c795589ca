//! The hot read: everything one decision needs to know of a person, or of many at once.
//!
//! One person on SQLite is read with small statements, each a few microseconds. Many are asked for table by table, on
//! both databases: that costs a third. Everything is read inside the snapshot that the caller began, but for the keys:
//! what was shredded meanwhile must not be found any more.

use std::collections::HashMap;

use diesel::prelude::*;

use super::among::{among, people};
use super::connection::{Connection, on};
use super::identifiers::has_flag;
use super::rows::{IdentifierRow, LedgerRow, RecordRow, SubjectRow, SubjectRows, SubjectState, Who};
use super::schema::{identifier, ledger, record, subject};
use super::{Error, Read, keys, subjects};
use crate::types::{SubjectId, Timestamp};

/// Somebody who never is: where nobody is found, as many statements are run as for somebody of whom nothing may be read, so
/// that their time, which is the database's and not the hub's, tells neither.
const NOBODY: SubjectId = SubjectId::from_uuid(uuid::Uuid::nil());

/// Everything of these people, in the order asked. A value that several people share finds nobody.
///
/// # Errors
/// If a shelf cannot be read.
pub(super) fn load(read: &mut Read, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    match (read.records(), who) {
        (Connection::Sqlite(_), [one]) => Ok(vec![load_one(read, one)?]),
        _ => load_many(read, who),
    }
}

fn load_one(read: &mut Read, who: &Who) -> Result<Option<SubjectRows>, Error> {
    let row = match who {
        Who::Subject(id) => subjects::find(read.records(), *id)?,
        Who::Identifier(ix) => holder(read.records(), ix)?,
    };
    let row = match row {
        Some(row) if row.merged_into.is_none() => Some(row).filter(|row| row.state == SubjectState::Living as i16),
        Some(row) => subjects::living(read.records(), row.subject_id)?,
        None => None,
    };
    let found = row.is_some();
    let (id, created_at) = row.map_or((NOBODY, Timestamp::UNSET), |row| (row.subject_id, row.created_at));
    let bytes = id.bytes().to_vec();
    let mut person = SubjectRows::empty(id, created_at);
    person.records = on!(read.records(), |c| record::table
        .filter(record::subject_id.eq(&bytes))
        .order(record::record_no)
        .select(RecordRow::as_select())
        .load(c))?;
    person.ledger = on!(read.records(), |c| ledger::table
        .filter(ledger::part.eq(id.part()).and(ledger::subject_id.eq(&bytes)))
        .order(ledger::entry_no)
        .select(LedgerRow::as_select())
        .load(c))?;
    let owners = owners(&person);
    for owner in owners.iter().filter(|owner| **owner != id) {
        person.merged.extend(subjects::find(read.records(), *owner)?);
    }
    person.keys = keys::data_keys(read.keys(), &owners)?;
    Ok(found.then_some(person))
}

/// Rows of one value that are looked at before the database is asked to tell the people apart itself.
const FEW: i64 = 16;

/// An identifier finds a person only if it is theirs alone: a value that several people share finds nobody. Value and
/// person come with one statement, and mostly with one row.
fn holder(connection: &mut Connection, ix: &[u8; 16]) -> Result<Option<SubjectRow>, Error> {
    let rows: Vec<SubjectRow> = on!(connection, |c| identifier::table
        .inner_join(subject::table.on(subject::subject_id.eq(identifier::subject_id)))
        .filter(identifier::ix.eq(ix.to_vec()).and(has_flag(IdentifierRow::LOOKUP)))
        .limit(FEW)
        .select(SubjectRow::as_select())
        .load(c))?;
    let Some(first) = rows.first() else { return Ok(None) };
    if rows.iter().any(|row| row.subject_id != first.subject_id) {
        return Ok(None);
    }
    if i64::try_from(rows.len()).is_ok_and(|found| found < FEW) {
        return Ok(Some(first.clone()));
    }
    let ids: Vec<Vec<u8>> = on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()).and(has_flag(IdentifierRow::LOOKUP)))
        .select(identifier::subject_id)
        .distinct()
        .limit(2)
        .load(c))?;
    Ok(one_person(ids.iter().map(Vec::as_slice))?.and(Some(first.clone())))
}

/// Whose keys are needed: the person's own and those of everybody merged into them.
fn owners(person: &SubjectRows) -> Vec<SubjectId> {
    let mut owners = vec![person.subject];
    owners.extend(person.records.iter().map(|record| record.sealed_for));
    owners.extend(person.ledger.iter().map(|entry| entry.sealed_for));
    owners.sort_unstable();
    owners.dedup();
    owners
}

fn one_person<'a>(mut ids: impl Iterator<Item = &'a [u8]>) -> Result<Option<SubjectId>, Error> {
    let Some(first) = ids.next() else { return Ok(None) };
    if ids.any(|id| id != first) { Ok(None) } else { Ok(Some(SubjectId::from_slice(first)?)) }
}

fn load_many(read: &mut Read, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    let asked = identified(read.records(), who)?;
    let living = subjects::living_many(read.records(), asked.iter().map(|id| id.unwrap_or(NOBODY)))?;
    let mut all: HashMap<SubjectId, SubjectRows> =
        living.values().map(|row| (row.subject_id, SubjectRows::empty(row.subject_id, row.created_at))).collect();
    if all.is_empty() {
        all.insert(NOBODY, SubjectRows::empty(NOBODY, Timestamp::UNSET));
    }
    load_rows(read.records(), &mut all)?;
    load_keys(read, &mut all)?;
    let now: Vec<Option<SubjectId>> =
        asked.into_iter().map(|id| id.and_then(|id| living.get(&id)).map(|row| row.subject_id)).collect();
    let mut times: HashMap<SubjectId, usize> = HashMap::new();
    for id in now.iter().flatten() {
        *times.entry(*id).or_default() += 1;
    }
    // Only who is asked for more than once is copied.
    let mut hand_out = |id: SubjectId| match times.get_mut(&id) {
        Some(left @ 2..) => {
            *left -= 1;
            all.get(&id).cloned()
        }
        _ => all.remove(&id),
    };
    Ok(now.into_iter().map(|id| id.and_then(&mut hand_out)).collect())
}

/// Whom each of them means, living or not.
fn identified(connection: &mut Connection, who: &[Who]) -> Result<Vec<Option<SubjectId>>, Error> {
    let indexes: Vec<Vec<u8>> =
        who.iter().filter_map(|who| if let Who::Identifier(ix) = who { Some(ix.to_vec()) } else { None }).collect();
    let mut found: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    if !indexes.is_empty() {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(connection, |c| identifier::table
            .filter(among(identifier::ix, indexes).and(has_flag(IdentifierRow::LOOKUP)))
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

/// Their records and what they said.
fn load_rows(connection: &mut Connection, all: &mut HashMap<SubjectId, SubjectRows>) -> Result<(), Error> {
    let ids: Vec<SubjectId> = all.keys().copied().collect();
    let records: Vec<RecordRow> = on!(connection, |c| record::table
        .filter(people(record::part, record::subject_id, &ids))
        .select(RecordRow::as_select())
        .load(c))?;
    let entries: Vec<LedgerRow> = on!(connection, |c| ledger::table
        .filter(people(ledger::part, ledger::subject_id, &ids))
        .select(LedgerRow::as_select())
        .load(c))?;
    for row in records {
        if let Some(person) = all.get_mut(&row.subject_id) {
            person.records.push(row);
        }
    }
    for entry in entries {
        if let Some(person) = all.get_mut(&entry.subject_id) {
            person.ledger.push(entry);
        }
    }
    // Sorted here, a few rows a person: the database would carry all ciphertexts through one large sort.
    for person in all.values_mut() {
        person.records.sort_unstable_by_key(|row| row.record_no);
        person.ledger.sort_unstable_by_key(|entry| entry.entry_no);
    }
    Ok(())
}

/// Keys of everybody involved, and the rows of those who were merged in.
fn load_keys(read: &mut Read, all: &mut HashMap<SubjectId, SubjectRows>) -> Result<(), Error> {
    let mut needed: HashMap<SubjectId, Vec<SubjectId>> = HashMap::new();
    for person in all.values() {
        for owner in owners(person) {
            needed.entry(owner).or_default().push(person.subject);
        }
    }
    let owners: Vec<SubjectId> = needed.keys().copied().collect();
    let mut others: Vec<SubjectId> = owners.iter().filter(|owner| !all.contains_key(owner)).copied().collect();
    others.sort_unstable();
    let mut others = subjects::many(read.records(), &others)?;
    others.sort_unstable_by_key(|row| row.subject_id);
    for row in others {
        for person in needed.get(&row.subject_id).into_iter().flatten() {
            if let Some(person) = all.get_mut(person) {
                person.merged.push(row.clone());
            }
        }
    }
    for key in keys::data_keys(read.keys(), &owners)? {
        for person in needed.get(&key.subject).into_iter().flatten() {
            if let Some(person) = all.get_mut(person) {
                person.keys.push(key.clone());
            }
        }
    }
    Ok(())
}
