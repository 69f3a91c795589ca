//! [`Lane`]: what all conversations with the vendor of one source share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use ring::digest::{Context, SHA256};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::Pace;
use crate::connect::link::{Link, Parameters};
use crate::types::Timestamp;

/// Calls in a row that failed although they were made again and again, before the vendor is left alone.
pub(in crate::connect) const BREAKS_AFTER: u32 = 5;
/// How long it is left alone then, in seconds; twice as long each time it fails again.
const REST: i64 = 60;
/// The longest, in seconds.
const LONGEST_REST: i64 = 300;
/// How long the others wait for the one call that tries whether it answers again, in seconds.
const TRIAL: i64 = 30;
/// The longest a vendor can keep the hub from calling by one reply.
const LONGEST_HOLD: Duration = Duration::from_secs(86_400);
/// Logins whose token is kept; more are those of connections that were entered anew.
const LOGINS: usize = 64;

/// What all calls of one source share.
pub(in crate::connect) struct Lane {
    pace: Mutex<Pace>,
    breaker: Mutex<Breaker>,
    /// By what was entered.
    purses: Mutex<HashMap<[u8; 32], Purse>>,
    /// Calls that may be under way besides.
    pub(in crate::connect) free: Semaphore,
}

/// The token of one login. Who asks for a new one holds it, so that nobody else asks meanwhile.
pub(in crate::connect) type Purse = Arc<tokio::sync::Mutex<Option<Issued>>>;

/// A token a vendor issued.
#[derive(Clone)]
pub(in crate::connect) struct Issued {
    /// The token.
    pub(in crate::connect) value: Zeroizing<String>,
    /// Until when it is valid.
    pub(in crate::connect) until: Timestamp,
    /// A digest of the refresh token that goes with it: one that was entered anew may be another account's.
    pub(in crate::connect) with: [u8; 32],
}

/// Who a login is: a digest of what was entered, but for what the vendor itself puts in the place of another.
pub(in crate::connect) fn login(entered: &Parameters, but: Option<&str>) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for (name, value) in entered.iter().filter(|(name, _)| Some(name.as_str()) != but) {
        for part in [name, value] {
            digest.update(&part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
    }
    digest.finish().as_ref().try_into().unwrap_or_default()
}

/// Leaves a vendor alone that fails again and again.
#[derive(Debug)]
struct Breaker {
    failed: u32,
    until: Timestamp,
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connect) enum Turn {
    /// Calling, and calling again.
    Free,
    /// Calling once, to see whether the vendor answers again.
    Trial,
    /// Nothing.
    Rests,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failed: 0, until: Timestamp::UNSET }
    }
}

impl Breaker {
    fn turn(&mut self, now: Timestamp) -> Turn {
        if self.failed < BREAKS_AFTER {
            return Turn::Free;
        }
        if now < self.until {
            return Turn::Rests;
        }
        self.until = now.plus(TRIAL * Timestamp::SECOND);
        Turn::Trial
    }

    fn failed(&mut self, now: Timestamp) {
        self.failed = self.failed.saturating_add(1);
        if let Some(again) = self.failed.checked_sub(BREAKS_AFTER) {
            let rest = REST.saturating_mul(1 << again.min(8)).min(LONGEST_REST);
            self.until = now.plus(rest * Timestamp::SECOND);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    pub(in crate::connect) fn new(link: &Link) -> Self {
        Self::with(link, Pace::new(&link.limits))
    }

    /// One with these windows.
    pub(super) fn with(link: &Link, pace: Pace) -> Self {
        Self {
            pace: Mutex::new(pace),
            breaker: Mutex::default(),
            purses: Mutex::default(),
            free: Semaphore::new(link.at_once.into()),
        }
    }

    /// Takes one call out of every window if all have one; else says how long to wait. `path` is that of the call as the manifest
    /// writes it.
    pub(in crate::connect) fn take(&self, path: &str, now: Timestamp) -> Option<Duration> {
        locked(&self.pace).take(path, now)
    }

    /// What the reply to such a call tells of the windows.
    pub(in crate::connect) fn hear(&self, path: &str, headers: &HeaderMap, now: Timestamp) {
        locked(&self.pace).hear(path, headers, now);
    }

    /// Makes no call for so long.
    pub(in crate::connect) fn hold(&self, now: Timestamp, time: Duration) {
        locked(&self.pace).hold(now, time.min(LONGEST_HOLD));
    }

    /// Until when no call is made, because the vendor said so.
    pub(in crate::connect) fn held(&self) -> Timestamp {
        locked(&self.pace).held
    }

    /// May a call be made, or did too many in a row fail?
    pub(in crate::connect) fn turn(&self, now: Timestamp) -> Turn {
        locked(&self.breaker).turn(now)
    }

    /// A call failed, however often it was made.
    pub(in crate::connect) fn failed(&self, now: Timestamp) {
        locked(&self.breaker).failed(now);
    }

    /// The vendor answered.
    pub(in crate::connect) fn answered(&self) {
        *locked(&self.breaker) = Breaker::default();
    }

    /// The token of a login.
    pub(in crate::connect) fn purse(&self, login: [u8; 32]) -> Purse {
        let mut purses = locked(&self.purses);
        if purses.len() >= LOGINS {
            purses.retain(|_, purse| Arc::strong_count(purse) > 1);
        }
        purses.entry(login).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_that_fails_again_and_again_is_left_alone_and_tried_by_one() {
        let mut breaker = Breaker::default();
        let at = |seconds: i64| Timestamp::from_micros(1_000_000_000_000_000 + seconds * 1_000_000);
        for _ in 0..BREAKS_AFTER {
            assert_eq!(breaker.turn(at(0)), Turn::Free);
            breaker.failed(at(0));
        }
        assert_eq!([0, 59, 60, 61, 89].map(|second| breaker.turn(at(second))), {
            [Turn::Rests, Turn::Rests, Turn::Trial, Turn::Rests, Turn::Rests]
        });
        // The one that tried fails, and its failure is known at once.
        breaker.failed(at(62));
        assert_eq!([181, 182].map(|second| breaker.turn(at(second))), [Turn::Rests, Turn::Trial]);
        for _ in 0..40 {
            breaker.failed(at(200));
        }
        assert_eq!([499, 500].map(|second| breaker.turn(at(second))), [Turn::Rests, Turn::Trial]);
        // One that never came back keeps the others waiting for a moment only.
        assert_eq!([529, 530].map(|second| breaker.turn(at(second))), [Turn::Rests, Turn::Trial]);
    }

    #[test]
    fn whoever_enters_something_else_is_somebody_else() {
        let entered = |pairs: &[(&str, &str)]| -> Parameters {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let one = entered(&[("id", "a"), ("refresh", "r0")]);
        assert_eq!(login(&one, Some("refresh")), login(&entered(&[("id", "a"), ("refresh", "r1")]), Some("refresh")));
        assert_ne!(login(&one, None), login(&entered(&[("id", "a"), ("refresh", "r1")]), None));
        assert_ne!(login(&entered(&[("a", "bc")]), None), login(&entered(&[("ab", "c")]), None));
    }
}
