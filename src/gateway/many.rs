//! Reading many people at once: each is decided on alone, and nobody is opened without a permit, but all share one
//! snapshot per load and one audit line that names everybody whose data left.

use std::collections::BTreeSet;

use super::door::Keys;
use super::permit::Verdict;
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
    /// Reads many people with one audit line, for a walk of the hub over its people.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_many(&self, ask: &Ask, who: Vec<SubjectId>) -> Result<Page, Error> {
        let mut page = Page { disclosed: Vec::new(), refused: Vec::new() };
        for found in self.read_all(ask, who.into_iter().map(Who::Subject).collect()).await? {
            match found {
                Found::Disclosed(disclosure) => page.disclosed.push(*disclosure),
                Found::Refused(decision) => page.refused.push(decision),
                Found::Nobody => {}
            }
        }
        Ok(page)
    }

    /// Reads many people with one audit line and answers for each, in the order asked. As with one, nobody can tell an
    /// unknown person from a refused read.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_each(&self, ask: &Ask, who: Vec<Who>) -> Result<Vec<Answer>, Error> {
        let found = self.read_all(ask, who).await?;
        Ok(found
            .into_iter()
            .map(|found| match found {
                Found::Disclosed(disclosure) => Answer::Disclosed(disclosure),
                Found::Refused(_) | Found::Nobody => Answer::Nothing,
            })
            .collect())
    }

    async fn read_all(&self, ask: &Ask, who: Vec<Who>) -> Result<Vec<Found>, Error> {
        let asked = who.len();
        let rows = self.load(who).await?;
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let mut allowed: Vec<_> = Vec::new();
        let mut found = Vec::with_capacity(asked);
        let mut line = Line::new(Act::Refused);
        let (mut categories, mut reasons) = (CategorySet::EMPTY, BTreeSet::new());
        for (place, rows) in rows.iter().enumerate() {
            let verdict = self.decide(ask, rows.as_ref(), &edition, id)?;
            match (verdict, rows) {
                (Verdict::Allow(permit), Some(rows)) => {
                    let mut keys: Keys<'_> = self.door.keys(rows);
                    line = line.about(keys.pseudonym()?.iter().map(Pseudonym::bytes));
                    permit.categories().iter().for_each(|category| categories.insert(category));
                    allowed.push((place, permit, keys));
                    found.push(Found::Nobody);
                }
                (verdict, rows) => {
                    let decision = verdict.decision();
                    reasons.extend(decision.refused.iter().map(|refused| refused.reason.word()));
                    found.push(if rows.is_some() { Found::Refused(decision.clone()) } else { Found::Nobody });
                }
            }
        }
        let act = if allowed.is_empty() { Act::Refused } else { Act::Disclosed };
        let reasons = reasons.into_iter().map(str::to_owned).collect();
        let line = by(line.with_act(act), ask).categories(categories).reasons(reasons).count(asked);
        let receipt = self.book.record(id, line).await?;
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
