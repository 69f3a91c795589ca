//! [`Error`]: why a push ended before its end.

use crate::audit;
use crate::connect::{Fault, NoSession};
use crate::intake;
use crate::rights;
use crate::segments;
use crate::store;
use crate::types::EntropyFailure;

/// Why a push ended before its end. What it did is done; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such destination, or it takes no people.
    #[error("`{0}` is no destination for a segment; use `obhut destinations add`")]
    Unknown(String),
    /// The vendor cannot be asked.
    #[error("{0}")]
    NoSession(NoSession),
    /// The vendor failed.
    #[error("{0}")]
    Vendor(Fault),
    /// The vendor did not take everybody off.
    #[error("the vendor did not take {0} people off; it is tried again")]
    Left(usize),
    /// It is being removed, and somebody is still on its list.
    #[error(
        "nobody is handed over any more, and {0} people are still to be taken off; of some the vendor may still be at adding them. While \
         the hub serves it goes on by itself; ask again later"
    )]
    Ending(i64),
    /// Somebody else is at it.
    #[error("another process is at it, or was until a moment ago; try again in a minute")]
    Busy,
    /// Another process took over.
    #[error("another process took the push over")]
    Overtaken,
    /// The segment is gone.
    #[error(
        "there is no segment `{0}` any more; name another one with `obhut destinations add`, or remove the destination"
    )]
    NoSegment(String),
    /// The segment's channel is none this destination is for.
    #[error("the channel of the segment must be `{0}` for this destination")]
    Channel(&'static str),
    /// The segment could not be read.
    #[error("the segment could not be read")]
    Segments(#[from] segments::Error),
    /// Who is handed over could not be kept.
    #[error("who is handed over could not be kept or opened")]
    Rights(#[from] rights::Error),
    /// A withdrawal could not be written down.
    #[error("who unsubscribed at the vendor could not be written down")]
    Intake(#[from] intake::Error),
    /// The store failed.
    #[error("the database could not be read or written")]
    Store(#[from] store::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
    /// No randomness to name this run.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
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
