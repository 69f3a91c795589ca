//! A hub that syncs, over a store of its own.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use crate::audit::Book;
use crate::connect::{
    Catalog, Connection, Connections, Counts, Outgoing, Paces, Parameters, Pause, Surroundings, Vendors,
};
use crate::consent::{Act, Entry, EntryNo, Method, Rulebook, Terms, default_purposes, ledger};
use crate::databases::Database;
use crate::gateway::{Actor, Caller, Gateway, Scope};
use crate::intake::{Intake, Stated};
use crate::jobs::sync::{BEAT, Error, Syncs};
use crate::rights::{Certificate, Controller, Kind, Rights};
use crate::store::rows::Who;
use crate::store::syncs::{self, SyncRow};
use crate::store::{Store, audit, keys};
use crate::types::{
    ApiKeyId, Channel, Clock, Entropy, EntropyFailure, IdMaker, IdentifierKind, RecordNo, RequestId, Role, SourceNo,
    SubjectId, Timestamp,
};
use crate::vault::{CredentialRoot, Keyring, Strongbox, first_secrets, unlock};
use crate::vendors::Fake;
use crate::vendors::teekontor::Teekontor;

/// The time at the begin of each test.
pub(in crate::jobs) const NOW: &str = "2026-11-21T12:00:00Z";
/// The code of the source.
pub(in crate::jobs) const SHOP: &str = "webshop";

pub(in crate::jobs) struct Watch(AtomicI64);

impl Watch {
    pub(in crate::jobs) fn set(&self, time: &str) {
        self.0.store(Timestamp::parse(time).unwrap().micros(), Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Waits by moving the clock on.
pub(in crate::jobs) struct Leap {
    clock: Arc<Watch>,
    waited: AtomicU64,
}

impl Pause for Leap {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        let micros = u64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_add(i64::try_from(micros).unwrap(), Ordering::SeqCst);
        self.waited.fetch_add(micros, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
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

pub(in crate::jobs) struct House {
    pub(in crate::jobs) syncs: Syncs,
    pub(in crate::jobs) clock: Arc<Watch>,
    pub(in crate::jobs) store: Store,
    pub(in crate::jobs) database: Database,
    pub(in crate::jobs) rights: Arc<Rights>,
    pub(in crate::jobs) book: Arc<Book>,
    pub(in crate::jobs) gateway: Arc<Gateway>,
    pub(in crate::jobs) strongbox: Arc<Strongbox>,
    leap: Arc<Leap>,
}

impl House {
    pub(in crate::jobs) async fn open(database: Database) -> Self {
        Self::open_with(database, Arc::new(Catalog::embedded().unwrap())).await
    }

    pub(in crate::jobs) async fn open_with(database: Database, catalog: Arc<Catalog>) -> Self {
        let store = database.store();
        let clock = Arc::new(Watch(AtomicI64::new(Timestamp::parse(NOW).unwrap().micros())));
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
        let ids = Arc::new(IdMaker::new(clock.clone(), entropy.clone()).unwrap());
        let keyring = Arc::new(Keyring::new(unlocked.ring, root, store.clone()));
        let book = Arc::new(Book::open(&store, &ids, clock.clone()).await.unwrap());
        let rulebook = Arc::new(Rulebook::open(store.clone()).await.unwrap());
        rulebook.ensure_purposes(default_purposes().unwrap(), clock.now()).await.unwrap();
        let (s, b, r, k, i, c) =
            (store.clone(), book.clone(), rulebook.clone(), keyring.clone(), ids.clone(), clock.clone());
        let gateway = Arc::new(Gateway::new(unlocked.opener, s, b, r, k, i, c));
        let (s, r, i, c) = (store.clone(), rulebook.clone(), ids.clone(), clock.clone());
        let controller = Controller { kek_rotation_days: Some(7), ..Controller::default() };
        let (g, b, shredder) = (gateway.clone(), book.clone(), unlocked.shredder);
        let rights = Arc::new(Rights::new(s, g, shredder, keyring.clone(), b, r, i, c, controller));
        let told = Arc::new(rights.teller());
        let (s, b, r, k, i, c) = (store.clone(), book.clone(), rulebook.clone(), keyring, ids.clone(), clock.clone());
        let intake = Arc::new(Intake::new(unlocked.sealer, unlocked.comparer, gateway.clone(), s, k, r, b, i, c, told));
        let leap = Arc::new(Leap { clock: clock.clone(), waited: AtomicU64::new(0) });
        let strongbox = Arc::new(unlocked.strongbox);
        let vendors = Arc::new(Vendors {
            catalog,
            connections: Connections::new(store.clone(), strongbox.clone()),
            rulebook,
            surroundings: Surroundings { clock: clock.clone(), entropy, pause: leap.clone() },
            paces: Paces::default(),
        });
        let syncs = Syncs { vendors, intake, store: store.clone(), rights: rights.clone(), ids, beat: BEAT };
        Self { syncs, clock, store, database, rights, book, gateway, strongbox, leap }
    }

    /// Connects the source, and calls to `vendor` go to `fake`.
    pub(in crate::jobs) async fn connect(&self, connector: &str, parameters: &[(&str, &str)], via: &[(&str, &str)]) {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let vendor = self.syncs.vendors.catalog.connector(connector).unwrap();
        let consents = vendor.streams().iter().flat_map(crate::connect::Stream::consents);
        let texts = consents.map(|purpose| (purpose.clone(), "2026-01".to_owned())).collect();
        let terms = Terms { text_versions: texts, ..vendor.terms() };
        let (code, now) = (SHOP.to_owned(), self.clock.now());
        let source = self.syncs.vendors.rulebook.ensure_source(code.clone(), code, connector.to_owned(), &terms, now);
        let source = source.await.unwrap().number;
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], via: pairs(via) };
        let connection = Connection::new(pairs(parameters), outgoing);
        self.syncs.vendors.connections.put(source, &connection, 900, now).await.unwrap();
    }

    pub(in crate::jobs) async fn sync(&self) -> Result<Counts, Error> {
        self.syncs.run(SHOP, false, |_| {}).await
    }

    /// Seconds the syncs waited.
    pub(in crate::jobs) fn waited(&self) -> u64 {
        self.leap.waited.swap(0, Ordering::SeqCst) / 1_000_000
    }

    pub(in crate::jobs) async fn history(&self) -> Vec<SyncRow> {
        let source = self.source();
        self.store.read(move |read| syncs::list(read.records(), source, Timestamp::NEVER, 100)).await.unwrap()
    }

    pub(in crate::jobs) fn source(&self) -> SourceNo {
        self.syncs.vendors.rulebook.edition().source_named(SHOP).unwrap().number
    }

    /// How many records the hub holds.
    pub(in crate::jobs) fn records(&self) -> i64 {
        self.database.count(crate::store::Shelf::Records, "record")
    }

    fn who(&self, (kind, value): &(IdentifierKind, String)) -> Who {
        let (kind, normal) = crate::intake::lookup_form(*kind, value).unwrap();
        self.gateway.who_has(kind, self.source(), &normal).unwrap()
    }

    pub(in crate::jobs) async fn knows(&self, mail: &str) -> bool {
        self.knows_as(&(IdentifierKind::Email, mail.to_owned())).await
    }

    pub(in crate::jobs) async fn knows_as(&self, who: &(IdentifierKind, String)) -> bool {
        self.gateway.snapshot(self.who(who)).await.unwrap().is_some()
    }

    /// Moves the clock on.
    pub(in crate::jobs) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * Timestamp::SECOND, Ordering::SeqCst);
    }

    /// The person who has this mail address.
    pub(in crate::jobs) async fn subject(&self, mail: &str) -> SubjectId {
        let who = self.who(&(IdentifierKind::Email, mail.to_owned()));
        self.gateway.snapshot(who).await.unwrap().unwrap().subject
    }

    /// Somebody says something about a purpose; a yes is proven.
    pub(in crate::jobs) async fn say(&self, who: SubjectId, act: Act, purpose: &str) {
        self.wait(1);
        let now = self.clock.now();
        let channel = match purpose {
            _ if act.is_restriction() => None,
            "newsletter_email" => Some(Channel::Email),
            "newsletter_sms" => Some(Channel::Sms),
            "social_advertising" => Some(Channel::Social),
            _ => None,
        };
        let yes = act == Act::Granted;
        let entry = Entry {
            act,
            purpose: Some(purpose.parse().unwrap()),
            channel,
            at: now,
            recorded_at: now,
            entry_no: EntryNo(0),
            origin: who,
            text_version: yes.then(|| "2026-01".into()),
            method: if yes { Method::Checkbox } else { Method::Link },
            proven: yes,
            confirmed: false,
            explicit: yes,
            parental: false,
        };
        self.syncs.intake.record(who, Stated { entry, evidence: None, dated: false }, None).await.unwrap();
    }

    /// What the ledger holds of a person.
    pub(in crate::jobs) async fn ledger(&self, person: SubjectId) -> Vec<Entry> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await.unwrap().unwrap();
        rows.ledger.iter().map(|row| ledger::entry(row).unwrap()).collect()
    }

    /// The lines of the audit book.
    pub(in crate::jobs) async fn lines(&self) -> Vec<String> {
        let entries = self.store.read(|read| {
            let mut all = Vec::new();
            for log in audit::logs(read)? {
                all.extend(audit::entries(read, log.log_id, 0, 10_000)?);
            }
            Ok::<_, crate::store::Error>(all)
        });
        entries.await.unwrap().into_iter().map(|row| String::from_utf8(row.body).unwrap()).collect()
    }

    /// The numbers of a person's records.
    pub(in crate::jobs) async fn records_of(&self, person: SubjectId) -> Vec<RecordNo> {
        let rows = self.gateway.snapshot(Who::Subject(person)).await.unwrap().unwrap();
        rows.records.iter().map(|record| record.record_no).collect()
    }

    /// Two customers of the shop get one proven mailbox and one name.
    pub(in crate::jobs) async fn twins(&self, fake: &Fake<Teekontor>) -> SubjectId {
        self.wait(3_600);
        let at = self.clock.now().rfc3339();
        fake.with(|tee| {
            for number in [5, 6] {
                let one = &mut tee.customers[number];
                (one["mail"], one["last"], one["changed"]) =
                    ("zwei@example.org".into(), "Beispiel".into(), at.as_str().into());
            }
        });
        self.wait(60);
        self.sync().await.unwrap();
        self.subject("zwei@example.org").await
    }

    /// Erases somebody in the hub.
    pub(in crate::jobs) async fn erase(&self, mail: &str) -> RequestId {
        self.erase_as(&(IdentifierKind::Email, mail.to_owned())).await
    }

    pub(in crate::jobs) async fn erase_as(&self, who: &(IdentifierKind, String)) -> RequestId {
        let id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(2));
        let dpo = Caller { actor: Actor::Key { id, role: Role::Dpo }, scope: Scope::Every };
        let request = self.rights.receive(Kind::Erasure, self.who(who), None, &dpo).await.unwrap();
        self.rights.erase(request.case().id, &dpo).await.unwrap();
        request.case().id
    }

    /// The data protection officer.
    pub(in crate::jobs) fn dpo(&self) -> Caller {
        let id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(2));
        Caller { actor: Actor::Key { id, role: Role::Dpo }, scope: Scope::Every }
    }

    /// A request for a copy.
    pub(in crate::jobs) async fn demand_access(&self, mail: &str) -> RequestId {
        let who = self.who(&(IdentifierKind::Email, mail.to_owned()));
        self.rights.receive(Kind::Access, who, None, &self.dpo()).await.unwrap().case().id
    }

    /// The certificate of an erasure, as it is now.
    pub(in crate::jobs) async fn certificate(&self, request: RequestId) -> Certificate {
        let id = ApiKeyId::from_uuid(uuid::Uuid::from_u128(2));
        let dpo = Caller { actor: Actor::Key { id, role: Role::Dpo }, scope: Scope::Every };
        self.rights.erase(request, &dpo).await.unwrap()
    }

    /// Enters parameters anew.
    pub(in crate::jobs) async fn set(&self, parameters: &[(&str, &str)]) {
        let entered: Vec<_> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let change = move |parameters: &mut Parameters| parameters.extend(entered.clone());
        self.syncs.vendors.connections.amend(self.source(), self.clock.now(), change).await.unwrap();
    }

    /// Forgets how the vendor is reached.
    pub(in crate::jobs) async fn disconnect(&self) {
        assert!(self.syncs.vendors.connections.remove(self.source()).await.unwrap());
    }
}

/// Why a sync ended, as a word.
pub(in crate::jobs) fn word(outcome: Result<Counts, Error>) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(Error::Vendor(fault)) => fault.word().to_owned(),
        Err(Error::Refused(streams)) => streams[0].1.word().to_owned(),
        Err(other) => other.to_string(),
    }
}

/// What came of a sync: created, updated, unchanged, suppressed, rejected.
pub(in crate::jobs) fn brought(counts: &Counts) -> [u64; 5] {
    let sum = counts.sum();
    [sum.created, sum.updated, sum.unchanged, sum.suppressed, sum.rejected]
}
