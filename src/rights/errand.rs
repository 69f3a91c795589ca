//! Errands: when a person is erased here, the vendors of the connected sources that told of them are made to forget them too
//! (Art. 17, 19 GDPR).
//!
//! What a vendor must be told to find the person (mail addresses, phone numbers, its own numbers of them, as it gave them
//! itself) is read before the person is marked, and sealed for a nobody of its own, one per source, in the transaction of
//! the mark. A job asks the vendors (`jobs::erase_at_vendors`). When an answer is final that key is destroyed, and the
//! answer goes into the certificate.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::erase::Vaulted;
use super::{Error, Kind, Rights};
use crate::audit::{Act, Line};
use crate::gateway::{Actor, Answer, Ask, Caller, Disclosed, Disclosure, Scope};
use crate::store::rows::{RecordRow, SubjectRow, SubjectRows, SubjectState, Who};
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::store::{self, Write, audiences, connections, deliveries, identifiers, keys, records, subjects};
use crate::types::{Category, CategorySet, IdentifierKind, RecordKind, RequestId, SourceNo, SubjectId, Timestamp};
use crate::vault::{Personal, source_scoped};

/// The purpose under which it is read: the person demanded it.
const OWN_ACCESS: &str = "subject_access";
/// Days after which an errand ends, whatever the vendor says.
const LONGEST: i32 = 60;

/// What one vendor must be told, sealed, and how to recognise it when the vendor tells of it.
#[derive(Clone)]
pub(super) struct Errand {
    sealed: Vaulted,
    row: SourceErasureRow,
    indexes: Vec<[u8; 16]>,
}

/// By what one vendor knows the person, by category and list.
type Known = BTreeMap<(Category, &'static str), BTreeSet<String>>;

impl Rights {
    /// What the vendors of the person's connected sources must be told.
    pub(super) async fn errands(
        &self,
        request: RequestId,
        rows: &SubjectRows,
        now: Timestamp,
    ) -> Result<Vec<Errand>, Error> {
        let connected = self.store.read(|read| connections::all(read.records())).await?;
        let handed = self.handed(rows).await?;
        let told: BTreeSet<SourceNo> = rows
            .records
            .iter()
            .map(|record| record.source_no)
            .chain(handed.iter().map(|(source, ..)| *source))
            .collect();
        let sources: Vec<SourceNo> =
            connected.iter().map(|row| row.source_no).filter(|source| told.contains(source)).collect();
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let ask = ask()?;
        let copy = match self.gateway.own_copy(&ask, rows, request).await? {
            Answer::Disclosed(copy) => Some(copy),
            Answer::Nothing => None,
        };
        let mut errands = Vec::new();
        for source in sources {
            let mut known = copy.as_ref().map(|copy| self.known(copy, source)).unwrap_or_default();
            for (_, list, value) in handed.iter().filter(|(to, ..)| *to == source) {
                known.entry((Category::Contact, list)).or_default().insert(value.clone());
            }
            errands.push(self.errand(request, rows, (source, known), now).await?);
        }
        Ok(errands)
    }

    /// By what the person was handed to vendors: the source, the list and the value.
    async fn handed(&self, rows: &SubjectRows) -> Result<Vec<(SourceNo, &'static str, String)>, Error> {
        let people = ids_of(rows);
        let members = self.store.read(move |read| audiences::of_people(read.records(), &people)).await?;
        let mut handed = Vec::new();
        for member in members {
            let Some(errand) = self.open_member(&member).await? else { continue };
            for part in errand.records().iter().filter_map(|record| record.part(Category::Contact)) {
                for list in HANDED {
                    handed.extend(texts(&part, list).into_iter().map(|value| (member.source_no, list, value)));
                }
            }
        }
        Ok(handed)
    }

    /// By what the vendor of `source` knows the person: what it told itself.
    fn known(&self, copy: &Disclosure, source: SourceNo) -> Known {
        let mut known = Known::new();
        let edition = self.rulebook.edition();
        let code = edition.source(source).map_or("", |source| source.code.as_str());
        for record in copy.records().iter().filter(|record| record.source() == code) {
            for (category, list) in LISTS {
                let values = record.part(category).map(|part| texts(&part, list)).unwrap_or_default();
                known.entry((category, list)).or_default().extend(values);
            }
        }
        known
    }

    /// Seals what is known. A value that is somebody else's too is withheld: by a family's mailbox the vendor would forget
    /// the others.
    async fn errand(
        &self,
        request: RequestId,
        rows: &SubjectRows,
        (source, known): (SourceNo, Known),
        now: Timestamp,
    ) -> Result<Errand, Error> {
        let (mut parts, mut indexes, mut withheld) = (BTreeMap::<Category, Value>::new(), Vec::new(), 0);
        for ((category, list), values) in known {
            let mut told = Vec::new();
            for value in values {
                // A digest is looked up nowhere; who shares it is handed over again.
                if list.ends_with("_sha256") {
                    told.push(value);
                    continue;
                }
                let kind = kind_of(list);
                let at = if source_scoped(kind) { source } else { SourceNo(0) };
                let who = self.gateway.who_has(kind, at, &Personal::text(value.clone()))?;
                let Who::Identifier(ix) = who else { continue };
                let (person, read) =
                    (rows.subject, move |read: &mut store::Read| identifiers::with_index(read.records(), &ix));
                if self.store.read(read).await?.iter().any(|row| row.subject_id != person) {
                    withheld += 1;
                    continue;
                }
                indexes.push(ix);
                told.push(value);
            }
            let part = parts.entry(category).or_insert_with(|| json!({}));
            if let Value::Object(part) = part {
                part.insert(list.to_owned(), told.into());
            }
        }
        let documents = parts
            .into_iter()
            .map(|(category, part)| Ok((category, Personal::document(&part).map_err(|_| Error::Document("errand"))?)))
            .collect::<Result<Vec<_>, Error>>()?;
        let ends = now.plus_days(i64::from(LONGEST));
        let sealed = self.seal_for_nobody(source, documents, ends, now)?;
        let row = SourceErasureRow {
            request_id: request,
            source_no: source,
            errand: sealed.owner.subject_id.bytes().to_vec(),
            withheld,
            state: SourceErasureRow::WAITS,
            attempts: 0,
            next_at: now,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            asked_at: now,
            changed_at: now,
            report: String::new(),
        };
        Ok(Errand { sealed, row, indexes })
    }

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

    /// Opens what a vendor must be told. None if it was destroyed.
    ///
    /// # Errors
    /// If it cannot be read, or the audit line is not durable.
    pub async fn open_errand(&self, row: &SourceErasureRow) -> Result<Option<Box<Disclosure>>, Error> {
        let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(None) };
        Ok(match self.gateway.errand(&ask()?, nobody, Some(row.request_id)).await? {
            Answer::Disclosed(errand) => Some(errand),
            Answer::Nothing => None,
        })
    }

    /// Writes a vendor's final answer down and destroys what it had to be told: key, row and nobody. `outcome` is the
    /// answer's class, for the audit book. False if another process took the errand over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn end_errand(&self, owner: &[u8], row: &SourceErasureRow, outcome: &str) -> Result<bool, Error> {
        let nobody = SubjectId::from_slice(&row.errand).ok();
        let ended = SourceErasureRow {
            errand: Vec::new(),
            state: SourceErasureRow::FINAL,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            ..row.clone()
        };
        let owner = owner.to_vec();
        let ours = self.store.write(move |write| {
            let ours = source_erasures::step(write, &owner, &ended)?;
            if let Some(nobody) = nobody.filter(|_| ours) {
                destroy_errand(write, nobody)?;
            }
            Ok::<_, store::Error>(ours)
        });
        if !ours.await? {
            return Ok(false);
        }
        let edition = self.rulebook.edition();
        let code = edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone());
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object(Kind::Erasure.word()).reasons(vec![outcome.to_owned()])).await?;
        self.certify_anew(row.request_id).await?;
        Ok(true)
    }
}

/// Destroys an errand: its key first, which is committed first.
pub(super) fn destroy_errand(write: &mut Write<'_>, nobody: SubjectId) -> Result<(), store::Error> {
    keys::delete_data_keys(write, &[nobody])?;
    records::delete_of(write, nobody)?;
    subjects::delete(write, &[nobody])?;
    Ok(())
}

/// Where a record keeps by what its source knows the person.
const LISTS: [(Category, &str); 5] = [
    (Category::Contact, "emails"),
    (Category::Contact, "phones"),
    (Category::Identity, "accounts"),
    (Category::Identity, "customer_numbers"),
    (Category::Social, "accounts"),
];

/// By what people are handed to vendors (`rights::audience`).
const HANDED: [&str; 3] = ["emails", "emails_sha256", "phones_sha256"];

fn kind_of(list: &str) -> IdentifierKind {
    match list {
        "emails" => IdentifierKind::Email,
        "phones" => IdentifierKind::Phone,
        "customer_numbers" => IdentifierKind::CustomerNumber,
        _ => IdentifierKind::Account,
    }
}

pub(super) fn ask() -> Result<Ask, Error> {
    Ok(Ask {
        caller: Caller { actor: Actor::Hub("rights"), scope: Scope::Every },
        purpose: OWN_ACCESS.parse().map_err(store::Error::from)?,
        categories: Some([Category::Identity, Category::Contact, Category::Social].into_iter().collect()),
        channel: None,
        reason: None,
    })
}

/// The values of a list: texts, or objects with a value. Addresses of a post or of nobody are no one's.
#[expect(clippy::disallowed_methods, reason = "they are sealed again at once, for the vendor that told of them")]
fn texts(part: &Disclosed<&Value>, list: &str) -> Vec<String> {
    let entries = part.look().get(list).and_then(Value::as_array);
    let text = |entry: &Value| match entry {
        Value::String(text) => Some(text.clone()),
        entry if entry.get("mailbox").and_then(Value::as_str) == Some("placeholder") => None,
        entry => entry.get("value")?.as_str().map(str::to_owned),
    };
    entries.into_iter().flatten().filter_map(text).collect()
}

/// The ids of a person: their own, and those of whoever was merged into them.
pub(super) fn ids_of(rows: &SubjectRows) -> Vec<SubjectId> {
    [rows.subject].into_iter().chain(rows.merged.iter().map(|row| row.subject_id)).collect()
}

/// Stores an errand, in the transaction of the mark.
pub(super) fn send(write: &mut Write<'_>, errand: &Errand, now: Timestamp) -> Result<(), Error> {
    super::erase::store_kept(write, &errand.sealed)?;
    source_erasures::insert(write, errand.row.clone())?;
    // What the vendor will tell of it is no new demand.
    Ok(deliveries::asked_to_forget(write, errand.row.source_no, &errand.indexes, now)?)
}
