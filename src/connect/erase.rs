//! [`Erase`]: making the vendor forget a person, step by step, and looking whether it did.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::call::{At, Call};
use super::filter::Filter;
use super::link::Link;
use super::manifest::erase::{EraseSpec, Leaves, WaySpec};
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};

/// Objects of one person at a vendor. More means that the lookup does not look for a person.
const MOST: usize = 1_000;
/// How often a lookup is repeated when there is more than one page of it.
const ROUNDS: usize = 20;

/// What identifies a person at a vendor, as the person or the hub gave it. It is personal: it lives as long as the call.
#[derive(Default)]
pub struct Person {
    /// A mail address.
    pub email: Option<String>,
    /// A phone number.
    pub phone: Option<String>,
    /// The customer number at this source.
    pub customer_number: Option<String>,
    /// The account's id at this source.
    pub account: Option<String>,
    /// SHA-256 of the mail address in lower case, in hexadecimal: what a network was given.
    pub email_sha256: Option<String>,
    /// SHA-256 of the phone number in E.164 without its plus.
    pub phone_sha256: Option<String>,
}

impl Person {
    /// What is known, by name.
    pub(super) fn words(&self) -> Vec<(&'static str, Value)> {
        let values =
            [&self.email, &self.phone, &self.customer_number, &self.account, &self.email_sha256, &self.phone_sha256];
        let known = WHO.iter().zip(values).filter_map(|(name, value)| Some((*name, value.as_ref()?.trim())));
        known.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.into())).collect()
    }
}

/// How a vendor is made to forget a person.
pub struct Erase {
    note: String,
    without_steps: Option<Leaves>,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    leaves: Leaves,
    by: &'static str,
    lookup: Option<Call>,
    objects: Filter,
    matches: Filter,
    also: Vec<Way>,
    values: Vec<(String, Filter)>,
    later: bool,
    expect: Option<Filter>,
    act: Vec<Call>,
}

/// A further way to find what a step is about.
struct Way {
    by: &'static str,
    lookup: Call,
    objects: Filter,
    matches: Filter,
}

/// What became of a person at a vendor. It holds no value of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// What this does at the vendor, what stays there and why.
    pub note: String,
    /// The worst of what the steps left behind; absent: nothing of the person was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Leaves>,
    /// Each kind of object.
    pub steps: Vec<StepReport>,
}

/// What became of one kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepReport {
    /// What it is.
    pub name: String,
    /// How many were found.
    pub found: u32,
    /// What became of them; absent: none was found, or it could not be looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Leaves>,
    /// Was it looked again, and none was there? Absent: nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Why it failed, in words; the other steps were taken all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// True: it was not looked for, because the person is known there by nothing it could be looked for by. `failure` says what is
    /// missing, and asking again is of no use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unasked: bool,
}

impl Erase {
    pub(super) fn load(spec: EraseSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        Self::load_as(spec, "erase", link, at)
    }

    /// The same, written elsewhere in the manifest.
    pub(super) fn load_as(spec: EraseSpec, part: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        if spec.steps.is_empty() && spec.without_steps.is_none() {
            return Err(at.wrong("erase:", "name steps, or say with `without_steps` what is left to be said"));
        }
        let mut who = link.names();
        who.extend(WHO);
        let steps = spec.steps.into_iter().map(|spec| {
            let place = format!("{part}.{}", spec.name);
            if spec.lookup.is_none() && !spec.later {
                let message = "without a lookup nobody can look again: say `later: true`";
                return Err(at.wrong(&spec.name, message));
            }
            let mut known = who.clone();
            known.extend(spec.values.keys().map(String::as_str));
            if spec.later && spec.expect.is_none() && !spec.act.is_empty() {
                return Err(at.wrong("later:", "say with `expect` by what the reply shows that the wish was taken in"));
            }
            let values = spec.values.iter().map(|(name, code)| Ok((name.clone(), at.filter(code, &place)?)));
            let act = spec.act.iter().map(|call| Call::load(call, &format!("{place}.act"), at, &known));
            Ok(Step {
                leaves: spec.leaves,
                by: spec.by.word(),
                lookup: spec
                    .lookup
                    .as_ref()
                    .map(|lookup| Call::load(lookup, &format!("{place}.lookup"), at, &who))
                    .transpose()?,
                objects: at.filter(&spec.objects, &format!("{place}.objects"))?,
                matches: at.filter(&spec.matches, &format!("{place}.match"))?,
                also: spec.also.iter().map(|way| Way::load(way, &place, at, &who)).collect::<Result<_, Error>>()?,
                values: values.collect::<Result<_, Error>>()?,
                expect: spec.expect.as_deref().map(|code| at.filter(code, &format!("{place}.expect"))).transpose()?,
                act: act.collect::<Result<_, Error>>()?,
                later: spec.later,
                name: spec.name,
            })
        });
        Ok(Self { note: spec.note, without_steps: spec.without_steps, steps: steps.collect::<Result<_, Error>>()? })
    }

    /// Where nobody can be called: what is left to be said.
    pub(super) fn by_hand(spec: EraseSpec, at: At<'_>) -> Result<Self, Error> {
        if spec.without_steps.is_none() {
            return Err(at.wrong("erase:", "say with `without_steps` what is left to be said"));
        }
        Ok(Self { note: spec.note, without_steps: spec.without_steps, steps: Vec::new() })
    }

    /// What is to be said without asking the vendor, where no step asks it.
    #[must_use]
    pub fn without_asking(&self) -> Option<Erasure> {
        let said = || Erasure { note: self.note.clone(), leaves: self.without_steps, steps: Vec::new() };
        self.steps.is_empty().then(said)
    }

    /// What this does at the vendor, what stays there and why.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What the step of this name leaves behind when it succeeds.
    #[must_use]
    pub fn leaves_of(&self, step: &str) -> Option<Leaves> {
        self.steps.iter().find(|known| known.name == step).map(|known| known.leaves)
    }

    /// Takes every step. One that fails does not keep the others from being taken; doing it all again is harmless.
    pub async fn run(&self, session: &Session, person: &Person) -> Erasure {
        let words: Variables = person.words().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut steps = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            steps.push(step.report(session, &words).await);
        }
        // A network knows somebody by the digests it was given and by nothing else: where there is one of them, the other is not
        // missing.
        if steps.iter().any(|report| !report.unasked) {
            let by_digest =
                |name: &str| self.steps.iter().any(|step| step.name == name && step.by.ends_with("_sha256"));
            steps.retain(|report| !report.unasked || !by_digest(&report.name));
        }
        let leaves = steps.iter().filter_map(|step| step.leaves).max().or(self.without_steps);
        Erasure { note: self.note.clone(), leaves, steps }
    }
}

/// What a lookup may name of a person.
const WHO: [&str; 6] = ["email", "phone", "customer_number", "account", "email_sha256", "phone_sha256"];

impl Step {
    async fn report(&self, session: &Session, words: &Variables) -> StepReport {
        let mut report = StepReport {
            name: self.name.clone(),
            found: 0,
            leaves: None,
            verified: None,
            failure: None,
            unasked: false,
        };
        // A lookup without its value would find everybody.
        let ways = || std::iter::once(self.by).chain(self.also.iter().map(|way| way.by));
        if !ways().any(|by| words.contains_key(by)) {
            let missing: Vec<&str> = ways().map(words_for).collect();
            report.failure =
                Some(format!("not looked for: there is no {} of the person to tell", missing.join(" or ")));
            (report.leaves, report.unasked) = (Some(Leaves::ManualTask), true);
            return report;
        }
        if let Err(fault) = self.take(session, words, &mut report).await {
            report.failure = Some(fault.to_string());
            // What could not be done is left to somebody.
            report.leaves = Some(Leaves::ManualTask);
        }
        report
    }

    async fn take(&self, session: &Session, words: &Variables, report: &mut StepReport) -> Result<(), Fault> {
        if self.lookup.is_none() {
            self.act_on(session, words, Variables::new()).await?;
            (report.found, report.leaves) = (1, Some(self.leaves));
            return Ok(());
        }
        let mut acted = HashSet::new();
        for round in 0..ROUNDS {
            let found = self.look(session, words).await?;
            if found.is_empty() {
                report.verified = (round > 0).then_some(true);
                return Ok(());
            }
            report.leaves = Some(self.leaves);
            let (mut again, mut met) = (false, HashSet::new());
            for one in &found {
                let values = self.values_of(one)?;
                let name = values.get("id").map_or_else(|| Value::Object(values.clone()), Value::clone).to_string();
                // Found by another way already.
                if !met.insert(name.clone()) {
                    continue;
                }
                if !acted.insert(name) {
                    // It was acted upon and is still there.
                    again = true;
                    continue;
                }
                report.found += 1;
                self.act_on(session, words, values).await?;
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

    /// What is found by all that is known of the person.
    async fn look(&self, session: &Session, words: &Variables) -> Result<Vec<Value>, Fault> {
        let mut found = Vec::new();
        if let Some(lookup) = self.lookup.as_ref().filter(|_| words.contains_key(self.by)) {
            found = self.look_by(session, words, (lookup, &self.objects, &self.matches)).await?;
        }
        for way in self.also.iter().filter(|way| words.contains_key(way.by)) {
            found.extend(self.look_by(session, words, (&way.lookup, &way.objects, &way.matches)).await?);
        }
        Ok(found)
    }

    async fn look_by(
        &self,
        session: &Session,
        words: &Variables,
        (lookup, objects, matches): (&Call, &Filter, &Filter),
    ) -> Result<Vec<Value>, Fault> {
        let failed = |what: &str| Fault::Filter(format!("erase.{}.{what}", self.name));
        let answer = match session.call(lookup, words, None).await {
            Ok(answer) => answer,
            // An address that names the person knows nobody; any other is switched off or wrong.
            Err(Fault::NotFound(_)) if names(lookup, words) => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        };
        let who: Variables = words
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().map_or(Value::Null, |text| text.to_lowercase().into())))
            .collect();
        let parameters = Value::Object(session.variables());
        let mut theirs = Vec::new();
        for object in objects.run(value(&answer.json)).take(MOST + 1) {
            let object = object.ok().and_then(exact).ok_or_else(|| failed("objects"))?;
            if matches.holds(value(&json!({"found": object, "who": who, "parameters": parameters}))) {
                theirs.push(object);
            }
        }
        if theirs.len() > MOST { Err(failed("objects")) } else { Ok(theirs) }
    }

    fn values_of(&self, one: &Value) -> Result<Variables, Fault> {
        let failed = || Fault::Filter(format!("erase.{}.values", self.name));
        let value_of = |filter: &Filter| filter.run(value(one)).next().and_then(Result::ok).and_then(exact);
        self.values.iter().map(|(name, filter)| Ok((name.clone(), value_of(filter).ok_or_else(failed)?))).collect()
    }

    async fn act_on(&self, session: &Session, words: &Variables, values: Variables) -> Result<(), Fault> {
        let mut words = words.clone();
        words.extend(values);
        for call in &self.act {
            let answer = match session.call(call, &words, None).await {
                Ok(answer) => answer,
                // Gone already: that is what was wanted.
                Err(Fault::NotFound(_)) if names(call, &words) => continue,
                Err(fault) => return Err(fault),
            };
            if self.expect.as_ref().is_some_and(|expect| !expect.holds(value(&answer.json))) {
                return Err(Fault::NotDone(session.code_in(&answer.json)));
            }
        }
        Ok(())
    }
}

impl Way {
    fn load(spec: &WaySpec, place: &str, at: At<'_>, who: &[&str]) -> Result<Self, Error> {
        Ok(Self {
            by: spec.by.word(),
            lookup: Call::load(&spec.lookup, &format!("{place}.also.lookup"), at, who)?,
            objects: at.filter(&spec.objects, &format!("{place}.also.objects"))?,
            matches: at.filter(&spec.matches, &format!("{place}.also.match"))?,
        })
    }
}

/// Does the path of a call name somebody or something found?
fn names(call: &Call, words: &Variables) -> bool {
    call.path_names().any(|name| words.contains_key(name))
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
