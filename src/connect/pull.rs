//! [`Pull`]: reading a stream from the vendor, page by page, from wherever the last reading stood.

use jaq_json::Val;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{At, Call};
use super::filter::Filter;
use super::link::Link;
use super::manifest::pull::{IncrementalSpec, InstantFormat, PagingSpec, PullSpec};
use super::mapping::{exact, value};
use super::session::{Answer, Session};
use super::template::Variables;
use super::{Error, Fault, MappingError, Stream};
use crate::types::Timestamp;

/// Where a stream stands. It is kept sealed, because a vendor's page tokens may hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Everything that changed before is in; microseconds. None: nothing is in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// The reading that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sweep: Option<Sweep>,
}

/// One reading of a stream from its first to its last page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sweep {
    /// What it asks for since.
    since: Option<i64>,
    /// What the next reading asks for since.
    next_since: i64,
    /// What it asks for until.
    until: i64,
    /// The page that comes next.
    at: Spot,
    /// Objects read.
    read: u64,
    /// Objects there are in all.
    total: Option<u64>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Spot {
    First,
    Page(u64),
    Offset(u64),
    Token(String),
    Url(String),
}

impl Place {
    /// The same stream, to be read from its beginning.
    #[must_use]
    pub fn anew() -> Self {
        Self::default()
    }

    /// Does a reading go on here that was cut short?
    #[must_use]
    pub const fn is_midway(&self) -> bool {
        self.sweep.is_some()
    }
}

/// One page as it came.
pub struct Leaf {
    objects: Vec<Result<Val, MappingError>>,
    /// Objects that did not change since the last reading and were left out.
    pub left_out: u64,
    /// Where the stream stands once the records of this page are durable.
    pub after: Place,
    /// Was it the last one?
    pub last: bool,
    /// Objects there are in all, where the vendor says it.
    pub total: Option<u64>,
}

impl Leaf {
    /// Objects on the page.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.objects.len()).unwrap_or(u64::MAX).saturating_add(self.left_out)
    }

    /// Is the page without any?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The canonical records of its objects; what cannot be mapped stands between them as an error.
    pub fn records<'a>(
        self,
        stream: &'a Stream,
        source: &'a str,
    ) -> impl Iterator<Item = Result<Vec<u8>, MappingError>> + 'a {
        stream.map_objects(self.objects.into_iter(), source)
    }
}

/// How a stream is read.
pub struct Pull {
    name: String,
    call: Call,
    paging: Option<Paging>,
    incremental: Option<Incremental>,
    enrich: Vec<Enrich>,
}

struct Paging {
    size: u32,
    style: Style,
    total: Option<Filter>,
    total_header: Option<String>,
    more: Option<Filter>,
    expired: Option<(u16, Option<Filter>)>,
}

enum Style {
    Page(u64),
    Offset,
    Token(Filter),
    Url(Filter),
    Link,
}

struct Incremental {
    format: InstantFormat,
    overlap: i64,
    lag: i64,
    start_days: Option<u32>,
    compare: Option<Filter>,
    next: Option<Filter>,
}

struct Enrich {
    name: String,
    values: Vec<(String, Filter)>,
    call: Call,
    take: Filter,
}

impl Pull {
    pub(super) fn load(spec: PullSpec, stream: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("streams.{stream}.pull");
        let mut known = link.names();
        known.extend(["page", "offset", "limit", "token", "since", "until"]);
        let call = Call::load(&spec.request, &format!("{place}.request"), at, &known)?;
        let paging =
            spec.paging.map(|paging| Paging::load(paging, &place, &call, &spec.request.body, at)).transpose()?;
        let incremental = spec.incremental.map(|spec| Incremental::load(spec, &place, at)).transpose()?;
        let enrich = spec.enrich.into_iter().map(|spec| {
            let place = format!("{place}.enrich.{}", spec.name);
            let mut known = link.names();
            known.extend(spec.values.keys().map(String::as_str));
            let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), at.filter(code, &place)?)));
            Ok(Enrich {
                values: values.collect::<Result<_, Error>>()?,
                call: Call::load(&spec.request, &place, at, &known)?,
                take: at.filter(&spec.take, &format!("{place}.take"))?,
                name: spec.name,
            })
        });
        let enrich = enrich.collect::<Result<_, Error>>()?;
        Ok(Self { name: place, call, paging, incremental, enrich })
    }

    /// Reads the next page of `stream` from `place`.
    ///
    /// # Errors
    /// Why it cannot be had; the place stays as it is, and reading goes on from it another time.
    pub async fn page(&self, session: &Session, stream: &Stream, place: &Place) -> Result<Leaf, Fault> {
        let mut place = place.clone();
        // A token that is not valid any more: what was read before is in; the rest is found from the beginning.
        for _ in 0..3 {
            if let Some(leaf) = self.turn(session, stream, &place).await? {
                return Ok(leaf);
            }
            place.sweep = None;
        }
        Err(Fault::Expired)
    }

    async fn turn(&self, session: &Session, stream: &Stream, place: &Place) -> Result<Option<Leaf>, Fault> {
        let now = session.now();
        let mut sweep = place.sweep.clone().unwrap_or_else(|| self.begin(place.since, now));
        let words = self.words(&sweep);
        let next = if let Spot::Url(url) = &sweep.at { Some(url.as_str()) } else { None };
        let ends = |status: reqwest::StatusCode, body: &Value| {
            let expired = self.paging.as_ref().and_then(|paging| paging.expired.as_ref());
            sweep.at != Spot::First
                && expired.is_some_and(|(wanted, filter)| {
                    status.as_u16() == *wanted && filter.as_ref().is_none_or(|filter| filter.holds(value(body)))
                })
        };
        let Some(answer) = session.call_unless(&self.call, &words, next, ends).await? else { return Ok(None) };
        if place.sweep.is_none() {
            sweep.next_since = self.next_since(&answer, now)?;
        }
        let mut objects: Vec<_> = stream.objects(&answer.json).collect();
        let count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
        let before = objects.len();
        if let Some(since) = sweep.since
            && let Some(compare) = self.incremental.as_ref().and_then(|incremental| incremental.compare.as_ref())
        {
            objects.retain(|object| {
                object.as_ref().is_ok_and(|object| is_news(compare, object, since)) || object.is_err()
            });
        }
        let left_out = u64::try_from(before - objects.len()).unwrap_or(0);
        for whole in objects.iter_mut().flatten() {
            for enrich in &self.enrich {
                enrich.add(session, whole).await?;
            }
        }
        let total = self.paging.as_ref().and_then(|paging| paging.total(&answer));
        let next = self.next(&mut sweep, &answer, count, total)?;
        let last = next.is_none();
        let after = match next {
            Some(at) => Place { since: place.since, sweep: Some(Sweep { at, ..sweep }) },
            None => Place { since: self.incremental.as_ref().map(|_| sweep.next_since), sweep: None },
        };
        Ok(Some(Leaf { objects, left_out, after, last, total }))
    }

    fn begin(&self, since: Option<i64>, now: Timestamp) -> Sweep {
        let lag = self.incremental.as_ref().map_or(0, |incremental| incremental.lag);
        let start = self.incremental.as_ref().and_then(|incremental| incremental.start_days);
        let start = start.map(|days| now.plus_days(-i64::from(days)).micros());
        let until = now.plus(-lag).micros();
        Sweep { since: since.or(start), next_since: until, until, at: Spot::First, read: 0, total: None }
    }

    /// Whatever changes from now on, by the vendor's clock, is read the next time.
    fn next_since(&self, answer: &Answer, now: Timestamp) -> Result<i64, Fault> {
        let Some(incremental) = &self.incremental else { return Ok(now.micros()) };
        if let Some(next) = &incremental.next {
            let said = next.run(value(&answer.json)).next().and_then(Result::ok);
            let said = said
                .as_ref()
                .and_then(instant)
                .ok_or_else(|| Fault::Filter(format!("{}.incremental.next", self.name)))?;
            return Ok(said.plus(-incremental.overlap).micros());
        }
        // Without the vendor's clock, its could be behind ours.
        let begun = answer.date().unwrap_or_else(|| now.plus(-300 * Timestamp::SECOND));
        Ok(begun.plus(-incremental.overlap.max(incremental.lag)).micros())
    }

    fn words(&self, sweep: &Sweep) -> Variables {
        let mut words = Variables::new();
        let mut say = |name: &str, value: Value| {
            words.insert(name.to_owned(), value);
        };
        if let Some(paging) = &self.paging {
            say("limit", paging.size.into());
            match (&sweep.at, &paging.style) {
                (Spot::Page(page), _) => say("page", (*page).into()),
                (_, Style::Page(first)) => say("page", (*first).into()),
                (Spot::Offset(offset), _) => say("offset", (*offset).into()),
                (_, Style::Offset) => say("offset", 0.into()),
                (Spot::Token(token), _) => say("token", token.clone().into()),
                _ => {}
            }
        }
        if let Some(incremental) = &self.incremental {
            if let Some(since) = sweep.since {
                say("since", written(since, incremental.format));
            }
            say("until", written(sweep.until, incremental.format));
        }
        words
    }

    /// The page that comes next; none at the end.
    fn next(&self, sweep: &mut Sweep, answer: &Answer, count: u64, total: Option<u64>) -> Result<Option<Spot>, Fault> {
        let Some(paging) = &self.paging else { return Ok(None) };
        let size = u64::from(paging.size).max(1);
        let json = || value(&answer.json);
        let follow = |filter: &Filter, name: &str| match filter.run(json()).next().map(|yielded| yielded.map(exact)) {
            None | Some(Ok(Some(Value::Null))) => Ok(None),
            Some(Ok(Some(Value::String(text)))) if text.is_empty() => Ok(None),
            Some(Ok(Some(Value::String(text)))) => Ok(Some(text)),
            Some(Ok(Some(Value::Number(number)))) => Ok(Some(number.to_string())),
            _ => Err(Fault::Filter(format!("{}.paging.{name}", self.name))),
        };
        let next = match &paging.style {
            Style::Token(filter) => follow(filter, "token")?.map(Spot::Token),
            Style::Url(filter) => follow(filter, "next_url")?.map(Spot::Url),
            Style::Link => link_header(&answer.headers).map(Spot::Url),
            Style::Page(_) | Style::Offset => {
                // Objects that went away meanwhile moved the others up: step back, so that none is passed over.
                let gone = sweep.total.zip(total).map_or(0, |(before, now)| before.saturating_sub(now));
                sweep.total = total;
                let back = gone.div_ceil(size);
                sweep.read = sweep.read.saturating_add(count);
                if back > 0 && sweep.at != Spot::First {
                    sweep.read = sweep.read.saturating_sub(count + back * size);
                    return Ok(Some(paging.step_back(&sweep.at, back, size)));
                }
                let more = match (&paging.more, total) {
                    _ if count == 0 => false,
                    (Some(more), _) => more.holds(json()),
                    (None, Some(total)) => sweep.read < total,
                    (None, None) => true,
                };
                return Ok(more.then(|| paging.step(&sweep.at, count)));
            }
        };
        sweep.read = sweep.read.saturating_add(count);
        let more = paging.more.as_ref().is_none_or(|more| more.holds(json()));
        match next {
            Some(next) if next == sweep.at => Err(Fault::Repeats),
            next => Ok(next.filter(|_| more)),
        }
    }
}

impl Paging {
    fn load(spec: PagingSpec, place: &str, call: &Call, body: &Option<String>, at: At<'_>) -> Result<Self, Error> {
        let name = |what: &str| format!("{place}.paging.{what}");
        let filter = |code: Option<String>, what: &str| code.map(|code| at.filter(&code, &name(what))).transpose();
        let mut styles = Vec::new();
        if let Some(page) = spec.page {
            if page.first > 1 {
                return Err(at.wrong("first:", "pages begin with 0 or 1"));
            }
            styles.push((Style::Page(page.first.into()), "page"));
        }
        if spec.offset {
            styles.push((Style::Offset, "offset"));
        }
        if let Some(token) = filter(spec.token, "token")? {
            styles.push((Style::Token(token), "token"));
        }
        if let Some(next) = filter(spec.next_url, "next_url")? {
            styles.push((Style::Url(next), ""));
        }
        if spec.link_header {
            styles.push((Style::Link, ""));
        }
        let (1, Some((style, word))) = (styles.len(), styles.pop()) else {
            let message = "name exactly one of page, offset, token, next_url and link_header";
            return Err(at.wrong("paging:", message));
        };
        let uses = word.is_empty()
            || call.needs().any(|name| name == word)
            || body.as_ref().is_some_and(|body| body.contains(word));
        if !uses {
            return Err(
                at.wrong("paging:", format!("the request uses `{{{word}}}` nowhere, so every page would be the first"))
            );
        }
        if spec.size == 0 {
            return Err(at.wrong("size:", "a page holds at least one object"));
        }
        let expired =
            spec.expired.map(|expired| Ok::<_, Error>((expired.status, filter(expired.body, "expired.body")?)));
        Ok(Self {
            size: spec.size,
            style,
            total: filter(spec.total, "total")?,
            total_header: spec.total_header,
            more: filter(spec.more, "more")?,
            expired: expired.transpose()?,
        })
    }

    fn total(&self, answer: &Answer) -> Option<u64> {
        if let Some(name) = &self.total_header {
            return answer.headers.get(name.as_str())?.to_str().ok()?.trim().parse().ok();
        }
        let yielded = exact(self.total.as_ref()?.run(value(&answer.json)).next()?.ok()?)?;
        yielded.as_u64().or_else(|| yielded.as_str()?.parse().ok())
    }

    const fn first(&self) -> u64 {
        if let Style::Page(first) = self.style { first } else { 0 }
    }

    fn step(&self, at: &Spot, count: u64) -> Spot {
        match (at, &self.style) {
            (Spot::Page(page), _) => Spot::Page(page + 1),
            (Spot::Offset(offset), _) => Spot::Offset(offset + count),
            (_, Style::Page(first)) => Spot::Page(first + 1),
            _ => Spot::Offset(count),
        }
    }

    fn step_back(&self, at: &Spot, pages: u64, size: u64) -> Spot {
        match at {
            Spot::Page(page) => Spot::Page(page.saturating_sub(pages).max(self.first())),
            Spot::Offset(offset) => Spot::Offset(offset.saturating_sub(pages * size)),
            other => other.clone(),
        }
    }
}

impl Incremental {
    fn load(spec: IncrementalSpec, place: &str, at: At<'_>) -> Result<Self, Error> {
        let filter = |code: Option<String>, what: &str| {
            code.map(|code| at.filter(&code, &format!("{place}.incremental.{what}"))).transpose()
        };
        // Written as a date, a day is what is read twice at least.
        let least = if spec.format == InstantFormat::Date { 86_400 } else { 0 };
        Ok(Self {
            format: spec.format,
            overlap: i64::from(spec.overlap_seconds.max(least)) * Timestamp::SECOND,
            lag: i64::from(spec.lag_seconds) * Timestamp::SECOND,
            start_days: spec.start_days,
            compare: filter(spec.compare, "compare")?,
            next: filter(spec.next, "next")?,
        })
    }
}

impl Enrich {
    async fn add(&self, session: &Session, whole: &mut Val) -> Result<(), Fault> {
        let failed = || Fault::Filter(format!("enrich.{}", self.name));
        let mut words = Variables::new();
        for (name, filter) in &self.values {
            match filter.run(whole.clone()).next() {
                Some(Ok(found)) => words.insert(name.clone(), exact(found).ok_or_else(failed)?),
                _ => return Err(failed()),
            };
        }
        if words.values().any(Value::is_null) || self.call.lacks(&words) && !self.values.is_empty() && words.is_empty()
        {
            return Ok(());
        }
        let answer = match session.call(&self.call, &words, None).await {
            Ok(answer) => answer,
            // It went away since its list was read.
            Err(Fault::NotFound(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let part = self.take.run(value(&answer.json)).next().and_then(Result::ok).ok_or_else(failed)?;
        if self.name == "." {
            *whole = part;
        } else if let Val::Obj(parts) = whole {
            let mut parts = (**parts).clone();
            parts.insert(Val::from(self.name.clone()), part);
            *whole = Val::obj(parts);
        }
        Ok(())
    }
}

/// Did the object change since? One that says nothing counts as changed.
fn is_news(compare: &Filter, object: &Val, since: i64) -> bool {
    let changed = compare.run(object.clone()).next().and_then(Result::ok);
    changed.as_ref().and_then(instant).is_none_or(|changed| changed.micros() > since)
}

/// An instant as a vendor writes it: RFC 3339, the same without an offset (then UTC), a date, or seconds.
fn instant(value: &Val) -> Option<Timestamp> {
    match exact(value.clone())? {
        Value::Number(number) => {
            let seconds = number.as_i64()?;
            Some(Timestamp::from_micros(seconds.saturating_mul(Timestamp::SECOND)))
        }
        Value::String(text) => {
            let text = text.trim();
            let zone = |text: &str| Timestamp::parse(text).ok();
            zone(text).or_else(|| zone(&format!("{text}Z"))).or_else(|| zone(&format!("{text}T00:00:00Z")))
        }
        _ => None,
    }
}

fn written(micros: i64, format: InstantFormat) -> Value {
    let whole = Timestamp::from_micros(micros).rfc3339();
    let cut = |length: usize| whole.get(..length).unwrap_or(&whole).to_owned();
    match format {
        InstantFormat::Rfc3339 => format!("{}Z", cut(19)).into(),
        InstantFormat::Millis => format!("{}+00:00", cut(23)).into(),
        InstantFormat::Naive => cut(19).into(),
        InstantFormat::Date => cut(10).into(),
        InstantFormat::Unix => micros.div_euclid(Timestamp::SECOND).into(),
    }
}

/// The address with `rel="next"` (RFC 8288).
fn link_header(headers: &reqwest::header::HeaderMap) -> Option<String> {
    headers.get_all("link").iter().filter_map(|value| value.to_str().ok()).flat_map(split_links).find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = rest.split(';').map(str::trim).any(|part| matches!(part, "rel=\"next\"" | "rel=next"));
        next.then(|| address.to_owned())
    })
}

/// Links are divided by commas, which may stand inside an address too.
fn split_links(value: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    value.split(move |character| {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ => {}
        }
        character == ',' && !inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_and_read() {
        let at = Timestamp::parse("2026-03-07T13:40:01.123456Z").unwrap();
        for (format, text) in [
            (InstantFormat::Rfc3339, "2026-03-07T13:40:01Z"),
            (InstantFormat::Millis, "2026-03-07T13:40:01.123+00:00"),
            (InstantFormat::Naive, "2026-03-07T13:40:01"),
            (InstantFormat::Date, "2026-03-07"),
        ] {
            assert_eq!(written(at.micros(), format), Value::from(text));
            let read = instant(&Val::from(text.to_owned())).unwrap();
            assert!(read <= at && read.plus_days(1) > at, "{text}");
        }
        assert_eq!(written(at.micros(), InstantFormat::Unix), Value::from(1_772_890_801));
        assert_eq!(instant(&Val::from(1_772_890_801_isize)), Timestamp::parse("2026-03-07T13:40:01Z").ok());
        assert_eq!(instant(&Val::from("soon".to_owned())), None);
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        let mut headers = reqwest::header::HeaderMap::new();
        let text = "<https://a.example/x?p=1,2>; rel=\"previous\", <https://a.example/x?p=3>; rel=\"next\"";
        headers.insert("link", text.parse().unwrap());
        assert_eq!(link_header(&headers).as_deref(), Some("https://a.example/x?p=3"));
        headers.insert("link", "<https://a.example/x>; rel=\"last\"".parse().unwrap());
        assert_eq!(link_header(&headers), None);
    }
}
