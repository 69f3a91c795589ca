//! Whole people in one statement: their row, their records and what they said.
//!
//! One statement is one snapshot, so nothing has to be begun and ended around it: on PostgreSQL one journey to the server
//! instead of five. The three tables come as one list whose rows have one shape, a [`Row`]; what its columns mean for
//! each table is said below, once for the database and once for the reader.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, SmallInt, Text};
use diesel::sqlite::Sqlite;

use super::Error;
use super::among::{among, people};
use super::connection::{Connection, on};
use super::rows::{LedgerRow, RecordRow, SubjectRow};
use super::schema::{ledger, record, subject};
use crate::types::SubjectId;

/// What one row of the list is.
pub(super) enum Piece {
    Subject(SubjectRow),
    Record(RecordRow),
    Entry(LedgerRow),
}

/// Everything of these people, in no order, and the rows of those who were merged into them directly.
///
/// # Errors
/// If the shelf cannot be read.
pub(super) fn whole(connection: &mut Connection, ids: &[SubjectId]) -> Result<Vec<Piece>, Error> {
    let rows: Vec<Row> = match (connection, ids) {
        (_, []) => Vec::new(),
        (Connection::Sqlite(c), [one]) => {
            let id = one.bytes().to_vec();
            let ledger = ledger::part.eq(one.part()).and(ledger::subject_id.eq(&id));
            Whole(subject::subject_id.eq(&id), subject::merged_into.eq(&id), record::subject_id.eq(&id), ledger)
                .load(c)?
        }
        (connection, ids) => on!(connection, |c| Whole(
            people(subject::part, subject::subject_id, ids),
            among(subject::merged_into, bytes(ids)),
            people(record::part, record::subject_id, ids),
            people(ledger::part, ledger::subject_id, ids),
        )
        .load(c))?,
    };
    rows.into_iter().map(piece).collect()
}

/// The statement, with the condition for each table.
#[derive(QueryId)]
struct Whole<S, M, R, L>(S, M, R, L);

/// Which table it is from; the person; four byte strings, three texts, twelve numbers.
#[rustfmt::skip]
type Row = (
    i16, Vec<u8>, (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>), (String, String, String),
    (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64),
);

#[rustfmt::skip]
type Columns = (
    SmallInt, Binary, (Binary, Binary, Binary, Binary), (Text, Text, Text),
    (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
);

const SUBJECT: i16 = 1;
const RECORD: i16 = 2;
const ENTRY: i16 = 3;

/// A byte string without bytes, as each database spells it.
trait Spelling {
    const NOTHING: &'static str;
}

impl Spelling for Sqlite {
    const NOTHING: &'static str = "x''";
}

impl Spelling for Pg {
    const NOTHING: &'static str = "''::bytea";
}

impl<DB, S, M, R, L> QueryFragment<DB> for Whole<S, M, R, L>
where
    DB: Backend + Spelling,
    S: QueryFragment<DB>,
    M: QueryFragment<DB>,
    R: QueryFragment<DB>,
    L: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let nothing = DB::NOTHING;
        subject_columns(&mut out);
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" UNION ALL ");
        subject_columns(&mut out);
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(" UNION ALL SELECT 2, subject_id, sealed_for, content_mac, sealed, ");
        out.push_sql(nothing);
        out.push_sql(
            ", '', '', '', record_no, key_no, source_no, kind, version, categories, facts, ingested_at, happened_at, \
             contract_until, source_until, keep_until FROM record WHERE ",
        );
        self.2.walk_ast(out.reborrow())?;
        out.push_sql(
            " UNION ALL SELECT 3, subject_id, sealed_for, origin, evidence, evidence_mac, purpose, method, \
             text_version, entry_no, key_no, source_no, act, channel, happened_at, recorded_at, proof_flags, \
             0, 0, 0, 0 FROM ledger WHERE ",
        );
        self.3.walk_ast(out)
    }
}

/// The first table decides of which type a column is.
fn subject_columns<DB: Backend + Spelling>(out: &mut AstPass<'_, '_, DB>) {
    let nothing = DB::NOTHING;
    out.push_sql("SELECT CAST(1 AS SMALLINT), subject_id, COALESCE(merged_into, ");
    for text in [nothing, "), ", nothing, ", ", nothing, ", ", nothing, ", '', '', ''"] {
        out.push_sql(text);
    }
    out.push_sql(", CAST(state AS BIGINT), merged_at, created_at");
    for _ in 3..12 {
        out.push_sql(", CAST(0 AS BIGINT)");
    }
    out.push_sql(" FROM subject WHERE ");
}

fn bytes(ids: &[SubjectId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.bytes().to_vec()).collect()
}

impl<S, M, R, L> Query for Whole<S, M, R, L> {
    type SqlType = Columns;
}

impl<C, S, M, R, L> RunQueryDsl<C> for Whole<S, M, R, L> {}

fn piece(row: Row) -> Result<Piece, Error> {
    let (table, person, (b1, b2, b3, b4), (t1, t2, t3), numbers) = row;
    let (n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12) = numbers;
    let id = SubjectId::from_slice(&person)?;
    let part = id.part();
    Ok(match table {
        SUBJECT => Piece::Subject(SubjectRow {
            part,
            subject_id: id,
            merged_into: Some(b1).filter(|into| !into.is_empty()),
            state: small(n1)?,
            merged_at: n2.into(),
            created_at: n3.into(),
        }),
        RECORD => Piece::Record(RecordRow {
            part,
            subject_id: id,
            sealed_for: SubjectId::from_slice(&b1)?,
            content_mac: b2,
            sealed: b3,
            record_no: n1.into(),
            key_no: small(n2)?,
            source_no: source(n3)?.into(),
            kind: small(n4)?,
            version: n5.into(),
            categories: small(n6)?,
            facts: small(n7)?,
            ingested_at: n8.into(),
            happened_at: n9.into(),
            contract_until: n10.into(),
            source_until: n11.into(),
            keep_until: n12.into(),
        }),
        ENTRY => Piece::Entry(LedgerRow {
            part,
            subject_id: id,
            sealed_for: SubjectId::from_slice(&b1)?,
            origin: SubjectId::from_slice(&b2)?,
            evidence: b3,
            evidence_mac: b4,
            purpose: t1,
            method: t2,
            text_version: t3,
            entry_no: n1,
            key_no: small(n2)?,
            source_no: source(n3)?.into(),
            act: small(n4)?,
            channel: small(n5)?,
            happened_at: n6.into(),
            recorded_at: n7.into(),
            proof_flags: small(n8)?,
        }),
        _ => return Err(Error::Unreadable("table")),
    })
}

fn small(number: i64) -> Result<i16, Error> {
    number.try_into().map_err(|_| Error::Unreadable("small number"))
}

fn source(number: i64) -> Result<i32, Error> {
    number.try_into().map_err(|_| Error::Unreadable("source number"))
}
