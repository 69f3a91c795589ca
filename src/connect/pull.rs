//! [`Pull`]: reading a stream from the vendor, page by page, from wherever the last reading stood.

mod changes;
mod each;
mod enrich;
mod paging;

use std::cell::Cell;

pub(super) use changes::instant;
use changes::{Incremental, is_news, written};
use each::Each;
use enrich::Enrich;
use jaq_json::Val;
use paging::{Paging, Spot};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::{At, Call};
use super::link::Link;
use super::manifest::pull::PullSpec;
use super::mapping::value;
use super::session::{Answer, Session};
use super::template::Variables;
use super::{Error, Fault, MappingError, Stream};
use crate::types::{RecordKind, Timestamp};

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
    /// What it is read for one after the other, where the manifest says so; what is done is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    each: Option<Vec<Variables>>,
    /// Was its last page read by this process? What was kept since an earlier one may not be valid any more.
    #[serde(skip)]
    runs: bool,
}

impl Sweep {
    /// Goes on with the next of the things it is read for. False if there is none.
    fn next_thing(&mut self) -> bool {
        (self.at, self.read, self.total) = (Spot::First, 0, None);
        self.each.as_mut().is_some_and(|each| each.pop().is_some() && !each.is_empty())
    }
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
    /// Things the stream is read for that are gone at the vendor, with all their objects.
    pub passed_over: u64,
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

    /// Its objects.
    pub(super) fn objects(self) -> impl Iterator<Item = Result<Val, MappingError>> {
        self.objects.into_iter()
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
    each: Option<Each>,
    call: Call,
    paging: Option<Paging>,
    incremental: Option<Incremental>,
    enrich: Vec<Enrich>,
    lists: Option<RecordKind>,
    /// Does a request name an end of the time it asks for?
    bounded: bool,
}

/// What came of a call for a page.
enum Turn {
    Page(Leaf),
    /// The vendor does not know the page any more.
    Expired,
}

impl Pull {
    pub(super) fn load(spec: PullSpec, stream: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("streams.{stream}.pull");
        let mut known = link.names();
        known.extend(["page", "offset", "limit", "token", "since", "until"]);
        let each = spec.each.map(|spec| Each::load(spec, &place, link, at)).transpose()?;
        known.extend(each.iter().flat_map(Each::names));
        let call = Call::load(&spec.request, &format!("{place}.request"), at, &known)?;
        let paging =
            spec.paging.map(|paging| Paging::load(paging, &place, &call, &spec.request.body, at)).transpose()?;
        let incremental = spec.incremental.map(|spec| Incremental::load(spec, &place, at)).transpose()?;
        let enrich = spec.enrich.into_iter().map(|spec| Enrich::load(spec, &place, link, at));
        let enrich = enrich.collect::<Result<_, Error>>()?;
        // Without a total, an object that goes away meanwhile hides another one that stays.
        if spec.lists.is_some() && paging.as_ref().is_some_and(|paging| !paging.misses_nothing()) {
            return Err(at.wrong("lists:", "pages with numbers or offsets need a `total` for that"));
        }
        if spec.lists.is_some() && incremental.as_ref().is_some_and(|incremental| incremental.start_days.is_some()) {
            return Err(
                at.wrong("lists:", "with `start_days` a first reading lists a part only; leave one of them out")
            );
        }
        let bounded = call.needs().any(|name| name == "until")
            || spec.request.body.as_ref().is_some_and(|body| body.contains("until"));
        Ok(Self { name: place, each, call, paging, incremental, enrich, lists: spec.lists, bounded })
    }

    /// The type of record of which a reading from the beginning lists every one.
    #[must_use]
    pub const fn lists(&self) -> Option<RecordKind> {
        self.lists
    }

    /// Reads the next page of `stream` from `place`.
    ///
    /// # Errors
    /// Why it cannot be had; the place stays as it is, and reading goes on from it another time.
    pub async fn page(&self, session: &Session, stream: &Stream, place: &Place) -> Result<Leaf, Fault> {
        let mut place = place.clone();
        // A token that is not valid any more: what was read before is in; the rest is found from the beginning.
        for _ in 0..3 {
            match self.turn(session, stream, &place).await {
                Ok(Turn::Page(leaf)) => return Ok(leaf),
                Ok(Turn::Expired) => {}
                // What an earlier run left may be refused for ever: a page, or one of the things it is read for.
                Err(fault) if fault.lasts() && place.sweep.as_ref().is_some_and(|sweep| !sweep.runs) => {
                    tracing::info!(pull = self.name, cause = fault.word(), "a reading that was cut short begins anew");
                }
                Err(fault) => return Err(fault),
            }
            place.sweep = None;
        }
        Err(Fault::Expired)
    }

    async fn turn(&self, session: &Session, stream: &Stream, place: &Place) -> Result<Turn, Fault> {
        let now = session.now();
        let mut sweep = place.sweep.clone().unwrap_or_else(|| self.begin(place.since, now));
        if let (Some(each), None) = (&self.each, &sweep.each) {
            let mut all = each.list(session).await?;
            // The next one is the last of the list.
            all.reverse();
            sweep.each = Some(all);
        }
        let mut passed_over = 0;
        let mut answer = loop {
            if sweep.each.as_ref().is_some_and(Vec::is_empty) {
                // Without an answer there is no time of the vendor's: the next reading asks for what this one asked for.
                let since = if place.sweep.is_some() { self.since_after(&sweep) } else { place.since };
                let after = Place { since, sweep: None };
                let (objects, left_out) = (Vec::new(), 0);
                return Ok(Turn::Page(Leaf { objects, left_out, after, passed_over, last: true, total: None }));
            }
            let words = self.words(&sweep);
            let next = if let Spot::Url(url) = &sweep.at { Some(url.as_str()) } else { None };
            let (gone, expired) = (Cell::new(false), Cell::new(false));
            let ends = |status: StatusCode, body: &Value| {
                gone.set(self.each.as_ref().is_some_and(|each| each.is_gone(status, body)));
                let paging = self.paging.as_ref().filter(|_| sweep.at != Spot::First);
                expired.set(paging.is_some_and(|paging| paging.is_expired(status, body)));
                gone.get() || expired.get()
            };
            match session.call_unless(&self.call, &words, next, ends).await? {
                Some(answer) => break answer,
                None if expired.get() => return Ok(Turn::Expired),
                None => {
                    passed_over += 1;
                    sweep.next_thing();
                }
            }
        };
        if place.sweep.is_none() {
            sweep.next_since = self.next_since(&answer, &sweep, now)?;
        }
        if let (Some(asked), Value::Object(page)) = (sweep.each.as_ref().and_then(|each| each.last()), &mut answer.json)
        {
            page.insert("asked".to_owned(), Value::Object(asked.clone()));
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
        let mut next = match &self.paging {
            Some(paging) => paging.next(&mut sweep, &answer, (count, total), &self.name)?,
            None => None,
        };
        if next.is_none() && sweep.each.is_some() && sweep.next_thing() {
            next = Some(Spot::First);
        }
        let total = total.filter(|_| self.each.is_none());
        let last = next.is_none();
        let after = match next {
            Some(at) => Place { since: place.since, sweep: Some(Sweep { at, runs: true, ..sweep }) },
            None => Place { since: self.since_after(&sweep), sweep: None },
        };
        Ok(Turn::Page(Leaf { objects, left_out, after, passed_over, last, total }))
    }

    /// What the reading after this one asks for since.
    fn since_after(&self, sweep: &Sweep) -> Option<i64> {
        self.incremental.as_ref().map(|_| sweep.next_since)
    }

    fn begin(&self, since: Option<i64>, now: Timestamp) -> Sweep {
        let lag = self.incremental.as_ref().map_or(0, |incremental| incremental.lag);
        let start = self.incremental.as_ref().and_then(|incremental| incremental.start_days);
        let start = start.map(|days| now.plus_days(-i64::from(days)).micros());
        let until = now.plus(-lag).micros();
        let (since, at) = (since.or(start), Spot::First);
        Sweep { since, next_since: until, until, at, read: 0, total: None, each: None, runs: true }
    }

    /// Whatever changes from now on, by the vendor's clock, is read the next time.
    fn next_since(&self, answer: &Answer, sweep: &Sweep, now: Timestamp) -> Result<i64, Fault> {
        let Some(incremental) = &self.incremental else { return Ok(now.micros()) };
        let next = self.next_of_vendor(incremental, answer, now)?;
        // A hub whose clock is slow asks for less than there is by the vendor's: nothing after that was asked for.
        let asked = sweep.until.saturating_sub(incremental.overlap);
        Ok(if self.bounded { next.min(asked) } else { next })
    }

    fn next_of_vendor(&self, incremental: &Incremental, answer: &Answer, now: Timestamp) -> Result<i64, Fault> {
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
        for (name, value) in sweep.each.iter().filter_map(|each| each.last()).flatten() {
            say(name, value.clone());
        }
        if let Some(paging) = &self.paging {
            paging.words(&sweep.at).for_each(|(name, value)| say(name, value));
        }
        if let Some(incremental) = &self.incremental {
            if let Some(since) = sweep.since {
                say("since", written(since, incremental.format));
            }
            say("until", written(sweep.until, incremental.format));
        }
        words
    }
}
