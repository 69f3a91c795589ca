//! What is in a package, and what is not.

use std::io::{Cursor, Read as _};

use serde_json::Value;

use super::house::{House, key};
use crate::consent::Text;
use crate::databases::{Database, on_both_databases};
use crate::gateway::{Answer, Ask, Scope};
use crate::rights::{Error, Kind, Membership, Package, Request};
use crate::store::api_keys::{self, ApiKeyRow};
use crate::store::rows::Who;
use crate::types::{ApiKeyId, Role, Timestamp};

on_both_databases!(
    a_package_holds_everything_of_the_person_and_nothing_of_others,
    the_page_runs_no_script_fetches_nothing_and_trusts_no_value,
    a_person_without_records_is_told_so,
    an_access_request_erases_nobody_and_an_erasure_discloses_nothing,
    a_copy_of_an_answer_names_the_first_and_is_recorded_as_rebuilt,
);

fn file(package: &Package, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(package.bytes())).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn membership(why: &str) -> Vec<Membership> {
    let text = |de: &str, en: &str| Text { de: de.to_owned(), en: en.to_owned() };
    vec![Membership {
        segment: "loyal".to_owned(),
        title: text("Stammkunden", "Loyal customers"),
        effect: text("Gutscheine", "Vouchers"),
        why: serde_json::json!({"rule": why}),
    }]
}

async fn a_package_holds_everything_of_the_person_and_nothing_of_others(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    house.customer("berta").await;
    // A mailing tool received the address under the newsletter.
    let tool = ApiKeyId::from_uuid(uuid::Uuid::from_u128(77));
    let row = ApiKeyRow {
        key_id: tool,
        title: "Mailing tool".to_owned(),
        secret_hash: vec![1; 32],
        role: Role::Marketing.number(),
        purposes: "[]".to_owned(),
        created_at: Timestamp::from_micros(1),
        expires_at: Timestamp::UNSET,
        revoked_at: Timestamp::UNSET,
        source_no: crate::types::SourceNo(0),
    };
    house.store.write(move |write| api_keys::insert(write, row.clone())).await.unwrap();
    let purpose: crate::types::PurposeCode = "newsletter_email".parse().unwrap();
    let caller = key(77, Role::Marketing, Scope::only([purpose.clone()]));
    let ask = Ask { caller, purpose, categories: None, channel: None, reason: None };
    let read = house.gateway.read(&ask, Who::Subject(anna), None).await.unwrap();
    assert!(matches!(read, Answer::Disclosed(_)));

    let id = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let package = house.rights.access(id, membership("anna-why: three orders"), &house.dpo()).await.unwrap();
    let seeded = ["name", "html", "city", "score", "special", "invoice", "proof", "why"];
    let (data, page) = (file(&package, "data.json"), file(&package, "package.html"));
    for mark in seeded {
        assert!(data.contains(&format!("anna-{mark}")) && page.contains(&format!("anna-{mark}")), "{mark}");
    }
    let (csv, portable) = (file(&package, "data.csv"), file(&package, "portable.json"));
    for text in [&data, &page, &csv, &portable] {
        assert!(!text.contains("berta"));
    }
    assert!(csv.contains("invoice.number,anna-invoice"));
    assert!(portable.contains("anna-name") && !portable.contains("anna-score"));
    assert!(file(&package, "README.txt").contains("Art. 15"));

    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["contents"].as_array().unwrap().len(), 14);
    for item in data["contents"].as_array().unwrap() {
        assert!(["de", "en"].iter().all(|language| !item["answer"][language].as_str().unwrap().is_empty()));
    }
    assert_eq!(data["recipients"][0]["name"], "Mailing tool");
    assert_eq!(data["recipients"][0]["count"], 1);
    assert_eq!(data["readings_inside"][0]["name"], "data protection officer");
    assert_eq!(data["consents"][0]["evidence"]["form_url"], "anna-proof");
    assert_eq!(data["links"][0]["rule"], "same_verified_email");
    let invoice = &data["records"][1];
    assert_eq!((&invoice["type"], &invoice["source"]), (&"invoice".into(), &"webshop".into()));
    let financial = invoice["parts"].as_array().unwrap().iter().find(|part| part["category"] == "financial").unwrap();
    assert_eq!(financial["kept_until"], "2034-12-31");
    assert!(financial["uses"].as_array().unwrap().iter().any(|of| of["purpose"] == "bookkeeping"));

    let Request::Answered(answered) = house.rights.request(id).await.unwrap() else { panic!("not answered") };
    let outcome: Value = serde_json::from_str(&answered.outcome).unwrap();
    assert_eq!(outcome["package_sha256"], package.sha256());
    assert!(!answered.outcome.contains("anna"));
    // Built in memory: nothing of it lies in the store.
    assert_eq!(house.places_with(b"anna-name"), 0);
    assert_eq!(house.places_with(b"anna-why"), 0);
}

async fn the_page_runs_no_script_fetches_nothing_and_trusts_no_value(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let id = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let package = house.rights.access(id, membership("<script>x</script>"), &house.dpo()).await.unwrap();
    let page = file(&package, "package.html");
    for forbidden in ["<script", "<b>", "src=", "href=", "url(", "@import", "onload"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("&#60;b&#62;anna-html") && page.contains("&#60;script&#62;x"));
}

async fn a_person_without_records_is_told_so(database: Database) {
    let house = House::open(database).await;
    let nobody = house.person().await;
    let id = house.rights.receive(Kind::Access, Who::Subject(nobody), None, &house.dpo()).await.unwrap().case().id;
    let package = house.rights.access(id, Vec::new(), &house.dpo()).await.unwrap();
    let data: Value = serde_json::from_str(&file(&package, "data.json")).unwrap();
    assert_eq!(data["records"].as_array().unwrap().len(), 0);
    assert_eq!(data["contents"][0]["answer"]["en"], "No records about you are stored.");
    assert!(data["contents"][13]["answer"]["en"].as_str().unwrap().contains("webshop"));
}

async fn an_access_request_erases_nobody_and_an_erasure_discloses_nothing(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let access = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let erasure = house.rights.receive(Kind::Erasure, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    assert!(matches!(house.rights.erase(access, &house.dpo()).await, Err(Error::OutOfTurn(_))));
    assert!(matches!(house.rights.access(erasure, Vec::new(), &house.dpo()).await, Err(Error::OutOfTurn(_))));
}

async fn a_copy_of_an_answer_names_the_first_and_is_recorded_as_rebuilt(database: Database) {
    let house = House::open(database).await;
    let anna = house.customer("anna").await;
    let id = house.rights.receive(Kind::Access, Who::Subject(anna), None, &house.dpo()).await.unwrap().case().id;
    let first = house.rights.access(id, Vec::new(), &house.dpo()).await.unwrap();
    let again = house.rights.access(id, Vec::new(), &house.dpo()).await.unwrap();
    let answer = |package: &Package| {
        let data: Value = serde_json::from_str(&file(package, "data.json")).unwrap();
        data["request"]["first_answer"].clone()
    };
    assert_eq!(answer(&first), Value::Null);
    assert_eq!(answer(&again)["package_sha256"], first.sha256());
    assert!(answer(&again)["made_at"].as_str().unwrap().starts_with("2026-11-21"));
    // Received, answered, rebuilt.
    assert_eq!(house.lines(crate::audit::Act::RequestAnswered).await, 2);
}
