//! Giving everybody new data keys. Only needed if data keys may have become known.
//!
//! It walks all living people, then the nobodies who own what only a law keeps of erased people; one who changes while
//! they are sealed anew is read again. It can stop at any moment: started again it goes on behind the last one that was
//! written down as done, and sealing somebody twice does no harm.

use std::sync::Arc;

use crate::gateway::{self, Gateway};
use crate::intake::{self, Intake};
use crate::store::jobs::{self, JobRow};
use crate::store::{self, Store, subjects};
use crate::types::{Clock, SubjectId, Timestamp, UnknownWord};

/// The name of the job.
const KIND: &str = "rotate_data";
/// People listed at once.
const PAGE: i64 = 200;
/// How many are done before it is written down.
const STEP: u64 = 50;

/// The two walks, as written down.
const LIVING: &str = "living";
const KEPT: &str = "kept";

/// A failure of a rotation. Who was sealed anew stays so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The people could not be listed.
    #[error("the people could not be listed")]
    Store(#[from] store::Error),
    /// Somebody could not be read.
    #[error("a person could not be read")]
    Gateway(#[from] gateway::Error),
    /// Somebody could not be sealed anew.
    #[error("a person could not be sealed anew")]
    Intake(#[from] intake::Error),
    /// What was written down of an interrupted run is not of this version.
    #[error("the interrupted run cannot be read")]
    Unreadable(#[from] UnknownWord),
}

/// Seals everybody anew, or goes on where the last run was interrupted. `progress` hears how many are done by this one.
///
/// # Errors
/// If the store or the vault fails; then run it again.
pub async fn rotate(
    store: &Store,
    gateway: &Arc<Gateway>,
    intake: &Intake,
    clock: &dyn Clock,
    mut progress: impl FnMut(u64),
) -> Result<u64, Error> {
    let mut run = begin(store, clock.now()).await?;
    let mut done = 0;
    while run.outcome == LIVING || run.outcome == KEPT {
        let kept = run.outcome == KEPT;
        let after = if run.reached.is_empty() { None } else { Some(SubjectId::from_slice(&run.reached)?) };
        let list = move |read: &mut store::Read| {
            if kept {
                subjects::retained(read.records(), after, PAGE)
            } else {
                subjects::page(read.records(), after, PAGE)
            }
        };
        let page = store.read(list).await?;
        if page.is_empty() {
            (run.reached, run.outcome) = (Vec::new(), if kept { String::new() } else { KEPT.to_owned() });
        }
        for who in page {
            reseal(gateway, intake, who, kept).await?;
            run.reached = who.bytes().to_vec();
            done += 1;
            progress(done);
            if done % STEP == 0 {
                write_down(store, &run).await?;
            }
        }
        write_down(store, &run).await?;
    }
    run.ended_at = clock.now();
    write_down(store, &run).await?;
    store.scrub().await?;
    Ok(done)
}

async fn reseal(gateway: &Gateway, intake: &Intake, who: SubjectId, kept: bool) -> Result<(), Error> {
    loop {
        let reclosed = if kept { gateway.reclose_kept(who).await? } else { gateway.reclose(who).await? };
        let Some(reclosed) = reclosed else { return Ok(()) };
        if intake.reseal(reclosed).await? {
            return Ok(intake.end_unused_keys(who).await?);
        }
    }
}

/// The interrupted run, or a new one. Nobody is kept away by it: two at once do no harm.
async fn begin(store: &Store, now: Timestamp) -> Result<JobRow, store::Error> {
    let wanted = JobRow {
        kind: KIND.to_owned(),
        lease_owner: Vec::new(),
        lease_until: Timestamp::UNSET,
        reached: Vec::new(),
        begun_at: now,
        ended_at: Timestamp::UNSET,
        outcome: LIVING.to_owned(),
    };
    let fresh = wanted.clone();
    Ok(store.write(move |write| jobs::take(write, &wanted, now)).await?.unwrap_or(fresh))
}

async fn write_down(store: &Store, run: &JobRow) -> Result<(), store::Error> {
    let run = run.clone();
    store.write(move |write| jobs::renew(write, &run)).await?;
    Ok(())
}
