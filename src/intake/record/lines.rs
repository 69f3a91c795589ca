//! The lines of orders and invoices.

use iso_currency::Currency;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::draft::{Doc, at_most};
use super::{At, Rejection};
use crate::intake::normal::money::{self, Sign};
use crate::intake::wire::field::{Amount, Line512, Short};

/// Lines one record may have.
const MAX: usize = 1000;

/// One line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderLine {
    /// The article's number. Category commerce; financial on an invoice. Example: `TS-RED-M`.
    sku: Option<Short>,
    /// The article's name. Category commerce; financial on an invoice. Example: `T-Shirt rot, M`.
    title: Option<Line512>,
    /// How many; not below zero. Category commerce; financial on an invoice. Example: `2`.
    quantity: Option<Amount>,
    /// Price of one, in the currency of the record; a discount is below zero. Category commerce; financial on an invoice.
    /// Example: `62.50`.
    unit_price: Option<Amount>,
    /// Price of the line, in the currency of the record; a discount is below zero. Category commerce; financial on an invoice.
    /// Example: `125.00`.
    total: Option<Amount>,
}

impl OrderLine {
    fn document(self, currency: Currency) -> Result<Value, Rejection> {
        let quantity = self.quantity.map(|quantity| money::quantity(quantity.0)).transpose().at("quantity")?;
        Ok(Doc::default()
            .with("sku", self.sku)
            .with("title", self.title)
            .with("quantity", quantity)
            // A line may take something off: vouchers and discounts are lines below zero.
            .with("unit_price", maybe_amount("unit_price", self.unit_price, currency, Sign::Any)?)
            .with("total", maybe_amount("total", self.total, currency, Sign::Any)?)
            .into())
    }
}

/// The documents of `lines`, in their order.
pub(super) fn documents(lines: Vec<OrderLine>, currency: Currency) -> Result<Vec<Value>, Rejection> {
    at_most(MAX, "lines", &lines)?;
    let documents = lines.into_iter().enumerate();
    documents.map(|(index, line)| line.document(currency).map_err(|fault| fault.entry(index)).at("lines")).collect()
}

/// An amount of the record in `field`.
pub(super) fn amount(field: &str, amount: &Amount, currency: Currency, sign: Sign) -> Result<String, Rejection> {
    money::normal(amount.0, currency, sign).at(field)
}

/// As [`amount`], where the field may be absent.
pub(super) fn maybe_amount(
    field: &str,
    value: Option<Amount>,
    currency: Currency,
    sign: Sign,
) -> Result<Option<String>, Rejection> {
    value.map(|value| amount(field, &value, currency, sign)).transpose()
}
