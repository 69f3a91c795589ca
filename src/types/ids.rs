//! One newtype per id. The hub makes all ids itself; no database sequence is involved, so that many
//! nodes can write to one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Clock, Entropy, EntropyFailure, Timestamp, UnknownWord};

/// The partition a subject's rows live in (0–1023). It leads the keys of everything a subject owns, so that
/// a distributed database can spread one merchant over many machines.
pub type Part = i16;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// From its stored 16 bytes.
            ///
            /// # Errors
            /// If there are not exactly 16 bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, UnknownWord> {
                Uuid::from_slice(bytes).map(Self).map_err(|_| UnknownWord(stringify!($name)))
            }

            /// From a UUID made elsewhere.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The 16 bytes as stored.
            #[must_use]
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = UnknownWord;

            fn try_from(bytes: Vec<u8>) -> Result<Self, UnknownWord> {
                Self::from_slice(&bytes)
            }
        }

        impl From<$name> for Vec<u8> {
            fn from(id: $name) -> Self {
                id.bytes().to_vec()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Uuid::parse_str(text).map(Self).map_err(|_| UnknownWord(stringify!($name)))
            }
        }
    };
}

uuid_id!(
    /// A natural person as the hub knows them. Random enough to be no hint of anything but its own time of making.
    SubjectId
);
uuid_id!(
    /// One decision of the gateway; ties a permit to its audit receipt.
    DecisionId
);
uuid_id!(
    /// A data-subject request (Art. 12(3) GDPR).
    RequestId
);
uuid_id!(
    /// A pair of records that waits for somebody to say whether they are of one person.
    ReviewId
);
uuid_id!(
    /// A segment definition.
    SegmentId
);
uuid_id!(
    /// An API key; its public half.
    ApiKeyId
);
uuid_id!(
    /// One audit log: a writing process from its start to its end.
    LogId
);

impl SubjectId {
    /// The partition of this subject: the last ten bits, which are random in a UUIDv7.
    #[must_use]
    pub fn part(&self) -> Part {
        let [.., high, low] = self.bytes();
        i16::from_be_bytes([high & 0x03, low])
    }
}

/// A stored record's number: increasing per node, so that rows are appended; unique over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNo(pub i64);

/// What the time in record numbers is counted from, in microseconds: the beginning of 2020.
const SINCE_2020: i64 = 1_577_836_800 * Timestamp::SECOND;
/// The low bits of a record number, which are the node's.
const NODE: u32 = 10;

impl RecordNo {
    /// When it was made, by the clock of the node that did.
    #[must_use]
    pub const fn made_at(self) -> Timestamp {
        Timestamp::from_micros((self.0 >> NODE) + SINCE_2020)
    }
}

impl From<i64> for RecordNo {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<RecordNo> for i64 {
    fn from(number: RecordNo) -> Self {
        number.0
    }
}

/// A configured source of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceNo(pub i32);

impl From<i32> for SourceNo {
    fn from(number: i32) -> Self {
        Self(number)
    }
}

impl From<SourceNo> for i32 {
    fn from(number: SourceNo) -> Self {
        number.0
    }
}

/// The code of a purpose, such as `newsletter_email`: lower-case letters, digits and underscores, 2 to 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_]{1,63}$", example = "newsletter_email")]
pub struct PurposeCode(Arc<str>);

impl PurposeCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PurposeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for PurposeCode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if letters && starts && (2..=64).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(UnknownWord("purpose"))
        }
    }
}

impl<'de> Deserialize<'de> for PurposeCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes ids. One per process.
pub struct IdMaker {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    node: i64,
    last: AtomicI64,
}

impl IdMaker {
    /// A maker with a random node number (0–1023).
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, EntropyFailure> {
        let mut node = [0; 2];
        entropy.fill(&mut node)?;
        let node = i64::from(u16::from_be_bytes(node) & 0x3ff);
        Ok(Self { clock, entropy, node, last: AtomicI64::new(0) })
    }

    /// A UUIDv7 (RFC 9562): 48 bits of time, 74 bits of chance.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn uuid(&self) -> Result<Uuid, EntropyFailure> {
        let mut chance = [0; 10];
        self.entropy.fill(&mut chance)?;
        let millis = u64::try_from(self.clock.now().micros() / 1_000).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid())
    }

    /// A record number: microseconds since 2020 in the high 53 bits, the node in the low ten. Every call
    /// takes at least the next microsecond, so a node never repeats itself while its clock moves forward. Two nodes
    /// that drew the same node number can make the same record number; the store then refuses the second, and the
    /// write runs again with a new one.
    pub fn record_no(&self) -> RecordNo {
        let now = self.clock.now().micros().saturating_sub(SINCE_2020).max(1);
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = now.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return RecordNo((next << NODE) | self.node),
                Err(seen) => last = seen,
            }
        }
    }
}
