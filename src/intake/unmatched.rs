//! Who objects to being matched is taken apart, and who takes that back is compared again.
//!
//! What was said is noted with the statement (`store::unmatched`) and carried out here, at once or by whoever serves next.

use super::separate::{Out, Papers, Separated};
use super::statement::names_matching;
use super::table::Table;
use super::{Error, Intake};
use crate::consent::Entry;
use crate::graph;
use crate::store::notices::NoticeRow;
use crate::store::requests::RequestRow;
use crate::store::unmatched::{self, Noted};
use crate::store::{Write, cards, identifiers, links, records, reviews, subjects};
use crate::types::{SubjectId, Timestamp};

/// The case of a person who is taken apart, and those to be told.
pub type Told = (RequestRow, Vec<NoticeRow>);

/// What was carried out of what people said about being matched.
#[derive(Debug, Default)]
pub struct Heeded {
    /// How many people were looked at.
    pub people: usize,
    /// Those who were taken apart.
    pub apart: Vec<Separated>,
}

/// People looked at in one go.
const AT_ONCE: i64 = 50;

/// Hears what somebody says about being matched: what was compared of an objector goes at once, and so do the questions about them;
/// the rest is noted.
pub(super) fn hear(write: &mut Write<'_>, person: SubjectId, entry: &Entry, now: Timestamp) -> Result<(), Error> {
    if !names_matching(entry) || entry.act.is_restriction() {
        return Ok(());
    }
    if entry.act.is_no() {
        let numbers = records::numbers_of(write.records(), person)?;
        cards::silence(write, &numbers)?;
        reviews::delete_of(write, &numbers)?;
    }
    Ok(unmatched::note(write, person, now)?)
}

/// What became of one of them.
enum Fate {
    /// It is carried out, and some were taken out of them if there was anybody.
    Done(Option<Separated>),
    /// It cannot be carried out now.
    NotNow,
}

impl Intake {
    /// Takes apart who objected to being matched, and compares again who took that back: everybody who is noted and whose time has
    /// come. `told` prepares the case and says who is to be told; where it cannot now, or something of the person cannot be
    /// read, the person stays noted and is passed over for longer each time.
    ///
    /// # Errors
    /// The first failure, after the others were looked at.
    pub async fn heed_objections(&self, told: impl AsyncFn(SubjectId) -> Option<Told>) -> Result<Heeded, Error> {
        let (mut after, mut done, mut failure) = (None, Heeded::default(), None);
        loop {
            let now = self.clock.now();
            let noted = self.store.read(move |read| unmatched::some(read.records(), after, now, AT_ONCE)).await?;
            let Some(last) = noted.last() else { break };
            after = Some(last.person);
            failure = failure.or(self.heed_each(noted, &told, &mut done).await.err());
        }
        failure.map_or(Ok(done), Err)
    }

    /// As [`Intake::heed_objections`], at once and for these people alone.
    ///
    /// # Errors
    /// As [`Intake::heed_objections`].
    pub async fn heed_objections_of(
        &self,
        people: &[SubjectId],
        told: impl AsyncFn(SubjectId) -> Option<Told>,
    ) -> Result<Heeded, Error> {
        let (people, mut done) = (people.to_vec(), Heeded::default());
        let noted = self.store.read(move |read| unmatched::of(read.records(), &people)).await?;
        self.heed_each(noted, &told, &mut done).await?;
        Ok(done)
    }

    async fn heed_each(
        &self,
        noted: Vec<Noted>,
        told: &impl AsyncFn(SubjectId) -> Option<Told>,
        done: &mut Heeded,
    ) -> Result<(), Error> {
        let mut failure = None;
        for noted in noted {
            let fate = self.heed(noted.person, told).await;
            let (is_done, now) = (matches!(fate, Ok(Fate::Done(_))), self.clock.now());
            let crossed_out = self.store.write(move |write| match is_done {
                true => unmatched::done(write, noted),
                false => unmatched::put_off(write, noted, now),
            });
            failure = failure.or(crossed_out.await.err().map(Error::from));
            match fate {
                Ok(Fate::Done(apart)) => {
                    done.people += 1;
                    done.apart.extend(apart);
                }
                Ok(Fate::NotNow) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn heed(&self, noted: SubjectId, told: &impl AsyncFn(SubjectId) -> Option<Told>) -> Result<Fate, Error> {
        let (matching, edition, now) = (self.matching.clone(), self.rulebook.edition(), self.clock.now());
        let found = self.store.read(move |read| {
            let Some(row) = subjects::living(read.records(), noted)? else { return Ok::<_, Error>(None) };
            let person = row.subject_id;
            let mut table = Table::empty(&matching, &edition, now);
            let objects = table.objects(read.records(), person)?;
            let rows = records::of(read.records(), person)?;
            let numbers: Vec<_> = rows.iter().map(|row| row.record_no).collect();
            let values = identifiers::of_records(read.records(), &numbers)?;
            let groups = graph::alone(&rows, &values, &links::of(read.records(), person)?);
            Ok(Some((person, objects, groups.len())))
        });
        let mut apart = None;
        match found.await? {
            Some((person, true, groups)) if groups > 1 => {
                let Some((request, notices)) = told(person).await else { return Ok(Fate::NotNow) };
                let papers = Papers { decided: false, request: Some(request), notices };
                match self.separate(person, &Out::Alone, &papers, None).await {
                    Ok(separated) => apart = Some(separated),
                    // Somebody else did it, or they took it back or were erased meanwhile.
                    Err(Error::UnknownSubject | Error::NoPart) => {}
                    Err(failure) => return Err(failure),
                }
            }
            Some((person, false, _)) => self.compare_again(person).await?,
            Some(_) | None => {}
        }
        Ok(Fate::Done(apart))
    }
}
