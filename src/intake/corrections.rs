//! What a person corrected, kept with each of those they become when they object to being matched (Art. 16 GDPR).
//!
//! A correction is written once for each part that bears it. Records of one part can end up with several people, of whom one alone
//! takes the correction along: the others would show again what the person had corrected. All of them are who said it. Who never
//! bore it gets none: what the person corrected may be read by what they said for the parts that bore it, and by nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::desk::Desk;
use super::leaving::Group;
use crate::gateway::Reclosed;
use crate::graph::Rule;
use crate::store::rows::{CardRow, IdentifierRow, LinkRow, RecordRow};
use crate::store::{Write, cards, identifiers, links, records};
use crate::types::{CategorySet, SubjectId, Timestamp};

/// Somebody after they were taken apart, and whom their records are sealed for.
type Bearer = (SubjectId, SubjectId);

/// Writes every correction down for whoever has records of a part that bore it and did not get it, of those who leave and who stays.
pub(super) fn keep_with_each(
    desk: &Desk<'_>,
    write: &mut Write<'_>,
    (stays, leaving): (SubjectId, &[(SubjectId, &Group)]),
    reclosed: &Reclosed,
) -> Result<(), Error> {
    let is_correction = |row: &RecordRow| row.facts & RecordRow::RECTIFICATION != 0;
    let bearer = |row: &RecordRow| bearer(row, stays, leaving);
    let mut bore: BTreeMap<Bearer, BTreeSet<SubjectId>> = BTreeMap::new();
    let mut has: BTreeSet<(Bearer, Timestamp)> = BTreeSet::new();
    for row in &reclosed.rows.records {
        if is_correction(row) {
            has.insert((bearer(row), row.version));
        } else {
            bore.entry(bearer(row)).or_default().insert(row.sealed_for);
        }
    }
    for (bearer, parts) in bore {
        for (row, contents) in reclosed.rows.records.iter().zip(&reclosed.records) {
            // All that was corrected at once has one time.
            if !is_correction(row) || !parts.contains(&row.sealed_for) || !has.insert((bearer, row.version)) {
                continue;
            }
            let (person, owner) = bearer;
            let held: CategorySet = contents.iter().map(|(category, _)| *category).collect();
            let (key, record_no) = (desk.sealing_key(write, owner, held)?, desk.ids.record_no());
            let indexes = identifiers::of_records(write.records(), &[row.record_no])?;
            let name = reclosed.cards.iter().find(|(card, _)| card.record_no == row.record_no);
            let (named, sealed) = key.key.seal_card(record_no, name.and_then(|(_, (name, _))| name.as_ref()), None)?;
            let of = |row: IdentifierRow| IdentifierRow { record_no, subject_id: person, ..row };
            identifiers::insert(write, indexes.into_iter().map(of).collect())?;
            let card = CardRow {
                record_no,
                subject_id: person,
                sealed_for: key.owner,
                key_no: key.key_no,
                source_no: row.source_no,
                named: named.into_bytes(),
                sealed: sealed.into_bytes(),
                matching_keys: Vec::new(),
                terms: None,
            };
            cards::put(write, card)?;
            let why = LinkRow::by_rule(person, person.part(), record_no, Rule::Rectification.number(), None, desk.now);
            links::insert(write, why)?;
            let copy = RecordRow {
                record_no,
                part: person.part(),
                subject_id: person,
                sealed_for: key.owner,
                key_no: key.key_no,
                sealed: key.key.seal(record_no, contents)?,
                ..row.clone()
            };
            records::insert(write, copy)?;
        }
    }
    Ok(())
}

/// Whose a record is once everybody left.
fn bearer(row: &RecordRow, stays: SubjectId, leaving: &[(SubjectId, &Group)]) -> Bearer {
    let goes = leaving.iter().find(|(_, group)| group.records.contains(&row.record_no));
    goes.map_or((stays, row.sealed_for), |(person, group)| {
        let revived = group.revived.contains(&row.sealed_for);
        (*person, if revived { row.sealed_for } else { *person })
    })
}
