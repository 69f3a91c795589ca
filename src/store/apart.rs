//! Who is known not to be the same as whom. Each mark stands in both directions.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Binary;

use super::among::among;
use super::connection::{Connection, on};
use super::schema::apart;
use super::{Error, Write};
use crate::types::{SubjectId, Timestamp};

/// Those who are known not to be any of these.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of(connection: &mut Connection, people: &[SubjectId]) -> Result<BTreeSet<SubjectId>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    let rows: Vec<Vec<u8>> =
        on!(connection, |c| apart::table.filter(apart::subject_id.eq_any(ids)).select(apart::other_id).load(c))?;
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// Whom somebody is, and everybody who was merged into them.
macro_rules! of_whole {
    ($person:literal) => {
        concat!(
            "WITH RECURSIVE part(subject_id) AS (SELECT ",
            $person,
            " UNION SELECT subject.subject_id FROM part CROSS JOIN subject WHERE subject.merged_into = part.subject_id) ",
            "SELECT DISTINCT apart.other_id FROM part CROSS JOIN apart WHERE apart.subject_id = part.subject_id"
        )
    };
}

const OF_WHOLE_SQLITE: &str = of_whole!("?1");
const OF_WHOLE_POSTGRES: &str = of_whole!("$1");

/// A row of a statement in plain SQL.
#[derive(QueryableByName)]
#[diesel(table_name = apart)]
struct Other {
    other_id: Vec<u8>,
}

/// Those who are known not to be this person, or not to be whoever was merged into them: as they were before any merge. Parts may be
/// thousands and marks are few, so the parts are looked up where they lie, in one statement, and marks alone are read.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_whole(connection: &mut Connection, person: SubjectId) -> Result<BTreeSet<SubjectId>, Error> {
    let asked = diesel::sql_query(match connection {
        Connection::Sqlite(_) => OF_WHOLE_SQLITE,
        Connection::Postgres(_) => OF_WHOLE_POSTGRES,
    });
    let asked = asked.bind::<Binary, _>(Vec::from(person));
    let rows: Vec<Other> = on!(connection, |c| asked.load(c))?;
    rows.iter().map(|row| Ok(SubjectId::from_slice(&row.other_id)?)).collect()
}

/// A mark: who is not the same as whom, when that was decided, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The one.
    pub one: SubjectId,
    /// The other.
    pub other: SubjectId,
    /// When it was decided.
    pub at: Timestamp,
    /// Did somebody look at the two side by side? Then it is about all that was either's. Who took the one out of the other said nothing
    /// of whom only comparing had joined with them.
    pub looked: bool,
}

type Columns = (Vec<u8>, Vec<u8>, i64, i16);

fn read((one, other, at, looked): &Columns) -> Result<Mark, Error> {
    let (one, other) = (SubjectId::from_slice(one)?, SubjectId::from_slice(other)?);
    Ok(Mark { one, other, at: Timestamp::from_micros(*at), looked: *looked != 0 })
}

/// The marks that were made since `since` of any of these, each of whom is the one.
///
/// # Errors
/// If the shelf cannot be read.
pub fn since(connection: &mut Connection, people: &[SubjectId], since: Timestamp) -> Result<Vec<Mark>, Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    let rows: Vec<Columns> = on!(connection, |c| apart::table
        .filter(apart::subject_id.eq_any(ids).and(apart::decided_at.ge(since.micros())))
        .select((apart::subject_id, apart::other_id, apart::decided_at, apart::looked))
        .load(c))?;
    rows.iter().map(read).collect()
}

/// Which of these are known not to be somebody.
///
/// # Errors
/// If the shelf cannot be read.
pub fn marked(connection: &mut Connection, people: &[SubjectId]) -> Result<Vec<SubjectId>, Error> {
    let mut all = Vec::new();
    for some in people.chunks(500) {
        let ids: Vec<Vec<u8>> = some.iter().map(|id| Vec::from(*id)).collect();
        let rows: Vec<Vec<u8>> =
            on!(connection, |c| apart::table.filter(among(apart::subject_id, ids)).select(apart::subject_id).load(c))?;
        for row in rows {
            all.push(SubjectId::from_slice(&row)?);
        }
    }
    Ok(all)
}

/// Every mark.
///
/// # Errors
/// If the shelf cannot be read.
pub fn all(connection: &mut Connection) -> Result<Vec<Mark>, Error> {
    let rows: Vec<Columns> = on!(connection, |c| apart::table
        .select((apart::subject_id, apart::other_id, apart::decided_at, apart::looked))
        .load(c))?;
    rows.iter().map(read).collect()
}

/// Marks two as not the same. That somebody looked at them counts more than any other reason, and of two looks the later.
///
/// # Errors
/// If it cannot be written.
pub fn mark(write: &mut Write<'_>, mark: Mark) -> Result<(), Error> {
    for (from, to) in [(mark.one, mark.other), (mark.other, mark.one)] {
        let values = (
            apart::subject_id.eq(Vec::from(from)),
            apart::other_id.eq(Vec::from(to)),
            apart::decided_at.eq(mark.at.micros()),
            apart::looked.eq(i16::from(mark.looked)),
        );
        if mark.looked {
            let lesser = apart::looked.eq(0_i16).or(apart::decided_at.lt(mark.at.micros()));
            let known = apart::subject_id.eq(Vec::from(from)).and(apart::other_id.eq(Vec::from(to)));
            on!(write.records(), |c| diesel::delete(apart::table.filter(known.and(lesser))).execute(c))?;
        }
        on!(write.records(), |c| diesel::insert_into(apart::table).values(values).on_conflict_do_nothing().execute(c))?;
    }
    Ok(())
}

/// Takes a mark back.
///
/// # Errors
/// If it cannot be deleted.
pub fn unmark(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<(), Error> {
    for (from, to) in [(one, other), (other, one)] {
        on!(write.records(), |c| diesel::delete(
            apart::table.filter(apart::subject_id.eq(Vec::from(from)).and(apart::other_id.eq(Vec::from(to))))
        )
        .execute(c))?;
    }
    Ok(())
}

/// Removes every mark of these people.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, people: &[SubjectId]) -> Result<(), Error> {
    let ids: Vec<Vec<u8>> = people.iter().map(|id| Vec::from(*id)).collect();
    on!(write.records(), |c| diesel::delete(
        apart::table.filter(apart::subject_id.eq_any(ids.clone()).or(apart::other_id.eq_any(ids)))
    )
    .execute(c))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Mark, all, mark};
    use crate::databases::{Database, Dialect, on_both_databases};
    use crate::store::Shelf;
    use crate::types::{SubjectId, Timestamp};

    on_both_databases!(marks_of_before_tell_what_they_told, of_two_marks_the_later_look_stays);

    async fn of_two_marks_the_later_look_stays(database: Database) {
        let store = database.store();
        let [one, other] = [1, 2].map(|id| SubjectId::from_uuid(Uuid::from_u128(id)));
        let told = |at: i64, looked: bool| Mark { one, other, at: Timestamp::from_micros(at), looked };
        // Taken apart, looked at, taken apart again, and a look from before.
        for (made, stays) in
            [((5, false), (5, false)), ((9, true), (9, true)), ((12, false), (9, true)), ((7, true), (9, true))]
        {
            let made = told(made.0, made.1);
            store.write(move |write| mark(write, made)).await.unwrap();
            let marks = store.read(|read| all(read.records())).await.unwrap();
            let stays = told(stays.0, stays.1);
            assert_eq!(marks.len(), 2);
            assert!(marks.contains(&stays) && marks.contains(&Mark { one: other, other: one, ..stays }), "{marks:?}");
        }
    }

    /// Marks that two are not the same told by their time whether somebody had looked at the two: that of an answer. Now they say so.
    async fn marks_of_before_tell_what_they_told(database: Database) {
        drop(database.store());
        let directory = match database.dialect() {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        };
        let down = format!("migrations/{directory}/records/2026-11-23-080000_looked/down.sql");
        database.execute(Shelf::Records, &std::fs::read_to_string(down).unwrap());
        database.execute(Shelf::Records, "DELETE FROM __diesel_schema_migrations WHERE version = '20261123080000'");
        let id = |of: u8| database.literal(&[of; 16]);
        for (one, other, at) in [(1, 2, 100), (2, 1, 100), (3, 4, 200), (4, 3, 200)] {
            let mark = format!("INSERT INTO apart VALUES ({}, {}, {at})", id(one), id(other));
            database.execute(Shelf::Records, &mark);
        }
        // An answer that two are not the same, and somebody who could not tell.
        for (review, state, at) in [(7, 3, 100), (8, 4, 200)] {
            let answer = format!(
                "INSERT INTO review (review_id, one_no, one_id, other_no, other_id, weight, waterfall, state, made_at, decided_at) \
                 VALUES ({}, {review}, {}, 9, {}, 0, '', {state}, 50, {at})",
                id(review),
                id(1),
                id(2)
            );
            database.execute(Shelf::Records, &answer);
        }
        drop(database.store());
        let marks =
            "SELECT CAST(decided_at AS TEXT) || ' ' || CAST(looked AS TEXT) AS answer FROM apart ORDER BY decided_at";
        assert_eq!(database.texts(Shelf::Records, marks), ["100 1", "100 1", "200 0", "200 0"]);
    }
}
