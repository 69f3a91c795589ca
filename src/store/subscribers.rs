//! Subscribers: who is told what happens, and of what. What waits for them is in [`super::messages`].

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::messages::News;
use super::schema::{message, subscriber};
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// Somebody who is told. How they are reached is the connection of the source.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = subscriber)]
pub struct SubscriberRow {
    /// The source that stands for it.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// Topics with commas; empty: all.
    pub topics: String,
    /// Purposes with commas; empty: all.
    pub purposes: String,
    /// [`SubscriberRow::ON`] or [`SubscriberRow::DISABLED`].
    pub state: i16,
    /// Since when no message arrives; unset: the last one did.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub failing_since: Timestamp,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

impl SubscriberRow {
    /// It is told.
    pub const ON: i16 = 1;
    /// It did not answer for so long that it is told nothing more.
    pub const DISABLED: i16 = 2;

    /// Is it told of this?
    pub(super) fn wants(&self, news: &News<'_>) -> bool {
        let named = |list: &str, word: &str| list.is_empty() || list.split(',').any(|known| known == word);
        self.state == Self::ON
            && named(&self.topics, news.topic)
            && news.purpose.is_none_or(|purpose| named(&self.purposes, purpose))
    }
}

/// All subscribers.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<SubscriberRow>, Error> {
    Ok(on!(connection, |c| subscriber::table.order(subscriber::source_no).select(SubscriberRow::as_select()).load(c))?)
}

/// Adds a subscriber, or puts another in the place of that of its source.
///
/// # Errors
/// If it cannot be written.
pub fn put(write: &mut Write<'_>, row: &SubscriberRow) -> Result<(), Error> {
    let this = subscriber::source_no.eq(row.source_no.0);
    on!(write.records(), |c| diesel::delete(subscriber::table.filter(this)).execute(c))?;
    on!(write.records(), |c| diesel::insert_into(subscriber::table).values(row.clone()).execute(c))?;
    Ok(())
}

/// Removes a subscriber with its messages. False if there is none.
///
/// # Errors
/// If it cannot be removed.
pub fn delete(write: &mut Write<'_>, source: SourceNo) -> Result<bool, Error> {
    on!(write.records(), |c| diesel::delete(message::table.filter(message::source_no.eq(source.0))).execute(c))?;
    let this = subscriber::source_no.eq(source.0);
    let removed = on!(write.records(), |c| diesel::delete(subscriber::table.filter(this)).execute(c))?;
    Ok(removed > 0)
}

/// The subscriber of a source.
///
/// # Errors
/// If the shelf cannot be read.
pub fn find(connection: &mut Connection, source: SourceNo) -> Result<Option<SubscriberRow>, Error> {
    let this = subscriber::source_no.eq(source.0);
    Ok(on!(connection, |c| subscriber::table.filter(this).select(SubscriberRow::as_select()).first(c).optional())?)
}

/// Lets a subscriber be told again.
///
/// # Errors
/// If it cannot be written.
pub fn resume(write: &mut Write<'_>, source: SourceNo) -> Result<(), Error> {
    let this = subscriber::source_no.eq(source.0);
    on!(write.records(), |c| diesel::update(subscriber::table.filter(this))
        .set((subscriber::state.eq(SubscriberRow::ON), subscriber::failing_since.eq(Timestamp::UNSET.micros())))
        .execute(c))?;
    Ok(())
}
