//! [`Parking`]: objects of a vendor that could not be taken in, kept by the vendor's id and with the reason until they are.
//!
//! Nothing of what an object holds is kept but the vendor's id of it, sealed: with that somebody finds it there and puts it right.
//! The next whole reading asks for it again.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Unkept;
use crate::store::parked::{self, ParkedRow};
use crate::store::{self, Store};
use crate::types::{SourceNo, Timestamp};
use crate::vault::{Drawer, Row, Strongbox};

/// An object that was refused. Its id may be a personal value: it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// The vendor's id of it, where it can be told.
    pub name: Option<String>,
    /// Why, in words without values.
    pub reason: String,
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// One that is put aside. Its id may be a personal value: it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Parked {
    /// Of which stream.
    pub stream: String,
    /// The vendor's id of it; none if nobody can tell which it was.
    pub id: Option<String>,
    /// Why, in words without values.
    pub reason: String,
    /// When it was refused last.
    pub at: Timestamp,
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, id: _, reason, at } = self;
        let mut parked = f.debug_struct("Parked");
        parked.field("stream", stream).field("reason", reason).field("at", at).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    reason: String,
}

/// All objects that are put aside.
#[derive(Clone)]
pub struct Parking {
    store: Store,
    strongbox: Arc<Strongbox>,
}

/// What an object of a stream is known by, as a keyed hash.
pub type Mark = [u8; 16];

impl Parking {
    pub(super) const fn new(store: Store, strongbox: Arc<Strongbox>) -> Self {
        Self { store, strongbox }
    }

    /// What an object of this name is known by.
    #[must_use]
    pub fn mark(&self, source: SourceNo, stream: &str, name: &str) -> Mark {
        self.strongbox.fingerprint(&format!("parked object {} of {stream}", source.0), name.as_bytes()).bytes()
    }

    /// Puts objects of a stream aside. Of those without a name one is kept for each reason.
    ///
    /// # Errors
    /// If they cannot be sealed or written.
    pub async fn put(&self, source: SourceNo, stream: &str, refused: &[Refused], now: Timestamp) -> Result<(), Unkept> {
        if refused.is_empty() {
            return Ok(());
        }
        let row = |one: &Refused| {
            let mark = match &one.name {
                Some(name) => self.mark(source, stream, name),
                None => self.mark(source, &format!("{stream} without a name"), &one.reason),
            };
            let kept = Kept { id: one.name.clone(), reason: one.reason.clone() };
            let plain = zeroize::Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Unkept::Unreadable)?);
            let sealed = self.strongbox.seal(Drawer::Parked, Row::id(mark), &plain)?;
            let (stream, mark) = (stream.to_owned(), mark.to_vec());
            Ok::<_, Unkept>(ParkedRow { source_no: source, stream, mark, sealed, parked_at: now })
        };
        let rows = refused.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(self.store.write(move |write| parked::put(write, source, &rows)).await?)
    }

    /// The marks of what is put aside of a stream.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn marks(&self, source: SourceNo, stream: &str) -> Result<HashSet<Mark>, store::Error> {
        let stream = stream.to_owned();
        let marks = self.store.read(move |read| parked::marks(read.records(), source, &stream)).await?;
        Ok(marks.into_iter().filter_map(|mark| mark.try_into().ok()).collect())
    }

    /// Forgets objects of a stream that were taken in.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn taken(&self, source: SourceNo, stream: &str, marks: &[Mark]) -> Result<(), store::Error> {
        if marks.is_empty() {
            return Ok(());
        }
        let (stream, marks): (_, Vec<Vec<u8>>) = (stream.to_owned(), marks.iter().map(|mark| mark.to_vec()).collect());
        self.store.write(move |write| parked::taken(write, source, &stream, &marks)).await
    }

    /// Forgets what of a stream was put aside before a reading began that came by everything.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_before(&self, source: SourceNo, stream: &str, at: Timestamp) -> Result<(), store::Error> {
        let stream = stream.to_owned();
        self.store.write(move |write| parked::forget_before(write, source, &stream, at)).await
    }

    /// Forgets what was put aside long ago.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_old(&self, now: Timestamp) -> Result<(), store::Error> {
        self.store.write(move |write| parked::forget_old(write, now)).await
    }

    /// What is put aside of a source, newest first.
    ///
    /// # Errors
    /// If it cannot be read or opened.
    pub async fn of(&self, source: SourceNo) -> Result<Vec<Parked>, Unkept> {
        let rows = self.store.read(move |read| parked::of(read.records(), source)).await?;
        let open = |row: ParkedRow| {
            let mark: Mark = row.mark.try_into().map_err(|_| Unkept::Unreadable)?;
            let plain = self.strongbox.open(Drawer::Parked, Row::id(mark), &row.sealed)?;
            let Kept { id, reason } = serde_json::from_slice(&plain).map_err(|_| Unkept::Unreadable)?;
            Ok(Parked { stream: row.stream, id, reason, at: row.parked_at })
        };
        rows.into_iter().map(open).collect()
    }
}
