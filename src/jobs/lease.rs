//! Working under a lease that must be renewed while the work lasts.

use std::time::Duration;

use crate::types::{Clock, Timestamp};

/// How long a process that says nothing more is thought to be at it.
pub(super) const LEASE: i64 = 60 * Timestamp::SECOND;
/// How often it says something.
pub const BEAT: Duration = Duration::from_secs(15);
/// So long before its lease ends, a run that could say nothing ends itself.
const IN_TIME: i64 = 20 * Timestamp::SECOND;

/// How work under a lease ended.
pub(super) enum Held<T, E> {
    /// It came to its own end.
    Done(T),
    /// Another process took over: nothing may be written any more.
    Overtaken,
    /// The lease could not be renewed for so long that it is about to end.
    Silent(E),
}

/// Polls `work` and renews its lease every `beat`. `renew` writes until when it is held from now on; false: it is another's. A database
/// that is busy for a moment ends no work; nobody else may begin before the lease ends.
pub(super) async fn hold<T, E>(
    clock: &dyn Clock,
    beat: Duration,
    work: impl Future<Output = T>,
    renew: impl AsyncFn(Timestamp) -> Result<bool, E>,
) -> Held<T, E> {
    let mut held = clock.now().plus(LEASE);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Held::Done(done),
            () = tokio::time::sleep(beat) => {
                let until = clock.now().plus(LEASE);
                match renew(until).await {
                    Ok(true) => held = until,
                    Ok(false) => return Held::Overtaken,
                    Err(error) if clock.now() >= held.plus(-IN_TIME) => return Held::Silent(error),
                    Err(_) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    /// Every look at it is so many seconds later.
    struct Running(AtomicI64, i64);

    impl Clock for Running {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.fetch_add(self.1 * Timestamp::SECOND, Ordering::SeqCst))
        }
    }

    /// Work that ends after the lease was to be renewed so many times.
    async fn after(renewals: &AtomicUsize, many: usize) {
        while renewals.load(Ordering::SeqCst) < many {
            tokio::time::sleep(SHORT).await;
        }
    }

    #[tokio::test]
    async fn a_database_that_is_busy_for_a_moment_ends_no_work() {
        let (clock, renewals) = (Running(AtomicI64::new(0), 1), AtomicUsize::new(0));
        let held = hold(&clock, SHORT, after(&renewals, 4), async |_| match renewals.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err("busy"),
            _ => Ok(true),
        });
        assert!(matches!(held.await, Held::Done(())));
    }

    #[tokio::test]
    async fn one_that_stays_busy_ends_it_before_the_lease_does() {
        let clock = Running(AtomicI64::new(0), 5);
        let held = hold(&clock, SHORT, std::future::pending::<()>(), async |_| Err("busy"));
        assert!(matches!(held.await, Held::Silent("busy")));
        assert!(clock.now() < Timestamp::from_micros(LEASE), "somebody else may be at it already");
    }

    #[tokio::test]
    async fn a_lease_that_is_another_s_ends_it_at_once() {
        let clock = Running(AtomicI64::new(0), 1);
        let held = hold(&clock, SHORT, std::future::pending::<()>(), async |_| Ok::<_, ()>(false));
        assert!(matches!(held.await, Held::Overtaken));
    }
}
