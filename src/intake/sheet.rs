//! What is written of a record: its row, what matching keeps of it, and its blind indexes.

use super::Error;
use super::desk::{Desk, Key};
use super::prepare::{Indexed, Prepared};
use super::settle::Batch;
use super::terms::Term;
use crate::store::identifiers;
use crate::store::rows::{CardRow, IdentifierRow, RecordRow};
use crate::types::{RecordNo, SubjectId, Timestamp};
use crate::vault::Personal;

impl Desk<'_> {
    pub(super) fn row(
        &self,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
        key: &Key<'_>,
    ) -> Result<RecordRow, Error> {
        let or_unset = |time: Option<Timestamp>| time.unwrap_or(Timestamp::UNSET);
        Ok(RecordRow {
            record_no,
            part: person.part(),
            subject_id: person,
            sealed_for: key.owner,
            key_no: key.key_no,
            source_no: prepared.source.number,
            kind: prepared.kind.number(),
            version: prepared.version,
            content_mac: prepared.content_mac.bytes().to_vec(),
            categories: prepared.categories().bits().cast_signed(),
            facts: prepared.facts,
            ingested_at: self.now,
            happened_at: or_unset(prepared.happened_at),
            contract_until: or_unset(prepared.contract_until),
            source_until: or_unset(prepared.source_until),
            keep_until: or_unset(prepared.keep_until),
            sealed: key.key.seal(record_no, &prepared.parts)?,
        })
    }

    /// What matching keeps of the record.
    pub(super) fn card(
        &self,
        prepared: &Prepared,
        person: SubjectId,
        record_no: RecordNo,
        key: &Key<'_>,
    ) -> Result<CardRow, Error> {
        let compared = prepared.card.as_ref().map(|card| Personal::closed(card.to_bytes()));
        let (named, sealed) = key.key.seal_card(record_no, Some(&prepared.name), compared.as_ref())?;
        let found = !sealed.bytes().is_empty();
        let counted: Vec<i32> = prepared.terms.iter().filter_map(Term::number).filter(|_| found).collect();
        Ok(CardRow {
            record_no,
            subject_id: person,
            sealed_for: key.owner,
            key_no: key.key_no,
            source_no: prepared.source.number,
            named: named.into_bytes(),
            sealed: sealed.into_bytes(),
            matching_keys: if found { packed(&prepared.keys) } else { Vec::new() },
            terms: if counted.is_empty() { None } else { Some(self.sealer.mask(&counted)?) },
        })
    }

    /// Writes what changed among the indexes of a record. Mostly nothing did.
    pub(super) fn reindex(
        &self,
        batch: &mut Batch<'_, '_>,
        prepared: &Prepared,
        person: SubjectId,
        (record_no, generic, foreign): (RecordNo, &[[u8; 16]], &[[u8; 16]]),
    ) -> Result<(), Error> {
        let stored = identifiers::of_records(batch.write.records(), &[record_no])?;
        let mut wanted: Vec<IdentifierRow> = identifiers_of(prepared, person, record_no, (generic, foreign)).collect();
        let gone: Vec<&IdentifierRow> = stored.iter().filter(|row| !wanted.contains(row)).collect();
        for row in &gone {
            identifiers::delete(batch.write, row)?;
        }
        // Of a value in both, the row that changed was deleted.
        let gone: Vec<[u8; 16]> = gone.iter().filter_map(|row| row.ix.as_slice().try_into().ok()).collect();
        wanted.retain(|row| !stored.contains(row));
        identifiers::insert(batch.write, wanted)?;
        batch.known.touch(gone.iter().chain(prepared.indexes.iter().map(|indexed| &indexed.ix)));
        Ok(())
    }
}

/// Matching keys as a card's row has them.
pub(super) fn packed(keys: &[i64]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_be_bytes()).collect()
}

/// The blind indexes of a record. A `generic` value joins nobody, whoever brings it; a `foreign` one stays whose it is.
pub(super) fn identifiers_of(
    prepared: &Prepared,
    person: SubjectId,
    record_no: RecordNo,
    (generic, foreign): (&[[u8; 16]], &[[u8; 16]]),
) -> impl Iterator<Item = IdentifierRow> {
    prepared.indexes.iter().map(move |Indexed { ix, kind, flags, whose }| {
        let joins = flags & IdentifierRow::JOINS != 0 && !generic.contains(ix);
        let spoilt = flags & IdentifierRow::JOINS != 0 && !joins;
        let use_flags = if spoilt { flags & !IdentifierRow::JOINS | IdentifierRow::GENERIC } else { *flags };
        let use_flags = if foreign.contains(ix) { use_flags & !IdentifierRow::JOINS } else { use_flags };
        IdentifierRow {
            ix: ix.to_vec(),
            record_no,
            kind: *kind,
            subject_id: person,
            use_flags,
            behind: IdentifierRow::behind(*kind, use_flags),
            whose: *whose,
        }
    })
}
