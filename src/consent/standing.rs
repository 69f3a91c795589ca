//! [`Standing`]: the ledger and the facts of one person, folded.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::choice::{self, Choice};
use super::{Entry, EntryNo};
use crate::types::{PurposeCode, SourceNo, SubjectId, Timestamp};

/// What the store found about a person, in one database snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The person as known now.
    pub subject: SubjectId,
    /// Facts about each part of the person that has data: subjects merged into them, and they themselves. A part that is not
    /// listed here can say no, but nothing of it can be read.
    pub origins: Vec<OriginFacts>,
    /// The merges in force; undone ones are left out.
    pub merges: Vec<Merge>,
    /// All ledger entries of all parts, in any order.
    pub entries: Vec<Entry>,
    /// Is the person a child?
    pub age: Age,
}

/// One subject became part of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The part.
    pub from: SubjectId,
    /// Whom it was merged into.
    pub into: SubjectId,
    /// When.
    pub at: Timestamp,
}

/// What is known about a part of a person beside the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginFacts {
    /// The part: the subject its data was given to.
    pub origin: SubjectId,
    /// The end of its last contract ([`Timestamp::NEVER`] while one is open). None: there never was one.
    pub contract_until: Option<Timestamp>,
    /// What § 7(3) UWG asks about its orders.
    pub sale: SaleFacts,
    /// The sources of its records, once each. Empty if the store did not look: the door then checks record by record.
    pub sources: Vec<SourceFacts>,
}

impl OriginFacts {
    /// Nothing is known about `origin`.
    #[must_use]
    pub fn nothing(origin: SubjectId) -> Self {
        Self { origin, contract_until: None, sale: SaleFacts::default(), sources: Vec::new() }
    }
}

/// The conditions of § 7(3) UWG that follow from orders. No information means no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaleFacts {
    /// There is a paid order.
    pub paid_order: bool,
    /// The e-mail address was given with it (no. 1).
    pub address_from_order: bool,
    /// What is advertised is similar to what was bought (no. 2).
    pub similar_goods: bool,
    /// The right to object was named when the address was taken (no. 4).
    pub notice_at_collection: bool,
}

/// What a source allows with the records it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFacts {
    /// Which source.
    pub source: SourceNo,
    /// The purposes its policy lists. None: the policy sets no limit.
    pub purposes: Option<Arc<BTreeSet<PurposeCode>>>,
    /// The latest end of its clock over the records present. None: no clock.
    pub until: Option<Timestamp>,
}

/// How old a person is, as far as Art. 8 GDPR asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Age {
    /// Nobody said.
    #[default]
    Unknown,
    /// Old enough to consent alone.
    OfAge,
    /// Below the age of the country.
    Child,
}

/// Where a person stands. Made only by [`Standing::fold`] and [`Standing::unknown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    subject: Option<SubjectId>,
    origins: Vec<Origin>,
    age: Age,
    ledger_version: Option<EntryNo>,
}

/// A part of a person, with the choices that count for its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What is known beside the ledger.
    pub facts: OriginFacts,
    /// Does the store hold data of it?
    pub has_records: bool,
    /// What was said, by the part and by the merged person after the merge; one per purpose and channel.
    pub choices: Vec<Choice>,
}

impl Standing {
    /// The standing of somebody the hub does not know. Everything is refused.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { subject: None, origins: Vec::new(), age: Age::Unknown, ledger_version: None }
    }

    /// Folds a snapshot. Neither the order of the entries nor repetitions change the result.
    ///
    /// Each part keeps its own choices. What the merged person said after the merge (an entry whose origin is the subject
    /// merged into, later than the merge) counts for every part; what another part said counts only as a no, and that is
    /// weighed when deciding (merging never widens).
    #[must_use]
    pub fn fold(snapshot: Snapshot) -> Self {
        let Snapshot { subject, origins, merges, entries, age } = snapshot;
        let mut parts: Vec<(OriginFacts, bool)> = origins.into_iter().map(|facts| (facts, true)).collect();
        let ends = merges.iter().flat_map(|merge| [merge.from, merge.into]);
        let bare = std::iter::once(subject).chain(entries.iter().map(|entry| entry.origin)).chain(ends);
        parts.extend(bare.map(|origin| (OriginFacts::nothing(origin), false)));
        // The sort is stable: of doubles, the first that has data stays.
        parts.sort_by_key(|(facts, has_records)| (facts.origin, !has_records));
        parts.dedup_by_key(|(facts, _)| facts.origin);
        let ledger_version = entries.iter().map(|entry| entry.entry_no).max();
        let folded = parts.into_iter().map(|(facts, has_records)| {
            let voices = voices(facts.origin, &merges);
            let heard = |entry: &&Entry| voices.iter().any(|voice| voice.speaks_in(entry));
            Origin { choices: choice::fold(entries.iter().filter(heard).collect()), facts, has_records }
        });
        Self { subject: Some(subject), origins: folded.collect(), age, ledger_version }
    }

    /// Who it is about; None if unknown.
    #[must_use]
    pub const fn subject(&self) -> Option<SubjectId> {
        self.subject
    }

    /// The parts of the person, in the order of their ids.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Is the data of any part restricted, for any purpose (Art. 18 GDPR)?
    #[must_use]
    pub fn is_restricted(&self, now: Timestamp) -> bool {
        self.origins.iter().any(|origin| origin.restrictions(now).next().is_some())
    }

    /// Is the person a child?
    #[must_use]
    pub const fn age(&self) -> Age {
        self.age
    }

    /// The highest entry seen: the version of the ledger a decision relies on.
    #[must_use]
    pub const fn ledger_version(&self) -> Option<EntryNo> {
        self.ledger_version
    }
}

/// Whose entries count for a part, and since when.
struct Voice {
    origin: SubjectId,
    since: Option<Timestamp>,
}

impl Voice {
    /// An entry given after a merge must both have happened and have been written down after it: a late import about the
    /// time before speaks for its own part only.
    fn speaks_in(&self, entry: &Entry) -> bool {
        entry.origin == self.origin && self.since.is_none_or(|merged| entry.at > merged && entry.recorded_at >= merged)
    }
}

/// The part itself, then whoever it was merged into, and so on.
fn voices(origin: SubjectId, merges: &[Merge]) -> Vec<Voice> {
    let mut voices = vec![Voice { origin, since: None }];
    let mut seen = HashSet::from([origin]);
    let mut at = origin;
    while let Some(merge) = merges.iter().filter(|merge| merge.from == at).max_by_key(|merge| merge.at) {
        if !seen.insert(merge.into) {
            break;
        }
        // Through somebody who was merged before, the part came no earlier than it came to that one.
        let since = voices.last().and_then(|voice| voice.since).max(Some(merge.at));
        voices.push(Voice { origin: merge.into, since });
        at = merge.into;
    }
    voices
}
