//! Which value of several records a profile shows, and what it says about why.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::consent::{SurvivedBy, Survivorship};
use crate::gateway::disclosure::DisclosedRecord;
use crate::gateway::document::Document;
use crate::gateway::origin::origins;
use crate::gateway::profile::{alone, join};
use crate::types::{Category, RecordKind, RecordNo, Timestamp};

/// Rules in force: those for all attributes, and those of one.
fn rules(default: Value, attributes: Value) -> Survivorship {
    serde_json::from_value(json!({"version": 1, "default": default, "attributes": attributes})).unwrap()
}

fn shown(records: &[DisclosedRecord], rules: &Survivorship, category: Category) -> Value {
    Value::Object(join(records, rules).into_owned()[&category].clone())
}

/// Why the value of an attribute, or each entry of its list, stands, and of which record.
fn because(records: &[DisclosedRecord], rules: &Survivorship, attribute: &str) -> Vec<(i64, SurvivedBy)> {
    let found = origins(records, rules).into_iter().filter(|origin| origin.attribute == attribute);
    found.map(|origin| (origin.record.0, origin.because)).collect()
}

fn record(kind: RecordKind, version: i64, category: Category, part: Value) -> DisclosedRecord {
    DisclosedRecord {
        record_no: RecordNo(version),
        kind,
        source: "webshop".to_owned(),
        version: Timestamp::from_micros(version),
        ingested_at: Timestamp::from_micros(version),
        keep_until: None,
        source_until: None,
        parts: BTreeMap::from([(category, Document::of_a_test(&part))]),
        name: None,
        verified: false,
        rectification: false,
    }
}

#[test]
fn the_newest_customer_record_names_the_person() {
    let records = [
        record(RecordKind::Customer, 1, Category::Identity, json!({"family_name": "Alt", "title": "Dr."})),
        record(RecordKind::Order, 9, Category::Identity, json!({"family_name": "Bestellt"})),
        record(RecordKind::Customer, 5, Category::Identity, json!({"family_name": "Neu"})),
    ];
    let profile = join(&records, Survivorship::shipped()).into_owned();
    assert_eq!(Value::Object(profile[&Category::Identity].clone()), json!({"family_name": "Neu", "title": "Dr."}));
}

#[test]
fn what_is_sent_is_what_is_kept() {
    let mail = |verified| json!({"emails": [{"value": "a@example.org", "verified": verified}], "phone": "1"});
    let records = [
        record(RecordKind::Customer, 2, Category::Contact, mail(false)),
        record(RecordKind::Order, 1, Category::Contact, mail(true)),
        record(RecordKind::Order, 3, Category::Address, json!({"addresses": [], "city": "Berlin"})),
    ];
    let owned: BTreeMap<&str, _> = join(&records, Survivorship::shipped())
        .into_owned()
        .into_iter()
        .map(|(category, of)| (category.word(), of))
        .collect();
    assert_eq!(
        serde_json::to_string(&join(&records, Survivorship::shipped())).unwrap(),
        serde_json::to_string(&owned).unwrap()
    );
}

#[test]
fn the_order_of_arrival_does_not_decide() {
    let order = |number: &str| record(RecordKind::Order, 1, Category::Commerce, json!({"order": {"number": number}}));
    let (one, other) = ([order("1"), order("2")], [order("2"), order("1")]);
    assert_eq!(join(&one, Survivorship::shipped()).into_owned(), join(&other, Survivorship::shipped()).into_owned());
}

#[test]
fn contact_points_are_joined_and_keep_their_verification() {
    let mail = |verified| json!({"emails": [{"value": "a@example.org", "verified": verified}]});
    let records = [
        record(RecordKind::Customer, 2, Category::Contact, mail(false)),
        record(RecordKind::Order, 1, Category::Contact, mail(true)),
    ];
    let profile = join(&records, Survivorship::shipped()).into_owned();
    assert_eq!(
        Value::Object(profile[&Category::Contact].clone()),
        json!({"emails": [{"value": "a@example.org", "verified": true}]})
    );
}

#[test]
fn orders_become_a_list_newest_first() {
    let order = |number: &str| json!({"order": {"number": number}});
    let records = [
        record(RecordKind::Order, 1, Category::Commerce, order("1")),
        record(RecordKind::Order, 2, Category::Commerce, order("2")),
    ];
    let profile = join(&records, Survivorship::shipped()).into_owned();
    assert_eq!(
        Value::Object(profile[&Category::Commerce].clone()),
        json!({"orders": [{"number": "2"}, {"number": "1"}]})
    );
}

fn of_source(source: &str, version: i64, part: Value) -> DisclosedRecord {
    DisclosedRecord { source: source.to_owned(), ..record(RecordKind::Customer, version, Category::Identity, part) }
}

fn corrected(version: i64, category: Category, part: Value) -> DisclosedRecord {
    DisclosedRecord { rectification: true, ..record(RecordKind::Customer, version, category, part) }
}

#[test]
fn each_rule_decides_where_those_before_it_do_not() {
    let records = [
        of_source("webshop", 9, json!({"family_name": "Neu"})),
        of_source("books", 5, json!({"family_name": "Buch"})),
        DisclosedRecord { verified: true, ..of_source("webshop", 3, json!({"family_name": "Sicher"})) },
        DisclosedRecord { kind: RecordKind::Order, ..of_source("webshop", 11, json!({"family_name": "Bestellt"})) },
    ];
    for (order, value, record, why) in [
        (json!(["recency"]), "Bestellt", 11, SurvivedBy::Recency),
        (json!([]), "Bestellt", 11, SurvivedBy::Recency),
        (json!(["record_type"]), "Neu", 9, SurvivedBy::Recency),
        (json!(["verification", "recency"]), "Sicher", 3, SurvivedBy::Verification),
        (json!(["source_priority", "recency"]), "Buch", 5, SurvivedBy::SourcePriority),
        (json!(["source_priority", "verification"]), "Buch", 5, SurvivedBy::SourcePriority),
    ] {
        let sources = if order[0] == "source_priority" { json!(["books"]) } else { json!([]) };
        let own = rules(json!({"rules": []}), json!({"identity.family_name": {"rules": order, "sources": sources}}));
        assert_eq!(shown(&records, &own, Category::Identity), json!({"family_name": value}), "{order}");
        assert_eq!(because(&records, &own, "family_name"), [(record, why)], "{order}");
        let all = rules(json!({"rules": order, "sources": sources}), json!({}));
        assert_eq!(shown(&records, &all, Category::Identity), json!({"family_name": value}), "{order}");
    }
    assert_eq!(because(&records[..1], Survivorship::shipped(), "family_name"), [(9, SurvivedBy::Undisputed)]);
}

/// What somebody corrected holds against every rule and every newer record, until they correct it again.
#[test]
fn a_correction_holds_against_every_rule() {
    let strict = rules(json!({"rules": ["source_priority", "recency"], "sources": ["books"]}), json!({}));
    let records = [
        DisclosedRecord { verified: true, ..of_source("books", 90, json!({"family_name": "Falsch", "title": "Dr."})) },
        corrected(5, Category::Identity, json!({"family_name": "Richtiger"})),
        corrected(3, Category::Identity, json!({"family_name": "Richtig", "given_name": "Ada"})),
    ];
    for rules in [&strict, Survivorship::shipped()] {
        let expected = json!({"family_name": "Richtiger", "given_name": "Ada", "title": "Dr."});
        assert_eq!(shown(&records, rules, Category::Identity), expected);
        assert_eq!(because(&records[..2], rules, "family_name"), [(5, SurvivedBy::Rectification)]);
        assert_eq!(because(&records, rules, "title"), [(90, SurvivedBy::Undisputed)]);
    }
}

#[test]
fn a_corrected_list_takes_the_place_of_older_ones_and_newer_entries_join_it() {
    let at = |city: &str| json!({"addresses": [{"city": city}]});
    let records = [
        record(RecordKind::Customer, 1, Category::Address, at("Alt")),
        record(RecordKind::Order, 9, Category::Address, at("Neu")),
        corrected(3, Category::Address, at("Vorige")),
        corrected(5, Category::Address, at("Richtig")),
    ];
    for rules in [&rules(json!({"rules": ["recency"]}), json!({})), Survivorship::shipped()] {
        let expected = json!({"addresses": [{"city": "Richtig"}, {"city": "Neu"}]});
        assert_eq!(shown(&records, rules, Category::Address), expected);
        let told = [(5, SurvivedBy::Rectification), (9, SurvivedBy::Undisputed)];
        assert_eq!(because(&records, rules, "addresses"), told);
    }
}

#[test]
fn verification_counts_for_each_contact_point_by_itself() {
    let mails = |mails: &[(&str, bool)]| {
        let mails = mails.iter().map(|(value, verified)| json!({"value": value, "verified": verified}));
        json!({"emails": mails.collect::<Vec<_>>()})
    };
    let records = [
        record(RecordKind::Customer, 9, Category::Contact, mails(&[("new", false), ("both", false)])),
        record(RecordKind::Customer, 1, Category::Contact, mails(&[("both", true), ("old", false)])),
    ];
    let verified = rules(json!({"rules": []}), json!({"contact.emails": {"rules": ["verification", "recency"]}}));
    let shown = shown(&records, &verified, Category::Contact);
    let order: Vec<&str> =
        shown["emails"].as_array().unwrap().iter().map(|mail| mail["value"].as_str().unwrap()).collect();
    assert_eq!(order, ["both", "new", "old"]);
    let told = [(9, SurvivedBy::Undisputed), (9, SurvivedBy::Recency), (1, SurvivedBy::Undisputed)];
    assert_eq!(because(&records, &verified, "emails"), told);
}

/// What a record says, so that it can be made more than once.
#[derive(Clone, Debug)]
struct Said {
    version: i64,
    source: &'static str,
    kind: RecordKind,
    verified: bool,
    rectification: bool,
    part: Value,
}

impl Said {
    fn record(&self, number: i64) -> DisclosedRecord {
        DisclosedRecord {
            record_no: RecordNo(number),
            source: self.source.to_owned(),
            verified: self.verified,
            rectification: self.rectification,
            ..record(self.kind, self.version, Category::Identity, self.part.clone())
        }
    }
}

fn anything_said() -> impl Strategy<Value = Said> {
    let text = |from: &'static [&'static str]| proptest::option::of(proptest::sample::select(from));
    let fields = (text(&["A", "B", "C"]), text(&["x", "y"]), proptest::collection::vec(0..4_u8, 0..3));
    let kind = proptest::sample::select(&[RecordKind::Customer, RecordKind::Order][..]);
    let source = proptest::sample::select(&["webshop", "books"][..]);
    (0..3_i64, source, kind, any::<bool>(), 0..6_u8, fields).prop_map(
        |(version, source, kind, verified, correction, (family, given, tags))| {
            let mut part = serde_json::Map::new();
            family.into_iter().for_each(|name| drop(part.insert("family_name".into(), name.into())));
            given.into_iter().for_each(|name| drop(part.insert("given_name".into(), name.into())));
            part.insert("tags".into(), json!(tags));
            Said { version, source, kind, verified, rectification: correction == 0, part: Value::Object(part) }
        },
    )
}

fn any_rules() -> impl Strategy<Value = Survivorship> {
    let order = || {
        let all = vec!["verification", "source_priority", "record_type", "recency"];
        proptest::sample::subsequence(all, 0..=4).prop_shuffle().prop_map(|rules| {
            let sources = if rules.contains(&"source_priority") { json!(["books"]) } else { json!([]) };
            json!({"rules": rules, "sources": sources})
        })
    };
    (0..2_u32, order(), proptest::option::of(order())).prop_map(|(version, default, own)| {
        let mut all =
            rules(default, own.map_or(json!({}), |own| json!({"identity.family_name": own, "identity.tags": own})));
        all.version = version;
        all
    })
}

proptest! {
    /// Who has one record gets it as it was sealed only where joining says the same.
    #[test]
    fn one_record_is_its_own_profile(said in anything_said(), rules in any_rules()) {
        let records = [said.record(1)];
        let read = |sent: String| serde_json::from_str::<Value>(&sent).unwrap();
        let joined = read(serde_json::to_string(&join(&records, &rules)).unwrap());
        if let Some(alone) = alone(&records) {
            prop_assert_eq!(read(serde_json::to_string(&alone).unwrap()), joined);
        } else {
            let tags = said.part["tags"].as_array().unwrap();
            prop_assert!(tags.len() != 1);
        }
    }

    /// Whatever the rules are, the same records give the same profile in whatever order they arrived, and every value of it
    /// has an origin that says it.
    #[test]
    fn the_order_of_arrival_never_decides(
        (said, turned) in proptest::collection::vec(anything_said(), 1..7).prop_flat_map(|said| {
            let turned = Just(said.clone()).prop_shuffle();
            (Just(said), turned)
        }),
        rules in any_rules(),
    ) {
        let numbered = |said: &[Said]| -> Vec<DisclosedRecord> {
            (1..).zip(said).map(|(number, said)| said.record(number)).collect()
        };
        let (one, other) = (numbered(&said), numbered(&turned));
        prop_assert_eq!(join(&one, &rules).into_owned(), join(&other, &rules).into_owned());
        let told = |records: &[DisclosedRecord]| -> Vec<_> {
            let told = origins(records, &rules).into_iter();
            told.map(|origin| (origin.attribute, origin.entry, origin.source, origin.version, origin.because)).collect()
        };
        prop_assert_eq!(told(&one), told(&other));
        for origin in origins(&one, &rules) {
            let of = &one.iter().find(|record| record.record_no == origin.record).unwrap();
            let of = of.parts[&Category::Identity].tree();
            let said = join(&one, &rules).into_owned()[&Category::Identity][&origin.attribute].clone();
            match origin.entry {
                None => prop_assert_eq!(&said, &of[&origin.attribute]),
                Some(at) => prop_assert!(of[&origin.attribute].as_array().unwrap().contains(&said[at])),
            }
        }
    }
}
