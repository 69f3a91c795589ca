//! Brings each shelf to this version at start, and back for tests.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Error;
use super::connection::{Access, Connection, Location, Shelf, open};

const SQLITE_RECORDS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/records");
const SQLITE_KEYS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/keys");
const SQLITE_AUDIT: EmbeddedMigrations = embed_migrations!("migrations/sqlite/audit");
const POSTGRES_RECORDS: EmbeddedMigrations = embed_migrations!("migrations/postgres/records");
const POSTGRES_KEYS: EmbeddedMigrations = embed_migrations!("migrations/postgres/keys");
const POSTGRES_AUDIT: EmbeddedMigrations = embed_migrations!("migrations/postgres/audit");

/// How often a node tries again when another node migrates the same database at the same moment.
const TRIES: u32 = 20;

/// Runs what is pending on all three shelves.
pub(super) fn up(location: &Location) -> Result<(), Error> {
    for shelf in Shelf::ALL {
        let mut tries = 1;
        loop {
            match up_one(location, shelf) {
                Ok(()) => break,
                Err(cause) if tries == TRIES || location.embedded() => return Err(cause),
                Err(_) => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }
    Ok(())
}

fn up_one(location: &Location, shelf: Shelf) -> Result<(), Error> {
    let mut connection = open(location, shelf, Access::Write)?;
    create_schema(&mut connection, shelf)?;
    let done = match &mut connection {
        Connection::Sqlite(sqlite) => sqlite.run_pending_migrations(sqlite_set(shelf)).map(|_| ()),
        Connection::Postgres(postgres) => postgres.run_pending_migrations(postgres_set(shelf)).map(|_| ()),
    };
    done.map_err(|cause| Error::Migrate(cause.to_string()))
}

/// Takes every migration of every shelf back. The data is gone afterwards.
///
/// # Errors
/// If the database cannot be opened or a step fails.
pub fn danger_down(location: &Location) -> Result<(), Error> {
    for shelf in Shelf::ALL {
        let mut connection = open(location, shelf, Access::Write)?;
        let done = match &mut connection {
            Connection::Sqlite(sqlite) => sqlite.revert_all_migrations(sqlite_set(shelf)).map(|_| ()),
            Connection::Postgres(postgres) => postgres.revert_all_migrations(postgres_set(shelf)).map(|_| ()),
        };
        done.map_err(|cause| Error::Migrate(cause.to_string()))?;
    }
    Ok(())
}

fn create_schema(connection: &mut Connection, shelf: Shelf) -> Result<(), Error> {
    if let Connection::Postgres(postgres) = connection {
        postgres
            .batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", shelf.name()))
            .map_err(|cause| Error::Migrate(cause.to_string()))?;
    }
    Ok(())
}

const fn sqlite_set(shelf: Shelf) -> EmbeddedMigrations {
    match shelf {
        Shelf::Records => SQLITE_RECORDS,
        Shelf::Keys => SQLITE_KEYS,
        Shelf::Audit => SQLITE_AUDIT,
    }
}

const fn postgres_set(shelf: Shelf) -> EmbeddedMigrations {
    match shelf {
        Shelf::Records => POSTGRES_RECORDS,
        Shelf::Keys => POSTGRES_KEYS,
        Shelf::Audit => POSTGRES_AUDIT,
    }
}
