//! Keeping segments: save, find, list, delete.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::segment::{Bound, Segment, SegmentCode};
use super::{Error, Segments};
use crate::audit::{Act, Line};
use crate::gateway::{Actor, Caller};
use crate::store::segments::{self, SegmentRow};
use crate::types::{SegmentId, Timestamp};

/// A segment as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StoredSegment)]
pub struct Stored {
    /// Its id.
    pub id: SegmentId,
    /// Counts the versions from 1.
    pub version: i32,
    /// When this version was made.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its definition.
    #[serde(flatten)]
    pub segment: Segment,
}

impl Segments {
    /// Adds a segment, or a new version of the one with this code. Cursors of the old version end.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault, or a failure to write.
    pub async fn save(&self, caller: &Caller, segment: Segment) -> Result<Stored, Error> {
        segment.bind(&self.rulebook.edition()).map_err(Error::Invalid)?;
        let definition = serde_json::to_string(&segment).map_err(|_| Error::Unreadable)?;
        let row = SegmentRow {
            segment_id: SegmentId::from_uuid(self.ids.uuid()?),
            code: segment.code.as_str().to_owned(),
            version: 1,
            definition,
            created_at: self.clock.now(),
        };
        let put = async { Ok(self.store.write(move |write| segments::put(write, row.clone())).await?) };
        Stored::read(self.change(caller, &segment.code, put).await?)
    }

    /// All segments, by code.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn list(&self) -> Result<Vec<Stored>, Error> {
        let rows = self.store.read(|read| segments::all(read.records())).await?;
        rows.into_iter().map(Stored::read).collect()
    }

    /// The segment with this code.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn find(&self, code: &SegmentCode) -> Result<Option<Stored>, Error> {
        let code = code.clone();
        let row = self.store.read(move |read| segments::find(read.records(), code.as_str())).await?;
        row.map(Stored::read).transpose()
    }

    /// Removes the segment with this code. False if there is none.
    ///
    /// # Errors
    /// If it cannot be written, or somebody else removes it at the same moment.
    pub async fn delete(&self, caller: &Caller, code: &SegmentCode) -> Result<bool, Error> {
        if self.find(code).await?.is_none() {
            return Ok(false);
        }
        let gone = code.clone();
        let delete = async {
            let deleted = self.store.write(move |write| segments::delete(write, gone.as_str())).await?;
            // Somebody else was quicker, and has a line of their own.
            if deleted { Ok(true) } else { Err(Error::Unknown) }
        };
        self.change(caller, code, delete).await
    }

    /// A stored segment and what it is bound to now: purposes may have changed since it was saved.
    pub(super) async fn bound(&self, code: &SegmentCode) -> Result<(Stored, Bound), Error> {
        let stored = self.find(code).await?.ok_or(Error::Unknown)?;
        let bound = stored.segment.bind(&self.rulebook.edition()).map_err(Error::Outdated)?;
        Ok((stored, bound))
    }

    async fn change<T>(
        &self,
        caller: &Caller,
        code: &SegmentCode,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut line = Line::new(Act::Configured).object(format!("segment:{code}"));
        if let Actor::Key { id, role } = caller.actor {
            line = line.by(id, role);
        }
        self.book.change(line, work).await
    }
}

impl Stored {
    fn read(row: SegmentRow) -> Result<Self, Error> {
        let definition = serde_json::from_str(&row.definition).map_err(|_| Error::Unreadable)?;
        let segment = Segment::read(definition).map_err(|_| Error::Unreadable)?;
        Ok(Self { id: row.segment_id, version: row.version, created_at: row.created_at, segment })
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}
