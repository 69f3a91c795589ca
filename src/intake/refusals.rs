//! What a person refused, said for each of those they become when they object to being matched.
//!
//! As one person a no of any part counted for all of them, so apart it must count for each: standing alone opens nothing that was
//! closed before. Unlike people who were taken for one by mistake, all of them are who said it.

use std::collections::BTreeSet;

use super::Error;
use super::desk::{Desk, Key};
use super::leaving::Group;
use crate::consent::{Act, Edition, Entry, Purpose, Stance, Standing, ledger as words, stance};
use crate::gateway::Reclosed;
use crate::store::rows::{LedgerRow, SubjectRows};
use crate::store::{Write, ledger};
use crate::types::{Channel, RecordNo, SubjectId, Timestamp};
use crate::vault::{Compartment, Row, Table};

/// The noes of a person that stand, by the places of their entries in the ledger.
pub(super) struct Refusals {
    standing: BTreeSet<usize>,
    entries: Vec<Entry>,
}

impl Refusals {
    /// Those of the person as one.
    pub(super) fn of(rows: &SubjectRows, edition: &Edition, now: Timestamp) -> Result<Self, Error> {
        let entries = rows.ledger.iter().map(words::entry).collect::<Result<Vec<_>, _>>()?;
        let person = words::standing(rows, edition)?;
        let stands = |entry: &Entry| entry.act.is_no() && stands(entry, &person, edition, now);
        let standing = entries.iter().enumerate().filter(|(_, entry)| stands(entry)).map(|(at, _)| at).collect();
        Ok(Self { standing, entries })
    }

    /// Says them for each of the people who leave, and for who stays, unless the entry itself went there.
    pub(super) fn say_for_each(
        &self,
        desk: &Desk<'_>,
        write: &mut Write<'_>,
        (stays, leaving): (SubjectId, &[(SubjectId, &Group)]),
        reclosed: &Reclosed,
    ) -> Result<(), Error> {
        let rows = &reclosed.rows.ledger;
        let owners: Vec<SubjectId> = rows.iter().map(|row| owner(row, stays, leaving)).collect();
        let everybody = std::iter::once(stays).chain(leaving.iter().map(|(other, _)| *other));
        for person in everybody {
            let key = desk.proof_key(write, person)?;
            let theirs = || self.entries.iter().zip(&owners).filter(|(_, owner)| **owner == person);
            for (at, row) in self.standing.iter().filter_map(|at| Some((*at, rows.get(*at)?))) {
                let Some(entry) = self.entries.get(at).filter(|_| owners.get(at) != Some(&person)) else { continue };
                // A yes of theirs did not count before, and does not now. On equal time the no wins. When it was said is kept beside.
                let yes = theirs().filter(|(yes, _)| answers(yes, entry) && yes.at <= desk.now).map(|(yes, _)| yes.at);
                let happened_at = yes.fold(row.happened_at, Timestamp::max);
                let said_at = if happened_at > row.happened_at { row.said() } else { row.said_at };
                let proof = reclosed.proofs.get(at).and_then(Option::as_ref);
                let entry_no = desk.ids.record_no().0;
                let evidence = match proof {
                    Some(proof) => {
                        let place = Row::number(entry_no);
                        key.key.seal_one(Table::Evidence, place, Compartment::Proof, proof)?.into_bytes()
                    }
                    None => Vec::new(),
                };
                ledger::insert(
                    write,
                    LedgerRow { happened_at, said_at, entry_no, evidence, ..copy(row, person, &key) },
                )?;
            }
        }
        Ok(())
    }
}

fn copy(row: &LedgerRow, person: SubjectId, key: &Key<'_>) -> LedgerRow {
    LedgerRow {
        part: person.part(),
        subject_id: person,
        origin: key.owner,
        sealed_for: key.owner,
        key_no: key.key_no,
        record_no: 0,
        ..row.clone()
    }
}

/// Whose an entry is once everybody left.
fn owner(row: &LedgerRow, stays: SubjectId, leaving: &[(SubjectId, &Group)]) -> SubjectId {
    let goes = |(_, group): &&(SubjectId, &Group)| {
        group.revived.contains(&row.origin) || (row.record_no != 0 && group.records.contains(&RecordNo(row.record_no)))
    };
    leaving.iter().find(goes).map_or(stays, |(other, _)| *other)
}

/// May this yes be about what that no is about?
fn answers(yes: &Entry, no: &Entry) -> bool {
    !yes.act.is_no() && (no.purpose.is_none() || yes.purpose.is_none() || yes.purpose == no.purpose)
}

/// Does a no still close anything, by the part that said it?
fn stands(no: &Entry, person: &Standing, edition: &Edition, now: Timestamp) -> bool {
    let Some(part) = person.origins().iter().find(|origin| origin.facts.origin == no.origin) else { return true };
    // A purpose that is gone may come back.
    if no.purpose.as_ref().is_some_and(|code| edition.purpose(code).is_none()) {
        return true;
    }
    let touches = |purpose: &Purpose| {
        no.purpose.as_ref().is_none_or(|code| *code == purpose.code || purpose.refused_with.contains(code))
    };
    edition.purposes().iter().filter(|purpose| touches(purpose)).any(|purpose| {
        let told = |channel: &Channel| no.channel.is_none_or(|of| of == *channel) || no.act == Act::Restricted;
        let channels: Vec<Option<Channel>> = if purpose.channels.is_empty() {
            vec![None]
        } else {
            purpose.channels.iter().filter(|channel| told(channel)).map(|channel| Some(*channel)).collect()
        };
        channels.into_iter().any(|channel| matches!(stance(part, person.age(), purpose, channel, now), Stance::No(_)))
    })
}
