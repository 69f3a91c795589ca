//! Copying the write-ahead log of SQLite back into its file, and hearing when that fails.
//!
//! SQLite would do it by itself behind a commit, and would keep to itself what went wrong there: a file that cannot be
//! synchronised would be noticed by nobody. So it is asked for, and its answer heeded. PostgreSQL has no such step.

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;

use super::Error;
use super::connection::{BUSY_TIMEOUT, Connection};
use super::fixed::{CopyBack, LogSize};

/// Pages of the log that may wait to be copied: 64 MiB. The pages of the indexes are written in no order, many of them
/// again and again; the later they are copied, the fewer are.
const PAGES: i32 = 16_000;
/// Pages of the log that are copied when there is time: so many that readers, who have to look into the log first, notice it.
const PAGES_AT_REST: i32 = 1_000;

/// When to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Others wait for the writer: only if much has to be copied.
    Busy,
    /// Nobody waits: if it is worth while. Who reads then finds each page in the file, where it is mapped, and none in the log.
    AtRest,
}

/// Copies what may be copied. Nobody is waited for: what a reader still needs is copied by a later call.
/// To be called outside of a transaction, after a commit.
///
/// # Errors
/// `Disk` if the file failed: nothing may be served then. `Full` if there is no room: what is committed stays in the log.
pub(super) fn copy_back(connection: &mut Connection, when: When) -> Result<(), Error> {
    let Connection::Sqlite(sqlite) = connection else { return Ok(()) };
    let (_, pages, copied): (i32, i32, i32) = LogSize.get_result(sqlite)?;
    let enough = if when == When::AtRest { PAGES_AT_REST } else { PAGES };
    if pages.saturating_sub(copied) >= enough {
        CopyBack.get_result::<(i32, i32, i32)>(sqlite)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Copies everything and cuts the log off. False if a reader is in the way; then ask again.
///
/// # Errors
/// As [`copy_back`].
pub(super) fn truncate(connection: &mut Connection) -> Result<bool, Error> {
    match connection {
        Connection::Sqlite(sqlite) => {
            // A long reader must not keep the writer waiting: who asked asks again.
            sqlite.batch_execute("PRAGMA busy_timeout=0")?;
            let row = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(sqlite);
            sqlite.batch_execute(BUSY_TIMEOUT)?;
            match row.map_err(Error::from) {
                Ok(Checkpoint { busy }) => Ok(busy == 0),
                Err(Error::Conflict(_)) => Ok(false),
                Err(cause) => Err(cause),
            }
        }
        Connection::Postgres(_) => Ok(true),
    }
}
