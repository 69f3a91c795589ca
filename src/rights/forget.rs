//! Deleting what nothing keeps any more (Art. 5(1)(e) GDPR): what is due says `due`, here it is done.
//!
//! A page of people at a time. What is going to be deleted of each is an audit line first, and what was deleted is one
//! after; somebody who cannot be read is counted and left, and the next one comes.
//! Each person is one transaction that checks that nothing changed since it was looked at; who changed is looked at again
//! in the next run. A part that ends is taken out of its record; a record that ends goes with its indexes and leaves a
//! tombstone, so that the source cannot bring it back; a person of whom nothing is left goes as a whole. Then, in a second
//! transaction, the keys of categories of which nothing is left are shredded: keys commit before records, and a crash in
//! between must not leave records without a key. What only a law keeps is closed to every other purpose and cannot be
//! looked up any more; unlike after an erasure it stays the person's, who has a right to a copy of it (Art. 15 GDPR).
//!
//! What belongs to nobody who lives ends in `rest`.

mod keys;
mod rows;

use std::sync::Arc;

pub(super) use keys::Dying;
use keys::{end_keys_of_nobody, shred};
use rows::apply;

use super::due::{Due, due};
use super::request::OPEN;
use super::tally::{Rule, Tally};
use super::{Error, Rights};
use crate::audit::{Act, Line};
use crate::consent::Edition;
use crate::store::rows::{SubjectRows, Who};
use crate::store::{self, requests};
use crate::types::{CategorySet, SubjectId, Timestamp};
use crate::vault;

/// How often keys are ended again after another node changed them or began an epoch.
const TRIES: usize = 5;

/// Somebody of whom something is going to be deleted.
struct Planned {
    subject: SubjectId,
    names: Vec<[u8; 16]>,
    tally: Tally,
}

/// What became of the rows of one person.
pub(super) enum Forgotten {
    /// Nothing: they changed, or are held back.
    Left(Tally),
    /// The rows are gone; these keys are to end.
    Gone(Tally, Dying),
}

impl Rights {
    /// What is due of these people, without doing it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn due_of(&self, people: Vec<SubjectId>) -> Result<Tally, Error> {
        let (found, mut tally) = self.look(people).await?;
        for (rows, due) in found {
            tally.join(&due.tally(&rows));
        }
        Ok(tally)
    }

    /// Deletes what is due of these people, and says what was done. Who cannot be read is counted as failed.
    ///
    /// # Errors
    /// If the store fails or a line cannot be written; what was deleted stays deleted.
    pub async fn forget(&self, people: Vec<SubjectId>) -> Result<Tally, Error> {
        let (found, mut tally) = self.look(people).await?;
        let mut planned = Vec::new();
        for (rows, due) in found {
            if due.held {
                tally.join(&due.tally(&rows));
                continue;
            }
            match self.gateway.pseudonyms(&rows) {
                Ok(names) => planned.push(Planned {
                    subject: rows.subject,
                    names: names.iter().map(vault::Pseudonym::bytes).collect(),
                    tally: due.tally(&rows),
                }),
                Err(failure) => pass_over(failure.into(), &mut tally)?,
            }
        }
        if planned.is_empty() {
            return Ok(tally);
        }
        let intended = planned.iter().map(|plan| line("intended", &plan.tally).about(plan.names.clone()));
        self.book.note_all(intended.collect()).await?;
        let (mut lines, mut stopped) = (Vec::new(), None);
        for plan in planned {
            let mut done = Tally::default();
            let outcome = self.forget_one(plan.subject, &mut done).await;
            let how = match &outcome {
                Ok(how) => how,
                Err(_) => "failed",
            };
            lines.push(line(how, &done).about(plan.names));
            tally.join(&done);
            if let Err(failure) = outcome {
                stopped = Some(failure);
                break;
            }
        }
        let noted = self.book.note_all(lines).await;
        stopped.map_or(Ok(()), Err)?;
        noted?;
        Ok(tally)
    }

    /// Ends the keys of categories of which nothing is left. For the people a run had before it when it was cut short:
    /// it may have deleted rows and not yet their keys.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_idle_keys(&self, people: Vec<SubjectId>) -> Result<(), Error> {
        let mut failed = Tally::default();
        for rows in self.load_each(people, &mut failed).await? {
            let keys = rows.keys.iter().map(|key| (key.subject, key.key_no, CategorySet::all())).collect();
            match self.end_keys(Dying::Categories(rows.subject, keys)).await {
                Ok(_) => {}
                Err(failure) => pass_over(failure, &mut failed)?,
            }
        }
        Ok(())
    }

    /// Everybody of these of whom something is due, and how many could not be read.
    async fn look(&self, people: Vec<SubjectId>) -> Result<(Vec<(SubjectRows, Due)>, Tally), Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let (mut found, mut tally) = (Vec::new(), Tally::default());
        for rows in self.load_each(people, &mut tally).await? {
            match self.look_at(&rows, &edition, now).await {
                Ok(due) if due.is_empty() => {}
                Ok(due) => found.push((rows, due)),
                Err(failure) => pass_over(failure, &mut tally)?,
            }
        }
        Ok((found, tally))
    }

    async fn look_at(&self, rows: &SubjectRows, edition: &Edition, now: Timestamp) -> Result<Due, Error> {
        let mut due = due(rows, edition, now)?;
        if !due.is_empty() {
            let mut people: Vec<SubjectId> = rows.merged.iter().map(|part| part.subject_id).collect();
            people.push(rows.subject);
            due.held |= self.store.read(move |read| requests::any_of(read.records(), &people, &OPEN)).await?;
        }
        Ok(due)
    }

    /// As [`Rights::load`]; if somebody cannot be loaded, the others are.
    async fn load_each(&self, people: Vec<SubjectId>, tally: &mut Tally) -> Result<Vec<SubjectRows>, Error> {
        match self.load(people.clone()).await {
            Err(failure) if !stops_all(&failure) => {}
            loaded => return loaded,
        }
        let mut loaded = Vec::new();
        for person in people {
            match self.load(vec![person]).await {
                Ok(rows) => loaded.extend(rows),
                Err(failure) => pass_over(failure, tally)?,
            }
        }
        Ok(loaded)
    }

    /// These people with the keys that live. Somebody without any is nobody to the gateway; here they are looked at all
    /// the same.
    async fn load(&self, people: Vec<SubjectId>) -> Result<Vec<SubjectRows>, Error> {
        let rows = self.store.subjects(people.into_iter().map(Who::Subject).collect()).await?;
        let mut rows: Vec<SubjectRows> = rows.into_iter().flatten().collect();
        self.keyring.know(rows.iter().flat_map(|rows| &rows.keys)).await?;
        for rows in &mut rows {
            rows.keys.retain(|key| self.keyring.opens(key));
        }
        Ok(rows)
    }

    /// Looks at one person again, deletes what is due of them and says how it ended. An error stops the run: if rows are
    /// gone and their keys not, the next run begins with these people.
    async fn forget_one(&self, person: SubjectId, tally: &mut Tally) -> Result<&'static str, Error> {
        match self.forget_rows(person).await {
            Ok(Forgotten::Left(left)) => {
                tally.join(&left);
                Ok("left")
            }
            Ok(Forgotten::Gone(gone, dying)) => {
                tally.join(&gone);
                let keys = self.end_keys(dying.clone()).await?;
                tally.add(Rule::CategoryKeys, if matches!(dying, Dying::People(_)) { 0 } else { keys });
                Ok("done")
            }
            Err(failure) => pass_over(failure, tally).map(|()| "failed"),
        }
    }

    /// The first transaction.
    pub(super) async fn forget_rows(&self, person: SubjectId) -> Result<Forgotten, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let Some(rows) = self.load(vec![person]).await?.pop() else { return Ok(Forgotten::Left(Tally::default())) };
        let due = due(&rows, &edition, now)?;
        if due.is_empty() || due.held {
            return Ok(Forgotten::Left(due.tally(&rows)));
        }
        let (work, shredder) = (Arc::new((rows, due)), Arc::clone(&self.shredder));
        let done = self.store.write(move |write| apply(write, &work.0, &work.1, &shredder, now)).await;
        match done {
            // They changed meanwhile, or are being erased: the next run looks again.
            Err(Error::Changed | Error::SubjectUnknown) => Ok(Forgotten::Left(Tally::default())),
            done => done,
        }
    }

    /// The second transaction: ends keys once what they sealed is gone for good, and says how many.
    pub(super) async fn end_keys(&self, dying: Dying) -> Result<usize, Error> {
        for _ in 1..TRIES {
            match self.try_to_end_keys(dying.clone()).await {
                Err(Error::Changed) => {}
                Err(Error::Vault(vault::Error::UnknownEpoch(_))) => self.keyring.reload().await?,
                done => return done,
            }
        }
        self.try_to_end_keys(dying).await
    }

    async fn try_to_end_keys(&self, dying: Dying) -> Result<usize, Error> {
        let shredder = Arc::clone(&self.shredder);
        self.store
            .write(move |write| match &dying {
                Dying::People(people) => end_keys_of_nobody(write, people),
                Dying::Categories(person, keys) => shred(write, *person, keys, &shredder),
            })
            .await
    }

    /// Takes what was deleted out of the write-ahead logs too.
    ///
    /// # Errors
    /// [`Error::ReadersInTheWay`]; then the next run does it.
    pub async fn forget_for_good(&self) -> Result<(), Error> {
        self.scrub().await
    }
}

pub(super) fn line(how: &str, tally: &Tally) -> Line {
    let counts = tally.iter().map(|(rule, count)| format!("{rule}={count}"));
    Line::new(Act::Expired).to("retention").object(how).reasons(counts.collect())
}

/// Is it not about one person, so that the others would fail too?
fn stops_all(failure: &Error) -> bool {
    use store::Error as Store;
    let store = match failure {
        Error::Store(cause) | Error::Gateway(crate::gateway::Error::Store(cause)) => cause,
        Error::Audit(_) | Error::Keyring(_) => return true,
        _ => return false,
    };
    !matches!(store, Store::Statement(_) | Store::Conflict(_) | Store::Taken | Store::Overloaded | Store::Unreadable(_))
}

/// Counts somebody who failed; what is not about them alone is returned.
pub(super) fn pass_over(failure: Error, tally: &mut Tally) -> Result<(), Error> {
    if stops_all(&failure) {
        return Err(failure);
    }
    tracing::error!(error = ?failure, "what is due of somebody could not be deleted");
    tally.add(Rule::Failed, 1);
    Ok(())
}
