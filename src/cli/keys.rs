//! `obhut keys`: those that seal the data. `obhut key`: those that callers have.

use clap::{Args, Subcommand};

use crate::config::HomeLayer;
use crate::types::{ApiKeyId, PurposeCode, Role};

/// `obhut keys`.
#[derive(Subcommand)]
pub enum Keys {
    /// Begin a new KEK epoch and wrap every data key again; the old epoch is destroyed when it is empty
    ///
    /// Runs while the hub serves and goes on where it stopped. After it, what was erased before is gone from every
    /// old backup too. About a million persons in a minute.
    Rotate(HomeLayer),
    /// Give every person a new data key and seal their records again
    ///
    /// Runs while the hub serves. Only needed if data keys may have become known. What only a law still keeps of erased
    /// persons is sealed again too. Every call begins anew; one that was cut short goes on with --resume.
    RotateData(RotateData),
}

/// `obhut keys rotate-data`.
#[derive(Args)]
pub struct RotateData {
    /// Go on with a run that was cut short, instead of giving new keys to those too who got theirs from it
    #[arg(long)]
    pub resume: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut key`.
#[derive(Subcommand)]
pub enum Key {
    /// Make an API key; it is printed once and only its hash is kept
    #[command(after_help = "Examples:\n  obhut key create --role dpo --name 'Data protection'\n  \
                            obhut key create --role marketing --name newsletter --purpose newsletter_email --days 90\n  \
                            obhut key create --role browser --name 'shop pages' --source webshop")]
    Create(CreateKey),
    /// List API keys: id, name, role, purposes, expiry; never the keys
    List(HomeLayer),
    /// Revoke an API key at once, on all nodes
    Revoke(RevokeKey),
}

/// `obhut key create`.
#[derive(Args)]
pub struct CreateKey {
    /// What the key may do: admin (configure; reads no personal data), partner (push and pull records), marketing
    /// (pull segments), dpo (requests, evidence, explanations), collector (a server that tells of events), browser (a page
    /// that does; everybody can read this key)
    #[arg(long)]
    pub role: Role,
    /// A name to know it by, for the list and the audit log
    #[arg(long)]
    pub name: String,
    /// Purposes it may read for; repeat it for several. Without any it may read for none, a dpo for all
    #[arg(long = "purpose", value_name = "CODE")]
    pub purposes: Vec<PurposeCode>,
    /// Source whose events a collector or browser key brings in
    #[arg(long, value_name = "CODE")]
    pub source: Option<String>,
    /// Days until it expires
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut key revoke`.
#[derive(Args)]
pub struct RevokeKey {
    /// The id of the key, from `obhut key list`
    pub id: ApiKeyId,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}
