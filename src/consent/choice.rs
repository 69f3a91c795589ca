//! [`Choice`]: what the ledger of one part of a person says about one purpose and channel.

use std::sync::Arc;

use super::{Act, Entry, EntryNo, Method};
use crate::types::{Channel, PurposeCode, Timestamp};

/// A no that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// In which entry.
    pub entry_no: EntryNo,
}

/// A yes that was said: a consent, or the lifting of an objection or restriction. Whether it counts is decided later, against
/// the purpose in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Yes {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
    /// In which entry.
    pub entry_no: EntryNo,
    /// The version of the text the person saw.
    pub text_version: Option<Arc<str>>,
    /// How.
    pub method: Method,
    /// Is there evidence?
    pub proven: bool,
    /// Was it confirmed by double opt-in?
    pub confirmed: bool,
    /// Was it explicit?
    pub explicit: bool,
    /// Did the parents agree?
    pub parental: bool,
}

/// The latest no of each kind and the yeses that are not older than the no they answer.
///
/// The fold takes maxima and sorted sets only, so neither the order of the entries nor repetitions matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For which purpose; None for all.
    pub purpose: Option<PurposeCode>,
    /// For which channel; None for all.
    pub channel: Option<Channel>,
    /// The latest denial or withdrawal.
    pub refused: Option<Said>,
    /// The latest objection.
    pub objected: Option<Said>,
    /// The latest restriction.
    pub restricted: Option<Said>,
    /// What was said yes to, oldest first. A consent at or before `refused` is gone: on equal time the no wins.
    pub yes: Vec<Yes>,
}

/// What a choice is about.
type Key<'a> = (Option<&'a PurposeCode>, Option<Channel>);

fn key(entry: &Entry) -> Key<'_> {
    (entry.purpose.as_ref(), entry.channel.filter(|_| !entry.act.is_restriction()))
}

/// Folds entries into one choice per purpose and channel, in the order of these.
pub(super) fn fold(mut entries: Vec<&Entry>) -> Vec<Choice> {
    entries.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.cmp(b)));
    entries.chunk_by(|a, b| key(a) == key(b)).filter_map(fold_one).collect()
}

fn fold_one(entries: &[&Entry]) -> Option<Choice> {
    let (purpose, channel) = key(entries.first()?);
    let latest = |is: fn(Act) -> bool| {
        let of_kind = entries.iter().filter(|entry| is(entry.act));
        of_kind.map(|entry| Said { at: entry.at, act: entry.act, entry_no: entry.entry_no }).max()
    };
    let refused = latest(|act| matches!(act, Act::Denied | Act::Withdrawn));
    let stands = |entry: &Entry| match entry.act {
        Act::Granted => refused.is_none_or(|no| entry.at > no.at),
        act => !act.is_no(),
    };
    let mut yes: Vec<Yes> = entries.iter().filter(|entry| stands(entry)).map(|entry| Yes::from(*entry)).collect();
    yes.sort_unstable();
    yes.dedup();
    Some(Choice {
        purpose: purpose.cloned(),
        channel,
        refused,
        objected: latest(|act| act == Act::Objected),
        restricted: latest(|act| act == Act::Restricted),
        yes,
    })
}

impl From<&Entry> for Yes {
    fn from(entry: &Entry) -> Self {
        Self {
            at: entry.at,
            act: entry.act,
            entry_no: entry.entry_no,
            text_version: entry.text_version.clone(),
            method: entry.method,
            proven: entry.proven,
            confirmed: entry.confirmed,
            explicit: entry.explicit,
            parental: entry.parental,
        }
    }
}
