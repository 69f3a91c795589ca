//! Storage limitation (Art. 5(1)(e) GDPR): everybody is looked at, and what nothing keeps any more is deleted.
//!
//! One node does it for all: it holds a lease that it renews with every page of people, together with how far it is. A
//! process that dies leaves a lease that ends by itself, and whoever comes next goes on there. What is due, and how it is
//! deleted, is the rights room's.

use std::sync::Arc;
use std::time::Duration;

use crate::rights::{self, Rights, Tally};
use crate::store::jobs::{self, JobRow};
use crate::store::{self, Failure, Store, subjects};
use crate::types::{Clock, EntropyFailure, IdMaker, SubjectId, Timestamp, UnknownWord};

/// The name of the job.
const KIND: &str = "retention";
/// People looked at in one step.
const PAGE: i64 = 100;
/// How long a node that says nothing more is thought to be at it.
const LEASE: i64 = 120 * Timestamp::SECOND;
/// How long after its begin a run is followed by the next one. Whatever ends is gone within a day.
const PERIOD: i64 = Timestamp::DAY / 2;

/// A failure of a run. What was deleted stays deleted; the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the people could not be listed, or the run not written down")]
    Store(#[from] store::Error),
    /// Something could not be deleted.
    #[error("something could not be deleted")]
    Rights(#[from] rights::Error),
    /// No randomness to name this process.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// A stored run is not one this version wrote.
    #[error("the last run cannot be read")]
    Unreadable(#[from] UnknownWord),
    /// Another process took the job over, because this one was silent for too long.
    #[error("another process took the run over")]
    Overtaken,
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

/// The job.
pub struct Retention {
    store: Store,
    rights: Arc<Rights>,
    clock: Arc<dyn Clock>,
    owner: [u8; 16],
}

impl Retention {
    /// The job of one process.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(store: Store, rights: Arc<Rights>, ids: &IdMaker, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self { store, rights, clock, owner: *ids.uuid()?.as_bytes() })
    }

    /// Looks at everybody and deletes what is due; a run that was cut short is gone on with. `progress` hears how many
    /// people were looked at. None if another process is at it.
    ///
    /// # Errors
    /// If the store fails, or another process took over.
    pub async fn run(&self, mut progress: impl FnMut(u64)) -> Result<Option<Tally>, Error> {
        let now = self.clock.now();
        let wanted = JobRow {
            kind: KIND.to_owned(),
            lease_owner: self.owner.to_vec(),
            lease_until: now.plus(LEASE),
            reached: Vec::new(),
            begun_at: now,
            ended_at: Timestamp::UNSET,
            outcome: Tally::default().text(),
        };
        let Some(mut row) = self.store.write(move |write| jobs::take(write, &wanted, now)).await? else {
            return Ok(None);
        };
        let mut resumed = row.begun_at != now;
        let mut tally = Tally::read(&row.outcome);
        let mut looked_at = 0;
        loop {
            let after = if row.reached.is_empty() { None } else { Some(SubjectId::from_slice(&row.reached)?) };
            let page = self.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
            let Some(last) = page.last().copied() else { break };
            looked_at += u64::try_from(page.len()).unwrap_or(0);
            if std::mem::take(&mut resumed) {
                self.rights.end_idle_keys(page.clone()).await?;
            }
            tally.join(&self.rights.forget(page).await?);
            row.reached = last.bytes().to_vec();
            self.renew(&mut row, &tally, false).await?;
            progress(looked_at);
        }
        let beat = async || self.renew(&mut row, &tally, false).await;
        let rest = self.rights.forget_the_rest(beat).await?;
        tally.join(&rest);
        self.renew(&mut row, &tally, true).await?;
        self.rights.forget_for_good().await?;
        Ok(Some(tally))
    }

    /// As [`Retention::run`], if the last run was cut short or began long enough ago.
    ///
    /// # Errors
    /// As [`Retention::run`].
    pub async fn run_if_due(&self) -> Result<Option<Tally>, Error> {
        let now = self.clock.now();
        let last = self.store.read(|read| jobs::find(read.records(), KIND)).await?;
        let due = last.is_none_or(|last| !last.ended_at.is_set() || last.begun_at.plus(PERIOD) <= now);
        if due { self.run(|_| {}).await } else { Ok(None) }
    }

    /// Counts what a run would delete now, and deletes nothing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn dry_run(&self, mut progress: impl FnMut(u64)) -> Result<Tally, Error> {
        let (mut after, mut looked_at, mut tally) = (None, 0, Tally::default());
        loop {
            let page = self.store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
            let Some(last) = page.last().copied() else { break };
            looked_at += u64::try_from(page.len()).unwrap_or(0);
            tally.join(&self.rights.due_of(page).await?);
            after = Some(last);
            progress(looked_at);
        }
        tally.join(&self.rights.due_of_the_rest(async || Ok::<_, Error>(())).await?);
        Ok(tally)
    }

    async fn renew(&self, row: &mut JobRow, tally: &Tally, ended: bool) -> Result<(), Error> {
        let now = self.clock.now();
        row.outcome = tally.text();
        row.lease_until = if ended { Timestamp::UNSET } else { now.plus(LEASE) };
        if ended {
            (row.ended_at, row.reached) = (now, Vec::new());
        }
        let row = row.clone();
        let ours = self.store.write(move |write| jobs::renew(write, &row)).await?;
        if ours { Ok(()) } else { Err(Error::Overtaken) }
    }
}

/// How often it is checked whether a run is due.
const CHECK: Duration = Duration::from_secs(3600);

/// Runs whenever it is due, for as long as it is polled.
pub async fn keep_running(retention: Arc<Retention>) {
    loop {
        match retention.run_if_due().await {
            Ok(Some(tally)) if !tally.is_empty() => {
                tracing::info!(deleted = tally.text(), "what nothing keeps any more is gone");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(error = ?error, "the retention run failed and is tried again"),
        }
        tokio::time::sleep(CHECK).await;
    }
}
