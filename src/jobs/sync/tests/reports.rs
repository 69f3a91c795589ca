//! Streams that come as a file the vendor makes when it is asked to, and lists of ids beside a stream.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::json;

use super::house::{House, SHOP, brought, word};
use crate::connect::{Catalog, Counts};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake};

on_both_databases!(
    a_report_is_asked_for_looked_for_and_read,
    the_report_of_the_page_is_read,
    a_hub_that_is_killed_reads_on_in_the_same_report,
    a_report_that_fails_or_is_forgotten_is_asked_for_anew,
    a_line_that_breaks_is_opened_again_where_it_was,
    a_report_that_fails_in_between_throws_no_window_away,
    one_row_that_cannot_be_read_stops_no_other,
    what_is_on_two_lists_of_ids_no_more_ends,
    a_list_that_names_no_id_ends_nobody,
    an_id_that_is_written_otherwise_in_the_list_is_the_same,
);

pub(super) const BEGIN: &str = r#"
name: teekontor
title: Teekontor
docs: Customers of the interface v2.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters: {shop_url: {title: Address, kind: url}, api_token: {title: Token, kind: secret}}
  base_url: "{shop_url}/v2"
  hosts: ["{shop_url}"]
  auth: {headers: {Authorization: "Token {api_token}"}}
  limits: [{calls: 60, seconds: 60}]
  test: {request: {path: /customers, query: {limit: "1"}}}
streams:
  customers:
    detect: has("rows") or has("items")
    objects: (.rows // .items)[]
    records: |
      {type: "customer", external_id: (.id | text), updated_at: .changed,
       identifiers: [{kind: "account", value: (.id | text)}, {kind: "email", value: .mail}], data: {note}}
    fields: {identity: [identifiers.account], contact: [identifiers.email], service: [data.note]}
    pull:
"#;

pub(super) const REPORT: &str = r#"
      report:
        create: {method: POST, path: /reports, body: "{changed_since: .since}"}
        id: .report
        poll: {path: "/reports/{report}"}
        done: .state == "done"
        failed: .state == "failed"
        every_seconds: 45
        looks: 3
        values: {document: .document}
        document: {path: "/documents/{document}"}
        url: .url
        format: csv
        size: 10
      incremental: {}
"#;

const IDS: &str = r#"
      request: {path: /customers, query: {limit: "{limit}", changed_since: "{since}", cursor: "{token}"}}
      paging: {size: 10, token: .next}
      incremental: {}
      ids:
        of: customer
        request: {path: /customer-ids, query: {after: "{token}"}}
        paging: {size: 10, token: .next}
        ids: .ids[]
"#;

fn catalog(pull: &str) -> Result<Catalog, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), format!("{}{}", BEGIN.trim_end(), pull)).unwrap();
    Catalog::read(directory.path()).map_err(|error| error.to_string())
}

pub(super) async fn open(database: Database, pull: &str) -> (House, Fake<Teekontor>) {
    let house = House::open_with(database, Arc::new(catalog(pull).unwrap())).await;
    let fake = Fake::serve(Teekontor::with_people(25, 10), house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    (house, fake)
}

pub(super) fn made(fake: &Fake<Teekontor>) -> Vec<String> {
    fake.with(|tee| tee.reports.made.clone())
}

async fn a_report_is_asked_for_looked_for_and_read(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    assert_eq!(brought(&house.sync().await.unwrap()), [25, 0, 0, 0, 0]);
    assert_eq!(made(&fake), [""]);
    assert!((90..100).contains(&house.waited()), "two looks in vain");
    assert!(house.knows("kunde24@example.org").await);
    // The next one is asked for what changed since this one was asked for, by the vendor's clock, and not since it was ready.
    house.clock.set("2026-11-22T12:00:00Z");
    fake.with(|tee| {
        let one = &mut tee.customers[3];
        (one["mail"], one["changed"]) = (json!("neu@example.org"), json!("2026-11-22T08:00:00Z"));
    });
    let counts = house.sync().await.unwrap();
    assert_eq!((brought(&counts), counts.sum().read), ([0, 1, 0, 0, 0], 1), "{counts:?}");
    assert_eq!(made(&fake)[1], "2026-11-21T11:58:00Z");
}

/// The block of `docs/adding-a-connector.md`.
async fn the_report_of_the_page_is_read(database: Database) {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adding-a-connector.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once("\n```yaml\npull:\n").unwrap_or_else(|| panic!("the page shows no report"));
    let (block, _) = block.split_once("\n```").unwrap();
    let lines: Vec<String> = block.lines().map(|line| format!("    {line}")).collect();
    let (house, fake) = open(database, &format!("\n{}\n", lines.join("\n"))).await;
    fake.with(|tee| tee.reports.form = "german");
    assert_eq!(brought(&house.sync().await.unwrap()), [25, 0, 0, 0, 0]);
    assert_eq!(house.records(), 25);
}

async fn a_hub_that_is_killed_reads_on_in_the_same_report(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    let dies = async |house: &House, when: fn(&Counts) -> bool| {
        let progress = |counts: &Counts| assert!(!when(counts), "the process is killed");
        assert!(AssertUnwindSafe(house.syncs.run(SHOP, false, progress)).catch_unwind().await.is_err());
        house.wait(120);
    };
    // As soon as it is asked for; while it is looked for; and in the middle of the file.
    dies(&house, |_| true).await;
    dies(&house, |_| true).await;
    assert_eq!((house.records(), made(&fake).len()), (0, 1));
    dies(&house, |counts| counts.sum().read > 0).await;
    assert_eq!((house.records(), made(&fake).len()), (10, 1));
    let counts = house.sync().await.unwrap();
    assert_eq!((brought(&counts), counts.sum().read), ([15, 0, 0, 0, 0], 15), "{counts:?}");
    assert_eq!((house.records(), made(&fake).len()), (25, 1), "it is the same report, and nothing of it came twice");
}

async fn a_report_that_fails_or_is_forgotten_is_asked_for_anew(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    let again = async |expected: &str, reports: usize| {
        house.wait(7_200);
        assert_eq!((word(house.sync().await).as_str(), made(&fake).len()), (expected, reports));
    };
    fake.with(|tee| tee.reports.fails = true);
    again("report_failed", 1).await;
    fake.with(|tee| (tee.reports.fails, tee.reports.takes) = (false, 100));
    // The one that failed failed for ever; the next one takes longer than anybody waits.
    again("report_failed", 2).await;
    again("report_failed", 3).await;
    // One that is asked for and forgotten there.
    let progress = |_: &Counts| panic!("the process is killed");
    house.wait(7_200);
    assert!(AssertUnwindSafe(house.syncs.run(SHOP, false, progress)).catch_unwind().await.is_err());
    fake.with(|tee| (tee.reports.forgot, tee.reports.takes) = (true, 0));
    let before = made(&fake).len();
    house.wait(120);
    fake.with(|tee| tee.reports.forgot = true);
    assert_eq!(word(house.sync().await), "not_found");
    assert_eq!(made(&fake).len(), before + 1, "another one was asked for, and is forgotten as well");
    fake.with(|tee| tee.reports.forgot = false);
    house.wait(7_200);
    assert_eq!(brought(&house.sync().await.unwrap()), [25, 0, 0, 0, 0]);
}

async fn a_line_that_breaks_is_opened_again_where_it_was(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    fake.with(|tee| tee.reports.takes = 0);
    // Asked for, ready, where it is: the file breaks off. The next time it is cut off without a word.
    fake.break_calls(3, &[Break::HangUp]);
    fake.break_calls(6, &[Break::Cut]);
    let counts = house.sync().await.unwrap();
    assert_eq!((brought(&counts), made(&fake).len()), ([25, 0, 0, 0, 0], 1), "{counts:?}");
    let files = fake.calls_since(0).iter().filter(|call| call.starts_with("GET /files/")).count();
    assert_eq!(files, 3);
    // It breaks again and again: what was asked for is there the next time.
    fake.break_calls(3, &[Break::Status(500)]);
    fake.break_calls(6, &[Break::Status(500)]);
    fake.break_calls(9, &[Break::Status(500)]);
    fake.break_calls(12, &[Break::Status(500)]);
    assert_eq!(word(house.syncs.run(SHOP, true, |_| {}).await), "vendor_error");
    house.wait(7_200);
    assert_eq!(brought(&house.sync().await.unwrap()), [0, 0, 25, 0, 0]);
    assert_eq!(made(&fake).len(), 2);
    // A file that ends in its middle however often it is had is none.
    for at in [3, 6, 9, 12] {
        fake.break_calls(at, &[Break::Cut]);
    }
    assert_eq!(word(house.syncs.run(SHOP, true, |_| {}).await), "report_failed");
}

async fn a_report_that_fails_in_between_throws_no_window_away(database: Database) {
    let windowed = REPORT
        .replace("{changed_since: .since}", "{from: .since, until: .until}")
        .replace("incremental: {}", "incremental: {start_days: 180, window_days: 45}");
    let (house, fake) = open(database, &windowed).await;
    let fails = |_: &Counts| {
        let third = made(&fake).len() == 3;
        fake.with(|tee| tee.reports.fails = third);
    };
    assert_eq!(word(house.syncs.run(SHOP, false, fails).await), "report_failed");
    assert_eq!(made(&fake).len(), 3);
    fake.with(|tee| tee.reports.fails = false);
    house.wait(7_200);
    house.sync().await.unwrap();
    let made = made(&fake);
    // The third window is asked for once more, and then the last one; nothing before it is.
    assert_eq!((made.len(), &made[3]), (5, &made[2]), "{made:?}");
    assert!(made[2] < made[4], "{made:?}");
    assert_eq!(house.records(), 25);
}

async fn one_row_that_cannot_be_read_stops_no_other(database: Database) {
    let (house, fake) = open(database, &REPORT.replace("format: csv", "format: json_lines")).await;
    fake.with(|tee| (tee.reports.form, tee.reports.broken_line) = ("jsonl", Some("{\"id\": secret@example.org")));
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [25, 0, 0, 0, 1], "{counts:?}");
    let (reason, _) = counts.rejections.iter().next().unwrap();
    assert!(reason.contains("a row of the file cannot be read") && !reason.contains("secret"), "{reason}");
    fake.with(|tee| (tee.reports.form, tee.reports.broken_line) = ("tsv", None));
    // As another form than the manifest says, no row of it is one.
    let counts = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!((counts.sum().rejected, counts.sum().unchanged), (26, 0), "{counts:?}");
}

fn ended(house: &House) -> String {
    let counted = "SELECT CAST(COUNT(*) AS TEXT) AS answer FROM record WHERE source_until > 0";
    house.database.texts(Shelf::Records, counted).remove(0)
}

async fn what_is_on_two_lists_of_ids_no_more_ends(database: Database) {
    let (house, fake) = open(database, IDS).await;
    house.sync().await.unwrap();
    fake.with(|tee| tee.customers.drain(3..5).for_each(drop));
    let mut ends = Vec::new();
    for _ in 0..6 {
        house.wait(12 * 3_600);
        let calls = fake.calls();
        let counts = house.sync().await.unwrap();
        let listed = fake.calls_since(calls).iter().filter(|call| call.ends_with("/customer-ids")).count();
        ends.push((listed, counts.sum().ended));
        assert_eq!(counts.sum().read, 0, "nothing is read anew");
    }
    // Three pages, once a day; the second list without them ends them.
    assert_eq!(ends, [(0, 0), (3, 0), (0, 0), (3, 2), (0, 0), (3, 0)]);
    assert_eq!((ended(&house).as_str(), house.records()), ("2", 25));
    // Cut short it begins anew, and says nothing of who stood on its first pages.
    fake.with(|tee| tee.customers.truncate(20));
    house.wait(86_400);
    fake.break_calls(2, &[Break::Status(500); 6]);
    assert_eq!(word(house.sync().await), "vendor_error");
    house.wait(7_200);
    assert_eq!((house.sync().await.unwrap().sum().ended, ended(&house).as_str()), (0, "2"));
    house.wait(86_400);
    assert_eq!((house.sync().await.unwrap().sum().ended, ended(&house).as_str()), (3, "5"));
}

async fn a_list_that_names_no_id_ends_nobody(database: Database) {
    let (house, fake) = open(database, IDS).await;
    house.sync().await.unwrap();
    fake.with(|tee| {
        tee.customers.truncate(22);
        tee.customers[0]["id"] = json!(null);
    });
    for _ in 0..3 {
        house.wait(86_400);
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().ended, ended(&house).as_str()), (0, "0"), "{counts:?}");
        assert!(counts.left_out.keys().any(|reason| reason.contains("the list of ids")), "{counts:?}");
    }
}

async fn an_id_that_is_written_otherwise_in_the_list_is_the_same(database: Database) {
    let (house, fake) = open(database, IDS).await;
    // Composed as a record's, and taken apart in the list.
    fake.with(|tee| tee.customers[0]["id"] = json!("M\u{fc}ller"));
    house.sync().await.unwrap();
    fake.with(|tee| tee.customers[0]["id"] = json!("Mu\u{308}ller"));
    for _ in 0..3 {
        house.wait(86_400);
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().ended, ended(&house).as_str()), (0, "0"), "{counts:?}");
    }
    // One no record can have may be that of anybody.
    fake.with(|tee| {
        tee.customers.truncate(22);
        tee.customers[0]["id"] = json!("x".repeat(257));
    });
    for _ in 0..3 {
        house.wait(86_400);
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().ended, ended(&house).as_str()), (0, "0"), "{counts:?}");
        assert!(counts.left_out.keys().any(|reason| reason.contains("the list of ids")), "{counts:?}");
    }
}

#[test]
fn what_is_written_wrongly_is_named_with_what_to_write() {
    for (whole, right, wrong, told) in [
        (REPORT, "poll: {path: \"/reports/{report}\"}", "poll: {path: /reports}", "`poll` uses `{report}` nowhere"),
        (REPORT, "size: 10", "size: 0", "one at least"),
        (REPORT, "format: csv", "format: xml", "`json_lines`"),
        (REPORT, "format: csv", "format: tsv\n        delimiter: ;", "between columns of a `csv`"),
        (REPORT, "      incremental: {}", "      paging: {size: 1, token: .next}", "leave the pages out"),
        (REPORT, "      incremental: {}", "      request: {path: /customers}", "and not with both"),
        (
            IDS,
            "      request: {path: /customers, query: {limit: \"{limit}\", changed_since: \"{since}\", cursor: \"{token}\"}}\n",
            "",
            "say with `request` or with `report`",
        ),
        (IDS, "      incremental: {}", "      lists: customer", "leave one of them out"),
        (
            IDS,
            "        paging: {size: 10, token: .next}",
            "        paging: {size: 10, page: {first: 1}}",
            "uses `{page}` nowhere",
        ),
        (IDS, "of: customer", "of: customers", "customers"),
    ] {
        let text = whole.replace(right, wrong);
        assert_ne!(text, whole, "{right}");
        let error = catalog(&text).err().unwrap_or_else(|| panic!("{wrong}"));
        assert!(error.contains("teekontor/manifest.yaml:") && error.contains(told), "{wrong}: {error}");
    }
}
