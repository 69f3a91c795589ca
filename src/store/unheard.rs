//! Names of consents that a banner reported and nobody mapped to a purpose: which, how often, and when.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::connection::{Connection, on};
use super::schema::unheard;
use super::{Error, Write};
use crate::types::{SourceNo, Timestamp};

/// Names kept of one source. A page's key can be used by anybody, to say anything.
pub const MOST: i64 = 100;
/// Days a name is kept after it came last.
const KEPT: i64 = 90;
/// Under which name those are counted for which there is no room.
pub const OTHERS: &str = "(others)";

/// What a name is of that means nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unheard {
    /// A category of the banner.
    Category,
    /// A purpose that a category was mapped to.
    Purpose,
}

impl Unheard {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Purpose => "purpose",
        }
    }
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = unheard)]
pub struct UnheardRow {
    /// [`Unheard::word`].
    pub kind: String,
    /// The name, as the banner writes it.
    pub name: String,
    /// How many events it came with.
    pub events: i64,
    /// When it came first.
    #[diesel(deserialize_as = i64)]
    pub first_at: Timestamp,
    /// When it came last.
    #[diesel(deserialize_as = i64)]
    pub last_at: Timestamp,
}

/// Adds to the names of a source. Answers how many are new.
///
/// # Errors
/// If it cannot be written.
pub fn add(
    write: &mut Write<'_>,
    source: SourceNo,
    names: &BTreeMap<(Unheard, String), i64>,
    now: Timestamp,
) -> Result<usize, Error> {
    let mut new = 0;
    for ((kind, name), events) in names {
        if more(write, source, (*kind, name), *events, now)? {
            continue;
        }
        let of_source = unheard::source_no.eq(source.0);
        let old = of_source.and(unheard::last_at.lt(now.plus_days(-KEPT).micros()));
        on!(write.records(), |c| diesel::delete(unheard::table.filter(old)).execute(c))?;
        let kept: i64 = on!(write.records(), |c| unheard::table.filter(of_source).count().get_result(c))?;
        let name = if kept < MOST { name } else { OTHERS };
        if kept >= MOST && more(write, source, (*kind, name), *events, now)? {
            continue;
        }
        let row = (
            of_source,
            unheard::kind.eq(kind.word()),
            unheard::name.eq(name.to_owned()),
            unheard::events.eq(*events),
            unheard::first_at.eq(now.micros()),
            unheard::last_at.eq(now.micros()),
        );
        on!(write.records(), |c| diesel::insert_into(unheard::table).values(row).execute(c))?;
        new += 1;
    }
    Ok(new)
}

/// Adds to a name that is known. False if it is not.
fn more(
    write: &mut Write<'_>,
    source: SourceNo,
    (kind, name): (Unheard, &str),
    events: i64,
    now: Timestamp,
) -> Result<bool, Error> {
    let own = unheard::source_no.eq(source.0).and(unheard::kind.eq(kind.word())).and(unheard::name.eq(name.to_owned()));
    let known = on!(write.records(), |c| diesel::update(unheard::table.filter(own))
        .set((unheard::events.eq(unheard::events + events), unheard::last_at.eq(now.micros())))
        .execute(c))?;
    Ok(known > 0)
}

/// The names of a source, the one that came last first.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, source: SourceNo) -> Result<Vec<UnheardRow>, Error> {
    Ok(on!(connection, |c| unheard::table
        .filter(unheard::source_no.eq(source.0))
        .order((unheard::last_at.desc(), unheard::kind, unheard::name))
        .select(UnheardRow::as_select())
        .load(c))?)
}
