//! `obhut sources` and `obhut connectors`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::pair;
use crate::config::HomeLayer;

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
    /// Show which objects of a source could not be taken in, by the vendor's id, and why
    ///
    /// They are kept until they are taken in, and for 30 days at the longest. `obhut sources sync --full` asks for them again.
    Parked(NamedSource),
    /// List the sources: connection, schedule, last sync
    List(HomeLayer),
    /// Have its vendor tell by itself what changes: look what is subscribed there, and add what is missing
    ///
    /// It is no part of `add`: the vendor tries the address at once, so the hub must be serving where `--public-url` says, and the
    /// credentials often need further rights. Doing it again is harmless.
    #[command(after_help = "Example:\n  obhut sources listen webshop --public-url https://hub.example")]
    Listen(ListenSource),
    /// Forget the credentials of a source and read it no more; the records that came by it stay. What is subscribed at its
    /// vendor ends
    Remove(RemoveSource),
}

/// `obhut sources add`.
#[derive(Args)]
pub struct AddSource {
    /// Its connector, such as shopware6, or the beginning of its name; `obhut connectors list` names them
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
    /// It is meant so that the credentials are of another account at the vendor than the one whose data the source holds
    #[arg(long)]
    pub another_account: bool,
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
    /// Have the vendor asked for permission anew: it shows an address to open, as `add` does
    #[arg(long)]
    pub authorise: bool,
    /// Keep it without trying it
    #[arg(long)]
    pub untested: bool,
    /// It is meant so that the credentials are of another account at the vendor than the one whose data the source holds
    #[arg(long)]
    pub another_account: bool,
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

/// `obhut sources listen` and `obhut destinations listen`.
#[derive(Args)]
pub struct ListenSource {
    /// Its code
    pub code: String,
    /// Subscribe anew, under new secrets, whatever is there
    #[arg(long, conflicts_with = "stop")]
    pub anew: bool,
    /// End what is subscribed
    #[arg(long)]
    pub stop: bool,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}

/// `obhut sources remove`.
#[derive(Args)]
pub struct RemoveSource {
    /// Which.
    #[command(flatten)]
    pub named: NamedSource,
    /// Forget it even if its vendor does not end what is subscribed there; what it tells then is not heard
    #[arg(long)]
    pub anyway: bool,
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
    /// List the connectors there are
    List {
        /// Where the data is.
        #[command(flatten)]
        home: Box<HomeLayer>,
    },
    /// Show what a connector reads, what it needs, and how the vendor forgets a person
    Show {
        /// Its name.
        #[arg(value_name = "CONNECTOR")]
        name: String,
        /// Where the data is.
        #[command(flatten)]
        home: Box<HomeLayer>,
    },
    /// Read the connectors of a directory as the hub would, run them over their fixtures, and say what is wrong with them, with file and
    /// line
    #[command(after_help = "Example:\n  obhut connectors check connectors/acme_shop")]
    Check {
        /// The folder of one connector, or of several
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Print the JSON Schema of a manifest, for an editor that completes and checks it
    #[command(after_help = "Example:\n  obhut connectors schema > my-connectors/manifest.schema.json")]
    Schema,
}
