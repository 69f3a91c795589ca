//! Joining records into one profile: which value survives.
//!
//! A single value (a name, a birth date) is taken from the record whose word counts most by the rules of survivorship
//! ([`crate::consent::Survivorship`]). Lists are joined without repetitions, in the order of the rules; what the person
//! corrected takes the place of what older records say. An object that is a thing of its own (an order, an invoice, a review) joins the
//! list of its kind, newest first. The order of arrival decides nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::disclosure::DisclosedRecord;
use super::document::Document;
use super::survive::{Word, compare, ranked};
use crate::consent::{Preference, Survivorship, SurvivorshipOrder};
use crate::types::Category;

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
#[derive(Default)]
pub(super) struct Joined<'a>(BTreeMap<Category, Fields<'a>>);

/// The fields of one category, in the order they were met.
#[derive(Default)]
struct Fields<'a>(Vec<(&'a str, Joint<'a>)>);

/// One field of the profile.
pub(super) enum Joint<'a> {
    One(Entry<'a>),
    List(Vec<Entry<'a>>),
}

/// A single value or an entry of a list, and the record it is of.
pub(super) struct Entry<'a> {
    value: Cow<'a, Value>,
    pub(super) record: &'a DisclosedRecord,
}

/// Joins records by the rules in force.
pub(super) fn join<'a>(records: &'a [DisclosedRecord], rules: &Survivorship) -> Joined<'a> {
    let shipped = &Survivorship::shipped().default;
    let mut profile = Joined::default();
    if rules.version == 0 {
        profile.add_all(&ranked(records, shipped), |_, _| true);
        return profile;
    }
    // One order after the other, and of each the fields it is for.
    let mut orders = vec![shipped, &rules.default];
    orders.extend(rules.attributes.values());
    for (at, order) in orders.iter().enumerate() {
        if orders.iter().take(at).any(|known| known == order) {
            continue;
        }
        profile.add_all(&ranked(records, order), |category, name| rules.order(category, name) == *order);
    }
    profile.put_verified_first(rules);
    profile
}

/// Is a field of this name a thing of its own?
pub(super) fn is_thing(name: &str) -> bool {
    THINGS.iter().any(|(thing, _)| *thing == name)
}

/// The profile of somebody with one record, as it was sealed.
pub(super) struct Alone<'a>(&'a DisclosedRecord);

/// The one record as a profile, unless joining would change it. No rule chooses among what one record says.
pub(super) fn alone(records: &[DisclosedRecord]) -> Option<Alone<'_>> {
    let [record] = records else { return None };
    record.parts.values().all(Document::is_profile).then_some(Alone(record))
}

impl Serialize for Alone<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts: Vec<(&str, &Document)> =
            self.0.parts.iter().map(|(category, part)| (category.word(), part)).collect();
        parts.sort_unstable_by_key(|(word, _)| *word);
        serializer.collect_map(parts)
    }
}

/// Is a contact point verified? None: it is no contact point.
fn verified(entry: &Value) -> Option<bool> {
    entry.get("verified").and_then(Value::as_bool)
}

/// Are two entries of a list the same? Contact points are when their value is.
fn alike(one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Did the person correct this list in `first`, its first record, so that what `record` says of it holds no more?
fn is_corrected(first: &DisclosedRecord, record: &DisclosedRecord) -> bool {
    let newer = !record.rectification && record.version > first.version;
    first.rectification && first.record_no != record.record_no && !newer
}

impl<'a> Joined<'a> {
    /// Adds what these records say of the fields that are `wanted`.
    fn add_all(&mut self, ranked: &[&'a DisclosedRecord], wanted: impl Fn(Category, &str) -> bool) {
        for record in ranked {
            for (category, part) in &record.parts {
                let Value::Object(fields) = part.tree() else { continue };
                for (name, value) in fields.iter().filter(|(name, _)| wanted(*category, name)) {
                    self.0.entry(*category).or_default().add(name, value, record);
                }
            }
        }
    }

    /// Where verification is a rule, it counts for each contact point by itself.
    fn put_verified_first(&mut self, rules: &Survivorship) {
        for (category, fields) in &mut self.0 {
            for (name, joint) in &mut fields.0 {
                let order: &SurvivorshipOrder = rules.order(*category, name);
                if let Joint::List(entries) = joint
                    && order.rules.contains(&Preference::Verification)
                {
                    entries.sort_by(|one, other| compare(order, one.word(), other.word()));
                }
            }
        }
    }

    /// Every field that several records may say, with its category and name. Things are of one record each.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Category, &'a str, &Joint<'a>)> {
        let lists = |name: &str| THINGS.iter().any(|(_, list)| *list == name);
        let all = self.0.iter().flat_map(|(category, fields)| fields.0.iter().map(|field| (*category, field)));
        all.filter(move |(_, (name, _))| !lists(name)).map(|(category, (name, joint))| (category, *name, joint))
    }

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
            Self::One(entry) => entry.value.serialize(serializer),
            Self::List(entries) => serializer.collect_seq(entries.iter().map(|entry| &entry.value)),
        }
    }
}

impl<'a> Entry<'a> {
    pub(super) fn word(&self) -> Word<'a> {
        let verified = verified(&self.value).unwrap_or(self.record.verified);
        Word { record: self.record, verified }
    }
}

impl<'a> Fields<'a> {
    fn into_owned(self) -> Map<String, Value> {
        let owned = |joint| match joint {
            Joint::One(entry) => entry.value.into_owned(),
            Joint::List(entries) => entries.into_iter().map(|entry| entry.value.into_owned()).collect(),
        };
        self.0.into_iter().map(|(name, joint)| (name.to_owned(), owned(joint))).collect()
    }

    fn add(&mut self, name: &'a str, value: &'a Value, record: &'a DisclosedRecord) {
        let list = THINGS.iter().find(|(thing, _)| *thing == name).map(|(_, list)| *list);
        match (list, value) {
            // Each is of its own record: none is looked for among thousands of others.
            (Some(list), thing) => {
                if let Some(things) = self.list(list) {
                    things.push(Entry { value: Cow::Borrowed(thing), record });
                }
            }
            (None, Value::Array(entries)) => entries.iter().for_each(|entry| self.push(name, entry, record)),
            (None, value) => {
                if !self.0.iter().any(|(known, _)| *known == name) {
                    self.0.push((name, Joint::One(Entry { value: Cow::Borrowed(value), record })));
                }
            }
        }
    }

    /// The list of this name, begun if there is none; none if it is a single value.
    fn list(&mut self, name: &'a str) -> Option<&mut Vec<Entry<'a>>> {
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
    fn push(&mut self, list: &'a str, entry: &'a Value, record: &'a DisclosedRecord) {
        let Some(entries) = self.list(list) else { return };
        if entries.first().is_some_and(|first| is_corrected(first.record, record)) {
            return;
        }
        match entries.iter_mut().find(|known| alike(&known.value, entry)) {
            None => entries.push(Entry { value: Cow::Borrowed(entry), record }),
            Some(known) => {
                if verified(entry) == Some(true)
                    && verified(&known.value) == Some(false)
                    && let Some(stored) = known.value.to_mut().get_mut("verified")
                {
                    *stored = Value::Bool(true);
                }
            }
        }
    }
}
