//! Dates of birth, with the errors people make when they type them.

use crate::graph::matching::Level;
use crate::graph::matching::card::Birth;

/// Compares two dates.
pub(in crate::graph::matching) fn births(one: Option<Birth>, other: Option<Birth>) -> Option<Level> {
    let (one, other) = (one?, other?);
    let apart = one.year.abs_diff(other.year);
    if one.month == 0 || other.month == 0 {
        return Some(match apart {
            0 => Level::Year,
            1 | 2 => Level::Near,
            _ if one_digit(&digits(one)[..4], &digits(other)[..4]) => Level::Near,
            _ => Level::Different,
        });
    }
    let alike = [apart == 0, one.month == other.month, one.day == other.day];
    let (a, b) = (digits(one), digits(other));
    let wrong = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    Some(match alike.into_iter().filter(|same| *same).count() {
        3 => Level::Same,
        2 if one_digit(&a, &b) => Level::Similar,
        2 if alike == [true, true, false] => Level::Month,
        2 if alike == [true, false, true] => Level::Day,
        2 => Level::Part,
        _ if apart == 0 && one.month == other.day && one.day == other.month => Level::DayMonthSwapped,
        // A father and his son are mostly further apart than two slips.
        _ if apart == 0 || wrong <= 2 || (apart <= 1 && alike.contains(&true)) => Level::Near,
        _ => Level::Different,
    })
}

/// Year, month and day as eight digits.
fn digits(birth: Birth) -> [u8; 8] {
    let mut rest = u32::from(birth.year.unsigned_abs()) * 10_000 + u32::from(birth.month) * 100 + u32::from(birth.day);
    let mut out = [0; 8];
    for digit in out.iter_mut().rev() {
        *digit = u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    out
}

/// One digit is wrong, or two beside each other changed places.
fn one_digit(one: &[u8], other: &[u8]) -> bool {
    let wrong: Vec<usize> = one.iter().zip(other).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    match wrong.as_slice() {
        [_] => true,
        [first, second] => {
            *second == first + 1 && one.get(*first) == other.get(*second) && one.get(*second) == other.get(*first)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let date = |(year, month, day)| Some(Birth { year, month, day });
        for (one, other, level) in [
            ((1980, 5, 12), (1980, 5, 12), Level::Same),
            ((1980, 5, 12), (1908, 5, 12), Level::Similar),
            ((1980, 5, 12), (1980, 5, 21), Level::Similar),
            ((1980, 5, 12), (1981, 5, 12), Level::Similar),
            ((1980, 5, 12), (1980, 12, 5), Level::DayMonthSwapped),
            ((1980, 5, 12), (1953, 5, 12), Level::Part),
            ((1980, 5, 12), (1980, 5, 30), Level::Month),
            ((1980, 5, 12), (1980, 11, 12), Level::Day),
            ((1980, 5, 12), (1984, 7, 12), Level::Near),
            ((1980, 5, 12), (1980, 7, 30), Level::Near),
            ((1980, 5, 12), (1980, 0, 0), Level::Year),
            ((1980, 5, 12), (1981, 0, 0), Level::Near),
            ((1980, 5, 12), (1952, 8, 30), Level::Different),
            ((1980, 5, 12), (1950, 0, 0), Level::Near),
            ((1980, 5, 12), (1963, 0, 0), Level::Different),
        ] {
            assert_eq!(births(date(one), date(other)), Some(level), "for {one:?} and {other:?}");
            assert_eq!(births(date(other), date(one)), Some(level));
        }
        assert_eq!(births(None, date((1980, 1, 2))), None);
    }
}
