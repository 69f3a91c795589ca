//! [`Facts`]: what a rule sees of one person.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::path::FieldPath;
use crate::gateway::Disclosure;
use crate::types::{Category, RecordKind, Timestamp};

static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC));

/// What the gateway opened of one person, in the form rules are evaluated on. It holds personal data and lives no
/// longer than the evaluation.
pub struct Facts {
    profile: BTreeMap<Category, Map<String, Value>>,
    orders: Vec<Order>,
}

/// An order, as far as rules ask about it. What is absent or cannot be read is `None` and never matches.
pub(super) struct Order {
    pub(super) at: Option<Timestamp>,
    pub(super) status: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) source: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) total: Option<Decimal>,
    pub(super) skus: Vec<String>,
}

impl Facts {
    /// The facts of a disclosure: its profile, and its orders with the sources they came from.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "rules are evaluated on the values; they say yes or no")]
    pub fn of(disclosure: &Disclosure) -> Self {
        let orders = disclosure.records().iter().filter(|record| record.kind() == RecordKind::Order);
        let orders = orders.filter_map(|record| {
            let part = record.part(Category::Commerce)?;
            Some(Order::read(part.look().get("order")?.as_object()?, Some(record.source())))
        });
        Self { orders: orders.collect(), profile: disclosure.profile().take() }
    }

    /// The facts of a profile alone; where orders came from is then not known.
    #[must_use]
    pub fn from_profile(profile: BTreeMap<Category, Map<String, Value>>) -> Self {
        let orders = objects(&profile, Category::Commerce, "orders").map(|order| Order::read(order, None)).collect();
        Self { profile, orders }
    }

    pub(super) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The objects of a list of the profile.
    pub(super) fn objects(&self, category: Category, list: &str) -> impl Iterator<Item = &Map<String, Value>> {
        objects(&self.profile, category, list)
    }

    /// The single values at `path`; lists on the way are looked into.
    pub(super) fn values(&self, path: &FieldPath) -> Vec<&Value> {
        let mut found = Vec::new();
        let Some(part) = self.profile.get(&path.category()) else { return found };
        let names: Vec<&str> = path.names().split('.').collect();
        if let Some((first, rest)) = names.split_first()
            && let Some(value) = part.get(*first)
        {
            collect(value, rest, &mut found);
        }
        found
    }

    /// The day of birth.
    pub(super) fn birth_date(&self) -> Option<Date> {
        self.profile.get(&Category::Identity)?.get("birth_date")?.as_str()?.parse().ok()
    }
}

impl Order {
    fn read(order: &Map<String, Value>, source: Option<&str>) -> Self {
        let lines = order.get("lines").and_then(Value::as_array).into_iter().flatten();
        Self {
            at: text(order, "ordered_at").and_then(|at| Timestamp::parse(at).ok()),
            status: text(order, "status").map(str::to_owned),
            channel: text(order, "channel").map(str::to_owned),
            source: source.map(str::to_owned),
            currency: text(order, "currency").map(str::to_owned),
            total: text(order, "total").and_then(|total| total.parse().ok()),
            skus: lines.filter_map(|line| Some(line.get("sku")?.as_str()?.to_owned())).collect(),
        }
    }

    /// A purchase that stands: neither called off nor sent back.
    pub(super) fn stands(&self) -> bool {
        !matches!(self.status.as_deref(), Some("cancelled" | "returned"))
    }
}

pub(super) fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

/// The calendar day in Berlin: birthdays and ages follow the merchant's calendar.
pub(super) fn day(at: Timestamp) -> Option<Date> {
    let at = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
    Some(at.to_zoned(BERLIN.clone()).date())
}

/// Whole days from `then` to `now`; not below zero.
pub(super) fn days_between(then: Timestamp, now: Timestamp) -> i64 {
    now.micros().saturating_sub(then.micros()).max(0) / Timestamp::DAY
}

/// Does `at` lie at most `days` back? What is dated in the future counts as now: clocks differ.
pub(super) fn is_within(at: Timestamp, days: u32, now: Timestamp) -> bool {
    now.plus_days(-i64::from(days)) <= at
}

fn objects<'a>(
    profile: &'a BTreeMap<Category, Map<String, Value>>,
    category: Category,
    list: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    let list = profile.get(&category).and_then(|part| part.get(list)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_object)
}

fn collect<'a>(value: &'a Value, names: &[&str], found: &mut Vec<&'a Value>) {
    match (value, names.split_first()) {
        (Value::Array(entries), _) => entries.iter().for_each(|entry| collect(entry, names, found)),
        (Value::Object(fields), Some((first, rest))) => {
            if let Some(value) = fields.get(*first) {
                collect(value, rest, found);
            }
        }
        (Value::Null | Value::Object(_), None) | (_, Some(_)) => {}
        (value, None) => found.push(value),
    }
}
