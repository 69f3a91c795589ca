//! A labelled set in five orders of arrival: how well its people are found does not depend on which record came first.
//!
//! The set in `tests/quality/small` was made by `tests/quality/generate.py --seed 11 --people 120`. On a whole set the same is
//! measured by `tests/quality/hub.py --orders 5`.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::Stdio;

use obhut::types::Role;
use serde_json::json;

use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{House, in_a_house_on_both_databases};

const ORDERS: u64 = 5;
/// How far F1 may lie apart when everything was grouped anew, as an import does at its end.
const GROUPED: f64 = 0.002;
/// And when it was not: of a set as small as this one, where a single pair more or less is a thousandth.
const AS_THEY_CAME: f64 = 0.03;

type Key = (String, String);

struct Set {
    records: Vec<String>,
    truth: HashMap<Key, String>,
}

fn set() -> Set {
    let folder = "tests/quality/small";
    let text = std::fs::read_to_string(format!("{folder}/records.ndjson")).unwrap();
    let mut table = csv::Reader::from_path(format!("{folder}/truth.csv")).unwrap();
    let rows = table.records().map(Result::unwrap).filter(|row| !row[2].is_empty());
    let truth = rows.map(|row| ((row[0].to_owned(), row[1].to_owned()), row[2].to_owned())).collect();
    Set { records: text.lines().map(str::to_owned).collect(), truth }
}

/// F1 over pairs of records.
#[expect(clippy::cast_precision_loss, reason = "a few thousand pairs")]
fn f1(truth: &HashMap<Key, String>, found: &HashMap<Key, String>) -> f64 {
    let pairs = |sizes: HashMap<(&str, &str), u64>| sizes.into_values().map(|size| size * (size - 1) / 2).sum::<u64>();
    let (mut people, mut groups, mut both) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (key, entity) in truth {
        let group = found.get(key).unwrap_or_else(|| panic!("{key:?} is nowhere"));
        *people.entry((entity.as_str(), "")).or_default() += 1;
        *groups.entry((group.as_str(), "")).or_default() += 1;
        *both.entry((entity.as_str(), group.as_str())).or_default() += 1;
    }
    let (right, told, true_pairs) = (pairs(both), pairs(groups), pairs(people));
    2.0 * right as f64 / (told + true_pairs) as f64
}

fn assigned(house: &House) -> HashMap<Key, String> {
    let run = house.run(&["graph", "assignments", "--format", "csv"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut table = csv::Reader::from_reader(run.stdout.as_slice());
    table.records().map(Result::unwrap).map(|row| ((row[0].to_owned(), row[1].to_owned()), row[2].to_owned())).collect()
}

/// Imports the records in this order, without grouping them anew.
fn import(house: &House, records: &[&String]) {
    let mut command = house.command(&["import", "--quiet", "--no-resolve", "--format", "ndjson", "-"]);
    let mut run = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = run.stdin.take().unwrap();
    for record in records {
        writeln!(input, "{record}").unwrap();
    }
    drop(input);
    let run = run.wait_with_output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

fn five_orders_of_arrival_find_the_same_people(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    let set = set();
    let sources: std::collections::BTreeSet<String> = set.truth.keys().map(|(source, _)| source.clone()).collect();
    let (mut grouped, mut came) = (Vec::new(), Vec::new());
    for order in 0..ORDERS {
        let house = House::open(database.take().unwrap_or_else(|| match dialect {
            Dialect::Sqlite => Database::sqlite(),
            Dialect::Postgres => Database::postgres(),
        }));
        for source in &sources {
            let body = json!({"code": source, "title": source, "connector": "api", "terms": {}});
            let reply = house.put(Role::Admin, &format!("/v1/sources/{source}"), &body);
            assert!([200, 201].contains(&reply.status), "{}", reply.text());
        }
        let mut records: Vec<&String> = set.records.iter().collect();
        let chance = SeededChance::of(order);
        if order > 0 {
            (1..records.len()).rev().for_each(|at| records.swap(at, chance.below(at + 1)));
        }
        import(&house, &records);
        came.push(f1(&set.truth, &assigned(&house)));
        let run = house.run(&["graph", "resolve"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        grouped.push(f1(&set.truth, &assigned(&house)));
    }
    let apart = |all: &[f64]| all.iter().copied().fold(0.0, f64::max) - all.iter().copied().fold(1.0, f64::min);
    assert!(apart(&grouped) <= GROUPED, "grouped anew: {grouped:?}");
    assert!(apart(&came) <= AS_THEY_CAME, "as they came: {came:?}");
    assert!(grouped.iter().all(|f1| *f1 > 0.85), "{grouped:?}");
}

in_a_house_on_both_databases!(five_orders_of_arrival_find_the_same_people,);
