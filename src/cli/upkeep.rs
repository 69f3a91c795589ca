//! `obhut retention`, `obhut audit`, `obhut config`.

use clap::{Args, Subcommand};

use crate::config::{HomeLayer, Layer};

/// `obhut retention`.
#[derive(Subcommand)]
pub enum Retention {
    /// Look at everybody once and delete what is due; the hub does the same by itself twice a day while it serves
    ///
    /// Runs while the hub serves, on one node at a time, and goes on where it was cut short. People with an open request
    /// or a restriction (Art. 18 GDPR) are left alone: record a restriction to hold data for a legal claim. Prints how
    /// much each rule ended.
    #[command(after_help = "Example:\n  obhut retention run --dry-run --data-dir /var/lib/obhut")]
    Run(RetentionRun),
}

/// `obhut retention run`.
#[derive(Args)]
pub struct RetentionRun {
    /// Count what is due, delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut audit`.
#[derive(Subcommand)]
pub enum Audit {
    /// Read the whole audit log and prove that no entry was changed, removed or moved
    ///
    /// Exit status 1 and the number of the first wrong entry if one was.
    Verify(HomeLayer),
}

/// `obhut config`.
#[derive(Subcommand)]
pub enum Config {
    /// Read file, environment and flags, and say what is wrong with them; starts nothing
    Check(Layer),
}
