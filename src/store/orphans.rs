//! Data keys without a person. Keys commit before records, so a crash in between can leave one.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::among::people;
use super::connection::{Connection, on};
use super::schema::{data_key, subject};
use super::{Error, Read, Write};
use crate::types::{Part, SubjectId, Timestamp};

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Owners of data keys.
    pub owners: usize,
    /// Those of them that are no person, and whose newest key was made before the given moment.
    pub orphans: usize,
}

/// Owners looked at in one step.
const PAGE: i64 = 1_000;

/// Counts the owners of data keys, and those of them who are nobody and whose keys were all made before `before`.
///
/// # Errors
/// If the shelves cannot be read.
pub fn count(read: &mut Read, before: Timestamp) -> Result<Counted, Error> {
    let (mut after, mut counted) = (None, Counted::default());
    loop {
        let owners = owners(read.keys(), after)?;
        let Some((last, _)) = owners.last().copied() else { return Ok(counted) };
        let ids: Vec<SubjectId> = owners.iter().map(|(id, _)| *id).collect();
        let known = known(read.records(), &ids)?;
        counted.owners += owners.len();
        counted.orphans += owners.iter().filter(|(id, made)| *made < before && !known.contains(id)).count();
        after = Some(last);
    }
}

/// Deletes the keys of orphans after `after`, in one step: how many keys, and where to go on; none at the end. Who
/// became a person meanwhile is seen, because keys and people are read inside the running transactions.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete(
    write: &mut Write<'_>,
    after: Option<SubjectId>,
    before: Timestamp,
) -> Result<(usize, Option<SubjectId>), Error> {
    let owners = owners(write.keys()?, after)?;
    let ids: Vec<SubjectId> = owners.iter().map(|(id, _)| *id).collect();
    let known = known(write.records(), &ids)?;
    let orphans: Vec<SubjectId> =
        owners.iter().filter(|(id, made)| *made < before && !known.contains(id)).map(|(id, _)| *id).collect();
    let deleted = super::keys::delete_data_keys(write, &orphans)?;
    Ok((deleted, ids.last().copied()))
}

/// Owners, each with the time of its newest key, in the order of the table's key: by id on SQLite, by partition and id
/// on PostgreSQL.
fn owners(connection: &mut Connection, after: Option<SubjectId>) -> Result<Vec<(SubjectId, Timestamp)>, Error> {
    let (part, id) = after.map_or((Part::MIN, Vec::new()), |after| (after.part(), Vec::from(after)));
    let rows: Vec<(Vec<u8>, Option<i64>)> = match connection {
        Connection::Sqlite(c) => data_key::table
            .filter(data_key::subject_id.gt(id))
            .group_by(data_key::subject_id)
            .order(data_key::subject_id)
            .limit(PAGE)
            .select((data_key::subject_id, diesel::dsl::max(data_key::created_at)))
            .load(c)?,
        Connection::Postgres(c) => data_key::table
            // The alternative alone is no range of the index.
            .filter(data_key::part.ge(part))
            .filter(data_key::part.gt(part).or(data_key::part.eq(part).and(data_key::subject_id.gt(id))))
            .group_by((data_key::part, data_key::subject_id))
            .order((data_key::part, data_key::subject_id))
            .limit(PAGE)
            .select((data_key::subject_id, diesel::dsl::max(data_key::created_at)))
            .load(c)?,
    };
    rows.into_iter()
        .map(|(id, made)| Ok((SubjectId::from_slice(&id)?, made.map_or(Timestamp::NEVER, Timestamp::from_micros))))
        .collect()
}

fn known(connection: &mut Connection, ids: &[SubjectId]) -> Result<BTreeSet<SubjectId>, Error> {
    let mut known = BTreeSet::new();
    for ids in ids.chunks(500) {
        let rows: Vec<Vec<u8>> = on!(connection, |c| subject::table
            .filter(people(subject::part, subject::subject_id, ids))
            .select(subject::subject_id)
            .load(c))?;
        for row in rows {
            known.insert(SubjectId::from_slice(&row)?);
        }
    }
    Ok(known)
}
