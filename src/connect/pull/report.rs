//! [`Report`]: a file the vendor makes when it is asked to, from the asking to its last row.
//!
//! ```text
//! asked for → its id is kept → looked again and again → ready → the file is opened → a page of rows, and how many are read is kept, …
//! ```
//!
//! Each arrow is a page of the stream for whoever reads it, so a hub that dies goes on where it was: with the same report, and
//! behind the rows that are in. Nobody waits here: a report that is not ready says when it is to be looked for again. A file that
//! is open lies with the session; whoever needs it from elsewhere opens it anew and leaves out what was read.

use std::time::Duration;

use jaq_json::Val;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::{Reading, Rows};
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::link::Link;
use crate::connect::manifest::report::{FileForm, ReportSpec};
use crate::connect::manifest::request::RequestSpec;
use crate::connect::mapping::exact;
use crate::connect::session::{Page, Session};
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};

/// How often a file is opened for one page of it: lines break.
const TRIES: u32 = 4;

/// How a report is had.
pub(super) struct Report {
    place: String,
    create: Call,
    id: Filter,
    poll: Call,
    done: Filter,
    empty: Option<Filter>,
    failed: Option<Filter>,
    every: Duration,
    looks: u16,
    values: Vec<(String, Filter)>,
    document: Option<Call>,
    url: Filter,
    authenticated: bool,
    reading: Reading,
    size: usize,
}

/// One that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    /// The vendor's id of it.
    id: String,
    /// How often it was looked whether it is ready, and it was not.
    looks: u16,
    /// It is not looked again before; microseconds.
    #[serde(default, skip_serializing_if = "is_unset")]
    next_at: i64,
    /// Rows that were read.
    rows: u64,
}

/// A file that is open.
pub(in crate::connect) struct Opened {
    /// Of which stream, and which report.
    name: (String, String),
    at: u64,
    file: Rows,
}

/// What came of a turn.
pub(super) enum Turned {
    /// It was asked for, with this reply.
    Asked(Page),
    /// It is not ready, and is to be looked for after so long.
    Waits(Duration),
    /// Rows of it, so many that could not be read, and whether others may follow.
    Rows { page: Page, unreadable: usize, more: bool },
}

/// What a look told.
enum Look {
    Waits,
    Empty,
    At(String),
}

impl Report {
    pub(super) fn load(spec: ReportSpec, pull: &str, link: &Link, at: At<'_>, asked: &[&str]) -> Result<Self, Error> {
        let place = format!("{pull}.report");
        let filter = |code: &str, what: &str| at.filter(code, &format!("{place}.{what}"));
        let mut known = link.names();
        known.push("report");
        let named = |call: Call, spec: &RequestSpec, what: &str| {
            let uses = call.needs().any(|name| name == "report")
                || spec.body.as_ref().is_some_and(|body| body.contains("report"));
            let message = format!("`{what}` uses `{{report}}` nowhere, so it would ask of no report");
            if uses { Ok(call) } else { Err(at.wrong(&format!("{what}:"), message)) }
        };
        let poll = named(Call::load(&spec.poll, &format!("{place}.poll"), at, &known)?, &spec.poll, "poll")?;
        known.extend(spec.values.keys().map(String::as_str));
        let document =
            spec.document.as_ref().map(|document| Call::load(document, &format!("{place}.document"), at, &known));
        let delimiter = match (spec.format, spec.delimiter) {
            (FileForm::Csv, given) => u8::try_from(given.unwrap_or(',')).ok().filter(u8::is_ascii),
            (FileForm::Tsv, None) | (FileForm::JsonLines, None) => Some(b'\t'),
            _ => None,
        };
        let delimiter = delimiter
            .ok_or_else(|| at.wrong("delimiter:", "one character of ASCII stands between columns of a `csv`"))?;
        if spec.size == 0 || spec.every_seconds == 0 || spec.looks == 0 {
            return Err(at.wrong("report:", "size, every_seconds and looks are one at least"));
        }
        let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), filter(code, "values")?)));
        Ok(Self {
            create: Call::load(&spec.create, &format!("{place}.create"), at, asked)?,
            id: filter(&spec.id, "id")?,
            poll,
            done: filter(&spec.done, "done")?,
            empty: spec.empty.as_deref().map(|code| filter(code, "empty")).transpose()?,
            failed: spec.failed.as_deref().map(|code| filter(code, "failed")).transpose()?,
            every: Duration::from_secs(spec.every_seconds.into()),
            looks: spec.looks,
            values: values.collect::<Result<_, Error>>()?,
            document: document.transpose()?,
            url: filter(&spec.url, "url")?,
            authenticated: spec.authenticated,
            reading: Reading { form: spec.format, delimiter, encoding: spec.encoding, most: spec.max_file_mib },
            size: usize::try_from(spec.size).unwrap_or(usize::MAX),
            place,
        })
    }

    /// Does the call that has it made name an end of the time it is about?
    pub(super) fn is_bounded(spec: &ReportSpec) -> bool {
        let create = &spec.create;
        let written = create.query.values().chain(create.form.values()).flat_map(|texts| &texts.0);
        written.chain(create.body.as_ref()).any(|text| text.contains("until"))
    }

    /// Goes on with it. `made` is what is kept of it.
    pub(super) async fn go_on(
        &self,
        session: &Session,
        words: &Variables,
        made: &mut Option<Made>,
    ) -> Result<Turned, Fault> {
        let Some(report) = made else {
            let page = session.page(&self.create, words).await?;
            let id = self.text(&self.id, &page.seen, "id")?;
            *made = Some(Made { id, looks: 0, next_at: 0, rows: 0 });
            return Ok(Turned::Asked(page));
        };
        let mut slot = session.opened().await;
        let name = (self.place.clone(), report.id.clone());
        let mut kept = slot.take().filter(|opened| opened.name == name && opened.at == report.rows);
        for tried in 1.. {
            let mut opened = match kept.take() {
                Some(opened) => opened,
                None if session.now().micros() < report.next_at => {
                    let rest = report.next_at.saturating_sub(session.now().micros());
                    return Ok(Turned::Waits(Duration::from_micros(u64::try_from(rest).unwrap_or(0))));
                }
                None => match self.look(session, report).await? {
                    Look::Waits if report.looks >= self.looks => return Err(Fault::Report),
                    Look::Waits => {
                        report.looks += 1;
                        let every = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX);
                        report.next_at = session.now().plus(every).micros();
                        return Ok(Turned::Waits(self.every));
                    }
                    Look::Empty => return Ok(Turned::Rows { page: page(Vec::new()), unreadable: 0, more: false }),
                    Look::At(url) => match session.file(&url, self.authenticated).await {
                        Ok(pieces) => Opened { name: name.clone(), at: 0, file: Rows::of(pieces, self.reading) },
                        Err(fault) if !fault.passes() || tried >= TRIES => return Err(fault),
                        Err(_) => {
                            session.pause(Duration::from_secs(u64::from(tried))).await;
                            continue;
                        }
                    },
                },
            };
            match opened.page(report.rows, self.size).await {
                Ok((rows, unreadable, more)) => {
                    report.rows = opened.at;
                    if more {
                        *slot = Some(opened);
                    }
                    return Ok(Turned::Rows { page: page(rows), unreadable, more });
                }
                // Lines do not break at each try: it is the file that ends there.
                Err(Fault::Unreadable) if tried >= TRIES => return Err(Fault::Report),
                Err(fault) if !fault.passes() || tried >= TRIES => return Err(fault),
                Err(_) => session.pause(Duration::from_secs(u64::from(tried))).await,
            }
        }
        Err(Fault::Report)
    }

    /// Looks whether it is ready, and where.
    async fn look(&self, session: &Session, report: &Made) -> Result<Look, Fault> {
        let mut words = Variables::from_iter([("report".to_owned(), Value::String(report.id.clone()))]);
        let told = session.page(&self.poll, &words).await?.seen;
        let says = |filter: &Option<Filter>| filter.as_ref().is_some_and(|filter| filter.holds(told.clone()));
        if says(&self.failed) {
            return Err(Fault::Report);
        }
        if says(&self.empty) {
            return Ok(Look::Empty);
        }
        if !self.done.holds(told.clone()) {
            return Ok(Look::Waits);
        }
        for (name, filter) in &self.values {
            words.insert(name.clone(), Value::String(self.text(filter, &told, "values")?));
        }
        let told = match &self.document {
            Some(document) => session.page(document, &words).await?.seen,
            None => told,
        };
        Ok(Look::At(self.text(&self.url, &told, "url")?))
    }

    /// What a filter yields: a text, or a number as one.
    fn text(&self, filter: &Filter, told: &Val, what: &str) -> Result<String, Fault> {
        match filter.run(told.clone()).next().and_then(Result::ok).and_then(exact) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Err(Fault::Filter(format!("{}.{what}", self.place))),
        }
    }
}

impl Opened {
    /// The rows from the one `from` on, so many that could not be read, and whether others may follow.
    async fn page(&mut self, from: u64, size: usize) -> Result<(Vec<Val>, usize, bool), Fault> {
        while self.at < from {
            // It is shorter than it was.
            if self.file.next().await?.is_none() {
                return Err(Fault::Report);
            }
            self.at += 1;
        }
        let (mut rows, mut unreadable) = (Vec::new(), 0);
        while rows.len() + unreadable < size {
            match self.file.next().await? {
                Some(Ok(row)) => rows.push(row),
                Some(Err(_)) => unreadable += 1,
                None => return Ok((rows, unreadable, false)),
            }
            self.at += 1;
        }
        Ok((rows, unreadable, true))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_unset(micros: &i64) -> bool {
    *micros == 0
}

/// Rows as filters see them.
fn page(rows: Vec<Val>) -> Page {
    let rows = (Val::from("rows".to_owned()), rows.into_iter().collect::<Val>());
    Page { headers: HeaderMap::new(), seen: Val::obj(std::iter::once(rows).collect()), is_unchanged: false }
}
