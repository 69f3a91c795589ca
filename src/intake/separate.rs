//! Taking a person apart: groups of records that are somebody else's go back to whom they were given to, or to a new
//! person.
//!
//! Every record, entry and card carries the mark of whom it was sealed for. A part that was a person of its own before a
//! merge gets everything with its mark back, rows and keys as they were, and what arrived for it since. What was never
//! apart is opened and closed again at the gateway's door and sealed under the new person's key. What the joined person
//! said no to while they were one holds for both: a no harms nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::corrections;
use super::desk::{Desk, Key};
use super::leaving::{Group, cuts_a_decision, leaving};
use super::refusals::Refusals;
use super::table::objects;
use super::{Error, Intake};
use crate::audit::{Act as AuditAct, Line};
use crate::consent::{Act, Edition};
use crate::gateway::{Caller, Reclosed};
use crate::store::apart::{self, Mark};
use crate::store::messages::{self, News};
use crate::store::notices::NoticeRow;
use crate::store::requests::RequestRow;
use crate::store::rows::{CardRow, LedgerRow, RecordRow, SubjectRow, SubjectState};
use crate::store::{Write, cards, identifiers, keys, ledger, links, notices, records, requests, reviews, subjects};
use crate::types::{CategorySet, RecordNo, SubjectId, Timestamp};
use crate::vault::{Compartment, Row, Table};

/// How often a separation starts again when the data changes meanwhile.
const TRIES: usize = 5;

/// Who is taken out of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// Those who were merged into the person, with what was merged into them and what arrived for them since.
    Parts(Vec<SubjectId>),
    /// These records, as one person.
    Records(Vec<RecordNo>),
    /// These, of all that were compared, with what belongs to them alone and was not compared.
    Compared(Compared),
    /// Whatever does not hang together with the oldest record any more.
    Loose,
    /// Whatever was matched: the person objected to it.
    Alone,
}

/// Records of a person that were found to be somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Those.
    pub records: Vec<RecordNo>,
    /// All of the person's that were compared.
    pub of: Arc<BTreeSet<RecordNo>>,
}

/// Why a person is taken apart, and what is written with it.
#[derive(Clone, Debug, Default)]
pub struct Papers {
    /// Somebody decided that they are not the same: they are never joined again.
    pub decided: bool,
    /// The request it answers.
    pub request: Option<RequestRow>,
    /// Those to be told, because they received data of both as of one.
    pub notices: Vec<NoticeRow>,
}

/// What became of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separated {
    /// Who keeps the id: the part with the oldest record.
    pub kept: SubjectId,
    /// Who was taken out.
    pub out: Vec<SubjectId>,
}

impl Intake {
    /// Takes a person apart. None of it is done if there is nothing to take out.
    ///
    /// # Errors
    /// [`Error::Corrected`] if the person corrected what is said of them and neither they nor anybody else wants them apart: whom the
    /// correction is about is not for a program to say. [`Error::UnknownSubject`], [`Error::NoPart`] if what is named is not a part of the person or would leave nothing,
    /// or if nobody decided it and it would cut what somebody decided to be one,
    /// [`Error::Changed`] if their data kept changing; or the store or the vault failed.
    pub async fn separate(
        &self,
        person: SubjectId,
        out: &Out,
        papers: &Papers,
        by: Option<&Caller>,
    ) -> Result<Separated, Error> {
        for _ in 0..TRIES {
            let line = Line::new(AuditAct::Separated).object("identity graph");
            let line = by.map_or_else(|| line.clone().to("identity graph"), |by| by.named_in(line.clone()));
            let reclosed = self.gateway.reclose_for(person, line).await.map_err(Error::from_gateway)?;
            let reclosed = Arc::new(reclosed.ok_or(Error::UnknownSubject)?);
            let corrected = |record: &RecordRow| record.facts & RecordRow::RECTIFICATION != 0;
            if !papers.decided && *out != Out::Alone && reclosed.rows.records.iter().any(corrected) {
                return Err(Error::Corrected);
            }
            let now = self.clock.now();
            let done = self
                .in_epoch(async || {
                    let (reclosed, sealer, ids) = (reclosed.clone(), self.sealer.clone(), self.ids.clone());
                    let (out, papers, edition) = (out.clone(), papers.clone(), self.rulebook.edition());
                    self.store
                        .write(move |write| {
                            separate(&Desk::new(&sealer, &ids, now), write, (&reclosed, &edition), &out, &papers)
                        })
                        .await
                })
                .await?;
            if let Some((separated, names)) = done {
                let line = Line::new(AuditAct::Separated).object("identity graph").reasons(vec!["done".to_owned()]);
                let line = by.map_or_else(|| line.clone().to("identity graph"), |by| by.named_in(line.clone()));
                self.book.note(line.count(separated.out.len()).about(names)).await?;
                return Ok(separated);
            }
        }
        Err(Error::Changed)
    }
}

/// What a split did, and the pseudonyms in the audit book of those it concerns.
type WithNames = (Separated, Vec<[u8; 16]>);

/// One transaction. None if the person is not as they were read: read them again.
fn separate(
    desk: &Desk<'_>,
    write: &mut Write<'_>,
    (reclosed, edition): (&Reclosed, &Edition),
    out: &Out,
    papers: &Papers,
) -> Result<Option<WithNames>, Error> {
    let person = reclosed.rows.subject;
    let owners = subjects::with_merged(write.records(), person)?;
    subjects::lock(write, &owners)?;
    let living = subjects::living(write.records(), person)?.ok_or(Error::UnknownSubject)?;
    let same = living.subject_id == person
        && records::of(write.records(), person)? == reclosed.rows.records
        && ledger::of(write.records(), person)? == reclosed.rows.ledger;
    if !same {
        return Ok(None);
    }
    // Taken back since it was looked at: there is nothing to take apart.
    if *out == Out::Alone && !objects(write.records(), person, edition, desk.now)? {
        return Err(Error::NoPart);
    }
    // Who objects to being matched is one all the same: each of them is who said the no.
    let refusals = if *out == Out::Alone { Some(Refusals::of(&reclosed.rows, edition, desk.now)?) } else { None };
    let work = Work { desk, reclosed, person, each_says_all: refusals.is_some() };
    let groups = leaving(write.records(), (person, &reclosed.rows.records), out)?;
    if !papers.decided && cuts_a_decision(&links::of(write.records(), person)?, &groups) {
        return Err(Error::NoPart);
    }
    let (mut separated, mut names) = (Separated { kept: person, out: Vec::new() }, Vec::new());
    for group in &groups {
        let (other, name) = work.take_out(write, group)?;
        separated.out.push(other);
        names.push(name);
    }
    // What is decided now is about who stays, and none of those who leave takes it along.
    for other in separated.out.iter().filter(|_| papers.decided) {
        apart::mark(write, Mark { one: person, other: *other, at: desk.now, looked: false })?;
        reviews::answered(write, person, *other)?;
    }
    if separated.out.is_empty() {
        return Err(Error::NoPart);
    }
    if let Some(refusals) = refusals {
        let leaving: Vec<(SubjectId, &Group)> = separated.out.iter().copied().zip(&groups).collect();
        refusals.say_for_each(desk, write, (person, &leaving), reclosed)?;
        corrections::keep_with_each(desk, write, (person, &leaving), reclosed)?;
    }
    names.push(desk.proof_key(write, person)?.pseudonym()?);
    messages::announce(write, &News::split(person, owners, &separated.out, desk.now), desk.now)?;
    if let Some(request) = &papers.request {
        let mut request = request.clone();
        if *out == Out::Alone {
            request.name_parts(&separated.out);
        }
        requests::insert(write, request)?;
    }
    for notice in &papers.notices {
        notices::insert(write, notice.clone())?;
    }
    Ok(Some((separated, names)))
}

pub(super) struct Work<'a> {
    pub(super) desk: &'a Desk<'a>,
    reclosed: &'a Reclosed,
    pub(super) person: SubjectId,
    /// Is every no said for each of them afterwards?
    pub(super) each_says_all: bool,
}

impl Work<'_> {
    pub(super) fn records(&self) -> &[RecordRow] {
        &self.reclosed.rows.records
    }

    /// Gives a group to somebody of its own, and says to whom, with their name in the book.
    fn take_out(&self, write: &mut Write<'_>, group: &Group) -> Result<(SubjectId, [u8; 16]), Error> {
        let since = self.merged_at(group);
        let loose = self.is_loose(write, group)?;
        let other = match self.head(write, group)? {
            Some(head) => head,
            None => self.new_person(write)?,
        };
        self.revive(write, group, other)?;
        let key = self.key(write, group, other)?;
        let numbers: Vec<RecordNo> = group.records.iter().copied().collect();
        self.give_records(write, group, other, &key)?;
        identifiers::reassign(write, &numbers, other)?;
        self.give_entries(write, group, other, (&key, since))?;
        self.give_links(write, group, other)?;
        self.give_marks(write, group, (other, since), loose)?;
        self.give_questions(write, &numbers, other)?;
        let name = key.pseudonym()?;
        Ok((other, name))
    }

    /// Who of the group is merged into none of the group: that one is the person, first of all who was named.
    fn head(&self, write: &mut Write<'_>, group: &Group) -> Result<Option<SubjectId>, Error> {
        for part in group.named.iter().chain(&group.revived) {
            let row = subjects::find(write.records(), *part)?;
            let into = row.and_then(|row| row.merged_into).map(|into| SubjectId::from_slice(&into));
            let into = into.transpose().map_err(crate::store::Error::from)?;
            if into.is_some_and(|into| !group.revived.contains(&into)) {
                return Ok(Some(*part));
            }
        }
        Ok(None)
    }

    /// Those of the group who came to the person by themselves, and not with another of the group.
    pub(super) fn came(&self, group: &Group) -> impl Iterator<Item = &SubjectRow> {
        let within = |row: &SubjectRow| {
            let into = row.merged_into.as_deref().and_then(|into| SubjectId::from_slice(into).ok());
            into.is_some_and(|into| group.revived.contains(&into))
        };
        let rows = self.reclosed.rows.merged.iter().filter(|row| group.revived.contains(&row.subject_id));
        rows.filter(move |row| !within(row))
    }

    /// Since when the group, or the first of it, was part of the person; from the beginning, if it never was apart.
    fn merged_at(&self, group: &Group) -> Timestamp {
        let came = self.came(group).map(|row| row.merged_at);
        came.filter(|at| at.is_set()).min().unwrap_or(Timestamp::UNSET)
    }

    fn new_person(&self, write: &mut Write<'_>) -> Result<SubjectId, Error> {
        let person = SubjectId::from_uuid(self.desk.ids.uuid().map_err(crate::store::Error::from)?);
        let row = SubjectRow {
            part: person.part(),
            subject_id: person,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: self.desk.now,
        };
        subjects::insert(write, &row)?;
        let (row, _) = self.desk.fresh_key(write, person, 1)?;
        keys::insert_data_key(write, &row)?;
        Ok(person)
    }

    /// The key for what is sealed anew.
    fn key(&self, write: &mut Write<'_>, group: &Group, other: SubjectId) -> Result<Key<'_>, Error> {
        let moving = self.records().iter().zip(&self.reclosed.records).filter(|(record, _)| self.moves(group, record));
        let mut held: CategorySet = moving.flat_map(|(_, parts)| parts).map(|(category, _)| *category).collect();
        if !held.is_empty() {
            // So that what is compared can be sealed under it too.
            Compartment::COMPARED.into_iter().for_each(|category| held.insert(category));
        }
        self.desk.sealing_key(write, other, held)
    }

    /// Does this record leave, and must be sealed anew because it was sealed for somebody who stays?
    fn moves(&self, group: &Group, record: &RecordRow) -> bool {
        group.records.contains(&record.record_no) && !group.revived.contains(&record.sealed_for)
    }

    fn give_records(&self, write: &mut Write<'_>, group: &Group, other: SubjectId, key: &Key<'_>) -> Result<(), Error> {
        for (record, parts) in self.records().iter().zip(&self.reclosed.records) {
            if self.moves(group, record) {
                let held: CategorySet = parts.iter().map(|(category, _)| *category).collect();
                let sealed = key.key.seal(record.record_no, parts)?;
                let categories = held.bits().cast_signed();
                let row = RecordRow { sealed_for: key.owner, key_no: key.key_no, categories, sealed, ..record.clone() };
                records::replace(write, row)?;
            }
        }
        let numbers: Vec<RecordNo> = group.records.iter().copied().collect();
        records::give(write, &numbers, self.person, other)?;
        cards::reassign(write, &numbers, other)?;
        for (card, (name, compared)) in &self.reclosed.cards {
            let leaves = group.records.contains(&card.record_no) && !group.revived.contains(&card.sealed_for);
            if leaves {
                let (named, sealed) = key.key.seal_card(card.record_no, name.as_ref(), compared.as_ref())?;
                let card = CardRow {
                    subject_id: other,
                    sealed_for: key.owner,
                    key_no: key.key_no,
                    named: named.into_bytes(),
                    sealed: sealed.into_bytes(),
                    ..card.clone()
                };
                cards::reseal(write, card)?;
            }
        }
        Ok(())
    }

    /// Entries of the revived go with them; those a record told, with the record. A no the joined person said after
    /// `since` stays and is said for the other too.
    fn give_entries(
        &self,
        write: &mut Write<'_>,
        group: &Group,
        other: SubjectId,
        (key, since): (&Key<'_>, Timestamp),
    ) -> Result<(), Error> {
        for (entry, proof) in self.reclosed.rows.ledger.iter().zip(&self.reclosed.proofs) {
            let seal = |number: i64| -> Result<Vec<u8>, Error> {
                let Some(proof) = proof else { return Ok(Vec::new()) };
                let place = (Table::Evidence, Row::number(number), Compartment::Proof);
                Ok(key.key.seal_one(place.0, place.1, place.2, proof)?.into_bytes())
            };
            let theirs = LedgerRow {
                part: other.part(),
                subject_id: other,
                origin: key.owner,
                sealed_for: key.owner,
                key_no: key.key_no,
                ..entry.clone()
            };
            let is_no = Act::try_from(entry.act).is_ok_and(Act::is_no);
            if group.revived.contains(&entry.origin) {
                ledger::give(write, entry, other)?;
            } else if entry.record_no != 0 && group.records.contains(&RecordNo(entry.record_no)) {
                let evidence = seal(entry.entry_no)?;
                ledger::delete(write, entry)?;
                ledger::insert(write, LedgerRow { evidence, ..theirs })?;
            } else if is_no && entry.record_no == 0 && entry.recorded_at >= since && !self.each_says_all {
                let entry_no = self.desk.ids.record_no().0;
                ledger::insert(write, LedgerRow { entry_no, evidence: seal(entry_no)?, ..theirs })?;
            }
        }
        Ok(())
    }
}
