//! What can go wrong below the house.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

use crate::types::{EntropyFailure, UnknownWord};

/// A failure of the store. The texts hold no row values; the causes go to the log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be opened or its address cannot be read.
    #[error("the database cannot be opened: {0}")]
    Open(String),
    /// A migration failed.
    #[error("the database cannot be brought to this version: {0}")]
    Migrate(String),
    /// A statement failed.
    #[error("a database statement failed")]
    Statement(#[source] Diesel),
    /// Another transaction was in the way; running again can succeed.
    #[error("another transaction was in the way")]
    Conflict(#[source] Diesel),
    /// The name or number is taken by something else; running again cannot help.
    #[error("another one has this name or number")]
    Taken,
    /// The disk is full or the database cannot write now.
    #[error("the database cannot write")]
    Full(#[source] Diesel),
    /// The disk failed below a commit. Nothing may be served until the files were checked.
    #[error("the disk failed")]
    Disk(#[source] Diesel),
    /// The connection broke.
    #[error("the database connection broke")]
    Lost(#[source] Diesel),
    /// Too much work is waiting.
    #[error("too much work is waiting")]
    Overloaded,
    /// The store is stopping or its thread ended.
    #[error("the store is stopping")]
    Stopped,
    /// A stored value is none of the forms this version writes.
    #[error("a stored {0} cannot be read")]
    Unreadable(&'static str),
    /// No randomness for a new id.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
}

/// How the databases say that another transaction is in the way, where they have no kind of error for it.
const IN_THE_WAY: [&str; 3] = ["database is locked", "deadlock detected", "due to lock timeout"];

/// How SQLite says that the disk, or what is on it, is broken. A statement, an index or a document of PostgreSQL's can be
/// malformed too; that is no reason to serve nothing any more.
const BROKEN: [&str; 3] = ["disk I/O error", "database disk image is malformed", "malformed database schema"];

impl From<Diesel> for Error {
    fn from(cause: Diesel) -> Self {
        let Diesel::DatabaseError(kind, info) = &cause else { return Self::Statement(cause) };
        let text = info.message();
        match kind {
            DatabaseErrorKind::SerializationFailure => Self::Conflict(cause),
            // Two nodes made the same row at once: the second run sees the first one's row.
            DatabaseErrorKind::UniqueViolation => Self::Conflict(cause),
            DatabaseErrorKind::ClosedConnection => Self::Lost(cause),
            _ if IN_THE_WAY.iter().any(|sign| text.contains(sign)) => Self::Conflict(cause),
            _ if text.contains("database or disk is full") || text.contains("No space left on device") => {
                Self::Full(cause)
            }
            _ if BROKEN.iter().any(|sign| text.contains(sign)) => Self::Disk(cause),
            _ if text.contains("server closed the connection")
                || text.contains("terminating connection")
                || text.contains("no connection to the server")
                || text.contains("SSL SYSCALL") =>
            {
                Self::Lost(cause)
            }
            _ => Self::Statement(cause),
        }
    }
}

impl From<UnknownWord> for Error {
    fn from(word: UnknownWord) -> Self {
        Self::Unreadable(word.0)
    }
}

/// An error that a write job may return: it can come from the store, and the writer must know whether running
/// the job again can help.
pub trait Failure: From<Error> + Send + 'static {
    /// The store's error inside, if it is one.
    fn store(&self) -> Option<&Error>;
}

impl Failure for Error {
    fn store(&self) -> Option<&Error> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: DatabaseErrorKind, text: &str) -> Error {
        Diesel::DatabaseError(kind, Box::new(text.to_owned())).into()
    }

    #[test]
    fn only_a_broken_disk_stops_serving() {
        let unknown = |text| told(DatabaseErrorKind::Unknown, text);
        for broken in BROKEN {
            assert!(matches!(unknown(broken), Error::Disk(_)), "{broken}");
        }
        for fault in ["malformed array literal: \"x\"", "malformed JSON", "malformed record literal"] {
            assert!(matches!(unknown(fault), Error::Statement(_)), "{fault}");
        }
    }

    #[test]
    fn what_waiting_helps_against_is_told_apart() {
        let unknown = |text| told(DatabaseErrorKind::Unknown, text);
        let full = "could not extend file \"base/16384/16397\": No space left on device";
        assert!(matches!(unknown(full), Error::Full(_)));
        assert!(matches!(unknown("database or disk is full"), Error::Full(_)));
        assert!(matches!(unknown("database is locked"), Error::Conflict(_)));
        assert!(matches!(told(DatabaseErrorKind::SerializationFailure, "x"), Error::Conflict(_)));
        assert!(matches!(told(DatabaseErrorKind::ClosedConnection, "x"), Error::Lost(_)));
        assert!(matches!(unknown("terminating connection due to administrator command"), Error::Lost(_)));
    }
}
