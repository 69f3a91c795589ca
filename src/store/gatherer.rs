//! The gatherer: a thread that takes all that waits, works it off as one batch, and answers everyone.
//!
//! It serves audit commits, write transactions and PostgreSQL reads. One durable commit costs the same for one
//! item as for a thousand, so gathering hides the disk. No transaction runs inside a handler's future: a client
//! that hangs up cancels its wait, never the work.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Error;

/// How many items one batch takes at most. Keeps transactions small and re-runnable.
pub(super) const BATCH: usize = 256;
/// How many of the waiting items a choice is made from.
const IN_VIEW: usize = 1024;
/// How long nothing has to come before a thread is at rest.
const REST: Duration = Duration::from_millis(200);

/// Takes the next batch in the order of arrival.
pub(super) fn first_come<I>(waiting: &mut VecDeque<I>) -> Vec<I> {
    waiting.drain(..waiting.len().min(BATCH)).collect()
}

/// The submitting side of a gatherer. Dropping it lets the thread finish what waits, and joins it.
pub(super) struct Gatherer<I: Send + 'static> {
    queue: Option<SyncSender<I>>,
    thread: Option<JoinHandle<()>>,
}

impl<I: Send + 'static> Gatherer<I> {
    /// Starts the thread. `choose` takes the next batch out of what waits, at least one item; `work` must answer each. An
    /// empty batch says that nothing came for a while since the last: there is time for what can wait.
    pub(super) fn spawn(
        name: &str,
        capacity: usize,
        choose: fn(&mut VecDeque<I>) -> Vec<I>,
        mut work: impl FnMut(Vec<I>) + Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, arriving) = sync_channel(capacity);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let (mut waiting, mut rested) = (VecDeque::new(), true);
                loop {
                    if waiting.is_empty() {
                        match next(&arriving, rested) {
                            Ok(first) => waiting.push_back(first),
                            Err(RecvTimeoutError::Timeout) => {
                                work(Vec::new());
                                rested = true;
                                continue;
                            }
                            Err(RecvTimeoutError::Disconnected) => break,
                        }
                    }
                    while waiting.len() < IN_VIEW
                        && let Ok(next) = arriving.try_recv()
                    {
                        waiting.push_back(next);
                    }
                    work(choose(&mut waiting));
                    rested = false;
                }
            })
            .map_err(|cause| Error::Open(cause.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands in one item, or says at once that too much is waiting.
    pub(super) fn submit(&self, item: I) -> Result<(), Error> {
        let queue = self.queue.as_ref().ok_or(Error::Stopped)?;
        queue.try_send(item).map_err(|cause| match cause {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => Error::Stopped,
        })
    }
}

/// What comes next; who has rested waits for it, however long it takes.
fn next<I>(arriving: &Receiver<I>, rested: bool) -> Result<I, RecvTimeoutError> {
    if rested { arriving.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { arriving.recv_timeout(REST) }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_is_told_once_that_it_is_at_rest() {
        let (told, heard) = channel();
        let gatherer = Gatherer::spawn("test", 4, first_come, move |batch| told.send(batch.len()).unwrap()).unwrap();
        for _ in 0..2 {
            assert_eq!(heard.recv_timeout(3 * REST), Err(RecvTimeoutError::Timeout), "nothing came since");
            gatherer.submit(()).unwrap();
            assert_eq!(heard.recv(), Ok(1));
            assert_eq!(heard.recv(), Ok(0));
        }
        drop(gatherer);
        assert_eq!(heard.recv_timeout(REST), Err(RecvTimeoutError::Disconnected));
    }
}
