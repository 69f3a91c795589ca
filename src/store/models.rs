//! Models of matching that were estimated here. All are kept, since links name the version that weighed them.

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::model;
use super::{Error, Write};
use crate::types::Timestamp;

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = model)]
pub struct ModelRow {
    /// Its version.
    pub version: i32,
    /// Its weights, as TOML.
    pub definition: String,
    /// When it was estimated.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub made_at: Timestamp,
    /// How many records were looked at.
    pub records: i64,
    /// How many pairs were compared.
    pub pairs: i64,
    /// 1: it weighs.
    pub in_force: i16,
}

/// All models, the oldest first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<ModelRow>, Error> {
    Ok(on!(connection, |c| model::table.order(model::version).select(ModelRow::as_select()).load(c))?)
}

/// The model that weighs; none: the shipped one.
///
/// # Errors
/// If the shelf cannot be read.
pub fn in_force(connection: &mut Connection) -> Result<Option<ModelRow>, Error> {
    Ok(on!(connection, |c| model::table
        .filter(model::in_force.eq(1))
        .order(model::version.desc())
        .select(ModelRow::as_select())
        .first(c)
        .optional())?)
}

/// Adds a model.
///
/// # Errors
/// If it cannot be written.
pub fn insert(write: &mut Write<'_>, row: ModelRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::insert_into(model::table).values(row).execute(c))?;
    Ok(())
}

/// Lets this model weigh; none: the shipped one. False if there is no such model.
///
/// # Errors
/// If it cannot be written.
pub fn put_in_force(write: &mut Write<'_>, version: Option<i32>) -> Result<bool, Error> {
    on!(write.records(), |c| diesel::update(model::table).set(model::in_force.eq(0)).execute(c))?;
    let Some(version) = version else { return Ok(true) };
    let changed = on!(write.records(), |c| diesel::update(model::table.filter(model::version.eq(version)))
        .set(model::in_force.eq(1))
        .execute(c))?;
    Ok(changed == 1)
}
