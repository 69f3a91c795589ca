//! The way in, from outside: the same data in any order and any number of times gives the same person, and bad input is
//! refused with its place and without an echo.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::house::{House, Reply, customer, in_a_house_on_both_databases, lookup, mail, order, text};

/// Stands in every bad document; must come back nowhere.
const SENTINEL: &str = "Zweistromland4711";
const PURPOSES: [&str; 2] = ["newsletter_email", "order_fulfilment"];

fn outcomes(reply: &Reply) -> Vec<String> {
    reply.json()["results"].as_array().unwrap().iter().map(|result| text(&result["outcome"])).collect()
}

fn what_was_delivered_before_changes_nothing(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    let records = [customer("webshop", "ida"), order("webshop", "7", "ida", "2026-10-01T08:00:00Z")];
    house.ingest(&records).expect_all("created");
    let first = house.lookup(Role::Partner, "ida", "order_fulfilment").expect(200).json()["data"].clone();
    house.ingest(&records).expect_all("unchanged");
    // The same object twice in one document; an older version; the same version with a newer time.
    let mut older = records[0].clone();
    older["updated_at"] = "2025-01-01T00:00:00Z".into();
    older["data"]["person"]["family_name"] = "Older".into();
    let mut newer = records[0].clone();
    newer["updated_at"] = "2026-04-01T00:00:00Z".into();
    let reply = house.ingest(&[records[0].clone(), older, newer.clone(), newer.clone()]);
    assert_eq!(outcomes(&reply), ["unchanged", "stale", "unchanged", "unchanged"]);
    assert_eq!(house.lookup(Role::Partner, "ida", "order_fulfilment").expect(200).json()["data"], first);
    newer["updated_at"] = "2026-05-01T00:00:00Z".into();
    newer["data"]["person"]["family_name"] = "Newer".into();
    house.ingest(&[newer]).expect_all("updated");
    let now = house.lookup(Role::Partner, "ida", "order_fulfilment").expect(200).json();
    assert_eq!(now["data"]["identity"]["family_name"], "Newer");
    // One person all the time.
    assert_eq!(now["data"]["commerce"]["orders"].as_array().unwrap().len(), 1);
}

/// One call that brings people, joins them, changes them and lets them speak means what the same records mean one by one.
fn a_batch_means_what_its_records_mean_one_by_one(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    house.ingest(&[customer("webshop", "together-known"), customer("webshop", "apart-known")]).expect_all("created");
    let story = |told: &str| {
        let name = |who: &str| format!("{told}-{who}");
        let says = |record: &mut Value, form: &str| {
            record["consents"] = json!([
                {"purpose": "newsletter_email", "channel": "email", "act": "granted", "at": "2026-01-10T09:05:12Z",
                    "method": "double_opt_in", "text_version": "2026-01",
                    "evidence": {"requested_at": "2026-01-10T09:00:00Z", "confirmed_at": "2026-01-10T09:05:12Z",
                        "form_url": form}},
            ]);
        };
        let mut records = Vec::new();
        // Somebody new, with two records and the same consent told by both; the first comes again in a newer version.
        let mut first = customer("webshop", &name("new"));
        says(&mut first, "https://shop.example/one");
        let mut second = order("webshop", &name("1"), &name("new"), "2026-10-01T08:00:00Z");
        says(&mut second, "https://shop.example/one");
        let mut newer = first.clone();
        newer["updated_at"] = "2026-10-05T08:00:00Z".into();
        newer["data"]["person"]["given_name"] = "Newer".into();
        records.extend([first, second, newer]);
        // Somebody known, who is told of twice by numbers that were not known.
        let mut known = order("webshop", &name("2"), &name("known"), "2026-10-02T08:00:00Z");
        says(&mut known, "https://shop.example/two");
        let mut again = order("webshop", &name("3"), &name("known"), "2026-10-03T08:00:00Z");
        says(&mut again, "https://shop.example/two");
        records.extend([known, again]);
        // Two people who turn out to be one with the third record.
        let (one, other) = (customer("webshop", &name("left")), customer("webshop", &name("right")));
        let mut both = customer("webshop", &name("left"));
        both["external_id"] = name("both").into();
        let theirs = other["identifiers"].as_array().unwrap().clone();
        both["identifiers"].as_array_mut().unwrap().extend(theirs);
        records.extend([one, other, both]);
        records
    };
    let together = outcomes(&house.ingest(&story("together")));
    let apart: Vec<String> =
        story("apart").iter().flat_map(|record| outcomes(&house.ingest(std::slice::from_ref(record)))).collect();
    assert_eq!(together, apart);
    assert!(!together.contains(&"rejected".to_owned()), "{together:?}");
    let shown = |told: &str, who: &str| {
        let body = lookup(&format!("{told}-{who}"), "subject_access");
        let found = house.post(Role::Dpo, "/v1/profiles/lookup", &body).expect(200).text();
        let mut found: Value = serde_json::from_str(&found.replace(&format!("{told}-"), "")).unwrap();
        let id = found["subject_id"].take();
        (id, found["data"].take())
    };
    for who in ["new", "known", "left", "right"] {
        assert_eq!(shown("together", who).1, shown("apart", who).1, "{who}");
    }
    assert_eq!(shown("together", "left").0, shown("together", "right").0);
    let entries = |id: Value| {
        let id = obhut::types::SubjectId::from_uuid(text(&id).parse().unwrap());
        house
            .database()
            .count(Shelf::Records, &format!("ledger WHERE subject_id = {}", house.database().literal(&id.bytes())))
    };
    for who in ["new", "known"] {
        assert_eq!(entries(shown("together", who).0), entries(shown("apart", who).0), "{who}");
    }
}

fn deliveries_in_any_order_converge(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    let chance = SeededChance::of(20261121);
    // The same story of a person, told under several names and each time in another order, with repetitions.
    let story = |name: &str| {
        let mut told = Vec::new();
        for version in 1..=4 {
            let mut record = customer("webshop", name);
            record["updated_at"] = format!("2026-0{version}-01T00:00:00Z").into();
            record["data"]["person"]["title"] = format!("Version{version}").into();
            told.push(record);
        }
        for number in 1..=3 {
            let mut record =
                order("webshop", &format!("{name}-{number}"), name, &format!("2026-09-0{number}T08:00:00Z"));
            record["data"]["number"] = number.to_string().into();
            told.push(record.clone());
            record["updated_at"] = "2026-10-09T08:00:00Z".into();
            record["data"]["status"] = "delivered".into();
            record["data"]["delivered_at"] = "2026-10-08T08:00:00Z".into();
            told.push(record);
        }
        told
    };
    let mut seen: Vec<Value> = Vec::new();
    for round in 0..8 {
        let name = format!("person{round}");
        let mut told = story(&name);
        told.extend(story(&name));
        for last in (1..told.len()).rev() {
            told.swap(last, chance.below(last + 1));
        }
        for chunk in told.chunks(3) {
            let reply = house.ingest(chunk);
            assert!(outcomes(&reply).iter().all(|outcome| outcome != "rejected"), "{}", reply.text());
        }
        let data = house.lookup(Role::Partner, &name, "order_fulfilment").expect(200).json()["data"].clone();
        let anonymous = data.to_string().replace(&name, "person");
        seen.push(serde_json::from_str(&anonymous).unwrap());
    }
    assert_eq!(seen[0]["identity"]["title"], "Version4");
    for other in &seen {
        assert_eq!(other, &seen[0]);
    }
}

fn one_bad_record_does_not_keep_the_others_out(database: Database) {
    let mut house = House::open(database).with_key(Role::Partner, PURPOSES);
    house.keep_secret(SENTINEL);
    let mut bad = customer("webshop", "bad");
    bad["updated_at"] = format!("{SENTINEL}-13-45").into();
    let reply = house.ingest(&[customer("webshop", "eins"), bad, customer("webshop", "zwei")]);
    let report = reply.json();
    assert_eq!(outcomes(&reply), ["created", "rejected", "created"]);
    assert_eq!(report["results"][1]["pointer"], "/updated_at", "{report}");
    assert_eq!((&report["summary"]["created"], &report["summary"]["rejected"]), (&json!(2), &json!(1)));
    assert!(!reply.text().contains(SENTINEL));
    assert_eq!(house.lookup(Role::Dpo, "zwei", "subject_access").status, 200);
    assert_eq!(house.lookup(Role::Dpo, "bad", "subject_access").status, 404);
}

fn a_stream_of_two_thousand_lines_comes_in(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    let mut lines = Vec::new();
    for number in 0..2_000 {
        if number == 1_234 {
            lines.extend_from_slice(b"{\"type\": \"customer\", broken\n");
        } else {
            serde_json::to_writer(&mut lines, &customer("webshop", &format!("line{number}"))).unwrap();
            lines.push(b'\n');
        }
    }
    let send = |body: Vec<u8>, packed: bool| {
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        let request = request.header("content-type", "application/x-ndjson");
        let request =
            if packed { request.header("content-encoding", "gzip").body(gzip(&body)) } else { request.body(body) };
        house.send(request).expect(200).json()
    };
    let report = send(lines.clone(), false);
    assert_eq!(
        report["summary"],
        json!({"created": 1999, "updated": 0, "unchanged": 0, "stale": 0, "suppressed": 0, "unread": 0, "rejected": 1, "incomplete": 0})
    );
    assert_eq!(report["results"].as_array().unwrap().len(), 1);
    assert_eq!((&report["results"][0]["line"], &report["results"][0]["code"]), (&json!(1235), &json!("invalid_json")));
    assert_eq!(house.lookup(Role::Dpo, "line1999", "subject_access").status, 200);
    // Packed, again: all of it is there.
    assert_eq!(send(lines, true)["summary"]["unchanged"], 1999);
}

fn an_idempotency_key_stands_for_one_request(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    let send = |key: &str, body: &Value| {
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        house.send(request.header("idempotency-key", key).json(body))
    };
    let body = json!({"records": [customer("webshop", "einmal")]});
    let first = send("delivery 1", &body).expect(200);
    assert_eq!(outcomes(&first), ["created"]);
    // The kept answer, not a new one, which would say `unchanged`.
    assert_eq!(send("delivery 1", &body).expect(200).body, first.body);
    let other = json!({"records": [customer("webshop", "zweimal")]});
    assert_eq!(send("delivery 1", &other).expect(422).code(), "idempotency_key_reused");
    assert_eq!(house.lookup(Role::Dpo, "zweimal", "subject_access").status, 404);
    assert_eq!(outcomes(&send("delivery 2", &body).expect(200)), ["unchanged"]);
    assert_eq!(send("", &body).expect(400).code(), "invalid_idempotency_key");
    // Another caller's key of the same name is another key.
    let grant = json!({"title": "p", "role": "partner", "purposes": []});
    let caller = house.issue(grant);
    let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&caller.key);
    let reply = house.send(request.header("idempotency-key", "delivery 1").json(&body)).expect(200);
    assert_eq!(outcomes(&reply), ["unchanged"]);
}

/// A record with one value put at `pointer`.
fn with(mut record: Value, pointer: &str, value: Value) -> Value {
    let (above, name) = pointer.rsplit_once('/').unwrap();
    record.pointer_mut(above).unwrap()[name] = value;
    record
}

fn bad_values_are_rejected_with_their_place(database: Database) {
    let mut house = House::open(database).with_key(Role::Partner, PURPOSES);
    house.keep_secret(SENTINEL);
    let person = || customer("webshop", SENTINEL);
    let bought = || order("webshop", SENTINEL, SENTINEL, "2026-10-01T08:00:00Z");
    let consent = |purpose: &str| {
        json!([{"purpose": purpose, "channel": "email", "act": "granted", "at": "2026-01-10T09:05:12Z",
            "method": "double_opt_in", "evidence": {"note": SENTINEL}}])
    };
    let with_field = |name: &str, value: Value| {
        let mut record = person();
        record[name] = value;
        record
    };
    let cases = [
        (json!(SENTINEL), "", "wrong_type|invalid_json"),
        (json!([SENTINEL]), "", "wrong_type|invalid_json"),
        (with(person(), "/data/person/given_name", json!({"a": SENTINEL})), "/data/person/given_name", "wrong_type"),
        (with(person(), "/data/person/given_name", json!(4711)), "/data/person/given_name", "wrong_type"),
        (with(person(), "/data/person/nickname", json!(SENTINEL)), "/data/person/nickname", "unknown_field"),
        (with_field("colour", json!(SENTINEL)), "/colour", "unknown_field"),
        (with_field("type", json!(SENTINEL)), "/type", "invalid_value"),
        (with_field("source", json!("unknown_source")), "/source", "unknown_source"),
        (with_field("updated_at", json!(SENTINEL)), "/updated_at", "invalid_timestamp"),
        (with_field("updated_at", json!("9999-12-31T23:59:59Z")), "/updated_at", "implausible_date|invalid_timestamp"),
        (with_field("updated_at", json!("-9999-01-01T00:00:00Z")), "/updated_at", "invalid_timestamp|implausible_date"),
        (
            with(person(), "/data/person/given_name", json!(format!("{SENTINEL}\u{0}"))),
            "/data/person/given_name",
            "invalid_name|control_character",
        ),
        (
            with(person(), "/data/person/given_name", json!(SENTINEL.repeat(200))),
            "/data/person/given_name",
            "too_long|invalid_name",
        ),
        (with(person(), "/identifiers/0/kind", json!(SENTINEL)), "/identifiers/0/kind", "invalid_value"),
        (with(bought(), "/data/total", json!("-19.99")), "/data/total", "negative_amount"),
        (with(bought(), "/data/total", json!(1e300)), "/data/total", "amount_too_large|invalid_amount"),
        (with(bought(), "/data/total", json!("19,99 EUR")), "/data/total", "invalid_amount"),
        (with(bought(), "/data/currency", json!("XYZ")), "/data/currency", "invalid_currency"),
        (with(bought(), "/data/ordered_at", json!("2999-01-01T00:00:00Z")), "/data/ordered_at", "implausible_date"),
        (with_field("consents", consent("zweck_den_niemand_kennt")), "/consents/0/purpose", "*"),
        (with_field("consents", consent("")), "/consents/0/purpose", "*"),
    ];
    for (record, pointer, codes) in &cases {
        let reply = house.ingest(std::slice::from_ref(record));
        let result = reply.json()["results"][0].clone();
        assert_eq!((&result["outcome"], &result["pointer"]), (&json!("rejected"), &json!(pointer)), "{result}");
        let code = text(&result["code"]);
        assert!(*codes == "*" || codes.split('|').any(|known| known == code), "{pointer}: {code}, not {codes}");
        assert!(!reply.text().contains(SENTINEL), "{}", reply.text());
    }
    nothing_is_stored(&house);
}

/// A typing error in an address, a number or a date takes nothing else with it, and is told.
fn values_that_cannot_be_are_left_out_with_their_place(database: Database) {
    let house = House::open(database).with_key(Role::Partner, PURPOSES);
    let cases = [
        ("/data/person/birth_date", "1026-02-30", "invalid_date"),
        ("/data/person/birth_date", "2999-01-01", "implausible_date"),
        ("/identifiers/0/value", "kein.apfel", "invalid_email"),
        ("/data/addresses/0/country", "Zweistromland", "invalid_country"),
    ];
    for (at, (pointer, value, code)) in cases.into_iter().enumerate() {
        let record = with(customer("webshop", &format!("odd{at}")), pointer, json!(value));
        let reply = house.ingest(&[record]);
        let told = reply.json();
        let item = &told["results"][0];
        assert_eq!((&item["outcome"], &told["summary"]["incomplete"]), (&json!("created"), &json!(1)), "{told}");
        let [left_out] = &item["left_out"].as_array().unwrap()[..] else { panic!("{told}") };
        assert_eq!((text(&left_out["code"]), text(&left_out["pointer"])), (code.to_owned(), pointer.to_owned()));
        assert!(!reply.text().contains(value), "{told}");
    }
}

fn bad_bodies_are_problems(database: Database) {
    let mut house = House::open(database).with_key(Role::Partner, PURPOSES);
    house.keep_secret(SENTINEL);
    let good = serde_json::to_string(&customer("webshop", SENTINEL)).unwrap();
    let list = |record: &str| format!("{{\"records\": [{record}]}}").into_bytes();
    let bomb = gzip(&vec![b' '; 32 << 20]);
    assert!(bomb.len() < 100_000);
    let huge = good.replace(&format!("Given{SENTINEL}"), &"x".repeat(10 << 20));
    let cases: [(&str, Vec<u8>, &str, u16, &str); 12] = [
        ("cut off", list(&good[..good.len() - 9]), "", 400, "malformed_json"),
        ("no list", format!("{{\"records\": \"{SENTINEL}\"}}").into(), "", 422, "wrong_type"),
        ("no object", format!("\"{SENTINEL}\"").into(), "", 422, "wrong_type"),
        ("unknown field", format!("{{\"records\": [], \"{SENTINEL}\": 1}}").into(), "", 422, "unknown_field"),
        ("duplicate key", format!("{{\"records\": [], \"records\": [{good}]}}").into(), "", 400, "duplicate_field"),
        ("missing", b"{}".to_vec(), "", 422, "missing_field"),
        ("not UTF-8", [&list(&good)[..40], b"\xff\xfe"].concat(), "", 400, "invalid_utf8"),
        ("10 MB name", list(&huge), "", 413, "body_too_large"),
        ("gzip bomb", bomb, "gzip", 413, "body_too_large"),
        ("no gzip", list(&good), "gzip", 400, "malformed_gzip"),
        ("odd encoding", list(&good), "br", 415, "unsupported_encoding"),
        ("empty", Vec::new(), "", 400, "malformed_json"),
    ];
    let send = |body: Vec<u8>, encoding: &str, media: &str| {
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        let request = request.header("content-type", media);
        let request = if encoding.is_empty() { request } else { request.header("content-encoding", encoding) };
        house.send(request.body(body))
    };
    for (name, body, encoding, status, code) in cases {
        let reply = send(body, encoding, "application/json");
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{name}: {}", reply.text());
        assert!(!reply.text().contains(SENTINEL), "{name}");
    }
    assert_eq!(send(list(&good), "", "text/plain").expect(415).code(), "unsupported_media_type");
    // In a stream every line stands alone: bad ones are listed, and none of them is stored.
    let deep = format!("{{\"type\": {}{}}}", "[".repeat(500), "]".repeat(500));
    let twice = good.replacen('{', "{\"type\": \"customer\",", 1);
    let lines: Vec<&[u8]> = vec![&good.as_bytes()[..50], b"\xff\xfe", deep.as_bytes(), twice.as_bytes(), b"null"];
    let report = send(lines.join(&b'\n'), "", "application/x-ndjson").expect(200);
    let codes: Vec<_> =
        report.json()["results"].as_array().unwrap().iter().map(|result| text(&result["code"])).collect();
    assert_eq!(codes[..4], ["invalid_json", "invalid_utf8", "too_deep", "duplicate_key"], "{}", report.text());
    assert_eq!(codes.len(), 5);
    assert!(!report.text().contains(SENTINEL));
    let long = send(huge.into_bytes(), "", "application/x-ndjson");
    assert!(long.status == 413 || long.json()["summary"]["rejected"] == 1, "{}", long.text());
    nothing_is_stored(&house);
    bad_statements_and_questions_are_problems(&house);
}

fn bad_statements_and_questions_are_problems(house: &House) {
    let ask = |path: &str, body: Value| {
        let reply = house.post(Role::Dpo, path, &body);
        assert!((400..500).contains(&reply.status), "{path} {body}: {}", reply.text());
        assert!(!reply.text().contains(SENTINEL), "{}", reply.text());
        (reply.code(), reply.json()["pointer"].as_str().unwrap_or_default().to_owned())
    };
    let who = json!({"kind": "email", "value": mail("somebody")});
    let said = |name: &str, value: Value| {
        let mut body =
            json!({"identifier": who, "act": "withdrawn", "method": "written", "purpose": "newsletter_email"});
        body[name] = value;
        body
    };
    let at = |code: &str, pointer: &str| (code.to_owned(), pointer.to_owned());
    let consents = "/v1/consents";
    assert_eq!(ask(consents, said("act", json!(SENTINEL))), at("invalid_value", "/act"));
    assert_eq!(ask(consents, said("at", json!("2999-01-01T00:00:00Z"))), at("invalid_value", "/at"));
    assert_eq!(ask(consents, said("purpose", json!("not_configured"))).1, "/purpose");
    assert_eq!(ask(consents, said("colour", json!(SENTINEL))).0, "unknown_field");
    assert_eq!(ask(consents, said("evidence", json!({"a": [SENTINEL]}))).1, "/evidence");
    assert_eq!(ask(consents, said("subject_id", json!(SENTINEL))).1, "/subject_id");
    let lookups = "/v1/profiles/lookup";
    let wrong = json!({"identifier": {"kind": "email", "value": SENTINEL}, "purpose": "newsletter_email"});
    assert_eq!(ask(lookups, wrong), at("invalid_value", "/identifier/value"));
    let wrong = json!({"identifier": who, "purpose": SENTINEL});
    assert_eq!(ask(lookups, wrong).1, "/purpose");
    assert_eq!(ask(lookups, json!({"identifier": who})).0, "missing_field");
    let path = format!("/v1/profiles/{SENTINEL}?purpose=newsletter_email");
    let reply = house.get(Role::Dpo, &path).expect(400);
    assert!(reply.code() == "invalid_parameter" && !reply.text().contains(SENTINEL));
}

fn nothing_is_stored(house: &House) {
    let count = |table: &str| house.database().count(obhut::store::Shelf::Records, table);
    assert_eq!((count("record"), count("subject"), count("identifier"), count("ledger")), (0, 0, 0, 0));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

in_a_house_on_both_databases!(
    what_was_delivered_before_changes_nothing,
    a_batch_means_what_its_records_mean_one_by_one,
    deliveries_in_any_order_converge,
    one_bad_record_does_not_keep_the_others_out,
    a_stream_of_two_thousand_lines_comes_in,
    an_idempotency_key_stands_for_one_request,
    bad_values_are_rejected_with_their_place,
    values_that_cannot_be_are_left_out_with_their_place,
    bad_bodies_are_problems,
);
