//! A payment. Category financial; kept eight years.

use serde::Deserialize;

use super::draft::{Doc, KeepUntil, Statute};
use super::lines::amount;
use super::{Category, Draft, Record, Rejection};
use crate::intake::normal::money::Sign;
use crate::intake::wire::field::{Amount, Currency, Iban, Instant, Name, Short};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    paid_at: Instant,
    currency: Currency,
    amount: Amount,
    method: Option<Short>,
    status: Option<Short>,
    iban: Option<Iban>,
    account_holder: Option<Name>,
    order_number: Option<Short>,
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
