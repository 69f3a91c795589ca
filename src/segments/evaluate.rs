//! Evaluating a rule on the facts of one person. Pure and total.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::catalog::{self, Kind};
use super::facts::{Facts, day, days_between, is_within, text};
use super::measure;
use super::rule::{Condition, Rule};
use super::terms::{AttributeTest, Bounds, Newsletter, Place, Scalar, Since};
use crate::types::{Category, Timestamp};

/// Does `rule` hold for the person of this profile? The sources of their orders are not known then; see [`Rule::holds`].
#[must_use]
pub fn evaluate(rule: &Rule, profile: &BTreeMap<Category, Map<String, Value>>, now: Timestamp) -> bool {
    rule.holds(&Facts::from_profile(profile.clone()), now)
}

impl Rule {
    /// Does it hold for the person of these facts?
    #[must_use]
    pub fn holds(&self, facts: &Facts, now: Timestamp) -> bool {
        match self {
            Self::All { all } => all.iter().all(|rule| rule.holds(facts, now)),
            Self::Any { any } => any.iter().any(|rule| rule.holds(facts, now)),
            Self::Not { not } => !not.holds(facts, now),
            Self::If(condition) => condition.holds(facts, now),
        }
    }
}

impl Condition {
    /// Does it hold for the person of these facts?
    #[must_use]
    pub fn holds(&self, facts: &Facts, now: Timestamp) -> bool {
        match self {
            Self::Attribute(test) => attribute(test, facts, now),
            Self::Place { place: asked } => {
                facts.objects(Category::Address, "addresses").any(|address| place(asked, address))
            }
            Self::Orders { orders } => {
                let measured = measure::orders(orders, facts, now);
                let summed = orders.total.as_ref().is_none_or(|total| {
                    total.at_least.is_none_or(|least| measured.total >= least)
                        && total.at_most.is_none_or(|most| measured.total <= most)
                });
                let count = if orders.total.is_some() { orders.count.unwrap_or_default() } else { some(orders.count) };
                count.hold(measured.count) && summed
            }
            Self::LastOrder { last_order } => {
                measure::first_and_last(facts).is_some_and(|(_, last)| since(*last_order, last, now))
            }
            Self::Channel { channel } => {
                facts.orders().iter().any(|order| order.stands() && measure::came_by(order, channel))
            }
            Self::Birthday { birthday } => {
                let (Some(born), Some(today)) = (facts.birth_date(), day(now)) else { return false };
                let soon = |days| measure::days_to_birthday(born, today).is_some_and(|to| i64::from(to) <= days);
                birthday.within_days.is_none_or(|days| soon(i64::from(days)))
                    && (!birthday.this_month || born.month() == today.month())
            }
            Self::Age { age } => {
                let (Some(born), Some(today)) = (facts.birth_date(), day(now)) else { return false };
                measure::age(born, today).is_some_and(|years| age.hold(years as usize))
            }
            Self::Phase(test) => test.phase.contains(&measure::phase(test.limits.unwrap_or_default(), facts, now)),
            Self::Newsletter { newsletter: asked } => {
                facts.objects(Category::Engagement, "newsletters").any(|found| newsletter(asked, found))
            }
            Self::Reviews { reviews } => some(reviews.count).hold(measure::reviews(*reviews, facts, now)),
            Self::Events { events } => some(events.count).hold(measure::events(events, facts, now)),
        }
    }
}

/// At least one, unless bounds are given.
pub(super) fn some(bounds: Option<Bounds>) -> Bounds {
    bounds.unwrap_or(Bounds { at_least: Some(1), at_most: None })
}

fn since(asked: Since, at: Timestamp, now: Timestamp) -> bool {
    asked.within_days.is_none_or(|days| is_within(at, days, now))
        && asked.older_than_days.is_none_or(|days| days_between(at, now) > i64::from(days))
}

fn place(asked: &Place, address: &Map<String, Value>) -> bool {
    let is_one = |field: &str, of: &[String]| {
        of.is_empty() || text(address, field).is_some_and(|is| of.iter().any(|one| same(one, is)))
    };
    let code = text(address, "postal_code");
    asked.country.as_ref().is_none_or(|country| text(address, "country") == Some(country.as_str()))
        && (asked.postal_code_prefix.is_empty()
            || code.is_some_and(|code| asked.postal_code_prefix.iter().any(|prefix| code.starts_with(prefix.as_str()))))
        && is_one("city", &asked.city)
        && is_one("region", &asked.region)
}

fn newsletter(asked: &Newsletter, found: &Map<String, Value>) -> bool {
    let list = text(found, "list").is_some_and(|list| asked.list.iter().any(|one| one == list));
    let status = text(found, "status").is_some_and(|status| asked.status.iter().any(|one| one.word() == status));
    (asked.list.is_empty() || list) && (asked.status.is_empty() || status)
}

fn attribute(test: &AttributeTest, facts: &Facts, now: Timestamp) -> bool {
    let values = facts.values(&test.attribute);
    if test.exists.is_some_and(|exists| exists == values.is_empty()) {
        return false;
    }
    let kind = catalog::kind(test.attribute.category(), test.attribute.names());
    let kind = kind.unwrap_or(Kind::Any);
    !test.asks_for_a_value() || values.into_iter().any(|value| one(test, kind, value, now))
}

impl AttributeTest {
    /// Is there more to it than `exists`?
    pub(super) fn asks_for_a_value(&self) -> bool {
        let bounds = self.at_least.is_some() || self.at_most.is_some();
        let days = self.within_days.is_some() || self.older_than_days.is_some();
        self.is.is_some() || !self.is_one_of.is_empty() || bounds || days
    }
}

fn one(test: &AttributeTest, kind: Kind, value: &Value, now: Timestamp) -> bool {
    let order = |bound: &Scalar| compare(kind, value, bound);
    let at = value.as_str().and_then(instant);
    test.is.as_ref().is_none_or(|is| equal(kind, value, is))
        && (test.is_one_of.is_empty() || test.is_one_of.iter().any(|is| equal(kind, value, is)))
        && test.at_least.as_ref().is_none_or(|least| order(least).is_some_and(std::cmp::Ordering::is_ge))
        && test.at_most.as_ref().is_none_or(|most| order(most).is_some_and(std::cmp::Ordering::is_le))
        && test.within_days.is_none_or(|days| at.is_some_and(|at| is_within(at, days, now)))
        && test.older_than_days.is_none_or(|days| at.is_some_and(|at| days_between(at, now) > i64::from(days)))
}

fn equal(kind: Kind, value: &Value, asked: &Scalar) -> bool {
    match (value, asked) {
        (Value::Bool(is), Scalar::Flag(asked)) => is == asked,
        (Value::String(is), Scalar::Text(asked)) if kind == Kind::Language => speaks(is, asked),
        (Value::String(is), Scalar::Text(asked)) if matches!(kind, Kind::Text | Kind::Any) => same(is, asked),
        _ => compare(kind, value, asked).is_some_and(std::cmp::Ordering::is_eq),
    }
}

/// Basic filtering of RFC 4647: a range is the whole tag or its beginning up to a hyphen.
fn speaks(tag: &str, range: &str) -> bool {
    let (tag, range) = (tag.to_lowercase(), range.to_lowercase());
    tag.strip_prefix(&range).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// None where the two cannot be compared.
fn compare(kind: Kind, value: &Value, bound: &Scalar) -> Option<std::cmp::Ordering> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match (kind, bound) {
        (Kind::Date | Kind::Instant, Scalar::Text(bound)) => Some(instant(&text(value)?)?.cmp(&instant(bound)?)),
        (Kind::Number | Kind::Any, Scalar::Number(_) | Scalar::Text(_)) => Some(decimal(value)?.cmp(&number(bound)?)),
        _ => None,
    }
}

/// An instant, or the beginning of a date in UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = Timestamp::parse(text) {
        return Some(at);
    }
    let date: Date = text.parse().ok()?;
    Timestamp::parse(&format!("{date}T00:00:00Z")).ok()
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// A number of a rule, as a decimal: the shortest text that reads back as the float is what was written.
pub(super) fn number(scalar: &Scalar) -> Option<Decimal> {
    match scalar {
        Scalar::Number(number) => number.to_string().parse().ok(),
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Flag(_) => None,
    }
}
