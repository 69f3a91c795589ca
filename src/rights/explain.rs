//! What Art. 15 GDPR asks about the data, as one [`Document`]: the content of the package before it has a form.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attributes::{AttributePart, attributes};
use super::certificate::Recipient;
use super::due::{Keepers, categories};
use super::recipients::Readings;
use super::retention::{last_day, statute};
use super::words::{self, Item};
use super::{Case, Controller, Error, Membership};
use crate::consent::{Edition, Text, ledger};
use crate::gateway::{Disclosed, DisclosedRecord, Disclosure, Use};
use crate::graph::Rule;
use crate::store;
use crate::store::rows::{IdentifierRow, LedgerRow, LinkRow, RecordRow, SubjectRows};
use crate::types::{Category, Ground, IdentifierKind, RecordKind, RecordNo, Timestamp};

/// What was found about a person.
pub(super) struct Found<'a> {
    pub(super) case: &'a Case,
    /// The answer that was given first, if this is a copy of it.
    pub(super) first: Option<FirstAnswer>,
    pub(super) rows: &'a SubjectRows,
    pub(super) copy: Option<&'a Disclosure>,
    pub(super) uses: Vec<Use>,
    pub(super) readings: Readings,
    pub(super) links: Vec<LinkRow>,
    pub(super) indexes: Vec<IdentifierRow>,
    pub(super) memberships: Vec<Membership>,
}

/// The whole answer. Its members are the members of `data.json`.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) format: &'static str,
    pub(super) made_at: String,
    pub(super) request: RequestPart,
    pub(super) person: PersonPart,
    pub(super) controller: ControllerPart,
    /// The fourteen things the answer has to contain, each with its answer or "none".
    pub(super) contents: Vec<Item>,
    pub(super) records: Vec<RecordPart>,
    /// Where records differ, or could: which one each value of the profile is of.
    pub(super) attributes: Vec<AttributePart>,
    pub(super) consents: Vec<ConsentPart>,
    pub(super) purposes: Vec<PurposePart>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) readings_inside: Vec<Recipient>,
    pub(super) links: Vec<LinkPart>,
    pub(super) indexes: Vec<IndexPart>,
    pub(super) segments: Vec<Membership>,
    pub(super) searched: SearchedPart,
}

#[derive(Serialize)]
pub(super) struct RequestPart {
    pub(super) id: String,
    pub(super) received_at: String,
    pub(super) due_at: String,
    /// The answer that was given first. None: this is it. Else the package was built anew, from what is stored now.
    pub(super) first_answer: Option<FirstAnswer>,
}

/// When a request was answered first, and with which file.
#[derive(Serialize, Deserialize)]
pub(super) struct FirstAnswer {
    made_at: String,
    package_sha256: String,
}

#[derive(Serialize)]
pub(super) struct PersonPart {
    pub(super) subject_id: String,
    pub(super) known_since: String,
    /// How many people the hub knew apart before it saw that they are one.
    pub(super) joined_people: usize,
}

#[derive(Serialize)]
pub(super) struct ControllerPart {
    pub(super) name: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) data_protection_officer: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) third_country_transfers: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct RecordPart {
    /// Counts the records of this package from 1.
    pub(super) number: usize,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The source's own id of it.
    pub(super) external_id: Option<Disclosed<String>>,
    pub(super) source: String,
    pub(super) source_title: String,
    pub(super) changed_at: String,
    pub(super) arrived_at: String,
    pub(super) happened_at: Option<String>,
    pub(super) parts: Vec<CategoryPart>,
}

/// The fields of one category of one record: all of them have the same source, uses and end.
#[derive(Serialize)]
pub(super) struct CategoryPart {
    pub(super) category: &'static str,
    pub(super) data: Disclosed<Value>,
    pub(super) uses: Vec<UsePart>,
    /// The day, if it is known today.
    pub(super) kept_until: Option<String>,
    pub(super) kept_because: Text,
    #[serde(skip)]
    pub(super) portable: bool,
}

#[derive(Serialize)]
pub(super) struct UsePart {
    pub(super) purpose: String,
    pub(super) ground: &'static str,
    pub(super) statute: String,
    pub(super) channels: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct ConsentPart {
    pub(super) entry: i64,
    pub(super) act: &'static str,
    pub(super) purpose: Option<String>,
    pub(super) channel: Option<&'static str>,
    pub(super) at: String,
    /// Since when it counts, where that is later: a no that holds for each of those somebody is since they objected to matching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counts_from: Option<String>,
    pub(super) recorded_at: String,
    pub(super) method: &'static str,
    pub(super) text_version: Option<String>,
    pub(super) source: Option<String>,
    pub(super) proven: bool,
    pub(super) confirmed: bool,
    pub(super) explicit: bool,
    pub(super) parental: bool,
    /// The proof itself (Art. 7(1) GDPR).
    pub(super) evidence: Option<Disclosed<Value>>,
}

#[derive(Serialize)]
pub(super) struct PurposePart {
    pub(super) code: String,
    pub(super) title: Text,
    pub(super) description: Text,
    pub(super) ground: &'static str,
    pub(super) statute: String,
    pub(super) recipients: Vec<String>,
    /// Does it read anything of this person today?
    pub(super) reads_today: bool,
}

#[derive(Serialize)]
pub(super) struct LinkPart {
    /// The record's number in this package; none if it is gone.
    pub(super) record: Option<usize>,
    pub(super) rule: &'static str,
    pub(super) explanation: Text,
    pub(super) decided_at: String,
    pub(super) joined_two_people: bool,
    /// The record it was compared with, by its number in this package.
    pub(super) other_record: Option<usize>,
    /// What the comparisons came to, in bits.
    pub(super) weight: Option<f64>,
    /// The comparisons, in levels of agreement and weights.
    pub(super) comparisons: Option<Value>,
}

/// A keyed hash that is stored to find the person. It is named and not reproduced: without the key it says nothing.
#[derive(Serialize)]
pub(super) struct IndexPart {
    pub(super) of: &'static str,
    pub(super) count: usize,
}

#[derive(Serialize)]
pub(super) struct SearchedPart {
    pub(super) at: String,
    pub(super) systems: Vec<&'static str>,
    pub(super) sources: Vec<String>,
    /// Records that are stored but whose key is gone: nobody can read them any more.
    pub(super) unreadable: usize,
}

/// Puts the answer together.
pub(super) fn explain(
    mut found: Found<'_>,
    edition: &Edition,
    controller: &Controller,
    now: Timestamp,
) -> Result<Document, Error> {
    let disclosed = found.copy.map_or(&[][..], Disclosure::records);
    let numbers: Vec<RecordNo> = disclosed.iter().map(DisclosedRecord::record_no).collect();
    let records = disclosed
        .iter()
        .enumerate()
        .map(|(at, record)| record_part(at + 1, record, &found, edition, now))
        .collect::<Result<Vec<_>, _>>()?;
    let with_content = found.rows.records.iter().filter(|row| !categories(row).is_empty()).count();
    let mut document = Document {
        format: "obhut access package 1",
        made_at: now.rfc3339(),
        request: RequestPart {
            id: found.case.id.to_string(),
            received_at: found.case.received_at.rfc3339(),
            due_at: found.case.due_at.rfc3339(),
            first_answer: found.first.take(),
        },
        person: PersonPart {
            subject_id: found.rows.subject.to_string(),
            known_since: found.rows.created_at.rfc3339(),
            joined_people: found.rows.merged.len(),
        },
        controller: ControllerPart {
            name: controller.name.clone(),
            contact: controller.contact.clone(),
            data_protection_officer: controller.dpo.clone(),
            authority: controller.authority.clone(),
            third_country_transfers: controller.transfers.clone(),
        },
        contents: Vec::new(),
        records,
        attributes: attributes(found.copy, &numbers),
        consents: consents(&found, edition)?,
        purposes: purposes(&found.uses, edition),
        recipients: found.readings.recipients,
        readings_inside: found.readings.inside,
        links: links(&found.links, &numbers)?,
        indexes: indexes(&found.indexes)?,
        segments: found.memberships,
        searched: SearchedPart {
            at: now.rfc3339(),
            systems: vec![
                "records",
                "consent ledger",
                "proofs of consent",
                "identity graph",
                "blind indexes",
                "audit book",
                "segments",
            ],
            sources: edition.sources().iter().map(|source| source.code.clone()).collect(),
            unreadable: with_content.saturating_sub(numbers.len()),
        },
    };
    document.contents = words::contents(&document);
    Ok(document)
}

fn record_part(
    number: usize,
    record: &DisclosedRecord,
    found: &Found<'_>,
    edition: &Edition,
    now: Timestamp,
) -> Result<RecordPart, Error> {
    let row = found.rows.records.iter().find(|row| row.record_no == record.record_no());
    let row = row.ok_or(Error::Document("package"))?;
    let keepers = Keepers::new(found.rows, edition, now)?;
    let title = edition.source(row.source_no).map_or_else(String::new, |source| source.title.clone());
    let parts = record.parts().map(|(category, data)| {
        let uses = || found.uses.iter().filter(|of| of.record == row.record_no && of.category == category);
        let (kept_until, kept_because) = kept(&keepers, row, category, record.kind())?;
        let grounds = [Ground::Consent, Ground::Contract];
        Ok(CategoryPart {
            category: category.word(),
            data,
            kept_until,
            kept_because,
            portable: category != Category::Derived && uses().any(|of| grounds.contains(&of.purpose.ground)),
            uses: uses().map(use_part).collect(),
        })
    });
    Ok(RecordPart {
        number,
        kind: record.kind().word(),
        external_id: record.name(),
        source: record.source().to_owned(),
        source_title: title,
        changed_at: record.version().rfc3339(),
        arrived_at: record.ingested_at().rfc3339(),
        happened_at: row.happened_at.is_set().then(|| row.happened_at.rfc3339()),
        parts: parts.collect::<Result<_, Error>>()?,
    })
}

fn use_part(of: &Use) -> UsePart {
    UsePart {
        purpose: of.purpose.code.to_string(),
        ground: of.purpose.ground.word(),
        statute: of.purpose.statute.clone(),
        channels: of.channels.iter().map(|channel| channel.word()).collect(),
    }
}

/// Until when a part stays: what the retention run will go by.
fn kept(
    keepers: &Keepers<'_>,
    row: &RecordRow,
    category: Category,
    kind: RecordKind,
) -> Result<(Option<String>, Text), Error> {
    let until = keepers.until(row, category);
    let purposes = until.purposes.filter(|end| until.law.is_none_or(|law| law < *end));
    match (purposes, until.law) {
        (Some(Timestamp::NEVER), _) => Ok((None, words::kept_for_purpose())),
        (Some(end), _) if until.by_source => Ok((Some(last_day(end)?.to_string()), words::kept_by_source())),
        (Some(end), _) => Ok((Some(last_day(end)?.to_string()), words::kept_for_purpose())),
        (None, Some(law)) => Ok((Some(last_day(law)?.to_string()), words::kept_by(statute(kind)))),
        (None, None) => Ok((None, words::kept_for_nothing())),
    }
}

fn consents(found: &Found<'_>, edition: &Edition) -> Result<Vec<ConsentPart>, Error> {
    let part = |row: &LedgerRow| {
        let entry = ledger::entry(row)?;
        let source = edition.source(row.source_no).map(|source| source.code.clone());
        Ok(ConsentPart {
            entry: row.entry_no,
            act: entry.act.word(),
            purpose: entry.purpose.as_ref().map(ToString::to_string),
            channel: entry.channel.map(|channel| channel.word()),
            at: row.said().rfc3339(),
            counts_from: row.said_at.is_set().then(|| entry.at.rfc3339()),
            recorded_at: entry.recorded_at.rfc3339(),
            method: entry.method.word(),
            text_version: entry.text_version.as_deref().map(str::to_owned),
            source,
            proven: entry.proven,
            confirmed: entry.confirmed,
            explicit: entry.explicit,
            parental: entry.parental,
            evidence: found.copy.and_then(|copy| copy.proof(entry.entry_no)),
        })
    };
    found.rows.ledger.iter().map(part).collect()
}

fn purposes(uses: &[Use], edition: &Edition) -> Vec<PurposePart> {
    let part = |purpose: std::sync::Arc<crate::consent::Purpose>| PurposePart {
        code: purpose.code.to_string(),
        title: purpose.title.clone(),
        description: purpose.description.clone(),
        ground: purpose.ground.word(),
        statute: purpose.statute.clone(),
        recipients: purpose.recipients.clone(),
        reads_today: uses.iter().any(|of| of.purpose.code == purpose.code),
    };
    edition.purposes().into_iter().map(part).collect()
}

fn links(rows: &[LinkRow], numbers: &[RecordNo]) -> Result<Vec<LinkPart>, Error> {
    let part = |row: &LinkRow| {
        let rule = Rule::try_from(row.rule).map_err(store::Error::from)?;
        Ok(LinkPart {
            record: numbers.iter().position(|number| *number == row.record_no).map(|at| at + 1),
            rule: rule.word(),
            explanation: words::rule(rule),
            decided_at: row.decided_at.rfc3339(),
            joined_two_people: row.merged_from.is_some(),
            other_record: numbers.iter().position(|number| number.0 == row.other_no).map(|at| at + 1),
            weight: (!row.waterfall.is_empty()).then(|| f64::from(row.weight) / 1000.0),
            comparisons: serde_json::from_str(&row.waterfall).ok(),
        })
    };
    rows.iter().map(part).collect()
}

fn indexes(rows: &[IdentifierRow]) -> Result<Vec<IndexPart>, Error> {
    let mut all: Vec<IndexPart> = Vec::new();
    for row in rows {
        let of = if row.kind == IdentifierRow::RECORD {
            "record"
        } else {
            IdentifierKind::try_from(row.kind).map_err(store::Error::from)?.word()
        };
        match all.iter_mut().find(|index| index.of == of) {
            Some(index) => index.count += 1,
            None => all.push(IndexPart { of, count: 1 }),
        }
    }
    Ok(all)
}
