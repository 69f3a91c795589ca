//! The first line of a file: what it holds, of whom, since when.

use csv::ByteRecord;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::PARTNERS;
use crate::connect::FileError;
use crate::connect::encoding::windows_1252;
use crate::types::Timestamp;

/// The version of headers that is written.
const VERSION: u16 = 700;

/// What is written into the header of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Number of the tax adviser (Beraternummer): 1001 to 9999999.
    pub consultant: u32,
    /// Number of the merchant with the adviser (Mandantennummer): 1 to 99999.
    pub client: u32,
    /// First day of the fiscal year.
    pub year_begin: Date,
    /// Digits of a general account: 4 to 8. Those of debtors have one more.
    pub account_length: u8,
    /// Version of the columns; programs refuse one that is too old for them.
    pub format_version: u16,
}

impl Settings {
    /// What is wrong with them, in words.
    #[must_use]
    pub fn wrong(&self) -> Option<&'static str> {
        if !(1_001..=9_999_999).contains(&self.consultant) {
            return Some("the number of the adviser lies between 1001 and 9999999");
        }
        if !(1..=99_999).contains(&self.client) {
            return Some("the number of the client lies between 1 and 99999");
        }
        (!(4..=8).contains(&self.account_length)).then_some("general accounts have 4 to 8 digits")
    }

    /// Is it the account of a debtor: one digit more than a general account, and the first one 1 to 6?
    #[must_use]
    pub fn is_debtor(&self, account: &str) -> bool {
        account.len() == usize::from(self.account_length) + 1
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && account.starts_with(['1', '2', '3', '4', '5', '6'])
    }

    pub(super) fn line(&self, now: Timestamp) -> String {
        let Self { consultant, client, year_begin, account_length, format_version } = self;
        let created = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default().to_zoned(zone());
        let created = created.strftime("%Y%m%d%H%M%S%3f");
        let year = year_begin.strftime("%Y%m%d");
        format!(
            "\"EXTF\";{VERSION};{PARTNERS};\"Debitoren/Kreditoren\";{format_version};{created};;\"OB\";\"Obhut\";\"\";\
             {consultant};{client};{year};{account_length};;;\"Debitoren\";\"\";;;;\"\";\"\";\"\";;;\"\";;;\"\";\"\""
        )
    }
}

/// What of a header the mapping sees.
pub(super) fn read(row: &ByteRecord) -> Result<Value, FileError> {
    let cell = |number: usize| row.get(number).and_then(windows_1252).unwrap_or_default().trim().to_owned();
    let number = |at: usize| cell(at).parse::<u32>().ok();
    // DTVF is what DATEV's own programs write.
    if !matches!(cell(0).as_str(), "EXTF" | "DTVF") {
        return Err(FileError::NotExtf);
    }
    let day = |at: usize| Date::strptime("%Y%m%d", cell(at)).ok().map(|day| day.to_string());
    let (Some(category), Some(created)) = (number(2), moment(&cell(5))) else { return Err(FileError::NotExtf) };
    Ok(json!({
        "category": category,
        "format_version": number(4),
        "created": created,
        "consultant": number(10),
        "client": number(11),
        "year_begin": day(12),
        "account_length": number(13),
        "from": day(14),
        "to": day(15),
        "currency": Some(cell(21)).filter(|currency| !currency.is_empty()),
        "chart": Some(cell(26)).filter(|chart| !chart.is_empty()),
    }))
}

/// `yyyyMMddHHmmssSSS` in Germany.
fn moment(text: &str) -> Option<String> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(part(from, to)?).ok();
    let (year, month, day) = (part(0, 4)?, small(4, 6)?, small(6, 8)?);
    let time = (small(8, 10)?, small(10, 12)?, small(12, 14)?);
    let millis = i32::from(part(14, 17).unwrap_or(0));
    Date::new(year, month, day).ok()?;
    let at = DateTime::new(year, month, day, time.0, time.1, time.2, millis * 1_000_000).ok()?;
    let at = at.to_zoned(zone()).ok()?.timestamp();
    Some(Timestamp::from_micros(at.as_microsecond()).rfc3339())
}

fn zone() -> TimeZone {
    // The table of zones is part of the program.
    TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_header_says_when_it_was_written_by_the_clock_in_germany() {
        assert_eq!(moment("20180306102500000").as_deref(), Some("2018-03-06T09:25:00.000000Z"));
        assert_eq!(moment("20180706102500123").as_deref(), Some("2018-07-06T08:25:00.123000Z"));
        assert_eq!((moment("2018"), moment("20181306102500000"), moment("abcdefghijklmnopq")), (None, None, None));
    }

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings {
            consultant: 29_098,
            client: 55,
            year_begin: date(2026, 1, 1),
            account_length: 4,
            format_version: 5,
        };
        let line = settings.line(Timestamp::parse("2026-11-21T12:00:00.250Z").unwrap());
        let mut rows = csv::ReaderBuilder::new().delimiter(b';').has_headers(false).from_reader(line.as_bytes());
        let row = rows.byte_records().next().unwrap().unwrap();
        assert_eq!(row.len(), 31);
        let header = read(&row).unwrap();
        assert_eq!((&header["category"], &header["created"]), (&json!(16), &json!("2026-11-21T12:00:00.250000Z")));
        assert_eq!((&header["year_begin"], &header["account_length"]), (&json!("2026-01-01"), &json!(4)));
        assert!(settings.is_debtor("10000") && settings.is_debtor("69999"));
        for other in ["70000", "1000", "100000", "1000x", "", "00001"] {
            assert!(!settings.is_debtor(other), "{other}");
        }
        assert!(Settings { client: 0, ..settings }.wrong().is_some());
    }
}
