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

in_a_house_on_both_databases!(debtors_come_in_by_the_folder_and_go_out_as_they_came);

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
fn only_the_mailbox_of_a_person_is_verified() {
    let text: String = fixture("debtors.csv").into_iter().map(char::from).collect();
    for (kind, verified) in [("\"1\"", true), ("\"0\"", false), ("", false), ("\"2\"", false)] {
        let text = text.replacen(";\"1\";", &format!(";{kind};"), 1);
        let bytes: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
        let record = read(&bytes).remove(0).unwrap();
        let email = record["identifiers"].as_array().unwrap().iter().find(|one| one["kind"] == "email").unwrap();
        assert_eq!(email["verified"], verified, "{kind}");
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
