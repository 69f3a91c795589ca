//! [`Incremental`]: reading only what changed since the last time.

use jaq_json::Val;
use serde_json::Value;

use crate::connect::Error;
use crate::connect::call::At;
use crate::connect::filter::Filter;
use crate::connect::manifest::pull::{IncrementalSpec, InstantFormat};
use crate::connect::mapping::exact;
use crate::connect::pace::http_date;
use crate::types::Timestamp;

/// How a vendor is asked for what changed.
pub(super) struct Incremental {
    pub(super) format: InstantFormat,
    pub(super) overlap: i64,
    pub(super) lag: i64,
    pub(super) start_days: Option<u32>,
    pub(super) window: Option<i64>,
    pub(super) compare: Option<Filter>,
    pub(super) next: Option<Filter>,
}

impl Incremental {
    pub(super) fn load(spec: IncrementalSpec, place: &str, at: At<'_>) -> Result<Self, Error> {
        let filter = |code: Option<String>, what: &str| {
            code.map(|code| at.filter(&code, &format!("{place}.incremental.{what}"))).transpose()
        };
        // Written as a date, a day is what is read twice at least.
        let least = if spec.format == InstantFormat::Date { 86_400 } else { 0 };
        Ok(Self {
            format: spec.format,
            overlap: i64::from(spec.overlap_seconds.max(least)) * Timestamp::SECOND,
            lag: i64::from(spec.lag_seconds) * Timestamp::SECOND,
            start_days: spec.start_days,
            window: spec.window_days.map(|days| i64::from(days.max(1)) * Timestamp::DAY),
            compare: filter(spec.compare, "compare")?,
            next: filter(spec.next, "next")?,
        })
    }
}

/// Did the object change since? One that says nothing counts as changed.
pub(super) fn is_news(compare: &Filter, object: &Val, since: i64) -> bool {
    let changed = compare.run(object.clone()).next().and_then(Result::ok);
    changed.as_ref().and_then(instant).is_none_or(|changed| changed.micros() > since)
}

/// An instant as a vendor writes it: RFC 3339, the same without an offset (then UTC), a date, a date of HTTP, seconds,
/// milliseconds, or these as `/Date(…)/`.
pub(in crate::connect) fn instant(value: &Val) -> Option<Timestamp> {
    match exact(value.clone())? {
        Value::Number(number) => {
            let number = number.as_i64()?;
            // As seconds it would lie three thousand years ahead.
            let unit = if number.unsigned_abs() >= 100_000_000_000 { 1_000 } else { Timestamp::SECOND };
            Some(Timestamp::from_micros(number.saturating_mul(unit)))
        }
        Value::String(text) => {
            let text = text.trim();
            let zone = |text: &str| Timestamp::parse(text).ok();
            zone(text)
                .or_else(|| zone(&format!("{text}Z")))
                .or_else(|| zone(&format!("{text}T00:00:00Z")))
                .or_else(|| ms_date(text))
                .or_else(|| http_date(text))
        }
        _ => None,
    }
}

/// `/Date(1772890801123)/`; an offset behind the number says where the clock stood, and nothing of the instant.
fn ms_date(text: &str) -> Option<Timestamp> {
    let inside = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inside.get(1..)?.find(['+', '-']).map_or(inside.len(), |at| at + 1);
    let millis: i64 = inside.get(..end)?.parse().ok()?;
    Some(Timestamp::from_micros(millis.saturating_mul(1_000)))
}

pub(super) fn written(micros: i64, format: InstantFormat) -> Value {
    let whole = Timestamp::from_micros(micros).rfc3339();
    let cut = |length: usize| whole.get(..length).unwrap_or(&whole).to_owned();
    match format {
        InstantFormat::Rfc3339 => format!("{}Z", cut(19)).into(),
        InstantFormat::Millis => format!("{}+00:00", cut(23)).into(),
        InstantFormat::Naive => cut(19).into(),
        InstantFormat::Date => cut(10).into(),
        InstantFormat::Unix => micros.div_euclid(Timestamp::SECOND).into(),
        InstantFormat::UnixMillis => micros.div_euclid(1_000).into(),
        InstantFormat::MsDate => format!("/Date({})/", micros.div_euclid(1_000)).into(),
        InstantFormat::HttpDate => jiff::Timestamp::from_microsecond(micros)
            .map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            .unwrap_or_default()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_and_read() {
        let at = Timestamp::parse("2026-03-07T13:40:01.123456Z").unwrap();
        for (format, text) in [
            (InstantFormat::Rfc3339, "2026-03-07T13:40:01Z"),
            (InstantFormat::Millis, "2026-03-07T13:40:01.123+00:00"),
            (InstantFormat::Naive, "2026-03-07T13:40:01"),
            (InstantFormat::Date, "2026-03-07"),
            (InstantFormat::HttpDate, "Sat, 07 Mar 2026 13:40:01 GMT"),
            (InstantFormat::MsDate, "/Date(1772890801123)/"),
        ] {
            assert_eq!(written(at.micros(), format), Value::from(text));
            let read = instant(&Val::from(text.to_owned())).unwrap();
            assert!(read <= at && read.plus_days(1) > at, "{text}");
        }
        assert_eq!(written(at.micros(), InstantFormat::Unix), Value::from(1_772_890_801));
        assert_eq!(instant(&Val::from(1_772_890_801_isize)), Timestamp::parse("2026-03-07T13:40:01Z").ok());
        assert_eq!(written(at.micros(), InstantFormat::UnixMillis), Value::from(1_772_890_801_123_i64));
        assert_eq!(instant(&Val::from(1_772_890_801_123_isize)), Timestamp::parse("2026-03-07T13:40:01.123Z").ok());
        let read = |text: &str| instant(&Val::from(text.to_owned()));
        assert_eq!(read("/Date(1772890801123+0100)/"), Timestamp::parse("2026-03-07T13:40:01.123Z").ok());
        assert_eq!(read("/Date(-1000)/"), Timestamp::parse("1969-12-31T23:59:59Z").ok());
        for nonsense in ["soon", "/Date()/", "/Date(x)/", "/Date(1", "-"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
