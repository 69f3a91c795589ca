//! The twin: what the same reads and writes cost without any protection. It exists in this bench only.
//!
//! A server of the same make answers a lookup with the row in clear, from a table in the same database file, found by
//! the same kind of index: no key, no consent, no decision, no audit line. What a consented read costs more is the
//! tax on privacy.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::cost::{Cost, own_cpu};
use super::hub::cpu_of;

diesel::table! {
    clear (ix) {
        ix -> Binary,
        body -> Binary,
    }
}

/// The argument that makes this program the twin.
pub const ARGUMENT: &str = "--serve-the-twin";

/// Writes the people from number `from` on in clear beside the sealed ones and returns the CPU per record in microseconds: plain inserts of the
/// same bytes in batches as large as the hub's.
pub fn fill(database: &Path, from: usize, lines: &[String], batch: usize) -> f64 {
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE IF NOT EXISTS clear (ix BLOB NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT;",
        )
        .unwrap();
    let start = own_cpu();
    for (chunk, lines) in lines.chunks(batch).enumerate() {
        connection
            .transaction(|connection| {
                for (at, line) in lines.iter().enumerate() {
                    let ix = index(&format!("person{}@example.org", from + chunk * batch + at));
                    diesel::insert_into(clear::table)
                        .values((clear::ix.eq(ix), clear::body.eq(line.as_bytes())))
                        .execute(connection)?;
                }
                diesel::QueryResult::Ok(())
            })
            .unwrap();
    }
    (own_cpu() - start).as_secs_f64() * 1e6 / lines.len() as f64
}

fn index(value: &str) -> Vec<u8> {
    Sha256::digest(value)[..16].to_vec()
}

/// The twin's process.
pub struct Twin {
    server: Child,
    pub address: String,
}

impl Twin {
    pub fn start(database: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let server = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .arg(database)
            .arg(&address)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(&address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { server, address }
    }

    /// As `Hub::measure`.
    pub fn measure(&self, operations: usize, work: impl FnOnce() -> Vec<Duration>) -> Cost {
        let (cpu, start) = (cpu_of(self.server.id()), std::time::Instant::now());
        let times = work();
        Cost::new(cpu_of(self.server.id()) - cpu, start.elapsed(), operations, &times)
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[derive(Deserialize)]
struct Lookup {
    identifier: Identifier,
}

#[derive(Deserialize)]
struct Identifier {
    value: String,
}

/// Is the twin, until it is killed.
pub fn serve(database: &str, address: &str) {
    let (database, address) = (database.to_owned(), address.to_owned());
    actix_web::rt::System::new()
        .block_on(async move {
            HttpServer::new(move || {
                let mut connection = SqliteConnection::establish(&database).unwrap();
                connection
                    .batch_execute("PRAGMA query_only=ON; PRAGMA mmap_size=17179869184; PRAGMA cache_size=-4096;")
                    .unwrap();
                let connection = web::Data::new(std::cell::RefCell::new(connection));
                App::new().app_data(connection).route("/v1/profiles/lookup", web::post().to(lookup))
            })
            .bind(address)?
            .run()
            .await
        })
        .unwrap();
}

async fn lookup(connection: web::Data<std::cell::RefCell<SqliteConnection>>, asked: web::Json<Lookup>) -> HttpResponse {
    let row: Option<Vec<u8>> = clear::table
        .filter(clear::ix.eq(index(&asked.identifier.value)))
        .select(clear::body)
        .first(&mut *connection.borrow_mut())
        .optional()
        .unwrap();
    match row {
        Some(body) => {
            let mut reply = Vec::with_capacity(body.len());
            reply.write_all(&body).unwrap();
            HttpResponse::Ok().content_type("application/json").body(reply)
        }
        None => HttpResponse::NotFound().finish(),
    }
}
