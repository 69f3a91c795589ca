//! Why a sync ended before its end.

use crate::connect::{Fault, NoSession, Unkept};
use crate::intake;
use crate::rights;
use crate::store::{self, Failure};
use crate::types::EntropyFailure;

/// Why a sync ended before its end. What it brought is in; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source is not connected, or what was entered cannot be used.
    #[error("{0}")]
    NoSession(NoSession),
    /// Somebody else is at it.
    #[error("another process is at it, or was until a moment ago; try again in a minute")]
    Busy,
    /// Another process took over, or the connection was removed.
    #[error("another process took the sync over, or the connection was removed")]
    Overtaken,
    /// The vendor could not be read.
    #[error("{0}")]
    Vendor(Fault),
    /// Streams, or other things that are read, were refused; everything else was read.
    #[error("{}", refused(.0))]
    Refused(Vec<(String, Fault)>),
    /// The records could not be brought in.
    #[error("the records could not be brought in")]
    Intake(#[from] intake::Error),
    /// A request could not be opened.
    #[error("a request could not be opened")]
    Rights(#[from] rights::Error),
    /// The store failed.
    #[error("the database could not be read or written")]
    Store(#[from] store::Error),
    /// The connection could not be read or kept.
    #[error("the connection could not be read or kept")]
    Unkept(#[from] Unkept),
    /// No randomness to name this run.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// A thread of this process ended.
    #[error("the mapping of a page ended unexpectedly")]
    Mapping,
}

impl From<NoSession> for Error {
    fn from(cause: NoSession) -> Self {
        if let NoSession::Vendor(fault) = cause { Self::Vendor(fault) } else { Self::NoSession(cause) }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Vendor(fault)
    }
}

fn refused(streams: &[(String, Fault)]) -> String {
    let told: Vec<String> = streams.iter().map(|(stream, fault)| format!("`{stream}`: {fault}")).collect();
    told.join("; ")
}

/// What was refused while everything else was read.
#[derive(Default)]
pub(super) struct Refusals(Vec<(String, Fault)>);

impl Refusals {
    /// Puts a refusal aside that says nothing of what is read after it; any other failure ends the sync.
    pub(super) fn put_aside(&mut self, name: &str, read: Result<(), Error>) -> Result<(), Error> {
        match read {
            Err(Error::Vendor(fault)) if fault.is_of_one_stream() => {
                tracing::warn!(stream = name, cause = fault.word(), "a stream was refused; the others are read");
                self.0.push((name.to_owned(), fault));
                Ok(())
            }
            read => read,
        }
    }

    pub(super) fn end(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Refused(self.0)) }
    }
}

impl Failure for Error {
    fn store(&self) -> Option<&store::Error> {
        if let Self::Store(cause) = self { Some(cause) } else { None }
    }
}

impl Error {
    /// For the history: what the operator can do something about is told, the rest is in the log.
    pub(super) fn told(&self) -> String {
        self.to_string()
    }
}
