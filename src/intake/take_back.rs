//! Taking back what a value had joined that turned out to be shared by many.

use super::separate::Out;
use super::{Error, Intake};
use crate::graph;
use crate::store::{Write, identifiers, links, loose, records};
use crate::types::SubjectId;

/// Values looked at in one go.
const AT_ONCE: i64 = 50;

impl Intake {
    /// Looks again at whom values joined that join nobody any more, and takes apart who hangs together by nothing else. How
    /// many values that were. Who cannot be taken apart now is passed over and stays noted.
    ///
    /// # Errors
    /// The first failure, after the other values were looked at.
    pub async fn take_back(&self) -> Result<usize, Error> {
        let (mut after, mut done, mut failure) = (None, 0, None);
        loop {
            let values = self.store.read(move |read| loose::some(read.records(), after, AT_ONCE)).await?;
            let Some(last) = values.last().copied() else { break };
            after = Some(last);
            for ix in values {
                match self.take_back_of(ix).await {
                    Ok(()) => done += 1,
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        }
        failure.map_or(Ok(done), Err)
    }

    /// From now on these values join nobody, and what they joined is taken apart.
    pub(super) async fn name_nobody(&self, values: Vec<[u8; 16]>) -> Result<(), Error> {
        let now = self.clock.now();
        let work = move |write: &mut Write<'_>| {
            values.iter().try_for_each(|ix| identifiers::make_generic(write, ix).map(drop))?;
            loose::note(write, &values, now)
        };
        self.store.write(work).await?;
        match self.take_back().await {
            // Nobody can say now who is to be told: they stay noted.
            Ok(_) | Err(Error::Untold) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn take_back_of(&self, ix: [u8; 16]) -> Result<(), Error> {
        let people = self.store.read(move |read| identifiers::several_times(read.records(), &ix)).await?;
        for person in people {
            if self.is_loose(person).await? {
                match self.separate_by_itself(person, &Out::Loose, None).await {
                    // Somebody else did it, or they were erased meanwhile; or somebody has to decide.
                    Ok(_) | Err(Error::UnknownSubject | Error::NoPart | Error::Corrected) => {}
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(self.store.write(move |write| loose::done(write, &ix)).await?)
    }

    /// Are there records of the person that do not hang together with the oldest?
    async fn is_loose(&self, person: SubjectId) -> Result<bool, Error> {
        let groups = self
            .store
            .read(move |read| {
                let numbers = records::numbers_of(read.records(), person)?;
                let values = identifiers::of_records(read.records(), &numbers)?;
                Ok::<_, crate::store::Error>(graph::groups(&numbers, &values, &links::of(read.records(), person)?))
            })
            .await?;
        Ok(groups.len() > 1)
    }
}
