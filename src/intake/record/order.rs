//! An order. Category commerce; a contract with a beginning and an end.

use serde::Deserialize;
use utoipa::ToSchema;

use super::address::{self, Address};
use super::draft::{Doc, KeepUntil, Statute};
use super::lines::{self, OrderLine, amount, maybe_amount};
use super::person::{self, Person};
use super::{Category, Draft, Record, Rejection};
use crate::intake::normal::money::Sign;
use crate::intake::wire::field::{Amount, Currency, Instant, Short, choice};
use crate::types::Timestamp;

/// The follow-up window of a fulfilled order, in days from delivery: two years of warranty (§ 438(1) no. 3 BGB, a leap
/// year allowed for) and the fourteen days of withdrawal (§ 355(2) BGB), which a warranty replacement at its very end
/// still needs for its settlement. In it the merchant must be able to recognise the buyer.
pub(super) const FOLLOW_UP_WINDOW_DAYS: i64 = 731 + 14;
/// After a cancellation or return the payment is due back within fourteen days (§ 357(1) BGB).
pub(super) const REFUND_DAYS: i64 = 14;

choice! {
    /// Where an order stands.
    OrderStatus {
        /// Placed.
        Open = "open",
        /// Paid, not sent.
        Paid = "paid",
        /// Sent.
        Shipped = "shipped",
        /// Arrived.
        Delivered = "delivered",
        /// Nothing left to do.
        Completed = "completed",
        /// Called off.
        Cancelled = "cancelled",
        /// Sent back.
        Returned = "returned",
    }
}

/// An order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The order number of the source. Category commerce. Example: `SW-10023`.
    number: Short,
    /// When it was placed. Category commerce. Example: `2026-03-07T13:40:01Z`.
    ordered_at: Instant,
    /// Where it stands. Category commerce. Example: `shipped`.
    status: OrderStatus,
    /// When the goods arrived; periods of contract and of the source count from here. Category commerce.
    /// Example: `2026-03-10T09:00:00Z`.
    delivered_at: Option<Instant>,
    /// Where it was placed. Category commerce. Example: `webshop`.
    channel: Option<Short>,
    /// The currency of all amounts of the order. Category commerce. Example: `EUR`.
    currency: Currency,
    /// What is to be paid, in `currency`, taxes included; not below zero. Category commerce. Example: `129.90`.
    total: Amount,
    /// The total without taxes, in `currency`; not below zero. Category commerce. Example: `109.16`.
    net: Option<Amount>,
    /// What shipping costs, in `currency`; not below zero. Category commerce. Example: `4.90`.
    shipping_cost: Option<Amount>,
    /// What was ordered, at most 1000 lines. Category commerce.
    #[serde(default)]
    lines: Vec<OrderLine>,
    /// Who ordered. Category identity.
    person: Option<Person>,
    /// Where invoice and goods go, at most 20. Category address.
    #[serde(default)]
    addresses: Vec<Address>,
    /// How it is paid. Category commerce. Example: `paypal`.
    payment_method: Option<Short>,
    /// The campaign it came from. Category commerce. Example: `spring_2026`.
    campaign: Option<Short>,
}

impl Record for Order {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
        address::draw(self.addresses, draft)?;
        let ordered_at = draft.event("ordered_at", self.ordered_at)?;
        let delivered_at = draft.maybe_event("delivered_at", self.delivered_at)?;
        draft.occurred_at = Some(ordered_at.0);
        draft.delivered_at = delivered_at.as_ref().map(|at| at.0);
        draft.contract_until = Some(contract_until(self.status, draft.delivered_at, draft.version));
        draft.paid_order = matches!(
            self.status,
            OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered | OrderStatus::Completed
        );
        draft.keep_until = Some(KeepUntil::of(Statute::BusinessLetter, ordered_at.0));
        let currency = self.currency.0;
        let order = Doc::default()
            .with("number", self.number)
            .with("ordered_at", ordered_at)
            .with("status", self.status)
            .with("delivered_at", delivered_at)
            .with("channel", self.channel)
            .with("total", amount("total", &self.total, currency, Sign::NotNegative)?)
            .with("net", maybe_amount("net", self.net, currency, Sign::NotNegative)?)
            .with("shipping_cost", maybe_amount("shipping_cost", self.shipping_cost, currency, Sign::NotNegative)?)
            .with("lines", lines::documents(self.lines, currency)?)
            .with("currency", self.currency)
            .with("payment_method", self.payment_method)
            .with("campaign", self.campaign);
        draft.put(Category::Commerce, "order", order);
        Ok(())
    }
}

/// Until when the contract lasts. A source that says "delivered" without a date last changed the order no earlier than
/// then.
fn contract_until(status: OrderStatus, delivered_at: Option<Timestamp>, version: Timestamp) -> Timestamp {
    match status {
        OrderStatus::Open | OrderStatus::Paid | OrderStatus::Shipped => Timestamp::NEVER,
        OrderStatus::Delivered | OrderStatus::Completed => {
            delivered_at.unwrap_or(version).plus_days(FOLLOW_UP_WINDOW_DAYS)
        }
        OrderStatus::Cancelled | OrderStatus::Returned => version.plus_days(REFUND_DAYS),
    }
}
