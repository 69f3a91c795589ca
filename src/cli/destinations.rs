//! `obhut destinations`.

use clap::{Args, Subcommand};

use super::pair;
use crate::config::HomeLayer;

/// `obhut destinations`.
#[derive(Subcommand)]
pub enum Destinations {
    /// Connect a program or a system that is told, by naming its connector; it is tried first, and credentials are kept sealed
    #[command(
        after_help = "Example:\n  obhut destinations add webhook --code crm --set url=https://crm.example/obhut \\\n    \
                            --topic consent.withdrawn --topic subject.erased\n  \
                            obhut destinations add brevo --segment newsletter_subscribers --set list_id=12 \\\n    \
                            --secret-file api_key=/run/secrets/brevo"
    )]
    Add(Box<AddDestination>),
    /// Prove that it can be reached: one harmless call, or a message of type `test`
    Test(NamedDestination),
    /// Hand the people of its segment over now, and take off who is not in it any more
    Push(NamedDestination),
    /// Have it tell by itself who unsubscribes there, which is a withdrawal here within seconds
    #[command(after_help = "Example:\n  obhut destinations listen brevo --public-url https://hub.example")]
    Listen(super::ListenSource),
    /// List the destinations: what waits, what arrived, and why the last attempt failed
    List(HomeLayer),
    /// Tell it again after it was disabled, because it took nothing for days
    Resume(NamedDestination),
    /// Take everybody off who was handed to it, and forget it with its credentials and what waits for it
    Remove(RemoveDestination),
}

/// `obhut destinations add`.
#[derive(Args)]
pub struct AddDestination {
    /// Its connector: webhook, brevo, cleverreach, klaviyo, mailchimp or meta_audiences
    #[arg(value_name = "CONNECTOR")]
    pub connector: String,
    /// Code of the destination [default: the connector's name]
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// What you call it [default: the connector's title]
    #[arg(long)]
    pub title: Option<String>,
    /// A parameter that is no secret; repeat it
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// A secret parameter, read from a file; `-` is the next line of standard input. A webhook's secret is made and shown once
    /// if it is left out
    #[arg(long = "secret-file", value_name = "NAME=FILE", value_parser = pair)]
    pub secrets: Vec<(String, String)>,
    /// The segment whose people are handed to it; not for a webhook
    #[arg(long, value_name = "SEGMENT")]
    pub segment: Option<crate::segments::SegmentCode>,
    /// Minutes from one push of the segment to the next; 0: only when told to. Who says no is taken off at once
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(0..=10080))]
    pub every: u16,
    /// What it is told; repeat it [default: everything]
    #[arg(long = "topic", value_name = "TOPIC", value_parser = clap::builder::PossibleValuesParser::new(crate::store::messages::TOPICS))]
    pub topics: Vec<String>,
    /// Statements about this purpose only; repeat it. What concerns no purpose, such as an erasure, is told in any case
    #[arg(long = "purpose", value_name = "PURPOSE")]
    pub purposes: Vec<crate::types::PurposeCode>,
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

/// `obhut destinations remove`.
#[derive(Args)]
pub struct RemoveDestination {
    /// Which.
    #[command(flatten)]
    pub named: NamedDestination,
    /// Forget it even if its vendor does not take everybody off; who is left stays there
    #[arg(long)]
    pub anyway: bool,
}

/// A destination that is named.
#[derive(Args)]
pub struct NamedDestination {
    /// Code of the destination
    pub code: String,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}
