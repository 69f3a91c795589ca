//! What a source does not list any more.
//!
//! Its data ends like that of a source whose own clock is over (`source_until`): no purpose reads it but what a law demands, and the
//! retention run deletes it with a tombstone. Nobody is erased by it, and nothing is opened.

use std::collections::HashSet;

use super::{Error, Intake, canonical};
use crate::audit::{Act, Line};
use crate::consent::Source;
use crate::store::gone;
use crate::types::{RecordKind, RecordNo};

/// Records that are looked at and ended with one write.
const PAGE: i64 = 1_000;
/// So many may always be gone at once.
const FEW: usize = 20;

/// The records of one kind a whole reading listed, by their blind indexes: sixteen bytes each.
pub struct Listed {
    kind: RecordKind,
    names: HashSet<[u8; 16]>,
}

/// What a whole reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// So many records.
    Records(u64),
    /// None, because more than half of what was known would be gone: that is a fault of the listing rather than deletions.
    TooMany,
}

impl Listed {
    /// Nothing yet.
    #[must_use]
    pub fn of(kind: RecordKind) -> Self {
        Self { kind, names: HashSet::new() }
    }
}

impl Intake {
    /// Notes that these records are listed. Those of another kind or source, or that cannot be read, are none.
    pub fn list<L: AsRef<[u8]>>(&self, listed: &mut Listed, source: &Source, lines: &[L]) {
        let now = self.clock.now();
        let read =
            lines.iter().filter_map(|line| canonical::parse_with(line.as_ref(), now, |_| source.terms.social).ok());
        let own = read.filter(|record| record.kind == listed.kind && record.source.as_str() == source.code);
        let names = own.map(|record| self.sealer.record_index(source.number, record.kind, &record.external_id).bytes());
        listed.names.extend(names);
    }

    /// Ends what a whole reading of the source did not list.
    ///
    /// # Errors
    /// If the store or the audit book fails; what was ended before stays.
    pub async fn end_gone(&self, source: &Source, listed: &Listed) -> Result<Ended, Error> {
        let (of, now) = ((source.number, listed.kind), self.clock.now());
        let (mut after, mut known, mut gone) = (RecordNo(0), 0_usize, Vec::new());
        loop {
            let page = self.store.read(move |read| gone::names(read.records(), of, after, PAGE, now)).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            known += page.len();
            gone.extend(page.iter().filter(|(_, name)| !listed.names.contains(name)).map(|(number, _)| *number));
        }
        if gone.len() > FEW && gone.len() * 2 > known {
            return Ok(Ended::TooMany);
        }
        if !gone.is_empty() {
            let line = Line::new(Act::Expired).count(gone.len()).object(format!("source {}", source.code));
            self.book.note(line.reasons(vec!["not_listed_any_more".to_owned()])).await?;
        }
        for numbers in gone.chunks(500) {
            let numbers = numbers.to_vec();
            self.store.write(move |write| gone::end(write, &numbers, now)).await?;
        }
        Ok(Ended::Records(u64::try_from(gone.len()).unwrap_or(u64::MAX)))
    }
}
