//! People: who lives, and who was merged into whom.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use super::among::{among, people};
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::{SubjectRow, SubjectState};
use super::schema::subject;
use super::{Error, Write};
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

/// The rows of these people, merged or not.
///
/// # Errors
/// If the shelf cannot be read.
pub fn many(connection: &mut Connection, ids: &[SubjectId]) -> Result<Vec<SubjectRow>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on!(connection, |c| subject::table
        .filter(people(subject::part, subject::subject_id, ids))
        .select(SubjectRow::as_select())
        .load(c))?)
}

/// For each of `ids` the living person it is now. Who is nobody any more is left out.
///
/// # Errors
/// If the shelf cannot be read.
pub fn living_many(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = SubjectId>,
) -> Result<HashMap<SubjectId, SubjectRow>, Error> {
    let mut now: HashMap<SubjectId, SubjectRow> = HashMap::new();
    let mut follow: Vec<(SubjectId, SubjectId)> = ids.into_iter().map(|id| (id, id)).collect();
    for _ in 0..STEPS {
        if follow.is_empty() {
            break;
        }
        let mut at: Vec<SubjectId> = follow.iter().map(|(_, at)| *at).collect();
        at.sort_unstable();
        at.dedup();
        let rows = many(connection, &at)?;
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

/// Those of these people that others were merged into.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_parts(connection: &mut Connection, ids: &[SubjectId]) -> Result<Vec<SubjectId>, Error> {
    let mut all = Vec::new();
    for some in ids.chunks(500) {
        let some: Vec<Vec<u8>> = some.iter().map(|id| id.bytes().to_vec()).collect();
        let rows: Vec<Option<Vec<u8>>> = on!(connection, |c| subject::table
            .filter(subject::merged_into.is_not_null().and(among(subject::merged_into, some)))
            .select(subject::merged_into)
            .load(c))?;
        for row in rows.into_iter().flatten() {
            all.push(SubjectId::from_slice(&row)?);
        }
    }
    Ok(all)
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

/// Everybody whom `id` is: those who were merged into them, and last they themselves.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_merged(connection: &mut Connection, id: SubjectId) -> Result<Vec<SubjectId>, Error> {
    let mut all = merged_into(connection, id)?;
    all.push(id);
    Ok(all)
}

/// The rows of those who were merged into `id` directly.
///
/// # Errors
/// If the shelf cannot be read.
pub fn directly_into(connection: &mut Connection, id: SubjectId) -> Result<Vec<SubjectRow>, Error> {
    Ok(on!(connection, |c| subject::table
        .filter(subject::merged_into.eq(id.bytes().to_vec()))
        .order(subject::subject_id)
        .select(SubjectRow::as_select())
        .load(c))?)
}

/// Keeps every other transaction from locking these people until the running one ends. For PostgreSQL, where several
/// nodes write at once; SQLite has one writer.
///
/// # Errors
/// If the shelf cannot be read.
pub fn lock(write: &mut Write<'_>, ids: &[SubjectId]) -> Result<(), Error> {
    if let Connection::Postgres(c) = write.records()
        && !ids.is_empty()
    {
        // All take them in one order, so that two nodes never wait for each other.
        subject::table
            .filter(people(subject::part, subject::subject_id, ids))
            .order((subject::part, subject::subject_id))
            .select(subject::state)
            .for_update()
            .load::<i16>(c)?;
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
