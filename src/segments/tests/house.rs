//! A house with a real store, and people in it.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::sync::Arc;

use super::super::Segments;
use super::*;
use crate::audit::Book;
use crate::consent::{Act, Rulebook, Terms};
use crate::databases::Database;
use crate::gateway::{Actor, Caller, Gateway, Scope};
use crate::store::rows::{LedgerRow, RecordRow, SubjectRow, SubjectState};
use crate::store::{Store, audit, keys, ledger, records, subjects};
use crate::types::{
    ApiKeyId, CategorySet, Clock, IdMaker, RecordKind, Role, SourceNo, SubjectId, SystemEntropy, Timestamp,
};
use crate::vault::{CredentialRoot, Keyring, Personal, Sealer, first_secrets, unlock};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        now()
    }
}

pub(super) struct House {
    pub(super) segments: Segments,
    store: Store,
    sealer: Sealer,
    ids: Arc<IdMaker>,
    source: SourceNo,
    _database: Database,
}

impl House {
    pub(super) async fn open(database: Database) -> Self {
        let store = database.store();
        let entropy = Arc::new(SystemEntropy::new());
        let clock: Arc<dyn Clock> = Arc::new(Still);
        let root = CredentialRoot::from_text(&"0f".repeat(32)).unwrap();
        let (kek, secrets) = first_secrets(&root, &*entropy, now()).unwrap();
        let hub = unlock(&root, &[kek], &secrets, entropy.clone()).unwrap();
        let ids = Arc::new(IdMaker::new(clock.clone(), entropy).unwrap());
        let book = Arc::new(Book::open(&store, &ids, clock.clone()).await.unwrap());
        let rulebook = Arc::new(Rulebook::open(store.clone()).await.unwrap());
        rulebook.ensure_purposes(default_purposes().unwrap(), now()).await.unwrap();
        let (code, connector) = ("webshop".to_owned(), "push".to_owned());
        let source =
            rulebook.ensure_source(code.clone(), code, connector, &Terms::default(), now()).await.unwrap().number;
        let keyring = Arc::new(Keyring::new(hub.ring, Arc::new(root), store.clone()));
        let parts = (store.clone(), book.clone(), rulebook.clone(), keyring, ids.clone(), clock.clone());
        let gateway = Arc::new(Gateway::new(hub.opener, parts.0, parts.1, parts.2, parts.3, parts.4, parts.5));
        let strongbox = Arc::new(hub.strongbox);
        let segments = Segments::new(store.clone(), gateway, rulebook, book, strongbox, clock, ids.clone());
        segments.ensure_defaults().await.unwrap();
        Self { segments, store, sealer: hub.sealer, ids, source, _database: database }
    }

    /// A person with one record per `documents`; those that hold an order are orders.
    pub(super) async fn person(&self, documents: Vec<Value>) -> SubjectId {
        let subject = SubjectId::from_uuid(self.ids.uuid().unwrap());
        let key = self.sealer.new_data_key(subject, 1, now()).unwrap();
        let handle = self.sealer.with_key(&key).unwrap();
        let rows: Vec<RecordRow> = documents
            .into_iter()
            .map(|document| {
                let order = document.get("commerce").is_some();
                let parts = profile(document);
                let record_no = self.ids.record_no();
                let categories: CategorySet = parts.keys().copied().collect();
                let sealed: Vec<_> = parts
                    .into_iter()
                    .map(|(category, part)| (category, Personal::document(&Value::Object(part)).unwrap()))
                    .collect();
                RecordRow {
                    record_no,
                    part: subject.part(),
                    subject_id: subject,
                    sealed_for: subject,
                    key_no: 1,
                    source_no: self.source,
                    kind: if order { RecordKind::Order } else { RecordKind::Customer }.number(),
                    version: now(),
                    content_mac: Vec::new(),
                    categories: categories.bits().cast_signed(),
                    facts: 0,
                    ingested_at: now(),
                    happened_at: Timestamp::UNSET,
                    contract_until: Timestamp::UNSET,
                    source_until: Timestamp::UNSET,
                    keep_until: Timestamp::UNSET,
                    sealed: handle.seal(record_no, &sealed).unwrap(),
                }
            })
            .collect();
        let row = SubjectRow {
            part: subject.part(),
            subject_id: subject,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: now(),
        };
        let work = move |write: &mut crate::store::Write<'_>| {
            subjects::insert(write, &row)?;
            keys::insert_data_key(write, &key)?;
            rows.iter().try_for_each(|row| records::insert(write, row.clone()))
        };
        self.store.write(work).await.unwrap();
        subject
    }

    pub(super) async fn says(&self, subject: SubjectId, act: Act, purpose: &str) {
        let row = LedgerRow {
            part: subject.part(),
            subject_id: subject,
            entry_no: self.ids.record_no().0,
            origin: subject,
            act: act.number(),
            purpose: purpose.to_owned(),
            channel: 0,
            happened_at: now().plus_days(-1),
            recorded_at: now(),
            method: "double_opt_in".to_owned(),
            text_version: "2026-01".to_owned(),
            proof_flags: 3,
            source_no: self.source,
            sealed_for: subject,
            key_no: 1,
            evidence: Vec::new(),
            evidence_mac: Vec::new(),
            record_no: 0,
            said_at: Timestamp::UNSET,
        };
        self.store.write(move |write| ledger::insert(write, row.clone())).await.unwrap();
    }

    /// The lines of the book.
    pub(super) async fn lines(&self) -> Vec<String> {
        let entries = self.store.read(|read| {
            let mut all = Vec::new();
            for log in audit::logs(read)? {
                all.extend(audit::entries(read, log.log_id, 0, 10_000)?);
            }
            Ok::<_, crate::store::Error>(all)
        });
        entries.await.unwrap().into_iter().map(|row| String::from_utf8(row.body).unwrap()).collect()
    }
}

pub(super) fn key(purposes: &[&str]) -> Caller {
    let id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(7));
    let scope = Scope::only(purposes.iter().map(|purpose| purpose.parse().unwrap()));
    Caller { actor: Actor::Key { id, role: Role::Marketing }, scope }
}
