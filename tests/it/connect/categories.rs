//! What a manifest declares of a field is where intake keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use obhut::connect::{Connector, Form, Stream};
use obhut::types::{Category, Timestamp};
use serde_json::Value;

use super::{catalog, records};

/// Bytes of each part that intake makes of a record; none if it does not take it.
fn parts(connector: &Connector, record: &Value) -> Option<BTreeMap<Category, usize>> {
    let now = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
    let read = obhut::intake::parse_with(record.to_string().as_bytes(), now, |_| connector.is_social()).ok()?;
    Some(read.parts.iter().map(|(category, part)| (*category, part.len())).collect())
}

/// Where in a record what a path of a manifest means stands, such as `/data/lines/0/sku` for `data.lines[].sku`.
fn places(record: &Value, path: &str) -> Vec<String> {
    if let Some(kind) = path.strip_prefix("identifiers.") {
        let all = record["identifiers"].as_array().into_iter().flatten().enumerate();
        return all.filter(|(_, one)| one["kind"] == kind).map(|(at, _)| format!("/identifiers/{at}")).collect();
    }
    let mut places = vec![String::new()];
    for step in path.split('.') {
        let name = step.trim_end_matches("[]");
        if name == "*" {
            let below = |place: &String| {
                let names = record.pointer(place).and_then(Value::as_object).into_iter().flatten();
                names.map(|(name, _)| format!("{place}/{name}")).collect::<Vec<_>>()
            };
            return places.iter().flat_map(below).collect();
        }
        places.iter_mut().for_each(|place| *place += &format!("/{name}"));
        if step.ends_with("[]") {
            let items = |place: &String| {
                let count = record.pointer(place).and_then(Value::as_array).map_or(0, Vec::len);
                (0..count).map(|at| format!("{place}/{at}")).collect::<Vec<_>>()
            };
            places = places.iter().flat_map(items).collect();
        }
    }
    places.into_iter().filter(|place| record.pointer(place).is_some_and(|value| !value.is_null())).collect()
}

/// The record without what stands there, and with a longer text, a longer amount or another length of word in its place.
fn changed(record: &Value, place: &str) -> Vec<Value> {
    let mut without = record.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match without.pointer_mut(parent) {
        Some(Value::Object(parts)) => _ = parts.shift_remove(name),
        Some(Value::Array(items)) => _ = items.remove(name.parse().unwrap()),
        _ => panic!("{place}"),
    }
    let told = record.pointer(place).and_then(Value::as_str).map(str::to_owned);
    let longer = told.into_iter().flat_map(|text| [format!("{text}x"), format!("1{text}")]);
    let words = ["open", "cancelled", "delivered", "published", "withdrawn", "outgoing", "outbound"].map(str::to_owned);
    let mut all = vec![without];
    all.extend(longer.chain(words).map(|text| {
        let mut other = record.clone();
        *other.pointer_mut(place).unwrap() = text.into();
        other
    }));
    all
}

/// The streams of a fixture: of a page or line it is known which one it is, of a table it may be any.
fn streams<'c>(connector: &'c Connector, fixture: &str, content: &[u8]) -> Vec<(Vec<&'c Stream>, Value)> {
    let pages: Vec<Value> = match Form::of(Path::new(fixture)).unwrap() {
        Form::Json => vec![serde_json::from_slice(content).unwrap()],
        Form::Ndjson => serde_json::Deserializer::from_slice(content).into_iter().map(Result::unwrap).collect(),
        Form::Csv => {
            let all = || connector.streams().iter().collect();
            return records(connector, fixture).into_iter().map(|record| (all(), record)).collect();
        }
    };
    let mut found = Vec::new();
    for page in
        pages.into_iter().flat_map(|page| if connector.stream_for(&page).is_some() { vec![page] } else { list(page) })
    {
        let stream = connector.stream_for(&page).unwrap();
        for record in stream.map(&page, connector.example("fixture")) {
            found.push((vec![stream], serde_json::from_slice(&record.unwrap()).unwrap()));
        }
    }
    found
}

fn list(page: Value) -> Vec<Value> {
    if let Value::Array(pages) = page { pages } else { vec![page] }
}

#[test]
fn every_field_is_kept_under_the_category_its_manifest_names() {
    let (mut wrong, mut seen, mut all) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for connector in catalog().connectors() {
        for stream in connector.streams() {
            all.extend(stream.fields().map(|(path, _)| (connector.name().to_owned(), path.to_owned())));
        }
        for (fixture, content) in connector.fixtures() {
            for (streams, record) in streams(connector, fixture, content) {
                let Some(whole) = parts(connector, &record) else { continue };
                let mut declared = BTreeMap::<&str, BTreeSet<Category>>::new();
                for (path, category) in streams.iter().flat_map(|stream| stream.fields()) {
                    declared.entry(path).or_default().insert(category);
                }
                for (path, declared) in declared {
                    for place in places(&record, path) {
                        for parted in changed(&record, &place) {
                            let Some(parted) = parts(connector, &parted) else { continue };
                            let kept: BTreeSet<Category> =
                                Category::ALL.into_iter().filter(|one| whole.get(one) != parted.get(one)).collect();
                            if kept.is_empty() {
                                continue;
                            }
                            seen.insert((connector.name().to_owned(), path.to_owned()));
                            if kept.is_disjoint(&declared) {
                                wrong.insert(format!("{}: `{path}` is kept under {kept:?}", connector.name()));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "write these under the category that intake keeps them in:\n{wrong:#?}");
    // What no fixture holds, and what is needed and has one form, such as a time, is not seen.
    let unseen: Vec<_> = all.difference(&seen).filter(|(_, path)| !path.ends_with("_at")).collect();
    assert!(unseen.len() * 5 < all.len(), "{} of {} fields were not looked at: {unseen:#?}", unseen.len(), all.len());
}
