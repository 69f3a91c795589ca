//! An invoice or credit note. Category financial; kept eight years.

use serde::Deserialize;

use super::address::{self, Address};
use super::draft::{Doc, KeepUntil, Statute};
use super::lines::{self, OrderLine, amount, maybe_amount};
use super::person::{self, Person};
use super::{At, Category, Draft, Record, Rejection};
use crate::intake::normal::date;
use crate::intake::normal::money::Sign;
use crate::intake::wire::field::{Amount, Currency, Instant, Short, choice};

choice! {
    /// Whether money is asked for or given back.
    Kind {
        /// Asks for money.
        Invoice = "invoice",
        /// Gives money back; its amounts may be below zero.
        CreditNote = "credit_note",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invoice {
    number: Short,
    issued_at: Instant,
    kind: Option<Kind>,
    status: Option<Short>,
    currency: Currency,
    total: Amount,
    net: Option<Amount>,
    tax: Option<Amount>,
    #[serde(default)]
    lines: Vec<OrderLine>,
    person: Option<Person>,
    #[serde(default)]
    addresses: Vec<Address>,
    order_number: Option<Short>,
    due_at: Option<Instant>,
}

impl Record for Invoice {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft)?;
        address::draw(self.addresses, draft)?;
        let issued_at = draft.event("issued_at", self.issued_at)?;
        let due_at = self.due_at.map(|at| date::due(at.0)).transpose().at("due_at")?.map(Instant);
        draft.occurred_at = Some(issued_at.0);
        draft.keep_until = Some(KeepUntil::of(Statute::Voucher, issued_at.0));
        let kind = self.kind.unwrap_or(Kind::Invoice);
        let sign = if kind == Kind::CreditNote { Sign::Any } else { Sign::NotNegative };
        let currency = self.currency.0;
        let invoice = Doc::default()
            .with("number", self.number)
            .with("issued_at", issued_at)
            .with("kind", kind)
            .with("status", self.status)
            .with("total", amount("total", &self.total, currency, sign)?)
            .with("net", maybe_amount("net", self.net, currency, sign)?)
            .with("tax", maybe_amount("tax", self.tax, currency, sign)?)
            .with("lines", lines::documents(self.lines, currency)?)
            .with("currency", self.currency)
            .with("order_number", self.order_number)
            .with("due_at", due_at);
        draft.put(Category::Financial, "invoice", invoice);
        Ok(())
    }
}
