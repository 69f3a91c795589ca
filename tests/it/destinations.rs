//! `obhut destinations` and `POST /v1/destinations/{code}/pushes` from outside, against fake vendors that take people of a segment.

use std::process::Output;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::types::{Role, SystemClock};
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, mail};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::{Fake, Vendor};

in_a_house_on_both_databases!(
    a_segment_is_pushed_followed_and_taken_back,
    what_is_wrong_with_a_destination_is_said_in_plain_words,
    a_push_that_is_killed_goes_on_by_itself,
);

fn text(output: &Output) -> String {
    let err = String::from_utf8_lossy(&output.stderr);
    let err: Vec<&str> = err.lines().filter(|line| !line.starts_with('{')).collect();
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), err.join("\n"))
}

/// Connects a vendor under the code `letters`; it is pushed only when told to.
fn add<V: Vendor>(
    house: &House,
    vendor: &Fake<V>,
    (connector, origin): (&str, &str),
    (name, secret): (&str, &str),
    more: &[&str],
) -> Output {
    let file = house.home().join("secret.txt");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    let (via, secret) = (format!("{origin}={}", vendor.address()), format!("{name}={}", file.display()));
    let fixed = ["destinations", "add", connector, "--code", "letters", "--every", "0", "--via", &via];
    let rest = ["--secret-file", &secret, "--allow-private-host", "127.0.0.1"];
    house.run(&[&fixed[..], &rest[..], more].concat())
}

fn add_brevo(house: &House, vendor: &Fake<Brevo>, key: &str, more: &[&str]) -> Output {
    add(house, vendor, ("brevo", "https://api.brevo.com"), ("api_key", key), more)
}

const READERS: &[&str] = &["--segment", "newsletter_subscribers", "--set", "list_id=12"];

/// Waits until it is so; what the hub does by itself takes seconds.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let done = (0..400).any(|_| {
        sleep(Duration::from_millis(100));
        is_so()
    });
    assert!(done, "{what}");
}

fn audience(house: &House) -> Value {
    house.get(Role::Dpo, "/v1/destinations").expect(200).json()["audiences"][0].clone()
}

fn a_segment_is_pushed_followed_and_taken_back(database: Database) {
    let mut house = House::open(database).with_subject("anna").consenting_to("newsletter_email");
    house = house.with_subject("bert").consenting_to("newsletter_email").with_subject("cora");
    house = house.with_subject("dora").consenting_to("newsletter_email");
    house.keep_secret("xkeysib-1");
    let brevo = Fake::serve(Brevo::default(), Arc::new(SystemClock));
    let listed = || brevo.with(|brevo| brevo.listed());
    let added = add_brevo(&house, &brevo, "xkeysib-1", READERS);
    assert!(added.status.success() && text(&added).contains("takes the people of its segment"), "{}", text(&added));
    let pushed = house.run(&["destinations", "push", "letters"]);
    assert!(text(&pushed).contains("3 in the segment: 3 handed over, 0 were there"), "{}", text(&pushed));
    assert_eq!(listed(), [mail("anna"), mail("bert"), mail("dora")]);
    let again = house.run(&["destinations", "push", "letters"]);
    assert!(text(&again).contains("3 in the segment: 0 handed over, 3 were there"), "{}", text(&again));
    let shown = text(&house.run(&["destinations", "list"]));
    assert!(shown.contains("letters") && shown.contains("3 there, 0 to be taken off; pushed "), "{shown}");

    // People are known there: neither may it be let go as a source, nor may its list be another.
    for wrong in [&["sources", "remove", "letters"][..], &["sources", "set", "letters", "--set", "list_id=13"]] {
        let refused = house.run(wrong);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("destinations remove letters"), "{}", text(&refused));
    }

    // The running hub follows what people say, without being told to push.
    soon("the hub does not know the destination", || audience(&house)["there"] == 3);
    let view = audience(&house);
    assert_eq!((&view["code"], &view["segment"]), (&json!("letters"), &json!("newsletter_subscribers")), "{view}");
    house.say("bert", "withdrawn", Some("newsletter_email")).expect(201);
    soon("who withdrew is still there", || listed() == [mail("anna"), mail("dora")]);
    house.erase("dora").expect(201);
    soon("who was erased is still known there", || !brevo.with(|brevo| brevo.contacts.contains_key(&mail("dora"))));

    // By the API.
    house.say("cora", "granted", Some("newsletter_email")).expect(201);
    house.post(Role::Partner, "/v1/destinations/letters/pushes", &json!({})).expect(403);
    house.post(Role::Admin, "/v1/destinations/nothing/pushes", &json!({})).expect(404);
    house.post(Role::Admin, "/v1/destinations/webshop/pushes", &json!({})).expect(409);
    house.post(Role::Admin, "/v1/destinations/letters/pushes", &json!({})).expect(202);
    soon("who consented is not there", || listed() == [mail("anna"), mail("cora")]);
    soon("the push does not end", || audience(&house)["there"] == 2);
    let history = house.get(Role::Admin, "/v1/sources/letters/syncs").expect(200).json();
    assert_eq!(history["syncs"][0]["counts"]["streams"]["members"]["created"], 1, "{history}");
    // Who got the data stands in the book.
    let book = house.audit();
    assert!(book.iter().any(|line| line.to_string().contains("Brevo (letters)")), "{:?}", book.last());

    let removed = house.run(&["destinations", "remove", "letters"]);
    assert!(removed.status.success(), "{}", text(&removed));
    assert_eq!(listed(), Vec::<String>::new());
    assert!(house.run(&["destinations", "push", "letters"]).status.code() == Some(1));
}

fn what_is_wrong_with_a_destination_is_said_in_plain_words(database: Database) {
    let house = House::open(database);
    let brevo = Fake::serve(Brevo::default(), Arc::new(SystemClock));
    let told = |output: Output, part: &str| {
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(part), "{part}: {}", text(&output));
    };
    told(add_brevo(&house, &brevo, "a wrong one", READERS), "refuses the credentials; make new ones there");
    told(add_brevo(&house, &brevo, "xkeysib-1", &["--set", "list_id=12"]), "say with --segment whose people it takes");
    told(
        add_brevo(&house, &brevo, "xkeysib-1", &["--segment", "newsletter_subscribers", "--set", "list_id=13"]),
        "knows no such address; check the address and the ids you entered (it says `document_not_found`)",
    );
    told(
        add_brevo(&house, &brevo, "xkeysib-1", &["--segment", "nobody", "--set", "list_id=12"]),
        "there is no segment `nobody`",
    );
    told(
        add_brevo(&house, &brevo, "xkeysib-1", &["--segment", "newsletter_subscribers"]),
        "list_id: Number of the list",
    );
    told(house.run(&["destinations", "push", "letters"]), "`letters` is no destination for a segment");
    assert!(add_brevo(&house, &brevo, "xkeysib-1", READERS).status.success());
    brevo.with(|brevo| brevo.key_is_revoked = true);
    told(house.run(&["destinations", "push", "letters"]), "refuses the credentials");
    let shown = text(&house.run(&["destinations", "list"]));
    assert!(shown.contains("refuses the credentials"), "{shown}");
}

/// A customer who confirmed the newsletter in the shop.
fn reader(number: usize) -> Value {
    let mut record = customer("webshop", &format!("leser{number}"));
    record["consents"] = json!([{
        "purpose": "newsletter_email", "channel": "email", "act": "granted", "at": "2026-01-10T09:05:12Z",
        "method": "double_opt_in", "text_version": "2026-01",
        "evidence": {"requested_at": "2026-01-10T09:01:00Z", "confirmed_at": "2026-01-10T09:05:12Z",
            "form_url": "https://shop.example/newsletter"},
    }]);
    record
}

fn a_push_that_is_killed_goes_on_by_itself(database: Database) {
    let mut house = House::open(database);
    let all: Vec<Value> = (0..250).map(reader).collect();
    house.ingest(&all).expect_all("created");
    let vendor = Fake::serve(CleverReach::default(), Arc::new(SystemClock));
    let group = ["--segment", "newsletter_subscribers", "--set", "client_id=c1", "--set", "group_id=550011"];
    let origin = ("cleverreach", "https://rest.cleverreach.com");
    let added = add(&house, &vendor, origin, ("client_secret", "hush"), &group);
    assert!(added.status.success(), "{}", text(&added));
    soon("the hub does not know the destination", || audience(&house)["code"] == "letters");
    vendor.slow_down(Duration::from_millis(700));
    house.post(Role::Admin, "/v1/destinations/letters/pushes", &json!({})).expect(202);
    let count = || vendor.with(|vendor| vendor.listed().len());
    soon("nobody is handed over", || count() > 0);
    house.kill();
    vendor.slow_down(Duration::ZERO);
    assert!(count() < 250, "it was killed too late");
    house.start();
    // As long as the lease runs, somebody may be at it.
    let there = count();
    sleep(Duration::from_secs(2));
    assert_eq!(count(), there, "two are at it");
    house.wait_for_the_end_of("lease_until", "audience", Duration::from_secs(60));
    soon("the push does not go on", || count() == 250);
    soon("the push does not end", || audience(&house)["there"] == 250);
    // Of at most one batch the vendor had not answered.
    let told = vendor.with(|vendor| vendor.told);
    assert!(told <= 350, "{told} addresses were told");
}
