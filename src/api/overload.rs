//! What happens often when there is too much of everything, such as a call that is turned away: told of once a second, as a line for each
//! would cost more than turning it away.

use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is told of.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts it between two lines of the log. How often it was in all is in `/metrics`.
#[derive(Default)]
pub struct OnceASecond(Mutex<Known>);

#[derive(Default)]
struct Known {
    untold: u64,
    told: Option<Instant>,
}

impl OnceASecond {
    /// Once more. If it is time to tell of it, how often it was since it was told last.
    pub fn note(&self, now: Instant) -> Option<u64> {
        self.tell(1, now)
    }

    /// How often it was since it was told last, if it is time to tell of it and there is something to tell. Ask every second: what is
    /// noted last would else be told of when it happens again, if ever.
    pub fn rest(&self, now: Instant) -> Option<u64> {
        self.tell(0, now)
    }

    /// How often it was since it was told last, if at all. For the end, when nobody asks again.
    pub fn last(&self) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(take(&mut known.untold)).filter(|count| *count > 0)
    }

    fn tell(&self, more: u64, now: Instant) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.untold = known.untold.saturating_add(more);
        if known.untold == 0 || known.told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return None;
        }
        known.told = Some(now);
        Some(take(&mut known.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a beginning to count from; nothing waits")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn it_is_told_of_at_once_and_then_once_a_second() {
        let (often, start) = (OnceASecond::default(), start());
        let after = |millis| often.note(start + Duration::from_millis(millis));
        assert_eq!([0, 1, 999].map(after), [Some(1), None, None]);
        assert_eq!([1_000, 1_001, 2_500].map(after), [Some(3), None, Some(2)]);
    }

    #[test]
    fn what_was_noted_last_is_told_also_when_nothing_follows() {
        let (often, start) = (OnceASecond::default(), start());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(often.rest(at(0)), None);
        assert_eq!([10, 20, 30].map(|millis| often.note(at(millis))), [Some(1), None, None]);
        assert_eq!([900, 1_010, 2_500].map(|millis| often.rest(at(millis))), [None, Some(2), None]);
        assert_eq!([2_600, 2_700].map(|millis| often.note(at(millis))), [Some(1), None]);
        assert_eq!([often.last(), often.last()], [Some(1), None]);
    }
}
