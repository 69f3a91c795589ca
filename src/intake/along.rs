//! What goes along with a group that is taken out of a person, beside what it says: marks, questions, and the reasons of its links.

use super::Error;
use super::leaving::Group;
use super::separate::Work;
use crate::graph::Rule;
use crate::store::apart::{self, Mark};
use crate::store::rows::{LinkRow, SubjectRow};
use crate::store::{Write, links, reviews, subjects};
use crate::types::{RecordNo, SubjectId, Timestamp};

impl Work<'_> {
    /// Was everybody of the group who was apart from the person joined in by comparing?
    pub(super) fn is_loose(&self, write: &mut Write<'_>, group: &Group) -> Result<bool, Error> {
        let links = links::of(write.records(), self.person)?;
        let by_comparing = |row: &SubjectRow| {
            let mut joining = links.iter().filter(|link| link.merged_from == Some(row.subject_id.into())).peekable();
            joining.peek().is_some() && joining.all(|link| link.rule == Rule::Compared.number())
        };
        let mut came = self.came(group).peekable();
        Ok(came.peek().is_some() && came.all(by_comparing))
    }

    /// Who was marked as not the same as the person while the group was part of them is not the same as the group either. Of a
    /// `loose` one, nothing is said by that somebody else was taken out of the person.
    pub(super) fn give_marks(
        &self,
        write: &mut Write<'_>,
        group: &Group,
        (other, since): (SubjectId, Timestamp),
        loose: bool,
    ) -> Result<(), Error> {
        let mut people = subjects::with_merged(write.records(), self.person)?;
        people.retain(|part| !group.revived.contains(part));
        for mark in apart::since(write.records(), &people, since)?.into_iter().filter(|mark| mark.looked || !loose) {
            let marked = mark.other;
            if marked != other && !group.revived.contains(&marked) && !people.contains(&marked) {
                apart::mark(write, Mark { one: other, ..mark })?;
            }
        }
        Ok(())
    }

    /// What is asked about the records goes with them; about who objects to being matched nothing is.
    pub(super) fn give_questions(
        &self,
        write: &mut Write<'_>,
        records: &[RecordNo],
        other: SubjectId,
    ) -> Result<(), Error> {
        if self.each_says_all {
            return Ok(reviews::delete_of(write, records)?);
        }
        Ok(reviews::follow(write, records, other)?)
    }

    /// Why the records are the person's, and who was joined in with them.
    pub(super) fn give_links(&self, write: &mut Write<'_>, group: &Group, other: SubjectId) -> Result<(), Error> {
        for link in links::of(write.records(), self.person)? {
            match link.joined()? {
                // The merge that is undone.
                Some(joined) if joined == other => links::delete(write, &link)?,
                Some(joined) if group.revived.contains(&joined) => give_link(write, &link, other)?,
                Some(_) => {}
                None if group.records.contains(&link.record_no) => give_link(write, &link, other)?,
                None => {}
            }
        }
        Ok(())
    }
}

fn give_link(write: &mut Write<'_>, link: &LinkRow, to: SubjectId) -> Result<(), Error> {
    links::delete(write, link)?;
    Ok(links::insert(write, LinkRow { part: to.part(), subject_id: to, ..link.clone() })?)
}
