//! How requests are written: times in other forms, a parameter that stands there several times, and a token that stands for the
//! others.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::house::{House, SHOP, brought};
use crate::connect::Catalog;
use crate::databases::{Database, on_both_databases};
use crate::types::Timestamp;
use crate::vendors::{Answer, Call, Fake, Vendor};

on_both_databases!(
    a_vendor_is_asked_as_it_wants_to_be_asked,
    a_key_in_the_query_is_sent_and_never_told,
    no_more_calls_are_under_way_than_the_vendor_allows,
);

const MANIFEST: &str = r#"
name: picky
title: Picky
docs: Customers by a header, orders by a token.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters: {url: {title: Address, kind: url}}
  base_url: "{url}"
  hosts: ["{url}"]
  test: {request: {path: /customers}}
streams:
  customers:
    detect: has("customers")
    objects: .customers[]
    records: '{type: "customer", external_id: (.id | text), updated_at: .at, identifiers: [{kind: "account", value: (.id | text)}], data: {}}'
    pull:
      request: {path: /customers, headers: {If-Modified-Since: "{since}"}}
      incremental: {format: http_date, overlap_seconds: 0}
    fields: {identity: [identifiers.account]}
  orders:
    detect: has("orders")
    objects: .orders[]
    records: |
      {type: "order", external_id: (.id | text), updated_at: .at, identifiers: [{kind: "account", value: "1"}],
       data: {number: (.id | text), ordered_at: .at, status: "open", currency: "EUR", total: 1, channel: (.labels | join(" "))}}
    pull:
      request:
        path: /orders
        query: {status: [open, paid], where: "Changed >= {since}", limit: "{limit}", cursor: "{token}"}
      paging: {size: 2, token: .next, token_alone: true}
      incremental: {format: ms_date, start_days: 30}
      enrich: [{as: labels, values: {label: .labels}, request: {path: /labels, query: {id: "{label}"}}, take: .names}]
    fields: {identity: [identifiers.account], commerce: [data.number, data.ordered_at, data.status, data.currency, data.total, data.channel]}
"#;

/// Whom it knows, and since when.
struct Picky {
    customers: Vec<(u32, &'static str)>,
    orders: u32,
    asked: Vec<String>,
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

impl Vendor for Picky {
    fn answer(&mut self, call: &Call) -> Answer {
        let wrong = |why: &str| Answer::new(400, json!({"error": why}));
        match call.path.as_str() {
            "/customers" => {
                let since = call.header("if-modified-since");
                self.asked.push(since.to_owned());
                let since = match since {
                    "" => Timestamp::UNSET,
                    text => match jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text) {
                        Ok(time) => instant(&format!("{}Z", time.to_datetime().unwrap())),
                        Err(_) => return wrong("if-modified-since"),
                    },
                };
                let found: Vec<_> = self.customers.iter().filter(|(_, at)| instant(at) > since).collect();
                if found.is_empty() {
                    return Answer::new(304, Value::Null);
                }
                let all: Vec<Value> = found.iter().map(|(id, at)| json!({"id": id, "at": at})).collect();
                Answer::new(200, json!({"customers": all}))
            }
            "/orders" => {
                let names: Vec<&str> = call.pairs.iter().map(|(name, _)| name.as_str()).collect();
                let start = match call.query.get("cursor") {
                    // The token stands for whatever the first page was asked with.
                    Some(_) if names != ["cursor", "limit"] => return wrong("cursor"),
                    Some(cursor) => cursor.parse::<u32>().unwrap(),
                    None => {
                        let statuses = call.pairs.iter().filter(|(name, _)| name == "status");
                        let statuses: Vec<&str> = statuses.map(|(_, value)| value.as_str()).collect();
                        let since = call.query["where"].strip_prefix("Changed >= /Date(");
                        let since = since.and_then(|rest| rest.strip_suffix(")/")?.parse::<i64>().ok());
                        if statuses != ["open", "paid"] || since.is_none_or(|since| since * 1_000 > call.now) {
                            return wrong("status or where");
                        }
                        0
                    }
                };
                let end = (start + 2).min(self.orders);
                let next = (end < self.orders).then(|| end.to_string());
                let order = |id| json!({"id": id, "at": "2026-11-01T08:00:00Z", "labels": [id, id + 100]});
                Answer::new(200, json!({"orders": (start..end).map(order).collect::<Vec<_>>(), "next": next}))
            }
            _ => {
                let named = call.pairs.iter().filter(|(name, _)| name == "id");
                Answer::new(200, json!({"names": named.map(|(_, id)| format!("label{id}")).collect::<Vec<_>>()}))
            }
        }
    }
}

async fn a_vendor_is_asked_as_it_wants_to_be_asked(database: Database) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("picky")).unwrap();
    std::fs::write(directory.path().join("picky/manifest.yaml"), MANIFEST).unwrap();
    let house = House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await;
    let customers = vec![(1, "2026-11-20T08:00:00Z"), (2, "2026-11-20T09:00:00Z")];
    let fake = Fake::serve(Picky { customers, orders: 5, asked: Vec::new() }, house.clock.clone());
    house.connect("picky", &[("url", fake.address())], &[]).await;
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [7, 0, 0, 0, 0], "{counts:?}");
    // Nothing changed: that is an answer, and the next time is asked for as the vendor's clock stands.
    house.clock.set("2026-11-22T12:00:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["customers"].read, counts.streams["customers"].complete), (0, true), "{counts:?}");
    fake.with(|picky| picky.customers.push((3, "2026-11-22T13:00:00Z")));
    house.clock.set("2026-11-23T12:00:00Z");
    assert_eq!(house.sync().await.unwrap().streams["customers"].created, 1);
    let asked = ["", "Sat, 21 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT"];
    assert_eq!(fake.with(|picky| picky.asked.clone()), asked);
    // Who was not asked what changed and says 304 is broken.
    fake.break_calls(0, &[crate::vendors::Break::Status(304); 8]);
    assert!(house.syncs.run(SHOP, true, |_| {}).await.is_err());
}

/// Wants a key and a user in each query.
struct Keyed;

impl Vendor for Keyed {
    fn answer(&mut self, call: &Call) -> Answer {
        let said = |name: &str| call.query.get(name).map(String::as_str);
        if said("key") != Some("k&y=1 +ü")
            || said("user") != Some("erika")
            || call.headers.contains_key("authorization")
        {
            return Answer::new(401, json!({"error": "key"}));
        }
        let page = call.number("page").unwrap_or(1);
        // The address of the next page holds no key.
        let next = (page < 3).then(|| format!("http://{}/customers?page={}", call.header("host"), page + 1));
        Answer::new(200, json!({"customers": [{"id": page, "at": "2026-11-20T08:00:00Z"}], "next": next}))
    }
}

async fn opened(database: Database, changed: &[(&str, &str)]) -> House {
    let (begin, _) = MANIFEST.split_once("  orders:\n").unwrap();
    let manifest = changed.iter().fold(begin.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("picky")).unwrap();
    std::fs::write(directory.path().join("picky/manifest.yaml"), manifest).unwrap();
    House::open_with(database, Arc::new(Catalog::read(directory.path()).unwrap())).await
}

async fn a_key_in_the_query_is_sent_and_never_told(database: Database) {
    let parameters = "{url: {title: Address, kind: url}, key: {title: Key, kind: secret}, user: {title: User}}\n  auth: {query: {key: \"{key}\", user: \"{user}\"}}";
    let paged = "request: {path: /customers}\n      paging: {size: 1, next_url: .next}";
    let house = opened(
        database,
        &[
            ("{url: {title: Address, kind: url}}", parameters),
            ("request: {path: /customers, headers: {If-Modified-Since: \"{since}\"}}", paged),
            ("      incremental: {format: http_date, overlap_seconds: 0}\n", ""),
        ],
    )
    .await;
    let fake = Fake::serve(Keyed, house.clock.clone());
    house.connect("picky", &[("url", fake.address()), ("key", "k&y=1 +ü"), ("user", "erika")], &[]).await;
    assert_eq!(brought(&house.sync().await.unwrap()), [3, 0, 0, 0, 0]);
    // A failure names neither.
    house.set(&[("key", "another-key")]).await;
    let Err(error) = house.sync().await else { panic!("it must fail") };
    let told = format!("{error} {error:?}");
    assert!(
        told.contains("refuses the credentials") && !told.contains("another-key") && !told.contains("erika"),
        "{told}"
    );
    house.wait(3_600);
    house.set(&[("url", "http://127.0.0.1:1")]).await;
    let Err(error) = house.sync().await else { panic!("it must fail") };
    let told = format!("{error} {error:?}");
    assert!(told.contains("cannot be reached") && !told.contains("another-key"), "{told}");
    assert!(!house.database.dump().join("\n").contains("another-key"));
}

/// Answers each call after a while, and says how many were under way at once at most.
fn crowd() -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (most, under_way) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let told = most.clone();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let (most, under_way) = (most.clone(), under_way.clone());
            std::thread::spawn(move || {
                let mut sent = [0; 4096];
                let _ = caller.read(&mut sent);
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(150));
                under_way.fetch_sub(1, Ordering::SeqCst);
                let reply = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _ = caller.write_all(reply.as_bytes());
            });
        }
    });
    (address, told)
}

async fn no_more_calls_are_under_way_than_the_vendor_allows(database: Database) {
    let house = opened(database, &[("  test: {request", "  at_once: 2\n  test: {request")]).await;
    let (address, most) = crowd();
    house.connect("picky", &[("url", &address)], &[]).await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(house.syncs.vendors.session(SHOP).await.unwrap());
    }
    let tried = futures_util::future::join_all(sessions.iter().map(crate::connect::Session::test)).await;
    assert!(tried.iter().all(Result::is_ok), "{tried:?}");
    assert_eq!(most.load(Ordering::SeqCst), 2, "all conversations of a source together");
}

#[test]
fn what_is_written_wrongly_is_named_with_what_to_write() {
    for (right, wrong, told) in [
        ("token: .next, token_alone: true", "offset: true, token_alone: true", "name `token` or `token_header`"),
        ("format: ms_date", "format: msdate", "`ms_date`"),
        ("status: [open, paid]", "status: {a: b}", "or a list of texts"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("picky")).unwrap();
        std::fs::write(directory.path().join("picky/manifest.yaml"), MANIFEST.replace(right, wrong)).unwrap();
        let error = Catalog::read(directory.path()).err().unwrap().to_string();
        assert!(error.contains("picky/manifest.yaml:") && error.contains(told), "{error}");
    }
}
