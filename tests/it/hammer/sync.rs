//! Reading a whole shop, from its pages to durable records: how many a second, and how much memory it takes.
//!
//! The shop makes its pages when they are asked for, so that it holds nothing itself, and it keeps none of a shop's rules: the
//! fake the connector is tested with does. It runs in this process, beside the hub that reads it.

use std::process::Stdio;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::SystemClock;
use serde_json::{Value, json};

use super::{Stopwatch, figure, name, times};
use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::vendors::shopware::{customer, order};
use crate::vendors::{Answer, Call, Fake, Vendor};

in_a_house_on_both_databases!(a_whole_shop_is_read_in_bounded_memory);

/// Objects the connector asks for at once.
const PAGE: usize = 500;
/// Orders of each customer.
const ORDERS: usize = 3;
/// The most memory a process may take for a sync, however large the shop is.
const MOST_MIB: u64 = 300;

/// A shop too large to be kept in memory.
struct Warehouse {
    customers: usize,
}

impl Vendor for Warehouse {
    fn answer(&mut self, call: &Call) -> Answer {
        let part = |entity: &str| call.path == format!("/api/search/{entity}");
        if call.path == "/api/oauth/token" {
            return Answer::new(200, json!({"token_type": "Bearer", "expires_in": 600, "access_token": "t"}));
        }
        let number = |name: &str| usize::try_from(call.body[name].as_u64().unwrap_or(1)).unwrap();
        let (total, make): (usize, fn(usize) -> Value) = if part("customer") {
            (self.customers, customer_of)
        } else if part("order") {
            (self.customers * ORDERS, order_of)
        } else {
            (0, customer_of)
        };
        let start = (number("page") - 1) * number("limit");
        let data: Vec<Value> = (start..total.min(start + number("limit"))).map(make).collect();
        Answer::new(200, json!({"total": total, "data": data, "aggregations": []}))
    }
}

/// A customer of whom nobody else has the name and the street: whoever looks alike is compared, which is measured elsewhere.
fn customer_of(number: usize) -> Value {
    let mut made = customer(number);
    let (given, family, street) = names(number);
    (made["firstName"], made["lastName"]) = (json!(given), json!(family));
    let address = &mut made["addresses"][0];
    (address["firstName"], address["lastName"]) = (json!(given), json!(family));
    (address["street"], address["zipcode"]) = (json!(street), json!(format!("{:05}", 10_000 + number * 7 % 80_000)));
    made
}

/// The order number `number`: each customer has some, one after the other.
fn order_of(number: usize) -> Value {
    let (mut made, of) = (order(number), number / ORDERS);
    let (given, family, street) = names(of);
    made["orderCustomer"] = order(of)["orderCustomer"].take();
    (made["orderCustomer"]["firstName"], made["orderCustomer"]["lastName"]) = (json!(given), json!(family));
    let mut address = made["billingAddress"].take();
    (address["firstName"], address["lastName"]) = (json!(given), json!(family));
    (address["street"], address["zipcode"]) = (json!(street), json!(format!("{:05}", 10_000 + of * 7 % 80_000)));
    made["deliveries"][0]["shippingOrderAddress"] = address.clone();
    made["billingAddress"] = address;
    made
}

/// Given name, family name and street of a customer.
fn names(number: usize) -> (&'static str, String, String) {
    const GIVEN: [&str; 20] = [
        "Marlene", "Jonas", "Svea", "Arne", "Jördis", "Götz", "Änne", "Wiebke", "Hauke", "Maren", "Torben", "Silke",
        "Bernd", "Ulrike", "Dörte", "Henning", "Frauke", "Klaas", "Gesine", "Ole",
    ];
    const PARTS: [&str; 32] = [
        "bar", "ben", "bock", "dahl", "der", "feld", "gar", "grun", "hein", "hol", "jan", "kamp", "kel", "lang",
        "lein", "loh", "mar", "mey", "nau", "ost", "pohl", "rath", "rein", "san", "schwar", "stein", "tal", "ul",
        "vog", "wal", "weis", "zim",
    ];
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let part = |at: u32| PARTS[usize::try_from((mixed >> (5 * at)) & 31).unwrap()];
    let family = format!("{}{}{}{}", part(0), part(1), part(2), part(3));
    let street = format!("{}{}weg {}", part(4), part(5), number % 90 + 1);
    (GIVEN[number % GIVEN.len()], family[..1].to_uppercase() + &family[1..], street[..1].to_uppercase() + &street[1..])
}

fn a_whole_shop_is_read_in_bounded_memory(database: Database) {
    let customers = times("customers", 300, 100_000);
    let of = name(&database);
    let house = House::open_with(database, &["--log-filter=info"]);
    let shop = Fake::serve(Warehouse { customers }, Arc::new(SystemClock));
    let secret = house.home().join("secret.txt");
    std::fs::write(&secret, "secret-of-the-shop\n").unwrap();
    let (url, secret) = (format!("shop_url={}", shop.address()), format!("client_secret={}", secret.display()));
    let add =
        ["sources", "add", "shopware6", "--code", "shop", "--every", "0", "--set", &url, "--set", "client_id=SWIATEST"];
    let more =
        ["--secret-file", &secret, "--text-version", "newsletter_email=2026-01", "--allow-private-host", "127.0.0.1"];
    let added = house.run(&[&add[..], &more].concat());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));

    let watch = Stopwatch::start();
    let mut child = house.command(&["sources", "sync", "shop", "--quiet"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut peak, mut half) = (0, None);
    let status = loop {
        peak = peak.max(own_kib(child.id()).unwrap_or(0));
        if half.is_none() && shop.calls() * PAGE > customers * (1 + ORDERS) / 2 {
            half = Some(peak);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        sleep(Duration::from_millis(20));
    };
    let seconds = watch.passed().as_secs_f64();
    assert!(status.success());
    let records = customers * (1 + ORDERS);
    assert_eq!(house.database().count(Shelf::Records, "record"), i64::try_from(records).unwrap());
    #[expect(clippy::cast_precision_loss, reason = "a rate is no more exact than that")]
    let rate = records as f64 / seconds;
    figure("sync", of, "records read from a shop, a second", format!("{rate:.0} ({records} in {seconds:.0} s)"));
    figure("sync", of, "peak memory of the process that reads (its own, without mapped files), MiB", peak / 1_024);
    figure("sync", of, "the same when half was read, MiB", half.unwrap_or(peak) / 1_024);
    assert!(peak > 0 && peak / 1_024 <= MOST_MIB, "{} MiB", peak / 1_024);
    // Nothing was asked for twice, and no more than a token besides.
    assert!(shop.calls() < customers.div_ceil(PAGE) + (customers * ORDERS).div_ceil(PAGE) + 10, "{}", shop.calls());
}

/// The memory a process has for itself now, in KiB; none if it is gone. The pages of the embedded database's file that are
/// mapped are not among it: they are the system's cache, which takes them back when it needs the room.
fn own_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}
