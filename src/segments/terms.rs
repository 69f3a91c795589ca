//! What conditions ask: the terms of the rule language, all data.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path::FieldPath;

/// A single value in a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SegmentScalar)]
pub enum Scalar {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text, a date, an instant or a decimal.
    Text(String),
}

/// A condition about one field. All tests given must hold, for one and the same value of a list; `exists` stands for
/// itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeTest {
    /// Which field.
    pub attribute: FieldPath,
    /// It is this; text without regard to case, `de` as a language is every German.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Scalar>,
    /// It is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is_one_of: Vec<Scalar>,
    /// There is a value, or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// The number or date is this or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Scalar>,
    /// The number or date is this or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Scalar>,
    /// The date or instant lies at most so many days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
    /// The date or instant lies more than so many days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<u32>,
}

/// Where an address lies. All that is given must hold for one address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlaceTest)]
pub struct Place {
    /// The country, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The postal code begins with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postal_code_prefix: Vec<String>,
    /// The city is one of these, without regard to case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub city: Vec<String>,
    /// The region is one of these, without regard to case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub region: Vec<String>,
}

/// Which orders, how many, how much. With neither `count` nor `total`: at least one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrdersTest)]
pub struct Orders {
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Bounds>,
    /// How much together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Total>,
    /// Ordered at most so many days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
    /// At one of these sources, or by one of these order channels. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<String>,
    /// With one of these articles. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sku: Vec<String>,
    /// In one of these states. Empty: all but cancelled and returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<OrderStatus>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrdersTestStatus)]
pub enum OrderStatus {
    /// Placed.
    Open,
    /// Paid, not sent.
    Paid,
    /// Sent.
    Shipped,
    /// Arrived.
    Delivered,
    /// Nothing left to do.
    Completed,
    /// Called off.
    Cancelled,
    /// Sent back.
    Returned,
}

impl OrderStatus {
    /// The word, as in the documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }
}

/// Whole numbers from and to, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberBounds)]
pub struct Bounds {
    /// This or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64)]
    pub at_least: Option<u32>,
    /// This or less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 4_294_967_295_i64)]
    pub at_most: Option<u32>,
}

/// A sum of money in one currency. Orders in other currencies are not converted and not part of the sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TotalTest)]
pub struct Total {
    /// This or more, as a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100.00")]
    pub at_least: Option<Decimal>,
    /// This or less, as a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub at_most: Option<Decimal>,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// How long ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DaysTest)]
pub struct Since {
    /// At most so many days ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
    /// More than so many days ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_days: Option<u32>,
}

/// When a birthday is. Who was born on 29 February has it on the 28th in common years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BirthdayTest)]
pub struct Birthday {
    /// Today or in at most so many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
    /// In the present month.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub this_month: bool,
}

/// A phase of a customer's life with the merchant. Cancelled and returned orders do not count, and orders before the
/// purpose's look-back window are not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CustomerPhase)]
pub enum Phase {
    /// No order.
    Prospect,
    /// The first order is at most `new_days` ago.
    New,
    /// The last order is at most `at_risk_after_days` ago.
    Active,
    /// The last order is more than `at_risk_after_days` ago.
    AtRisk,
    /// The last order is more than `lost_after_days` ago.
    Lost,
}

/// One of these phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseTest {
    /// Which.
    pub phase: Vec<Phase>,
    /// Where one phase ends and the next begins. Absent: the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PhaseLimits>,
}

/// The borders between phases, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseLimits {
    /// 90 by default.
    pub new_days: u32,
    /// 180 by default.
    pub at_risk_after_days: u32,
    /// 365 by default.
    pub lost_after_days: u32,
}

impl Default for PhaseLimits {
    fn default() -> Self {
        Self { new_days: 90, at_risk_after_days: 180, lost_after_days: 365 }
    }
}

/// A newsletter subscription. All that is given must hold for one subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewsletterTest)]
pub struct Newsletter {
    /// One of these lists. Empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<String>,
    /// In one of these states: `pending`, `subscribed`, `confirmed`, `unsubscribed`. Empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<SubscriptionStatus>,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NewsletterTestStatus)]
pub enum SubscriptionStatus {
    /// Asked for, not confirmed.
    Pending,
    /// On the list.
    Subscribed,
    /// Confirmed by double opt-in.
    Confirmed,
    /// Left.
    Unsubscribed,
}

impl SubscriptionStatus {
    /// The word, as in the documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Subscribed => "subscribed",
            Self::Confirmed => "confirmed",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// Which reviews, and how many; without `count` at least one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReviewsTest)]
pub struct Reviews {
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Bounds>,
    /// With so many stars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Bounds>,
    /// At most so many days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
}

/// Which events, and how many; without `count` at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventsTest)]
pub struct Events {
    /// One of these names. Empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub name: Vec<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Bounds>,
    /// At most so many days back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u32>,
}

impl Bounds {
    /// Does `number` lie within?
    #[must_use]
    pub fn hold(&self, number: usize) -> bool {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.at_least.is_none_or(|least| number >= least) && self.at_most.is_none_or(|most| number <= most)
    }
}
