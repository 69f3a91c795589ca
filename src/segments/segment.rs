//! [`Segment`]: a rule bound to a purpose and a channel, with the fields that are delivered.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::catalog;
use super::path::FieldPath;
use super::read::{Fault, decode};
use super::rule::Rule;
use crate::consent::{Edition, Purpose, Text};
use crate::types::{Category, CategorySet, Channel, PurposeCode, UnknownWord};

/// Fields one segment delivers at most.
const MAX_FIELDS: usize = 50;
/// Characters of a title, at most.
const MAX_TITLE: usize = 200;

/// The code of a segment, such as `win_back`: lower-case letters, digits and underscores, 2 to 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_]{1,63}$", example = "win_back")]
pub struct SegmentCode(Arc<str>);

impl SegmentCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SegmentCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SegmentCode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = (2..=64).contains(&text.len()) && starts && text.bytes().all(letter);
        if fits { Ok(Self(text.into())) } else { Err(UnknownWord("segment")) }
    }
}

impl<'de> Deserialize<'de> for SegmentCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How many contact points of a channel a member comes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SegmentContactPoints)]
pub enum ContactPoints {
    /// The best: verified before others, personal before shared. One message reaches one person once.
    #[default]
    One,
    /// All that can be used.
    All,
}

/// A question over many people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The code callers name.
    pub code: SegmentCode,
    /// What it is called; people see it in their access package.
    pub title: Text,
    /// The purpose it is pulled for. Only people whose standing allows it are ever members.
    pub purpose: PurposeCode,
    /// The channel by which members are addressed. Absent: the purpose's only channel, or nobody is addressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The purpose under which the rule is evaluated, where it needs more than `purpose` may see: the profiling has its
    /// own ground, and its own right to object (Art. 21(2) GDPR). Members are then people whose standing allows both.
    /// Absent: the rule is evaluated under `purpose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_under: Option<PurposeCode>,
    /// Who is in it.
    pub rule: Rule,
    /// What is delivered of each member. Empty: the least the channel needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldPath>,
    /// How many contact points a member comes with.
    #[serde(default)]
    pub contact_points: ContactPoints,
}

/// A segment that fits the purposes in force, with everything left open filled in.
pub(super) struct Bound {
    pub(super) segment: Segment,
    pub(super) purpose: Arc<Purpose>,
    pub(super) selection: Arc<Purpose>,
    pub(super) channel: Option<Channel>,
    pub(super) fields: Vec<FieldPath>,
}

impl Segment {
    /// The purposes whose standing members need.
    pub fn purposes(&self) -> impl Iterator<Item = &PurposeCode> {
        std::iter::once(&self.purpose).chain(&self.select_under)
    }

    /// Reads a segment from JSON.
    ///
    /// # Errors
    /// What is wrong and where; see [`Rule::read`].
    pub fn read(mut definition: Value) -> Result<Self, Vec<Fault>> {
        // The rule is read apart, so that its faults are all found and pointed at.
        let rule = definition.as_object_mut().and_then(|fields| fields.get_mut("rule")).map(Value::take);
        let rule = rule.map(|rule| Rule::read(&rule, "/rule"));
        let Some(Ok(rule)) = rule else {
            let missing = || vec![Fault::new("missing_field", "/rule", "a segment has a rule")];
            return Err(rule.map_or_else(missing, |rule| rule.err().unwrap_or_default()));
        };
        if let Some(fields) = definition.as_object_mut() {
            fields.insert("rule".to_owned(), serde_json::json!({"all": []}));
        }
        let segment: Self = decode(definition, "").map_err(|fault| vec![fault])?;
        Ok(Self { rule, ..segment })
    }

    /// Binds it to the purposes in force.
    ///
    /// # Errors
    /// Every fault: `purpose_unknown`, `channel_not_in_purpose`, `category_not_in_purpose`, `field_not_for_channel`,
    /// `unknown_field`, `nothing_asked` and those of [`Rule::check`].
    pub(super) fn bind(&self, edition: &Edition) -> Result<Bound, Vec<Fault>> {
        let find = |code: &PurposeCode, at: &str| {
            let purpose = edition.purpose(code).filter(|purpose| purpose.validate().is_ok()).cloned();
            purpose.ok_or_else(|| vec![Fault::new("purpose_unknown", at, "no usable purpose has this code")])
        };
        let purpose = find(&self.purpose, "/purpose")?;
        let selection = match &self.select_under {
            Some(code) => find(code, "/select_under")?,
            None => purpose.clone(),
        };
        let mut faults = Vec::new();
        let channel = self.channel.or_else(|| purpose.sole_channel());
        if self.channel.is_some_and(|channel| !purpose.channels.contains(&channel)) {
            faults.push(Fault::new("channel_not_in_purpose", "/channel", "the purpose does not use this channel"));
        }
        if channel.is_none() && purpose.needs_channel() {
            faults.push(Fault::new(
                "channel_missing",
                "/channel",
                "the purpose addresses people: say by which channel",
            ));
        }
        if selection.needs_channel() && selection.code != purpose.code {
            let text = "people are selected under a purpose that addresses nobody";
            faults.push(Fault::new("purpose_addresses_people", "/select_under", text));
        }
        if selection.own_access || purpose.own_access {
            let text = "a person's own copy is for that person alone";
            faults.push(Fault::new("own_access_only", "/purpose", text));
        }
        if self.title.de.trim().is_empty() || self.title.en.trim().is_empty() {
            faults.push(Fault::new("missing_field", "/title", "people see the title: give it in both languages"));
        }
        if self.title.longest() > MAX_TITLE {
            faults.push(Fault::new("too_large", "/title", "a title has at most 200 characters"));
        }
        faults.extend(self.rule.check(&selection, "/rule"));
        let fields = if self.fields.is_empty() { least(channel, purpose.categories) } else { self.fields.clone() };
        if self.fields.len() > MAX_FIELDS {
            faults.push(Fault::new("too_large", "/fields", "a segment delivers at most 50 fields"));
        }
        for (index, field) in self.fields.iter().enumerate() {
            faults.extend(
                check_field(field, &purpose, channel)
                    .map(|(code, text)| Fault::new(code, format!("/fields/{index}"), text)),
            );
        }
        // Somebody must be decided on under the purpose of the segment, and that needs a category to ask for.
        if fields.is_empty() && (self.rule.categories().is_empty() || self.select_under.is_some()) {
            faults.push(Fault::new("nothing_asked", "/fields", "name the fields to deliver"));
        }
        if faults.is_empty() {
            Ok(Bound { segment: self.clone(), purpose, selection, channel, fields })
        } else {
            Err(faults)
        }
    }
}

impl Bound {
    /// What the delivery opens.
    pub(super) fn delivered(&self) -> CategorySet {
        self.fields.iter().map(FieldPath::category).collect()
    }
}

/// The field that a channel addresses people by.
pub(super) const fn contact_point(channel: Channel) -> (Category, &'static str) {
    match channel {
        Channel::Email => (Category::Contact, "emails"),
        Channel::Phone | Channel::Sms => (Category::Contact, "phones"),
        Channel::Post => (Category::Address, "addresses"),
        // Networks match their own members: they get hashes, never the address (see `member`).
        Channel::Social => (Category::Contact, "emails"),
        Channel::Web => (Category::Engagement, "anonymous_ids"),
    }
}

/// The least a channel needs, as far as the purpose may see it.
fn least(channel: Option<Channel>, seen: CategorySet) -> Vec<FieldPath> {
    let Some(channel) = channel else { return Vec::new() };
    let names: &[&str] = match channel {
        Channel::Email | Channel::Phone | Channel::Sms => &["salutation", "title", "given_name", "family_name"],
        Channel::Post => &["salutation", "title", "given_name", "family_name", "full_name", "company"],
        Channel::Social | Channel::Web => &[],
    };
    let point = match channel {
        Channel::Email | Channel::Social => FieldPath::of(Category::Contact, "emails.value"),
        Channel::Phone | Channel::Sms => FieldPath::of(Category::Contact, "phones.value"),
        Channel::Post => FieldPath::of(Category::Address, "addresses"),
        Channel::Web => FieldPath::of(Category::Engagement, "anonymous_ids"),
    };
    let names = names.iter().map(|name| FieldPath::of(Category::Identity, name));
    std::iter::once(point).chain(names).filter(|field| seen.contains(field.category())).collect()
}

fn check_field(field: &FieldPath, purpose: &Purpose, channel: Option<Channel>) -> Option<(&'static str, &'static str)> {
    if !purpose.categories.contains(field.category()) {
        return Some(("category_not_in_purpose", "the purpose of the segment may not see the category of this field"));
    }
    if !catalog::knows(field.category(), field.names()) {
        return Some(("unknown_field", "there is no field of this name"));
    }
    let reaches = |category, name| field.is_in(category, name);
    let foreign = if reaches(Category::Contact, "emails") {
        !matches!(channel, Some(Channel::Email | Channel::Social))
    } else if reaches(Category::Contact, "phones") {
        !matches!(channel, Some(Channel::Phone | Channel::Sms | Channel::Social))
    } else if reaches(Category::Address, "addresses") {
        // A region is no contact point; a door is.
        let region = ["postal_code", "city", "region", "country"];
        channel != Some(Channel::Post) && !region.iter().any(|part| field.names() == format!("addresses.{part}"))
    } else {
        false
    };
    foreign.then_some(("field_not_for_channel", "this contact point does not belong to the channel of the segment"))
}
