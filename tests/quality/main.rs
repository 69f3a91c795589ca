//! The matcher alone, without hub and database, on labelled sets: what `cluster` makes of all records at once, and how far
//! the keys and the scores carry by themselves.
//!
//! ```sh
//! cargo test --release --test quality -- target/quality/german target/quality/febrl1
//! ```
//!
//! Of each folder it reads `records.ndjson` and `truth.csv`, writes `matcher.csv` for `score.py`, and prints one line. With
//! `--train` the weights are estimated from the set itself first, and what changed is printed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement prints what it found and fails by panicking"
)]

use std::collections::HashMap;
use std::path::Path;

use obhut::graph::matching::{
    self, Bonds, Card, Change, Clustering, Model, Number, NumberKind, Sample, TermFrequencies, Verdict, cluster,
};
use obhut::intake;
use obhut::types::{SourceNo, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn main() {
    let train = std::env::args().any(|argument| argument == "--train");
    let sets: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if sets.is_empty() {
        println!("name the folders of labelled sets; tests/quality/README.md says how they are made");
    }
    for set in sets {
        measure(Path::new(&set), train);
    }
}

/// A record, its card, and whose it is.
struct Known {
    source: String,
    external_id: String,
    card: Card,
    entity: String,
}

fn measure(folder: &Path, train: bool) {
    let known = read(folder);
    let cards: Vec<&Card> = known.iter().map(|known| &known.card).collect();
    let (mut model, mut frequencies) = (Model::shipped(), TermFrequencies::count(cards.iter().copied()));
    if train {
        let sample = Sample::of(&model, &cards, &frequencies);
        println!("trained on {} pairs", sample.pairs());
        let trained = matching::train(&model, sample.random, &sample.passes);
        for Change { field, level, before, after } in trained.changes {
            println!("  {field} {level}: {:.1} -> {:.1}", before.bits(), after.bits());
        }
        model = trained.model;
    }
    let pairs = matching::candidates(&cards);
    let found = cluster(&model, &mut frequencies, &cards, pairs.clone(), &Bonds::default());
    let same = |(one, other): &(u32, u32)| known[*one as usize].entity == known[*other as usize].entity;
    let mut people: HashMap<&str, u64> = HashMap::new();
    known.iter().for_each(|known| *people.entry(&known.entity).or_default() += 1);
    let true_pairs: u64 = people.values().map(|count| count * (count - 1) / 2).sum();
    let joining = |pair: &&(u32, u32)| {
        let (one, other) = (cards[pair.0 as usize], cards[pair.1 as usize]);
        model.score(one, other, &frequencies).verdict == Verdict::Join
    };
    let scored: Vec<&(u32, u32)> = pairs.iter().filter(joining).collect();
    let share = |part: usize, all: u64| part as f64 / all.max(1) as f64;
    println!(
        "{}: {} records, {} pairs share a key ({:.3} of the true ones), {} of them score enough (right {:.4}, of the \
         true ones {:.3}), {} joins (right {:.4}), {:.0} reviews per 1,000 (of one person {:.2})",
        folder.display(),
        known.len(),
        pairs.len(),
        share(pairs.iter().filter(|pair| same(pair)).count(), true_pairs),
        scored.len(),
        share(scored.iter().filter(|pair| same(pair)).count(), scored.len() as u64),
        share(scored.iter().filter(|pair| same(pair)).count(), true_pairs),
        found.joins.len(),
        share(found.joins.iter().filter(|join| same(&join.pair)).count(), found.joins.len() as u64),
        1_000.0 * share(found.reviews.len(), known.len() as u64),
        share(found.reviews.iter().filter(|review| same(&review.pair)).count(), found.reviews.len() as u64),
    );
    write(folder, &known, &found);
}

fn read(folder: &Path) -> Vec<Known> {
    let mut truth = csv::Reader::from_path(folder.join("truth.csv")).unwrap();
    let rows = truth.records().map(Result::unwrap);
    let mut whose: HashMap<(String, String), String> =
        rows.map(|row| ((row[0].to_owned(), row[1].to_owned()), row[2].to_owned())).collect();
    let text = std::fs::read_to_string(folder.join("records.ndjson")).unwrap();
    let mut sources: Vec<String> = Vec::new();
    let mut known = Vec::new();
    for line in text.lines() {
        let plain: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| plain[name].as_str().unwrap().to_owned();
        let (source, external_id) = (field("source"), field("external_id"));
        let Ok(record) = intake::parse(line.as_bytes(), Timestamp::from_micros(1_900_000_000_000_000)) else {
            continue;
        };
        let Some(entity) = whose.remove(&(source.clone(), external_id.clone())) else { continue };
        let place = sources.iter().position(|known| *known == source).unwrap_or_else(|| {
            sources.push(source.clone());
            sources.len() - 1
        });
        let mut card = record.card;
        numbers(&plain, SourceNo(i32::try_from(place).unwrap()), &mut card);
        known.push(Known { source, external_id, card, entity });
    }
    known
}

/// The numbers of a record, which the hub adds as blind indexes.
fn numbers(record: &Value, source: SourceNo, card: &mut Card) {
    let mut add = |kind: NumberKind, value: &Value, verified: bool| {
        let digest = Sha256::digest(value.as_str().unwrap_or_default());
        card.add_number(Number { kind, source: Some(source), ix: digest[..16].try_into().unwrap(), verified });
    };
    for identifier in record["identifiers"].as_array().into_iter().flatten() {
        let verified = identifier["verified"] == true;
        match identifier["kind"].as_str() {
            Some("account") => add(NumberKind::Account, &identifier["value"], verified),
            Some("customer_number") => add(NumberKind::Customer, &identifier["value"], verified),
            _ => {}
        }
    }
    if record["data"]["customer_number"].is_string() {
        add(NumberKind::Customer, &record["data"]["customer_number"], false);
    }
}

fn write(folder: &Path, known: &[Known], found: &Clustering) {
    let mut out = csv::Writer::from_path(folder.join("matcher.csv")).unwrap();
    out.write_record(["source", "external_id", "subject_id"]).unwrap();
    for (number, group) in found.groups.iter().enumerate() {
        for member in group {
            let Known { source, external_id, .. } = &known[*member as usize];
            out.write_record([source, external_id, &format!("g{number}")]).unwrap();
        }
    }
    out.flush().unwrap();
}
