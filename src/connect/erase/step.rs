//! [`Step`]: one kind of object at a vendor. Look it up, do away with it, look again.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::age::{Age, Ripe};
use super::way::{Found, Way, WayParts, names, values_of};
use super::{StepReport, WHO};
use crate::connect::call::{At, Call};
use crate::connect::filter::Filter;
use crate::connect::job::Job;
use crate::connect::link::Link;
use crate::connect::manifest::erase::{Leaves, StepSpec};
use crate::connect::mapping::value;
use crate::connect::session::Session;
use crate::connect::template::Variables;
use crate::connect::{Error, Fault};
use crate::types::Timestamp;

/// How often a lookup is repeated when there is more than one page of it.
const ROUNDS: usize = 20;
/// How often it is asked how far a job is: three and a half minutes in all.
const LOOKS: u32 = 20;

pub(super) struct Step {
    pub(super) name: String,
    pub(super) leaves: Leaves,
    /// Steps before it that must not have failed.
    pub(super) after: Vec<String>,
    place: String,
    /// The one of the step itself first.
    ways: Vec<Way>,
    values: Vec<(String, Filter)>,
    older_than: Option<Age>,
    later: bool,
    promised_days: Option<u16>,
    expect: Option<Filter>,
    act: Vec<Call>,
    job: Option<Job>,
}

impl Step {
    pub(super) fn load(spec: StepSpec, part: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("{part}.{}", spec.name);
        if spec.lookup.is_none() && !spec.later {
            return Err(at.wrong(&spec.name, "without a lookup nobody can look again: say `later: true`"));
        }
        if spec.later && spec.expect.is_none() && !spec.act.is_empty() {
            return Err(at.wrong("later:", "say with `expect` by what the reply shows that the wish was taken in"));
        }
        if spec.leaves == Leaves::Asked {
            let message = "write what becomes of it by the vendor's word, and `later: true` where nobody sees it";
            return Err(at.wrong(&spec.name, message));
        }
        if spec.promised_days.is_some() && (!spec.later || spec.act.is_empty()) {
            let message = "it is about what the vendor carries out later: add `later: true`, or leave it out";
            return Err(at.wrong("promised_days:", message));
        }
        if spec.job.is_some() && spec.act.is_empty() {
            return Err(at.wrong("job:", "there is no `act` that begins one; add it, or leave this out"));
        }
        if spec.older_than.is_some() && spec.lookup.is_none() {
            let message = "it is about what a `lookup` finds; add one, or leave it out";
            return Err(at.wrong("older_than:", message));
        }
        if spec.older_than.is_some() && spec.act.is_empty() && spec.leaves != Leaves::ManualTask {
            let message = "without an `act`, what is old enough is left to somebody: write `leaves: manual_task`";
            return Err(at.wrong("older_than:", message));
        }
        let has_end = spec.next_url.is_some() && spec.also.iter().all(|way| way.next_url.is_some());
        if spec.older_than.as_ref().is_some_and(|age| !age.whole) && !has_end {
            let message =
                "what stays could hide a next page: add `next_url`, or say with `whole: true` that there is none";
            return Err(at.wrong("older_than:", message));
        }
        let known = || link.names().into_iter().chain(WHO).map(str::to_owned).collect::<Vec<_>>();
        let own = WayParts {
            by: spec.by,
            for_each: &spec.for_each,
            lookup: spec.lookup.as_ref(),
            objects: &spec.objects,
            matches: &spec.matches,
            next_url: spec.next_url.as_deref(),
        };
        let mut names = known();
        let mut ways = vec![Way::load(&own, &place, at, &mut names)?];
        for way in &spec.also {
            let mut other = known();
            let parts = WayParts {
                by: way.by,
                for_each: &way.for_each,
                lookup: Some(&way.lookup),
                objects: &way.objects,
                matches: &way.matches,
                next_url: way.next_url.as_deref(),
            };
            ways.push(Way::load(&parts, &format!("{place}.also"), at, &mut other)?);
            // An act knows what each way tells.
            if let Some(name) = names.iter().find(|name| !other.contains(name)) {
                let message = format!("another way to find it yields no `{name}`, which the acts may name; yield it");
                return Err(at.wrong("also:", message));
            }
        }
        names.extend(spec.values.keys().cloned());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), at.filter(code, &place)?)));
        let act = spec.act.iter().map(|call| Call::load(call, &format!("{place}.act"), at, &names));
        Ok(Self {
            leaves: spec.leaves,
            after: spec.after,
            ways,
            values: values.collect::<Result<_, Error>>()?,
            older_than: spec.older_than.as_ref().map(|age| Age::load(age, &place, at)).transpose()?,
            expect: spec.expect.as_deref().map(|code| at.filter(code, &format!("{place}.expect"))).transpose()?,
            act: act.collect::<Result<_, Error>>()?,
            job: spec.job.as_ref().map(|job| Job::load(job, &format!("{place}.job"), link, at)).transpose()?,
            later: spec.later && !spec.act.is_empty(),
            promised_days: spec.promised_days,
            name: spec.name,
            place,
        })
    }

    /// Does it go by a digest that a network was given?
    pub(super) fn by_digest(&self) -> bool {
        self.ways.first().is_some_and(|way| way.by.ends_with("_sha256"))
    }

    /// Takes it, unless a step failed that must not, `held_up`. `kept` is what was kept for its age already; it is not counted again.
    pub(super) async fn report(
        &self,
        session: &Session,
        words: &Variables,
        held_up: Option<&str>,
        kept: &mut HashSet<String>,
    ) -> StepReport {
        let mut report = StepReport { name: self.name.clone(), ..StepReport::default() };
        // A lookup without its value would find everybody.
        if !self.ways.iter().any(|way| words.contains_key(way.by)) {
            let missing: Vec<&str> = self.ways.iter().map(|way| words_for(way.by)).collect();
            report.failure =
                Some(format!("not looked for: there is no {} of the person to tell", missing.join(" or ")));
            (report.leaves, report.unasked) = (Some(Leaves::ManualTask), true);
            return report;
        }
        if let Some(before) = held_up {
            report.failure = Some(format!("waits until nothing is left of: {before}"));
            report.leaves = Some(Leaves::ManualTask);
            return report;
        }
        if let Err(fault) = self.take(session, words, kept, &mut report).await {
            report.failure = Some(fault.to_string());
            // What could not be done is left to somebody.
            report.leaves = Some(Leaves::ManualTask);
        }
        report
    }

    async fn take(
        &self,
        session: &Session,
        words: &Variables,
        kept: &mut HashSet<String>,
        report: &mut StepReport,
    ) -> Result<(), Fault> {
        if !self.ways.iter().any(Way::looks) {
            self.act_on(session, words, Variables::new()).await?;
            report.found = 1;
            self.note(report, session.now());
            return Ok(());
        }
        let mut ways = Vec::new();
        for way in self.ways.iter().filter(|way| words.contains_key(way.by)) {
            ways.push((way, way.within(session, words).await?));
        }
        let mut acted = HashSet::new();
        for _ in 0..ROUNDS {
            let mut found = Vec::new();
            for (way, within) in &ways {
                found.extend(way.find(session, words, within).await?);
            }
            let (mut again, mut anything, mut met) = (false, false, HashSet::new());
            for one in &found {
                let (name, values) = self.told_by(one)?;
                // Found by another way already.
                if !met.insert(name.clone()) {
                    continue;
                }
                let ripe = self.older_than.as_ref().map_or(Ripe::Yes, |age| age.of(&one.object, session.now()));
                if let Ripe::NotBefore(until) = ripe {
                    if kept.insert(name) {
                        report.keep(until);
                    }
                    continue;
                }
                anything = true;
                if !acted.insert(name) {
                    // It was acted upon and is still there.
                    again = true;
                    continue;
                }
                report.found += 1;
                self.act_on(session, words, values).await?;
                self.note(report, session.now());
            }
            if !anything {
                report.verified = (!acted.is_empty()).then_some(true);
                return Ok(());
            }
            if self.act.is_empty() || self.later {
                return Ok(());
            }
            if again {
                break;
            }
        }
        report.verified = Some(false);
        report.leaves = Some(Leaves::ManualTask);
        Ok(())
    }

    /// What became of something: what the step does, or what the vendor promised when it took the demand in.
    fn note(&self, report: &mut StepReport, now: Timestamp) {
        let leaves = if self.later { Leaves::Asked } else { self.leaves };
        report.leaves = report.leaves.max(Some(leaves));
        if self.later {
            report.promised = Some(self.leaves);
            report.promised_until = self.promised_days.map(|days| day(now.plus_days(i64::from(days))));
        }
    }

    /// What tells something found from everything else, and the values the acts may name.
    fn told_by(&self, one: &Found) -> Result<(String, Variables), Fault> {
        let own = values_of(&self.values, &one.object, &self.place)?;
        let id = own.get("id").map_or_else(|| Value::Object(own.clone()), Value::clone);
        let name = json!([one.within, id]).to_string();
        let mut values = one.within.clone();
        values.extend(own);
        Ok((name, values))
    }

    async fn act_on(&self, session: &Session, words: &Variables, values: Variables) -> Result<(), Fault> {
        let mut words = words.clone();
        words.extend(values);
        let mut last = None;
        for call in &self.act {
            last = None;
            let answer = match session.call(call, &words, None).await {
                Ok(answer) => answer,
                // Gone already: that is what was wanted.
                Err(Fault::NotFound(_)) if names(call, &words) => continue,
                Err(fault) => return Err(fault),
            };
            if self.expect.as_ref().is_some_and(|expect| !expect.holds(value(&answer.json))) {
                return Err(Fault::NotDone(session.code_in(&answer.json)));
            }
            last = Some(answer);
        }
        match self.job.as_ref().zip(last) {
            Some((job, answer)) => job.wait(session, &answer.json, LOOKS, async || {}).await,
            None => Ok(()),
        }
    }
}

impl StepReport {
    /// One more was found that is too young.
    fn keep(&mut self, until: Option<Timestamp>) {
        self.found += 1;
        self.kept += 1;
        self.leaves = self.leaves.max(Some(Leaves::Restricted));
        let until = until.map(day);
        self.kept_until = self.kept_until.take().max(until.clone());
        // None is less than any day.
        self.next_ripe = self.next_ripe.take().into_iter().chain(until).min();
    }
}

fn day(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

/// What a value is called in a report.
fn words_for(by: &str) -> &str {
    match by {
        "email" => "mail address",
        "phone" => "phone number",
        "customer_number" => "customer number",
        "account" => "account id",
        "email_sha256" => "digest of a mail address",
        "phone_sha256" => "digest of a phone number",
        other => other,
    }
}
