//! What a consented read and an ingested record cost: CPU per operation of the server process, with ratios inside
//! the same run first, rates beside them. `cargo bench`, or `cargo bench -- 5000` for another number of people.
//!
//! The real server runs as a process of its own over embedded SQLite; 64 keep-alive connections read, 4 ingest.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "measuring reads the clock")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const READERS: usize = 64;
const WRITERS: usize = 4;
const LINES: usize = 500;

fn main() {
    let people = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(20_000);
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::start(directory.path());
    println!("people: {people}; fdatasync of 4 KiB p50/p99: {}", fdatasync(directory.path()));

    let lines: Vec<String> = (0..people).map(record).collect();
    let bytes: usize = lines.iter().map(String::len).sum();
    let bodies: Vec<String> = lines.chunks(LINES).map(|chunk| chunk.join("\n")).collect();
    let plain = plain_inserts(directory.path(), &lines);
    let ingest = hub.measure(people, || {
        each(WRITERS, bodies.len(), |connection, at| {
            let (status, body) =
                connection.call("POST", "/v1/records", &hub.partner, "application/x-ndjson", &bodies[at]);
            assert!(status == 200 && body.contains("\"rejected\":0"), "{status} {body}");
        });
    });
    println!(
        "ingest     {ingest}  ({} bytes per record; plain inserts of the same bytes {plain:.1} us CPU, ratio {:.1})",
        bytes / people,
        ingest.cpu / plain
    );

    let reads = people.max(20_000);
    let read = hub.measure(reads, || {
        each(READERS, reads, |connection, at| {
            let body = lookup(at % people);
            let (status, _) = connection.call("POST", "/v1/profiles/lookup", &hub.partner, "application/json", &body);
            assert_eq!(status, 200);
        });
    });
    println!("read       {read}");
    let empty = hub.measure(reads, || {
        each(READERS, reads, |connection, _| {
            assert_eq!(connection.call("GET", "/healthz", &hub.partner, "application/json", "").0, 200);
        });
    });
    println!("empty call {empty}  (read / empty: {:.1})", read.cpu / empty.cpu);
    let refused = hub.measure(reads, || {
        each(READERS, reads, |connection, at| {
            let body = lookup(people + at);
            let (status, _) = connection.call("POST", "/v1/profiles/lookup", &hub.partner, "application/json", &body);
            assert_eq!(status, 404);
        });
    });
    println!("refusal    {refused}");
}

/// A customer of about a kilobyte, with a confirmed newsletter consent.
fn record(number: usize) -> String {
    format!(
        r#"{{"type":"customer","source":"bench","external_id":"{number}","updated_at":"2026-03-07T13:40:01Z","identifiers":[{{"kind":"email","value":"person{number}@example.org","verified":true}},{{"kind":"customer_number","value":"{number}"}}],"data":{{"person":{{"salutation":"Frau","given_name":"Erika","family_name":"Beispiel{number}","birth_date":"1985-04-12"}},"addresses":[{{"use":"billing","street":"Musterweg","house_number":"{}","postal_code":"10115","city":"Berlin","country":"DE"}}],"group":"standard","tags":["{}"]}},"consents":[{{"purpose":"newsletter_email","channel":"email","act":"granted","at":"2026-01-10T09:05:12Z","method":"double_opt_in","text_version":"2026-01","evidence":{{"requested_at":"2026-01-10T09:00:00Z","confirmed_at":"2026-01-10T09:05:12Z","form_url":"https://shop.example.org/newsletter"}}}}]}}"#,
        number % 200,
        "x".repeat(60)
    )
}

fn lookup(number: usize) -> String {
    format!(r#"{{"identifier":{{"kind":"email","value":"person{number}@example.org"}},"purpose":"newsletter_email"}}"#)
}

/// What one phase cost.
struct Cost {
    cpu: f64,
    rate: f64,
    p50: Duration,
    p99: Duration,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:6.1} us CPU per operation, {:8.0}/s, p50 {:?}, p99 {:?}", self.cpu, self.rate, self.p50, self.p99)
    }
}

static TIMES: std::sync::Mutex<Vec<Duration>> = std::sync::Mutex::new(Vec::new());

/// A hub of its own process.
struct Hub {
    server: Child,
    partner: String,
    address: String,
}

impl Hub {
    fn start(directory: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let obhut = env!("CARGO_BIN_EXE_obhut");
        let key = |role: &str, purposes: &[&str]| {
            let mut command = Command::new(obhut);
            command
                .args(["key", "create", "--role", role, "--name", role, "--log-filter", "error", "--data-dir"])
                .arg(directory);
            purposes.iter().for_each(|purpose| {
                command.args(["--purpose", purpose]);
            });
            let output = command.stderr(Stdio::null()).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (admin, partner) = (key("admin", &[]), key("partner", &["newsletter_email"]));
        let server = Command::new(obhut)
            .args(["serve", "--listen", &address, "--rate-limit-per-second", "0", "--log-filter", "warn", "--data-dir"])
            .arg(directory)
            .spawn()
            .unwrap();
        let hub = Self { server, partner, address };
        while TcpStream::connect(&hub.address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let source = r#"{"code":"bench","title":"Bench","connector":"generic","terms":{}}"#;
        let mut connection = Connection::open(&hub.address);
        let (status, body) = connection.call("POST", "/v1/sources", &admin, "application/json", source);
        assert_eq!(status, 201, "{body}");
        hub
    }

    fn measure(&self, operations: usize, work: impl FnOnce()) -> Cost {
        ADDRESS.set(self.address.clone()).ok();
        TIMES.lock().unwrap().clear();
        let (cpu, start) = (self.cpu(), Instant::now());
        work();
        let (cpu, wall) = (self.cpu() - cpu, start.elapsed());
        let mut times = std::mem::take(&mut *TIMES.lock().unwrap());
        times.sort_unstable();
        Cost {
            cpu: cpu.as_secs_f64() * 1e6 / operations as f64,
            rate: operations as f64 / wall.as_secs_f64(),
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
        }
    }

    /// User and system time of the server so far; the kernel counts in hundredths of a second.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

static ADDRESS: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Runs `work` for 0..count over `connections` connections.
fn each(connections: usize, count: usize, work: impl Fn(&mut Connection, usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = Connection::open(ADDRESS.get().unwrap());
                let mut times = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let start = Instant::now();
                    work(&mut connection, at);
                    times.push(start.elapsed());
                }
                TIMES.lock().unwrap().extend(times);
            });
        }
    });
}

/// A keep-alive connection that speaks just enough HTTP/1.1 to cost the client little.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn call(&mut self, method: &str, path: &str, key: &str, media: &str, body: &str) -> (u16, String) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut status, mut length, mut chunked) = (String::new(), 0, 0, false);
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let lower = line.trim().to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = lower.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if lower == "transfer-encoding: chunked" {
                chunked = true;
            } else if lower.is_empty() {
                break;
            }
        }
        let mut body = Vec::new();
        loop {
            if chunked {
                line.clear();
                self.0.read_line(&mut line).unwrap();
                length = usize::from_str_radix(line.trim(), 16).unwrap() + 2;
            }
            let start = body.len();
            body.resize(start + length, 0);
            self.0.read_exact(&mut body[start..]).unwrap();
            if !chunked || length == 2 {
                break;
            }
        }
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

/// CPU per record of writing the same bytes with plain batched inserts, in microseconds.
fn plain_inserts(directory: &Path, lines: &[String]) -> f64 {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    diesel::table! { plain (id) { id -> BigInt, body -> Binary, } }
    let file = directory.join("plain.db");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             CREATE TABLE plain (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
        )
        .unwrap();
    let start = own_cpu();
    for (chunk, lines) in lines.chunks(LINES).enumerate() {
        connection
            .transaction(|connection| {
                for (at, line) in lines.iter().enumerate() {
                    let id = i64::try_from(chunk * LINES + at).unwrap();
                    diesel::insert_into(plain::table)
                        .values((plain::id.eq(id), plain::body.eq(line.as_bytes())))
                        .execute(connection)?;
                }
                diesel::QueryResult::Ok(())
            })
            .unwrap();
    }
    (own_cpu() - start).as_secs_f64() * 1e6 / lines.len() as f64
}

fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// How long a durable write takes on this disk now.
fn fdatasync(directory: &Path) -> String {
    let mut file = File::create(directory.join("sync")).unwrap();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    format!("{:?} / {:?}", times[100], times[198])
}
