//! Joining records into one profile: which value wins.
//!
//! A single value (a name, a birth date) is taken from the newest record that has it, customer records before
//! others. Among records of the same time the content decides, so that the order of arrival does not. Lists are joined
//! without repetitions. An object that is a thing of its own (an order, an invoice, a review) joins the list of its
//! kind, newest first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
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

/// A joined profile. It borrows what the records hold, so that sending it copies nothing.
pub(super) struct Joined<'a>(BTreeMap<Category, Fields<'a>>);

/// The fields of one category, in the order they were met.
#[derive(Default)]
struct Fields<'a>(Vec<(&'a str, Joint<'a>)>);

/// One field of the profile.
enum Joint<'a> {
    One(&'a Value),
    List(Vec<Cow<'a, Value>>),
}

pub(super) fn join(records: &[DisclosedRecord]) -> Joined<'_> {
    let mut ordered: Vec<&DisclosedRecord> = records.iter().collect();
    let rank = |record: &DisclosedRecord| (record.kind != RecordKind::Customer, std::cmp::Reverse(record.version));
    ordered.sort_by(|one, other| rank(one).cmp(&rank(other)).then_with(|| content(one).cmp(&content(other))));
    let mut profile: BTreeMap<Category, Fields<'_>> = BTreeMap::new();
    for record in ordered {
        for (category, part) in &record.parts {
            if let Value::Object(fields) = part {
                let joined = profile.entry(*category).or_default();
                for (name, value) in fields {
                    joined.add(name, value);
                }
            }
        }
    }
    Joined(profile)
}

/// What tells records of the same time apart. Asked for only then.
fn content(record: &DisclosedRecord) -> (&str, Vec<String>) {
    (&record.source, record.parts.values().map(Value::to_string).collect())
}

impl Joined<'_> {
    /// The same with copies of the values.
    pub(super) fn into_owned(self) -> BTreeMap<Category, Map<String, Value>> {
        self.0.into_iter().map(|(category, fields)| (category, fields.into_owned())).collect()
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // By word, as a map of words is sorted.
        let mut parts: Vec<(&str, &Fields<'_>)> = self.0.iter().map(|(category, of)| (category.word(), of)).collect();
        parts.sort_unstable_by_key(|(word, _)| *word);
        serializer.collect_map(parts)
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, joint)| (name, joint)))
    }
}

impl Serialize for Joint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::List(entries) => serializer.collect_seq(entries),
        }
    }
}

impl<'a> Fields<'a> {
    fn into_owned(self) -> Map<String, Value> {
        let owned = |joint| match joint {
            Joint::One(value) => Value::clone(value),
            Joint::List(entries) => entries.into_iter().map(Cow::into_owned).collect(),
        };
        self.0.into_iter().map(|(name, joint)| (name.to_owned(), owned(joint))).collect()
    }

    fn add(&mut self, name: &'a str, value: &'a Value) {
        let list = THINGS.iter().find(|(thing, _)| *thing == name).map(|(_, list)| *list);
        match (list, value) {
            // Each is of its own record: none is looked for among thousands of others.
            (Some(list), thing) => self.list(list).into_iter().for_each(|things| things.push(Cow::Borrowed(thing))),
            (None, Value::Array(entries)) => entries.iter().for_each(|entry| self.push(name, entry)),
            (None, value) => {
                if !self.0.iter().any(|(known, _)| *known == name) {
                    self.0.push((name, Joint::One(value)));
                }
            }
        }
    }

    /// The list of this name, begun if there is none; none if it is a single value.
    fn list(&mut self, name: &'a str) -> Option<&mut Vec<Cow<'a, Value>>> {
        let at = self.0.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.0.push((name, Joint::List(Vec::new())));
            self.0.len() - 1
        });
        match self.0.get_mut(at) {
            Some((_, Joint::List(entries))) => Some(entries),
            _ => None,
        }
    }

    /// Adds an entry unless its like is there: contact points are alike when their value is, and one that a source
    /// verified counts as verified.
    fn push(&mut self, list: &'a str, entry: &'a Value) {
        let Some(entries) = self.list(list) else { return };
        let known = entries.iter_mut().find(|known| match (known.get("value"), entry.get("value")) {
            (Some(known), Some(new)) => known == new,
            _ => ***known == *entry,
        });
        match known {
            None => entries.push(Cow::Borrowed(entry)),
            Some(known) => {
                let verified = Value::Bool(true);
                if entry.get("verified") == Some(&verified)
                    && known.get("verified").is_some_and(|known| *known != verified)
                    && let Some(stored) = known.to_mut().get_mut("verified")
                {
                    *stored = verified;
                }
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
            name: None,
        }
    }

    #[test]
    fn the_newest_customer_record_names_the_person() {
        let records = [
            record(RecordKind::Customer, 1, Category::Identity, json!({"family_name": "Alt", "title": "Dr."})),
            record(RecordKind::Order, 9, Category::Identity, json!({"family_name": "Bestellt"})),
            record(RecordKind::Customer, 5, Category::Identity, json!({"family_name": "Neu"})),
        ];
        let profile = join(&records).into_owned();
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
        let owned: BTreeMap<&str, _> =
            join(&records).into_owned().into_iter().map(|(category, of)| (category.word(), of)).collect();
        assert_eq!(serde_json::to_string(&join(&records)).unwrap(), serde_json::to_string(&owned).unwrap());
    }

    #[test]
    fn the_order_of_arrival_does_not_decide() {
        let order =
            |number: &str| record(RecordKind::Order, 1, Category::Commerce, json!({"order": {"number": number}}));
        let (one, other) = ([order("1"), order("2")], [order("2"), order("1")]);
        assert_eq!(join(&one).into_owned(), join(&other).into_owned());
    }

    #[test]
    fn contact_points_are_joined_and_keep_their_verification() {
        let mail = |verified| json!({"emails": [{"value": "a@example.org", "verified": verified}]});
        let records = [
            record(RecordKind::Customer, 2, Category::Contact, mail(false)),
            record(RecordKind::Order, 1, Category::Contact, mail(true)),
        ];
        let profile = join(&records).into_owned();
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
        let profile = join(&records).into_owned();
        assert_eq!(
            Value::Object(profile[&Category::Commerce].clone()),
            json!({"orders": [{"number": "2"}, {"number": "1"}]})
        );
    }
}
