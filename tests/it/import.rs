//! `obhut import` from outside: what goes in, what is refused and how that is told, and how it ends.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use obhut::types::Role;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, mail};

const SHOPWARE: &str = "connectors/shopware6/fixtures/customers.json";

/// What a run of the command said and how it ended.
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn by(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // The log goes to standard error as JSON; what is left is for the operator.
        let err = text(&output.stderr).lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n");
        Self { code: output.status.code(), out: text(&output.stdout), err }
    }

    #[track_caller]
    fn expect(self, code: i32, summary: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        assert!(self.out.contains(summary), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn because(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{part} is missing: {}", self.err);
        }
        self
    }

    #[track_caller]
    fn without(self, secrets: &[&str]) -> Self {
        for secret in secrets {
            assert!(!self.out.contains(secret) && !self.err.contains(secret), "{secret}:\n{}\n{}", self.out, self.err);
        }
        self
    }
}

fn import(house: &House, arguments: &[&str]) -> Told {
    Told::by(&house.run(&[&["import"], arguments].concat()))
}

/// A file of the house.
fn file(house: &House, name: &str, content: &str) -> String {
    let path: PathBuf = house.home().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn known(house: &House, name: &str) -> bool {
    let found = house.lookup(Role::Dpo, name, "subject_access");
    assert!([200, 404].contains(&found.status), "{}", found.text());
    found.status == 200
}

fn records_go_in_once_however_often_they_are_brought(database: Database) {
    let house = House::open(database);
    let path = file(&house, "people.ndjson", &lines(&[customer("webshop", "anton"), customer("webshop", "berta")]));
    import(&house, &[&path]).expect(0, "2 records: 2 created, 0 updated, 0 unchanged");
    assert!(known(&house, "anton") && known(&house, "berta"));
    import(&house, &[&path]).expect(0, "2 records: 0 created, 0 updated, 2 unchanged");
    let newer = customer("webshop", "anton").to_string().replace("2026-03-07", "2026-03-08").replace("Berlin", "Bonn");
    let newer = file(&house, "newer.ndjson", &newer);
    import(&house, &[&newer]).expect(0, "1 records: 0 created, 1 updated");
    import(&house, &[&path]).expect(0, "2 records: 0 created, 0 updated, 1 unchanged, 1 older than what is there");
    let found = house.lookup(Role::Dpo, "anton", "subject_access").expect(200).text();
    assert!(found.contains("Bonn") && !found.contains("Berlin"), "{found}");
    let brought: Vec<Value> = house.audit().into_iter().filter(|entry| entry["act"] == "ingested").collect();
    assert_eq!(brought.len(), 4, "each run is written down: {brought:?}");
}

fn a_vendors_document_and_a_list_of_them_go_in(database: Database) {
    let house = House::open(database);
    let page = std::fs::read_to_string(SHOPWARE).unwrap();
    let count = serde_json::from_str::<Value>(&page).unwrap()["data"].as_array().unwrap().len();
    let created = format!("{count} records: {count} created");
    let unchanged = format!("{count} records: 0 created, 0 updated, {count} unchanged");
    import(&house, &["--connector", "shopware6", SHOPWARE]).expect(0, &created);
    import(&house, &["--connector", "shopware6", "--stream", "customers", SHOPWARE]).expect(0, &unchanged);
    let list = file(&house, "pages.json", &format!("[{page}]"));
    import(&house, &["--connector", "shopware6", &list]).expect(0, &unchanged);
    // One page on one line.
    let flat = serde_json::from_str::<Value>(&page).unwrap().to_string();
    let flat = file(&house, "pages.ndjson", &format!("{flat}\n"));
    import(&house, &["--connector", "shopware6", &flat]).expect(0, &unchanged);
    // Under another source they are other records.
    import(&house, &["--connector", "shopware6", "--source", "second_shop", SHOPWARE]).expect(0, &created);
}

fn a_refused_record_is_named_and_the_others_go_in(database: Database) {
    let house = House::open(database);
    let mut secretive = customer("webshop", "caesar");
    secretive["identifiers"][0]["value"] = json!("geheim-at-nowhere");
    let mut unknown = customer("webshop", "dora");
    unknown["data"]["favourite_colour"] = json!("Blaugeheim");
    let elsewhere = customer("nowhere", "emil");
    let content = format!(
        "{}\n\n{secretive}\n{unknown}\n{{\"type\":\"customer\",\"geheim\n{elsewhere}\n{}\n",
        customer("webshop", "anton"),
        customer("webshop", "berta")
    );
    let path = file(&house, "mixed.ndjson", &content);
    let dry = import(&house, &["--dry-run", &path]).expect(1, "6 records");
    dry.because(&["mixed.ndjson, line 3: ", "\"/identifiers/0/value\""]).without(&["geheim", "caesar", "dora"]);
    assert!(!known(&house, "anton"), "a dry run stored something");
    let told = import(&house, &[&path]).expect(1, "6 records: 3 created, 0 updated, 0 unchanged").because(&[
        "mixed.ndjson, line 3: ",
        "\"/identifiers/0/value\"",
        "mixed.ndjson, line 4: unknown_field at \"/data",
        "mixed.ndjson, line 5: invalid_json at \"\"",
        "mixed.ndjson, line 6: ",
        "\"/source\"",
        "3 records were refused",
    ]);
    told.without(&["geheim", "Blau", "caesar", "Caesar", "dora", "emil", "example.org"]);
    assert!(known(&house, "anton") && known(&house, "berta") && !known(&house, "dora"));
}

fn an_import_that_breaks_off_keeps_and_writes_down_what_went_in(database: Database) {
    let house = House::open(database);
    let path = file(&house, "people.ndjson", &lines(&[customer("webshop", "anton")]));
    let before = house.audited("ingested");
    import(&house, &[&path, "/nowhere/at-all.ndjson"]).expect(1, "").because(&["/nowhere/at-all.ndjson: "]);
    assert!(known(&house, "anton"));
    assert_eq!(house.audited("ingested"), before + 1);
    import(&house, &["/nowhere/at-all.ndjson"]).expect(1, "").because(&["/nowhere/at-all.ndjson: "]);
    assert_eq!(house.audited("ingested"), before + 1);
}

in_a_house_on_both_databases!(
    records_go_in_once_however_often_they_are_brought,
    a_vendors_document_and_a_list_of_them_go_in,
    a_refused_record_is_named_and_the_others_go_in,
    an_import_that_breaks_off_keeps_and_writes_down_what_went_in,
);

#[test]
fn what_cannot_be_read_at_all_is_told_and_ends_with_one() {
    let house = House::open(Database::sqlite());
    let broken = file(&house, "broken.json", "{\"data\": [\n{\"geheim\": ");
    let other = file(&house, "other.json", "{\"geheim\": 1}");
    let table = file(&house, "table.csv", "geheim;b\n1;2\n");
    let mystery = file(&house, "mystery.txt", "geheim");
    std::fs::create_dir(house.home().join("directory.ndjson")).unwrap();
    let directory = house.home().join("directory.ndjson").to_str().unwrap().to_owned();
    for (arguments, why) in [
        (vec!["--connector", "nobody", SHOPWARE], vec!["there is no connector `nobody`", "shopware6"]),
        (vec!["--connector", "shopware6", "--stream", "nothing", SHOPWARE], vec!["no such stream"]),
        (vec!["--connector", "shopware6", &broken], vec!["broken.json: the file is not JSON", "line 2"]),
        (vec!["--connector", "shopware6", "--stream", "customers", &broken], vec!["not JSON", "line 2"]),
        (vec!["--connector", "shopware6", &other], vec!["no stream of `shopware6` recognises this"]),
        (vec![&other], vec!["--connector"]),
        (vec![&table], vec!["--mapping"]),
        (vec!["--mapping", "connectors/generic/mapping.yaml", &table], vec!["--source"]),
        (vec!["--mapping", "connectors/generic/mapping.yaml", "--source", "old", &table], vec!["no column"]),
        (vec![&mystery], vec!["--format"]),
        (vec![&directory], vec!["directory.ndjson: line 1: "]),
        (vec!["--connector", "shopware6", &directory], vec!["directory.ndjson: "]),
    ] {
        let told = import(&house, &arguments).expect(1, "").because(&why).without(&["geheim"]);
        assert!(told.err.lines().count() < 20, "{}", told.err);
    }
    assert_eq!(house.audited("disclosed"), 0);
    // Exit status 2: the command line itself is wrong.
    for arguments in [vec![], vec!["--stream", "customers", SHOPWARE], vec!["--format", "xml", SHOPWARE]] {
        import(&house, &arguments).expect(2, "");
    }
}

#[test]
fn a_table_goes_in_by_its_mapping_and_tells_which_row_is_refused() {
    let house = House::open(Database::sqlite());
    let table = std::fs::read_to_string("connectors/generic/fixtures/customers.csv").unwrap();
    let rows = table.lines().count() - 1;
    let path = file(&house, "customers.csv", &format!("{table}K-9999;geheim;zu;kurz\n"));
    let arguments = ["--mapping", "connectors/generic/mapping.yaml", "--source", "till", &path];
    let told = import(&house, &arguments).expect(1, &format!("{} records: {rows} created", rows + 1));
    told.because(&[&format!("customers.csv: line {} has 4 columns", rows + 2)]).without(&["geheim", "Völker"]);
    import(&house, &arguments).expect(1, &format!("0 created, 0 updated, {rows} unchanged"));
}

#[test]
fn standard_input_goes_in() {
    let house = House::open(Database::sqlite());
    let path = file(&house, "people.ndjson", &lines(&[customer("webshop", "anton")]));
    let mut command = house.command(&["import", "-", "--format", "ndjson"]);
    let output = command.stdin(Stdio::from(std::fs::File::open(path).unwrap())).output().unwrap();
    Told::by(&output).expect(0, "1 records: 1 created").without(&[&mail("anton")]);
    assert!(known(&house, "anton"));
}
