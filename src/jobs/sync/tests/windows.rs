//! A vendor that answers no longer stretch than a week, and names the next page in a header.

use std::sync::Arc;

use serde_json::{Value, json};

use super::house::{House, brought};
use crate::connect::Catalog;
use crate::databases::{Database, on_both_databases};
use crate::types::Timestamp;
use crate::vendors::{Answer, Call, Fake, Vendor};

on_both_databases!(a_long_time_is_read_window_by_window,);

const MANIFEST: &str = r#"
name: weekly
title: Weekly
docs: Customers by the week.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters: {url: {title: Address, kind: url}}
  base_url: "{url}"
  hosts: ["{url}"]
  test: {request: {path: /customers}}
streams:
  customers:
    detect: has("items")
    objects: .items[]
    records: '{type: "customer", external_id: (.id | text), updated_at: .at, identifiers: [{kind: "account", value: (.id | text)}], data: {}}'
    pull:
      request: {path: /customers, query: {from: "{since}", to: "{until}", cursor: "{token}"}}
      paging: {size: 2, token_header: X-Next-Cursor}
      incremental: {start_days: 30, window_days: 7}
    fields: {identity: [identifiers.account]}
"#;

/// Which windows it was asked for, and whom it knows by when.
struct Weekly {
    customers: Vec<(u32, &'static str)>,
    windows: Vec<(String, String)>,
}

impl Vendor for Weekly {
    fn answer(&mut self, call: &Call) -> Answer {
        let (from, to) = (&call.query["from"], &call.query["to"]);
        let instant = |text: &str| Timestamp::parse(text).unwrap();
        if instant(from).plus_days(7) < instant(to) {
            return Answer::new(400, json!({"error": "a week at most"}));
        }
        let start = call.query.get("cursor").map_or(0, |cursor| cursor.parse::<usize>().unwrap());
        if start == 0 {
            self.windows.push((from.clone(), to.clone()));
        }
        let found: Vec<&(u32, &str)> =
            self.customers.iter().filter(|(_, at)| instant(at) >= instant(from) && instant(at) < instant(to)).collect();
        let items: Vec<Value> = found.iter().skip(start).take(2).map(|(id, at)| json!({"id": id, "at": at})).collect();
        let answer = Answer::new(200, json!({"items": items}));
        if start + 2 < found.len() { answer.with("x-next-cursor", (start + 2).to_string()) } else { answer }
    }
}

async fn a_long_time_is_read_window_by_window(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("weekly")).unwrap();
    std::fs::write(directory.path().join("weekly/manifest.yaml"), MANIFEST).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let days = ["2026-10-23", "2026-10-30", "2026-11-02", "2026-11-02", "2026-11-02", "2026-11-10", "2026-11-20"];
    let at = |day: &str| -> &'static str { Box::leak(format!("{day}T08:00:00Z").into_boxed_str()) };
    let customers = (0_u32..).zip(days.map(at)).collect();
    let fake = Fake::serve(Weekly { customers, windows: Vec::new() }, house.clock.clone());
    house.connect("weekly", &[("url", fake.address())], &[]).await;
    assert_eq!(brought(&house.sync().await.unwrap()), [7, 0, 0, 0, 0]);
    let windows = fake.with(|vendor| std::mem::take(&mut vendor.windows));
    assert_eq!(windows.len(), 5, "{windows:?}");
    assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "there is a gap: {windows:?}");
    assert_eq!(windows.last().unwrap().1, "2026-11-21T12:00:00Z");
    // The next one asks for what came since, and no earlier.
    house.clock.set("2026-11-22T12:00:00Z");
    fake.with(|vendor| vendor.customers.push((7, "2026-11-21T13:00:00Z")));
    assert_eq!(brought(&house.sync().await.unwrap()), [1, 0, 0, 0, 0]);
    assert_eq!(fake.with(|vendor| vendor.windows.len()), 1);
    // Cut short in between, it goes on with the window it was in.
    house.clock.set("2026-12-20T12:00:00Z");
    fake.with(|vendor| vendor.customers.extend([(8, "2026-11-25T13:00:00Z"), (9, "2026-12-18T13:00:00Z")]));
    fake.break_calls(2, &[crate::vendors::Break::Status(403)]);
    assert!(house.sync().await.is_err());
    house.clock.set("2026-12-21T12:00:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.sum().created, 1, "{counts:?}");
    assert_eq!(house.records(), 10);
}
