//! One connection type over both databases, opened with the settings the house relies on.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection, SqliteConnection};

use super::Error;

/// Writes a query once for both databases: the body is compiled for each, which costs nothing at run time and
/// lets diesel use what each has (`= ANY` on PostgreSQL, `IN` on SQLite).
macro_rules! on {
    ($connection:expr, |$c:ident| $body:expr) => {
        match $connection {
            $crate::store::connection::Connection::Sqlite($c) => $body,
            $crate::store::connection::Connection::Postgres($c) => $body,
        }
    };
}
pub(crate) use on;

/// A connection to either database.
pub enum Connection {
    /// Embedded.
    Sqlite(SqliteConnection),
    /// Outgrown one machine.
    Postgres(PgConnection),
}

impl Connection {
    /// Runs statements that have no result.
    pub(super) fn execute(&mut self, statements: &str) -> Result<(), Error> {
        Ok(on!(self, |c| c.batch_execute(statements))?)
    }

    /// Is there still a database at the other end?
    pub(super) fn answers(&mut self) -> bool {
        self.execute("SELECT 1").is_ok()
    }
}

/// Which of the three files (SQLite) or schemas (PostgreSQL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Records, consent and graph.
    Records,
    /// Wrapped keys.
    Keys,
    /// The audit book.
    Audit,
}

impl Shelf {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Records, Self::Keys, Self::Audit];

    /// The schema's name; the SQLite file's name without `.db`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Keys => "keys",
            Self::Audit => "audit",
        }
    }
}

/// Where the data lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// Three files in a directory.
    Sqlite(PathBuf),
    /// Three schemas of one database; the keys may lie in another one.
    Postgres {
        /// Address of records and audit.
        url: String,
        /// Address of the keys.
        keys_url: String,
    },
}

impl Location {
    /// Reads `sqlite:<directory>` or `postgres://…`. A PostgreSQL address may hold a password: it is never printed.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(url: &str, keys_url: Option<&str>) -> Result<Self, Error> {
        let postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        if let Some(directory) = url.strip_prefix("sqlite:") {
            let directory = directory.strip_prefix("//").unwrap_or(directory);
            if directory.is_empty() || keys_url.is_some() {
                return Err(Error::Open("sqlite needs one directory: sqlite:<directory>".to_owned()));
            }
            Ok(Self::Sqlite(directory.into()))
        } else if postgres(url) && keys_url.is_none_or(postgres) {
            Ok(Self::Postgres { url: url.to_owned(), keys_url: keys_url.unwrap_or(url).to_owned() })
        } else {
            Err(Error::Open("use sqlite:<directory> or postgres://user@host/database".to_owned()))
        }
    }

    /// Is this the embedded database?
    #[must_use]
    pub const fn embedded(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

/// Whether a connection may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// How long SQLite waits for another process's write.
pub(super) const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout=5000";

pub(super) fn open(location: &Location, shelf: Shelf, access: Access) -> Result<Connection, Error> {
    match location {
        Location::Sqlite(directory) => sqlite(directory, shelf, access).map(Connection::Sqlite),
        Location::Postgres { url, keys_url } => {
            let url = if shelf == Shelf::Keys { keys_url } else { url };
            postgres(url, shelf).map(Connection::Postgres)
        }
    }
}

fn sqlite(directory: &Path, shelf: Shelf, access: Access) -> Result<SqliteConnection, Error> {
    let file = directory.join(shelf.name()).with_extension("db");
    let name = file.to_str().ok_or_else(|| Error::Open("the data directory's name is not UTF-8".to_owned()))?;
    let mut connection = SqliteConnection::establish(name).map_err(|cause| Error::Open(cause.to_string()))?;
    // busy_timeout first: switching to WAL may meet another process that recovers the file.
    let settings = match access {
        // secure_delete overwrites what is erased; FULL makes every commit durable; the writer checkpoints by itself.
        Access::Write => {
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;
             PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
             PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-65536;"
        }
        Access::Read => {
            "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;
             PRAGMA mmap_size=17179869184; PRAGMA cache_size=-4096;"
        }
    };
    let mut set = |settings: &str| connection.batch_execute(settings);
    set(BUSY_TIMEOUT).and_then(|()| set(settings)).map_err(|cause| Error::Open(cause.to_string()))?;
    Ok(connection)
}

/// What an address says of waiting if it says nothing itself: seconds for a new connection, milliseconds until sent data
/// must be acknowledged, and how a connection that is idle is found to be dead. Without them a network that swallows
/// everything keeps a caller waiting for hours.
const PATIENCE: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "30000"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
];

fn with_patience(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in PATIENCE {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.extend([name, "=", value]);
        }
    }
    url
}

fn postgres(url: &str, shelf: Shelf) -> Result<PgConnection, Error> {
    // libpq's own text names host and user at most, never the password.
    let mut connection =
        PgConnection::establish(&with_patience(url)).map_err(|cause| Error::Open(cause.to_string()))?;
    connection
        .batch_execute(&format!(
            "SET search_path TO {schema}; SET synchronous_commit TO on; SET client_min_messages TO warning;
             SET idle_in_transaction_session_timeout TO '60s'; SET statement_timeout TO '60s';",
            schema = shelf.name()
        ))
        .map_err(|cause| Error::Open(cause.to_string()))?;
    // Some failures are only known by their text, which is to be English. Not every server lets every user say so;
    // then such a failure is answered instead of tried again.
    let _ = connection.batch_execute("SET lc_messages TO 'C'");
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_own_patience() {
        let url = with_patience("postgres://hub@db/obhut?connect_timeout=60");
        assert!(url.starts_with("postgres://hub@db/obhut?connect_timeout=60&tcp_user_timeout="), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
        assert!(with_patience("postgres://hub@db/obhut").contains("/obhut?connect_timeout=5&"));
    }
}
