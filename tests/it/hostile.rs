//! Bad input at every operation that reads a body, whichever it is: taken from the OpenAPI document with its own example,
//! spoilt in every way. Always a problem with a code and a place, never a 500, never an echo, and nothing is written.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use obhut::types::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, Reply, in_a_house_on_both_databases, text};

/// A value that must come back in no reply and stand in no log.
const SENTINEL: &str = "Xanthippe.Sentinel@hostile.example";

/// An operation with a body: how it is called, and the example of its document.
struct Target {
    name: String,
    method: Method,
    path: String,
    role: Option<Role>,
    example: Value,
    schema: Value,
    /// Does it follow the rules of tracking SDKs?
    tolerant: bool,
}

impl Target {
    fn send(&self, house: &House, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let mut request = house.request(0, self.method.clone(), &self.path).body(body);
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        house.send(match self.role {
            Some(role) => request.bearer_auth(&house.key(role).key),
            None => request,
        })
    }

    /// Records are taken or rejected one by one; everything else is one document.
    fn one_by_one(&self) -> bool {
        self.path == "/v1/records"
    }
}

/// Every operation with a body. A request that waits is behind those about one.
fn targets(house: &House, document: &Value) -> Vec<Target> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            if content.is_null() {
                continue;
            }
            let name = format!("{} {path}", method.to_uppercase());
            let example = content["example"].clone();
            assert!(example.is_object(), "{name} has no example");
            let mut filled = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path")
            {
                let value = match text(&parameter["name"]).as_str() {
                    "request_id" => {
                        let who = json!({"kind": "email", "value": "erika@muster.org"});
                        let demand = json!({"right": "access", "identifier": who});
                        text(&house.post(Role::Dpo, "/v1/requests", &demand).expect(201).json()["id"])
                    }
                    "subject_id" if path.ends_with("/rectification") => {
                        let who = json!({"kind": "email", "value": "erika@muster.org"});
                        let own = json!({"identifier": who, "purpose": "subject_access"});
                        text(&house.post(Role::Dpo, "/v1/profiles/lookup", &own).expect(200).json()["subject_id"])
                    }
                    _ => text(&parameter["example"]),
                };
                filled = filled.replace(&format!("{{{}}}", text(&parameter["name"])), &value);
            }
            let role = operation["security"][0]["api_key"][0].as_str().map(|role| role.parse().unwrap());
            let method = method.to_uppercase().parse().unwrap();
            let tolerant = operation["tags"][0] == "collection";
            found.push(Target {
                name,
                method,
                path: filled,
                role,
                example,
                schema: content["schema"].clone(),
                tolerant,
            });
        }
    }
    found
}

/// A house in which the examples make sense.
fn furnished(database: Database) -> House {
    let mut house = House::open_with(database, &["--body-limit-stream", "8388608"])
        .with_key(Role::Partner, ["newsletter_email"])
        .with_key(Role::Marketing, ["newsletter_email"]);
    house.keep_secret("Sentinel");
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let records = &document["paths"]["/v1/records"]["post"]["requestBody"]["content"]["application/json"]["example"];
    house.post(Role::Partner, "/v1/records", records).expect(200).expect_all("created");
    house
}

/// Everything a call could have changed, as far as the API shows it.
fn state(house: &House) -> Vec<Value> {
    let lists = [
        (Role::Admin, "/v1/api-keys"),
        (Role::Admin, "/v1/sources"),
        (Role::Admin, "/v1/purposes"),
        (Role::Dpo, "/v1/segments"),
        (Role::Dpo, "/v1/requests?limit=1000"),
    ];
    let mut state: Vec<_> = lists.iter().map(|(role, path)| house.get(*role, path).expect(200).json()).collect();
    let who = json!({"kind": "email", "value": "erika@muster.org"});
    let question = json!({"identifier": who, "purpose": "newsletter_email"});
    let decision = house.post(Role::Dpo, "/v1/decisions", &question).expect(200).json()["decision"].clone();
    state.push(json!([decision["outcome"], decision["ledger_version"]]));
    let who = json!({"kind": "email", "value": "erika@muster.org"});
    let profile = json!({"identifier": who, "purpose": "subject_access"});
    state.push(house.post(Role::Dpo, "/v1/profiles/lookup", &profile).expect(200).json()["data"].clone());
    state
}

/// What is wrong with a refusal: it must say what and where, and repeat nothing.
fn fault(target: &Target, reply: &Reply, pointer: Option<&str>) -> Option<String> {
    let sent = reply.text();
    let short: String = sent.chars().take(400).collect();
    if sent.contains("Sentinel") {
        return Some(format!("{} an echo: {short}", reply.status));
    }
    if target.one_by_one() && reply.status == 200 {
        let report = reply.json();
        let summary = &report["summary"];
        let taken = ["created", "updated"].iter().map(|outcome| summary[outcome].as_u64().unwrap()).sum::<u64>();
        let told = report["results"][0]["code"].is_string() && report["results"][0]["pointer"].is_string();
        return (taken > 0 || summary["rejected"] != 1 || !told).then_some(short);
    }
    if !(400..500).contains(&reply.status) || reply.code().is_empty() {
        return Some(format!("{} {short}", reply.status));
    }
    let pointer = pointer?;
    match reply.json()["pointer"].as_str() {
        // Never beside the fault; above it where a whole list or map is refused.
        Some(told) if pointer.starts_with(told) || told.starts_with(pointer) => None,
        told => Some(format!("points at {told:?}: {short}")),
    }
}

fn the_example_of_every_operation_works(database: Database) {
    let house = furnished(database);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let mut faults = Vec::new();
    for target in targets(&house, &document) {
        let reply = target.send(&house, &[], target.example.to_string().into_bytes());
        // A token can only be made by the hub itself; recipients are known only of erased data.
        let made = target.path == "/v1/opt-outs" || target.path.ends_with("/notices");
        let good = if made { reply.status == 422 } else { (200..300).contains(&reply.status) };
        // There is no doubtful pair, nobody was taken for one with another, and no vendor is connected.
        let good = good
            || match target.name.as_str() {
                "GET /v1/reviews/{review_id}"
                | "POST /v1/reviews/{review_id}"
                | "POST /v1/subjects/{subject_id}/split" => reply.status == 404,
                "POST /v1/sources/{code}/erasures" => reply.status == 409,
                _ => false,
            };
        // Nobody has agreed to anything here, so there is nothing to read.
        let good = good || (target.path == "/v1/profiles/lookup" && reply.status == 404);
        if !good {
            faults.push(format!("{}: {} {}", target.name, reply.status, reply.text()));
        }
    }
    assert!(
        faults.is_empty(),
        "{}",
        faults.join(
            "
"
        )
    );
}

/// What is wrong, headers, the body, and the statuses that are right.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, &'a [u16]);

fn what_is_no_document_is_refused_everywhere(database: Database) {
    let house = furnished(database);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let mut targets = targets(&house, &document);
    targets.retain(|target| !target.tolerant);
    assert!(targets.len() >= 14, "{}", targets.len());
    let before = state(&house);
    let (bomb, mut faults) = (bomb(), Vec::new());
    for target in &targets {
        let good = target.example.to_string();
        let first = target.example.as_object().unwrap().keys().next().unwrap().clone();
        let cut = good.as_bytes()[..good.len() - 1].to_vec();
        let named = format!("{{\"{SENTINEL}\": 1, {}", &good[1..]).into_bytes();
        let twice = format!("{{\"{first}\": \"{SENTINEL}\", {}", &good[1..]).into_bytes();
        let mut broken = good.replacen('"', "\"\u{1}", 1).into_bytes();
        let place = broken.iter().position(|byte| *byte == 1).unwrap();
        broken[place] = 0xff;
        let long = good.replacen('{', &format!("{{\"{first}\": \"{}\", ", SENTINEL.repeat(10 << 15)), 1).into_bytes();
        let deep = format!("{{\"{first}\": {}{}}}", "[".repeat(5_000), "]".repeat(5_000)).into_bytes();
        let cases: [Case; 13] = [
            ("cut off", &[], cut, &[400]),
            ("empty", &[], Vec::new(), &[400]),
            ("no JSON", &[], SENTINEL.into(), &[400]),
            ("two documents", &[], format!("{good} {good}").into_bytes(), &[400]),
            ("a list", &[], format!("[\"{SENTINEL}\"]").into_bytes(), &[400, 422]),
            ("an unknown name", &[], named, &[400, 422]),
            ("a name twice", &[], twice, &[400, 422]),
            ("no UTF-8", &[], broken, &[400]),
            ("ten megabytes", &[], long, &[413]),
            ("deep", &[], deep, &[400, 422]),
            ("a bomb", &[("content-encoding", "gzip")], bomb.clone(), &[413]),
            ("no gzip", &[("content-encoding", "gzip")], good.clone().into_bytes(), &[400]),
            ("another type", &[("content-type", "text/plain")], good.into_bytes(), &[415]),
        ];
        for (what, headers, body, statuses) in cases {
            let reply = target.send(&house, headers, body);
            let other = (!(statuses.contains(&reply.status) || (target.one_by_one() && reply.status == 200)))
                .then(|| format!("{} {}", reply.status, reply.text()));
            faults
                .extend(fault(target, &reply, None).or(other).map(|fault| format!("{}, {what}: {fault}", target.name)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(before, state(&house), "something was written");
}

/// 64 MiB that open a document and never close it, packed.
fn bomb() -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(b"{\"a\": \"").unwrap();
    for _ in 0..64 {
        packer.write_all(&[b' '; 1 << 20]).unwrap();
    }
    packer.finish().unwrap()
}

fn every_field_of_every_document_is_checked(database: Database) {
    let house = furnished(database);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let mut targets = targets(&house, &document);
    targets.retain(|target| !target.tolerant);
    let before = state(&house);
    let (mut sent, mut faults) = (0, Vec::new());
    for target in &targets {
        for (pointer, value) in places(&target.example, "") {
            let place = schema_at(&document, &target.schema, &target.example, &pointer);
            let spoilt = spoil(&value, &place);
            for (what, wrong) in spoilt {
                let mut body = target.example.clone();
                *body.pointer_mut(&pointer).unwrap() = wrong;
                let reply = target.send(&house, &[], body.to_string().into_bytes());
                let fault = fault(target, &reply, Some(&pointer));
                faults.extend(fault.map(|fault| format!("{}, {what} at {pointer}: {fault}", target.name)));
                sent += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(sent > 200, "{sent}");
    assert_eq!(before, state(&house), "something was written");
}

/// Tracking SDKs of every age send what they like: it is taken as far as it is understood, or refused with a reason.
fn what_sdks_send_spoilt_is_taken_or_refused_and_repeats_nothing(database: Database) {
    let house = furnished(database);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let (mut sent, mut faults) = (0, Vec::new());
    for target in targets(&house, &document).iter().filter(|target| target.tolerant) {
        for (pointer, value) in places(&target.example, "") {
            let place = schema_at(&document, &target.schema, &target.example, &pointer);
            for (what, wrong) in spoil(&value, &place) {
                let mut body = target.example.clone();
                *body.pointer_mut(&pointer).unwrap() = wrong;
                let reply = target.send(&house, &[], body.to_string().into_bytes());
                let told =
                    reply.status == 200 || (400..500).contains(&reply.status) && reply.json()["message"].is_string();
                if !told || reply.text().contains("Sentinel") {
                    faults.push(format!("{}, {what} at {pointer}: {} {}", target.name, reply.status, reply.text()));
                }
                sent += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(sent > 100, "{sent}");
}

/// Every value of a document but the whole, with its place.
fn places(value: &Value, at: &str) -> Vec<(String, Value)> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, part)| (format!("{at}/{name}"), part)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, part)| (format!("{at}/{index}"), part)).collect(),
        _ => Vec::new(),
    };
    parts.into_iter().flat_map(|(at, part)| [vec![(at.clone(), part.clone())], places(part, &at)].concat()).collect()
}

/// Ways to spoil a value that no schema of this API allows at its place.
fn spoil(value: &Value, place: &Place) -> Vec<(&'static str, Value)> {
    let mut spoilt = vec![("a list of lists", json!([[SENTINEL]]))];
    match value {
        Value::Object(fields) if !place.free => {
            let mut more = fields.clone();
            more.insert(SENTINEL.to_owned(), SENTINEL.into());
            spoilt.extend([("an unknown name", Value::Object(more)), ("a text", SENTINEL.into())]);
        }
        Value::Array(_) => spoilt.extend([("a text", SENTINEL.into()), ("a number", 7.into())]),
        Value::String(text) => {
            spoilt.push(("a null character", format!("{text}\0{SENTINEL}").into()));
            spoilt.push(("an object", json!({SENTINEL: SENTINEL})));
            if !place.free {
                spoilt.push(("a megabyte", SENTINEL.repeat(20_000).into()));
                spoilt.push(("true", true.into()));
            }
            if place.dated {
                for absurd in
                    ["2026-02-30T00:00:00Z", "99999-01-01T00:00:00Z", "2026-01-01T25:61:00Z", "yesterday", "1e9"]
                {
                    spoilt.push(("an absurd date", absurd.into()));
                }
            }
            if place.worded {
                spoilt.push(("an unknown word", SENTINEL.into()));
            }
            if place.money {
                spoilt.extend([
                    ("too much money", "1e400".into()),
                    ("money with words", format!("19 {SENTINEL}").into()),
                    ("money without end", json!(1e300)),
                ]);
            }
        }
        Value::Bool(_) => spoilt.extend([("a text", SENTINEL.into()), ("a number", 1.into())]),
        Value::Number(_) => {
            spoilt.extend([("a text", SENTINEL.into()), ("below zero", (-1).into()), ("huge", json!(1e300))])
        }
        _ => {}
    }
    spoilt
}

/// What the schema says of a place, as far as spoiling it goes.
#[derive(Default)]
struct Place {
    /// Inside a map whose names and values the sender chooses.
    free: bool,
    dated: bool,
    worded: bool,
    money: bool,
}

/// Follows a pointer into the example through the schema.
fn schema_at(document: &Value, schema: &Value, example: &Value, pointer: &str) -> Place {
    let (mut schema, mut at, mut free) = (schema.clone(), example.clone(), false);
    let mut last = String::new();
    for step in pointer.split('/').skip(1) {
        schema = shape(document, &schema, &at);
        at = at.get(step).cloned().or_else(|| at.get(step.parse::<usize>().ok()?).cloned()).unwrap_or(Value::Null);
        last = step.to_owned();
        schema = match (&schema["properties"][step], &schema["items"]) {
            (Value::Null, Value::Null) => {
                free = true;
                schema["additionalProperties"].clone()
            }
            (Value::Null, items) => items.clone(),
            (property, _) => property.clone(),
        };
    }
    let money = schema["$ref"].as_str().is_some_and(|to| to.ends_with("/DecimalAmount"))
        || schema["oneOf"]
            .as_array()
            .is_some_and(|parts| parts.iter().any(|part| part["$ref"] == "#/components/schemas/DecimalAmount"));
    let schema = shape(document, &schema, &at);
    free |= last == "evidence" || last == "properties";
    Place { free, dated: schema["format"] == "date-time", worded: schema["enum"].is_array(), money }
}

/// A schema without references and choices, for this value.
fn shape(document: &Value, schema: &Value, value: &Value) -> Value {
    if let Some(to) = schema["$ref"].as_str() {
        return shape(document, document.pointer(&to[1..]).unwrap(), value);
    }
    for choice in schema["oneOf"].as_array().into_iter().chain(schema["anyOf"].as_array()).flatten() {
        let found = shape(document, choice, value);
        let kind = &found["properties"]["type"]["enum"][0];
        let fits = match value {
            Value::Object(fields) => {
                found["type"] == "object"
                    && (kind.is_null() || *kind == value["type"])
                    && fields.keys().all(|name| !found["properties"][name].is_null() || kind.is_string())
            }
            Value::String(_) => found["type"] == "string",
            Value::Number(_) => found["type"] == "number" || found["type"] == "integer",
            _ => false,
        };
        if fits {
            return found;
        }
    }
    schema.clone()
}

fn money_below_zero_is_rejected(database: Database) {
    let house = furnished(database);
    for (field, pointer) in [("total", "/data/total"), ("net", "/data/net"), ("shipping_cost", "/data/shipping_cost")] {
        for amount in [json!("-19.99"), json!(-19.99), json!("-0.01")] {
            let mut record = crate::house::order("webshop", "9", "erika", "2026-10-01T08:00:00Z");
            record["data"][field] = amount;
            let reply = house.ingest(&[record]);
            reply.expect_all("rejected");
        }
        let mut record = crate::house::order("webshop", "9", "erika", "2026-10-01T08:00:00Z");
        record["data"][field] = json!("-1");
        assert_eq!(house.ingest(&[record]).json()["results"][0]["pointer"], pointer);
    }
}

in_a_house_on_both_databases!(
    the_example_of_every_operation_works,
    what_is_no_document_is_refused_everywhere,
    every_field_of_every_document_is_checked,
    what_sdks_send_spoilt_is_taken_or_refused_and_repeats_nothing,
    money_below_zero_is_rejected,
);
