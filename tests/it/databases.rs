//! Real databases: every test of what is stored runs on SQLite and on PostgreSQL, each on a database of its own.
//!
//! The tests in the rooms use this file too; `src/lib.rs` takes it in.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{PgConnection, SqliteConnection, sql_query};
use obhut::store::{Location, Shelf, Store};
use tempfile::TempDir;

/// Makes two tests of each named function `async fn(Database)`: `name::sqlite` and `name::postgres`.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            use crate::databases::{Database, finish};

            #[test]
            fn sqlite() {
                finish(super::$name(Database::sqlite()));
            }

            #[test]
            fn postgres() {
                finish(super::$name(Database::postgres()));
            }
        }
    )+ };
}
pub(crate) use on_both_databases;

/// Runs a test's future to its end on several threads; what it spawns beside itself, as the API does, on this one.
pub fn finish(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

/// An empty database at the present version, gone when dropped. Take it as the first argument of a test, so that every
/// [`Store`] on it is dropped before.
pub struct Database {
    location: Location,
    /// PostgreSQL: where it is to be dropped, and its name.
    server: Option<(Server, String)>,
    /// PostgreSQL: where its files are, if not where all others are.
    tablespace: Option<String>,
    /// SQLite: removed when dropped.
    _directory: Option<TempDir>,
}

/// A place in the write-ahead log of a server; an embedded database has none.
pub struct LogPlace(Option<String>);

/// Which of the two it is, for statements that must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Database {
    /// A new embedded database in a temporary directory.
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("data"));
        Self { location, server: None, tablespace: None, _directory: Some(directory) }
    }

    /// A new database on the server that `tests/run` starts, copied from a template that is migrated once.
    pub fn postgres() -> Self {
        Self::made_from(&Server::of_the_tests().template())
    }

    fn made_from(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = Server::of_the_tests();
        let name = format!("obhut_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        server.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { location: server.location(&name), server: Some((server, name)), tablespace: None, _directory: None }
    }

    /// The same with its files in another directory, which is the server's own and empty.
    pub fn postgres_in(directory: &Path) -> Self {
        let mut database = Self::postgres();
        let (server, name) = database.server.as_ref().unwrap();
        let tablespace = format!("{name}_space");
        server.execute(&format!("CREATE TABLESPACE {tablespace} LOCATION '{}'", directory.display()));
        server.execute(&format!("ALTER DATABASE {name} SET TABLESPACE {tablespace}"));
        database.tablespace = Some(tablespace);
        database
    }

    /// The directory of the server of the tests; none if this process may not look into it.
    pub fn directory_of_the_server() -> Option<PathBuf> {
        let directory = "SELECT current_setting('data_directory') AS answer";
        let row: TextRow = sql_query(directory).get_result(&mut Server::of_the_tests().connect()).unwrap();
        let directory = PathBuf::from(row.answer);
        std::fs::read_dir(&directory).is_ok().then_some(directory)
    }

    /// The embedded database in a directory that somebody else looks after.
    pub fn in_directory(directory: &Path) -> Self {
        Self { location: Location::Sqlite(directory.to_owned()), server: None, tablespace: None, _directory: None }
    }

    /// A copy as it is now, as a backup makes one. On PostgreSQL nobody may be connected.
    pub fn copy(&self) -> Self {
        match &self.location {
            Location::Sqlite(directory) => {
                let copy = Self::sqlite();
                let Location::Sqlite(to) = &copy.location else { unreachable!() };
                std::fs::create_dir_all(to).unwrap();
                for entry in std::fs::read_dir(directory).unwrap() {
                    let entry = entry.unwrap();
                    std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                }
                copy
            }
            Location::Postgres { .. } => {
                let (_, template) = self.server.as_ref().unwrap();
                Self::made_from(template)
            }
        }
    }

    /// A new one of the same kind.
    pub fn another(&self) -> Self {
        if self.location.embedded() { Self::sqlite() } else { Self::postgres() }
    }

    /// Where it lies.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Which of the two it is.
    pub const fn dialect(&self) -> Dialect {
        if self.location.embedded() { Dialect::Sqlite } else { Dialect::Postgres }
    }

    /// Opens the store; a second call is a second node over the same database.
    pub fn store(&self) -> Store {
        Store::open(&self.location).unwrap()
    }

    /// Keeps everybody else from writing to a file for some time, as another process does that writes.
    pub fn hold(&self, shelf: Shelf, time: Duration) {
        let Raw::Sqlite(mut holder) = self.connect(shelf) else { panic!("a file is held, not a server") };
        holder.batch_execute("BEGIN IMMEDIATE").unwrap();
        sleep(time);
        holder.batch_execute("ROLLBACK").unwrap();
    }

    /// Changes a shelf behind the house's back.
    pub fn execute(&self, shelf: Shelf, statements: &str) {
        match self.connect(shelf) {
            Raw::Sqlite(mut c) => c.batch_execute(statements),
            Raw::Postgres(mut c) => c.batch_execute(statements),
        }
        .unwrap();
    }

    /// Whether the write-ahead log of a shelf can be cut off: within a few seconds nobody writes to it or reads an old
    /// snapshot. PostgreSQL has none to cut.
    pub fn can_cut_its_log(&self, shelf: Shelf) -> bool {
        let Raw::Sqlite(mut connection) = self.connect(shelf) else { return true };
        let row: BusyRow = sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(&mut connection).unwrap();
        row.busy == 0
    }

    /// Ends every connection from the server's side and says how many there were.
    pub fn count_disconnected(&self) -> usize {
        let ends = "SELECT pg_terminate_backend(pid)::text AS answer FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        self.texts(Shelf::Records, ends).len()
    }

    /// Ends every connection from the server's side; an embedded database has none to end.
    pub fn disconnect(&self) {
        if let Some((server, name)) = &self.server {
            server.execute(&format!(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                     WHERE datname = '{name}' AND pid <> pg_backend_pid();"
            ));
        }
    }

    /// Reads one text column, named `answer`, behind the house's back.
    pub fn texts(&self, shelf: Shelf, query: &str) -> Vec<String> {
        let rows: Vec<TextRow> = match self.connect(shelf) {
            Raw::Sqlite(mut c) => sql_query(query).load(&mut c),
            Raw::Postgres(mut c) => sql_query(query).load(&mut c),
        }
        .unwrap();
        rows.into_iter().map(|row| row.answer).collect()
    }

    /// How these bytes are written in a statement.
    pub fn literal(&self, bytes: &[u8]) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("X'{}'", hex::encode(bytes)),
            Dialect::Postgres => format!("'\\x{}'::bytea", hex::encode(bytes)),
        }
    }

    /// Every row of every table, as text; bytes in lower-case hexadecimal.
    pub fn dump(&self) -> Vec<String> {
        self.tables(&Shelf::ALL).into_values().flatten().collect()
    }

    /// As [`Database::dump`], of these shelves, sorted under the name of each table.
    pub fn tables(&self, shelves: &[Shelf]) -> BTreeMap<String, Vec<String>> {
        let mut rows = BTreeMap::new();
        for shelf in shelves.iter().copied() {
            let tables = match self.dialect() {
                Dialect::Sqlite => "SELECT name AS answer FROM sqlite_schema WHERE type = 'table'".to_owned(),
                Dialect::Postgres => format!(
                    "SELECT table_name::text AS answer FROM information_schema.tables WHERE table_schema = '{}'",
                    shelf.name()
                ),
            };
            for table in self.texts(shelf, &tables) {
                let row = match self.dialect() {
                    Dialect::Sqlite => {
                        let columns = format!("SELECT name AS answer FROM pragma_table_info('{table}')");
                        let columns = self.texts(shelf, &columns).into_iter();
                        let shown = columns.map(|name| {
                            format!(
                                "CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE coalesce({name}, '') END"
                            )
                        });
                        shown.collect::<Vec<_>>().join(" || ' ' || ")
                    }
                    Dialect::Postgres => "t::text".to_owned(),
                };
                let mut found = self.texts(shelf, &format!("SELECT {row} AS answer FROM {table} t"));
                found.sort_unstable();
                rows.insert(format!("{}.{table}", shelf.name()), found);
            }
        }
        rows
    }

    /// The bytes of one column, named `answer`.
    pub fn bytes(&self, shelf: Shelf, column: &str, rest: &str) -> Vec<Vec<u8>> {
        let shown = match self.dialect() {
            Dialect::Sqlite => format!("lower(hex({column}))"),
            Dialect::Postgres => format!("encode({column}, 'hex')"),
        };
        let found = self.texts(shelf, &format!("SELECT {shown} AS answer {rest}"));
        found.iter().map(|text| hex::decode(text).unwrap()).collect()
    }

    /// Where this database's own files lie: after a checkpoint all that is stored is in them. None if it is a server whose
    /// files this process may not read; whoever looks into files must then say that nothing was looked at.
    pub fn files(&self) -> Option<Vec<PathBuf>> {
        let directory = match &self.location {
            Location::Sqlite(directory) => directory.clone(),
            Location::Postgres { .. } => {
                self.execute(Shelf::Records, "CHECKPOINT");
                self.server_says("current_setting('data_directory') || '/base/' || oid").into()
            }
        };
        std::fs::read_dir(&directory).is_ok().then(|| {
            let files = files_below(&directory);
            assert!(!files.is_empty(), "no files in {}", directory.display());
            files
        })
    }

    /// Where else the server keeps what it was given: its write-ahead log and its temporary files, which all databases
    /// share. Only from the log file on that was written when `since` was noted. The embedded database's lie beside it.
    pub fn shared_files(&self, since: &LogPlace) -> Option<Vec<PathBuf>> {
        let Some(since) = &since.0 else { return self.files().map(|_| Vec::new()) };
        let home = PathBuf::from(self.server_says("current_setting('data_directory')"));
        std::fs::read_dir(home.join("pg_wal")).is_ok().then(|| {
            let is_one = |name: &str| name.len() == 24 && name >= since.as_str();
            let mut files = files_below(&home.join("pg_wal"));
            files.retain(|path| path.file_name().is_some_and(|name| is_one(name.to_str().unwrap())));
            assert!(!files.is_empty(), "no write-ahead log from {since} on");
            let temporary = home.join("base/pgsql_tmp");
            files.extend(if temporary.is_dir() { files_below(&temporary) } else { Vec::new() });
            files
        })
    }

    /// Up to where the server's write-ahead log is written.
    pub fn log_place(&self) -> LogPlace {
        LogPlace(self.server.is_some().then(|| self.server_says("pg_walfile_name(pg_current_wal_lsn())")))
    }

    /// Whether the server uses old files of its write-ahead log again with what is in them.
    pub fn recycles_its_log(&self) -> bool {
        self.server.is_some() && self.server_says("current_setting('wal_recycle')") == "on"
    }

    /// What an operator of PostgreSQL does so that erased rows leave the files: write all tables anew, with what the
    /// planner remembers of their values, and let go of the write-ahead log. The embedded database overwrites by itself.
    pub fn rewrite(&self) {
        if self.server.is_some() {
            for statement in ["ANALYZE", "VACUUM FULL", "SELECT pg_switch_wal()", "CHECKPOINT"] {
                self.execute(Shelf::Records, statement);
            }
        }
    }

    /// The name of the file in which a server keeps a table.
    pub fn file_of(&self, table: &str) -> String {
        let path = self.server_says(&format!("pg_relation_filepath('{table}')"));
        path.rsplit_once('/').unwrap().1.to_owned()
    }

    fn server_says(&self, what: &str) -> String {
        let query = format!("SELECT ({what})::text AS answer FROM pg_database WHERE datname = current_database()");
        self.texts(Shelf::Records, &query).remove(0)
    }

    /// Counts the rows of a table.
    pub fn count(&self, shelf: Shelf, table: &str) -> i64 {
        let query = format!("SELECT count(*) AS answer FROM {table}");
        let row: CountRow = match self.connect(shelf) {
            Raw::Sqlite(mut c) => sql_query(query).get_result(&mut c),
            Raw::Postgres(mut c) => sql_query(query).get_result(&mut c),
        }
        .unwrap();
        row.answer
    }

    fn connect(&self, shelf: Shelf) -> Raw {
        match &self.location {
            Location::Sqlite(directory) => {
                let file = directory.join(shelf.name()).with_extension("db");
                let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout=5000").unwrap();
                Raw::Sqlite(connection)
            }
            Location::Postgres { url, .. } => {
                let mut connection = PgConnection::establish(url).unwrap();
                connection.batch_execute(&format!("SET search_path TO {}", shelf.name())).unwrap();
                Raw::Postgres(connection)
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server {
            server.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            if let Some(tablespace) = &self.tablespace {
                server.execute(&format!("DROP TABLESPACE {tablespace}"));
            }
        }
    }
}

enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    answer: String,
}

#[derive(QueryableByName)]
struct BusyRow {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    answer: i64,
}

/// The server of the tests, by the address of a database that is always there.
struct Server {
    url: String,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "where the tests' server is, only the environment knows")]
    fn of_the_tests() -> Self {
        let url = std::env::var("OBHUT_TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!(
                "this test needs PostgreSQL: run it through `tests/run --quick <part of its name>`, which starts a \
                 temporary server, or set OBHUT_TEST_POSTGRES_URL to one where databases may be created"
            )
        });
        Self { url }
    }

    /// The same server, another database.
    fn location(&self, database: &str) -> Location {
        let (address, options) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let (server, _) = address.rsplit_once('/').expect("the address ends with a database");
        let url = format!("{server}/{database}?{options}");
        Location::Postgres { keys_url: url.clone(), url }
    }

    fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url)
            .unwrap_or_else(|cause| panic!("the tests' PostgreSQL does not answer: {cause}"))
    }

    fn execute(&self, statement: &str) {
        self.connect().batch_execute(statement).unwrap();
    }

    /// The name of a database with all migrations. It is made once for these migrations, whoever comes first, because
    /// some test runners start one process per test.
    fn template(&self) -> String {
        static MADE: Once = Once::new();
        let name = format!("obhut_template_{:016x}", fingerprint(Path::new("migrations/postgres")));
        MADE.call_once(|| {
            let mut connection = self.connect();
            connection.batch_execute("SELECT pg_advisory_lock(1096169320)").unwrap();
            let there: CountRow = sql_query("SELECT count(*) AS answer FROM pg_database WHERE datname = $1")
                .bind::<Text, _>(&name)
                .get_result(&mut connection)
                .unwrap();
            if there.answer == 0 {
                let draft = format!("{name}_draft");
                connection.batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).unwrap();
                connection.batch_execute(&format!("CREATE DATABASE {draft}")).unwrap();
                drop(Store::open(&self.location(&draft)).unwrap());
                // The store's connections may take a moment to end on the server's side.
                connection
                    .batch_execute(&format!(
                        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{draft}';"
                    ))
                    .unwrap();
                connection.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}")).unwrap();
            }
        });
        name
    }
}

/// Changes with every change of a file below `directory`.
fn fingerprint(directory: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files_below(directory) {
        file.hash(&mut hasher);
        std::fs::read(&file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}

/// All files below `directory`, in the order of their names.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}
