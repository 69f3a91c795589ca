//! What is sealed opens at its own place and nowhere else.

#![allow(clippy::disallowed_methods, reason = "tests open a hub of their own")]

use std::collections::HashSet;

use proptest::prelude::*;

use crate::types::{Category, CategorySet, IdentifierKind, RecordKind, RecordNo, SourceNo, SystemEntropy};

use super::super::cipher::{Gcm, Secret};
use super::super::envelope::{self, Place};
use super::super::{
    Compartment, Error, Row, Sealed, Table, categories, first_secrets, key_no, source_scoped, unlock, unpack,
};
use super::{NOW, data_key, hub, parts, root, subject, text};

fn compartment() -> impl Strategy<Value = Compartment> {
    proptest::sample::select(Compartment::all().collect::<Vec<_>>())
}

fn table() -> impl Strategy<Value = Table> {
    proptest::sample::select(Table::ALL.to_vec())
}

type Spot = (u8, i16, Table, i64, Compartment);

fn spot() -> impl Strategy<Value = Spot> {
    (1_u8..4, 1_i16..4, table(), any::<i64>(), compartment())
}

/// A spot that differs from the given one in exactly one coordinate.
fn neighbour((owner, key, table, row, compartment): Spot, coordinate: u8, bit: u32) -> Spot {
    let other = |number: u8, count: u8| (number + 1) % count;
    match coordinate {
        0 => (owner ^ 4, key, table, row, compartment),
        1 => (owner, key ^ 4, table, row, compartment),
        2 => (owner, key, Table::ALL[usize::from(other(table as u8 - 1, 5))], row, compartment),
        3 => (owner, key, table, row ^ (1 << (bit % 64)), compartment),
        _ => {
            let next = Compartment::all().nth(other(compartment.number(), 11).into()).unwrap();
            (owner, key, table, row, next)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_value_opens_where_it_was_sealed(spot in spot(), value in ".{0,200}") {
        let hub = hub(7);
        let (owner, key, table, row, compartment) = spot;
        let key = data_key(&hub, owner, key);
        let sealed =
            hub.sealer.with_key(&key).unwrap().seal_one(table, Row::number(row), compartment, &text(&value)).unwrap();
        let opened =
            hub.opener.with_key(&key).unwrap().open_one(table, Row::number(row), compartment, &sealed).unwrap();
        prop_assert_eq!(opened.bytes(), value.as_bytes());
    }

    /// Both places under the very same cipher: only the associated data tells them apart.
    #[test]
    fn a_value_opens_at_no_other_place(spot in spot(), coordinate in 0_u8..5, bit: u32) {
        let cipher = Gcm::new(&Secret::from_slice(&[9; 32]).unwrap());
        let (here, there) = (place(spot), place(neighbour(spot, coordinate, bit)));
        let mut sealed = Vec::new();
        envelope::seal(&cipher, &here, &[5; 12], b"value", &mut sealed).unwrap();
        prop_assert_eq!(&envelope::open(&cipher, &here, &sealed).unwrap()[..], b"value");
        // Who moves a row can also rewrite the key number, which stands in clear.
        sealed[1..3].copy_from_slice(&there.key_no.to_be_bytes());
        prop_assert!(matches!(envelope::open(&cipher, &there, &sealed), Err(Error::Refused)));
    }

    /// The same through the capabilities: other person, other key, other row, other table, other compartment.
    #[test]
    fn a_sealed_value_cannot_be_moved(spot in spot(), coordinate in 0_u8..5, bit: u32) {
        let hub = hub(7);
        let (owner, key, table, row, compartment) = spot;
        let mine = data_key(&hub, owner, key);
        let sealed = hub.sealer.with_key(&mine).unwrap();
        let mut sealed = sealed.seal_one(table, Row::number(row), compartment, &text("value")).unwrap().into_bytes();
        let there = neighbour(spot, coordinate, bit);
        let theirs = if coordinate < 2 { data_key(&hub, there.0, there.1) } else { mine };
        sealed[1..3].copy_from_slice(&there.1.to_be_bytes());
        let opened = hub.opener.with_key(&theirs).unwrap().open_one(
            there.2,
            Row::number(there.3),
            there.4,
            &Sealed::from(sealed),
        );
        prop_assert!(matches!(opened, Err(Error::Refused)));
    }

    #[test]
    fn a_changed_or_cut_record_does_not_open(at: proptest::sample::Index, bit in 0_u8..8, cut: proptest::sample::Index) {
        let hub = hub(7);
        let key = data_key(&hub, 1, 1);
        let sealing = hub.sealer.with_key(&key).unwrap();
        let packed = sealing.seal(RecordNo(5), &parts(&[(Category::Contact, "a@example.de")])).unwrap();
        let opening = hub.opener.with_key(&key).unwrap();

        let mut changed = packed.clone();
        changed[at.index(packed.len())] ^= 1 << bit;
        prop_assert!(opening.open(RecordNo(5), Category::Contact, &changed).is_err());
        let shorter = &packed[..cut.index(packed.len())];
        prop_assert!(opening.open(RecordNo(5), Category::Contact, shorter).is_err());
        let longer = [&packed[..], &[0]].concat();
        prop_assert!(opening.open(RecordNo(5), Category::Contact, &longer).is_err());
    }

    #[test]
    fn the_parser_takes_any_bytes_and_reads_only_what_it_would_write(bytes: Vec<u8>, count in 0_u8..12, number in 0_u8..12, length in 0_u32..60) {
        let shaped = [&[count, number][..], &length.to_be_bytes(), &[1], &bytes].concat();
        for input in [&bytes, &shaped] {
            let _ = key_no(input);
            if let Ok(parts) = unpack(input) {
                let mut again = vec![u8::try_from(parts.len()).unwrap()];
                for (category, envelope) in &parts {
                    again.push(category.number());
                    again.extend(u32::try_from(envelope.len()).unwrap().to_be_bytes());
                    again.extend_from_slice(envelope);
                }
                prop_assert_eq!(&again, input);
            }
        }
    }

    #[test]
    fn indexes_differ_by_use_kind_source_and_value(a in "[a-z]{1,20}", b in "[a-z]{1,20}", first in 1_i32..100) {
        let hub = hub(7);
        let mut seen = HashSet::new();
        let values: HashSet<&String> = [&a, &b].into_iter().collect();
        for value in values {
            for kind in IdentifierKind::ALL {
                for source in [first, first + 1] {
                    let value = text(value);
                    let lookup = hub.sealer.lookup(*kind, SourceNo(source), &value).unwrap();
                    let tombstone = hub.sealer.suppression(lookup);
                    prop_assert_eq!(lookup, hub.opener.lookup(*kind, SourceNo(source), &value).unwrap());
                    prop_assert_eq!(tombstone, hub.shredder.suppression(lookup));
                    let is_new = source_scoped(*kind) || source == first;
                    prop_assert_eq!(seen.insert(lookup), is_new);
                    prop_assert_eq!(seen.insert(tombstone), is_new);
                }
            }
            for rule in 0..3 {
                prop_assert!(seen.insert(hub.sealer.matching(rule, &text(value)).unwrap()));
            }
        }
    }
}

fn place((owner, key_no, table, row, compartment): Spot) -> Place {
    Place { table, owner: subject(owner), key_no, row: Row::number(row), compartment }
}

#[test]
fn a_packed_record_opens_by_category() {
    let hub = hub(2);
    let key = data_key(&hub, 1, 1);
    let sealing = hub.sealer.with_key(&key).unwrap();
    let values = [(Category::Financial, "DE02"), (Category::Identity, "Max"), (Category::Contact, "a@example.de")];
    let packed = sealing.seal(RecordNo(5), &parts(&values)).unwrap();
    assert_eq!(categories(&packed).unwrap(), values.iter().map(|(category, _)| *category).collect());

    let opening = hub.opener.with_key(&key).unwrap();
    for (category, value) in values {
        assert_eq!(opening.open(RecordNo(5), category, &packed).unwrap().bytes(), value.as_bytes());
        assert_eq!(hub.opener.open(&key, RecordNo(5), category, &packed).unwrap().bytes(), value.as_bytes());
        assert!(matches!(opening.open(RecordNo(6), category, &packed), Err(Error::Refused)));
    }
    assert!(matches!(opening.open(RecordNo(5), Category::Special, &packed), Err(Error::Absent(Category::Special))));
    let wanted = [Category::Special, Category::Identity, Category::Financial].into_iter().collect();
    let opened = opening.open_all(RecordNo(5), wanted, &packed).unwrap();
    let opened: Vec<_> = opened.iter().map(|(category, value)| (*category, value.bytes())).collect();
    assert_eq!(opened, [(Category::Identity, b"Max".as_slice()), (Category::Financial, b"DE02")]);
}

#[test]
fn two_parts_of_one_record_cannot_be_exchanged() {
    let hub = hub(2);
    let key = data_key(&hub, 1, 1);
    let sealing = hub.sealer.with_key(&key).unwrap();
    let mut packed =
        sealing.seal(RecordNo(5), &parts(&[(Category::Identity, "aaa"), (Category::Contact, "bbb")])).unwrap();
    // Equal lengths, so the envelopes can be exchanged in place.
    let [first, second] = <[_; 2]>::try_from(unpack(&packed).unwrap()).unwrap();
    let swapped = [&packed[..6], second.1, &packed[6 + first.1.len()..][..5], first.1].concat();
    assert_eq!(swapped.len(), packed.len());
    packed = swapped;
    let opening = hub.opener.with_key(&key).unwrap();
    assert!(matches!(opening.open(RecordNo(5), Category::Identity, &packed), Err(Error::Refused)));
    assert!(matches!(opening.open_all(RecordNo(5), CategorySet::all(), &packed), Err(Error::Refused)));
}

#[test]
fn a_malformed_record_is_refused_with_its_fault() {
    let part = |category: u8| [&[category, 0, 0, 0, 31, 1, 0, 1][..], &[0; 28]].concat();
    let record = |count: u8, categories: &[u8]| {
        [vec![count], categories.iter().flat_map(|category| part(*category)).collect()].concat()
    };
    assert_eq!(unpack(&record(2, &[1, 2])).unwrap().len(), 2);
    for (bytes, fault) in [
        (Vec::new(), "no count"),
        (record(11, &[1, 2]), "more parts than categories"),
        (record(3, &[1, 2]), "a part is cut off"),
        (record(1, &[1, 2]), "bytes after the last part"),
        (record(2, &[1, 1]), "categories twice or out of order"),
        (record(2, &[2, 1]), "categories twice or out of order"),
        (record(1, &[0]), "unknown category"),
        (record(1, &[11]), "unknown category"),
        (vec![1, 1, 0, 0, 0, 3, 1, 0, 1], "an envelope is too short"),
        (vec![1, 1, 0, 0, 0, 0], "an envelope has an unknown version"),
        (vec![1, 1, 255, 255, 255, 255, 1], "a part is cut off"),
    ] {
        assert!(matches!(unpack(&bytes), Err(Error::Malformed(found)) if found == fault), "{fault}: {bytes:?}");
    }
    let mut newer = record(1, &[1]);
    newer[6] = 2;
    assert!(matches!(unpack(&newer), Err(Error::Malformed("an envelope has an unknown version"))));
}

#[test]
fn a_category_goes_into_a_record_once() {
    let hub = hub(2);
    let key = data_key(&hub, 1, 1);
    let twice = parts(&[(Category::Contact, "a"), (Category::Identity, "b"), (Category::Contact, "c")]);
    assert!(matches!(hub.sealer.with_key(&key).unwrap().seal(RecordNo(1), &twice), Err(Error::Unsealable(_))));
    let none = hub.sealer.with_key(&key).unwrap().seal(RecordNo(1), &[]).unwrap();
    assert_eq!(none, [0]);
    assert!(categories(&none).unwrap().is_empty());
}

#[test]
fn an_envelope_of_another_key_says_so() {
    let hub = hub(2);
    let (first, second) = (data_key(&hub, 1, 1), data_key(&hub, 1, 2));
    let packed = hub.sealer.with_key(&first).unwrap().seal(RecordNo(1), &parts(&[(Category::Contact, "a")])).unwrap();
    let refused = hub.opener.open(&second, RecordNo(1), Category::Contact, &packed);
    assert!(matches!(refused, Err(Error::OtherKey { sealed: 1, given: 2 })));
}

/// A million seals: a hundred thousand records of ten parts.
#[test]
fn no_nonce_comes_twice() {
    let entropy = std::sync::Arc::new(SystemEntropy::new());
    let (kek, secrets) = first_secrets(&root(), &*entropy, NOW).unwrap();
    let hub = unlock(&root(), &[kek], &secrets, entropy).unwrap();
    let key = data_key(&hub, 1, 1);
    let sealing = hub.sealer.with_key(&key).unwrap();
    let records = 100_000;
    let mut nonces = HashSet::with_capacity(1_000_000);
    for _ in 0..records {
        let all = Category::ALL.iter().map(|category| (*category, text("x"))).collect::<Vec<_>>();
        let packed = sealing.seal(RecordNo(1), &all).unwrap();
        for (_, envelope) in unpack(&packed).unwrap() {
            assert!(nonces.insert(<[u8; 12]>::try_from(&envelope[3..15]).unwrap()));
        }
    }
    assert_eq!(nonces.len(), records * 10);
}

#[test]
fn record_indexes_and_content_codes_are_unambiguous() {
    let hub = hub(2);
    let index = |source, kind, id: &str| hub.sealer.record_index(SourceNo(source), kind, &text(id));
    let order = index(1, RecordKind::Order, "10");
    assert_eq!(order, hub.opener.record_index(SourceNo(1), RecordKind::Order, &text("10")));
    let others =
        [index(2, RecordKind::Order, "10"), index(1, RecordKind::Invoice, "10"), index(1, RecordKind::Order, "1")];
    assert!(!others.contains(&order));

    let code = |record, values: &[(Category, &str)]| hub.sealer.content_mac(record, &parts(values));
    let once = code(order, &[(Category::Identity, "ab"), (Category::Contact, "c")]);
    assert_eq!(once, code(order, &[(Category::Identity, "ab"), (Category::Contact, "c")]));
    assert_eq!(once, code(order, &[(Category::Contact, "c"), (Category::Identity, "ab")]), "the order says nothing");
    let all = HashSet::from([
        once,
        code(others[0], &[(Category::Identity, "ab"), (Category::Contact, "c")]),
        code(order, &[(Category::Identity, "a"), (Category::Contact, "bc")]),
        code(order, &[(Category::Contact, "ab"), (Category::Identity, "c")]),
        code(order, &[(Category::Identity, "ab")]),
        code(order, &[]),
    ]);
    assert_eq!(all.len(), 6);
}
