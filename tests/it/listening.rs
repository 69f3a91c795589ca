//! `obhut sources listen`: subscribed at the vendor by itself, once, and told by it, against fakes that really call the hub.

use std::process::{Output, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::{Clock as _, Role, SystemClock};
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases, moment};
use crate::vendors::billbee::Account;
use crate::vendors::hooks::Delivery;
use crate::vendors::lexware::Books;
use crate::vendors::shopware::Shop as Shopware;
use crate::vendors::woocommerce::Store;
use crate::vendors::{Fake, Vendor, lexware, shopify, woocommerce};

in_a_house_on_both_databases!(
    shopify_is_subscribed_once_and_tells_by_itself,
    woocommerce_tries_the_address_and_signs_with_a_secret_the_hub_made,
    shopware_tells_at_an_address_that_is_a_secret,
    billbee_tries_the_address_and_is_heard_once,
    lexware_is_subscribed_for_each_of_its_events,
    what_was_subscribed_before_a_kill_is_found,
    the_interface_subscribes_too,
);

fn text(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    let err: Vec<&str> = err.lines().filter(|line| !line.starts_with('{')).collect();
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), err.join("\n"))
}

/// Waits until it is so; what the hub does by itself takes seconds.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let done = (0..400).any(|_| {
        sleep(Duration::from_millis(100));
        is_so()
    });
    assert!(done, "{what}");
}

/// Connects a vendor under the code `shop`, to be read when it says so.
fn add<V: Vendor>(house: &House, fake: &Fake<V>, connector: &str, secrets: &[(&str, &str)], more: &[&str]) {
    let files = secrets.iter().map(|(name, secret)| {
        let file = house.home().join(format!("{name}.txt"));
        std::fs::write(&file, secret).unwrap();
        format!("{name}={}", file.display())
    });
    let mut arguments: Vec<String> =
        ["sources", "add", connector, "--code", "shop", "--every", "0"].map(str::to_owned).to_vec();
    files.for_each(|file| arguments.extend(["--secret-file".to_owned(), file]));
    arguments.extend(["--allow-private-host".to_owned(), "127.0.0.1".to_owned()]);
    arguments.extend(more.iter().map(|more| more.replace("{fake}", fake.address())));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let added = house.run(&arguments);
    assert!(added.status.success() && text(&added).contains("sources listen shop"), "{}", text(&added));
    soon("the hub does not know the source", || house.get(Role::Dpo, "/v1/sources/shop/syncs").status == 200);
}

fn listen(house: &House, more: &[&str]) -> Output {
    let address = house.address();
    house.run(&[&["sources", "listen", "shop", "--public-url", &address][..], more].concat())
}

#[track_caller]
fn came(output: &Output, kept: usize, made: usize, ended: usize) {
    let wanted = format!("{kept} subscriptions were there, {made} made, {ended} ended");
    assert!(text(output).contains(&wanted), "{wanted}: {}", text(output));
}

fn records(house: &House) -> i64 {
    house.database().count(Shelf::Records, "record")
}

/// How many syncs came to their end.
fn synced(house: &House) -> usize {
    syncs(house, |state| state == "done")
}

/// How many syncs began.
fn begun(house: &House) -> usize {
    syncs(house, |_| true)
}

fn syncs(house: &House, is: impl Fn(&Value) -> bool) -> usize {
    let shown = house.get(Role::Dpo, "/v1/sources/shop/syncs").expect(200).json();
    shown["syncs"].as_array().unwrap().iter().filter(|sync| is(&sync["state"])).count()
}

/// What is heard under another proof, or of another body, is not heard.
#[track_caller]
fn forged(delivery: &Delivery, header: &str) {
    let other = Delivery { body: delivery.body.replacen('1', "2", 1), ..delivery.clone() };
    assert_eq!(other.send().0, 401, "another body");
    for wrong in ["", "AAAA", "00"] {
        assert_eq!(delivery.clone().with(header, wrong).send().0, 401, "{wrong}");
    }
}

fn shopify(house: &House) -> Fake<shopify::Shop> {
    let fake = Fake::serve(shopify::Shop::with_people(3, 250), Arc::new(SystemClock));
    let via = [
        "--set",
        "shop=teeladen",
        "--via",
        "https://teeladen.myshopify.com={fake}",
        "--text-version",
        "newsletter_email=2026-01",
    ];
    add(house, &fake, "shopify", &[("access_token", "shpat_0123456789")], &via);
    fake
}

fn enter_secret(house: &House, name: &str, secret: &str) {
    let file = house.home().join("hook.txt");
    std::fs::write(&file, secret).unwrap();
    let secret = format!("{name}={}", file.display());
    let set = house.run(&["sources", "set", "shop", "--secret-file", &secret]);
    assert!(set.status.success(), "{}", text(&set));
}

fn shopify_is_subscribed_once_and_tells_by_itself(database: Database) {
    let mut house = House::open(database);
    house.keep_secret(shopify::SECRET);
    let shop = shopify(&house);
    // What the vendor signs with is the app's.
    let refused = listen(&house, &[]);
    assert!(
        refused.status.code() == Some(1) && text(&refused).contains("enter webhook_secret first"),
        "{}",
        text(&refused)
    );
    assert!(text(&refused).contains("API secret key of the app"), "{}", text(&refused));
    enter_secret(&house, "webhook_secret", shopify::SECRET);
    let nowhere = house.run(&["sources", "listen", "shop"]);
    assert!(nowhere.status.code() == Some(1) && text(&nowhere).contains("--public-url"), "{}", text(&nowhere));
    for wrong in ["http://hub.example", "hub.example", "https://hub.example/?a=b", "ftp://hub.example"] {
        let wrong = house.run(&["sources", "listen", "shop", "--public-url", wrong]);
        assert!(!wrong.status.success() && text(&wrong).contains("public_url"), "{}", text(&wrong));
    }
    came(&listen(&house, &[]), 0, 7, 0);
    came(&listen(&house, &[]), 7, 0, 0);
    // Shopify removed one; somebody else's stays.
    shop.with(|shop| {
        shop.hooks.remove(1);
        shop.hooks.push((1, "orders/create".to_owned(), "https://crm.example/hook".to_owned()));
    });
    came(&listen(&house, &[]), 6, 1, 0);

    let customer = shopify::customer(1);
    let told = shop.with(|shop| shop.tell("orders/updated", &shopify::order(1), &moment(0)));
    assert_eq!(told.len(), 1);
    forged(&told[0], "x-shopify-hmac-sha256");
    assert_eq!(records(&house), 0);
    for _ in 0..3 {
        assert_eq!(told[0].send().0, 200);
    }
    // The same body under another number is heard no second time.
    assert_eq!(told[0].clone().with("x-shopify-webhook-id", "another").send().0, 200);
    assert_eq!((records(&house), house.audited("ingested")), (1, 1));
    let old = told[0].clone().with("x-shopify-triggered-at", moment(-73 * 3_600)).with("x-shopify-webhook-id", "old");
    assert_eq!(old.send().0, 400);

    // Whom the hub had it erase the shop redacts, and tells every app: that is no demand of anybody.
    let asked = house.post(Role::Dpo, "/v1/sources/shop/erasures", &json!({"email": customer["email"]}));
    assert_eq!(asked.status, 200, "{}", asked.text());
    let eleven_days = SystemClock.now().plus_days(11).micros();
    shop.with(|shop| shop.carry_out(eleven_days));
    let redacted = shop.with(|shop| shop.tell_redacted(&told[0].address, &moment(0)));
    assert_eq!((redacted.len(), redacted[0].send().0), (1, 200));
    let requests = house.get(Role::Dpo, "/v1/requests").expect(200).json();
    assert_eq!(requests["requests"], json!([]));

    // What it tells of a customer lacks their consents: nothing of it is taken in, and they are read.
    let hint = shop.with(|shop| shop.tell("customers/create", &shopify::customer(2), &moment(0)));
    assert_eq!((hint.len(), synced(&house)), (1, 0));
    assert_eq!(hint[0].send().0, 200);
    soon("whoever is told of in part is not read", || synced(&house) == 1 && records(&house) >= 4);

    // A shop that tells is not left for another one.
    let elsewhere = house.run(&["sources", "set", "shop", "--set", "shop=another", "--untested"]);
    assert!(elsewhere.status.code() == Some(1) && text(&elsewhere).contains("listen --stop"), "{}", text(&elsewhere));
    // Under another address what was subscribed ends.
    let moved = house.run(&["sources", "listen", "shop", "--public-url", "https://hub.example/"]);
    came(&moved, 0, 7, 7);
    let addresses = || shop.with(|shop| shop.hooks.iter().map(|(_, _, address)| address.clone()).collect::<Vec<_>>());
    let ours = addresses().into_iter().filter(|one| one == "https://hub.example/v1/sources/shop/webhooks").count();
    assert_eq!(ours, 7, "{:?}", addresses());
    // A vendor that does not let go keeps the source from being forgotten, unless it is meant.
    shop.with(|shop| shop.token_is_valid = false);
    let refused = house.run(&["sources", "remove", "shop"]);
    assert!(refused.status.code() == Some(1) && text(&refused).contains("--anyway"), "{}", text(&refused));
    shop.with(|shop| shop.token_is_valid = true);
    let removed = house.run(&["sources", "remove", "shop"]);
    assert!(
        removed.status.success() && text(&removed).contains("7 subscriptions at its vendor were ended"),
        "{}",
        text(&removed)
    );
    assert_eq!(addresses(), ["https://crm.example/hook"]);
}

fn woocommerce(house: &House) -> Fake<Store> {
    let fake = Fake::serve(Store::with_people(3, 100), Arc::new(SystemClock));
    let more = ["--set", "store_url={fake}", "--set", "consumer_key=ck_0a1b2c3d4e5f"];
    add(house, &fake, "woocommerce", &[("consumer_secret", "cs_0a1b2c3d4e5f")], &more);
    fake
}

fn woocommerce_tries_the_address_and_signs_with_a_secret_the_hub_made(database: Database) {
    let mut house = House::open(database);
    let store = woocommerce(&house);
    // Without a secret nothing is heard.
    let path = format!("{}/v1/sources/shop/webhooks", house.address());
    assert_eq!(Delivery::form(&path, &[("webhook_id", "7")]).send().0, 404);
    came(&listen(&house, &[]), 0, 5, 0);
    let secret = |at: usize| store.with(|store| store.hooks[at]["secret"].as_str().unwrap().to_owned());
    let first = secret(0);
    house.keep_secret(&first);
    assert!(first.len() == 40 && (1..5).all(|at| secret(at) == first), "one secret for all");
    let customer = woocommerce::customer(1);
    let told = store.with(|store| store.tell("customer.created", &customer, "d1"));
    forged(&told[0], "x-wc-webhook-signature");
    assert_eq!(told[0].send().0, 200);
    assert_eq!(told[0].send().0, 200);
    assert_eq!((records(&house), house.audited("ingested")), (1, 1));
    // After five failures the shop turns one off; there is a second one of another.
    store.with(|store| {
        store.hooks[2]["status"] = json!("disabled");
        let twice = store.hooks[0].clone();
        store.hooks.push(twice);
    });
    came(&listen(&house, &[]), 4, 1, 2);
    assert!(store.with(|store| store.hooks.len() == 5 && store.hooks.iter().all(|hook| hook["status"] == "active")));
    // Credentials that are entered anew forget nothing of it.
    add(
        &house,
        &store,
        "woocommerce",
        &[("consumer_secret", "cs_0a1b2c3d4e5f")],
        &["--set", "store_url={fake}", "--set", "consumer_key=ck_0a1b2c3d4e5f"],
    );
    came(&listen(&house, &[]), 5, 0, 0);
    // Anew, under another secret: what was signed with the one before is not heard any more.
    came(&listen(&house, &["--anew"]), 0, 5, 5);
    house.keep_secret(&secret(0));
    assert!(secret(0) != first && secret(4) == secret(0));
    assert_eq!(told[0].clone().with("x-wc-webhook-delivery-id", "d2").send().0, 401);
    let order = store.with(|store| store.orders[0].clone());
    let told = store.with(|store| store.tell("order.created", &order, "d3"));
    assert_eq!(told[0].send().0, 200);
    assert_eq!(records(&house), 2);
    // Who is deleted there ends here; the order stays.
    let gone = json!({"id": customer["id"]});
    let told_gone = store.with(|store| store.tell("customer.deleted", &gone, "d4"));
    forged(&told_gone[0], "x-wc-webhook-signature");
    assert_eq!(house.audited("expired"), 0);
    for _ in 0..2 {
        assert_eq!((told_gone[0].send().0, house.audited("expired")), (200, 1));
    }
    let stopped = listen(&house, &["--stop"]);
    assert!(text(&stopped).contains("5 subscriptions were ended"), "{}", text(&stopped));
    assert!(store.with(|store| store.hooks.is_empty()));
    assert_eq!(told[0].send().0, 404, "nothing is heard any more");
    assert!(text(&listen(&house, &["--stop"])).contains("0 subscriptions were ended"));
}

fn billbee_tries_the_address_and_is_heard_once(database: Database) {
    let mut house = House::open(database);
    let billbee = Fake::serve(Account::with_people(3, 250), Arc::new(SystemClock));
    let more = ["--set", "user=shop@example.org", "--via", "https://api.billbee.io={fake}"];
    let secrets = [("api_key", "a-key-of-the-program"), ("api_password", "an-api-password")];
    add(&house, &billbee, "billbee", &secrets, &more);
    house.keep_secret("an-api-password");
    came(&listen(&house, &[]), 0, 1, 0);
    came(&listen(&house, &[]), 1, 0, 0);
    house.keep_secret(&billbee.with(|billbee| billbee.hooks[0]["Secret"].as_str().unwrap().to_owned()));
    // One that was paused is made anew.
    billbee.with(|billbee| billbee.hooks[0]["IsPaused"] = json!(true));
    came(&listen(&house, &[]), 0, 1, 1);
    house.keep_secret(&billbee.with(|billbee| billbee.hooks[0]["Secret"].as_str().unwrap().to_owned()));
    let told = billbee.with(|billbee| billbee.tell("order.created", 1, "d1"));
    forged(&told[0], "ms-signature");
    assert_eq!((told.len(), synced(&house)), (1, 0));
    assert_eq!(told[0].send().0, 200);
    soon("what it tells is not read", || synced(&house) == 1 && records(&house) == 6);
    // The same again is no news; another word of the same order is.
    assert_eq!(told[0].send().0, 200);
    sleep(Duration::from_secs(5));
    assert_eq!(begun(&house), 1, "a delivery that comes again is heard again");
    let again = billbee.with(|billbee| billbee.tell("order.created", 1, "d2"));
    assert_eq!(again[0].send().0, 200);
    // Its end would be a minute away: so long the vendor rests between two readings of what was paid.
    soon("another one is not heard", || begun(&house) == 2);
}

fn shopware_tells_at_an_address_that_is_a_secret(database: Database) {
    let mut house = House::open(database);
    let shop = Fake::serve(Shopware::with_people(3), Arc::new(SystemClock));
    let more =
        ["--set", "shop_url={fake}", "--set", "client_id=SWIATEST", "--text-version", "newsletter_email=2026-01"];
    add(&house, &shop, "shopware6", &[("client_secret", "secret-of-the-shop")], &more);
    let refused = listen(&house, &[]);
    assert!(text(&refused).contains("they lack a right this needs"), "{}", text(&refused));
    shop.with(|shop| {
        ["create", "read", "delete"].iter().for_each(|right| _ = shop.rights.insert(format!("webhook:{right}")))
    });
    came(&listen(&house, &[]), 0, 3, 0);
    came(&listen(&house, &[]), 3, 0, 0);
    let seconds = || SystemClock.now().micros() / 1_000_000;
    let told = shop.with(|shop| shop.tell("customer.written", "7", seconds()));
    let (plain, secret) = told[0].address.rsplit_once('/').unwrap();
    assert!(secret.len() == 40 && plain.ends_with("/v1/sources/shop/webhooks"), "{}", told[0].address);
    house.keep_secret(secret);
    let at = |address: String| Delivery { address, ..told[0].clone() };
    assert_eq!(at(plain.to_owned()).send().0, 401, "without the secret");
    assert_eq!(at(format!("{plain}/")).send().0, 404);
    for wrong in ["x".to_owned(), secret[1..].to_owned(), format!("{secret}0")] {
        assert_eq!(at(format!("{plain}/{wrong}")).send().0, 401, "{wrong}");
    }
    assert_eq!(synced(&house), 0);
    assert_eq!(told[0].send().0, 200);
    soon("nothing is read", || synced(&house) == 1);
    assert_eq!(records(&house), 9);
    assert_eq!(told[0].send().0, 200);
    sleep(Duration::from_secs(3));
    assert_eq!(synced(&house), 1, "what comes again asks for nothing");
    let old = shop.with(|shop| shop.tell("customer.written", "8", seconds() - 80 * 3_600));
    assert_eq!(old[0].send().0, 400);
    assert!(house.run(&["sources", "remove", "shop"]).status.success());
    assert!(shop.with(|shop| shop.entities["webhook"].is_empty()));
}

fn lexware_is_subscribed_for_each_of_its_events(database: Database) {
    let house = House::open(database);
    let books: Fake<Books> = Fake::serve(lexware::Books::with_people(2, 100), Arc::new(SystemClock));
    add(
        &house,
        &books,
        "lexware_office",
        &[("api_key", "a-key-of-lexware")],
        &["--via", "https://api.lexware.io={fake}"],
    );
    assert!(text(&listen(&house, &[])).contains("enter webhook_key first"));
    enter_secret(&house, "webhook_key", include_str!("vendors/lexware.public.pem"));
    came(&listen(&house, &[]), 0, 12, 0);
    came(&listen(&house, &[]), 12, 0, 0);
    let told = books.with(|books| books.tell());
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].clone().with("x-lxo-signature", "AAAA").send().0, 401);
    let other = Delivery { body: told[0].body.replace("changed", "created"), ..told[0].clone() };
    assert_eq!(other.send().0, 401, "another body");
    assert_eq!(told[0].send().0, 200);
    soon("nothing is read", || synced(&house) == 1);
    assert_eq!(told[0].send().0, 200);
    let removed = house.run(&["sources", "remove", "shop"]);
    assert!(text(&removed).contains("12 subscriptions at its vendor were ended"), "{}", text(&removed));
    assert!(books.with(|books| books.hooks.is_empty()));
}

fn what_was_subscribed_before_a_kill_is_found(database: Database) {
    let house = House::open(database);
    let store = woocommerce(&house);
    store.slow_down(Duration::from_millis(400));
    let address = house.address();
    let before = store.calls();
    let mut child = house
        .command(&["sources", "listen", "shop", "--public-url", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Two were made, and the answer to one of them is still on its way.
    let under_way = (0..3_000).any(|_| {
        sleep(Duration::from_millis(10));
        store.calls_since(before).iter().filter(|call| call.starts_with("POST")).count() >= 2
    });
    assert!(under_way);
    child.kill().unwrap();
    child.wait().unwrap();
    store.slow_down(Duration::ZERO);
    sleep(Duration::from_millis(500));
    let there = store.with(|store| store.hooks.len());
    assert!((1..5).contains(&there), "it was killed too late: {there}");
    came(&listen(&house, &[]), there, 5 - there, 0);
    let mut topics: Vec<String> =
        store.with(|store| store.hooks.iter().map(|hook| hook["topic"].to_string()).collect());
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), 5, "{topics:?}");
    let customer = woocommerce::customer(1);
    for told in store.with(|store| store.tell("customer.created", &customer, "d1")) {
        assert_eq!(told.send().0, 200, "the secret of before the kill is lost");
    }
    assert_eq!(records(&house), 1);
}

fn the_interface_subscribes_too(database: Database) {
    let house = House::open_with(database, &["--public-url=https://hub.example/obhut/"]);
    let shop = shopify(&house);
    let path = "/v1/sources/shop/subscriptions";
    for role in [Role::Dpo, Role::Partner, Role::Marketing] {
        house.post(role, path, &json!({})).expect(403);
    }
    house.post(Role::Admin, "/v1/sources/nothing/subscriptions", &json!({})).expect(404);
    let told = house.post(Role::Admin, path, &json!({})).expect(409);
    assert!(told.json()["detail"].as_str().unwrap().contains("webhook_secret"), "{}", told.json());
    house.post(Role::Admin, "/v1/sources/webshop/subscriptions", &json!({})).expect(409);
    enter_secret(&house, "webhook_secret", shopify::SECRET);
    let came = house.post(Role::Admin, path, &json!({})).expect(200).json();
    assert_eq!(came, json!({"kept": 0, "made": 7, "ended": 0}));
    assert_eq!(house.post(Role::Admin, path, &json!({})).expect(200).json()["kept"], 7);
    let address = shop.with(|shop| shop.hooks[0].2.clone());
    assert_eq!(address, "https://hub.example/obhut/v1/sources/shop/webhooks");
    let delete = |role: Role| {
        let request = house.request(0, reqwest::Method::DELETE, path);
        house.send(request.bearer_auth(&house.key(role).key))
    };
    assert_eq!(delete(Role::Dpo).status, 403);
    assert_eq!((delete(Role::Admin).status, delete(Role::Admin).status), (204, 204));
    assert!(shop.with(|shop| shop.hooks.is_empty()));
    let lines: Vec<Value> =
        house.audit().into_iter().filter(|line| line["body"]["object"] == "subscriptions of shop").collect();
    assert!(lines.len() >= 4, "{lines:?}");
}
