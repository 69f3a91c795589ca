//! The connectors that come with the hub, run over their own fixtures.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper of a test may fail the test")]

mod categories;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use obhut::connect::{AllowedPurposes, Catalog, Connector, FileError, Form, Origin, Parameters, TableMapping};
use obhut::types::{IdentifierKind, RecordKind, Timestamp};
use serde_json::{Value, json};

use crate::openapi_content;

fn catalog() -> Catalog {
    Catalog::embedded().unwrap()
}

/// The canonical records of a fixture.
fn records(connector: &Connector, fixture: &str) -> Vec<Value> {
    let (_, content) = connector.fixtures().find(|(name, _)| *name == fixture).unwrap();
    let form = Form::of(Path::new(fixture)).unwrap();
    let items = match (form, connector.table()) {
        (Form::Csv, Some(table)) => table.read(Cursor::new(content), "fixture"),
        _ => connector.read(Cursor::new(content), form, connector.example("fixture")),
    };
    items
        .map(|item| {
            serde_json::from_slice(&item.unwrap_or_else(|error| panic!("{}/{fixture}: {error}", connector.name())))
                .unwrap()
        })
        .collect()
}

fn of(connector: &str, fixture: &str) -> Vec<Value> {
    records(catalog().connector(connector).unwrap(), fixture)
}

fn value_of<'a>(record: &'a Value, kind: &str) -> Option<&'a str> {
    let identifiers = record["identifiers"].as_array()?;
    identifiers.iter().find(|identifier| identifier["kind"] == kind)?["value"].as_str()
}

#[test]
fn every_fixture_maps_to_sound_records() {
    let catalog = catalog();
    let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
    for connector in catalog.connectors().filter(|connector| !connector.streams().is_empty()) {
        assert!(connector.fixtures().count() > 0, "{} has no fixture", connector.name());
        for (fixture, _) in connector.fixtures() {
            let records = records(connector, fixture);
            assert!(!records.is_empty(), "{}/{fixture} holds nothing", connector.name());
            let mut ids = BTreeSet::new();
            for record in records {
                record["type"].as_str().unwrap().parse::<RecordKind>().unwrap();
                assert_eq!(record["source"], "fixture");
                let id = (record["type"].to_string(), record["external_id"].as_str().unwrap().to_owned());
                assert!(ids.insert(id), "{}/{fixture}: an external_id stands twice", connector.name());
                assert!(Timestamp::parse(record["updated_at"].as_str().unwrap()).unwrap() < now, "{record}");
                for identifier in record["identifiers"].as_array().unwrap() {
                    identifier["kind"].as_str().unwrap().parse::<IdentifierKind>().unwrap();
                    assert!(identifier["value"].is_string());
                }
                for consent in record.get("consents").and_then(Value::as_array).into_iter().flatten() {
                    assert!(Timestamp::parse(consent["at"].as_str().unwrap()).unwrap() < now);
                    consent["method"].as_str().unwrap().parse::<obhut::consent::Method>().unwrap();
                }
            }
        }
    }
}

#[test]
fn a_page_is_recognised_by_one_stream_alone() {
    let catalog = catalog();
    for connector in catalog.connectors() {
        for (fixture, content) in connector.fixtures().filter(|(name, _)| name.ends_with(".json")) {
            let page: Value = serde_json::from_slice(content).unwrap();
            let page = page.get(0).unwrap_or(&page);
            let found = connector.stream_for(page).unwrap();
            assert_eq!(format!("{}.json", found.name()), fixture);
            for other in catalog.connectors().filter(|other| other.name() != connector.name()) {
                assert!(other.stream_for(page).is_none(), "{} takes {fixture} for its own", other.name());
            }
        }
    }
}

#[test]
fn every_declared_field_of_a_vendor_is_yielded_or_known_to_be_absent() {
    // What the fixtures do not show; a name that is misspelt in a manifest would turn up here.
    let absent = [
        "amazon_sp_api/orders: data.addresses[].region",
        "meta/leads: identifiers.account",
        "meta/leads: data.addresses[].street",
        "meta/leads: data.addresses[].country",
        "shopware6/customers: data.addresses[].region",
        "shopware6/orders: data.addresses[].region",
    ];
    let catalog = catalog();
    for connector in catalog.connectors().filter(|connector| connector.name() != "generic") {
        for stream in connector.streams() {
            let mut yielded = BTreeSet::new();
            let form = if connector.reads_extf() { "csv" } else { "json" };
            for record in records(connector, &format!("{}.{form}", stream.name())) {
                paths("data", &record["data"], &mut yielded);
                for identifier in record["identifiers"].as_array().unwrap() {
                    yielded.insert(format!("identifiers.{}", identifier["kind"].as_str().unwrap()));
                }
            }
            for (path, _) in stream.fields() {
                let place = format!("{}/{}: {path}", connector.name(), stream.name());
                assert_ne!(yielded.contains(path), absent.contains(&place.as_str()), "{place}");
            }
        }
    }
}

fn paths(path: &str, part: &Value, into: &mut BTreeSet<String>) {
    match part {
        Value::Object(parts) => parts.iter().for_each(|(key, part)| paths(&format!("{path}.{key}"), part, into)),
        Value::Array(parts) => parts.iter().for_each(|part| paths(&format!("{path}[]"), part, into)),
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn the_first_records_of_every_fixture_are_as_drawn() {
    let catalog = catalog();
    for connector in catalog.connectors().filter(|connector| !connector.streams().is_empty()) {
        let fixtures: Vec<_> = connector.fixtures().map(|(name, _)| name).collect();
        let first: BTreeMap<_, _> = fixtures
            .iter()
            .map(|name| (*name, records(connector, name).into_iter().take(2).collect::<Vec<_>>()))
            .collect();
        insta::assert_json_snapshot!(connector.name(), first);
    }
}

#[test]
fn the_published_schema_is_that_of_every_manifest() {
    let schema: Value = serde_json::from_str(&obhut::connect::schema()).unwrap();
    let read = |text: &str| yaml_serde::from_str::<Value>(text).unwrap();
    let mut all: Vec<(String, Value)> = std::fs::read_dir("connectors")
        .unwrap()
        .map(|entry| entry.unwrap().path().join("manifest.yaml"))
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), read(&std::fs::read_to_string(&path).unwrap())))
        .collect();
    assert!(all.len() > 15, "{}", all.len());
    let page = std::fs::read_to_string("docs/adding-a-connector.md").unwrap();
    let (_, guide) = page.split_once("\n`manifest.yaml`\n\n```yaml\n").unwrap();
    all.push(("the guide".to_owned(), read(guide.split_once("\n```").unwrap().0)));
    for (name, manifest) in &all {
        openapi_content::fits(&schema, &schema, manifest, name).unwrap();
    }
    // What the hub refuses, an editor marks.
    let good = &all.last().unwrap().1;
    let spoilt = |spoil: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        spoil(&mut bad);
        openapi_content::fits(&schema, &schema, &bad, "bad").unwrap_err()
    };
    assert!(spoilt(&|bad| bad["streams"]["customers"]["detekt"] = json!("true")).contains("detekt"));
    assert!(spoilt(&|bad| bad["streams"]["customers"]["fields"]["sales"] = json!(["data.x"])).contains("sales"));
    assert!(spoilt(&|bad| bad["source_policy"]["purposes_allowed"] = json!("everything")).contains("purposes_allowed"));
    assert!(spoilt(&|bad| _ = bad.as_object_mut().unwrap().remove("docs")).contains("docs"));
}

#[test]
fn no_shipped_connector_yields_what_its_manifest_does_not_list() {
    let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
    let take = |record: &[u8]| obhut::intake::parse(record, now).err().map(|rejection| rejection.code.to_owned());
    for connector in catalog().connectors() {
        assert_eq!(connector.examine(&take), Vec::<String>::new(), "{}", connector.name());
    }
}

#[test]
fn amazon_is_locked_to_its_purposes_and_its_clock() {
    let catalog = catalog();
    let policy = catalog.connector("amazon_sp_api").unwrap().policy();
    for allowed in ["order_fulfilment", "bookkeeping", "legal_claims", "subject_access"] {
        assert!(policy.purposes_allowed.contains(&allowed.parse().unwrap()), "{allowed}");
    }
    for refused in ["newsletter_email", "profiling", "matching"] {
        assert!(!policy.purposes_allowed.contains(&refused.parse().unwrap()), "{refused}");
    }
    assert_eq!(policy.keep_days_after_delivery, Some(30));
    assert_eq!(catalog.connector("shopware6").unwrap().policy().purposes_allowed, AllowedPurposes::All);
    for order in of("amazon_sp_api", "orders.json") {
        let verified = order["identifiers"].as_array().unwrap().iter().any(|identifier| identifier["verified"] == true);
        assert!(!verified, "a relay address is never verified");
        assert_eq!(order["data"]["status"] == "delivered", order["data"].get("delivered_at").is_some());
    }
}

#[test]
fn a_newsletter_status_proves_what_it_proves() {
    let mut seen = BTreeMap::new();
    for record in of("shopware6", "newsletter_recipients.json") {
        let consent = &record["consents"][0];
        let verified = record["identifiers"][0]["verified"].as_bool().unwrap();
        seen.insert(
            record["data"]["status"].as_str().unwrap().to_owned(),
            json!([consent["act"], consent["method"], verified]),
        );
    }
    let expected = json!({
        "confirmed": ["granted", "double_opt_in", true],
        "subscribed": ["granted", "single_opt_in", false],
        "pending": [null, null, false],
        "unsubscribed": ["withdrawn", "import", false],
    });
    assert_eq!(serde_json::to_value(seen).unwrap(), expected);
}

#[test]
fn each_consent_of_a_shopify_customer_is_read_by_itself() {
    let consents = |record: &Value| {
        let all = record.get("consents").and_then(Value::as_array).cloned().unwrap_or_default();
        all.iter()
            .map(|one| json!([one["purpose"], one["act"], one["method"], one["evidence"]["collected_from"]]))
            .collect::<Vec<_>>()
    };
    let read: Vec<_> = of("shopify", "customers.json").iter().map(consents).collect();
    let expected = json!([
        [
            ["newsletter_email", "granted", "double_opt_in", null],
            ["newsletter_sms", "granted", "single_opt_in", "SHOPIFY"]
        ],
        [],
        [["newsletter_email", "withdrawn", "import", null], ["newsletter_sms", "withdrawn", "import", "OTHER"]],
    ]);
    assert_eq!(serde_json::to_value(read).unwrap(), expected);
}

/// What a merchant typed and what somebody registered with proves nothing of who reads the mailbox.
#[test]
fn a_mailbox_counts_as_verified_where_somebody_proved_it() {
    let verified = |connector: &str, fixture: &str| -> BTreeSet<String> {
        let of = of(connector, fixture).into_iter().map(|record| {
            let all = record["identifiers"].as_array().unwrap().clone();
            let proven = all.iter().any(|one| one["kind"] == "email" && one["verified"] == true);
            (record["external_id"].as_str().unwrap().to_owned(), proven)
        });
        of.filter_map(|(id, proven)| proven.then_some(id)).collect()
    };
    for (connector, fixture) in [
        ("lexware_office", "contacts.json"),
        ("sevdesk", "contacts.json"),
        ("datev", "debtors.csv"),
        ("woocommerce", "customers.json"),
        ("shopware6", "orders.json"),
    ] {
        assert_eq!(verified(connector, fixture), BTreeSet::new(), "{connector}");
    }
    let catalog = catalog();
    let (_, page) =
        catalog.connector("shopware6").unwrap().fixtures().find(|(name, _)| *name == "customers.json").unwrap();
    let page: Value = serde_json::from_slice(page).unwrap();
    let customers = page["data"].as_array().unwrap();
    assert!(
        customers
            .iter()
            .any(|one| one["active"] == true && one["guest"] == false && one["doubleOptInConfirmDate"].is_null())
    );
    let confirmed = customers.iter().filter(|one| !one["doubleOptInConfirmDate"].is_null());
    let confirmed: BTreeSet<String> = confirmed.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert!(!confirmed.is_empty() && verified("shopware6", "customers.json") == confirmed);
}

#[test]
fn who_works_on_a_site_is_no_customer_of_its_shop() {
    let roles: Vec<Value> =
        of("woocommerce", "customers.json").into_iter().map(|record| record["data"]["group"].clone()).collect();
    assert_eq!(roles, [json!("customer"), json!("subscriber")]);
}

#[test]
fn an_unticked_box_is_no_consent() {
    let leads = of("meta", "leads.json");
    let given: Vec<_> = leads.iter().map(|lead| lead.get("consents").is_some()).collect();
    // Box unticked: 1, 4, though 1 ticked to be left alone. No e-mail to write to: 5. Only a box for no newsletter: 6.
    assert_eq!(given, [true, false, true, true, false, false, false, true]);
    assert_eq!(leads[0]["consents"][0]["evidence"]["checkbox_key"], "newsletter_einwilligung");
}

#[test]
fn a_box_means_what_the_merchant_says_and_not_what_it_is_called() {
    let catalog = catalog();
    let meta = catalog.connector("meta").unwrap();
    let (_, leads) = meta.fixtures().find(|(name, _)| *name == "leads.json").unwrap();
    let consents = |boxes: Option<&str>| {
        let mut entered: Parameters = [("page_id", "1"), ("access_token", "t"), ("app_secret", "s")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        entered.extend(boxes.map(|boxes| ("newsletter_boxes".to_owned(), boxes.to_owned())));
        let origin = Origin::of("fixture", meta.link().unwrap(), &entered);
        let records = meta.read(Cursor::new(leads), Form::Json, origin).map(|record| record.unwrap());
        records.filter(|record| String::from_utf8_lossy(record).contains("newsletter_email")).count()
    };
    assert_eq!(consents(Some("newsletter_einwilligung")), 4);
    assert_eq!(consents(Some("another, 900000000000001/newsletter_einwilligung")), 4);
    for nothing in [None, Some("newsletter"), Some("900000000000002/newsletter_einwilligung"), Some(",")] {
        assert_eq!(consents(nothing), 0, "{nothing:?}");
    }
}

#[test]
fn the_page_itself_is_no_person() {
    let messages = of("meta", "conversations.json");
    assert_eq!(messages.len(), 7);
    assert!(messages.iter().all(|message| value_of(message, "account") != Some("100000000000001")));
    let (_, whole) = catalog()
        .connector("meta")
        .unwrap()
        .fixtures()
        .find(|(name, _)| *name == "conversations.json")
        .map(|(n, c)| (n.to_owned(), c.to_vec()))
        .unwrap();
    let mut one: Value = serde_json::from_slice(&whole).unwrap();
    one["data"].as_array_mut().unwrap().truncate(1);
    let catalog = catalog();
    let stream = catalog.connector("meta").unwrap().stream("conversations").unwrap();
    assert_eq!(
        stream.map(&one, "meta").filter(Result::is_ok).count(),
        2,
        "with one conversation the page is its last participant"
    );
}

#[test]
fn marlene_is_known_to_every_vendor_and_jonas_took_his_newsletter_back() {
    let mail = |record: &Value| value_of(record, "email").map(str::to_lowercase);
    let has = |connector: &str, fixture: &str, address: &str| {
        of(connector, fixture).iter().filter(|record| mail(record).as_deref() == Some(address)).count()
    };
    let marlene = "marlene.koehler@example.org";
    assert_eq!(has("shopware6", "customers.json", marlene), 1);
    assert_eq!(has("shopware6", "orders.json", marlene), 5);
    assert_eq!(has("shopware6", "newsletter_recipients.json", marlene), 1);
    assert_eq!(has("meta", "leads.json", marlene), 1);
    assert_eq!(has("lexware_office", "contacts.json", marlene), 1);
    assert!(
        of("lexware_office", "invoices.json")
            .iter()
            .any(|invoice| invoice["data"]["person"]["full_name"] == "Marlene Köhler")
    );
    assert!(of("meta", "conversations.json").iter().any(|message| message["data"]["sender_name"] == "Marlene Köhler"));
    let relay = of("amazon_sp_api", "orders.json")
        .into_iter()
        .find(|order| order["data"]["person"]["full_name"] == "Marlene Köhler")
        .unwrap();
    assert!(mail(&relay).unwrap().ends_with("@marketplace.amazon.de"));
    let jonas = of("shopware6", "newsletter_recipients.json")
        .into_iter()
        .find(|record| mail(record).as_deref() == Some("jonas.brandt@example.org"))
        .unwrap();
    assert_eq!(jonas["consents"][0]["act"], "withdrawn");
    assert!(has("shopware6", "orders.json", "jonas.brandt@example.org") > 1);
}

#[test]
fn a_broken_object_in_a_page_is_reported_and_the_others_pass() {
    let catalog = catalog();
    let shopware = catalog.connector("shopware6").unwrap();
    let (_, content) = shopware.fixtures().find(|(name, _)| *name == "orders.json").unwrap();
    let mut page: Value = serde_json::from_slice(content).unwrap();
    let whole = records(shopware, "orders.json").len();
    page["data"][3]["orderNumber"] = Value::Null;
    page["data"][7] =
        json!({"orderNumber": "1", "orderCustomer": {"firstName": "Secret"}, "lineItems": 5, "deliveries": "Secret"});
    page["data"][9]["stateMachineState"] = json!("Secret");
    let items: Vec<_> = shopware.read(Cursor::new(page.to_string()), Form::Json, "shop").collect();
    let errors: Vec<_> = items.iter().filter_map(|item| item.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), whole - errors.len());
    assert!(errors.contains(&"the file, object 3: the order has no number".to_owned()), "{errors:?}");
    assert!(errors.iter().any(|error| error.starts_with("the file, object 9: ")), "{errors:?}");
    assert!(errors.iter().all(|error| !error.contains("Secret")), "{errors:?}");
}

#[test]
fn pages_come_alone_in_arrays_and_by_line() {
    let catalog = catalog();
    let amazon = catalog.connector("amazon_sp_api").unwrap();
    let (_, content) = amazon.fixtures().next().unwrap();
    let page: Value = serde_json::from_slice(content).unwrap();
    let empty = json!({"orders": [], "pagination": {}});
    let count = |text: String, form| {
        amazon.read(Cursor::new(text), form, "amazon").map(|item| item.map(|_| ()).unwrap()).count()
    };
    assert_eq!(count(page.to_string(), Form::Json), 14);
    assert_eq!(count(json!([page, empty, page]).to_string(), Form::Json), 28);
    let lines: String = page["orders"].as_array().unwrap().iter().map(|order| format!("{order}\r\n\n")).collect();
    assert_eq!(count(format!("\u{feff}{lines}"), Form::Ndjson), 14);
}

#[test]
fn what_cannot_be_read_is_named_by_line() {
    let catalog = catalog();
    let generic = catalog.connector("generic").unwrap();
    let mut lines = Vec::new();
    lines.extend_from_slice(b"{\"type\":\"event\",\"data\":{\"name\":\"x\"}}\n{\"type\":\n\n");
    lines.extend_from_slice(b"{\"type\":\"event\",\"data\":{\"name\":\"M\xfcller\"}}\n{\"type\":\"wish\"}\n");
    lines.extend_from_slice(b"{\"type\":\"event\",\"data\":{\"shoe_size\":\"44\"}}\n{\"type\":\"event\"}");
    let items: Vec<_> = generic
        .read(Cursor::new(lines), Form::Ndjson, "till")
        .map(|item| item.err().map(|error| error.to_string()))
        .collect();
    let texts: Vec<_> = items.iter().flatten().map(String::as_str).collect();
    assert_eq!((items.len(), texts.len()), (6, 4));
    assert_eq!(texts[0], "line 2 is not JSON (it breaks at line 2, column 0)");
    assert!(texts[1].starts_with("line 4 is not UTF-8"));
    assert!(texts[2].starts_with("line 5: no stream of `generic` recognises this; it knows complaints, "));
    assert!(texts[3].starts_with("line 6, object 0: the field `data.shoe_size` is not mapped to a category"));
}

#[test]
fn a_table_is_read_with_its_umlauts_in_both_encodings() {
    let catalog = catalog();
    let generic = catalog.connector("generic").unwrap();
    let rows = records(generic, "customers.csv");
    assert_eq!(
        rows[0]["data"]["person"],
        json!({"salutation": "Frau", "given_name": "Jördis", "family_name": "Völker"})
    );
    assert_eq!(rows[1]["data"]["addresses"][0]["street"], "Hof \"Zur Mühle\"; Haus 2");
    assert_eq!(rows[2]["data"].get("addresses"), None);
    assert!(!format!("{rows:?}").contains("ruft lieber an"), "a column that is not mapped is never read");

    let text = std::str::from_utf8(generic.fixtures().find(|(name, _)| *name == "customers.csv").unwrap().1).unwrap();
    let latin: Vec<u8> = text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    let mapping =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/generic/mapping.yaml")).unwrap();
    let table =
        TableMapping::parse("mapping.yaml", &mapping.replace("encoding: utf-8", "encoding: windows-1252")).unwrap();
    let same: Vec<Value> = table
        .read(Cursor::new(latin.clone()), "fixture")
        .map(|item| serde_json::from_slice(&item.unwrap()).unwrap())
        .collect();
    assert_eq!(same, rows);
    let errors: Vec<_> = generic.table().unwrap().read(Cursor::new(latin), "fixture").filter_map(Result::err).collect();
    assert!(matches!(errors[..], [FileError::Encoding { .. }]), "the heading Straße is not UTF-8");
}

#[test]
fn a_broken_row_is_named_and_the_others_pass() {
    let catalog = catalog();
    let table = catalog.connector("generic").unwrap().table().unwrap();
    let head = "Kundennr.;Anrede;Vorname;Nachname;E-Mail;Telefon;Straße;PLZ;Ort;Kunde seit\n";
    let rows = "1;;;;;;;;;01.02.2024\n2;;;\n;;;;;;;;;01.02.2024\n4;;;;;;;;;gestern\n5;;;;;;;;;01.02.2024\n";
    let items: Vec<_> = table
        .read(Cursor::new(format!("{head}{rows}")), "list")
        .map(|item| item.err().map(|error| error.to_string()))
        .collect();
    let expected = [
        None,
        Some("line 3 has 4 columns, the header has 10"),
        Some("line 4, object 0: the row has no customer number"),
        Some("line 5, object 0: the row has no date DD.MM.YYYY"),
        None,
    ];
    assert_eq!(items.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    let missing: Vec<_> = table.read(Cursor::new("Kundennr.;Anrede\n1;Frau\n"), "list").collect();
    assert!(matches!(&missing[..], [Err(FileError::MissingColumn { .. })]));
    let endless = format!("{head}\"{}", "x".repeat(17 * 1024 * 1024));
    let items: Vec<_> = table.read(Cursor::new(endless), "list").collect();
    assert!(matches!(&items[..], [Err(FileError::TooLong { .. })]));
}

#[test]
fn intake_takes_every_record_of_every_fixture() {
    let catalog = catalog();
    let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
    let mut refused = Vec::new();
    for connector in catalog.connectors() {
        for (fixture, _) in connector.fixtures() {
            for record in records(connector, fixture) {
                let parsed = obhut::intake::parse_with(record.to_string().as_bytes(), now, |_| connector.is_social());
                match parsed {
                    Err(error) => {
                        refused.push(format!("{}/{fixture} {}: {error}", connector.name(), record["external_id"]))
                    }
                    Ok(canonical) => {
                        // The categories intake gives are those the manifest declares.
                        let declared = |category| {
                            connector.streams().iter().flat_map(|stream| stream.fields()).any(|(_, of)| of == category)
                        };
                        assert!(
                            canonical.parts.iter().all(|(category, _)| declared(*category)),
                            "{}/{fixture}",
                            connector.name()
                        );
                    }
                }
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_published_schema_of_a_manifest_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/manifest.schema.json");
    let made = obhut::connect::schema();
    if std::fs::read_to_string(&path).unwrap_or_default() != made {
        std::fs::write(path, made).unwrap();
        panic!(
            "connectors/manifest.schema.json was out of date and has been written anew; run the test again and commit it"
        );
    }
}

#[test]
fn every_connector_says_what_it_needs_and_how_the_vendor_forgets() {
    for connector in catalog().connectors().filter(|connector| connector.link().is_some()) {
        let name = connector.name();
        let link = connector.link().unwrap();
        assert!(link.guide().len() > 80, "{name} does not tell where its credentials are made");
        assert!(link.parameters().any(|parameter| parameter.secret), "{name} has no secret");
        if connector.notify().is_some() {
            continue;
        }
        let reads = connector.streams().iter().any(|stream| stream.pull().is_some());
        assert!(reads || connector.audience().is_some(), "{name} reads nothing and takes nobody");
        assert!(connector.erase().is_some_and(|erase| erase.note().len() > 40), "{name} does not say how it forgets");
    }
}

/// The manifest of Shopware with one line changed, as `obhut connectors check` reads it.
fn checked(change: impl Fn(String) -> String) -> String {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("shopware6");
    std::fs::create_dir(&folder).unwrap();
    for file in ["manifest.yaml", "customers.jq", "orders.jq", "newsletter_recipients.jq", "reviews.jq"] {
        let text = std::fs::read_to_string(Path::new("connectors/shopware6").join(file)).unwrap();
        let text = if file == "manifest.yaml" { change(text) } else { text };
        std::fs::write(folder.join(file), text).unwrap();
    }
    Catalog::read(directory.path()).err().map_or_else(|| "good".to_owned(), |error| error.to_string())
}

#[test]
fn what_is_wrong_with_a_connection_is_told_with_its_line_and_what_to_write() {
    assert_eq!(checked(|text| text), "good");
    for (from, to, told) in [
        ("base_url: \"{shop_url}/api\"", "base_url: \"{shop}/api\"", "`{shop}` stands for nothing here; known are"),
        ("hosts: [\"{shop_url}\"]", "hosts: [\"{client_id}\"]", "must name a parameter of the kind url"),
        ("hosts: [\"{shop_url}\"]", "hosts: [\"*\"]", "write a host"),
        ("kind: secret", "kind: password", "expected one of `text`, `secret`"),
        ("        page: {first: 1}\n", "", "name exactly one of page, offset, token"),
        ("page: {first: 1}", "page: {first: 1}\n        offset: true", "name exactly one of page, offset, token"),
        ("page: {first: 1}", "page: {first: 7}", "pages begin with 0 or 1"),
        ("page, limit, \"total", "limit, \"total", "every page would be the first"),
        ("format: millis", "format: microseconds", "expected one of `rfc3339`"),
        ("limits: [{calls: 20, seconds: 1}]", "limits: [{calls: 20, seconds: 0}]", "is no window"),
        // The beginning of many, and the path of none.
        (
            "limits: [{calls: 20, seconds: 1}]",
            "limits: [{calls: 20, seconds: 1, paths: [/search]}]",
            "no request has the path `/search`",
        ),
        ("leaves: deleted", "leaves: gone", "expected one of `deleted`"),
        ("path: /search/product-review", "path: search/product-review", "a path starts with a slash"),
        ("      form: json", "      forms: json", "unknown field `forms`"),
        ("error_code: .errors[0].code", "error_code: .errors[0.code", "filter `connection.error_code`"),
        ("path: \"/customer/{id}\"", "path: \"/customer/{found}\"", "`{found}` stands for nothing here"),
    ] {
        let text = checked(|text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        assert!(text.contains(told), "{from} -> {to}: {text}");
        assert!(text.starts_with("shopware6/manifest.yaml"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_an_audience_is_told_with_what_to_write() {
    let manifest = std::fs::read_to_string("connectors/brevo/manifest.yaml").unwrap();
    for (from, to, told) in [
        ("      by: email\n", "      by: phone\n", "say how somebody is taken off by email"),
        (
            "      lookup: {path: \"/contacts/{email}\"}\n",
            "",
            "without a lookup nobody can look again: say `later: true`",
        ),
        ("/processes/{job}", "/processes/{process}", "`{process}` stands for nothing here"),
        ("offset: \"{offset}\"", "offset: \"{token}\"", "`{token}` stands for nothing here"),
        ("  batch: 500", "  batches: 500", "unknown field `batches`"),
        ("done: .status", "done: .status |", "filter `audience.job.done`"),
        ("  leaves: contact\n", "", "missing field `leaves`"),
        ("  batch: 500", "  by: digests\n  batch: 500", "by email_sha256 and by phone_sha256"),
    ] {
        assert!(manifest.contains(from), "{from}");
        let folder = tempfile::tempdir().unwrap();
        let brevo = folder.path().join("brevo");
        std::fs::create_dir(&brevo).unwrap();
        std::fs::write(brevo.join("manifest.yaml"), manifest.replacen(from, to, 1)).unwrap();
        let text = Catalog::read(folder.path()).err().map_or_else(|| "good".to_owned(), |error| error.to_string());
        assert!(text.contains(told), "{from} -> {to}: {text}");
    }
}

/// The manifest of a connector without streams, with one part changed.
fn changed(name: &str, from: &str, to: &str) -> String {
    let manifest = std::fs::read_to_string(format!("connectors/{name}/manifest.yaml")).unwrap();
    assert!(manifest.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(name)).unwrap();
    for file in std::fs::read_dir(format!("connectors/{name}")).unwrap().map(Result::unwrap) {
        if file.path().extension().is_some_and(|ending| ending == "jq") {
            std::fs::copy(file.path(), folder.path().join(name).join(file.file_name())).unwrap();
        }
    }
    std::fs::write(folder.path().join(name).join("manifest.yaml"), manifest.replacen(from, to, 1)).unwrap();
    Catalog::read(folder.path()).err().map_or_else(|| "good".to_owned(), |error| error.to_string())
}

#[test]
fn where_a_request_goes_and_what_a_refusal_means_is_checked() {
    let base = "base: https://invitations-api.trustpilot.com/v1";
    let missing = "path: \"/Contact/{account}\", missing: *missing";
    for (name, from, to, told) in [
        ("trustpilot", base, base, "good"),
        ("trustpilot", base, "base: https://invitations.example/v1", "`invitations.example` is not among `hosts`"),
        ("trustpilot", base, "base: nowhere", "write an address"),
        // What a fault prints names nobody.
        ("trustpilot", base, "base: \"https://{email}/v1\"", "`{email}` stands for nothing here"),
        ("trustpilot", base, "base: \"https://{business_unit}.example\"", "good"),
        ("sevdesk", missing, "path: \"/Contact/{account}\", missing: {status: 410}", "good"),
        ("sevdesk", missing, "path: \"/Contact/{account}\", missing: {status: 400}", "write with `body` by what"),
        ("sevdesk", missing, "path: /Contact, query: {id: \"{account}\"}, missing: *missing", "name one in `path`"),
        ("sevdesk", missing, "path: \"/Contact/{api_token}\", missing: *missing", "name one in `path`"),
    ] {
        let text = changed(name, from, to);
        assert!(text.contains(told), "{from} -> {to}: {text}");
        let lines = std::fs::read_to_string(format!("connectors/{name}/manifest.yaml")).unwrap();
        let line = lines.lines().position(|line| line.contains(from)).unwrap() + 1;
        assert!(text == "good" || text.starts_with(&format!("{name}/manifest.yaml:{line}:")), "{line}: {text}");
    }
}

/// By it the filters know whom the hub had emptied.
#[test]
fn the_note_of_whom_the_hub_emptied_at_sevdesk_is_one() {
    let read = |file: &str| std::fs::read_to_string(Path::new("connectors/sevdesk").join(file)).unwrap();
    let manifest = read("manifest.yaml");
    let note = manifest.split_once("emptied: '\"").unwrap().1.split_once('"').unwrap().0;
    assert!(note.len() > 40 && manifest.matches(".parameters.emptied").count() == 2, "{note}");
    for filter in ["contacts.jq", "addresses.jq"] {
        assert!(read(filter).contains(&format!("contains(\"{note}\")")), "{filter} knows another note");
    }
    assert!(manifest.contains(&format!("the note says \"{note}\"")));
}

#[test]
fn what_a_step_that_tells_of_a_no_is_about_is_checked() {
    for (name, from, to, told) in [
        (
            "shopify",
            "      purposes: [newsletter_sms]\n",
            "      purposes: [loyalty]\n",
            "`loyalty` is not among the `purposes`",
        ),
        (
            "shopify",
            "      purposes: [newsletter_sms]\n",
            "      purposes: [newsletter_email]\n",
            "no step ends what `newsletter_sms` rests on",
        ),
        (
            "mailchimp",
            "  withdraw:\n    - name: audience\n",
            "  withdraw:\n    - name: audience\n      purposes: [newsletter_email]\n",
            "leave `purposes` out",
        ),
    ] {
        let text = changed(name, from, to);
        assert!(text.contains(told), "{name}: {from} -> {to}: {text}");
    }
}

#[test]
fn what_a_step_waits_for_is_one_before_it() {
    let after = "after: [carts of connected shops]";
    for (to, told) in
        [(after, "good"), ("after: [carts]", "`carts`"), ("after: [customers of connected shops]", "before")]
    {
        let text = changed("mailchimp", after, to);
        assert!(text.contains(told), "{to}: {text}");
    }
}

#[test]
fn what_is_wrong_with_webhooks_is_told_with_what_to_write() {
    for (name, from, to, told) in [
        (
            "mailchimp",
            "kind: reach",
            "kind: reach, parameter: x",
            "a handshake of the kind `reach` has nothing besides",
        ),
        ("mailchimp", "kind: reach", "kind: echo", "a handshake of the kind `echo` has `parameter`"),
        (
            "mailchimp",
            "kind: reach",
            "kind: reached",
            "expected one of `hub_challenge`, `echo`, `verify`, `reach`, `intent`",
        ),
        ("cleverreach", ", parameter: secret}", "}", "a handshake of the kind `verify` has `token` and `parameter`"),
        ("mailchimp", "{scheme: path, ", "{scheme: path, header: X-Sign, ", "the secret stands in the address"),
        ("mailchimp", "  body: form\n", "  body: xml\n", "expected `json` or `form`"),
        ("brevo", "{scheme: token, header: Authorization, prefix", "{scheme: token, prefix", "name the `header`"),
        (
            "klaviyo",
            "    header: Klaviyo-Signature\n",
            "    scheme: token\n    header: Klaviyo-Signature\n",
            "only `hmac` signs a header besides the body",
        ),
        (
            "klaviyo",
            "    header: Klaviyo-Signature\n",
            "    hash: md5\n    header: Klaviyo-Signature\n",
            "expected one of `sha1`, `sha256`, `sha512`",
        ),
        ("klaviyo", "stands: after", "stands: behind", "expected `before` or `after`"),
        ("brevo", "        lookup: {path: \"/contacts/{email}\"}\n", "", "say with `lookup` how the vendor is asked"),
        ("klaviyo", "      unsubscribed:\n", "      sync: true\n      unsubscribed:\n", "say one thing"),
        (
            "klaviyo",
            "        people: |\n          .event",
            "        values: {a: .event}\n        people: |\n          .event",
            "only a `lookup` has values",
        ),
        (
            "brevo",
            "    made: [webhook_token]",
            "    made: [list_id]",
            "must be a parameter with `kind: secret, optional: true`",
        ),
        (
            "cleverreach",
            "    returned: {call_token: .call_token}",
            "    returned: {client_secret: .x}",
            "must be a parameter with `kind: secret, optional: true`",
        ),
        (
            "cleverreach",
            "    events: [receiver.unsubscribed]",
            "    events: [receiver.unsubscribed, receiver.deleted]",
            "subscribe a single event",
        ),
        ("cleverreach", "    event: .event\n", "", "`events` and `event` belong together"),
        ("brevo", "path: \"/webhooks/{id}\"", "path: \"/webhooks/{event}\"", "`{event}` stands for nothing here"),
        (
            "brevo",
            "    match: .found.url == .address",
            "    matches: .found.url == .address",
            "unknown field `matches`",
        ),
    ] {
        let text = changed(name, from, to);
        assert!(text.contains(told), "{name}: {from} -> {to}: {text}");
        assert!(text.starts_with(&format!("{name}/manifest.yaml")), "{text}");
    }
    let without = checked(|text| {
        text.replacen("customer.written: {sync: true}", "customer.written: {unsubscribed: {people: .x}}", 1)
    });
    assert!(without.contains("without an `audience` the hub handed nobody over"), "{without}");
}
