//! `obhut graph`: the identity graph from the command line.

use std::io::{self, BufWriter, Stdout, Write, stdout};

use indicatif::ProgressBar;
use serde::Serialize;

use super::Hub;
use super::commands::{Outcome, bar, say, say_error};
use super::output::NewFile;
use crate::cli::{Assignments, Split, TableFormat};
use crate::gateway::{Actor, Ask, Assignment, Caller, Disclosed, Scope};
use crate::intake::{HUB_SOURCE, MATCHING, Out, Papers, Progress};
use crate::jobs::resolve_graph;
use crate::store::{self, cards, subjects};
use crate::types::{Category, RecordNo, SubjectId};

/// People who are read with one audit line.
const PAGE: i64 = 200;

/// One line of the table.
#[derive(Serialize)]
struct Row<'a> {
    source: &'a str,
    external_id: &'a Disclosed<String>,
    subject_id: SubjectId,
}

/// `obhut graph assignments`.
pub(super) async fn assignments(hub: &Hub, arguments: &Assignments) -> Outcome {
    let house = &hub.house;
    let purpose = MATCHING.parse().map_err(store::Error::from)?;
    if house.rulebook.edition().purpose(&purpose).is_none() {
        return Err(format!("the purpose {MATCHING} is not configured; nothing may be read").into());
    }
    let caller = Caller { actor: Actor::Hub("obhut graph assignments"), scope: Scope::Every };
    let categories = Some(std::iter::once(Category::Identity).collect());
    let ask = Ask { caller, purpose, categories, channel: None, reason: None };
    let mut table = Table::open(arguments)?;
    let bar = if arguments.output.is_some() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let bar = bar.with_message("records");
    let (mut after, mut written, mut withheld) = (None, 0_u64, 0);
    loop {
        let people = house.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
        let Some(last) = people.last().copied() else { break };
        after = Some(last);
        let page = house.gateway.assignments(&ask, people).await?;
        withheld += page.withheld;
        for found in page.named.iter().filter(|found| found.source != HUB_SOURCE) {
            table.write(found)?;
            written += 1;
        }
        bar.set_position(written);
    }
    table.end()?;
    bar.finish_and_clear();
    if withheld > 0 {
        say_error(&format!("{written} records; {withheld} more may not be read for the purpose {MATCHING}"));
    }
    Ok(())
}

/// `obhut graph resolve`.
pub(super) async fn resolve(hub: &Hub) -> Outcome {
    let house = &hub.house;
    let by = Caller { actor: Actor::Hub("obhut graph resolve"), scope: Scope::Every };
    let records = u64::try_from(house.store.read(|read| cards::count(read.records())).await?).unwrap_or(0);
    house.intake.heed_objections(async |person| house.rights.told_apart(person).await).await?;
    let bar = bar("records opened");
    bar.set_length(records);
    let told = |progress| match progress {
        Progress::Opened(opened) => bar.set_position(u64::try_from(opened).unwrap_or(0)),
        Progress::Comparing(weighed, pairs) => {
            bar.set_message("pairs compared");
            bar.set_length(u64::try_from(pairs).unwrap_or(0));
            bar.set_position(u64::try_from(weighed).unwrap_or(0));
        }
        Progress::Changed(done, all) => {
            bar.set_message("changes");
            bar.set_length(u64::try_from(all).unwrap_or(0));
            bar.set_position(u64::try_from(done).unwrap_or(0));
        }
    };
    let done = resolve_graph::resolve(&house.store, &house.intake, &*house.clock, Some(&by), told).await;
    bar.finish_and_clear();
    let done = done?;
    say(&format!(
        "{} records compared: {} groups taken out, {} people joined into others, {} questions to decide",
        done.records, done.parted, done.joined, done.asked
    ));
    Ok(())
}

/// `obhut graph split`.
pub(super) async fn split(hub: &Hub, arguments: Split) -> Outcome {
    let house = &hub.house;
    let by = Caller { actor: Actor::Hub("obhut graph split"), scope: Scope::Every };
    let records: Vec<RecordNo> = arguments.records.iter().copied().map(RecordNo).collect();
    let out = if records.is_empty() { Out::Parts(arguments.parts.clone()) } else { Out::Records(records.clone()) };
    let correction = house.rights.correction(arguments.person, &arguments.parts, &records, &by).await?;
    let request = correction.request.request_id;
    let told: Vec<String> = correction.notices.iter().map(|notice| notice.recipient.clone()).collect();
    let papers = Papers { decided: true, request: Some(correction.request), notices: correction.notices };
    let done = house.intake.separate(arguments.person, &out, &papers, Some(&by)).await?;
    say(&format!("{} stays", done.kept));
    for other in done.out {
        say(&format!("{other} was taken out"));
    }
    for recipient in told {
        say(&format!("to be told: {recipient} (request {request})"));
    }
    Ok(())
}

/// Where a table goes.
enum Sink {
    File(NewFile),
    Stdout(Stdout),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}

/// A table on its way to a file or to standard output.
enum Table {
    Csv(Box<csv::Writer<BufWriter<Sink>>>),
    Ndjson(BufWriter<Sink>),
}

impl Table {
    fn open(arguments: &Assignments) -> Result<Self, Box<dyn std::error::Error>> {
        let out = BufWriter::new(match &arguments.output {
            Some(path) => Sink::File(NewFile::create(path)?),
            None => Sink::Stdout(stdout()),
        });
        Ok(match arguments.format {
            TableFormat::Csv => {
                let mut table = csv::WriterBuilder::new().has_headers(false).from_writer(out);
                table.write_record(["source", "external_id", "subject_id"])?;
                Self::Csv(Box::new(table))
            }
            TableFormat::Ndjson => Self::Ndjson(out),
        })
    }

    fn write(&mut self, found: &Assignment) -> Outcome {
        let row = Row { source: &found.source, external_id: &found.external_id, subject_id: found.subject };
        match self {
            Self::Csv(table) => table.serialize(row)?,
            Self::Ndjson(out) => {
                serde_json::to_writer(&mut *out, &row)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    fn end(self) -> Outcome {
        let out = match self {
            Self::Csv(table) => table.into_inner().map_err(|error| error.into_error())?,
            Self::Ndjson(out) => out,
        };
        match out.into_inner().map_err(|error| error.into_error())? {
            Sink::File(file) => Ok(file.keep()?),
            Sink::Stdout(mut out) => Ok(out.flush()?),
        }
    }
}
