//! DATEV: files in, and a file out that reads back the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use obhut::connect::{Catalog, FileError, Form};
use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, in_a_house_on_both_databases};

in_a_house_on_both_databases!(
    debtors_come_in_by_the_folder_and_go_out_as_they_came,
    an_account_is_of_one_person,
    whoever_is_erased_is_told_what_the_adviser_keeps,
);

fn read(content: &[u8]) -> Vec<Result<Value, FileError>> {
    let catalog = Catalog::embedded().unwrap();
    let datev = catalog.connector("datev").unwrap();
    let records = datev.read(Cursor::new(content), Form::Csv, "steuer");
    records.map(|record| record.map(|record| serde_json::from_slice(&record).unwrap())).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/datev/fixtures").join(name)).unwrap()
}

#[test]
fn bookings_of_debtors_become_invoices_and_payments() {
    let records: Vec<Value> = read(&fixture("bookings.csv")).into_iter().map(Result::unwrap).collect();
    let told: Vec<Value> = records
        .iter()
        .map(|record| {
            let data = &record["data"];
            let (amount, day) =
                if record["type"] == "payment" { ("amount", "paid_at") } else { ("total", "issued_at") };
            json!([record["type"], data["kind"], data[amount], data[day], record["identifiers"][0]["value"]])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["invoice", "invoice", "1249.90", "2026-02-03T00:00:00Z", "10000"]),
            json!(["payment", null, "1249.90", "2026-02-10T00:00:00Z", "10000"]),
            json!(["invoice", "credit_note", "49.90", "2026-02-12T00:00:00Z", "10001"]),
            json!(["invoice", "invoice", "80.00", "2026-02-14T00:00:00Z", "10002"]),
        ]
    );
    assert!(!json!(records).to_string().contains("K-1001"), "the text of a booking is not read");
}

#[test]
fn accounts_may_be_longer_than_those_of_the_chart() {
    let told = |name: &str| -> Vec<Value> {
        let records = read(&fixture(name)).into_iter().map(Result::unwrap);
        records.map(|record| json!([record["type"], record["data"]])).collect()
    };
    // The same bookings, the bank with six digits: 120000.
    assert_eq!(told("bookings-six-digits.csv"), told("bookings.csv"));
}

#[test]
fn a_mailbox_somebody_typed_into_the_books_is_not_verified() {
    let text: String = fixture("debtors.csv").into_iter().map(char::from).collect();
    for kind in ["\"1\"", "\"0\"", "", "\"2\""] {
        let text = text.replacen(";\"1\";", &format!(";{kind};"), 1);
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        let record = read(&bytes).remove(0).unwrap();
        let email = record["identifiers"].as_array().unwrap().iter().find(|one| one["kind"] == "email").unwrap();
        assert_eq!(email["verified"], false, "{kind}");
    }
}

#[test]
fn what_is_no_such_file_is_told_and_a_bad_row_does_not_stop_the_others() {
    for strange in [&b"Konto;Name\n10000;x\n"[..], b"", b"EXTF;700;16\n", b"PK\x03\x04"] {
        assert!(matches!(read(strange)[..], [Err(FileError::NotExtf)]), "{strange:?}");
    }
    let mut broken = fixture("debtors.csv");
    broken.extend(b";;\"nobody\"\r\n10004\r\n\"10005\";\"\x81\"\r\n");
    broken.extend([b'1', b'0', b'0', b'0', b'6'].iter().chain(&[b';'; 300]));
    let read = read(&broken);
    let told: Vec<String> = read.iter().filter_map(|one| one.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!(read.len() - told.len(), 4, "a row may end early");
    assert!(told[0].contains("the row has no account"), "{told:?}");
    assert!(told[1].contains("windows-1252") && told[2].contains("301 columns"), "{told:?}");
    // A fiscal year from July: February lies in the year after.
    let text: String = fixture("bookings.csv").into_iter().map(char::from).collect();
    let text = text.replace(";20260101;", ";20250701;");
    let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    assert_eq!(self::read(&bytes).remove(0).unwrap()["data"]["issued_at"], "2026-02-03T00:00:00Z");
}

/// What a file says of each debtor, without what bookkeeping does not need.
fn debtors(content: &[u8]) -> BTreeMap<String, Value> {
    let records = read(content).into_iter().map(Result::unwrap);
    records
        .map(|record| {
            let id = record["external_id"].as_str().unwrap().to_owned();
            (id, json!([record["data"]["person"], record["data"]["addresses"], record["data"]["customer_number"]]))
        })
        .collect()
}

fn debtors_come_in_by_the_folder_and_go_out_as_they_came(database: Database) {
    let mut house = House::open(database);
    house.keep_secret("marlene.koehler@example.org");
    let folder = house.home().join("steuer");
    fs::create_dir(&folder).unwrap();
    let path = format!("folder={}", folder.display());
    let fixed = ["sources", "add", "datev", "--code", "steuer", "--set", &path, "--set", "after=remove"];
    let added = house.run(&[&fixed[..], &["--set", "settle_seconds=0", "--every", "0"]].concat());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    for name in ["debtors.csv", "bookings.csv"] {
        fs::write(folder.join(name), fixture(name)).unwrap();
    }
    let synced = house.run(&["sources", "sync", "steuer"]);
    let told = String::from_utf8_lossy(&synced.stdout);
    assert!(told.contains("7 new, 0 changed"), "{told}");
    assert_eq!(house.database().count(Shelf::Records, "subject"), 3, "bookings find their debtor");

    // Purposes other than those of the books read nothing of it.
    let asked = |purpose: &str| {
        let question =
            json!({"identifier": {"kind": "email", "value": "marlene.koehler@example.org"}, "purpose": purpose});
        house.post(Role::Dpo, "/v1/profiles/lookup", &question).status
    };
    assert_eq!((asked("subject_access"), asked("order_fulfilment")), (200, 404));

    let said = house.post(Role::Dpo, "/v1/sources/steuer/erasures", &json!({"account": "10000"})).expect(200).json();
    assert_eq!((&said["leaves"], &said["steps"]), (&json!("restricted"), &json!([])), "{said}");

    let out = house.home().join("EXTF_Debitoren.csv");
    let export =
        ["export", "datev", "--consultant", "29098", "--client", "55", "--fiscal-year", "2026-01-01", "--output"];
    let exported = house.run(&[&export[..], &[out.to_str().unwrap()]].concat());
    let told = String::from_utf8_lossy(&exported.stdout);
    assert!(told.contains("3 debtors written; 0 people"), "{told} {}", String::from_utf8_lossy(&exported.stderr));
    let written = fs::read(&out).unwrap();
    assert_eq!(debtors(&written), debtors(&fixture("debtors.csv")));
    let text: String = written.iter().map(|byte| char::from(*byte)).collect();
    assert!(!text.contains("@example.org") && !text.contains("040"), "bookkeeping needs no mail address");
    assert_eq!(fs::metadata(&out).map(|found| std::os::unix::fs::MetadataExt::mode(&found) & 0o777).unwrap(), 0o600);
    let wrong = house.run(&[
        "export",
        "datev",
        "--consultant",
        "7",
        "--client",
        "55",
        "--fiscal-year",
        "2026-01-01",
        "--output",
        "x",
    ]);
    assert_eq!(wrong.status.code(), Some(1));
    fs::remove_file(out).unwrap();
}

/// A house with a folder of DATEV's files, in which these lie.
fn with_folder(database: Database, files: &[(&str, Vec<u8>)]) -> House {
    let house = House::open(database);
    let folder = house.home().join("steuer");
    fs::create_dir(&folder).unwrap();
    let path = format!("folder={}", folder.display());
    let fixed = ["sources", "add", "datev", "--code", "steuer", "--set", &path, "--set", "after=remove"];
    let added = house.run(&[&fixed[..], &["--set", "settle_seconds=0", "--every", "0"]].concat());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
    let synced = house.run(&["sources", "sync", "steuer"]);
    assert!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    house
}

/// An order, which the books need.
fn bought(source: &str, id: &str, identifiers: &[Value]) -> Value {
    json!({
        "type": "order", "source": source, "external_id": id, "updated_at": "2026-03-01T00:00:00Z",
        "identifiers": identifiers,
        "data": {
            "number": id, "ordered_at": "2026-03-01T00:00:00Z", "status": "paid", "currency": "EUR", "total": "19.99",
            "person": {"family_name": format!("Kundin{id}")},
        },
    })
}

const ADVISER: &str = "tax adviser (DATEV)";

fn an_account_is_of_one_person(database: Database) {
    let house = with_folder(database, &[("debtors.csv", fixture("debtors.csv"))]).with_source("shop", json!({}));
    let shop = |id: &str, numbers: &[&str]| {
        let identifiers: Vec<Value> = std::iter::once(json!({"kind": "account", "value": id}))
            .chain(numbers.iter().map(|number| json!({"kind": "customer_number", "value": number})))
            .collect();
        bought("shop", id, &identifiers)
    };
    let first = [
        // Looks like an account of the books, which is somebody else's.
        shop("one", &["10000"]),
        shop("two", &["23456"]),
        shop("three", &["34567"]),
        shop("four", &["10001", "45678"]),
    ];
    house.ingest(&first).expect_all("created");
    let out = house.home().join("EXTF_Debitoren.csv");
    fs::write(&out, "before").unwrap();
    let export =
        ["export", "datev", "--consultant", "29098", "--client", "55", "--fiscal-year", "2026-01-01", "--output"];
    let exported = house.run(&[&export[..], &[out.to_str().unwrap()]].concat());
    let told = String::from_utf8_lossy(&exported.stdout).into_owned();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let written = debtors(&fs::read(&out).unwrap());
    let accounts: Vec<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(accounts, ["10000", "10001", "10002", "23456", "34567", "45678"], "{told}");
    assert_ne!(written["10000"][0]["family_name"], "Kundinone", "two people stand under one account");
    assert_eq!(fs::metadata(&out).map(|found| std::os::unix::fs::MetadataExt::mode(&found) & 0o777).unwrap(), 0o600);
    // Who gets it stands in the book before it is written, with everybody in it.
    let handed: Vec<Value> =
        house.audit().iter().map(|line| line["body"].clone()).filter(|line| line["recipient"] == ADVISER).collect();
    assert_eq!(handed.len(), 1, "{handed:?}");
    assert_eq!((&handed[0]["count"], &handed[0]["object"]), (&json!(6), &json!("debtors")));
    // An account that two people would get is named and left out.
    let house = house.with_source("till", json!({}));
    let other = bought("till", "five", &[json!({"kind": "customer_number", "value": "23456"})]);
    house.ingest(&[other]).expect_all("created");
    let exported = house.run(&[&export[..], &[out.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&exported.stderr).into_owned();
    assert!(said.contains("account 23456: left out") && !said.contains("Kundin"), "{said}");
    assert!(!debtors(&fs::read(&out).unwrap()).contains_key("23456"));
}

fn whoever_is_erased_is_told_what_the_adviser_keeps(database: Database) {
    let house = with_folder(database, &[("debtors.csv", fixture("debtors.csv"))]);
    let who = json!({"kind": "email", "value": "marlene.koehler@example.org"});
    let demand = json!({"right": "erasure", "identifier": who});
    let request = house.post(Role::Dpo, "/v1/requests", &demand).expect(201).json();
    let id = request["id"].as_str().unwrap();
    let listed = house.run(&["requests", "list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&format!("{id}  erasure")), "{listed:?}");
    let keys = house.database().count(Shelf::Keys, "data_key");
    let done = house.run(&["requests", "execute", id]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let certificate: Value = serde_json::from_slice(&done.stdout).unwrap();
    let source = &certificate["certificate"]["sources"][0];
    assert_eq!((&source["state"], &source["outcome"]), (&json!("final"), &json!("restricted")), "{certificate}");
    assert!(house.database().count(Shelf::Keys, "data_key") <= keys, "what nobody is told is kept sealed");
    let shown = house.run(&["requests", "show", id]);
    let told = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(told.contains("source steuer: final after 1 attempts") && told.contains("tax adviser"), "{told}");
}
