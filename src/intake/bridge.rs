//! What holds a person together when the record by which two were joined turns out to be somebody else's: another reason, if there
//! is one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Error;
use crate::graph::Rule;
use crate::store::connection::Connection;
use crate::store::rows::{IdentifierRow, LinkRow};
use crate::store::{Write, cards, links, records, subjects};
use crate::types::{RecordNo, SubjectId};

/// Those of whom somebody was taken out, as far as it is not known that nothing of what holds them together went along. Each is looked
/// at once in a transaction, and never again when they are found whole.
pub(super) struct Cut {
    before: Arc<HashSet<SubjectId>>,
    changed: Changed,
    broken: HashMap<SubjectId, Vec<Broken>>,
}

/// Who is to be looked at from now on, and who is not any more.
pub(super) type Changed = HashMap<SubjectId, bool>;

/// By whom somebody was joined in who is gone, and who that somebody is, with whom was joined in through them.
struct Broken {
    link: LinkRow,
    with: BTreeSet<SubjectId>,
}

impl Cut {
    pub(super) fn new(before: Arc<HashSet<SubjectId>>) -> Self {
        Self { before, changed: Changed::new(), broken: HashMap::new() }
    }

    /// What is to be noted of it once it is written.
    pub(super) fn changed(self) -> Changed {
        self.changed
    }

    fn contains(&self, person: SubjectId) -> bool {
        self.changed.get(&person).copied().unwrap_or_else(|| self.before.contains(&person))
    }

    /// `from` was merged into `into`, with all that is to be mended.
    pub(super) fn merged(&mut self, from: SubjectId, into: SubjectId) {
        if self.contains(from) {
            self.changed.insert(into, true);
        }
        self.broken.remove(&from);
        self.broken.remove(&into);
    }

    /// Two records of `person` are one person's by comparing, as `link` tells. If somebody was joined in with this person by way of a
    /// record that is not theirs any more, and the two lie on either side, this is why they are one from now on.
    pub(super) fn mend(&mut self, write: &mut Write<'_>, person: SubjectId, link: &LinkRow) -> Result<(), Error> {
        if !self.contains(person) {
            return Ok(());
        }
        let broken = match self.broken.remove(&person) {
            Some(known) => known,
            None => broken_of(write.records(), person)?,
        };
        let pair = [link.record_no, RecordNo(link.other_no)];
        let found = if broken.is_empty() { Vec::new() } else { cards::of_records(write.records(), &pair)? };
        let mut left = Vec::with_capacity(broken.len());
        for broken in broken {
            let theirs = found.iter().filter(|card| broken.with.contains(&card.sealed_for)).count();
            if found.len() == pair.len() && theirs == 1 {
                links::delete(write, &broken.link)?;
                links::insert(write, LinkRow { merged_from: broken.link.merged_from, ..link.clone() })?;
            } else {
                left.push(broken);
            }
        }
        if left.is_empty() {
            self.changed.insert(person, false);
        } else {
            self.broken.insert(person, left);
        }
        Ok(())
    }
}

fn broken_of(connection: &mut Connection, person: SubjectId) -> Result<Vec<Broken>, Error> {
    let numbers: HashSet<RecordNo> = records::numbers_of(connection, person)?.into_iter().collect();
    let all = links::of(connection, person)?;
    let mut broken = Vec::new();
    for link in all.into_iter().filter(|link| is_broken(link, &numbers)) {
        let Some(joined) = link.joined()? else { continue };
        broken.push(Broken { link, with: subjects::with_merged(connection, joined)?.into_iter().collect() });
    }
    Ok(broken)
}

/// Does the link name a record that is not among these?
fn is_broken(link: &LinkRow, numbers: &HashSet<RecordNo>) -> bool {
    !numbers.contains(&link.record_no) || (link.other_no != 0 && !numbers.contains(&RecordNo(link.other_no)))
}

/// For everybody who was joined in by way of a record that is not among these any more, a link to the rest of them: nobody is torn
/// apart for want of knowing. Of each record it is known whom it was sealed for. Who was joined by a value that joins nobody any more is
/// held by nothing.
pub(super) fn held(
    connection: &mut Connection,
    records: &[(RecordNo, SubjectId)],
    values: &[IdentifierRow],
    links: &[LinkRow],
) -> Result<Vec<LinkRow>, Error> {
    let numbers: HashSet<RecordNo> = records.iter().map(|(record, _)| *record).collect();
    let generic = values.iter().filter(|row| row.use_flags & IdentifierRow::GENERIC != 0);
    let generic: HashSet<&[u8]> = generic.map(|row| row.ix.as_slice()).collect();
    let is_void = |link: &LinkRow| link.evidence_ix.as_deref().is_some_and(|ix| generic.contains(ix));
    let mut held = Vec::new();
    for link in links.iter().filter(|link| is_broken(link, &numbers) && !is_void(link)) {
        let Some(joined) = link.joined()? else { continue };
        let with = subjects::with_merged(connection, joined)?;
        let first =
            |theirs: bool| records.iter().find(|(_, part)| with.contains(part) == theirs).map(|(record, _)| *record);
        if let Some((record, other)) = first(true).zip(first(false)) {
            let at = link.decided_at;
            let rule = Rule::Compared.number();
            let by = LinkRow::by_rule(link.subject_id, link.part, record, rule, None, at);
            held.push(LinkRow { other_no: other.0, ..by });
        }
    }
    Ok(held)
}
