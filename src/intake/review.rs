//! Questions for somebody to decide: are these two records of one person?

use super::table::MATCHING;
use super::{Error, Intake};
use crate::audit::{Act, Line};
use crate::gateway::{Ask, Caller, MaskedPerson};
use crate::graph::{self, Rule};
use crate::store::apart::{self, Mark};
use crate::store::connection::Connection;
use crate::store::rows::{LinkRow, ReviewRow};
use crate::store::{self, Write, cards, reviews, subjects};
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

/// A question with what may be shown of the two people it is about.
pub struct Question {
    /// The question.
    pub review: ReviewRow,
    /// The person of the one record, and of the other.
    pub sides: [MaskedPerson; 2],
}

impl Intake {
    /// One open question, with the records of both people masked, side by side. They are read under the purpose of matching, by
    /// whoever asks.
    ///
    /// # Errors
    /// [`Error::NoReview`] if there is no such open question, or one of the two may not be read; or the store or the gateway failed.
    pub async fn question(&self, id: ReviewId, by: &Caller) -> Result<Question, Error> {
        let found = self.store.read(move |read| about(read.records(), id)).await?;
        let (review, [one, other]) = found.filter(|(_, [one, other])| one != other).ok_or(Error::NoReview)?;
        let ask = Ask {
            caller: by.clone(),
            purpose: MATCHING.parse().map_err(store::Error::from)?,
            categories: None,
            channel: None,
            reason: "review".parse().ok(),
        };
        let two = [(one, review.one_no), (other, review.other_no)];
        let sides = self.gateway.side_by_side(&ask, two).await.map_err(Error::from_gateway)?;
        Ok(Question { review, sides: sides.ok_or(Error::NoReview)? })
    }

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
    let people = people_of(write.records(), &review)?.ok_or(Error::NoReview)?;
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
            apart::mark(write, Mark { one, other, at: now, looked: true })?;
            reviews::answered(write, one, other)?;
            Ok(Decided { one, other })
        }
        Answer::Same | Answer::Unsure => Ok(Decided { one, other }),
    }
}

/// An open question, and who the two are now.
fn about(connection: &mut Connection, id: ReviewId) -> Result<Option<(ReviewRow, [SubjectId; 2])>, store::Error> {
    let Some(review) = reviews::find(connection, id)?.filter(|review| review.state == reviews::OPEN) else {
        return Ok(None);
    };
    Ok(people_of(connection, &review)?.map(|people| (review, people)))
}

/// Whose the two records are now; none if one of them is gone.
fn people_of(connection: &mut Connection, review: &ReviewRow) -> Result<Option<[SubjectId; 2]>, store::Error> {
    let found = cards::of_records(connection, &[review.one_no, review.other_no])?;
    let whose = |record| found.iter().find(|card| card.record_no == record).map(|card| card.subject_id);
    let Some((one, other)) = whose(review.one_no).zip(whose(review.other_no)) else { return Ok(None) };
    let living = [subjects::living(connection, one)?, subjects::living(connection, other)?];
    let [Some(one), Some(other)] = living else { return Ok(None) };
    Ok(Some([one.subject_id, other.subject_id]))
}

/// Takes back every mark between parts of the two.
fn unmark(write: &mut Write<'_>, one: SubjectId, other: SubjectId) -> Result<(), Error> {
    let others = subjects::with_merged(write.records(), other)?;
    for part in subjects::with_merged(write.records(), one)? {
        let marked = apart::of(write.records(), &[part])?;
        for other in others.iter().filter(|other| marked.contains(other)) {
            apart::unmark(write, part, *other)?;
        }
    }
    Ok(())
}
