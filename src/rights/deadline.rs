//! When an answer is due: one month after receipt (Art. 12(3) GDPR), counted by Regulation (EEC, Euratom) 1182/71.
//!
//! The day of receipt does not count. A period in months ends with the day of the same number in the last month, or
//! with that month's last day if it has no such number (Art. 3(2)(c)). If it ends on a Saturday, Sunday or public holiday,
//! it ends with the next working day (Art. 3(4)). The day of receipt is the calendar day in Germany. Everything here is
//! arithmetic on dates: nothing is read and nothing is kept.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::Error;

use crate::types::{Timestamp, words};

/// Months for an answer.
const MONTHS: i32 = 1;
/// Whole years a closed request is kept after the year of its answer.
const CLOSED_YEARS: i16 = 3;
/// Months once the period was extended: two more.
const MONTHS_EXTENDED: i32 = 3;

words! {
    /// A German Land, for its own public holidays. Holidays of single districts do not count.
    Land, "Land" {
        /// Baden-Württemberg.
        BadenWuerttemberg = 1 "bw",
        /// Bavaria.
        Bavaria = 2 "by",
        /// Berlin.
        Berlin = 3 "be",
        /// Brandenburg.
        Brandenburg = 4 "bb",
        /// Bremen.
        Bremen = 5 "hb",
        /// Hamburg.
        Hamburg = 6 "hh",
        /// Hesse.
        Hesse = 7 "he",
        /// Mecklenburg-Vorpommern.
        MecklenburgVorpommern = 8 "mv",
        /// Lower Saxony.
        LowerSaxony = 9 "ni",
        /// North Rhine-Westphalia.
        NorthRhineWestphalia = 10 "nw",
        /// Rhineland-Palatinate.
        RhinelandPalatinate = 11 "rp",
        /// Saarland.
        Saarland = 12 "sl",
        /// Saxony.
        Saxony = 13 "sn",
        /// Saxony-Anhalt.
        SaxonyAnhalt = 14 "st",
        /// Schleswig-Holstein.
        SchleswigHolstein = 15 "sh",
        /// Thuringia.
        Thuringia = 16 "th",
    }
}

/// A due date and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The calendar day of receipt in Germany.
    pub received_on: Date,
    /// The last day of the period before weekends and holidays.
    pub ends_on: Date,
    /// The day the answer is due.
    pub due_on: Date,
    /// The last microsecond of that day in Germany.
    pub due_at: Timestamp,
}

impl Deadline {
    /// When the answer to a request received at `received_at` is due. `extended`: two further months were taken. With a
    /// `land`, its holidays count too; without, the earlier and safer date is given.
    ///
    /// # Errors
    /// [`Error::Time`] if the instant is outside the calendar.
    pub fn new(received_at: Timestamp, extended: bool, land: Option<Land>) -> Result<Self, Error> {
        let received_on = day_of(received_at)?;
        let months = if extended { MONTHS_EXTENDED } else { MONTHS };
        let ends_on = received_on.checked_add(months.months()).map_err(|_| Error::Time)?;
        let mut due_on = ends_on;
        while !is_working_day(due_on, land) {
            due_on = due_on.tomorrow().map_err(|_| Error::Time)?;
        }
        Ok(Self { received_on, ends_on, due_on, due_at: end_of(due_on)? })
    }
}

/// The calendar day of an instant in Germany.
///
/// # Errors
/// [`Error::Time`] if the instant is outside the calendar.
pub fn day_of(at: Timestamp) -> Result<Date, Error> {
    let instant = jiff::Timestamp::from_microsecond(at.micros()).map_err(|_| Error::Time)?;
    Ok(instant.to_zoned(berlin()?).date())
}

/// Requests that were closed before this moment are not needed any more: claims about them are barred three years after
/// the end of the year in which they arose (§§ 195, 199 BGB; § 31 OWiG is shorter).
///
/// # Errors
/// [`Error::Time`] if the instant is outside the calendar.
pub fn closed_before(now: Timestamp) -> Result<Timestamp, Error> {
    let year = day_of(now)?.year().checked_sub(CLOSED_YEARS).ok_or(Error::Time)?;
    let last = Date::new(year, 1, 1).and_then(|day| day.yesterday()).map_err(|_| Error::Time)?;
    Ok(end_of(last)?.plus(1))
}

/// Is it neither weekend nor public holiday?
#[must_use]
pub fn is_working_day(day: Date, land: Option<Land>) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
        && !is_nationwide_holiday(day)
        && !land.is_some_and(|land| is_holiday_of(day, land))
}

/// The last microsecond of a day in Germany.
fn end_of(day: Date) -> Result<Timestamp, Error> {
    let zone = berlin()?;
    let next = day.tomorrow().and_then(|next| next.to_zoned(zone)).map_err(|_| Error::Time)?;
    Ok(Timestamp::from_micros(next.timestamp().as_microsecond() - 1))
}

/// The time zone of German law, compiled in: the machine's own data may be missing or old.
fn berlin() -> Result<TimeZone, Error> {
    TimeZone::get("Europe/Berlin").map_err(|_| Error::Time)
}

fn is_nationwide_holiday(day: Date) -> bool {
    matches!((day.month(), day.day()), (1 | 5, 1) | (10, 3) | (12, 25 | 26))
        || matches!(days_after_easter(day), Some(-2 | 1 | 39 | 50))
}

/// The holidays a Land has beside the nationwide ones, as of the years in which each law took effect.
fn is_holiday_of(day: Date, land: Land) -> bool {
    use Land as L;
    let year = day.year();
    match (day.month(), day.day()) {
        (1, 6) => matches!(land, L::BadenWuerttemberg | L::Bavaria | L::SaxonyAnhalt),
        (3, 8) => (land == L::Berlin && year >= 2019) || (land == L::MecklenburgVorpommern && year >= 2023),
        (8, 15) => land == L::Saarland,
        (9, 20) => land == L::Thuringia && year >= 2019,
        (10, 31) => match land {
            L::Brandenburg | L::MecklenburgVorpommern | L::Saxony | L::SaxonyAnhalt | L::Thuringia => true,
            L::Bremen | L::Hamburg | L::LowerSaxony | L::SchleswigHolstein => year >= 2018,
            _ => false,
        },
        (11, 1) => matches!(
            land,
            L::BadenWuerttemberg | L::Bavaria | L::NorthRhineWestphalia | L::RhinelandPalatinate | L::Saarland
        ),
        // Day of Prayer and Repentance: the Wednesday before 23 November.
        (11, 16..=22) => land == L::Saxony && day.weekday() == Weekday::Wednesday,
        _ => {
            days_after_easter(day) == Some(60)
                && matches!(
                    land,
                    L::BadenWuerttemberg
                        | L::Bavaria
                        | L::Hesse
                        | L::NorthRhineWestphalia
                        | L::RhinelandPalatinate
                        | L::Saarland
                )
        }
    }
}

fn days_after_easter(day: Date) -> Option<i32> {
    let easter = easter(day.year())?;
    Some(day.since(easter).ok()?.get_days())
}

/// Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let march = h + l - 7 * m + 22;
    let (month, day) = if march > 31 { (4, march - 31) } else { (3, march) };
    Date::new(year, month, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn noon(day: Date) -> Timestamp {
        let at = day.at(12, 0, 0, 0).to_zoned(berlin().unwrap()).unwrap();
        Timestamp::from_micros(at.timestamp().as_microsecond())
    }

    fn due(received: Date, extended: bool, land: Option<Land>) -> Date {
        Deadline::new(noon(received), extended, land).unwrap().due_on
    }

    #[test]
    fn one_month_and_three_months_by_regulation_1182_71() {
        // received, due, due once extended
        let table = [
            (date(2026, 8, 31), date(2026, 9, 30), date(2026, 11, 30)),
            (date(2026, 1, 31), date(2026, 3, 2), date(2026, 4, 30)),
            (date(2024, 1, 31), date(2024, 2, 29), date(2024, 4, 30)),
            (date(2026, 3, 5), date(2026, 4, 7), date(2026, 6, 5)),
            (date(2026, 4, 1), date(2026, 5, 4), date(2026, 7, 1)),
            (date(2026, 4, 14), date(2026, 5, 15), date(2026, 7, 14)),
            (date(2026, 9, 3), date(2026, 10, 5), date(2026, 12, 3)),
            (date(2025, 11, 25), date(2025, 12, 29), date(2026, 2, 25)),
            (date(2025, 12, 31), date(2026, 2, 2), date(2026, 3, 31)),
            (date(2026, 11, 30), date(2026, 12, 30), date(2027, 3, 1)),
            (date(2027, 2, 28), date(2027, 3, 30), date(2027, 5, 28)),
            (date(2026, 12, 6), date(2027, 1, 6), date(2027, 3, 8)),
        ];
        for (received, first, extended) in table {
            assert_eq!(due(received, false, None), first, "received {received}");
            assert_eq!(due(received, true, None), extended, "received {received}, extended");
        }
    }

    #[test]
    fn a_land_adds_its_own_holidays() {
        for land in [Land::BadenWuerttemberg, Land::Bavaria, Land::SaxonyAnhalt] {
            assert_eq!(due(date(2026, 12, 6), false, Some(land)), date(2027, 1, 7));
        }
        assert_eq!(due(date(2026, 12, 6), false, Some(Land::Berlin)), date(2027, 1, 6));
        // Repentance Day in Saxony, Corpus Christi in Hesse, 8 March in Berlin.
        assert_eq!(due(date(2026, 10, 18), false, Some(Land::Saxony)), date(2026, 11, 19));
        assert_eq!(due(date(2026, 5, 4), false, Some(Land::Hesse)), date(2026, 6, 5));
        assert_eq!(due(date(2027, 2, 8), false, Some(Land::Berlin)), date(2027, 3, 9));
    }

    #[test]
    fn the_day_of_receipt_is_the_german_one() {
        let received = Timestamp::parse("2026-01-31T23:30:00Z").unwrap();
        let deadline = Deadline::new(received, false, None).unwrap();
        assert_eq!(deadline.received_on, date(2026, 2, 1));
        assert_eq!(deadline.due_on, date(2026, 3, 2));
        assert_eq!(deadline.due_at.rfc3339(), "2026-03-02T22:59:59.999999Z");
        let summer = Deadline::new(Timestamp::parse("2026-06-30T21:59:00Z").unwrap(), false, None).unwrap();
        assert_eq!(summer.due_at.rfc3339(), "2026-07-30T21:59:59.999999Z");
    }

    #[test]
    fn easter_sundays_are_those_of_the_almanac() {
        let known = [(2019, 4, 21), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)];
        for (year, month, day) in known {
            assert_eq!(easter(year), Date::new(year, month, day).ok());
        }
    }

    #[test]
    fn every_receipt_of_forty_years_is_due_on_a_working_day_soon_after_the_month() {
        let mut day = date(2020, 1, 1);
        while day < date(2060, 1, 1) {
            for extended in [false, true] {
                let deadline = Deadline::new(noon(day), extended, None).unwrap();
                assert!(deadline.due_on >= deadline.ends_on && is_working_day(deadline.due_on, None));
                assert!((deadline.due_on - deadline.ends_on).get_days() <= 4, "received {day}");
            }
            day = day.tomorrow().unwrap();
        }
    }

    proptest! {
        /// Time zone, leap years and clock changes: the due instant is the last of its German day, and later
        /// receipts are never due earlier.
        #[test]
        fn due_instants_follow_receipts(minutes in 0..40_i64 * 365 * 1440, later in 0..100_000_i64, land in prop::option::of(prop::sample::select(Land::ALL))) {
            let start = Timestamp::parse("2020-01-01T00:00:00Z").unwrap();
            let received = start.plus(minutes * 60 * Timestamp::SECOND);
            let deadline = Deadline::new(received, false, land).unwrap();
            prop_assert_eq!(day_of(deadline.due_at).unwrap(), deadline.due_on);
            prop_assert_eq!(day_of(deadline.due_at.plus(1)).unwrap(), deadline.due_on.tomorrow().unwrap());
            prop_assert!(deadline.due_at > received.plus_days(27));
            let next = Deadline::new(received.plus(later * 60 * Timestamp::SECOND), false, land).unwrap();
            prop_assert!(next.due_at >= deadline.due_at);
        }
    }
}
