//! What has to hold for hours: the same tests short in the normal suite and full by `tests/hammer`.
//!
//! `docs/reliability.md` says what each of them proves. A test asks [`times`] how often to do a thing and reports what
//! it saw with [`figure`]; nothing else may differ between the two forms.

mod checker;
mod enumeration;
mod fuzz;
mod history;
mod kill;
mod model;
mod mutation;
mod overload;
mod rotation;
mod statistics;
mod sync;
mod wire;

use std::fmt::Display;
use std::io::Write as _;
use std::time::{Duration, Instant};

use obhut::types::{Entropy as _, Role, SystemEntropy};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::databases::{Database, Dialect};
use crate::house::House;

/// How often: `short` in the normal suite, `full` by `tests/hammer`, and there whatever `OBHUT_HAMMER_<NAME>` says.
pub fn times(name: &str, short: usize, full: usize) -> usize {
    let variable = format!("OBHUT_HAMMER_{}", name.to_uppercase());
    let wanted = environment(&variable).map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")));
    if is_full() { wanted.unwrap_or(full) } else { short }
}

/// What chance begins with: `short` in the normal suite; by `tests/hammer` another one each time, which is printed, or
/// whatever `OBHUT_HAMMER_SEED` says.
#[expect(clippy::print_stderr, reason = "a run that fails must be able to be repeated")]
pub fn seed(of: &str, short: u64) -> u64 {
    let wanted = environment("OBHUT_HAMMER_SEED").map(|text| text.parse().expect("OBHUT_HAMMER_SEED is a number"));
    let seed = match wanted {
        Some(seed) if is_full() => seed,
        None if is_full() => {
            let mut bytes = [0; 8];
            SystemEntropy::new().fill(&mut bytes).unwrap();
            u64::from_le_bytes(bytes) >> 32
        }
        _ => short,
    };
    eprintln!("{of}: OBHUT_HAMMER_SEED={seed}");
    seed
}

/// Is this the long run?
pub(crate) fn is_full() -> bool {
    environment("OBHUT_HAMMER").is_some_and(|form| form == "full")
}

/// So many sockets, or, where the system allows the tests fewer open files even when asked for more, those that may be opened: of the short
/// form several tests run at the same time, of the long one only one does.
fn sockets(wanted: usize) -> usize {
    const PLENTY: u64 = 16_384;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let more = maximum.map_or(PLENTY, |maximum| maximum.min(PLENTY));
    let allowed = match current {
        Some(now) if now < more => {
            let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum });
            if raised.is_ok() { more } else { now }
        }
        Some(now) => now,
        None => PLENTY,
    };
    wanted.min(usize::try_from(if is_full() { allowed - allowed / 4 } else { allowed / 4 }).unwrap())
}

#[test]
fn as_many_sockets_may_be_opened_as_a_storm_takes() {
    let may_be =
        |number: usize| u64::try_from(number).unwrap() <= getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(may_be(sockets(4_000)) && may_be(sockets(usize::MAX)));
    let maximum = getrlimit(Resource::Nofile).maximum;
    assert!(sockets(4_000) == 4_000 || maximum.is_some_and(|maximum| maximum < 16_384), "of {maximum:?}");
}

/// Reports a figure of the long run: a line of the file that `tests/hammer` shows at its end.
pub fn figure(hammer: &str, database: &str, what: &str, value: impl Display) {
    if let Some(path) = environment("OBHUT_HAMMER_FIGURES") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "| {hammer} | {database} | {what} | {value} |").unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a run is to be, only the environment knows")]
fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// A running watch. What is measured here is the house from outside, which has a clock of its own.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a test measures the house")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn passed(self) -> Duration {
        self.0.elapsed()
    }

    pub fn micros(self) -> u64 {
        u64::try_from(self.passed().as_micros()).unwrap()
    }
}

/// A house for a long run: its log says what went wrong and not every call.
fn house(database: Database, arguments: &[&str]) -> House {
    House::open_with(database, &[&["--log-filter=info"], arguments].concat())
}

/// A name for somebody of a long run, like no other: one that differs by a digit would look like a typing error, and two
/// people would be taken for one.
pub fn unlike(of: &str) -> String {
    Sha256::digest(of).iter().take(14).map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// A house where nobody is compared with anybody, for people whose names are numbers.
fn house_without_matching(database: Database, arguments: &[&str]) -> House {
    let house = house(database, arguments);
    let purposes = house.get(Role::Admin, "/v1/purposes").expect(200).json();
    let purposes = purposes["purposes"].as_array().unwrap().iter().map(|purpose| purpose["code"].as_str().unwrap());
    let purposes: Vec<&str> = purposes.filter(|code| *code != "identity_matching").collect();
    let terms = json!({"code": "webshop", "title": "webshop", "connector": "api", "terms": {"purposes": purposes}});
    house.put(Role::Admin, "/v1/sources/webshop", &terms).expect(200);
    house
}

/// The name of the database in the figures.
pub fn name(database: &Database) -> &'static str {
    match database.dialect() {
        Dialect::Sqlite => "SQLite",
        Dialect::Postgres => "PostgreSQL",
    }
}

/// The whole log is linked.
fn assert_log_verifies(house: &House) {
    let found = house.post(obhut::types::Role::Dpo, "/v1/audit/verifications", &serde_json::json!({}));
    let found = found.expect(200).json();
    assert_eq!(found["intact"], true, "{found}");
}
