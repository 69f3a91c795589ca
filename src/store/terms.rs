//! How many records hold each counted value: names, towns, birth dates, by a keyed digest.
//!
//! Every batch adds to rows that every other batch adds to as well (everybody lives in Berlin), and on PostgreSQL several
//! nodes write at once. So each connection counts in rows of its own, a shard, and who asks adds the shards up, outside of
//! any write transaction. A count may be a moment old; nothing but the weight of an agreement hangs on it.

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, Integer, Text};
use diesel::sqlite::Sqlite;

use super::among::among;
use super::connection::{Connection, on};
use super::schema::{card, term, term_gone};
use super::{Error, Write};
use crate::types::RecordNo;

/// Values per statement.
const AT_ONCE: usize = 2_000;

/// How many records hold each of these values; one that none holds is left out.
///
/// # Errors
/// If the shelf cannot be read.
pub fn held(connection: &mut Connection, terms: &[i32]) -> Result<BTreeMap<i32, i64>, Error> {
    let mut counts = BTreeMap::new();
    for some in terms.chunks(AT_ONCE) {
        let some: Vec<i64> = some.iter().copied().map(i64::from).collect();
        let rows: Vec<(i32, i32)> = match connection {
            Connection::Sqlite(c) => {
                term::table.filter(among(term::value_no, some)).select((term::value_no, term::held)).load(c)?
            }
            Connection::Postgres(c) => {
                term::table.filter(among(term::value_no, some)).select((term::value_no, term::held)).load(c)?
            }
        };
        for (term, held) in rows {
            *counts.entry(term).or_default() += i64::from(held);
        }
    }
    Ok(counts)
}

/// Adds to the counts, or takes off.
///
/// # Errors
/// If they cannot be written.
pub fn add(write: &mut Write<'_>, more: &BTreeMap<i32, i32>) -> Result<(), Error> {
    let more: Vec<(i32, i32)> = more.iter().map(|(term, more)| (*term, *more)).filter(|(_, more)| *more != 0).collect();
    for some in more.chunks(AT_ONCE) {
        match write.records() {
            Connection::Sqlite(c) => {
                let list = serde_json::to_string(some).map_err(|_| Error::Unreadable("list of counts"))?;
                AddListed(list).execute(c)?
            }
            Connection::Postgres(c) => {
                let (terms, counts) = some.iter().copied().unzip();
                AddAll(terms, counts).execute(c)?
            }
        };
    }
    Ok(())
}

/// Adds a JSON list of pairs. A type of its own, so that the statement is found prepared.
#[derive(QueryId)]
struct AddListed(String);

impl QueryFragment<Sqlite> for AddListed {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("INSERT INTO term (value_no, shard, held) SELECT value ->> 0, 0, value ->> 1 FROM json_each(");
        out.push_bind_param::<Text, _>(&self.0)?;
        out.push_sql(") WHERE true ON CONFLICT (value_no, shard) DO UPDATE SET held = held + excluded.held");
        Ok(())
    }
}

impl RunQueryDsl<SqliteConnection> for AddListed {}

/// The same with two lists side by side, in the connection's own shard.
#[derive(QueryId)]
struct AddAll(Vec<i32>, Vec<i32>);

impl QueryFragment<Pg> for AddAll {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO term (value_no, shard, held) SELECT more.value_no, pg_backend_pid() % 32, more.held FROM unnest(",
        );
        out.push_bind_param::<Array<Integer>, _>(&self.0)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Integer>, _>(&self.1)?;
        out.push_sql(
            ") AS more (value_no, held) \
             ON CONFLICT (value_no, shard) DO UPDATE SET held = term.held + excluded.held",
        );
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for AddAll {}

/// Lays aside under which values these records were counted, before their cards go.
pub(super) fn give_up(write: &mut Write<'_>, records: &[RecordNo]) -> Result<(), Error> {
    for numbers in records.chunks(AT_ONCE) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let counted: Vec<Option<Vec<u8>>> = on!(write.records(), |c| card::table
            .filter(card::record_no.eq_any(numbers).and(card::terms.is_not_null()))
            .select(card::terms)
            .load(c))?;
        lay_aside(write, counted.into_iter().flatten())?;
    }
    Ok(())
}

/// Lays aside what cards that go were counted under.
pub(super) fn lay_aside(write: &mut Write<'_>, gone: impl Iterator<Item = Vec<u8>>) -> Result<(), Error> {
    for terms in gone {
        on!(write.records(), |c| diesel::insert_into(term_gone::table)
            .values(term_gone::terms.eq(terms))
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Takes up to `limit` of those laid aside away, to be taken off the counts in the same transaction.
///
/// # Errors
/// If they cannot be read or deleted.
pub fn take_gone(write: &mut Write<'_>, limit: i64) -> Result<Vec<Vec<u8>>, Error> {
    let gone: Vec<Vec<u8>> = on!(write.records(), |c| term_gone::table.select(term_gone::terms).limit(limit).load(c))?;
    for some in gone.chunks(AT_ONCE) {
        on!(write.records(), |c| diesel::delete(term_gone::table.filter(term_gone::terms.eq_any(some.to_vec())))
            .execute(c))?;
    }
    Ok(gone)
}

/// Forgets values that no record holds any more.
///
/// # Errors
/// If they cannot be deleted.
pub fn sweep(write: &mut Write<'_>, terms: &[i32]) -> Result<(), Error> {
    for some in terms.chunks(AT_ONCE) {
        on!(write.records(), |c| diesel::delete(
            term::table.filter(term::value_no.eq_any(some.to_vec()).and(term::held.eq(0)))
        )
        .execute(c))?;
    }
    Ok(())
}
