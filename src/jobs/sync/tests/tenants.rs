//! What a stream is read for one after the other: one that is added later is read from its beginning.

use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{House, SHOP, brought};
use crate::connect::Catalog;
use crate::databases::{Database, on_both_databases};
use crate::vendors::{Answer, Break, Call, Fake, Vendor};

on_both_databases!(a_tenant_that_is_added_later_is_read_from_its_beginning, what_a_new_tenant_owes_is_asked_for_again,);

const MANIFEST: &str = r#"
name: tenants
title: Tenants
docs: Customers by tenant.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters: {url: {title: Address, kind: url}}
  base_url: "{url}"
  hosts: ["{url}"]
  test: {request: {path: /tenants}}
streams:
  customers:
    detect: has("items")
    objects: .items[]
    records: '{type: "customer", external_id: .id, updated_at: .at, identifiers: [{kind: "account", value: .id}], data: {}}'
    pull:
      each: {names: [tenant], request: {path: /tenants}, items: ".tenants[] | {tenant: .}"}
      request: {path: "/tenants/{tenant}/customers", query: {since: "{since}"}}
      incremental: {overlap_seconds: 0}
    fields: {identity: [identifiers.account]}
"#;

/// Tenants with the times of their customers, and what was asked of each.
struct Tenants {
    all: Vec<(&'static str, Vec<&'static str>)>,
    asked: Vec<(String, String)>,
    /// A customer at whose details it fails.
    broken: &'static str,
}

impl Vendor for Tenants {
    fn answer(&mut self, call: &Call) -> Answer {
        if call.path == "/tenants" {
            return Answer::new(200, json!({"tenants": self.all.iter().map(|(name, _)| name).collect::<Vec<_>>()}));
        }
        if let Some(id) = call.path.strip_prefix("/details/") {
            let status = if id == self.broken { 500 } else { 200 };
            return Answer::new(status, json!({"note": "Gern."}));
        }
        let since = call.query.get("since").cloned().unwrap_or_default();
        let name = call.path.split('/').nth(2).unwrap().to_owned();
        let (_, customers) = self.all.iter().find(|(known, _)| *known == name).unwrap();
        let changed = customers.iter().enumerate().filter(|(_, at)| **at >= since.as_str());
        let items: Vec<Value> =
            changed.map(|(number, at)| json!({"id": format!("{name}{number}"), "at": at})).collect();
        self.asked.push((name, since));
        Answer::new(200, json!({"items": items}))
    }
}

async fn a_tenant_that_is_added_later_is_read_from_its_beginning(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("tenants")).unwrap();
    std::fs::write(directory.path().join("tenants/manifest.yaml"), MANIFEST).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let old = "2026-03-01T08:00:00Z";
    let tenants = Tenants { all: vec![("a", vec![old, old]), ("b", vec![old])], asked: Vec::new(), broken: "" };
    let fake = Fake::serve(tenants, house.clock.clone());
    house.connect("tenants", &[("url", fake.address())], &[]).await;
    let asked = || fake.with(|tenants| std::mem::take(&mut tenants.asked));
    let pair = |name: &str, since: &str| (name.to_owned(), since.to_owned());
    assert_eq!(brought(&house.sync().await.unwrap()), [3, 0, 0, 0, 0]);
    assert_eq!(asked(), [pair("a", ""), pair("b", "")]);
    // Two are added, with what they had before. The line breaks at the second of them.
    house.clock.set("2026-11-22T12:00:00Z");
    fake.with(|tenants| {
        tenants.all.insert(0, ("c", vec![old, old, old]));
        tenants.all.push(("d", vec![old]));
    });
    fake.break_calls(4, &[Break::Status(403)]);
    assert!(house.sync().await.is_err());
    let first = "2026-11-21T12:00:00Z";
    assert_eq!(asked(), [pair("c", ""), pair("a", first), pair("b", first)]);
    house.wait(7_200);
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, house.records()), (1, 7), "{counts:?}");
    assert_eq!(asked(), [pair("d", "")], "it goes on where it was");
    // From then on they are known like the others.
    house.wait(7_200);
    assert_eq!(house.sync().await.unwrap().sum().read, 0);
    assert!(asked().iter().all(|(_, since)| since.starts_with("2026-11-22T12:00")));
    // One that went and is there again is read from its beginning too.
    fake.with(|tenants| tenants.all.remove(0));
    house.sync().await.unwrap();
    fake.with(|tenants| tenants.all.push(("c", vec![old, old, old])));
    assert_eq!(house.sync().await.unwrap().sum().unchanged, 3);
    assert_eq!(brought(&house.syncs.run(SHOP, true, |_| {}).await.unwrap()), [0, 0, 7, 0, 0]);
}

async fn what_a_new_tenant_owes_is_asked_for_again(database: Database) {
    let details = "incremental: {overlap_seconds: 0}\n      enrich: [{as: more, values: {id: .id}, request: {path: \"/details/{id}\"}}]";
    let manifest = MANIFEST.replace("incremental: {overlap_seconds: 0}", details);
    assert_ne!(manifest, MANIFEST);
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("tenants")).unwrap();
    std::fs::write(directory.path().join("tenants/manifest.yaml"), manifest).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let old = "2025-03-01T08:00:00Z";
    let tenants = Tenants { all: vec![("a", vec![old])], asked: Vec::new(), broken: "" };
    let fake = Fake::serve(tenants, house.clock.clone());
    house.connect("tenants", &[("url", fake.address())], &[]).await;
    house.sync().await.unwrap();
    // A tenant comes with what it had before, and of one of them the details cannot be had.
    house.wait(86_400);
    fake.with(|tenants| {
        tenants.all.push(("b", vec![old, old, old]));
        tenants.broken = "b1";
    });
    assert_eq!(brought(&house.sync().await.unwrap()), [2, 0, 0, 0, 1]);
    house.wait(86_400);
    fake.with(|tenants| (tenants.broken, tenants.asked) = ("", Vec::new()));
    assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 2, 0, 0]);
    let asked = fake.with(|tenants| std::mem::take(&mut tenants.asked));
    assert_eq!((asked[0].1.is_empty(), &asked[1]), (false, &("b".to_owned(), String::new())), "{asked:?}");
    house.wait(86_400);
    assert_eq!(house.sync().await.unwrap().sum().read, 0, "then it is known as the others are");
    // Nobody asks for ever.
    fake.with(|tenants| {
        tenants.all.push(("c", vec![old]));
        tenants.broken = "c0";
    });
    for day in 0..9 {
        house.wait(86_400);
        assert_eq!(house.sync().await.unwrap().sum().rejected, u64::from(day < 8), "day {day}");
    }
}
