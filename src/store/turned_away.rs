//! What was not taken of the events that came for a source: counted by day and reason. The events are not kept.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::turned_away;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// Days a count is kept.
const KEPT: i32 = 90;

/// How often something was turned away on one day.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = turned_away)]
pub struct TurnedAwayRow {
    /// Days since 1970-01-01, in UTC.
    pub day: i32,
    /// The reason, a word of the hub.
    pub code: String,
    /// How many events.
    pub events: i64,
}

/// The day of an instant, as the table counts them.
#[must_use]
pub fn day(at: Timestamp) -> i32 {
    i32::try_from(at.micros().div_euclid(Timestamp::DAY)).unwrap_or(i32::MAX)
}

/// Adds to the counts of today, and forgets those of long ago.
///
/// # Errors
/// If it cannot be written.
pub fn add(
    write: &mut Write<'_>,
    source: SourceNo,
    counts: &BTreeMap<&'static str, i64>,
    now: Timestamp,
) -> Result<(), Error> {
    let today = day(now);
    for (code, more) in counts {
        let own = || {
            turned_away::source_no
                .eq(source.0)
                .and(turned_away::day.eq(today))
                .and(turned_away::code.eq((*code).to_owned()))
        };
        let known = on!(write.records(), |c| diesel::update(turned_away::table.filter(own()))
            .set(turned_away::events.eq(turned_away::events + *more))
            .execute(c))?;
        if known == 0 {
            let row = (
                turned_away::source_no.eq(source.0),
                turned_away::day.eq(today),
                turned_away::code.eq((*code).to_owned()),
                turned_away::events.eq(*more),
            );
            on!(write.records(), |c| diesel::insert_into(turned_away::table).values(row).execute(c))?;
            let old = turned_away::source_no.eq(source.0).and(turned_away::day.lt(today - KEPT));
            on!(write.records(), |c| diesel::delete(turned_away::table.filter(old)).execute(c))?;
        }
    }
    Ok(())
}

/// The counts of a source, newest day first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, source: SourceNo) -> Result<Vec<TurnedAwayRow>, Error> {
    Ok(on!(connection, |c| turned_away::table
        .filter(turned_away::source_no.eq(source.0))
        .order((turned_away::day.desc(), turned_away::code))
        .select(TurnedAwayRow::as_select())
        .load(c))?)
}
