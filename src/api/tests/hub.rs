//! [`Hub`]: a real house over a database of its own, with a key of each role.

use std::collections::BTreeMap;
use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::api::doorkeeper::{Doorkeeper, Grant};
use crate::api::frame::Frame;
use crate::api::limits::Running;
use crate::api::server::{self, Settings};
use crate::api::{BodyLimits, House, health, metrics, routes};
use crate::audit::Book;
use crate::connect::{Catalog, Connections, Paces, Surroundings, Timer, Vendors};
use crate::consent::{Rulebook, Terms, default_purposes};
use crate::databases::Database;
use crate::gateway::Gateway;
use crate::intake::{HUB_SOURCE, Intake};
use crate::rights::{Controller, Rights};
use crate::segments::Segments;
use crate::store::{self, Store, keys};
use crate::types::{Clock, Entropy, IdMaker, PurposeCode, Role, SystemClock, SystemEntropy};
use crate::vault::{self, FileRoot, Keyring, RootKey};

/// A value that must never come back in a reply to the one who sent it wrongly.
pub(super) const SENTINEL: &str = "Erika.Mustermann@sentinel.example";

pub(super) struct Hub {
    pub(super) house: Data<House>,
    keys: BTreeMap<Role, String>,
    settings: Settings,
    app: OnceCell<App>,
    _directory: TempDir,
    pub(super) database: Database,
}

/// Answers calls: status, head and body.
type App = Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, (StatusCode, HeaderMap, Vec<u8>)>>;

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(super) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything the caller sees, without what differs from call to call by design.
    pub(super) fn seen(&self) -> (u16, Vec<(String, String)>, Value) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        let mut body = self.json();
        body.as_object_mut().unwrap().remove("request_id");
        (self.status.as_u16(), headers, body)
    }
}

impl Hub {
    pub(super) async fn open(database: Database) -> Self {
        Self::open_at(database, Arc::new(SystemClock), Arc::new(SystemEntropy::new())).await
    }

    /// With time and chance of the test's own.
    pub(super) async fn open_at(database: Database, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let house = house(&directory, database.store(), clock, entropy).await;
        let mut keys = BTreeMap::new();
        let purposes = [
            (Role::Admin, vec![]),
            (Role::Partner, vec!["order_fulfilment", "newsletter_email", "not_configured"]),
            (Role::Marketing, vec!["newsletter_email"]),
            (Role::Dpo, vec![]),
            (Role::Collector, vec![]),
            (Role::Browser, vec![]),
        ];
        for (role, purposes) in purposes {
            keys.insert(role, issue(&house, role, &purposes).await.1);
        }
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            workers: Some(1),
            connections: 256,
            cors_origins: Vec::new(),
            body: BodyLimits::default(),
            head_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(5),
            drain: Duration::from_secs(1),
        };
        Self { house: Data::new(house), keys, settings, app: OnceCell::new(), _directory: directory, database }
    }

    /// The key of a role.
    pub(super) fn key(&self, role: Role) -> &str {
        &self.keys[&role]
    }

    /// Sends a request without a key.
    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        let (status, headers, bytes) = self.call(request).await;
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Sends a request with the key of `role`, for a reply that is no text.
    pub(super) async fn bytes(&self, role: Role, request: TestRequest) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.call(request.insert_header(("authorization", format!("Bearer {}", self.keys[&role])))).await
    }

    pub(super) async fn call(&self, request: TestRequest) -> (StatusCode, HeaderMap, Vec<u8>) {
        let app = self.app.get_or_init(|| serving(self.house.clone(), &self.settings)).await;
        app(request).await
    }

    /// Sends a request with the key of `role`.
    pub(super) async fn ask(&self, role: Role, request: TestRequest) -> Answer {
        self.send(request.insert_header(("authorization", format!("Bearer {}", self.keys[&role])))).await
    }

    pub(super) async fn get(&self, role: Role, path: &str) -> Answer {
        self.ask(role, TestRequest::get().uri(path)).await
    }

    pub(super) async fn post(&self, role: Role, path: &str, body: Value) -> Answer {
        self.ask(role, TestRequest::post().uri(path).set_json(body)).await
    }

    /// The newsletter on, by double opt-in.
    pub(super) async fn subscribe(&self, email: &str) -> Answer {
        self.post(Role::Partner, "/v1/consents", consent(email, "granted")).await
    }

    pub(super) async fn lookup(&self, role: Role, email: &str, purpose: &str) -> Answer {
        let body = json!({"identifier": {"kind": "email", "value": email}, "purpose": purpose, "channel": "email"});
        self.post(role, "/v1/profiles/lookup", body).await
    }
}

pub(super) fn consent(email: &str, act: &str) -> Value {
    json!({
        "identifier": {"kind": "email", "value": email},
        "purpose": "newsletter_email", "channel": "email", "act": act, "method": "double_opt_in",
        "text_version": "2026-01", "at": "2026-01-10T09:05:00Z",
        "requested_at": "2026-01-10T09:05:00Z", "confirmed_at": "2026-01-10T09:06:00Z",
        "evidence": {"form_url": "https://shop.example/newsletter"},
    })
}

pub(super) fn customer(id: &str, email: &str) -> Value {
    json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [{"kind": "email", "value": email, "verified": true}],
        "data": {"person": {"given_name": "Max", "family_name": "Muster"}},
    })
}

/// All endpoints over `house`. To compile their paths takes longer than most tests, so it is done once for each hub.
async fn serving(house: Data<House>, settings: &Settings) -> App {
    let frame = Data::new(Frame {
        ids: house.ids.clone(),
        gate: None,
        identify: None,
        running: Running::default(),
        running_limit: 1_000,
        turned_away: Default::default(),
        readiness: Arc::new(Ready),
        draining: health::Draining::default(),
        metrics: metrics::install(),
        tls: false,
    });
    let app = init_service(server::app(frame, settings, move |config| {
        config.app_data(house.clone());
        routes::configure(config);
    }));
    let app = Rc::new(app.await);
    Box::new(move |request| {
        let app = app.clone();
        Box::pin(async move {
            let reply = call_service(&*app, request.to_request()).await;
            let (status, headers) = (reply.status(), reply.headers().clone());
            (status, headers, read_body(reply).await.to_vec())
        })
    })
}

pub(super) async fn issue(house: &House, role: Role, purposes: &[&str]) -> (crate::types::ApiKeyId, String) {
    let purposes = purposes.iter().map(|code| code.parse::<PurposeCode>().unwrap()).collect();
    let edition = house.rulebook.edition();
    let source = edition.source_named("webshop").filter(|_| role.voice().is_some()).map(|source| source.number);
    let grant = Grant { title: role.word().into(), role, purposes, source, expires_at: None };
    let (id, key) = house.doorkeeper.issue(grant).await.unwrap();
    (id, key.to_string())
}

struct Ready;

impl health::Readiness for Ready {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn answers(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(ready(Ok(())))
    }
}

async fn house(directory: &TempDir, store: Store, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> House {
    let ids = Arc::new(IdMaker::new(clock.clone(), entropy.clone()).unwrap());
    let root: Arc<dyn RootKey> =
        Arc::new(FileRoot::open_or_create(&directory.path().join("root.key"), &*entropy).unwrap());
    let (kek, secrets) = vault::first_secrets(&*root, &*entropy, clock.now()).unwrap();
    let (first, written) = (kek.clone(), secrets.clone());
    store
        .write(move |write| {
            keys::insert_kek(write, &first)?;
            written.iter().try_for_each(|secret| keys::insert_hub_secret(write, secret))?;
            Ok::<_, store::Error>(())
        })
        .await
        .unwrap();
    #[allow(clippy::disallowed_methods, reason = "a house of its own for each test")]
    let unlocked = vault::unlock(&*root, &[kek], &secrets, entropy.clone()).unwrap();
    let keyring = Arc::new(Keyring::new(unlocked.ring, root, store.clone()));
    let book = Arc::new(Book::open(&store, &ids, clock.clone()).await.unwrap());
    let rulebook = Arc::new(Rulebook::open(store.clone()).await.unwrap());
    rulebook.ensure_purposes(default_purposes().unwrap(), clock.now()).await.unwrap();
    for code in ["webshop", HUB_SOURCE] {
        let terms = Terms::default();
        rulebook.ensure_source(code.into(), code.into(), "api".into(), &terms, clock.now()).await.unwrap();
    }
    let strongbox = Arc::new(unlocked.strongbox);
    let (s, b, r, k, i, c) =
        (store.clone(), book.clone(), rulebook.clone(), keyring.clone(), ids.clone(), clock.clone());
    let gateway = Arc::new(Gateway::new(unlocked.opener, s, b, r, k, i, c));
    let (s, b, r, i, c) = (store.clone(), book.clone(), rulebook.clone(), ids.clone(), clock.clone());
    let segments = Arc::new(Segments::new(s, gateway.clone(), r, b, strongbox.clone(), c, i));
    segments.ensure_defaults().await.unwrap();
    let (s, b, r, i, c) = (store.clone(), book.clone(), rulebook.clone(), ids.clone(), clock.clone());
    let rights = Rights::new(s, gateway.clone(), unlocked.shredder, keyring.clone(), b, r, i, c, Controller::default());
    let rights = Arc::new(rights);
    let (s, b, r, k, i, c) = (store.clone(), book.clone(), rulebook.clone(), keyring, ids.clone(), clock.clone());
    let intake =
        Intake::new(unlocked.sealer, unlocked.comparer, gateway.clone(), s, k, r, b, i, c, Arc::new(rights.teller()));
    let surroundings = Surroundings { clock: clock.clone(), entropy: entropy.clone(), pause: Arc::new(Timer) };
    let connections = Connections::new(store.clone(), strongbox.clone());
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let vendors =
        Arc::new(Vendors { catalog, connections, rulebook: rulebook.clone(), surroundings, paces: Paces::default() });
    let doorkeeper = Doorkeeper::new(store.clone(), book.clone(), ids.clone(), entropy.clone(), clock.clone());
    let intake = Arc::new(intake);
    let probe = health::Probe::default();
    House {
        intake,
        gateway,
        segments,
        rights,
        rulebook,
        vendors,
        doorkeeper,
        book,
        strongbox,
        store,
        probe,
        entrance: crate::api::limits::Entrance::default(),
        pool: crate::api::collect::Pool::default(),
        public_url: Some("https://hub.example".to_owned()),
        ids,
        clock,
        entropy,
    }
}
