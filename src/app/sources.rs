//! `obhut sources`: connecting vendors and reading from them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, stdin};
use std::path::Path;

use zeroize::Zeroizing;

use super::Hub;
use super::commands::{Outcome, say};
use super::destinations::stays;
use super::{listen, parked, sync};
use crate::audit::{Act, Line};
use crate::cli::{AddSource, NamedSource, SetSource, Sources};
use crate::config::Layer;
use crate::connect::{
    Connection, Connector, Folder, Link, Outgoing, Parameter, Parameters, Stream, TableMapping, endings, still_of,
};
use crate::consent::{Source, Terms};
use crate::intake::SourceCode;
use crate::store::syncs::{self, SyncState};
use crate::store::{audiences, subscribers};
use crate::types::{PurposeCode, Timestamp};

/// How files come in, for whoever connects a connector that calls nobody.
pub(super) const FOLDER_GUIDE: &str = "\
The hub reads files out of a directory that it may read and write. Write a file elsewhere on the same disk, or under a name that
begins with a dot or ends in .part, and move it in when it is whole. What was read goes to done/ or is removed; what cannot be
taken in goes to parked/, with the reasons beside it. Both lie there in clear: let nobody else read the directory.";

/// Where the data of a command is.
pub(super) fn home(command: &Sources) -> Layer {
    let home = match command {
        Sources::Add(arguments) => &arguments.home,
        Sources::Test(arguments) | Sources::Parked(arguments) => &arguments.home,
        Sources::Remove(arguments) => &arguments.named.home,
        Sources::Listen(arguments) => &arguments.home,
        Sources::Set(arguments) => &arguments.home,
        Sources::Sync(arguments) => &arguments.home,
        Sources::List(home) => home,
    };
    home.clone().into()
}

pub(super) async fn run(hub: &Hub, command: Sources) -> Outcome {
    match command {
        Sources::Add(arguments) => add(hub, arguments).await,
        Sources::Set(arguments) => set(hub, &arguments).await,
        Sources::Test(arguments) => test(hub, &arguments).await,
        Sources::Sync(arguments) => sync::sync(hub, &arguments).await,
        Sources::List(_) => list(hub).await,
        Sources::Parked(arguments) => parked::show(hub, &arguments).await,
        Sources::Listen(arguments) => listen::listen(hub, &arguments, "what changes").await,
        Sources::Remove(arguments) => remove(hub, &arguments.named, arguments.anyway).await,
    }
}

async fn add(hub: &Hub, arguments: AddSource) -> Outcome {
    let vendors = &hub.house.vendors;
    let connector = vendors.catalog.named(&arguments.connector)?.clone();
    let code = arguments.code.clone().unwrap_or_else(|| connector.name().to_owned());
    if code.parse::<SourceCode>().is_err() {
        return Err("a code has 2 to 64 lower-case letters, digits, _ and -, a letter first".into());
    }
    let outgoing =
        Outgoing { private_hosts: arguments.allow_private_host.clone(), via: arguments.via.iter().cloned().collect() };
    let entered = parameters(&connector, &arguments.parameters, &arguments.secrets)?;
    let mut connection = Connection::new(entered, outgoing);
    complete(&connector, &connection.parameters)?;
    let known = hub.house.rulebook.edition().source_named(&code).cloned();
    if known.as_ref().is_some_and(|known| known.connector != connector.name()) {
        return Err(format!("the source `{code}` has another connector; take another code").into());
    }
    stays(hub, &connector, &code, &connection).await?;
    let terms = terms(hub, &connector, &arguments)?;
    let to_come = connector.link().and_then(Link::authorised);
    if to_come.is_some_and(|name| !connection.parameters.contains_key(name)) {
        connection.parameters.extend(authorise(hub, &connector, &connection).await?);
    }
    let tried = try_out(hub, &connector, &connection, arguments.untested).await?;
    connection.parameters.extend(tried.refreshed);
    let before = match &known {
        Some(known) => vendors.connections.of(known.number).await?,
        None => None,
    };
    let kept = before.as_ref().and_then(|before| before.account.as_deref());
    connection.account = still_of(kept, tried.account, arguments.another_account)?;
    let connection = listen::still(hub, &connector, known.map(|known| known.number), connection).await?;
    let line = Line::new(Act::Configured).to("command line").object(format!("source {code}"));
    let now = hub.house.clock.now();
    let title = arguments.title.clone().unwrap_or_else(|| connector.title().to_owned());
    let (name, every) = (connector.name().to_owned(), i32::from(arguments.every) * 60);
    let kept = async {
        let source = hub.house.rulebook.ensure_source(code.clone(), title, name, &terms, now).await?;
        vendors.connections.put(source.number, &connection, every, now).await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    hub.house.book.change(line, kept).await?;
    say(&format!("`{code}` is connected; the next sync reads it from where the last one stopped"));
    if arguments.every > 0 {
        say(&format!(
            "while the hub serves, it is read every {} minutes; now: obhut sources sync {code}",
            arguments.every
        ));
    }
    listen::offer(&connector, "sources", &code);
    Ok(())
}

/// Has the merchant allow the hub to read at the vendor, and answers what the vendor gives for it.
async fn authorise(
    hub: &Hub,
    connector: &Connector,
    connection: &Connection,
) -> Result<Option<(String, String)>, Box<dyn std::error::Error>> {
    let asked = hub.house.vendors.authorise(connector.name(), connection)?;
    let Some(asked) = asked else { return Err(format!("`{}` asks nobody for permission", connector.name()).into()) };
    say(&format!("Open this address in a browser, and allow it there:\n\n  {}\n", asked.address()));
    say(&format!(
        "The browser is then led to {}…, where nobody need answer. Copy the whole address it shows, and enter it here:",
        asked.redirect()
    ));
    let mut line = Zeroizing::new(String::new());
    stdin().lock().read_line(&mut line)?;
    let (parameter, refresh) = asked.finish(&line).await?;
    Ok(Some((parameter, refresh.to_string())))
}

/// What came of trying what was entered.
#[derive(Default)]
struct Tried {
    /// What the vendor handed out meanwhile in the place of a refresh token. It is to be kept: the one before is worth nothing any more.
    refreshed: Option<(String, String)>,
    /// Whose account it is for.
    account: Option<String>,
}

/// Tries what was entered, or at least whether it can be used.
async fn try_out(
    hub: &Hub,
    connector: &Connector,
    connection: &Connection,
    untested: bool,
) -> Result<Tried, Box<dyn std::error::Error>> {
    let vendors = &hub.house.vendors;
    if let Some(folder) = vendors.folder(connector.name(), connection)? {
        if !untested {
            folder.check()?;
        }
        return Ok(Tried::default());
    }
    let session = vendors.rehearse(connector.name(), connection)?;
    if untested {
        return Ok(Tried::default());
    }
    session.test().await?.iter().for_each(|lack| say(&format!("  {lack}")));
    let account = vendors.account(&session).await?;
    Ok(Tried { refreshed: session.refreshed(), account })
}

/// What a merchant enters for a connector.
pub(super) fn asked(connector: &Connector) -> Vec<Parameter<'_>> {
    connector.link().map_or_else(|| Folder::parameters().to_vec(), |link| link.parameters().collect())
}

/// What was entered, the secrets from files.
fn parameters(
    connector: &Connector,
    given: &[(String, String)],
    secrets: &[(String, String)],
) -> Result<Parameters, Box<dyn std::error::Error>> {
    let asked = asked(connector);
    let is_secret = |name: &str| asked.iter().any(|parameter| parameter.name == name && parameter.secret);
    let mut parameters: Parameters = given.iter().cloned().collect();
    if let Some(name) = parameters.keys().find(|name| is_secret(name)) {
        return Err(format!("`{name}` is a secret: give it with --secret-file {name}=FILE").into());
    }
    // What the columns mean must not change while a file is read, so its text is kept and not its place.
    if let (None, Some(mapping)) = (connector.link(), parameters.get_mut("mapping")) {
        TableMapping::load(Path::new(&*mapping))?;
        *mapping = std::fs::read_to_string(&*mapping)?;
    }
    parameters.extend(read_secrets(secrets)?);
    Ok(parameters)
}

/// Secrets out of files; `-` is the next line of standard input.
pub(super) fn read_secrets(secrets: &[(String, String)]) -> Result<Parameters, Box<dyn std::error::Error>> {
    let mut read = Parameters::new();
    for (name, file) in secrets {
        let text = if file == "-" {
            let mut line = String::new();
            stdin().lock().read_line(&mut line)?;
            Zeroizing::new(line)
        } else {
            Zeroizing::new(std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?)
        };
        read.insert(name.clone(), text.trim().to_owned());
    }
    Ok(read)
}

/// Whatever must be entered is.
fn complete(connector: &Connector, parameters: &Parameters) -> Outcome {
    let asked = asked(connector);
    let missing = asked.iter().filter(|asked| !asked.optional && !parameters.contains_key(asked.name));
    let missing: Vec<String> = missing.map(|missing| format!("  {}: {}", missing.name, missing.title)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let guide = connector.link().map_or(FOLDER_GUIDE, |link| link.guide().trim());
    Err(format!("these are missing:\n{}\n\n{guide}", missing.join("\n")).into())
}

/// The connector's terms, with the version of the text of each consent it brings.
fn terms(hub: &Hub, connector: &Connector, arguments: &AddSource) -> Result<Terms, Box<dyn std::error::Error>> {
    let edition = hub.house.rulebook.edition();
    let mut given = BTreeMap::new();
    for (purpose, version) in &arguments.text_versions {
        let code: PurposeCode = purpose.parse()?;
        if edition.purpose(&code).is_none() {
            return Err(format!("not configured as a purpose: {purpose}").into());
        }
        given.insert(code, version.clone());
    }
    for purpose in connector.streams().iter().flat_map(Stream::consents) {
        let in_force = edition.purpose(purpose).and_then(|purpose| purpose.text_version.clone());
        match (given.contains_key(purpose), in_force) {
            (true, _) => {}
            (false, Some(version)) => {
                given.insert(purpose.clone(), version);
            }
            (false, None) => {
                let text =
                    format!("it brings consents for {purpose}; say which text it shows: --text-version {purpose}=…");
                return Err(text.into());
            }
        }
    }
    Ok(Terms { text_versions: given, ..connector.terms() })
}

async fn test(hub: &Hub, arguments: &NamedSource) -> Outcome {
    let vendors = &hub.house.vendors;
    let (source, connection) = vendors.connected(&arguments.code).await?;
    if let Some(folder) = vendors.folder(&source.connector, &connection)? {
        folder.check()?;
        say("files can be read in the folder and put away");
        return Ok(());
    }
    let session = vendors.open(&source, &connection)?;
    let lacking = session.test().await?;
    let account = vendors.account(&session).await?;
    if still_of(connection.account.as_deref(), account.clone(), false)? != connection.account {
        // It was connected before the hub asked, or without being tried.
        let keep = move |connection: &mut Connection| connection.account.clone_from(&account);
        vendors.connections.alter(source.number, hub.house.clock.now(), keep).await?;
    }
    say("the vendor answers, and the credentials may read");
    lacking.iter().for_each(|lack| say(&format!("  {lack}")));
    let connector = session.connector();
    if connector.can_erase() && !connector.link().is_some_and(Link::tells_lacks) {
        say("  the vendor does not tell whether they may erase: that shows with the first erasure");
    }
    tell_endings(hub, &source, &connection).await
}

/// Says which of its credentials end before long.
async fn tell_endings(hub: &Hub, source: &Source, connection: &Connection) -> Outcome {
    let (rows, now) = (hub.house.vendors.connections.rows().await?, hub.house.clock.now());
    let since = rows.iter().find(|row| row.source_no == source.number).map_or(now, |row| row.created_at);
    let connector = hub.house.vendors.catalog.connector(&source.connector)?;
    endings(connector, connection, since, now).iter().for_each(|ending| say(&format!("  {}", ending.words)));
    Ok(())
}

/// Enters parameters anew and leaves the others as they are.
async fn set(hub: &Hub, arguments: &SetSource) -> Outcome {
    let (code, vendors) = (&arguments.code, &hub.house.vendors);
    let (source, mut connection) = vendors.connected(code).await?;
    let before = connection.clone();
    let connector = vendors.catalog.connector(&source.connector)?.clone();
    let unset = arguments.unset.clone();
    let entered = parameters(&connector, &arguments.parameters, &arguments.secrets)?;
    let change = move |parameters: &mut Parameters| {
        parameters.retain(|name, _| !unset.contains(name));
        parameters.extend(entered.clone());
    };
    if let Some(name) = arguments.unset.iter().find(|name| !connection.parameters.contains_key(*name)) {
        return Err(format!("`{name}` is not entered").into());
    }
    change(&mut connection.parameters);
    complete(&connector, &connection.parameters)?;
    stays(hub, &connector, code, &connection).await?;
    vendors.leads_there(&connector, &before, &connection.parameters)?;
    let allowed = if arguments.authorise { authorise(hub, &connector, &connection).await? } else { None };
    let change = move |parameters: &mut Parameters| {
        change(parameters);
        parameters.extend(allowed.clone());
    };
    change(&mut connection.parameters);
    let tried = try_out(hub, &connector, &connection, arguments.untested).await?;
    let account = still_of(before.account.as_deref(), tried.account, arguments.another_account)?;
    let change = move |connection: &mut Connection| {
        change(&mut connection.parameters);
        connection.parameters.extend(tried.refreshed.clone());
        connection.account.clone_from(&account);
    };
    let line = Line::new(Act::Configured).to("command line").object(format!("connection of {code}"));
    let kept = async {
        vendors.connections.alter(source.number, hub.house.clock.now(), change).await?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    hub.house.book.change(line, kept).await?;
    say(&format!("`{code}` is reached so from now on; schedule and places stay as they are"));
    Ok(())
}

async fn list(hub: &Hub) -> Outcome {
    let rows = hub.house.vendors.connections.rows().await?;
    for source in hub.house.rulebook.edition().sources() {
        let row = rows.iter().find(|row| row.source_no == source.number);
        let state = match row {
            None => "not connected".to_owned(),
            Some(row) => {
                let number = source.number;
                let read =
                    move |read: &mut crate::store::Read| syncs::list(read.records(), number, Timestamp::NEVER, 1);
                let newest = hub.house.store.read(read).await?;
                let last = newest.first().map_or("never synced".to_owned(), |last| {
                    let state = SyncState::try_from(last.state).map_or("unknown", SyncState::word);
                    let why = if last.cause.is_empty() { String::new() } else { format!(": {}", last.cause) };
                    format!("{state} {}{why}", last.begun_at.rfc3339())
                });
                format!("every {} min  {last}", row.every_seconds / 60)
            }
        };
        say(&format!("{:<20}  {:<16}  {state}", source.code, source.connector));
        if let Some(connection) = hub.house.vendors.connections.of(source.number).await? {
            tell_endings(hub, &source, &connection).await?;
        }
    }
    Ok(())
}

async fn remove(hub: &Hub, arguments: &NamedSource, anyway: bool) -> Outcome {
    let code = &arguments.code;
    let source = hub.house.rulebook.edition().source_named(code).cloned();
    let source = source.ok_or_else(|| format!("there is no source `{code}`"))?;
    let number = source.number;
    let told = move |read: &mut crate::store::Read| {
        let subscriber = subscribers::find(read.records(), number)?;
        Ok::<_, crate::store::Error>(subscriber.is_some() || audiences::find(read.records(), number)?.is_some())
    };
    if hub.house.store.read(told).await? {
        return Err(format!("`{code}` is a destination; use obhut destinations remove {code}").into());
    }
    listen::end(hub, code, anyway).await?;
    let line = Line::new(Act::Configured).to("command line").object(format!("connection of {code}"));
    let removed = async {
        let removed = hub.house.vendors.connections.remove(source.number).await?;
        Ok::<_, Box<dyn std::error::Error>>(removed)
    };
    if hub.house.book.change(line, removed).await? {
        say(
            "its credentials are forgotten; the records that came by it stay, and are erased or expire like all others",
        );
        Ok(())
    } else {
        Err(format!("`{code}` is not connected").into())
    }
}
