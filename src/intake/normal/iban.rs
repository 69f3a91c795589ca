//! Bank account numbers (ISO 13616).

use super::Reason;

/// Reads an IBAN: blanks go, letters are upper-case, the check digits must fit (ISO 7064, mod 97-10).
///
/// # Errors
/// `invalid_iban`.
pub fn normal(text: &str) -> Result<String, Reason> {
    if text.len() > 64 {
        return Err(Reason::INVALID_IBAN);
    }
    let iban: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
    let (head, account) = iban.split_at_checked(4).ok_or(Reason::INVALID_IBAN)?;
    let (country, check) = head.split_at_checked(2).ok_or(Reason::INVALID_IBAN)?;
    let shaped = country.bytes().all(|b| b.is_ascii_uppercase())
        && check.bytes().all(|b| b.is_ascii_digit())
        && account.bytes().all(|b| b.is_ascii_alphanumeric())
        && (11..=30).contains(&account.len())
        && (country != "DE" || iban.len() == 22);
    let remainder = account.chars().chain(head.chars()).try_fold(0_u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some(if value < 10 { rest * 10 + value } else { rest * 100 + value } % 97)
    });
    if shaped && remainder == Some(1) { Ok(iban) } else { Err(Reason::INVALID_IBAN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_numbers() {
        for written in ["DE89 3704 0044 0532 0130 00", "de89370400440532013000", "DE89370400440532013000"] {
            assert_eq!(normal(written).as_deref(), Ok("DE89370400440532013000"));
        }
        assert!(normal("AT61 1904 3002 3457 3201").is_ok());
        assert!(normal("GB82 WEST 1234 5698 7654 32").is_ok());
        for bad in [
            "",
            "DE",
            "DE88370400440532013000",
            "DE8937040044053201300",
            "8937040044053201300000",
            "DEÄ9370400440532013000",
        ] {
            assert_eq!(normal(bad), Err(Reason::INVALID_IBAN), "for {bad}");
        }
    }
}
