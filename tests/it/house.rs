//! A whole house from outside: the real program as a child process, spoken to over loopback, on a database of its own.
//!
//! Public doors only: the command line, the API, the log it writes. Where a test looks at files or rows behind the
//! house's back, it says so.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{panicking, sleep};
use std::time::Duration;

use obhut::store::{Location, Shelf};
use obhut::types::{Clock as _, Role, SystemClock, Timestamp};
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::databases::Database;

/// Makes two tests of each named function `fn(Database)`: `name::sqlite` and `name::postgres`.
macro_rules! in_a_house_on_both_databases {
    ($($name:ident),+ $(,)?) => { $(
        mod $name {
            use crate::databases::Database;

            #[test]
            fn sqlite() {
                super::$name(Database::sqlite());
            }

            #[test]
            fn postgres() {
                super::$name(Database::postgres());
            }
        }
    )+ };
}
pub(crate) use in_a_house_on_both_databases;

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SPELL: Duration = Duration::from_millis(20);

/// The hub, running. Stopped by SIGTERM when dropped; then the log is searched for everything personal the test sent.
pub struct House {
    nodes: Vec<Node>,
    keys: BTreeMap<Role, ApiKey>,
    client: Client,
    home: TempDir,
    database: Database,
    newest: Option<String>,
    secrets: Vec<String>,
    arguments: Vec<String>,
    surroundings: Surroundings,
}

/// What is unusual around a hub.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Variables of the environment of `obhut serve`.
    pub environment: Vec<(&'static str, OsString)>,
    /// How the program reaches the database, if not by its own address.
    pub database_url: Option<String>,
}

/// An API key with its public half.
#[derive(Clone)]
pub struct ApiKey {
    pub id: String,
    pub key: String,
}

/// One process.
struct Node {
    child: Child,
    address: String,
}

impl House {
    /// Starts the hub over `database`, with a key of each role that reads under no purpose (the officer's: all; those that
    /// collect do so for `webshop`), and the sources `webshop`, `books` and `amazon`, the last open to the purposes of its contract alone.
    pub fn open(database: Database) -> Self {
        Self::open_with(database, &[])
    }

    /// The same with further arguments for `obhut serve`.
    pub fn open_with(database: Database, arguments: &[&str]) -> Self {
        Self::open_in(database, arguments, Surroundings::default())
    }

    /// The same in unusual surroundings.
    pub fn open_in(database: Database, arguments: &[&str], surroundings: Surroundings) -> Self {
        let home = tempfile::tempdir().unwrap();
        // Its own it makes itself.
        std::fs::create_dir(home.path().join("tmp")).unwrap();
        // Twice is harmless: the second finds the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "the tests are a caller of their own")]
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let (nodes, keys, secrets) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut house = Self { nodes, keys, client, home, database, newest: None, secrets, arguments, surroundings };
        let made = house.run(&["key", "create", "--role", "admin", "--name", "test"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        let id = hyphenated(key.split('_').nth(1).unwrap());
        house.keys.insert(Role::Admin, ApiKey { id, key });
        house.start();
        for role in [Role::Partner, Role::Marketing, Role::Dpo] {
            house = house.with_key(role, []);
        }
        let contract = json!({"purposes": ["order_fulfilment", "bookkeeping", "customer_service", "subject_access"]});
        house = house.with_source("webshop", json!({})).with_source("books", json!({})).with_source("amazon", contract);
        house.with_write_key(Role::Collector, "webshop").with_write_key(Role::Browser, "webshop")
    }

    /// With a key of `role` for these purposes, in place of the one before.
    pub fn with_key<const N: usize>(mut self, role: Role, purposes: [&str; N]) -> Self {
        let key = self.issue(json!({"title": "test", "role": role.word(), "purposes": purposes.as_slice()}));
        self.keys.insert(role, key);
        self
    }

    /// With a key that brings events in for this source.
    pub fn with_write_key(mut self, role: Role, source: &str) -> Self {
        let key = self.issue(json!({"title": "test", "role": role.word(), "source": source}));
        self.keys.insert(role, key);
        self
    }

    /// With a source under these terms.
    pub fn with_source(self, code: &str, terms: Value) -> Self {
        let body = json!({"code": code, "title": code, "connector": "api", "terms": terms});
        self.post(Role::Admin, "/v1/sources", &body).expect(201);
        self
    }

    /// With a customer of the webshop, found by `<name>@example.org`.
    pub fn with_subject(mut self, name: &str) -> Self {
        self.ingest(&[customer("webshop", name)]).expect_all("created");
        self.keep_secret(&mail(name));
        self.newest = Some(name.to_owned());
        self
    }

    /// With that customer's confirmed consent.
    pub fn consenting_to(self, purpose: &str) -> Self {
        let name = self.newest.clone().expect("a subject comes first");
        self.say(&name, "granted", Some(purpose)).expect(201);
        self
    }

    /// With one more process over the same database.
    pub fn with_second_node(mut self) -> Self {
        self.start();
        self
    }

    /// Remembers a text that must not stand in any log.
    pub fn keep_secret(&mut self, text: &str) {
        self.secrets.push(text.to_owned());
    }

    /// A new API key.
    pub fn issue(&self, grant: Value) -> ApiKey {
        let made = self.post(Role::Admin, "/v1/api-keys", &grant).expect(201).json();
        ApiKey { id: text(&made["id"]), key: text(&made["key"]) }
    }

    /// The key of a role.
    pub fn key(&self, role: Role) -> &ApiKey {
        &self.keys[&role]
    }

    /// Brings records in, as one document.
    pub fn ingest(&self, records: &[Value]) -> Reply {
        self.post(Role::Partner, "/v1/records", &json!({"records": records})).expect(200)
    }

    /// Records what somebody said, on the first node.
    pub fn say(&self, name: &str, act: &str, purpose: Option<&str>) -> Reply {
        self.post(Role::Dpo, "/v1/consents", &statement(name, act, purpose))
    }

    /// Asks for somebody by mail address.
    pub fn lookup(&self, role: Role, name: &str, purpose: &str) -> Reply {
        self.post(role, "/v1/profiles/lookup", &lookup(name, purpose))
    }

    /// `POST` with the key of `role`.
    pub fn post(&self, role: Role, path: &str, body: &Value) -> Reply {
        self.send(self.request(0, Method::POST, path).bearer_auth(&self.keys[&role].key).json(body))
    }

    /// `PUT` with the key of `role`.
    pub fn put(&self, role: Role, path: &str, body: &Value) -> Reply {
        self.send(self.request(0, Method::PUT, path).bearer_auth(&self.keys[&role].key).json(body))
    }

    /// `GET` with the key of `role`.
    pub fn get(&self, role: Role, path: &str) -> Reply {
        self.send(self.request(0, Method::GET, path).bearer_auth(&self.keys[&role].key))
    }

    /// A request to a node, without a key.
    pub fn request(&self, node: usize, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.nodes[node].address))
    }

    /// Sends it; the house must answer.
    pub fn send(&self, request: RequestBuilder) -> Reply {
        Reply::of(request.send().unwrap())
    }

    /// Where the first node listens.
    pub fn address(&self) -> String {
        self.nodes[0].address.clone()
    }

    /// The process of the first node.
    pub fn process(&self) -> u32 {
        self.nodes[0].child.id()
    }

    /// Where each node listens.
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.address.clone()).collect()
    }

    /// The client of the tests; it clones cheaply.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// What a process that is gone holds, in this column of the rows `of`, ends in a second, as it would have ended by itself
    /// later, and that is waited for. Fails if it would not have ended within `longest`, as if it were of another unit.
    #[track_caller]
    pub fn wait_for_the_end_of(&self, column: &str, of: &str, longest: Duration) {
        let (table, which) = of.split_once(' ').unwrap_or((of, "WHERE 1 = 1"));
        let held = format!("SELECT CAST(max({column}) AS TEXT) AS answer FROM {table} {which} AND {column} > 0");
        let until: i64 = self.database.texts(Shelf::Records, &held)[0].parse().unwrap();
        let now = SystemClock.now();
        let latest = now.plus(i64::try_from(longest.as_micros()).unwrap()).micros();
        assert!((now.micros()..=latest).contains(&until), "{table}.{column} is {until}, and now is {}", now.micros());
        let soon = now.plus(Timestamp::SECOND).micros();
        self.database
            .execute(Shelf::Records, &format!("UPDATE {table} SET {column} = {soon} {which} AND {column} > 0"));
        sleep(Duration::from_millis(1_100));
    }

    /// The database, for looks behind the house's back.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Everything the house can write to: data directory, temporary files, logs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The same house, its master key and its API keys, over another database: one that was restored.
    pub fn moved_to(&self, database: Database, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for directory in ["data", "tmp"] {
            std::fs::create_dir(home.path().join(directory)).unwrap();
        }
        let key = Path::new("data").join("master.key");
        std::fs::copy(self.home.path().join(&key), home.path().join(&key)).unwrap();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let (client, keys) = (self.client.clone(), self.keys.clone());
        let (newest, secrets) = (None, self.secrets.clone());
        let surroundings = Surroundings::default();
        Self { nodes: Vec::new(), keys, client, home, database, newest, secrets, arguments, surroundings }
    }

    /// Starts from now on without further arguments.
    pub fn forget_arguments(&mut self) {
        self.arguments.clear();
    }

    /// Demands the erasure of somebody and carries it out.
    pub fn erase(&self, name: &str) -> Reply {
        self.post(Role::Dpo, "/v1/requests", &demand(name, "erasure"))
    }

    /// All entries of the audit book, by the officer's door.
    pub fn audit(&self) -> Vec<Value> {
        let mut next = Some("/v1/audit/entries?limit=1000".to_owned());
        let mut entries = Vec::new();
        while let Some(path) = next {
            let page = self.get(Role::Dpo, &path).expect(200).json();
            entries.extend(page["entries"].as_array().unwrap().iter().cloned());
            next = page["next"].as_str().map(|cursor| format!("/v1/audit/entries?limit=1000&cursor={cursor}"));
        }
        entries
    }

    /// How many lines of this act the audit book holds.
    pub fn audited(&self, act: &str) -> usize {
        self.audit().iter().filter(|entry| entry["act"] == act).count()
    }

    /// Runs another command of the program on the same data.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The program with these arguments on this house's data.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_obhut"));
        let database = match (&self.surroundings.database_url, self.database.location()) {
            (Some(url), _) => url.clone(),
            (None, Location::Sqlite(directory)) => format!("sqlite:{}", directory.display()),
            (None, Location::Postgres { url, .. }) => url.clone(),
        };
        let tmp = self.home.path().join("tmp");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", &tmp).env("SQLITE_TMPDIR", &tmp);
        command.args(arguments).arg("--data-dir").arg(self.home.path().join("data"));
        command.args(["--database-url", &database, "--log-format", "json"]);
        if !self.says("--log-filter") {
            command.args(["--log-filter", "debug"]);
        }
        command
    }

    /// Does the test set this itself, as `--name=value`?
    fn says(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument.split('=').next() == Some(name))
    }

    /// Kills the first node as a power cut would.
    pub fn kill(&mut self) {
        let mut node = self.nodes.remove(0);
        node.child.kill().unwrap();
        node.child.wait().unwrap();
    }

    /// Ends the first node by a signal and says how it ended.
    pub fn end_by(&mut self, signal: Signal) -> ExitStatus {
        let mut node = self.nodes.remove(0);
        kill_process(Pid::from_child(&node.child), signal).unwrap();
        ended(&mut node.child)
    }

    /// Asks the first node to stop and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        let mut node = self.nodes.remove(0);
        kill_process(Pid::from_child(&node.child), Signal::TERM).unwrap();
        ended(&mut node.child)
    }

    /// Starts a node.
    pub fn start(&mut self) {
        let log = self.home.path().join(format!("log-{}.json", self.logs().len()));
        let file = OpenOptions::new().create_new(true).append(true).open(&log).unwrap();
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        if !self.says("--rate-limit-per-second") {
            command.args(["--rate-limit-per-second", "0"]);
        }
        command
            .args(&self.arguments)
            .envs(self.surroundings.environment.clone())
            .stdin(Stdio::null())
            .stdout(File::create(log.with_extension("out")).unwrap())
            .stderr(file);
        let mut child = command.spawn().unwrap();
        let waits = PATIENCE.as_millis() / SPELL.as_millis();
        for _ in 0..waits {
            let written = std::fs::read_to_string(&log).unwrap();
            if let Some(address) = written.lines().find_map(address) {
                self.nodes.push(Node { child, address });
                return;
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the hub ended with {status}:\n{}", std::fs::read_to_string(&log).unwrap());
            }
            sleep(SPELL);
        }
        let _ = child.kill();
        panic!("the hub does not serve:\n{}", std::fs::read_to_string(&log).unwrap());
    }

    /// What the processes wrote to their logs and to standard output.
    pub fn logs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.home.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file() && path.extension().is_some_and(|end| end == "json")).collect()
    }
}

impl Drop for House {
    #[expect(clippy::print_stderr, reason = "a test that fails shows what the hub logged last")]
    fn drop(&mut self) {
        while !self.nodes.is_empty() {
            if panicking() {
                self.kill();
            } else {
                let status = self.stop();
                assert!(status.success(), "after SIGTERM the hub ended with {status}");
            }
        }
        for log in self.logs() {
            let written = std::fs::read_to_string(&log).unwrap();
            if panicking() {
                let tail: Vec<_> = written.lines().rev().take(15).collect();
                eprintln!("the end of {}, newest first:\n{}", log.display(), tail.join("\n"));
                continue;
            }
            for secret in &self.secrets {
                let lines: Vec<_> = written.lines().filter(|line| line.contains(secret)).collect();
                assert!(lines.is_empty(), "the log holds {secret}: {lines:?}");
            }
            let panics: Vec<_> = written.lines().filter(|line| line.contains("a thread panicked")).collect();
            assert!(panics.is_empty(), "{panics:?}");
        }
    }
}

/// The address out of the line that says it.
fn address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["message"] == "serving").then(|| format!("http://{}", line["address"].as_str().unwrap()))
}

fn ended(child: &mut Child) -> ExitStatus {
    for _ in 0..PATIENCE.as_millis() / SPELL.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        sleep(SPELL);
    }
    let _ = child.kill();
    panic!("the hub does not stop");
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads the whole answer.
    pub fn of(response: Response) -> Self {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        Self { status: response.status().as_u16(), headers, body: response.bytes().unwrap().to_vec() }
    }

    /// Fails unless it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails unless every record had this outcome.
    #[track_caller]
    pub fn expect_all(self, outcome: &str) -> Self {
        let results = self.json()["results"].as_array().unwrap().clone();
        assert!(results.iter().all(|result| result["outcome"] == outcome), "{}", self.text());
        self
    }

    /// Its body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The code of a problem.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.headers.get("content-type").map(String::as_str), Some("application/problem+json"));
        text(&self.json()["code"])
    }

    /// Everything the caller sees, but for the request id, the date, the order of headers, and whether the connection
    /// goes on, which depends on how much of the body had arrived.
    pub fn seen(&self) -> (u16, Vec<(String, String)>, String) {
        let differs = |name: &str| ["x-request-id", "date", "connection"].contains(&name);
        let id = self.headers.get("x-request-id").cloned().unwrap_or_default();
        let headers = self.headers.iter().filter(|(name, _)| !differs(name));
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        (self.status, headers, self.text().replace(&id, "<request id>"))
    }
}

/// The mail address of somebody.
pub fn mail(name: &str) -> String {
    format!("{name}@example.org")
}

/// A customer record.
pub fn customer(source: &str, name: &str) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": name, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [{"kind": "email", "value": mail(name), "verified": true}],
        "data": {
            "person": {"given_name": format!("Given{name}"), "family_name": format!("Family{name}")},
            "addresses": [{"use": "contact", "street": format!("{name}weg"), "house_number": "7",
                "postal_code": "10115", "city": "Berlin", "country": "DE"}],
        },
    })
}

/// An order.
pub fn order(source: &str, number: &str, name: &str, ordered_at: &str) -> Value {
    json!({
        "type": "order", "source": source, "external_id": number, "updated_at": ordered_at,
        "identifiers": [{"kind": "email", "value": mail(name), "verified": true}],
        "data": {
            "number": number, "ordered_at": ordered_at, "status": "paid", "currency": "EUR", "total": "19.99",
            "person": {"given_name": format!("Given{name}"), "family_name": format!("Family{name}")},
            "lines": [{"sku": "A1", "title": "Teekanne", "quantity": 1, "unit_price": "19.99", "total": "19.99"}],
        },
    })
}

/// What a person said just now, with the proof a confirmed yes needs.
pub fn statement(name: &str, act: &str, purpose: Option<&str>) -> Value {
    let now = SystemClock.now().rfc3339();
    let mut statement = json!({
        "identifier": {"kind": "email", "value": mail(name)}, "act": act, "method": "double_opt_in",
    });
    let fields = statement.as_object_mut().unwrap();
    if let Some(purpose) = purpose {
        fields.insert("purpose".to_owned(), purpose.into());
    }
    if act == "granted" {
        fields.insert("channel".to_owned(), "email".into());
        fields.insert("text_version".to_owned(), "2026-01".into());
        fields.insert("requested_at".to_owned(), now.clone().into());
        fields.insert("confirmed_at".to_owned(), now.into());
        fields.insert("evidence".to_owned(), json!({"form_url": "https://shop.example/newsletter"}));
    }
    statement
}

/// The question for a profile by mail address.
pub fn lookup(name: &str, purpose: &str) -> Value {
    json!({"identifier": {"kind": "email", "value": mail(name)}, "purpose": purpose})
}

/// A demand of somebody, to be carried out at once.
pub fn demand(name: &str, right: &str) -> Value {
    json!({"right": right, "identifier": {"kind": "email", "value": mail(name)}, "execute": true})
}

/// Now, moved by `seconds`.
pub fn moment(seconds: i64) -> String {
    SystemClock.now().plus(seconds * Timestamp::SECOND).rfc3339()
}

/// A text out of a document.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn hyphenated(hex: &str) -> String {
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
