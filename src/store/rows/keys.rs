//! The rows of the keys: wrapped, each under the one above it.

use diesel::prelude::{Insertable, Queryable, Selectable};

use crate::store::schema;
use crate::types::{Part, SubjectId, Timestamp};

/// A subject's data key, wrapped under a KEK epoch. Deleting the row and destroying the epoch is erasure.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::data_key)]
pub struct DataKeyRow {
    /// The partition of `subject`.
    pub part: Part,
    /// The subject the key was made for. It stays when the subject is merged into another, because ciphertexts and
    /// the wrapping are bound to it.
    #[diesel(column_name = subject_id, deserialize_as = Vec<u8>, serialize_as = Vec<u8>)]
    pub subject: SubjectId,
    /// Counts the keys of one subject from 1; the highest seals, all open.
    pub key_no: i16,
    /// The KEK epoch that wraps it.
    pub epoch: i32,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// Key commitment: proves that the unwrapped key is the one that was wrapped.
    pub commitment: Vec<u8>,
    /// One random salt per category; a category dies when its salt is overwritten.
    pub salts: Vec<u8>,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}

/// A key-encryption-key epoch, wrapped by the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KekRow {
    /// Counts from 1.
    pub epoch: i32,
    /// The wrapped KEK; empty once destroyed.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was destroyed; from then on nothing it wrapped can be opened by anyone.
    pub destroyed_at: Option<Timestamp>,
}

/// A secret of the hub itself (index keys, signing keys), wrapped by the root key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schema::hub_secret)]
pub struct HubSecretRow {
    /// What it is for, such as `index.lookup`.
    pub name: String,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
    /// When it was made.
    #[diesel(deserialize_as = i64, serialize_as = i64)]
    pub created_at: Timestamp,
}
