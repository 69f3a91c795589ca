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
        let beats = self.0.elapsed().as_micros() / BEAT.as_micros() + 1;
        tokio::time::sleep_until(self.0 + BEAT * u32::try_from(beats).unwrap_or(u32::MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_answer_comes_at_a_full_beat() {
        for worked in [0, 1, 9, 10, 11, 25] {
            let (start, began) = (Start::now(), Instant::now());
            tokio::time::sleep(Duration::from_millis(worked)).await;
            start.beat().await;
            let took = began.elapsed();
            assert_eq!(took.as_millis() % BEAT.as_millis(), 0, "{took:?} after {worked} ms");
            assert!(took > Duration::from_millis(worked) && took <= Duration::from_millis(worked) + BEAT);
        }
    }
}
