//! The command line: what can be asked for, and its help. The actions are wired in `app`.

mod destinations;
mod requests;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use destinations::{AddDestination, Destinations, NamedDestination};
pub use requests::{NamedRequest, Requests};

use crate::config::{HomeLayer, Layer};
use crate::types::{ApiKeyId, PurposeCode, Role, SubjectId};

/// The command line of the hub.
#[derive(Parser)]
#[command(name = "obhut", version, about = ABOUT, after_help = AFTER, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const ABOUT: &str = "A customer data platform with a consent gateway: sealed in, permitted out.";

const AFTER: &str = "\
Examples:
  obhut demo                               a demo merchant on 127.0.0.1:8080, with a tour to paste
  obhut key create --role admin --name me  the first API key; it is shown once
  obhut serve                              the hub on 127.0.0.1:8080, data in ./obhut-data
  obhut serve --config /etc/obhut.toml --database-url postgres://obhut@localhost/obhut
  obhut import --connector shopware6 customers.json
  obhut sources add shopware6 --set shop_url=https://shop.example …
  obhut audit verify                       prove that nobody has rewritten the log

Settings come from a TOML file, then the environment, then flags; the later wins. Each has one
name in three spellings: --tls-cert, OBHUT_TLS_CERT, and tls.cert in the file. `obhut config check`
says what is wrong with them.

Exit status: 0 done, 1 failed, 2 the command line is wrong.";

/// What can be asked for.
#[derive(Subcommand)]
pub enum Command {
    /// Serve a demo merchant: seeds a data directory through the real intake, prints a tour as curl lines
    #[command(after_help = "Running it again on the same directory is harmless. Keys for the tour are written to\n\
                            <data-dir>/credentials.json (mode 0600).\n\nExample:\n  obhut demo --data-dir /tmp/demo --listen 127.0.0.1:9000")]
    Demo(Layer),
    /// Serve the hub until SIGTERM or SIGINT
    #[command(
        after_help = "Without TLS it listens on loopback only. Running calls may end for drain_seconds after SIGTERM.\n\n\
                            Examples:\n  obhut serve --data-dir /var/lib/obhut\n  obhut serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem"
    )]
    Serve(Layer),
    /// Bring records in from a file, through the same intake as the API
    Import(Import),
    /// Connect systems of vendors, and read from them
    Sources {
        /// What to do.
        #[command(subcommand)]
        command: Sources,
    },
    /// Tell programs and systems what people decided and what became of them
    Destinations {
        /// What to do.
        #[command(subcommand)]
        command: Destinations,
    },
    /// Look at connectors
    Connectors {
        /// What to do.
        #[command(subcommand)]
        command: Connectors,
    },
    /// What people demand: list it, and carry erasures out
    Requests {
        /// What to do.
        #[command(subcommand)]
        command: Requests,
    },
    /// Write files for other programs
    Export {
        /// For which.
        #[command(subcommand)]
        command: Export,
    },
    /// Turn the keys that seal the data
    Keys {
        /// Which keys.
        #[command(subcommand)]
        command: Keys,
    },
    /// Delete what no purpose and no law keeps any more
    Retention {
        /// What to do.
        #[command(subcommand)]
        command: Retention,
    },
    /// Look at who was found to be the same person, and correct it
    Graph {
        /// What to do.
        #[command(subcommand)]
        command: Graph,
    },
    /// Check the audit log
    Audit {
        /// What to check.
        #[command(subcommand)]
        command: Audit,
    },
    /// Make, list and revoke API keys
    Key {
        /// What to do.
        #[command(subcommand)]
        command: Key,
    },
    /// Look at the configuration
    Config {
        /// What to do.
        #[command(subcommand)]
        command: Config,
    },
}

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

/// `obhut sources`.
#[derive(Subcommand)]
pub enum Sources {
    /// Connect a system by naming its connector and giving credentials, which are tried first and kept sealed
    ///
    /// Adding the same code again puts other credentials in their place; what was read stays, and reading goes on where it
    /// was.
    #[command(after_help = "`obhut connectors show shopware6` says what it needs and where the vendor shows it.\n\n\
                            Example:\n  obhut sources add shopware6 --code webshop --set shop_url=https://shop.example \\\n    \
                            --set client_id=SWIA… --secret-file client_secret=/run/secrets/shopware\n  \
                            obhut sources add generic --code till --set folder=/srv/drop/till --set after=remove \\\n    \
                            --set mapping=columns.yaml")]
    Add(AddSource),
    /// Enter single parameters anew, such as the secret of webhooks; the others, schedule and places stay
    #[command(after_help = "Example:\n  obhut sources set webshop --secret-file webhook_secret=/run/secrets/webhook")]
    Set(SetSource),
    /// Prove credentials and rights with one harmless call
    Test(NamedSource),
    /// Read what is new, now
    Sync(SyncSource),
    /// List the sources: connection, schedule, last sync
    List(HomeLayer),
    /// Forget the credentials of a source and read it no more; the records that came by it stay
    Remove(NamedSource),
}

/// `obhut sources add`.
#[derive(Args)]
pub struct AddSource {
    /// Its connector, such as shopware6; `obhut connectors list` names them
    #[arg(value_name = "CONNECTOR")]
    pub connector: String,
    /// Code of the source, as records name it [default: the connector's name]
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// What you call it [default: the connector's title]
    #[arg(long)]
    pub title: Option<String>,
    /// A parameter that is no secret; repeat it
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// A secret parameter, read from a file; `-` is the next line of standard input. Secrets have no place on a command line,
    /// which everybody on the machine can read
    #[arg(long = "secret-file", value_name = "NAME=FILE", value_parser = pair)]
    pub secrets: Vec<(String, String)>,
    /// The version of the consent text this source shows, for a purpose whose consents it brings; repeat it [default: the
    /// text in force]
    #[arg(long = "text-version", value_name = "PURPOSE=VERSION", value_parser = pair)]
    pub text_versions: Vec<(String, String)>,
    /// Minutes from one sync to the next; 0: only when told to
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(0..=10080))]
    pub every: u16,
    /// A host in a private network that may be called, also without TLS
    #[arg(long, value_name = "HOST")]
    pub allow_private_host: Vec<String>,
    /// Lead calls to an origin elsewhere, to a sandbox or a gateway; repeat it
    #[arg(long, value_name = "ORIGIN=ORIGIN", value_parser = pair)]
    pub via: Vec<(String, String)>,
    /// Keep it without trying it
    #[arg(long)]
    pub untested: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut sources set`.
#[derive(Args)]
pub struct SetSource {
    /// Code of the source
    pub code: String,
    /// A parameter that is no secret; repeat it
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// A secret parameter, read from a file; `-` is the next line of standard input
    #[arg(long = "secret-file", value_name = "NAME=FILE", value_parser = pair)]
    pub secrets: Vec<(String, String)>,
    /// A parameter to forget; repeat it
    #[arg(long, value_name = "NAME")]
    pub unset: Vec<String>,
    /// Keep it without trying it
    #[arg(long)]
    pub untested: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// A source that is named.
#[derive(Args)]
pub struct NamedSource {
    /// Code of the source
    pub code: String,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut sources sync`.
#[derive(Args)]
pub struct SyncSource {
    /// Code of the source
    pub code: String,
    /// Read everything again from the beginning, not only what is new
    #[arg(long)]
    pub full: bool,
    /// No progress bar
    #[arg(long)]
    pub quiet: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut connectors`.
#[derive(Subcommand)]
pub enum Connectors {
    /// List the connectors that come with the hub
    List,
    /// Show what a connector reads, what it needs, and how the vendor forgets a person
    Show {
        /// Its name.
        #[arg(value_name = "CONNECTOR")]
        name: String,
    },
    /// Read the connectors of a directory as the hub would, and say what is wrong with them, with file and line
    #[command(after_help = "Example:\n  obhut connectors check connectors/acme_shop")]
    Check {
        /// The folder of one connector, or of several
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
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

/// `obhut graph`.
#[derive(Subcommand)]
pub enum Graph {
    /// Write which record of which source belongs to which person
    ///
    /// One line per record: `source,external_id,subject_id`, person by person. The ids of the sources are opened under
    /// the purpose identity_matching, and the audit book says so. What that purpose may not read is left out and counted:
    /// people who objected, and records of sources whose terms do not list it.
    #[command(
        after_help = "Examples:\n  obhut graph assignments --format csv --output assignments.csv\n  obhut graph assignments --format ndjson | head"
    )]
    Assignments(Assignments),
    /// Group all stored records anew, as if they had arrived at once
    ///
    /// Compares everything with everything it may be one person with, by how frequent each value is by now, and carries out
    /// what differs: who does not belong is taken out, who belongs is joined, what is doubtful is asked. What rules join and
    /// somebody decided stays. Runs while the hub serves; one that is cut short is simply run again. It keeps what is
    /// compared of every record in memory, about 1 KB each.
    Resolve(HomeLayer),
    /// Estimate the weights of matching anew from the records of this hub
    ///
    /// Opens what is compared of the records, under the purpose identity_matching and of nobody who objected, and learns how
    /// often records of one person differ and those of strangers agree. Weights of mailboxes, phones and numbers stay as they
    /// are. The model is stored, weighs from then on, and is named in every link it made; what was joined stays joined.
    /// `obhut graph model --use 0` goes back to the one the hub ships with.
    #[command(after_help = "Example:\n  obhut graph train --dry-run && obhut graph train && obhut graph resolve")]
    Train(Train),
    /// Show which model of matching weighs, when it was estimated and from how much, or choose another
    #[command(after_help = "Example:\n  obhut graph model --use 0")]
    Model(ChooseModel),
    /// Take apart who was taken for one person
    ///
    /// Gives records, identifiers, consents and keys back to whom they were given to, what arrived since included. The ids
    /// are those of GET /v1/subjects/{subject_id}/links. Prints who is who now, and who is to be told.
    #[command(
        after_help = "Example:\n  obhut graph split 0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3e --part 0193514d-2a7c-7d2a-9f0a-6a1f1d6b2c3f"
    )]
    Split(Split),
}

/// `obhut graph train`.
#[derive(Args)]
pub struct Train {
    /// Print what would change, store nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph model`.
#[derive(Args)]
pub struct ChooseModel {
    /// Version of the model that is to weigh; 0 for the one the hub ships with
    #[arg(long = "use", value_name = "VERSION")]
    pub version: Option<i32>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph split`.
#[derive(Args)]
pub struct Split {
    /// The person
    pub person: SubjectId,
    /// Somebody who was merged into them; repeat it for several, each becomes a person
    #[arg(long = "part", value_name = "ID", required_unless_present = "records", conflicts_with = "records")]
    pub parts: Vec<SubjectId>,
    /// Number of a record; repeat it for several, together they become a new person
    #[arg(long = "record", value_name = "NUMBER")]
    pub records: Vec<i64>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut graph assignments`.
#[derive(Args)]
pub struct Assignments {
    /// Form of the lines
    #[arg(long, value_enum, value_name = "FORM", default_value = "csv")]
    pub format: TableFormat,
    /// File to write, readable by its owner alone if it is new [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// The form of a table that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TableFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

/// `obhut audit`.
#[derive(Subcommand)]
pub enum Audit {
    /// Read the whole audit log and prove that no entry was changed, removed or moved
    ///
    /// Exit status 1 and the number of the first wrong entry if one was.
    Verify(HomeLayer),
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

/// `obhut config`.
#[derive(Subcommand)]
pub enum Config {
    /// Read file, environment and flags, and say what is wrong with them; starts nothing
    Check(Layer),
}

impl Cli {
    /// Reads the command line of this process. Prints help or a fault and ends the process where there is nothing to do.
    #[must_use]
    pub fn of_this_process() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The command line's definition, with the name of the environment variable in the help of each setting.
#[must_use]
pub fn command() -> clap::Command {
    with_variables(Cli::command())
}

fn with_variables(command: clap::Command) -> clap::Command {
    let settings = crate::config::setting_names();
    let command = command.mut_args(move |arg| {
        let Some(name) = arg.get_long().filter(|name| settings.iter().any(|setting| setting == name)) else {
            return arg;
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = crate::config::variable(name);
        arg.help(format!("{help} [env: {variable}]"))
    });
    command.mut_subcommands(with_variables)
}

impl From<HomeLayer> for Layer {
    /// A command that does not serve takes the defaults, the file and the environment for the rest.
    fn from(home: HomeLayer) -> Self {
        Self { home, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        command().try_get_matches_from([&["obhut"], args].concat()).and_then(|matches| Cli::from_arg_matches(&matches))
    }

    #[test]
    fn the_definition_holds() {
        command().debug_assert();
    }

    #[test]
    fn the_help_names_every_command_and_its_variables() {
        let help = command().render_long_help().to_string();
        for word in [
            "demo",
            "serve",
            "import",
            "sources",
            "connectors",
            "keys",
            "retention",
            "graph",
            "audit",
            "key",
            "config",
            "Examples:",
            "Exit status",
        ] {
            assert!(help.contains(word), "{word}");
        }
        let mut whole = command();
        let serve = whole.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        for setting in crate::config::setting_names() {
            assert!(serve.contains(&format!("--{setting}")), "{setting}");
            assert!(serve.contains(&crate::config::variable(&setting)), "{setting}");
        }
    }

    #[test]
    fn commands_are_read() {
        let cli = parse(&["import", "--connector", "shopware6", "a.json", "b.json"]).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(cli.command, Command::Import(import) if import.files.len() == 2));
        let id = "018f3f3c-0000-7000-8000-000000000001";
        let cli = parse(&["key", "revoke", id]).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(cli.command, Command::Key { command: Key::Revoke(key) } if key.id.to_string() == id));
        let create = ["key", "create", "--role", "marketing", "--name", "n", "--purpose", "newsletter_email"];
        let cli = parse(&create).unwrap_or_else(|e| panic!("{e}"));
        assert!(
            matches!(cli.command, Command::Key { command: Key::Create(key) } if key.role == Role::Marketing && key.days == 365)
        );
        let cli = parse(&["retention", "run", "--dry-run"]).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(cli.command, Command::Retention { command: Retention::Run(run) } if run.dry_run));
        assert!(parse(&["keys", "rotate-data"]).is_ok() && parse(&["audit", "verify"]).is_ok());
        let add = ["sources", "add", "shopware6", "--set", "shop_url=https://a.example/x=y", "--every", "0"];
        let cli = parse(&add).unwrap_or_else(|e| panic!("{e}"));
        let Command::Sources { command: Sources::Add(add) } = cli.command else { panic!() };
        assert_eq!(add.parameters, [("shop_url".to_owned(), "https://a.example/x=y".to_owned())]);
        assert!(parse(&["sources", "add", "shopware6", "--set", "shop_url"]).is_err());
        assert!(parse(&["connectors", "check", "connectors"]).is_ok());
        assert!(parse(&["config", "check", "--listen", "127.0.0.1:1"]).is_ok());
        for wrong in [
            &["key", "create", "--role", "king", "--name", "n"][..],
            &["import"],
            &["serve", "--listen", "x"],
            &["fly"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
