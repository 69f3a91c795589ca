//! Dates and instants, and which of them a record can mean.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Reason;
use crate::types::Timestamp;

/// Where the merchant's calendar years end and their days begin.
static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC));

/// 1990-01-01T00:00:00Z: nothing a merchant's systems tell happened earlier.
const FIRST_EVENT: Timestamp = Timestamp::from_micros(631_152_000 * Timestamp::SECOND);
/// 2200-01-01T00:00:00Z: nothing falls due later.
const LAST_DUE: Timestamp = Timestamp::from_micros(7_258_118_400 * Timestamp::SECOND);

/// Reads a calendar date: `YYYY-MM-DD` (also without leading zeros), `DD.MM.YYYY`, `YYYYMMDD`, or the date part of an instant
/// as it was written. A year of two digits may be of two centuries, and `05/01/1980` of two months: neither is read.
///
/// # Errors
/// `invalid_date`.
pub fn day(text: &str) -> Result<Date, Reason> {
    let text = text.trim();
    if text.len() > 40 || !text.is_ascii() {
        return Err(Reason::INVALID_DATE);
    }
    if let Some(date) = german(text) {
        return date.ok_or(Reason::INVALID_DATE);
    }
    if let Some(date) = iso(text).or_else(|| compact(text)) {
        return Ok(date);
    }
    let (date, rest) = text.split_at_checked(10).ok_or(Reason::INVALID_DATE)?;
    if !rest.is_empty() && !is_time(rest) {
        return Err(Reason::INVALID_DATE);
    }
    iso(date).ok_or(Reason::INVALID_DATE)
}

/// Reads an instant: RFC 3339 with any offset, or a date alone, which means its first moment in Germany.
///
/// # Errors
/// `invalid_timestamp`.
pub fn instant(text: &str) -> Result<Timestamp, Reason> {
    let text = text.trim();
    if text.len() > 40 || !text.is_ascii() {
        return Err(Reason::INVALID_TIMESTAMP);
    }
    if text.len() <= 10 {
        return day(text).ok().and_then(start).ok_or(Reason::INVALID_TIMESTAMP);
    }
    Timestamp::parse(text).map_err(|_| Reason::INVALID_TIMESTAMP)
}

/// Accepts a birth date: not in the future, and from 1500 on, because registers reach far back. Whether somebody of that age
/// is a customer is not for the hub to say.
///
/// # Errors
/// `implausible_date`.
pub fn birth(date: Date, now: Timestamp) -> Result<Date, Reason> {
    let today = local(now).ok_or(Reason::IMPLAUSIBLE_DATE)?;
    if date.year() < 1500 || date > today { Err(Reason::IMPLAUSIBLE_DATE) } else { Ok(date) }
}

/// Accepts the time of something that happened: from 1990 until a day from now (clocks differ).
///
/// # Errors
/// `implausible_date`.
pub fn event(at: Timestamp, now: Timestamp) -> Result<Timestamp, Reason> {
    if at < FIRST_EVENT || at > now.plus_days(1) { Err(Reason::IMPLAUSIBLE_DATE) } else { Ok(at) }
}

/// Accepts a time that may lie ahead, such as when an invoice is due: 1990 to 2200.
///
/// # Errors
/// `implausible_date`.
pub fn due(at: Timestamp) -> Result<Timestamp, Reason> {
    if at < FIRST_EVENT || at > LAST_DUE { Err(Reason::IMPLAUSIBLE_DATE) } else { Ok(at) }
}

/// The end of the calendar year of `at`, `years` years on: retention periods run from there (§ 147(4) AO, § 257(5)
/// HGB). The year is the German one.
#[must_use]
pub fn year_end(at: Timestamp, years: i16) -> Timestamp {
    local(at)
        .and_then(|date| date.year().checked_add(years)?.checked_add(1))
        .and_then(|year| Date::new(year, 1, 1).ok())
        .and_then(start)
        .unwrap_or(Timestamp::NEVER)
}

/// The first moment of a day in Germany.
fn start(date: Date) -> Option<Timestamp> {
    let zoned = date.to_zoned(BERLIN.clone()).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}

fn local(at: Timestamp) -> Option<Date> {
    let instant = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
    Some(instant.to_zoned(BERLIN.clone()).date())
}

/// `DD.MM.YYYY`; the outer option says whether it is written so at all.
fn german(text: &str) -> Option<Option<Date>> {
    let mut fields = text.split('.');
    let (day, month, year) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || year.len() != 4 || day.len() > 2 || month.len() > 2 {
        return None;
    }
    Some(date(year, month, day))
}

fn iso(text: &str) -> Option<Date> {
    let mut fields = text.split('-');
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    date(year, month, day)
}

/// `YYYYMMDD`, of a year that can be one of somebody who lives: other eight digits are another number.
fn compact(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    date(year, month, day).filter(|date| (1800..2200).contains(&date.year()))
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year) || !digits(month) || !digits(day) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Is it the time part of an instant: `T12:00`, ` 12:00:00.000+02:00`, `T12:00:00Z`?
fn is_time(rest: &str) -> bool {
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else { return false };
    time.len() >= 5 && time.bytes().all(|b| b.is_ascii_digit() || b":.+-Zz".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days() {
        for (written, expected) in [
            ("1980-05-01", "1980-05-01"),
            ("01.05.1980", "1980-05-01"),
            ("1.5.1980", "1980-05-01"),
            ("1980-05-01T00:00:00+02:00", "1980-05-01"),
            ("1980-05-01 12:30:00", "1980-05-01"),
            ("2024-02-29", "2024-02-29"),
            ("1980-5-1", "1980-05-01"),
            ("19800501", "1980-05-01"),
        ] {
            assert_eq!(day(written).unwrap().to_string(), expected);
        }
        for bad in [
            "",
            "1980",
            "1980051",
            "01051980",
            "2023-02-29",
            "31.02.1980",
            "1980-13-01",
            "05/01/1980",
            "1980-05-01x",
            "80-05-01",
            "1.5.80",
            "1980-05-01T",
            "+980-05-01",
            "١٩٨٠-٠٥-٠١",
            "0000-00-00",
        ] {
            assert_eq!(day(bad), Err(Reason::INVALID_DATE), "for {bad}");
        }
    }

    #[test]
    fn instants() {
        assert_eq!(instant("2026-03-07T13:40:01Z"), Ok(at("2026-03-07T13:40:01Z")));
        assert_eq!(instant("2026-03-07T14:40:01.5+01:00"), Ok(at("2026-03-07T13:40:01.5Z")));
        assert_eq!(instant("2026-03-07"), Ok(at("2026-03-06T23:00:00Z")));
        assert_eq!(instant("07.07.2026"), Ok(at("2026-07-06T22:00:00Z")));
        for bad in ["", "now", "2026-03-07T13:40:01", "2026-03-07T25:00:00Z", "1772890801"] {
            assert_eq!(instant(bad), Err(Reason::INVALID_TIMESTAMP), "for {bad}");
        }
    }

    #[test]
    fn absurd_dates_are_refused() {
        let now = at("2026-03-07T12:00:00Z");
        assert!(birth(day("1500-01-01").unwrap(), now).is_ok());
        assert!(birth(day("2026-03-07").unwrap(), now).is_ok());
        assert_eq!(birth(day("1499-12-31").unwrap(), now), Err(Reason::IMPLAUSIBLE_DATE));
        assert_eq!(birth(day("2026-03-08").unwrap(), now), Err(Reason::IMPLAUSIBLE_DATE));
        assert!(event(now.plus_days(1), now).is_ok());
        assert_eq!(event(now.plus_days(2), now), Err(Reason::IMPLAUSIBLE_DATE));
        assert!(event(at("1990-01-01T00:00:00Z"), now).is_ok());
        assert_eq!(event(at("1989-12-31T23:59:59Z"), now), Err(Reason::IMPLAUSIBLE_DATE));
        assert!(due(at("2030-01-01T00:00:00Z")).is_ok());
        assert_eq!(due(at("2200-01-02T00:00:00Z")), Err(Reason::IMPLAUSIBLE_DATE));
    }

    #[test]
    fn the_year_ends_in_germany() {
        // 23:30 UTC on New Year's Eve is already the new year in Berlin.
        assert_eq!(year_end(at("2025-12-31T22:30:00Z"), 8), at("2033-12-31T23:00:00Z"));
        assert_eq!(year_end(at("2025-12-31T23:30:00Z"), 8), at("2034-12-31T23:00:00Z"));
        assert_eq!(year_end(at("2026-06-01T00:00:00Z"), 6), at("2032-12-31T23:00:00Z"));
        assert_eq!(year_end(Timestamp::NEVER, 6), Timestamp::NEVER);
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,20}|[0-3]?[0-9]\\.[01]?[0-9]\\.[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            if let Ok(once) = day(&text) {
                prop_assert_eq!(day(&once.to_string()), Ok(once));
            }
            if let Ok(once) = instant(&text) {
                prop_assert_eq!(instant(&once.rfc3339()), Ok(once));
            }
        }
    }
}
