//! What waits to be written: a piece of work with somebody who waits for its answer, and how it ended.

use tokio::sync::oneshot;

use super::Write;
use crate::store::Error;
use crate::store::error::Failure;

/// How a job ended inside the transaction.
pub(super) enum Run {
    Keep,
    UndoThis,
    /// Its failure spoils the transaction for all.
    UndoAll,
}

/// Why a batch did not commit.
pub(super) enum Setback {
    /// One job is to be undone and the others are not: all run again, so that each can be undone.
    Refused,
    /// Others were in the way at the commit: running all of it again can succeed.
    Conflict(Error),
    /// Others were in the way of one job, and it may be so again: each must run alone.
    OneJob(Error),
    /// The connection broke before the commit: running all of it again can succeed.
    Lost(Error),
    /// It can never commit, or nobody knows whether it did.
    GiveUp(Error),
}

impl Setback {
    pub(super) fn into_cause(self) -> Error {
        match self {
            Self::Refused => Error::Stopped,
            Self::Conflict(cause) | Self::OneJob(cause) | Self::Lost(cause) | Self::GiveUp(cause) => cause,
        }
    }
}

impl From<Error> for Setback {
    fn from(cause: Error) -> Self {
        match cause {
            Error::Conflict(_) => Self::Conflict(cause),
            Error::Lost(_) => Self::Lost(cause),
            _ => Self::GiveUp(cause),
        }
    }
}

pub(super) trait Job: Send {
    fn run(&mut self, write: &mut Write<'_>) -> Run;
    /// Why the last run asked to undo all.
    fn setback(&self) -> Setback;
    fn answer(self: Box<Self>, commit: Result<(), Error>);
}

pub(super) struct Asked<T, E, F> {
    pub(super) work: F,
    pub(super) result: Option<Result<T, E>>,
    pub(super) asker: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Asked<T, E, F>
where
    T: Send + 'static,
    E: Failure,
    F: FnMut(&mut Write<'_>) -> Result<T, E> + Send + 'static,
{
    fn run(&mut self, write: &mut Write<'_>) -> Run {
        // A run that panics must not be answered with what the run before it returned.
        self.result = None;
        match (self.work)(write) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Run::Keep
            }
            Err(failure) => {
                let spoilt = matches!(
                    failure.store(),
                    Some(Error::Conflict(_) | Error::Lost(_) | Error::Full(_) | Error::Disk(_))
                );
                self.result = Some(Err(failure));
                if spoilt { Run::UndoAll } else { Run::UndoThis }
            }
        }
    }

    fn setback(&self) -> Setback {
        match self.result.as_ref().and_then(|result| result.as_ref().err()).and_then(Failure::store) {
            Some(Error::Conflict(_)) => Setback::OneJob(Error::Overloaded),
            Some(Error::Lost(_)) => Setback::Lost(Error::Stopped),
            _ => Setback::GiveUp(Error::Stopped),
        }
    }

    fn answer(self: Box<Self>, commit: Result<(), Error>) {
        let answer = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(_), Some(Err(failure))) => Err(failure),
            (Err(cause), _) => Err(cause.into()),
            (Ok(()), None) => Err(Error::Stopped.into()),
        };
        // The asker may have hung up; what is written stays written.
        let _ = self.asker.send(answer);
    }
}

pub(super) fn answer(jobs: Vec<Box<dyn Job>>, outcome: Result<(), Error>) {
    if let Err(cause) = &outcome {
        tracing::error!(error = ?cause, jobs = jobs.len(), "a write batch failed");
    }
    for job in jobs {
        job.answer(match &outcome {
            Ok(()) => Ok(()),
            Err(Error::Full(_) | Error::Conflict(_) | Error::Overloaded) => Err(Error::Overloaded),
            Err(_) => Err(Error::Stopped),
        });
    }
}
