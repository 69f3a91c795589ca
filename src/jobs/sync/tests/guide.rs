//! The worked example of `docs/adding-a-connector.md`, taken out of the page and run.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{House, SHOP};
use super::scenarios::{Case, PAGE, PEOPLE, scenarios};
use crate::connect::{Catalog, Form, Leaves, Person, Stopped, Subscribed};
use crate::vendors::Fake;
use crate::vendors::teekontor::Teekontor;

scenarios!(Teekontor);

/// The connectors of the hub, and the one of the page.
pub(super) fn catalog() -> Arc<Catalog> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adding-a-connector.md")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("teekontor");
    std::fs::create_dir_all(folder.join("fixtures")).unwrap();
    for file in ["fixtures/customers.json", "customers.jq", "manifest.yaml"] {
        let (_, after) =
            page.split_once(&format!("\n`{file}`\n\n```")).unwrap_or_else(|| panic!("the page shows no {file}"));
        let (_, block) = after.split_once('\n').unwrap();
        let (block, _) = block.split_once("\n```").unwrap();
        std::fs::write(folder.join(file), block).unwrap();
    }
    Arc::new(Catalog::read(directory.path()).unwrap())
}

/// The same connector with the blocks of the chapter about what else a manifest can say.
fn catalog_with_more() -> Arc<Catalog> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adding-a-connector.md")).unwrap();
    let block = |start: &str| {
        let (_, after) = page.split_once(&format!("\n```yaml\n{start}")).unwrap_or_else(|| panic!("no block {start}"));
        format!("{start}{}\n", after.split_once("\n```").unwrap().0)
    };
    let (_, manifest) = page.split_once("\n`manifest.yaml`\n\n```yaml\n").unwrap();
    let (manifest, _) = manifest.split_once("\n```").unwrap();
    let token = "    api_token: {title: Token, kind: secret}\n";
    assert!(manifest.contains(token));
    let secret = "    webhook_secret: {title: Secret, kind: secret, optional: true}\n";
    let manifest = manifest.replace(token, &format!("{token}{secret}"));
    // The page's topic about orders needs no stream of them.
    let all = format!("{manifest}\n{}{}{}", block("webhooks:"), block("  subscribe:"), block("unsubscribe:"));
    let (_, filter) = page.split_once("\n`customers.jq`\n\n```jq\n").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("teekontor");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("manifest.yaml"), all).unwrap();
    std::fs::write(folder.join("customers.jq"), filter.split_once("\n```").unwrap().0).unwrap();
    Arc::new(Catalog::read(directory.path()).unwrap())
}

on_both_databases!(the_newsletter_of_the_page_ends, the_page_subscribes);

async fn the_newsletter_of_the_page_ends(database: Database) {
    let house = House::open_with(database, catalog_with_more()).await;
    let fake = Fake::serve(Teekontor::new(), house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    assert!(connector.webhooks().is_some());
    let person = || Person { email: Some("KUNDE3@example.org".to_owned()), ..Person::default() };
    let tell = async || connector.unsubscribe().unwrap().run(&session, &person()).await;
    assert_eq!(tell().await, Stopped { ended: 1, again: false, looked: true });
    fake.with(|tee| {
        assert_eq!(tee.customers[3]["newsletter"]["state"], "ended");
        assert_ne!(tee.customers[4]["newsletter"]["state"], "ended");
    });
    assert_eq!(tell().await, Stopped { ended: 0, again: false, looked: true });
}

async fn the_page_subscribes(database: Database) {
    let house = House::open_with(database, catalog_with_more()).await;
    let fake = Fake::serve(Teekontor::new(), house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    let listen = async || house.syncs.vendors.listen(SHOP, Some("https://hub.example"), false).await.unwrap();
    assert_eq!(listen().await, Subscribed { kept: 0, made: 2, ended: 0 });
    assert_eq!(listen().await, Subscribed { kept: 2, made: 0, ended: 0 });
    fake.with(|tee| tee.hooks[1]["state"] = json!("off"));
    assert_eq!(listen().await, Subscribed { kept: 1, made: 1, ended: 1 });
    let secrets: Vec<String> = fake.with(|tee| tee.hooks.iter().map(|hook| hook["secret"].to_string()).collect());
    assert!(secrets.len() == 2 && secrets[0] == secrets[1], "they are under different secrets");
    assert!(!house.database.dump().join("\n").contains(secrets[0].trim_matches('"')), "the secret lies open");
    assert_eq!(house.syncs.vendors.stop_listening(SHOP).await.unwrap(), 2);
    assert!(fake.with(|tee| tee.hooks.is_empty()));
}

#[test]
fn the_fixture_of_the_page_maps_as_it_says() {
    let catalog = catalog();
    let connector = catalog.connector("teekontor").unwrap();
    let (_, fixture) = connector.fixtures().next().unwrap();
    let records: Vec<Value> = connector
        .read(Cursor::new(fixture), Form::Json, "tee")
        .map(|record| serde_json::from_slice(&record.unwrap()).unwrap())
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["consents"][0]["method"], "double_opt_in");
    assert_eq!(records[0]["data"]["addresses"][0]["city"], "Lübeck");
    assert_eq!(records[1].get("consents"), None, "an open newsletter is no consent");
    assert_eq!(
        records[1]["identifiers"][0],
        json!({"kind": "email", "value": "arne.pohl@example.net", "verified": false})
    );
}

impl Case for Teekontor {
    const CONNECTOR: &'static str = "teekontor";
    const VIA: &'static [&'static str] = &[];
    const RECORDS: u64 = 1;
    const CHANGED: u64 = 1;
    const READ_AGAIN: u64 = 1;
    const LEAVES: Option<Leaves> = Some(Leaves::Deleted);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(address: &str) -> Vec<(&'static str, String)> {
        vec![("shop_url", address.to_owned()), ("api_token", "a-token-of-tee".to_owned())]
    }

    fn change(&mut self, at: &str) {
        (self.customers[0]["first"], self.customers[0]["changed"]) = (json!("Maria"), json!(at));
    }

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }

    fn catalog() -> Arc<Catalog> {
        catalog()
    }
}
