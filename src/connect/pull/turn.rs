//! One page of a reading: what it is asked for with, what came, and where the next one goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use jaq_json::Val;
use reqwest::StatusCode;
use serde_json::Value;

use super::changes::{Incremental, instant, is_news, written};
use super::known::{Known, Old, sort_out};
use super::leaf::Leaf;
use super::paging::Spot;
use super::place::{Place, Sweep, name_of};
use super::report::Turned;
use super::{Asks, OWED_FOR, Pull, enrich};
use crate::connect::mapping::{exact, value};
use crate::connect::session::{Page, Session};
use crate::connect::template::Variables;
use crate::connect::{Fault, MappingError, Reason, Stream};
use crate::types::Timestamp;

/// What came of a call for a page.
pub(super) enum Turn {
    Page(Box<Leaf>),
    /// The vendor does not know the page any more.
    Expired,
}

impl Pull {
    /// Reads one page from where `place` stands.
    pub(super) async fn turn(
        &self,
        session: &Session,
        stream: &Stream,
        place: &Place,
        known: Option<&dyn Known>,
    ) -> Result<Turn, Fault> {
        let now = session.now();
        let mut sweep = place.sweep.clone().unwrap_or_else(|| self.begin(place.since, now));
        if let (Some(each), None) = (&self.each, &sweep.each) {
            let mut all = each.list(session).await?;
            sweep.things = all.iter().map(name_of).collect();
            // Where a window goes on from the one before, nothing begins in between.
            if let Some(known) = place.known.as_ref().filter(|_| sweep.end.is_none()) {
                sweep.fresh = sweep.things.iter().filter(|thing| !known.contains(thing)).cloned().collect();
            }
            // The next one is the last of the list.
            all.reverse();
            sweep.each = Some(all);
        }
        let (mut passed_over, mut of_file) = (0, None);
        let mut answer = loop {
            if sweep.each.as_ref().is_some_and(Vec::is_empty) {
                // Without an answer there is no time of the vendor's: the next reading asks for what this one asked for.
                let since = if place.sweep.is_some() { self.since_after(&sweep) } else { place.since };
                let after = sweep.end(place, since, place.whole, OWED_FOR);
                return Ok(Turn::Page(Box::new(Leaf { passed_over, last: true, ..Leaf::nothing(after) })));
            }
            let words = self.words(&sweep);
            let call = match &self.asks {
                Asks::Call(call) => call,
                Asks::Report(report) => match report.go_on(session, &words, &mut sweep.report).await? {
                    Turned::Rows { page, unreadable, more } => {
                        of_file = Some((unreadable, more));
                        break page;
                    }
                    Turned::Asked(answer) => {
                        if place.sweep.is_none() {
                            sweep.next_since = self.next_since(&answer, &sweep, now)?;
                        }
                        let after = Place { sweep: Some(Sweep { runs: true, ..sweep }), ..place.clone() };
                        return Ok(Turn::Page(Box::new(Leaf::nothing(after))));
                    }
                    Turned::Waits(time) => {
                        let after = Place { sweep: Some(Sweep { runs: true, ..sweep }), ..place.clone() };
                        return Ok(Turn::Page(Box::new(Leaf { waits: Some(time), ..Leaf::nothing(after) })));
                    }
                },
            };
            let next = if let Spot::Url(url) = &sweep.at { Some(url.as_str()) } else { None };
            let (gone, expired) = (AtomicBool::new(false), AtomicBool::new(false));
            let ends = |status: StatusCode, body: &Value| {
                let is_gone = self.each.as_ref().is_some_and(|each| each.is_gone(status, body));
                let paging = self.paging.as_ref().filter(|_| sweep.at != Spot::First);
                let is_expired = paging.is_some_and(|paging| paging.is_expired(status, body));
                gone.store(is_gone, Ordering::Relaxed);
                expired.store(is_expired, Ordering::Relaxed);
                is_gone || is_expired
            };
            match session.page_unless(call, &words, next, ends).await? {
                Some(answer) => break answer,
                None if expired.load(Ordering::Relaxed) => return Ok(Turn::Expired),
                None => {
                    passed_over += 1;
                    sweep.next_thing();
                }
            }
        };
        if let (Some(asked), Val::Obj(page)) = (sweep.each.as_ref().and_then(|each| each.last()), &answer.seen) {
            let mut page = (**page).clone();
            page.insert(Val::from("asked".to_owned()), value(&Value::Object(asked.clone())));
            answer.seen = Val::obj(page);
        }
        let mut objects: Vec<_> = match answer.is_unchanged {
            true => Vec::new(),
            false => stream.objects(answer.seen.clone()).collect(),
        };
        if of_file.is_none() && !answer.is_unchanged && !stream.is_page(&answer.seen, &objects) {
            return Err(Fault::NoPage(exact(answer.seen).and_then(|reply| session.code_in(&reply))));
        }
        if place.sweep.is_none() {
            sweep.next_since = self.next_since(&answer, &sweep, now)?;
        }
        let count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
        let (unreadable, more) = of_file.unwrap_or((0, false));
        for _ in 0..unreadable {
            objects.push(Err(MappingError { object: objects.len(), name: None, reason: Reason::Row }));
        }
        let mut old = Old::default();
        if let Some(since) = self.since_of(&sweep)
            && let Some(compare) = self.incremental.as_ref().and_then(|incremental| incremental.compare.as_ref())
        {
            let (news, before): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| {
                object.as_ref().is_ok_and(|object| is_news(compare, object, since)) || object.is_err()
            });
            objects = news;
            old = sort_out(session, stream, before.into_iter().flatten().collect(), known).await?;
            objects.extend(std::mem::take(&mut old.missing).into_iter().map(Ok));
        }
        if enrich::complete(&self.enrich, session, stream, &mut objects).await? {
            sweep.owe();
        }
        let total = self.paging.as_ref().and_then(|paging| paging.total(&answer));
        let mut next = match &self.paging {
            Some(paging) => paging.next(&mut sweep, &answer, (count, total), &self.name)?,
            None => more.then_some(Spot::First),
        };
        if next.is_none() && sweep.each.is_some() && sweep.next_thing() {
            next = Some(Spot::First);
        }
        let total = total.filter(|_| self.each.is_none());
        if next.is_none() && self.next_window(&mut sweep) {
            next = Some(Spot::First);
        }
        let last = next.is_none();
        let after = match next {
            Some(at) => Place { sweep: Some(Sweep { at, runs: true, ..sweep }), ..place.clone() },
            None => {
                let is_whole = self.lists.is_some() && sweep.since.is_none();
                let whole = if is_whole { Some(now.micros()) } else { place.whole };
                sweep.end(place, self.since_after(&sweep), whole, OWED_FOR)
            }
        };
        Ok(Turn::Page(Box::new(Leaf { objects, old, after, passed_over, last, waits: None, total })))
    }

    /// What the reading after this one asks for since.
    fn since_after(&self, sweep: &Sweep) -> Option<i64> {
        // What is owed is asked for again, but not for ever: it would be more and more that is read twice.
        let owed = sweep.next_since.saturating_sub(OWED_FOR);
        let owed = if sweep.owes { sweep.since.unwrap_or(i64::MIN).max(owed) } else { i64::MAX };
        self.incremental.as_ref().map(|_| sweep.next_since.min(owed))
    }

    /// Goes on with the next window, if there is one.
    fn next_window(&self, sweep: &mut Sweep) -> bool {
        let window = self.incremental.as_ref().and_then(|incremental| incremental.window);
        let Some((window, end)) = window.zip(sweep.end).filter(|(_, end)| sweep.until < *end) else { return false };
        (sweep.since, sweep.until) = (Some(sweep.until), end.min(sweep.until.saturating_add(window)));
        (sweep.at, sweep.read, sweep.total, sweep.each) = (Spot::First, 0, None, None);
        (sweep.report, sweep.failed) = (None, 0);
        true
    }

    fn begin(&self, since: Option<i64>, now: Timestamp) -> Sweep {
        let lag = self.incremental.as_ref().map_or(0, |incremental| incremental.lag);
        let start = self.beginning(now);
        let until = now.plus(-lag).micros();
        let (since, at) = (since.or(start), Spot::First);
        let window = self.incremental.as_ref().and_then(|incremental| incremental.window);
        let end = window.map(|_| until);
        let until = window.zip(since).map_or(until, |(window, since)| until.min(since.saturating_add(window)));
        let (read, next_since) = (0, until);
        Sweep {
            since,
            next_since,
            until,
            end,
            at,
            read,
            total: None,
            each: None,
            things: Vec::new(),
            fresh: Vec::new(),
            owing: Vec::new(),
            report: None,
            failed: 0,
            owes: false,
            runs: true,
        }
    }

    /// Whatever changes from now on, by the vendor's clock, is read the next time.
    fn next_since(&self, answer: &Page, sweep: &Sweep, now: Timestamp) -> Result<i64, Fault> {
        let Some(incremental) = &self.incremental else { return Ok(now.micros()) };
        let next = self.next_of_vendor(incremental, answer, now)?;
        // A hub whose clock is slow asks for less than there is by the vendor's: nothing after that was asked for.
        let asked = sweep.end.unwrap_or(sweep.until).saturating_sub(incremental.overlap);
        Ok(if self.bounded { next.min(asked) } else { next })
    }

    fn next_of_vendor(&self, incremental: &Incremental, answer: &Page, now: Timestamp) -> Result<i64, Fault> {
        if let Some(next) = incremental.next.as_ref().filter(|_| !answer.is_unchanged) {
            let said = next.run(answer.seen.clone()).next().and_then(Result::ok);
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

    /// What is asked for since: of something that was not there the last time, from its beginning.
    fn since_of(&self, sweep: &Sweep) -> Option<i64> {
        // The same on all its pages.
        if sweep.is_fresh() { self.beginning(Timestamp::from_micros(sweep.until)) } else { sweep.since }
    }

    /// Where the first reading begins, if not with everything.
    fn beginning(&self, now: Timestamp) -> Option<i64> {
        let days = self.incremental.as_ref().and_then(|incremental| incremental.start_days);
        days.map(|days| now.plus_days(-i64::from(days)).micros())
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
            if let Some(since) = self.since_of(sweep) {
                say("since", written(since, incremental.format));
            }
            say("until", written(sweep.until, incremental.format));
        }
        words
    }
}
