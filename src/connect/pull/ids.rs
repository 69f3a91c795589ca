//! [`Ids`]: a list of the ids of all there is, by which what is gone is found without everything being read again.

use serde_json::Value;

use super::{Leaf, Place, Pull};
use crate::connect::call::At;
use crate::connect::link::Link;
use crate::connect::manifest::pull::{IdsSpec, PullSpec};
use crate::connect::mapping::exact;
use crate::connect::{Error, Stream};
use crate::types::{RecordKind, Timestamp};

/// How the ids are listed.
pub struct Ids {
    kind: RecordKind,
    every: i64,
    pull: Pull,
    list: Stream,
}

impl Ids {
    pub(super) fn load(spec: IdsSpec, place: &str, stream: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("{place}.ids");
        let list = Stream::list(&place, &spec.ids, at)?;
        let pull = PullSpec {
            each: None,
            request: Some(spec.request),
            report: None,
            paging: spec.paging,
            incremental: None,
            lists: None,
            ids: None,
            enrich: Vec::new(),
        };
        let pull = Pull::load(pull, &format!("{stream}.ids"), link, at)?;
        if pull.paging.as_ref().is_some_and(|paging| !paging.misses_nothing()) {
            return Err(at.wrong("ids:", "pages with numbers or offsets need a `total` for that"));
        }
        Ok(Self { kind: spec.of, every: i64::from(spec.every_days.max(1)) * Timestamp::DAY, pull, list })
    }

    /// The type of record they are the ids of.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Are they to be listed again, if they were the last time at `place`?
    #[must_use]
    pub fn is_due(&self, place: &Place, now: Timestamp) -> bool {
        place.whole.is_none_or(|at| now.micros().saturating_sub(at) >= self.every)
    }

    /// How they are read.
    #[must_use]
    pub const fn reading(&self) -> (&Pull, &Stream) {
        (&self.pull, &self.list)
    }

    /// The ids on a page, as records of the type name them; none if one cannot be read: it may be that of anybody.
    #[must_use]
    pub fn on(&self, leaf: Leaf) -> Option<Vec<String>> {
        leaf.objects().map(|object| id_of(exact(object.ok()?)?)).collect()
    }
}

/// An id as a record's `external_id` has it; none if it can be none.
pub(in crate::connect) fn id_of(id: Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Place {
    /// Everything was listed at this time.
    #[must_use]
    pub fn listed(now: Timestamp) -> Self {
        Self { whole: Some(now.micros()), ..Self::default() }
    }
}
