//! [`Place`]: where a stream stands, between two pages and between two readings.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::paging::Spot;
use super::report::Made;
use crate::connect::template::Variables;

/// Where a stream stands. It is kept sealed, because a vendor's page tokens may hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Everything that changed before is in; microseconds. None: nothing is in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<i64>,
    /// The reading that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<Sweep>,
    /// When everything was read the last time, where that says who is gone; microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<i64>,
    /// What it was read for one after the other the last time, by digests: what is not among them is read from its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<Vec<String>>,
    /// Those of which a first reading could not have the rest of an object, and since when: they are read from their beginning again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) owing: BTreeMap<String, i64>,
}

/// One reading of a stream from its first to its last page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    /// What it asks for since.
    pub(super) since: Option<i64>,
    /// What the next reading asks for since.
    pub(super) next_since: i64,
    /// What it asks for until.
    pub(super) until: i64,
    /// What it is read until in the end, where a vendor answers no longer stretch than a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<i64>,
    /// The page that comes next.
    pub(super) at: Spot,
    /// Objects read.
    pub(super) read: u64,
    /// Objects there are in all.
    pub(super) total: Option<u64>,
    /// What it is read for one after the other, where the manifest says so; what is done is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) each: Option<Vec<Variables>>,
    /// All of those, by digests, also what is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) things: Vec<String>,
    /// Those that were not there the last time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fresh: Vec<String>,
    /// Those among them of which the rest of an object could not be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) owing: Vec<String>,
    /// The report it is read from, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<Made>,
    /// Reports that failed in its place.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) failed: u8,
    /// Could the rest of an object not be had for a reason that may pass? Then the next reading looks for it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) owes: bool,
    /// Was its last page read by this process? What was kept since an earlier one may not be valid any more.
    #[serde(skip)]
    pub(super) runs: bool,
}

impl Sweep {
    /// Is it read now for something that was not there the last time?
    pub(super) fn is_fresh(&self) -> bool {
        let thing = self.each.as_ref().and_then(|each| each.last()).filter(|_| !self.fresh.is_empty());
        thing.is_some_and(|thing| self.fresh.contains(&name_of(thing)))
    }

    /// The rest of an object could not be had for a reason that may pass: of what is read from its beginning, that is how it is
    /// read again; of everything else what changed lately is.
    pub(super) fn owe(&mut self) {
        match self.each.as_ref().and_then(|each| each.last()).map(name_of).filter(|_| self.is_fresh()) {
            Some(thing) if self.owing.contains(&thing) => {}
            Some(thing) => self.owing.push(thing),
            None => self.owes = true,
        }
    }

    /// Where the stream stands after it. What is owed is asked for again for so long.
    pub(super) fn end(&self, before: &Place, since: Option<i64>, whole: Option<i64>, owed_for: i64) -> Place {
        let began = |thing: &String| before.owing.get(thing).copied().unwrap_or(self.next_since);
        let owing = self.owing.iter().map(|thing| (thing.clone(), began(thing)));
        let owing: BTreeMap<_, _> =
            owing.filter(|(_, since)| self.next_since.saturating_sub(*since) < owed_for).collect();
        let things = self.things.iter().filter(|thing| !owing.contains_key(*thing)).cloned();
        let known = self.each.as_ref().map(|_| things.collect());
        Place { since, sweep: None, whole, known, owing }
    }

    /// Goes on with the next of the things it is read for. False if there is none.
    pub(super) fn next_thing(&mut self) -> bool {
        (self.at, self.read, self.total, self.report, self.failed) = (Spot::First, 0, None, None, 0);
        self.each.as_mut().is_some_and(|each| each.pop().is_some() && !each.is_empty())
    }
}

/// A digest of something a stream is read for, of sixteen characters: a name of it that says nothing.
pub(super) fn name_of(thing: &Variables) -> String {
    let digest = digest(&SHA256, Value::Object(thing.clone()).to_string().as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_none(count: &u8) -> bool {
    *count == 0
}

impl Place {
    /// The same stream, to be read from its beginning.
    #[must_use]
    pub fn anew() -> Self {
        Self::default()
    }

    /// The reading goes on that stopped here to wait: what it left is as valid as if nobody had stopped.
    pub const fn go_on(&mut self) {
        if let Some(sweep) = &mut self.sweep {
            sweep.runs = true;
        }
    }

    /// Does a reading go on here that was cut short?
    #[must_use]
    pub const fn is_midway(&self) -> bool {
        self.sweep.is_some()
    }
}
