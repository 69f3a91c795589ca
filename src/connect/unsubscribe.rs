//! [`Unsubscribe`]: telling the vendor that a person withdrew, and looking whether it stopped.

use super::call::At;
use super::erase::{Erase, Person, StepReport};
use super::link::Link;
use super::manifest::erase::EraseSpec;
use super::manifest::unsubscribe::{UnsubscribeSpec, UnsubscribeStepSpec};
use super::session::Session;
use super::{Error, Stream};
use crate::types::PurposeCode;

/// How the vendor is told that a person withdrew.
pub struct Unsubscribe {
    note: String,
    purposes: Vec<PurposeCode>,
    /// Each with the purposes it is about.
    steps: Vec<(Vec<PurposeCode>, Erase)>,
}

/// What came of telling it. It holds no value of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// How many subscriptions were found and ended.
    pub ended: u32,
    /// Why the vendor is to be told again, if it is.
    pub again: bool,
    /// Was something found that may have ended, though the vendor failed before that was seen?
    pub unsure: bool,
    /// Could it be looked for at all? Not if the person is known there by nothing it could be looked for by.
    pub looked: bool,
}

impl Unsubscribe {
    pub(super) fn load(spec: UnsubscribeSpec, link: &Link, streams: &[Stream], at: At<'_>) -> Result<Self, Error> {
        if spec.purposes.is_empty() || spec.steps.is_empty() {
            return Err(at.wrong("unsubscribe:", "name the purposes it is about, and the steps"));
        }
        if let Some(step) = spec.steps.iter().find(|step| step.act.is_empty()) {
            return Err(at.wrong(&step.name, "say with `act` which call ends a subscription"));
        }
        let read = |code: &PurposeCode| streams.iter().any(|stream| stream.consents().contains(code));
        if let Some(code) = spec.purposes.iter().find(|code| !read(code)) {
            let message =
                format!("no stream reads consents for `{code}`; list it under the `consents` of one, or leave it out");
            return Err(at.wrong("purposes:", message));
        }
        let about = |step: &UnsubscribeStepSpec, code| step.purposes.is_empty() || step.purposes.contains(code);
        for step in &spec.steps {
            if let Some(code) = step.purposes.iter().find(|code| !spec.purposes.contains(code)) {
                let message = format!("`{code}` is not among the `purposes` of `unsubscribe`; write it there, too");
                return Err(at.wrong(&step.name, message));
            }
        }
        if let Some(code) = spec.purposes.iter().find(|code| !spec.steps.iter().any(|step| about(step, *code))) {
            return Err(
                at.wrong("purposes:", format!("no step ends what `{code}` rests on; write one, or leave it out"))
            );
        }
        let (note, purposes) = (spec.note, spec.purposes);
        let step = |step: UnsubscribeStepSpec| {
            let about = if step.purposes.is_empty() { purposes.clone() } else { step.purposes.clone() };
            let alone = EraseSpec { note: note.clone(), steps: vec![step.step()], without_steps: None };
            Ok((about, Erase::load_as(alone, "unsubscribe", link, at)?))
        };
        let steps = spec.steps.into_iter().map(step).collect::<Result<_, Error>>()?;
        Ok(Self { note, purposes, steps })
    }

    /// The purposes it is about.
    #[must_use]
    pub fn purposes(&self) -> &[PurposeCode] {
        &self.purposes
    }

    /// What this does at the vendor, and what goes on there all the same.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Takes every step that is about a purpose, for one person. Doing it again is harmless.
    pub async fn run(&self, session: &Session, person: &Person, purpose: &str) -> Stopped {
        let mut steps = Vec::new();
        for (about, step) in &self.steps {
            if about.iter().any(|code| code.as_str() == purpose) {
                steps.extend(step.run(session, person).await.steps);
            }
        }
        let fails = |step: &StepReport| !step.unasked && (step.failure.is_some() || step.verified == Some(false));
        Stopped {
            ended: steps.iter().filter(|step| !fails(step)).map(|step| step.found).sum(),
            again: steps.iter().any(fails),
            unsure: steps.iter().any(|step| step.found > 0 && step.failure.is_some()),
            looked: steps.iter().any(|step| !step.unasked),
        }
    }
}
