//! [`Survivorship`]: whose word counts where records of one person say different things, as data.
//!
//! The person's own correction comes first, always (Art. 5(1)(d), 16 GDPR). Then the rules of the attribute are asked one
//! after the other until one tells two records apart; of those that none tells apart the newer counts, and of two of one time
//! the content decides, so that the order of arrival decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Problem;
use crate::types::{Category, UnknownWord, words};

words! {
    /// What makes one record's word count more than another's.
    Preference as "SurvivorshipRule", "survivorship rule" {
        /// The record whose contact point or account the source verified; of contact points, the one that was verified.
        Verification = 1 "verification",
        /// The record of the source that stands further up in `sources`; sources that are not named come last, all alike.
        SourcePriority = 2 "source_priority",
        /// The account of a customer before orders, messages and the like.
        RecordType = 3 "record_type",
        /// The record that its source changed last.
        Recency = 4 "recency",
    }
}

words! {
    /// Why a value stands in a profile and not another.
    SurvivedBy as "SurvivedBy", "reason of survival" {
        /// The person corrected it (Art. 16 GDPR).
        Rectification = 1 "rectification",
        /// It is of a verified record, or a verified contact point.
        Verification = 2 "verification",
        /// Its source comes before the others.
        SourcePriority = 3 "source_priority",
        /// It is of a customer's account.
        RecordType = 4 "record_type",
        /// It is the newest, by a rule or because no rule told them apart.
        Recency = 5 "recency",
        /// Nothing told them apart: the content decided, the same in whatever order they came.
        Content = 6 "content",
        /// No other record says anything else.
        Undisputed = 7 "undisputed",
    }
}

impl From<Preference> for SurvivedBy {
    fn from(preference: Preference) -> Self {
        match preference {
            Preference::Verification => Self::Verification,
            Preference::SourcePriority => Self::SourcePriority,
            Preference::RecordType => Self::RecordType,
            Preference::Recency => Self::Recency,
        }
    }
}

/// The attributes that several records may say differently: category and name, as profiles have them. Orders, invoices,
/// messages and the like are things of their own and stand side by side.
const ATTRIBUTES: [(Category, &str); 19] = [
    (Category::Identity, "salutation"),
    (Category::Identity, "title"),
    (Category::Identity, "given_name"),
    (Category::Identity, "family_name"),
    (Category::Identity, "full_name"),
    (Category::Identity, "company"),
    (Category::Identity, "birth_date"),
    (Category::Identity, "language"),
    (Category::Identity, "group"),
    (Category::Identity, "tags"),
    (Category::Identity, "registered_at"),
    (Category::Identity, "guest"),
    (Category::Identity, "customer_numbers"),
    (Category::Identity, "accounts"),
    (Category::Contact, "emails"),
    (Category::Contact, "phones"),
    (Category::Address, "addresses"),
    (Category::Social, "accounts"),
    (Category::Service, "note"),
];

/// An attribute of a profile, such as `identity.family_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    category: Category,
    name: &'static str,
}

impl Attribute {
    /// Is it this one?
    #[must_use]
    pub fn is(self, category: Category, name: &str) -> bool {
        self.category == category && self.name == name
    }

    /// Its category.
    #[must_use]
    pub const fn category(self) -> Category {
        self.category
    }

    /// Its name in its category.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl FromStr for Attribute {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (category, name) = text.split_once('.').ok_or(UnknownWord("attribute"))?;
        let known = ATTRIBUTES.iter().find(|(of, known)| of.word() == category && *known == name);
        known.map(|(category, name)| Self { category: *category, name }).ok_or(UnknownWord("attribute"))
    }
}

impl Serialize for Attribute {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}.{}", self.category.word(), self.name))
    }
}

impl<'de> Deserialize<'de> for Attribute {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text may be anything; it is not repeated.
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The rules for one attribute, or for all that have none of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SurvivorshipOrder {
    /// The rules, the weightiest first. Of records that none tells apart the newer counts.
    #[schema(max_items = 4)]
    pub rules: Vec<Preference>,
    /// The codes of sources, the most trusted first, for `source_priority`.
    #[serde(default)]
    #[schema(max_items = 100, example = json!(["accounting", "webshop"]))]
    pub sources: Vec<String>,
}

/// Whose word counts where records of one person say different things. The person's own correction (Art. 16 GDPR) comes
/// before every rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Survivorship {
    /// Counts the versions from 1; 0: the hub's own, before any was put in force. One that is sent is ignored.
    #[serde(default)]
    #[schema(value_type = i64, minimum = 0, maximum = 4_294_967_295_i64)]
    pub version: u32,
    /// For attributes without rules of their own.
    pub default: SurvivorshipOrder,
    /// Rules of single attributes, by category and name: `identity.family_name`, `address.addresses` and so on.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, SurvivorshipOrder>)]
    pub attributes: BTreeMap<Attribute, SurvivorshipOrder>,
}

impl Default for Survivorship {
    fn default() -> Self {
        let rules = vec![Preference::RecordType, Preference::Recency];
        Self { version: 0, default: SurvivorshipOrder { rules, sources: Vec::new() }, attributes: BTreeMap::new() }
    }
}

impl Survivorship {
    /// The hub's own: accounts of customers before other records, then the newest.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Survivorship> = LazyLock::new(Survivorship::default);
        &SHIPPED
    }

    /// The rules for a field of a profile. What no rule can be made for stands in the hub's own order.
    #[must_use]
    pub fn order(&self, category: Category, name: &str) -> &SurvivorshipOrder {
        if self.version == 0 || !ATTRIBUTES.iter().any(|(of, known)| *of == category && *known == name) {
            return &Self::shipped().default;
        }
        let own = self.attributes.iter().find(|(attribute, _)| attribute.is(category, name));
        own.map_or(&self.default, |(_, order)| order)
    }

    /// Can it be put in force, where there are sources of these codes?
    ///
    /// # Errors
    /// Every problem found, in the order of the fields.
    pub fn validate(&self, is_source: impl Fn(&str) -> bool) -> Result<(), Vec<Problem>> {
        let mut found = Vec::new();
        self.default.check("/default/rules", "/default/sources", &is_source, &mut found);
        for order in self.attributes.values() {
            order.check("/attributes", "/attributes", &is_source, &mut found);
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

impl SurvivorshipOrder {
    /// Where a source stands among those named; behind all of them if it is not.
    #[must_use]
    pub fn place(&self, source: &str) -> usize {
        self.sources.iter().position(|code| code == source).unwrap_or(usize::MAX)
    }

    fn check(
        &self,
        rules: &'static str,
        sources: &'static str,
        is_source: &impl Fn(&str) -> bool,
        found: &mut Vec<Problem>,
    ) {
        let mut problem = |code, pointer, text| found.push(Problem { code, pointer, text });
        if self.rules.iter().collect::<BTreeSet<_>>().len() < self.rules.len() {
            problem("rule_repeated", rules, "name each rule once");
        }
        if self.sources.len() > 100 {
            problem("sources_too_many", sources, "name at most 100 sources");
        }
        if self.sources.iter().collect::<BTreeSet<_>>().len() < self.sources.len() {
            problem("source_repeated", sources, "name each source once");
        }
        if self.sources.iter().any(|code| !is_source(code)) {
            problem("source_unknown", sources, "no such source is configured");
        }
        if self.rules.contains(&Preference::SourcePriority) == self.sources.is_empty() {
            problem("sources_without_rule", sources, "source_priority and sources belong together");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Survivorship {
        serde_json::from_value(value).unwrap()
    }

    fn codes(survivorship: &Survivorship) -> Vec<&'static str> {
        let found = survivorship.validate(|code| code == "webshop");
        found.err().unwrap_or_default().into_iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn a_definition_is_read_as_it_is_written() {
        let written = json!({
            "version": 3,
            "default": {"rules": ["recency"], "sources": []},
            "attributes": {"identity.birth_date": {"rules": ["source_priority", "recency"], "sources": ["webshop"]}},
        });
        let read = read(written.clone());
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
        assert_eq!(codes(&read), Vec::<&str>::new());
        let rules = |category, name| read.order(category, name).rules.len();
        assert_eq!(read.order(Category::Identity, "birth_date").place("webshop"), 0);
        assert_eq!((rules(Category::Identity, "birth_date"), rules(Category::Identity, "title")), (2, 1));
        // What is a thing of its own has no rules.
        assert_eq!(read.order(Category::Commerce, "order"), &Survivorship::shipped().default);
        assert_eq!(codes(Survivorship::shipped()), Vec::<&str>::new());
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        let order = |rules: serde_json::Value, sources: serde_json::Value| {
            read(json!({"default": {"rules": rules, "sources": sources}}))
        };
        assert_eq!(codes(&order(json!(["recency", "recency"]), json!([]))), ["rule_repeated"]);
        assert_eq!(codes(&order(json!(["source_priority"]), json!(["books"]))), ["source_unknown"]);
        assert_eq!(codes(&order(json!(["source_priority"]), json!([]))), ["sources_without_rule"]);
        assert_eq!(codes(&order(json!(["recency"]), json!(["webshop"]))), ["sources_without_rule"]);
        for unknown in ["identity.shoe_size", "orders", "commerce.orders"] {
            let written = json!({"default": {"rules": []}, "attributes": {unknown: {"rules": []}}});
            let refused = serde_json::from_value::<Survivorship>(written).unwrap_err().to_string();
            assert!(!refused.contains(unknown), "{refused}");
        }
    }
}
