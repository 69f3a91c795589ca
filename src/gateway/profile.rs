//! Joining records into one profile: which value wins.
//!
//! A single value (a name, a birth date) is taken from the newest record that has it, customer records before
//! others. Among records of the same time the content decides, so that the order of arrival does not. Lists are joined
//! without repetitions. An object that is a thing of its own (an order, an invoice, a
//! review) joins the list of its kind, newest first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::disclosure::DisclosedRecord;
use crate::types::{Category, RecordKind};

/// Fields that are things of their own, and the list each joins.
const THINGS: [(&str, &str); 8] = [
    ("order", "orders"),
    ("invoice", "invoices"),
    ("payment", "payments"),
    ("newsletter", "newsletters"),
    ("event", "events"),
    ("review", "reviews"),
    ("complaint", "complaints"),
    ("contact_note", "contact_notes"),
];

pub(super) fn join(records: &[DisclosedRecord]) -> BTreeMap<Category, Map<String, Value>> {
    let mut ordered: Vec<&DisclosedRecord> = records.iter().collect();
    let rank = |record: &DisclosedRecord| (record.kind != RecordKind::Customer, std::cmp::Reverse(record.version));
    ordered.sort_by(|one, other| rank(one).cmp(&rank(other)).then_with(|| content(one).cmp(&content(other))));
    let mut profile: BTreeMap<Category, Map<String, Value>> = BTreeMap::new();
    for record in ordered {
        for (category, part) in &record.parts {
            if let Value::Object(fields) = part {
                let joined = profile.entry(*category).or_default();
                for (name, value) in fields {
                    add(joined, name, value);
                }
            }
        }
    }
    profile
}

/// What tells records of the same time apart. Asked for only then.
fn content(record: &DisclosedRecord) -> (&str, Vec<String>) {
    (&record.source, record.parts.values().map(Value::to_string).collect())
}

fn add(joined: &mut Map<String, Value>, name: &str, value: &Value) {
    let list = THINGS.iter().find(|(thing, _)| *thing == name).map(|(_, list)| *list);
    match (list, value) {
        (Some(list), thing) => push(joined, list, thing),
        (None, Value::Array(entries)) => entries.iter().for_each(|entry| push(joined, name, entry)),
        (None, value) => {
            joined.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Adds an entry unless its like is there: contact points are alike when their value is, and one that a source
/// verified counts as verified.
fn push(joined: &mut Map<String, Value>, list: &str, entry: &Value) {
    let Value::Array(entries) = joined.entry(list).or_insert_with(|| Value::Array(Vec::new())) else { return };
    let known = entries.iter_mut().find(|known| match (known.get("value"), entry.get("value")) {
        (Some(known), Some(new)) => known == new,
        _ => **known == *entry,
    });
    match known {
        None => entries.push(entry.clone()),
        Some(known) => {
            if entry.get("verified") == Some(&Value::Bool(true))
                && let Some(verified) = known.get_mut("verified")
            {
                *verified = Value::Bool(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{RecordNo, Timestamp};
    use serde_json::json;

    fn record(kind: RecordKind, version: i64, category: Category, part: Value) -> DisclosedRecord {
        DisclosedRecord {
            record_no: RecordNo(version),
            kind,
            source: "webshop".to_owned(),
            version: Timestamp::from_micros(version),
            ingested_at: Timestamp::from_micros(version),
            keep_until: None,
            source_until: None,
            parts: BTreeMap::from([(category, part)]),
        }
    }

    #[test]
    fn the_newest_customer_record_names_the_person() {
        let records = [
            record(RecordKind::Customer, 1, Category::Identity, json!({"family_name": "Alt", "title": "Dr."})),
            record(RecordKind::Order, 9, Category::Identity, json!({"family_name": "Bestellt"})),
            record(RecordKind::Customer, 5, Category::Identity, json!({"family_name": "Neu"})),
        ];
        let profile = join(&records);
        assert_eq!(Value::Object(profile[&Category::Identity].clone()), json!({"family_name": "Neu", "title": "Dr."}));
    }

    #[test]
    fn the_order_of_arrival_does_not_decide() {
        let order =
            |number: &str| record(RecordKind::Order, 1, Category::Commerce, json!({"order": {"number": number}}));
        assert_eq!(join(&[order("1"), order("2")]), join(&[order("2"), order("1")]));
    }

    #[test]
    fn contact_points_are_joined_and_keep_their_verification() {
        let mail = |verified| json!({"emails": [{"value": "a@example.org", "verified": verified}]});
        let records = [
            record(RecordKind::Customer, 2, Category::Contact, mail(false)),
            record(RecordKind::Order, 1, Category::Contact, mail(true)),
        ];
        let profile = join(&records);
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
        let profile = join(&records);
        assert_eq!(
            Value::Object(profile[&Category::Commerce].clone()),
            json!({"orders": [{"number": "2"}, {"number": "1"}]})
        );
    }
}
