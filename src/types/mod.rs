//! The words everyone uses: ids, categories, purposes, time.
//!
//! This is the lowest room. It knows no database, no key and no HTTP; it must never hold a personal value.
//! Read next: [`crate::store`], which keeps rows made of these words.

mod category;
mod clock;
mod entropy;
mod ids;
mod lenient;
pub(crate) mod words;

pub use category::{Category, CategorySet};
pub use clock::{Clock, SystemClock, Timestamp};
pub use entropy::{Entropy, EntropyFailure, SystemEntropy};
pub use ids::{
    ApiKeyId, DecisionId, IdMaker, LogId, Part, PurposeCode, RecordNo, RequestId, ReviewId, SegmentId, SourceNo,
    SubjectId,
};
pub use lenient::read_json;
pub(crate) use words::words;
pub use words::{Channel, Ground, IdentifierKind, RecordKind, Role, UnknownWord, Voice};
