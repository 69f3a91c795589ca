//! [`decide`] and [`Permit`]. Trusted: nothing personal is read but by a permit, and only `decide` makes one.

use super::Ask;
use super::decision::{Allowed, Decision, Outcome, Refused};
use super::judge::{channel_of, judge, open_sources, record};
use crate::consent::{EntryNo, Origin, Purpose, Reason, Stance, Standing, stance};
use crate::types::{Category, CategorySet, Channel, DecisionId, PurposeCode, SourceNo, SubjectId, Timestamp};

/// The right to read certain categories of one person, once. It cannot be made, copied or written down elsewhere.
#[must_use]
pub struct Permit {
    subject: SubjectId,
    parts: Vec<PartPermit>,
    not_before: Option<Timestamp>,
    reads_retained: bool,
    own_access: bool,
    decision: Decision,
}

/// What may be read of one part of the person.
struct PartPermit {
    origin: SubjectId,
    categories: CategorySet,
    locked: Vec<SourceNo>,
}

/// How a question was decided.
#[must_use]
pub enum Verdict {
    /// Something may be read.
    Allow(Permit),
    /// Nothing may be read.
    Refuse(Refusal),
    /// Nothing may be read, because the house is not set up for the question.
    Gap(Gap),
}

/// A recorded no.
#[derive(Debug)]
pub struct Refusal(Decision);

/// A question the house is not set up for. It refuses too.
#[derive(Debug)]
pub struct Gap {
    /// What is missing.
    pub reason: Reason,
    decision: Decision,
}

/// What the door knows of a record in clear before it opens it.
#[derive(Clone, Copy, Debug)]
pub struct RecordFacts {
    /// The part it was given to.
    pub origin: SubjectId,
    /// Its source.
    pub source: SourceNo,
    /// Does the policy of its source list the purpose, or set no limit?
    pub source_allows: bool,
    /// The end of its source's clock.
    pub source_until: Option<Timestamp>,
    /// When the event happened that it tells of; None if it tells of a state, such as a name.
    pub happened_at: Option<Timestamp>,
    /// Is it kept only because a law demands it (§ 35(3) BDSG)?
    pub kept_by_law: bool,
    /// When its keeping ends.
    pub keep_until: Option<Timestamp>,
}

/// Decides a question. Pure and total: the same arguments give the same verdict, and every question has one.
///
/// `purpose` is the definition in force, `standing` what the person said, as seen in the snapshot the data is read from.
/// What is not known is refused.
pub fn decide(
    ask: &Ask,
    purpose: Option<&Purpose>,
    standing: &Standing,
    decision: DecisionId,
    now: Timestamp,
) -> Verdict {
    let mut decision = Decision::nothing(ask, purpose, standing, decision, now);
    let Some(purpose) = purpose.filter(|purpose| purpose.code == ask.purpose) else {
        return gap(Reason::PurposeUnknown, decision);
    };
    let asked = ask.categories.unwrap_or(purpose.categories);
    if purpose.validate().is_err() {
        return gap(Reason::PurposeIncomplete, decision);
    }
    if asked.is_empty() {
        return gap(Reason::NoCategoryAsked, decision);
    }
    if let Some(reason) = ask.caller.refusal(purpose, standing) {
        return refuse_all(asked, purpose, reason, decision);
    }
    let channel = match channel_of(ask, purpose) {
        Ok(channel) => channel,
        Err(reason) => return refuse_all(asked, purpose, reason, decision),
    };
    decision.channel = channel;
    let Some(subject) = standing.subject() else { return refuse_all(asked, purpose, Reason::UnknownSubject, decision) };

    let judged: Vec<(&Origin, Stance)> = standing
        .origins()
        .iter()
        .map(|origin| (origin, stance(origin, standing.age(), purpose, channel, now)))
        .collect();
    // A no of any part is a no of the person.
    let said_no = judged.iter().filter_map(|(_, stance)| match stance {
        Stance::No(reason) => Some(*reason),
        _ => None,
    });
    if let Some(reason) = said_no.min() {
        return refuse_all(asked, purpose, reason, decision);
    }
    let mut parts = Vec::new();
    let mut findings = Vec::new();
    for (origin, stance) in judged.iter().filter(|(origin, _)| origin.has_records) {
        let mut part = PartPermit { origin: origin.facts.origin, categories: CategorySet::EMPTY, locked: Vec::new() };
        let sources = open_sources(origin, purpose, now, &mut part.locked);
        for category in asked.iter() {
            let found = judge(category, purpose, stance, sources, now);
            if found.is_ok() {
                part.categories.insert(category);
            }
            findings.push((category, found));
        }
        if !part.categories.is_empty() {
            parts.push(part);
        }
    }
    for category in asked.iter() {
        let found = findings.iter().filter(|(of, _)| *of == category).map(|(_, found)| *found);
        record(&mut decision, purpose, category, found);
    }
    if parts.is_empty() {
        return Verdict::Refuse(Refusal(decision));
    }
    decision.outcome = Outcome::Allow;
    let not_before = purpose.look_back_days.map(|days| now.plus_days(-i64::from(days)));
    Verdict::Allow(Permit {
        subject,
        parts,
        not_before,
        reads_retained: purpose.reads_retained,
        own_access: purpose.own_access,
        decision,
    })
}

fn gap(reason: Reason, mut decision: Decision) -> Verdict {
    decision.outcome = Outcome::Gap;
    Verdict::Gap(Gap { reason, decision })
}

fn refuse_all(asked: CategorySet, purpose: &Purpose, reason: Reason, mut decision: Decision) -> Verdict {
    let told = |category| {
        let foreign = !purpose.categories.contains(category);
        if foreign { reason.min(Reason::CategoryNotInPurpose) } else { reason }
    };
    decision.refused = asked.iter().map(|category| Refused { category, reason: told(category) }).collect();
    Verdict::Refuse(Refusal(decision))
}

impl Permit {
    /// The decision it came from; the audit receipt names the same.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.decision.id
    }

    /// Whose data it opens.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        self.subject
    }

    /// Is it for the person's own copy (Art. 15, 20 GDPR)? Then it opens the proofs of their consents too.
    #[must_use]
    pub const fn own_access(&self) -> bool {
        self.own_access
    }

    /// Gives it up because there is nothing it would open: the person is answered for like one who allows nothing.
    pub(super) fn give_up(mut self) -> Refusal {
        let nothing = |allowed: Allowed| Refused { category: allowed.category, reason: Reason::NoRecords };
        self.decision.refused.extend(self.decision.allowed.drain(..).map(nothing));
        self.decision.outcome = Outcome::Refuse;
        Refusal(self.decision)
    }

    /// For which purpose.
    #[must_use]
    pub const fn purpose(&self) -> &PurposeCode {
        &self.decision.purpose
    }

    /// For which channel.
    #[must_use]
    pub const fn channel(&self) -> Option<Channel> {
        self.decision.channel
    }

    /// The version of the ledger it relies on.
    #[must_use]
    pub const fn ledger_version(&self) -> Option<EntryNo> {
        self.decision.ledger_version
    }

    /// What was decided, for the reply and the audit line.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The categories that may be read of at least one part; what need not be fetched is the rest.
    #[must_use]
    pub fn categories(&self) -> CategorySet {
        self.parts.iter().flat_map(|part| part.categories.iter()).collect()
    }

    /// The parts of the person of which something may be read.
    pub fn origins(&self) -> impl Iterator<Item = SubjectId> {
        self.parts.iter().map(|part| part.origin)
    }

    /// Does it open `category` of this record?
    #[must_use]
    pub fn covers(&self, record: &RecordFacts, category: Category) -> bool {
        self.why_not(record, category).is_none()
    }

    /// Why it does not open `category` of this record; None if it does.
    #[must_use]
    pub fn why_not(&self, record: &RecordFacts, category: Category) -> Option<Reason> {
        let now = self.decision.at;
        let Some(part) = self.parts.iter().find(|part| part.origin == record.origin) else {
            let told = self.decision.withheld.iter().find(|refused| refused.category == category);
            return Some(told.map_or(Reason::NoRecords, |refused| refused.reason));
        };
        if !part.categories.contains(category) {
            let mut told = self.decision.refused.iter().chain(&self.decision.withheld);
            return Some(
                told.find(|refused| refused.category == category)
                    .map_or(Reason::CategoryNotInPurpose, |told| told.reason),
            );
        }
        // As long as it is stored, it belongs into the person's own copy.
        if self.own_access {
            return None;
        }
        let over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        let checks = [
            (record.source_allows, Reason::SourceLocked),
            (!over(record.source_until), Reason::SourceClockOver),
            (!part.locked.contains(&record.source), Reason::SourceLocked),
            (self.reads_retained || !record.kept_by_law, Reason::KeptByLaw),
            (!over(record.keep_until), Reason::KeepingOver),
            (
                self.not_before.is_none_or(|start| record.happened_at.is_none_or(|at| start <= at)),
                Reason::BeforeLookBack,
            ),
        ];
        checks.into_iter().find_map(|(holds, reason)| (!holds).then_some(reason))
    }
}

impl Verdict {
    /// What was decided, for the reply and the audit line.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        match self {
            Self::Allow(permit) => &permit.decision,
            Self::Refuse(refusal) => refusal.decision(),
            Self::Gap(gap) => gap.decision(),
        }
    }
}

impl Refusal {
    /// What was decided: the reasons per category and the ledger version.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.0
    }
}

impl Gap {
    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use static_assertions::assert_not_impl_any;

    assert_not_impl_any!(Permit: Clone, Copy, Default, std::fmt::Debug, serde::Serialize, serde::de::DeserializeOwned);
    assert_not_impl_any!(Verdict: Clone, Copy, Default, std::fmt::Debug, serde::Serialize);
}
