//! `obhut import`: records out of files, through the same intake as the API.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::Path;

use indicatif::ProgressBar;
use serde_json::Value;

use super::commands::{Outcome, bar, say, say_error};
use crate::api::House;
use crate::cli::{Format, Import};
use crate::connect::{Catalog, Connector, Form, Origin, Parameters, TableMapping};
use crate::consent::Terms;
use crate::gateway::{Actor, Caller, Scope};
use crate::intake::normal::Reason;
use crate::intake::{self, BY_ITSELF, CHUNK, Rejection, Taken};
use crate::jobs::resolve_graph;
use crate::store::cards;

/// New records from which on an import groups everything anew.
const MANY: u64 = 500;
/// Bytes of a document that is read as a whole.
const LONGEST_JSON: u64 = 256 * 1024 * 1024;

/// What became of the records of one import.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) stale: u64,
    pub(super) suppressed: u64,
    pub(super) unread: u64,
    pub(super) rejected: u64,
    /// Values that records were taken in without.
    pub(super) left_out: u64,
    /// The same for categories that no purpose keeps, by the sentence that says so.
    pub(super) no_purpose: BTreeMap<String, u64>,
}

impl Tally {
    /// Records read.
    pub(super) const fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.stale + self.suppressed + self.unread + self.rejected
    }

    fn count(&mut self, outcome: &intake::Outcome) {
        *match outcome {
            intake::Outcome::Created => &mut self.created,
            intake::Outcome::Updated => &mut self.updated,
            intake::Outcome::Unchanged => &mut self.unchanged,
            intake::Outcome::Stale => &mut self.stale,
            intake::Outcome::Suppressed => &mut self.suppressed,
            intake::Outcome::Unread => &mut self.unread,
            intake::Outcome::Rejected(_) => &mut self.rejected,
        } += 1;
    }
}

pub(super) async fn import(house: &House, arguments: &Import) -> Outcome {
    let catalog = house.vendors.catalog.clone();
    let mut reading = Reading::of(&catalog, arguments)?;
    if let Ok((_, connection)) = house.vendors.connected(&reading.source).await {
        reading.parameters = connection.parameters;
    }
    if !arguments.dry_run {
        reading.ensure_source(house).await?;
    }
    let mut tally = Tally::default();
    let end = bring(house, arguments, &reading, &mut tally).await;
    // What went in before it broke off is written down too.
    if !arguments.dry_run && (end.is_ok() || tally.total() > 0) {
        house.intake.note_ingest(None, usize::try_from(tally.total()).unwrap_or(usize::MAX)).await?;
    }
    end?;
    if !arguments.dry_run && !arguments.no_resolve {
        resolve(house, tally.created).await?;
    }
    for (detail, records) in &tally.no_purpose {
        say_error(&format!("{records} records taken in without what they say: no_purpose: {detail}"));
    }
    say(&format!(
        "{} records: {} created, {} updated, {} unchanged, {} older than what is there, {} of erased people, {} without a \
         purpose, {} refused; {} values left out",
        tally.total(),
        tally.created,
        tally.updated,
        tally.unchanged,
        tally.stale,
        tally.suppressed,
        tally.unread,
        tally.rejected,
        tally.left_out
    ));
    if tally.rejected == 0 { Ok(()) } else { Err(format!("{} records were refused", tally.rejected).into()) }
}

/// Groups everything anew if this import is a good part of all there is: what came first was compared by what was known
/// then, which was little.
async fn resolve(house: &House, created: u64) -> Outcome {
    let records = u64::try_from(house.store.read(|read| cards::count(read.records())).await?).unwrap_or(0);
    if created >= MANY && created >= records / 10 && records <= BY_ITSELF {
        let by = Caller { actor: Actor::Hub("obhut import"), scope: Scope::Every };
        let done = resolve_graph::resolve(&house.store, &house.intake, &*house.clock, Some(&by), |_| ()).await?;
        tracing::info!(parted = done.parted, joined = done.joined, asked = done.asked, "all records were grouped anew");
    }
    Ok(())
}

async fn bring(house: &House, arguments: &Import, reading: &Reading<'_>, tally: &mut Tally) -> Outcome {
    for file in &arguments.files {
        let form = form_of(file, arguments.format)?;
        let (input, bar) = open(file, arguments.quiet)?;
        let mut batch: Vec<Found> = Vec::with_capacity(CHUNK);
        for (number, record) in (1..).zip(reading.records(input, form)?) {
            match record {
                Ok(record) => batch.push(Found { place: record.place.or(Place::Record(number)), ..record }),
                Err(unread) => {
                    tally.rejected += 1;
                    say_error(&format!("{}: {unread}", file.display()));
                }
            }
            if batch.len() == CHUNK {
                take(house, arguments, file, &mut batch, tally).await?;
            }
        }
        take(house, arguments, file, &mut batch, tally).await?;
        bar.finish_and_clear();
    }
    Ok(())
}

/// A record and where it stands.
struct Found {
    place: Place,
    record: Vec<u8>,
}

impl AsRef<[u8]> for Found {
    fn as_ref(&self) -> &[u8] {
        &self.record
    }
}

/// Where a record stands in its file.
#[derive(Clone, Copy)]
enum Place {
    /// Not known yet.
    Somewhere,
    /// Its line, from 1.
    Line(u64),
    /// Which record it is, from 1, of those the file holds; those that could not be read count.
    Record(u64),
}

impl Place {
    const fn or(self, other: Self) -> Self {
        if let Self::Somewhere = self { other } else { self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Somewhere => f.write_str("somewhere"),
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

/// How the files are to be read.
struct Reading<'a> {
    connector: Option<&'a Connector>,
    stream: Option<&'a str>,
    mapping: Option<TableMapping>,
    source: String,
    given_source: bool,
    /// What was entered for the source, if it is connected: the same file then means what a sync would make of it.
    parameters: Parameters,
}

/// Records one by one; what could not be read stands between them, in words without values.
type Records<'a> = Box<dyn Iterator<Item = Result<Found, String>> + 'a>;

impl<'a> Reading<'a> {
    fn of(catalog: &'a Catalog, arguments: &'a Import) -> Result<Self, Box<dyn std::error::Error>> {
        let connector = arguments.connector.as_deref().map(|name| catalog.named(name)).transpose()?;
        let connector = connector.map(|connector| &**connector);
        let mapping = arguments.mapping.as_deref().map(TableMapping::load).transpose()?;
        if mapping.is_some() && arguments.source.is_none() {
            return Err("a table needs --source: the code of the source its records belong to".into());
        }
        let source = arguments.source.clone().or_else(|| connector.map(|connector| connector.name().to_owned()));
        Ok(Self {
            connector,
            stream: arguments.stream.as_deref(),
            mapping,
            source: source.unwrap_or_default(),
            given_source: arguments.source.is_some(),
            parameters: Parameters::new(),
        })
    }

    /// Makes the source the files belong to, where they name one and there is none yet.
    async fn ensure_source(&self, house: &House) -> Outcome {
        match self.connector {
            Some(connector) => ensure_source(house, connector, &self.source, connector.terms()).await,
            None if self.given_source => {
                let (code, terms) = (self.source.clone(), Terms::default());
                house.rulebook.ensure_source(code.clone(), code, "file".to_owned(), &terms, house.clock.now()).await?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The table mapping for CSV: the one that was named, or the connector's own.
    fn table(&self) -> Option<&TableMapping> {
        self.mapping.as_ref().or_else(|| self.connector.and_then(Connector::table))
    }

    fn records(&'a self, input: Box<dyn Read>, form: Form) -> Result<Records<'a>, Box<dyn std::error::Error>> {
        if let (Some(mapping), Form::Csv) = (self.table(), form) {
            let records = mapping.read(input, &self.source);
            return Ok(somewhere(records));
        }
        match (self.connector, self.stream) {
            (Some(connector), Some(stream)) => {
                let stream = connector
                    .stream(stream)
                    .ok_or_else(|| format!("the connector {} has no such stream", connector.name()))?;
                let page: Value = serde_json::from_reader(input.take(LONGEST_JSON))
                    .map_err(|error| format!("not JSON: line {}", error.line()))?;
                let records: Vec<_> = stream.map(&page, self.origin(connector)).collect();
                Ok(somewhere(records.into_iter()))
            }
            (Some(connector), None) => {
                let records = connector.read(input, form, self.origin(connector));
                Ok(somewhere(records))
            }
            (None, _) if form == Form::Ndjson => Ok(self.lines(input)),
            (None, _) => Err("name a --connector for JSON, or a --mapping for CSV".into()),
        }
    }

    fn origin(&self, connector: &Connector) -> Origin<'_> {
        connector
            .link()
            .map_or_else(|| Origin::from(&self.source), |link| Origin::of(&self.source, link, &self.parameters))
    }

    /// Canonical records, one per line. A line that cannot be parsed goes to intake as it is: it says why.
    fn lines(&'a self, input: Box<dyn Read>) -> Records<'a> {
        use std::io::BufRead as _;
        let mut ended = false;
        let lines = (1..).zip(BufReader::new(input).split(b'\n'));
        // A file that cannot be read, such as a directory, says so for ever.
        let lines = lines.take_while(move |(_, line)| !std::mem::replace(&mut ended, line.is_err()));
        Box::new(lines.filter_map(|(number, line)| match line {
            Err(error) => Some(Err(format!("line {number}: {}", error.kind()))),
            Ok(line) if line.iter().all(u8::is_ascii_whitespace) => None,
            Ok(line) => {
                let record = if self.given_source { with_source(line, &self.source) } else { line };
                Some(Ok(Found { place: Place::Line(number), record }))
            }
        }))
    }
}

/// Records whose reader says no place of theirs.
fn somewhere<'a, E: fmt::Display>(records: impl Iterator<Item = Result<Vec<u8>, E>> + 'a) -> Records<'a> {
    Box::new(records.map(|record| match record {
        Ok(record) => Ok(Found { place: Place::Somewhere, record }),
        Err(error) => Err(error.to_string()),
    }))
}

fn with_source(line: Vec<u8>, source: &str) -> Vec<u8> {
    match serde_json::from_slice::<serde_json::Map<String, Value>>(&line) {
        Ok(mut record) => {
            record.insert("source".to_owned(), source.into());
            serde_json::to_vec(&record).unwrap_or(line)
        }
        Err(_) => line,
    }
}

async fn take(house: &House, arguments: &Import, file: &Path, batch: &mut Vec<Found>, tally: &mut Tally) -> Outcome {
    let taken = if arguments.dry_run {
        let (now, edition) = (house.clock.now(), house.rulebook.edition());
        batch
            .iter()
            .map(|found| match intake::parse_under(&found.record, now, &edition) {
                Ok(read) if read.unread => Taken { outcome: intake::Outcome::Unread, left_out: read.left_out },
                Ok(read) => Taken { outcome: intake::Outcome::Unchanged, left_out: read.left_out },
                Err(rejection) => Taken { outcome: intake::Outcome::Rejected(rejection), left_out: Vec::new() },
            })
            .collect()
    } else {
        house.intake.ingest(batch).await?
    };
    for (Taken { outcome, left_out }, found) in taken.into_iter().zip(batch.drain(..)) {
        tally.count(&outcome);
        tally.left_out += u64::try_from(left_out.len()).unwrap_or(u64::MAX);
        let place = format!("{}, {}", file.display(), found.place);
        for Rejection { code, pointer, detail } in left_out {
            if code == Reason::NO_PURPOSE.code {
                *tally.no_purpose.entry(detail).or_default() += 1;
                continue;
            }
            say_error(&format!("{place}: taken in without {pointer:?}: {code}: {detail}"));
        }
        if let intake::Outcome::Rejected(Rejection { code, pointer, detail }) = outcome {
            say_error(&format!("{place}: {code} at {pointer:?}: {detail}"));
        }
    }
    Ok(())
}

/// Makes the source if there is none with this code yet; the terms of one that is there stay.
pub(super) async fn ensure_source(house: &House, connector: &Connector, code: &str, terms: Terms) -> Outcome {
    let (title, name) = (connector.title().to_owned(), connector.name().to_owned());
    house.rulebook.ensure_source(code.to_owned(), title, name, &terms, house.clock.now()).await?;
    Ok(())
}

fn form_of(file: &Path, given: Option<Format>) -> Result<Form, String> {
    match given {
        Some(Format::Json) => Ok(Form::Json),
        Some(Format::Ndjson) => Ok(Form::Ndjson),
        Some(Format::Csv) => Ok(Form::Csv),
        None => {
            Form::of(file).ok_or_else(|| format!("{}: name the form with --format json, ndjson or csv", file.display()))
        }
    }
}

fn open(file: &Path, quiet: bool) -> Result<(Box<dyn Read>, ProgressBar), Box<dyn std::error::Error>> {
    if file == Path::new("-") {
        return Ok((Box::new(stdin()), ProgressBar::hidden()));
    }
    let input = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let bar = if quiet { ProgressBar::hidden() } else { bar("bytes read") };
    bar.set_length(input.metadata().map_or(0, |metadata| metadata.len()));
    Ok((Box::new(bar.wrap_read(input)), bar))
}
