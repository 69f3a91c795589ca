//! A connection and the transaction on it.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection as _;

use crate::store::Error;
use crate::store::connection::Connection;
use crate::store::fixed::BeginImmediate;

/// A connection, whether a transaction is open on it, and whether the running job has a savepoint.
pub(super) struct Transaction {
    pub(super) connection: Connection,
    pub(super) open: bool,
    pub(super) savepoint: bool,
}

impl Transaction {
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if !self.open {
            // IMMEDIATE: a deferred transaction that turns to writing fails at once when another process writes.
            match &mut self.connection {
                Connection::Sqlite(c) => BeginImmediate.execute(c).map(drop)?,
                Connection::Postgres(c) => c.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE")?,
            }
            self.open = true;
            if self.savepoint {
                self.connection.execute("SAVEPOINT job")?;
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, how: &str) -> Result<(), Error> {
        if self.open {
            // Whatever COMMIT answers, SQLite and PostgreSQL leave nothing open that a rollback would not end.
            self.connection.execute(how)?;
            self.open = false;
        }
        Ok(())
    }

    pub(super) fn begin_job(&mut self) -> Result<(), Error> {
        self.savepoint = true;
        if self.open { self.connection.execute("SAVEPOINT job") } else { Ok(()) }
    }

    pub(super) fn end_job(&mut self, how: &str) -> Result<(), Error> {
        self.savepoint = false;
        if self.open { self.connection.execute(how) } else { Ok(()) }
    }
}
