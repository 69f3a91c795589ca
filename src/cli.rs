//! The command line: what can be asked for, and its help. The actions are wired in `app`.

mod destinations;
mod files;
mod graph;
mod keys;
mod requests;
mod sources;
mod upkeep;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use destinations::{AddDestination, Destinations, NamedDestination};
pub use files::{Export, ExportDatev, Format, Import};
pub use graph::{AnswerReview, Assignments, ChooseModel, Graph, NamedReview, Reviews, Split, TableFormat, Train};
pub use keys::{CreateKey, Key, Keys, RevokeKey, RotateData};
pub use requests::{NamedRequest, Requests};
pub use sources::{AddSource, Connectors, ListenSource, NamedSource, RemoveSource, SetSource, Sources, SyncSource};
pub use upkeep::{Audit, Config, Retention, RetentionRun};

use crate::config::{HomeLayer, Layer};

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

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
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
    use crate::types::Role;

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
