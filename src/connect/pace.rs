//! How fast a vendor may be called, and how long to wait after it failed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::link::Link;
use super::manifest::link::LimitSpec;
use crate::types::{Entropy, SourceNo, Timestamp};

/// Waits. An argument, so that tests own the time.
pub trait Pause: Send + Sync {
    /// Ends after `time`.
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Waits by the machine's timer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl Pause for Timer {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// How fast the vendors of this process's sources are called: a sync, a push, an erasure and a test of one source share its windows.
#[derive(Clone, Default)]
pub struct Paces(Arc<Mutex<Lanes>>);

/// By source and the name of its connector.
type Lanes = HashMap<(SourceNo, String), Arc<Lane>>;

impl Paces {
    /// That of a source with this connector.
    pub(super) fn of(&self, source: SourceNo, connector: &str, link: &Link) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry((source, connector.to_owned())).or_insert_with(|| Arc::new(Lane::new(link))).clone()
    }
}

/// What all calls of one source share.
pub(super) struct Lane {
    pace: Mutex<Pace>,
    /// Calls that may be under way besides.
    pub(super) free: Semaphore,
}

impl Lane {
    pub(super) fn new(link: &Link) -> Self {
        Self { pace: Mutex::new(Pace::new(&link.limits)), free: Semaphore::new(link.at_once.into()) }
    }

    /// Takes one call out of every window if all have one; else says how long to wait.
    pub(super) fn take(&self, now: Timestamp) -> Option<Duration> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// Makes no call for so long.
    pub(super) fn hold(&self, now: Timestamp, time: Duration) {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).hold(now, time);
    }
}

/// The vendor's windows; all hold at once.
#[derive(Debug)]
pub(super) struct Pace {
    windows: Vec<Window>,
    /// Nothing is called before.
    held: Timestamp,
}

#[derive(Debug)]
enum Window {
    /// At most so many calls in any stretch of so many microseconds; the calls of the last one.
    Sliding { most: usize, micros: i64, made: VecDeque<Timestamp> },
    /// A bucket that fills evenly and holds what may be used at once after a rest.
    Bucket { size: f64, gain: f64, level: f64, seen: Option<Timestamp> },
}

impl Pace {
    pub(super) fn new(limits: &[LimitSpec]) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a limit is a small number above zero"
        )]
        let windows = limits.iter().map(|limit| match limit.burst {
            None => Window::Sliding {
                most: (limit.calls as usize).max(1),
                micros: (limit.seconds * 1e6) as i64,
                made: VecDeque::new(),
            },
            Some(burst) => {
                let size = burst.max(1.0);
                Window::Bucket { size, gain: limit.calls / limit.seconds, level: size, seen: None }
            }
        });
        Self { windows: windows.collect(), held: Timestamp::UNSET }
    }

    /// Makes no call for so long, because the vendor said how much of what it allows is used.
    pub(super) fn hold(&mut self, now: Timestamp, time: Duration) {
        let until = now.plus(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        self.held = self.held.max(until);
    }

    /// Takes one call out of every window if all have one; else says how long to wait.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Duration> {
        let held = Duration::from_micros(u64::try_from(self.held.micros().saturating_sub(now.micros())).unwrap_or(0));
        let wait = self.windows.iter_mut().map(|window| window.wait(now)).fold(held, Duration::max);
        if !wait.is_zero() {
            // A little more, so that a rounded clock does not ask twice.
            return Some(wait + Duration::from_millis(1));
        }
        for window in &mut self.windows {
            match window {
                Window::Sliding { made, .. } => made.push_back(now),
                Window::Bucket { level, .. } => *level -= 1.0,
            }
        }
        None
    }
}

impl Window {
    /// How long until it has a call to give.
    fn wait(&mut self, now: Timestamp) -> Duration {
        match self {
            Self::Sliding { most, micros, made } => {
                while made.front().is_some_and(|first| first.plus(*micros) <= now) {
                    made.pop_front();
                }
                let first = made.front().filter(|_| made.len() >= *most);
                let wait = first.map_or(0, |first| first.plus(*micros).micros() - now.micros());
                Duration::from_micros(u64::try_from(wait).unwrap_or(0))
            }
            Self::Bucket { size, gain, level, seen } => {
                #[expect(clippy::cast_precision_loss, reason = "a rate is no more exact than that")]
                if let Some(seen) = seen {
                    let seconds = (now.micros() - seen.micros()).max(0) as f64 / Timestamp::SECOND as f64;
                    *level = (*level + seconds * *gain).min(*size);
                }
                *seen = Some(now);
                Duration::from_secs_f64((1.0 - *level).max(0.0) / *gain)
            }
        }
    }
}

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after the failure number `failed` (from 0): twice as long each time, and no two callers the same.
pub(super) fn back_off(failed: u32, entropy: &dyn Entropy) -> Duration {
    let whole = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failed)).min(LONGEST);
    let mut chance = [0];
    // Without randomness the pause is whole; that is no reason to fail.
    let part = if entropy.fill(&mut chance).is_ok() { f64::from(chance[0]) / 255.0 } else { 1.0 };
    whole.mul_f64(part.mul_add(0.5, 0.5))
}

/// How long a header says to wait: seconds, with a fraction perhaps, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let micros = http_date(value)?.micros() - now.micros();
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// A date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000_000 + millis * 1_000)
    }

    fn limit(calls: f64, seconds: f64, burst: Option<f64>) -> LimitSpec {
        LimitSpec { calls, seconds, burst }
    }

    #[test]
    fn all_windows_hold_at_once() {
        let mut pace = Pace::new(&[limit(2.0, 1.0, None), limit(3.0, 60.0, None)]);
        assert_eq!((pace.take(at(0)), pace.take(at(0))), (None, None));
        let wait = pace.take(at(0)).unwrap();
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_millis(1010), "{wait:?}");
        assert!(pace.take(at(999)).is_some());
        assert_eq!(pace.take(at(1000)), None);
        assert!(pace.take(at(1001)).unwrap() > Duration::from_secs(58), "the second window is used up");
        assert_eq!(pace.take(at(60_000)), None);
    }

    #[test]
    fn a_slow_vendor_with_a_burst() {
        let mut pace = Pace::new(&[limit(0.0056, 1.0, Some(20.0))]);
        assert!((0..20).all(|_| pace.take(at(0)).is_none()));
        let wait = pace.take(at(0)).unwrap().as_secs();
        assert!((178..180).contains(&wait), "{wait}");
    }

    #[test]
    fn a_vendor_says_how_long() {
        let now = Timestamp::parse("1994-11-06T08:49:00Z").unwrap();
        assert_eq!(retry_after("2", now), Some(Duration::from_secs(2)));
        assert_eq!(retry_after("0.5", now), Some(Duration::from_millis(500)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn the_pause_grows_and_ends_growing() {
        struct Fixed(u8);
        impl Entropy for Fixed {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::types::EntropyFailure> {
                bytes.fill(self.0);
                Ok(())
            }
        }
        assert_eq!(back_off(0, &Fixed(255)), Duration::from_secs(1));
        assert_eq!(back_off(3, &Fixed(0)), Duration::from_secs(4));
        assert_eq!(back_off(40, &Fixed(255)), LONGEST);
    }
}
