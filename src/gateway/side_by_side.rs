//! Two people side by side, masked: for whoever decides whether they are one.
//!
//! Both are read under one purpose, with one durable write of the audit book. Where one of them may not be read, nothing of the
//! other is shown either: what stands beside nothing answers no question.

use super::door::Keys;
use super::many::{Lines, damaged};
use super::masked::{MaskedValue, masked};
use super::permit::{Permit, Verdict};
use super::{Ask, Disclosure, Error, Gateway};
use crate::store::rows::Who;
use crate::types::{RecordKind, RecordNo, SubjectId, Timestamp};

/// Records of each person that are shown.
const SHOWN: usize = 12;

/// A person whose records are shown masked.
pub struct MaskedPerson {
    /// Who it is.
    pub subject: SubjectId,
    /// Their records, the one that was asked for first, then those that say something, in the order of arrival.
    pub records: Vec<MaskedRecord>,
    /// How many records of theirs may be read.
    pub records_in_all: usize,
}

/// What may be shown of a record.
pub struct MaskedRecord {
    /// Its number.
    pub record: RecordNo,
    /// Its type.
    pub kind: RecordKind,
    /// The code of its source.
    pub source: String,
    /// When it first arrived.
    pub arrived_at: Timestamp,
    /// Its values.
    pub values: Vec<MaskedValue>,
}

impl Gateway {
    /// Shows two people masked, of each this record first. None if one of them may not be read, or is not known: always the
    /// same.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn side_by_side(
        &self,
        ask: &Ask,
        two: [(SubjectId, RecordNo); 2],
    ) -> Result<Option<[MaskedPerson; 2]>, Error> {
        match self.try_to_show(ask, two).await {
            Err(error) if error.is_turned() => self.try_to_show(ask, two).await,
            done => done,
        }
    }

    async fn try_to_show(
        &self,
        ask: &Ask,
        two: [(SubjectId, RecordNo); 2],
    ) -> Result<Option<[MaskedPerson; 2]>, Error> {
        let rows = self.load(two.iter().map(|(person, _)| Who::Subject(*person)).collect()).await?;
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let mut lines = Lines::default();
        let mut allowed: Vec<(Permit, Keys<'_>)> = Vec::with_capacity(two.len());
        let mut names = Vec::with_capacity(two.len());
        for rows in &rows {
            match self.decide_one(ask, rows.as_ref(), (&edition, id), true).or_else(damaged)? {
                Some((Verdict::Allow(permit), Some((keys, pseudonym)))) => {
                    names.push((permit.categories(), pseudonym));
                    allowed.push((permit, keys));
                }
                Some((verdict, _)) => lines.refused(verdict.decision()),
                None => lines.damaged(),
            }
        }
        let both = allowed.len() == two.len();
        if both {
            names.into_iter().for_each(|(categories, name)| lines.disclosed(categories, name));
        }
        let version = edition.purpose(&ask.purpose).and_then(|purpose| i32::try_from(purpose.version).ok());
        let receipt = self.book.record_all(id, lines.written(ask, version, two.len())).await?;
        if !both {
            return Ok(None);
        }
        let mut shown = Vec::with_capacity(two.len());
        for (opened, (_, first)) in self.door.disclose_many(allowed, receipt, &edition)?.into_iter().zip(two) {
            shown.extend(opened.map(Some).or_else(damaged)?.map(|disclosure| person(&disclosure, first)));
        }
        let shown: Result<[MaskedPerson; 2], Vec<MaskedPerson>> = shown.try_into();
        match shown {
            Ok(both) => Ok(Some(both)),
            Err(_) => {
                self.note_damage(ask, &edition, two.len()).await?;
                Ok(None)
            }
        }
    }
}

fn person(disclosure: &Disclosure, first: RecordNo) -> MaskedPerson {
    let all = disclosure.records();
    let record = |record: &super::DisclosedRecord| MaskedRecord {
        record: record.record_no,
        kind: record.kind,
        source: record.source.clone(),
        arrived_at: record.ingested_at,
        values: masked(&record.parts),
    };
    let own = all.iter().filter(|record| record.record_no == first).map(record);
    let others = all.iter().filter(|record| record.record_no != first).map(record);
    let records = own.chain(others.filter(|record| !record.values.is_empty())).take(SHOWN).collect();
    MaskedPerson { subject: disclosure.subject(), records, records_in_all: all.len() }
}
