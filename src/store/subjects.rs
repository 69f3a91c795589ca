//! People: who lives, who was merged into whom, and the hot read of everything one decision needs.

use std::collections::{BTreeSet, HashMap};

use diesel::dsl::{AsExprOf, NotEq};
use diesel::prelude::*;
use diesel::sql_types::SmallInt;

use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::{IdentifierRow, LedgerRow, RecordRow, SubjectRow, SubjectRows, SubjectState, Who};
use super::schema::{identifier, ledger, record, subject};
use super::{Error, Read, Write, keys};
use crate::types::{Part, SubjectId, Timestamp};

/// Merges are followed at most this far; one step is the rule. Whoever is not found by then, or is merged in a circle,
/// is nobody: one damaged row must not fail the reads that wait beside it.
const STEPS: usize = 64;

/// Adds a living person.
///
/// # Errors
/// If they cannot be written.
pub fn insert(write: &mut Write<'_>, row: &SubjectRow) -> Result<(), Error> {
    on!(write.records(), |c| Fixed(diesel::insert_into(subject::table).values(row.clone())).execute(c))?;
    Ok(())
}

/// The row of one person.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, id: SubjectId) -> Result<Option<SubjectRow>, Error> {
    Ok(on!(connection, |c| subject::table
        .filter(subject::part.eq(id.part()).and(subject::subject_id.eq(id.bytes().to_vec())))
        .select(SubjectRow::as_select())
        .first(c)
        .optional())?)
}

/// The living person that `id` is now, if there is one.
///
/// # Errors
/// If the shelf cannot be read.
pub fn living(connection: &mut Connection, id: SubjectId) -> Result<Option<SubjectRow>, Error> {
    let (mut id, mut seen) = (id, Vec::new());
    while seen.len() < STEPS && !seen.contains(&id) {
        seen.push(id);
        let Some(row) = find(connection, id)? else { return Ok(None) };
        match &row.merged_into {
            Some(into) => id = SubjectId::from_slice(into)?,
            None if row.state == SubjectState::Living as i16 => return Ok(Some(row)),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// The people who were merged into `id`, directly or through others.
///
/// # Errors
/// If the shelf cannot be read.
pub fn merged_into(connection: &mut Connection, id: SubjectId) -> Result<Vec<SubjectId>, Error> {
    let mut seen: BTreeSet<SubjectId> = BTreeSet::new();
    let mut ask = vec![id];
    while let Some(into) = ask.pop() {
        let rows: Vec<Vec<u8>> = on!(connection, |c| subject::table
            .filter(subject::merged_into.eq(into.bytes().to_vec()))
            .select(subject::subject_id)
            .load(c))?;
        for row in rows {
            let from = SubjectId::from_slice(&row)?;
            if from != id && seen.insert(from) {
                ask.push(from);
            }
        }
    }
    Ok(seen.into_iter().collect())
}

/// Keeps every other transaction from locking this person until the running one ends. For PostgreSQL, where several
/// nodes write at once; SQLite has one writer.
///
/// # Errors
/// If the shelf cannot be read.
pub fn lock(write: &mut Write<'_>, id: SubjectId) -> Result<(), Error> {
    if let Connection::Postgres(c) = write.records() {
        subject::table
            .filter(subject::part.eq(id.part()).and(subject::subject_id.eq(id.bytes().to_vec())))
            .select(subject::state)
            .for_update()
            .first::<i16>(c)
            .optional()?;
    }
    Ok(())
}

/// Sets where a person stands.
///
/// # Errors
/// If it cannot be written.
pub fn set_state(write: &mut Write<'_>, id: SubjectId, state: SubjectState) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        subject::table.filter(subject::part.eq(id.part()).and(subject::subject_id.eq(id.bytes().to_vec())))
    )
    .set(subject::state.eq(state as i16))
    .execute(c))?;
    Ok(())
}

/// Marks a person as merged into another.
///
/// # Errors
/// If it cannot be written.
pub fn merge(write: &mut Write<'_>, from: SubjectId, into: SubjectId, at: Timestamp) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        subject::table.filter(subject::part.eq(from.part()).and(subject::subject_id.eq(from.bytes().to_vec())))
    )
    .set((
        subject::state.eq(SubjectState::Merged as i16),
        subject::merged_into.eq(Some(Vec::from(into))),
        subject::merged_at.eq(at.micros()),
    ))
    .execute(c))?;
    Ok(())
}

/// Undoes a merge: the person lives again as before it.
///
/// # Errors
/// If it cannot be written.
pub fn revive(write: &mut Write<'_>, id: SubjectId) -> Result<(), Error> {
    on!(write.records(), |c| diesel::update(
        subject::table.filter(subject::part.eq(id.part()).and(subject::subject_id.eq(id.bytes().to_vec())))
    )
    .set((
        subject::state.eq(SubjectState::Living as i16),
        subject::merged_into.eq(None::<Vec<u8>>),
        subject::merged_at.eq(Timestamp::UNSET.micros()),
    ))
    .execute(c))?;
    Ok(())
}

/// Removes the rows of these people for good.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete(write: &mut Write<'_>, ids: &[SubjectId]) -> Result<(), Error> {
    for id in ids {
        on!(write.records(), |c| diesel::delete(
            subject::table.filter(subject::part.eq(id.part()).and(subject::subject_id.eq(id.bytes().to_vec())))
        )
        .execute(c))?;
    }
    Ok(())
}

/// Up to `limit` living people after `after`, in an order that stays; for walks over everybody.
///
/// # Errors
/// If the shelf cannot be read.
pub fn page(connection: &mut Connection, after: Option<SubjectId>, limit: i64) -> Result<Vec<SubjectId>, Error> {
    walk(connection, SubjectState::Living, after, limit)
}

/// People who were left in the middle of an erasure; it is resumed at start.
///
/// # Errors
/// If the shelf cannot be read.
pub fn erasing(connection: &mut Connection) -> Result<Vec<SubjectId>, Error> {
    let rows: Vec<Vec<u8>> = on!(connection, |c| subject::table
        .filter(subject::state.eq(SubjectState::Erasing as i16).and(subject::merged_into.is_null()))
        .select(subject::subject_id)
        .load(c))?;
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// Nobodies: owners of records that only a law keeps. Up to `limit` of them after `after`.
///
/// # Errors
/// If the shelf cannot be read.
pub fn retained(connection: &mut Connection, after: Option<SubjectId>, limit: i64) -> Result<Vec<SubjectId>, Error> {
    walk(connection, SubjectState::Retained, after, limit)
}

/// In the order of the table's key: by id on SQLite, by partition and id on PostgreSQL.
fn walk(
    connection: &mut Connection,
    state: SubjectState,
    after: Option<SubjectId>,
    limit: i64,
) -> Result<Vec<SubjectId>, Error> {
    let (part, id) = after.map_or((Part::MIN, Vec::new()), |after| (after.part(), Vec::from(after)));
    let rows: Vec<Vec<u8>> = match connection {
        Connection::Sqlite(c) => subject::table
            .filter(subject::subject_id.gt(id).and(subject::state.eq(state as i16)))
            .order(subject::subject_id)
            .limit(limit)
            .select(subject::subject_id)
            .load(c)?,
        Connection::Postgres(c) => subject::table
            // The alternative alone is no range of the index.
            .filter(subject::part.ge(part))
            .filter(subject::part.gt(part).or(subject::part.eq(part).and(subject::subject_id.gt(id))))
            .filter(subject::state.eq(state as i16))
            .order((subject::part, subject::subject_id))
            .limit(limit)
            .select(subject::subject_id)
            .load(c)?,
    };
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// The hot verb: everything of these people, in the order asked.
///
/// SQLite answers one after the other with small cached statements inside one read transaction; PostgreSQL is
/// asked once per table for all of them, which costs a third of the CPU.
pub(super) fn load(read: &mut Read, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    match read.records() {
        Connection::Sqlite(_) => who.iter().map(|who| load_one(read, who)).collect(),
        Connection::Postgres(_) => load_many(read, who),
    }
}

fn load_one(read: &mut Read, who: &Who) -> Result<Option<SubjectRows>, Error> {
    let row = match who {
        Who::Subject(id) => find(read.records(), *id)?,
        Who::Identifier(ix) => holder(read.records(), ix)?,
    };
    let row = match row {
        Some(row) if row.merged_into.is_none() => Some(row).filter(|row| row.state == SubjectState::Living as i16),
        Some(row) => living(read.records(), row.subject_id)?,
        None => None,
    };
    let Some(row) = row else { return Ok(None) };
    let id = row.subject_id;
    let bytes = id.bytes().to_vec();
    let records: Vec<RecordRow> = on!(read.records(), |c| record::table
        .filter(record::subject_id.eq(&bytes))
        .order(record::record_no)
        .select(RecordRow::as_select())
        .load(c))?;
    let entries: Vec<LedgerRow> = on!(read.records(), |c| ledger::table
        .filter(ledger::part.eq(id.part()).and(ledger::subject_id.eq(&bytes)))
        .order(ledger::entry_no)
        .select(LedgerRow::as_select())
        .load(c))?;
    let owners = owners(id, &records, &entries);
    let mut merged = Vec::new();
    for owner in owners.iter().filter(|owner| **owner != id) {
        merged.extend(find(read.records(), *owner)?);
    }
    let keys = keys::data_keys(read.keys(), &owners)?;
    Ok(Some(SubjectRows { subject: id, created_at: row.created_at, records, ledger: entries, keys, merged }))
}

/// Rows of one value that are looked at before the database is asked to tell the people apart itself.
const FEW: i64 = 16;

/// An identifier finds a person only if it is theirs alone: a value that several people share finds nobody. Value and
/// person come with one statement, and mostly with one row.
fn holder(connection: &mut Connection, ix: &[u8; 16]) -> Result<Option<SubjectRow>, Error> {
    let rows: Vec<SubjectRow> = on!(connection, |c| identifier::table
        .inner_join(subject::table.on(subject::subject_id.eq(identifier::subject_id)))
        .filter(identifier::ix.eq(ix.to_vec()).and(serves_look_up()))
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
        .filter(identifier::ix.eq(ix.to_vec()).and(serves_look_up()))
        .select(identifier::subject_id)
        .distinct()
        .limit(2)
        .load(c))?;
    Ok(one_person(ids.iter().map(Vec::as_slice))?.and(Some(first.clone())))
}

/// Whose keys are needed: the person's own and those of everybody merged into them.
fn owners(id: SubjectId, records: &[RecordRow], entries: &[LedgerRow]) -> Vec<SubjectId> {
    let mut owners = vec![id];
    owners.extend(records.iter().map(|record| record.sealed_for));
    owners.extend(entries.iter().map(|entry| entry.sealed_for));
    owners.sort_unstable();
    owners.dedup();
    owners
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

fn load_many(read: &mut Read, who: &[Who]) -> Result<Vec<Option<SubjectRows>>, Error> {
    let Connection::Postgres(c) = read.records() else { return Err(Error::Unreadable("connection")) };
    let indexes: Vec<Vec<u8>> =
        who.iter().filter_map(|who| if let Who::Identifier(ix) = who { Some(ix.to_vec()) } else { None }).collect();
    let mut found: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    if !indexes.is_empty() {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = identifier::table
            .filter(identifier::ix.eq_any(indexes).and(serves_look_up()))
            .select((identifier::ix, identifier::subject_id))
            .distinct()
            .load(c)?;
        for (ix, id) in rows {
            found.entry(ix).or_default().push(id);
        }
    }
    let asked: Vec<Option<SubjectId>> = who
        .iter()
        .map(|who| match who {
            Who::Subject(id) => Ok(Some(*id)),
            Who::Identifier(ix) => one_person(found.get(ix.as_slice()).into_iter().flatten().map(Vec::as_slice)),
        })
        .collect::<Result<_, Error>>()?;
    let people = living_many(c, &asked)?;
    let ids: Vec<Vec<u8>> = people.values().map(|row| row.subject_id.bytes().to_vec()).collect();
    let parts: Vec<Part> = people.values().map(|row| row.part).collect();
    let rows: Vec<RecordRow> = record::table
        .filter(record::part.eq_any(&parts).and(record::subject_id.eq_any(&ids)))
        .order(record::record_no)
        .select(RecordRow::as_select())
        .load(c)?;
    let entries: Vec<LedgerRow> = ledger::table
        .filter(ledger::part.eq_any(&parts).and(ledger::subject_id.eq_any(&ids)))
        .order(ledger::entry_no)
        .select(LedgerRow::as_select())
        .load(c)?;
    let mut all: HashMap<SubjectId, SubjectRows> = people
        .values()
        .map(|row| {
            let id = row.subject_id;
            (id, SubjectRows::empty(id, row.created_at))
        })
        .collect();
    for row in rows {
        if let Some(person) = all.get_mut(&row.subject_id) {
            person.records.push(row);
        }
    }
    for entry in entries {
        if let Some(person) = all.get_mut(&entry.subject_id) {
            person.ledger.push(entry);
        }
    }
    load_keys(read, &mut all)?;
    Ok(asked
        .into_iter()
        .map(|id| id.and_then(|id| people.get(&id)).and_then(|row| all.get(&row.subject_id)).cloned())
        .collect())
}

/// Keys of everybody involved, and the rows of those who were merged in.
fn load_keys(read: &mut Read, all: &mut HashMap<SubjectId, SubjectRows>) -> Result<(), Error> {
    let mut needed: HashMap<SubjectId, Vec<SubjectId>> = HashMap::new();
    for person in all.values() {
        for owner in owners(person.subject, &person.records, &person.ledger) {
            needed.entry(owner).or_default().push(person.subject);
        }
    }
    let owners: Vec<SubjectId> = needed.keys().copied().collect();
    if owners.is_empty() {
        return Ok(());
    }
    let others: Vec<SubjectId> = owners.iter().filter(|owner| !all.contains_key(owner)).copied().collect();
    for row in many(read.records(), &others)? {
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

fn many(connection: &mut Connection, ids: &[SubjectId]) -> Result<Vec<SubjectRow>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<Part> = ids.iter().map(SubjectId::part).collect();
    let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.bytes().to_vec()).collect();
    Ok(on!(connection, |c| subject::table
        .filter(subject::part.eq_any(parts).and(subject::subject_id.eq_any(ids)))
        .order(subject::subject_id)
        .select(SubjectRow::as_select())
        .load(c))?)
}

/// For each asked id the living person it is now.
fn living_many(c: &mut PgConnection, asked: &[Option<SubjectId>]) -> Result<HashMap<SubjectId, SubjectRow>, Error> {
    let mut now: HashMap<SubjectId, SubjectRow> = HashMap::new();
    let mut follow: Vec<(SubjectId, SubjectId)> = asked.iter().flatten().map(|id| (*id, *id)).collect();
    for _ in 0..STEPS {
        if follow.is_empty() {
            break;
        }
        let parts: Vec<Part> = follow.iter().map(|(_, at)| at.part()).collect();
        let ids: Vec<Vec<u8>> = follow.iter().map(|(_, at)| at.bytes().to_vec()).collect();
        let rows: Vec<SubjectRow> = subject::table
            .filter(subject::part.eq_any(parts).and(subject::subject_id.eq_any(ids)))
            .select(SubjectRow::as_select())
            .load(c)?;
        let rows: HashMap<SubjectId, SubjectRow> = rows.into_iter().map(|row| (row.subject_id, row)).collect();
        let mut next = Vec::new();
        for (from, at) in follow {
            let Some(row) = rows.get(&at) else { continue };
            match &row.merged_into {
                Some(into) => next.push((from, SubjectId::from_slice(into)?)),
                None if row.state == SubjectState::Living as i16 => {
                    now.insert(from, row.clone());
                }
                None => {}
            }
        }
        follow = next;
    }
    Ok(now)
}
