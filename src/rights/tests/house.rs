//! A small hub over a real store, with people made of sentences.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::audit::{Act, Book, Told};
use crate::consent::{Act as Said, Rulebook, Terms, default_purposes};
use crate::databases::Database;
use crate::gateway::{Actor, Caller, Gateway, Scope};
use crate::graph::{self, Rule};
use crate::rights::{Controller, Rights};
use crate::store::rows::{DataKeyRow, IdentifierRow, LedgerRow, LinkRow, RecordRow, SubjectRow, SubjectState, Who};
use crate::store::{Store, audit, identifiers, keys, ledger, links, records, subjects};
use crate::types::{
    ApiKeyId, Category, CategorySet, Clock, Entropy, EntropyFailure, IdMaker, IdentifierKind, RecordKind, RecordNo,
    Role, SourceNo, SubjectId, Timestamp,
};
use crate::vault::{Compartment, CredentialRoot, Keyring, Opener, Personal, Row, Sealer, Table, first_secrets, unlock};

pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(super) struct Watch(AtomicI64);

impl Watch {
    pub(super) fn set(&self, time: &str) {
        self.0.store(at(time).micros(), Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailure> {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

pub(super) struct House {
    pub(super) rights: Rights,
    pub(super) gateway: Arc<Gateway>,
    pub(super) store: Store,
    pub(super) clock: Arc<Watch>,
    pub(super) sealer: Sealer,
    /// A second one, to look at what was stored.
    pub(super) opener: Opener,
    pub(super) shop: SourceNo,
    ids: Arc<IdMaker>,
    pub(super) database: Database,
}

impl House {
    pub(super) async fn open(database: Database) -> Self {
        let store = database.store();
        let clock = Arc::new(Watch(AtomicI64::new(at(NOW).micros())));
        let entropy: Arc<dyn Entropy> = Arc::new(Seeded(AtomicU64::new(1)));
        let root: Arc<CredentialRoot> = Arc::new(CredentialRoot::from_text(&"ab".repeat(32)).unwrap());
        let (kek, secrets) = first_secrets(&*root, &*entropy, clock.now()).unwrap();
        let (first, all) = (kek.clone(), secrets.clone());
        store
            .write(move |write| {
                keys::insert_kek(write, &first)?;
                all.iter().try_for_each(|secret| keys::insert_hub_secret(write, secret))
            })
            .await
            .unwrap();
        let unlocked = unlock(&*root, std::slice::from_ref(&kek), &secrets, entropy.clone()).unwrap();
        let opener = unlock(&*root, std::slice::from_ref(&kek), &secrets, entropy.clone()).unwrap().opener;
        let ids = Arc::new(IdMaker::new(clock.clone(), entropy).unwrap());
        let keyring = Arc::new(Keyring::new(unlocked.ring, root, store.clone()));
        let book = Arc::new(Book::open(&store, &ids, clock.clone()).await.unwrap());
        let rulebook = Arc::new(Rulebook::open(store.clone()).await.unwrap());
        rulebook.ensure_purposes(default_purposes().unwrap(), clock.now()).await.unwrap();
        let word = || "webshop".to_owned();
        let shop = rulebook.ensure_source(word(), word(), word(), &Terms::default(), clock.now()).await.unwrap().number;
        let gateway = Arc::new(Gateway::new(
            unlocked.opener,
            store.clone(),
            book.clone(),
            rulebook.clone(),
            keyring.clone(),
            ids.clone(),
            clock.clone(),
        ));
        let controller = Controller { kek_rotation_days: Some(7), ..Controller::default() };
        let rights = Rights::new(
            store.clone(),
            gateway.clone(),
            unlocked.shredder,
            keyring,
            book,
            rulebook,
            ids.clone(),
            clock.clone(),
            controller,
        );
        Self { rights, gateway, store, clock, sealer: unlocked.sealer, opener, shop, ids, database }
    }

    pub(super) fn dpo(&self) -> Caller {
        key(2, Role::Dpo, Scope::Every)
    }

    /// A new person without data.
    pub(super) async fn person(&self) -> SubjectId {
        let subject = SubjectId::from_uuid(self.ids.uuid().unwrap());
        let row = SubjectRow {
            part: subject.part(),
            subject_id: subject,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: self.clock.now(),
        };
        let key = self.sealer.new_data_key(subject, 1, self.clock.now()).unwrap();
        self.store
            .write(move |write| {
                keys::insert_data_key(write, &key)?;
                subjects::insert(write, &row)
            })
            .await
            .unwrap();
        subject
    }

    /// A record of theirs, with an e-mail address that finds them.
    pub(super) async fn record(
        &self,
        of: SubjectId,
        kind: RecordKind,
        mail: &str,
        parts: &[(Category, Value)],
        keep_until: Option<&str>,
    ) -> RecordNo {
        let number = self.ids.record_no();
        let sealed: Vec<_> =
            parts.iter().map(|(category, value)| (*category, Personal::document(value).unwrap())).collect();
        let key = self.key(of).await;
        let row = RecordRow {
            record_no: number,
            part: of.part(),
            subject_id: of,
            sealed_for: of,
            key_no: 1,
            source_no: self.shop,
            kind: kind.number(),
            version: self.clock.now(),
            content_mac: vec![7; 16],
            categories: parts.iter().map(|(category, _)| *category).collect::<CategorySet>().bits().cast_signed(),
            facts: 0,
            ingested_at: self.clock.now(),
            happened_at: Timestamp::UNSET,
            contract_until: Timestamp::NEVER,
            source_until: Timestamp::UNSET,
            keep_until: keep_until.map_or(Timestamp::UNSET, at),
            sealed: self.sealer.with_key(&key).unwrap().seal(number, &sealed).unwrap(),
        };
        let own = self.sealer.record_index(self.shop, kind, &Personal::text(number.0.to_string()));
        let index = |ix: [u8; 16], kind, use_flags| IdentifierRow {
            ix: ix.to_vec(),
            record_no: number,
            kind,
            subject_id: of,
            use_flags,
            behind: IdentifierRow::behind(kind, use_flags),
            whose: 0,
        };
        let flags = IdentifierRow::LOOKUP | IdentifierRow::JOINS | IdentifierRow::VERIFIED;
        let indexes = vec![
            index(own.bytes(), IdentifierRow::RECORD, 0),
            index(self.mail_index(mail), IdentifierKind::Email.number(), flags),
        ];
        let link = LinkRow::by_rule(of, of.part(), number, Rule::VerifiedEmail as i16, None, self.clock.now());
        self.store
            .write(move |write| {
                records::insert(write, row.clone())?;
                identifiers::insert(write, indexes.clone())?;
                links::insert(write, link.clone())
            })
            .await
            .unwrap();
        number
    }

    /// Customer record, newsletter subscription with consent and proof, and an invoice that is kept until 2035.
    pub(super) async fn customer(&self, mark: &str) -> SubjectId {
        let subject = self.person().await;
        let mail = format!("{mark}@example.org");
        let name = json!({"family_name": format!("{mark}-name"), "note": format!("<b>{mark}-html</b>")});
        let contact = json!({"emails": [{"value": mail, "verified": true}]});
        let place = json!({"addresses": [{"city": format!("{mark}-city")}]});
        let score = json!({"score": format!("{mark}-score")});
        let parts = [
            (Category::Identity, name.clone()),
            (Category::Contact, contact.clone()),
            (Category::Address, place.clone()),
            (Category::Derived, score),
            (Category::Special, json!({"diet": format!("{mark}-special")})),
        ];
        self.record(subject, RecordKind::Customer, &mail, &parts, None).await;
        let invoice = json!({"invoice": {"number": format!("{mark}-invoice"), "total": "19.99"}});
        let parts = [
            (Category::Identity, name),
            (Category::Contact, contact),
            (Category::Address, place),
            (Category::Financial, invoice),
        ];
        self.record(subject, RecordKind::Invoice, &mail, &parts, Some("2034-12-31T23:00:00Z")).await;
        self.say(subject, Said::Granted, "newsletter_email", &format!("{mark}-proof")).await;
        subject
    }

    /// An entry of the ledger, with proof.
    pub(super) async fn say(&self, of: SubjectId, act: Said, purpose: &str, proof: &str) {
        let number = self.ids.record_no().0;
        let key = self.key(of).await;
        let proof = Personal::document(&json!({"form_url": proof})).unwrap();
        let sealed = self
            .sealer
            .with_key(&key)
            .unwrap()
            .seal_one(Table::Evidence, Row::number(number), Compartment::Proof, &proof)
            .unwrap();
        let row = LedgerRow {
            part: of.part(),
            subject_id: of,
            entry_no: number,
            origin: of,
            act: act.number(),
            purpose: purpose.to_owned(),
            channel: if act == Said::Granted { 1 } else { 0 },
            happened_at: self.clock.now(),
            recorded_at: self.clock.now(),
            method: "double_opt_in".to_owned(),
            text_version: "2026-01".to_owned(),
            proof_flags: 3,
            source_no: self.shop,
            sealed_for: of,
            key_no: 1,
            evidence: sealed.bytes().to_vec(),
            evidence_mac: vec![8; 16],
            record_no: 0,
            said_at: Timestamp::UNSET,
        };
        self.store.write(move |write| ledger::insert(write, row.clone())).await.unwrap();
    }

    pub(super) async fn merge(&self, from: SubjectId, into: SubjectId, record: RecordNo) {
        let now = self.clock.now();
        let why = (Rule::VerifiedEmail, [9; 16]);
        self.store.write(move |write| graph::merge(write, from, into, (record, None), why, now)).await.unwrap();
    }

    pub(super) async fn key(&self, of: SubjectId) -> DataKeyRow {
        self.store.read(move |read| keys::data_keys(read.keys(), &[of])).await.unwrap().pop().unwrap()
    }

    pub(super) fn mail_index(&self, mail: &str) -> [u8; 16] {
        self.sealer.lookup(IdentifierKind::Email, self.shop, &Personal::text(mail.to_owned())).unwrap().bytes()
    }

    pub(super) fn by_mail(&self, mail: &str) -> Who {
        Who::Identifier(self.mail_index(mail))
    }

    pub(super) async fn is_known(&self, who: Who) -> bool {
        self.gateway.snapshot(who).await.unwrap().is_some()
    }

    /// How many lines of `act` the book holds.
    pub(super) async fn lines(&self, act: Act) -> usize {
        let entries = self.store.read(|read| {
            let mut all = Vec::new();
            for log in audit::logs(read)? {
                all.extend(audit::entries(read, log.log_id, 0, 10_000)?);
            }
            Ok::<_, crate::store::Error>(all)
        });
        entries.await.unwrap().iter().filter(|row| Told::read(row).unwrap().act == act).count()
    }

    /// In how many places these bytes lie: of the embedded database in how many files, of the other in how many rows,
    /// because the server clears away what no row holds any more in its own time.
    pub(super) fn places_with(&self, bytes: &[u8]) -> usize {
        if self.database.location().embedded() {
            let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(bytes.len()).any(|part| part == bytes);
            self.database.files().unwrap().iter().filter(|path| holds(path)).count()
        } else {
            let (plain, hexadecimal) = (String::from_utf8_lossy(bytes), hex::encode(bytes));
            let holds = |row: &&String| row.contains(&*plain) || row.contains(&hexadecimal);
            self.database.dump().iter().filter(holds).count()
        }
    }
}

pub(super) fn key(id: u128, role: Role, scope: Scope) -> Caller {
    Caller { actor: Actor::Key { id: ApiKeyId::from_uuid(uuid::Uuid::from_u128(id)), role }, scope }
}
