//! `obhut destinations`: programs that are told what people decided.

use super::Hub;
use super::commands::{Outcome, say, say_error};
use super::listen;
use super::sources::read_secrets;
use crate::audit::{Act, Line};
use crate::cli::{AddDestination, Destinations, NamedDestination};
use crate::config::Layer;
use crate::connect::{Connection, Connector, Outgoing, Parameters, new_secret};
use crate::intake::SourceCode;
use crate::jobs::push_audience::{ADDED, REMOVED};
use crate::store::audiences::{self, MemberRow};
use crate::store::messages::{self, MessageRow};
use crate::store::subscribers::{self, SubscriberRow};
use crate::store::{self, syncs};
use crate::types::{SourceNo, SystemEntropy, Timestamp};

/// Where the data of a command is.
pub(super) fn home(command: &Destinations) -> Layer {
    let home = match command {
        Destinations::Add(arguments) => &arguments.home,
        Destinations::Test(named) | Destinations::Push(named) | Destinations::Resume(named) => &named.home,
        Destinations::Remove(remove) => &remove.named.home,
        Destinations::Listen(listen) => &listen.home,
        Destinations::List(home) => home,
    };
    home.clone().into()
}

pub(super) async fn run(hub: &Hub, command: Destinations) -> Outcome {
    match command {
        Destinations::Add(arguments) => add(hub, *arguments).await,
        Destinations::Test(named) => {
            hub.house.vendors.session(&named.code).await?.test().await?;
            say("it answers");
            Ok(())
        }
        Destinations::Push(named) => push(hub, &named).await,
        Destinations::Listen(arguments) => listen::listen(hub, &arguments, "who unsubscribes there").await,
        Destinations::List(_) => list(hub).await,
        Destinations::Resume(named) => resume(hub, &named).await,
        Destinations::Remove(arguments) => remove(hub, &arguments.named, arguments.anyway).await,
    }
}

async fn add(hub: &Hub, arguments: AddDestination) -> Outcome {
    let vendors = &hub.house.vendors;
    let connector = vendors.catalog.named(&arguments.connector)?.clone();
    let takes = connector.audience().is_some();
    if takes && arguments.segment.is_none() {
        return Err("say with --segment whose people it takes".into());
    }
    if connector.notify().is_none() && !takes {
        return Err(format!("`{}` is told nothing; use obhut sources add to read from it", connector.name()).into());
    }
    let code = arguments.code.clone().unwrap_or_else(|| connector.name().to_owned());
    if code.parse::<SourceCode>().is_err() {
        return Err("a code has 2 to 64 lower-case letters, digits, _ and -, a letter first".into());
    }
    let edition = hub.house.rulebook.edition();
    if let Some(unknown) = arguments.purposes.iter().find(|code| edition.purpose(code).is_none()) {
        return Err(format!("not configured as a purpose: {unknown}").into());
    }
    if edition.source_named(&code).is_some_and(|known| known.connector != connector.name()) {
        return Err(format!("`{code}` is the code of something else; take another").into());
    }
    let (parameters, made) = parameters(&connector, &arguments)?;
    let outgoing =
        Outgoing { private_hosts: arguments.allow_private_host.clone(), via: arguments.via.iter().cloned().collect() };
    let connection = Connection::new(parameters, outgoing);
    let session = vendors.rehearse(connector.name(), &connection)?;
    if let (Some(audience), Some(segment)) = (connector.audience(), &arguments.segment) {
        hub.pushes.fits(segment, audience).await?;
        stays(hub, &connector, &code, &connection).await?;
    }
    if let Some(secret) = &made {
        say(&format!("its secret, shown once: {secret}"));
    }
    // A secret made just now is one the program cannot know yet.
    if !arguments.untested && made.is_none() {
        session.test().await?;
    }
    let known = edition.source_named(&code).map(|known| known.number);
    let connection = listen::still(hub, &connector, known, connection).await?;
    let now = hub.house.clock.now();
    let title = arguments.title.clone().unwrap_or_else(|| connector.title().to_owned());
    let (name, terms) = (connector.name().to_owned(), connector.terms());
    let purposes: Vec<&str> = arguments.purposes.iter().map(crate::types::PurposeCode::as_str).collect();
    let (topics, purposes) = (arguments.topics.join(","), purposes.join(","));
    let line = Line::new(Act::Configured).to("command line").object(format!("destination {code}"));
    let kept = async {
        let source = hub.house.rulebook.ensure_source(code.clone(), title, name, &terms, now).await?;
        vendors.connections.put(source.number, &connection, 0, now).await?;
        if let Some(segment) = arguments.segment.as_ref().filter(|_| takes) {
            let audience = connector.audience().ok_or("this connector takes no people")?;
            hub.announcer.follow().await?;
            return Ok(hub.pushes.keep(source.number, segment, audience, i32::from(arguments.every) * 60).await?);
        }
        let row = SubscriberRow {
            source_no: source.number,
            topics,
            purposes,
            state: SubscriberRow::ON,
            failing_since: Timestamp::UNSET,
            created_at: now,
        };
        hub.announcer.subscribe(row).await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    hub.house.book.change(line, kept).await?;
    let what = if takes { "takes the people of its segment" } else { "is told" };
    say(&format!("`{code}` {what} from now on, while the hub serves"));
    listen::offer(&connector, "destinations", &code);
    Ok(())
}

/// Who was handed over must be taken off, and forgotten when they are erased, where they are: another list may be entered only when
/// nobody is known to the one there was.
pub(super) async fn stays(hub: &Hub, connector: &Connector, code: &str, next: &Connection) -> Outcome {
    let Some(number) = hub.house.rulebook.edition().source_named(code).map(|source| source.number) else {
        return Ok(());
    };
    let counts = hub.house.store.read(move |read| audiences::counts(read.records(), number)).await?;
    let Some(before) = hub.house.vendors.connections.of(number).await?.filter(|_| !counts.is_empty()) else {
        return Ok(());
    };
    let secret = |name: &str| {
        connector.link().is_some_and(|link| link.parameters().any(|known| known.name == name && known.secret))
    };
    let place = |all: &Parameters| -> Parameters {
        all.iter().filter(|(name, _)| !secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    if place(&before.parameters) == place(&next.parameters) {
        return Ok(());
    }
    Err(format!(
        "people were handed over under other parameters; take them off with `obhut destinations remove {code}` first, or \
         choose another --code"
    )
    .into())
}

/// What was entered, and a new secret if none was.
fn parameters(
    connector: &Connector,
    arguments: &AddDestination,
) -> Result<(Parameters, Option<String>), Box<dyn std::error::Error>> {
    let link = connector.link().ok_or("this connector calls nobody")?;
    let mut parameters: Parameters = arguments.parameters.iter().cloned().collect();
    if let Some(secret) = link.parameters().find(|known| known.secret && parameters.contains_key(known.name)) {
        return Err(format!("`{0}` is a secret: give it with --secret-file {0}=FILE", secret.name).into());
    }
    parameters.extend(read_secrets(&arguments.secrets)?);
    let mut made = None;
    if connector.notify().is_some() && !parameters.contains_key("secret") {
        let secret = new_secret(&SystemEntropy::new())?;
        parameters.insert("secret".to_owned(), secret.clone());
        made = Some(secret);
    }
    let missing = link.parameters().filter(|known| !known.optional && !parameters.contains_key(known.name));
    let missing: Vec<String> = missing.map(|missing| format!("  {}: {}", missing.name, missing.title)).collect();
    if missing.is_empty() {
        return Ok((parameters, made));
    }
    Err(format!("these are missing:\n{}\n\n{}", missing.join("\n"), link.guide().trim()).into())
}

async fn push(hub: &Hub, named: &NamedDestination) -> Outcome {
    let counts = hub.pushes.run(&named.code, true).await?;
    let of = |stream: &str| counts.streams.get(stream).copied().unwrap_or_default();
    let (members, off) = (of(ADDED), of(REMOVED));
    say(&format!(
        "{} in the segment: {} handed over, {} were there, {} held back; {} taken off",
        members.read, members.created, members.unchanged, members.suppressed, off.updated
    ));
    if off.unchanged > 0 {
        say(&format!("{} are taken off once more when the vendor can be adding them no longer", off.unchanged));
    }
    for (reason, count) in &counts.rejections {
        say_error(&format!("{count:>8}  {reason}"));
    }
    Ok(())
}

async fn list_audiences(hub: &Hub) -> Outcome {
    let rows = hub.house.store.read(|read| audiences::all(read.records())).await?;
    let edition = hub.house.rulebook.edition();
    for row in rows {
        let number = row.source_no;
        let read = move |read: &mut store::Read| {
            let newest = syncs::list(read.records(), number, Timestamp::NEVER, 1)?;
            Ok::<_, store::Error>((audiences::counts(read.records(), number)?, newest))
        };
        let (counts, newest) = hub.house.store.read(read).await?;
        let count = |state| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        let code = edition.source(number).map_or("", |source| source.code.as_str());
        let last = newest.first().map_or_else(
            || "never pushed".to_owned(),
            |last| {
                let why = if last.cause.is_empty() { String::new() } else { format!(": {}", last.cause) };
                format!("pushed {}{why}", last.begun_at.rfc3339())
            },
        );
        say(&format!(
            "{code:<20}  {:<24}  {} there, {} to be taken off; {last}",
            row.segment,
            count(MemberRow::THERE) + count(MemberRow::HANDED),
            MemberRow::TO_LEAVE.into_iter().map(count).sum::<i64>(),
        ));
    }
    Ok(())
}

async fn list(hub: &Hub) -> Outcome {
    list_audiences(hub).await?;
    let rows = hub.house.store.read(|read| subscribers::all(read.records())).await?;
    let edition = hub.house.rulebook.edition();
    for row in rows {
        let number = row.source_no;
        let (counts, cause) = hub.house.store.read(move |read| messages::counts(read.records(), number)).await?;
        let count = |state| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
        let state = if row.state == SubscriberRow::ON { "told" } else { "disabled" };
        let code = edition.source(number).map_or("", |source| source.code.as_str());
        say(&format!(
            "{code:<20}  {state:<8}  {} wait, {} arrived, {} given up{}",
            count(MessageRow::WAITS),
            count(MessageRow::ARRIVED),
            count(MessageRow::GIVEN_UP),
            cause.map_or_else(String::new, |cause| format!("; the last attempt failed: {cause}")),
        ));
    }
    Ok(())
}

async fn resume(hub: &Hub, named: &NamedDestination) -> Outcome {
    let number = known(hub, named)?;
    let row = hub.house.store.read(move |read| subscribers::find(read.records(), number)).await?;
    row.ok_or_else(|| format!("`{}` is no destination", named.code))?;
    hub.house.vendors.session(&named.code).await?.test().await?;
    let line = Line::new(Act::Configured).to("command line").object(format!("destination {}", named.code));
    let resumed = async {
        hub.house.store.write(move |write| subscribers::resume(write, number)).await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    hub.house.book.change(line.reasons(vec!["resumed".to_owned()]), resumed).await?;
    say("it is told again, what waited too");
    Ok(())
}

async fn remove(hub: &Hub, named: &NamedDestination, anyway: bool) -> Outcome {
    let number = known(hub, named)?;
    let audiences = hub.house.store.read(|read| audiences::all(read.records())).await?;
    if audiences.iter().any(|row| row.source_no == number) {
        let ended = hub.pushes.empty(&named.code).await;
        match &ended {
            Err(error) if anyway => say_error(&format!("{error}; it is removed all the same")),
            Err(_) => return Ok(ended?),
            Ok(()) => {}
        }
        let left = hub.pushes.forget(number).await?;
        if left > 0 {
            let why = if ended.is_ok() { "off the list, and known there still" } else { "there still" };
            say_error(&format!(
                "{left} people are {why}: an erasure does not reach them from now on, see to it by hand"
            ));
        }
    }
    listen::end(hub, &named.code, anyway).await?;
    let line = Line::new(Act::Configured).to("command line").object(format!("destination {}", named.code));
    let removed = async {
        let removed = hub.house.store.write(move |write| {
            let subscribed = subscribers::delete(write, number)?;
            let left = audiences::members(write.records(), number, &MemberRow::ALL, &[], 1)?;
            if !left.is_empty() {
                return Ok::<_, store::Error>(None);
            }
            Ok(Some(audiences::delete(write, number)? || subscribed))
        });
        let removed = removed.await?.ok_or("somebody was handed over meanwhile; remove it again")?;
        if removed {
            hub.house.vendors.connections.remove(number).await?;
        }
        Ok::<_, Box<dyn std::error::Error>>(removed)
    };
    if !hub.house.book.change(line.reasons(vec!["removed".to_owned()]), removed).await? {
        return Err(format!("`{}` is no destination", named.code).into());
    }
    say("it is told nothing more, and its credentials are forgotten");
    Ok(())
}

fn known(hub: &Hub, named: &NamedDestination) -> Result<SourceNo, String> {
    let source = hub.house.rulebook.edition().source_named(&named.code).map(|source| source.number);
    source.ok_or_else(|| format!("there is no destination `{}`", named.code))
}
