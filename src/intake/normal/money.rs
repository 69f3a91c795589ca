//! Amounts of money, as decimals; never as floating point.

use std::str::FromStr;

use iso_currency::Currency;
use rust_decimal::Decimal;

use super::Reason;

/// Unit prices (per screw, per kilowatt hour) have more decimals than the currency; this many are kept.
const MAX_DECIMALS: u32 = 4;
/// No amount is larger, in units of the currency.
const MAX: i64 = 1_000_000_000_000;

/// Whether an amount may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Totals, prices, shipping.
    NotNegative,
    /// Credit notes, refunds, and lines that take a discount off.
    Any,
}

/// Reads a plain decimal with a point: no grouping, no exponent, no currency sign.
///
/// # Errors
/// `invalid_amount`, `too_precise`, `amount_too_large`.
pub fn decimal(text: &str) -> Result<Decimal, Reason> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let edges = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.ends_with(|c: char| c.is_ascii_digit());
    if !plain || !edges || digits.matches('.').count() > 1 {
        return Err(Reason::INVALID_AMOUNT);
    }
    if digits.len() > 40 {
        return Err(Reason::AMOUNT_TOO_LARGE);
    }
    let amount = Decimal::from_str(text).map_err(|_| Reason::AMOUNT_TOO_LARGE)?.normalize();
    if amount.abs() > Decimal::from(MAX) {
        return Err(Reason::AMOUNT_TOO_LARGE);
    }
    if amount.scale() > MAX_DECIMALS { Err(Reason::TOO_PRECISE) } else { Ok(amount) }
}

/// Reads a JSON number. Up to 15 significant digits survive JSON's floating point exactly.
///
/// # Errors
/// As [`decimal`].
pub fn number(value: f64) -> Result<Decimal, Reason> {
    if !value.is_finite() {
        return Err(Reason::INVALID_AMOUNT);
    }
    if value.abs() > 1e12 {
        return Err(Reason::AMOUNT_TOO_LARGE);
    }
    // The shortest text that reads back as this number: what the sender wrote.
    decimal(&format!("{value}"))
}

/// The amount as stored: at least the currency's decimals, at most four, no superfluous zeros.
///
/// # Errors
/// `negative_amount`.
pub fn normal(amount: Decimal, currency: Currency, sign: Sign) -> Result<String, Reason> {
    if sign == Sign::NotNegative && amount.is_sign_negative() && !amount.is_zero() {
        return Err(Reason::NEGATIVE_AMOUNT);
    }
    let mut amount = amount.normalize();
    if amount.is_zero() {
        amount = Decimal::ZERO;
    }
    let digits = currency.exponent().map_or(2, u32::from);
    if amount.scale() < digits {
        amount.rescale(digits);
    }
    Ok(amount.to_string())
}

/// How many or how much of a product: zero or more, up to three decimals (grams), at most a million.
///
/// # Errors
/// `negative_amount`, `too_precise`, `amount_too_large`.
pub fn quantity(amount: Decimal) -> Result<String, Reason> {
    let amount = amount.normalize();
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(Reason::NEGATIVE_AMOUNT);
    }
    if amount > Decimal::from(1_000_000) {
        return Err(Reason::AMOUNT_TOO_LARGE);
    }
    if amount.scale() > 3 { Err(Reason::TOO_PRECISE) } else { Ok(amount.to_string()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn euro(text: &str) -> Result<String, Reason> {
        normal(decimal(text)?, Currency::EUR, Sign::NotNegative)
    }

    #[test]
    fn amounts() {
        for (written, expected) in [
            ("19.9", "19.90"),
            ("19", "19.00"),
            ("0", "0.00"),
            ("-0.00", "0.00"),
            ("0.0125", "0.0125"),
            ("19.9000000", "19.90"),
            ("+5", "5.00"),
            ("1000000000000", "1000000000000.00"),
            ("007.50", "7.50"),
        ] {
            assert_eq!(euro(written).as_deref(), Ok(expected), "for {written}");
        }
        for (written, reason) in [
            ("", Reason::INVALID_AMOUNT),
            ("1,50", Reason::INVALID_AMOUNT),
            ("1.000,00", Reason::INVALID_AMOUNT),
            ("NaN", Reason::INVALID_AMOUNT),
            ("1e3", Reason::INVALID_AMOUNT),
            ("5 €", Reason::INVALID_AMOUNT),
            (".5", Reason::INVALID_AMOUNT),
            ("5.", Reason::INVALID_AMOUNT),
            ("--5", Reason::INVALID_AMOUNT),
            ("1_000", Reason::INVALID_AMOUNT),
            ("0.00001", Reason::TOO_PRECISE),
            ("-1", Reason::NEGATIVE_AMOUNT),
            ("1000000000000.01", Reason::AMOUNT_TOO_LARGE),
            (&"9".repeat(5_000), Reason::AMOUNT_TOO_LARGE),
        ] {
            assert_eq!(euro(written), Err(reason), "for {written}");
        }
        assert_eq!(normal(decimal("-5").unwrap(), Currency::EUR, Sign::Any).as_deref(), Ok("-5.00"));
        assert_eq!(normal(decimal("500").unwrap(), Currency::JPY, Sign::NotNegative).as_deref(), Ok("500"));
    }

    #[test]
    fn numbers_from_json() {
        assert_eq!(number(19.99).map(|d| d.to_string()).as_deref(), Ok("19.99"));
        assert_eq!(number(0.1 + 0.2), Err(Reason::TOO_PRECISE));
        assert_eq!(number(f64::NAN), Err(Reason::INVALID_AMOUNT));
        assert_eq!(number(f64::INFINITY), Err(Reason::INVALID_AMOUNT));
        assert_eq!(number(1e300), Err(Reason::AMOUNT_TOO_LARGE));
    }

    #[test]
    fn quantities() {
        assert_eq!(quantity(decimal("2.500").unwrap()).as_deref(), Ok("2.5"));
        assert_eq!(quantity(decimal("-1").unwrap()), Err(Reason::NEGATIVE_AMOUNT));
        assert_eq!(quantity(decimal("1000001").unwrap()), Err(Reason::AMOUNT_TOO_LARGE));
        assert_eq!(quantity(decimal("0.0001").unwrap()), Err(Reason::TOO_PRECISE));
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "-?[0-9]{1,14}(\\.[0-9]{1,6})?|\\PC{0,12}") {
            if let Ok(amount) = decimal(&text) {
                let once = normal(amount, Currency::EUR, Sign::Any).unwrap();
                prop_assert_eq!(normal(decimal(&once).unwrap(), Currency::EUR, Sign::Any), Ok(once));
            }
        }

        #[test]
        fn any_number_is_read_or_refused(value in proptest::num::f64::ANY) {
            let _ = number(value);
        }
    }
}
