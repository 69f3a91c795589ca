//! The commands of the command line.

use std::collections::BTreeSet;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Hub, connectors, demo, destinations, export, graph, import, model, open, requests, reviews, serve, sources,
};
use crate::api::doorkeeper::Grant;
use crate::cli::{
    Audit, Cli, Command, Config as ConfigCommand, CreateKey, Export, Graph, Key, Keys, Retention, RetentionRun,
    RevokeKey,
};
use crate::config::{Config, Environment, Layer};
use crate::intake::HUB_SOURCE;
use crate::jobs::rotate_data;
use crate::types::{Role, SourceNo, Timestamp};
use crate::{audit, logging, vault};

/// What a command ends with: nothing, or what to tell the operator.
pub(super) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Does what the command line asks, and says how it ended.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    match command(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

fn command(cli: Cli) -> Outcome {
    // Before the first key is read: no core dump may hold one.
    vault::harden()?;
    match cli.command {
        Command::Demo(layer) => with_configured_hub(layer, demo::introduce, demo::demo),
        Command::Serve(layer) => with_hub(layer, serve::serve),
        Command::Import(arguments) => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| import::import(&hub.house, &arguments).await)
        }
        Command::Sources { command } => {
            let layer = sources::home(&command);
            with_hub(layer, async move |hub, _| sources::run(&hub, command).await)
        }
        Command::Requests { command } => {
            let layer = requests::home(&command);
            with_hub(layer, async move |hub, _| requests::run(&hub, command).await)
        }
        Command::Destinations { command } => {
            let layer = destinations::home(&command);
            with_hub(layer, async move |hub, _| destinations::run(&hub, command).await)
        }
        Command::Connectors { command } => connectors::run(command),
        Command::Keys { command: Keys::Rotate(home) } => with_hub(home.into(), async |hub, _| rotate(&hub).await),
        Command::Keys { command: Keys::RotateData(arguments) } => {
            let layer = Layer::from(arguments.home);
            with_hub(layer, async move |hub, _| rotate_data(&hub, arguments.resume).await)
        }
        Command::Retention { command: Retention::Run(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| retain(&hub, &arguments).await)
        }
        Command::Export { command: Export::Datev(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| export::datev(&hub, &arguments).await)
        }
        Command::Graph { command: Graph::Assignments(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| graph::assignments(&hub, &arguments).await)
        }
        Command::Graph { command: Graph::Resolve(home) } => {
            with_hub(home.into(), async |hub, _| graph::resolve(&hub).await)
        }
        Command::Graph { command: Graph::Train(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| model::train(&hub, &arguments).await)
        }
        Command::Graph { command: Graph::Model(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| model::choose(&hub, &arguments).await)
        }
        Command::Graph { command: Graph::Split(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| graph::split(&hub, arguments).await)
        }
        Command::Graph { command: Graph::Reviews { command } } => {
            let layer = reviews::home(&command);
            with_hub(layer, async move |hub, _| reviews::run(&hub, command).await)
        }
        Command::Audit { command: Audit::Verify(home) } => with_hub(home.into(), async |hub, _| verify(&hub).await),
        Command::Key { command: Key::Create(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| create_key(&hub, arguments).await)
        }
        Command::Key { command: Key::List(home) } => with_hub(home.into(), async |hub, _| list_keys(&hub).await),
        Command::Key { command: Key::Revoke(arguments) } => {
            let layer = Layer::from(arguments.home.clone());
            with_hub(layer, async move |hub, _| revoke_key(&hub, &arguments).await)
        }
        Command::Config { command: ConfigCommand::Check(layer) } => check(layer),
    }
}

/// Loads the configuration, starts the log, opens the hub and runs `work`.
fn with_hub(layer: Layer, work: impl AsyncFnOnce(Hub, &Config) -> Outcome) -> Outcome {
    with_configured_hub(layer, |_| {}, work)
}

/// The same with a last word on the configuration.
fn with_configured_hub(
    layer: Layer,
    adjust: fn(&mut Config),
    work: impl AsyncFnOnce(Hub, &Config) -> Outcome,
) -> Outcome {
    let mut config = Config::load(layer, &Environment::of_this_process())?;
    adjust(&mut config);
    logging::start(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    actix_web::rt::System::new().block_on(async {
        let hub = open(&config).await?;
        let (book, store, strongbox) = (hub.house.book.clone(), hub.house.store.clone(), hub.house.strongbox.clone());
        let outcome = work(hub, &config).await;
        if let Err(error) = book.keep_head(&store, &strongbox).await {
            tracing::warn!(error = ?error, "the head of the audit log could not be kept");
        }
        outcome
    })
}

/// The error and its causes, one per line. Errors of this house hold no personal value.
fn complain(error: &dyn std::error::Error) {
    say_error(&format!("obhut: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        say_error(&format!("  because: {error}"));
        cause = error.source();
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
pub(super) fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "what went wrong, for the operator")]
pub(super) fn say_error(text: &str) {
    eprintln!("{text}");
}

fn check(layer: Layer) -> Outcome {
    let config = Config::load(layer, &Environment::of_this_process())?;
    for warning in &config.warnings {
        say(&format!("warning: {warning}"));
    }
    say("the configuration can be used");
    Ok(())
}

async fn rotate(hub: &Hub) -> Outcome {
    let bar = bar("keys wrapped");
    let done = hub
        .rotation
        .rotate(|wrapped, left| {
            bar.set_length(wrapped + left);
            bar.set_position(wrapped);
        })
        .await?;
    bar.finish_and_clear();
    say(&format!(
        "epoch {} wraps all keys; {} wrapped again; destroyed: {}",
        done.epoch,
        done.rewrapped,
        if done.destroyed.is_empty() { "none".to_owned() } else { format!("{:?}", done.destroyed) }
    ));
    Ok(())
}

async fn verify(hub: &Hub) -> Outcome {
    let bar = bar("entries read");
    let shown = bar.clone();
    let kept = audit::kept_heads(&hub.house.store, &hub.house.strongbox, i64::MAX).await?;
    let progress = move |entries, all| {
        shown.set_length(all);
        shown.set_position(entries);
    };
    let report = hub.house.store.read_apart(move |read| audit::verify(read, &kept, progress)).await?;
    bar.finish_and_clear();
    say(&format!("{} logs, {} entries read", report.logs, report.entries));
    for finding in &report.findings {
        say(&format!("{finding}"));
    }
    if report.findings.is_empty() {
        say("every entry is linked to the one before it");
        Ok(())
    } else {
        Err("the audit log was changed".into())
    }
}

async fn create_key(hub: &Hub, arguments: CreateKey) -> Outcome {
    let unknown: Vec<&str> = arguments
        .purposes
        .iter()
        .filter(|code| hub.house.rulebook.edition().purpose(code).is_none())
        .map(crate::types::PurposeCode::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(format!("not configured as a purpose: {}", unknown.join(", ")).into());
    }
    let source = source_of(hub, arguments.role, arguments.source.as_deref())?;
    let expires_at = hub.house.clock.now().plus_days(i64::from(arguments.days));
    let grant = Grant {
        title: arguments.name,
        role: arguments.role,
        purposes: arguments.purposes.into_iter().collect::<BTreeSet<_>>(),
        source,
        expires_at: Some(expires_at),
    };
    let (id, key) = hub.house.doorkeeper.issue(grant).await?;
    say_error(&format!("key {id}, valid until {}; it is shown only now:", expires_at.rfc3339()));
    say(&key);
    Ok(())
}

/// The source a key that collects belongs to.
fn source_of(hub: &Hub, role: Role, code: Option<&str>) -> Result<Option<SourceNo>, Box<dyn std::error::Error>> {
    match (role.voice(), code) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(format!("a key of the role {role} belongs to no source; leave --source out").into()),
        (Some(_), None) => Err(format!("a {role} key brings events in for one source; name it with --source").into()),
        (Some(_), Some(code)) => {
            let edition = hub.house.rulebook.edition();
            let source = edition.source_named(code).filter(|source| source.code != HUB_SOURCE);
            let source = source.ok_or_else(|| format!("there is no source {code}; POST /v1/sources adds one"))?;
            Ok(Some(source.number))
        }
    }
}

async fn list_keys(hub: &Hub) -> Outcome {
    let now = hub.house.clock.now();
    for key in hub.house.doorkeeper.list().await? {
        let id = key.key_id;
        let state = if key.revoked_at.is_set() {
            "revoked".to_owned()
        } else if key.expires_at.is_set() && key.expires_at <= now {
            "expired".to_owned()
        } else if key.expires_at.is_set() {
            format!("until {}", key.expires_at.rfc3339())
        } else {
            "without end".to_owned()
        };
        let role = Role::try_from(key.role).map_or("unknown", Role::word);
        say(&format!("{id}  {role:<9}  {state}  {}  {}", key.purposes, key.title));
    }
    Ok(())
}

async fn revoke_key(hub: &Hub, arguments: &RevokeKey) -> Outcome {
    if hub.house.doorkeeper.revoke(arguments.id).await? {
        say("revoked; no node accepts it any more");
        Ok(())
    } else {
        Err("there is no such key, or it was revoked before".into())
    }
}

/// A progress bar with a rate; it shows on terminals only.
pub(super) fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({per_sec}, {eta} left)");
    let bar = ProgressBar::new(0).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// When a key of the demo ends: not soon.
pub(super) fn far(now: Timestamp) -> Timestamp {
    now.plus_days(3650)
}

async fn rotate_data(hub: &Hub, resume: bool) -> Outcome {
    let bar = ProgressBar::new_spinner().with_message("people sealed anew");
    let house = &hub.house;
    let done = rotate_data::rotate(&house.store, &house.gateway, &house.intake, &*house.clock, resume, |people| {
        bar.set_position(people)
    })
    .await?;
    bar.finish_and_clear();
    say(&format!("{done} people have new data keys"));
    Ok(())
}

async fn retain(hub: &Hub, arguments: &RetentionRun) -> Outcome {
    let bar = ProgressBar::new_spinner().with_message("people looked at");
    let progress = |people| bar.set_position(people);
    let tally = if arguments.dry_run {
        hub.retention.dry_run(progress).await?
    } else {
        hub.retention
            .run(progress)
            .await?
            .ok_or("another process is at it, or was until a moment ago; try again later")?
    };
    bar.finish_and_clear();
    for (rule, count) in tally.iter() {
        say(&format!("{count:>10}  {rule}"));
    }
    if tally.is_empty() {
        say("nothing is due");
    } else if arguments.dry_run {
        say("nothing was deleted");
    }
    Ok(())
}
