//! Comparing every stored record again, in the order of arrival, page by page. It can stop at any moment and goes on
//! behind the last page that was written down; comparing a record twice does no harm.

use crate::intake::{self, Intake};
use crate::store::jobs::{self, JobRow};
use crate::store::{self, Store};
use crate::types::{Clock, RecordNo, Timestamp};

/// The name of the job.
const KIND: &str = "resolve_graph";
/// Records compared in one transaction.
const PAGE: i64 = 50;

/// A failure of a run. What was found stays found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// How far it is could not be read or written down.
    #[error("the run could not be written down")]
    Store(#[from] store::Error),
    /// Records could not be compared.
    #[error("records could not be compared")]
    Intake(#[from] intake::Error),
}

/// Compares everything; goes on where the last run was cut short, if it was. `progress` hears how many were compared by
/// this one.
///
/// # Errors
/// If the store or the vault fails; then run it again.
pub async fn resolve(
    store: &Store,
    intake: &Intake,
    clock: &dyn Clock,
    mut progress: impl FnMut(u64),
) -> Result<u64, Error> {
    let now = clock.now();
    let wanted = JobRow {
        kind: KIND.to_owned(),
        lease_owner: now.micros().to_be_bytes().to_vec(),
        lease_until: Timestamp::UNSET,
        reached: Vec::new(),
        begun_at: now,
        ended_at: Timestamp::UNSET,
        outcome: String::new(),
    };
    let taken = store.write(move |write| Ok::<_, store::Error>((jobs::take(write, &wanted, now)?, wanted.clone())));
    let (taken, wanted) = taken.await?;
    let mut run = taken.unwrap_or(wanted);
    intake.learn_frequencies().await?;
    let mut compared = 0;
    loop {
        let after = RecordNo(run.reached.first_chunk().copied().map_or(i64::MIN, i64::from_be_bytes));
        let Some((count, last)) = intake.compare_stored(after, PAGE).await? else { break };
        compared += u64::try_from(count).unwrap_or(0);
        run.reached = last.0.to_be_bytes().to_vec();
        write_down(store, &run).await?;
        progress(compared);
    }
    (run.ended_at, run.reached) = (clock.now(), Vec::new());
    write_down(store, &run).await?;
    Ok(compared)
}

async fn write_down(store: &Store, run: &JobRow) -> Result<(), store::Error> {
    let run = run.clone();
    store.write(move |write| jobs::renew(write, &run)).await?;
    Ok(())
}
