//! What goes in and out as files: `obhut import`, `obhut export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::HomeLayer;

/// `obhut import`.
#[derive(Args)]
#[command(after_help = "\
Formats, by the file's ending unless --format says it:
  .json    the vendor's own answer, one document          with --connector
  .ndjson  one canonical record per line (`POST /v1/records` reads the same)
  .csv     with --mapping, or a connector that has one: which column is which field

Records that were imported before and have not changed are skipped, so an import can be repeated. A record that
is refused is reported with its line or number and the reason; the others go in. The exit status is 1 if any was
refused. An e-mail address, phone number, birth date, postal code, country or language that cannot be is left out and
reported; the rest of its record goes in.

Examples:
  obhut import records.ndjson
  obhut import --connector shopware6 --stream orders orders.json
  obhut import --source old_shop --mapping columns.yaml customers.csv")]
pub struct Import {
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Connector whose mapping reads a vendor's JSON, such as shopware6
    #[arg(long, value_name = "NAME", conflicts_with = "mapping")]
    pub connector: Option<String>,
    /// Stream of the connector [default: told from the document, where it can be]
    #[arg(long, value_name = "NAME", requires = "connector")]
    pub stream: Option<String>,
    /// Source the records belong to [default: the connector's name, or what each record says]
    #[arg(long, value_name = "CODE")]
    pub source: Option<String>,
    /// Mapping of CSV columns to fields (YAML); `connectors/generic/mapping.yaml` is an example
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Form of the files
    #[arg(long, value_enum, value_name = "FORM")]
    pub format: Option<Format>,
    /// Check every record by itself, store nothing; whether its source and purposes are configured is not looked at
    #[arg(long)]
    pub dry_run: bool,
    /// Do not group all records anew at the end, as an import that is a tenth of all records or more does in a hub of up to
    /// 200,000; see `obhut graph resolve`
    #[arg(long)]
    pub no_resolve: bool,
    /// No progress bar
    #[arg(long)]
    pub quiet: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// The form of a file to import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A vendor's JSON document.
    Json,
    /// One JSON document per line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

/// `obhut export`.
#[derive(Subcommand)]
pub enum Export {
    /// Write the customers as debtors of DATEV (EXTF, Debitoren/Kreditoren)
    ///
    /// Read at the gateway under the purpose bookkeeping, so what that may not read is not in it. Who is written has an account
    /// of a debtor: the one a source of the connector datev knows them by, or a customer number that is one. What does not fit
    /// a column is left out and named.
    #[command(
        after_help = "Example:\n  obhut export datev --consultant 29098 --client 55 --fiscal-year 2026-01-01 --output EXTF_Debitoren.csv"
    )]
    Datev(ExportDatev),
}

/// `obhut export datev`.
#[derive(Args)]
pub struct ExportDatev {
    /// Number of the tax adviser (Beraternummer)
    #[arg(long, value_name = "NUMBER")]
    pub consultant: u32,
    /// Number of the merchant with the adviser (Mandantennummer)
    #[arg(long, value_name = "NUMBER")]
    pub client: u32,
    /// First day of the fiscal year
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub fiscal_year: jiff::civil::Date,
    /// Digits of a general account (Sachkontenlänge)
    #[arg(long, default_value_t = 4)]
    pub account_length: u8,
    /// Version of the columns the adviser's program reads
    #[arg(long, default_value_t = 5)]
    pub format_version: u16,
    /// The file to write; it is readable by you alone
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}
