//! The rows of matching: what is compared of a record, by which keys it is found, and what somebody is asked.

use diesel::prelude::{Insertable, Queryable, Selectable};

use crate::store::schema;
use crate::types::{RecordNo, ReviewId, SourceNo, SubjectId, Timestamp};

/// What matching keeps of one record: its name at the source, and what is compared.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::card, treat_none_as_default_value = false)]
pub struct CardRow {
    /// The record.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub record_no: RecordNo,
    /// The person it belongs to now.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject_id: SubjectId,
    /// The person it was sealed for, as its record.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub sealed_for: SubjectId,
    /// Which of that person's keys seals it.
    pub key_no: i16,
    /// Where it came from.
    #[diesel(deserialize_as = i32, serialize_as = i32)]
    pub source_no: SourceNo,
    /// The source's own id of the record, sealed; empty if it cannot be kept.
    pub named: Vec<u8>,
    /// What is compared, sealed; empty if nothing is.
    pub sealed: Vec<u8>,
    /// Its matching keys, 8 bytes each.
    pub matching_keys: Vec<u8>,
    /// Under which values it is counted (see [`crate::store::terms`]), masked; none if under none.
    pub terms: Option<Vec<u8>>,
}

impl CardRow {
    /// The matching keys as numbers.
    pub fn keys(&self) -> impl Iterator<Item = i64> {
        self.matching_keys.as_chunks::<8>().0.iter().map(|key| i64::from_be_bytes(*key))
    }
}

/// One matching key of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::block)]
pub struct BlockRow {
    /// The key.
    pub matching_key: i64,
    /// The record.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub record_no: RecordNo,
}

/// Two records that may be of one person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::review)]
pub struct ReviewRow {
    /// Its id.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub review_id: ReviewId,
    /// The smaller of the two records' numbers.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub one_no: RecordNo,
    /// Its person when it was compared.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub one_id: SubjectId,
    /// The other record.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub other_no: RecordNo,
    /// Its person when it was compared.
    #[diesel(deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub other_id: SubjectId,
    /// What the comparisons came to, in thousandths of a bit.
    pub weight: i32,
    /// The comparisons, as JSON of levels and weights without values.
    pub waterfall: String,
    /// Where it stands; the graph room names the numbers.
    pub state: i16,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub made_at: Timestamp,
    /// When it was decided; unset: not yet.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub decided_at: Timestamp,
}
