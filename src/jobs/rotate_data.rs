//! Giving everybody new data keys. Only needed if data keys may have become known.
//!
//! It walks all living people, then the nobodies who own what only a law keeps of erased people; one who changes while
//! they are sealed anew is read again. At the end it looks for keys from before its begin that still live, of people who
//! were merged meanwhile, and seals these anew too. It can stop at any moment; sealing somebody twice does no harm. Started
//! again it begins anew, because keys may have become known since; told to resume, it goes on behind the last one that
//! was written down as done.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::gateway::{self, Gateway};
use crate::intake::{self, Intake};
use crate::store::jobs::{self, JobRow};
use crate::store::rows::SubjectState;
use crate::store::{self, Store, keys, subjects};
use crate::types::{Clock, SubjectId, Timestamp, UnknownWord};

/// The name of the job.
const KIND: &str = "rotate_data";
/// People listed at once.
const PAGE: i64 = 200;
/// How many are sealed anew at once, and then written down: what they write shares its commits, of which each of them waits for two.
const AT_ONCE: usize = 50;

/// The walks, as written down.
const LIVING: &str = "living";
const KEPT: &str = "kept";
const KEYS: &str = "keys";

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

/// Seals everybody anew; if told to `resume`, goes on where the last run was interrupted, if it was. `progress` hears how
/// many are done by this one.
///
/// # Errors
/// If the store or the vault fails; then run it again.
pub async fn rotate(
    store: &Store,
    gateway: &Arc<Gateway>,
    intake: &Intake,
    clock: &dyn Clock,
    resume: bool,
    mut progress: impl FnMut(u64),
) -> Result<u64, Error> {
    let mut run = begin(store, clock.now(), resume).await?;
    let mut done = 0;
    loop {
        let after = if run.reached.is_empty() { None } else { Some(SubjectId::from_slice(&run.reached)?) };
        let begun_at = run.begun_at;
        let page = match run.outcome.as_str() {
            LIVING => store.read(move |read| subjects::page(read.records(), after, PAGE)).await?,
            KEPT => store.read(move |read| subjects::retained(read.records(), after, PAGE)).await?,
            KEYS => store.read(move |read| keys::owners_before(read, begun_at, after, PAGE)).await?,
            _ => break,
        };
        let Some(last) = page.last().copied() else {
            (run.reached, run.outcome) = (Vec::new(), next(&run.outcome).to_owned());
            write_down(store, &run).await?;
            continue;
        };
        let sweeps = run.outcome == KEYS;
        let page = if sweeps { intake.with_old_keys(page, begun_at).await? } else { page };
        for people in page.chunks(AT_ONCE) {
            let kept = run.outcome == KEPT;
            let sealed = people.iter().map(async |who| match sweeps {
                true => sweep(store, gateway, intake, *who).await,
                false => reseal(gateway, intake, *who, kept).await.map(|()| true),
            });
            done +=
                u64::try_from(try_join_all(sealed).await?.into_iter().filter(|sealed| *sealed).count()).unwrap_or(0);
            progress(done);
            if let Some(who) = people.last() {
                run.reached = who.bytes().to_vec();
                write_down(store, &run).await?;
            }
        }
        run.reached = last.bytes().to_vec();
        write_down(store, &run).await?;
    }
    run.ended_at = clock.now();
    write_down(store, &run).await?;
    store.scrub().await?;
    Ok(done)
}

/// The walk after this one; none after the last.
fn next(walk: &str) -> &'static str {
    match walk {
        LIVING => KEPT,
        KEPT => KEYS,
        _ => "",
    }
}

/// Seals the person anew to whom the owner of an old key belongs now. False if there is none: then the key is one of an
/// erasure that goes on, or without a person.
async fn sweep(store: &Store, gateway: &Gateway, intake: &Intake, owner: SubjectId) -> Result<bool, Error> {
    let find = move |read: &mut store::Read| {
        let living = subjects::living(read.records(), owner)?.map(|row| (row.subject_id, false));
        let kept = subjects::find(read.records(), owner)?.filter(|row| row.state == SubjectState::Retained as i16);
        Ok::<_, store::Error>(living.or(kept.map(|row| (row.subject_id, true))))
    };
    let Some((who, kept)) = store.read(find).await? else { return Ok(false) };
    reseal(gateway, intake, who, kept).await?;
    Ok(true)
}

async fn reseal(gateway: &Gateway, intake: &Intake, who: SubjectId, kept: bool) -> Result<(), Error> {
    loop {
        let reclosed = if kept { gateway.reclose_kept(who).await? } else { gateway.reclose(who).await? };
        let Some(reclosed) = reclosed else { return Ok(()) };
        // Whoever was merged into somebody else since the look was not the one to seal anew.
        let who = reclosed.rows.subject;
        if intake.reseal(reclosed).await? {
            return Ok(intake.end_unused_keys(who).await?);
        }
    }
}

/// A new run; if told to `resume`, the interrupted one. Nobody is kept away by it: two at once do no harm, and the one that
/// began last is the one that is written down.
async fn begin(store: &Store, now: Timestamp, resume: bool) -> Result<JobRow, store::Error> {
    let wanted = JobRow {
        kind: KIND.to_owned(),
        lease_owner: now.micros().to_be_bytes().to_vec(),
        lease_until: Timestamp::UNSET,
        reached: Vec::new(),
        begun_at: now,
        ended_at: Timestamp::UNSET,
        outcome: LIVING.to_owned(),
    };
    let taken = store.write(move |write| {
        let taken = jobs::take(write, &wanted, now)?.unwrap_or_else(|| wanted.clone());
        if !resume {
            jobs::renew(write, &wanted)?;
        }
        Ok::<_, store::Error>(if resume { taken } else { wanted.clone() })
    });
    taken.await
}

async fn write_down(store: &Store, run: &JobRow) -> Result<(), store::Error> {
    let run = run.clone();
    store.write(move |write| jobs::renew(write, &run)).await?;
    Ok(())
}
