//! Ending what belongs to nobody who lives: what a law kept of erased people and keeps no more, closed requests, replies
//! kept for a repeated call, data keys without a person.
//!
//! What is going to be ended is an audit line first; what was ended is one after, also if something failed in between.

use super::deadline::closed_before;
use super::forget::{line, pass_over};
use super::tally::{Rule, Tally};
use super::{Error, Rights};
use crate::audit::{Act, Line};
use crate::store::{self, Write, keys, orphans, records, replies, requests, subjects};
use crate::types::{SubjectId, Timestamp};

/// Nobodies looked at in one page.
const PAGE: i64 = 500;
/// How old a data key without a person must be before it is deleted: no transaction lasts that long, and no two nodes'
/// clocks are that far apart.
const ORPHAN_DAYS: i64 = 2;
/// If more than this many data keys, and more than this share of all, have no person, then it is the wrong records
/// database that is open beside the keys, and none is deleted.
const MANY_ORPHANS: usize = 100;
const SHARE_OF_ORPHANS: usize = 20;

impl Rights {
    /// Says what belongs to nobody who lives and is due. `beat` is called before every page; its error ends the walk.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn due_of_the_rest<E: From<Error>>(
        &self,
        mut beat: impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<Tally, E> {
        let now = self.clock.now();
        let closed = closed_before(now)?;
        let mut tally = Tally::default();
        tally.add(Rule::KeptOfErased, self.ended_keeping(&mut beat).await?);
        let read = move |read: &mut store::Read| {
            let requests = requests::count_closed(read.records(), closed)?;
            Ok::<_, Error>((requests, replies::count_expired(read.records(), now)?))
        };
        let (requests, replies) = self.store.read(read).await?;
        tally.add(Rule::Requests, requests);
        tally.add(Rule::Replies, replies);
        beat().await?;
        tally.add(Rule::OrphanKeys, self.orphans(now.plus_days(-ORPHAN_DAYS)).await?);
        beat().await?;
        Ok(tally)
    }

    /// Ends what belongs to nobody who lives, and says what was done. `beat` is called before every page; its error
    /// ends the work.
    ///
    /// # Errors
    /// If the store fails or a line cannot be written; what was ended stays ended.
    pub async fn forget_the_rest<E: From<Error>>(
        &self,
        mut beat: impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<Tally, E> {
        let planned = self.due_of_the_rest(&mut beat).await?;
        if planned.is_empty() {
            return Ok(planned);
        }
        self.book.note(line("intended", &planned)).await.map_err(Error::from)?;
        let mut tally = Tally::default();
        let outcome = self.end_the_rest(&planned, &mut tally, &mut beat).await;
        let noted = self.book.note(line(if outcome.is_ok() { "done" } else { "failed" }, &tally)).await;
        outcome?;
        noted.map_err(Error::from)?;
        Ok(tally)
    }

    async fn end_the_rest<E: From<Error>>(
        &self,
        planned: &Tally,
        tally: &mut Tally,
        beat: &mut impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let now = self.clock.now();
        let closed = closed_before(now)?;
        if planned.of(Rule::KeptOfErased) > 0 {
            self.end_keeping(tally, beat).await?;
        }
        let write = move |write: &mut Write<'_>| {
            let requests = requests::delete_closed(write, closed)?;
            Ok::<_, Error>((requests, replies::delete_expired(write, now)?))
        };
        let (requests, replies) = self.store.write(write).await?;
        tally.add(Rule::Requests, requests);
        tally.add(Rule::Replies, replies);
        if planned.of(Rule::OrphanKeys) > 0 {
            self.delete_orphans(now.plus_days(-ORPHAN_DAYS), tally, beat).await?;
        }
        Ok(())
    }

    /// Ends what a law kept, where its clock has ended: the records, their key and their nobody.
    ///
    /// # Errors
    /// If the store fails; what was ended stays ended.
    pub(super) async fn end_keeping<E: From<Error>>(
        &self,
        tally: &mut Tally,
        beat: &mut impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ended = 0;
        let outcome = self.end_nobodies(&mut ended, tally, beat).await;
        tally.add(Rule::KeptOfErased, ended);
        if ended > 0 {
            let line = Line::new(Act::Erased).to("rights").object("end_of_keeping").count(ended);
            self.book.note(line).await.map_err(Error::from)?;
        }
        outcome
    }

    async fn end_nobodies<E: From<Error>>(
        &self,
        ended: &mut usize,
        tally: &mut Tally,
        beat: &mut impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let (now, mut after) = (self.clock.now(), None);
        loop {
            beat().await?;
            let page = self.store.read(move |read| subjects::retained(read.records(), after, PAGE)).await;
            let page = page.map_err(Error::from)?;
            let Some(last) = page.last().copied() else { return Ok(()) };
            after = Some(last);
            for nobody in page {
                match self.store.write(move |write| end_nobody(write, nobody, now)).await {
                    Ok(records) => *ended += records,
                    Err(failure) => pass_over(failure.into(), tally)?,
                }
            }
        }
    }

    /// How many records [`Rights::end_keeping`] would end.
    async fn ended_keeping<E: From<Error>>(&self, beat: &mut impl AsyncFnMut() -> Result<(), E>) -> Result<usize, E> {
        let now = self.clock.now();
        let (mut after, mut ended) = (None, 0);
        loop {
            beat().await?;
            let page = move |read: &mut store::Read| {
                let page = subjects::retained(read.records(), after, PAGE)?;
                let mut ended = 0;
                for nobody in &page {
                    let rows = records::of(read.records(), *nobody)?;
                    ended += if rows.iter().any(|row| row.keep_until > now) { 0 } else { rows.len() };
                }
                Ok::<_, Error>((page.last().copied(), ended))
            };
            let (last, some) = self.store.read(page).await?;
            ended += some;
            if last.is_none() {
                return Ok(ended);
            }
            after = last;
        }
    }

    /// How many data keys have no person; none if they are too many to be true.
    async fn orphans(&self, made_before: Timestamp) -> Result<usize, Error> {
        let counted = self.store.read_apart(move |read| orphans::count(read, made_before)).await?;
        if counted.orphans > MANY_ORPHANS && counted.orphans > counted.owners / SHARE_OF_ORPHANS {
            tracing::error!(
                orphans = counted.orphans,
                owners = counted.owners,
                "many data keys have no person: is this the records database that belongs to these keys? none is deleted"
            );
            return Ok(0);
        }
        Ok(counted.orphans)
    }

    async fn delete_orphans<E: From<Error>>(
        &self,
        made_before: Timestamp,
        tally: &mut Tally,
        beat: &mut impl AsyncFnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            beat().await?;
            let page = self.store.write(move |write| orphans::delete(write, after, made_before)).await;
            let (some, last) = page.map_err(Error::from)?;
            tally.add(Rule::OrphanKeys, some);
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }
}

/// Ends a nobody whose every record's keeping is over. Zero if it is not over.
fn end_nobody(write: &mut Write<'_>, nobody: SubjectId, now: Timestamp) -> Result<usize, store::Error> {
    let rows = records::of(write.records(), nobody)?;
    if rows.iter().any(|row| row.keep_until > now) {
        return Ok(0);
    }
    // The mark first would be one more commit; here a crash between the two leaves rows nobody can open, and the next
    // day's run deletes them.
    keys::delete_data_keys(write, &[nobody])?;
    let ended = records::delete_of(write, nobody)?;
    subjects::delete(write, &[nobody])?;
    Ok(ended)
}
