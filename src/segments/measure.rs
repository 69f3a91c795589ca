//! What conditions count: measured once, for deciding and for explaining alike.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::facts::{Facts, Order, days_between, is_within, text};
use super::terms::{Events, Orders, Phase, PhaseLimits, Reviews};
use crate::types::{Category, Timestamp};

/// Orders that a condition speaks of.
#[derive(Default)]
pub(super) struct Measured {
    /// How many.
    pub(super) count: usize,
    /// The sum of those in the condition's currency.
    pub(super) total: Decimal,
    /// How many are in another currency, or have no readable sum.
    pub(super) not_summed: usize,
}

pub(super) fn orders(asked: &Orders, facts: &Facts, now: Timestamp) -> Measured {
    let mut measured = Measured::default();
    for order in facts.orders().iter().filter(|order| matches(asked, order, now)) {
        measured.count += 1;
        let Some(asked) = &asked.total else { continue };
        let sum = order.total.filter(|_| order.currency.as_deref() == Some(asked.currency.as_str()));
        match sum.and_then(|sum| measured.total.checked_add(sum)) {
            Some(total) => measured.total = total,
            None => measured.not_summed += 1,
        }
    }
    measured
}

fn matches(asked: &Orders, order: &Order, now: Timestamp) -> bool {
    let status = if asked.status.is_empty() {
        order.stands()
    } else {
        order.status.as_deref().is_some_and(|is| asked.status.iter().any(|status| status.word() == is))
    };
    status
        && asked.within_days.is_none_or(|days| order.at.is_some_and(|at| is_within(at, days, now)))
        && (asked.channel.is_empty() || came_by(order, &asked.channel))
        && (asked.sku.is_empty() || order.skus.iter().any(|sku| asked.sku.contains(sku)))
}

/// Was it made at one of these sources or by one of these order channels?
pub(super) fn came_by(order: &Order, channels: &[String]) -> bool {
    let is = |known: &Option<String>| known.as_ref().is_some_and(|known| channels.contains(known));
    is(&order.source) || is(&order.channel)
}

/// The first and the last order that stand.
pub(super) fn first_and_last(facts: &Facts) -> Option<(Timestamp, Timestamp)> {
    let times = facts.orders().iter().filter(|order| order.stands()).filter_map(|order| order.at);
    times.fold(None, |span, at| match span {
        None => Some((at, at)),
        Some((first, last)) => Some((first.min(at), last.max(at))),
    })
}

pub(super) fn phase(limits: PhaseLimits, facts: &Facts, now: Timestamp) -> Phase {
    let Some((first, last)) = first_and_last(facts) else { return Phase::Prospect };
    let silent = days_between(last, now);
    if silent > i64::from(limits.lost_after_days) {
        Phase::Lost
    } else if silent > i64::from(limits.at_risk_after_days) {
        Phase::AtRisk
    } else if days_between(first, now) <= i64::from(limits.new_days) {
        Phase::New
    } else {
        Phase::Active
    }
}

/// Full years from `born` to `today`.
pub(super) fn age(born: Date, today: Date) -> Option<u32> {
    let had = (today.month(), today.day()) >= (born.month(), born.day());
    u32::try_from(i32::from(today.year()) - i32::from(born.year()) - i32::from(!had)).ok()
}

/// Days from `today` to the next birthday.
pub(super) fn days_to_birthday(born: Date, today: Date) -> Option<i32> {
    let this_year = birthday(born, today.year())?;
    let next = if this_year < today { birthday(born, today.year().checked_add(1)?)? } else { this_year };
    next.since(today).ok().map(|span| span.get_days())
}

/// 29 February falls on the 28th in common years.
fn birthday(born: Date, year: i16) -> Option<Date> {
    Date::new(year, born.month(), born.day()).or_else(|_| Date::new(year, born.month(), 28)).ok()
}

pub(super) fn reviews(asked: Reviews, facts: &Facts, now: Timestamp) -> usize {
    let reviews = facts.objects(Category::Engagement, "reviews");
    let counted = reviews.filter(|review| {
        let at = text(review, "reviewed_at").and_then(|at| Timestamp::parse(at).ok());
        let rating = review.get("rating").and_then(serde_json::Value::as_u64).and_then(|stars| stars.try_into().ok());
        asked.within_days.is_none_or(|days| at.is_some_and(|at| is_within(at, days, now)))
            && asked.rating.is_none_or(|bounds| rating.is_some_and(|stars: usize| bounds.hold(stars)))
    });
    counted.count()
}

pub(super) fn events(asked: &Events, facts: &Facts, now: Timestamp) -> usize {
    let events = facts.objects(Category::Engagement, "events");
    let counted = events.filter(|event| {
        let at = text(event, "occurred_at").and_then(|at| Timestamp::parse(at).ok());
        let named = text(event, "name").is_some_and(|name| asked.name.iter().any(|asked| asked == name));
        (asked.name.is_empty() || named)
            && asked.within_days.is_none_or(|days| at.is_some_and(|at| is_within(at, days, now)))
    });
    counted.count()
}
