//! The identity graph as its operators meet it: questions to decide, grouping anew, the model, and counts that end with what
//! they counted.

use std::collections::{BTreeMap, BTreeSet};

use obhut::graph::matching::Model;
use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use crate::databases::{Database, Dialect};
use crate::house::{House, in_a_house_on_both_databases, text};

/// A customer of this name, with whatever else is known.
fn named(source: &str, id: &str, (given, family): (&str, &str), more: Value) -> Value {
    let mut record = json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": [], "data": {"person": {"given_name": given, "family_name": family}},
    });
    if let Some(mail) = more["mail"].as_str() {
        record["identifiers"] = json!([{"kind": "email", "value": mail}]);
    }
    if let Some(born) = more["born"].as_str() {
        record["data"]["person"]["birth_date"] = born.into();
    }
    if let Some(street) = more["street"].as_str() {
        record["data"]["addresses"] = json!([{"street": street, "house_number": "12", "postal_code": "10437", "city": "Berlin", "country": "DE"}]);
    }
    record
}

fn people(house: &House) -> i64 {
    house.database().count(Shelf::Records, "subject WHERE state = 1")
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

/// What a command of `obhut graph` said.
fn graph(house: &House, arguments: &[&str]) -> String {
    let run = house.run(&[&["graph"], arguments].concat());
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Two Anna Schmidts of whom nothing else is known may be one. Somebody is asked once, however often they come; a yes makes
/// them one, a no keeps them apart whatever comes, and nobody else may ask or answer.
fn somebody_is_asked_once_and_the_answer_holds(database: Database) {
    let house = House::open(database);
    let anna = ("Anna", "Schmidt");
    house.ingest(&[named("webshop", "one", anna, json!({}))]).expect_all("created");
    house.ingest(&[named("books", "two", anna, json!({"mail": "anna@example.org"}))]).expect_all("created");
    assert_eq!(people(&house), 2);
    let open = || house.get(Role::Dpo, "/v1/reviews").expect(200).json()["reviews"].as_array().unwrap().clone();
    let asked = open();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(!Value::from(asked.clone()).to_string().contains("Schmidt"), "{asked:?}");
    // More of the one, known by the mailbox: the question stays one.
    house.ingest(&[named("books", "three", anna, json!({"mail": "anna@example.org"}))]).expect_all("created");
    assert_eq!((people(&house), open().len()), (2, 1));
    let id = text(&open()[0]["id"]);
    house.get(Role::Partner, "/v1/reviews").expect(403);
    house.post(Role::Partner, &format!("/v1/reviews/{id}"), &json!({"answer": "same"})).expect(403);
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "perhaps"})).expect(422);
    let before = house.audited("reviewed");
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "not_same"})).expect(200);
    assert_eq!((people(&house), open().len()), (2, 0));
    assert!(house.audited("reviewed") > before);
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "same"})).expect(404);
    // It is not asked again, and grouping everything anew keeps to it.
    graph(&house, &["resolve"]);
    assert_eq!((people(&house), open().len()), (2, 0));

    house.ingest(&[named("webshop", "four", ("Bernd", "Schmidt"), json!({}))]).expect_all("created");
    house.ingest(&[named("books", "five", ("Bernd", "Schmidt"), json!({}))]).expect_all("created");
    let asked = open();
    assert_eq!((people(&house), asked.len()), (4, 1), "{asked:?}");
    let id = text(&asked[0]["id"]);
    house.post(Role::Dpo, &format!("/v1/reviews/{id}"), &json!({"answer": "same"})).expect(200);
    assert_eq!((people(&house), open().len()), (3, 0));
    graph(&house, &["resolve"]);
    assert_eq!(people(&house), 3, "what somebody decided was taken back");
}

/// Under a model that joins nobody two records of one person stay two. The shipped one joins them when everything is grouped
/// anew, and the strict one takes them apart again; each model is shown, and the book says who chose it.
fn grouping_anew_joins_and_parts_by_the_model_in_force(database: Database) {
    let house = House::open(database);
    let strict = Model::shipped().named(1_001).to_toml().unwrap().replace("join = 4.0", "join = 60.0");
    let choose = |version: &str| {
        let before = house.audited("configured");
        let told = graph(&house, &["model", "--use", version]);
        assert!(house.audited("configured") > before);
        told
    };
    assert!(graph(&house, &["model"]).contains("shipped  weighs"));
    house.database().execute(
        Shelf::Records,
        &format!("INSERT INTO model (version, definition, made_at, records, pairs, in_force) VALUES (1001, '{strict}', 1, 2, 3, 0)"),
    );
    let told = choose("1001");
    assert!(told.contains("1001  trained") && told.contains("2 records, 3 pairs  weighs"), "{told}");
    let ottilie = |source: &str, id: &str| {
        named(source, id, ("Ottilie", "Zwirnlechner"), json!({"born": "1971-03-09", "street": "Kastanienallee"}))
    };
    house.ingest(&[ottilie("webshop", "one")]).expect_all("created");
    assert_eq!(people(&house), 1);
    graph(&house, &["resolve"]);
    choose("0");
    house.database().execute(Shelf::Records, "UPDATE model SET in_force = 1");
    // This process follows a moment later; the command line reads it at once.
    let run =
        house.command(&["import", "--quiet", "--format", "ndjson", "-"]).stdin(std::process::Stdio::piped()).spawn();
    let mut run = run.unwrap();
    std::io::Write::write_all(run.stdin.as_mut().unwrap(), ottilie("books", "two").to_string().as_bytes()).unwrap();
    assert!(run.wait().unwrap().success());
    assert_eq!(people(&house), 2, "the strict model joined");
    choose("0");
    let told = graph(&house, &["resolve"]);
    assert!(told.contains("2 records compared: 0 groups taken out, 1 people joined"), "{told}");
    assert_eq!(people(&house), 1);
    assert!(
        graph(&house, &["resolve"]).contains("0 groups taken out, 0 people joined"),
        "a second run changed something"
    );
    choose("1001");
    let told = graph(&house, &["resolve"]);
    assert!(told.contains("1 groups taken out, 0 people joined"), "{told}");
    assert_eq!(people(&house), 2);
    let unknown = house.run(&["graph", "model", "--use", "4711"]);
    assert!(!unknown.status.success());
}

/// Families, namesakes and misspelt names in three orders of arrival: grouped anew, they are the same groups.
fn the_order_of_arrival_decides_nothing_in_the_end(database: Database) {
    let mut records = Vec::new();
    for (number, family) in ["Zwirnlechner", "Ackerknecht", "Müller", "Okonkwo", "Birnbaum"].into_iter().enumerate() {
        let street = format!("{family}weg");
        for (at, given) in ["Ottilie", "Otilie", "Konrad", "Kunigunde"].into_iter().enumerate() {
            let born = format!("19{}1-03-0{}", 6 + at % 3, 1 + number);
            let mail = format!("{given}.{family}@example.org").to_lowercase().replace('ü', "ue");
            let id = |what: &str| format!("{family}-{given}-{what}");
            let name = (given, family);
            records.push(named("webshop", &id("all"), name, json!({"mail": mail, "born": born, "street": street})));
            records.push(named("books", &id("home"), name, json!({"street": street})));
            records.push(named("webshop", &id("mail"), name, json!({"mail": mail})));
            records.push(named("books", &id("name"), name, json!({})));
        }
    }
    let dialect = database.dialect();
    let mut found = Vec::new();
    for (order, database) in [Some(database), None, None].into_iter().enumerate() {
        let house = House::open(database.unwrap_or_else(|| fresh(dialect)));
        let mut arriving = records.clone();
        match order {
            1 => arriving.reverse(),
            2 => {
                arriving.sort_by_key(|record| record["external_id"].as_str().unwrap().chars().rev().collect::<String>())
            }
            _ => {}
        }
        for some in arriving.chunks(7) {
            house.ingest(some).expect_all("created");
        }
        graph(&house, &["resolve"]);
        found.push(groups(&house));
    }
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
    assert!(found[0].len() < records.len() && found[0].len() >= 15, "{} groups", found[0].len());
}

/// The weights are learnt from the hub's own records, rehearsed first; with too few of them nothing is learnt.
fn weights_are_learnt_from_the_records(database: Database) {
    let house = House::open(database);
    let too_few = house.run(&["graph", "train"]);
    assert!(!too_few.status.success());
    assert!(String::from_utf8_lossy(&too_few.stderr).contains("too few pairs"));
    let names = ["Ottilie", "Konrad", "Kunigunde", "Leopold", "Rosalinde", "Siegbert", "Walburga"];
    let mut records = Vec::new();
    for number in 0..160 {
        let family = format!("Familie{}", ["a", "b", "c", "d"][number % 4].repeat(1 + number / 40));
        let mail = format!("p{number}@example.org");
        let street = format!("Weg{}", number % 50);
        let more =
            json!({"mail": mail, "street": street, "born": format!("19{}-05-1{}", 50 + number % 40, number % 9)});
        let (given, slip) = (names[number % names.len()], &names[number % names.len()][1..]);
        records.push(named("webshop", &format!("w{number}"), (given, &family), more.clone()));
        records.push(named(
            "books",
            &format!("b{number}"),
            (if number % 5 == 0 { slip } else { given }, &family),
            more,
        ));
    }
    house.ingest(&records).expect_all("created");
    let told = graph(&house, &["train", "--dry-run"]);
    assert!(told.contains("nothing was stored") && told.contains("320 records"), "{told}");
    assert_eq!(house.database().count(Shelf::Records, "model"), 0);
    let before = house.audited("configured");
    let told = graph(&house, &["train"]);
    assert!(told.contains("model 1001 weighs from now on"), "{told}");
    assert!(house.audited("configured") > before);
    assert!(graph(&house, &["model"]).contains("1001  trained"));
    assert!(graph(&house, &["model", "--use", "0"]).contains("shipped  weighs"));
}

/// How often a name occurs is counted, under a number nobody can read, and not longer than somebody has it.
fn counts_end_with_what_they_counted(database: Database) {
    let house = House::open(database);
    let held = || house.database().texts(Shelf::Records, "SELECT CAST(SUM(held) AS TEXT) AS answer FROM term");
    let rows = || house.database().count(Shelf::Records, "term");
    let more = json!({"mail": "ottilie@example.org", "street": "Kastanienallee", "born": "1971-03-09"});
    house.ingest(&[named("webshop", "one", ("Ottilie", "Zwirnlechner"), more)]).expect_all("created");
    assert_eq!(rows(), 5, "given and family name, town, postal code, birth date");
    house.ingest(&[named("books", "two", ("Ottilie", "Birnbaum"), json!({}))]).expect_all("created");
    assert_eq!((rows(), held()), (6, vec!["7".to_owned()]));
    // A newer version takes what it does not say any more off the counts.
    let mut newer = named("books", "two", ("Ottilie", "Ackerknecht"), json!({}));
    newer["updated_at"] = "2026-03-08T13:40:01Z".into();
    house.ingest(&[newer]).expect_all("updated");
    let nobody = |id: &str| {
        json!({"type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
            "data": {"note": "of nobody"}})
    };
    house.ingest(&[nobody("later")]).expect_all("created");
    assert_eq!((rows(), held()), (6, vec!["7".to_owned()]));
    let demand =
        json!({"right": "erasure", "identifier": {"kind": "email", "value": "ottilie@example.org"}, "execute": true});
    house.post(Role::Dpo, "/v1/requests", &demand).expect(201);
    house.ingest(&[nobody("last")]).expect_all("created");
    assert_eq!((rows(), held()), (2, vec!["2".to_owned()]), "what was erased is still counted");
    assert_eq!(house.database().count(Shelf::Records, "term_gone"), 0);
}

/// A thousand people at one number, verified or not, as a lodging house or a careless till makes them: each is somebody, as they
/// arrive and when everything is grouped anew.
fn a_thousand_at_one_phone_are_a_thousand(database: Database) {
    let given = "Ottilie Bernhard Cäcilie Dietrich Elfriede Friedhelm Gundula Hartmut Ingeborg Joachim Kunigunde Leopold Mechthild \
        Norbert Petronella Quirin Roswitha Siegbert Theresia Ulrich";
    let family = "Zwirnlechner Ackerknecht Okonkwo Birnbaum Haberstroh Spitzweg Kowalczyk Lautenschläger Papadopoulos Moosgruber \
        Vogelsang Jablonski Quandt Taubert Uhlenbrock Ritzenhoff Eichendorff Nachtigall Feuerbach Grünewald Sonnenschein Trautwein \
        Wieczorek Yıldırım Dombrowski Achternbusch Buxtehude Czerny Delbrück Engelhardt Fontane Gryphius Hölderlin Immermann Jungnickel \
        Kirschstein Löwenthal Morgenstern Nepomuk Oberländer Pückler Quistorp Rosenkranz Schopenhauer Tischbein Unverzagt Varnhagen \
        Winterfeldt Xylander Zuckmayer";
    let dialect = database.dialect();
    let mut database = Some(database);
    for verified in [true, false] {
        let house = House::open(database.take().unwrap_or_else(|| fresh(dialect)));
        let mut records = Vec::new();
        for family in family.split_whitespace() {
            for given in given.split_whitespace() {
                let mut record = named("webshop", &records.len().to_string(), (given, family), json!({}));
                record["identifiers"] = json!([{"kind": "phone", "value": "+49 30 23125140", "verified": verified}]);
                records.push(record);
            }
        }
        for some in records.chunks(50) {
            house.ingest(some).expect_all("created");
        }
        assert_eq!((records.len(), people(&house)), (1_000, 1_000), "as they arrived, verified: {verified}");
        let told = graph(&house, &["resolve"]);
        assert_eq!(people(&house), 1_000, "verified: {verified}: {told}");
    }
}

fn fresh(dialect: Dialect) -> Database {
    match dialect {
        Dialect::Sqlite => Database::sqlite(),
        Dialect::Postgres => Database::postgres(),
    }
}

/// Taking somebody apart from the command line does what the API does, and says who is to be told.
fn somebody_is_taken_apart_from_the_command_line(database: Database) {
    let house = House::open(database);
    let both = json!({"born": "1971-03-09", "street": "Kastanienallee"});
    for (source, id) in [("webshop", "one"), ("books", "two")] {
        house.ingest(&[named(source, id, ("Ottilie", "Zwirnlechner"), both.clone())]).expect_all("created");
    }
    assert_eq!(people(&house), 1);
    let table = graph(&house, &["assignments"]);
    let person = table.lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
    let told = house.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).expect(200).json();
    let part = text(&told["parts"][0]["subject_id"]);
    let said = graph(&house, &["split", &person, "--part", &part]);
    assert!(said.contains(&format!("{person} stays")) && said.contains(&format!("{part} was taken out")), "{said}");
    assert_eq!(people(&house), 2);
    // Somebody said so: nothing joins them again.
    graph(&house, &["resolve"]);
    assert_eq!(people(&house), 2);
    assert!(!house.run(&["graph", "split", &person, "--part", &part]).status.success());
}

in_a_house_on_both_databases!(
    somebody_is_asked_once_and_the_answer_holds,
    grouping_anew_joins_and_parts_by_the_model_in_force,
    the_order_of_arrival_decides_nothing_in_the_end,
    weights_are_learnt_from_the_records,
    counts_end_with_what_they_counted,
    a_thousand_at_one_phone_are_a_thousand,
    somebody_is_taken_apart_from_the_command_line,
);
