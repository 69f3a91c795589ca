//! [`Audience`]: handing people to a vendor, and taking them off again.

use serde_json::{Value, json};

use super::call::{At, Call};
use super::erase::{Erase, Erasure, Person};
use super::filter::Filter;
use super::link::Link;
use super::manifest::audience::AudienceSpec;
use super::manifest::erase::EraseSpec;
use super::mapping::{exact, value};
use super::session::Session;
use super::template::Variables;
use super::{Error, Fault};
use crate::types::Timestamp;

/// How people are handed to a vendor and taken off.
pub struct Audience {
    note: String,
    batch: usize,
    add: Call,
    refused: Option<Filter>,
    remove: Erase,
}

/// Somebody to be handed over: a mail address and the fields of the segment. It is personal: it lives as long as the call.
pub struct Newcomer {
    /// The mail address, in its normal form.
    pub email: String,
    /// The fields of the segment, by category.
    pub data: Value,
}

impl Audience {
    pub(super) fn load(spec: AudienceSpec, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let mut known = link.names();
        if spec.batch <= 1 {
            known.push("email");
        }
        if spec.remove.is_empty() {
            return Err(
                at.wrong("remove:", "say how somebody is taken off; who cannot be taken off must not be handed over")
            );
        }
        let remove = EraseSpec { note: spec.note.clone(), steps: spec.remove, without_steps: None };
        Ok(Self {
            batch: usize::from(spec.batch.max(1)),
            add: Call::load(&spec.add, "audience.add", at, &known)?,
            refused: spec.refused.map(|code| at.filter(&code, "audience.refused")).transpose()?,
            remove: Erase::load_as(remove, "audience.remove", link, at)?,
            note: spec.note,
        })
    }

    /// What this makes of people at the vendor, and what is left when they are taken off.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// How many people one call may hold.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Hands people over in one call, at most [`Audience::batch`] of them. Answers the mail addresses the vendor did not take, in
    /// lower case.
    ///
    /// # Errors
    /// Why the call failed; then nobody knows whom the vendor took.
    pub async fn add(&self, session: &Session, people: &[Newcomer]) -> Result<Vec<String>, Fault> {
        let member = |one: &Newcomer| {
            let mut member = one.data.clone();
            if let Some(fields) = member.as_object_mut() {
                fields.insert("email".to_owned(), Value::String(one.email.clone()));
            }
            member
        };
        let mut words = Variables::new();
        words.insert("members".to_owned(), people.iter().map(member).collect());
        words.insert("now".to_owned(), json!(session.now().micros() / Timestamp::SECOND));
        if let [one] = people {
            words.insert("email".to_owned(), json!(one.email));
        }
        let answer = session.call(&self.add, &words, None).await?;
        let Some(refused) = &self.refused else { return Ok(Vec::new()) };
        let failed = || Fault::Filter("audience.refused".to_owned());
        refused
            .run(value(&answer.json))
            .map(|one| {
                let one = one.ok().and_then(exact).ok_or_else(failed)?;
                one.as_str().map(str::to_lowercase).ok_or_else(failed)
            })
            .collect()
    }

    /// Takes somebody off, and looks whether the vendor did.
    pub async fn remove(&self, session: &Session, email: String) -> Erasure {
        self.remove.run(session, &Person { email: Some(email), ..Person::default() }).await
    }
}
