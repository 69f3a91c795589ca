//! Keeping segments: save, find, list, delete.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, RefBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use zeroize::Zeroizing;

use super::segment::{Bound, Segment, SegmentCode};
use super::{Error, Segments};
use crate::audit::{Act, Line};
use crate::gateway::{Actor, Caller};
use crate::store;
use crate::store::segments::{self, SegmentRow};
use crate::types::{SegmentId, Timestamp};
use crate::vault::{Drawer, Row};

/// A segment as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored {
    /// Its id.
    pub id: SegmentId,
    /// Counts the versions from 1.
    pub version: i32,
    /// When this version was made.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// Its definition.
    #[serde(flatten)]
    pub segment: Segment,
}

// Not derived: a definition takes no further fields, and `allOf` would say so of the whole, too.
impl PartialSchema for Stored {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut stored)) = Segment::schema() else { return Segment::schema() };
        let version = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .description(Some("Counts the versions from 1."));
        let created_at = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("When this version was made."));
        let id = RefBuilder::new().ref_location_from_schema_name(SegmentId::name()).description(Some("Its id."));
        let own: [(&str, RefOr<Schema>); 3] =
            [("id", id.build().into()), ("version", version.into()), ("created_at", created_at.into())];
        for (name, schema) in own {
            stored.properties.insert(name.to_owned(), schema);
            stored.required.push(name.to_owned());
        }
        stored.description = Some("A segment as it is kept.".to_owned());
        stored.into()
    }
}

impl ToSchema for Stored {
    fn name() -> Cow<'static, str> {
        "StoredSegment".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((SegmentId::name().into_owned(), SegmentId::schema()));
        Segment::schemas(schemas);
    }
}

/// Which segment in which version. One that was removed and made anew is another.
pub type Version = (SegmentId, i32);

impl Segments {
    /// Adds a segment, or a new version of the one with this code. Cursors of the old version end.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every fault, or a failure to write.
    pub async fn save(&self, caller: &Caller, segment: Segment) -> Result<Stored, Error> {
        self.replace(caller, segment, |_| true).await
    }

    /// As [`Segments::save`], if `over` accepts the version there is (none: there is no such segment).
    ///
    /// # Errors
    /// [`Error::OtherVersion`] if it does not; else as [`Segments::save`].
    pub async fn replace(
        &self,
        caller: &Caller,
        segment: Segment,
        over: impl Fn(Option<Version>) -> bool + Send + 'static,
    ) -> Result<Stored, Error> {
        segment.bind(&self.rulebook.edition()).map_err(Error::Invalid)?;
        let definition = self.seal(&segment)?;
        let row = SegmentRow {
            segment_id: SegmentId::from_uuid(self.ids.uuid()?),
            code: segment.code.as_str().to_owned(),
            version: 1,
            definition,
            created_at: self.clock.now(),
        };
        if !over(self.version(&segment.code).await?) {
            return Err(Error::OtherVersion);
        }
        let put = async {
            let put = self.store.write(move |write| {
                // Somebody may have come between.
                let known = segments::find(write.records(), &row.code)?.map(|row| (row.segment_id, row.version));
                if over(known) { segments::put(write, row.clone()).map(Some) } else { Ok(None) }
            });
            put.await?.ok_or(Error::OtherVersion)
        };
        self.unseal(self.change(caller, &segment.code, put).await?)
    }

    /// All segments, by code.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn list(&self) -> Result<Vec<Stored>, Error> {
        let rows = self.store.read(|read| segments::all(read.records())).await?;
        rows.into_iter().map(|row| self.unseal(row)).collect()
    }

    /// The segment with this code.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn find(&self, code: &SegmentCode) -> Result<Option<Stored>, Error> {
        let code = code.clone();
        let row = self.store.read(move |read| segments::find(read.records(), code.as_str())).await?;
        row.map(|row| self.unseal(row)).transpose()
    }

    /// Removes the segment with this code, if `over` accepts its version.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::OtherVersion`], or a failure to write.
    pub async fn delete(
        &self,
        caller: &Caller,
        code: &SegmentCode,
        over: impl Fn(Option<Version>) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let known = self.version(code).await?.ok_or(Error::Unknown)?;
        if !over(Some(known)) {
            return Err(Error::OtherVersion);
        }
        let gone = code.clone();
        let delete = async {
            let delete = self.store.write(move |write| {
                let known = segments::find(write.records(), gone.as_str())?.map(|row| (row.segment_id, row.version));
                if known.is_none() {
                    return Ok(Err(Error::Unknown));
                }
                if !over(known) {
                    return Ok(Err(Error::OtherVersion));
                }
                segments::delete(write, gone.as_str())?;
                Ok::<_, store::Error>(Ok(()))
            });
            delete.await?
        };
        self.change(caller, code, delete).await
    }

    async fn version(&self, code: &SegmentCode) -> Result<Option<Version>, Error> {
        let code = code.clone();
        let row = self.store.read(move |read| segments::find(read.records(), code.as_str())).await?;
        Ok(row.map(|row| (row.segment_id, row.version)))
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

impl Segments {
    /// The definition as it is stored. It is sealed with its title, because it is free text: the check keeps values of one
    /// person out of where they are looked for, not out of a name somebody gives.
    fn seal(&self, segment: &Segment) -> Result<String, Error> {
        let definition = Zeroizing::new(serde_json::to_vec(segment).map_err(|_| Error::Unreadable)?);
        let sealed = self.strongbox.seal(Drawer::Segments, place(segment.code.as_str()), &definition)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn unseal(&self, row: SegmentRow) -> Result<Stored, Error> {
        let sealed = URL_SAFE_NO_PAD.decode(&row.definition).map_err(|_| Error::Unreadable)?;
        let definition = self.strongbox.open(Drawer::Segments, place(&row.code), &sealed)?;
        let definition = serde_json::from_slice(&definition).map_err(|_| Error::Unreadable)?;
        let segment = Segment::read(definition).map_err(|_| Error::Unreadable)?;
        Ok(Stored { id: row.segment_id, version: row.version, created_at: row.created_at, segment })
    }
}

/// What a definition is sealed for: the code of its segment, so that it cannot be put in another's place.
fn place(code: &str) -> Row {
    let digest: [u8; 32] = Sha256::digest(code).into();
    let [first, _] = digest.as_chunks::<16>().0 else { return Row::id([0; 16]) };
    Row::id(*first)
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}
