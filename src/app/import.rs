//! `obhut import`: records out of files, through the same intake as the API.

use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::Path;

use indicatif::ProgressBar;
use serde_json::Value;

use super::commands::{Outcome, bar, say, say_error};
use crate::api::House;
use crate::cli::{Format, Import};
use crate::connect::{Catalog, Connector, Form, TableMapping};
use crate::consent::Terms;
use crate::intake::{self, CHUNK};

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
    pub(super) rejected: u64,
}

impl Tally {
    /// Records read.
    pub(super) const fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.stale + self.suppressed + self.rejected
    }

    fn count(&mut self, outcome: &intake::Outcome) {
        *match outcome {
            intake::Outcome::Created => &mut self.created,
            intake::Outcome::Updated => &mut self.updated,
            intake::Outcome::Unchanged => &mut self.unchanged,
            intake::Outcome::Stale => &mut self.stale,
            intake::Outcome::Suppressed => &mut self.suppressed,
            intake::Outcome::Rejected(_) => &mut self.rejected,
        } += 1;
    }
}

pub(super) async fn import(house: &House, arguments: &Import) -> Outcome {
    let catalog = Catalog::embedded()?;
    let reading = Reading::of(&catalog, arguments)?;
    if !arguments.dry_run {
        reading.ensure_source(house).await?;
    }
    let mut tally = Tally::default();
    for file in &arguments.files {
        let form = form_of(file, arguments.format)?;
        let (input, bar) = open(file, arguments.quiet)?;
        let records = reading.records(input, form)?;
        let mut batch: Vec<Vec<u8>> = Vec::with_capacity(CHUNK);
        let mut number = 0_u64;
        for record in records {
            match record {
                Ok(record) => batch.push(record),
                Err(unread) => {
                    tally.rejected += 1;
                    say_error(&format!("{}: {unread}", file.display()));
                }
            }
            if batch.len() == CHUNK {
                take(house, arguments, file, &mut batch, &mut number, &mut tally).await?;
            }
        }
        take(house, arguments, file, &mut batch, &mut number, &mut tally).await?;
        bar.finish_and_clear();
    }
    if !arguments.dry_run {
        house.intake.note_ingest(None, usize::try_from(tally.total()).unwrap_or(usize::MAX)).await?;
    }
    say(&format!(
        "{} records: {} created, {} updated, {} unchanged, {} older than what is there, {} of erased people, {} refused",
        tally.total(),
        tally.created,
        tally.updated,
        tally.unchanged,
        tally.stale,
        tally.suppressed,
        tally.rejected
    ));
    if tally.rejected == 0 { Ok(()) } else { Err(format!("{} records were refused", tally.rejected).into()) }
}

/// How the files are to be read.
struct Reading<'a> {
    connector: Option<&'a Connector>,
    stream: Option<&'a str>,
    mapping: Option<TableMapping>,
    source: String,
    given_source: bool,
}

/// Records one by one; what could not be read stands between them, in words without values.
type Records<'a> = Box<dyn Iterator<Item = Result<Vec<u8>, String>> + 'a>;

impl<'a> Reading<'a> {
    fn of(catalog: &'a Catalog, arguments: &'a Import) -> Result<Self, Box<dyn std::error::Error>> {
        let connector = arguments.connector.as_deref().map(|name| catalog.connector(name)).transpose()?;
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
            return Ok(Box::new(records.map(|record| record.map_err(|error| error.to_string()))));
        }
        match (self.connector, self.stream) {
            (Some(connector), Some(stream)) => {
                let stream = connector
                    .stream(stream)
                    .ok_or_else(|| format!("the connector {} has no such stream", connector.name()))?;
                let page: Value = serde_json::from_reader(input.take(LONGEST_JSON))
                    .map_err(|error| format!("not JSON: line {}", error.line()))?;
                let records: Vec<_> = stream.map(&page, &self.source).collect();
                Ok(Box::new(records.into_iter().map(|record| record.map_err(|error| error.to_string()))))
            }
            (Some(connector), None) => {
                let records = connector.read(input, form, &self.source);
                Ok(Box::new(records.map(|record| record.map_err(|error| error.to_string()))))
            }
            (None, _) if form == Form::Ndjson => Ok(self.lines(input)),
            (None, _) => Err("name a --connector for JSON, or a --mapping for CSV".into()),
        }
    }

    /// Canonical records, one per line. A line that cannot be parsed goes to intake as it is: it says why.
    fn lines(&'a self, input: Box<dyn Read>) -> Records<'a> {
        use std::io::BufRead as _;
        let lines = BufReader::new(input).split(b'\n');
        Box::new(lines.map(|line| line.map_err(|error| error.kind().to_string())).filter_map(|line| match line {
            Ok(line) if line.iter().all(u8::is_ascii_whitespace) => None,
            Ok(line) if self.given_source => Some(Ok(with_source(line, &self.source))),
            line => Some(line),
        }))
    }
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

async fn take(
    house: &House,
    arguments: &Import,
    file: &Path,
    batch: &mut Vec<Vec<u8>>,
    number: &mut u64,
    tally: &mut Tally,
) -> Outcome {
    let outcomes = if arguments.dry_run {
        let now = house.clock.now();
        batch
            .iter()
            .map(|record| match intake::parse(record, now) {
                Ok(_) => intake::Outcome::Unchanged,
                Err(rejection) => intake::Outcome::Rejected(rejection),
            })
            .collect()
    } else {
        house.intake.ingest(batch).await?
    };
    for outcome in outcomes {
        *number += 1;
        tally.count(&outcome);
        if let intake::Outcome::Rejected(rejection) = outcome {
            let (code, at, why) = (rejection.code, rejection.pointer, rejection.detail);
            say_error(&format!("{}, record {number}: {code} at {at:?}: {why}", file.display()));
        }
    }
    batch.clear();
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
