//! `obhut demo`: a demo merchant, seeded through the real intake, and a tour.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::commands::{Outcome, far, say};
use super::import::ensure_source;
use super::{Hub, serve, tour};
use crate::api::House;
use crate::api::doorkeeper::Grant;
use crate::config::Config;
use crate::connect::{Catalog, Form};
use crate::consent::Terms;
use crate::intake::CHUNK;
use crate::store;
use crate::types::{PurposeCode, Role};

/// The merchant's four systems: connector, source.
const SOURCES: [(&str, &str); 4] =
    [("shopware6", "webshop"), ("amazon_sp_api", "amazon"), ("meta", "social"), ("lexware_office", "books")];

/// What the keys of the demo may read under.
const PURPOSES: [(Role, &[&str]); 6] = [
    (Role::Admin, &[]),
    (Role::Partner, &["order_fulfilment", "customer_service", "newsletter_email"]),
    (
        Role::Marketing,
        &["newsletter_email", "existing_customer_email", "postal_marketing", "social_advertising", "customer_value"],
    ),
    (Role::Dpo, &[]),
    (Role::Collector, &[]),
    (Role::Browser, &[]),
];

/// The source whose events the demo's write keys bring in.
const COLLECTED: &str = "webshop";

/// `<data-dir>/credentials.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) base_url: String,
    /// Keys by role.
    pub(super) keys: BTreeMap<String, String>,
}

/// The demo merchant introduces itself where the operator did not say who they are.
pub(super) fn introduce(config: &mut Config) {
    let merchant = &mut config.controller;
    merchant.name.get_or_insert_with(|| "Beispielhandel GmbH, Musterweg 1, 10115 Berlin".to_owned());
    merchant.contact.get_or_insert_with(|| "service@shop.example.org".to_owned());
    merchant.dpo.get_or_insert_with(|| "datenschutz@shop.example.org".to_owned());
    merchant
        .authority
        .get_or_insert_with(|| "Berliner Beauftragte für Datenschutz und Informationsfreiheit".to_owned());
}

pub(super) async fn demo(hub: Hub, config: &Config) -> Outcome {
    hub.ready().await?;
    seed(&hub.house).await?;
    store::own_directory(&config.data_dir)?;
    let file = config.data_dir.join("credentials.json");
    let keys = keys(&hub.house, &file).await?;
    let server = serve::bind(hub, config)?;
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    let address = server.addresses().first().ok_or("the server has no address")?;
    let credentials = Credentials { base_url: format!("{scheme}://{address}"), keys };
    write_private(&file, &serde_json::to_vec_pretty(&credentials)?)?;
    say(&tour::text(&credentials, &file));
    Ok(server.run().await?)
}

/// Brings the fixtures of the four connectors in. Records that are there already stay as they are.
async fn seed(house: &House) -> Outcome {
    let catalog = Catalog::embedded()?;
    let texts: BTreeMap<PurposeCode, String> = house
        .rulebook
        .edition()
        .purposes()
        .iter()
        .filter_map(|purpose| Some((purpose.code.clone(), purpose.text_version.clone()?)))
        .collect();
    let mut total = 0;
    for (name, source) in SOURCES {
        let connector = catalog.connector(name)?;
        let terms =
            Terms { text_versions: texts.clone(), tells_of_objection: source == "webshop", ..connector.terms() };
        ensure_source(house, connector, source, terms).await?;
        for (file, bytes) in connector.fixtures() {
            let records =
                connector.read(bytes, Form::of(Path::new(file)).unwrap_or(Form::Json), connector.example(source));
            let records = records.collect::<Result<Vec<_>, _>>()?;
            for chunk in records.chunks(CHUNK) {
                house.intake.ingest(chunk).await?;
            }
            total += records.len();
        }
    }
    house.intake.note_ingest(None, total).await?;
    say(&format!("{total} records of the demo merchant are in"));
    Ok(())
}

/// The keys of the last run where they still open, new ones where not.
async fn keys(house: &House, file: &Path) -> Result<BTreeMap<String, String>, Box<dyn std::error::Error>> {
    let known: Option<Credentials> = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut keys = known.map(|credentials| credentials.keys).unwrap_or_default();
    for (role, purposes) in PURPOSES {
        let valid = match keys.get(role.word()) {
            Some(key) => house.doorkeeper.identify(key).await?.is_some(),
            None => false,
        };
        if !valid {
            let purposes = purposes.iter().map(|code| code.parse()).collect::<Result<BTreeSet<PurposeCode>, _>>()?;
            let edition = house.rulebook.edition();
            let source = edition.source_named(COLLECTED).filter(|_| role.voice().is_some()).map(|source| source.number);
            let expires_at = Some(far(house.clock.now()));
            let grant = Grant { title: format!("demo {role}"), role, purposes, source, expires_at };
            let (_, key) = house.doorkeeper.issue(grant).await?;
            keys.insert(role.word().to_owned(), key.to_string());
        }
    }
    Ok(keys)
}

/// Writes a file only its owner may read, whole or not at all.
fn write_private(file: &Path, bytes: &[u8]) -> Outcome {
    let new = file.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&new, file)?;
    Ok(())
}
