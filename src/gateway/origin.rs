//! [`Origin`]: which record a value of a profile is of, and why it survived. It holds no value.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::disclosure::DisclosedRecord;
use super::profile::{Entry, Joint, join};
use super::survive::{Word, compare, why};
use crate::consent::{SurvivedBy, Survivorship};
use crate::types::{Category, RecordKind, RecordNo, Timestamp};

/// Where a value of a profile is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its category.
    pub category: Category,
    /// Its name in the category.
    pub attribute: String,
    /// Its place in the list, from 0; none if it is a single value.
    pub entry: Option<usize>,
    /// The record it is of.
    pub record: RecordNo,
    /// The type of that record.
    pub kind: RecordKind,
    /// The code of its source.
    pub source: String,
    /// When the source last changed it.
    pub version: Timestamp,
    /// Why it stands there: of a single value, and not another; of an entry, and not behind the next.
    pub because: SurvivedBy,
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut origin = serializer.serialize_struct("Origin", 7)?;
        origin.serialize_field("attribute", &format!("{}.{}", self.category.word(), self.attribute))?;
        origin.serialize_field("entry", &self.entry)?;
        // It has more digits than every reader of JSON keeps.
        origin.serialize_field("record", &self.record.0.to_string())?;
        origin.serialize_field("type", &self.kind)?;
        origin.serialize_field("source", &self.source)?;
        origin.serialize_field("updated_at", &self.version.rfc3339())?;
        origin.serialize_field("because", &self.because)?;
        origin.end()
    }
}

/// Of each value of the profile of these records.
pub(super) fn origins(records: &[DisclosedRecord], rules: &Survivorship) -> Vec<Origin> {
    let mut all = Vec::new();
    for (category, name, joint) in join(records, rules).fields() {
        let order = rules.order(category, name);
        match joint {
            Joint::One(entry) => {
                let value = said(entry.record, category, name);
                let differs = |other: &serde_json::Value| Some(other) != value;
                let others = records.iter().filter(|record| said(record, category, name).is_some_and(differs));
                let next = others.map(Word::of).min_by(|one, other| compare(order, *one, *other));
                let because = next.map_or(SurvivedBy::Undisputed, |next| why(order, entry.word(), next));
                all.push(origin(category, name, (None, entry), because));
            }
            Joint::List(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    let next = entries.get(at + 1).filter(|next| next.record.record_no != entry.record.record_no);
                    let because = next.map_or(SurvivedBy::Undisputed, |next| why(order, entry.word(), next.word()));
                    all.push(origin(category, name, (Some(at), entry), because));
                }
            }
        }
    }
    all
}

fn said<'a>(record: &'a DisclosedRecord, category: Category, name: &str) -> Option<&'a serde_json::Value> {
    record.parts.get(&category)?.tree().get(name)
}

fn origin(category: Category, name: &str, (at, entry): (Option<usize>, &Entry<'_>), because: SurvivedBy) -> Origin {
    let record = entry.record;
    Origin {
        category,
        attribute: name.to_owned(),
        entry: at,
        record: record.record_no,
        kind: record.kind,
        source: record.source.clone(),
        version: record.version,
        because,
    }
}
