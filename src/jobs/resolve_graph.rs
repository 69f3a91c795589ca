//! Grouping every stored record anew. What a run did stays; one that is cut short is begun again, opens and compares
//! everything once more, and carries out what is left. Two at once find the same and harm nothing.

use crate::gateway::Caller;
use crate::intake::{self, Intake, Progress, Regrouped};
use crate::store::jobs::{self, JobRow};
use crate::store::{self, Store};
use crate::types::{Clock, Timestamp};

/// The name of the job.
const KIND: &str = "resolve_graph";

/// A failure of a run. What was carried out stays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// That it ran could not be written down.
    #[error("the run could not be written down")]
    Store(#[from] store::Error),
    /// Records could not be compared, or people not joined or taken apart.
    #[error("records could not be grouped")]
    Intake(#[from] intake::Error),
}

/// Groups everything anew, and writes down that it ran and what it came to.
///
/// # Errors
/// If the store or the vault fails; then run it again.
pub async fn resolve(
    store: &Store,
    intake: &Intake,
    clock: &dyn Clock,
    by: Option<&Caller>,
    progress: impl FnMut(Progress),
) -> Result<Regrouped, Error> {
    let now = clock.now();
    let begun = JobRow {
        kind: KIND.to_owned(),
        lease_owner: now.micros().to_be_bytes().to_vec(),
        lease_until: Timestamp::UNSET,
        reached: Vec::new(),
        begun_at: now,
        ended_at: Timestamp::UNSET,
        outcome: "{}".to_owned(),
    };
    let wanted = begun.clone();
    store.write(move |write| jobs::take(write, &wanted, now)).await?;
    let done = intake.regroup(by, progress).await?;
    let Regrouped { records, parted, joined, asked } = done;
    let outcome = serde_json::json!({"records": records, "parted": parted, "joined": joined, "asked": asked});
    let ended = JobRow { ended_at: clock.now(), outcome: outcome.to_string(), ..begun };
    store.write(move |write| jobs::renew(write, &ended)).await?;
    Ok(done)
}
