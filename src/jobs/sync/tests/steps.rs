//! What a step of an erasure can say: what it goes through first, what is too young to go, and a key for each act.

use std::sync::Arc;

use super::house::{House, SHOP};
use crate::connect::{Catalog, Erasure, Leaves, Person};
use crate::databases::{Database, on_both_databases};
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Answer, Break, Call, Fake, Vendor};

on_both_databases!(
    what_is_too_young_stays_until_its_day,
    what_was_found_is_gone_through_for_what_is_found_by_it,
    an_act_has_one_key_for_all_its_tries_and_no_other_act_has_it,
    what_is_carried_out_by_a_job_is_waited_for,
    a_later_page_that_is_not_there_is_not_nothing,
    what_nobody_can_judge_is_not_nobodys,
);

const MANIFEST: &str = r#"
name: teekontor
title: Teekontor
docs: Orders of the interface v2.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters: {shop_url: {title: Address, kind: url}, api_token: {title: Token, kind: secret}}
  base_url: "{shop_url}/v2"
  hosts: ["{shop_url}"]
  auth: {headers: {Authorization: "Token {api_token}"}}
  limits: [{calls: 60, seconds: 60}]
  test: {request: {path: /customers, query: {limit: "1"}}}
streams: {}
erase:
  note: Deletes orders thirty days after they were placed, as the shop allows.
  steps:
    - name: orders
      leaves: deleted
      by: email
      for_each:
        - lookup: {path: /customers, query: {email: "{email}"}}
          objects: .items[]
          match: (.found.mail | ascii_downcase) == .who.email
          values: {customer: .id}
      lookup: {path: /orders, query: {customer: "{customer}"}}
      objects: .items[]
      match: "true"
      next_url: .next
      older_than: {days: 30, since: .placed}
      act: [{method: DELETE, path: "/orders/{id}", idempotency_key: Idempotency-Key}]
"#;

const BY_JOB: &str = r#"
    - name: customers
      leaves: deleted
      by: email
      lookup: {path: /customers, query: {email: "{email}"}}
      objects: .items[]
      match: (.found.mail | ascii_downcase) == .who.email
      act: [{method: POST, path: "/customers/{id}/forget"}]
      job: {id: .job, request: {path: "/jobs/{job}"}, done: .state == "done", failed: .state == "failed"}
"#;

/// A shop of ten customers, and orders of some: number, customer and time.
async fn open(database: Database, orders: &[(u64, u64, &str)]) -> (House, Fake<Teekontor>) {
    open_with(database, orders, MANIFEST).await
}

async fn open_with(database: Database, orders: &[(u64, u64, &str)], manifest: &str) -> (House, Fake<Teekontor>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), manifest).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let mut tee = Teekontor::with_people(10, 10);
    tee.orders.all = orders.iter().map(|(id, customer, at)| (*id, *customer, (*at).to_owned())).collect();
    let fake = Fake::serve(tee, house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    (house, fake)
}

async fn erase(house: &House, number: usize) -> Erasure {
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let person = Person { email: Some(format!("KUNDE{number}@example.org")), ..Person::default() };
    session.connector().clone().erase().unwrap().run(&session, &person).await
}

fn orders(fake: &Fake<Teekontor>) -> Vec<u64> {
    fake.with(|tee| tee.orders.all.iter().map(|(id, ..)| *id).collect())
}

async fn what_is_too_young_stays_until_its_day(database: Database) {
    let young = "2026-11-10T08:00:00Z";
    let all = [(1, 43, young), (2, 43, young), (3, 43, "2026-10-01T08:00:00Z"), (4, 43, "2026-11-12T08:00:00Z")];
    let (house, fake) = open(database, &all).await;
    let report = erase(&house, 3).await;
    // The old one stands on the second page.
    assert_eq!(orders(&fake), [1, 2, 4]);
    let step = &report.steps[0];
    assert_eq!((step.found, step.kept, step.verified, step.failure.as_ref()), (4, 3, Some(true), None), "{report:?}");
    assert_eq!((report.leaves, step.kept_until.as_deref()), (Some(Leaves::Restricted), Some("2026-12-12")));
    // Nothing of it is old enough: nothing is done, and nothing of it counts as verified.
    let report = erase(&house, 3).await;
    assert_eq!((report.steps[0].found, report.steps[0].kept, report.steps[0].verified), (3, 3, None), "{report:?}");
    house.clock.set("2026-12-12T08:00:00Z");
    let report = erase(&house, 3).await;
    assert_eq!((report.leaves, report.steps[0].kept), (Some(Leaves::Deleted), 0), "{report:?}");
    assert_eq!(orders(&fake), Vec::<u64>::new());
    assert_eq!(erase(&house, 3).await.leaves, None);
}

async fn what_was_found_is_gone_through_for_what_is_found_by_it(database: Database) {
    let old = "2026-01-10T08:00:00Z";
    let all: Vec<_> = (0..10).map(|id| (id, if id % 2 == 0 { 44 } else { 45 }, old)).collect();
    let (house, fake) = open(database, &all).await;
    // Two accounts with one address, and two orders that are called alike.
    fake.with(|tee| {
        tee.customers[6]["mail"] = "Kunde4@example.org".into();
        tee.orders.all.extend([(20, 46, old.to_owned()), (21, 46, "no time at all".to_owned())]);
    });
    let report = erase(&house, 4).await;
    assert_eq!(orders(&fake), [1, 3, 5, 7, 9, 21], "{report:?}");
    assert_eq!((report.steps[0].found, report.steps[0].kept, &report.steps[0].kept_until), (7, 1, &None), "{report:?}");
    assert_eq!((report.leaves, report.steps[0].verified), (Some(Leaves::Restricted), Some(true)), "{report:?}");
    // Nobody by that address: nothing is looked for in them.
    let calls = fake.calls();
    assert_eq!(erase(&house, 99).await.leaves, None);
    assert_eq!(fake.calls_since(calls), ["GET /v2/customers"]);
}

async fn an_act_has_one_key_for_all_its_tries_and_no_other_act_has_it(database: Database) {
    let old = "2026-01-10T08:00:00Z";
    let (house, fake) = open(database, &[(1, 43, old), (2, 43, old)]).await;
    // The customer, their orders, and the answer of the first act is lost on its way: the order is gone by then.
    fake.break_calls(2, &[Break::HangUp, Break::Status(502), Break::Throttle(Some("2"))]);
    let report = erase(&house, 3).await;
    assert_eq!((report.steps[0].failure.as_ref(), report.leaves), (None, Some(Leaves::Deleted)), "{report:?}");
    assert_eq!(orders(&fake), Vec::<u64>::new());
    let keys = fake.with(|tee| tee.orders.keys.clone());
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys[0] == keys[1] && keys[1] != keys[2], "{keys:?}");
}

async fn what_is_carried_out_by_a_job_is_waited_for(database: Database) {
    let steps = MANIFEST.split_once("    - name: orders").unwrap().0;
    let (house, fake) = open_with(database, &[], &format!("{}{BY_JOB}", steps.trim_end())).await;
    let calls = fake.calls();
    let report = erase(&house, 3).await;
    let step = &report.steps[0];
    assert_eq!((step.found, step.leaves, step.verified), (1, Some(Leaves::Deleted), Some(true)), "{report:?}");
    let made = fake.calls_since(calls);
    let expected =
        ["GET /v2/customers", "POST /v2/customers/43/forget", "GET /v2/jobs/1", "GET /v2/jobs/1", "GET /v2/jobs/1"];
    assert_eq!(made[..5], expected, "it is not looked for before it is done");
    assert_eq!((made.len(), house.waited()), (6, 6));
    // One that fails is left to somebody, and to the next time.
    fake.with(|tee| tee.forgets_nobody = true);
    let report = erase(&house, 4).await;
    assert_eq!((report.leaves, report.steps[0].verified), (Some(Leaves::ManualTask), None), "{report:?}");
    assert!(report.steps[0].failure.as_ref().unwrap().contains("took it in"), "{report:?}");
}

/// Orders of one person on two pages.
struct Pages {
    /// Is the second one there?
    whole: bool,
    deleted: usize,
}

impl Vendor for Pages {
    fn answer(&mut self, call: &Call) -> Answer {
        let page = |items, next| Answer::new(200, serde_json::json!({"items": items, "next": next}));
        match (call.path.ends_with("/orders"), call.query.contains_key("page")) {
            (false, _) => {
                self.deleted += 1;
                Answer::new(200, serde_json::json!({}))
            }
            _ if call.path.to_lowercase().contains("kunde9") => {
                Answer::new(404, serde_json::json!({"error": "unknown"}))
            }
            _ if self.deleted > 0 => page(serde_json::json!([]), None),
            (true, false) => page(serde_json::json!([{"id": 1}]), Some("/v2/people/x/orders?page=2")),
            (true, true) if self.whole => page(serde_json::json!([{"id": 2}]), None),
            (true, true) => Answer::new(404, serde_json::json!({"error": "page"})),
        }
    }
}

async fn a_later_page_that_is_not_there_is_not_nothing(database: Database) {
    let begin = MANIFEST.split_once("    - name: orders").unwrap().0;
    let step = r#"
    - name: orders
      leaves: deleted
      by: email
      lookup: {path: "/people/{email}/orders"}
      objects: .items[]
      match: "true"
      next_url: .next
      act: [{method: DELETE, path: "/orders/{id}"}]
"#;
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), format!("{}{step}", begin.trim_end())).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let fake = Fake::serve(Pages { whole: false, deleted: 0 }, house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "a-token-of-tee")], &[]).await;
    let report = erase(&house, 3).await;
    let told = &report.steps[0];
    assert_eq!((report.leaves, told.verified), (Some(Leaves::ManualTask), None), "{report:?}");
    assert!(told.failure.as_ref().is_some_and(|failure| failure.contains("404")), "{report:?}");
    fake.with(|pages| pages.whole = true);
    let report = erase(&house, 3).await;
    assert_eq!((report.leaves, report.steps[0].found), (Some(Leaves::Deleted), 2), "{report:?}");
    // Who is not known at all is not known.
    let report = erase(&house, 9).await;
    assert_eq!((report.leaves, report.steps[0].failure.as_ref()), (None, None), "{report:?}");
}

/// A predicate that does not fit what the vendor shows says nothing of whose it is.
async fn what_nobody_can_judge_is_not_nobodys(database: Database) {
    let good = "(.found.mail | ascii_downcase) == .who.email";
    // Inside of `any` there is no `.who`: a slip that is easily made.
    let slip = "any(.found.mail; ascii_downcase == .who.email)";
    assert!(MANIFEST.contains(good));
    let (house, fake) = open_with(database, &[(1, 43, "2026-01-10T08:00:00Z")], &MANIFEST.replace(good, slip)).await;
    let report = erase(&house, 3).await;
    let step = &report.steps[0];
    assert_eq!((step.found, report.leaves), (0, Some(Leaves::ManualTask)), "{report:?}");
    assert!(step.failure.as_ref().unwrap().contains("match"), "{report:?}");
    assert_eq!(orders(&fake), [1]);
    // Where nobody is found there is nothing to judge.
    let report = erase(&house, 99).await;
    assert_eq!((report.leaves, report.steps[0].failure.as_ref()), (None, None), "{report:?}");
}

#[test]
fn one_page_with_what_is_too_young_is_enough_where_the_manifest_says_so() {
    let text =
        MANIFEST.replace("      next_url: .next\n", "").replace("since: .placed}", "since: .placed, whole: true}");
    assert!(text.contains("whole: true") && !text.contains("next_url"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), text).unwrap();
    assert!(Catalog::read(directory.path()).is_ok());
}

#[test]
fn what_is_written_wrongly_is_named_with_what_to_write() {
    for (right, wrong, told) in [
        ("          match: (.found.mail | ascii_downcase) == .who.email\n", "", "say with `match` whether"),
        ("days: 30", "days: 0", "everything is older than no day"),
        ("      next_url: .next\n", "", "say with `whole: true`"),
        (
            "      act: [{method: DELETE, path: \"/orders/{id}\", idempotency_key: Idempotency-Key}]\n",
            "",
            "write `leaves: manual_task`",
        ),
        (
            "      lookup: {path: /orders, query: {customer: \"{customer}\"}}\n",
            "      later: true\n      expect: .ok\n",
            "it is about what a `lookup` finds",
        ),
        ("idempotency_key: Idempotency-Key", "idempotency_key: \"a key\"", "no name of a header"),
        ("method: DELETE, path: \"/orders/{id}\"", "path: \"/orders/{id}\"", "leave the key out"),
        ("\"{customer}\"", "\"{custom}\"", "`{custom}` stands for nothing here"),
    ] {
        let text = MANIFEST.replace(right, wrong);
        assert_ne!(text, MANIFEST, "{wrong}");
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("teekontor")).unwrap();
        std::fs::write(directory.path().join("teekontor/manifest.yaml"), text).unwrap();
        let error = Catalog::read(directory.path()).err().unwrap().to_string();
        assert!(error.contains("teekontor/manifest.yaml:") && error.contains(told), "{error}");
    }
}
