//! The measured server: a process of its own, over a fresh database.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::client::{Call, Connection};
use super::cost::Cost;

/// A hub, and what is needed to ask it.
pub struct Hub {
    server: Child,
    directory: PathBuf,
    /// Processes of a database server whose CPU counts as well.
    database: Option<u32>,
    pub address: String,
    pub partner: String,
    pub dpo: String,
    /// The write key of a server.
    pub collector: String,
}

impl Hub {
    /// Starts a hub in `directory`. `postgres` is the address of an empty database and the process id of its server;
    /// without it the database is embedded.
    pub fn start(directory: &Path, postgres: Option<(&str, u32)>) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let obhut = |command: &[&str]| {
            let mut obhut = Command::new(env!("CARGO_BIN_EXE_obhut"));
            let log = File::options().create(true).append(true).open(directory.join("log")).unwrap();
            obhut.args(command).arg("--data-dir").arg(directory).stderr(log);
            if let Some((url, _)) = postgres {
                obhut.args(["--database-url", url]);
            }
            obhut
        };
        let key = |role: &str, purposes: &[&str]| {
            let mut command = obhut(&["key", "create", "--role", role, "--name", role]);
            purposes.iter().for_each(|purpose| {
                command.args(["--purpose", purpose]);
            });
            let output = command.output().unwrap();
            assert!(output.status.success(), "no key for {role}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let (admin, partner, dpo) = (key("admin", &[]), key("partner", &["newsletter_email"]), key("dpo", &[]));
        let server =
            obhut(&["serve", "--listen", &address, "--rate-limit-per-second", "0"]).spawn().expect("the hub starts");
        let database = postgres.map(|(_, process)| process);
        let directory = directory.to_owned();
        let mut hub = Self { server, directory, database, address, partner, dpo, collector: String::new() };
        while TcpStream::connect(&hub.address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let source = r#"{"code":"bench","title":"Bench","connector":"generic","terms":{}}"#;
        let (status, body) = hub.connect().call(Call::post("/v1/sources", &admin, source));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let grant = r#"{"title":"bench","role":"collector","source":"bench"}"#;
        let (status, body) = hub.connect().call(Call::post("/v1/api-keys", &admin, grant));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let made: serde_json::Value = serde_json::from_slice(&body).unwrap();
        hub.collector = made["key"].as_str().unwrap().to_owned();
        hub
    }

    pub fn connect(&self) -> Connection {
        Connection::open(&self.address)
    }

    /// What `operations` cost that `work` does; `work` returns how long each call took, shortest first.
    pub fn measure(&self, operations: usize, work: impl FnOnce() -> Vec<Duration>) -> Cost {
        let (cpu, start) = (self.cpu(), Instant::now());
        let times = work();
        Cost::new(self.cpu() - cpu, start.elapsed(), operations, &times)
    }

    /// Waits until the hub has grouped by itself what was brought in, which it does when nothing came for a while, and has
    /// nothing else to do: none of it belongs to what is measured next. Returns the CPU that took.
    pub fn rest(&self) -> Duration {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let begun = self.cpu();
        let mut before = begun;
        loop {
            std::thread::sleep(2 * second);
            let now = self.cpu();
            if start.elapsed() > 50 * second && now - before < second / 20 {
                return now - begun;
            }
            before = now;
        }
    }

    /// Turns the keys of the embedded database with the command for it, which says how many data keys it wrapped anew. The cost
    /// is one key's: the process's own CPU.
    #[allow(dead_code, reason = "the bench of costs does")]
    pub fn rotate(&self) -> Cost {
        let (cpu, start) = (ended(std::process::id()), Instant::now());
        let turned = Command::new(env!("CARGO_BIN_EXE_obhut"))
            .args(["keys", "rotate", "--data-dir"])
            .arg(&self.directory)
            .output()
            .unwrap();
        assert!(turned.status.success(), "the keys were not turned");
        let said = String::from_utf8_lossy(&turned.stdout).into_owned() + &String::from_utf8_lossy(&turned.stderr);
        let keys = said.split_once(" wrapped again").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
        let keys = keys.filter(|keys| *keys > 0).expect("how many keys were wrapped anew");
        let took = start.elapsed();
        Cost::new(ended(std::process::id()) - cpu, took, keys, &[took])
    }

    /// User and system time so far.
    fn cpu(&self) -> Duration {
        let own = cpu_of(self.server.id());
        let database = |process| ended(process) + family(process).into_iter().map(cpu_of).sum::<Duration>();
        own + self.database.map_or(Duration::ZERO, database)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// User and system time of a process; the kernel counts in hundredths of a second. Zero if it is gone.
pub fn cpu_of(process: u32) -> Duration {
    ticks(process, 11)
}

/// The same of those of its children that have ended.
fn ended(process: u32) -> Duration {
    ticks(process, 13)
}

/// The sum of two fields behind the name of the process, user and system time.
fn ticks(process: u32, first: usize) -> Duration {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return Duration::ZERO };
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[first].parse::<u64>().unwrap() + fields[first + 1].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(process).chain(children).collect()
}
