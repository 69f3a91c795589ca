//! Phone numbers in E.164.

use std::str::FromStr;

use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};

use super::Reason;

/// Longest text worth reading: an international number with blanks, brackets and an extension.
const MAX_WRITTEN: usize = 60;

/// Reads a number as `+` and digits. Extensions are dropped.
///
/// A number without a country code is read as one of `country` (ISO alpha-2, where the record names one) and as a
/// German one. Many are valid as both; then a mobile number is likelier than a fixed line, and `country` likelier than
/// Germany: "0171 2345678" sent to Vienna is a German mobile number, "0664 1234567" there is none of Hesse.
///
/// # Errors
/// `invalid_phone` if the number is not in use in its numbering plan.
pub fn normal(text: &str, country: Option<&str>) -> Result<String, Reason> {
    let text = text.trim();
    let known = |c: char| c.is_ascii_digit() || " +-/().\u{a0}\u{2013}\u{2011}xXtTeElL:".contains(c);
    if text.len() > MAX_WRITTEN || !text.chars().all(known) {
        return Err(Reason::INVALID_PHONE);
    }
    // "+49 (0) 30 …" is how German letterheads write it; the zero is not dialled.
    let written = text.replace("(0)", " ");
    let abroad = country.filter(|code| *code != "DE").and_then(|code| Region::from_str(code).ok());
    let read = |region| {
        let number = PHONE_NUMBER_UTIL.parse(&written, Some(region)).ok()?;
        number.is_valid().then_some(number)
    };
    let readings: Vec<PhoneNumber> = [abroad, Some(Region::DE)].into_iter().flatten().filter_map(read).collect();
    let mobile = readings.iter().find(|number| number.get_type() == PhoneNumberType::Mobile);
    let number = mobile.or(readings.first()).ok_or(Reason::INVALID_PHONE)?;
    Ok(number.format_as(PhoneNumberFormat::E164).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_people_write() {
        for (written, country, expected) in [
            ("030 901820", None, "+4930901820"),
            ("030/90 18 20", None, "+4930901820"),
            ("+49 (0) 30 901820", None, "+4930901820"),
            ("0049 30 901820", None, "+4930901820"),
            ("0171-2345678", None, "+491712345678"),
            ("(0171) 2345678", Some("DE"), "+491712345678"),
            ("+43 1 5138900", None, "+4315138900"),
            ("0664 1234567", Some("AT"), "+436641234567"),
            ("0171 2345678", Some("NL"), "+491712345678"),
            ("0171 2345678", Some("AT"), "+491712345678"),
            ("01 5138900", Some("AT"), "+4315138900"),
        ] {
            assert_eq!(normal(written, country).as_deref(), Ok(expected), "for {written}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for written in ["", "abc", "12", "110", "030 901820 oder 030 901821", "+49", "00000000", "+999 123456789"] {
            assert_eq!(normal(written, None), Err(Reason::INVALID_PHONE), "for {written}");
        }
        assert_eq!(normal(&"0".repeat(1_000_000), None), Err(Reason::INVALID_PHONE));
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "[+0]{0,2}[0-9 /()-]{0,18}|\\PC{0,30}") {
            if let Ok(once) = normal(&text, None) {
                prop_assert!(once.starts_with('+') && once.len() <= 16);
                prop_assert_eq!(normal(&once, None), Ok(once));
            }
        }
    }
}
