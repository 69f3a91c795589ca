//! Statements whose text never changes, so that they are found prepared without building the text again.
//!
//! Diesel finds a query by its type if the type says so. Inserts say no, because some have as many rows as their
//! values; their text is built anew for each run only to look it up. One row of one type always has one text.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Integer;
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl};

/// A statement that has the same text for all values of its type: an insert of one row, none of whose columns is
/// left out.
pub(super) struct Fixed<Q>(pub(super) Q);

impl<Q: 'static> QueryId for Fixed<Q> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Fixed<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl<Q: Query> Query for Fixed<Q> {
    type SqlType = Q::SqlType;
}

impl<C, Q> RunQueryDsl<C> for Fixed<Q> {}

/// The words around a transaction of SQLite. Sent as plain text they would be parsed every time, which costs more than
/// a row that is read between them.
macro_rules! statements {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $(
            $(#[doc = $doc])+
            pub(super) struct $name;

            impl QueryId for $name {
                type QueryId = Self;
                const HAS_STATIC_QUERY_ID: bool = true;
            }

            impl QueryFragment<Sqlite> for $name {
                fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                    out.push_sql($text);
                    Ok(())
                }
            }

            impl<C> RunQueryDsl<C> for $name {}
        )+
    };
}

statements! {
    /// Begins a transaction that takes its snapshot with the first read.
    Begin = "BEGIN";
    /// Begins a transaction that may write.
    BeginImmediate = "BEGIN IMMEDIATE";
    /// Ends a transaction, undoing what it did.
    Rollback = "ROLLBACK";
    /// A number that is another one as soon as another connection has committed something.
    DataVersion = "PRAGMA data_version";
    /// How many pages the write-ahead log has, and how many of them were copied back; no work.
    LogSize = "PRAGMA wal_checkpoint(NOOP)";
    /// Copies back what no reader needs, and says the same.
    CopyBack = "PRAGMA wal_checkpoint(PASSIVE)";
}

impl Query for DataVersion {
    type SqlType = Integer;
}

impl Query for LogSize {
    type SqlType = (Integer, Integer, Integer);
}

impl Query for CopyBack {
    type SqlType = (Integer, Integer, Integer);
}
