//! [`Memory`]: how many bytes of request bodies the server holds at once.
//!
//! The first [`FREE`] bytes of each call are free, so that small calls are served however many large ones there are. Who
//! sends more takes room for all that may become of it at once: nobody holds some and waits for more. Who holds room and
//! sends next to nothing is sent away when somebody waits for it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::{PATIENCE, QUEUE, Turn, Waiting};
use crate::api::problem::Problem;

/// Bytes of a body that a call may hold beside all others.
pub const FREE: usize = 32 << 10;
/// Bytes that all other calls may hold together.
const MOST: usize = 128 << 20;
/// What is counted in.
const UNIT: usize = 1 << 10;
/// What a call that holds room must send in each [`SPELL`] while others wait for it.
const PACE: usize = 32 << 10;
const SPELL: Duration = Duration::from_secs(1);

/// The room for bodies. One per server.
pub struct Memory {
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
    patience: Duration,
    spell: Duration,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(MOST, PATIENCE, SPELL)
    }
}

impl Memory {
    fn of(bytes: usize, patience: Duration, spell: Duration) -> Self {
        Self { room: Arc::new(Semaphore::new(bytes / UNIT)), waiting: AtomicUsize::new(0), patience, spell }
    }

    /// Does somebody wait for room?
    fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    async fn room(self: &Arc<Self>, bytes: usize, begun: bool) -> Result<OwnedSemaphorePermit, Problem> {
        let units = u32::try_from(bytes.min(MOST).div_ceil(UNIT)).unwrap_or(u32::MAX);
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_many_owned(units) {
            return Ok(permit);
        }
        let stopped = |_| Problem::overloaded(1);
        if begun {
            let _waiting = Waiting::begin(&self.waiting);
            return Arc::clone(&self.room).acquire_many_owned(units).await.map_err(stopped);
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.before() >= QUEUE {
            return Err(Problem::overloaded(1));
        }
        let room = Arc::clone(&self.room).acquire_many_owned(units);
        tokio::time::timeout(self.patience, room).await.map_err(|_| Problem::overloaded(1))?.map_err(stopped)
    }
}

/// What one body holds of the room.
pub struct Share {
    /// None: nobody counts, as where a body is read outside a call.
    turn: Option<Arc<Turn>>,
    held: Option<OwnedSemaphorePermit>,
    spell: Option<Pin<Box<Sleep>>>,
    arrived: usize,
}

impl Share {
    /// The share of the running call, which holds nothing yet.
    #[must_use]
    pub fn of_this_call() -> Self {
        Self { turn: Turn::current(), held: None, spell: None, arrived: 0 }
    }

    /// Sees to it that `bytes` may be held, and takes room for `most` if there is none yet. Who has `begun`, so that a part
    /// of the body is stored already, waits however long it takes.
    ///
    /// # Errors
    /// `overloaded` if there is no room for two seconds, or too many wait for some.
    pub async fn hold(&mut self, bytes: usize, most: usize, begun: bool) -> Result<(), Problem> {
        let Some(turn) = &self.turn else { return Ok(()) };
        if bytes > FREE && self.held.is_none() {
            self.held = Some(turn.memory.room(bytes.max(most), begun).await?);
            (self.spell, self.arrived) = (None, 0);
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// Holds the room until the call has ended.
    pub fn stay(&mut self) {
        if let (Some(turn), Some(held)) = (&self.turn, self.held.take()) {
            turn.keep(held);
        }
    }

    /// So much arrived.
    pub const fn arrived(&mut self, bytes: usize) {
        self.arrived = self.arrived.saturating_add(bytes);
    }

    /// Ends when this call holds room, sends next to nothing, and somebody waits for room.
    pub async fn too_slow(&mut self) {
        let (Some(turn), Some(_)) = (&self.turn, &self.held) else { return std::future::pending().await };
        loop {
            self.spell.get_or_insert_with(|| Box::pin(sleep(turn.memory.spell))).as_mut().await;
            self.spell = None;
            if std::mem::take(&mut self.arrived) < PACE && turn.memory.is_short() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::limits::Running;
    use crate::api::problem::Code;

    const PROMPT: Duration = Duration::from_millis(50);

    /// Room for so many kibibytes, and shares of as many calls as are wanted.
    async fn shares<const N: usize>(kibibytes: usize) -> [Share; N] {
        let running = Running::holding(Memory::of(kibibytes * UNIT, PROMPT, PROMPT));
        let mut shares = Vec::new();
        for _ in 0..N {
            let turn = running.begin(100).unwrap();
            shares.push(turn.run(async { Share::of_this_call() }).await);
        }
        shares.try_into().ok().unwrap()
    }

    async fn held(share: &mut Share, kibibytes: usize) -> Result<(), Code> {
        share.hold(kibibytes * UNIT, kibibytes * UNIT, false).await.map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn room_ends_and_comes_back_and_small_calls_need_none() {
        let [mut one, mut two, mut three] = shares(1_000).await;
        held(&mut one, 900).await.unwrap();
        assert_eq!(held(&mut two, 900).await, Err(Code::Overloaded));
        held(&mut three, FREE / UNIT).await.unwrap();
        one.let_go();
        held(&mut two, 900).await.unwrap();
        // Held until the call has ended, however its body was read.
        two.stay();
        assert_eq!(held(&mut one, 900).await, Err(Code::Overloaded));
        drop(two);
        held(&mut one, 900).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_behind_too_many_is_told_at_once() {
        let memory = Arc::new(Memory::of(100 * UNIT, Duration::from_secs(600), SPELL));
        let _all = memory.room(100 * UNIT, false).await.unwrap();
        let queue: Vec<_> = (0..QUEUE).map(|_| memory.room(UNIT, false)).collect();
        let mut queue = Box::pin(futures_util::future::join_all(queue));
        assert!(futures_util::poll!(queue.as_mut()).is_pending());
        assert_eq!(memory.room(UNIT, false).await.map(drop).unwrap_err().code(), Code::Overloaded);
        // Who has begun waits behind any number.
        let begun = memory.room(UNIT, true);
        let mut begun = std::pin::pin!(begun);
        assert!(futures_util::poll!(begun.as_mut()).is_pending());
    }

    #[tokio::test]
    async fn who_holds_room_and_sends_nothing_goes_when_others_wait() {
        let [mut one, mut two] = shares(1_000).await;
        assert!(
            tokio::time::timeout(PROMPT * 4, one.too_slow()).await.is_err(),
            "who holds nothing is in nobody's way"
        );
        held(&mut one, 900).await.unwrap();
        assert!(tokio::time::timeout(PROMPT * 4, one.too_slow()).await.is_err(), "nobody waits");
        let waits = two.hold(900 * UNIT, 900 * UNIT, true);
        let mut waits = std::pin::pin!(waits);
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        (one.spell, one.arrived) = (None, PACE);
        assert!(tokio::time::timeout(PROMPT * 3 / 2, one.too_slow()).await.is_err(), "it sends");
        tokio::time::timeout(PROMPT * 40, one.too_slow()).await.unwrap();
        one.let_go();
        waits.await.unwrap();
    }
}
