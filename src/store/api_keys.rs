//! API keys: only a hash of the secret is stored.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::fixed::DataVersion;
use super::schema::api_key;
use super::{Error, Write};
use crate::types::{ApiKeyId, SourceNo, Timestamp};

/// Keys one connection remembers at most.
const REMEMBERED: usize = 1_000;

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_key)]
pub struct ApiKeyRow {
    /// Its public half.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub key_id: ApiKeyId,
    /// What the merchant calls it.
    pub title: String,
    /// SHA-256 of the secret half.
    pub secret_hash: Vec<u8>,
    /// A [`crate::types::Role`] number.
    pub role: i16,
    /// JSON list of the purposes it may read under; empty: those of its role.
    pub purposes: String,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
    /// When it ends; unset: never.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub expires_at: Timestamp,
    /// When it was revoked; unset: it was not.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub revoked_at: Timestamp,
    /// The source it collects for; 0: none.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
}

/// One key by its public half.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, id: ApiKeyId) -> Result<Option<ApiKeyRow>, Error> {
    Ok(on!(connection, |c| api_key::table
        .filter(api_key::key_id.eq(Vec::from(id)))
        .select(ApiKeyRow::as_select())
        .first(c)
        .optional())?)
}

/// Keys a connection that only reads found, for as long as nobody committed anything.
#[derive(Default)]
pub(super) struct Remembered {
    version: i32,
    keys: HashMap<ApiKeyId, Arc<ApiKeyRow>>,
}

impl Remembered {
    /// As [`find`]. Every commit of another connection is seen: a revocation counts at once.
    pub(super) fn find(&mut self, connection: &mut Connection, id: ApiKeyId) -> Result<Option<Arc<ApiKeyRow>>, Error> {
        if let Connection::Sqlite(sqlite) = connection {
            let version = DataVersion.get_result(sqlite)?;
            if version != self.version || self.keys.len() >= REMEMBERED {
                *self = Self { version, keys: HashMap::new() };
            }
            if let Some(row) = self.keys.get(&id) {
                return Ok(Some(Arc::clone(row)));
            }
        }
        let Some(row) = find(connection, id)?.map(Arc::new) else { return Ok(None) };
        self.keys.insert(id, Arc::clone(&row));
        Ok(Some(row))
    }
}

/// Several keys by their public halves, in any order.
///
/// # Errors
/// If the shelf cannot be read.
pub(super) fn many(connection: &mut Connection, ids: &[ApiKeyId]) -> Result<Vec<ApiKeyRow>, Error> {
    let mut ids: Vec<Vec<u8>> = ids.iter().map(|id| Vec::from(*id)).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(on!(connection, |c| api_key::table.filter(api_key::key_id.eq_any(ids)).select(ApiKeyRow::as_select()).load(c))?)
}

/// All keys, oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<ApiKeyRow>, Error> {
    Ok(on!(connection, |c| api_key::table
        .order((api_key::created_at, api_key::key_id))
        .select(ApiKeyRow::as_select())
        .load(c))?)
}

/// Adds a key.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: ApiKeyRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(api_key::table).values(row).execute(c))?;
    Ok(())
}

/// Revokes a key. From the commit on no node accepts it. False if there is no such key.
///
/// # Errors
/// If it cannot be written.
pub fn revoke(write: &mut Write<'_>, id: ApiKeyId, now: Timestamp) -> Result<bool, Error> {
    let changed = on!(write.records(), |c| diesel::update(
        api_key::table.filter(api_key::key_id.eq(Vec::from(id)).and(api_key::revoked_at.eq(0)))
    )
    .set(api_key::revoked_at.eq(now.micros()))
    .execute(c))?;
    Ok(changed == 1)
}
