//! The settings one place may give: the file, the environment and the flags have the same ones.
//!
//! The flags' definitions are the one list of names and forms; the two other places are read through them.

#![allow(rustdoc::invalid_html_tags, reason = "the comments are the help texts of the command line")]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Arg, Args, Command, FromArgMatches, ValueEnum};

/// Text for people or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// Where the hub's data and keys are; every command needs these.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Where the data is")]
pub struct HomeLayer {
    /// Configuration file (TOML) [default: obhut.toml in the data directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the embedded database, the master key and the credentials [default: ./obhut-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Database: sqlite:<directory> or postgres://user@host/name [default: sqlite:<data-dir>]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Another database for the wrapped keys, so that keys and data are backed up apart
    #[arg(long, value_name = "URL")]
    pub keys_database_url: Option<String>,
    /// Speak to a PostgreSQL server on another machine without TLS; for networks that encrypt below
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub allow_plaintext_database: Option<bool>,
    /// Root key: file:<path>, credential:<name> (systemd LoadCredential), or env (its value in OBHUT_ROOT_KEY, 64 hexadecimal
    /// digits) [default: env if that is set, else
    /// file:<data-dir>/master.key, made with mode 0600 on the first start]
    #[arg(long, value_name = "WHERE")]
    pub root_key_from: Option<String>,
    /// The merchant's name and postal address, for answers to people (Art. 13(1)(a) GDPR)
    #[arg(long, value_name = "TEXT")]
    pub controller_name: Option<String>,
    /// How people reach the merchant
    #[arg(long, value_name = "TEXT")]
    pub controller_contact: Option<String>,
    /// How people reach the data protection officer
    #[arg(long, value_name = "TEXT")]
    pub controller_dpo: Option<String>,
    /// The supervisory authority people may complain to (Art. 15(1)(f) GDPR)
    #[arg(long, value_name = "TEXT")]
    pub controller_authority: Option<String>,
    /// Directory with connectors besides those that come with the hub: one folder for each, or the folder of one
    #[arg(long, value_name = "DIR")]
    pub connectors: Option<PathBuf>,
    /// Where vendors reach this hub from outside, such as `https://hub.example`: what is subscribed at them names it (`obhut
    /// sources listen`)
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Form of the log on standard error [default: text]
    #[arg(long, value_name = "FORM")]
    pub log_format: Option<LogFormat>,
    /// Which events are logged, such as `info` or `warn,obhut=debug` [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log_filter: Option<String>,
}

/// How the hub serves.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "How it serves")]
pub struct ServingLayer {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// TLS certificate with its chain (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// TLS private key (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Listen beyond loopback without TLS: personal data then crosses the network in clear, unless a proxy on a
    /// trusted wire speaks TLS in front [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub allow_plaintext_remote: Option<bool>,
    /// Web origins whose pages may call the API, separated by commas; an empty text is none [default: none]
    #[arg(long, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Calls per second for each API key or peer address; 0 is unlimited [default: 1000]
    #[arg(long, value_name = "CALLS")]
    pub rate_limit_per_second: Option<u32>,
    /// Calls at once after a pause [default: 2000]
    #[arg(long, value_name = "CALLS")]
    pub rate_limit_burst: Option<NonZeroU32>,
    /// Calls that may run at once; more are answered 503 [default: 1024]
    #[arg(long, value_name = "CALLS")]
    pub max_running_calls: Option<u32>,
    /// Connections at once, in equal shares for the workers; more wait to be taken, health probes too. Each takes up to 256 KiB of memory while a long body comes [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pub max_connections: Option<NonZeroU32>,
    /// Bytes of one JSON document, also unpacked [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    pub body_limit_document: Option<u64>,
    /// Bytes of one streamed body, also unpacked [default: 268435456]
    #[arg(long, value_name = "BYTES")]
    pub body_limit_stream: Option<u64>,
    /// Bytes of one line of a streamed body [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    pub body_limit_line: Option<u32>,
    /// Worker threads [default: one per processor]
    #[arg(long, value_name = "COUNT")]
    pub workers: Option<u16>,
    /// Seconds that running calls may take to end after SIGTERM [default: 20]
    #[arg(long, value_name = "SECONDS")]
    pub drain_seconds: Option<u16>,
    /// Days after which a new KEK epoch begins by itself; an erasure is final in old backups when its epoch is
    /// destroyed; 0 is by hand only [default: 30]
    #[arg(long, value_name = "DAYS")]
    pub kek_rotation_days: Option<u32>,
}

/// All settings, each of them optional.
#[derive(Args, Clone, Default)]
pub struct Layer {
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
    /// How it serves.
    #[command(flatten)]
    pub serving: ServingLayer,
}

macro_rules! first {
    ($above:expr, $below:expr; $($field:ident)+) => { Self { $($field: $above.$field.or($below.$field)),+ } };
}

impl HomeLayer {
    fn over(self, below: Self) -> Self {
        first!(self, below; config data_dir database_url keys_database_url allow_plaintext_database root_key_from
            controller_name controller_contact controller_dpo controller_authority connectors public_url log_format log_filter)
    }
}

impl ServingLayer {
    fn over(self, below: Self) -> Self {
        first!(self, below; listen tls_cert tls_key allow_plaintext_remote cors_origins rate_limit_per_second rate_limit_burst
            max_running_calls max_connections body_limit_document body_limit_stream body_limit_line workers drain_seconds kek_rotation_days)
    }
}

impl Layer {
    /// This layer, and where it says nothing, the one below.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self { home: self.home.over(below.home), serving: self.serving.over(below.serving) }
    }

    /// One setting, given as text.
    pub(super) fn one(name: &str, value: &str) -> Result<Self, Unfit> {
        if !names().iter().any(|known| known == name) {
            return Err(Unfit::Unknown);
        }
        let matches = command().try_get_matches_from([format!("--{name}={value}")]).map_err(|_| Unfit::Value)?;
        Self::from_arg_matches(&matches).map_err(|_| Unfit::Value)
    }
}

/// Why a setting cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There is no such setting.
    Unknown,
    /// The value does not have the form the setting needs.
    Value,
}

/// The name of the variable for a setting: `OBHUT_TLS_CERT` for `tls-cert`.
pub(crate) fn variable(name: &str) -> String {
    format!("OBHUT_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The names of all settings, as flags without the dashes.
pub(crate) fn names() -> Vec<String> {
    command().get_arguments().filter_map(Arg::get_long).map(str::to_owned).collect()
}

fn command() -> Command {
    Layer::augment_args(
        Command::new("settings").no_binary_name(true).disable_help_flag(true).disable_version_flag(true),
    )
}
