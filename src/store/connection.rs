//! One connection type over both databases, opened with the settings the house relies on.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Integer, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};

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

/// KiB of pages that a connection keeps. The indexes of the records are written to in no order; lines of the audit book and keys
/// come one behind the other, and SQLite walks over all it keeps at each commit that split a page. What is read is mapped.
const fn cache(shelf: Shelf, access: Access) -> u32 {
    match (access, shelf) {
        (Access::Write, Shelf::Records) => 65_536,
        (Access::Write, Shelf::Keys) => 16_384,
        (Access::Write, Shelf::Audit) => 2_048,
        (Access::Read, _) => 4_096,
    }
}

fn sqlite(directory: &Path, shelf: Shelf, access: Access) -> Result<SqliteConnection, Error> {
    let file = directory.join(shelf.name()).with_extension("db");
    let name = file.to_str().ok_or_else(|| Error::Open("the data directory's name is not UTF-8".to_owned()))?;
    let mut connection = SqliteConnection::establish(name).map_err(|cause| Error::Open(cause.to_string()))?;
    // busy_timeout first: switching to WAL may meet another process that recovers the file.
    let settings = match access {
        // secure_delete overwrites what is erased; FULL makes every commit durable; `checkpoint` copies the log back.
        Access::Write => {
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;
             PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;
             PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=17179869184;"
        }
        Access::Read => {
            "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;
             PRAGMA mmap_size=17179869184;"
        }
    };
    let mut set = |settings: &str| connection.batch_execute(settings);
    let cache = format!("PRAGMA cache_size=-{}", cache(shelf, access));
    set(BUSY_TIMEOUT)
        .and_then(|()| set(settings))
        .and_then(|()| set(&cache))
        .map_err(|cause| Error::Open(cause.to_string()))?;
    if access == Access::Write && !overwrites(&mut connection).map_err(|cause| Error::Open(cause.to_string()))? {
        return Err(Error::Open("this SQLite does not overwrite what is deleted (secure_delete)".to_owned()));
    }
    Ok(connection)
}

#[derive(QueryableByName)]
struct SecureDelete {
    #[diesel(sql_type = Integer)]
    secure_delete: i32,
}

/// Whether erased bytes are overwritten. A library that does not know the setting ignores it silently, and then an
/// erasure leaves the person in the file.
fn overwrites(connection: &mut SqliteConnection) -> diesel::QueryResult<bool> {
    Ok(sql_query("PRAGMA secure_delete").get_result::<SecureDelete>(connection)?.secure_delete == 1)
}

#[derive(QueryableByName)]
struct CompileOption {
    #[diesel(sql_type = Text)]
    compile_options: String,
}

/// How SQLite has to be compiled; `.cargo/config.toml` says why. Cargo reads that file from the directory it is called
/// in, so a build from elsewhere (`--manifest-path`) lacks it.
const COMPILED: [&str; 5] = ["SECURE_DELETE", "TEMP_STORE=2", "ENABLE_QPSG", "DEFAULT_MEMSTATUS=0", "THREADSAFE=2"];

/// How SQLite must not be compiled.
const NOT_COMPILED: &str = "ENABLE_MEMORY_MANAGEMENT";

/// What this program's SQLite lacks of how it has to be compiled, or has too much.
///
/// # Errors
/// If SQLite does not say.
pub(super) fn compiled_wrongly() -> Result<Vec<&'static str>, Error> {
    let mut connection = SqliteConnection::establish(":memory:").map_err(|cause| Error::Open(cause.to_string()))?;
    let options: Vec<CompileOption> = sql_query("PRAGMA compile_options").load(&mut connection)?;
    let has = |option: &str| options.iter().any(|has| has.compile_options == option);
    let missing = COMPILED.into_iter().filter(|option| !has(option));
    Ok(missing.chain(has(NOT_COMPILED).then_some(NOT_COMPILED)).collect())
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
             SET idle_in_transaction_session_timeout TO '60s'; SET statement_timeout TO '60s';
             SET lock_timeout TO '10s';
             -- Everything is found by key. In the first minutes of a new hub the server has no statistics yet and would
             -- read whole tables instead; and what never changes need not be planned each time.
             SET enable_seqscan TO off; SET jit TO off; SET plan_cache_mode TO force_generic_plan;",
            schema = shelf.name()
        ))
        .map_err(|cause| Error::Open(cause.to_string()))?;
    // Some failures are only known by their text, which has to be English. Not every server lets every user say so.
    if connection.batch_execute("SET lc_messages TO 'C'").is_err() {
        let shown = sql_query("SHOW lc_messages").get_result::<Messages>(&mut connection);
        if !shown.is_ok_and(|shown| is_english(&shown.lc_messages)) {
            return Err(Error::Open(FOREIGN.to_owned()));
        }
    }
    Ok(connection)
}

/// A lock that is held or a connection that ends would be taken for faults of the hub.
const FOREIGN: &str = "the server does not speak English to this user, so that its failures cannot be told apart: \
    let an administrator run ALTER ROLE … SET lc_messages = 'C'";

#[derive(QueryableByName)]
struct Messages {
    #[diesel(sql_type = Text)]
    lc_messages: String,
}

/// Whether messages of this locale are English. Empty is the server's own environment, which nobody knows.
fn is_english(locale: &str) -> bool {
    matches!(locale, "C" | "POSIX" | "C.UTF-8" | "C.utf8") || locale.starts_with("en")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails as well when the tests are built from another directory: `.cargo/config.toml` is not read there.
    #[test]
    fn sqlite_is_compiled_as_the_house_needs_it() {
        assert_eq!(compiled_wrongly().unwrap(), [""; 0]);
    }

    #[test]
    fn messages_are_english_or_the_hub_does_not_start() {
        assert!(["C", "POSIX", "C.UTF-8", "en_US.UTF-8"].into_iter().all(is_english));
        assert!(!["de_DE.UTF-8", "", "fr_FR"].into_iter().any(is_english));
    }

    #[test]
    fn a_writer_overwrites_what_is_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = sqlite(directory.path(), Shelf::Keys, Access::Write).unwrap();
        assert!(overwrites(&mut connection).unwrap());
        // FAST leaves whole freed pages as they are.
        for less in ["OFF", "FAST"] {
            connection.batch_execute(&format!("PRAGMA secure_delete={less}")).unwrap();
            assert!(!overwrites(&mut connection).unwrap(), "{less}");
        }
    }

    #[test]
    fn an_address_keeps_its_own_patience() {
        let url = with_patience("postgres://hub@db/obhut?connect_timeout=60");
        assert!(url.starts_with("postgres://hub@db/obhut?connect_timeout=60&tcp_user_timeout="), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
        assert!(with_patience("postgres://hub@db/obhut").contains("/obhut?connect_timeout=5&"));
    }
}
