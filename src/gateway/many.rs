//! Reading many people at once: each is decided on alone, and nobody is opened without a permit, but all share one load
//! and one durable write of the audit book.

use std::collections::{BTreeMap, BTreeSet};

use super::door::Keys;
use super::permit::{Permit, Verdict};
use super::{Answer, Ask, Decision, Disclosure, Error, Gateway, by};
use crate::audit::{Act, Line};
use crate::store::rows::Who;
use crate::types::{CategorySet, SubjectId};
use crate::vault::Pseudonym;

/// A page of a walk over people.
pub struct Page {
    /// The people of whom something was opened.
    pub disclosed: Vec<Disclosure>,
    /// For the others, the decision: why not.
    pub refused: Vec<Decision>,
}

/// What became of one of many.
enum Found {
    Disclosed(Box<Disclosure>),
    Refused(Decision),
    Nobody,
}

impl Gateway {
    /// Reads many people with one durable write of the audit book, for a walk of the hub over its people.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_many(&self, ask: &Ask, who: Vec<SubjectId>) -> Result<Page, Error> {
        let mut page = Page { disclosed: Vec::new(), refused: Vec::new() };
        for found in self.read_all(ask, who.into_iter().map(Who::Subject).collect(), false).await? {
            match found {
                Found::Disclosed(disclosure) => page.disclosed.push(*disclosure),
                Found::Refused(decision) => page.refused.push(decision),
                Found::Nobody => {}
            }
        }
        Ok(page)
    }

    /// Reads many people with one durable write of the audit book and answers for each, in the order asked. As with one,
    /// nobody can tell an unknown person from a refused read.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_each(&self, ask: &Ask, who: Vec<Who>) -> Result<Vec<Answer>, Error> {
        let found = self.read_all(ask, who, true).await?;
        Ok(found
            .into_iter()
            .map(|found| match found {
                Found::Disclosed(disclosure) => Answer::Disclosed(disclosure),
                Found::Refused(_) | Found::Nobody => Answer::Nothing,
            })
            .collect())
    }

    async fn read_all(&self, ask: &Ask, who: Vec<Who>, outside: bool) -> Result<Vec<Found>, Error> {
        let asked = who.len();
        let rows = self.load(who).await?;
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let mut allowed: Vec<(usize, Permit, Keys<'_>)> = Vec::new();
        let mut found = Vec::with_capacity(asked);
        let mut lines = Lines::default();
        for (place, rows) in rows.iter().enumerate() {
            let verdict = if outside {
                self.decide_for_outside(ask, rows.as_ref(), &edition, id)?
            } else {
                self.decide(ask, rows.as_ref(), &edition, id)?
            };
            match (verdict, rows) {
                (Verdict::Allow(permit), Some(rows)) => {
                    let mut keys = self.door.keys(rows);
                    lines.disclosed(permit.categories(), keys.pseudonym()?);
                    allowed.push((place, permit, keys));
                    found.push(Found::Nobody);
                }
                (verdict, rows) => {
                    let decision = verdict.decision();
                    lines.refused(decision);
                    found.push(if rows.is_some() { Found::Refused(decision.clone()) } else { Found::Nobody });
                }
            }
        }
        let version = edition.purpose(&ask.purpose).and_then(|purpose| i32::try_from(purpose.version).ok());
        let receipt = self.book.record_all(id, lines.written(ask, version, asked)).await?;
        let (places, allowed): (Vec<usize>, Vec<_>) =
            allowed.into_iter().map(|(place, permit, keys)| (place, (permit, keys))).unzip();
        for (place, disclosure) in places.into_iter().zip(self.door.disclose_many(allowed, receipt, &edition)?) {
            if let Some(found) = found.get_mut(place) {
                *found = Found::Disclosed(Box::new(disclosure));
            }
        }
        Ok(found)
    }
}

/// The audit lines of one reading: one for each set of categories that left, naming those whose data it was, so that
/// nobody's line speaks of what left of others; and one for everybody of whom nothing left.
#[derive(Default)]
struct Lines {
    disclosed: BTreeMap<CategorySet, Vec<Pseudonym>>,
    refused: usize,
    reasons: BTreeSet<&'static str>,
}

impl Lines {
    fn disclosed(&mut self, categories: CategorySet, of: Option<Pseudonym>) {
        self.disclosed.entry(categories).or_default().extend(of);
    }

    fn refused(&mut self, decision: &Decision) {
        self.refused += 1;
        self.reasons.extend(decision.refused.iter().map(|refused| refused.reason.word()));
    }

    fn written(self, ask: &Ask, version: Option<i32>, asked: usize) -> Vec<Line> {
        let begun = |act| {
            let line = by(Line::new(act), ask).under(ask.purpose.clone(), version);
            if let Some(reason) = &ask.reason { line.object(reason.as_str()) } else { line }
        };
        let disclosed = self.disclosed.into_iter().map(|(categories, people)| {
            let line = begun(Act::Disclosed).categories(categories).count(people.len());
            line.about(people.iter().map(Pseudonym::bytes))
        });
        let mut lines: Vec<Line> = disclosed.collect();
        if self.refused > 0 || lines.is_empty() {
            let reasons = self.reasons.into_iter().map(str::to_owned).collect();
            lines.push(begun(Act::Refused).reasons(reasons).count(if lines.is_empty() { asked } else { self.refused }));
        }
        lines
    }
}
