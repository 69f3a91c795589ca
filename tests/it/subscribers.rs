//! `obhut destinations` for a program that is told: added, told by the running hub, disabled, resumed, let go.

use std::process::Output;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::store::Shelf;
use obhut::types::{Role, SystemClock};
use serde_json::json;

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};
use crate::vendors::Fake;
use crate::vendors::subscriber::{SECRET, Subscriber};

in_a_house_on_both_databases!(
    a_program_is_told_by_the_running_hub_until_it_is_let_go,
    a_message_whose_sender_is_killed_is_sent_by_the_next,
    whoever_received_data_of_two_as_of_one_is_told_after_a_split,
);

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Looks until it is so, for at most half a minute.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("it does not come to this: {what}");
}

/// A house that tells a program, and the program.
fn telling(database: Database) -> (House, Fake<Subscriber>) {
    let mut house = House::open(database).with_subject("anna").consenting_to("newsletter_email");
    house.keep_secret(SECRET);
    let program = Fake::serve(Subscriber::new(), Arc::new(SystemClock));
    let secret = house.home().join("secret.txt");
    std::fs::write(&secret, SECRET).unwrap();
    let (url, secret) = (format!("url={}/obhut", program.address()), format!("secret={}", secret.display()));
    let fixed = ["destinations", "add", "webhook", "--code", "crm", "--title", "Our CRM", "--set", &url];
    let rest = ["--secret-file", &secret, "--allow-private-host", "127.0.0.1"];
    let added = house.run(&[&fixed[..], &rest[..]].concat());
    assert!(added.status.success(), "{}", text(&added));
    (house, program)
}

/// Two records of one account are read as one person's by a partner; it turns out that they are two people's. The case names the
/// partner until somebody told them, and the program is told by itself.
fn whoever_received_data_of_two_as_of_one_is_told_after_a_split(database: Database) {
    let (house, program) = telling(database);
    let house = house.with_key(Role::Partner, ["newsletter_email"]);
    let anna = crate::house::text(&house.lookup(Role::Dpo, "anna", "subject_access").expect(200).json()["subject_id"]);
    let mut other = crate::house::customer("webshop", "anna");
    other["external_id"] = "another".into();
    house.ingest(&[other]).expect_all("created");
    house.lookup(Role::Partner, "anna", "newsletter_email").expect(200);
    let links = house.get(Role::Dpo, &format!("/v1/subjects/{anna}/links")).expect(200).json();
    let records = links["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "{links}");
    let out = json!({"records": [records[1]["record"]]});
    let done = house.post(Role::Dpo, &format!("/v1/subjects/{anna}/split"), &out).expect(200).json();
    let told = done["recipients"].as_array().unwrap();
    assert!(!told.is_empty(), "{done}");
    until("the split is told", || {
        program.with(|program| program.heard.iter().any(|(_, message)| message["type"] == "subject.split"))
    });
    let message =
        program.with(|program| program.heard.iter().find(|(_, of)| of["type"] == "subject.split").unwrap().1.clone());
    assert!(message["data"]["subject_ids"].as_array().unwrap().contains(&json!(anna)), "{message}");
    assert!(message["data"]["into"].as_array().unwrap().contains(&done["taken_out"][0]), "{message}");
    let path = format!("/v1/requests/{}", crate::house::text(&done["request_id"]));
    let waiting = |state: &str| house.get(Role::Dpo, &path).expect(200).text().matches(state).count();
    assert_eq!((waiting("to_be_told"), waiting("\"told\"")), (told.len(), 0));
    for recipient in told {
        let note = json!({"recipient": recipient, "state": "told"});
        house.post(Role::Dpo, &format!("{path}/notices"), &note).expect(200);
    }
    assert_eq!(waiting("to_be_told"), 0);
}

fn a_message_whose_sender_is_killed_is_sent_by_the_next(database: Database) {
    let (mut house, program) = telling(database);
    program.slow_down(Duration::from_secs(2));
    house.say("anna", "withdrawn", Some("newsletter_email")).expect(201);
    let held = || house.database().count(Shelf::Records, "message WHERE lease_until > 0") == 1;
    assert!((0..3_000).any(|_| {
        sleep(Duration::from_millis(10));
        held()
    }));
    house.kill();
    program.slow_down(Duration::ZERO);
    sleep(Duration::from_millis(300));
    let before = program.calls();
    house.start();
    // As long as the lease runs, somebody may be at it.
    sleep(Duration::from_secs(2));
    assert_eq!(program.calls(), before, "two tell the same");
    house.wait_for_the_end_of("lease_until", "message", Duration::from_secs(120));
    until("the next tells it", || program.calls() == before + 1);
    let heard = program.with(|program| program.heard.last().cloned().unwrap());
    assert_eq!(heard.1["type"], "consent.withdrawn", "{}", heard.1);
    let listed = || text(&house.run(&["destinations", "list"]));
    until("it stands as arrived", || listed().contains("0 wait, 1 arrived, 0 given up"));
}

fn a_program_is_told_by_the_running_hub_until_it_is_let_go(database: Database) {
    let (house, program) = telling(database);
    assert_eq!(program.with(|program| (program.heard.len(), program.forged)), (1, 0), "one message to try it");
    assert!(house.run(&["destinations", "test", "crm"]).status.success());
    program.with(|program| program.heard.clear());

    // It is no source, and does not end as one.
    let wrong = house.run(&["sources", "remove", "crm"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong).contains("obhut destinations remove crm"), "{}", text(&wrong));

    // What was said before is no news; what is said from now on is told, also before the hub looked for the first time.
    house.say("anna", "withdrawn", Some("newsletter_email")).expect(201);
    until("the withdrawal is told", || program.with(|program| program.heard.len()) == 1);
    let (id, message) = program.with(|program| program.heard[0].clone());
    assert_eq!((&message["type"], id.starts_with("msg_")), (&json!("consent.withdrawn"), true), "{message}");
    let listed = || text(&house.run(&["destinations", "list"]));
    until("it stands as arrived", || listed().contains("0 wait, 1 arrived, 0 given up"));
    let lines = house.audit();
    let told: Vec<_> = lines.iter().filter(|line| line["body"]["recipient"] == "Our CRM (crm)").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["act"], &told[0]["body"]["object"]), (&json!("disclosed"), &json!("messages")));

    // It wants no more, and is asked again by the operator alone.
    program.with(|program| program.status = 410);
    house.say("anna", "objected", Some("personalisation")).expect(201);
    until("it is disabled", || listed().contains("disabled"));
    let refused = house.run(&["destinations", "resume", "crm"]);
    assert_eq!(refused.status.code(), Some(1), "it still answers 410: {}", text(&refused));
    program.with(|program| program.status = 204);
    let resumed = house.run(&["destinations", "resume", "crm"]);
    assert!(resumed.status.success(), "{}", text(&resumed));
    assert!(listed().contains("told"), "{}", listed());

    let removed = house.run(&["destinations", "remove", "crm"]);
    assert!(removed.status.success(), "{}", text(&removed));
    assert!(!listed().contains("crm"));
    assert_eq!(house.run(&["destinations", "remove", "crm"]).status.code(), Some(1));
    let calls = program.calls();
    house.post(Role::Dpo, "/v1/requests", &crate::house::demand("anna", "erasure"));
    sleep(Duration::from_secs(3));
    assert_eq!(program.calls(), calls, "it is told still");
}
