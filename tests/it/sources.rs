//! `obhut sources` from outside, against a fake shop: connecting, reading, being killed, the schedule, and forgetting.

mod accounts;
mod parked;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::{Role, SystemClock};
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::vendors::Fake;
use crate::vendors::shopware::{Shop, email};
use crate::vendors::teekontor::Teekontor;

in_a_house_on_both_databases!(
    files_are_read_out_of_a_folder_also_by_one_that_is_killed,
    a_secret_is_entered_later,
    a_shop_is_connected_read_and_let_go,
    what_is_wrong_is_said_in_plain_words,
    a_sync_that_is_killed_goes_on_where_it_was,
    the_running_hub_reads_by_itself_and_when_it_is_told_to,
    whom_the_hub_erases_the_shop_forgets_also_when_a_process_is_killed,
    who_withdraws_is_unsubscribed_at_the_shop_within_seconds,
    a_connector_is_added_by_a_folder_alone,
    the_commands_of_the_guide_do_what_it_says,
    the_vendor_gives_a_token_for_what_the_merchant_allows,
);

/// The longest a process that is gone keeps others away from a source.
const LEASE: Duration = Duration::from_secs(60);

fn fake(people: usize) -> Fake<Shop> {
    Fake::serve(Shop::with_people(people), Arc::new(SystemClock))
}

fn text(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    let err: Vec<&str> = err.lines().filter(|line| !line.starts_with('{')).collect();
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), err.join("\n"))
}

/// Connects the shop under the code `shop`, every `every` minutes.
fn add(house: &House, address: &str, secret: &str, every: &str, more: &[&str]) -> Output {
    let file = house.home().join("secret.txt");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let (url, secret) = (format!("shop_url={address}"), format!("client_secret={}", file.display()));
    let fixed = ["sources", "add", "shopware", "--code", "shop", "--set", &url, "--set", "client_id=SWIATEST"];
    let rest = ["--secret-file", &secret, "--text-version", "newsletter_email=2026-01", "--every", every];
    house.run(&[&fixed[..], &rest[..], more].concat())
}

const ALLOWED: &[&str] = &["--allow-private-host", "127.0.0.1"];

/// What is shown of the source; a node knows within a second what another process configured.
fn shown(house: &House) -> Value {
    for _ in 0..50 {
        let reply = house.get(Role::Dpo, "/v1/sources/shop/syncs");
        if reply.status == 200 {
            return reply.json();
        }
        sleep(Duration::from_millis(100));
    }
    panic!("the source is not known to the running hub");
}

fn newest(house: &House) -> Value {
    shown(house)["syncs"][0].clone()
}

fn a_shop_is_connected_read_and_let_go(database: Database) {
    let mut house = House::open(database);
    let shop = fake(30);
    house.keep_secret("secret-of-the-shop");
    house.keep_secret(&email(3));
    let added = add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED);
    assert!(added.status.success(), "{}", text(&added));
    assert_eq!(shop.calls(), 5, "a token, and a harmless call for each right");
    let synced = house.run(&["sources", "sync", "shop"]);
    assert!(text(&synced).contains("90 new, 0 changed, 0 unchanged"), "{}", text(&synced));
    let again = house.run(&["sources", "sync", "shop"]);
    assert!(text(&again).contains("0 new, 0 changed"), "{}", text(&again));
    let listed = text(&house.run(&["sources", "list"]));
    assert!(listed.contains("shopware6") && listed.contains("done "), "{listed}");
    let shown = shown(&house);
    assert_eq!(
        (&shown["connected"], &shown["every_seconds"], &shown["next_at"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    assert_eq!(shown["syncs"].as_array().unwrap().len(), 2);
    assert_eq!(shown["syncs"][1]["counts"]["streams"]["customers"]["created"], 30);
    assert!(!shown.to_string().contains("secret"));

    // The officer has somebody forgotten there.
    let asked = json!({"email": email(3)});
    house.post(Role::Admin, "/v1/sources/shop/erasures", &asked).expect(403);
    let report = house.post(Role::Dpo, "/v1/sources/shop/erasures", &asked).expect(200).json();
    assert_eq!(report["leaves"], "restricted", "{report}");
    assert_eq!(
        report["steps"][2],
        json!({"name": "customer accounts", "found": 1, "leaves": "deleted", "verified": true})
    );
    house.post(Role::Dpo, "/v1/sources/shop/erasures", &json!({})).expect(422);
    house.post(Role::Dpo, "/v1/sources/webshop/erasures", &asked).expect(409);

    assert!(house.run(&["sources", "remove", "shop"]).status.success());
    assert_eq!(house.run(&["sources", "sync", "shop"]).status.code(), Some(1));
    house.post(Role::Admin, "/v1/sources/shop/syncs", &json!({})).expect(409);
    let told = text(&house.run(&["sources", "remove", "shop"]));
    assert!(told.contains("`shop` is not connected"), "{told}");
}

fn what_is_wrong_is_said_in_plain_words(database: Database) {
    let house = House::open(database);
    let shop = fake(1);
    let address = shop.address().to_owned();
    let told = |output: Output, parts: &[&str]| {
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        parts.iter().for_each(|part| assert!(text(&output).contains(part), "{part}: {}", text(&output)));
    };
    told(add(&house, &address, "secret-of-the-shop", "0", &[]), &["private network", "--allow-private-host 127.0.0.1"]);
    told(add(&house, &address, "a wrong one", "0", ALLOWED), &["refuses the credentials", "(it says `6`)"]);
    told(add(&house, "http://shop.example", "x", "0", ALLOWED), &["without encryption", "https://"]);
    told(add(&house, "https://nowhere.invalid", "x", "0", ALLOWED), &["there is no host `nowhere.invalid`"]);
    told(add(&house, "shop.example", "x", "0", ALLOWED), &["`shop_url` is no address"]);
    told(add(&house, "http://127.0.0.1:1", "x", "0", ALLOWED), &["`127.0.0.1` cannot be reached"]);
    shop.with(|shop| shop.rights.clear());
    told(
        add(&house, &address, "secret-of-the-shop", "0", ALLOWED),
        &["lack the right to read customers", "MISSING_PRIVILEGE"],
    );
    let secret = ["sources", "add", "shopware6", "--set", "client_secret=x"];
    told(house.run(&secret), &["`client_secret` is a secret: give it with --secret-file"]);
    told(
        house.run(&["sources", "add", "shopware6"]),
        &["these are missing", "shop_url: Address of the shop", "Integrations"],
    );
    told(house.run(&["sources", "add", "nothing"]), &["there is no connector `nothing`", "shopware6"]);
    told(
        house.run(&["sources", "add", "generic"]),
        &["these are missing", "folder: Directory", "let nobody else read"],
    );
    let relative = ["sources", "add", "generic", "--set", "folder=drop", "--set", "after=move"];
    told(house.run(&relative), &["`folder` must be an absolute path"]);
    told(house.run(&["sources", "sync", "nothing"]), &["there is no source `nothing`"]);
    told(house.run(&["sources", "sync", "webshop"]), &["is not connected to its vendor"]);
    assert_eq!(house.get(Role::Admin, "/v1/sources/shop").status, 404, "nothing of all this was kept");
}

fn a_sync_that_is_killed_goes_on_where_it_was(database: Database) {
    let house = House::open(database);
    let shop = fake(600);
    assert!(add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED).status.success());
    shop.slow_down(Duration::from_millis(300));
    let mut child =
        house.command(&["sources", "sync", "shop"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let before = shop.calls();
    let patience = Duration::from_secs(60);
    let mut waited = Duration::ZERO;
    // A token and two pages are asked for: at least the first one is in.
    while shop.calls() < before + 4 && waited < patience {
        sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    }
    // Whoever asks meanwhile sees how far it is.
    let runs = newest(&house);
    assert_eq!((&runs["state"], &runs["ended_at"], &runs["cause"]), (&json!("running"), &Value::Null, &Value::Null));
    let customers = &runs["counts"]["streams"]["customers"];
    assert!(customers["created"].as_u64() >= Some(250) && customers["complete"] == false, "{runs}");
    assert_eq!(customers["total"], 600, "{runs}");
    child.kill().unwrap();
    child.wait().unwrap();
    shop.slow_down(Duration::ZERO);
    let busy = house.run(&["sources", "sync", "shop"]);
    assert!(text(&busy).contains("another process is at it"), "{}", text(&busy));
    house.wait_for_the_end_of("lease_until", "connection", LEASE);
    let before = shop.calls();
    let synced = house.run(&["sources", "sync", "shop"]);
    assert!(synced.status.success(), "{}", text(&synced));
    let pages = shop.calls_since(before).iter().filter(|call| call.ends_with("/customer")).count();
    assert!(pages < 3, "it began anew: {pages} pages");
    assert_eq!(house.database().count(Shelf::Records, "record"), 1800);
    let states = shown(&house);
    assert_eq!(states["syncs"][1]["state"], "cut_short", "{states}");
}

fn the_running_hub_reads_by_itself_and_when_it_is_told_to(database: Database) {
    let house = House::open(database);
    let shop = fake(5);
    let done = |count: usize| {
        (0..600).any(|_| {
            sleep(Duration::from_millis(100));
            let shown = shown(&house);
            let syncs = shown["syncs"].as_array().unwrap();
            syncs.len() == count && syncs[0]["state"] == "done"
        })
    };
    assert!(add(&house, shop.address(), "secret-of-the-shop", "60", ALLOWED).status.success());
    assert!(done(1), "it is due at once: {}", newest(&house));
    assert_eq!(newest(&house)["counts"]["streams"]["orders"]["created"], 5);
    shop.with(|shop| shop.add("customer", crate::vendors::shopware::customer(20)));
    house.post(Role::Dpo, "/v1/sources/shop/syncs", &json!({})).expect(403);
    house.post(Role::Admin, "/v1/sources/shop/syncs", &json!({})).expect(202);
    assert!(done(2), "{}", newest(&house));
    house.post(Role::Admin, "/v1/sources/nothing/syncs", &json!({})).expect(404);
}

fn files_are_read_out_of_a_folder_also_by_one_that_is_killed(database: Database) {
    let house = House::open(database);
    let folder = house.home().join("drop");
    std::fs::create_dir(&folder).unwrap();
    let columns = concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/generic/mapping.yaml");
    let (path, mapping) = (format!("folder={}", folder.display()), format!("mapping={columns}"));
    let add = ["sources", "add", "generic", "--code", "till", "--set", &path, "--set", "after=move", "--set", &mapping];
    let added = house.run(&[&add[..], &["--every", "0", "--set", "settle_seconds=0"]].concat());
    assert!(added.status.success(), "{}", text(&added));
    assert!(text(&house.run(&["sources", "test", "till"])).contains("files can be read in the folder"));
    let rows: String = (0..3_000)
        .map(
            |number| {
                if number % 500 == 3 { ";;;\n".to_owned() } else { format!("K-{number};;;Muster;;;;;;01.02.2024\n") }
            },
        )
        .collect();
    std::fs::write(
        folder.join("list.tmp"),
        format!("Kundennr.;Anrede;Vorname;Nachname;E-Mail;Telefon;Straße;PLZ;Ort;Kunde seit\n{rows}"),
    )
    .unwrap();
    std::fs::rename(folder.join("list.tmp"), folder.join("list.csv")).unwrap();
    let mut child =
        house.command(&["sources", "sync", "till"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waited = (0..12_000).find(|_| {
        sleep(Duration::from_millis(10));
        house.database().count(Shelf::Records, "record") > 600
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(waited.is_some() && folder.join("list.csv").exists());
    house.wait_for_the_end_of("lease_until", "connection", LEASE);
    let synced = house.run(&["sources", "sync", "till"]);
    assert!(synced.status.success() && text(&synced).contains("rejected"), "{}", text(&synced));
    assert_eq!(house.database().count(Shelf::Records, "record"), 2_994);
    assert!(folder.join("done/list.csv").exists() && !folder.join("list.csv").exists());
    let parked = std::fs::read_to_string(folder.join("parked/list.csv")).unwrap();
    assert_eq!(parked.lines().filter(|line| *line == ";;;").count(), 6, "{parked}");
}

fn a_secret_is_entered_later(database: Database) {
    let house = House::open(database);
    let shop = fake(1);
    assert!(add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED).status.success());
    let tell = || house.send(house.request(0, reqwest::Method::POST, "/v1/sources/shop/webhooks").body("{}"));
    let _ = shown(&house);
    assert_eq!(tell().status, 404, "nothing is heard without a secret");
    let file = house.home().join("hook.txt");
    std::fs::write(&file, "hush\n").unwrap();
    let secret = format!("webhook_secret={}", file.display());
    let set = house.run(&["sources", "set", "shop", "--secret-file", &secret]);
    assert!(set.status.success(), "{}", text(&set));
    assert_eq!(tell().status, 401, "heard, and not signed");
    assert!(house.run(&["sources", "test", "shop"]).status.success(), "the others stay");
    assert!(house.run(&["sources", "set", "shop", "--unset", "webhook_secret"]).status.success());
    assert_eq!(tell().status, 404);
    let told = text(&house.run(&["sources", "set", "shop", "--unset", "shop_url"]));
    assert!(told.contains("shop_url: Address of the shop"), "{told}");
    let told = text(&house.run(&["sources", "set", "shop", "--set", "shop=x"]));
    assert!(told.contains("`shop` is none of this connector"), "{told}");
}

fn whom_the_hub_erases_the_shop_forgets_also_when_a_process_is_killed(database: Database) {
    let mut house = House::open(database);
    let shop = fake(5);
    house.keep_secret(&email(3));
    assert!(add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED).status.success());
    assert!(house.run(&["sources", "sync", "shop"]).status.success());
    shown(&house);
    shop.slow_down(Duration::from_millis(400));
    let before = shop.calls();
    let asked = json!({"right": "erasure", "identifier": {"kind": "email", "value": email(3)}, "execute": true});
    let certificate = house.post(Role::Dpo, "/v1/requests", &asked).expect(201).json();
    let id = certificate["certificate"]["request_id"].as_str().unwrap().to_owned();
    assert_eq!(certificate["certificate"]["sources"][0]["state"], "waiting", "{certificate}");
    // It is in the middle of asking the shop.
    assert!((0..1_500).any(|_| {
        sleep(Duration::from_millis(20));
        shop.calls() > before + 2
    }));
    house.kill();
    shop.slow_down(Duration::ZERO);
    house.start();
    let path = format!("/v1/requests/{id}");
    let source = || house.get(Role::Dpo, &path).json()["sources"][0].clone();
    // As long as the lease runs, somebody may be at it.
    sleep(Duration::from_secs(2));
    assert_eq!(source()["state"], "waiting", "{}", source());
    house.wait_for_the_end_of("lease_until", "source_erasure", LEASE);
    // The orders stay as long as the law keeps them, and are asked for again then.
    let done = (0..600).any(|_| {
        sleep(Duration::from_millis(100));
        source()["state"] == "held"
    });
    assert!(done, "{}", source());
    assert_eq!((&source()["source"], &source()["outcome"]), (&json!("shop"), &json!("restricted")), "{}", source());
    let certificate = house.get(Role::Dpo, &format!("{path}/certificate")).json();
    let told = &certificate["certificate"]["sources"][0];
    assert_eq!((&told["outcome"], &told["restricted_until"]), (&json!("restricted"), &json!("2033-12-31")), "{told}");
    shop.with(|shop| assert!(!json!(shop.entities["customer"]).to_string().contains(&email(3))));
    let told = text(&house.run(&["requests", "show", &id]));
    assert!(told.contains("source shop: held") && told.contains("restricted until 2033-12-31"), "{told}");
    let again = house.run(&["requests", "execute", &id]);
    assert!(text(&again).contains("\"sources\""), "{}", text(&again));
}

fn who_withdraws_is_unsubscribed_at_the_shop_within_seconds(database: Database) {
    let mut house = House::open(database);
    let shop = fake(5);
    house.keep_secret(&email(3));
    assert!(add(&house, shop.address(), "secret-of-the-shop", "0", ALLOWED).status.success());
    assert!(house.run(&["sources", "sync", "shop"]).status.success());
    shown(&house);
    // Following begins within a second.
    sleep(Duration::from_secs(3));
    let status = |number: usize| shop.with(|shop| shop.entities["newsletter-recipient"][number]["status"].clone());
    assert_eq!(status(3), "optIn");
    shop.slow_down(Duration::from_millis(400));
    let before = shop.calls();
    house.say("kunde3", "withdrawn", Some("newsletter_email")).expect(201);
    // It is in the middle of telling the shop.
    assert!((0..1_500).any(|_| {
        sleep(Duration::from_millis(20));
        shop.calls() > before
    }));
    house.kill();
    shop.slow_down(Duration::ZERO);
    house.wait_for_the_end_of("lease_until", "unsubscription", LEASE);
    house.start();
    let done = (0..300).any(|_| {
        sleep(Duration::from_millis(100));
        status(3) == "optOut"
    });
    assert!(done, "{}", status(3));
    assert_eq!(status(4), "optIn");
    let told = (0..100).any(|_| {
        sleep(Duration::from_millis(100));
        let lines = house.audit();
        lines.iter().any(|line| {
            line.to_string().contains("withdrawal newsletter_email") && line.to_string().contains("unsubscribed")
        })
    });
    assert!(told, "it is on record");
    let shows = (0..50).any(|_| {
        sleep(Duration::from_millis(100));
        shown(&house)["syncs"][0]["counts"]["streams"]["unsubscribe"]["updated"] == 1
    });
    assert!(shows, "{}", shown(&house));
    // What comes back from the shop adds nothing to what the person said.
    let entries = house.database().count(Shelf::Records, "ledger");
    assert!(house.run(&["sources", "sync", "shop"]).status.success());
    assert_eq!(house.database().count(Shelf::Records, "ledger"), entries);
}

fn a_connector_is_added_by_a_folder_alone(database: Database) {
    let house = House::open(database);
    let tea = Fake::serve(Teekontor::with_people(5, 2), Arc::new(SystemClock));
    // The folder of `docs/adding-a-connector.md`, and its commands.
    let folder = house.home().join("connectors");
    write_guide(&folder.join("teekontor"));
    let all = folder.display().to_string();
    let checked = house.run(&["connectors", "list", "--connectors", &all]);
    assert!(text(&checked).contains("Teekontor") && text(&checked).contains("Shopware 6"), "{}", text(&checked));
    let checked =
        std::process::Command::new(env!("CARGO_BIN_EXE_obhut")).args(["connectors", "check", &all]).output().unwrap();
    assert!(checked.status.success() && text(&checked).contains("nothing wrong"), "{}", text(&checked));
    let check = |directory: &std::path::Path| {
        let directory = directory.display().to_string();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_obhut"));
        command.args(["connectors", "check", &directory]).output().unwrap()
    };
    // What a filter yields and the manifest does not list is said here, and not only when a sync is over.
    let (filter, manifest) = (folder.join("teekontor/customers.jq"), folder.join("teekontor/manifest.yaml"));
    let (jq, yaml) = (std::fs::read_to_string(&filter).unwrap(), std::fs::read_to_string(&manifest).unwrap());
    std::fs::write(&filter, jq.replace("data: {", "data: {tags: [.first], ")).unwrap();
    let line = yaml.lines().position(|line| line == "    fields:").unwrap() + 1;
    for directory in [&folder, &folder.join("teekontor")] {
        let told = check(directory);
        let place = folder.join(format!("teekontor/manifest.yaml:{line}:1: "));
        assert!(!told.status.success() && text(&told).contains(&place.display().to_string()), "{}", text(&told));
        assert!(text(&told).contains("`data.tags[]`, which `fields` does not list") && !text(&told).contains("Svea"));
    }
    // Nor does the hub begin with it, whatever it is to do.
    let refused = house.run(&["sources", "list", "--connectors", &all]);
    let place = format!("teekontor/manifest.yaml:{line}:1: ");
    assert!(!refused.status.success() && text(&refused).contains(&place), "{}", text(&refused));
    // And so is what intake would not take.
    std::fs::write(&filter, jq.replace("external_id: (.id | text)", "external_id: null")).unwrap();
    assert!(text(&check(&folder)).contains("teekontor/fixtures/customers.json: "), "{}", text(&check(&folder)));
    std::fs::write(&filter, &jq).unwrap();
    // An error names the key in its own place.
    std::fs::write(
        &manifest,
        yaml.replace("      leaves: deleted\n", "      leaves: deleted\n      promised_days: 3\n"),
    )
    .unwrap();
    let line = yaml.lines().position(|line| line == "      leaves: deleted").unwrap() + 2;
    let told = check(&folder);
    assert!(text(&told).contains(&format!("teekontor/manifest.yaml:{line}:7: ")), "{}", text(&told));
    std::fs::write(&manifest, &yaml).unwrap();
    assert!(check(&folder).status.success());
    let schema =
        std::process::Command::new(env!("CARGO_BIN_EXE_obhut")).args(["connectors", "schema"]).output().unwrap();
    assert_eq!(text(&schema).trim(), std::fs::read_to_string("connectors/manifest.schema.json").unwrap().trim());
    let fixture = folder.join("teekontor/fixtures/customers.json").display().to_string();
    let tried = ["import", "--connector", "teekontor", "--source", "tee", "--dry-run", &fixture, "--connectors", &all];
    assert!(house.run(&tried).status.success(), "{}", text(&house.run(&tried)));
    let token = house.home().join("tee");
    std::fs::write(&token, "a-token-of-tee\n").unwrap();
    let (url, token) = (format!("shop_url={}", tea.address()), format!("api_token={}", token.display()));
    let add = ["sources", "add", "teekontor", "--code", "tee", "--set", &url, "--secret-file", &token, "--every", "0"];
    let more = ["--text-version", "newsletter_email=2026-01", "--allow-private-host", "127.0.0.1"];
    let unknown = house.run(&[&add[..], &more].concat());
    assert!(text(&unknown).contains("there is no connector `teekontor`"), "{}", text(&unknown));
    let with = ["--connectors", &all];
    let added = house.run(&[&add[..], &more, &with].concat());
    assert!(added.status.success(), "{}", text(&added));
    let synced = house.run(&["sources", "sync", "tee", "--connectors", &all]);
    assert!(synced.status.success(), "{}", text(&synced));
    assert_eq!(house.database().count(Shelf::Records, "record"), 5);
    let environment = house.command(&["sources", "test", "tee"]).env("OBHUT_CONNECTORS", &all).output().unwrap();
    assert!(environment.status.success(), "{}", text(&environment));
    // What lies elsewhere takes no connector's place, and what is wrong with it is said with its place.
    std::fs::rename(folder.join("teekontor"), folder.join("shopware6")).unwrap();
    let manifest = std::fs::read_to_string(folder.join("shopware6/manifest.yaml")).unwrap();
    std::fs::write(folder.join("shopware6/manifest.yaml"), manifest.replace("name: teekontor", "name: shopware6"))
        .unwrap();
    let clash = house.run(&["sources", "list", "--connectors", &all]);
    assert!(!clash.status.success() && text(&clash).contains("one of that name already"), "{}", text(&clash));
    std::fs::write(folder.join("shopware6/manifest.yaml"), manifest.replace("paging:", "pages:")).unwrap();
    let wrong = house.run(&["sources", "list", "--connectors", &all]);
    assert!(text(&wrong).contains("shopware6/manifest.yaml:"), "{}", text(&wrong));
}

/// Writes the connector of the guide into a folder.
fn write_guide(folder: &std::path::Path) {
    let page = std::fs::read_to_string("docs/adding-a-connector.md").unwrap();
    std::fs::create_dir_all(folder.join("fixtures")).unwrap();
    for file in ["fixtures/customers.json", "customers.jq", "manifest.yaml"] {
        std::fs::write(folder.join(file), file_of(&page, file)).unwrap();
    }
}

/// A file that stands in the guide.
fn file_of<'p>(page: &'p str, file: &str) -> &'p str {
    let (_, after) = page.split_once(&format!("\n`{file}`\n\n```")).unwrap();
    after.split_once('\n').unwrap().1.split_once("\n```").unwrap().0
}

/// As they stand there, one after the other, by a shell.
#[expect(clippy::disallowed_methods, reason = "the shell finds its programs where the tests do")]
fn the_commands_of_the_guide_do_what_it_says(database: Database) {
    let house = House::open(database);
    let here = house.home().join("guide");
    write_guide(&here.join("my-connectors/teekontor"));
    let page = std::fs::read_to_string("docs/adding-a-connector.md").unwrap();
    std::fs::write(here.join("teekontor.py"), file_of(&page, "teekontor.py")).unwrap();
    let blocks: Vec<&str> = page.split("\n```sh\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0).collect();
    assert_eq!(blocks.len(), 2);
    let script = format!("set -eu\ntrap 'kill $(jobs -p)' EXIT\n{}", blocks.join("\n"));
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let obhut = std::path::Path::new(env!("CARGO_BIN_EXE_obhut")).parent().unwrap();
    let path = format!("{}:{}", obhut.display(), std::env::var("PATH").unwrap());
    let command = house.command(&[]);
    let arguments: Vec<String> = command.get_args().map(|one| one.to_str().unwrap().to_owned()).collect();
    let of = |name: &str| arguments[arguments.iter().position(|one| one == name).unwrap() + 1].clone();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &script]).current_dir(&here).env("PATH", path).env("PORT", free()).env("HUB", free());
    shell.env("OBHUT_DATA_DIR", of("--data-dir")).env("OBHUT_DATABASE_URL", of("--database-url"));
    let done = shell.output().unwrap();
    let told = text(&done);
    assert!(done.status.success(), "{told}");
    for said in [
        "teekontor: 1 streams, 1 fixtures, nothing wrong",
        "120 new, 0 changed",
        "0 new, 0 changed, 0 unchanged",
        r#""leaves":"deleted""#,
        r#""verified":true"#,
        "0 new, 0 changed, 119 unchanged",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

/// Does a part of the schema have all keys of what is written? What is left out by `…` may be anything.
fn knows(schema: &serde_json::Value, part: &serde_json::Value, written: &serde_json::Value) -> bool {
    use serde_json::Value;
    let resolved = |part: &Value| {
        let name = part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
        schema["$defs"].get(name).cloned()
    };
    if let Some(part) = resolved(part) {
        return knows(schema, &part, written);
    }
    let either = ["anyOf", "oneOf"].iter().find_map(|word| part[*word].as_array());
    if let Some(either) = either {
        return either.iter().any(|part| knows(schema, part, written));
    }
    match written {
        Value::Object(written) => written.iter().filter(|(key, _)| *key != "…").all(|(key, value)| {
            match (part["properties"].get(key), part.get("additionalProperties")) {
                (Some(part), _) => knows(schema, part, value),
                (None, Some(Value::Object(_))) => knows(schema, &part["additionalProperties"], value),
                (None, other) => other == Some(&Value::Bool(true)),
            }
        }),
        Value::Array(written) => written.iter().all(|value| knows(schema, &part["items"], value)),
        Value::String(text) if text == "…" => true,
        _ => part.get("properties").is_none() && part.get("items").is_none(),
    }
}

/// What stands in the tables of the guide can be copied.
#[test]
fn the_tables_of_the_guide_are_yaml() {
    let page = std::fs::read_to_string("docs/adding-a-connector.md").unwrap();
    let schema: serde_json::Value = serde_json::from_str(&obhut::connect::schema()).unwrap();
    let parts = || schema["$defs"].as_object().unwrap().values().chain([&schema]);
    let mut read = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        for span in row.split('`').skip(1).step_by(2) {
            let key = span.split(':').next().unwrap();
            let plain = key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter == '2');
            if (plain && span.contains(": ")) || span.starts_with(['{', '[']) {
                let parsed: Result<serde_json::Value, _> = yaml_serde::from_str(span);
                let parsed = parsed.unwrap_or_else(|error| panic!("{span}: {error}"));
                // Keys without values are a filter's; and so are those of what filters make.
                let of_filters = parsed.as_object().is_some_and(|keys| keys.values().any(serde_json::Value::is_null))
                    || ["type: \"customer\"", "held: true"].contains(&span);
                let fits = |parsed: &serde_json::Value| parts().any(|part| knows(&schema, part, parsed));
                let known = parsed.as_array().map_or_else(|| fits(&parsed), |all| all.iter().all(fits));
                assert!(known || of_filters, "there are no such keys: {span}");
                read += 1;
            }
        }
    }
    assert!(read > 60, "{read}");
}

/// A connector whose refresh token comes of a code.
const ALLOWED_BY_CODE: &str = r#"
name: teekontor
title: Teekontor
docs: Customers of the interface v2.
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters:
    shop_url: {title: Address, kind: url}
    client_secret: {title: Client secret, kind: secret}
    refresh_token: {title: Refresh token, kind: secret}
  base_url: "{shop_url}/v2"
  hosts: ["{shop_url}"]
  auth:
    oauth2_refresh:
      token_url: "{shop_url}/oauth/token"
      client_id: tee-client
      client_secret: "{client_secret}"
      basic: true
      refresh_token: refresh_token
    oauth2_code:
      authorize_url: "{shop_url}/oauth/authorize"
      redirect_url: https://localhost/obhut
      scope: customers offline
      pkce: true
  test: {request: {path: /customers, query: {limit: "1"}}, expect: has("items")}
streams:
  customers:
    detect: has("items")
    objects: .items[]
    records: '{type: "customer", external_id: (.id | text), updated_at: .changed, identifiers: [{kind: "account", value: (.id | text)}], data: {}}'
    pull: {request: {path: /customers, query: {limit: "{limit}", cursor: "{token}"}}, paging: {size: 5, token: .next}}
    fields: {identity: [identifiers.account]}
"#;

fn the_vendor_gives_a_token_for_what_the_merchant_allows(database: Database) {
    let mut house = House::open(database);
    let tea = Fake::serve(Teekontor::with_people(7, 5), Arc::new(SystemClock));
    let folder = house.home().join("connectors");
    std::fs::create_dir_all(folder.join("teekontor")).unwrap();
    std::fs::write(folder.join("teekontor/manifest.yaml"), ALLOWED_BY_CODE).unwrap();
    let (all, file) = (folder.display().to_string(), house.home().join("tee"));
    std::fs::write(&file, "tee-secret\n").unwrap();
    let shown = text(&house.run(&["connectors", "show", "teekontor", "--connectors", &all]));
    assert!(shown.contains("comes of an address that `sources add` shows"), "{shown}");
    // What the merchant does: opens the address that is shown, allows it, and enters where the browser was led.
    let enter = |arguments: &[&str], led_to: &dyn Fn(&str) -> String| {
        let mut command = house.command(&[arguments, &["--connectors", &all]].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.trim().starts_with("http").then(|| line.trim().to_owned())).unwrap();
        writeln!(child.stdin.take().unwrap(), "{}", led_to(&address)).unwrap();
        let rest: Vec<String> = lines.collect();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), format!("{}\n{}", rest.join("\n"), text(&output)))
    };
    let (url, secret) = (format!("shop_url={}", tea.address()), format!("client_secret={}", file.display()));
    let add = ["sources", "add", "teekontor", "--code", "tee", "--set", &url, "--secret-file", &secret, "--every", "0"];
    let add = [&add[..], &["--allow-private-host", "127.0.0.1"]].concat();
    let allow = |address: &str| tea.with(|tee| tee.grants.allow(address));
    let (added, said) = enter(&add, &|_| "https://localhost/obhut?code=code-1&state=another".to_owned());
    assert!(!added && said.contains("the answer to another request"), "{said}");
    assert_eq!(house.get(Role::Admin, "/v1/sources/tee").status, 404, "nothing of it was kept");
    let (added, said) = enter(&add, &allow);
    assert!(added && said.contains("`tee` is connected"), "{said}");
    let synced = house.run(&["sources", "sync", "tee", "--connectors", &all]);
    assert!(text(&synced).contains("7 new"), "{}", text(&synced));
    // The vendor takes the token back; the merchant allows it anew.
    tea.with(|tee| tee.grants.refresh.clear());
    let refused = house.run(&["sources", "sync", "tee", "--connectors", &all]);
    assert!(text(&refused).contains("refuses the credentials"), "{}", text(&refused));
    let (set, said) = enter(&["sources", "set", "tee", "--authorise"], &allow);
    assert!(set && said.contains("`tee` is reached so from now on"), "{said}");
    let synced = house.run(&["sources", "sync", "tee", "--connectors", &all]);
    assert!(text(&synced).contains("0 new, 0 changed, 7 unchanged"), "{}", text(&synced));
    house.keep_secret(&tea.with(|tee| tee.grants.refresh.clone()));
    house.keep_secret("tee-secret");
}
