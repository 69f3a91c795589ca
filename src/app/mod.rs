//! The wiring: which room gets which key. Everything else is in the rooms.

mod commands;
mod connectors;
mod demo;
mod destinations;
mod export;
mod graph;
mod import;
mod listen;
mod model;
mod output;
mod parked;
mod requests;
mod reviews;
mod serve;
mod sources;
mod sync;
mod tour;

use std::sync::Arc;

pub use commands::run;

use crate::api::collect::Pool;
use crate::api::health::Probe;
use crate::api::limits::Entrance;
use crate::api::{Doorkeeper, House};
use crate::audit::{self, Book};
use crate::config::{Config, DatabaseUrl, RootKey};
use crate::connect::{Catalog, Connections, Paces, Surroundings, Timer, Vendors};
use crate::consent::{self, Rulebook, Terms};
use crate::gateway::Gateway;
use crate::intake::{HUB_SOURCE, Intake};
use crate::jobs::announce::Announcer;
use crate::jobs::deliver_messages::Deliveries;
use crate::jobs::erase_at_vendors::VendorErasures;
use crate::jobs::push_audience::Pushes;
use crate::jobs::retention::{self, Retention};
use crate::jobs::rotate_keys::KeyRotation;
use crate::jobs::sync::{BEAT, Syncs};
use crate::rights::{Controller, Rights};
use crate::segments::Segments;
use crate::store::{self, Location, Store, keys};
use crate::types::{Clock, Entropy, EntropyFailure, IdMaker, SystemClock, SystemEntropy};
use crate::vault::{self, CredentialRoot, FileRoot, Keyring, RootError, Strongbox, Unlocked};

/// Why the hub does not open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database does not open.
    #[error("the database does not open")]
    Store(#[from] store::Error),
    /// The directory of the root key cannot be created.
    #[error("the data directory cannot be created")]
    Directory(#[source] std::io::Error),
    /// The root key cannot be had.
    #[error("the root key cannot be had")]
    Root(#[from] RootError),
    /// The keys do not open.
    #[error("the keys do not open")]
    Vault(#[from] vault::Error),
    /// The audit book does not open.
    #[error("the audit book does not open")]
    Audit(#[from] audit::Error),
    /// An erasure that was cut short could not be finished.
    #[error("an erasure that was cut short could not be finished")]
    Rights(#[from] crate::rights::Error),
    /// The retention run cannot be had.
    #[error("the retention run cannot be had")]
    Retention(#[from] retention::Error),
    /// The first segments could not be stored.
    #[error("the first segments could not be stored")]
    Segments(#[from] crate::segments::Error),
    /// The connectors that come with the hub cannot be read.
    #[error("the connectors cannot be read")]
    Connectors(#[from] crate::connect::Error),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyFailure),
    /// The built-in purposes cannot be read.
    #[error("the built-in purposes cannot be read")]
    Defaults(#[from] consent::DefaultsError),
}

/// An open hub: the rooms, and the jobs that have one owner.
pub struct Hub {
    /// What endpoints may enter.
    pub house: House,
    /// The key rotation.
    pub rotation: Arc<KeyRotation>,
    /// Storage limitation.
    pub retention: Arc<Retention>,
    /// Reading from vendors.
    pub syncs: Arc<Syncs>,
    /// Making vendors forget.
    pub vendor_erasures: Arc<VendorErasures>,
    /// Following what people say.
    pub announcer: Arc<Announcer>,
    /// Telling those who subscribed.
    pub deliveries: Arc<Deliveries>,
    /// Handing people of segments to vendors.
    pub pushes: Arc<Pushes>,
}

impl Hub {
    /// Finishes what a crash cut short. Before a port opens, and by no other command: the hub may be serving beside it.
    ///
    /// # Errors
    /// If an erasure cannot be finished.
    pub async fn ready(&self) -> Result<(), Error> {
        self.house.rights.resume().await?;
        Ok(())
    }
}

/// The connectors that come with the hub, and those of the directory that is configured.
///
/// # Errors
/// If one there is wrong, or has the name of another.
pub(crate) fn catalog(config: &Config) -> Result<Catalog, crate::connect::Error> {
    let embedded = Catalog::embedded()?;
    match &config.connectors {
        Some(directory) => embedded.with(directory),
        None => Ok(embedded),
    }
}

/// Opens the hub: the store, the keys, the audit book, the rooms. This is the only page where keys change hands.
///
/// # Errors
/// If anything of it does not open; then nothing is served.
pub async fn open(config: &Config) -> Result<Hub, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let ids = Arc::new(IdMaker::new(clock.clone(), entropy.clone())?);

    let store = Store::open(&location(config)?)?;
    // Whoever comes to a database with another's keys, because a directory is not mounted or was mistyped, finds no key; it is none of
    // theirs to make.
    let is_first = store.read(keys::keks).await?.is_empty();
    let root = root_key(config, is_first, &*entropy)?;
    let Unlocked { sealer, opener, comparer, shredder, rotator, strongbox, ring } =
        unlock(&store, &*root, &*clock, entropy.clone()).await?;
    let keyring = Arc::new(Keyring::new(ring, root, store.clone()));

    let strongbox = Arc::new(strongbox);
    let book = Arc::new(book(&store, &strongbox, &ids, clock.clone()).await?);
    let rulebook = Arc::new(Rulebook::open(store.clone()).await?);
    let first = rulebook.edition().purposes().is_empty();
    rulebook.ensure_purposes(consent::default_purposes()?, clock.now()).await?;
    let hub = Terms::default();
    rulebook.ensure_source(HUB_SOURCE.to_owned(), "Obhut".to_owned(), "hub".to_owned(), &hub, clock.now()).await?;

    let gateway = Arc::new(Gateway::new(
        opener,
        store.clone(),
        book.clone(),
        rulebook.clone(),
        keyring.clone(),
        ids.clone(),
        clock.clone(),
    ));
    let rotation = Arc::new(KeyRotation::new(rotator, keyring.clone(), store.clone(), book.clone(), clock.clone()));
    let segments = Arc::new(Segments::new(
        store.clone(),
        gateway.clone(),
        rulebook.clone(),
        book.clone(),
        strongbox.clone(),
        clock.clone(),
        ids.clone(),
    ));
    let catalog = Arc::new(catalog(config)?);
    let mute = catalog.connectors().filter(|connector| !connector.can_erase()).map(|one| one.name().to_owned());
    let rights = Rights::new(
        store.clone(),
        gateway.clone(),
        shredder,
        keyring.clone(),
        book.clone(),
        rulebook.clone(),
        ids.clone(),
        clock.clone(),
        Controller { kek_rotation_days: config.kek_rotation_days.map(Into::into), ..config.controller.clone() },
    );
    let rights = Arc::new(rights.with_mute(mute));
    let intake = Arc::new(Intake::new(
        sealer,
        comparer,
        gateway.clone(),
        store.clone(),
        keyring.clone(),
        rulebook.clone(),
        book.clone(),
        ids.clone(),
        clock.clone(),
        Arc::new(rights.teller()),
    ));
    if let Err(error) = intake.load_model().await {
        tracing::error!(error = ?error, "the trained matching model cannot be read; the shipped one weighs");
    }
    let retention = Arc::new(Retention::new(store.clone(), rights.clone(), &ids, clock.clone())?);
    if first {
        segments.ensure_defaults().await?;
    }
    let vendors = Arc::new(Vendors {
        catalog,
        connections: Connections::new(store.clone(), strongbox.clone()),
        rulebook: rulebook.clone(),
        surroundings: Surroundings { clock: clock.clone(), entropy: entropy.clone(), pause: Arc::new(Timer) },
        paces: Paces::default(),
    });
    let syncs = Arc::new(Syncs {
        vendors: vendors.clone(),
        intake: intake.clone(),
        store: store.clone(),
        rights: rights.clone(),
        ids: ids.clone(),
        beat: BEAT,
    });
    let vendor_erasures = Arc::new(VendorErasures {
        vendors: vendors.clone(),
        rights: rights.clone(),
        store: store.clone(),
        book: book.clone(),
        ids: ids.clone(),
    });
    let announcer = Arc::new(Announcer::new(store.clone(), ids.clone(), clock.clone())?.telling(vendors.clone()));
    let (store_of, gateway_of) = (store.clone(), gateway.clone());
    let deliveries = Deliveries { vendors: vendors.clone(), store: store_of, book: book.clone(), gateway: gateway_of };
    let pushes = Pushes {
        vendors: vendors.clone(),
        segments: segments.clone(),
        rights: rights.clone(),
        intake: intake.clone(),
        store: store.clone(),
        book: book.clone(),
        ids: ids.clone(),
    };
    let doorkeeper = Doorkeeper::new(store.clone(), book.clone(), ids.clone(), entropy.clone(), clock.clone());
    Ok(Hub {
        house: House {
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
            probe: Probe::default(),
            entrance: Entrance::default(),
            pool: Pool::default(),
            public_url: config.public_url.clone(),
            ids,
            clock,
            entropy,
        },
        rotation,
        retention,
        syncs,
        vendor_erasures,
        announcer,
        deliveries: Arc::new(deliveries),
        pushes: Arc::new(pushes),
    })
}

/// Opens the audit book. A log that was cut off since its head was kept is told to the operator, and by every
/// verification; it is no reason not to serve, because a backup of the logs that is older than that of the keys looks
/// the same.
async fn book(store: &Store, strongbox: &Arc<Strongbox>, ids: &IdMaker, clock: Arc<dyn Clock>) -> Result<Book, Error> {
    let kept = audit::kept_heads(store, strongbox, audit::AT_START).await?;
    for finding in store.read(move |read| audit::missing_since(read, &kept)).await? {
        tracing::error!(%finding, "the audit log was changed while no process was looking");
    }
    let book = Book::open(store, ids, clock).await?;
    book.keep_head(store, strongbox).await?;
    Ok(book)
}

fn location(config: &Config) -> Result<Location, Error> {
    let keys_url = match &config.keys_database_url {
        Some(DatabaseUrl::Postgres(url)) => Some(url.as_str()),
        _ => None,
    };
    Ok(match &config.database_url {
        DatabaseUrl::Sqlite(directory) => Location::Sqlite(directory.clone()),
        DatabaseUrl::Postgres(url) => Location::parse(url, keys_url)?,
    })
}

fn root_key(config: &Config, is_first: bool, entropy: &dyn Entropy) -> Result<Arc<dyn vault::RootKey>, Error> {
    Ok(match &config.root_key {
        RootKey::File(path) if is_first => {
            // Where the database is elsewhere, nobody made it yet.
            if path.starts_with(&config.data_dir) {
                store::own_directory(&config.data_dir).map_err(Error::Directory)?;
            }
            Arc::new(FileRoot::open_or_create(path, entropy)?)
        }
        RootKey::File(path) => Arc::new(FileRoot::open(path)?),
        RootKey::Credential(path) => Arc::new(CredentialRoot::from_file(path)?),
        RootKey::Environment(text) => Arc::new(CredentialRoot::from_text(text)?),
    })
}

/// Opens the keys; on the first start makes them.
async fn unlock(
    store: &Store,
    root: &dyn vault::RootKey,
    clock: &dyn Clock,
    entropy: Arc<dyn Entropy>,
) -> Result<Unlocked, Error> {
    let now = clock.now();
    let mut keks = store.read(keys::keks).await?;
    let mut secrets = store.read(keys::hub_secrets).await?;
    if keks.is_empty() {
        let (kek, new) = vault::first_secrets(root, &*entropy, now)?;
        store
            .write(move |write| {
                // Another node may have been first; then its keys count.
                if keys::newest_epoch(write)?.is_none() {
                    keys::insert_kek(write, &kek)?;
                    new.iter().try_for_each(|secret| keys::insert_hub_secret(write, secret))?;
                }
                Ok::<_, store::Error>(())
            })
            .await?;
        keks = store.read(keys::keks).await?;
        secrets = store.read(keys::hub_secrets).await?;
    }
    let missing = vault::missing_secrets(root, &secrets, &*entropy, now)?;
    if !missing.is_empty() {
        let new = missing.clone();
        match store.write(move |write| new.iter().try_for_each(|secret| keys::insert_hub_secret(write, secret))).await {
            Ok(()) => secrets.extend(missing),
            // Another node was first: its secrets count.
            Err(store::Error::Taken) => secrets = store.read(keys::hub_secrets).await?,
            Err(cause) => return Err(cause.into()),
        }
    }
    #[expect(clippy::disallowed_methods, reason = "the one place where the keys are taken out and handed over")]
    Ok(vault::unlock(root, &keks, &secrets, entropy)?)
}
