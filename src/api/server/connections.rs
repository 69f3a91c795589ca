//! How many connections there may be at once, and how many there are: each takes a file descriptor, and up to a quarter of a megabyte
//! while a long body comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use metrics::Gauge;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::api::metrics::{connections, most_connections};
use crate::api::overload::OnceASecond;

/// Descriptors for all else: databases and their logs, the audit book, vendors, files that come in.
const OTHERS: usize = 512;
/// Descriptors for each worker: its event loop has four, and its reads of an embedded database six, of each of three shelves the file and
/// its log.
const OF_A_WORKER: usize = 16;

/// Workers, and the connections each of them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    pub workers: usize,
    pub each: usize,
}

impl Shares {
    /// Has the system let the process open as many descriptors as `wanted` connections take, and shares out those there is room for.
    pub(super) fn of(wanted: usize, workers: usize) -> Self {
        let others = others(workers);
        let needed = u64::try_from(wanted.saturating_add(others)).unwrap_or(u64::MAX);
        let allowed = allow(needed).map(|allowed| usize::try_from(allowed).unwrap_or(usize::MAX));
        let room = room(wanted, others, allowed);
        if room < wanted {
            tracing::warn!(
                room,
                wanted,
                "fewer connections than wanted: the system allows too few open files (ulimit -n)"
            );
        }
        Self::out_of(room, workers)
    }

    /// Never more than there is room for. Where there are fewer connections than workers, the others would have nothing to do.
    fn out_of(room: usize, workers: usize) -> Self {
        let workers = workers.min(room).max(1);
        Self { workers, each: (room / workers).max(1) }
    }

    pub(super) const fn most(self) -> usize {
        self.workers.saturating_mul(self.each)
    }
}

/// Descriptors for all but connections.
const fn others(workers: usize) -> usize {
    OTHERS.saturating_add(OF_A_WORKER.saturating_mul(workers))
}

/// Raises the limit of descriptors to `needed`, as far as that is allowed. None is no limit.
fn allow(needed: u64) -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let now = current?;
    if now >= needed {
        return current;
    }
    let more = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum });
    Some(if raised.is_ok() { more } else { now })
}

/// Where the system allows little, half of it is kept for all else.
fn room(wanted: usize, others: usize, allowed: Option<usize>) -> usize {
    let Some(allowed) = allowed else { return wanted.max(1) };
    wanted.min(allowed.saturating_sub(others).max(allowed / 2)).max(1)
}

/// The connections that are open. One that is still agreeing on TLS has its place, and is counted when it has agreed.
pub(super) struct Connections {
    open: AtomicUsize,
    most: usize,
    gauge: Gauge,
    reached: OnceASecond,
}

impl Connections {
    /// None yet, of `most` that may be open at once.
    pub(super) fn new(most: usize) -> Arc<Self> {
        most_connections(most);
        Arc::new(Self { open: AtomicUsize::new(0), most, gauge: connections(), reached: OnceASecond::default() })
    }

    /// One more, until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, now: Instant) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.gauge.increment(1.0);
        self.note_if_full(now);
        Open(Arc::clone(self))
    }

    /// Tells the log if there is no room for another: who comes now waits until one ends.
    pub(super) fn note_if_full(&self, now: Instant) {
        if self.open.load(Ordering::Relaxed) >= self.most {
            self.tell(self.reached.note(now));
        }
    }

    /// Tells the log what it was not told in the last second.
    pub(super) fn tell_rest(&self, now: Instant) {
        self.tell(self.reached.rest(now));
    }

    fn tell(&self, times: Option<u64>) {
        if let Some(times) = times {
            let open = self.open.load(Ordering::Relaxed);
            tracing::warn!(
                times,
                open,
                most = self.most,
                "the limit of connections was reached; who comes then waits to be taken"
            );
        }
    }
}

/// One open connection.
pub(super) struct Open(Arc<Connections>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::log::heard;
    use super::*;
    use crate::api::frame::now;

    #[test]
    fn there_is_room_for_what_the_system_allows() {
        assert_eq!(room(4_096, 512, None), 4_096);
        assert_eq!(room(4_096, 512, Some(4_608)), 4_096);
        assert_eq!(room(4_096, 1_536, Some(4_608)), 3_072);
        assert_eq!(room(4_096, 512, Some(1_024)), 512);
        assert_eq!(room(4_096, 512, Some(64)), 32);
        assert_eq!(room(0, 512, Some(1)), 1);
    }

    #[test]
    fn no_more_are_taken_than_there_is_room_for() {
        assert_eq!(Shares::out_of(4_096, 2), Shares { workers: 2, each: 2_048 });
        assert_eq!(Shares::out_of(4_096, 3), Shares { workers: 3, each: 1_365 });
        assert_eq!(Shares::out_of(3, 8), Shares { workers: 3, each: 1 });
        for room in 1..200 {
            for workers in 1..20 {
                let most = Shares::out_of(room, workers).most();
                assert!(most <= room && most + workers > room, "{most} of {room} with {workers} workers");
            }
        }
    }

    #[test]
    fn as_many_files_may_be_opened_as_are_needed() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let allowed = allow(1_100);
        assert!(allowed.is_none_or(|allowed| allowed >= maximum.unwrap_or(u64::MAX).min(1_100)), "{allowed:?}");
        assert_eq!(getrlimit(Resource::Nofile).current, allowed);
    }

    #[test]
    fn workers_need_files_of_their_own() {
        let maximum = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        assert_eq!([1, 2, 40].map(others), [528, 544, 1_152]);
        // Half of what is allowed, if it is so little.
        let shares = Shares::of(700, 40);
        assert!(shares == Shares { workers: 40, each: 17 } || maximum < 700 + 1_152, "{shares:?}");
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(allowed >= maximum.min(700 + 1_152), "{allowed} files");
    }

    #[actix_web::test]
    async fn the_log_is_told_once_a_second_that_the_limit_is_reached() {
        let text = heard("info", async || {
            let (connections, start) = (Connections::new(2), now());
            let at = |millis| start + Duration::from_millis(millis);
            let _first = connections.begin(at(0));
            connections.note_if_full(at(10));
            drop(connections.begin(at(20)));
            drop(connections.begin(at(30)));
            let second = connections.begin(at(1_030));
            connections.note_if_full(at(1_100));
            drop(second);
            connections.note_if_full(at(1_900));
            [1_950, 2_030, 4_000].into_iter().for_each(|millis| connections.tell_rest(at(millis)));
        });
        let lines: Vec<serde_json::Value> =
            text.await.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = lines.iter().filter(|line| line["most"] == 2);
        let told: Vec<_> = told.map(|line| (line["times"].as_u64().unwrap(), line["open"].as_u64().unwrap())).collect();
        // Then it was reached twice, the second time when nothing was told yet of the one before; then a second in which it stayed so.
        assert_eq!(told, [(1, 2), (2, 2), (1, 1)]);
    }
}
