//! The worked example of `docs/adding-a-connector.md`, taken out of the page and run.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{House, SHOP};
use super::scenarios::{Case, PAGE, PEOPLE, scenarios};
use crate::connect::{Catalog, Demanded, Form, Headers, Leaves, News, Person, Stopped, Subscribed, Told, Unheard};
use crate::types::{Clock as _, RecordKind, Timestamp};
use crate::vendors::Fake;
use crate::vendors::hooks::mac;
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

on_both_databases!(the_newsletter_of_the_page_ends, the_page_subscribes, what_the_page_is_told_is_heard);

async fn the_newsletter_of_the_page_ends(database: Database) {
    let house = House::open_with(database, catalog_with_more()).await;
    let fake = Fake::serve(Teekontor::new(), house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    assert!(connector.webhooks().is_some());
    let person = || Person { email: Some("KUNDE3@example.org".to_owned()), ..Person::default() };
    let tell = async || connector.unsubscribe().unwrap().run(&session, &person(), "newsletter_email").await;
    assert_eq!(tell().await, Stopped { ended: 1, looked: true, ..Stopped::default() });
    fake.with(|tee| {
        assert_eq!(tee.customers[3]["newsletter"]["state"], "ended");
        assert_ne!(tee.customers[4]["newsletter"]["state"], "ended");
    });
    assert_eq!(tell().await, Stopped { ended: 0, looked: true, ..Stopped::default() });
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

async fn what_the_page_is_told_is_heard(database: Database) {
    const HUSH: &str = "a-secret-of-tee";
    let house = House::open_with(database, catalog_with_more()).await;
    let fake = Fake::serve(Teekontor::with_people(3, 10), house.clock.clone());
    let parameters = [("shop_url", fake.address()), ("api_token", "a-token-of-tee"), ("webhook_secret", HUSH)];
    house.connect("teekontor", &parameters, &[]).await;
    let (source, connection) = house.syncs.vendors.connected(SHOP).await.unwrap();
    let connector = house.syncs.vendors.catalog.connector("teekontor").unwrap().clone();
    let hear = |topic: &str, sign: Option<&str>, body: &Value| {
        let text = body.to_string();
        let own = format!("sha256={}", hex::encode(mac(HUSH, &[text.as_bytes()])));
        let headers = [("x-topic", topic), ("x-delivery", "d1"), ("x-sign", sign.unwrap_or(&own))];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let told = Told { headers: Headers(&headers), secret: None, body: text.as_bytes() };
        let asked = (connector.link().unwrap(), &connection.parameters);
        connector.webhooks().unwrap().hear(asked, &told, house.clock.now()).map(|mut all| all.remove(0))
    };
    let at = |seconds: i64| house.clock.now().plus(seconds * Timestamp::SECOND).rfc3339();
    let mut changed = fake.with(|tee| tee.customers[1].clone());
    changed["at"] = json!(at(-60));
    for wrong in ["", "sha256=", "sha256=00"] {
        assert_eq!(hear("customer.changed", Some(wrong), &changed).err(), Some(Unheard::Forged), "{wrong}");
    }
    let told = hear("customer.changed", None, &changed).unwrap();
    let News::Objects { stream, page } = told.news else { panic!("a customer is one") };
    let stream = connector.stream(&stream).unwrap();
    assert!(stream.recognises(&page));
    let records = stream.map(&page, SHOP).map(|record| String::from_utf8(record.unwrap()).unwrap());
    house.syncs.intake.ingest(&records.collect::<Vec<_>>()).await.unwrap();
    assert!(house.knows("kunde1@example.org").await);
    // Whatever stands above it, the same body is known again; another one is not.
    let again = hear("order.changed", None, &changed).unwrap();
    assert!(again.marks.iter().any(|mark| told.marks.contains(mark)));
    let gone = json!({"id": 41, "at": at(-1)});
    assert_eq!(hear("customer.gone", None, &changed).err(), Some(Unheard::Unreadable), "who is there is not gone");
    let News::Gone { kind, ids } = hear("customer.gone", None, &gone).unwrap().news else { panic!("nobody is gone") };
    assert_eq!((kind, ids.as_slice()), (RecordKind::Customer, ["41".to_owned()].as_slice()));
    assert_eq!(house.syncs.intake.end_told(&source, kind, &ids).await.unwrap(), 1);
    assert_eq!(house.syncs.intake.end_told(&source, kind, &ids).await.unwrap(), 0);

    let changed = json!({"at": at(0)});
    assert!(matches!(hear("order.changed", None, &changed).unwrap().news, News::Changed));
    assert_eq!(hear("order.changed", None, &json!({"at": at(-73 * 3_600)})).err(), Some(Unheard::TooOld));
    let redact = json!({"at": at(0), "customer": {"id": 41, "email": "kunde1@example.org"}, "redact": true});
    let News::Demand { right, who } = hear("customer.redact", None, &redact).unwrap().news else { panic!("no demand") };
    assert_eq!((right, who.email.as_deref()), (Demanded::Erasure, Some("kunde1@example.org")));
    assert_eq!(hear("customer.redact", None, &changed).err(), Some(Unheard::Unreadable));
    assert!(matches!(hear("shop.closed", None, &changed).unwrap().news, News::Note(_)));
    assert!(matches!(hear("shop.opened", None, &changed).unwrap().news, News::Nothing));
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
