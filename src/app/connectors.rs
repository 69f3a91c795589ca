//! `obhut connectors`: which there are, what they need, and what is wrong with one.

use super::commands::{Outcome, say, say_error};
use super::sources::{FOLDER_GUIDE, asked};
use crate::cli::Connectors;
use crate::config::{Config, Environment, HomeLayer};
use crate::connect::{Catalog, Connector, Link, Stream, schema};
use crate::intake::{self, Rejection};
use crate::types::{Clock as _, SystemClock, Timestamp};

/// The connectors that come with the hub, and those of the directory that is configured.
fn configured(home: HomeLayer) -> Result<Catalog, Box<dyn std::error::Error>> {
    let config = Config::load(home.into(), &Environment::of_this_process())?;
    Ok(super::catalog(&config)?)
}

pub(super) fn run(command: Connectors) -> Outcome {
    match command {
        Connectors::List { home } => {
            for connector in configured(*home)?.connectors() {
                let how = match (connector.link(), connector.audience(), connector.notify()) {
                    (None, ..) => "reads files out of a folder",
                    (_, Some(_), _) => "takes people of a segment",
                    (_, _, Some(_)) => "is told what happens",
                    _ => "reads from the vendor",
                };
                say(&format!("{:<18}  {:<34}  {how}", connector.name(), connector.title()));
            }
        }
        Connectors::Show { name, home } => show(configured(*home)?.named(&name)?),
        Connectors::Check { directory } => {
            let catalog = Catalog::read(&directory)?;
            let now = SystemClock.now();
            let (mut wrong, own) = (0, directory.join("manifest.yaml").is_file());
            for connector in catalog.connectors() {
                let (streams, fixtures) = (connector.streams().len(), connector.fixtures().count());
                let told = connector.examine(&|record| why_not(record, now));
                for told in &told {
                    // A folder that was named itself is not named again.
                    let inside = told.strip_prefix(&format!("{}/", connector.name())).filter(|_| own).unwrap_or(told);
                    say_error(&directory.join(inside).display().to_string());
                }
                wrong += told.len();
                if told.is_empty() {
                    say(&format!("{}: {streams} streams, {fixtures} fixtures, nothing wrong", connector.name()));
                }
            }
            if wrong > 0 {
                return Err(format!("{wrong} things are wrong").into());
            }
            if catalog.connectors().next().is_none() {
                return Err(format!("{} holds no folder with a manifest.yaml", directory.display()).into());
            }
        }
        Connectors::Schema => say(schema().trim_end()),
    }
    Ok(())
}

/// Why intake would not take a record in, or not as a whole.
fn why_not(record: &[u8], now: Timestamp) -> Option<String> {
    let told = |Rejection { code, pointer, detail }: Rejection| format!("{code} at {pointer:?}: {detail}");
    match intake::parse(record, now) {
        Ok(read) => read.left_out.into_iter().next().map(told),
        Err(rejection) => Some(told(rejection)),
    }
}

fn show(connector: &Connector) {
    say(&format!("{}\n\n{}", connector.title(), connector.docs().trim()));
    say(&format!("\n{}\n", connector.link().map_or(FOLDER_GUIDE, |link| link.guide().trim())));
    for parameter in asked(connector) {
        let kind = if parameter.secret { "--secret-file" } else { "--set" };
        let to_come = connector.link().and_then(Link::authorised) == Some(parameter.name);
        let note = match (to_come, parameter.optional) {
            (true, _) => " (comes of an address that `sources add` shows)",
            (false, true) => " (optional)",
            (false, false) => "",
        };
        let example = parameter.example.map(|example| format!(", such as {example}")).unwrap_or_default();
        say(&format!("  {kind} {}=…  {}{example}{note}", parameter.name, parameter.title));
    }
    let streams: Vec<&str> = connector.streams().iter().map(Stream::name).collect();
    if !streams.is_empty() {
        say(&format!("\nStreams: {}", streams.join(", ")));
    }
    if let Some(audience) = connector.audience() {
        say(&format!("\nAudience: {}", audience.note().trim()));
    }
    if let Some(webhooks) = connector.webhooks() {
        say(&format!("\nWebhooks: {}", webhooks.guide().trim()));
    }
    if let Some(erase) = connector.erase() {
        say(&format!("\nErasure: {}", erase.note().trim()));
    }
}
