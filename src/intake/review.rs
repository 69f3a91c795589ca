//! Questions for somebody to decide: are these two records of one person?

use super::{Error, Intake};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::graph::{self, Rule};
use crate::store::rows::{LinkRow, ReviewRow};
use crate::store::{Write, apart, cards, reviews, subjects};
use crate::types::{ReviewId, SubjectId, Timestamp, words};

words! {
    /// What somebody says about two records. Numbers are stored and never reused.
    Answer as "ReviewAnswer", "answer" {
        /// They are of one person.
        Same = 2 "same",
        /// They are of two; they are never joined again.
        NotSame = 3 "not_same",
        /// Nobody can tell; it is not asked again.
        Unsure = 4 "unsure",
    }
}

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The person of the one record now.
    pub one: SubjectId,
    /// The person of the other.
    pub other: SubjectId,
}

impl Intake {
    /// Up to `limit` open questions after `after`, oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn reviews(&self, after: Option<ReviewId>, limit: i64) -> Result<Vec<ReviewRow>, Error> {
        Ok(self.store.read(move |read| reviews::open(read.records(), after, limit)).await?)
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// [`Error::NoReview`] if there is no such open question; [`Error::NoPart`] if the two are one person by now: take them
    /// apart instead.
    pub async fn decide(&self, id: ReviewId, answer: Answer, by: &Caller) -> Result<Decided, Error> {
        let now = self.clock.now();
        let line = by.named_in(Line::new(Act::Reviewed).object(answer.word()));
        let work = self.store.write(move |write| decide(write, id, answer, now));
        self.book.change(line, work).await
    }
}

fn decide(write: &mut Write<'_>, id: ReviewId, answer: Answer, now: Timestamp) -> Result<Decided, Error> {
    let review = reviews::find(write.records(), id)?.ok_or(Error::NoReview)?;
    if !reviews::decide(write, id, reviews::OPEN, answer.number(), now)? {
        return Err(Error::NoReview);
    }
    let found = cards::of_records(write.records(), &[review.one_no, review.other_no])?;
    let whose = |record| found.iter().find(|card| card.record_no == record).map(|card| card.subject_id);
    let (one, other) = whose(review.one_no).zip(whose(review.other_no)).ok_or(Error::NoReview)?;
    let mut people = [one, other];
    for person in &mut people {
        *person = subjects::living(write.records(), *person)?.ok_or(Error::NoReview)?.subject_id;
    }
    subjects::lock(write, &people)?;
    let [one, other] = people;
    match answer {
        Answer::Same if one != other => {
            unmark(write, one, other)?;
            let (into, from) = (one.min(other), one.max(other));
            let link = LinkRow {
                merged_from: Some(from.into()),
                other_no: review.other_no.0,
                weight: review.weight,
                waterfall: review.waterfall,
                ..LinkRow::by_rule(into, into.part(), review.one_no, Rule::Decided.number(), None, now)
            };
            graph::merge_by(write, from, link)?;
            Ok(Decided { one: into, other: into })
        }
        Answer::NotSame if one == other => Err(Error::NoPart),
        Answer::NotSame => {
            apart::mark(write, one, other, now)?;
            Ok(Decided { one, other })
        }
        Answer::Same | Answer::Unsure => Ok(Decided { one, other }),
    }
}

/// Takes back every mark between parts of the two.
fn unmark(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<(), Error> {
    let mut ones = subjects::merged_into(write.records(), one)?;
    let mut others = subjects::merged_into(write.records(), other)?;
    ones.push(one);
    others.push(other);
    for part in ones {
        let marked = apart::of(write.records(), &[part])?;
        for other in others.iter().filter(|other| marked.contains(other)) {
            apart::unmark(write, part, *other)?;
        }
    }
    Ok(())
}
