//! [`Report`]: what became of the records of one call. It repeats no value of any record.

use serde::Serialize;
use utoipa::ToSchema;

use crate::intake::{Outcome, Rejection, Taken};

/// Results one reply lists at most; the summary counts all.
const LISTED: usize = 20_000;

/// Where a record stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the list of a document, from 0.
    Index(u64),
    /// On a line of a stream, from 1.
    Line(u64),
}

/// How many records had which outcome.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = RecordCounts)]
pub struct Summary {
    /// New ones.
    created: u64,
    /// Those that replaced an older version.
    updated: u64,
    /// Those that were there already.
    unchanged: u64,
    /// Those of which a newer version is there.
    stale: u64,
    /// Those that tell of a person from before their erasure; they are not stored.
    suppressed: u64,
    /// Those of which no purpose of their source keeps anything; they are not stored.
    unread: u64,
    /// Those that were refused.
    rejected: u64,
    /// Of those that were not refused: how many were taken in without one of their values.
    incomplete: u64,
}

/// What became of one record.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordOutcome)]
pub struct Item {
    /// Its place in `records`, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    index: Option<u64>,
    /// Its line in the stream, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    line: Option<u64>,
    /// `created`, `updated`, `unchanged`, `stale`, `suppressed`, `unread` or `rejected`.
    #[schema(value_type = String, example = "rejected")]
    outcome: &'static str,
    /// Of a rejected record: why, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, example = "invalid_email")]
    code: Option<&'static str>,
    /// Of a rejected record: where in it, as a JSON pointer (RFC 6901); empty for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/identifiers/0/value")]
    pointer: Option<String>,
    /// Of a rejected record: what is expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// What it was taken in without: an address, a number or a date that cannot be, and each category that no purpose of its
    /// source keeps (`no_purpose`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    left_out: Vec<LeftOut>,
}

/// A value that cannot be, or a category that no purpose keeps; its record was taken in without it.
#[derive(Serialize, ToSchema)]
#[schema(as = ValueLeftOut)]
pub struct LeftOut {
    /// Why, as a stable word.
    #[schema(value_type = String, example = "invalid_phone")]
    code: &'static str,
    /// Where in the record, as a JSON pointer (RFC 6901); empty where it is a whole category.
    #[schema(example = "/identifiers/1/value")]
    pointer: String,
    /// What is expected there.
    detail: String,
}

/// What became of the records of one call.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordReport)]
pub struct Report {
    /// Counts of all records.
    summary: Summary,
    /// The records one by one, in their order: all, or those that were rejected or taken in without one of their values; the
    /// first 20,000 of them.
    results: Vec<Item>,
    /// How many more there were than `results` can list.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    omitted: u64,
    #[serde(skip)]
    all: bool,
}

impl Report {
    /// An empty report that will list all records, or only rejected ones.
    pub(super) fn new(all: bool) -> Self {
        Self { summary: Summary::default(), results: Vec::new(), omitted: 0, all }
    }

    /// Adds what intake said of a record. It says something of each; `None` is a fault on this side and counts as
    /// rejected, so that the record is sent again.
    pub(super) fn add(&mut self, place: Place, taken: Option<Taken>) {
        let summary = &mut self.summary;
        let (outcome, left_out) = taken.map_or((None, Vec::new()), |taken| (Some(taken.outcome), taken.left_out));
        let (count, word) = match outcome {
            Some(Outcome::Created) => (&mut summary.created, "created"),
            Some(Outcome::Updated) => (&mut summary.updated, "updated"),
            Some(Outcome::Unchanged) => (&mut summary.unchanged, "unchanged"),
            Some(Outcome::Stale) => (&mut summary.stale, "stale"),
            Some(Outcome::Suppressed) => (&mut summary.suppressed, "suppressed"),
            Some(Outcome::Unread) => (&mut summary.unread, "unread"),
            Some(Outcome::Rejected(rejection)) => return self.reject(place, rejection),
            None => (&mut summary.rejected, "rejected"),
        };
        *count += 1;
        summary.incomplete += u64::from(!left_out.is_empty() && word != "unread");
        if self.all || !left_out.is_empty() {
            let told =
                left_out.into_iter().map(|Rejection { code, pointer, detail }| LeftOut { code, pointer, detail });
            self.list(Item { left_out: told.collect(), ..Item::new(place, word) });
        }
    }

    /// Adds a record that was refused.
    pub(super) fn reject(&mut self, place: Place, Rejection { code, pointer, detail }: Rejection) {
        self.summary.rejected += 1;
        let item = Item::new(place, "rejected");
        self.list(Item { code: Some(code), pointer: Some(pointer), detail: Some(detail), ..item });
    }

    /// How many records were there.
    pub(super) fn seen(&self) -> usize {
        let Summary { created, updated, unchanged, stale, suppressed, unread, rejected, .. } = self.summary;
        usize::try_from(created + updated + unchanged + stale + suppressed + unread + rejected).unwrap_or(usize::MAX)
    }

    fn list(&mut self, item: Item) {
        if self.results.len() < LISTED {
            self.results.push(item);
        } else {
            self.omitted += 1;
        }
    }
}

impl Item {
    const fn new(place: Place, outcome: &'static str) -> Self {
        let (index, line) = match place {
            Place::Index(index) => (Some(index), None),
            Place::Line(line) => (None, Some(line)),
        };
        Self { index, line, outcome, code: None, pointer: None, detail: None, left_out: Vec::new() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::normal::Reason;

    #[test]
    fn memory_is_bounded_and_nothing_is_uncounted() {
        let mut report = Report::new(false);
        for line in 0..30_000 {
            report.reject(Place::Line(line), Rejection::new(Reason::EMPTY));
            report.add(Place::Line(line), Some(Taken { outcome: Outcome::Created, left_out: Vec::new() }));
        }
        let sent = serde_json::to_value(&report).unwrap();
        assert_eq!(sent["results"].as_array().unwrap().len(), LISTED);
        assert_eq!((&sent["omitted"], &sent["summary"]["rejected"]), (&10_000.into(), &30_000.into()));
        assert_eq!(report.seen(), 60_000);
    }
}
