//! [`Erase`]: making the vendor forget a person, step by step, and looking whether it did.

mod age;
mod step;
mod way;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use step::Step;
use utoipa::ToSchema;

use super::Error;
use super::call::At;
use super::link::Link;
use super::manifest::erase::{EraseSpec, Leaves};
use super::session::Session;
use super::template::Variables;

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

    fn variables(&self) -> Variables {
        self.words().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// How a vendor is made to forget a person.
pub struct Erase {
    note: String,
    without_steps: Option<Leaves>,
    steps: Vec<Step>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepReport {
    /// What it is.
    pub name: String,
    /// How many were found.
    pub found: u32,
    /// What became of them; absent: none was found, or it could not be looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<Leaves>,
    /// How many of them stay because they are too young to be done away with.
    #[serde(default, skip_serializing_if = "is_none")]
    pub kept: u32,
    /// The day from which on none of those is too young any more, as far as the vendor says how old they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<String>,
    /// The day on which the first of them is old enough, as far as that is known: then the vendor is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ripe: Option<String>,
    /// True: some were kept for their age and were not seen again when nothing kept them any more. That proves nothing, so somebody is
    /// to look there, until all of them are seen to go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_sight: bool,
    /// What the vendor promises to do with them, where it took the demand in and nobody sees what becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<Leaves>,
    /// The day on which it promises to be done at the latest, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_until: Option<String>,
    /// Was it looked again, and none was there that is to go? Absent: nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Why it failed, or what it waits for, in words; the others were taken all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// True: it was not looked for, because the person is known there by nothing it could be looked for by. `failure` says what is
    /// missing, and asking again is of no use.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unasked: bool,
}

impl StepReport {
    /// Is there anything the vendor may still do?
    #[must_use]
    pub fn is_open(&self) -> bool {
        (self.failure.is_some() && !self.unasked) || self.verified == Some(false)
    }
}

impl Erasure {
    /// The day on which the vendor is to be asked again, because the first of what is kept there is old enough then.
    #[must_use]
    pub fn next_ripe(&self) -> Option<&str> {
        self.steps.iter().filter(|step| step.kept > 0).filter_map(|step| step.next_ripe.as_deref()).min()
    }
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
        if spec.without_steps == Some(Leaves::Asked) {
            return Err(at.wrong("without_steps:", "without steps nobody is asked; write what is left to be said"));
        }
        let mut steps: Vec<Step> = Vec::with_capacity(spec.steps.len());
        for spec in spec.steps {
            let here = at.within(&[&spec.name]);
            if let Some(name) = spec.after.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
                return Err(here.wrong("after:", format!("no step before this one is `{name}`; name one that is")));
            }
            steps.push(Step::load(spec, part, link, here)?);
        }
        Ok(Self { note: spec.note, without_steps: spec.without_steps, steps })
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

    /// Takes every step. One that fails keeps only those from being taken that come `after` it; doing it all again is harmless.
    pub async fn run(&self, session: &Session, person: &Person) -> Erasure {
        let reports = self.run_all(session, std::slice::from_ref(person)).await;
        reports.into_iter().next().unwrap_or_else(|| self.told(Vec::new()))
    }

    /// The same for all the values that one person is known by. Each step is taken by all of them before the next one is, which may do
    /// away with what the first finds something by; and what several lead to and is kept for its age is counted once.
    pub async fn run_all(&self, session: &Session, people: &[Person]) -> Vec<Erasure> {
        let words: Vec<Variables> = people.iter().map(Person::variables).collect();
        let mut reports: Vec<Vec<StepReport>> = vec![Vec::with_capacity(self.steps.len()); people.len()];
        for step in &self.steps {
            let failed = |name: &&String| reports.iter().flatten().any(|step| step.name == **name && step.is_open());
            let held_up = step.after.iter().find(failed).cloned();
            let mut kept = HashSet::new();
            for (words, steps) in words.iter().zip(&mut reports) {
                steps.push(step.report(session, words, held_up.as_deref(), &mut kept).await);
            }
        }
        reports.into_iter().map(|steps| self.told(steps)).collect()
    }

    /// What became of the person by these values.
    fn told(&self, mut steps: Vec<StepReport>) -> Erasure {
        // A network knows somebody by the digests it was given and by nothing else: where there is one of them, the other is not
        // missing.
        if steps.iter().any(|report| !report.unasked) {
            let by_digest = |name: &str| self.steps.iter().any(|step| step.name == name && step.by_digest());
            steps.retain(|report| !report.unasked || !by_digest(&report.name));
        }
        let leaves = steps.iter().filter_map(|step| step.leaves).max().or(self.without_steps);
        Erasure { note: self.note.clone(), leaves, steps }
    }
}

/// What a lookup may name of a person.
const WHO: [&str; 6] = ["email", "phone", "customer_number", "account", "email_sha256", "phone_sha256"];

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}
