//! [`Start`]: whoever gets nothing gets it at the same beat, so that the time of an answer does not tell why.
//!
//! Nobody is found faster than somebody who allows nothing is refused. The difference is small, but thousands of calls
//! would show it. So an answer that discloses nothing is sent at the next full beat after the call began, which costs a
//! little patience and no work.

use std::time::Duration;

use tokio::time::Instant;

/// Far longer than looking up, deciding and recording differ, and no longer than a durable write takes on a slow disk.
const BEAT: Duration = Duration::from_millis(10);

/// When the answer to a call began to be looked for.
pub(super) struct Start(Instant);

impl Start {
    #[expect(clippy::disallowed_methods, reason = "it only measures; nothing is decided by it")]
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    /// Waits for the next beat.
    pub(super) async fn beat(self) {
        tokio::time::sleep_until(self.0 + next(self.0.elapsed())).await;
    }
}

/// The first full beat after `worked`.
fn next(worked: Duration) -> Duration {
    let beats = worked.as_micros() / BEAT.as_micros() + 1;
    BEAT * u32::try_from(beats).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_comes_at_a_full_beat_after_the_work() {
        for (worked, told) in [(0, 10_000), (1, 10_000), (9_999, 10_000), (10_000, 20_000), (25_300, 30_000)] {
            assert_eq!(next(Duration::from_micros(worked)), Duration::from_micros(told));
        }
    }

    #[tokio::test]
    async fn a_beat_is_waited_for() {
        let start = Start::now();
        let began = start.0;
        start.beat().await;
        assert!(began.elapsed() >= BEAT);
    }
}
