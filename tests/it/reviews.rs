//! Doubtful pairs at the command line.

use obhut::store::Shelf;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};

fn named(source: &str, given: &str) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": given, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [], "data": {"person": {"given_name": given, "family_name": "Schmidt"}},
    })
}

fn reviews(house: &House, arguments: &[&str]) -> (bool, String) {
    let run = house.run(&[&["graph", "reviews"], arguments].concat());
    (run.status.success(), String::from_utf8(run.stdout).unwrap())
}

fn questions_are_listed_shown_and_answered_at_the_command_line(database: Database) {
    let house = House::open(database);
    for given in ["Annegret", "Bernhard"] {
        for source in ["webshop", "books"] {
            house.ingest(&[named(source, given)]).expect_all("created");
        }
    }
    let people = || house.database().count(Shelf::Records, "subject WHERE state = 1");
    assert_eq!(people(), 4);
    let (done, listed) = reviews(&house, &["list"]);
    let ids: Vec<&str> = listed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert!(done && ids.len() == 2, "{listed}");
    let before = house.audited("disclosed");
    let (done, shown) = reviews(&house, &["show", ids[0]]);
    assert!(done && house.audited("disclosed") > before);
    let row = shown.lines().find(|line| line.contains("given_name   A•••")).unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(row.matches("A•••").count(), 2, "{shown}");
    assert!(shown.contains("together") && shown.contains("(compared)"), "{shown}");
    assert!(!shown.contains("nnegret") && !shown.contains("chmidt"), "{shown}");
    let reviewed = house.audited("reviewed");
    assert!(reviews(&house, &["answer", ids[0], "same"]).0);
    assert_eq!(people(), 3);
    assert!(reviews(&house, &["answer", ids[1], "not_same"]).0);
    assert_eq!((people(), house.audited("reviewed")), (3, reviewed + 4));
    assert_eq!(reviews(&house, &["list"]), (true, String::new()));
    assert!(!reviews(&house, &["answer", ids[1], "same"]).0, "it was answered twice");
    assert!(!reviews(&house, &["show", ids[0]]).0);
    assert!(!reviews(&house, &["answer", ids[0], "perhaps"]).0);
}

in_a_house_on_both_databases!(questions_are_listed_shown_and_answered_at_the_command_line);
