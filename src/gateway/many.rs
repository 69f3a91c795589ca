//! Reading many people at once: each is decided on alone, and nobody is opened without a permit, but all share one load
//! and one durable write of the audit book.

use std::collections::{BTreeMap, BTreeSet};

use super::door::Keys;
use super::permit::{Permit, Verdict};
use super::{Answer, Ask, Decision, Disclosure, Error, Gateway, by};
use crate::audit::{Act, Line};
use crate::consent::Edition;
use crate::store::rows::{SubjectRows, Who};
use crate::types::{CategorySet, DecisionId, SubjectId};
use crate::vault::Pseudonym;

/// A page of a walk over people.
pub struct Page {
    /// The people of whom something was opened.
    pub disclosed: Vec<Disclosure>,
    /// For the others, the decision: why not.
    pub refused: Vec<Decision>,
    /// How many people's rows or ciphertexts are damaged. Nothing of theirs was opened.
    pub damaged: u32,
}

/// What became of one of many.
enum Found {
    Disclosed(Box<Disclosure>),
    Refused(Decision),
    Nobody,
    Damaged,
}

/// The word for it in the audit book.
const DAMAGED: &str = "damaged";

impl Gateway {
    /// Reads many people with one durable write of the audit book, for a walk of the hub over its people.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_many(&self, ask: &Ask, who: Vec<SubjectId>) -> Result<Page, Error> {
        let mut page = Page { disclosed: Vec::new(), refused: Vec::new(), damaged: 0 };
        for found in self.read_all(ask, who.into_iter().map(Who::Subject).collect(), false).await? {
            match found {
                Found::Disclosed(disclosure) => page.disclosed.push(*disclosure),
                Found::Refused(decision) => page.refused.push(decision),
                Found::Damaged => page.damaged += 1,
                Found::Nobody => {}
            }
        }
        Ok(page)
    }

    /// Reads many people with one durable write of the audit book and answers for each, in the order asked. As with one,
    /// nobody can tell an unknown person from a refused read. Somebody whose data is damaged does not keep the others from
    /// being read: there is nothing of theirs, the log and the audit book tell why.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn read_each(&self, ask: &Ask, who: Vec<Who>) -> Result<Vec<Answer>, Error> {
        let found = self.read_all(ask, who, true).await?;
        Ok(found
            .into_iter()
            .map(|found| match found {
                Found::Disclosed(disclosure) => Answer::Disclosed(disclosure),
                Found::Refused(_) | Found::Nobody | Found::Damaged => Answer::Nothing,
            })
            .collect())
    }

    async fn read_all(&self, ask: &Ask, who: Vec<Who>, outside: bool) -> Result<Vec<Found>, Error> {
        match self.try_to_read_all(ask, who.clone(), outside).await {
            Err(error) if error.is_turned() => self.try_to_read_all(ask, who, outside).await,
            done => done,
        }
    }

    async fn try_to_read_all(&self, ask: &Ask, who: Vec<Who>, outside: bool) -> Result<Vec<Found>, Error> {
        let asked = who.len();
        let rows = self.load(who).await?;
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let mut allowed: Vec<(usize, Permit, Keys<'_>)> = Vec::new();
        let mut found = Vec::with_capacity(asked);
        let mut lines = Lines::default();
        for (place, rows) in rows.iter().enumerate() {
            match self.decide_one(ask, rows.as_ref(), (&edition, id), outside).or_else(damaged)? {
                Some((Verdict::Allow(permit), Some((keys, pseudonym)))) => {
                    lines.disclosed(permit.categories(), pseudonym);
                    allowed.push((place, permit, keys));
                    found.push(Found::Nobody);
                }
                Some((verdict, _)) => {
                    let decision = verdict.decision();
                    lines.refused(decision);
                    found.push(if rows.is_some() { Found::Refused(decision.clone()) } else { Found::Nobody });
                }
                None => {
                    lines.damaged();
                    found.push(Found::Damaged);
                }
            }
        }
        let version = edition.purpose(&ask.purpose).and_then(|purpose| i32::try_from(purpose.version).ok());
        let receipt = self.book.record_all(id, lines.written(ask, version, asked)).await?;
        let (places, allowed): (Vec<usize>, Vec<_>) =
            allowed.into_iter().map(|(place, permit, keys)| (place, (permit, keys))).unzip();
        let mut failed = 0;
        for (place, disclosure) in places.into_iter().zip(self.door.disclose_many(allowed, receipt, &edition)?) {
            let disclosure = disclosure.map(Some).or_else(damaged)?;
            failed += usize::from(disclosure.is_none());
            if let Some(found) = found.get_mut(place) {
                *found = disclosure.map_or(Found::Damaged, |disclosure| Found::Disclosed(Box::new(disclosure)));
            }
        }
        if failed > 0 {
            self.note_damage(ask, &edition, failed).await?;
        }
        Ok(found)
    }

    /// Says that nothing was disclosed of so many people, because it is damaged; a line before may say that it was.
    pub(super) async fn note_damage(&self, ask: &Ask, edition: &Edition, people: usize) -> Result<(), Error> {
        let version = edition.purpose(&ask.purpose).and_then(|purpose| i32::try_from(purpose.version).ok());
        let line = by(Line::new(Act::Refused), ask).under(ask.purpose.clone(), version);
        Ok(self.book.note(line.reasons(vec![DAMAGED.to_owned()]).count(people)).await?)
    }

    /// Decides on one of many; of whom there is, with their keys and their name in the audit book.
    pub(super) fn decide_one<'a>(
        &'a self,
        ask: &Ask,
        rows: Option<&'a SubjectRows>,
        (edition, id): (&Edition, DecisionId),
        outside: bool,
    ) -> Result<Option<Decided<'a>>, Error> {
        let verdict = if outside {
            self.decide_for_outside(ask, rows, edition, id)?
        } else {
            self.decide(ask, rows, edition, id)?
        };
        let keys = match (&verdict, rows) {
            (Verdict::Allow(_), Some(rows)) => {
                let mut keys = self.door.keys(rows);
                let pseudonym = keys.pseudonym()?;
                Some((keys, pseudonym))
            }
            _ => None,
        };
        Ok(Some((verdict, keys)))
    }
}

/// A verdict, and what is needed to open and to name one whose data may be read.
pub(super) type Decided<'a> = (Verdict, Option<(Keys<'a>, Option<Pseudonym>)>);

/// None, if the failure is of one person's rows alone; else it is everybody's.
pub(super) fn damaged<T>(failure: Error) -> Result<Option<T>, Error> {
    if !failure.is_of_one_person() {
        return Err(failure);
    }
    tracing::error!(error = ?failure, "the data of one person is damaged; nothing of it is disclosed");
    Ok(None)
}

/// The audit lines of one reading: one for each set of categories that left, naming those whose data it was, so that
/// nobody's line speaks of what left of others; and one for everybody of whom nothing left.
#[derive(Default)]
pub(super) struct Lines {
    disclosed: BTreeMap<CategorySet, Vec<Pseudonym>>,
    refused: usize,
    reasons: BTreeSet<&'static str>,
}

impl Lines {
    pub(super) fn disclosed(&mut self, categories: CategorySet, of: Option<Pseudonym>) {
        self.disclosed.entry(categories).or_default().extend(of);
    }

    pub(super) fn refused(&mut self, decision: &Decision) {
        self.refused += 1;
        self.reasons.extend(decision.refused.iter().map(|refused| refused.reason.word()));
    }

    pub(super) fn damaged(&mut self) {
        self.refused += 1;
        self.reasons.insert(DAMAGED);
    }

    pub(super) fn written(self, ask: &Ask, version: Option<i32>, asked: usize) -> Vec<Line> {
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
