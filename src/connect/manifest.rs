//! The manifest as it stands in the file.
//!
//! Its types are at once what `connectors/manifest.schema.json` is written from, so their comments speak to the author of
//! a manifest.

pub(super) mod audience;
pub(super) mod auth;
pub(super) mod erase;
pub(super) mod handshake;
pub(super) mod link;
pub(super) mod notify;
pub(super) mod pull;
pub(super) mod report;
pub(super) mod request;
pub(super) mod signature;
pub(super) mod subscribe;
pub(super) mod unsubscribe;
pub(super) mod webhook;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Error;
use crate::types::{Category, PurposeCode, Timestamp};

/// `connectors/<name>/manifest.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "Manifest of a connector")]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Must be the name of the folder.
    pub(super) name: String,
    /// For people: "Shopware 6".
    pub(super) title: String,
    /// What of the vendor's interface this reads, and what a reader of the records must know.
    pub(super) docs: String,
    /// What the vendor's terms allow.
    pub(super) source_policy: SourcePolicy,
    /// Is the vendor a social network? Accounts there are of the category social.
    #[serde(default)]
    pub(super) social: bool,
    /// Are its CSV files those of DATEV (EXTF)? Each row is then a page: `{header, row}`, the row by its captions.
    #[serde(default)]
    pub(super) extf: bool,
    /// jq predicate: a page without objects, which no stream could recognise.
    #[serde(default)]
    pub(super) empty: Option<String>,
    /// How the vendor is reached; without it the connector reads files only.
    #[serde(default)]
    pub(super) connection: Option<link::LinkSpec>,
    /// By name.
    pub(super) streams: BTreeMap<String, StreamSpec>,
    /// Lists of people who demanded something of the vendor and whose demand the merchant must follow, by name.
    #[serde(default)]
    pub(super) demands: BTreeMap<String, webhook::DemandSpec>,
    /// How the vendor is made to forget a person.
    #[serde(default)]
    pub(super) erase: Option<erase::EraseSpec>,
    /// How the vendor is told that a person withdrew.
    #[serde(default)]
    pub(super) unsubscribe: Option<unsubscribe::UnsubscribeSpec>,
    /// What the vendor tells by itself.
    #[serde(default)]
    pub(super) webhooks: Option<webhook::WebhookSpec>,
    /// How people of a segment are handed to the vendor, and taken off again.
    #[serde(default)]
    pub(super) audience: Option<audience::AudienceSpec>,
    /// How a program is told what happened here.
    #[serde(default)]
    pub(super) notify: Option<notify::NotifySpec>,
    /// What the vendor passes on of people who demand deletion.
    #[serde(default)]
    pub(super) deletion: Option<webhook::DeletionSpec>,
}

/// One kind of reply and how it becomes records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamSpec {
    /// jq predicate on the whole page.
    pub(super) detect: String,
    /// jq filter from the page to its objects; one failing object does not stop the others.
    #[serde(default = "whole")]
    pub(super) objects: String,
    /// jq filter from an object to the vendor's id of it, by which one that cannot be taken in is shown to whoever puts it right.
    #[serde(default = "own_id")]
    pub(super) id: String,
    /// jq filter from one object to its canonical records, or the name of a `.jq` file in the folder.
    pub(super) records: String,
    /// Every field the records may hold, by category.
    #[schemars(schema_with = "field_lists")]
    pub(super) fields: FieldLists,
    /// The purposes for which the records may bring consents.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) consents: Vec<PurposeCode>,
    /// Do its objects change without a time that says so? Then `updated_at` is the time of their making or the like, and of two
    /// contents with one such time the one that was read last counts. Only where everything is read each time, without `incremental`.
    #[serde(default)]
    pub(super) undated: bool,
    /// How it is read from the vendor; without it the stream comes from files only.
    #[serde(default)]
    pub(super) pull: Option<pull::PullSpec>,
}

fn own_id() -> String {
    ".id".to_owned()
}

/// `mapping.yaml`: what the columns of a CSV file mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSpec {
    /// For people.
    pub(super) title: String,
    /// One character; `;` is what German spreadsheets write.
    #[serde(default = "comma")]
    pub(super) delimiter: char,
    #[serde(default)]
    pub(super) encoding: Encoding,
    /// Name in the filter: heading in the file. Columns that are not named are never read.
    pub(super) columns: BTreeMap<String, String>,
    pub(super) records: String,
    pub(super) fields: FieldLists,
    #[serde(default)]
    pub(super) consents: Vec<PurposeCode>,
}

/// How a CSV file writes its characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// Field paths by category: `data.addresses[].city`, `identifiers.email`, `data.properties.*`.
pub(super) type FieldLists = BTreeMap<Category, Vec<String>>;

/// What the vendor's terms allow to be done with the data of a source, and for how long. It travels with every record
/// of the source; merging people does not lift it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcePolicy {
    /// The only purposes the data may be read for, whatever the person or the law would allow besides: `all`, or a list of
    /// codes.
    #[schemars(schema_with = "allowed_purposes")]
    pub purposes_allowed: AllowedPurposes,
    /// Days after delivery when the personal data must be gone, unless a law keeps it.
    #[serde(default)]
    pub keep_days_after_delivery: Option<u16>,
}

impl SourcePolicy {
    /// When the source's own clock ends. Without a delivery the clock starts at the vendor's last word about the
    /// object, so that an order that never arrives does not stay for ever.
    #[must_use]
    pub fn keep_until(&self, delivered_at: Option<Timestamp>, updated_at: Timestamp) -> Option<Timestamp> {
        self.keep_days_after_delivery.map(|days| delivered_at.unwrap_or(updated_at).plus_days(i64::from(days)))
    }
}

/// Purposes a source may serve. Written `all` or as a list of purpose codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedPurposes {
    /// The vendor sets no limit; the hub's own decision stands alone.
    All,
    /// Only these.
    Only(Vec<PurposeCode>),
}

impl AllowedPurposes {
    /// May data of the source be read for `purpose`?
    #[must_use]
    pub fn contains(&self, purpose: &PurposeCode) -> bool {
        match self {
            Self::All => true,
            Self::Only(codes) => codes.contains(purpose),
        }
    }
}

impl<'de> Deserialize<'de> for AllowedPurposes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = AllowedPurposes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the word `all` or a list of purpose codes")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<AllowedPurposes, E> {
                if word == "all" {
                    Ok(AllowedPurposes::All)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(word), &self))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AllowedPurposes, A::Error> {
                let mut codes = Vec::new();
                while let Some(code) = list.next_element()? {
                    codes.push(code);
                }
                Ok(AllowedPurposes::Only(codes))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// Reads a manifest or mapping file.
///
/// # Errors
/// With file, line and column, and what would be right there.
pub(super) fn parse<'de, T: Deserialize<'de>>(file: &str, text: &'de str) -> Result<T, Error> {
    yaml_serde::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
        let mut message = error.to_string();
        if let Some(at) = message.rfind(" at line ") {
            message.truncate(at);
        }
        Error::Manifest { file: file.to_owned(), line, column, message }
    })
}

/// The paths of all requests of a manifest, as it writes them: nothing else in it has a `path`.
pub(super) fn paths(text: &str) -> HashSet<String> {
    fn collect(value: &yaml_serde::Value, into: &mut HashSet<String>) {
        match value {
            yaml_serde::Value::Mapping(parts) => {
                for (key, part) in parts {
                    match (key.as_str(), part.as_str()) {
                        (Some("path"), Some(path)) => {
                            into.insert(path.to_owned());
                        }
                        _ => collect(part, into),
                    }
                }
            }
            yaml_serde::Value::Sequence(items) => items.iter().for_each(|item| collect(item, into)),
            _ => {}
        }
    }
    let mut paths = HashSet::new();
    if let Ok(whole) = yaml_serde::from_str::<yaml_serde::Value>(text) {
        collect(&whole, &mut paths);
    }
    paths
}

/// An error about a whole key of `file`: finds the first line where `key` is written.
pub(super) fn wrong(file: &str, text: &str, key: &str, message: String) -> Error {
    let found =
        text.lines().enumerate().find_map(|(line, content)| content.find(key).map(|column| (line + 1, column + 1)));
    let (line, column) = found.unwrap_or((0, 0));
    Error::Manifest { file: file.to_owned(), line, column, message }
}

/// The JSON Schema of a manifest, for editors.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Manifest);
    schema.insert("$comment".to_owned(), "Written by the tests from src/connect/manifest.rs; change it there.".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

fn field_lists(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let words: Vec<&str> = Category::ALL.iter().map(|category| category.word()).collect();
    let paths = generator.subschema_for::<Vec<String>>();
    schemars::json_schema!({"type": "object", "propertyNames": {"enum": words}, "additionalProperties": paths})
}

fn allowed_purposes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"oneOf": [
        {"const": "all"},
        {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z0-9_]{1,63}$"}},
    ]})
}

fn whole() -> String {
    ".".to_owned()
}

const fn comma() -> char {
    ','
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name: shop\ntitle: Shop\ndocs: none\nsource_policy:\n  purposes_allowed: all\nstreams:\n  orders:\n    detect: 'true'\n    records: .\n    fields:\n      commerce: [data.number]\n";

    fn error(text: &str) -> String {
        parse::<Manifest>("shop/manifest.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_good_manifest_is_read() {
        let manifest: Manifest = parse("shop/manifest.yaml", GOOD).unwrap();
        assert_eq!(manifest.source_policy.purposes_allowed, AllowedPurposes::All);
        assert_eq!(manifest.streams.get("orders").unwrap().objects, ".");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_to_write_instead() {
        let text = error(&GOOD.replace("    detect:", "    detekt:"));
        assert!(text.starts_with("shop/manifest.yaml:8:5: "), "{text}");
        assert!(text.contains("detekt") && text.contains("`detect`"), "{text}");
        let text = error(&GOOD.replace("docs: none", "docs: none\npurpose: x"));
        assert!(text.starts_with("shop/manifest.yaml:4:1: ") && text.contains("purpose"), "{text}");
    }

    #[test]
    fn unknown_words_are_named_with_what_to_write_instead() {
        let text = error(&GOOD.replace("commerce:", "sales:"));
        assert!(text.contains("sales") && text.contains("`commerce`"), "{text}");
        let text = error(&GOOD.replace("purposes_allowed: all", "purposes_allowed: everything"));
        assert!(text.starts_with("shop/manifest.yaml:5:") && text.contains("a list of purpose codes"), "{text}");
    }

    #[test]
    fn the_sources_clock_starts_at_delivery_or_at_the_last_word() {
        let policy = SourcePolicy { purposes_allowed: AllowedPurposes::All, keep_days_after_delivery: Some(30) };
        let (delivered, updated) = (Timestamp::from_micros(0), Timestamp::from_micros(Timestamp::DAY));
        assert_eq!(policy.keep_until(Some(delivered), updated), Some(delivered.plus_days(30)));
        assert_eq!(policy.keep_until(None, updated), Some(updated.plus_days(30)));
        let open = SourcePolicy { keep_days_after_delivery: None, ..policy };
        assert_eq!(open.keep_until(Some(delivered), updated), None);
    }
}
