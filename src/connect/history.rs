//! [`Counts`]: what a sync brought.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Different reasons kept of one sync.
const REASONS: usize = 50;

/// What a sync brought, by stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncCounts)]
pub struct Counts {
    /// Each stream that was read.
    pub streams: BTreeMap<String, StreamCounts>,
    /// Why records were rejected, in words without values, and how many for each reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejections: BTreeMap<String, u64>,
    /// Which values records were taken in without, because they cannot be, or no purpose of the source keeps what is of their
    /// category, in words without values, and how many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// What somebody is to do before long so that the source can be read further, in words: a credential ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// What was read of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SyncStreamCounts)]
pub struct StreamCounts {
    /// Objects of the vendor that were read.
    pub read: u64,
    /// Objects there are in all, where the vendor says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Records that are new.
    pub created: u64,
    /// Records that changed.
    pub updated: u64,
    /// Records that were there already, and objects that did not change since the last sync.
    pub unchanged: u64,
    /// Records of which a newer version is there.
    pub stale: u64,
    /// Records of people who were erased.
    pub suppressed: u64,
    /// Records of which no purpose of the source keeps anything; they were not stored.
    #[serde(default)]
    pub unread: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Records that ended because the vendor does not list their objects any more.
    #[serde(default)]
    pub ended: u64,
    /// Was it read to its end?
    pub complete: bool,
}

impl Counts {
    /// From its stored form; one that cannot be read counts nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Its stored form.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The counts of a stream, to add to.
    pub fn stream(&mut self, name: &str) -> &mut StreamCounts {
        self.streams.entry(name.to_owned()).or_default()
    }

    /// Counts a rejected record of a stream. `reason` holds no value.
    pub fn reject(&mut self, stream: &str, reason: &str) {
        self.stream(stream).rejected += 1;
        count(&mut self.rejections, stream, reason);
    }

    /// Counts a value that a record of a stream was taken in without. `reason` holds no value.
    pub fn leave_out(&mut self, stream: &str, reason: &str) {
        count(&mut self.left_out, stream, reason);
    }

    /// All streams together.
    #[must_use]
    pub fn sum(&self) -> StreamCounts {
        self.streams.values().fold(StreamCounts { complete: true, ..StreamCounts::default() }, |sum, one| {
            StreamCounts {
                read: sum.read + one.read,
                total: None,
                created: sum.created + one.created,
                updated: sum.updated + one.updated,
                unchanged: sum.unchanged + one.unchanged,
                stale: sum.stale + one.stale,
                suppressed: sum.suppressed + one.suppressed,
                unread: sum.unread + one.unread,
                rejected: sum.rejected + one.rejected,
                ended: sum.ended + one.ended,
                complete: sum.complete && one.complete,
            }
        })
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, stream: &str, reason: &str) {
    let reason = format!("{stream}: {reason}");
    let known = reasons.contains_key(&reason);
    let reason = if known || reasons.len() < REASONS { reason } else { "other reasons".to_owned() };
    *reasons.entry(reason).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_end_somewhere() {
        let mut counts = Counts::default();
        (0..REASONS + 10).for_each(|number| counts.reject("orders", &format!("reason {number}")));
        counts.reject("orders", "reason 0");
        assert_eq!(counts.rejections.len(), REASONS + 1);
        assert_eq!((counts.rejections["orders: reason 0"], counts.rejections["other reasons"]), (2, 10));
        assert_eq!(counts.sum().rejected, 61);
        assert_eq!(Counts::parse(&counts.text()), counts);
    }
}
