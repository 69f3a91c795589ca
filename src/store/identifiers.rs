//! Blind indexes: which record, and so which person, an identifier belongs to.

use diesel::dsl::{AsExprOf, NotEq};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{self, SmallInt};

use super::columns::Identifiers;
use super::connection::{Connection, on};
use super::fixed::Fixed;
use super::rows::IdentifierRow;
use super::schema::{identifier, record};
use super::{Error, Write};
use crate::types::{IdentifierKind, RecordNo, SourceNo, SubjectId};

macro_rules! one_of_each {
    ($ix:literal, $after:literal) => {
        concat!(
            "SELECT ix, min(record_no) AS record_no, kind, subject_id, use_flags, behind, whose FROM identifier WHERE ix = ",
            $ix,
            " AND behind = 0 GROUP BY ix, kind, subject_id, use_flags, behind, whose HAVING min(record_no) > ",
            $after,
            " ORDER BY 2"
        )
    };
}

/// How many rows of one value are looked at one by one: a thousand records with one phone number must not slow a resolve down.
const ENOUGH: i64 = 64;

/// The rows with this blind index, at most 64: those that decide about joining first, the oldest first. Of a value that still joins
/// and has more, a customer's with many orders, also the first row of everybody else behind it, and of each other name and use.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_index(connection: &mut Connection, ix: &[u8; 16]) -> Result<Vec<IdentifierRow>, Error> {
    let mut rows: Vec<IdentifierRow> = on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()))
        .order((identifier::behind, identifier::record_no))
        .limit(ENOUGH)
        .select(IdentifierRow::as_select())
        .load(c))?;
    let others = others(connection, ix, &rows)?;
    rows.extend(others);
    Ok(rows)
}

/// As [`with_index`], for many values.
///
/// # Errors
/// If the shelf cannot be read.
pub fn with_indexes(connection: &mut Connection, indexes: &[[u8; 16]]) -> Result<Vec<IdentifierRow>, Error> {
    if let Connection::Sqlite(_) = connection {
        let mut all = Vec::new();
        for ix in indexes {
            all.extend(with_index(connection, ix)?);
        }
        return Ok(all);
    }
    let values: Vec<Vec<u8>> = indexes.iter().map(|ix| ix.to_vec()).collect();
    let found: Vec<Found> = match connection {
        Connection::Sqlite(_) => Vec::new(),
        Connection::Postgres(c) => Wanted(values).load(c)?,
    };
    let mut rows = found.into_iter().map(Found::row).collect::<Result<Vec<_>, Error>>()?;
    // The rows of one value lie side by side.
    let mut all_others = Vec::new();
    for some in rows.chunk_by(|one, other| one.ix == other.ix) {
        if let Some(Ok(ix)) = some.first().map(|row| row.ix.as_slice().try_into()) {
            all_others.extend(others(connection, ix, some)?);
        }
    }
    rows.append(&mut all_others);
    Ok(rows)
}

/// Who else stands behind a value whose `first` rows are not all that decide about joining, by the first row of each, if the value
/// joins at all. It looks at every row, but of few values: one that joins is of some three people at most.
fn others(connection: &mut Connection, ix: &[u8; 16], first: &[IdentifierRow]) -> Result<Vec<IdentifierRow>, Error> {
    let full = i64::try_from(first.len()).is_ok_and(|found| found >= ENOUGH) && first.iter().all(|row| row.behind == 0);
    let Some(last) = first.iter().max_by_key(|row| row.record_no).filter(|_| full) else { return Ok(Vec::new()) };
    // An account is one's, and of what joins nobody any more nothing else need be known. A customer number may stand under two accounts.
    let shared =
        [IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::EmailAndName, IdentifierKind::CustomerNumber];
    let generic = first.iter().any(|row| row.use_flags & IdentifierRow::GENERIC != 0);
    if generic || !shared.iter().any(|kind| kind.number() == last.kind) {
        return Ok(Vec::new());
    }
    let asked = diesel::sql_query(match connection {
        Connection::Sqlite(_) => ONE_OF_EACH_SQLITE,
        Connection::Postgres(_) => ONE_OF_EACH_POSTGRES,
    });
    let asked = asked.bind::<sql_types::Binary, _>(ix.to_vec()).bind::<sql_types::BigInt, _>(last.record_no.0);
    let found: Vec<Found> = on!(connection, |c| asked.load(c))?;
    found.into_iter().map(Found::row).collect()
}

/// The first row of each person, name and use behind a value, of those that decide about joining and stand behind a record.
const ONE_OF_EACH_SQLITE: &str = one_of_each!("?1", "?2");
const ONE_OF_EACH_POSTGRES: &str = one_of_each!("$1", "$2");

/// The first rows of each of these values. A type of its own, so that the statement is found prepared.
#[derive(QueryId)]
struct Wanted(Vec<Vec<u8>>);

impl QueryFragment<Pg> for Wanted {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT i.ix, i.record_no, i.kind, i.subject_id, i.use_flags, i.behind, i.whose FROM unnest(");
        out.push_bind_param::<sql_types::Array<sql_types::Binary>, _>(&self.0)?;
        out.push_sql(
            ") AS wanted(ix) CROSS JOIN LATERAL \
             (SELECT * FROM identifier WHERE identifier.ix = wanted.ix ORDER BY behind, record_no LIMIT ",
        );
        out.push_bind_param::<sql_types::BigInt, _>(&ENOUGH)?;
        out.push_sql(") AS i");
        Ok(())
    }
}

impl Query for Wanted {
    type SqlType = sql_types::Untyped;
}

impl RunQueryDsl<PgConnection> for Wanted {}

/// A row of a statement in plain SQL.
#[derive(QueryableByName)]
#[diesel(table_name = identifier)]
struct Found {
    ix: Vec<u8>,
    record_no: i64,
    kind: i16,
    subject_id: Vec<u8>,
    use_flags: i16,
    behind: i16,
    whose: i32,
}

impl Found {
    fn row(self) -> Result<IdentifierRow, Error> {
        let Self { ix, record_no, kind, subject_id, use_flags, behind, whose } = self;
        let subject_id = SubjectId::from_slice(&subject_id)?;
        Ok(IdentifierRow { ix, record_no: RecordNo(record_no), kind, subject_id, use_flags, behind, whose })
    }
}

/// Does a value of this kind join records to this person?
///
/// # Errors
/// If the shelf cannot be read.
pub fn is_joined_by(connection: &mut Connection, person: SubjectId, kind: IdentifierKind) -> Result<bool, Error> {
    let uses: Vec<i16> = on!(connection, |c| record::table
        .inner_join(identifier::table.on(identifier::record_no.eq(record::record_no)))
        .filter(record::part.eq(person.part()).and(record::subject_id.eq(Vec::from(person))))
        .filter(identifier::kind.eq(kind.number()))
        .select(identifier::use_flags)
        .distinct()
        .load(c))?;
    Ok(uses.into_iter().any(|flags| flags & IdentifierRow::JOINS != 0))
}

diesel::infix_operator!(BitAnd, " & ", SmallInt);

/// Has a row this use? The database looks: a shared value may have more rows than anybody wants to load.
pub(super) fn has_flag(flag: i16) -> NotEq<BitAnd<identifier::use_flags, AsExprOf<i16, SmallInt>>, i16> {
    BitAnd::new(identifier::use_flags, flag.into_sql::<SmallInt>()).ne(0)
}

/// Does this value join records of this source to this person?
///
/// # Errors
/// If the shelf cannot be read.
pub fn joins_at(
    connection: &mut Connection,
    (ix, person): (&[u8; 16], SubjectId),
    source: SourceNo,
) -> Result<bool, Error> {
    let theirs = identifier::ix.eq(ix.to_vec()).and(identifier::behind.eq(0));
    let theirs = theirs.and(identifier::subject_id.eq(Vec::from(person))).and(has_flag(IdentifierRow::JOINS));
    let found: Option<i64> = on!(connection, |c| identifier::table
        .inner_join(record::table.on(record::record_no.eq(identifier::record_no)))
        .filter(theirs.and(record::source_no.eq(source.0)))
        .select(identifier::record_no)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}

/// Takes from a value that it joins: so many share it that it names nobody. Says how many rows have it.
///
/// # Errors
/// If it cannot be written.
pub fn make_generic(write: &mut Write<'_>, ix: &[u8; 16]) -> Result<usize, Error> {
    let rows: Vec<IdentifierRow> = on!(write.records(), |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()).and(identifier::behind.eq(0)))
        .select(IdentifierRow::as_select())
        .load(c))?;
    let joins = rows.into_iter().filter(|row| row.use_flags & IdentifierRow::JOINS != 0);
    let mut changed = 0;
    for row in joins {
        let use_flags = row.use_flags & !IdentifierRow::JOINS | IdentifierRow::GENERIC;
        changed += on!(write.records(), |c| diesel::update(
            identifier::table.filter(identifier::ix.eq(&row.ix).and(identifier::record_no.eq(row.record_no.0)))
        )
        .set(identifier::use_flags.eq(use_flags))
        .execute(c))?;
    }
    Ok(changed)
}

/// The people of whose records several have this value, however many others have it: whom it may have joined.
///
/// # Errors
/// If the shelf cannot be read.
pub fn several_times(connection: &mut Connection, ix: &[u8; 16]) -> Result<Vec<SubjectId>, Error> {
    let rows: Vec<Vec<u8>> = on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()).and(identifier::behind.eq(0)))
        .group_by(identifier::subject_id)
        .having(diesel::dsl::count_star().gt(1))
        .select(identifier::subject_id)
        .load(c))?;
    rows.iter().map(|row| Ok(SubjectId::from_slice(row)?)).collect()
}

/// Everybody who can be looked up by this blind index, however many they are.
///
/// # Errors
/// If the shelf cannot be read.
pub fn holders(connection: &mut Connection, ix: &[u8; 16]) -> Result<Vec<SubjectId>, Error> {
    // The flags have few combinations, so filtering them here is cheap and the same on both databases.
    let rows: Vec<(Vec<u8>, i16)> = on!(connection, |c| identifier::table
        .filter(identifier::ix.eq(ix.to_vec()))
        .select((identifier::subject_id, identifier::use_flags))
        .distinct()
        .load(c))?;
    let found = rows.iter().filter(|(_, flags)| flags & IdentifierRow::LOOKUP != 0);
    let mut people = found.map(|(id, _)| Ok(SubjectId::from_slice(id)?)).collect::<Result<Vec<_>, Error>>()?;
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

/// The rows of these records.
///
/// # Errors
/// If the shelf cannot be read.
pub fn of_records(connection: &mut Connection, records: &[RecordNo]) -> Result<Vec<IdentifierRow>, Error> {
    let mut all = Vec::new();
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        let rows: Vec<IdentifierRow> = on!(connection, |c| identifier::table
            .filter(identifier::record_no.eq_any(numbers))
            .select(IdentifierRow::as_select())
            .load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

/// Adds rows.
///
/// # Errors
/// If they cannot be written.
pub fn insert(write: &mut Write<'_>, rows: Vec<IdentifierRow>) -> Result<(), Error> {
    match write.records() {
        Connection::Sqlite(c) => {
            for row in rows {
                Fixed(diesel::insert_into(identifier::table).values(row).on_conflict_do_nothing()).execute(c)?;
            }
        }
        Connection::Postgres(c) => {
            Identifiers::from_iter(rows).execute(c)?;
        }
    }
    Ok(())
}

/// Removes the rows of one record.
///
/// # Errors
/// If they cannot be deleted.
pub fn delete_of(write: &mut Write<'_>, record: RecordNo) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(identifier::table.filter(identifier::record_no.eq(record.0))).execute(c))?;
    Ok(())
}

/// Removes one row.
///
/// # Errors
/// If it cannot be deleted.
pub fn delete(write: &mut Write<'_>, row: &IdentifierRow) -> Result<(), Error> {
    on!(write.records(), |c| diesel::delete(
        identifier::table.filter(identifier::ix.eq(&row.ix).and(identifier::record_no.eq(row.record_no.0)))
    )
    .execute(c))?;
    Ok(())
}

/// Gives the rows of a merged person's records to the person that survives.
///
/// # Errors
/// If they cannot be written.
pub fn reassign(write: &mut Write<'_>, records: &[RecordNo], to: SubjectId) -> Result<(), Error> {
    for numbers in records.chunks(500) {
        let numbers: Vec<i64> = numbers.iter().map(|record| record.0).collect();
        on!(write.records(), |c| diesel::update(identifier::table.filter(identifier::record_no.eq_any(numbers)))
            .set(identifier::subject_id.eq(Vec::from(to)))
            .execute(c))?;
    }
    Ok(())
}
