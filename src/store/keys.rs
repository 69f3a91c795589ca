//! The key shelf: KEK epochs, hub secrets and wrapped data keys.
//!
//! Keys are committed before records. A job that runs again because its records could not be committed meets the
//! key it made; therefore to add exactly what is there already is no error.

use diesel::prelude::*;

use super::among::people;
use super::columns::DataKeys;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rewrapped::Rewrapped;
use super::rows::{DataKeyRow, HubSecretRow, KekRow};
use super::schema::{data_key, hub_secret, kek};
use super::{Error, Read, Write};
use crate::types::{Part, SubjectId, Timestamp};

type KekColumns = (i32, Vec<u8>, i64, i64);

fn kek_row((epoch, wrapped, created_at, destroyed_at): KekColumns) -> KekRow {
    let destroyed_at = Timestamp::from_micros(destroyed_at);
    KekRow {
        epoch,
        wrapped,
        created_at: created_at.into(),
        destroyed_at: destroyed_at.is_set().then_some(destroyed_at),
    }
}

/// All KEK epochs, oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn keks(read: &mut Read) -> Result<Vec<KekRow>, Error> {
    let rows: Vec<KekColumns> = on!(read.keys(), |c| kek::table.order(kek::epoch).load(c))?;
    Ok(rows.into_iter().map(kek_row).collect())
}

/// The newest epoch that still lives, as seen by the running transaction.
///
/// # Errors
/// If the shelf cannot be read.
pub fn newest_epoch(write: &mut Write<'_>) -> Result<Option<i32>, Error> {
    Ok(on!(write.keys()?, |c| kek::table
        .filter(kek::destroyed_at.eq(0))
        .select(diesel::dsl::max(kek::epoch))
        .first(c))?)
}

/// The epochs that still live, as seen by the running transaction.
///
/// # Errors
/// If the shelf cannot be read.
pub fn living_keks(write: &mut Write<'_>) -> Result<Vec<KekRow>, Error> {
    let rows: Vec<KekColumns> =
        on!(write.keys()?, |c| kek::table.filter(kek::destroyed_at.eq(0)).order(kek::epoch).load(c))?;
    Ok(rows.into_iter().map(kek_row).collect())
}

/// Adds an epoch.
///
/// # Errors
/// [`Error::Taken`] if there is another one in its place; or if it cannot be written.
pub fn insert_kek(write: &mut Write<'_>, row: &KekRow) -> Result<(), Error> {
    let values = (
        kek::epoch.eq(row.epoch),
        kek::wrapped.eq(row.wrapped.clone()),
        kek::created_at.eq(row.created_at.micros()),
        kek::destroyed_at.eq(0),
    );
    let added =
        on!(write.keys()?, |c| diesel::insert_into(kek::table).values(values).on_conflict_do_nothing().execute(c))?;
    if added == 1 {
        return Ok(());
    }
    let stored: KekColumns = on!(write.keys()?, |c| kek::table.filter(kek::epoch.eq(row.epoch)).first(c))?;
    if kek_row(stored) == *row { Ok(()) } else { Err(Error::Taken) }
}

/// Destroys an epoch: overwrites the wrapped key. Refused (false) while a data key is still wrapped by it.
///
/// # Errors
/// If it cannot be written.
pub fn destroy_kek(write: &mut Write<'_>, epoch: i32, now: Timestamp) -> Result<bool, Error> {
    if count_at(write, epoch)? > 0 {
        return Ok(false);
    }
    let changed = on!(write.keys()?, |c| diesel::update(kek::table.filter(kek::epoch.eq(epoch)))
        .set((kek::wrapped.eq(Vec::<u8>::new()), kek::destroyed_at.eq(now.micros())))
        .execute(c))?;
    Ok(changed == 1)
}

/// Writes the table of the epochs anew, so that the bytes of a destroyed one are in no dead row of it. On PostgreSQL
/// only, outside of any transaction, and quick, since there are few; SQLite overwrites what is deleted.
///
/// # Errors
/// If somebody holds the table, or it cannot be written.
pub fn rewrite_keks(connection: &mut Connection) -> Result<(), Error> {
    match connection {
        Connection::Sqlite(_) => Ok(()),
        Connection::Postgres(_) => connection.execute("VACUUM FULL kek"),
    }
}

/// How many data keys an epoch still wraps.
///
/// # Errors
/// If the shelf cannot be read.
pub fn count_at(write: &mut Write<'_>, epoch: i32) -> Result<i64, Error> {
    Ok(on!(write.keys()?, |c| data_key::table.filter(data_key::epoch.eq(epoch)).count().get_result(c))?)
}

/// All hub secrets.
///
/// # Errors
/// If the shelf cannot be read.
pub fn hub_secrets(read: &mut Read) -> Result<Vec<HubSecretRow>, Error> {
    Ok(on!(read.keys(), |c| hub_secret::table.select(HubSecretRow::as_select()).load(c))?)
}

/// Adds a hub secret.
///
/// # Errors
/// [`Error::Taken`] if there is another one in its place; or if it cannot be written.
pub fn insert_hub_secret(write: &mut Write<'_>, row: &HubSecretRow) -> Result<(), Error> {
    let added = on!(write.keys()?, |c| diesel::insert_into(hub_secret::table)
        .values(row.clone())
        .on_conflict_do_nothing()
        .execute(c))?;
    if added == 1 {
        return Ok(());
    }
    let stored: HubSecretRow = on!(write.keys()?, |c| hub_secret::table
        .filter(hub_secret::name.eq(&row.name))
        .select(HubSecretRow::as_select())
        .first(c))?;
    if stored == *row { Ok(()) } else { Err(Error::Taken) }
}

/// The data keys of these people, in order of subject and number.
///
/// # Errors
/// If the shelf cannot be read.
pub fn data_keys(connection: &mut Connection, subjects: &[SubjectId]) -> Result<Vec<DataKeyRow>, Error> {
    if let [subject] = subjects {
        // The common case without a list, so that the statement stays cached on both databases.
        return Ok(on!(connection, |c| data_key::table
            .filter(data_key::part.eq(subject.part()).and(data_key::subject_id.eq(subject.bytes().to_vec())))
            .order(data_key::key_no)
            .select(DataKeyRow::as_select())
            .load(c))?);
    }
    Ok(on!(connection, |c| data_key::table
        .filter(people(data_key::part, data_key::subject_id, subjects))
        .order((data_key::subject_id, data_key::key_no))
        .select(DataKeyRow::as_select())
        .load(c))?)
}

/// Adds a data key.
///
/// # Errors
/// [`Error::Taken`] if there is another one in its place; or if it cannot be written.
pub fn insert_data_key(write: &mut Write<'_>, row: &DataKeyRow) -> Result<(), Error> {
    let added = on!(write.keys()?, |c| Fixed(
        diesel::insert_into(data_key::table).values(row.clone()).on_conflict_do_nothing()
    )
    .execute(c))?;
    if added == 1 {
        return Ok(());
    }
    let stored = data_keys(write.keys()?, &[row.subject])?;
    if stored.contains(row) { Ok(()) } else { Err(Error::Taken) }
}

/// Adds data keys.
///
/// # Errors
/// As [`insert_data_key`].
pub fn insert_data_keys(write: &mut Write<'_>, rows: &[DataKeyRow]) -> Result<(), Error> {
    if let Connection::Postgres(c) = write.keys()?
        && DataKeys::from_iter(rows.iter().cloned()).execute(c)? == rows.len()
    {
        return Ok(());
    }
    // One by one, each is compared with what is in its place.
    rows.iter().try_for_each(|row| insert_data_key(write, row))
}

/// Up to `limit` data keys that `epoch` wraps.
///
/// # Errors
/// If the shelf cannot be read.
pub fn wrapped_by(write: &mut Write<'_>, epoch: i32, limit: i64) -> Result<Vec<DataKeyRow>, Error> {
    Ok(on!(write.keys()?, |c| data_key::table
        .filter(data_key::epoch.eq(epoch))
        .limit(limit)
        .select(DataKeyRow::as_select())
        .load(c))?)
}

/// Replaces the wrapping and the salts of the data key `old` by those of `new`, if it still is as `old` says. False if
/// it was changed or deleted meanwhile: a re-wrap in the background must never bring an erased category or person back.
/// The commitment never changes.
///
/// # Errors
/// If it cannot be written.
pub fn update_data_key(write: &mut Write<'_>, old: &DataKeyRow, new: &DataKeyRow) -> Result<bool, Error> {
    let changed = on!(write.keys()?, |c| diesel::update(
        data_key::table
            .filter(
                data_key::part
                    .eq(old.part)
                    .and(data_key::subject_id.eq(old.subject.bytes().to_vec()))
                    .and(data_key::key_no.eq(old.key_no))
            )
            .filter(
                data_key::epoch
                    .eq(old.epoch)
                    .and(data_key::wrapped.eq(old.wrapped.clone()))
                    .and(data_key::salts.eq(old.salts.clone()))
            )
    )
    .set((
        data_key::epoch.eq(new.epoch),
        data_key::wrapped.eq(new.wrapped.clone()),
        data_key::salts.eq(new.salts.clone()),
    ))
    .execute(c))?;
    Ok(changed == 1)
}

/// As [`update_data_key`] for many; says how many were replaced.
///
/// # Errors
/// If they cannot be written.
pub fn update_data_keys(write: &mut Write<'_>, rows: &[(DataKeyRow, DataKeyRow)]) -> Result<usize, Error> {
    if let Connection::Postgres(c) = write.keys()? {
        return Ok(Rewrapped::of(rows).execute(c)?);
    }
    rows.iter().try_fold(0, |changed, (old, new)| Ok(changed + usize::from(update_data_key(write, old, new)?)))
}

/// Owners of a data key made before `before`, up to `limit` of them after `after`, in an order that stays.
///
/// # Errors
/// If the shelf cannot be read.
pub fn owners_before(
    read: &mut Read,
    before: Timestamp,
    after: Option<SubjectId>,
    limit: i64,
) -> Result<Vec<SubjectId>, Error> {
    let (part, id) = after.map_or((Part::MIN, Vec::new()), |after| (after.part(), Vec::from(after)));
    let rows: Vec<Vec<u8>> = match read.keys() {
        Connection::Sqlite(c) => data_key::table
            .filter(data_key::created_at.lt(before.micros()).and(data_key::subject_id.gt(id)))
            .group_by(data_key::subject_id)
            .order(data_key::subject_id)
            .limit(limit)
            .select(data_key::subject_id)
            .load(c)?,
        Connection::Postgres(c) => data_key::table
            // The alternative alone is no range of the index.
            .filter(data_key::part.ge(part))
            .filter(data_key::part.gt(part).or(data_key::part.eq(part).and(data_key::subject_id.gt(id))))
            .filter(data_key::created_at.lt(before.micros()))
            .group_by((data_key::part, data_key::subject_id))
            .order((data_key::part, data_key::subject_id))
            .limit(limit)
            .select(data_key::subject_id)
            .load(c)?,
    };
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// The data keys of these people as they are now, held so that no other transaction changes them until the running one
/// ends.
/// For PostgreSQL, where the running snapshot may be older than a change: then this is a conflict and the job runs again.
/// SQLite has one writer.
///
/// # Errors
/// If the shelf cannot be read.
pub fn hold_data_keys(write: &mut Write<'_>, subjects: &[SubjectId]) -> Result<Vec<DataKeyRow>, Error> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    match write.keys()? {
        Connection::Postgres(c) => Ok(data_key::table
            .filter(people(data_key::part, data_key::subject_id, subjects))
            .order((data_key::part, data_key::subject_id, data_key::key_no))
            .select(DataKeyRow::as_select())
            .for_share()
            .load(c)?),
        sqlite @ Connection::Sqlite(_) => data_keys(sqlite, subjects),
    }
}

/// Deletes all data keys of these people and says how many there were.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_data_keys(write: &mut Write<'_>, subjects: &[SubjectId]) -> Result<usize, Error> {
    let mut deleted = 0;
    for subject in subjects {
        deleted += on!(write.keys()?, |c| diesel::delete(
            data_key::table
                .filter(data_key::part.eq(subject.part()).and(data_key::subject_id.eq(subject.bytes().to_vec())))
        )
        .execute(c))?;
    }
    Ok(deleted)
}
