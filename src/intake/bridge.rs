//! What holds a person together when the record by which two were joined turns out to be somebody else's: another reason, if there
//! is one.

use std::collections::HashSet;

use super::Error;
use crate::graph::Rule;
use crate::store::connection::Connection;
use crate::store::rows::{IdentifierRow, LinkRow};
use crate::store::{Write, cards, links, records, subjects};
use crate::types::{RecordNo, SubjectId};

/// Two records of `person` are one person's by comparing, as `link` tells. If somebody was joined in with this person by way of a
/// record that is not theirs any more, and the two lie on either side, this is why they are one from now on.
pub(super) fn mend(write: &mut Write<'_>, person: SubjectId, link: &LinkRow) -> Result<(), Error> {
    let numbers = records::numbers_of(write.records(), person)?;
    let all = links::of(write.records(), person)?;
    let broken: Vec<&LinkRow> =
        all.iter().filter(|link| link.merged_from.is_some() && is_broken(link, &numbers)).collect();
    if broken.is_empty() {
        return Ok(());
    }
    let pair = [link.record_no, RecordNo(link.other_no)];
    let found = cards::of_records(write.records(), &pair)?;
    for broken in broken {
        let Some(joined) = broken.joined()? else { continue };
        let with = subjects::with_merged(write.records(), joined)?;
        let theirs = found.iter().filter(|card| with.contains(&card.sealed_for)).count();
        if found.len() == pair.len() && theirs == 1 {
            links::delete(write, broken)?;
            let merged_from = broken.merged_from.clone();
            links::insert(write, LinkRow { merged_from, ..link.clone() })?;
        }
    }
    Ok(())
}

/// Does the link name a record that is not among these?
pub(super) fn is_broken(link: &LinkRow, numbers: &[RecordNo]) -> bool {
    let known = |record: RecordNo| numbers.contains(&record);
    !known(link.record_no) || (link.other_no != 0 && !known(RecordNo(link.other_no)))
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
    let numbers: Vec<RecordNo> = records.iter().map(|(record, _)| *record).collect();
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
