//! A payment. Category financial; kept eight years.

use serde::Deserialize;
use utoipa::ToSchema;

use super::draft::{Doc, KeepUntil, Statute};
use super::lines::amount;
use super::{Category, Draft, Record, Rejection};
use crate::intake::normal::money::Sign;
use crate::intake::wire::field::{Amount, Currency, Iban, Instant, Name, Short};

/// A payment; the law keeps it for eight years.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    /// When the money moved. Category financial. Example: `2026-03-09T06:30:00Z`.
    paid_at: Instant,
    /// Its currency. Category financial. Example: `EUR`.
    currency: Currency,
    /// How much, in `currency`; below zero only where `status` says that money goes back. Category financial.
    /// Example: `129.90`.
    amount: Amount,
    /// How it was paid. Category financial. Example: `sepa_transfer`.
    method: Option<Short>,
    /// Where it stands, in the words of the source; `refunded` and the like let the amount be below zero. Category financial.
    /// Example: `paid`.
    status: Option<Short>,
    /// The account it came from. Category financial. Example: `DE89370400440532013000`.
    iban: Option<Iban>,
    /// Whose account that is. Category financial. Example: `Jörg Weiß`.
    account_holder: Option<Name>,
    /// The order it belongs to. Category financial. Example: `SW-10023`.
    order_number: Option<Short>,
    /// The purpose text of the transfer. Category financial. Example: `RE-2026-0815`.
    reference: Option<Short>,
}

impl Record for Payment {
    fn draw(self, draft: &mut Draft) -> Result<(), Rejection> {
        let paid_at = draft.event("paid_at", self.paid_at)?;
        draft.occurred_at = Some(paid_at.0);
        draft.keep_until = Some(KeepUntil::of(Statute::Voucher, paid_at.0));
        let sign = if self.status.as_ref().is_some_and(|status| gives_back(&status.0)) {
            Sign::Any
        } else {
            Sign::NotNegative
        };
        let payment = Doc::default()
            .with("paid_at", paid_at)
            .with("amount", amount("amount", &self.amount, self.currency.0, sign)?)
            .with("currency", self.currency)
            .with("method", self.method)
            .with("status", self.status)
            .with("iban", self.iban)
            .with("account_holder", self.account_holder)
            .with("order_number", self.order_number)
            .with("reference", self.reference);
        draft.put(Category::Financial, "payment", payment);
        Ok(())
    }
}

/// Does money flow back to the customer? Only then may the amount be below zero.
fn gives_back(status: &str) -> bool {
    ["refund", "chargeback", "charge_back", "reversed", "reversal", "erstattet"]
        .iter()
        .any(|word| status.to_lowercase().contains(word))
}
