//! What a source does not list any more.
//!
//! Its data ends like that of a source whose own clock is over (`source_until`): no purpose reads it but what a law demands, and the
//! retention run deletes it with a tombstone. Nobody is erased by it, and nothing is opened. What the source lists again is there
//! again (`settle`).
//!
//! ```text
//! listed → left out by one whole listing (marked) → left out by the next one too: ended
//!       ↖ listed, or told of by the source ↙
//! ```
//!
//! A vendor that tells by itself, and signs, that an object is gone is believed at once (`end_told`): it names it.
//!
//! One listing is no proof: where pages are numbered, an object moves out of sight when another one before it goes and a third
//! one is added. Nor is a listing that leaves out most of what is known.

use std::collections::HashSet;

use super::normal::text;
use super::prepare::Prepared;
use super::{Error, Intake, canonical};
use crate::audit::{Act, Line};
use crate::consent::Source;
use crate::store::{self, gone};
use crate::types::{RecordKind, RecordNo, SourceNo, Timestamp};
use crate::vault::Personal;

/// Records that are looked at with one read.
const PAGE: i64 = 1_000;
/// Records that are marked or ended with one write.
const AT_ONCE: usize = 500;

/// The records of one kind a whole reading listed, by their blind indexes: sixteen bytes each.
pub struct Listed {
    source: SourceNo,
    kind: RecordKind,
    /// Whatever arrives from then on may have been made after its page was read.
    began: Timestamp,
    names: HashSet<[u8; 16]>,
}

/// What a whole reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// So many records.
    Records(u64),
    /// None, because nothing was listed, or more than half of what was known would be gone: that is a fault of the listing
    /// rather than deletions.
    TooMany,
}

impl Listed {
    /// Notes that a record is listed.
    pub(super) fn note(&mut self, record: &Prepared) {
        if record.kind == self.kind && record.source.number == self.source {
            self.names.insert(record.record_ix.bytes());
        }
    }

    /// Is this listing none? `missing` of `known` records are not on it. One record more or less is no share of anything.
    fn is_broken(&self, missing: usize, known: usize) -> bool {
        missing > 0 && (self.names.is_empty() || (known > 1 && missing * 2 > known))
    }
}

impl Intake {
    /// Begins a whole reading of what there is of a kind at a source: nothing is listed yet.
    #[must_use]
    pub fn begin_listing(&self, source: &Source, kind: RecordKind) -> Listed {
        Listed { source: source.number, kind, began: self.clock.now(), names: HashSet::new() }
    }

    /// Notes as listed what did not change and is not brought in again: records that were mapped, one JSON object each. False if one
    /// cannot be read: it may be anybody.
    pub fn note_listed(&self, source: &Source, lines: &[Vec<u8>], listed: &mut Listed) -> bool {
        let now = self.clock.now();
        for line in lines {
            let Ok(record) = canonical::parse(line, now) else { return false };
            if record.kind == listed.kind && source.number == listed.source {
                listed.names.insert(self.sealer.record_index(source.number, record.kind, &record.external_id).bytes());
            }
        }
        true
    }

    /// Notes as listed what a list of ids names: each as a record's `external_id`, and read as one. False if it can be none: then it
    /// may be that of anybody.
    pub fn note_ids(&self, ids: &[String], listed: &mut Listed) -> bool {
        for id in ids {
            let Ok(id) = text::line(id, 256) else { return false };
            let index = self.sealer.record_index(listed.source, listed.kind, &Personal::text(id));
            listed.names.insert(index.bytes());
        }
        true
    }

    /// Ends what this whole reading of the source and the one before did not list.
    ///
    /// # Errors
    /// If the store or the audit book fails; what was ended before stays.
    pub async fn end_gone(&self, source: &Source, listed: &Listed) -> Result<Ended, Error> {
        let (of, began) = ((listed.source, listed.kind), listed.began);
        let (mut after, mut known) = (RecordNo(0), 0_usize);
        let (mut there, mut once, mut twice) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let page = self.store.read(move |read| gone::known(read.records(), of, (after, PAGE), began)).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            known += page.len();
            for record in page {
                match (record.name.is_none_or(|name| listed.names.contains(&name)), record.unlisted) {
                    (true, false) => {}
                    (true, true) => there.push(record.number),
                    (false, false) => once.push(record.number),
                    (false, true) => twice.push(record.number),
                }
            }
        }
        self.mark(&there, Timestamp::UNSET).await?;
        if listed.is_broken(once.len() + twice.len(), known) {
            return Ok(Ended::TooMany);
        }
        let now = self.clock.now();
        self.mark(&once, now).await?;
        if !twice.is_empty() {
            let line = Line::new(Act::Expired).count(twice.len()).object(format!("source {}", source.code));
            self.book.note(line.reasons(vec!["not_listed_any_more".to_owned()])).await?;
        }
        let mut ended = 0;
        for numbers in twice.chunks(AT_ONCE) {
            let numbers = numbers.to_vec();
            ended += self.store.write(move |write| gone::end(write, &numbers, now)).await?;
        }
        Ok(Ended::Records(u64::try_from(ended).unwrap_or(u64::MAX)))
    }

    /// Ends what a source tells is gone, by the ids its records have; says how many ended. What it tells of again is there again.
    ///
    /// # Errors
    /// If the store or the audit book fails; then it is to be told again.
    pub async fn end_told(&self, source: &Source, kind: RecordKind, ids: &[String]) -> Result<usize, Error> {
        // What can be no id is that of nothing.
        let ids = ids.iter().filter_map(|id| text::line(id, 256).ok());
        let index = |id| self.sealer.record_index(source.number, kind, &Personal::text(id)).bytes();
        let (names, now): (Vec<[u8; 16]>, _) = (ids.map(index).collect(), self.clock.now());
        let of = (source.number, kind);
        let known = self.store.read(move |read| gone::named(read.records(), of, &names, now)).await?;
        if known.is_empty() {
            return Ok(0);
        }
        let line = Line::new(Act::Expired).count(known.len()).object(format!("source {}", source.code));
        self.book.note(line.reasons(vec!["deleted_at_its_source".to_owned()])).await?;
        let end = move |write: &mut store::Write<'_>| {
            gone::mark(write, &known, now)?;
            gone::end(write, &known, now)
        };
        Ok(self.store.write(end).await?)
    }

    async fn mark(&self, numbers: &[RecordNo], unlisted_at: Timestamp) -> Result<(), Error> {
        for numbers in numbers.chunks(AT_ONCE) {
            let numbers = numbers.to_vec();
            self.store.write(move |write| gone::mark(write, &numbers, unlisted_at)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_nothing_or_of_less_than_half_is_none() {
        let listed = |names: u8| Listed {
            source: SourceNo(1),
            kind: RecordKind::Customer,
            began: Timestamp::UNSET,
            names: (0..names).map(|name| [name; 16]).collect(),
        };
        for (names, missing, known, broken) in [
            (0, 0, 0, false),
            (0, 1, 1, true),
            (1, 1, 1, false),
            (1, 1, 2, false),
            (2, 2, 2, true),
            (1, 2, 3, true),
            (2, 2, 4, false),
            (9, 11, 20, true),
            (10, 10, 20, false),
        ] {
            assert_eq!(listed(names).is_broken(missing, known), broken, "{missing} of {known}");
        }
    }
}
