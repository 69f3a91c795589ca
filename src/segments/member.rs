//! [`Member`]: what is delivered of one person, cut to the fields of the segment.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::path::FieldPath;
use super::segment::{Bound, ContactPoints, contact_point};
use crate::gateway::{Disclosed, Disclosure};
use crate::types::{Category, Channel, SubjectId};

/// A person in a segment. It holds personal data: it can be serialised into a reply, not printed.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentMember)]
pub struct Member {
    /// Who it is, for coming back.
    pub subject_id: SubjectId,
    /// The token of the person's opt-out link; in every advertising message (§ 7(3) no. 4 UWG, Art. 21(4) GDPR).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
    /// The fields of the segment, by category. For social networks contact points are SHA-256 digests in hexadecimal.
    #[schema(value_type = Object)]
    pub data: Disclosed<Map<String, Value>>,
}

impl Bound {
    /// Cuts a disclosure to the fields of the segment. None: nothing is left to address the person by.
    #[expect(clippy::disallowed_methods, reason = "what is cut off is gone, and what is left stays disclosed")]
    pub(super) fn cut(&self, disclosure: &Disclosure) -> Option<Disclosed<Map<String, Value>>> {
        disclosure.profile().cut(|profile| {
            let data = self.kept(profile);
            (!self.lacks_contact_point(&data)).then_some(data)
        })
    }

    /// The fields of the segment, by category.
    fn kept(&self, profile: BTreeMap<Category, Map<String, Value>>) -> Map<String, Value> {
        let mut data = Map::new();
        for (category, mut part) in profile {
            let names: Vec<&str> =
                self.fields.iter().filter(|field| field.category() == category).map(FieldPath::names).collect();
            if names.is_empty() {
                continue;
            }
            if let Some(channel) = self.channel {
                self.choose_contact_points(channel, &mut part);
            }
            let mut kept = keep(&part, &names);
            if self.channel == Some(Channel::Social) {
                kept.get_mut("emails").into_iter().for_each(|list| digest(list, address));
                kept.get_mut("phones").into_iter().for_each(|list| digest(list, number));
            }
            if !kept.is_empty() {
                data.insert(category.word().to_owned(), Value::Object(kept));
            }
        }
        data
    }

    /// Leaves only what a message can be sent to, the best first.
    fn choose_contact_points(&self, channel: Channel, part: &mut Map<String, Value>) {
        let lists: &[&str] = match channel {
            Channel::Email | Channel::Social => &["emails", "phones"],
            Channel::Phone | Channel::Sms => &["phones"],
            Channel::Post => &["addresses"],
            Channel::Web => &[],
        };
        for list in lists {
            let Some(Value::Array(points)) = part.get_mut(*list) else { continue };
            points.retain(|point| reaches_someone(list, point));
            points.sort_by_key(|point| rank(list, point));
            if self.segment.contact_points == ContactPoints::One {
                points.truncate(1);
            }
        }
    }

    fn lacks_contact_point(&self, data: &Map<String, Value>) -> bool {
        let Some(channel) = self.channel else { return false };
        let (category, list) = contact_point(channel);
        let asked = self.fields.iter().any(|field| field.is_in(category, list));
        let found = data.get(category.word()).and_then(|part| part.get(list)).and_then(Value::as_array);
        asked && found.is_none_or(Vec::is_empty)
    }
}

/// A mailbox of nobody, and one that a marketplace forwards from, take no message of ours.
fn reaches_someone(list: &str, point: &Value) -> bool {
    let text = |field: &str| point.get(field).and_then(Value::as_str);
    match list {
        "emails" => !matches!(text("mailbox"), Some("placeholder" | "relay")),
        "addresses" => text("street").is_some() && (text("postal_code").is_some() || text("city").is_some()),
        _ => true,
    }
}

fn rank(list: &str, point: &Value) -> (bool, u8) {
    let text = |field: &str| point.get(field).and_then(Value::as_str);
    let verified = point.get("verified") == Some(&Value::Bool(true));
    let second = match (list, text("mailbox"), text("use")) {
        ("emails", Some("personal"), _) | ("addresses", _, Some("contact")) => 0,
        ("addresses", _, Some("billing")) => 1,
        _ => 2,
    };
    (list != "addresses" && !verified, second)
}

/// Keeps the fields at `names`; what is not named is cut off, also inside lists.
fn keep(part: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let mut kept = Map::new();
    for (field, value) in part {
        if names.contains(&field.as_str()) {
            kept.insert(field.clone(), value.clone());
            continue;
        }
        let under: Vec<&str> = names
            .iter()
            .filter_map(|name| name.strip_prefix(field.as_str()).and_then(|rest| rest.strip_prefix('.')))
            .collect();
        if under.is_empty() {
            continue;
        }
        match value {
            Value::Object(fields) => {
                let inner = keep(fields, &under);
                if !inner.is_empty() {
                    kept.insert(field.clone(), Value::Object(inner));
                }
            }
            Value::Array(entries) => {
                let inner = entries.iter().filter_map(Value::as_object).map(|entry| keep(entry, &under));
                let inner: Vec<Value> = inner.filter(|entry| !entry.is_empty()).map(Value::Object).collect();
                if !inner.is_empty() {
                    kept.insert(field.clone(), Value::Array(inner));
                }
            }
            _ => {}
        }
    }
    kept
}

/// An address as networks compare it.
fn address(value: &str) -> String {
    value.to_lowercase()
}

/// A number in E.164 as networks compare it: without its plus.
fn number(value: &str) -> String {
    value.trim_start_matches('+').to_owned()
}

/// Puts digests in the place of values, each in its normal form: networks compare them with those of their own members.
fn digest(list: &mut Value, normal: impl Fn(&str) -> String) {
    let Value::Array(points) = list else { return };
    for point in points {
        let value = point.get("value").and_then(Value::as_str);
        let digest = value.map(|value| hex::encode(Sha256::digest(normal(value))));
        *point = digest.map_or(Value::Null, |digest| serde_json::json!({"sha256": digest}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_named_is_cut_off_in_every_depth() {
        let part = json!({
            "orders": [
                {"number": "1", "total": "9.00", "lines": [{"sku": "A", "title": "secret"}]},
                {"total": "5.00"},
            ],
            "note": "secret",
        });
        let kept = keep(part.as_object().unwrap(), &["orders.number", "orders.lines.sku"]);
        assert_eq!(Value::Object(kept), json!({"orders": [{"number": "1", "lines": [{"sku": "A"}]}]}));
        assert!(keep(part.as_object().unwrap(), &["order", "orders.numbe", "not"]).is_empty());
    }

    #[test]
    fn networks_get_digests_only() {
        let mut list = json!([{"value": "a@example.org", "verified": true}]);
        digest(&mut list, address);
        assert!(!list.to_string().contains("example.org"));
        assert_eq!(list[0]["sha256"].as_str().map(str::len), Some(64));
    }

    #[test]
    fn an_address_keeps_its_plus_and_a_number_does_not() {
        assert_eq!(address("+Anna@Example.org"), "+anna@example.org");
        assert_eq!(number("+491701234567"), "491701234567");
    }

    #[test]
    fn the_verified_personal_mailbox_comes_first() {
        let point = |verified: bool, mailbox: &str| json!({"verified": verified, "mailbox": mailbox});
        let mut points = [point(false, "personal"), point(true, "role"), point(true, "personal")];
        points.sort_by_key(|point| rank("emails", point));
        assert_eq!(points[0], point(true, "personal"));
        assert!(!reaches_someone("emails", &point(true, "relay")));
        assert!(!reaches_someone("emails", &point(true, "placeholder")));
    }

    static_assertions::assert_not_impl_any!(Member: Clone, Default, std::fmt::Debug, std::fmt::Display);
}
