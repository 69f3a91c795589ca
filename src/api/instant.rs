//! [`Instant`]: an instant on the wire, RFC 3339.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::types::Timestamp;

/// An instant as RFC 3339 writes it, such as `2026-11-21T09:30:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T09:30:00Z")]
pub struct Instant(pub Timestamp);

impl Instant {
    /// The instant, unless it is not set.
    #[must_use]
    pub fn of(time: Timestamp) -> Option<Self> {
        time.is_set().then_some(Self(time))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Timestamp::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}
