//! When a source is synced: when it is due, and when somebody or its vendor asks for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Error, Syncs, pause_after};
use crate::types::{Entropy, SourceNo, Timestamp};

/// How often it is looked what is due.
const CHECK: Duration = Duration::from_secs(2);
/// How often it is looked what was put aside long ago.
const SWEEP: i64 = 3_600 * Timestamp::SECOND;
/// Sources synced at once by one node.
const AT_ONCE: usize = 4;
/// The most by which a sync comes later than its schedule says, in seconds.
const SPREAD: i64 = 300;

/// By how much the next one comes later than after so many seconds: up to a tenth of them. Otherwise all sources that were connected
/// together, at all hubs that were set up together, would call at the same second.
pub(in crate::jobs) fn spread(every: i64, entropy: &dyn Entropy) -> i64 {
    let most = (every / 10).min(SPREAD) * Timestamp::SECOND;
    let mut bytes = [0; 4];
    // Without chance it comes as the schedule says.
    if entropy.fill(&mut bytes).is_err() {
        return 0;
    }
    i64::from(u32::from_be_bytes(bytes)) * most / i64::from(u32::MAX)
}

/// How long whatever failed so often in a row waits until it is tried again, in microseconds: not as long as all others that failed with
/// it, when one vendor or one line was down.
pub(in crate::jobs) fn pause_for(failures: i32, entropy: &dyn Entropy) -> i64 {
    let pause = pause_after(failures);
    pause * Timestamp::SECOND + spread(pause, entropy)
}

/// Syncs every source when it is due or wanted, for as long as it is polled.
pub async fn keep_syncing(syncs: Arc<Syncs>) {
    let mut running = FuturesUnordered::new();
    let mut busy: Vec<SourceNo> = Vec::new();
    let mut swept = Timestamp::UNSET;
    loop {
        let now = syncs.vendors.surroundings.clock.now();
        if swept.plus(SWEEP) <= now {
            swept = now;
            if let Err(error) = syncs.vendors.connections.parking().forget_old(now).await {
                tracing::warn!(error = ?error, "what was put aside long ago could not be forgotten yet");
            }
        }
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => busy.retain(|source| *source != done),
            () = tokio::time::sleep(CHECK) => {
                for source in syncs.due().await {
                    if busy.len() < AT_ONCE && !busy.contains(&source) {
                        busy.push(source);
                        running.push(syncs.run_due(source));
                    }
                }
            }
        }
    }
}

impl Syncs {
    async fn due(&self) -> Vec<SourceNo> {
        let now = self.vendors.surroundings.clock.now();
        match self.vendors.connections.rows().await {
            Ok(rows) => rows.into_iter().filter(|row| row.is_due(now)).map(|row| row.source_no).collect(),
            Err(error) => {
                tracing::warn!(error = ?error, "it could not be looked which sources are due");
                Vec::new()
            }
        }
    }

    async fn run_due(&self, number: SourceNo) -> SourceNo {
        let Some(source) = self.vendors.rulebook.edition().source(number).cloned() else { return number };
        match self.run_part(&source.code, false, |_| {}).await {
            Ok((_, Some(_))) => tracing::debug!(source = source.code, "a source waits for its vendor"),
            Ok((counts, None)) => {
                let sum = counts.sum();
                let (new, changed, rejected) = (sum.created, sum.updated, sum.rejected);
                tracing::info!(source = source.code, new, changed, rejected, "a source was synced");
                for notice in &counts.notices {
                    tracing::warn!(source = source.code, notice, "a credential ends");
                }
            }
            Err(Error::Busy) => {}
            Err(Error::Vendor(fault)) => {
                tracing::warn!(source = source.code, cause = fault.word(), %fault, "a source could not be synced");
            }
            Err(error @ Error::Refused(_)) => {
                tracing::warn!(source = source.code, %error, "a part of a source could not be synced");
            }
            Err(error) => tracing::error!(source = source.code, error = ?error, "a sync failed and is tried again"),
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock_and_chance::SeededChance;

    #[test]
    fn a_schedule_is_spread_over_a_tenth_of_its_time_and_five_minutes_at_most() {
        let chance = SeededChance::of(11);
        for (every, most) in [(60, 6), (900, 90), (3_600, 300), (86_400, 300), (5, 0)] {
            let all: Vec<i64> = (0..200).map(|_| spread(every, &*chance)).collect();
            assert!(all.iter().all(|late| (0..=most * Timestamp::SECOND).contains(late)), "{every}: {all:?}");
            let beyond = |part: i64| all.iter().filter(|late| **late > most * Timestamp::SECOND * part / 4).count();
            assert!(most == 0 || (beyond(1) > 100 && beyond(3) > 20), "{every}: {all:?}");
        }
    }

    #[test]
    fn what_failed_together_is_not_tried_again_together() {
        let chance = SeededChance::of(12);
        assert_eq!(pause_for(0, &*chance), 0);
        for (failures, least, most) in [(1, 60, 66), (3, 240, 264), (40, 21_600, 21_900)] {
            let all: std::collections::BTreeSet<i64> = (0..50).map(|_| pause_for(failures, &*chance)).collect();
            let within = |pause: &i64| (least * Timestamp::SECOND..=most * Timestamp::SECOND).contains(pause);
            assert!(all.len() > 40 && all.iter().all(within), "{failures}: {all:?}");
        }
    }
}
