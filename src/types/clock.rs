//! Time as the hub stores it. The clock is an argument everywhere, so that tests own the time.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// An instant: microseconds since 1970-01-01T00:00:00 UTC. This is the form in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The far future, for "no end".
    pub const NEVER: Self = Self(i64::MAX);
    /// The epoch itself, which tables use for "not set".
    pub const UNSET: Self = Self(0);
    /// Microseconds in a second.
    pub const SECOND: i64 = 1_000_000;
    /// Microseconds in a day of 24 hours.
    pub const DAY: i64 = 86_400 * Self::SECOND;

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Is this an instant at all, and not [`Timestamp::UNSET`]?
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 != 0
    }

    /// This instant plus `micros`, saturating.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This instant plus whole days of 24 hours, saturating.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(Self::DAY)))
    }

    /// RFC 3339 with microseconds, in UTC: `2026-11-21T09:30:00.000000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| "never".to_owned(), |time| format!("{time:.6}"))
    }

    /// Reads RFC 3339 with any offset.
    ///
    /// # Errors
    /// If the text is not an RFC 3339 instant within the years the hub can store.
    pub fn parse(text: &str) -> Result<Self, super::UnknownWord> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_microsecond()))
            .map_err(|_| super::UnknownWord("timestamp"))
    }
}

impl From<i64> for Timestamp {
    fn from(micros: i64) -> Self {
        Self(micros)
    }
}

impl From<Timestamp> for i64 {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}
