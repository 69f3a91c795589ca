//! An invoice or credit note. Category financial; kept eight years.

use serde::Deserialize;
use utoipa::ToSchema;

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
    InvoiceKind {
        /// Asks for money.
        Invoice = "invoice",
        /// Gives money back; its amounts may be below zero.
        CreditNote = "credit_note",
    }
}

/// An invoice or credit note; the law keeps it for eight years.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Invoice {
    /// The invoice number. Category financial. Example: `RE-2026-0815`.
    number: Short,
    /// When it was issued. Category financial. Example: `2026-03-08T10:00:00Z`.
    issued_at: Instant,
    /// Invoice or credit note. Without it: an invoice. Category financial. Example: `invoice`.
    kind: Option<InvoiceKind>,
    /// Where it stands, in the words of the source. Category financial. Example: `open`.
    status: Option<Short>,
    /// The currency of all amounts. Category financial. Example: `EUR`.
    currency: Currency,
    /// The sum, in `currency`, taxes included; below zero on a credit note only. Category financial. Example: `129.90`.
    total: Amount,
    /// The sum without taxes, in `currency`; below zero on a credit note only. Category financial. Example: `109.16`.
    net: Option<Amount>,
    /// The taxes, in `currency`; below zero on a credit note only. Category financial. Example: `20.74`.
    tax: Option<Amount>,
    /// What is charged, at most 1000 lines. Category financial.
    #[serde(default)]
    lines: Vec<OrderLine>,
    /// Who is charged. Category identity.
    person: Option<Person>,
    /// Where it was sent, at most 20. Category address.
    #[serde(default)]
    addresses: Vec<Address>,
    /// The order it belongs to. Category financial. Example: `SW-10023`.
    order_number: Option<Short>,
    /// When it is to be paid. Category financial. Example: `2026-03-22T00:00:00Z`.
    due_at: Option<Instant>,
}

impl Record for Invoice {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        person::draw(self.person, draft);
        address::draw(self.addresses, draft)?;
        let issued_at = draft.event("issued_at", self.issued_at)?;
        let due_at = self.due_at.map(|at| date::due(at.0)).transpose().at("due_at")?.map(Instant);
        draft.occurred_at = Some(issued_at.0);
        draft.keep_until = Some(KeepUntil::of(Statute::Voucher, issued_at.0));
        let kind = self.kind.unwrap_or(InvoiceKind::Invoice);
        let sign = if kind == InvoiceKind::CreditNote { Sign::Any } else { Sign::NotNegative };
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
