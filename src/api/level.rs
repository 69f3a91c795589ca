//! [`Start`]: whoever gets nothing gets it at the same beat, so that the time of an answer does not tell why.
//!
//! Nobody is found faster than somebody who allows nothing is refused. The difference is small, but thousands of calls
//! would show it. So an answer that discloses nothing is sent at the next full beat after the call began, which costs a
//! little patience and no work. What was done before still shows in some microseconds: a processor that has rested for
//! longer wakes up more slowly. Therefore a pause of chance follows the beat, in which they drown.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::types::{Entropy, EntropyFailure};

/// Far longer than looking up, deciding and recording differ, and no longer than a durable write takes on a slow disk.
const BEAT: Duration = Duration::from_millis(10);

/// The longest pause after a beat. Ten microseconds in it are seen by who asks some hundred thousand times.
const LONGEST: Duration = Duration::from_millis(4);

/// When the answer to a call began to be looked for.
pub(super) struct Start(Instant);

impl Start {
    pub(super) fn now() -> Self {
        Self(now())
    }

    /// Waits for the next beat and for a moment of chance.
    ///
    /// # Errors
    /// If there is no randomness.
    pub(super) async fn beat(self, chance: &dyn Entropy) -> Result<(), EntropyFailure> {
        let pause = pause(chance)?;
        self.beat_and(pause).await;
        Ok(())
    }

    async fn beat_and(self, pause: Duration) {
        let at = self.0 + next(self.0.elapsed()) + pause;
        let (strike, struck) = oneshot::channel();
        let heard = CLOCKWORK.as_ref().is_some_and(|clockwork| clockwork.send((at, strike)).is_ok());
        if !heard || struck.await.is_err() {
            tokio::time::sleep_until(at.into()).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it only measures; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}

/// Who waits, and until when.
type Waiting = (Instant, oneshot::Sender<()>);

/// A thread that strikes to the microsecond. The timers of the runtime do not: they wait for whole milliseconds from the moment
/// there is nothing else to do, and so an answer would come later by just the time that its work took. None if there is no
/// thread to be had.
static CLOCKWORK: LazyLock<Option<Sender<Waiting>>> = LazyLock::new(|| {
    let (send, receive) = mpsc::channel();
    let thread = std::thread::Builder::new().name("obhut-beat".to_owned());
    thread.spawn(move || strike(&receive)).ok().map(|_| send)
});

fn strike(come: &Receiver<Waiting>) {
    let mut waiting: BTreeMap<Instant, Vec<oneshot::Sender<()>>> = BTreeMap::new();
    loop {
        let next = waiting.first_key_value().map(|(at, _)| at.saturating_duration_since(now()));
        let one = match next {
            None => come.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(patience) => come.recv_timeout(patience),
        };
        match one {
            Ok((at, strike)) => waiting.entry(at).or_default().push(strike),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let later = waiting.split_off(&now());
        for strike in std::mem::replace(&mut waiting, later).into_values().flatten() {
            // Who hung up hears nothing.
            let _ = strike.send(());
        }
    }
}

/// Up to [`LONGEST`], each nanosecond as likely as the others.
fn pause(chance: &dyn Entropy) -> Result<Duration, EntropyFailure> {
    let mut bytes = [0; 8];
    chance.fill(&mut bytes)?;
    let share = (u128::from(u64::from_le_bytes(bytes)) * LONGEST.as_nanos()) >> 64;
    Ok(Duration::from_nanos(u64::try_from(share).unwrap_or(0)))
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

    /// The shortest of many calls whose work takes so long: a busy machine makes some of them longer.
    async fn shortest(work: Duration) -> Duration {
        let mut shortest = Duration::MAX;
        for _ in 0..60 {
            let start = Start::now();
            let began = start.0;
            while began.elapsed() < work {
                std::hint::spin_loop();
            }
            start.beat_and(Duration::ZERO).await;
            shortest = shortest.min(began.elapsed());
        }
        shortest
    }

    #[tokio::test]
    async fn how_long_the_work_took_does_not_show_in_parts_of_a_millisecond_either() {
        for work in [600, 750, 900] {
            let told = shortest(Duration::from_micros(work)).await;
            assert!(told < BEAT + Duration::from_micros(450), "{work} µs of work are answered after {told:?}");
        }
    }

    #[tokio::test]
    async fn a_beat_is_waited_for() {
        let start = Start::now();
        let began = start.0;
        start.beat_and(Duration::ZERO).await;
        assert!(began.elapsed() >= BEAT);
    }

    /// Hands out one byte, again and again.
    struct Always(Option<u8>);

    impl Entropy for Always {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
            bytes.fill(self.0.ok_or(EntropyFailure)?);
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_pause_is_as_long_as_chance_says() {
        for (byte, told) in [(0, 0), (64, 1_003), (128, 2_007), (255, 3_999)] {
            assert_eq!(pause(&Always(Some(byte))).unwrap().as_micros(), told);
        }
        let start = Start::now();
        let began = start.0;
        start.beat(&Always(Some(255))).await.unwrap();
        assert!(began.elapsed() >= BEAT + Duration::from_micros(3_999));
        assert!(Start::now().beat(&Always(None)).await.is_err(), "without chance nothing is answered");
    }
}
