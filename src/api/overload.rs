//! Calls that are turned away because too many run or too much waits: told of once a second, as a line for each would cost more than turning it away.

use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often they are told of.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts them. How many there were in all is in `/metrics`.
#[derive(Default)]
pub struct TurnedAway(Mutex<(u64, Option<Instant>)>);

impl TurnedAway {
    /// One more. If it is time to tell of them, how many there were since it was told last.
    pub fn note(&self, now: Instant) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told) = &mut *known;
        *count = count.saturating_add(1);
        if told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return None;
        }
        *told = Some(now);
        Some(take(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a beginning to count from; nothing waits")]
    fn they_are_told_of_at_once_and_then_once_a_second() {
        let (turned_away, start) = (TurnedAway::default(), Instant::now());
        let after = |millis| turned_away.note(start + Duration::from_millis(millis));
        assert_eq!([0, 1, 999].map(after), [Some(1), None, None]);
        assert_eq!([1_000, 1_001, 2_500].map(after), [Some(3), None, Some(2)]);
    }
}
