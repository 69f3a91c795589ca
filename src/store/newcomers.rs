//! The writing half of the intake's hot verb: the rows of a batch, gathered and written table by table.
//!
//! PostgreSQL takes all rows of a table with one statement, because each statement is a journey to the server. SQLite
//! takes them one by one through a prepared statement, which is as fast; there the order matters: values that lie side
//! by side in the tree are written one after the other.

use diesel::prelude::*;

use super::connection::Connection;
use super::fixed::Fixed;
use super::rows::{CardRow, DataKeyRow, IdentifierRow, LedgerRow, LinkRow, RecordRow, ReviewRow, SubjectRow};
use super::schema::{block, card, identifier, ledger, link, record, subject};
use super::{Error, Write, columns, keys, reviews};
use crate::types::RecordNo;

/// Rows that are not written yet. They must be, before anybody reads what they belong to.
#[derive(Default)]
pub struct Newcomers {
    /// New people.
    pub subjects: Vec<SubjectRow>,
    /// Their keys.
    pub keys: Vec<DataKeyRow>,
    /// New records.
    pub records: Vec<RecordRow>,
    /// The blind indexes of new records.
    pub identifiers: Vec<IdentifierRow>,
    /// Why new records belong to their people. None of them joins anybody in.
    pub links: Vec<LinkRow>,
    /// What people said.
    pub ledger: Vec<LedgerRow>,
    /// What matching keeps of new records.
    pub cards: Vec<CardRow>,
    /// Pairs that wait for somebody to decide, each with the record that was compared. What was decided of one stays.
    pub reviews: Vec<(ReviewRow, RecordNo)>,
}

/// Writes rows of one table in the way each database likes best.
macro_rules! write_all {
    ($connection:expr, $table:expr, $columns:ty, $rows:expr) => {
        match $connection {
            Connection::Sqlite(c) => {
                for row in $rows {
                    Fixed(diesel::insert_into($table).values(row)).execute(c)?;
                }
            }
            Connection::Postgres(c) => {
                if !$rows.is_empty() {
                    <$columns>::from_iter($rows).execute(c)?;
                }
            }
        }
    };
}

impl Newcomers {
    /// Writes everything that is gathered, and is empty then.
    ///
    /// # Errors
    /// If something cannot be written; the transaction is to be undone.
    pub fn write(&mut self, write: &mut Write<'_>) -> Result<(), Error> {
        let Self { subjects, keys, records, mut identifiers, links, ledger, cards, reviews } = std::mem::take(self);
        keys::insert_data_keys(write, &keys)?;
        identifiers.sort_unstable_by(|one, other| one.ix.cmp(&other.ix));
        write_all!(write.records(), subject::table, columns::Subjects, subjects);
        write_all!(write.records(), record::table, columns::Records, records);
        write_all!(write.records(), identifier::table, columns::Identifiers, identifiers);
        write_all!(write.records(), link::table, columns::Links, links);
        write_all!(write.records(), ledger::table, columns::Ledger, ledger);
        let (connection, recent) = write.blocks();
        let blocks = recent.keep(connection, &cards)?;
        write_all!(write.records(), card::table, columns::Cards, cards);
        write_all!(write.records(), block::table, columns::Blocks, blocks);
        reviews::ask_all(write, reviews)
    }
}
