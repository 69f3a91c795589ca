//! What is built into the house: licences, one crypto provider, no OpenSSL unless asked for, nothing twice without a reason.
//! It needs no network once all packages are fetched; advisories do, and are `cargo deny`'s (`deny.toml`).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Licences whose terms the house can keep. The same list stands in `deny.toml`.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Where the house runs. The same list stands in `deny.toml`.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Libraries the shipped program does without, and why.
const UNWANTED: [(&str, &str); 6] = [
    ("openssl", "TLS is rustls; OpenSSL comes with the feature postgres-tls alone"),
    ("openssl-sys", "TLS is rustls; OpenSSL comes with the feature postgres-tls alone"),
    ("native-tls", "TLS is rustls"),
    ("aws-lc-rs", "the one crypto provider of rustls is ring; a second one must be chosen at run time and can panic"),
    ("aws-lc-sys", "the one crypto provider of rustls is ring; a second one must be chosen at run time and can panic"),
    ("rustls-openssl", "the one crypto provider of rustls is ring"),
];

/// Libraries that change what is sealed or stored: two versions of one would disagree.
const ALONE: [&str; 8] = ["aes-gcm", "diesel", "hkdf", "hmac", "libsqlite3-sys", "pq-sys", "rustls", "zeroize"];

#[test]
fn every_licence_is_one_the_house_can_keep() {
    let mut read = 0;
    for metadata in TARGETS.map(|target| metadata_of(target, &["--all-features"])) {
        let foreign: Vec<String> = packages(&metadata)
            .filter(|package| !package["license"].as_str().is_some_and(is_kept))
            .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
            .collect();
        assert!(foreign.is_empty(), "licences that are not on the list here and in deny.toml: {foreign:#?}");
        read += packages(&metadata).count();
    }
    assert!(read > 400, "licences of {read} packages; where are the others?");
}

/// Every library is there once, or `deny.toml` says why an older one is there as well.
#[test]
fn nothing_is_there_twice_without_a_reason() {
    let mut there = BTreeMap::<String, BTreeSet<Vec<u64>>>::new();
    for metadata in TARGETS.map(|target| metadata_of(target, &[])) {
        let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
        let used: BTreeSet<&str> = nodes.map(|node| node["id"].as_str().unwrap()).collect();
        for package in packages(&metadata).filter(|package| used.contains(package["id"].as_str().unwrap())) {
            let name = package["name"].as_str().unwrap().to_owned();
            there.entry(name).or_default().insert(numbers(package["version"].as_str().unwrap()));
        }
    }
    let older = there.iter().flat_map(|(name, versions)| versions.iter().rev().skip(1).map(move |old| (name, old)));
    let mut unneeded = allowed_twice();
    let mut without_reason = Vec::new();
    let allowed = unneeded.clone();
    for (name, old) in older {
        match allowed.iter().find(|(allowed, version)| allowed == name && old.starts_with(version)) {
            Some(reason) => unneeded.retain(|other| other != reason),
            None => without_reason.push((name, old)),
        }
    }
    assert!(
        without_reason.is_empty(),
        "twice, see `cargo tree -d`; update, or give the reason in deny.toml: {without_reason:?}"
    );
    assert!(unneeded.is_empty(), "not there twice any more, take them out of deny.toml: {unneeded:?}");
}

/// Names and versions that `deny.toml` lets be there beside a newer one. Each has its reason.
fn allowed_twice() -> Vec<(String, Vec<u64>)> {
    let config: toml::Table = std::fs::read_to_string("deny.toml").unwrap().parse().unwrap();
    assert_eq!(config["bans"]["multiple-versions"].as_str(), Some("deny"));
    let skipped = config["bans"]["skip"].as_array().unwrap().iter();
    skipped
        .map(|entry| {
            assert!(!entry["reason"].as_str().unwrap().is_empty());
            let (name, version) = entry["crate"].as_str().unwrap().split_once('@').unwrap();
            (name.to_owned(), numbers(version))
        })
        .collect()
}

/// The numbers of a version, without what stands behind them.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['-', '+']).next().unwrap().split('.').map(|number| number.parse().unwrap()).collect()
}

#[test]
fn every_licence_here_is_in_deny_toml_and_the_other_way_round() {
    let text = std::fs::read_to_string("deny.toml").unwrap();
    let config: toml::Table = text.parse().unwrap();
    let listed: BTreeSet<&str> =
        config["licenses"]["allow"].as_array().unwrap().iter().map(|licence| licence.as_str().unwrap()).collect();
    assert_eq!(listed, BTreeSet::from(LICENCES));
    let targets = config["graph"]["targets"].as_array().unwrap().iter().map(|target| target.as_str().unwrap());
    assert_eq!(targets.collect::<Vec<_>>(), TARGETS);
}

#[test]
fn nothing_unwanted_is_built_in() {
    let metadata = metadata(&[]);
    let built = built_in(&metadata);
    for (name, reason) in UNWANTED {
        assert!(!built.contains_key(name), "{name} is in the default build: {reason}; see `cargo tree -i {name}`");
    }
}

#[test]
fn what_seals_and_stores_is_there_once() {
    let metadata = metadata(&[]);
    let built = built_in(&metadata);
    for name in ALONE {
        let versions = built.get(name).unwrap_or_else(|| panic!("{name} is not built in any more"));
        assert_eq!(versions.len(), 1, "{name} is built in twice: {versions:?}; see `cargo tree -d`");
    }
}

#[test]
fn every_package_comes_from_the_registry() {
    let metadata = metadata(&["--all-features"]);
    for package in packages(&metadata).filter(|package| package["name"] != "obhut") {
        let registry = package["source"] == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(registry, "{} comes from {}", package["name"], package["source"]);
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    for kept in
        ["MIT", "GPL-2.0-only OR MIT", "MIT/GPL-3.0", "(MIT OR GPL-3.0) AND Zlib", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_kept(kept), "{kept}");
    }
    for foreign in ["GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR LGPL-2.1) AND MIT", "MIT AND (Zlib AND GPL-3.0)", ""] {
        assert!(!is_kept(foreign), "{foreign}");
    }
}

fn metadata(arguments: &[&str]) -> Value {
    metadata_of(TARGETS[0], arguments)
}

fn metadata_of(target: &str, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(["--filter-platform", target])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().unwrap().iter()
}

/// Names and versions of everything in the shipped program: what tests alone need is not in it.
fn built_in(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![metadata["resolve"]["root"].as_str().unwrap()];
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let dependencies = nodes[id]["deps"].as_array().unwrap();
            let shipped = dependencies.iter().filter(|dependency| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev")
            });
            waiting.extend(shipped.map(|dependency| dependency["pkg"].as_str().unwrap()));
        }
    }
    let mut built = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in packages(metadata).filter(|package| seen.contains(package["id"].as_str().unwrap())) {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        built.entry(name).or_default().insert(version);
    }
    built
}

/// Can the licence expression be kept? `OR` (and the old `/`) leaves the choice, `AND` demands both.
fn is_kept(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let expression = expression.trim();
    for (operator, all) in [(" OR ", false), (" AND ", true)] {
        let terms = outside_brackets(expression, operator);
        if terms.len() > 1 {
            return if all { terms.iter().all(|term| is_kept(term)) } else { terms.iter().any(|term| is_kept(term)) };
        }
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_kept(inner),
        None => LICENCES.contains(&expression),
    }
}

/// `text` cut at every `operator` that stands outside brackets.
fn outside_brackets<'a>(text: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut terms, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= start && text[at..].starts_with(operator) => {
                terms.push(&text[start..at]);
                start = at + operator.len();
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}
