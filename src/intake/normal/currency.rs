//! Currencies in ISO 4217.

use iso_currency::Currency;

use super::Reason;

/// Reads a code in any case, or the euro sign.
///
/// # Errors
/// `invalid_currency` for anything that is not money: also metals, test codes and "no currency".
pub fn normal(text: &str) -> Result<Currency, Reason> {
    let text = text.trim();
    if text == "€" {
        return Ok(Currency::EUR);
    }
    if text.len() != 3 || !text.is_ascii() {
        return Err(Reason::INVALID_CURRENCY);
    }
    let currency = Currency::from_code(&text.to_ascii_uppercase()).ok_or(Reason::INVALID_CURRENCY)?;
    if currency.exponent().is_none() { Err(Reason::INVALID_CURRENCY) } else { Ok(currency) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies() {
        for (written, code) in [("EUR", "EUR"), ("eur", "EUR"), (" € ", "EUR"), ("chf", "CHF"), ("JPY", "JPY")] {
            assert_eq!(normal(written).map(|currency| currency.code()), Ok(code));
        }
        for bad in ["", "EU", "EURO", "XXX", "XTS", "XAU", "ZZZ", "€€€", "äöü"] {
            assert_eq!(normal(bad), Err(Reason::INVALID_CURRENCY), "for {bad}");
        }
    }
}
