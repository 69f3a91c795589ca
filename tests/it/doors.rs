//! Every door of the API, from its own documents: who may pass, what a refusal looks like, what the audit book says.

use std::collections::{BTreeMap, BTreeSet};

use obhut::types::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, Reply, demand, in_a_house_on_both_databases, lookup, order, text};

/// Operations with `x-personal-data` that need no refusal and audit test here. It may only shrink.
const EXCEPTIONS: [&str; 0] = [];

/// An operation out of the OpenAPI document.
struct Operation {
    method: Method,
    path: String,
    roles: BTreeSet<String>,
    personal: bool,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let roles = operation["security"][0]["api_key"].as_array().cloned().unwrap_or_default();
            found.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                roles: roles.iter().map(text).collect(),
                personal: operation["x-personal-data"] == true,
            });
        }
    }
    found
}

/// Roles by `METHOD /path`, out of the page that is published.
fn published() -> BTreeMap<String, BTreeSet<String>> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md")).unwrap();
    let mut rows = page.lines().filter(|line| line.starts_with('|')).map(|line| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
    });
    let head = rows.next().unwrap();
    let row = |cells: Vec<String>| {
        let roles = head.iter().zip(&cells).skip(2).take(Role::ALL.len());
        (cells[0].clone(), roles.filter(|(_, mark)| *mark == "✓").map(|(role, _)| role.clone()).collect())
    };
    rows.skip(1).map(row).collect()
}

fn every_operation_is_open_to_the_published_roles_and_to_nobody_else(database: Database) {
    let house = House::open(database).with_key(Role::Partner, ["newsletter_email"]);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let mut published = published();
    for Operation { method, path, roles, .. } in operations(&document) {
        let filled = fill(&path);
        let call = |key: Option<&str>| {
            let request = house.request(0, method.clone(), &filled);
            let request = if method == Method::GET { request } else { request.json(&json!({})) };
            house.send(match key {
                Some(key) => request.bearer_auth(key),
                None => request,
            })
        };
        let name = format!("{method} {path}");
        let Some(promised) = published.remove(&name) else {
            assert!(!path.starts_with("/v1/") && roles.is_empty(), "{name} is not in docs/permissions.md");
            assert_eq!(call(None).status, 200, "{name} is open to everybody");
            continue;
        };
        if roles.is_empty() {
            // Public: the page ticks every role, and no key is asked for.
            assert_eq!(promised.len(), Role::ALL.len(), "{name}");
            assert_ne!(call(None).status, 401, "{name} is open to everybody");
            continue;
        }
        assert_eq!(roles, promised, "{name}");
        assert_eq!(call(None).expect(401).code(), "unauthenticated", "{name}");
        for role in Role::ALL {
            let reply = call(Some(&house.key(*role).key));
            if promised.contains(role.word()) {
                assert!(![401, 403, 405].contains(&reply.status), "{role} may {name}: {}", reply.text());
                assert!(reply.status < 500, "{role} {name}: {}", reply.text());
            } else {
                assert_eq!(reply.expect(403).code(), "forbidden", "{role} may not {name}");
            }
        }
    }
    assert!(published.is_empty(), "in docs/permissions.md and not in the API: {:?}", published.keys());
}

/// A path with something for each of its parameters.
fn fill(path: &str) -> String {
    let mut filled = String::new();
    for part in path.split('/').skip(1) {
        filled.push('/');
        filled.push_str(match part {
            "{code}" => "newsletter_email",
            part if part.starts_with('{') => "018f3f3c-0000-7000-8000-000000000001",
            part => part,
        });
    }
    filled
}

/// Calls of one personal operation: one that is refused, and one that discloses.
struct Door<'a> {
    refused: Box<dyn Fn() -> Reply + 'a>,
    disclosed: Box<dyn Fn() -> Reply + 'a>,
    /// What the book says of the two.
    acts: (&'static str, &'static str),
}

fn every_door_refuses_and_writes_down_what_it_lets_out(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_key(Role::Marketing, ["newsletter_email"])
        .with_subject("refusing")
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    house.ingest(&[order("webshop", "1", "marlene", "2026-10-01T08:00:00Z")]).expect_all("created");
    let id = |name: &str| text(&house.lookup(Role::Dpo, name, "subject_access").expect(200).json()["subject_id"]);
    let (marlene, refusing) = (id("marlene"), id("refusing"));
    let doors = doors(&house, &marlene, &refusing);
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let personal: BTreeSet<String> = operations(&document)
        .into_iter()
        .filter(|operation| operation.personal)
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    let tested: BTreeSet<String> = doors.keys().copied().chain(EXCEPTIONS).map(ToOwned::to_owned).collect();
    assert_eq!(personal, tested, "every operation with x-personal-data stands in `doors`, and nothing else");
    for (name, Door { refused, disclosed, acts }) in &doors {
        let before = house.audited(acts.0);
        let reply = refused();
        assert!(!reply.text().contains("Familyrefusing"), "{name}: {}", reply.text());
        assert!(acts.0.is_empty() || house.audited(acts.0) > before, "{name}: the refusal is not in the audit book");
        let before = house.audited(acts.1);
        let reply = disclosed();
        assert!((200..300).contains(&reply.status) && !reply.body.is_empty(), "{name}: {}", reply.text());
        assert!(house.audited(acts.1) > before, "{name}: the disclosure is not in the audit book");
    }
    let verified = house.post(Role::Dpo, "/v1/audit/verifications", &json!({})).expect(200).json();
    assert_eq!(verified["intact"], true, "{verified}");
}

fn doors<'a>(house: &'a House, marlene: &'a str, refusing: &'a str) -> BTreeMap<&'static str, Door<'a>> {
    let lookup = |name: &'static str| {
        move || house.post(Role::Partner, "/v1/profiles/lookup", &lookup(name, "newsletter_email"))
    };
    let by_id = |id: &'a str| move || house.get(Role::Partner, &format!("/v1/profiles/{id}?purpose=newsletter_email"));
    let batch = |id: &'a str| {
        let asked = json!({"people": [{"subject_id": id}], "purpose": "newsletter_email"});
        move || house.post(Role::Partner, "/v1/profiles/batch", &asked)
    };
    let members =
        |segment: &'static str| move || house.get(Role::Marketing, &format!("/v1/segments/{segment}/members"));
    let demanded = |name: &'static str| move || house.post(Role::Dpo, "/v1/requests", &demand(name, "access"));
    // A request nobody stands behind is refused before there is anybody to write about.
    let nobody = "018f3f3c-0000-7000-8000-0000000000aa".to_owned();
    let mut waiting = demand("marlene", "access");
    waiting["execute"] = false.into();
    let id = text(&house.post(Role::Dpo, "/v1/requests", &waiting).expect(201).json()["id"]);
    let package = |id: String| move || house.get(Role::Dpo, &format!("/v1/requests/{id}/package"));
    let execution = |id: String| move || house.post(Role::Dpo, &format!("/v1/requests/{id}/execution"), &Value::Null);
    // A package is there once the request was answered.
    let answered = text(&house.post(Role::Dpo, "/v1/requests", &waiting).expect(201).json()["id"]);
    execution(answered.clone())().expect(200);
    // Two who may be one, twice: the second time one of them may not be read.
    let doubtful = |given: &str| {
        for source in ["webshop", "books"] {
            let name = json!({"given_name": given, "family_name": "Schmidt"});
            let record = json!({"type": "customer", "source": source, "external_id": given, "identifiers": [],
                "updated_at": "2026-03-07T13:40:01Z", "data": {"person": name}});
            house.ingest(&[record]).expect_all("created");
        }
        let open = house.get(Role::Dpo, "/v1/reviews").expect(200).json();
        open["reviews"].as_array().unwrap().last().unwrap().clone()
    };
    let (shown, hidden) = (doubtful("Anna"), doubtful("Bernd"));
    let no = json!({"subject_id": hidden["one_subject_id"], "act": "restricted", "method": "written"});
    house.post(Role::Dpo, "/v1/consents", &no).expect(201);
    let review = |of: Value| move || house.get(Role::Dpo, &format!("/v1/reviews/{}", text(&of["id"])));
    let both = ("refused", "disclosed");
    let only = ("", "disclosed");
    let door = |refused: Box<dyn Fn() -> Reply + 'a>, disclosed: Box<dyn Fn() -> Reply + 'a>, acts| Door {
        refused,
        disclosed,
        acts,
    };
    BTreeMap::from([
        ("POST /v1/profiles/lookup", door(Box::new(lookup("refusing")), Box::new(lookup("marlene")), both)),
        ("GET /v1/profiles/{subject_id}", door(Box::new(by_id(refusing)), Box::new(by_id(marlene)), both)),
        ("POST /v1/profiles/batch", door(Box::new(batch(refusing)), Box::new(batch(marlene)), both)),
        ("GET /v1/reviews/{review_id}", door(Box::new(review(hidden)), Box::new(review(shown)), both)),
        // Its one member is Marlene, whoever else is in the house.
        (
            "GET /v1/segments/{code}/members",
            door(Box::new(members("region_berlin")), Box::new(members("newsletter_subscribers")), only),
        ),
        ("POST /v1/requests", door(Box::new(demanded("niemand")), Box::new(demanded("marlene")), only)),
        (
            "GET /v1/requests/{request_id}/package",
            door(Box::new(package(nobody.clone())), Box::new(package(answered)), only),
        ),
        ("POST /v1/requests/{request_id}/execution", door(Box::new(execution(nobody)), Box::new(execution(id)), only)),
    ])
}

in_a_house_on_both_databases!(
    every_operation_is_open_to_the_published_roles_and_to_nobody_else,
    every_door_refuses_and_writes_down_what_it_lets_out,
);

#[test]
fn the_documentation_loads_nothing_from_the_network() {
    let house = House::open(Database::sqlite());
    let fetch = |path: &str| house.send(house.request(0, Method::GET, path)).expect(200);
    let page = fetch("/docs/");
    // The browser is told so, too.
    let policy = &page.headers["content-security-policy"];
    for rule in policy.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
        assert!(!rule.contains("http") && !rule.contains('*') && !rule.contains("unsafe-eval"), "{rule}");
    }
    let text = page.text();
    let mut files: Vec<String> = vec![text.clone()];
    for attribute in ["src=\"", "href=\""] {
        for (at, _) in text.match_indices(attribute) {
            let rest = &text[at + attribute.len()..];
            let target = &rest[..rest.find('"').unwrap()];
            assert!(!target.contains("//") && !target.starts_with("data:"), "the page loads {target}");
            let path = format!("/docs/{}", target.trim_start_matches("./"));
            let file = fetch(if target.starts_with('/') { target } else { &path });
            // What a style sheet or a script would load by itself.
            let content = file.text();
            for loader in ["@import", "url(http", "url(\"http", "url('http", "url(//", "importScripts(\"http"] {
                assert!(!content.contains(loader), "{target} loads by {loader}");
            }
            files.push(content);
        }
    }
    assert!(files.len() > 2, "the page has scripts and styles");
    let start = fetch("/docs/swagger-initializer.js").text();
    assert!(start.contains("/openapi.json") && !start.contains("http:") && !start.contains("https:"), "{start}");
}
