//! What is due to be deleted because nothing keeps it any more (Art. 5(1)(e), 17(1)(a)–(c) GDPR). Pure: the same rows,
//! purposes and time give the same answer, and nothing is opened.
//!
//! A category of a record is kept by each purpose that names it, that the person's standing carries (a consent that was
//! taken back and an interest that was objected to carry nothing), that the record's source allows, and whose days are
//! not over. An event's days count from when it happened; those of a state, such as an account, from the last thing that
//! part of the person did. The source's own clock ends all of them, except what a law keeps. The person's own copy is no
//! reason to keep anything.
//!
//! Where the hub knows too little (no purposes, a source or a purpose it cannot read) it deletes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Error;
use super::tally::{Rule, Tally};
use crate::consent::{
    Act, Dates, Edition, Entry, EntryNo, Kept, Purpose, Stance, Standing, is_voucher, ledger, stance,
};
use crate::store::rows::{RecordRow, SubjectRows};
use crate::types::{Category, CategorySet, Channel, RecordKind, RecordNo, SubjectId, Timestamp};

/// What becomes of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) record: RecordNo,
    /// The categories that stay.
    pub(super) keep: CategorySet,
    /// Only a law keeps it from now on.
    pub(super) law_alone: bool,
    /// Its blind indexes stay in any case, so that the person's no goes on to be found (Art. 21(3) GDPR).
    pub(super) indexes: bool,
    pub(super) rule: Rule,
}

impl Fate {
    /// Does the whole record go?
    pub(super) fn is_deleted(&self) -> bool {
        self.keep.is_empty() && !self.indexes
    }
}

/// What is due of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// The records that change.
    pub(super) fates: Vec<Fate>,
    /// The entries of the ledger whose proof is not needed any more.
    pub(super) proofs: Vec<i64>,
    /// Nothing of the person is left and no proof is needed any more: they go as a whole.
    pub(super) person: bool,
    /// Nothing of this may be done: the person's data is restricted (Art. 18 GDPR), or a request of theirs is open.
    pub(super) held: bool,
}

impl Due {
    pub(super) fn is_empty(&self) -> bool {
        self.fates.is_empty() && self.proofs.is_empty() && !self.person
    }

    fn fate(&self, record: &RecordRow) -> Option<&Fate> {
        self.fates.iter().find(|fate| fate.record == record.record_no)
    }

    /// The categories of one data key that lose their last content by this: their keys go too.
    pub(super) fn dying(&self, rows: &SubjectRows, owner: SubjectId, key_no: i16) -> CategorySet {
        let (mut lost, mut held) = (CategorySet::EMPTY, CategorySet::EMPTY);
        for record in rows.records.iter().filter(|record| (record.sealed_for, record.key_no) == (owner, key_no)) {
            let before = categories(record);
            let after = self.fate(record).map_or(before, |fate| fate.keep);
            before.difference(after).iter().for_each(|category| lost.insert(category));
            after.iter().for_each(|category| held.insert(category));
        }
        lost.difference(held)
    }

    /// What it comes to.
    pub(super) fn tally(&self, rows: &SubjectRows) -> Tally {
        let mut tally = Tally::default();
        if self.held {
            tally.add(Rule::HeldBack, usize::from(!self.is_empty()));
            return tally;
        }
        tally.join(&self.tally_of_rows(rows));
        if !self.person {
            let keys = rows.keys.iter().map(|key| self.dying(rows, key.subject, key.key_no).iter().count());
            tally.add(Rule::CategoryKeys, keys.sum());
        }
        tally
    }

    /// What it comes to without the keys.
    pub(super) fn tally_of_rows(&self, rows: &SubjectRows) -> Tally {
        let mut tally = Tally::default();
        for fate in &self.fates {
            let held = rows.records.iter().find(|record| record.record_no == fate.record).map(categories);
            tally.add(fate.rule, held.unwrap_or_default().difference(fate.keep).iter().count());
            tally.add(Rule::LawAlone, usize::from(fate.law_alone));
            tally.add(Rule::Records, usize::from(fate.is_deleted()));
        }
        tally.add(Rule::Proofs, self.proofs.len());
        tally.add(Rule::People, usize::from(self.person));
        tally
    }
}

/// A purpose, and the parts of the person it stands for.
struct Carried {
    purpose: Arc<Purpose>,
    origins: Vec<SubjectId>,
}

/// What keeps a person's data today.
pub(super) struct Keepers<'a> {
    rows: &'a SubjectRows,
    edition: &'a Edition,
    standing: Vec<Carried>,
    entries: Vec<Entry>,
    /// Is any part of the person restricted (Art. 18 GDPR)?
    restricted: bool,
    /// The consents that carry a purpose today.
    relied_on: BTreeSet<EntryNo>,
    now: Timestamp,
}

impl<'a> Keepers<'a> {
    /// Folds the ledger and asks each purpose.
    pub(super) fn new(rows: &'a SubjectRows, edition: &'a Edition, now: Timestamp) -> Result<Self, Error> {
        let entries = rows.ledger.iter().map(ledger::entry).collect::<Result<Vec<_>, _>>()?;
        let folded = ledger::standing(rows, edition)?;
        let mut relied_on = BTreeSet::new();
        let carried =
            |purpose: Arc<Purpose>| Carried { origins: carried(&folded, &purpose, now, &mut relied_on), purpose };
        let standing = edition.purposes().into_iter().filter(|purpose| !purpose.own_access).map(carried).collect();
        let restricted = folded.is_restricted(now);
        Ok(Self { rows, edition, standing, entries, restricted, relied_on, now })
    }

    /// Until when `category` of `record` is kept.
    pub(super) fn until(&self, record: &RecordRow, category: Category) -> Kept {
        let Some(source) = self.edition.source(record.source_no) else {
            return Kept { purposes: Some(Timestamp::NEVER), ..Kept::default() };
        };
        let law_alone = record.facts & RecordRow::KEPT_BY_LAW != 0;
        let dates = Dates {
            since: self.since(record),
            source_until: record.source_until.is_set().then_some(record.source_until),
            law: (record.keep_until.is_set() && is_voucher(categories(record))).then_some(record.keep_until),
        };
        let stands = |origins: &[SubjectId]| !law_alone && origins.contains(&record.sealed_for);
        let keepers = self.standing.iter().map(|carried| (carried.purpose.as_ref(), stands(&carried.origins)));
        Kept::until(keepers, source, category, &dates)
    }

    /// From when the days of a record count.
    fn since(&self, record: &RecordRow) -> Timestamp {
        // An account tells when it was made; that is not how old it is.
        let is_state = RecordKind::try_from(record.kind).is_ok_and(RecordKind::is_state);
        if record.happened_at.is_set() && !is_state {
            return record.happened_at;
        }
        let same = self.rows.records.iter().filter(|other| other.sealed_for == record.sealed_for);
        let done = same.flat_map(|other| [other.version, other.happened_at]);
        let said = self.entries.iter().filter(|entry| entry.origin == record.sealed_for).map(|entry| entry.at);
        done.chain(said).fold(record.version, Timestamp::max)
    }

    /// Did the person say a no that has to be found again when data of them comes?
    fn said_no(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.act, Act::Denied | Act::Withdrawn | Act::Objected))
    }

    /// Is the proof of what the person said not needed any more? It outlasts the statement, its validity and whatever the
    /// person said about the same later by the days of its purpose, and by those within which claims can be brought
    /// (Art. 17(3)(e) GDPR).
    fn proof_is_over(&self, entry: &Entry) -> bool {
        let claims = self.edition.purposes().iter().filter(|purpose| purpose.survives_objection).map(days).max();
        let purpose = entry.purpose.as_ref().and_then(|code| self.edition.purpose(code));
        let valid = purpose.and_then(|purpose| purpose.validity_days).unwrap_or(0);
        let later = self.entries.iter().filter(|later| later.purpose.is_none() || later.purpose == entry.purpose);
        let ended = later.map(|later| later.at).fold(entry.at.plus_days(i64::from(valid)), Timestamp::max);
        ended.plus_days(purpose.map(days).max(claims).unwrap_or(0)) <= self.now
    }

    /// The stored proofs that are not needed any more. What a purpose relies on today has to be proven (Art. 7(1) GDPR), as
    /// long as there is anything it could use.
    fn proofs_over(&self) -> Vec<i64> {
        let used = |record: &RecordRow| {
            categories(record).iter().any(|category| self.until(record, category).by_purposes(self.now))
        };
        let relies = self.rows.records.iter().any(used);
        let relied_on = |entry: &Entry| relies && self.relied_on.contains(&entry.entry_no);
        let rows = self.rows.ledger.iter().zip(&self.entries).filter(|(row, _)| !row.evidence.is_empty());
        let over = rows.filter(|(_, entry)| self.proof_is_over(entry) && !relied_on(entry));
        over.map(|(row, _)| row.entry_no).collect()
    }

    fn fate(&self, record: &RecordRow) -> Option<Fate> {
        let held = categories(record);
        let untils: Vec<(Category, Kept)> =
            held.iter().map(|category| (category, self.until(record, category))).collect();
        let keep: CategorySet =
            untils.iter().filter(|(_, until)| until.holds(self.now)).map(|(category, _)| *category).collect();
        let locked = record.facts & RecordRow::KEPT_BY_LAW != 0;
        let by_purposes = untils.iter().any(|(_, until)| until.by_purposes(self.now));
        let law_alone = !locked && !keep.is_empty() && !by_purposes;
        let indexes = self.said_no();
        if (keep == held && !law_alone && !held.is_empty()) || (held.is_empty() && (indexes || self.is_young(record))) {
            return None;
        }
        let clock = record.source_until.is_set() && record.source_until <= self.now;
        let rule = match (locked, clock) {
            (true, _) => Rule::StatuteOver,
            (false, true) => Rule::SourceClockOver,
            (false, false) => Rule::PurposesOver,
        };
        Some(Fate { record: record.record_no, keep, law_alone, indexes, rule })
    }

    /// A record without content: as long as any purpose could have kept one.
    fn is_young(&self, record: &RecordRow) -> bool {
        let longest = self.standing.iter().map(|standing| days(&standing.purpose)).max().unwrap_or(0);
        self.now < self.since(record).plus_days(longest)
    }
}

/// What is due of a person.
pub(super) fn due(rows: &SubjectRows, edition: &Edition, now: Timestamp) -> Result<Due, Error> {
    if edition.purposes().is_empty() {
        return Ok(Due::default());
    }
    let keepers = Keepers::new(rows, edition, now)?;
    let fates: Vec<Fate> = rows.records.iter().filter_map(|record| keepers.fate(record)).collect();
    let nothing_left =
        rows.records.iter().all(|record| fates.iter().any(|fate| fate.record == record.record_no && fate.is_deleted()));
    // Somebody who came a moment ago may be waiting for their first record.
    let over = keepers.entries.iter().all(|entry| keepers.proof_is_over(entry));
    let person = nothing_left && over && rows.created_at.plus_days(1) <= now;
    let proofs = if person { Vec::new() } else { keepers.proofs_over() };
    Ok(Due { fates, proofs, person, held: keepers.restricted })
}

/// The parts of the person for which a purpose stands today. Adds the consents it relies on.
fn carried(
    standing: &Standing,
    purpose: &Purpose,
    now: Timestamp,
    relied_on: &mut BTreeSet<EntryNo>,
) -> Vec<SubjectId> {
    let all = || standing.origins().iter();
    // A purpose that cannot be decided on deletes nothing.
    if purpose.validate().is_err() {
        return all().map(|origin| origin.facts.origin).collect();
    }
    let channels: Vec<Option<Channel>> = if purpose.needs_channel() {
        purpose.channels.iter().map(|channel| Some(*channel)).collect()
    } else {
        vec![None]
    };
    let mut carried = Vec::new();
    for channel in channels {
        let stances = || all().map(|origin| (origin, stance(origin, standing.age(), purpose, channel, now)));
        // A no of any part is a no of the person.
        if !stances().any(|(_, stance)| matches!(stance, Stance::No(_))) {
            for (origin, stance) in stances() {
                if let Stance::Yes(support) = stance {
                    carried.push(origin.facts.origin);
                    relied_on.extend(support.entry_no);
                }
            }
        }
    }
    carried
}

fn days(purpose: &Arc<Purpose>) -> i64 {
    i64::from(purpose.retention_days)
}

pub(super) fn categories(record: &RecordRow) -> CategorySet {
    CategorySet::from_bits(record.categories.cast_unsigned())
}
