//! How often a caller may call, how many calls run at once, and how much of their bodies is held.
//!
//! The allowance belongs to the API key where there is a valid one, else to the peer address (IPv6: the /64).
//! A key that is not valid earns no allowance of its own, or every guess would bring a fresh one.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::problem::Problem;
use crate::types::ApiKeyId;

mod memory;

pub use memory::{FREE, Memory, Share};

/// Whose allowance a call uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A valid API key.
    Key([u8; 16]),
    /// A peer address; for IPv6 the first 64 bits.
    Peer([u8; 8]),
    /// Everyone for whom there is no memory left.
    Crowd,
}

impl Payer {
    /// A valid API key.
    #[must_use]
    pub fn key(id: ApiKeyId) -> Self {
        Self::Key(id.bytes())
    }

    /// A peer.
    #[must_use]
    pub fn peer(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                Self::Peer([0, 0, 0, 0, a, b, c, d])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                let [[a, b], [c, d], [e, f], [g, h]] = [a, b, c, d].map(u16::to_be_bytes);
                Self::Peer([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// Calls per second in the long run, and at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls per second.
    pub per_second: NonZeroU32,
    /// Calls at once.
    pub burst: NonZeroU32,
}

/// Says whether a call may pass.
pub trait Gate: Send + Sync {
    /// Takes one call from the payer's allowance.
    ///
    /// # Errors
    /// How long to wait for the next one.
    fn admit(&self, payer: Payer) -> Result<(), Duration>;
}

/// One allowance per payer, refilled steadily (the generic cell rate algorithm), in bounded memory.
pub struct RateLimit<C: Clock = MonotonicClock> {
    limiter: RateLimiter<Payer, DashMapStateStore<Payer>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    payers: usize,
}

impl RateLimit {
    /// At most this many payers are told apart; a payer takes some 50 bytes.
    pub const PAYERS: usize = 100_000;

    /// Allowances by the machine's steady clock.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self::with_clock(rate, Self::PAYERS, MonotonicClock)
    }
}

impl<C: Clock + Clone> RateLimit<C> {
    /// Allowances by another clock, for at most `payers` payers.
    #[must_use]
    pub fn with_clock(rate: Rate, payers: usize, clock: C) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock, payers }
    }
}

impl<C: Clock + Send + Sync> Gate for RateLimit<C>
where
    C::Instant: Send + Sync,
{
    fn admit(&self, payer: Payer) -> Result<(), Duration> {
        let mut payer = payer;
        if self.limiter.len() >= self.payers {
            // Payers with a full allowance need no memory.
            self.limiter.retain_recent();
            if self.limiter.len() >= self.payers {
                payer = Payer::Crowd;
            }
        }
        self.limiter.check_key(&payer).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// Counts the calls that run now, and what they hold.
#[derive(Clone, Default)]
pub struct Running {
    count: Arc<AtomicUsize>,
    memory: Arc<Memory>,
}

/// One running call; it ends when this is dropped.
pub struct Turn {
    count: Arc<AtomicUsize>,
    memory: Arc<Memory>,
    /// Room that bodies of this call take until it has ended.
    held: Mutex<Vec<OwnedSemaphorePermit>>,
}

impl Running {
    /// Begins a call unless `limit` calls run already.
    #[must_use]
    pub fn begin(&self, limit: usize) -> Option<Turn> {
        let turn = Turn { count: Arc::clone(&self.count), memory: Arc::clone(&self.memory), held: Mutex::default() };
        (self.count.fetch_add(1, Ordering::Relaxed) < limit).then_some(turn)
    }

    /// The calls that run now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    fn holding(memory: Memory) -> Self {
        Self { memory: Arc::new(memory), ..Self::default() }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

tokio::task_local! {
    /// The call that is answered by this task.
    static CALL: Arc<Turn>;
}

impl Turn {
    /// Runs `call` as the call of this turn.
    pub(super) async fn run<T>(self, call: impl Future<Output = T>) -> T {
        CALL.scope(Arc::new(self), call).await
    }

    /// The turn of the running call. Work that goes on when its caller has hung up holds it, and goes on counting.
    pub(super) fn current() -> Option<Arc<Self>> {
        CALL.try_with(Arc::clone).ok()
    }

    /// Holds this room until the call has ended.
    fn keep(&self, room: OwnedSemaphorePermit) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(room);
    }
}

/// Calls whose records are taken in at once: each has a chunk of its body read and waits for the one writer.
const BRINGING: usize = 64;
/// Calls that may wait to be among them, or for room for their body. More are turned away at once.
const QUEUE: usize = 64;
/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// One more who waits, until this is dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }

    /// How many waited already.
    const fn before(&self) -> usize {
        self.before
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where calls wait that bring records.
pub struct Entrance {
    room: Semaphore,
    waiting: AtomicUsize,
    patience: Duration,
}

impl Default for Entrance {
    fn default() -> Self {
        Self { room: Semaphore::new(BRINGING), waiting: AtomicUsize::new(0), patience: PATIENCE }
    }
}

impl Entrance {
    /// Waits until there is room.
    ///
    /// # Errors
    /// `overloaded` if there is none for two seconds, or too many wait for it.
    pub async fn enter(&self) -> Result<SemaphorePermit<'_>, Problem> {
        if let Ok(permit) = self.room.try_acquire() {
            return Ok(permit);
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.before() >= QUEUE {
            return Err(Problem::overloaded(1));
        }
        match tokio::time::timeout(self.patience, self.room.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Problem::overloaded(1)),
        }
    }

    /// Waits until there is room, however long: a call of which a part is stored already is not broken off.
    ///
    /// # Errors
    /// `overloaded` if the hub stops.
    pub async fn enter_again(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.room.acquire().await.map_err(|_| Problem::overloaded(1))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::api::problem::Code;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: per_second.try_into().unwrap(), burst: burst.try_into().unwrap() }
    }

    fn peer(text: &str) -> Payer {
        Payer::peer(text.parse().unwrap())
    }

    #[test]
    fn an_allowance_runs_out_and_comes_back() {
        let clock = FakeRelativeClock::default();
        let limit = RateLimit::with_clock(rate(2, 3), 10, clock.clone());
        let payer = peer("192.0.2.1");
        for _ in 0..3 {
            limit.admit(payer).unwrap();
        }
        assert_eq!(limit.admit(payer), Err(Duration::from_millis(500)));
        limit.admit(peer("192.0.2.2")).unwrap();
        clock.advance(Duration::from_millis(500));
        limit.admit(payer).unwrap();
        limit.admit(payer).unwrap_err();
    }

    #[test]
    fn memory_is_bounded_and_the_crowd_shares_one_allowance() {
        let clock = FakeRelativeClock::default();
        let limit = RateLimit::with_clock(rate(1, 1), 2, clock.clone());
        limit.admit(peer("192.0.2.1")).unwrap();
        limit.admit(peer("192.0.2.2")).unwrap();
        limit.admit(peer("192.0.2.3")).unwrap();
        limit.admit(peer("192.0.2.4")).unwrap_err();
        assert!(limit.limiter.len() <= 3);
        clock.advance(Duration::from_secs(5));
        limit.admit(peer("192.0.2.4")).unwrap();
        limit.admit(peer("192.0.2.5")).unwrap();
    }

    #[test]
    fn an_ipv6_network_is_one_payer() {
        assert_eq!(peer("2001:db8:1:2::3"), peer("2001:db8:1:2:ffff::"));
        assert_ne!(peer("2001:db8:1:2::3"), peer("2001:db8:1:3::3"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }

    #[tokio::test]
    async fn nobody_waits_long_at_the_entrance() {
        let entrance = Entrance { patience: Duration::from_millis(20), ..Entrance::default() };
        let inside: Vec<_> = futures_util::future::join_all((0..BRINGING).map(|_| entrance.enter())).await;
        assert_eq!(entrance.enter().await.map(drop).unwrap_err().code(), Code::Overloaded);
        drop(inside);
        assert!(entrance.enter().await.is_ok());
    }

    #[tokio::test]
    async fn who_would_wait_behind_too_many_is_turned_away_at_once() {
        let entrance = Entrance { patience: Duration::from_secs(600), ..Entrance::default() };
        let _inside: Vec<_> = futures_util::future::join_all((0..BRINGING).map(|_| entrance.enter())).await;
        let mut queue = Box::pin(futures_util::future::join_all((0..QUEUE).map(|_| entrance.enter())));
        assert!(futures_util::poll!(queue.as_mut()).is_pending());
        assert_eq!(entrance.enter().await.map(drop).unwrap_err().code(), Code::Overloaded);
        let mut again = Box::pin(entrance.enter_again());
        assert!(futures_util::poll!(again.as_mut()).is_pending());
    }

    #[tokio::test]
    async fn what_goes_on_without_its_caller_counts_as_running() {
        let running = Running::default();
        let held = running.begin(1).unwrap().run(async { Turn::current() }).await;
        assert!(Turn::current().is_none());
        assert_eq!(running.count(), 1);
        drop(held);
        assert_eq!(running.count(), 0);
    }

    #[test]
    fn running_calls_are_counted() {
        let running = Running::default();
        let first = running.begin(1);
        assert!(first.is_some());
        assert!(running.begin(1).is_none());
        assert_eq!(running.count(), 1);
        drop(first);
        assert!(running.begin(1).is_some());
    }
}
