//! The configuration: a TOML file, then the environment (`OBHUT_…`), then flags; the later wins.
//!
//! This is the one place that reads the environment, once. Every setting has one name in three spellings:
//! `--tls-cert` on the command line, `OBHUT_TLS_CERT` in the environment, `tls.cert` in the file. What is missing is
//! closed: no TLS means loopback only, no origin means no CORS.
//!
//! Read next: [`Layer`], the settings one place may give, and [`Config`], what they come to.

mod env;
mod file;
mod layer;
mod resolve;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

pub use env::Environment;
pub use layer::{HomeLayer, Layer, LogFormat, ServingLayer};
pub(crate) use layer::{names as setting_names, variable};
use zeroize::Zeroizing;

use crate::api::limits::Rate;
use crate::api::server::Settings;
use crate::rights::Controller;

/// What the hub runs with.
pub struct Config {
    /// Where the embedded database, the master key and the credentials lie.
    pub data_dir: PathBuf,
    /// Records, consents and the identity graph.
    pub database_url: DatabaseUrl,
    /// The wrapped keys, if they live in another database.
    pub keys_database_url: Option<DatabaseUrl>,
    /// Where the root key comes from.
    pub root_key: RootKey,
    /// What the merchant tells about themselves in answers to people.
    pub controller: Controller,
    /// Where further connectors lie.
    pub connectors: Option<PathBuf>,
    /// Where vendors reach the hub from outside, without a slash at its end.
    pub public_url: Option<String>,
    /// Days after which a new KEK epoch begins; none is by hand only.
    pub kek_rotation_days: Option<NonZeroU32>,
    /// The log.
    pub log: Log,
    /// How the server listens. With the body limits, CORS and the drain time.
    pub server: Settings,
    /// Calls per second and at once, per API key or peer; none is unlimited.
    pub rate: Option<Rate>,
    /// How many calls may run at once.
    pub running_limit: usize,
    /// Things that work and are probably not meant, one sentence each.
    pub warnings: Vec<String>,
}

/// The form and the detail of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// Which events are logged: `info`, `warn,obhut=debug`.
    pub filter: String,
}

/// Where a database is. It can hold a password, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The directory of the embedded database.
    Sqlite(PathBuf),
    /// `postgres://…`, as libpq reads it.
    Postgres(Zeroizing<String>),
}

/// Where the root key comes from. The value is never printed.
pub enum RootKey {
    /// A file that only its owner may read.
    File(PathBuf),
    /// A file in the directory that systemd names in `CREDENTIALS_DIRECTORY`.
    Credential(PathBuf),
    /// The value of `OBHUT_ROOT_KEY`: 32 bytes in hexadecimal.
    Environment(Zeroizing<String>),
}

/// Why there is no configuration. The sentences are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// A line of the file is wrong.
    #[error("{file}, line {line}: {reason}")]
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong; never the value.
        reason: String,
    },
    /// A variable of the environment is wrong.
    #[error("environment variable {name}: {reason}")]
    Variable {
        /// The name of the variable.
        name: String,
        /// What is wrong; never the value.
        reason: &'static str,
    },
    /// The settings do not go together.
    #[error("{setting}: {reason}")]
    Setting {
        /// The setting, as it is written in the file.
        setting: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl Config {
    /// Puts the three layers together: the file that `flags` or `environment` name (or `obhut.toml` in the data
    /// directory, if it exists), the environment, the flags.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn load(flags: Layer, environment: &Environment) -> Result<Self, Error> {
        let above = flags.over(environment.layer()?);
        let file = file::find(&above)?;
        let merged = above.over(file.unwrap_or_default());
        let mut config = resolve::resolve(merged, environment)?;
        config.warnings.extend(environment.unknown());
        Ok(config)
    }
}

/// The default address.
pub(crate) const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

#[cfg(test)]
mod tests;
