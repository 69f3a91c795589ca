//! Whatever comes in at the parsers: no panic, and no value of it in what they say is wrong.
//!
//! What each reader must keep is in `tests/fuzz/readers.rs`; libFuzzer drives the same readers there. Here their inputs
//! grow out of `tests/corpus/<name>`. An input that finds a fault is printed in hexadecimal; put it there as a file, and
//! it is tried first for ever after.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use obhut::types::Category;

use super::mutation::Corpus;
use super::{Stopwatch, figure, is_full, times};
use crate::clock_and_chance as chance;

#[path = "../../fuzz/readers.rs"]
mod readers;

use readers::{PLACE, Reader, sealed};

/// Gives a reader everything of its corpus, then as many inputs as are wanted.
fn fuzz(name: &str) {
    let reader = Reader::named(name).unwrap();
    let inputs = times("inputs", 1_500, 500_000);
    // Where every input goes through filters, the normal suite makes do with fewer.
    let inputs =
        if !is_full() && ["csv", "datev", "ndjson", "vendor"].contains(&reader.corpus) { inputs / 10 } else { inputs };
    let watch = Stopwatch::start();
    let seed = super::seed("fuzz", 1);
    let mut all = Corpus::of(reader.corpus, seed);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..all.seeds().len() + inputs {
        let input = all.seeds().get(number).cloned().unwrap_or_else(|| all.next());
        let content = catch_unwind(AssertUnwindSafe(|| reader.is_content_with(&input)));
        let Ok(content) = content else { panic!("a panic by {}", hex::encode(&input)) };
        if content { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused: the corpus reaches nothing");
    let hammer = format!("fuzz, {name}");
    figure(&hammer, "none", "inputs taken and refused", format!("{taken} and {refused}"));
    figure(&hammer, "none", "seconds", watch.passed().as_secs());
}

/// A test for each reader, by its name.
macro_rules! tests {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                fuzz(stringify!($name));
            }
        )+

        #[test]
        fn every_reader_has_a_test() {
            let tested = [$(stringify!($name)),+];
            assert!(readers::READERS.iter().all(|reader| tested.contains(&reader.name)));
        }
    };
}

tests! { records record_lines ndjson csv vendor_documents datev messages identifiers fields lookups purposes statements segments envelopes }

/// A filter runs only over a document it knows for its own: every stream that has a fixture has an input that grows from one.
#[test]
fn every_vendors_filters_are_reached() {
    let seeds = Corpus::of("vendor", 1);
    let reached: BTreeSet<_> = seeds.seeds().iter().flat_map(|seed| readers::streams_of(seed)).collect();
    let wanted: BTreeSet<_> = readers::streams_with_a_fixture().into_iter().collect();
    assert!(wanted.len() > 20, "{wanted:?}");
    let missed: Vec<_> = wanted.difference(&reached).collect();
    assert!(missed.is_empty(), "no input reaches {missed:?}: put one of its pages into tests/corpus/vendor");
    // And what is made of a table or a message is taken, not only refused.
    for name in ["datev", "messages"] {
        let reader = Reader::named(name).unwrap();
        let seeds = Corpus::of(name, 1);
        let taken = seeds.seeds().iter().filter(|seed| reader.is_content_with(seed)).count();
        assert!(taken >= 2, "{taken} inputs of {name} are taken");
    }
}

/// The sealed record with any one bit turned, and any end cut off.
#[test]
fn a_spoilt_envelope_does_not_open() {
    let (opener, key, sealed) = sealed();
    let opening = opener.with_key(&key).unwrap();
    assert!(opening.open(PLACE, Category::Contact, &sealed).is_ok());
    for at in 0..sealed.len() {
        let mut turned = sealed.clone();
        turned[at] ^= 1 << (at % 8);
        let opened = [Category::Contact, Category::Identity].map(|category| opening.open(PLACE, category, &turned));
        assert!(opened.iter().any(Result::is_err), "bit of byte {at}");
        let cut = [Category::Contact, Category::Identity].map(|category| opening.open(PLACE, category, &sealed[..at]));
        assert!(cut.iter().any(Result::is_err), "cut at {at}");
    }
}
