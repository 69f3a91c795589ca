//! Grouping everything anew is cut short at any moment, and goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

use obhut::graph::matching::Model;
use obhut::store::Shelf;
use obhut::store::rows::SubjectState;
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, name, times};
use crate::house::{House, in_a_house_on_both_databases};

const PEOPLE: usize = 60;

/// What a source says of somebody: two sources say the same, and nothing else joins them.
fn told(source: &str, person: usize) -> Value {
    const GIVEN: [&str; 6] = ["Ottilie", "Bernhard", "Cäcilie", "Dietrich", "Kunigunde", "Wendelin"];
    const FAMILY: [&str; 10] = [
        "Zwirnlechner",
        "Ackerknecht",
        "Okonkwo",
        "Hübscher",
        "Spitzweg",
        "Haberstroh",
        "Birnbaum",
        "Eulenkamp",
        "Fröbel",
        "Gänsicke",
    ];
    let (given, family) = (GIVEN[person % 6], FAMILY[person / 6]);
    json!({
        "type": "customer", "source": source, "external_id": person.to_string(), "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [], "data": {
            "person": {"given_name": given, "family_name": family, "birth_date": format!("{}-03-{:02}", 1950 + person, 1 + person % 28)},
            "addresses": [{"street": format!("{family}weg"), "house_number": (1 + person).to_string(), "postal_code": "10437",
                "city": "Berlin", "country": "DE"}],
        },
    })
}

/// The records of each person, as sets of the sources' ids.
fn groups(house: &House) -> BTreeSet<BTreeSet<String>> {
    let run = house.run(&["graph", "assignments"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(run.stdout).unwrap().lines().skip(1) {
        let [source, id, person] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        groups.entry(person.to_owned()).or_default().insert(format!("{source}/{id}"));
    }
    groups.into_values().collect()
}

/// How many people there are: it changes with each who is joined or taken apart.
fn living(house: &House) -> String {
    let count =
        format!("SELECT CAST(COUNT(*) AS TEXT) AS answer FROM subject WHERE state = {}", SubjectState::Living as i16);
    house.database().texts(Shelf::Records, &count).concat()
}

/// One model joins everybody with themselves at the other source, and another nobody. Whichever weighs, runs that are killed at any
/// moment leave each person whole or apart, and the run after them ends where one that nobody killed does.
fn killed_at_any_moment_grouping_anew_goes_on(database: Database) {
    let (of, rounds) = (name(&database), times("resolves", 2, 20));
    let house = House::open(database);
    let strict = Model::shipped().named(1_001).to_toml().unwrap().replace("join = 4.0", "join = 60.0");
    house.database().execute(
        Shelf::Records,
        &format!("INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{strict}', 1, 2, 3, 0)"),
    );
    for source in ["webshop", "books"] {
        let records: Vec<Value> = (0..PEOPLE).map(|person| told(source, person)).collect();
        house.ingest(&records).expect_all("created");
    }
    let one = |person: usize| BTreeSet::from([format!("webshop/{person}"), format!("books/{person}")]);
    let whole: BTreeSet<BTreeSet<String>> = (0..PEOPLE).map(one).collect();
    let apart: BTreeSet<BTreeSet<String>> = whole.iter().flatten().map(|id| BTreeSet::from([id.clone()])).collect();
    assert_eq!(groups(&house), whole);
    let chance = SeededChance::of(4_711);
    let (mut cut_short, mut cut_between, mut watched) = (0, 0, 0);
    for (version, goal) in [("1001", &apart), ("0", &whole)].into_iter().cycle().take(rounds) {
        assert!(house.run(&["graph", "model", "--use", version]).status.success());
        for kill in 0..3 {
            let mut run = house.command(&["graph", "resolve"]).spawn().unwrap();
            // Two of three as soon as somebody changed, or a little later; the other at any moment.
            if kill < 2 {
                let before = living(&house);
                while living(&house) == before && run.try_wait().unwrap().is_none() {}
                sleep(Duration::from_millis(u64::try_from(chance.below(4)).unwrap()));
                watched += 1;
            } else {
                sleep(Duration::from_millis(u64::try_from(20 + chance.below(300)).unwrap()));
            }
            cut_short += usize::from(run.try_wait().unwrap().is_none());
            run.kill().unwrap();
            run.wait().unwrap();
            let now = groups(&house);
            cut_between += usize::from(now != whole && now != apart);
            for group in &now {
                assert!(whole.contains(group) || apart.contains(group), "somebody else's: {group:?}");
            }
            if now == *goal {
                break;
            }
        }
        let run = house.run(&["graph", "resolve"]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(&groups(&house), goal, "under the model {version}");
        let again = String::from_utf8(house.run(&["graph", "resolve"]).stdout).unwrap();
        assert!(again.contains("0 groups taken out, 0 people joined"), "{again}");
    }
    assert!(cut_between * 3 >= watched, "only {cut_between} of {watched} kills came between two changes");
    figure("faults, resolve", of, "runs that were killed", cut_short);
    figure("faults, resolve", of, "kills between the first change and the last", cut_between);
}

in_a_house_on_both_databases!(killed_at_any_moment_grouping_anew_goes_on);
