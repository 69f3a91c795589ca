//! Errands: when a person is erased here, the vendors of the connected sources that told of them are made to forget them too
//! (Art. 17, 19 GDPR).
//!
//! What a vendor must be told to find the person (mail addresses, phone numbers, its own numbers of them, as it gave them
//! itself) is read before the person is marked, and sealed for a nobody of its own, one per source, in the transaction of
//! the mark. A job asks the vendors (`jobs::erase_at_vendors`). When an answer is final that key is destroyed, and the
//! answer goes into the certificate.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::audience::{DIGESTS, leave_all};
use super::erase::Vaulted;
use super::nobody::destroy_errand;
use super::{Error, Kind, Rights};
use crate::audit::{Act, Line};
use crate::gateway::{Actor, Answer, Ask, Caller, Disclosed, Disclosure, Kept, Scope};
use crate::store::audiences::MemberRow;
use crate::store::rows::{SubjectRows, Who};
use crate::store::source_erasures::{self, SourceErasureRow};
use crate::store::{self, Write, audiences, connections, deliveries, identifiers};
use crate::types::{Category, IdentifierKind, RequestId, SourceNo, SubjectId, Timestamp};
use crate::vault::{Personal, source_scoped};

/// The purpose under which it is read: the person demanded it.
const OWN_ACCESS: &str = "subject_access";
/// Days after which an errand ends, whatever the vendor says.
pub(super) const LONGEST: i32 = 60;

/// What one vendor must be told, sealed, and how to recognise it when the vendor tells of it.
#[derive(Clone)]
pub(super) struct Errand {
    /// None: the vendor is asked nothing.
    sealed: Option<Vaulted>,
    row: SourceErasureRow,
    indexes: Vec<[u8; 16]>,
}

/// What all of them must be told, and to whom the person was handed when it was read.
#[derive(Clone)]
pub(super) struct Errands {
    all: Vec<Errand>,
    handed: Vec<MemberRow>,
}

/// By what one vendor knows the person, by category and list.
pub(super) type Known = BTreeMap<(Category, &'static str), BTreeSet<String>>;

/// By what a person was handed to a vendor, and how much of it may not be read.
#[derive(Default)]
struct Told {
    values: Vec<(&'static str, String)>,
    refused: i32,
}

impl Rights {
    /// What the vendors of the person's connected sources must be told.
    pub(super) async fn errands(
        &self,
        request: RequestId,
        rows: &SubjectRows,
        now: Timestamp,
    ) -> Result<Errands, Error> {
        let people = ids_of(rows);
        let read = move |read: &mut store::Read| {
            Ok::<_, store::Error>((connections::all(read.records())?, audiences::of_people(read.records(), &people)?))
        };
        let (connected, handed) = self.store.read(read).await?;
        let records = rows.records.iter().map(|record| record.source_no);
        let told: BTreeSet<SourceNo> = records.chain(handed.iter().map(|member| member.source_no)).collect();
        let sources: Vec<SourceNo> =
            connected.iter().map(|row| row.source_no).filter(|source| told.contains(source)).collect();
        let mut errands = Errands { all: Vec::new(), handed };
        if sources.is_empty() {
            return Ok(errands);
        }
        let ask = ask()?;
        let copy = match self.gateway.own_copy(&ask, rows, request).await? {
            Answer::Disclosed(copy) => Some(copy),
            Answer::Nothing => None,
        };
        for source in sources {
            if self.is_mute(source) {
                errands.all.push(unasked(request, source, now));
                continue;
            }
            let mut known = copy.as_ref().map(|copy| self.known(copy, source)).unwrap_or_default();
            let told = self.told(errands.handed.iter().filter(|member| member.source_no == source)).await?;
            for (list, value) in told.values {
                known.entry((Category::Contact, list)).or_default().insert(value);
            }
            let mut errand = self.errand(request, rows, (source, known), now).await?;
            errand.row.withheld = errand.row.withheld.saturating_add(told.refused);
            errands.all.push(errand);
        }
        Ok(errands)
    }

    /// By what the person was handed to one vendor.
    async fn told(&self, members: impl Iterator<Item = &MemberRow>) -> Result<Told, Error> {
        let mut told = Told::default();
        for member in members {
            let errand = match self.open_member(member).await? {
                Kept::Opened(errand) => errand,
                Kept::Refused => {
                    told.refused = told.refused.saturating_add(1);
                    continue;
                }
                Kept::Destroyed => continue,
            };
            for part in errand.records().iter().filter_map(|record| record.part(Category::Contact)) {
                told.values.extend(texts(&part, "emails").into_iter().map(|email| ("emails", email)));
                told.values.extend(pairs(&part).into_iter().map(|pair| (DIGESTS, pair)));
            }
        }
        Ok(told)
    }

    /// By what the vendor of `source` knows the person: what it told itself.
    pub(super) fn known(&self, copy: &Disclosure, source: SourceNo) -> Known {
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
                if list == DIGESTS {
                    told.push(value);
                    continue;
                }
                let its = self.indexes_of(source, list, &value)?;
                if self.others_have(its.clone(), Some(rows.subject)).await? {
                    withheld += 1;
                    continue;
                }
                indexes.extend(its);
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
        let errand = sealed.owner.subject_id.bytes().to_vec();
        let row = SourceErasureRow { errand, withheld, ..unasked(request, source, now).row };
        Ok(Errand { sealed: Some(sealed), row, indexes })
    }

    /// Is the vendor of this source never asked, whatever there is to tell?
    fn is_mute(&self, source: SourceNo) -> bool {
        let edition = self.rulebook.edition();
        edition.source(source).is_some_and(|source| self.mute.contains(&source.connector))
    }

    /// The blind indexes a value of a list may stand under. An address that forwards is indexed as what it is.
    fn indexes_of(&self, source: SourceNo, list: &str, value: &str) -> Result<Vec<[u8; 16]>, Error> {
        let mut indexes = Vec::new();
        for kind in kinds_of(list) {
            let at = if source_scoped(*kind) { source } else { SourceNo(0) };
            if let Who::Identifier(ix) = self.gateway.who_has(*kind, at, &Personal::text(value.to_owned()))? {
                indexes.push(ix);
            }
        }
        Ok(indexes)
    }

    async fn others_have(&self, indexes: Vec<[u8; 16]>, but: Option<SubjectId>) -> Result<bool, Error> {
        let read = move |read: &mut store::Read| {
            for ix in &indexes {
                if identifiers::holders(read.records(), ix)?.iter().any(|holder| Some(*holder) != but) {
                    return Ok(true);
                }
            }
            Ok::<_, store::Error>(false)
        };
        Ok(self.store.read(read).await?)
    }

    /// Has somebody who lives this value by now, which a vendor was to be told of somebody who was erased? Then it would forget the
    /// living. `list` is that of the errand it stands in.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn is_somebodys(&self, source: SourceNo, list: &str, value: &str) -> Result<bool, Error> {
        self.others_have(self.indexes_of(source, list, value)?, None).await
    }

    /// Opens what a vendor must be told.
    ///
    /// # Errors
    /// If it cannot be read, or the audit line is not durable.
    pub async fn open_errand(&self, row: &SourceErasureRow) -> Result<Kept, Error> {
        let Ok(nobody) = SubjectId::from_slice(&row.errand) else { return Ok(Kept::Destroyed) };
        Ok(self.gateway.errand(&ask()?, nobody, Some(row.request_id)).await?)
    }

    /// Writes a vendor's final answer down. From here on it is never asked again, whatever happens before
    /// [`Rights::end_errand`]. False if another process took the errand over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_answer(&self, owner: &[u8], row: &SourceErasureRow) -> Result<bool, Error> {
        let (owner, row) = (owner.to_vec(), SourceErasureRow { state: SourceErasureRow::ANSWERED, ..row.clone() });
        Ok(self.store.write(move |write| source_erasures::step(write, &owner, &row)).await?)
    }

    /// Lets an answer that was written down stand in audit book and certificate, and then destroys what the vendor had to be told:
    /// key, row and nobody. `outcome` is the answer's class, for the audit book. What a crash cut short is done again as a whole; its
    /// line may then stand twice. False if another process took the errand over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn end_errand(&self, owner: &[u8], row: &SourceErasureRow, outcome: &str) -> Result<bool, Error> {
        let edition = self.rulebook.edition();
        let code = edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone());
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object(Kind::Erasure.word()).reasons(vec![outcome.to_owned()])).await?;
        self.certify_anew(row.request_id).await?;
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
        Ok(ours.await?)
    }

    /// Holds an errand until its row's `next_at`, because a law or the vendor's terms keep something there until then: what the vendor must be
    /// told stays sealed, certificate and audit book say so, and on that day it is asked again. False if another process took the
    /// errand over.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn hold_errand(&self, owner: &[u8], row: &SourceErasureRow) -> Result<bool, Error> {
        let held = SourceErasureRow {
            state: SourceErasureRow::HELD,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            ..row.clone()
        };
        let owner = owner.to_vec();
        let ours = self.store.write(move |write| {
            let ours = source_erasures::step(write, &owner, &held)?;
            if ours {
                source_erasures::keep_errand(write, &held, held.next_at.plus_days(i64::from(LONGEST)))?;
            }
            Ok::<_, store::Error>(ours)
        });
        if !ours.await? {
            return Ok(false);
        }
        let edition = self.rulebook.edition();
        let code = edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone());
        let line = Line::new(Act::RecipientTold).for_request(row.request_id).to(format!("source {code}"));
        self.book.note(line.object(Kind::Erasure.word()).reasons(vec!["held".to_owned()])).await?;
        self.certify_anew(row.request_id).await?;
        Ok(true)
    }

    /// Puts into their certificates what vendors answered lately, where a crash kept it out.
    pub(super) async fn certify_lately(&self) -> Result<(), Error> {
        let since = self.clock.now().plus_days(-i64::from(LONGEST));
        let requests = self.store.read(move |read| source_erasures::ended_since(read.records(), since)).await?;
        for request in requests {
            self.certify_anew(request).await?;
        }
        Ok(())
    }
}

/// Where a record keeps by what its source knows the person.
const LISTS: [(Category, &str); 5] = [
    (Category::Contact, "emails"),
    (Category::Contact, "phones"),
    (Category::Identity, "accounts"),
    (Category::Identity, "customer_numbers"),
    (Category::Social, "accounts"),
];

const fn kinds_of(list: &str) -> &'static [IdentifierKind] {
    match list.as_bytes() {
        b"emails" => &[IdentifierKind::Email, IdentifierKind::Relay],
        b"phones" => &[IdentifierKind::Phone],
        b"customer_numbers" => &[IdentifierKind::CustomerNumber],
        _ => &[IdentifierKind::Account],
    }
}

/// The row of a vendor that is asked nothing: what is to be said of it is said at once.
fn unasked(request: RequestId, source: SourceNo, now: Timestamp) -> Errand {
    let row = SourceErasureRow {
        request_id: request,
        source_no: source,
        errand: Vec::new(),
        withheld: 0,
        state: SourceErasureRow::WAITS,
        attempts: 0,
        next_at: now,
        lease_owner: Vec::new(),
        lease_until: Timestamp::UNSET,
        asked_at: now,
        changed_at: now,
        report: String::new(),
    };
    Errand { sealed: None, row, indexes: Vec::new() }
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
        entry if matches!(entry.get("mailbox").and_then(Value::as_str), Some("placeholder" | "role")) => None,
        entry => entry.get("value")?.as_str().map(str::to_owned),
    };
    entries.into_iter().flatten().filter_map(text).collect()
}

/// The ids of a person: their own, and those of whoever was merged into them.
pub(super) fn ids_of(rows: &SubjectRows) -> Vec<SubjectId> {
    [rows.subject].into_iter().chain(rows.merged.iter().map(|row| row.subject_id)).collect()
}

/// Digests that were handed over side by side, each pair as one text, so that it stays a pair.
#[expect(clippy::disallowed_methods, reason = "they are sealed again at once, for the vendor that was given them")]
fn pairs(part: &Disclosed<&Value>) -> Vec<String> {
    let entries = part.look().get(DIGESTS).and_then(Value::as_array);
    let pair = |pair: &Value| {
        let digest = |at: usize| pair.get(at).and_then(Value::as_str);
        Some(format!("{} {}", digest(0)?, digest(1)?))
    };
    entries.into_iter().flatten().filter_map(pair).collect()
}

/// Stores the errands, in the transaction of the mark, whose own indexes are gone by now, and lets everybody whom the person was
/// handed to take them off. [`Error::Changed`] if somebody else got one of the values since they were sealed, or the person was
/// handed to somebody meanwhile.
pub(super) fn send(write: &mut Write<'_>, errands: &Errands, rows: &SubjectRows, now: Timestamp) -> Result<(), Error> {
    let handed = audiences::of_people(write.records(), &ids_of(rows))?;
    let places =
        |rows: &[MemberRow]| rows.iter().map(|row| (row.source_no, row.errand.clone())).collect::<BTreeSet<_>>();
    if !places(&handed).is_subset(&places(&errands.handed)) {
        return Err(Error::Changed);
    }
    leave_all(write, &handed, now)?;
    for errand in &errands.all {
        for ix in &errand.indexes {
            if !identifiers::holders(write.records(), ix)?.is_empty() {
                return Err(Error::Changed);
            }
        }
        if let Some(sealed) = &errand.sealed {
            super::erase::store_kept(write, sealed)?;
        }
        // Asked before it is done with adding them, the vendor would find nobody and add them then.
        let theirs = handed.iter().filter(|member| member.source_no == errand.row.source_no);
        let next_at = theirs.map(|member| member.settles_at).fold(errand.row.next_at, Timestamp::max);
        source_erasures::insert(write, SourceErasureRow { next_at, ..errand.row.clone() })?;
        // What the vendor will tell of it is no new demand. The time ties it to this errand.
        deliveries::asked_to_forget(write, errand.row.source_no, &errand.indexes, errand.row.asked_at)?;
    }
    Ok(())
}
