//! Nobodies: owners without a name for whom it is sealed what a vendor is told, so that it ends with a key of its own.

use super::erase::Vaulted;
use super::{Error, Rights};
use crate::store::rows::{RecordRow, SubjectRow, SubjectState};
use crate::store::{self, Write, keys, records, subjects};
use crate::types::{Category, CategorySet, RecordKind, SourceNo, SubjectId, Timestamp};
use crate::vault::Personal;

impl Rights {
    /// Seals what a vendor is told, for a nobody of its own, until `ends` at the latest.
    pub(super) fn seal_for_nobody(
        &self,
        source: SourceNo,
        documents: Vec<(Category, Personal)>,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<Vaulted, Error> {
        let nobody = SubjectId::from_uuid(self.ids.uuid()?);
        let record_no = self.ids.record_no();
        let held: CategorySet = documents.iter().map(|(category, _)| *category).collect();
        let (key, sealed) = self.shredder.keep(nobody, vec![(record_no, documents)], now)?;
        let records = sealed.into_iter().map(|sealed| RecordRow {
            record_no,
            part: nobody.part(),
            subject_id: nobody,
            sealed_for: nobody,
            key_no: 1,
            source_no: source,
            kind: RecordKind::ContactNote.number(),
            version: now,
            content_mac: Vec::new(),
            categories: held.bits().cast_signed(),
            facts: RecordRow::KEPT_BY_LAW | RecordRow::ERRAND,
            ingested_at: now,
            happened_at: Timestamp::UNSET,
            contract_until: Timestamp::UNSET,
            source_until: Timestamp::UNSET,
            keep_until: ends,
            sealed,
        });
        let owner = SubjectRow {
            part: nobody.part(),
            subject_id: nobody,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Retained as i16,
            created_at: now,
        };
        Ok(Vaulted { owner, key, records: records.collect() })
    }
}

/// Destroys an errand: its key first, which is committed first.
pub(super) fn destroy_errand(write: &mut Write<'_>, nobody: SubjectId) -> Result<(), store::Error> {
    keys::delete_data_keys(write, &[nobody])?;
    records::delete_of(write, nobody)?;
    subjects::delete(write, &[nobody])?;
    Ok(())
}
