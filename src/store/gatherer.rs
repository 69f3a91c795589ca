//! The gatherer: a thread that takes all that waits, works it off as one batch, and answers everyone.
//!
//! It serves audit commits, write transactions and PostgreSQL reads. One durable commit costs the same for one
//! item as for a thousand, so gathering hides the disk. No transaction runs inside a handler's future: a client
//! that hangs up cancels its wait, never the work.

use std::collections::VecDeque;
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::Error;

/// How many items one batch takes at most. Keeps transactions small and re-runnable.
pub(super) const BATCH: usize = 256;
/// How many of the waiting items a choice is made from.
const IN_VIEW: usize = 1024;

/// Takes the next batch in the order of arrival.
pub(super) fn first_come<I>(waiting: &mut VecDeque<I>) -> Vec<I> {
    waiting.drain(..waiting.len().min(BATCH)).collect()
}

/// The submitting side of a gatherer. Dropping it lets the thread finish what waits, and joins it.
pub(super) struct Gatherer<I: Send + 'static> {
    queue: Option<mpsc::Sender<I>>,
    thread: Option<JoinHandle<()>>,
}

impl<I: Send + 'static> Gatherer<I> {
    /// Starts the thread. `choose` takes the next batch out of what waits, at least one item; `work` must answer each.
    pub(super) fn spawn(
        name: &str,
        capacity: usize,
        choose: fn(&mut VecDeque<I>) -> Vec<I>,
        mut work: impl FnMut(Vec<I>) + Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, mut arriving) = mpsc::channel(capacity);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut waiting = VecDeque::new();
                loop {
                    if waiting.is_empty() {
                        let Some(first) = arriving.blocking_recv() else { break };
                        waiting.push_back(first);
                    }
                    while waiting.len() < IN_VIEW
                        && let Ok(next) = arriving.try_recv()
                    {
                        waiting.push_back(next);
                    }
                    work(choose(&mut waiting));
                }
            })
            .map_err(|cause| Error::Open(cause.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands in one item, or says at once that too much is waiting.
    pub(super) fn submit(&self, item: I) -> Result<(), Error> {
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.try_send(item).map_err(|cause| match cause {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::Stopped,
        })
    }
}

impl<I: Send + 'static> Drop for Gatherer<I> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // A panic in the thread was already reported by the panic hook.
            let _ = thread.join();
        }
    }
}
